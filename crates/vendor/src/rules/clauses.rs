//! What a contract must say. Regulation (EU) 2022/2554 (DORA), Article 30, asks some clauses of every contract on ICT
//! services (paragraph 2) and more of those that support a critical or important function (paragraph 3).

use grc_kernel::wire_enum;

wire_enum! {
    /// Something that a contract says.
    pub enum Clause {
        /// Which services and functions, and whether they may be subcontracted: 30(2)(a).
        Subcontracting = "subcontracting",
        /// Where the services are provided and data is kept and processed: 30(2)(b).
        DataLocations = "data_locations",
        /// Availability, integrity, authenticity and confidentiality of data: 30(2)(c).
        SecuritySchedule = "security_schedule",
        /// A data processing agreement, where personal data is processed: 30(2)(c).
        DataProcessingAgreement = "dpa",
        /// Standard contractual clauses for transfers to third countries.
        StandardContractualClauses = "scc",
        /// That data can be had back when the provider fails or the contract ends: 30(2)(d).
        DataReturn = "data_return",
        /// Levels of service: 30(2)(e).
        ServiceLevels = "service_levels",
        /// Help in an incident, and what it costs: 30(2)(f).
        IncidentAssistance = "incident_assistance",
        /// Cooperation with authorities: 30(2)(g).
        AuthorityCooperation = "authority_cooperation",
        /// Rights to terminate, and notice periods: 30(2)(h).
        TerminationRights = "termination_rights",
        /// Part in awareness and training: 30(2)(i).
        Training = "training",
        /// Performance targets in numbers: 30(3)(a).
        PerformanceTargets = "performance_targets",
        /// Notice of what may affect the service: 30(3)(b).
        ReportingDuties = "reporting_duties",
        /// Contingency plans, tested: 30(3)(c).
        ContinuityTesting = "continuity_testing",
        /// Part in threat-led penetration tests: 30(3)(d).
        TlptParticipation = "tlpt_participation",
        /// Access, inspection and audit: 30(3)(e).
        AuditRight = "audit_right",
        /// An exit strategy with a period of transition: 30(3)(f).
        ExitPlan = "exit_plan",
        /// Insurance.
        Insurance = "insurance",
    }
}

/// What every contract on ICT services must say.
const EVERY: [Clause; 9] = [
    Clause::Subcontracting,
    Clause::DataLocations,
    Clause::SecuritySchedule,
    Clause::DataReturn,
    Clause::ServiceLevels,
    Clause::IncidentAssistance,
    Clause::AuthorityCooperation,
    Clause::TerminationRights,
    Clause::Training,
];

/// What one must say besides that supports a critical or important function.
const CRITICAL: [Clause; 6] = [
    Clause::PerformanceTargets,
    Clause::ReportingDuties,
    Clause::ContinuityTesting,
    Clause::TlptParticipation,
    Clause::AuditRight,
    Clause::ExitPlan,
];

/// What a contract must say and does not. None is asked of one that is known to be on no ICT service.
pub fn missing(said: &[Clause], ict: bool, critical: bool) -> Vec<Clause> {
    let every = ict.then_some(EVERY).into_iter().flatten();
    let more = (ict && critical).then_some(CRITICAL).into_iter().flatten();
    every.chain(more).filter(|clause| !said.contains(clause)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_clauses_are_asked_of_every_ict_contract_and_six_more_of_critical_ones() {
        for (said, ict, critical, count) in [
            (&[][..], false, false, 0),
            (&[], false, true, 0),
            (&[], true, false, 9),
            (&[], true, true, 15),
            (&[Clause::Insurance, Clause::AuditRight], true, false, 9),
            (&[Clause::Insurance, Clause::AuditRight, Clause::Training], true, true, 13),
            (Clause::ALL, true, true, 0),
        ] {
            let missing = missing(said, ict, critical);
            assert_eq!(missing.len(), count, "{said:?} {ict} {critical}: {missing:?}");
            assert!(missing.iter().all(|clause| !said.contains(clause)));
        }
    }
}
