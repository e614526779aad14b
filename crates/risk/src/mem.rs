//! The domain's own statements in memory.

use async_trait::async_trait;
use grc_kernel::{Ctx, OrgId, Repo, StoreResult, resource::InMemory};

use crate::{
    AnalysisId, Appetite, Entry, EntryId, Kri, Matrix, Reading,
    fair::{
        Run, RunId,
        run::{OPEN, RunStatus},
    },
    kri::reading::Kept,
    matrix,
    ports::{Indicators, Register, Simulations},
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
            (entry.above_appetite, entry.above_tolerance) = appetite.weigh(entry.category, entry.standing_score());
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
