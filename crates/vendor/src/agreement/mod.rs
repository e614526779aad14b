//! Contracts with vendors: the terms on which services are supplied.
//!
//! The reference is the organization's own and names a contract everywhere, in the register of information too. A
//! contract names services of its vendor; whether it supports a critical or important function, and what it must say for
//! that, follows from them.

mod checks;
mod standing;

use async_trait::async_trait;
use grc_kernel::{
    Checker, Ctx, Refusal, Resource, Rules, UserId, kit,
    list::Scalar,
    nested, resource,
    resource::{Ids, Machine, Nested, One, Words},
    shape::{Member, Preset, Ty, forms, must, null},
    typed_id, wire_enum,
};
use time::Date;

pub use standing::{Standing, expiring, standing};

use crate::{ServiceId, ports::Tx, rules::clauses::Clause, vendor::VendorId};

typed_id! {
    /// A contract with a vendor.
    ContractId,
}

wire_enum! {
    /// How it stands to others.
    pub enum Arrangement {
        /// By itself.
        Standalone = "standalone",
        /// Others are made under it.
        Overarching = "overarching",
        /// It is made under another.
        Subsequent = "subsequent",
    }
}

wire_enum! {
    /// Where it stands. That its end has passed makes no contract expired: it may have been renewed, and somebody must say.
    pub enum ContractStatus {
        /// It is negotiated.
        Draft = "draft",
        /// It is in force.
        Active = "active",
        /// It ended by time.
        Expired = "expired",
        /// Somebody ended it.
        Terminated = "terminated",
    }
}

wire_enum! {
    /// Why it was ended.
    pub enum Termination {
        /// It expired and was not renewed.
        NotRenewed = "not_renewed",
        /// The provider broke law, regulation or contract.
        Breach = "breach",
        /// Something stood in the way of what it was to support.
        Impediment = "impediment",
        /// Sensitive data was not safe with the provider.
        DataWeakness = "data_weakness",
        /// An authority asked for it.
        AuthorityRequest = "authority_request",
        /// Something else.
        Other = "other",
    }
}

/// The moves of a contract. A register that is taken over has contracts in every state.
pub const MACHINE: Machine = Machine {
    field: "status",
    initial: &["active", "draft", "expired", "terminated"],
    moves: &[
        ("draft", &["active", "terminated"]),
        ("active", &["expired", "terminated"]),
        ("expired", &["active", "terminated"]),
        ("terminated", &["active"]),
    ],
};

nested! {
    /// What a contract costs.
    pub struct Cost as "ContractCost" {
        /// How much a year, in decimal digits.
        amount: String = Ty::Line(20), required;
        /// Of what, ISO 4217.
        currency: String = Ty::Line(3), required;
    }

    /// Somebody who does part of the work for the vendor.
    pub struct SubProcessor as "ContractSubProcessor" {
        /// What it is called.
        name: String = Ty::Line(200), required;
        /// Where it is, ISO 3166-1 alpha-2.
        country: Option<String> = Ty::Line(2), of_form(forms::COUNTRY);
        /// Its legal entity identifier.
        lei: Option<String> = Ty::Line(20);
        /// What it does.
        purpose: Option<String> = Ty::Text(2_000);
        /// How far down the chain it is: 2 for one of the vendor's own.
        rank: Option<i64> = Ty::Int(2, 20);
    }
}

/// What answers show of a contract beyond its own members.
pub const STANDING: &[Member] = &[
    null("days_left", Ty::Int(-5_000_000, 5_000_000), "The days from today to its end, negative after it.").computed(),
    must("supports_critical_function", Ty::Bool, "Whether one of its services supports a critical function.")
        .computed(),
    must(
        "missing_clauses",
        Ty::List(&Ty::Word(Clause::NAMES), 50),
        "What a contract on its services must say and it does not (DORA, Article 30).",
    )
    .computed(),
];

