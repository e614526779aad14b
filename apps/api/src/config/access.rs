//! The variables of Cloudflare Access.

use grc_kernel::Role;

use super::Reader;

/// Which credentials people may use. API keys work in every mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Passwords of our own.
    Local,
    /// Cloudflare Access only.
    Cloudflare,
    /// Either.
    Both,
}

impl AuthMode {
    /// Whether passwords of our own work.
    pub fn local(self) -> bool {
        self != Self::Cloudflare
    }

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Cloudflare => "cloudflare",
            Self::Both => "both",
        }
    }
}

/// Whose tokens are let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudflareAccess {
    /// The team's domain, `<team>.cloudflareaccess.com`.
    pub domain: String,
    /// The audience tags of the applications that stand before the service.
    pub audiences: Vec<String>,
    /// Where the team publishes its keys.
    pub certs_url: String,
    /// The service tokens that may act, and as what.
    pub service_tokens: Vec<ServiceToken>,
}

/// A service token that may act in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceToken {
    /// The name that Cloudflare gave it.
    pub common_name: String,
    /// Its role.
    pub role: Role,
    /// The organization's handle.
    pub slug: String,
}

const TEAM: &str = "GRC_CF_ACCESS_TEAM_DOMAIN";
const AUD: &str = "GRC_CF_ACCESS_AUD";
const CERTS: &str = "GRC_CF_ACCESS_CERTS_URL";
const TOKENS: &str = "GRC_CF_ACCESS_SERVICE_TOKENS";

/// Reads the mode, and what it needs. What is given is checked in every mode; without Cloudflare it has no effect.
pub(super) fn read(reader: &mut Reader) -> (AuthMode, Option<CloudflareAccess>) {
    let modes = [("local", AuthMode::Local), ("cloudflare", AuthMode::Cloudflare), ("both", AuthMode::Both)];
    let mode = reader.word("GRC_AUTH_MODE", &modes).unwrap_or(AuthMode::Local);
    let wanted = mode != AuthMode::Local;
    let domain = reader.text(TEAM).and_then(|text| {
        let domain = domain(&text);
        if domain.is_none() {
            reader.problems.push(format!("{TEAM}: «{text}» is no team such as «acme» or «acme.cloudflareaccess.com»"));
        }
        domain
    });
    let audiences = list(reader, AUD);
    for audience in &audiences {
        if audience.len() > 128 || !audience.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            reader.problems.push(format!("{AUD}: «{audience}» is no audience tag"));
        }
    }
    let certs_url = reader.text(CERTS);
    if let Some(url) = certs_url.as_deref().filter(|url| !trusted(url)) {
        reader.problems.push(format!("{CERTS}: «{url}» must begin with https:// (http:// only to this machine)"));
    }
    let service_tokens = service_tokens(reader);
    if !wanted {
        return (mode, None);
    }
    if reader.text(TEAM).is_none() {
        reader.problems.push(format!("{TEAM}: GRC_AUTH_MODE={} needs it", mode.as_str()));
    }
    if audiences.is_empty() {
        reader.problems.push(format!("{AUD}: GRC_AUTH_MODE={} needs it", mode.as_str()));
    }
    let access = domain.map(|domain| CloudflareAccess {
        certs_url: certs_url.unwrap_or_else(|| format!("https://{domain}/cdn-cgi/access/certs")),
        domain,
        audiences,
        service_tokens,
    });
    (mode, access)
}

