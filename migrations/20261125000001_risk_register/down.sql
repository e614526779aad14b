DROP TABLE risk_appetites;
DROP TABLE risk_matrices;
DROP TABLE risk_acceptances;
DROP TABLE risk_treatments;
DROP TABLE risks;
