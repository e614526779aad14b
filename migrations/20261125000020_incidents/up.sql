-- Incidents: the register, the timeline of each, tasks, reviews, and the evidence that was collected for them.

CREATE TABLE incidents (
    id                 uuid NOT NULL,
    org_id             uuid NOT NULL REFERENCES organizations (id),
    title              text COLLATE "C" NOT NULL,
    description        text,
    category           text COLLATE "C" NOT NULL,
    severity           text COLLATE "C" NOT NULL,
    affected_systems   text[] NOT NULL,
    affected_records   bigint,
    source             text COLLATE "C",
    commander_id       uuid,
    occurred_at        timestamptz,
    detected_at        timestamptz NOT NULL,
    phase              text COLLATE "C" NOT NULL,
    notes              text,
    status             text COLLATE "C" NOT NULL,
    dismissed          boolean NOT NULL,
    acknowledged_at    timestamptz,
    acknowledged_by    uuid,
    contained_at       timestamptz,
    resolved_at        timestamptz,
    closed_at          timestamptz,
    acknowledge_due_at timestamptz,
    contain_due_at     timestamptz,
    resolve_due_at     timestamptz,
    replaced_limits    jsonb NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    created_by         uuid NOT NULL,
    revision           bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX incidents_title ON incidents (org_id, title, id);
CREATE INDEX incidents_commander_id ON incidents (org_id, commander_id, id);
CREATE INDEX incidents_occurred_at ON incidents (org_id, occurred_at, id);
CREATE INDEX incidents_detected_at ON incidents (org_id, detected_at, id);
CREATE INDEX incidents_resolved_at ON incidents (org_id, resolved_at, id);
CREATE INDEX incidents_resolve_due_at ON incidents (org_id, resolve_due_at, id);
CREATE INDEX incidents_created_at ON incidents (org_id, created_at, id);
CREATE INDEX incidents_updated_at ON incidents (org_id, updated_at, id);
CALL protect_tenant_table('incidents');

CREATE TABLE incident_tasks (
    id           uuid NOT NULL,
    org_id       uuid NOT NULL REFERENCES organizations (id),
    incident_id  uuid NOT NULL,
    title        text COLLATE "C" NOT NULL,
    description  text,
    assignee_id  uuid,
    due_at       timestamptz,
    status       text COLLATE "C" NOT NULL,
    completed_at timestamptz,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    created_by   uuid NOT NULL,
    revision     bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id) ON DELETE CASCADE
);
CREATE INDEX incident_tasks_incident_id ON incident_tasks (org_id, incident_id, id);
CREATE INDEX incident_tasks_title ON incident_tasks (org_id, title, id);
CREATE INDEX incident_tasks_assignee_id ON incident_tasks (org_id, assignee_id, id);
CREATE INDEX incident_tasks_due_at ON incident_tasks (org_id, due_at, id);
CREATE INDEX incident_tasks_created_at ON incident_tasks (org_id, created_at, id);
CREATE INDEX incident_tasks_updated_at ON incident_tasks (org_id, updated_at, id);
CALL protect_tenant_table('incident_tasks');

CREATE TABLE incident_reviews (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    incident_id uuid NOT NULL,
    root_cause  text NOT NULL,
    lessons     text[] NOT NULL,
    actions     text[] NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id) ON DELETE CASCADE
);
CREATE INDEX incident_reviews_incident_id ON incident_reviews (org_id, incident_id, id);
CREATE INDEX incident_reviews_created_at ON incident_reviews (org_id, created_at, id);
CREATE INDEX incident_reviews_updated_at ON incident_reviews (org_id, updated_at, id);
CALL protect_tenant_table('incident_reviews');

CREATE TABLE incident_evidence (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    incident_id uuid NOT NULL,
    evidence_id uuid NOT NULL,
    filename    text COLLATE "C" NOT NULL,
    size        bigint NOT NULL,
    sha256      text COLLATE "C" NOT NULL,
    notes       text,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, evidence_id) REFERENCES evidence (org_id, id)
);
-- Of one incident each piece of evidence is collected once; the index also finds all of an incident.
CREATE UNIQUE INDEX incident_evidence_once ON incident_evidence (org_id, incident_id, evidence_id);
CREATE INDEX incident_evidence_evidence_id ON incident_evidence (org_id, evidence_id, id);
CREATE INDEX incident_evidence_filename ON incident_evidence (org_id, filename, id);
CREATE INDEX incident_evidence_created_at ON incident_evidence (org_id, created_at, id);
CREATE INDEX incident_evidence_updated_at ON incident_evidence (org_id, updated_at, id);
CALL protect_tenant_table('incident_evidence');

-- The timeline is append-only by privilege, as the journal is, and has no foreign key to incidents: a cascade would remove
-- what nobody may remove. What was recorded of an incident stays when the incident goes.
CREATE TABLE incident_timeline (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    incident_id uuid NOT NULL,
    sequence    bigint NOT NULL,
    timestamp   timestamptz NOT NULL,
    event_type  text COLLATE "C" NOT NULL,
    description text NOT NULL,
    actor       text COLLATE "C" NOT NULL,
    actor_id    uuid NOT NULL,
    origin      text COLLATE "C" NOT NULL,
    details     jsonb NOT NULL,
    prev_hash   text NOT NULL,
    hash        text NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
-- Lists are always those of one incident, so its id leads every index; the first is the chain.
CREATE UNIQUE INDEX incident_timeline_sequence ON incident_timeline (org_id, incident_id, sequence);
CREATE INDEX incident_timeline_timestamp ON incident_timeline (org_id, incident_id, timestamp, id);
CREATE INDEX incident_timeline_created_at ON incident_timeline (org_id, incident_id, created_at, id);
CREATE INDEX incident_timeline_updated_at ON incident_timeline (org_id, incident_id, updated_at, id);
CALL protect_tenant_table('incident_timeline');
REVOKE UPDATE, DELETE ON incident_timeline FROM grc_app;
