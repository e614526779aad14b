//! Configuration: environment variables, and the same names in a TOML file named by `GRC_CONFIG`. The
//! environment wins. Every problem is reported, each naming its variable; an unknown name is a problem, so a
//! typo is found.

mod access;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

pub use access::{AuthMode, CloudflareAccess, ServiceToken};

use grc_objects::settings::{self, Settings};

use crate::webhooks::Pace;

/// Every variable that the service knows.
const KNOWN: &[&str] = &[
    "GRC_CONFIG",
    "GRC_BIND",
    "GRC_METRICS_BIND",
    "GRC_DATA_DIR",
    "GRC_DATABASE_URL",
    "GRC_DATABASE_POOL",
    "GRC_REDIS_URL",
    "GRC_EVIDENCE_STORE",
    "GRC_S3_ENDPOINT",
    "GRC_S3_BUCKET",
    "GRC_S3_REGION",
    "GRC_S3_ACCESS_KEY",
    "GRC_S3_SECRET_KEY",
    "GRC_OPA_URL",
    "GRC_STEAMPIPE_URL",
    "GRC_AI_PROVIDER",
    "GRC_AI_BASE_URL",
    "GRC_AI_MODEL",
    "GRC_AI_API_KEY",
    "GRC_AI_BUDGET_TOKENS",
    "GRC_AUTH_MODE",
    "GRC_CF_ACCESS_TEAM_DOMAIN",
    "GRC_CF_ACCESS_AUD",
    "GRC_CF_ACCESS_CERTS_URL",
    "GRC_CF_ACCESS_SERVICE_TOKENS",
    "GRC_BOOTSTRAP_EMAIL",
    "GRC_BOOTSTRAP_PASSWORD",
    "GRC_PUBLIC_URL",
    "GRC_SMTP_URL",
    "GRC_MAIL_FROM",
    "GRC_RATE_LIMIT_PER_MINUTE",
    "GRC_LIMIT_EXECUTIONS",
    "GRC_LIMIT_REPORTS_PER_HOUR",
    "GRC_LIMIT_UPLOADS_PER_HOUR",
    "GRC_CORS_ORIGINS",
    "GRC_ALLOW_PRIVATE_TARGETS",
    "GRC_LOG",
    "GRC_LOG_FORMAT",
    "GRC_WORKERS",
];

/// Variables of the contract whose part this version does not have yet. Setting one is an error rather than
/// a promise that nobody keeps.
const LATER: &[&str] = &[
    "GRC_STEAMPIPE_URL",
    "GRC_AI_BASE_URL",
    "GRC_AI_MODEL",
    "GRC_AI_API_KEY",
    "GRC_AI_BUDGET_TOKENS",
    "GRC_SMTP_URL",
    "GRC_MAIL_FROM",
];

/// Where evidence lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// In the data directory.
    Local,
    /// In an S3-compatible store.
    S3,
    /// Nowhere: evidence routes answer 503.
    None,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

/// How slow an upload may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadPace {
    /// How long its beginning may take, at any rate.
    pub grace: Duration,
    /// From then on, bytes a second over the whole of it.
    pub least: u64,
    /// The longest pause in it.
    pub pause: Duration,
}

impl Default for UploadPace {
    fn default() -> Self {
        Self { grace: Duration::from_secs(60), least: 10 * 1024, pause: Duration::from_secs(30) }
    }
}

