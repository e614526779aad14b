-- The risk register: entries, what is done about them, acceptances, the matrix and the appetite.

CREATE TABLE risks (
    id                  uuid NOT NULL,
    org_id              uuid NOT NULL REFERENCES organizations (id),
    ref_id              text COLLATE "C",
    title               text COLLATE "C" NOT NULL,
    description         text,
    category            text COLLATE "C" NOT NULL,
    likelihood          bigint NOT NULL,
    impact              bigint NOT NULL,
    residual_likelihood bigint,
    residual_impact     bigint,
    residual_reason     text,
    target_likelihood   bigint,
    target_impact       bigint,
    owner_id            uuid,
    treatment           text COLLATE "C" NOT NULL,
    status              text COLLATE "C" NOT NULL,
    review_date         date,
    tags                text[] NOT NULL,
    inherent_score      bigint NOT NULL,
    residual_score      bigint,
    inherent_level      text COLLATE "C" NOT NULL,
    residual_level      text COLLATE "C",
    above_appetite      boolean NOT NULL,
    above_tolerance     boolean NOT NULL,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    created_by          uuid NOT NULL,
    revision            bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX risks_ref_id ON risks (org_id, ref_id, id);
CREATE INDEX risks_title ON risks (org_id, title, id);
CREATE INDEX risks_likelihood ON risks (org_id, likelihood, id);
CREATE INDEX risks_impact ON risks (org_id, impact, id);
CREATE INDEX risks_owner_id ON risks (org_id, owner_id, id);
CREATE INDEX risks_review_date ON risks (org_id, review_date, id);
CREATE INDEX risks_inherent_score ON risks (org_id, inherent_score, id);
CREATE INDEX risks_residual_score ON risks (org_id, residual_score, id);
CREATE INDEX risks_created_at ON risks (org_id, created_at, id);
CREATE INDEX risks_updated_at ON risks (org_id, updated_at, id);
CREATE UNIQUE INDEX risks_one_ref_id ON risks (org_id, ref_id);
CALL protect_tenant_table('risks');

CREATE TABLE risk_treatments (
    id                uuid NOT NULL,
    org_id            uuid NOT NULL REFERENCES organizations (id),
    risk_id           uuid NOT NULL,
    title             text COLLATE "C" NOT NULL,
    description       text,
    owner_id          uuid,
    status            text COLLATE "C" NOT NULL,
    due_date          date,
    cost              double precision,
    expected_residual bigint,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    created_by        uuid NOT NULL,
    revision          bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, risk_id) REFERENCES risks (org_id, id) ON DELETE CASCADE
);
CREATE INDEX risk_treatments_risk_id ON risk_treatments (org_id, risk_id, id);
CREATE INDEX risk_treatments_title ON risk_treatments (org_id, title, id);
CREATE INDEX risk_treatments_owner_id ON risk_treatments (org_id, owner_id, id);
CREATE INDEX risk_treatments_due_date ON risk_treatments (org_id, due_date, id);
CREATE INDEX risk_treatments_created_at ON risk_treatments (org_id, created_at, id);
CREATE INDEX risk_treatments_updated_at ON risk_treatments (org_id, updated_at, id);
CALL protect_tenant_table('risk_treatments');

CREATE TABLE risk_acceptances (
    id            uuid NOT NULL,
    org_id        uuid NOT NULL REFERENCES organizations (id),
    risk_id       uuid NOT NULL,
    justification text,
    expires_at    timestamptz NOT NULL,
    status        text COLLATE "C" NOT NULL,
    decided_by    uuid,
    decided_at    timestamptz,
    comment       text,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    created_by    uuid NOT NULL,
    revision      bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, risk_id) REFERENCES risks (org_id, id) ON DELETE CASCADE
);
CREATE INDEX risk_acceptances_risk_id ON risk_acceptances (org_id, risk_id, id);
CREATE INDEX risk_acceptances_expires_at ON risk_acceptances (org_id, expires_at, id);
CREATE INDEX risk_acceptances_created_at ON risk_acceptances (org_id, created_at, id);
CREATE INDEX risk_acceptances_updated_at ON risk_acceptances (org_id, updated_at, id);
CALL protect_tenant_table('risk_acceptances');

CREATE TABLE risk_matrices (
    id                uuid NOT NULL,
    org_id            uuid NOT NULL REFERENCES organizations (id),
    likelihood_labels text[] NOT NULL,
    impact_labels     text[] NOT NULL,
    levels            jsonb NOT NULL,
    grid              jsonb NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    created_by        uuid NOT NULL,
    revision          bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CALL protect_tenant_table('risk_matrices');

CREATE TABLE risk_appetites (
    id         uuid NOT NULL,
    org_id     uuid NOT NULL REFERENCES organizations (id),
    categories jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CALL protect_tenant_table('risk_appetites');

-- The heat map counts a whole register from this index alone.
CREATE INDEX risks_heat ON risks (org_id, likelihood, impact, residual_likelihood, residual_impact);
