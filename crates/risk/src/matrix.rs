//! The matrix: from a likelihood and an impact to a level. An organization's own, or the default.
//!
//! `grid[likelihood - 1][impact - 1]` is the key of a level. The default is 5 x 5 and bands the product: 1-4 low,
//! 5-9 medium, 10-16 high, 17-25 critical.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, Fact, IfMatch, Meta, OrgId, Refusal, Repo, Resource, Rules, StoreResult, kit,
    nested, resource,
    resource::Nested,
    shape::{Member, Ty, forms, may},
    typed_id,
};
use serde_json::{Value, json};

use crate::{Entry, entry, ports::Tx};

/// The most rows and columns.
pub const SIZE_MAX: usize = 10;
/// The names of the default's rows and columns: very low to very high.
const SCALE: [&str; 5] = ["Very low", "Low", "Medium", "High", "Very high"];

typed_id! {
    /// The id of an organization's matrix: the organization's own.
    MatrixId,
}

nested! {
    /// A level of risk.
    pub struct Level as "RiskLevel" {
        /// The key that the grid and the entries name it by.
        key: String = Ty::Line(50), required;
        /// What people call it.
        label: String = Ty::Line(100), required;
        /// Its colour, #rrggbb.
        color: String = Ty::Line(7), required, of_form(forms::form("^#[0-9A-Fa-f]{6}$", "#d62728"));
    }
}

/// What the answer to a decision says besides.
pub(crate) const MOVED: &[Member] =
    &[may("moved", Ty::Int(0, i64::MAX), "How many risks the decision moved; only in the answer to it.").occasional()];

const ROWS: Ty = Ty::List(&Ty::List(&Ty::Line(50), SIZE_MAX), SIZE_MAX);

