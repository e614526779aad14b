DROP TABLE issued_attestations;
DROP TABLE a2a_grants;
DROP TABLE vendor_attestation_proofs;
DROP TABLE vendor_attestations;
