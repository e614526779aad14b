DROP TABLE audit_seals;
DROP TABLE audit_subtrees;
DROP TABLE audit_checkpoints;
