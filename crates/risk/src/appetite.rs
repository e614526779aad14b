//! How much risk the organization bears, by category: up to the appetite willingly, up to the tolerance for a while.
//!
//! Both are held against the residual score, and against the inherent one where there is no residual. An entry
//! above the appetite needs treatment, one above the tolerance needs the attention of those who lead.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, Fact, IfMatch, Meta, Refusal, Repo, Resource, Rules, StoreResult, kit, nested,
    resource,
    resource::Nested,
    shape::{Ty, forms},
    typed_id,
};
use serde_json::{Map, Value};

use crate::{entry::Category, matrix::MOVED, ports::Tx};

typed_id! {
    /// The id of an organization's appetite: the organization's own.
    AppetiteId,
}

nested! {
    /// The bounds of a category.
    pub struct Bounds as "RiskBounds" {
        /// Scores above it need treatment.
        appetite: i64 = Ty::Int(0, 100), required;
        /// Scores above it need escalation.
        tolerance: i64 = Ty::Int(0, 100), required;
        /// The expected annual loss that is borne, in the organization's currency.
        money: Option<f64> = Ty::Number(0.0, 1e15);
    }
}

resource! {
    /// The risk appetite of an organization, by category.
    pub struct Appetite(AppetiteId) as "RiskAppetite" {
        kind: "risk_appetite", table: "risk_appetites", area: "risk", name: "id", sort: ("created_at", true),
        write: Access::Admin, extra: MOVED,
    }
    /// The bounds of each category that has any.
    categories: Map<String, Value> = Ty::Map(&Ty::Object(Bounds::SHAPE)), required,
        of_form(forms::form("^(operational|financial|compliance|strategic|third_party|cyber|reputational)$", "cyber"));
}

#[async_trait]
impl Rules for Appetite {
    type Tx = Tx;

    async fn settle(
        _: &Ctx,
        _: &mut Tx,
        _: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        for name in after.categories.keys() {
            let field = format!("categories.{name}");
            if Category::parse(name).is_none() {
                check.note(&field, "unknown", format!("must be one of {}", Category::NAMES.join(", ")));
            }
            if let Some(bounds) = after.bounds_of(name) {
                let ordered = bounds.appetite <= bounds.tolerance;
                check.ensure(ordered, &format!("{field}.tolerance"), "out_of_order", "may not be below the appetite");
            }
        }
        Ok(())
    }
}

impl Appetite {
    /// The bounds of a category, where it has any.
    pub fn bounds(&self, category: Category) -> Option<Bounds> {
        self.bounds_of(category.as_str())
    }

    fn bounds_of(&self, name: &str) -> Option<Bounds> {
        self.categories.get(name).and_then(Value::as_object).and_then(|members| Bounds::from_json(members).ok())
    }

    /// Whether a score is above the appetite and above the tolerance of a category.
    pub fn weigh(&self, category: Category, score: i64) -> (bool, bool) {
        self.bounds(category).map_or((false, false), |b| (score > b.appetite, score > b.tolerance))
    }
}

/// The organization's appetite; one without bounds (and revision 0) where it decided on none.
pub async fn current(ctx: &Ctx, tx: &mut Tx) -> StoreResult<Appetite> {
    let stored = Repo::<Appetite>::find(tx, ctx.org, AppetiteId(ctx.org.0)).await?;
    Ok(stored
        .unwrap_or_else(|| Appetite::blank(AppetiteId(ctx.org.0), ctx.org, Meta { revision: 0, ..Meta::new(ctx) })))
}

/// The organization's appetite, for a reader.
pub async fn get(ctx: &Ctx, tx: &mut Tx) -> Result<Appetite, Refusal> {
    ctx.require(Appetite::permission(Access::Read))?;
    Ok(current(ctx, tx).await?)
}

/// Decides on an appetite; how many entries came above or below a bound by it.
pub async fn decide(
    ctx: &Ctx,
    tx: &mut Tx,
    if_match: impl Into<IfMatch> + Send,
    changes: Changes<Appetite>,
) -> Result<(Appetite, i64), Refusal> {
    ctx.require(Appetite::permission(Access::Admin))?;
    let before = current(ctx, tx).await?;
    kit::unchanged(if_match, before.meta.revision)?;
    let mut after = kit::draft(ctx, tx, changes).await?;
    after.id = before.id;
    let stored = before.meta.revision > 0;
    if stored {
        after.meta = before.meta;
        after.meta.touch(ctx);
        Repo::<Appetite>::update(tx, &after, before.meta.revision).await?;
    } else {
        Repo::<Appetite>::insert(tx, &after).await?;
    }
    let moved = tx.reweigh(ctx, &after).await?;
    let fact = if stored { Fact::updated(&before, &after) } else { Fact::created(&after) };
    tx.journal().record(ctx, fact).await?;
    Ok((after, moved))
}
