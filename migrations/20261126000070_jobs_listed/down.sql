DROP INDEX jobs_kind;
DROP INDEX jobs_updated;
