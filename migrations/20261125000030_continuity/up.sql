-- Business continuity: processes, assets, what depends on what, recovery plans and their exercises.

CREATE TABLE bcm_processes (
    id               uuid NOT NULL,
    org_id           uuid NOT NULL REFERENCES organizations (id),
    name             text COLLATE "C" NOT NULL,
    description      text,
    criticality      text COLLATE "C" NOT NULL,
    rto_hours        double precision NOT NULL,
    rpo_hours        double precision NOT NULL,
    mtd_hours        double precision NOT NULL,
    mbco_percent     double precision,
    impacts          jsonb NOT NULL,
    owner_id         uuid,
    peak_periods     text[] NOT NULL,
    hourly_loss      double precision,
    last_reviewed_at timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    created_by       uuid NOT NULL,
    revision         bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX bcm_processes_name ON bcm_processes (org_id, name, id);
CREATE INDEX bcm_processes_rto_hours ON bcm_processes (org_id, rto_hours, id);
CREATE INDEX bcm_processes_mtd_hours ON bcm_processes (org_id, mtd_hours, id);
CREATE INDEX bcm_processes_owner_id ON bcm_processes (org_id, owner_id, id);
CREATE INDEX bcm_processes_hourly_loss ON bcm_processes (org_id, hourly_loss, id);
CREATE INDEX bcm_processes_last_reviewed_at ON bcm_processes (org_id, last_reviewed_at, id);
CREATE INDEX bcm_processes_created_at ON bcm_processes (org_id, created_at, id);
CREATE INDEX bcm_processes_updated_at ON bcm_processes (org_id, updated_at, id);
CALL protect_tenant_table('bcm_processes');

CREATE TABLE bcm_assets (
    id            uuid NOT NULL,
    org_id        uuid NOT NULL REFERENCES organizations (id),
    name          text COLLATE "C" NOT NULL,
    description   text,
    type          text COLLATE "C" NOT NULL,
    rto_hours     double precision,
    rpo_hours     double precision,
    restore_hours double precision,
    sla_hours     double precision,
    region        text COLLATE "C",
    provider      text COLLATE "C",
    vendor_id     uuid,
    owner_id      uuid,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    created_by    uuid NOT NULL,
    revision      bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, vendor_id) REFERENCES vendors (org_id, id)
);
CREATE INDEX bcm_assets_name ON bcm_assets (org_id, name, id);
CREATE INDEX bcm_assets_rto_hours ON bcm_assets (org_id, rto_hours, id);
CREATE INDEX bcm_assets_region ON bcm_assets (org_id, region, id);
CREATE INDEX bcm_assets_vendor_id ON bcm_assets (org_id, vendor_id, id);
CREATE INDEX bcm_assets_owner_id ON bcm_assets (org_id, owner_id, id);
CREATE INDEX bcm_assets_created_at ON bcm_assets (org_id, created_at, id);
CREATE INDEX bcm_assets_updated_at ON bcm_assets (org_id, updated_at, id);
CALL protect_tenant_table('bcm_assets');

