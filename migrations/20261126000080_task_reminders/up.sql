-- When whoever listens is reminded of a task, and when they were.
ALTER TABLE tasks ADD COLUMN remind_days bigint, ADD COLUMN reminded_at timestamptz;
