DROP POLICY tenant ON journal_heads;
CREATE POLICY tenant ON journal_heads USING (org_id = app_org()) WITH CHECK (org_id = app_org());
DROP TABLE audit_seals;
DROP TABLE audit_subtrees;
DROP TABLE audit_checkpoints;
