//! What an answer is made of, by the request's `Accept` (RFC 9110, section 12.5.1).

use super::problem::Problem;

/// The first of the offers that the client likes best; the first of all where it says nothing. 406 where it takes
/// none of them.
pub fn negotiate<'o>(accept: Option<&str>, offers: &[&'o str]) -> Result<&'o str, Problem> {
    let Some(first) = offers.first() else { return Err(Problem::new(406, "there is nothing to offer")) };
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else { return Ok(first) };
    let ranges: Vec<(&str, f32)> = accept.split(',').map(range).collect();
    let quality = |offer: &str| {
        let kind = offer.split('/').next().unwrap_or_default();
        // The most specific range counts: the type itself, its kind, everything.
        let fits = |wanted: &str| ranges.iter().find(|(range, _)| range.eq_ignore_ascii_case(wanted)).map(|(_, q)| *q);
        fits(offer).or_else(|| fits(&format!("{kind}/*"))).or_else(|| fits("*/*")).unwrap_or(0.0)
    };
    let mut best: Option<(&str, f32)> = None;
    for offer in offers {
        let q = quality(offer);
        if q > 0.0 && best.is_none_or(|(_, known)| q > known) {
            best = Some((offer, q));
        }
    }
    best.map(|(offer, _)| offer).ok_or_else(|| Problem::new(406, format!("this can be had as {}", offers.join(", "))))
}

fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0);
    (name, quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_gets_what_it_likes_best() {
        let offers = ["application/json", "text/csv"];
        let got = |accept| negotiate(accept, &offers).ok();
        assert_eq!(got(None), Some("application/json"));
        assert_eq!(got(Some("*/*")), Some("application/json"));
        assert_eq!(got(Some("text/csv")), Some("text/csv"));
        assert_eq!(got(Some("text/html, text/*;q=0.5, */*;q=0.1")), Some("text/csv"));
        assert_eq!(got(Some("application/json;q=0, */*")), Some("text/csv"));
        assert_eq!(got(Some("image/png")), None);
        assert_eq!(got(Some("text/csv;q=nonsense")), Some("text/csv"));
    }
}
