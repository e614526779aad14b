-- Controls, assessments, evidence and reports are declared now, and their columns typed as declarations type them.

ALTER TABLE assessments ALTER COLUMN controls_total TYPE bigint, ALTER COLUMN controls_evaluated TYPE bigint;
ALTER TABLE evidence ALTER COLUMN text_length TYPE bigint;
ALTER TABLE reports ALTER COLUMN progress TYPE bigint;

-- One document instead of three columns, which stay until no version reads them. The owner of the table is under its
-- policy too, and would see no row.
ALTER TABLE controls ADD COLUMN effectiveness jsonb;
ALTER TABLE controls NO FORCE ROW LEVEL SECURITY;
UPDATE controls SET effectiveness = jsonb_build_object('efficacy', efficacy, 'coverage', coverage, 'reliability', reliability)
 WHERE efficacy IS NOT NULL AND coverage IS NOT NULL AND reliability IS NOT NULL;
ALTER TABLE controls FORCE ROW LEVEL SECURITY;

-- References are looked up from the other side.
CREATE INDEX controls_owner ON controls (org_id, owner_id);
CREATE INDEX assessments_former ON assessments (org_id, carry_forward_from);
