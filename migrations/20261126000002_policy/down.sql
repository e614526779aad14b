DROP TABLE policy_applied_actions;
DROP TABLE policy_decision_inputs;
DROP TABLE policy_decisions;
DROP TABLE opa_policy_versions;
DROP TABLE opa_policies;
