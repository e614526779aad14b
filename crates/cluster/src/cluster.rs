//! The cluster as its owner sees it: started, asked, stopped.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering, mpsc},
    thread,
};

use crate::{
    account, binaries,
    config::{ClusterConfig, Tuning},
    error::{ClusterError, Trying},
    folder::Folder,
    initdb,
    keeper::{self, Plan, State},
    leftovers, secret, settings,
    settings::{PORT, SUPERUSER},
    socket,
};

/// A running cluster. Dropping it stops it.
pub struct Cluster {
    folder: Folder,
    socket_directory: PathBuf,
    password: String,
    version: String,
    state: Arc<State>,
    stop: Option<mpsc::Sender<()>>,
    keeper: Option<thread::JoinHandle<Result<(), ClusterError>>>,
    /// Held until the server has ended, so the next owner comes no sooner.
    _lock: File,
}

impl Cluster {
    /// Starts a cluster, making it first where it does not exist. Blocks until it answers.
    pub fn start(config: &ClusterConfig) -> Result<Self, ClusterError> {
        Self::start_with(config, &Tuning::default())
    }

    /// Starts a cluster with settings of the caller's.
    pub fn start_with(config: &ClusterConfig, tuning: &Tuning) -> Result<Self, ClusterError> {
        let path = std::path::absolute(&config.folder).trying(|| format!("resolving {}", config.folder.display()))?;
        // What needs no folder comes first: a machine that cannot run PostgreSQL is left as it is.
        let find = |made_by| binaries::find_for(tuning.bin_dir.as_deref(), config.path.as_deref(), made_by);
        let newest = find(None)?;
        let account = account::choose(&path)?;
        account.may_enter(&path)?;
        let folder = Folder::make(&path, &account)?;
        let lock = folder.lock(&account)?;
        leftovers::clear(&folder)?;
        let made_by = initdb::made_by(&folder)?;
        let password = secret::password(&folder, &account, made_by.is_some())?;
        let binaries = match made_by {
            None => {
                initdb::make(&folder, &account, &newest, &password, config.durable)?;
                newest
            }
            Some(found) => {
                let binaries = find(found.parse().ok())?;
                let installed = binaries.major.to_string();
                if found != installed {
                    return Err(ClusterError::OtherVersion { path: folder.data, found, installed });
                }
                binaries
            }
        };
        let socket_directory = socket::directory(&folder, &account)?;
        let plan = Plan {
            settings: settings::list(config.durable, &tuning.settings, &socket_directory, &folder.name),
            socket_directory: socket_directory.clone(),
            folder: folder.clone(),
            start_limit: tuning.start_limit,
            account,
            binaries,
        };
        let (version, state) = (plan.binaries.version.clone(), Arc::<State>::default());
        let (told, heard) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let shared = Arc::clone(&state);
        // The parent-death signal follows the thread that spawned the server, so this one stays until the end.
        let keeper = thread::Builder::new()
            .name("postgres-keeper".to_owned())
            .spawn(move || keeper::keep(&plan, &shared, told, &stopped))
            .trying(|| "starting a thread".to_owned())?;
        let (stop, keeper) = (Some(stop), Some(keeper));
        let cluster = Self { folder, socket_directory, password, version, state, stop, keeper, _lock: lock };
        heard.recv().unwrap_or_else(|_| Err(ClusterError::Start("its thread ended".to_owned())))?;
        Ok(cluster)
    }

    /// A connection string for a database of the cluster, as its superuser, in the form that tokio-postgres and
    /// libpq share. It contains the password.
    pub fn url(&self, database: &str) -> String {
        format!(
            "host='{}' port={PORT} user={SUPERUSER} password={} dbname='{}' application_name=sovereign-grc",
            self.socket_directory.display(),
            self.password,
            database.replace('\\', "\\\\").replace('\'', "\\'")
        )
    }

    /// The directory of the socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_directory
    }

    /// The port, which is only a part of the socket's name.
    pub fn port(&self) -> u16 {
        PORT
    }

    /// The superuser, who owns the tables.
    pub fn superuser(&self) -> &str {
        SUPERUSER
    }

    /// The superuser's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// PostgreSQL's version, such as `15.14`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The server's process id; `None` while it is dead and not yet started again.
    pub fn pid(&self) -> Option<i32> {
        Some(self.state.pid.load(Ordering::SeqCst)).filter(|pid| *pid != 0)
    }

    /// Whether the server runs. A death shows within a tenth of a second; a restart follows by itself.
    pub fn is_alive(&self) -> bool {
        self.pid().is_some()
    }

    /// How often the server died and was started again.
    pub fn restarts(&self) -> u32 {
        self.state.restarts.load(Ordering::SeqCst)
    }

    /// Whether the server's last start had to recover from a crash.
    pub fn was_recovered(&self) -> bool {
        self.state.recovered.load(Ordering::SeqCst)
    }

    /// Stops the server: open clients are cut off, everything committed is on disk. The error says that it took
    /// force, after ten seconds.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ClusterError> {
        drop(self.stop.take());
        let Some(keeper) = self.keeper.take() else { return Ok(()) };
        // A keeper that panicked has lost its server to the parent-death signal already.
        let ended = keeper.join().unwrap_or(Err(ClusterError::Forced));
        socket::discard(&self.socket_directory, &self.folder);
        ended
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!("{error}");
        }
    }
}

impl fmt::Debug for Cluster {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Cluster");
        debug.field("folder", &self.folder.root).field("version", &self.version).field("pid", &self.pid());
        debug.finish_non_exhaustive()
    }
}
