//! Several use cases in one transaction: what each of them would commit becomes a savepoint of the whole.
//!
//! A batch that is to happen as a whole or not at all runs requests whose handlers know nothing of it: they ask [`crate::Db`]
//! as always. While the batch runs, its transaction is the task's, and [`crate::Db`] takes it instead of a new one. Only the
//! task itself has it: what a handler would hand to another task works on its own.

use std::sync::Arc;

use grc_kernel::{OrgId, StoreError};
use tokio::sync::Mutex;

use crate::{Db, Uow};

tokio::task_local! {
    static CURRENT: Arc<Shared>;
}

/// A transaction that several use cases have in turn.
pub(crate) struct Shared {
    org: OrgId,
    uow: Mutex<Option<Uow>>,
}

fn over() -> StoreError {
    StoreError::internal("the shared transaction has ended")
}

/// Whether this task works in a transaction that others began: what it changes may be taken back, and what it reads may
/// never have been. Nothing that goes outside may rest on it, and nothing slow may be done in it.
pub fn is_shared() -> bool {
    CURRENT.try_with(|_| ()).is_ok()
}

impl Shared {
    /// The transaction of this task, if there is one.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Whether it is bound to an organization.
    pub(crate) fn is_of(&self, org: OrgId) -> bool {
        self.org == org
    }

    /// Runs a use case whose changes count where it succeeds, and else leave nothing.
    pub(crate) async fn work<T, E, F>(&self, use_case: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Uow) -> Result<T, E>,
        E: From<StoreError>,
    {
        let mut held = self.uow.lock().await;
        let uow = held.as_mut().ok_or_else(over)?;
        uow.tx.mark().await?;
        let outcome = use_case(uow).await;
        if outcome.is_ok() {
            uow.tx.forget_mark().await?;
        } else {
            uow.tx.back_to_mark().await?;
        }
        outcome
    }
}

impl Db {
    /// Runs work in which every use case of an organization shares one transaction. What they did is kept where the work
    /// succeeds and says so; else all of it is taken back.
    ///
    /// Reads in another scope (a caller's session) are as always; a change in another one is refused, for it could not
    /// be taken back.
    pub async fn together<T, E, F>(&self, org: OrgId, work: F) -> Result<T, E>
    where
        F: Future<Output = Result<(T, bool), E>>,
        E: From<StoreError>,
    {
        let uow = Uow { tx: self.backend.begin(org).await? };
        let shared = Arc::new(Shared { org, uow: Mutex::new(Some(uow)) });
        let outcome = CURRENT.scope(Arc::clone(&shared), work).await;
        let uow = shared.uow.lock().await.take();
        let uow = uow.ok_or_else(over)?;
        match outcome {
            Ok((answer, true)) => {
                uow.tx.commit().await?;
                Ok(answer)
            }
            Ok((answer, false)) => {
                uow.tx.abort().await;
                Ok(answer)
            }
            Err(error) => {
                uow.tx.abort().await;
                Err(error)
            }
        }
    }
}
