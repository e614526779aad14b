//! The dashboard: how the register stands, in a fixed number of statements however large it is.
//!
//! What a list request asks of the register holds for everything here but the indicators. Counts are of all risks that
//! match; what asks for action (the ten greatest, what is overdue, what is above the appetite, what is expected to be
//! lost) leaves out the closed ones.

use std::collections::BTreeMap;

use grc_kernel::{
    Access, Ctx, ListQuery, Refusal, Repo, Resource, UserId,
    list::{Filter, Scalar, Sort, Test},
    resource::Cell,
};
use time::{Date, Duration, OffsetDateTime};

use crate::{
    Entry, EntryId, TreatmentId, appetite,
    entry::{Category, Status},
    kri::{self, Colour},
    matrix,
    ports::Tx,
    treatment::TreatmentStatus,
};

/// How many items each list of the dashboard shows.
pub const SHOWN: usize = 10;
/// How far back a risk may have moved.
pub const MOVED_WITHIN: Duration = Duration::days(30);

/// A risk whose score is another one than thirty days ago.
#[derive(Clone, Debug, PartialEq)]
pub struct Mover {
    /// The risk.
    pub id: EntryId,
    /// Its title.
    pub title: String,
    /// Its category.
    pub category: Category,
    /// The score before the first change of these days.
    pub from_score: i64,
    /// The score now.
    pub to_score: i64,
    /// When that first change was.
    pub since: OffsetDateTime,
}

/// A treatment that should be over.
#[derive(Clone, Debug, PartialEq)]
pub struct OverdueTreatment {
    /// The treatment.
    pub id: TreatmentId,
    /// Its title.
    pub title: String,
    /// Its risk.
    pub risk_id: EntryId,
    /// The risk's title.
    pub risk_title: String,
    /// Who does it.
    pub owner_id: Option<UserId>,
    /// How far it is.
    pub status: TreatmentStatus,
    /// Until when it should have been done.
    pub due_date: Date,
}

/// What is expected to be lost a year by the risks of a category.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The category.
    pub category: Category,
    /// The sum of the means of the latest runs.
    pub annual_loss: f64,
    /// How many analyses have such a run.
    pub analyses: i64,
    /// What is borne, where the appetite says so in money.
    pub money: Option<f64>,
}

/// How many there are in all, and the first of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Firsts<T> {
    /// All of them.
    pub count: i64,
    /// The first ones.
    pub items: Vec<T>,
}

/// How the register stands.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// How many risks there are.
    pub total: i64,
    /// By category.
    pub by_category: BTreeMap<Category, i64>,
    /// By the level that stands, in the matrix's order.
    pub by_level: Vec<(String, i64)>,
    /// By status.
    pub by_status: BTreeMap<Status, i64>,
    /// Those with the greatest scores.
    pub top: Vec<Entry>,
    /// Those that moved, the farthest first.
    pub movers: Vec<Mover>,
    /// Treatments that should be over, the longest overdue first.
    pub overdue_treatments: Firsts<OverdueTreatment>,
    /// Risks that should have been looked at again, likewise.
    pub overdue_reviews: Firsts<Entry>,
    /// Indicators by colour.
    pub kris: Vec<(Colour, i64)>,
    /// What is expected to be lost.
    pub expected: Vec<Expected>,
    /// How many are above the appetite of their category.
    pub above_appetite: i64,
    /// How many are above its tolerance.
    pub above_tolerance: i64,
}

impl Dashboard {
    /// What all of it is expected to lose a year.
    pub fn expected_annual_loss(&self) -> f64 {
        self.expected.iter().fold(0.0, |sum, expected| sum + expected.annual_loss)
    }
}

