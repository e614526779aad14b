//! Makes, starts, watches and stops the server.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
        net::UnixStream,
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sha2::{Digest, Sha256};

use crate::{
    account::{self, Account},
    binaries::{self, Binaries},
    error::{ClusterError, Trying},
};

/// The port names the socket file; nothing listens on the network.
const PORT: u16 = 5432;
/// The cluster's superuser, which owns the tables.
const SUPERUSER: &str = "grc_owner";
/// How long a start may take; crash recovery of a large database takes its time.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long a fast shutdown may take before an immediate one.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// How a cluster is made.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Its folder; the data lies in `data` below it.
    pub folder: PathBuf,
    /// Whether a commit survives a power failure. Off only for tests, where it saves most of their time.
    pub durable: bool,
    /// The `PATH` to look for PostgreSQL on.
    pub path: Option<std::ffi::OsString>,
}

/// A running cluster. Dropping it stops it.
#[derive(Debug)]
pub struct Cluster {
    socket_folder: PathBuf,
    password: String,
    pid: Pid,
    stop: Option<mpsc::Sender<()>>,
    keeper: Option<thread::JoinHandle<()>>,
}

impl Cluster {
    /// Starts a cluster, making it first where it does not exist. Blocks until it answers.
    pub fn start(config: &ClusterConfig) -> Result<Self, ClusterError> {
        let binaries = binaries::find(config.path.as_deref())?;
        let account = account::choose()?;
        let folder = absolute(&config.folder)?;
        account.may_enter(&folder)?;
        make_folder(&folder, &account)?;
        let data = folder.join("data");
        let password = password(&folder)?;
        if !data.join("PG_VERSION").is_file() {
            initdb(&binaries, &account, &folder, &data, &password)?;
        }
        right_version(&data, &binaries)?;
        clear_the_way(&data)?;
        let socket_folder = socket_folder(&folder, &account)?;
        let log = folder.join("postgres.log");
        let (told, heard) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let spawn = Spawn {
            binaries,
            account,
            data: data.clone(),
            socket_folder: socket_folder.clone(),
            log: log.clone(),
            durable: config.durable,
        };
        // The parent-death signal follows the spawning thread, so this one waits until the end.
        let keeper = thread::Builder::new()
            .name("postgres-keeper".to_owned())
            .spawn(move || keep(&spawn, &told, &stopped))
            .trying(|| "starting a thread".to_owned())?;
        let pid = heard.recv().map_err(|_| ClusterError::Start("its thread ended".to_owned()))??;
        let cluster = Self { socket_folder, password, pid, stop: Some(stop), keeper: Some(keeper) };
        cluster.wait_until_ready(&data, &log)?;
        Ok(cluster)
    }

    /// A connection string for a database of the cluster, as its superuser.
    pub fn url(&self, database: &str) -> String {
        format!(
            "host='{}' port={PORT} user={SUPERUSER} password={} dbname={database} application_name=sovereign-grc",
            self.socket_folder.display(),
            self.password
        )
    }

