//! Whether a request that a cookie speaks for comes from the service's own pages.
//!
//! A browser sends the cookie with requests that any site makes. The rule is that of Go 1.25's `CrossOriginProtection`, and
//! stricter in one place: a request that says nothing of where it comes from is refused here, since whoever is no browser can
//! send the header instead of the cookie.

/// What a request says of where it comes from. `Err` stands for a header that stands twice or is not text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source<'a> {
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<Result<&'a str, ()>>,
    /// `Origin`.
    pub origin: Option<Result<&'a str, ()>>,
    /// `Host`.
    pub host: Option<&'a str>,
}

/// Whether a method changes nothing (RFC 9110, 9.2.1), so that the rule does not matter to it.
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Whether a request is of the same origin: by `Sec-Fetch-Site` where the browser sends it, else by `Origin`, which must be
/// the public URL's or name the request's own host.
pub fn is_same(source: Source<'_>, public_url: &str) -> bool {
    match (source.fetch_site, source.origin) {
        // `none` is a request of the person's own: an address typed, a bookmark.
        (Some(Ok(site)), _) => matches!(site, "same-origin" | "none"),
        (Some(Err(())), _) | (None, Some(Err(())) | None) => false,
        (None, Some(Ok(origin))) => {
            let Some(own) = authority(origin) else { return false };
            origin == origin_of(public_url) || source.host.is_some_and(|host| host.eq_ignore_ascii_case(own))
        }
    }
}

/// Host and port of an origin; none for `null` and for what is no origin of a web page.
fn authority(origin: &str) -> Option<&str> {
    let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))?;
    (!rest.is_empty() && !rest.contains(['/', '?', '#', '@', '\\', ' '])).then_some(rest)
}

/// The origin of a URL: all up to its path.
fn origin_of(url: &str) -> &str {
    let from = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(from..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| from + at);
    url.get(..end).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "https://grc.example.com/base";

    fn same(site: Option<&str>, origin: Option<&str>, host: &str) -> bool {
        is_same(Source { fetch_site: site.map(Ok), origin: origin.map(Ok), host: Some(host) }, PUBLIC)
    }

    #[test]
    fn the_browser_s_own_word_decides() {
        for (site, allowed) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("", false),
            ("Same-Origin", false),
        ] {
            assert_eq!(same(Some(site), Some("https://grc.example.com"), "grc.example.com"), allowed, "{site}");
        }
        // Whatever the origin says.
        assert!(same(Some("same-origin"), Some("https://evil.example"), "grc.example.com"));
        assert!(!same(Some("cross-site"), None, "grc.example.com"));
    }

    #[test]
    fn without_it_the_origin_does() {
        for (origin, host, allowed) in [
            ("https://grc.example.com", "internal:8000", true),
            ("https://other.example.com", "other.example.com", true),
            ("http://127.0.0.1:8000", "127.0.0.1:8000", true),
            ("https://grc.example.com.evil.example", "grc.example.com", false),
            ("https://evil.example", "grc.example.com", false),
            ("https://grc.example.com:444", "grc.example.com", false),
            ("https://user@grc.example.com", "user@grc.example.com", false),
            ("http://grc.example.com/", "grc.example.com/", false),
            ("null", "null", false),
            ("", "", false),
            ("https://", "", false),
        ] {
            assert_eq!(same(None, Some(origin), host), allowed, "{origin} to {host}");
        }
    }

    #[test]
    fn silence_and_doubt_are_refused() {
        assert!(!same(None, None, "grc.example.com"));
        let twice = Source { fetch_site: Some(Err(())), origin: Some(Ok("https://grc.example.com")), host: None };
        assert!(!is_same(twice, PUBLIC));
        let twice = Source { fetch_site: None, origin: Some(Err(())), host: Some("grc.example.com") };
        assert!(!is_same(twice, PUBLIC));
    }

    #[test]
    fn only_reading_methods_are_safe() {
        assert!(["GET", "HEAD", "OPTIONS"].into_iter().all(is_safe));
        assert!(!["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "get", ""].into_iter().any(is_safe));
    }
}