/// Looks at the risks that a list request matches.
pub async fn get(ctx: &Ctx, tx: &mut Tx, query: &ListQuery) -> Result<Dashboard, Refusal> {
    ctx.require(Entry::permission(Access::Read))?;
    let query = &query.clone().limited(SHOWN);
    let today = ctx.now.date();
    let mut dashboard = counted(ctx, tx, query).await?;
    dashboard.by_level = levels(ctx, tx, query).await?;
    dashboard.top = Repo::<Entry>::page(tx, ctx.org, &by(open(query), "score", true)).await?.items;
    dashboard.movers = tx.movers(ctx.org, query, ctx.now - MOVED_WITHIN).await?;
    dashboard.overdue_treatments = tx.overdue_treatments(ctx.org, &open(query), today).await?;
    let mut overdue = by(open(query), "review_date", false);
    overdue.total = true;
    let yesterday = today.previous_day().unwrap_or(today);
    only(&mut overdue, "review_date", Test::AtMost(Scalar::Date(yesterday)));
    let page = Repo::<Entry>::page(tx, ctx.org, &overdue).await?;
    dashboard.overdue_reviews = Firsts { count: page.total.unwrap_or(0), items: page.items };
    dashboard.kris = kri::colours(ctx, tx).await?;
    let appetite = appetite::current(ctx, tx).await?;
    dashboard.expected = tx.expected_losses(ctx.org, &open(query)).await?;
    dashboard.expected.sort_by_key(|expected| expected.category);
    for expected in &mut dashboard.expected {
        expected.money = appetite.bounds(expected.category).and_then(|bounds| bounds.money);
    }
    Ok(dashboard)
}

/// The counts that one statement gives.
async fn counted(ctx: &Ctx, tx: &mut Tx, query: &ListQuery) -> Result<Dashboard, Refusal> {
    let mut dashboard = Dashboard {
        total: 0,
        by_category: Category::ALL.iter().map(|category| (*category, 0)).collect(),
        by_level: Vec::new(),
        by_status: Status::ALL.iter().map(|status| (*status, 0)).collect(),
        top: Vec::new(),
        movers: Vec::new(),
        overdue_treatments: Firsts { count: 0, items: Vec::new() },
        overdue_reviews: Firsts { count: 0, items: Vec::new() },
        kris: Vec::new(),
        expected: Vec::new(),
        above_appetite: 0,
        above_tolerance: 0,
    };
    let by = ["category", "status", "above_appetite", "above_tolerance"];
    for (values, count) in Repo::<Entry>::tally(tx, ctx.org, query, &by).await? {
        let [Cell::Text(category), Cell::Text(status), Cell::Bool(appetite), Cell::Bool(tolerance)] = values.as_slice()
        else {
            continue;
        };
        dashboard.total += count;
        if let Some(category) = Category::parse(category) {
            *dashboard.by_category.entry(category).or_default() += count;
        }
        let status = Status::parse(status).unwrap_or(Status::Identified);
        *dashboard.by_status.entry(status).or_default() += count;
        if status != Status::Closed {
            dashboard.above_appetite += if *appetite { count } else { 0 };
            dashboard.above_tolerance += if *tolerance { count } else { 0 };
        }
    }
    Ok(dashboard)
}

/// How many risks have each level: the matrix's levels, whether any risk has them or not.
async fn levels(ctx: &Ctx, tx: &mut Tx, query: &ListQuery) -> Result<Vec<(String, i64)>, Refusal> {
    let matrix = matrix::current(ctx, tx).await?;
    let mut counts: Vec<(String, i64)> = matrix.levels.into_iter().map(|level| (level.key, 0)).collect();
    for (values, count) in Repo::<Entry>::tally(tx, ctx.org, query, &["residual_level", "inherent_level"]).await? {
        let level = values.into_iter().find_map(|value| match value {
            Cell::Text(level) => Some(level),
            _ => None,
        });
        if let Some((_, counted)) = counts.iter_mut().find(|(key, _)| Some(key) == level.as_ref()) {
            *counted += count;
        }
    }
    Ok(counts)
}

/// The same request without the closed risks.
fn open(query: &ListQuery) -> ListQuery {
    let mut query = query.clone();
    let closed = Scalar::Text(Status::Closed.as_str().to_owned());
    only(&mut query, "status", Test::NoneOf(vec![closed]));
    query
}

fn only(query: &mut ListQuery, name: &str, test: Test) {
    query.filters.extend(Entry::LIST.field(name).map(|field| Filter { field, test }));
}

fn by(mut query: ListQuery, name: &str, descending: bool) -> ListQuery {
    if let Some(field) = Entry::LIST.field(name) {
        query.sort = Sort { field, descending };
    }
    query
}
