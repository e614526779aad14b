DROP TABLE vendor_assessments;
DROP TABLE vendor_questionnaires;
DROP TABLE vendor_contracts;
DROP TABLE vendor_services;
DROP TABLE vendors;
