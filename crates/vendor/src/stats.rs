//! The register in numbers: counted by the database, in a few statements however large it is.

use std::collections::BTreeMap;

use grc_kernel::{
    Access, Ctx, Field, ListQuery, Refusal, Repo, Resource, kit,
    list::{Filter, Scalar, Test},
    resource::Cell,
};
use time::Duration;

use crate::{
    Contract, Vendor,
    agreement::{self, ContractStatus},
    ports::Tx,
    rules::tiering::Tier,
    vendor::Status,
};

/// How many days ahead the numbers look.
pub const HORIZON_DAYS: i64 = 90;
/// The name of the band of vendors that have neither a rating nor a score.
pub const UNRATED: &str = "unrated";

/// Counts by name; what there is none of counts 0.
pub type Counts = BTreeMap<&'static str, i64>;

/// The register in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// All vendors.
    pub total: i64,
    /// By where the organization stands with them.
    pub by_status: Counts,
    /// By tier.
    pub by_tier: Counts,
    /// By rating band.
    pub by_rating_band: Counts,
    /// Those whose review is due; offboarded ones are not reviewed.
    pub reviews_due: i64,
    /// Those whose review comes due within the horizon.
    pub reviews_upcoming: i64,
    /// Contracts in force that end within the horizon.
    pub contracts_expiring: i64,
    /// Contracts said to be in force whose end has passed.
    pub contracts_lapsed: i64,
    /// Vendors that have a verified attestation which still holds.
    pub attestations_valid: i64,
}

fn zero(names: &[&'static str]) -> Counts {
    names.iter().map(|name| (*name, 0)).collect()
}

fn add(counts: &mut Counts, value: &Cell, count: i64) {
    let name = match value {
        Cell::Text(text) => text.as_str(),
        _ => UNRATED,
    };
    if let Some(sum) = counts.get_mut(name) {
        *sum += count;
    }
}

fn with(mut query: ListQuery, field: Option<&'static Field>, test: Test) -> ListQuery {
    match field {
        Some(field) => query.filters.push(Filter { field, test }),
        None => query.limit = 0,
    }
    query
}

/// Counts.
pub async fn get(ctx: &Ctx, tx: &mut Tx) -> Result<Stats, Refusal> {
    ctx.require(Vendor::permission(Access::Read))?;
    let groups =
        Repo::<Vendor>::tally(tx, ctx.org, &Vendor::LIST.query(), &["status", "risk_tier", "rating_band"]).await?;
    let mut bands = zero(Tier::NAMES);
    bands.insert(UNRATED, 0);
    let (mut by_status, mut by_tier) = (zero(Status::NAMES), zero(Tier::NAMES));
    let mut total = 0;
    for (values, count) in groups {
        let [status, tier, band] = values.as_slice() else { continue };
        add(&mut by_status, status, count);
        add(&mut by_tier, tier, count);
        add(&mut bands, band, count);
        total += count;
    }
    let today = ctx.now.date();
    let ahead = today.checked_add(Duration::days(HORIZON_DAYS)).unwrap_or(time::Date::MAX);
    let reviewed = || {
        let gone = vec![Scalar::Text(Status::Offboarded.as_str().to_owned())];
        with(Vendor::LIST.query(), Vendor::LIST.field("status"), Test::NoneOf(gone))
    };
    let review = || Vendor::LIST.field("next_review_date");
    let due = with(reviewed(), review(), Test::AtMost(Scalar::Date(today)));
    let until = with(reviewed(), review(), Test::AtMost(Scalar::Date(ahead)));
    let attested =
        with(Vendor::LIST.query(), Vendor::LIST.field("attested_until"), Test::AtLeast(Scalar::Time(ctx.now)));
    let active = Contract::LIST.query().only("status", vec![Scalar::Text(ContractStatus::Active.as_str().to_owned())]);
    let yesterday = today.previous_day().unwrap_or(today);
    let lapsed = with(active, Contract::LIST.field("end_date"), Test::AtMost(Scalar::Date(yesterday)));
    let reviews_due = kit::count::<Vendor>(ctx, tx, &due).await?;
    Ok(Stats {
        total,
        by_status,
        by_tier,
        by_rating_band: bands,
        reviews_due,
        reviews_upcoming: kit::count::<Vendor>(ctx, tx, &until).await? - reviews_due,
        contracts_expiring: kit::count::<Contract>(
            ctx,
            tx,
            &agreement::expiring(Contract::LIST.query(), HORIZON_DAYS, ctx.now),
        )
        .await?,
        contracts_lapsed: kit::count::<Contract>(ctx, tx, &lapsed).await?,
        attestations_valid: kit::count::<Vendor>(ctx, tx, &attested).await?,
    })
}
