-- Five types of reports, each about the records that filters leave.

ALTER TABLE reports ADD COLUMN filters jsonb;
ALTER TABLE reports ADD CONSTRAINT reports_kind_check
    CHECK (kind IN ('compliance_summary', 'gap_analysis', 'risk_register', 'incident_summary', 'bcm_impact_analysis'));
