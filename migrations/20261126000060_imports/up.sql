-- Imports of tables: each is a job, and keeps the rows that failed.

CREATE TABLE imports (
    id              uuid NOT NULL,
    org_id          uuid NOT NULL REFERENCES organizations (id),
    resource        text COLLATE "C" NOT NULL,
    format          text COLLATE "C" NOT NULL,
    mode            text COLLATE "C" NOT NULL,
    atomic          boolean NOT NULL,
    status          text COLLATE "C" NOT NULL,
    sha256          text NOT NULL,
    size            bigint NOT NULL,
    rows_total      bigint NOT NULL,
    rows_done       bigint NOT NULL,
    created         bigint NOT NULL,
    updated         bigint NOT NULL,
    unchanged       bigint NOT NULL,
    failed          bigint NOT NULL,
    ignored_columns text[] NOT NULL,
    error           text,
    finished_at     timestamptz,
    options         jsonb NOT NULL,
    caller          jsonb NOT NULL,
    object_key      text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    created_by      uuid NOT NULL,
    revision        bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX imports_resource ON imports (org_id, resource, id);
CREATE INDEX imports_created_at ON imports (org_id, created_at, id);
CREATE INDEX imports_updated_at ON imports (org_id, updated_at, id);
CALL protect_tenant_table('imports');

CREATE TABLE import_rows (
    id         uuid NOT NULL,
    org_id     uuid NOT NULL REFERENCES organizations (id),
    import_id  uuid NOT NULL,
    number     bigint NOT NULL,
    errors     jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, import_id) REFERENCES imports (org_id, id) ON DELETE CASCADE
);
-- They are asked for by their import, in the order of the table.
CREATE INDEX import_rows_import_id ON import_rows (org_id, import_id, id);
CREATE INDEX import_rows_number ON import_rows (org_id, import_id, number, id);
CREATE INDEX import_rows_created_at ON import_rows (org_id, created_at, id);
CREATE INDEX import_rows_updated_at ON import_rows (org_id, updated_at, id);
CALL protect_tenant_table('import_rows');
-- The few that wait or run are counted before another one is taken.
CREATE INDEX imports_open ON imports (org_id) WHERE status IN ('queued', 'running');
