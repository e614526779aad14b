ALTER TABLE tasks DROP COLUMN reminded_at, DROP COLUMN remind_days;
