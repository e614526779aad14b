//! The register of vendors.
//!
//! Rules: with answers to the tiering questions the tier follows from them, and one that somebody gives against it needs
//! a reason. The next review is due by the tier; it may be brought forward, not put off. A vendor is not its own parent,
//! over however many others.

mod judgement;
mod key;

use async_trait::async_trait;
use grc_kernel::{
    Changes, Checker, Ctx, ListQuery, Refusal, Repo, Resource, Rules, StoreResult, UserId, Uuid, kit,
    list::Scalar,
    resource,
    resource::{Cell, Nested, One, Words},
    shape::{Preset, Ty, forms},
    typed_id, wire_enum,
};
use time::{Date, OffsetDateTime};

use crate::{
    Assessment, Contract, Service,
    ports::Tx,
    rules::tiering::{Floor, Tier, Tiering},
};

pub use key::GrantedKey;

typed_id! {
    /// A vendor.
    VendorId,
}

wire_enum! {
    /// Where the organization stands with a vendor.
    pub enum Status {
        /// It supplies.
        Active = "active",
        /// It supplies nothing at the moment.
        Inactive = "inactive",
        /// It is looked at before it supplies anything.
        Pending = "pending",
        /// It is gone, and what it held is returned or destroyed.
        Offboarded = "offboarded",
    }
}

wire_enum! {
    /// Where a tier comes from.
    pub enum TierSource {
        /// It follows from the tiering answers.
        Formula = "formula",
        /// Somebody gave it.
        Given = "given",
    }
}

wire_enum! {
    /// In whose register a vendor's registration is.
    pub enum Registration {
        /// The European unique identifier.
        Euid = "euid",
        /// A company register.
        CompanyRegister = "company_register",
        /// The register of value added tax.
        Vat = "vat",
        /// A passport.
        Passport = "passport",
        /// A national identity number.
        NationalId = "national_id",
    }
}

wire_enum! {
    /// What a vendor is in law.
    pub enum Person {
        /// A company or another body.
        Legal = "legal",
        /// A person acting for itself.
        Individual = "individual",
    }
}

