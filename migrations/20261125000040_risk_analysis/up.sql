-- Key risk indicators, quantitative analyses, scenarios, and what the dashboard counts.

CREATE TABLE kris (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    name        text COLLATE "C" NOT NULL,
    description text,
    unit        text,
    source      text,
    direction   text COLLATE "C" NOT NULL,
    amber       jsonb NOT NULL,
    red         jsonb NOT NULL,
    frequency   text COLLATE "C" NOT NULL,
    owner_id    uuid,
    risk_ids    uuid[] NOT NULL,
    value       double precision,
    recorded_at timestamptz,
    status      text COLLATE "C" NOT NULL,
    fresh_until timestamptz,
    trend       double precision,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX kris_name ON kris (org_id, name, id);
CREATE INDEX kris_owner_id ON kris (org_id, owner_id, id);
CREATE INDEX kris_value ON kris (org_id, value, id);
CREATE INDEX kris_recorded_at ON kris (org_id, recorded_at, id);
CREATE INDEX kris_trend ON kris (org_id, trend, id);
CREATE INDEX kris_created_at ON kris (org_id, created_at, id);
CREATE INDEX kris_updated_at ON kris (org_id, updated_at, id);
CALL protect_tenant_table('kris');

CREATE TABLE kri_readings (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    kri_id      uuid NOT NULL,
    value       double precision NOT NULL,
    recorded_at timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, kri_id) REFERENCES kris (org_id, id) ON DELETE CASCADE
);
-- Readings are asked for by their indicator, and come in by the thousand: this one index serves every list of them.
CREATE UNIQUE INDEX kri_readings_one ON kri_readings (org_id, kri_id, recorded_at);
CALL protect_tenant_table('kri_readings');

CREATE TABLE kri_breaches (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    kri_id      uuid NOT NULL,
    kri_name    text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    from_status text COLLATE "C" NOT NULL,
    to_status   text COLLATE "C" NOT NULL,
    value       double precision NOT NULL,
    threshold   double precision,
    occurred_at timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, kri_id) REFERENCES kris (org_id, id) ON DELETE CASCADE
);
CREATE INDEX kri_breaches_kri_id ON kri_breaches (org_id, kri_id, occurred_at, id);
CREATE INDEX kri_breaches_kri_name ON kri_breaches (org_id, kri_name, id);
CREATE INDEX kri_breaches_value ON kri_breaches (org_id, value, id);
CREATE INDEX kri_breaches_occurred_at ON kri_breaches (org_id, occurred_at, id);
CREATE INDEX kri_breaches_created_at ON kri_breaches (org_id, created_at, id);
CREATE INDEX kri_breaches_updated_at ON kri_breaches (org_id, updated_at, id);
CALL protect_tenant_table('kri_breaches');

CREATE TABLE fair_analyses (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    name        text COLLATE "C" NOT NULL,
    description text,
    risk_id     uuid,
    model       jsonb NOT NULL,
    mode        text COLLATE "C" NOT NULL,
    appetite    double precision,
    tolerance   double precision,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, risk_id) REFERENCES risks (org_id, id) ON DELETE SET NULL (risk_id)
);
CREATE INDEX fair_analyses_name ON fair_analyses (org_id, name, id);
CREATE INDEX fair_analyses_risk_id ON fair_analyses (org_id, risk_id, id);
CREATE INDEX fair_analyses_created_at ON fair_analyses (org_id, created_at, id);
CREATE INDEX fair_analyses_updated_at ON fair_analyses (org_id, updated_at, id);
CALL protect_tenant_table('fair_analyses');

CREATE TABLE fair_runs (
    id               uuid NOT NULL,
    org_id           uuid NOT NULL REFERENCES organizations (id),
    analysis_id      uuid NOT NULL,
    status           text COLLATE "C" NOT NULL,
    progress         bigint NOT NULL,
    error            text,
    trials           bigint NOT NULL,
    seed             bigint,
    appetite         double precision,
    tolerance        double precision,
    mean             double precision,
    standard_error   double precision,
    sd               double precision,
    p_zero           double precision,
    var_95           double precision,
    var_99           double precision,
    tvar_95          double precision,
    tvar_99          double precision,
    p_over_appetite  double precision,
    p_over_tolerance double precision,
    engine_version   text,
    input_digest     text COLLATE "C" NOT NULL,
    finished_at      timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    created_by       uuid NOT NULL,
    revision         bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, analysis_id) REFERENCES fair_analyses (org_id, id) ON DELETE CASCADE
);
-- Runs are asked for by their analysis.
CREATE INDEX fair_runs_analysis_id ON fair_runs (org_id, analysis_id, id);
CREATE INDEX fair_runs_mean ON fair_runs (org_id, analysis_id, mean, id);
CREATE INDEX fair_runs_var_95 ON fair_runs (org_id, analysis_id, var_95, id);
CREATE INDEX fair_runs_created_at ON fair_runs (org_id, analysis_id, created_at, id);
CREATE INDEX fair_runs_updated_at ON fair_runs (org_id, analysis_id, updated_at, id);
CALL protect_tenant_table('fair_runs');

-- What a run answers beyond its figures: curves and percentiles, read only with the run itself.
CREATE TABLE fair_results (
    id         uuid NOT NULL,
    org_id     uuid NOT NULL REFERENCES organizations (id),
    document   jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    revision   bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, id) REFERENCES fair_runs (org_id, id) ON DELETE CASCADE
);
CALL protect_tenant_table('fair_results');

CREATE TABLE risk_scenarios (
    id           uuid NOT NULL,
    org_id       uuid NOT NULL REFERENCES organizations (id),
    top_event    text COLLATE "C" NOT NULL,
    description  text,
    risk_id      uuid,
    analysis_id  uuid,
    threats      jsonb NOT NULL,
    consequences jsonb NOT NULL,
    barriers     jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    created_by   uuid NOT NULL,
    revision     bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, risk_id) REFERENCES risks (org_id, id) ON DELETE SET NULL (risk_id),
    FOREIGN KEY (org_id, analysis_id) REFERENCES fair_analyses (org_id, id) ON DELETE SET NULL (analysis_id)
);
CREATE INDEX risk_scenarios_top_event ON risk_scenarios (org_id, top_event, id);
CREATE INDEX risk_scenarios_risk_id ON risk_scenarios (org_id, risk_id, id);
CREATE INDEX risk_scenarios_analysis_id ON risk_scenarios (org_id, analysis_id, id);
CREATE INDEX risk_scenarios_created_at ON risk_scenarios (org_id, created_at, id);
CREATE INDEX risk_scenarios_updated_at ON risk_scenarios (org_id, updated_at, id);
CALL protect_tenant_table('risk_scenarios');

-- The score that stands: the dashboard and the list sort by it.
ALTER TABLE risks ADD COLUMN score bigint;
-- The owner is under the tenancy rule too, and is of no organization.
ALTER TABLE risks NO FORCE ROW LEVEL SECURITY;
UPDATE risks SET score = coalesce(residual_score, inherent_score);
ALTER TABLE risks FORCE ROW LEVEL SECURITY;
ALTER TABLE risks ALTER COLUMN score SET NOT NULL;
CREATE INDEX risks_score ON risks (org_id, score, id);

-- What is overdue: reviews of risks that are not closed, treatments that are not over.
CREATE INDEX risk_treatments_open ON risk_treatments (org_id, due_date, id) WHERE status IN ('planned', 'in_progress');

-- Which risks moved lately, without a look at everything else that happened.
CREATE INDEX journal_risk_moves ON journal (org_id, occurred_at, resource_id) WHERE action = 'risk.updated';
