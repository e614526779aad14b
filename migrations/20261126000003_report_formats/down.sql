ALTER TABLE reports DROP CONSTRAINT reports_kind_check;
ALTER TABLE reports DROP COLUMN filters;