/// The configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The API's listener.
    pub bind: SocketAddr,
    /// The metrics' listener.
    pub metrics_bind: Option<SocketAddr>,
    /// Embedded database, local evidence, keys.
    pub data_dir: PathBuf,
    /// PostgreSQL; none for the embedded one.
    pub database_url: Option<String>,
    /// The most database connections.
    pub database_pool: usize,
    /// Whether commits wait for the disk; off only in tests.
    pub durable: bool,
    /// Where limits are counted for all servers; none: in each by itself.
    pub redis_url: Option<String>,
    /// Which credentials people may use.
    pub auth_mode: AuthMode,
    /// Cloudflare Access, where it is one of them.
    pub cloudflare: Option<CloudflareAccess>,
    /// How slow an upload may be; shorter only in tests.
    pub upload_pace: UploadPace,
    /// How webhooks are sent to; other than usual only in tests.
    pub webhook_pace: Pace,
    /// The Open Policy Agent that decides what is shipped; none: the embedded engine does.
    pub opa_url: Option<String>,
    /// The program that evaluates policies and reads PDF files; none: this one, by its commands.
    pub worker: Option<PathBuf>,
    /// Where evidence lies.
    pub evidence_store: StoreKind,
    /// The S3-compatible store, where evidence lies in one.
    pub s3: Option<Settings>,
    /// The first platform admin's address.
    pub bootstrap_email: String,
    /// And password; generated where none is given.
    pub bootstrap_password: Option<String>,
    /// How clients reach the service; none: by its listener.
    pub public_url: Option<String>,
    /// Requests a minute for each caller; 0 is off.
    pub rate_per_minute: u32,
    /// Assessments executed at once in an organization; 0 is off.
    pub executions: i64,
    /// Reports an hour in an organization; 0 is off.
    pub reports_per_hour: u32,
    /// Uploads an hour in an organization; 0 is off.
    pub uploads_per_hour: u32,
    /// Origins whose pages may call.
    pub cors_origins: Vec<String>,
    /// Whether addresses that users name may be private ones.
    pub allow_private_targets: bool,
    /// The filter of log lines.
    pub log: String,
    /// How they look; none: by whether a terminal reads them.
    pub log_format: Option<LogFormat>,
    /// Job workers.
    pub workers: usize,
    /// The `PATH`, on which PostgreSQL is looked for.
    pub path: Option<std::ffi::OsString>,
}

impl Config {
    /// Reads the configuration from the process's environment.
    pub fn from_env() -> Result<Self, Vec<String>> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let path = std::env::var_os("PATH");
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("GRC_"))
            .collect();
        let mut config = Self::read(variables)?;
        config.path = path;
        Ok(config)
    }

    /// Reads the configuration from variables, and from the file that they name.
    pub fn read(environment: BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut reader = Reader { values: environment, problems: Vec::new() };
        reader.file();
        reader.names();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let origins = reader.text("GRC_CORS_ORIGINS").unwrap_or_default();
        let (auth_mode, cloudflare) = access::read(&mut reader);
        let (evidence_store, s3) = reader.store();
        let config = Self {
            bind: reader
                .parsed("GRC_BIND", "an address such as 127.0.0.1:8000")
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8000))),
            metrics_bind: match reader.values.get("GRC_METRICS_BIND").map(String::as_str) {
                Some("") => None,
                _ => Some(
                    reader
                        .parsed("GRC_METRICS_BIND", "an address such as 127.0.0.1:9090, or empty")
                        .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9090))),
                ),
            },
            data_dir: reader.text("GRC_DATA_DIR").unwrap_or_else(|| ".grc".to_owned()).into(),
            database_url: reader.text("GRC_DATABASE_URL"),
            database_pool: reader.number("GRC_DATABASE_POOL", 1, 1_000).unwrap_or(cores * 4),
            durable: true,
            redis_url: reader.text("GRC_REDIS_URL"),
            auth_mode,
            cloudflare,
            upload_pace: UploadPace::default(),
            webhook_pace: Pace::default(),
            opa_url: reader.text("GRC_OPA_URL"),
            worker: None,
            evidence_store,
            s3,
            bootstrap_email: reader.text("GRC_BOOTSTRAP_EMAIL").unwrap_or_else(|| "admin@localhost".to_owned()),
            bootstrap_password: reader.text("GRC_BOOTSTRAP_PASSWORD"),
            public_url: reader.text("GRC_PUBLIC_URL").map(|url| url.trim_end_matches('/').to_owned()),
            rate_per_minute: reader.number("GRC_RATE_LIMIT_PER_MINUTE", 0, 1_000_000).unwrap_or(100),
            executions: reader.number("GRC_LIMIT_EXECUTIONS", 0, 100_000).unwrap_or(5),
            reports_per_hour: reader.number("GRC_LIMIT_REPORTS_PER_HOUR", 0, 1_000_000).unwrap_or(10),
            uploads_per_hour: reader.number("GRC_LIMIT_UPLOADS_PER_HOUR", 0, 1_000_000).unwrap_or(50),
            cors_origins: origins
                .split(',')
                .map(str::trim)
                .filter(|origin| !origin.is_empty())
                .map(str::to_owned)
                .collect(),
            allow_private_targets: reader
                .word("GRC_ALLOW_PRIVATE_TARGETS", &[("false", false), ("true", true)])
                .unwrap_or(false),
            log: reader.text("GRC_LOG").unwrap_or_else(|| "info".to_owned()),
            log_format: reader.word("GRC_LOG_FORMAT", &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)]),
            workers: reader.number("GRC_WORKERS", 0, 256).unwrap_or(2),
            path: None,
        };
        reader.word("GRC_AI_PROVIDER", &[("builtin", ())]);
        if let Some(problem) = config.opa_url.as_deref().and_then(|url| grc_rego::opa::check_url(url).err()) {
            reader.problems.push(format!("GRC_OPA_URL: {problem}"));
        }
        if let Some(url) = &config.public_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            reader.problems.push("GRC_PUBLIC_URL: must begin with http:// or https://".to_owned());
        }
        let redis = ["redis://", "rediss://", "redis+unix://", "unix://"];
        if let Some(url) = &config.redis_url
            && !redis.iter().any(|scheme| url.starts_with(scheme))
        {
            reader.problems.push(format!("GRC_REDIS_URL: must begin with one of {}", redis.join(", ")));
        }
        if reader.problems.is_empty() { Ok(config) } else { Err(reader.problems) }
    }
}

