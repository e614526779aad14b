DROP INDEX assessments_former;
DROP INDEX controls_owner;
ALTER TABLE controls NO FORCE ROW LEVEL SECURITY;
UPDATE controls SET efficacy = (effectiveness ->> 'efficacy')::double precision,
                    coverage = (effectiveness ->> 'coverage')::double precision,
                    reliability = (effectiveness ->> 'reliability')::double precision;
ALTER TABLE controls FORCE ROW LEVEL SECURITY;
ALTER TABLE controls DROP COLUMN effectiveness;
ALTER TABLE reports ALTER COLUMN progress TYPE integer;
ALTER TABLE evidence ALTER COLUMN text_length TYPE integer;
ALTER TABLE assessments ALTER COLUMN controls_total TYPE integer, ALTER COLUMN controls_evaluated TYPE integer;