resource! {
    /// A contract with a vendor.
    pub struct Contract(ContractId) as "VendorContract" {
        kind: "vendor_contract", table: "vendor_contracts", area: "vendor", name: "reference",
        sort: ("created_at", true), machine: MACHINE, extra: STANDING,
    }
    /// The vendor.
    vendor_id: VendorId = Ty::Ref("vendor"), required, fixed;
    /// The organization's reference for it.
    reference: String = Ty::Line(100), required, sorts, searches, unique;
    /// What it is called.
    title: Option<String> = Ty::Line(200), sorts, searches;
    /// What it is about.
    description: Option<String> = Ty::Text(20_000), searches;
    /// How it stands to others.
    arrangement_type: Arrangement = Ty::Word(Arrangement::NAMES), preset(Preset::Text("standalone"));
    /// The contract that it is made under.
    overarching_contract_id: Option<ContractId> = Ty::Ref("vendor_contract");
    /// Contracts that belong to it, as those inside a group.
    linked_contract_ids: Ids<ContractId> = Ty::List(&Ty::Ref("vendor_contract"), 100);
    /// Where it stands.
    status: ContractStatus = Ty::Word(ContractStatus::NAMES), preset(Preset::Text("active"));
    /// The services of the vendor that it is about.
    service_ids: Ids<ServiceId> = Ty::List(&Ty::Ref("vendor_service"), 1_000);
    /// Who answers for it: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
    /// Since when it is in force.
    start_date: Option<Date> = Ty::Date, sorts;
    /// Until when; open where that is not said.
    end_date: Option<Date> = Ty::Date, sorts;
    /// Whether it goes on after its end unless somebody gives notice.
    auto_renew: bool = Ty::Bool, preset(Preset::Bool(false));
    /// For how many months it then goes on.
    renewal_months: Option<i64> = Ty::Int(1, 600);
    /// The days of notice that the organization gives.
    notice_days_entity: Option<i64> = Ty::Int(0, 3_650);
    /// The days of notice that the vendor gives.
    notice_days_provider: Option<i64> = Ty::Int(0, 3_650);
    /// When it was ended.
    terminated_on: Option<Date> = Ty::Date;
    /// Why.
    termination_reason: Option<Termination> = Ty::Word(Termination::NAMES);
    /// The legal entity identifier of whoever signed it.
    signing_entity_lei: Option<String> = Ty::Line(20), filters;
    /// Those of the entities that use the services.
    using_entity_leis: Vec<String> = Ty::List(&Ty::Line(20), 200);
    /// Whether the vendor is of the organization's own group.
    intra_group: bool = Ty::Bool, preset(Preset::Bool(false));
    /// The country whose law governs it, ISO 3166-1 alpha-2.
    governing_law_country: Option<String> = Ty::Line(2), of_form(forms::COUNTRY), filters;
    /// The countries that the services are provided from.
    service_countries: Vec<String> = Ty::List(&Ty::Line(2), 250);
    /// The countries where data is kept.
    data_at_rest_countries: Vec<String> = Ty::List(&Ty::Line(2), 250);
    /// The countries where data is processed.
    data_processing_countries: Vec<String> = Ty::List(&Ty::Line(2), 250);
    /// Who does part of the work for the vendor.
    sub_processors: Vec<SubProcessor> = Ty::List(&Ty::Object(SubProcessor::SHAPE), 200);
    /// What it costs a year.
    annual_cost: Option<One<Cost>> = Ty::Object(Cost::SHAPE);
    /// What it says.
    clauses: Words<Clause> = Ty::List(&Ty::Word(Clause::NAMES), 50);
    /// The availability that is promised, in per cent.
    sla_availability: Option<f64> = Ty::Number(0.0, 100.0);
    /// Within how many hours the vendor promises to be back.
    sla_rto_hours: Option<f64> = Ty::Number(0.0, 100_000.0);
    /// How many hours of data it may lose by its promise.
    sla_rpo_hours: Option<f64> = Ty::Number(0.0, 100_000.0);
    /// Within how many hours it tells of a breach.
    breach_notice_hours: Option<i64> = Ty::Int(0, 8_760);
}

#[async_trait]
impl Rules for Contract {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        after.verify(check);
        after.verify_codes(check);
        after.verify_services(ctx, tx, before, check).await?;
        after.verify_place(ctx, tx, before, check).await?;
        let ended = before.is_some_and(|before| before.status != after.status);
        if after.status == ContractStatus::Terminated && ended && after.terminated_on.is_none() {
            after.terminated_on = Some(ctx.now.date());
        }
        Ok(())
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        let naming = |member: &str| Self::LIST.query().only(member, vec![Scalar::Id(record.id.0)]);
        let under = kit::count::<Self>(ctx, tx, &naming("overarching_contract_id")).await?;
        let linked = kit::count::<Self>(ctx, tx, &naming("linked_contract_ids")).await?;
        match under.saturating_add(linked) {
            0 => Ok(()),
            count => Err(Refusal::Conflict(format!("the contract is still referred to by other contracts ({count})"))),
        }
    }
}
