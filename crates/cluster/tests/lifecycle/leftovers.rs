//! What an earlier life left in the folder.

use std::{fs, process::Command, time::Duration};

use grc_cluster::ClusterError;

use crate::support::{Folder, alive, arguments, command_as_owner, pid, psql, signal, until};

#[test]
fn a_half_made_data_directory_is_made_again() {
    let folder = Folder::new("half");
    fs::create_dir_all(folder.0.join("data.new/base")).unwrap();
    fs::write(folder.0.join("data.new/PG_VERSION"), "15\n").unwrap();
    let cluster = folder.start().unwrap();
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
    assert!(!folder.0.join("data.new").exists());
}

#[test]
fn what_is_no_database_is_kept_aside() {
    let folder = Folder::new("aside");
    fs::create_dir_all(folder.0.join("data")).unwrap();
    fs::write(folder.0.join("data/half"), "made").unwrap();
    if rustix::process::geteuid().is_root() {
        crate::support::give_to(&folder.0, 65_534);
    }
    let cluster = folder.start().unwrap();
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
    assert_eq!(fs::read_to_string(folder.0.join("data.aside-1/half")).unwrap(), "made");
}

#[test]
fn a_pid_file_of_an_unreaped_zombie_is_stale() {
    let folder = Folder::new("zombie");
    folder.start().unwrap().stop().unwrap();
    let mut zombie = command_as_owner(&folder.0, "true").spawn().unwrap();
    stale_pid_file(&folder, zombie.id());
    until("it dies", Duration::from_secs(5), || !alive(i32::try_from(zombie.id()).unwrap()));
    let started = folder.start().map(|cluster| psql(&cluster, "SELECT 1"));
    zombie.wait().unwrap();
    assert_eq!(started.unwrap(), "1");
}

#[test]
fn a_pid_file_whose_number_went_to_another_program_is_stale() {
    let folder = Folder::new("reused");
    folder.start().unwrap().stop().unwrap();
    let mut other = command_as_owner(&folder.0, "sleep").arg("60").spawn().unwrap();
    stale_pid_file(&folder, other.id());
    let started = folder.start().map(|cluster| psql(&cluster, "SELECT 1"));
    let untouched = other.try_wait().unwrap().is_none();
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(started.unwrap(), "1");
    assert!(untouched);
}

#[test]
fn a_pid_file_of_a_process_long_gone_is_stale() {
    let folder = Folder::new("gone");
    folder.start().unwrap().stop().unwrap();
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    stale_pid_file(&folder, gone.id());
    assert_eq!(psql(&folder.start().unwrap(), "SELECT 1"), "1");
}

#[test]
fn a_server_without_its_owner_is_stopped_and_replaced() {
    let folder = Folder::new("orphan");
    let orphan = serve_by_hand(&folder, |_| true);
    let cluster = folder.start().unwrap();
    assert!(!alive(orphan));
    assert!(!cluster.was_recovered(), "it was asked to shut down, not killed");
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
}

#[test]
fn a_server_that_somebody_started_by_hand_is_left_alone() {
    let folder = Folder::new("stranger");
    let stranger = serve_by_hand(&folder, |setting| !setting.starts_with("cluster_name="));
    let refused = folder.start();
    let untouched = alive(stranger) && folder.0.join("data/postmaster.pid").exists();
    signal("INT", stranger);
    until("it stops", Duration::from_secs(10), || !alive(stranger));
    assert!(matches!(refused, Err(ClusterError::Held { pid, .. }) if pid == stranger), "{refused:?}");
    assert!(untouched);
    assert_eq!(psql(&folder.start().unwrap(), "SELECT 1"), "1");
}

/// The file as PostgreSQL leaves it, with another pid.
fn stale_pid_file(folder: &Folder, pid: u32) {
    let data = folder.0.join("data");
    let text = format!("{pid}\n{}\n1700000000\n5432\n/nowhere\n\n 12345678  87654321\nready   \n", data.display());
    fs::write(data.join("postmaster.pid"), text).unwrap();
    if rustix::process::geteuid().is_root() {
        let owner = std::os::unix::fs::MetadataExt::uid(&folder.0.metadata().unwrap());
        std::os::unix::fs::chown(data.join("postmaster.pid"), Some(owner), None).unwrap();
    }
}

/// A server like the cluster's own, with those of its settings that are kept, but a child of nobody.
fn serve_by_hand(folder: &Folder, keep: impl Fn(&str) -> bool) -> i32 {
    let cluster = folder.start().unwrap();
    let words = arguments(pid(&cluster));
    let socket = cluster.socket_dir().join(".s.PGSQL.5432");
    cluster.stop().unwrap();
    let mut command = command_as_owner(&folder.0, "setsid");
    // The shell ends at once, so that its child loses its parent.
    command.args(["sh", "-c", "\"$@\" >/dev/null 2>&1 & echo $!", "sh"]).args(&words[..3]).current_dir("/");
    for setting in words[3..].iter().filter(|word| *word != "-c" && keep(word.to_str().unwrap())) {
        command.arg("-c").arg(setting);
    }
    let output = command.output().unwrap();
    let server: i32 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    until("it answers", Duration::from_secs(20), || {
        let file = fs::read_to_string(folder.0.join("data/postmaster.pid")).unwrap_or_default();
        file.contains("ready") && std::os::unix::net::UnixStream::connect(&socket).is_ok()
    });
    server
}
