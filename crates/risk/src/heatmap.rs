//! The heat map: how many entries lie in each cell of the matrix, before and with treatment.

use std::collections::BTreeMap;

use grc_kernel::{Access, Ctx, ListQuery, Refusal, Repo, Resource, resource::Cell};

use crate::{Entry, Matrix, matrix, ports::Tx};

/// How many entries have a likelihood and an impact.
pub type Counts = BTreeMap<(i64, i64), i64>;

/// A heat map, and the matrix that it is drawn on.
#[derive(Clone, Debug)]
pub struct HeatMap {
    /// Before treatment.
    pub inherent: Counts,
    /// With treatment; entries without a residual count with their inherent.
    pub residual: Counts,
    /// The matrix.
    pub matrix: Matrix,
}

/// Counts the entries that a list request matches, in one statement.
pub async fn get(ctx: &Ctx, tx: &mut Tx, query: &ListQuery) -> Result<HeatMap, Refusal> {
    ctx.require(Entry::permission(Access::Read))?;
    let matrix = matrix::current(ctx, tx).await?;
    let by = ["likelihood", "impact", "residual_likelihood", "residual_impact"];
    let groups = Repo::<Entry>::tally(tx, ctx.org, query, &by).await?;
    let mut map = HeatMap { inherent: Counts::new(), residual: Counts::new(), matrix };
    for (values, count) in groups {
        let [Cell::Int(likelihood), Cell::Int(impact), residual_likelihood, residual_impact] = values.as_slice() else {
            continue;
        };
        let inherent = (*likelihood, *impact);
        let residual = match (residual_likelihood, residual_impact) {
            (Cell::Int(likelihood), Cell::Int(impact)) => (*likelihood, *impact),
            _ => inherent,
        };
        *map.inherent.entry(inherent).or_default() += count;
        *map.residual.entry(residual).or_default() += count;
    }
    Ok(map)
}
