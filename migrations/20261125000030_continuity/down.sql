DROP TABLE recovery_exercises;
DROP TABLE recovery_plans;
DROP TABLE bcm_dependencies;
DROP TABLE bcm_assets;
DROP TABLE bcm_processes;
