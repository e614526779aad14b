-- Signed heads of the Merkle tree over each organization's journal. Append-only by privilege.
CREATE TABLE audit_checkpoints (
    org_id     uuid        NOT NULL,
    tree_size  bigint      NOT NULL CHECK (tree_size > 0),
    id         uuid        NOT NULL,
    root       bytea       NOT NULL CHECK (octet_length(root) = 32),
    note       text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, tree_size)
);
CREATE UNIQUE INDEX audit_checkpoints_id ON audit_checkpoints (org_id, id);
CREATE INDEX audit_checkpoints_time ON audit_checkpoints (org_id, created_at, id);
CALL protect_tenant_table('audit_checkpoints');
REVOKE UPDATE, DELETE ON audit_checkpoints FROM grc_app;

-- The roots of complete subtrees of eight leaves and more. A subtree's place is its number in the order in which a walk from
-- left to right meets it: ((2 * index + 1) << level) - 1.
CREATE TABLE audit_subtrees (
    org_id uuid   NOT NULL,
    place  bigint NOT NULL,
    hash   bytea  NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (org_id, place)
);
CALL protect_tenant_table('audit_subtrees');
REVOKE UPDATE, DELETE ON audit_subtrees FROM grc_app;

-- How far each journal is covered. With it the service finds what is not, over all organizations.
CREATE TABLE audit_seals (
    org_id    uuid   PRIMARY KEY,
    tree_size bigint NOT NULL
);
CALL protect_platform_table('audit_seals', 'org_id');
