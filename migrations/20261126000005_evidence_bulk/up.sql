-- Bulk imports of evidence: each is a job, and keeps what became of each of its files.

CREATE TABLE evidence_imports (
    id             uuid NOT NULL,
    org_id         uuid NOT NULL REFERENCES organizations (id),
    status         text COLLATE "C" NOT NULL,
    archive_key    text,
    archive_sha256 text,
    archive_size   bigint,
    items_total    bigint NOT NULL,
    items_stored   bigint NOT NULL,
    items_failed   bigint NOT NULL,
    error          text,
    finished_at    timestamptz,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    created_by     uuid NOT NULL,
    revision       bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX evidence_imports_created_at ON evidence_imports (org_id, created_at, id);
CREATE INDEX evidence_imports_updated_at ON evidence_imports (org_id, updated_at, id);
CALL protect_tenant_table('evidence_imports');

CREATE TABLE evidence_import_items (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    import_id   uuid NOT NULL,
    position    bigint NOT NULL,
    manifest_row bigint,
    name        text NOT NULL,
    status      text COLLATE "C" NOT NULL,
    evidence_id uuid,
    planned_id  uuid NOT NULL,
    said        jsonb NOT NULL,
    errors      jsonb NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, import_id) REFERENCES evidence_imports (org_id, id) ON DELETE CASCADE
);
-- Items are asked for by their import, in its order; and the few that still wait.
CREATE INDEX evidence_import_items_import_id ON evidence_import_items (org_id, import_id, id);
CREATE INDEX evidence_import_items_position ON evidence_import_items (org_id, import_id, position, id);
CREATE INDEX evidence_import_items_waiting ON evidence_import_items (org_id, import_id, position, id)
    WHERE status = 'queued';
CREATE INDEX evidence_import_items_created_at ON evidence_import_items (org_id, created_at, id);
CREATE INDEX evidence_import_items_updated_at ON evidence_import_items (org_id, updated_at, id);
CALL protect_tenant_table('evidence_import_items');
