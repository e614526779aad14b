-- Attestation machine to machine: what vendors were asked and sent, what partners may ask of us, what we issued.

CREATE TABLE vendor_attestations (
    id                    uuid NOT NULL,
    org_id                uuid NOT NULL REFERENCES organizations (id),
    vendor_id             uuid NOT NULL,
    frameworks            text[] NOT NULL,
    requested_evidence    text[] NOT NULL,
    status                text COLLATE "C" NOT NULL,
    reason                text COLLATE "C",
    detail                text,
    endpoint              text NOT NULL,
    audience              text NOT NULL,
    nonce                 text NOT NULL,
    protocol_version      text,
    answered_at           timestamptz,
    issuer                text COLLATE "C",
    subject               text,
    issuer_attestation_id text,
    attested_frameworks   text[] NOT NULL,
    issued_at             timestamptz,
    expires_at            timestamptz,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    created_by            uuid NOT NULL,
    revision              bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, vendor_id) REFERENCES vendors (org_id, id) ON DELETE CASCADE
);
CREATE INDEX vendor_attestations_vendor_id ON vendor_attestations (org_id, vendor_id, id);
CREATE INDEX vendor_attestations_answered_at ON vendor_attestations (org_id, answered_at, id);
CREATE INDEX vendor_attestations_issued_at ON vendor_attestations (org_id, issued_at, id);
CREATE INDEX vendor_attestations_expires_at ON vendor_attestations (org_id, expires_at, id);
CREATE INDEX vendor_attestations_created_at ON vendor_attestations (org_id, created_at, id);
CREATE INDEX vendor_attestations_updated_at ON vendor_attestations (org_id, updated_at, id);
CALL protect_tenant_table('vendor_attestations');

-- What a vendor sent, beside the attestation and with its id.
CREATE TABLE vendor_attestation_proofs (
    id         uuid NOT NULL,
    org_id     uuid NOT NULL REFERENCES organizations (id),
    token      text NOT NULL,
    claims     jsonb,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, id) REFERENCES vendor_attestations (org_id, id) ON DELETE CASCADE
);
CALL protect_tenant_table('vendor_attestation_proofs');

CREATE TABLE a2a_grants (
    id           uuid NOT NULL,
    org_id       uuid NOT NULL REFERENCES organizations (id),
    partner      text COLLATE "C" NOT NULL,
    frameworks   text[] NOT NULL,
    valid_days   bigint NOT NULL,
    expires_at   timestamptz,
    prefix       text NOT NULL,
    key_hash     text NOT NULL,
    last_used_at timestamptz,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    created_by   uuid NOT NULL,
    revision     bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX a2a_grants_partner ON a2a_grants (org_id, partner, id);
CREATE INDEX a2a_grants_expires_at ON a2a_grants (org_id, expires_at, id);
CREATE INDEX a2a_grants_last_used_at ON a2a_grants (org_id, last_used_at, id);
CREATE INDEX a2a_grants_created_at ON a2a_grants (org_id, created_at, id);
CREATE INDEX a2a_grants_updated_at ON a2a_grants (org_id, updated_at, id);
-- A partner is found by the hash of its key.
CREATE UNIQUE INDEX a2a_grants_key_hash ON a2a_grants (org_id, key_hash);
CALL protect_tenant_table('a2a_grants');

CREATE TABLE issued_attestations (
    id         uuid NOT NULL,
    org_id     uuid NOT NULL REFERENCES organizations (id),
    grant_id   uuid,
    partner    text COLLATE "C" NOT NULL,
    audience   text COLLATE "C",
    frameworks text[] NOT NULL,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    claims     jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX issued_attestations_partner ON issued_attestations (org_id, partner, id);
CREATE INDEX issued_attestations_issued_at ON issued_attestations (org_id, issued_at, id);
CREATE INDEX issued_attestations_expires_at ON issued_attestations (org_id, expires_at, id);
CREATE INDEX issued_attestations_created_at ON issued_attestations (org_id, created_at, id);
CREATE INDEX issued_attestations_updated_at ON issued_attestations (org_id, updated_at, id);
CALL protect_tenant_table('issued_attestations');
