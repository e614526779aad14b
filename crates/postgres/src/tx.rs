//! One database transaction, bound to one organization.
//!
//! `PgTx` implements every repository; the repository object *is* the transaction.
//!
//! Row-level security compares `app.org_id`, which is set for the transaction only: a session-wide setting
//! would leak to the next borrower of the connection. `BEGIN` and the setting are sent ahead without waiting
//! for their answers, so that they travel with the first statement and tenancy costs no round trip of its
//! own. PostgreSQL works a connection's messages off in order; if either failed, so would all that follows.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection, pooled_connection::deadpool::Object};
use futures::{FutureExt, future::BoxFuture};
use grc_kernel::{OrgId, StoreError, StoreResult};

use crate::error;

/// A transaction. Dropped without a commit, it rolls back.
pub struct PgTx {
    connection: Option<Object<AsyncPgConnection>>,
    org: OrgId,
}

impl PgTx {
    /// Begins a transaction on a pooled connection.
    pub(crate) async fn begin(connection: Object<AsyncPgConnection>, org: OrgId) -> StoreResult<Self> {
        // From here on the guard is armed: whatever happens, the connection does not go back to the pool
        // with a transaction open.
        let tx = Self { connection: Some(connection), org };
        let sql = format!("BEGIN; SELECT set_config('app.org_id', '{}', true)", org.0);
        if let Some(connection) = tx.connection.as_deref() {
            let mut shared: &AsyncPgConnection = connection;
            let mut ahead = Box::pin(shared.batch_execute(&sql));
            if let std::task::Poll::Ready(outcome) = futures::poll!(&mut ahead) {
                outcome.map_err(error::store)?;
            }
        }
        Ok(tx)
    }

    /// Widens the transaction to the platform's scope: for the few statements of the identity domain that must
    /// look across organizations. [`Self::narrow`] follows.
    pub(crate) async fn widen(&mut self) -> StoreResult<()> {
        self.scope(OrgId::PLATFORM).await
    }

    /// Binds the transaction to its organization again.
    pub(crate) async fn narrow(&mut self) -> StoreResult<()> {
        self.scope(self.org).await
    }

    async fn scope(&mut self, org: OrgId) -> StoreResult<()> {
        if self.org.is_platform() {
            return Ok(());
        }
        let sql = format!("SELECT set_config('app.org_id', '{}', true)", org.0);
        self.connection()?.batch_execute(&sql).await.map_err(error::store)
    }

    /// The connection, for a repository's statements.
    pub(crate) fn connection(&mut self) -> StoreResult<&mut AsyncPgConnection> {
        self.connection.as_deref_mut().ok_or_else(|| StoreError::internal("the transaction has ended"))
    }

    /// Makes the changes lasting.
    pub(crate) async fn commit_now(mut self) -> StoreResult<()> {
        let outcome = self.connection()?.batch_execute("COMMIT").await;
        match outcome {
            Ok(()) => {
                self.connection = None;
                Ok(())
            }
            // The guard takes the connection out of use.
            Err(failure) => Err(error::store(failure)),
        }
    }

    /// Ends a transaction that changed nothing, without making the caller wait for the answer.
    pub(crate) fn finish_read(mut self) {
        if let Some(connection) = self.connection.take() {
            end_in_background(connection, "COMMIT");
        }
    }
}

impl Drop for PgTx {
    fn drop(&mut self) {
        // A cancelled request or an error: the statement that is under way finishes first, then this one.
        if let Some(connection) = self.connection.take() {
            end_in_background(connection, "ROLLBACK");
        }
    }
}

/// Ends the transaction and only then gives the connection back to the pool. Where that fails, or where no
/// runtime is left to do it, the connection is closed instead, which rolls back too.
fn end_in_background(mut connection: Object<AsyncPgConnection>, sql: &'static str) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        drop(Object::take(connection));
        return;
    };
    let ended: BoxFuture<'static, ()> = async move {
        if connection.batch_execute(sql).await.is_err() {
            drop(Object::take(connection));
        }
    }
    .boxed();
    runtime.spawn(ended);
}
