DROP TABLE kri_breaches;
DROP TABLE kri_readings;
DROP TABLE kris;
