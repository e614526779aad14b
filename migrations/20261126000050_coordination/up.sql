-- Tasks on any record, and links between any two.
CREATE TABLE tasks (
    id           uuid NOT NULL,
    org_id       uuid NOT NULL REFERENCES organizations (id),
    title        text COLLATE "C" NOT NULL,
    description  text,
    subject      jsonb,
    subject_type text COLLATE "C",
    subject_id   uuid,
    assignee_id  uuid,
    due_date     date,
    rrule        text,
    status       text COLLATE "C" NOT NULL,
    completed_at timestamptz,
    completed_by uuid,
    series_id    uuid NOT NULL,
    series_start date,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    created_by   uuid NOT NULL,
    revision     bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
-- Of a series one task is open: whoever completes it makes the next.
CREATE UNIQUE INDEX tasks_open ON tasks (org_id, series_id) WHERE status = 'open';
CREATE INDEX tasks_subject_id ON tasks (org_id, subject_id, id);
CREATE INDEX tasks_title ON tasks (org_id, title, id);
CREATE INDEX tasks_assignee_id ON tasks (org_id, assignee_id, id);
CREATE INDEX tasks_due_date ON tasks (org_id, due_date, id);
CREATE INDEX tasks_completed_at ON tasks (org_id, completed_at, id);
CREATE INDEX tasks_created_at ON tasks (org_id, created_at, id);
CREATE INDEX tasks_updated_at ON tasks (org_id, updated_at, id);
CALL protect_tenant_table('tasks');
CALL make_searchable('tasks', 'task', 'title', '{}', ARRAY['description']);

CREATE TABLE links (
    id          uuid NOT NULL,
    org_id      uuid NOT NULL REFERENCES organizations (id),
    from_record jsonb NOT NULL,
    to_record   jsonb NOT NULL,
    relation    text COLLATE "C" NOT NULL,
    from_type   text COLLATE "C" NOT NULL,
    from_id     uuid NOT NULL,
    to_type     text COLLATE "C" NOT NULL,
    to_id       uuid NOT NULL,
    record_ids  uuid[] NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    CHECK (from_id <> to_id)
);
-- No two links say the same; what relates to another is related to from there too.
CREATE UNIQUE INDEX links_one ON links (org_id, from_id, to_id, relation);
CREATE UNIQUE INDEX links_related ON links (org_id, least(from_id, to_id), greatest(from_id, to_id))
    WHERE relation = 'relates_to';
CREATE INDEX links_to_id ON links (org_id, to_id, id);
CREATE INDEX links_record_ids ON links USING gin (record_ids);
CREATE INDEX links_created_at ON links (org_id, created_at, id);
CREATE INDEX links_updated_at ON links (org_id, updated_at, id);
CALL protect_tenant_table('links');