    /// The server's process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Stops the server: open clients are cut off, everything committed is on disk.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(keeper) = self.keeper.take() {
            // A keeper that panicked has lost its child to the parent-death signal already.
            let _ = keeper.join();
            let _ = fs::remove_dir_all(&self.socket_folder);
        }
    }

    fn wait_until_ready(&self, data: &Path, log: &Path) -> Result<(), ClusterError> {
        let begun = Instant::now();
        let socket = self.socket_folder.join(format!(".s.PGSQL.{PORT}"));
        while begun.elapsed() < START_LIMIT {
            if self.keeper.as_ref().is_none_or(thread::JoinHandle::is_finished) {
                return Err(ClusterError::Start(last_lines(log)));
            }
            // The pid file must be this server's: an orphan's socket would answer too. Its eighth line says
            // `ready` when connections are accepted.
            if let Some(file) = PidFile::read(data)
                && file.pid == self.pid.as_raw_nonzero().get()
                && file.ready
                && UnixStream::connect(&socket).is_ok()
            {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(ClusterError::Start(format!("it was not ready within {} s; {}", START_LIMIT.as_secs(), last_lines(log))))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

struct Spawn {
    binaries: Binaries,
    account: Account,
    data: PathBuf,
    socket_folder: PathBuf,
    log: PathBuf,
    durable: bool,
}

/// The life of the server process: spawned here, waited for here, so that it is never a zombie.
fn keep(spawn: &Spawn, told: &mpsc::Sender<Result<Pid, ClusterError>>, stopped: &mpsc::Receiver<()>) {
    let (mut child, pid) = match spawn_server(spawn) {
        Ok(child) => child,
        Err(error) => {
            let _ = told.send(Err(error));
            return;
        }
    };
    let _ = told.send(Ok(pid));
    loop {
        match stopped.recv_timeout(Duration::from_millis(250)) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if let Ok(Some(status)) = child.try_wait() {
                    tracing::error!(%status, "the embedded PostgreSQL ended by itself: {}", last_lines(&spawn.log));
                    return;
                }
            }
            _ => return shut_down(&mut child, pid),
        }
    }
}

fn spawn_server(spawn: &Spawn) -> Result<(Child, Pid), ClusterError> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&spawn.log)
        .trying(|| format!("opening {}", spawn.log.display()))?;
    let errors = log.try_clone().trying(|| "duplicating the log".to_owned())?;
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if spawn.account.change {
        command.args([
            "--reuid",
            &spawn.account.uid.to_string(),
            "--regid",
            &spawn.account.gid.to_string(),
            "--clear-groups",
        ]);
    }
    command.arg("--").arg(spawn.binaries.program("postgres")).arg("-D").arg(&spawn.data);
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        format!("port={PORT}"),
        format!("unix_socket_directories={}", spawn.socket_folder.display()),
        "unix_socket_permissions=0700".to_owned(),
        "max_connections=200".to_owned(),
        "shared_buffers=128MB".to_owned(),
        "jit=off".to_owned(),
        "log_min_messages=warning".to_owned(),
        "password_encryption=scram-sha-256".to_owned(),
    ];
    if !spawn.durable {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
    }
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    command
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // A Ctrl-C at the terminal is for the service, which then stops the database in its own time.
        .process_group(0);
    let child = command.spawn().trying(|| "starting postgres through setpriv (util-linux)".to_owned())?;
    // setpriv replaces itself by the server, so the child's pid is the server's.
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| ClusterError::Start("it has no process id".to_owned()))?;
    Ok((child, pid))
}