fn list(reader: &Reader, name: &str) -> Vec<String> {
    let text = reader.text(name).unwrap_or_default();
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The domain of a team, given as its name, its domain or its URL.
fn domain(text: &str) -> Option<String> {
    let text = text.trim_start_matches("https://").trim_end_matches('/').to_ascii_lowercase();
    let team = text.strip_suffix(".cloudflareaccess.com").unwrap_or(&text);
    let fits = (1..=63).contains(&team.len())
        && team.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !team.starts_with('-')
        && !team.ends_with('-');
    fits.then(|| format!("{team}.cloudflareaccess.com"))
}

/// Whoever can change the keys on their way can sign in as anybody, so they come over TLS or from this machine.
fn trusted(url: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let here = local.iter().any(|host| url.strip_prefix(host).is_some_and(|rest| rest.starts_with([':', '/'])));
    here || url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// `common_name=role@org-slug`, comma-separated.
fn service_tokens(reader: &mut Reader) -> Vec<ServiceToken> {
    let mut tokens: Vec<ServiceToken> = Vec::new();
    for entry in list(reader, TOKENS) {
        let parsed = entry.split_once('=').and_then(|(name, place)| {
            let (role, slug) = place.split_once('@')?;
            let (name, slug) = (name.trim(), slug.trim());
            let role = Role::parse(role.trim())?;
            (!name.is_empty() && !slug.is_empty()).then(|| ServiceToken {
                common_name: name.to_owned(),
                role,
                slug: slug.to_owned(),
            })
        });
        match parsed {
            None => {
                let roles = Role::NAMES.join(", ");
                reader
                    .problems
                    .push(format!("{TOKENS}: «{entry}» is not common_name=role@org-slug with a role of {roles}"));
            }
            Some(token) if tokens.iter().any(|t| (&t.common_name, &t.slug) == (&token.common_name, &token.slug)) => {
                reader.problems.push(format!("{TOKENS}: «{}» stands twice for {}", token.common_name, token.slug));
            }
            Some(token) => tokens.push(token),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        Config::read(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_domain_is_taken_in_each_of_its_forms_and_the_keys_follow_from_it() {
        for text in ["acme", "acme.cloudflareaccess.com", "https://Acme.cloudflareaccess.com/"] {
            let config = read(&[("GRC_AUTH_MODE", "both"), (TEAM, text), (AUD, "a1, b2")]).unwrap();
            let access = config.cloudflare.unwrap();
            assert_eq!(access.domain, "acme.cloudflareaccess.com");
            assert_eq!(access.certs_url, "https://acme.cloudflareaccess.com/cdn-cgi/access/certs");
            assert_eq!(access.audiences, ["a1", "b2"]);
        }
    }

    #[test]
    fn service_tokens_are_listed_with_their_roles() {
        let given = "x.access=analyst@acme, y.access = viewer@beta,x.access=viewer@beta";
        let config = read(&[("GRC_AUTH_MODE", "cloudflare"), (TEAM, "acme"), (AUD, "a"), (TOKENS, given)]).unwrap();
        let tokens = config.cloudflare.unwrap().service_tokens;
        let told: Vec<_> = tokens.iter().map(|t| (t.common_name.as_str(), t.role, t.slug.as_str())).collect();
        assert_eq!(
            told,
            [
                ("x.access", Role::Analyst, "acme"),
                ("y.access", Role::Viewer, "beta"),
                ("x.access", Role::Viewer, "beta")
            ]
        );
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let problems = read(&[
            ("GRC_AUTH_MODE", "cloudflare"),
            (TEAM, "evil.example/acme"),
            (AUD, "a b"),
            (CERTS, "http://keys.example/certs"),
            (TOKENS, "x=root@acme,y=viewer,z=viewer@a,z=admin@a"),
        ])
        .unwrap_err();
        assert_eq!(problems.len(), 6, "{problems:#?}");
        let missing = read(&[("GRC_AUTH_MODE", "both")]).unwrap_err();
        assert!(missing.len() == 2 && missing[0].starts_with(TEAM) && missing[1].starts_with(AUD), "{missing:#?}");
        for url in ["http://127.0.0.1.evil.example/", "https://", "ftp://x", "http://localhostile/"] {
            assert_eq!(read(&[(CERTS, url)]).unwrap_err().len(), 1, "{url}");
        }
        assert!(read(&[(CERTS, "http://127.0.0.1:9/certs")]).unwrap().cloudflare.is_none());
    }
}
