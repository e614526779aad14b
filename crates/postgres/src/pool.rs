//! The connection pool, and what every connection is told when it is opened.

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{self, Metrics, RecycleError, RecycleResult, Timeouts},
};
use diesel::ConnectionError;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection, pooled_connection::PoolableConnection};
use grc_kernel::{OrgId, StoreError, StoreResult};

/// The role that the service works as. It owns no table, so row-level security binds it.
pub const APP_ROLE: &str = "grc_app";

/// How long a connection is used. Statements prepared on it are kept as long as it is, one for every combination of
/// filters that was ever asked for, here and in PostgreSQL.
const RETIRED: Duration = Duration::from_secs(30 * 60);

/// How the pool is made.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// A PostgreSQL URL or key-value connection string, of a user that may take the role [`APP_ROLE`].
    pub url: String,
    /// The most connections.
    pub size: usize,
    /// Whether a commit waits until it is on disk. Off only in tests.
    pub durable: bool,
}

/// A connection, and the organization that its session is bound to for reading.
///
/// Only [`crate::tx`] touches either, so that the two cannot part.
pub(crate) struct Session {
    pub(crate) connection: AsyncPgConnection,
    pub(crate) org: Option<OrgId>,
}

/// Opens sessions.
pub(crate) struct Sessions {
    url: String,
    setup: String,
}

/// The pool of sessions.
pub(crate) type Pool = managed::Pool<Sessions>;
/// A session on loan.
pub(crate) type Lent = managed::Object<Sessions>;

impl managed::Manager for Sessions {
    type Type = Session;
    type Error = ConnectionError;

    async fn create(&self) -> Result<Session, ConnectionError> {
        let mut connection = AsyncPgConnection::establish(&self.url).await?;
        connection.batch_execute(&self.setup).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(Session { connection, org: None })
    }

    /// Asks nothing of the database: a question before every use would cost a third of a point read's time. A
    /// connection that broke meanwhile shows itself at the first statement and is dropped then.
    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<ConnectionError> {
        if session.connection.is_broken() {
            return Err(RecycleError::message("the connection is broken"));
        }
        if metrics.age() > RETIRED {
            return Err(RecycleError::message("the connection has done its work"));
        }
        Ok(())
    }
}

/// Makes the pool. Connections are opened when first needed.
pub(crate) fn build(config: &PoolConfig) -> StoreResult<Pool> {
    // Outside a transaction begun for writing nothing can be written, whatever a use case tries.
    let setup = format!(
        "SET ROLE {APP_ROLE}; SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
         SET idle_in_transaction_session_timeout = '60s'; SET default_transaction_read_only = on; \
         SET synchronous_commit = {}",
        if config.durable { "on" } else { "off" }
    );
    managed::Pool::builder(Sessions { url: config.url.clone(), setup })
        .max_size(config.size)
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts {
            wait: Some(Duration::from_secs(5)),
            create: Some(Duration::from_secs(5)),
            recycle: Some(Duration::from_secs(5)),
        })
        .build()
        .map_err(|error| StoreError::internal(error.to_string()))
}
