-- Vendors: the register, what they supply and on which terms, what they are asked and how they answer. Services go with
-- their vendor; contracts, assessments and vendors that belong to it keep it.

CREATE TABLE vendors (
    id                          uuid NOT NULL,
    org_id                      uuid NOT NULL REFERENCES organizations (id),
    name                        text COLLATE "C" NOT NULL,
    legal_name                  text,
    latin_name                  text,
    description                 text,
    category                    text COLLATE "C",
    risk_tier                   text COLLATE "C" NOT NULL,
    tier_reason                 text,
    status                      text COLLATE "C" NOT NULL,
    owner_id                    uuid,
    contact_name                text,
    contact_email               text COLLATE "C",
    website                     text,
    country                     text COLLATE "C",
    lei                         text COLLATE "C",
    registration_id             text COLLATE "C",
    registration_type           text COLLATE "C",
    person_type                 text COLLATE "C" NOT NULL,
    parent_vendor_id            uuid,
    certifications              text[] NOT NULL,
    tags                        text[] NOT NULL,
    risk_rating                 bigint,
    tiering                     jsonb,
    supports_critical_function  boolean NOT NULL,
    mission_critical_dependency boolean NOT NULL,
    holds_regulated_data        boolean NOT NULL,
    a2a_endpoint                text,
    a2a_key                     text,
    next_review_date            date,
    tier_source                 text COLLATE "C" NOT NULL,
    computed_tier               text COLLATE "C",
    tier_overrides              text[] NOT NULL,
    tiering_formula             text,
    inherent_score              double precision,
    assurance                   double precision,
    residual_score              double precision,
    rating_band                 text COLLATE "C",
    last_assessment_id          uuid,
    last_assessed_at            timestamptz,
    attested_until              timestamptz,
    has_a2a_key                 boolean NOT NULL,
    created_at                  timestamptz NOT NULL,
    updated_at                  timestamptz NOT NULL,
    created_by                  uuid NOT NULL,
    revision                    bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, parent_vendor_id) REFERENCES vendors (org_id, id)
);
CREATE INDEX vendors_name ON vendors (org_id, name, id);
CREATE INDEX vendors_category ON vendors (org_id, category, id);
CREATE INDEX vendors_owner_id ON vendors (org_id, owner_id, id);
CREATE INDEX vendors_parent_vendor_id ON vendors (org_id, parent_vendor_id, id);
CREATE INDEX vendors_risk_rating ON vendors (org_id, risk_rating, id);
CREATE INDEX vendors_next_review_date ON vendors (org_id, next_review_date, id);
CREATE INDEX vendors_inherent_score ON vendors (org_id, inherent_score, id);
CREATE INDEX vendors_residual_score ON vendors (org_id, residual_score, id);
CREATE INDEX vendors_last_assessed_at ON vendors (org_id, last_assessed_at, id);
CREATE INDEX vendors_attested_until ON vendors (org_id, attested_until, id);
CREATE INDEX vendors_created_at ON vendors (org_id, created_at, id);
CREATE INDEX vendors_updated_at ON vendors (org_id, updated_at, id);
CALL protect_tenant_table('vendors');

CREATE TABLE vendor_services (
    id                         uuid NOT NULL,
    org_id                     uuid NOT NULL REFERENCES organizations (id),
    vendor_id                  uuid NOT NULL,
    name                       text COLLATE "C" NOT NULL,
    description                text,
    ict_service_type           text COLLATE "C",
    function_name              text COLLATE "C",
    supports_critical_function boolean NOT NULL,
    criticality_reason         text,
    stores_data                boolean,
    data_sensitivity           text COLLATE "C",
    reliance                   text COLLATE "C",
    substitutability           text COLLATE "C",
    substitution_obstacle      text COLLATE "C",
    reintegration              text COLLATE "C",
    discontinuation_impact     text COLLATE "C",
    exit_plan                  boolean,
    alternatives_identified    boolean,
    alternative_providers      text,
    last_audit_date            date,
    rto_hours                  double precision,
    rpo_hours                  double precision,
    subcontractor_ids          uuid[] NOT NULL,
    created_at                 timestamptz NOT NULL,
    updated_at                 timestamptz NOT NULL,
    created_by                 uuid NOT NULL,
    revision                   bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, vendor_id) REFERENCES vendors (org_id, id) ON DELETE CASCADE
);
CREATE INDEX vendor_services_vendor_id ON vendor_services (org_id, vendor_id, id);
CREATE INDEX vendor_services_name ON vendor_services (org_id, name, id);
CREATE INDEX vendor_services_last_audit_date ON vendor_services (org_id, last_audit_date, id);
CREATE INDEX vendor_services_created_at ON vendor_services (org_id, created_at, id);
CREATE INDEX vendor_services_updated_at ON vendor_services (org_id, updated_at, id);
CALL protect_tenant_table('vendor_services');

