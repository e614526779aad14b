DROP TABLE evidence_import_items;
DROP TABLE evidence_imports;
