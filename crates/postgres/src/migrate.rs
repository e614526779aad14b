//! Migrations, embedded in the binary: they run as the connecting user, which owns the tables; the service
//! then works as [`crate::pool::APP_ROLE`], which owns nothing.

use diesel::{
    ConnectionError, ConnectionResult, QueryableByName,
    migration::MigrationVersion,
    sql_types::{Integer, Text},
};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use grc_kernel::{StoreError, StoreResult};

use crate::error;

/// All migrations of this version.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// The oldest PostgreSQL that the service works with.
const OLDEST: i32 = 150_000;

/// A number that names our migration lock in the database: replicas that start together take turns.
const LOCK: i64 = 0x5352_4743;

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Text)]
    version_text: String,
}

/// Brings the database up to date. Needs a multi-threaded tokio runtime. Returns how many migrations ran.
pub async fn up(url: &str) -> StoreResult<usize> {
    let mut connection = connect(url).await?;
    let server: Server = diesel::sql_query(
        "SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS version_text",
    )
    .get_result(&mut connection)
    .await
    .map_err(error::store)?;
    if server.version < OLDEST {
        return Err(StoreError::Unavailable(format!(
            "PostgreSQL 15 or newer is needed; the server is {}",
            server.version_text
        )));
    }
    connection.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await.map_err(error::store)?;
    let mut harness = AsyncMigrationHarness::new(connection);
    let applied = harness.run_pending_migrations(MIGRATIONS).map(|versions| versions.len()).map_err(failed)?;
    // Closing the connection releases the lock.
    Ok(applied)
}

/// Takes every migration back, the newest first. Data is lost: this is for tests of the migrations.
pub async fn down(url: &str) -> StoreResult<usize> {
    let mut harness = AsyncMigrationHarness::new(connect(url).await?);
    harness.revert_all_migrations(MIGRATIONS).map(|versions: Vec<MigrationVersion<'_>>| versions.len()).map_err(failed)
}

async fn connect(url: &str) -> StoreResult<AsyncPgConnection> {
    let outcome: ConnectionResult<AsyncPgConnection> = AsyncPgConnection::establish(url).await;
    outcome.map_err(|failure| match failure {
        ConnectionError::BadConnection(text) => StoreError::Unavailable(text),
        other => StoreError::Unavailable(other.to_string()),
    })
}

fn failed(failure: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Internal(failure)
}

/// Makes a database where there is none of that name.
pub async fn create_database(url: &str, name: &str) -> StoreResult<()> {
    #[derive(QueryableByName)]
    struct One {
        #[diesel(sql_type = Integer)]
        count: i32,
    }
    let mut connection = connect(url).await?;
    let found: One = diesel::sql_query("SELECT count(*)::int AS count FROM pg_database WHERE datname = $1")
        .bind::<Text, _>(name)
        .get_result(&mut connection)
        .await
        .map_err(error::store)?;
    if found.count == 0 {
        // The name is the caller's own; quoting it is for its letters, not against it.
        let statement = format!("CREATE DATABASE \"{}\"", name.replace('"', ""));
        connection.batch_execute(&statement).await.map_err(error::store)?;
    }
    Ok(())
}