fn shut_down(child: &mut Child, pid: Pid) {
    // INT is PostgreSQL's fast shutdown: TERM would wait for open clients for ever.
    let _ = kill_process(pid, Signal::INT);
    let begun = Instant::now();
    while begun.elapsed() < STOP_LIMIT {
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = kill_process(pid, Signal::QUIT);
    let _ = child.wait();
}

fn absolute(path: &Path) -> Result<PathBuf, ClusterError> {
    std::path::absolute(path).trying(|| format!("resolving {}", path.display()))
}

fn make_folder(folder: &Path, account: &Account) -> Result<(), ClusterError> {
    fs::create_dir_all(folder).trying(|| format!("making {}", folder.display()))?;
    account.own(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).trying(|| format!("closing {}", folder.display()))
}

/// The superuser's password, made once and kept in a file that only the caller reads.
fn password(folder: &Path) -> Result<String, ClusterError> {
    let path = folder.join("password");
    if let Ok(text) = fs::read_to_string(&path)
        && !text.trim().is_empty()
    {
        return Ok(text.trim().to_owned());
    }
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(|error| ClusterError::Initdb(error.to_string()))?;
    let password = hex::encode(bytes);
    let mut file = create_private(&path)?;
    file.write_all(password.as_bytes()).trying(|| format!("writing {}", path.display()))?;
    Ok(password)
}

fn create_private(path: &Path) -> Result<File, ClusterError> {
    let mut options = OpenOptions::new();
    options
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .trying(|| format!("making {}", path.display()))
}

/// Makes the data directory beside its place and moves it there when it is whole, so that an interrupted
/// attempt never looks like a database.
fn initdb(
    binaries: &Binaries,
    account: &Account,
    folder: &Path,
    data: &Path,
    password: &str,
) -> Result<(), ClusterError> {
    let new = folder.join("data.new");
    for leftover in [&new, &data.to_path_buf()] {
        if leftover.exists() {
            fs::remove_dir_all(leftover).trying(|| format!("removing {}", leftover.display()))?;
        }
    }
    let password_file = folder.join("initdb-password");
    create_private(&password_file)?.write_all(password.as_bytes()).trying(|| "writing the password".to_owned())?;
    account.own(&password_file)?;
    let mut command = Command::new(binaries.program("initdb"));
    command
        .args(["--encoding=UTF8", "--locale=C", "--no-instructions", "--auth=scram-sha-256"])
        .arg(format!("--username={SUPERUSER}"))
        .arg(format!("--pwfile={}", password_file.display()))
        .arg("-D")
        .arg(&new)
        .env_clear()
        .current_dir("/");
    if account.change {
        command.uid(account.uid).gid(account.gid);
    }
    let output = command.output().trying(|| "running initdb".to_owned());
    let _ = fs::remove_file(&password_file);
    let output = output?;
    if !output.status.success() {
        return Err(ClusterError::Initdb(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    fs::rename(&new, data).trying(|| format!("moving {} into place", data.display()))
}

fn right_version(data: &Path, binaries: &Binaries) -> Result<(), ClusterError> {
    let found = fs::read_to_string(data.join("PG_VERSION")).trying(|| format!("reading {}", data.display()))?;
    let found = found.trim().to_owned();
    let installed = binaries.major.to_string();
    if found == installed {
        Ok(())
    } else {
        Err(ClusterError::OtherVersion { path: data.to_path_buf(), found, installed })
    }
}

/// What `postmaster.pid` says.
struct PidFile {
    pid: i32,
    ready: bool,
}

impl PidFile {
    fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let ready = lines.nth(6).is_some_and(|line| line.trim() == "ready");
        Some(Self { pid, ready })
    }
}

/// Sees to it that no other server works on the directory. One whose service was killed is already shutting
/// down and is waited for; one that lives on belongs to somebody. A stale file of a dead server PostgreSQL
/// recovers from by itself.
fn clear_the_way(data: &Path) -> Result<(), ClusterError> {
    let begun = Instant::now();
    loop {
        let Some(file) = PidFile::read(data) else { return Ok(()) };
        let Some(pid) = Pid::from_raw(file.pid) else { return Ok(()) };
        if test_kill_process(pid).is_err() || !is_postgres(file.pid) {
            return Ok(());
        }
        // An orphan has lost the parent that would stop it: nobody else will.
        let orphan = parent(file.pid) == Some(1);
        if orphan && begun.elapsed() > Duration::from_secs(1) {
            let _ = kill_process(pid, Signal::INT);
        }
        let patience = if orphan { STOP_LIMIT } else { Duration::from_secs(2) };
        if begun.elapsed() > patience {
            return Err(ClusterError::Held { path: data.to_path_buf(), pid: file.pid });
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn is_postgres(pid: i32) -> bool {
    // A zombie has no command line, and a process that took over the number has another.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains("postgres"))
}

fn parent(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// A short folder for the socket, whose path may have 107 bytes, named after the cluster's own.
fn socket_folder(folder: &Path, account: &Account) -> Result<PathBuf, ClusterError> {
    let digest = hex::encode(Sha256::digest(folder.as_os_str().as_encoded_bytes()));
    let name: String = digest.chars().take(16).collect();
    let path = PathBuf::from("/tmp").join(format!("grc-{}-{name}", account.uid));
    if path.exists() {
        fs::remove_dir_all(&path).trying(|| format!("clearing {}", path.display()))?;
    }
    fs::DirBuilder::new().mode(0o700).create(&path).trying(|| format!("making {}", path.display()))?;
    account.own(&path)?;
    Ok(path)
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}
