DROP TABLE fair_results;
DROP TABLE fair_runs;
DROP TABLE fair_analyses;
DROP TABLE kri_breaches;
DROP TABLE kri_readings;
DROP TABLE kris;