/// What an S3-compatible store needs, besides a region.
const S3_NEEDS: [&str; 4] = ["GRC_S3_ENDPOINT", "GRC_S3_BUCKET", "GRC_S3_ACCESS_KEY", "GRC_S3_SECRET_KEY"];

struct Reader {
    values: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Reader {
    fn file(&mut self) {
        let Some(path) = self.values.get("GRC_CONFIG").cloned() else { return };
        let table: toml::Table = match std::fs::read_to_string(&path) {
            Err(error) => return self.problems.push(format!("GRC_CONFIG: {path} cannot be read: {error}")),
            Ok(text) => match text.parse() {
                Err(error) => return self.problems.push(format!("GRC_CONFIG: {path} is not TOML: {error}")),
                Ok(table) => table,
            },
        };
        for (name, value) in table {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                _ => {
                    self.problems.push(format!("{name}: must be a text, a whole number or a boolean in {path}"));
                    continue;
                }
            };
            self.values.entry(name).or_insert(text);
        }
    }

    fn names(&mut self) {
        for name in self.values.keys() {
            if !KNOWN.contains(&name.as_str()) {
                let near = KNOWN.iter().min_by_key(|known| distance(known, name)).copied().unwrap_or_default();
                self.problems.push(format!("{name}: there is no such variable; did you mean {near}?"));
            } else if LATER.contains(&name.as_str()) && self.values.get(name).is_some_and(|value| !value.is_empty()) {
                self.problems.push(format!("{name}: this version does not support it yet"));
            }
        }
    }

    /// Where evidence lies: as it is said, else in the S3 store that is configured, else here.
    fn store(&mut self) -> (StoreKind, Option<Settings>) {
        let words = [("local", StoreKind::Local), ("s3", StoreKind::S3), ("none", StoreKind::None)];
        let said = self.text("GRC_EVIDENCE_STORE");
        let kind = self.word("GRC_EVIDENCE_STORE", &words);
        let given = S3_NEEDS.map(|name| self.text(name));
        let kind = match (said, kind) {
            (Some(_), kind) => kind.unwrap_or(StoreKind::Local),
            (None, _) if given.iter().any(Option::is_some) => StoreKind::S3,
            (None, _) => StoreKind::Local,
        };
        if kind != StoreKind::S3 {
            return (kind, None);
        }
        for (name, value) in S3_NEEDS.iter().zip(&given) {
            if value.is_none() {
                self.problems.push(format!("{name}: is needed for evidence in an S3 store"));
            }
        }
        let [Some(endpoint), Some(bucket), Some(access_key), Some(secret_key)] = given else { return (kind, None) };
        let checks = [
            ("GRC_S3_ENDPOINT", settings::check_endpoint(&endpoint)),
            ("GRC_S3_BUCKET", settings::check_bucket(&bucket)),
        ];
        for (name, check) in checks {
            if let Err(problem) = check {
                self.problems.push(format!("{name}: {problem}"));
            }
        }
        let region = self.text("GRC_S3_REGION").unwrap_or_else(|| settings::default_region(&endpoint).to_owned());
        (kind, Some(Settings { endpoint, bucket, region, access_key, secret_key }))
    }