resource! {
    /// Somebody who supplies the organization.
    pub struct Vendor(VendorId) as "Vendor" {
        kind: "vendor", table: "vendors", area: "vendor", name: "name", sort: ("created_at", true),
    }
    /// What it is called.
    name: String = Ty::Line(200), required, sorts, searches;
    /// What it is called in law, where that differs.
    legal_name: Option<String> = Ty::Line(200), searches;
    /// What it is called in Latin letters, where its name is in others.
    latin_name: Option<String> = Ty::Line(200), searches;
    /// What it does for the organization.
    description: Option<String> = Ty::Text(20_000), searches;
    /// The organization's own word for what kind of vendor it is.
    category: Option<String> = Ty::Line(100), sorts;
    /// How much depends on it. It follows from `tiering` where that is given, unless `tier_reason` says why not.
    risk_tier: Tier = Ty::Word(Tier::NAMES), preset(Preset::Text("medium"));
    /// Why the tier is another than the computed one.
    tier_reason: Option<String> = Ty::Text(2_000);
    /// Where the organization stands with it.
    status: Status = Ty::Word(Status::NAMES), preset(Preset::Text("pending"));
    /// Who answers for it: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
    /// Whom to ask there.
    contact_name: Option<String> = Ty::Line(200);
    /// Where to write to them.
    contact_email: Option<String> = Ty::Email;
    /// Its web site.
    website: Option<String> = Ty::Url;
    /// The country of its head office, ISO 3166-1 alpha-2.
    country: Option<String> = Ty::Line(2), of_form(forms::COUNTRY), filters;
    /// Its legal entity identifier, ISO 17442.
    lei: Option<String> = Ty::Line(20), filters;
    /// How another register knows it.
    registration_id: Option<String> = Ty::Line(100), filters;
    /// Which register that is.
    registration_type: Option<Registration> = Ty::Word(Registration::NAMES);
    /// What it is in law.
    person_type: Person = Ty::Word(Person::NAMES), preset(Preset::Text("legal"));
    /// The vendor that it belongs to.
    parent_vendor_id: Option<VendorId> = Ty::Ref("vendor");
    /// What it is certified for.
    certifications: Vec<String> = Ty::List(&Ty::Line(200), 1_000);
    /// Words to find it by.
    tags: Vec<String> = Ty::List(&Ty::Line(100), 1_000);
    /// How risky the organization holds it for, from 0 to 100 (the riskiest).
    risk_rating: Option<i64> = Ty::Int(0, 100), sorts;
    /// The answers that tier and inherent score are computed of.
    tiering: Option<One<Tiering>> = Ty::Object(Tiering::SHAPE);
    /// Whether it supports a critical or important function; the services under it say so too.
    supports_critical_function: bool = Ty::Bool, preset(Preset::Bool(false));
    /// Whether a mission-critical process depends on it and has no alternative.
    mission_critical_dependency: bool = Ty::Bool, preset(Preset::Bool(false));
    /// Whether it holds regulated personal data at scale.
    holds_regulated_data: bool = Ty::Bool, preset(Preset::Bool(false));
    /// Where its A2A server is, or the document that says so.
    a2a_endpoint: Option<String> = Ty::Url;
    /// The key that it granted the organization for that server.
    a2a_key: Option<GrantedKey> = Ty::Line(500), write_only;
    /// When it is reviewed next: by its tier after 12, 12, 24 or 36 months, or earlier where somebody says so. `null`
    /// puts it back to the tier's.
    next_review_date: Option<Date> = Ty::Date, sorts;
    /// Where the tier comes from.
    tier_source: TierSource = Ty::Word(TierSource::NAMES), computed, preset(Preset::Text("formula"));
    /// The tier that the formula gives.
    computed_tier: Option<Tier> = Ty::Word(Tier::NAMES), computed;
    /// Why the formula's tier is at least high, whatever the answers say.
    tier_overrides: Words<Floor> = Ty::List(&Ty::Word(Floor::NAMES), 10), computed;
    /// The version of the formula.
    tiering_formula: Option<String> = Ty::Line(50), computed;
    /// How risky it is before anything is known of its controls, from 0 to 100; none without tiering answers.
    inherent_score: Option<f64> = Ty::Number(0.0, 100.0), computed, sorts;
    /// How far its last assessment answers for that, from 0 to 1, on the day it was completed.
    assurance: Option<f64> = Ty::Number(0.0, 1.0), computed;
    /// What assurance leaves of the inherent score, and at least a fifth of it. Without tiering answers the middle of
    /// the tier's scores stands in for the inherent one. Lists sort and filter by it as it was at the last change.
    residual_score: Option<f64> = Ty::Number(0.0, 100.0), computed, sorts;
    /// The band that its rating (else its residual score) lies in: of 75, 50, 25 and below.
    rating_band: Option<Tier> = Ty::Word(Tier::NAMES), computed;
    /// Its last completed assessment.
    last_assessment_id: Option<Uuid> = Ty::Id, computed;
    /// When that was completed.
    last_assessed_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// Until when its newest verified attestation holds.
    attested_until: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// Whether a key for its A2A server is kept.
    has_a2a_key: bool = Ty::Bool, computed;
}

#[async_trait]
impl Rules for Vendor {
    type Tx = Tx;

