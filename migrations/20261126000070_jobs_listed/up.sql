-- An organization's jobs as a list, by each of its sorts.
CREATE INDEX jobs_updated ON jobs (org_id, updated_at, id);
CREATE INDEX jobs_kind ON jobs (org_id, kind, id);
