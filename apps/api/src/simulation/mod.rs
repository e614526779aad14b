//! Simulations: off the request threads, bounded, and ended when nobody waits for them any more.
//!
//! So many run at once as there are slots; so many more wait, each organization for at most half of the places.
//! Whoever finds no place is told to come again, and so is who waited too long: a pile of simulations would make
//! everybody wait. Those of jobs have a slot of their own ([`job`]).

pub mod job;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use grc_fair::{Analysis, Outcome, Run, SimulationError, Watch, simulate};
use grc_kernel::OrgId;
use tokio::sync::Semaphore;

use crate::http::problem::Problem;

/// The most simulations of requests at once, on however many cores.
const SLOTS_MAX: usize = 4;
/// How many may wait for a slot.
const WAITING: usize = 16;
/// How long one waits at most.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much a simulation gives way to the threads that answer requests.
const NICE: i32 = 10;
/// After how many seconds it is worth coming again.
const AGAIN: u64 = 3;

/// Where simulations run.
pub struct Simulator {
    slots: Arc<Semaphore>,
    jobs: Arc<Semaphore>,
    threads: usize,
    places: usize,
    taken: Arc<Mutex<HashMap<OrgId, usize>>>,
}

impl Default for Simulator {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let slots = cores.clamp(1, SLOTS_MAX);
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            jobs: Arc::new(Semaphore::new(1)),
            threads: (cores / slots).max(1),
            places: slots + WAITING,
            taken: Arc::default(),
        }
    }
}

/// A place, given back when it is dropped.
struct Place {
    taken: Arc<Mutex<HashMap<OrgId, usize>>>,
    org: OrgId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.org) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.org);
            }
        }
    }
}

/// Ends a simulation when whoever waits for it is dropped: a client that went away, a service that stops.
struct Hangup(Arc<AtomicBool>);

impl Drop for Hangup {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Simulator {
    /// How many simulations of requests run or wait.
    pub fn busy(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    fn place(&self, org: OrgId) -> Result<Place, Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&org).copied().unwrap_or(0);
        let refused = if own >= (self.places / 2).max(1) {
            Some((429, format!("at most {own} simulations of an organization run or wait at once")))
        } else if taken.values().sum::<usize>() >= self.places {
            Some((503, "all simulators are busy".to_owned()))
        } else {
            None
        };
        if let Some((status, detail)) = refused {
            return Err(Problem { retry_after: Some(AGAIN), ..Problem::new(status, detail) });
        }
        taken.insert(org, own + 1);
        Ok(Place { taken: Arc::clone(&self.taken), org })
    }

    /// Simulates for a request. Dropping the future ends it.
    pub async fn run(&self, org: OrgId, analysis: Analysis, run: Run) -> Result<Outcome, Problem> {
        let place = self.place(org)?;
        let slot = tokio::time::timeout(PATIENCE, Arc::clone(&self.slots).acquire_owned()).await;
        let Ok(Ok(slot)) = slot else {
            let busy = Problem::new(503, "no simulator came free in time");
            return Err(Problem { retry_after: Some(AGAIN), ..busy });
        };
        let run = run.on_threads(self.threads);
        let work = aside(move |gone| {
            // Held by the work itself: a request that is dropped leaves a thread that needs a moment to notice.
            let _held = (place, slot);
            let cancelled = || gone.load(Ordering::Relaxed);
            simulate(&analysis, &run, &Watch { cancelled: &cancelled, progress: &|_, _| () })
        });
        Ok(work.await?)
    }
}

/// Simulates on a thread of its own that gives way to everything else the service does. The work is told when nobody
/// waits for it any more.
async fn aside(
    work: impl FnOnce(&AtomicBool) -> Result<Outcome, SimulationError> + Send + 'static,
) -> Result<Outcome, SimulationError> {
    let gone = Arc::new(AtomicBool::new(false));
    let _hangup = Hangup(Arc::clone(&gone));
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("simulation".to_owned()).spawn(move || {
        // A thread that may not be nice is a thread all the same. Those that it starts inherit it.
        let _ = rustix::process::nice(NICE);
        let _ = tell.send(work(&gone));
    });
    thread.map_err(|_| SimulationError::Defect)?;
    told.await.map_err(|_| SimulationError::Defect)?
}

#[cfg(test)]
mod tests {
    use grc_kernel::Uuid;
    use serde_json::json;

    use super::*;

    fn long() -> (Analysis, Run) {
        let body = json!({"model": {"lef": {"type": "poisson", "rate": 1_000}, "loss_magnitude": {"type": "uniform", "min": 1, "max": 9}}});
        (Analysis::parse(&body).unwrap(), Run::new(100_000_000, 1).unwrap())
    }

    fn org(n: u128) -> OrgId {
        OrgId(Uuid::from_u128(n))
    }

    #[test]
    fn places_are_bounded_for_each_organization_and_for_all() {
        let simulator = Simulator { places: 5, ..Simulator::default() };
        let mine: Vec<Place> = (0..2).map(|_| simulator.place(org(1)).unwrap_or_else(|p| panic!("{p}"))).collect();
        assert_eq!(simulator.place(org(1)).err().map(|p| (p.status, p.retry_after)), Some((429, Some(AGAIN))));
        let _theirs: Vec<Place> = (2..5).map(|n| simulator.place(org(n)).unwrap_or_else(|p| panic!("{p}"))).collect();
        assert_eq!(simulator.place(org(9)).err().map(|p| p.status), Some(503));
        drop(mine);
        assert!(simulator.place(org(1)).is_ok(), "a place is given back");
        assert!(simulator.taken.lock().unwrap().len() <= 3, "and nothing is remembered of who has none");
    }

    #[tokio::test]
    async fn whoever_goes_away_ends_the_simulation() {
        let simulator = Simulator::default();
        let (analysis, run) = long();
        let waiting = tokio::time::timeout(Duration::from_millis(50), simulator.run(org(1), analysis, run));
        assert!(waiting.await.is_err(), "a hundred thousand million events take longer than that");
        let slots = u32::try_from(simulator.slots.available_permits()).unwrap() + 1;
        let free = Arc::clone(&simulator.slots).acquire_many_owned(slots);
        let free = tokio::time::timeout(Duration::from_secs(20), free).await;
        assert!(free.is_ok(), "its thread noticed");
        assert!(simulator.taken.lock().unwrap().is_empty());
    }
}