    /// A tier that is said is somebody's; one that is not said follows the formula where the answers are new, or where
    /// the reason against it is taken back.
    ///
    /// The vendor's key was given for one endpoint. Whoever names another without a key for it would else have it sent
    /// there, and so read what nobody is shown.
    fn imply(before: Option<&Self>, changes: Changes<Self>) -> Changes<Self> {
        let endpoint = before.and_then(|before| before.a2a_endpoint.clone()).map_or(Cell::Null, Cell::Text);
        let moved = before.is_some() && changes.value("a2a_endpoint").is_some_and(|named| *named != endpoint);
        let changes =
            if moved && changes.value("a2a_key").is_none() { changes.set("a2a_key", Cell::Null) } else { changes };
        let follows = before.is_some_and(|before| {
            let unreasoned = changes.value("tier_reason") == Some(&Cell::Null);
            unreasoned || (before.tiering.is_none() && changes.value("tiering").is_some())
        });
        let source = match changes.value("risk_tier").filter(|tier| **tier != Cell::Null) {
            Some(_) => TierSource::Given,
            None if follows => TierSource::Formula,
            None => return changes,
        };
        changes.set("tier_source", Cell::Text(source.as_str().to_owned()))
    }

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        after.verify(check);
        if let (Some(before), Some(parent)) = (before, after.parent_vendor_id)
            && before.parent_vendor_id != after.parent_vendor_id
        {
            let circle = tx.lineage(ctx.org, parent).await?.contains(&after.id);
            check.ensure(!circle, "parent_vendor_id", "cycle", "is the vendor itself or one that belongs to it");
        }
        let critical = after.tiering.is_some() && critical_services(ctx, tx, after.id).await? > 0;
        after.judge(critical, ctx.now);
        let explained = after.tier_reason.as_ref().is_some_and(|reason| !reason.trim().is_empty());
        let follows = after.tiering.is_none() || after.tier_source == TierSource::Formula;
        check.ensure(
            follows || explained,
            "tier_reason",
            "required",
            format!("must say why the tier is not {}, which follows from the answers", after.tier_of_answers()),
        );
        after.schedule(before, check);
        Ok(())
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        let of = |query: ListQuery, member: &str| query.only(member, vec![Scalar::Id(record.id.0)]);
        let refer = [
            ("contracts", kit::count::<Contract>(ctx, tx, &of(Contract::LIST.query(), "vendor_id")).await?),
            ("assessments", kit::count::<Assessment>(ctx, tx, &of(Assessment::LIST.query(), "vendor_id")).await?),
            (
                "vendors that belong to it",
                kit::count::<Self>(ctx, tx, &of(Self::LIST.query(), "parent_vendor_id")).await?,
            ),
            (
                "services of others that build on it",
                kit::count::<Service>(ctx, tx, &of(Service::LIST.query(), "subcontractor_ids")).await?,
            ),
        ];
        let refer: Vec<String> =
            refer.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what} ({count})")).collect();
        if refer.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Conflict(format!("the vendor is still referred to by {}", refer.join(", "))))
        }
    }
}

/// How many services of a vendor support a critical or important function.
pub(crate) async fn critical_services(ctx: &Ctx, tx: &mut Tx, id: VendorId) -> StoreResult<i64> {
    let of = Service::LIST.query().only("vendor_id", vec![Scalar::Id(id.0)]);
    kit::count::<Service>(ctx, tx, &of.only("supports_critical_function", vec![Scalar::Bool(true)])).await
}

/// Changes what is computed of a vendor that is held, as a consequence of what happened to something of it: the journal
/// has that.
pub(crate) async fn rejudge(
    ctx: &Ctx,
    tx: &mut Tx,
    before: Vendor,
    critical_service: bool,
    change: impl FnOnce(&mut Vendor),
) -> Result<Vendor, Refusal> {
    let mut after = before.clone();
    change(&mut after);
    after.judge(critical_service, ctx.now);
    after.schedule(Some(&before), &mut Checker::new());
    if after != before {
        after.meta.touch(ctx);
        Repo::<Vendor>::update(tx, &after, before.meta.revision).await?;
    }
    Ok(after)
}

/// Notes until when a vendor's newest verified attestation holds. The journal's entry is the attestation's.
pub async fn attested(ctx: &Ctx, tx: &mut Tx, id: VendorId, until: Option<OffsetDateTime>) -> Result<Vendor, Refusal> {
    let before = kit::hold::<Vendor>(ctx, tx, id, None).await?;
    let critical = critical_services(ctx, tx, id).await? > 0;
    rejudge(ctx, tx, before, critical, |vendor| vendor.attested_until = until).await
}

/// A vendor that Rust code enters: what a client says in JSON, said in types.
pub fn named(name: &str) -> Changes<Vendor> {
    let name = name.to_owned();
    Changes::with(move |vendor: &mut Vendor| vendor.name = name)
}
