//! What remains when the owner or the server is killed.

use std::time::Duration;

use crate::support::{Folder, Owner, alive, psql, signal, until};

#[test]
fn the_server_ends_with_its_killed_owner_and_starts_again() {
    let folder = Folder::new("owner");
    let mut owner = Owner::start(&folder);
    let server = owner.server;
    assert!(alive(server));
    owner.kill();
    until("the server follows its owner", Duration::from_secs(2), || !alive(server));
    let cluster = folder.start().unwrap();
    assert!(!cluster.was_recovered(), "it had shut down cleanly");
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
}

#[test]
fn a_start_right_after_the_owner_was_killed_waits_for_its_server() {
    let folder = Folder::new("at-once");
    let mut owner = Owner::start(&folder);
    owner.kill();
    let cluster = folder.start().unwrap();
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
    assert!(!alive(owner.server));
}

#[test]
fn a_server_killed_with_its_owner_is_recovered() {
    let folder = Folder::new("both");
    let mut owner = Owner::start(&folder);
    // Stopped, the owner neither restarts its server nor takes note of its death: a zombie stays.
    signal("STOP", owner.pid());
    signal("KILL", owner.server);
    until("the server dies", Duration::from_secs(5), || !alive(owner.server));
    owner.kill();
    let cluster = folder.start().unwrap();
    assert!(cluster.was_recovered());
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
}

#[test]
fn a_busy_backend_whose_server_was_killed_does_not_block_the_restart() {
    let folder = Folder::new("busy");
    let cluster = folder.start().unwrap();
    let url = cluster.url("postgres");
    let psql_program = grc_cluster::binaries::find(None).unwrap().program("psql");
    // A loop that never waits does not notice that its server is gone.
    let busy = "SET application_name = 'busy'; DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$";
    let mut client = std::process::Command::new(psql_program)
        .args([&url, "-XAtqc", busy])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let backend = "SELECT pid FROM pg_stat_activity WHERE application_name = 'busy' AND query LIKE '%LOOP%'";
    let mut found = String::new();
    until("the backend is busy", Duration::from_secs(10), || {
        found = psql(&cluster, backend);
        !found.is_empty()
    });
    let backend: i32 = found.parse().unwrap();
    signal("KILL", cluster.pid().unwrap());
    until("the restart", Duration::from_secs(30), || cluster.restarts() == 1);
    assert!(!alive(backend));
    client.wait().unwrap();
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
}