CREATE TABLE bcm_dependencies (
    id               uuid NOT NULL,
    org_id           uuid NOT NULL REFERENCES organizations (id),
    source           jsonb NOT NULL,
    target           jsonb NOT NULL,
    source_id        uuid NOT NULL,
    target_id        uuid NOT NULL,
    dependency_type  text COLLATE "C" NOT NULL,
    strength         text COLLATE "C" NOT NULL,
    redundancy_group text COLLATE "C",
    needed           bigint,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    created_by       uuid NOT NULL,
    revision         bigint NOT NULL,
    -- An end is a process or an asset. Each of the two has a column of its own, so that the database sees to it that
    -- what a dependency leads to exists.
    source_process   uuid GENERATED ALWAYS AS (CASE source ->> 'type' WHEN 'process' THEN source_id END) STORED,
    source_asset     uuid GENERATED ALWAYS AS (CASE source ->> 'type' WHEN 'asset' THEN source_id END) STORED,
    target_process   uuid GENERATED ALWAYS AS (CASE target ->> 'type' WHEN 'process' THEN target_id END) STORED,
    target_asset     uuid GENERATED ALWAYS AS (CASE target ->> 'type' WHEN 'asset' THEN target_id END) STORED,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, source_process) REFERENCES bcm_processes (org_id, id),
    FOREIGN KEY (org_id, source_asset) REFERENCES bcm_assets (org_id, id),
    FOREIGN KEY (org_id, target_process) REFERENCES bcm_processes (org_id, id),
    FOREIGN KEY (org_id, target_asset) REFERENCES bcm_assets (org_id, id),
    CHECK (num_nonnulls(source_process, source_asset) = 1 AND num_nonnulls(target_process, target_asset) = 1),
    CHECK (source_id <> target_id)
);
-- Two nodes are joined once; what a node depends on, and the members of its groups, are found by the same index.
CREATE UNIQUE INDEX bcm_dependencies_one ON bcm_dependencies (org_id, source_id, target_id);
CREATE INDEX bcm_dependencies_target_id ON bcm_dependencies (org_id, target_id, id);
CREATE INDEX bcm_dependencies_source_process ON bcm_dependencies (org_id, source_process) WHERE source_process IS NOT NULL;
CREATE INDEX bcm_dependencies_source_asset ON bcm_dependencies (org_id, source_asset) WHERE source_asset IS NOT NULL;
CREATE INDEX bcm_dependencies_target_process ON bcm_dependencies (org_id, target_process) WHERE target_process IS NOT NULL;
CREATE INDEX bcm_dependencies_target_asset ON bcm_dependencies (org_id, target_asset) WHERE target_asset IS NOT NULL;
CREATE INDEX bcm_dependencies_created_at ON bcm_dependencies (org_id, created_at, id);
CREATE INDEX bcm_dependencies_updated_at ON bcm_dependencies (org_id, updated_at, id);
CALL protect_tenant_table('bcm_dependencies');

CREATE TABLE recovery_plans (
    id            uuid NOT NULL,
    org_id        uuid NOT NULL REFERENCES organizations (id),
    name          text COLLATE "C" NOT NULL,
    description   text,
    process_id    uuid,
    strategy      text,
    steps         jsonb NOT NULL,
    rto_hours     double precision,
    rpo_hours     double precision,
    owner_id      uuid,
    status        text COLLATE "C" NOT NULL,
    total_minutes bigint NOT NULL,
    within_rto    boolean,
    approved_by   uuid,
    approved_at   timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    created_by    uuid NOT NULL,
    revision      bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, process_id) REFERENCES bcm_processes (org_id, id)
);
CREATE INDEX recovery_plans_name ON recovery_plans (org_id, name, id);
CREATE INDEX recovery_plans_process_id ON recovery_plans (org_id, process_id, id);
CREATE INDEX recovery_plans_rto_hours ON recovery_plans (org_id, rto_hours, id);
CREATE INDEX recovery_plans_owner_id ON recovery_plans (org_id, owner_id, id);
CREATE INDEX recovery_plans_approved_at ON recovery_plans (org_id, approved_at, id);
CREATE INDEX recovery_plans_created_at ON recovery_plans (org_id, created_at, id);
CREATE INDEX recovery_plans_updated_at ON recovery_plans (org_id, updated_at, id);
CALL protect_tenant_table('recovery_plans');

CREATE TABLE recovery_exercises (
    id                 uuid NOT NULL,
    org_id             uuid NOT NULL REFERENCES organizations (id),
    plan_id            uuid NOT NULL,
    type               text COLLATE "C" NOT NULL,
    date               date NOT NULL,
    achieved_rto_hours double precision,
    achieved_rpo_hours double precision,
    result             text,
    lessons            text,
    target_rto_hours   double precision,
    target_rpo_hours   double precision,
    rto_met            boolean,
    rpo_met            boolean,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    created_by         uuid NOT NULL,
    revision           bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, plan_id) REFERENCES recovery_plans (org_id, id) ON DELETE CASCADE
);
CREATE INDEX recovery_exercises_plan_id ON recovery_exercises (org_id, plan_id, date, id);
CREATE INDEX recovery_exercises_date ON recovery_exercises (org_id, date, id);
CREATE INDEX recovery_exercises_created_at ON recovery_exercises (org_id, created_at, id);
CREATE INDEX recovery_exercises_updated_at ON recovery_exercises (org_id, updated_at, id);
CALL protect_tenant_table('recovery_exercises');
