//! The server's settings, given on its command line: nothing in the data directory decides about them.

use std::path::Path;

/// The port names the socket file; nothing listens on the network.
pub(crate) const PORT: u16 = 5432;
/// The cluster's superuser, which owns the tables.
pub(crate) const SUPERUSER: &str = "grc_owner";
/// Says on the command line which process owns the server; a setting of ours that PostgreSQL only carries.
pub(crate) const OWNER: &str = "grc.owner";

const COMMON: [(&str, &str); 13] = [
    // A client that connects and says nothing holds up a shutdown for as long as this.
    ("authentication_timeout", "5s"),
    ("max_connections", "200"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    ("log_line_prefix", "%m [%p] "),
    ("log_min_messages", "warning"),
    ("log_checkpoints", "off"),
    ("log_autovacuum_min_duration", "-1"),
    ("update_process_title", "on"),
    ("password_encryption", "scram-sha-256"),
];
/// A commit is on disk before it is acknowledged.
const DURABLE: [(&str, &str); 4] =
    [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"), ("shared_buffers", "128MB")];
/// For tests: a power failure may cost everything, a killed process the last moments.
const QUICK: [(&str, &str); 4] =
    [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"), ("shared_buffers", "32MB")];

/// The settings as `name=value`, in an order in which a later one wins.
pub(crate) fn list(durable: bool, extra: &[(String, String)], socket_directory: &Path, name: &str) -> Vec<String> {
    let chosen = COMMON.iter().chain(if durable { &DURABLE } else { &QUICK });
    let mut list: Vec<String> = chosen.map(|(name, value)| format!("{name}={value}")).collect();
    list.extend(extra.iter().map(|(name, value)| format!("{name}={value}")));
    // What the caller must not change comes last: the way to the server and the marks by which it is known.
    list.extend([
        "listen_addresses=".to_owned(),
        format!("port={PORT}"),
        format!("unix_socket_directories={}", socket_directory.display()),
        "unix_socket_permissions=0700".to_owned(),
        cluster_name(name),
        format!("{OWNER}={}", std::process::id()),
    ]);
    list
}

/// The setting that names a cluster.
pub(crate) fn cluster_name(name: &str) -> String {
    format!("cluster_name={name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_changes_tuning_but_not_the_way_to_the_server() {
        let extra = [("max_connections", "20"), ("port", "1"), ("listen_addresses", "*")];
        let list = list(true, &extra.map(|(n, v)| (n.to_owned(), v.to_owned())), Path::new("/s"), "grc-x");
        let last = |name: &str| list.iter().rfind(|s| s.split('=').next() == Some(name)).unwrap().as_str();
        assert_eq!(last("max_connections"), "max_connections=20");
        assert_eq!(last("port"), "port=5432");
        assert_eq!(last("listen_addresses"), "listen_addresses=");
        assert_eq!(last("synchronous_commit"), "synchronous_commit=on");
    }
}
