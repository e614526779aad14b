-- Identity, frameworks, controls, assessments, findings, evidence, reports.

-- ---- identity

CREATE TABLE organizations (
    id         uuid        PRIMARY KEY,
    name       text        COLLATE "C" NOT NULL,
    slug       text        COLLATE "C" NOT NULL UNIQUE,
    industry   text,
    country    text,
    timezone   text,
    settings   jsonb       NOT NULL,
    deleted_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid        NOT NULL,
    revision   bigint      NOT NULL
);
CREATE INDEX organizations_name ON organizations (name, id);
CREATE INDEX organizations_created ON organizations (created_at, id);
CREATE INDEX organizations_updated ON organizations (updated_at, id);
CALL protect_platform_table('organizations', 'id');

-- A person belongs to no organization; memberships say where they act. The address is kept as given, and
-- unique regardless of case.
CREATE TABLE accounts (
    id             uuid        PRIMARY KEY,
    email          text        COLLATE "C" NOT NULL,
    name           text        COLLATE "C" NOT NULL,
    password_hash  text,
    platform_admin boolean     NOT NULL,
    last_login_at  timestamptz,
    mfa_enabled    boolean     NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    created_by     uuid        NOT NULL,
    revision       bigint      NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts (lower(email));

CREATE TABLE memberships (
    id         uuid        NOT NULL,
    org_id     uuid        NOT NULL REFERENCES organizations (id),
    user_id    uuid        NOT NULL REFERENCES accounts (id),
    role       text        COLLATE "C" NOT NULL CHECK (role IN ('admin', 'auditor', 'analyst', 'viewer')),
    status     text        COLLATE "C" NOT NULL CHECK (status IN ('invited', 'active', 'deactivated')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid        NOT NULL,
    revision   bigint      NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);
CREATE INDEX memberships_created ON memberships (org_id, created_at, user_id);
CREATE INDEX memberships_updated ON memberships (org_id, updated_at, user_id);
CALL protect_platform_table('memberships', 'org_id');

-- An organization sees the accounts of its members; log-in sees all.
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON accounts
    USING (app_is_platform() OR EXISTS (SELECT 1 FROM memberships m WHERE m.org_id = app_org() AND m.user_id = accounts.id))
    WITH CHECK (app_is_platform() OR EXISTS (SELECT 1 FROM memberships m WHERE m.org_id = app_org() AND m.user_id = accounts.id));
GRANT SELECT, INSERT, UPDATE ON accounts TO grc_app;

CREATE TABLE sessions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES accounts (id),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    user_agent   text,
    address      text
);
CREATE INDEX sessions_user ON sessions (user_id, created_at);

CREATE TABLE refresh_tokens (
    hash       bytea       PRIMARY KEY CHECK (octet_length(hash) = 32),
    session_id uuid        NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Sessions are nobody's tenant data: only the platform's scope sees them.
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON sessions USING (app_is_platform()) WITH CHECK (app_is_platform());
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO grc_app;
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON refresh_tokens USING (app_is_platform()) WITH CHECK (app_is_platform());
GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_tokens TO grc_app;

CREATE TABLE api_keys (
    id             uuid        NOT NULL,
    org_id         uuid        NOT NULL REFERENCES organizations (id),
    name           text        COLLATE "C" NOT NULL,
    role           text        COLLATE "C" NOT NULL CHECK (role IN ('admin', 'auditor', 'analyst', 'viewer')),
    scopes         text[],
    prefix         text        NOT NULL,
    hash           bytea       NOT NULL CHECK (octet_length(hash) = 32),
    previous_hash  bytea       CHECK (octet_length(previous_hash) = 32),
    previous_until timestamptz,
    expires_at     timestamptz,
    last_used_at   timestamptz,
    revoked_at     timestamptz,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    created_by     uuid        NOT NULL,
    revision       bigint      NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_previous ON api_keys (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX api_keys_created ON api_keys (org_id, created_at, id);
CREATE INDEX api_keys_updated ON api_keys (org_id, updated_at, id);
CREATE INDEX api_keys_name ON api_keys (org_id, name, id);
CALL protect_platform_table('api_keys', 'org_id');

CREATE TABLE invitations (
    id          uuid        NOT NULL,
    org_id      uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    hash        bytea       NOT NULL CHECK (octet_length(hash) = 32),
    expires_at  timestamptz NOT NULL,
    accepted_at timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES memberships (org_id, user_id) ON DELETE CASCADE
);
CREATE INDEX invitations_hash ON invitations (hash);
CALL protect_platform_table('invitations', 'org_id');

-- ---- frameworks

-- Built-in frameworks have no organization: everybody reads them, only the platform's scope writes them.
CREATE TABLE frameworks (
    id            uuid        PRIMARY KEY,
    org_id        uuid        REFERENCES organizations (id),
    key           text        COLLATE "C" NOT NULL,
    name          text        COLLATE "C" NOT NULL,
    version       text        NOT NULL,
    description   text        NOT NULL,
    source        text        COLLATE "C" NOT NULL CHECK (source IN ('builtin', 'oscal', 'csv', 'custom')),
    control_count bigint      NOT NULL,
    baselines     text[]      NOT NULL,
    document      text,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    created_by    uuid        NOT NULL,
    revision      bigint      NOT NULL
);
CREATE UNIQUE INDEX frameworks_key ON frameworks (org_id, key) NULLS NOT DISTINCT;

CREATE TABLE requirements (
    id             uuid    PRIMARY KEY,
    framework_id   uuid    NOT NULL REFERENCES frameworks (id) ON DELETE CASCADE,
    org_id         uuid    REFERENCES organizations (id),
    control_ref    text    COLLATE "C" NOT NULL,
    title          text    COLLATE "C" NOT NULL,
    family         text    COLLATE "C" NOT NULL,
    family_title   text    NOT NULL,
    description    text    NOT NULL,
    baselines      text[]  NOT NULL,
    guidance       text,
    evidence_hints text[]  NOT NULL,
    parent_ref     text    COLLATE "C",
    position       bigint  NOT NULL,
    assessable     boolean NOT NULL
);
CREATE UNIQUE INDEX requirements_ref ON requirements (framework_id, control_ref);
CREATE INDEX requirements_position ON requirements (framework_id, position, id);
CREATE INDEX requirements_title ON requirements (framework_id, title, id);
CREATE INDEX requirements_family ON requirements (framework_id, family, id);

CREATE PROCEDURE protect_shared_table(name text) LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON %I USING (org_id IS NULL OR org_id = app_org() OR app_is_platform()) '
                   'WITH CHECK (org_id = app_org() OR (org_id IS NULL AND app_is_platform()))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO grc_app', name);
END
$$;
CALL protect_shared_table('frameworks');
CALL protect_shared_table('requirements');

-- What the service stored of itself: which built-in catalogues are in the tables above.
CREATE TABLE service_state (
    name  text PRIMARY KEY,
    value text NOT NULL
);
ALTER TABLE service_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_state FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON service_state USING (app_is_platform()) WITH CHECK (app_is_platform());
GRANT SELECT, INSERT, UPDATE ON service_state TO grc_app;

-- ---- implemented controls

CREATE TABLE controls (
    id           uuid        NOT NULL,
    org_id       uuid        NOT NULL REFERENCES organizations (id),
    name         text        COLLATE "C" NOT NULL,
    ref_id       text        COLLATE "C",
    description  text,
    category     text        COLLATE "C" NOT NULL CHECK (category IN ('policy', 'process', 'technical', 'physical')),
    csf_function text        COLLATE "C",
    status       text        COLLATE "C" NOT NULL CHECK (status IN ('planned', 'in_progress', 'active', 'on_hold', 'degraded', 'retired')),
    owner_id     uuid,
    frequency    text        COLLATE "C",
    requirements text[]      NOT NULL,
    evidence     uuid[]      NOT NULL,
    efficacy     double precision CHECK (efficacy BETWEEN 0 AND 1),
    coverage     double precision CHECK (coverage BETWEEN 0 AND 1),
    reliability  double precision CHECK (reliability BETWEEN 0 AND 1),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    created_by   uuid        NOT NULL,
    revision     bigint      NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX controls_created ON controls (org_id, created_at, id);
CREATE INDEX controls_updated ON controls (org_id, updated_at, id);
CREATE INDEX controls_name ON controls (org_id, name, id);
CREATE INDEX controls_ref ON controls (org_id, ref_id, id);
CREATE INDEX controls_requirements ON controls USING gin (requirements);
CREATE INDEX controls_evidence ON controls USING gin (evidence);
CALL protect_tenant_table('controls');

-- ---- assessments and findings

CREATE TABLE assessments (
    id                  uuid        NOT NULL,
    org_id              uuid        NOT NULL REFERENCES organizations (id),
    framework_id        uuid        NOT NULL REFERENCES frameworks (id),
    framework_key       text        COLLATE "C" NOT NULL,
    name                text        COLLATE "C" NOT NULL,
    scope               text,
    baseline            text        COLLATE "C",
    control_refs        text[]      NOT NULL,
    carry_forward_from  uuid,
    evaluator           text        COLLATE "C" NOT NULL,
    due_date            date,
    status              text        COLLATE "C" NOT NULL CHECK (status IN ('pending', 'in_progress', 'paused', 'completed', 'failed', 'cancelled')),
    controls_total      integer     NOT NULL,
    controls_evaluated  integer     NOT NULL CHECK (controls_evaluated <= controls_total),
    current_control     text,
    started_at          timestamptz,
    completed_at        timestamptz,
    error               text,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    created_by          uuid        NOT NULL,
    revision            bigint      NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, carry_forward_from) REFERENCES assessments (org_id, id) ON DELETE SET NULL (carry_forward_from)
);
CREATE INDEX assessments_created ON assessments (org_id, created_at, id);
CREATE INDEX assessments_updated ON assessments (org_id, updated_at, id);
CREATE INDEX assessments_name ON assessments (org_id, name, id);
CREATE INDEX assessments_due ON assessments (org_id, due_date, id);
CREATE INDEX assessments_started ON assessments (org_id, started_at, id);
CREATE INDEX assessments_completed ON assessments (org_id, completed_at, id);
CREATE INDEX assessments_framework ON assessments (org_id, framework_id);
CREATE INDEX assessments_running ON assessments (org_id) WHERE status = 'in_progress';
CALL protect_tenant_table('assessments');

-- The controls in scope, as they were when execution began.
CREATE TABLE assessment_scope (
    org_id        uuid    NOT NULL,
    assessment_id uuid    NOT NULL,
    ordinal       integer NOT NULL,
    control_ref   text    COLLATE "C" NOT NULL,
    evaluated     boolean NOT NULL,
    PRIMARY KEY (org_id, assessment_id, ordinal),
    FOREIGN KEY (org_id, assessment_id) REFERENCES assessments (org_id, id) ON DELETE CASCADE
);
CREATE INDEX assessment_scope_waiting ON assessment_scope (org_id, assessment_id, ordinal) WHERE NOT evaluated;
CALL protect_tenant_table('assessment_scope');

CREATE TABLE findings (
    id                uuid        NOT NULL,
    org_id            uuid        NOT NULL REFERENCES organizations (id),
    assessment_id     uuid        NOT NULL,
    framework_key     text        COLLATE "C" NOT NULL,
    control_ref       text        COLLATE "C" NOT NULL,
    control_title     text        COLLATE "C" NOT NULL,
    family            text        COLLATE "C" NOT NULL,
    family_title      text        NOT NULL,
    status            text        COLLATE "C" NOT NULL CHECK (status IN ('pass', 'fail', 'partial', 'not_applicable')),
    severity          text        COLLATE "C" NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low', 'info')),
    lifecycle         text        COLLATE "C" NOT NULL CHECK (lifecycle IN ('open', 'in_progress', 'resolved', 'risk_accepted', 'closed')),
    rationale         text        NOT NULL,
    citations         jsonb       NOT NULL,
    confidence        double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    needs_review      boolean     NOT NULL,
    remediation_notes text,
    owner_id          uuid,
    due_date          date,
    evaluated_by      text        COLLATE "C" NOT NULL CHECK (evaluated_by IN ('builtin', 'ai', 'human')),
    evidence_digest   text        NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    created_by        uuid        NOT NULL,
    revision          bigint      NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, assessment_id) REFERENCES assessments (org_id, id) ON DELETE CASCADE
);
-- One finding for a control of an assessment, whatever crashes.
CREATE UNIQUE INDEX findings_control ON findings (org_id, assessment_id, control_ref);
CREATE INDEX findings_created ON findings (org_id, created_at, id);
CREATE INDEX findings_updated ON findings (org_id, updated_at, id);
CREATE INDEX findings_of_assessment ON findings (org_id, assessment_id, created_at, id);
CREATE INDEX findings_ref ON findings (org_id, control_ref, id);
CREATE INDEX findings_title ON findings (org_id, control_title, id);
CREATE INDEX findings_family ON findings (org_id, family, id);
CREATE INDEX findings_confidence ON findings (org_id, confidence, id);
CREATE INDEX findings_due ON findings (org_id, due_date, id);
CREATE INDEX findings_owner ON findings (org_id, owner_id);
CREATE INDEX findings_open ON findings (org_id, framework_key, control_ref, status) WHERE lifecycle IN ('open', 'in_progress');
CALL protect_tenant_table('findings');

-- ---- evidence

CREATE TABLE evidence (
    id              uuid        NOT NULL,
    org_id          uuid        NOT NULL REFERENCES organizations (id),
    filename        text        COLLATE "C" NOT NULL,
    content_type    text        COLLATE "C" NOT NULL,
    size            bigint,
    sha256          text,
    finding_id      uuid,
    assessment_id   uuid,
    control_refs    text[]      NOT NULL,
    collected_at    timestamptz NOT NULL,
    valid_until     timestamptz,
    retention_until timestamptz,
    source          text        COLLATE "C" NOT NULL CHECK (source IN ('upload', 'bulk', 'incident', 'collector', 'attestation')),
    status          text        COLLATE "C" NOT NULL CHECK (status IN ('pending', 'stored', 'rejected', 'expired', 'deleted')),
    status_reason   text,
    review          text        COLLATE "C" NOT NULL CHECK (review IN ('unreviewed', 'approved', 'rejected')),
    review_note     text,
    object_key      text        COLLATE "C" NOT NULL,
    version_of      uuid,
    legal_hold      boolean     NOT NULL,
    hold_reason     text,
    text_length     integer,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    created_by      uuid        NOT NULL,
    revision        bigint      NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, finding_id) REFERENCES findings (org_id, id) ON DELETE SET NULL (finding_id),
    FOREIGN KEY (org_id, assessment_id) REFERENCES assessments (org_id, id) ON DELETE SET NULL (assessment_id),
    FOREIGN KEY (org_id, version_of) REFERENCES evidence (org_id, id)
);
CREATE UNIQUE INDEX evidence_key ON evidence (org_id, object_key);
CREATE INDEX evidence_created ON evidence (org_id, created_at, id);
CREATE INDEX evidence_updated ON evidence (org_id, updated_at, id);
CREATE INDEX evidence_filename ON evidence (org_id, filename, id);
CREATE INDEX evidence_collected ON evidence (org_id, collected_at, id);
CREATE INDEX evidence_valid ON evidence (org_id, valid_until, id);
CREATE INDEX evidence_retention ON evidence (org_id, retention_until, id);
CREATE INDEX evidence_finding ON evidence (org_id, finding_id);
CREATE INDEX evidence_assessment ON evidence (org_id, assessment_id);
CREATE INDEX evidence_pending ON evidence (org_id, created_at) WHERE status = 'pending';
CREATE INDEX evidence_refs ON evidence USING gin (control_refs);
CALL protect_tenant_table('evidence');

CREATE TABLE evidence_texts (
    org_id      uuid NOT NULL,
    evidence_id uuid NOT NULL,
    text        text NOT NULL,
    PRIMARY KEY (org_id, evidence_id),
    FOREIGN KEY (org_id, evidence_id) REFERENCES evidence (org_id, id) ON DELETE CASCADE
);
CALL protect_tenant_table('evidence_texts');

-- The custody record is append-only by privilege.
CREATE TABLE custody (
    id          uuid        NOT NULL,
    org_id      uuid        NOT NULL,
    evidence_id uuid        NOT NULL,
    at          timestamptz NOT NULL,
    actor_id    uuid        NOT NULL,
    actor       text        NOT NULL,
    event       text        COLLATE "C" NOT NULL,
    reason      text,
    sha256      text,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, evidence_id) REFERENCES evidence (org_id, id)
);
CREATE INDEX custody_evidence ON custody (org_id, evidence_id, at, id);
CALL protect_tenant_table('custody');
REVOKE UPDATE, DELETE ON custody FROM grc_app;

