//! Working through blocks of trials on several threads, with the results in the order of the blocks.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use std::thread::Builder;

use super::watch::Watch;
use crate::error::SimulationError;

/// Trials in a block: enough that handing out a block costs nothing, few enough that a block's columns stay in
/// the cache. The results of a run do not depend on it but for the order in which sums are formed.
pub(crate) const BLOCK: u64 = 8_192;

/// More threads than this only use memory.
const THREADS_MAX: usize = 256;

/// A run's trials, threads and onlooker.
pub(crate) struct Pool<'a> {
    pub(crate) trials: u64,
    pub(crate) threads: usize,
    pub(crate) watch: &'a Watch<'a>,
}

/// What a worker brings back: its blocks' results by number, and what it gathered over all of them.
type Work<S, O> = Option<(Vec<(u64, O)>, S)>;

impl Pool<'_> {
    /// Calls `work` for the first trial and the number of trials of each block. `work` gives nothing when it was
    /// told to stop. Returns every block's result in order, and every worker's gathering in no order.
    pub(crate) fn run<S: Send, O: Send>(
        &self,
        gathering: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, u64, u64) -> Option<O> + Sync,
    ) -> Result<(Vec<O>, Vec<S>), SimulationError> {
        let blocks = self.trials.div_ceil(BLOCK);
        let next = AtomicU64::new(0);
        let told = Mutex::new((0_u64, 0_u64));
        let worker = || -> Work<S, O> {
            let mut gathered = gathering();
            let mut results = Vec::new();
            loop {
                let block = next.fetch_add(1, Ordering::Relaxed);
                if block >= blocks {
                    return Some((results, gathered));
                }
                let first = block * BLOCK;
                let trials = BLOCK.min(self.trials - first);
                if (self.watch.cancelled)() {
                    return None;
                }
                results.push((block, work(&mut gathered, first, trials)?));
                self.tell(&told, trials);
            }
        };
        let threads = self.threads.clamp(1, crate::num::index(blocks).clamp(1, THREADS_MAX));
        let mut done = Vec::with_capacity(threads);
        std::thread::scope(|scope| {
            // Where the system has no more threads to give, fewer do the same work.
            let others: Vec<_> = (1..threads).map_while(|_| Builder::new().spawn_scoped(scope, worker).ok()).collect();
            done.push(Ok(worker()));
            done.extend(others.into_iter().map(|other| other.join()));
        });
        let mut results = Vec::new();
        let mut gatherings = Vec::new();
        for worker in done {
            let work = worker.map_err(|_| SimulationError::Defect)?;
            let (mine, gathered) = work.ok_or(SimulationError::Cancelled)?;
            results.extend(mine);
            gatherings.push(gathered);
        }
        results.sort_unstable_by_key(|(block, _)| *block);
        Ok((results.into_iter().map(|(_, result)| result).collect(), gatherings))
    }

    /// Under the lock, so that the onlooker never sees a run go backwards.
    fn tell(&self, told: &Mutex<(u64, u64)>, trials: u64) {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        told.0 += trials;
        let hundredths = told.0 * 100 / self.trials;
        if hundredths > told.1 {
            told.1 = hundredths;
            (self.watch.progress)(told.0, self.trials);
        }
    }
}
