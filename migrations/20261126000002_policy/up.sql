-- Policy decisions: an organization's policies in Rego with their versions, the log of decisions with what each was asked,
-- and which actions of playbooks an incident was given.

CREATE TABLE opa_policies (
    id         uuid NOT NULL,
    org_id     uuid NOT NULL REFERENCES organizations (id),
    policy_id  text COLLATE "C" NOT NULL,
    rego       text NOT NULL,
    package    text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    sha256     text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX opa_policies_policy_id ON opa_policies (org_id, policy_id, id);
CREATE INDEX opa_policies_package ON opa_policies (org_id, package, id);
CREATE INDEX opa_policies_version ON opa_policies (org_id, version, id);
CREATE INDEX opa_policies_created_at ON opa_policies (org_id, created_at, id);
CREATE INDEX opa_policies_updated_at ON opa_policies (org_id, updated_at, id);
CREATE UNIQUE INDEX opa_policies_one_policy_id ON opa_policies (org_id, policy_id);
CALL protect_tenant_table('opa_policies');

-- Versions are written once and outlast their policy, so that what a decision was taken by can be read later. They are
-- append-only by privilege, as the journal is, and so is the log.
CREATE TABLE opa_policy_versions (
    id         uuid NOT NULL,
    org_id     uuid NOT NULL REFERENCES organizations (id),
    policy_id  text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    rego       text NOT NULL,
    package    text NOT NULL,
    sha256     text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX opa_policy_versions_version ON opa_policy_versions (org_id, version, id);
CREATE INDEX opa_policy_versions_created_at ON opa_policy_versions (org_id, created_at, id);
CREATE INDEX opa_policy_versions_updated_at ON opa_policy_versions (org_id, updated_at, id);
CREATE UNIQUE INDEX opa_policy_versions_one_version ON opa_policy_versions (org_id, policy_id, version);
CALL protect_tenant_table('opa_policy_versions');
REVOKE UPDATE, DELETE ON opa_policy_versions FROM grc_app;

CREATE TABLE policy_decisions (
    id            uuid NOT NULL,
    org_id        uuid NOT NULL REFERENCES organizations (id),
    path          text COLLATE "C" NOT NULL,
    outcome       text COLLATE "C" NOT NULL,
    result        jsonb NOT NULL,
    error         text,
    engine        text COLLATE "C" NOT NULL,
    bundle_digest text COLLATE "C",
    input_digest  text COLLATE "C" NOT NULL,
    duration_ms   double precision NOT NULL,
    incident_id   uuid,
    applied       boolean NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    created_by    uuid NOT NULL,
    revision      bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX policy_decisions_path ON policy_decisions (org_id, path, id);
CREATE INDEX policy_decisions_duration_ms ON policy_decisions (org_id, duration_ms, id);
CREATE INDEX policy_decisions_created_at ON policy_decisions (org_id, created_at, id);
CREATE INDEX policy_decisions_updated_at ON policy_decisions (org_id, updated_at, id);
CREATE INDEX policy_decisions_incident ON policy_decisions (org_id, incident_id, created_at, id) WHERE incident_id IS NOT NULL;
CALL protect_tenant_table('policy_decisions');
REVOKE UPDATE, DELETE ON policy_decisions FROM grc_app;

CREATE TABLE policy_decision_inputs (
    id         uuid NOT NULL,
    org_id     uuid NOT NULL REFERENCES organizations (id),
    input      jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, id) REFERENCES policy_decisions (org_id, id)
);
CREATE INDEX policy_decision_inputs_created_at ON policy_decision_inputs (org_id, created_at, id);
CREATE INDEX policy_decision_inputs_updated_at ON policy_decision_inputs (org_id, updated_at, id);
CALL protect_tenant_table('policy_decision_inputs');
REVOKE UPDATE, DELETE ON policy_decision_inputs FROM grc_app;

CREATE TABLE policy_applied_actions (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    incident_id uuid NOT NULL,
    path        text COLLATE "C" NOT NULL,
    action      text COLLATE "C" NOT NULL,
    decision_id uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX policy_applied_actions_once ON policy_applied_actions (org_id, incident_id, path, action);
CREATE INDEX policy_applied_actions_incident_id ON policy_applied_actions (org_id, incident_id, id);
CREATE INDEX policy_applied_actions_created_at ON policy_applied_actions (org_id, created_at, id);
CREATE INDEX policy_applied_actions_updated_at ON policy_applied_actions (org_id, updated_at, id);
CALL protect_tenant_table('policy_applied_actions');
