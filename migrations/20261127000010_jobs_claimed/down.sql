DROP INDEX jobs_running;
DROP INDEX jobs_waiting;
