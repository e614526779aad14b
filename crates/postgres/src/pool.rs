//! The connection pool, and what every connection is told when it is opened.

use std::time::Duration;

use deadpool::{Runtime, managed::Timeouts};
use diesel::ConnectionError;
use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool},
};
use futures::FutureExt;
use grc_kernel::{StoreError, StoreResult};

/// The role that the service works as. It owns no table, so row-level security binds it.
pub const APP_ROLE: &str = "grc_app";

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

/// Makes the pool. Connections are opened when first needed.
pub(crate) fn build(config: &PoolConfig) -> StoreResult<Pool<AsyncPgConnection>> {
    let mut manager = ManagerConfig::default();
    // The default recycling sends a SELECT 1 before every use, a third of a point read's time. A broken
    // connection shows itself at the first statement instead and is then dropped (see `tx`).
    manager.recycling_method = RecyclingMethod::Fast;
    let setup = format!(
        "SET ROLE {APP_ROLE}; SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
         SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = {}",
        if config.durable { "on" } else { "off" }
    );
    manager.custom_setup = Box::new(move |url| {
        let (url, setup) = (url.to_owned(), setup.clone());
        async move {
            let mut connection = AsyncPgConnection::establish(&url).await?;
            connection.batch_execute(&setup).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        }
        .boxed()
    });
    let manager = AsyncDieselConnectionManager::new_with_config(&config.url, manager);
    Pool::builder(manager)
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
