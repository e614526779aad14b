DROP TABLE replies;
DROP TABLE jobs;
DROP TABLE journal_heads;
DROP TABLE journal;
DROP PROCEDURE protect_platform_table(text, text);
DROP PROCEDURE protect_tenant_table(text);
DROP FUNCTION app_is_platform();
DROP FUNCTION app_org();
REVOKE USAGE ON SCHEMA public FROM grc_app;
