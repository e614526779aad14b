-- What a worker looks at for its next job: each organization's oldest that is due, and what runs. Jobs that are due one
-- day, such as reminders, may be many, and are not read.
CREATE INDEX jobs_waiting ON jobs (org_id, run_at) WHERE status = 'queued';
CREATE INDEX jobs_running ON jobs (lease_until, org_id) WHERE status = 'running';
