-- The ground that every table stands on: the service's role, tenancy, the journal, the job queue, and the
-- replies kept for Idempotency-Key.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grc_app') THEN
        CREATE ROLE grc_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
    IF NOT pg_has_role(current_user, 'grc_app', 'MEMBER') THEN
        EXECUTE format('GRANT grc_app TO %I', current_user);
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO grc_app;

-- The organization of the running transaction. After a commit the setting is an empty string, not null.
CREATE FUNCTION app_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.org_id', true), '')::uuid $$;

-- Whether the transaction works for the platform rather than for one organization.
CREATE FUNCTION app_is_platform() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.org_id', true), '')::uuid = '00000000-0000-0000-0000-000000000000' $$;

-- Puts a table under tenancy: only rows of the transaction's organization are seen or written.
CREATE PROCEDURE protect_tenant_table(name text) LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = app_org()) WITH CHECK (org_id = app_org())', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO grc_app', name);
END
$$;

-- The same for identity tables, which log-in and workers must read across organizations. The column is the
-- one that holds the organization.
CREATE PROCEDURE protect_platform_table(name text, org_column text) LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON %I USING (%I = app_org() OR app_is_platform()) WITH CHECK (%I = app_org() OR app_is_platform())',
                   name, org_column, org_column);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO grc_app', name);
END
$$;

-- One entry a change: the audit record and the change-feed event in one. Append-only by privilege.
CREATE TABLE journal (
    org_id            uuid        NOT NULL,
    sequence          bigint      NOT NULL CHECK (sequence > 0),
    id                uuid        NOT NULL,
    occurred_at       timestamptz NOT NULL,
    actor_kind        text        NOT NULL,
    actor_id          uuid        NOT NULL,
    actor_name        text        NOT NULL,
    action            text        COLLATE "C" NOT NULL,
    resource_type     text        COLLATE "C" NOT NULL,
    resource_id       uuid        NOT NULL,
    revision          bigint,
    before            jsonb,
    after             jsonb,
    request_id        text        NOT NULL,
    feed              boolean     NOT NULL,
    prev_hash         bytea       NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash              bytea       NOT NULL CHECK (octet_length(hash) = 32),
    canonical_version smallint    NOT NULL,
    PRIMARY KEY (org_id, sequence)
);
CREATE UNIQUE INDEX journal_id ON journal (org_id, id);
CREATE INDEX journal_resource ON journal (org_id, resource_id, sequence);
CREATE INDEX journal_actor ON journal (org_id, actor_id, sequence);
CREATE INDEX journal_time ON journal (org_id, occurred_at, id);

CALL protect_tenant_table('journal');
REVOKE UPDATE, DELETE ON journal FROM grc_app;

-- The newest entry of each organization; its row is the lock that orders the chain.
CREATE TABLE journal_heads (
    org_id   uuid   PRIMARY KEY,
    sequence bigint NOT NULL,
    hash     bytea  NOT NULL CHECK (octet_length(hash) = 32)
);
CALL protect_tenant_table('journal_heads');
REVOKE DELETE ON journal_heads FROM grc_app;

CREATE TABLE jobs (
    id           uuid        PRIMARY KEY,
    org_id       uuid        NOT NULL,
    kind         text        COLLATE "C" NOT NULL,
    subject_id   uuid        NOT NULL,
    payload      jsonb       NOT NULL,
    status       text        COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    progress     integer     NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    attempts     integer     NOT NULL DEFAULT 0,
    max_attempts integer     NOT NULL,
    run_at       timestamptz NOT NULL,
    lease_until  timestamptz,
    fence        bigint      NOT NULL DEFAULT 0,
    error        text,
    created_by   uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
-- Workers look only at what is open; finished jobs do not grow this index.
CREATE INDEX jobs_open ON jobs (run_at) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_subject ON jobs (org_id, subject_id, kind);
CREATE INDEX jobs_created ON jobs (org_id, created_at, id);
CALL protect_platform_table('jobs', 'org_id');

-- Answers kept for Idempotency-Key, 24 hours.
CREATE TABLE replies (
    org_id         uuid        NOT NULL,
    caller         uuid        NOT NULL,
    key            text        COLLATE "C" NOT NULL,
    request_digest bytea       NOT NULL CHECK (octet_length(request_digest) = 32),
    status         integer     NOT NULL,
    headers        jsonb       NOT NULL,
    body           bytea       NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (org_id, caller, key)
);
CREATE INDEX replies_age ON replies (created_at);
-- A reply to a platform request (opening an organization) is kept in the transaction of the organization that it
-- opened, so platform rows are within everybody's reach; each is looked up by its own caller only.
ALTER TABLE replies ENABLE ROW LEVEL SECURITY;
ALTER TABLE replies FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON replies
    USING (org_id = app_org() OR app_is_platform() OR org_id = '00000000-0000-0000-0000-000000000000')
    WITH CHECK (org_id = app_org() OR app_is_platform() OR org_id = '00000000-0000-0000-0000-000000000000');
GRANT SELECT, INSERT, UPDATE, DELETE ON replies TO grc_app;
