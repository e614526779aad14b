DROP TABLE incident_timeline;
DROP TABLE incident_evidence;
DROP TABLE incident_reviews;
DROP TABLE incident_tasks;
DROP TABLE incidents;
