//! The domain's own statements in memory.

use std::{cmp::Reverse, collections::BTreeMap};

use async_trait::async_trait;
use grc_kernel::{
    Ctx, ListQuery, OrgId, Repo, StoreResult, Uuid,
    list::matches_in_memory,
    resource::{InMemory, MemTables},
};
use serde_json::Value;
use time::{Date, OffsetDateTime};

use crate::{
    Analysis, AnalysisId, Appetite, Entry, EntryId, Kri, Matrix, Reading, Treatment,
    dashboard::{Expected, Firsts, Mover, OverdueTreatment},
    entry::Category,
    fair::{
        Run, RunId,
        run::{OPEN, RunStatus},
    },
    kri::reading::Kept,
    matrix,
    ports::{Indicators, Overview, Register, Simulations},
    treatment::TreatmentStatus,
};

#[async_trait]
impl<T: InMemory> Register for T {
    async fn relevel(&mut self, ctx: &Ctx, given: &Matrix) -> StoreResult<i64> {
        self.tables().change_all(ctx, |entry: &mut Entry| {
            let (inherent, residual) = matrix::levels(given, entry);
            entry.inherent_level = inherent.unwrap_or_default();
            entry.residual_level = residual;
        })
    }

    async fn reweigh(&mut self, ctx: &Ctx, appetite: &Appetite) -> StoreResult<i64> {
        self.tables().change_all(ctx, |entry: &mut Entry| {
            (entry.above_appetite, entry.above_tolerance) = appetite.weigh(entry.category, entry.score);
        })
    }
}

#[async_trait]
impl<T: InMemory> Indicators for T {
    async fn keep_readings(&mut self, readings: &[Reading]) -> StoreResult<Vec<Kept>> {
        let mut kept = Vec::with_capacity(readings.len());
        for reading in readings {
            let same = |known: &&Reading| known.kri_id == reading.kri_id && known.recorded_at == reading.recorded_at;
            let known = self.tables().rows::<Reading>(reading.org).find(same).cloned();
            let Some(known) = known else {
                Repo::<Reading>::insert(self, reading).await?;
                kept.push(Kept { reading: reading.clone(), replaced: None });
                continue;
            };
            let mut corrected = known.clone();
            if known.value != reading.value {
                corrected.value = reading.value;
                corrected.meta.updated_at = reading.meta.updated_at;
                corrected.meta.revision += 1;
                Repo::<Reading>::update(self, &corrected, known.meta.revision).await?;
            }
            kept.push(Kept { reading: corrected, replaced: Some(known.value) });
        }
        Ok(kept)
    }

    async fn forget_risk(&mut self, ctx: &Ctx, risk: EntryId) -> StoreResult<()> {
        self.tables().change_all(ctx, |kri: &mut Kri| kri.risk_ids.0.retain(|id| *id != risk))?;
        Ok(())
    }
}

#[async_trait]
impl<T: InMemory> Simulations for T {
    async fn latest_runs(&mut self, org: OrgId, analyses: &[AnalysisId]) -> StoreResult<Vec<Run>> {
        let runs = self.tables().rows::<Run>(org).filter(|run| run.status == RunStatus::Completed);
        let runs: Vec<&Run> = runs.collect();
        let latest = |id: &AnalysisId| runs.iter().filter(|run| run.analysis_id == *id).max_by_key(|run| run.id);
        Ok(analyses.iter().filter_map(latest).map(|run| (*run).clone()).collect())
    }

    async fn advance_run(&mut self, org: OrgId, run: RunId, percent: i64) -> StoreResult<()> {
        match Repo::<Run>::find(self, org, run).await? {
            Some(run) if OPEN.contains(&run.status) => {
                let after = Run { status: RunStatus::Running, progress: percent, ..run.clone() };
                Repo::<Run>::update(self, &after, run.meta.revision).await
            }
            _ => Ok(()),
        }
    }
}

/// The risks that a request matches.
fn matching(tables: &MemTables, org: OrgId, query: &ListQuery) -> BTreeMap<Uuid, Entry> {
    let risks = tables.rows::<Entry>(org).filter(|risk| matches_in_memory(*risk, query));
    risks.map(|risk| (risk.id.0, risk.clone())).collect()
}

#[async_trait]
impl<T: InMemory> Overview for T {
    async fn movers(&mut self, org: OrgId, query: &ListQuery, since: OffsetDateTime) -> StoreResult<Vec<Mover>> {
        let tables = self.tables();
        let mut risks = matching(tables, org, query);
        let mut movers = Vec::new();
        let moved = tables
            .journal
            .entries
            .iter()
            .filter(|entry| entry.org == org && entry.action == "risk.updated" && entry.occurred_at >= since);
        for entry in moved {
            // Only the first change of a risk is looked at: it has what was before all of them.
            let Some(risk) = risks.remove(&entry.resource_id) else { continue };
            let score = |name| entry.before.as_ref().and_then(|before| before.get(name)).and_then(Value::as_i64);
            let Some(from_score) = score("residual_score").or_else(|| score("inherent_score")) else { continue };
            if from_score != risk.score {
                let (to_score, since) = (risk.score, entry.occurred_at);
                let (id, title, category) = (risk.id, risk.title, risk.category);
                movers.push(Mover { id, title, category, from_score, to_score, since });
            }
        }
        movers.sort_by_key(|mover| (Reverse((mover.to_score - mover.from_score).abs()), mover.id));
        movers.truncate(query.limit);
        Ok(movers)
    }

    async fn overdue_treatments(
        &mut self,
        org: OrgId,
        query: &ListQuery,
        today: Date,
    ) -> StoreResult<Firsts<OverdueTreatment>> {
        let tables = self.tables();
        let risks = matching(tables, org, query);
        let open = [TreatmentStatus::Planned, TreatmentStatus::InProgress];
        let mut items: Vec<OverdueTreatment> = tables
            .rows::<Treatment>(org)
            .filter(|treatment| open.contains(&treatment.status))
            .filter_map(|treatment| {
                let due_date = treatment.due_date.filter(|due| *due < today)?;
                let risk = risks.get(&treatment.risk_id.0)?;
                Some(OverdueTreatment {
                    id: treatment.id,
                    title: treatment.title.clone(),
                    risk_id: risk.id,
                    risk_title: risk.title.clone(),
                    owner_id: treatment.owner_id,
                    status: treatment.status,
                    due_date,
                })
            })
            .collect();
        items.sort_by_key(|item| (item.due_date, item.id));
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        items.truncate(query.limit);
        Ok(Firsts { count, items })
    }

    async fn expected_losses(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Vec<Expected>> {
        let risks = matching(self.tables(), org, query);
        let linked: Vec<(AnalysisId, Category)> = self
            .tables()
            .rows::<Analysis>(org)
            .filter_map(|analysis| Some((analysis.id, risks.get(&analysis.risk_id?.0)?.category)))
            .collect();
        let mut expected: BTreeMap<Category, (f64, i64)> = BTreeMap::new();
        for (id, category) in linked {
            for run in self.latest_runs(org, &[id]).await? {
                let (loss, analyses) = expected.entry(category).or_default();
                *loss += run.mean.unwrap_or(0.0);
                *analyses += 1;
            }
        }
        let expected = expected.into_iter().map(|(category, (annual_loss, analyses))| Expected {
            category,
            annual_loss,
            analyses,
            money: None,
        });
        Ok(expected.collect())
    }
}
