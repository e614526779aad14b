//! Starts a cluster in the folder given, says its server's pid, and waits: for the tests of what happens when
//! its owner is killed.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program of the tests")]

use std::{io::Read, path::PathBuf};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap());
    let cluster =
        grc_cluster::Cluster::start(&grc_cluster::ClusterConfig { folder, durable: false, path: None }).unwrap();
    println!("{}", cluster.pid().unwrap());
    let _ = std::io::stdin().read(&mut [0]);
}