-- ---- reports

CREATE TABLE reports (
    id              uuid        NOT NULL,
    org_id          uuid        NOT NULL REFERENCES organizations (id),
    kind            text        COLLATE "C" NOT NULL,
    format          text        COLLATE "C" NOT NULL CHECK (format IN ('json', 'html', 'pdf', 'xlsx')),
    assessment_id   uuid,
    title           text        COLLATE "C" NOT NULL,
    status          text        COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed')),
    progress        integer     NOT NULL CHECK (progress BETWEEN 0 AND 100),
    error           text,
    snapshot_digest text,
    sha256          text,
    size            bigint,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    created_by      uuid        NOT NULL,
    revision        bigint      NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX reports_created ON reports (org_id, created_at, id);
CREATE INDEX reports_updated ON reports (org_id, updated_at, id);
CREATE INDEX reports_title ON reports (org_id, title, id);
CREATE INDEX reports_assessment ON reports (org_id, assessment_id);
CALL protect_tenant_table('reports');

CREATE TABLE report_outputs (
    org_id    uuid  NOT NULL,
    report_id uuid  NOT NULL,
    bytes     bytea NOT NULL,
    PRIMARY KEY (org_id, report_id),
    FOREIGN KEY (org_id, report_id) REFERENCES reports (org_id, id) ON DELETE CASCADE
);
CALL protect_tenant_table('report_outputs');