resource! {
    /// The risk matrix of an organization: from a likelihood and an impact to a level.
    pub struct Matrix(MatrixId) as "RiskMatrix" {
        kind: "risk_matrix", table: "risk_matrices", area: "risk", name: "id", sort: ("created_at", true),
        write: Access::Admin, extra: MOVED,
    }
    /// The names of the likelihoods, from the least.
    likelihood_labels: Vec<String> = Ty::List(&Ty::Line(100), SIZE_MAX), required, at_least(2),
        sample(r#"["Rare", "Possible", "Likely"]"#);
    /// The names of the impacts, from the least.
    impact_labels: Vec<String> = Ty::List(&Ty::Line(100), SIZE_MAX), required, at_least(2),
        sample(r#"["Minor", "Moderate", "Severe"]"#);
    /// The levels, from the least.
    levels: Vec<Level> = Ty::List(&Ty::Object(Level::SHAPE), 20), required, at_least(1), sample(
        r##"[
            {"key": "low", "label": "Low", "color": "#2e7d32"}, {"key": "medium", "label": "Medium", "color": "#f9a825"},
            {"key": "high", "label": "High", "color": "#c62828"}
        ]"##
    );
    /// The level's key for each likelihood (rows) and impact (columns).
    grid: Value = ROWS, required,
        sample(r#"[["low", "low", "medium"], ["low", "medium", "high"], ["medium", "high", "high"]]"#);
}

#[async_trait]
impl Rules for Matrix {
    type Tx = Tx;

    async fn settle(
        _: &Ctx,
        _: &mut Tx,
        _: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        after.verify(check);
        Ok(())
    }
}

impl Matrix {
    /// What an organization has that decided on none.
    pub fn standard(org: OrgId, meta: Meta) -> Self {
        let mut matrix = Self::blank(MatrixId(org.0), org, meta);
        let labels = || SCALE.map(str::to_owned).to_vec();
        let level = |(key, label, color): (&str, &str, &str)| Level {
            key: key.to_owned(),
            label: label.to_owned(),
            color: color.to_owned(),
        };
        matrix.likelihood_labels = labels();
        matrix.impact_labels = labels();
        matrix.levels = [
            ("low", "Low", "#2e7d32"),
            ("medium", "Medium", "#f9a825"),
            ("high", "High", "#ef6c00"),
            ("critical", "Critical", "#c62828"),
        ]
        .map(level)
        .to_vec();
        let band = |product: i64| match product {
            ..=4 => "low",
            5..=9 => "medium",
            10..=16 => "high",
            _ => "critical",
        };
        matrix.grid = (1..=5)
            .map(|l| (1..=5).map(|i| band(l * i)).collect::<Vec<_>>())
            .collect::<Vec<_>>()
            .into_iter()
            .map(|row| json!(row))
            .collect();
        matrix
    }

    /// How many likelihoods there are.
    pub fn likelihoods(&self) -> i64 {
        i64::try_from(self.likelihood_labels.len()).unwrap_or(i64::MAX)
    }

    /// How many impacts there are.
    pub fn impacts(&self) -> i64 {
        i64::try_from(self.impact_labels.len()).unwrap_or(i64::MAX)
    }

    /// The key of the level; none outside the matrix.
    pub fn level(&self, likelihood: i64, impact: i64) -> Option<&str> {
        let at = |number: i64| usize::try_from(number.checked_sub(1)?).ok();
        self.grid.get(at(likelihood)?)?.get(at(impact)?)?.as_str()
    }

    /// The level of a key.
    pub fn level_of(&self, key: &str) -> Option<&Level> {
        self.levels.iter().find(|level| level.key == key)
    }

    fn verify(&self, check: &mut Checker) {
        for (field, labels) in [("likelihood_labels", &self.likelihood_labels), ("impact_labels", &self.impact_labels)]
        {
            check.ensure(labels.len() >= 2, field, "too_few", "needs at least 2 entries");
        }
        check.ensure(!self.levels.is_empty(), "levels", "too_few", "needs at least 1 entry");
        for (i, level) in self.levels.iter().enumerate() {
            let hex =
                level.color.strip_prefix('#').is_some_and(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
            check.ensure(hex, &format!("levels[{i}].color"), "invalid", "must be a colour, #rrggbb");
            let twice = self.levels.iter().take(i).any(|other| other.key == level.key);
            check.ensure(!twice, &format!("levels[{i}].key"), "repeated", "stands for another level already");
        }
        let rows = self.grid.as_array().map(Vec::as_slice).unwrap_or_default();
        check.ensure(
            rows.len() == self.likelihood_labels.len(),
            "grid",
            "size",
            "needs a row for each likelihood label",
        );
        for (i, row) in rows.iter().enumerate() {
            let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
            let wide = cells.len() == self.impact_labels.len();
            check.ensure(wide, &format!("grid[{i}]"), "size", "needs a cell for each impact label");
            for (j, cell) in cells.iter().enumerate() {
                let known = cell.as_str().is_some_and(|key| self.level_of(key).is_some());
                check.ensure(known, &format!("grid[{i}][{j}]"), "unknown_reference", "is not the key of a level");
            }
        }
    }
}

/// The organization's matrix, or the standard one (with revision 0: nothing is stored).
pub async fn current(ctx: &Ctx, tx: &mut Tx) -> StoreResult<Matrix> {
    let stored = Repo::<Matrix>::find(tx, ctx.org, MatrixId(ctx.org.0)).await?;
    Ok(stored.unwrap_or_else(|| Matrix::standard(ctx.org, Meta { revision: 0, ..Meta::new(ctx) })))
}

/// The organization's matrix, for a reader.
pub async fn get(ctx: &Ctx, tx: &mut Tx) -> Result<Matrix, Refusal> {
    ctx.require(Matrix::permission(Access::Read))?;
    Ok(current(ctx, tx).await?)
}

/// Decides on a matrix; how many entries got another level by it.
///
/// An entry whose likelihood or impact the new matrix does not have stands against it: 409.
pub async fn decide(
    ctx: &Ctx,
    tx: &mut Tx,
    if_match: impl Into<IfMatch> + Send,
    changes: Changes<Matrix>,
) -> Result<(Matrix, i64), Refusal> {
    ctx.require(Matrix::permission(Access::Admin))?;
    let before = current(ctx, tx).await?;
    kit::unchanged(if_match, before.meta.revision)?;
    let mut after = kit::draft(ctx, tx, changes).await?;
    after.id = before.id;
    let stored = before.meta.revision > 0;
    if stored {
        after.meta = before.meta;
        after.meta.touch(ctx);
    }
    for (member, size) in [("likelihood", after.likelihoods()), ("impact", after.impacts())] {
        let outside = entry::count_above(ctx, tx, member, size).await?;
        if outside > 0 {
            return Err(Refusal::Conflict(format!("{outside} entries have a {member} above {size}")));
        }
    }
    if stored {
        Repo::<Matrix>::update(tx, &after, before.meta.revision).await?;
    } else {
        Repo::<Matrix>::insert(tx, &after).await?;
    }
    let moved = tx.relevel(ctx, &after).await?;
    let fact = if stored { Fact::updated(&before, &after) } else { Fact::created(&after) };
    tx.journal().record(ctx, fact).await?;
    Ok((after, moved))
}

/// Levels of an entry by a matrix; the residual one where there is a residual risk.
pub fn levels(matrix: &Matrix, entry: &Entry) -> (Option<String>, Option<String>) {
    let level = |likelihood, impact| matrix.level(likelihood, impact).map(str::to_owned);
    let residual = entry.residual_likelihood.zip(entry.residual_impact);
    (level(entry.likelihood, entry.impact), residual.and_then(|(l, i)| level(l, i)))
}

#[cfg(test)]
mod tests {
    use grc_kernel::Uuid;

    use super::*;

    fn standard() -> Matrix {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        Matrix::standard(ctx.org, Meta::new(&ctx))
    }

    #[test]
    fn the_standard_bands_the_product() {
        let matrix = standard();
        for (l, i, level) in
            [(1, 4, "low"), (1, 5, "medium"), (3, 3, "medium"), (2, 5, "high"), (4, 4, "high"), (4, 5, "critical")]
        {
            assert_eq!(matrix.level(l, i), Some(level), "{l} x {i}");
        }
        assert_eq!(matrix.level(0, 1), None);
        assert_eq!(matrix.level(1, 6), None);
        let mut check = Checker::new();
        matrix.verify(&mut check);
        assert!(check.finish().is_ok());
    }

    #[test]
    fn a_matrix_that_does_not_fit_together_is_refused_field_by_field() {
        let mut matrix = standard();
        matrix.impact_labels.pop();
        matrix.grid[0][0] = json!("unheard of");
        matrix.levels[1].key = "low".into();
        matrix.levels[2].color = "red".into();
        let mut check = Checker::new();
        matrix.verify(&mut check);
        let fields: Vec<_> = check.finish().unwrap_err().into_iter().map(|e| e.field).collect();
        assert!(
            fields.contains(&"levels[1].key".to_owned()) && fields.contains(&"levels[2].color".to_owned()),
            "{fields:?}"
        );
        assert!(fields.contains(&"grid[4]".to_owned()) && fields.contains(&"grid[0][0]".to_owned()), "{fields:?}");
    }
}