CREATE TABLE vendor_contracts (
    id                        uuid NOT NULL,
    org_id                    uuid NOT NULL REFERENCES organizations (id),
    vendor_id                 uuid NOT NULL,
    reference                 text COLLATE "C" NOT NULL,
    title                     text COLLATE "C",
    description               text,
    arrangement_type          text COLLATE "C" NOT NULL,
    overarching_contract_id   uuid,
    linked_contract_ids       uuid[] NOT NULL,
    status                    text COLLATE "C" NOT NULL,
    service_ids               uuid[] NOT NULL,
    owner_id                  uuid,
    start_date                date,
    end_date                  date,
    auto_renew                boolean NOT NULL,
    renewal_months            bigint,
    notice_days_entity        bigint,
    notice_days_provider      bigint,
    terminated_on             date,
    termination_reason        text COLLATE "C",
    signing_entity_lei        text COLLATE "C",
    using_entity_leis         text[] NOT NULL,
    intra_group               boolean NOT NULL,
    governing_law_country     text COLLATE "C",
    service_countries         text[] NOT NULL,
    data_at_rest_countries    text[] NOT NULL,
    data_processing_countries text[] NOT NULL,
    sub_processors            jsonb NOT NULL,
    annual_cost               jsonb,
    clauses                   text[] NOT NULL,
    sla_availability          double precision,
    sla_rto_hours             double precision,
    sla_rpo_hours             double precision,
    breach_notice_hours       bigint,
    created_at                timestamptz NOT NULL,
    updated_at                timestamptz NOT NULL,
    created_by                uuid NOT NULL,
    revision                  bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, vendor_id) REFERENCES vendors (org_id, id),
    FOREIGN KEY (org_id, overarching_contract_id) REFERENCES vendor_contracts (org_id, id)
);
CREATE INDEX vendor_contracts_vendor_id ON vendor_contracts (org_id, vendor_id, id);
CREATE INDEX vendor_contracts_reference ON vendor_contracts (org_id, reference, id);
CREATE INDEX vendor_contracts_title ON vendor_contracts (org_id, title, id);
CREATE INDEX vendor_contracts_overarching_contract_id ON vendor_contracts (org_id, overarching_contract_id, id);
CREATE INDEX vendor_contracts_owner_id ON vendor_contracts (org_id, owner_id, id);
CREATE INDEX vendor_contracts_start_date ON vendor_contracts (org_id, start_date, id);
CREATE INDEX vendor_contracts_end_date ON vendor_contracts (org_id, end_date, id);
CREATE INDEX vendor_contracts_created_at ON vendor_contracts (org_id, created_at, id);
CREATE INDEX vendor_contracts_updated_at ON vendor_contracts (org_id, updated_at, id);
CREATE UNIQUE INDEX vendor_contracts_one_reference ON vendor_contracts (org_id, reference);
CALL protect_tenant_table('vendor_contracts');

CREATE TABLE vendor_questionnaires (
    id             uuid NOT NULL,
    org_id         uuid NOT NULL REFERENCES organizations (id),
    name           text COLLATE "C" NOT NULL,
    description    text,
    version        text COLLATE "C" NOT NULL,
    retired        boolean NOT NULL,
    sections       jsonb NOT NULL,
    question_count bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    created_by     uuid NOT NULL,
    revision       bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX vendor_questionnaires_name ON vendor_questionnaires (org_id, name, id);
CREATE INDEX vendor_questionnaires_question_count ON vendor_questionnaires (org_id, question_count, id);
CREATE INDEX vendor_questionnaires_created_at ON vendor_questionnaires (org_id, created_at, id);
CREATE INDEX vendor_questionnaires_updated_at ON vendor_questionnaires (org_id, updated_at, id);
CALL protect_tenant_table('vendor_questionnaires');

CREATE TABLE vendor_assessments (
    id                 uuid NOT NULL,
    org_id             uuid NOT NULL REFERENCES organizations (id),
    vendor_id          uuid NOT NULL,
    template_id        uuid NOT NULL,
    title              text COLLATE "C",
    status             text COLLATE "C" NOT NULL,
    assessor_id        uuid,
    respondent_name    text,
    respondent_email   text COLLATE "C",
    due_date           date,
    notes              text,
    findings           jsonb NOT NULL,
    answers            jsonb NOT NULL,
    questions_answered bigint NOT NULL,
    questions_visible  bigint NOT NULL,
    coverage           double precision NOT NULL,
    score              double precision,
    by_category        jsonb NOT NULL,
    sent_at            timestamptz,
    submitted_at       timestamptz,
    completed_at       timestamptz,
    completed_by       uuid,
    residual_score     double precision,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    created_by         uuid NOT NULL,
    revision           bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, vendor_id) REFERENCES vendors (org_id, id),
    FOREIGN KEY (org_id, template_id) REFERENCES vendor_questionnaires (org_id, id)
);
CREATE INDEX vendor_assessments_vendor_id ON vendor_assessments (org_id, vendor_id, id);
CREATE INDEX vendor_assessments_template_id ON vendor_assessments (org_id, template_id, id);
CREATE INDEX vendor_assessments_title ON vendor_assessments (org_id, title, id);
CREATE INDEX vendor_assessments_assessor_id ON vendor_assessments (org_id, assessor_id, id);
CREATE INDEX vendor_assessments_due_date ON vendor_assessments (org_id, due_date, id);
CREATE INDEX vendor_assessments_coverage ON vendor_assessments (org_id, coverage, id);
CREATE INDEX vendor_assessments_score ON vendor_assessments (org_id, score, id);
CREATE INDEX vendor_assessments_completed_at ON vendor_assessments (org_id, completed_at, id);
CREATE INDEX vendor_assessments_created_at ON vendor_assessments (org_id, created_at, id);
CREATE INDEX vendor_assessments_updated_at ON vendor_assessments (org_id, updated_at, id);
CALL protect_tenant_table('vendor_assessments');

-- The register in numbers is counted from these indexes alone.
CREATE INDEX vendors_stats ON vendors (org_id, status, risk_tier, rating_band);
CREATE INDEX vendor_contracts_ending ON vendor_contracts (org_id, status, end_date);
-- Which services make their vendor's tier at least high.
CREATE INDEX vendor_services_critical ON vendor_services (org_id, vendor_id) WHERE supports_critical_function;
-- The assessment that a vendor's residual score rests on, and the one before it.
CREATE INDEX vendor_assessments_last ON vendor_assessments (org_id, vendor_id, status, completed_at, id);
CREATE INDEX vendors_lei ON vendors (org_id, lei, id);
