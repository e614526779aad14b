//! What every adapter of [`Search`] keeps to, over documents that it is handed.

use grc_kernel::{OrgId, StoreResult};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    memory::Document,
    ports::{After, Found, Search, Wanted},
    query::Query,
};

/// The kinds of the suite's documents, besides `framework`, of which it has none.
pub const KINDS: [&str; 3] = ["risk", "vendor", "evidence"];

/// When the suite's documents were changed last.
pub const DAY: OffsetDateTime = time::macros::datetime!(2026-03-01 12:00 UTC);

/// The documents that an adapter is to hold before the suite runs, by the last digits of their ids.
pub fn documents() -> Vec<Document> {
    let one = |n: u128, kind, title: &str, names: &[&str], texts: &[&str]| Document {
        kind,
        id: Uuid::from_u128((0x0199_b1a0_0000_7000_8000 << 48) + n),
        title: Some(title.to_owned()),
        names: names.iter().map(|text| (*text).to_owned()).collect(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        deep: None,
        parent: None,
        updated_at: DAY + Duration::minutes(i64::try_from(n).unwrap_or(0)),
    };
    let long = "word ".repeat(3_000);
    vec![
        one(1, "risk", "Backup tapes are lost", &["R-001"], &["The courier drops them."]),
        one(2, "risk", "Courier strike", &["R-002"], &["No backup leaves the house."]),
        one(3, "vendor", "Łódź Straße GmbH", &[], &["Carries the tapes."]),
        one(4, "vendor", "Backup", &[], &[]),
        one(5, "risk", "Same", &["R-005"], &["twin twins"]),
        one(6, "risk", "Same", &["R-006"], &["twin twins"]),
        one(7, "vendor", "Müller & Söhne", &[], &["<b>Control of access</b>; \"quoted\" it's & more"]),
        one(8, "risk", "Leaver keeps access", &["CC6.1"], &["Access control is late; control access."]),
        Document {
            deep: Some(format!("{long} The hydrant is inspected. {long}")),
            ..one(9, "evidence", "inspection-2026.pdf", &[], &[])
        },
        Document { deep: Some(long.clone() + &"x".repeat(5_000)), ..one(10, "evidence", "long.txt", &[], &[]) },
        one(11, "vendor", "東京海上", &[], &["Ελληνικός Ώρα"]),
    ]
}

/// Runs the suite.
pub async fn suite(org: OrgId, other: OrgId, tx: &mut dyn Search) -> StoreResult<()> {
    let mut all: Vec<&'static str> = KINDS.to_vec();
    all.push("framework");
    for (text, ids) in [
        // Called so; then by a name that holds it; then by the rest.
        ("backup", &[4, 1, 2][..]),
        ("BACKUP", &[4, 1, 2]),
        ("r-001", &[1]),
        ("R 1", &[]),
        ("lodz", &[3]),
        ("ŁÓDŹ strasse", &[3]),
        ("łod", &[3]),
        ("muller sohn", &[7]),
        ("tap", &[1, 3]),
        ("\"tap\"", &[]),
        ("backup -tapes", &[4, 2]),
        ("-tapes", &[]),
        ("\"access control\"", &[8]),
        ("\"control of access\"", &[7]),
        ("backup -\"backup tapes\"", &[4, 2]),
        ("cc6.1", &[8]),
        ("access", &[8, 7]),
        ("access cont", &[8, 7]),
        // The latest changed first, where nothing else tells them apart.
        ("same", &[6, 5]),
        ("twin", &[6, 5]),
        ("hydrant", &[9]),
        ("\"hydrant is inspected\"", &[9]),
        ("inspection", &[9]),
        ("東京", &[11]),
        ("京東", &[]),
        ("ωρα ελληνικοσ", &[11]),
        ("' OR 1=1; -- \\ :* & | ! <-> ( )", &[]),
        ("\0", &[]),
        ("!!!", &[]),
    ] {
        let found = ask(tx, org, text, &all, 50, None).await?;
        assert_eq!(numbers(&found), ids, "{text}");
        assert_eq!((found.total, found.at_least), (i64::try_from(ids.len()).unwrap_or(0), false), "{text}");
        assert!(found.hits.is_sorted_by(|a, b| a.place() >= b.place()), "{text}");
        assert_eq!(numbers(&ask(tx, other, text, &all, 50, None).await?), [0_u128; 0], "{text}");
    }
    let hit = ask(tx, org, "hydrant", &all, 50, None).await?.hits.into_iter().next();
    assert!(hit.is_some_and(|hit| hit.kind == "evidence" && hit.body.contains("hydrant") && hit.score < 2_000_000));
    kinds(org, tx).await?;
    pages(org, tx, &all).await
}

async fn kinds(org: OrgId, tx: &mut dyn Search) -> StoreResult<()> {
    assert_eq!(numbers(&ask(tx, org, "backup", &["risk"], 50, None).await?), [1, 2]);
    assert_eq!(numbers(&ask(tx, org, "backup", &["vendor", "evidence"], 50, None).await?), [4]);
    assert_eq!(numbers(&ask(tx, org, "backup", &["evidence"], 50, None).await?), [0_u128; 0]);
    assert_eq!(numbers(&ask(tx, org, "backup", &[], 50, None).await?), [0_u128; 0]);
    Ok(())
}

async fn pages(org: OrgId, tx: &mut dyn Search, all: &[&'static str]) -> StoreResult<()> {
    let (mut seen, mut after) = (Vec::new(), None);
    for _ in 0..5 {
        let found = ask(tx, org, "backup", all, 2, after).await?;
        assert_eq!(found.total, 3);
        seen.extend(numbers(&found));
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [4, 1, 2]);
    Ok(())
}

async fn ask(
    tx: &mut dyn Search,
    org: OrgId,
    text: &str,
    kinds: &[&'static str],
    limit: usize,
    after: Option<After>,
) -> StoreResult<Found> {
    let query = Query::parse(text).unwrap_or_default();
    let wanted = Wanted { query, kinds: kinds.to_vec(), every: kinds.len() > KINDS.len(), limit, after };
    tx.search(org, &wanted).await
}

fn numbers(found: &Found) -> Vec<u128> {
    found.hits.iter().map(|hit| hit.id.as_u128() & 0xFFFF).collect()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    /// The suite's documents, which are one organization's.
    struct Shelf(OrgId);

    #[async_trait]
    impl Search for Shelf {
        async fn search(&mut self, org: OrgId, wanted: &Wanted) -> StoreResult<Found> {
            let own = documents().into_iter().filter(|_| org == self.0);
            Ok(crate::memory::find(own, wanted))
        }
    }

    #[test]
    fn memory_keeps_the_contract() {
        let org = |n| OrgId(Uuid::from_u128(n));
        futures::executor::block_on(suite(org(1), org(2), &mut Shelf(org(1)))).unwrap();
    }
}
