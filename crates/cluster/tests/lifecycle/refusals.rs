//! What a start refuses, and what it says then.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use grc_cluster::{ClusterError, Tuning};

use crate::support::{Folder, Owner, alive, psql};

#[test]
fn a_second_owner_is_refused_in_the_same_process() {
    let folder = Folder::new("second");
    let cluster = folder.start().unwrap();
    let own = i32::try_from(std::process::id()).unwrap();
    assert!(matches!(folder.start(), Err(ClusterError::Held { pid, .. }) if pid == own));
    assert_eq!(psql(&cluster, "SELECT 1"), "1");
}

#[test]
fn a_second_owner_is_refused_in_another_process() {
    let folder = Folder::new("other");
    let owner = Owner::start(&folder);
    let begun = Instant::now();
    let message = folder.start().unwrap_err().to_string();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(message.contains(&format!("(process {})", owner.pid())), "{message}");
    assert!(alive(owner.server));
}

#[test]
fn of_two_that_start_at_once_one_wins() {
    let folder = Folder::new("race");
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| folder.start());
        let two = scope.spawn(|| folder.start());
        (one.join().unwrap(), two.join().unwrap())
    });
    let (winner, loser) = if one.is_ok() { (one, two) } else { (two, one) };
    assert!(matches!(loser, Err(ClusterError::Held { .. })), "{loser:?}");
    assert_eq!(psql(&winner.unwrap(), "SELECT 1"), "1");
}

#[test]
fn without_the_programs_nothing_is_made() {
    let folder = Folder::new("programs");
    let tuning = Tuning { bin_dir: Some(PathBuf::from("/nowhere")), ..Tuning::default() };
    let message = folder.start_with(&tuning).unwrap_err().to_string();
    assert!(message.contains("`apt-get install -y postgresql`") && message.contains("/nowhere"), "{message}");
    assert!(!folder.0.exists());
}

#[test]
fn a_folder_that_the_user_cannot_enter_is_named() {
    let folder = Folder::new("closed");
    let closed = folder.0.join("closed");
    fs::create_dir_all(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o600)).unwrap();
    let mut config = folder.config();
    config.folder = closed.join("database");
    let refused = grc_cluster::Cluster::start(&config);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("GRC_DATA_DIR") && message.contains(&format!("{}:", closed.display())), "{message}");
    assert!(!config.folder.exists());
}

#[test]
fn data_of_another_version_is_refused() {
    let folder = Folder::new("version");
    folder.start().unwrap().stop().unwrap();
    let file = folder.0.join("data/PG_VERSION");
    fs::write(&file, "9\n").unwrap();
    let refused = folder.start();
    assert!(matches!(&refused, Err(ClusterError::OtherVersion { found, .. }) if found == "9"), "{refused:?}");
}

#[test]
fn a_damaged_database_is_never_replaced_by_an_empty_one() {
    let folder = Folder::new("damaged");
    folder.start().unwrap().stop().unwrap();
    fs::remove_file(folder.0.join("data/PG_VERSION")).unwrap();
    assert!(matches!(folder.start(), Err(ClusterError::Damaged { .. })));
}

#[test]
fn a_lost_password_is_named() {
    let folder = Folder::new("lost");
    folder.start().unwrap().stop().unwrap();
    fs::remove_file(folder.0.join("password")).unwrap();
    assert!(matches!(folder.start(), Err(ClusterError::PasswordLost { .. })));
}

#[test]
fn a_server_that_does_not_start_is_quoted() {
    let folder = Folder::new("quoted");
    let settings = vec![("shared_buffers".to_owned(), "lots".to_owned())];
    let refused = folder.start_with(&Tuning { settings, ..Tuning::default() });
    assert!(matches!(&refused, Err(ClusterError::Start(text)) if text.contains("lots")), "{refused:?}");
    assert_eq!(psql(&folder.start().unwrap(), "SELECT 1"), "1");
}

#[test]
fn a_server_that_does_not_answer_in_time_is_stopped() {
    let folder = Folder::new("late");
    let tuning = Tuning { start_limit: Duration::ZERO, ..Tuning::default() };
    let refused = folder.start_with(&tuning);
    assert!(matches!(refused, Err(ClusterError::StartTimedOut { .. })), "{refused:?}");
    assert!(!folder.0.join("data/postmaster.pid").exists());
    assert_eq!(psql(&folder.start().unwrap(), "SELECT 1"), "1");
}

#[test]
fn a_link_in_the_place_of_a_private_file_is_refused() {
    let folder = Folder::new("link");
    fs::create_dir_all(&folder.0).unwrap();
    let target = folder.0.join("target");
    fs::write(&target, "precious").unwrap();
    std::os::unix::fs::symlink(&target, folder.0.join("lock")).unwrap();
    assert!(matches!(folder.start(), Err(ClusterError::Io { .. })));
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}