    /// The text of a variable; an empty one is as good as none.
    fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, wanted: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.problems.push(format!("{name}: «{text}» is not {wanted}"));
        }
        value
    }

    fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
        &mut self,
        name: &str,
        min: T,
        max: T,
    ) -> Option<T> {
        let text = self.text(name)?;
        match text.parse::<T>() {
            Ok(value) if value >= min && value <= max => Some(value),
            _ => {
                self.problems.push(format!("{name}: «{text}» is not a whole number from {min} to {max}"));
                None
            }
        }
    }

    fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.problems.push(format!("{name}: «{text}» is not one of {} in this version", names.join(", ")));
        }
        found
    }
}

/// Levenshtein's distance, for suggestions.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let value = (diagonal + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = value;
            left = value;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        Config::read(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn nothing_set_is_a_complete_configuration() {
        let config = read(&[]).unwrap();
        assert_eq!((config.bind.port(), config.rate_per_minute, config.executions, config.workers), (8000, 100, 5, 2));
        assert_eq!(read(&[("GRC_METRICS_BIND", "")]).unwrap().metrics_bind, None);
    }

    #[test]
    fn every_problem_is_reported_and_a_typo_is_found() {
        let problems =
            read(&[("GRC_BINT", "x"), ("GRC_BIND", "nowhere"), ("GRC_WORKERS", "-1"), ("GRC_AUTH_MODE", "cloud")])
                .unwrap_err();
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].contains("GRC_BINT") && problems[0].contains("did you mean GRC_BIND?"));
    }

    #[test]
    fn the_policy_agents_url_is_checked_at_the_start() {
        let read = |url| read(&[("GRC_OPA_URL", url)]);
        assert_eq!(read("https://opa:8181").unwrap().opa_url.as_deref(), Some("https://opa:8181"));
        assert_eq!(read("").unwrap().opa_url, None);
        for bad in ["opa:8181", "unix:///run/opa", "http://opa?x"] {
            assert!(read(bad).unwrap_err()[0].starts_with("GRC_OPA_URL: "), "{bad}");
        }
    }

    #[test]
    fn an_s3_store_is_configured_whole_or_its_problems_are_listed() {
        let whole = [
            ("GRC_S3_ENDPOINT", "https://0123.r2.cloudflarestorage.com"),
            ("GRC_S3_BUCKET", "evidence"),
            ("GRC_S3_ACCESS_KEY", "key"),
            ("GRC_S3_SECRET_KEY", "swordfish"),
        ];
        let config = read(&whole).unwrap();
        assert_eq!(config.evidence_store, StoreKind::S3);
        assert_eq!(config.s3.as_ref().map(|s3| s3.region.as_str()), Some("auto"));
        assert!(!format!("{config:?}").contains("swordfish"));
        let elsewhere = read(&[&whole[..], &[("GRC_EVIDENCE_STORE", "local")]].concat()).unwrap();
        assert_eq!((elsewhere.evidence_store, elsewhere.s3), (StoreKind::Local, None));
        let names = |problems: Vec<String>| -> Vec<String> {
            problems.iter().map(|problem| problem.split(':').next().unwrap().to_owned()).collect()
        };
        assert_eq!(names(read(&[("GRC_EVIDENCE_STORE", "s3")]).unwrap_err()), S3_NEEDS);
        assert_eq!(names(read(&[whole[1]]).unwrap_err()), [S3_NEEDS[0], S3_NEEDS[2], S3_NEEDS[3]]);
        let bad = [("GRC_S3_ENDPOINT", "ftp://x"), ("GRC_S3_BUCKET", "E"), whole[2], whole[3]];
        assert_eq!(names(read(&bad).unwrap_err()), ["GRC_S3_ENDPOINT", "GRC_S3_BUCKET"]);
        assert_eq!(names(read(&[("GRC_EVIDENCE_STORE", "s4")]).unwrap_err()), ["GRC_EVIDENCE_STORE"]);
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let path = std::env::temp_dir().join(format!("grc-config-{}.toml", std::process::id()));
        std::fs::write(&path, "GRC_WORKERS = 7\nGRC_LIMIT_EXECUTIONS = 9\n").unwrap();
        let config = read(&[("GRC_CONFIG", path.to_str().unwrap()), ("GRC_WORKERS", "3")]).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((config.workers, config.executions), (3, 9));
    }
}
