//! One piece of work on the database, bound to one organization.
//!
//! `PgTx` implements every repository; the repository object *is* the transaction.
//!
//! Row-level security compares `app.org_id`. Work that writes is a transaction: `BEGIN` and the setting, for the
//! transaction only, are sent ahead without waiting for their answers, so that they travel with the first
//! statement and tenancy costs no round trip of its own. PostgreSQL works a connection's messages off in order;
//! if either failed, so would all that follows.
//!
//! Work that only reads needs no transaction: at READ COMMITTED every statement has a snapshot of its own with
//! or without one. There the setting is the session's, and is sent ahead only where the session was bound to
//! another organization before; the session remembers. A read of one statement is then one statement. That the
//! statement of a read cannot write is the session's own default, `default_transaction_read_only`. (ADR 0005.)

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use grc_kernel::{OrgId, StoreError, StoreResult};

use crate::{error, pool::Lent};

/// A piece of work. One that writes, dropped without a commit, rolls back.
pub struct PgTx {
    session: Option<Lent>,
    org: OrgId,
    writes: bool,
}

impl PgTx {
    /// Begins a transaction.
    pub(crate) async fn begin(session: Lent, org: OrgId) -> StoreResult<Self> {
        // From here on the guard is armed: whatever happens, the connection does not go back to the pool
        // with a transaction open.
        let tx = Self { session: Some(session), org, writes: true };
        tx.ahead(&format!("BEGIN READ WRITE; SELECT set_config('app.org_id', '{}', true)", org.0)).await?;
        Ok(tx)
    }

    /// Begins work that only reads.
    pub(crate) async fn reading(mut session: Lent, org: OrgId) -> StoreResult<Self> {
        let bound = session.org == Some(org);
        // Noted before it is asked for: should the request fail, the connection is broken and not used again.
        session.org = Some(org);
        let tx = Self { session: Some(session), org, writes: false };
        if !bound {
            tx.ahead(&setting(org, false)).await?;
        }
        Ok(tx)
    }

    /// Begins work that only reads and sees one state of the data throughout: REPEATABLE READ takes its snapshot with the
    /// first statement and keeps it.
    pub(crate) async fn frozen(session: Lent, org: OrgId) -> StoreResult<Self> {
        let tx = Self { session: Some(session), org, writes: true };
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        tx.ahead(&format!("{begin}; SELECT set_config('app.org_id', '{}', true)", org.0)).await?;
        Ok(tx)
    }

    /// Sends statements without waiting for the answer: the next statement's comes after it.
    pub(crate) async fn ahead(&self, sql: &str) -> StoreResult<()> {
        if let Some(session) = self.session.as_deref() {
            let mut shared: &AsyncPgConnection = &session.connection;
            let mut ahead = Box::pin(shared.batch_execute(sql));
            if let std::task::Poll::Ready(outcome) = futures::poll!(&mut ahead) {
                outcome.map_err(error::store)?;
            }
        }
        Ok(())
    }

    /// Widens the work to the platform's scope: for the few statements of the identity domain that must
    /// look across organizations. [`Self::narrow`] follows.
    pub(crate) async fn widen(&mut self) -> StoreResult<()> {
        self.scope(OrgId::PLATFORM).await
    }

    /// Binds the work to its organization again.
    pub(crate) async fn narrow(&mut self) -> StoreResult<()> {
        self.scope(self.org).await
    }

    async fn scope(&mut self, org: OrgId) -> StoreResult<()> {
        if self.org.is_platform() {
            return Ok(());
        }
        let sql = setting(org, self.writes);
        if !self.writes
            && let Some(session) = self.session.as_deref_mut()
        {
            session.org = Some(org);
        }
        self.connection()?.batch_execute(&sql).await.map_err(error::store)
    }

    /// The connection, for a repository's statements.
    pub(crate) fn connection(&mut self) -> StoreResult<&mut AsyncPgConnection> {
        let session = self.session.as_deref_mut().ok_or_else(|| StoreError::internal("the work has ended"))?;
        Ok(&mut session.connection)
    }

    /// Makes the changes lasting.
    pub(crate) async fn commit_now(mut self) -> StoreResult<()> {
        if !self.writes {
            return Err(StoreError::internal("work that only reads has nothing to commit"));
        }
        let outcome = self.connection()?.batch_execute("COMMIT").await;
        match outcome {
            Ok(()) => {
                self.session = None;
                Ok(())
            }
            // The guard takes the connection out of use.
            Err(failure) => Err(error::store(failure)),
        }
    }

    /// Takes everything back and waits until that is done. Where it cannot be, the connection is closed, which comes
    /// to the same.
    pub(crate) async fn roll_back(mut self) {
        if let Some(mut session) = self.session.take()
            && session.connection.batch_execute("ROLLBACK").await.is_err()
        {
            drop(Lent::take(session));
        }
    }

    /// Ends work that changed nothing, without making the caller wait for the answer.
    pub(crate) fn finish_read(mut self) {
        match self.session.take() {
            Some(session) if self.writes => end_in_background(session, "COMMIT"),
            session => drop(session),
        }
    }
}

fn setting(org: OrgId, transaction: bool) -> String {
    format!("SELECT set_config('app.org_id', '{}', {transaction})", org.0)
}

impl Drop for PgTx {
    fn drop(&mut self) {
        // A cancelled request or an error: the statement that is under way finishes first, then this one.
        if let Some(session) = self.session.take() {
            end_in_background(session, if self.writes { "ROLLBACK" } else { "SELECT 1" });
        }
    }
}

/// Ends the work and only then gives the connection back to the pool. Where that fails, or where no runtime is
/// left to do it, the connection is closed instead, which rolls back too.
fn end_in_background(mut session: Lent, sql: &'static str) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        drop(Lent::take(session));
        return;
    };
    runtime.spawn(async move {
        if session.connection.batch_execute(sql).await.is_err() {
            drop(Lent::take(session));
        }
    });
}
