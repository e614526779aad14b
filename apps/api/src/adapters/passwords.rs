//! Argon2id, off the request threads, with a bound on how many run at once.

use std::sync::{Arc, LazyLock};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use async_trait::async_trait;
use grc_identity::Passwords;
use grc_kernel::{StoreError, StoreResult};
use tokio::sync::Semaphore;

/// Hashes by the crate's defaults: Argon2id, 19 MiB, two passes, one lane (OWASP's recommendation).
#[derive(Clone, Debug)]
pub struct Argon2Passwords {
    permits: Arc<Semaphore>,
}

impl Default for Argon2Passwords {
    fn default() -> Self {
        // Each hash takes a core and 19 MiB for some 30 ms; more at once would starve everything else.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { permits: Arc::new(Semaphore::new(cores)) }
    }
}

/// A hash of no account's, so that a log-in without an account takes as long as one with.
static NOBODY: LazyLock<String> = LazyLock::new(|| make("nobody's password").unwrap_or_default());

fn make(password: &str) -> Result<String, String> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

impl Argon2Passwords {
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> StoreResult<T> {
        let closed = |_| StoreError::internal("the password workers are gone");
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(closed)?;
        let outcome = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(permit);
            outcome
        });
        outcome.await.map_err(|error| StoreError::internal(error.to_string()))
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: &str) -> StoreResult<String> {
        let password = password.to_owned();
        self.run(move || make(&password)).await?.map_err(StoreError::internal)
    }

    async fn verify(&self, password: &str, hash: Option<&str>) -> StoreResult<bool> {
        let (password, hash) = (password.to_owned(), hash.map(str::to_owned));
        self.run(move || {
            let known = hash.is_some();
            let text = hash.unwrap_or_else(|| NOBODY.clone());
            let matches = PasswordHash::new(&text)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
            matches && known
        })
        .await
    }
}
