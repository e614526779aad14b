//! What a vendor supplies.
//!
//! The closed lists are those of Regulation (EU) 2024/2956, in our words. A service that supports a critical or important
//! function lifts the tier of its vendor.

use async_trait::async_trait;
use grc_kernel::{
    Checker, Ctx, ListQuery, Refusal, Resource, Rules, kit,
    list::Scalar,
    resource,
    resource::Ids,
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use time::Date;

use crate::{
    Contract, Vendor,
    ports::Tx,
    vendor::{self, VendorId},
};

typed_id! {
    /// A service of a vendor.
    ServiceId,
}

wire_enum! {
    /// What kind of ICT service it is (Annex III).
    pub enum IctService {
        /// Management of ICT projects.
        ProjectManagement = "project_management",
        /// Development.
        Development = "development",
        /// Help desk and first-level support.
        HelpDesk = "help_desk",
        /// Management of ICT security.
        SecurityManagement = "security_management",
        /// Provision of data.
        DataProvision = "data_provision",
        /// Analysis of data.
        DataAnalysis = "data_analysis",
        /// Facilities and hosting, other than cloud services.
        Hosting = "hosting",
        /// Computation.
        Computation = "computation",
        /// Storage of data, other than cloud services.
        DataStorage = "data_storage",
        /// Telecommunication.
        Telecom = "telecom",
        /// Network infrastructure.
        Network = "network",
        /// Hardware and physical devices.
        Hardware = "hardware",
        /// Licences of software, other than as a service.
        SoftwareLicensing = "software_licensing",
        /// Operation and maintenance.
        Operations = "operations",
        /// Consulting.
        Consulting = "consulting",
        /// Management of ICT risk.
        RiskManagement = "risk_management",
        /// Infrastructure as a service.
        CloudIaas = "cloud_iaas",
        /// Platform as a service.
        CloudPaas = "cloud_paas",
        /// Software as a service.
        CloudSaas = "cloud_saas",
    }
}

wire_enum! {
    /// How sensitive, how bad, how much.
    pub enum Grade {
        /// Little.
        Low = "low",
        /// Something.
        Medium = "medium",
        /// Much.
        High = "high",
    }
}

wire_enum! {
    /// How far the organization relies on it.
    pub enum Reliance {
        /// Not to speak of.
        NotSignificant = "not_significant",
        /// A little.
        Low = "low",
        /// A disturbance is felt.
        Material = "material",
        /// The function stops with it.
        Full = "full",
    }
}

wire_enum! {
    /// Whether another could take its place.
    pub enum Substitutability {
        /// Nobody could.
        NotSubstitutable = "not_substitutable",
        /// With great trouble.
        HighlyComplex = "highly_complex",
        /// With some trouble.
        MediumComplexity = "medium_complexity",
        /// Easily.
        Easy = "easy",
    }
}

wire_enum! {
    /// Why it is hard to replace.
    pub enum SubstitutionObstacle {
        /// There is no real alternative.
        NoAlternative = "no_alternative",
        /// Moving away, or taking it back, is hard.
        Migration = "migration",
        /// Both.
        Both = "both",
    }
}

wire_enum! {
    /// Whether the organization could do it itself again.
    pub enum Reintegration {
        /// Easily.
        Easy = "easy",
        /// With trouble.
        Difficult = "difficult",
        /// With great trouble.
        HighlyComplex = "highly_complex",
    }
}

resource! {
    /// A service that a vendor supplies.
    pub struct Service(ServiceId) as "VendorService" {
        kind: "vendor_service", table: "vendor_services", area: "vendor", name: "name", sort: ("created_at", false),
    }
    /// The vendor.
    vendor_id: VendorId = Ty::Ref("vendor"), computed;
    /// What it is called.
    name: String = Ty::Line(200), required, sorts, searches;
    /// What it is.
    description: Option<String> = Ty::Text(20_000), searches;
    /// What kind of ICT service it is; none where it is no ICT service.
    ict_service_type: Option<IctService> = Ty::Word(IctService::NAMES);
    /// The business function that it supports.
    function_name: Option<String> = Ty::Line(200), filters, searches;
    /// Whether that function is critical or important.
    supports_critical_function: bool = Ty::Bool, preset(Preset::Bool(false));
    /// Why, or why not.
    criticality_reason: Option<String> = Ty::Text(2_000);
    /// Whether it keeps data.
    stores_data: Option<bool> = Ty::Bool;
    /// How sensitive the data is.
    data_sensitivity: Option<Grade> = Ty::Word(Grade::NAMES);
    /// How far the organization relies on it.
    reliance: Option<Reliance> = Ty::Word(Reliance::NAMES);
    /// Whether another could take its place.
    substitutability: Option<Substitutability> = Ty::Word(Substitutability::NAMES);
    /// Why it is hard to replace, where it is.
    substitution_obstacle: Option<SubstitutionObstacle> = Ty::Word(SubstitutionObstacle::NAMES);
    /// Whether the organization could do it itself again.
    reintegration: Option<Reintegration> = Ty::Word(Reintegration::NAMES);
    /// How bad it would be without it.
    discontinuation_impact: Option<Grade> = Ty::Word(Grade::NAMES);
    /// Whether there is a plan for leaving it.
    exit_plan: Option<bool> = Ty::Bool;
    /// Whether alternatives were looked for and found.
    alternatives_identified: Option<bool> = Ty::Bool;
    /// Who they are.
    alternative_providers: Option<String> = Ty::Text(2_000);
    /// When it was last audited.
    last_audit_date: Option<Date> = Ty::Date, sorts;
    /// Within how many hours the function must be back.
    rto_hours: Option<f64> = Ty::Number(0.0, 100_000.0);
    /// How many hours of data the function may lose.
    rpo_hours: Option<f64> = Ty::Number(0.0, 100_000.0);
    /// The vendors that it builds on.
    subcontractor_ids: Ids<VendorId> = Ty::List(&Ty::Ref("vendor"), 100);
}

#[async_trait]
impl Rules for Service {
    type Tx = Tx;

    async fn settle(
        _: &Ctx,
        _: &mut Tx,
        _: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        for (i, id) in after.subcontractor_ids.0.iter().enumerate() {
            let field = format!("subcontractor_ids[{i}]");
            check.ensure(*id != after.vendor_id, &field, "invalid", "is the vendor itself");
            let twice = after.subcontractor_ids.0.iter().take(i).any(|other| other == id);
            check.ensure(!twice, &field, "repeated", "is named already");
        }
        Ok(())
    }

    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        if after.lifts(before) {
            let vendor = kit::hold::<Vendor>(ctx, tx, after.vendor_id, None).await?;
            let critical = vendor::critical_services(ctx, tx, vendor.id).await? > 0;
            vendor::rejudge(ctx, tx, vendor, critical, |_| {}).await?;
        }
        Ok(())
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        let named: ListQuery = Contract::LIST.query().only("service_ids", vec![Scalar::Id(record.id.0)]);
        let contracts = kit::count::<Contract>(ctx, tx, &named).await?;
        if contracts > 0 {
            return Err(Refusal::Conflict(format!("the service is still referred to by contracts ({contracts})")));
        }
        if record.supports_critical_function {
            let vendor = kit::hold::<Vendor>(ctx, tx, record.vendor_id, None).await?;
            // It is still among those that are counted.
            let critical = vendor::critical_services(ctx, tx, vendor.id).await? > 1;
            vendor::rejudge(ctx, tx, vendor, critical, |_| {}).await?;
        }
        Ok(())
    }
}

impl Service {
    /// Whether what a change says of its function may move the vendor's tier.
    fn lifts(&self, before: Option<&Self>) -> bool {
        self.supports_critical_function != before.is_some_and(|before| before.supports_critical_function)
    }
}

impl IctService {
    /// The code of Annex III, S01 to S19.
    pub fn code(self) -> String {
        let place = Self::ALL.iter().position(|service| *service == self).unwrap_or_default();
        format!("S{:02}", place.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_ict_services_have_the_codes_of_annex_iii() {
        assert_eq!(IctService::ALL.len(), 19);
        for (service, code) in [
            (IctService::ProjectManagement, "S01"),
            (IctService::Hosting, "S07"),
            (IctService::Telecom, "S10"),
            (IctService::Operations, "S14"),
            (IctService::CloudIaas, "S17"),
            (IctService::CloudSaas, "S19"),
        ] {
            assert_eq!(service.code(), code);
        }
    }
}
