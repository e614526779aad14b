//! A cluster's ordinary life.

use std::{
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use grc_cluster::Tuning;

use crate::support::{Folder, alive, pid, psql, signal, try_psql, until};

#[test]
fn a_stopped_cluster_keeps_its_data() {
    let folder = Folder::new("keeps");
    let cluster = folder.start().unwrap();
    psql(&cluster, "CREATE TABLE t AS SELECT 42 AS n");
    let (server, password) = (pid(&cluster), cluster.password().to_owned());
    cluster.stop().unwrap();
    assert!(!alive(server));
    let cluster = folder.start().unwrap();
    assert!(!cluster.was_recovered());
    assert_eq!(cluster.password(), password);
    assert_eq!(psql(&cluster, "SELECT n FROM t"), "42");
    let server = pid(&cluster);
    drop(cluster);
    assert!(!alive(server), "dropping stops it too");
}

#[test]
fn it_stops_while_clients_are_connected() {
    let folder = Folder::new("clients");
    let cluster = folder.start().unwrap();
    let program = grc_cluster::binaries::find(None).unwrap().program("psql");
    let mut client = Command::new(program)
        .args([&cluster.url("postgres"), "-XAtqc", "SELECT pg_sleep(600)"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'";
    until("the client is at it", Duration::from_secs(10), || psql(&cluster, sleeping) == "1");
    let begun = Instant::now();
    cluster.stop().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    client.wait().unwrap();
}

#[test]
fn it_says_how_to_reach_it_and_the_settings_are_as_said() {
    let folder = Folder::new("settings");
    let settings = vec![("max_connections".to_owned(), "33".to_owned()), ("port".to_owned(), "1".to_owned())];
    let cluster = folder.start_with(&Tuning { settings, ..Tuning::default() }).unwrap();
    let show = |name: &str| psql(&cluster, &format!("SELECT current_setting('{name}')"));
    assert_eq!([show("fsync"), show("synchronous_commit"), show("full_page_writes")], ["off", "off", "off"]);
    assert_eq!([show("max_connections"), show("port"), show("listen_addresses")], ["33", "5432", ""]);
    assert_eq!([show("shared_buffers"), show("jit"), show("TimeZone")], ["32MB", "off", "UTC"]);
    assert_eq!([show("server_encoding"), show("lc_collate")], ["UTF8", "C"]);
    assert!(show("server_version").starts_with(cluster.version()));
    assert_eq!(psql(&cluster, "SELECT current_user"), cluster.superuser());
    let shown = format!("{cluster:?}");
    assert!(!shown.contains(cluster.password()), "{shown}");
}

#[test]
fn a_durable_cluster_acknowledges_only_what_is_on_disk() {
    let folder = Folder::new("durable");
    let mut config = folder.config();
    config.durable = true;
    let cluster = grc_cluster::Cluster::start(&config).unwrap();
    let show = |name: &str| psql(&cluster, &format!("SELECT current_setting('{name}')"));
    assert_eq!([show("fsync"), show("synchronous_commit"), show("full_page_writes")], ["on", "on", "on"]);
}

#[test]
fn the_password_is_needed_and_lies_in_a_private_file() {
    let folder = Folder::new("password");
    let cluster = folder.start().unwrap();
    let file = folder.0.join("password");
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(file).unwrap(), cluster.password());
    assert!(!folder.0.join("initdb-password").exists());
    assert_eq!(cluster.socket_dir().metadata().unwrap().mode() & 0o777, 0o700);
    let wrong = cluster.url("postgres").replace(cluster.password(), "wrong");
    let psql = grc_cluster::binaries::find(None).unwrap().program("psql");
    let output = Command::new(psql).args([&wrong, "-XAtqc", "SELECT 1"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("password authentication failed"));
}

#[test]
fn a_path_that_is_too_long_for_a_socket_does_no_harm() {
    let folder = Folder::new(&"long-".repeat(20));
    let cluster = folder.start().unwrap();
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
    let socket_dir = cluster.socket_dir().to_path_buf();
    assert!(!socket_dir.starts_with(&folder.0));
    cluster.stop().unwrap();
    assert!(!socket_dir.exists(), "it leaves nothing outside its folder");
}

#[test]
fn a_path_that_a_connection_string_cannot_carry_does_no_harm() {
    let folder = Folder::new("it's, a \"päth\" \\");
    let cluster = folder.start().unwrap();
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
}

#[test]
fn a_database_of_any_name_is_reached() {
    let folder = Folder::new("names");
    let cluster = folder.start().unwrap();
    psql(&cluster, "CREATE DATABASE \"it's \\ ours\"");
    let psql = grc_cluster::binaries::find(None).unwrap().program("psql");
    let url = cluster.url("it's \\ ours");
    let output = Command::new(psql).args([&url, "-XAtqc", "SELECT 1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_server_that_dies_is_started_again() {
    let folder = Folder::new("again");
    let cluster = folder.start().unwrap();
    psql(&cluster, "CREATE TABLE t AS SELECT 7 AS n");
    // Without fsync a commit lies in the buffers until a checkpoint.
    psql(&cluster, "CHECKPOINT");
    let first = pid(&cluster);
    assert!(cluster.is_alive() && cluster.restarts() == 0);
    signal("KILL", first);
    until("the restart", Duration::from_secs(20), || cluster.restarts() == 1);
    assert!(cluster.is_alive() && cluster.was_recovered());
    assert_ne!(pid(&cluster), first);
    assert_eq!(try_psql(&cluster, "SELECT n FROM t"), Ok("7".to_owned()));
    cluster.stop().unwrap();
}
