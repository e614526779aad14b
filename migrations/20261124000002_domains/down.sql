DROP TABLE report_outputs, reports, custody, evidence_texts, evidence, findings, assessment_scope, assessments, controls,
    service_state, requirements, frameworks, invitations, api_keys, refresh_tokens, sessions;
DROP PROCEDURE protect_shared_table(text);
DROP POLICY tenant ON accounts;
DROP TABLE memberships, accounts, organizations;
