//! The audit log proves itself: proofs and checkpoints by the API, eight attacks on the database, the command, and the check
//! with nothing of ours installed.

use std::{fmt::Write as _, path::PathBuf, process::Command};

use grc_api::audit::{check::check, notary};
use grc_audit::{
    Keys,
    seal::Sealed,
    verify::{Bad, Reason, Report},
};
use grc_kernel::{
    OrgId, StoreResult, Uuid,
    journal::{self, Entry},
    merkle::{Hash, is_consistent, is_included, leaf},
};
use serde_json::{Value, json};

use crate::harness::{Service, psql, root, run, scratch, text, url};

fn hash(value: &Value) -> Hash {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn path(proof: &Value) -> Vec<Hash> {
    proof["path"].as_array().unwrap().iter().map(hash).collect()
}

async fn risks(s: &Service, token: &str, org: &str, count: u32) {
    for n in 0..count {
        let risk = json!({"title": format!("Risk «{n}»"), "category": "cyber", "likelihood": 3, "impact": 4});
        s.json(token, "POST", &format!("/orgs/{org}/risks/register"), risk).await.must(201);
    }
}

async fn keys(s: &Service) -> Keys {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let jwks = s.get("", "//.well-known/jwks.json").await.must(200);
    let key = |key: &Value| URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap().try_into().unwrap();
    Keys::new(jwks["keys"].as_array().unwrap().iter().map(key))
}

#[test]
fn every_entry_is_proven_and_every_checkpoint_goes_on_from_the_last() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let (org, other) = (s.org(&admin, "Proven").await, s.org(&admin, "Other").await);
        let log = format!("/orgs/{org}/audit-log");
        risks(&s, &admin, &org, 12).await;
        let entries = s.get(&admin, &format!("{log}?sort=sequence&limit=200")).await.must(200);
        let entries = entries["items"].as_array().unwrap();
        let keys = keys(&s).await;
        for entry in entries {
            // Where no checkpoint covers the entry yet, one is made: the answer is always a proof.
            let proof = s.get(&admin, &format!("{log}/{}/proof", text(entry, "id"))).await.must(200);
            let one = hash(&entry["hash"]);
            assert_eq!(hash(&proof["leaf_hash"]), leaf(&one));
            assert_eq!(proof["leaf_index"].as_i64().unwrap() + 1, entry["sequence"].as_i64().unwrap());
            let (index, size) = (proof["leaf_index"].as_u64().unwrap(), proof["tree_size"].as_u64().unwrap());
            let head = keys.read(proof["checkpoint"]["note"].as_str().unwrap()).unwrap();
            assert_eq!((u64::try_from(head.size).unwrap(), head.org.to_string()), (size, org.clone()));
            assert_eq!(hash(&proof["root_hash"]), head.root);
            assert!(is_included(&leaf(&one), index, size, &path(&proof), &head.root), "{proof}");
        }
        risks(&s, &admin, &org, 3).await;
        let last = s.get(&admin, &format!("{log}?sort=-sequence&limit=1")).await.must(200);
        s.get(&admin, &format!("{log}/{}/proof", text(&last["items"][0], "id"))).await.must(200);
        let list = s.get(&admin, &format!("{log}/checkpoints?sort=tree_size")).await.must(200);
        let list = list["items"].as_array().unwrap();
        assert!(list.len() >= 2, "{list:?}");
        for pair in list.windows(2) {
            let [first, second] = pair else { continue };
            let between = format!("{log}/checkpoints/{}/consistency/{}", text(first, "id"), text(second, "id"));
            let proof = s.get(&admin, &between).await.must(200);
            let size = |one: &Value| one["tree_size"].as_u64().unwrap();
            let (old, new) = (hash(&first["root_hash"]), hash(&second["root_hash"]));
            assert!(is_consistent((size(first), &old), (size(second), &new), &path(&proof)), "{proof}");
            let back = format!("{log}/checkpoints/{}/consistency/{}", text(second, "id"), text(first, "id"));
            s.get(&admin, &back).await.problem(409, "CONFLICT");
        }
        // Another organization's entry and checkpoint are not there.
        let foreign = format!("/orgs/{other}/audit-log/{}/proof", text(&entries[0], "id"));
        s.get(&admin, &foreign).await.problem(404, "NOT_FOUND");
        let id = text(&list[0], "id");
        let foreign = format!("/orgs/{other}/audit-log/checkpoints/{id}/consistency/{id}");
        s.get(&admin, &foreign).await.problem(404, "NOT_FOUND");

        let verdict = s.json(&admin, "POST", &format!("{log}/verify"), json!({})).await.must(200);
        assert_eq!((&verdict["valid"], &verdict["first_bad"]), (&json!(true), &Value::Null), "{verdict}");
        assert!(
            verdict["entries"].as_i64().unwrap() > 15 && verdict["witnessed_entries"] == verdict["entries"],
            "{verdict}"
        );
        assert!(verdict["witnessed_checkpoints"].as_i64().unwrap() >= 2, "{verdict}");
        // That somebody checked is in the log, once for each key.
        for _ in 0..2 {
            let again = s.send(&admin, "POST", &format!("{log}/verify"), &[("idempotency-key", "once")], None).await;
            again.must(200);
        }
        let checks = s.get(&admin, &format!("{log}?action=audit_log.verified&include_total=true")).await.must(200);
        assert_eq!(checks["total"], 2);
        // What is checked by hand is checked by the command and by a stranger's script.
        s.running.stop().await;
        let folder = scratch().join(&s.database);
        let (answer, code) = command(&s.database, &[]);
        assert!(
            code == 0 && answer.lines().count() >= 3 && answer.lines().all(|line| line.ends_with(": valid")),
            "{answer}"
        );
        psql(&s.database, &format!("UPDATE journal SET actor_name = 'Nobody' WHERE org_id = '{org}' AND sequence = 5"));
        let (answer, code) = command(&s.database, &["--org", &org]);
        assert!(code == 1 && answer.contains("entry 5 (") && answer.contains("altered"), "{answer}");
        assert!(folder.join(format!("audit/{org}.jsonl")).exists());
    });
}

/// What the program says, and its exit status.
fn command(database: &str, arguments: &[&str]) -> (String, i32) {
    let output = Command::new(root().join("target/debug/sovereign-grc"))
        .arg("verify-audit")
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs([("GRC_DATABASE_URL", url(database)), ("GRC_DATA_DIR", scratch().join(database).display().to_string())])
        .output()
        .unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap())
}

#[test]
fn a_stranger_checks_it_with_nothing_of_ours() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Far away").await;
        // Numbers of every form, and texts of every script: the canonical form is the same everywhere.
        let model = json!({"lef": {"type": "pert", "min": 1e-7, "mode": 0.5, "max": 5.5}, "loss_magnitude": {"type": "constant", "value": 100_000.0}});
        let body = json!({"name": "Ελλάδα \u{1f600} \"\\", "model": model});
        s.json(&admin, "POST", &format!("/orgs/{org}/risks/fair"), body).await.must(201);
        risks(&s, &admin, &org, 20).await;
        let log = format!("/orgs/{org}/audit-log");
        let entries = s.get(&admin, &format!("{log}?sort=sequence&limit=200")).await.must(200)["items"].clone();
        let last = entries.as_array().unwrap().last().unwrap();
        s.get(&admin, &format!("{log}/{}/proof", text(last, "id"))).await.must(200);
        let checkpoints = s.get(&admin, &format!("{log}/checkpoints?limit=200")).await.must(200)["items"].clone();
        let jwks = s.get("", "//.well-known/jwks.json").await.must(200);
        let folder = scratch().join(&s.database);
        let witness = folder.join(format!("audit/{org}.jsonl"));
        let python = |entries: &Value, checkpoints: &Value, witness: Option<&PathBuf>| {
            let files = [("entries", entries), ("checkpoints", checkpoints), ("jwks", &jwks)];
            let files = files.map(|(name, content)| {
                let file = folder.join(format!("{name}.json"));
                std::fs::write(&file, content.to_string()).unwrap();
                file
            });
            let script = root().join("examples/verify-audit.py");
            let output = Command::new("python3").arg(script).args(&files).args(witness).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            (String::from_utf8_lossy(&said).into_owned(), output.status.code().unwrap())
        };
        let (said, code) = python(&entries, &checkpoints, Some(&witness));
        assert!(code == 0 && said.contains("all fit"), "{said}");
        let (said, code) = python(&entries, &checkpoints, None);
        assert!(code == 0, "{said}");
        let mut altered = entries.clone();
        altered[3]["after"]["title"] = json!("Nothing happened");
        let (said, code) = python(&altered, &checkpoints, None);
        assert!(code == 1 && said.contains("entry 4 ("), "{said}");
        let mut shorter = entries.clone();
        shorter.as_array_mut().unwrap().truncate(9);
        let (said, code) = python(&shorter, &checkpoints, None);
        assert!(code == 1 && said.contains("entry 10 is missing"), "{said}");
        let mut forged = checkpoints.clone();
        let note = text(&forged[0], "note").replace("2026-", "2025-");
        forged[0]["note"] = json!(note);
        let (said, code) = python(&entries, &forged, None);
        assert!(code == 1 && said.contains("not signed by a known key"), "{said}");
    });
}

/// Somebody who owns the database.
struct Attacker {
    database: String,
    org: OrgId,
    original: Vec<Entry>,
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Attacker {
    /// Puts these entries in the place of the organization's, with a head that fits.
    fn store(&self, entries: &[Entry]) {
        let org = self.org;
        let mut sql = format!("DELETE FROM journal WHERE org_id = '{org}';");
        for e in entries {
            let json = |value: &Option<Value>| value.as_ref().map_or("null".to_owned(), |v| quoted(&v.to_string()));
            let revision = e.revision.map_or("null".to_owned(), |revision| revision.to_string());
            let at = e.occurred_at.unix_timestamp_nanos() / 1_000;
            write!(
                sql,
                "INSERT INTO journal VALUES ('{org}', {}, '{}', 'epoch'::timestamptz + interval '1 microsecond' * {at}, {}, '{}', {}, {}, {}, '{}', {revision}, {}, {}, {}, {}, '\\x{}', '\\x{}', {});",
                e.sequence, e.id, quoted(&e.actor_kind), e.actor_id, quoted(&e.actor_name), quoted(&e.action),
                quoted(&e.resource_type), e.resource_id, json(&e.before), json(&e.after), quoted(&e.request_id), e.feed,
                hex::encode(e.prev_hash), hex::encode(e.hash), e.canonical_version,
            )
            .unwrap();
        }
        let last = entries.last().unwrap();
        write!(
            sql,
            "UPDATE journal_heads SET sequence = {}, hash = '\\x{}' WHERE org_id = '{org}'",
            last.sequence,
            hex::encode(last.hash)
        )
        .unwrap();
        psql(&self.database, &sql);
    }

    /// Takes the checkpoints over more than some entries away, as a backup of then would.
    fn forget(&self, above: i64) {
        let org = self.org;
        psql(
            &self.database,
            &format!(
                "DELETE FROM audit_checkpoints WHERE org_id = '{org}' AND tree_size > {above};
                 DELETE FROM audit_subtrees WHERE org_id = '{org}';
                 UPDATE audit_seals SET tree_size = {above} WHERE org_id = '{org}'"
            ),
        );
    }
}

/// Numbers the entries and chains them anew from one on.
fn chain(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut prev = [0; 32];
    for (entry, sequence) in entries.iter_mut().zip(1..) {
        (entry.sequence, entry.prev_hash) = (sequence, prev);
        entry.hash = entry.compute_hash();
        prev = entry.hash;
    }
    entries
}

type Attack = (&'static str, fn(Vec<Entry>, usize, &[Entry]) -> Vec<Entry>, &'static [Reason]);

/// The eight attacks of which the first six leave the checkpoints alone; k is the place of the entry that they are about.
const ATTACKS: &[Attack] = &[
    (
        "edit",
        |mut all, k, _| {
            all[k].actor_name = "Nobody".into();
            all
        },
        &[Reason::Altered],
    ),
    (
        "edit, with a hash that fits",
        |mut all, k, _| {
            all[k].actor_name = "Nobody".into();
            all[k].hash = all[k].compute_hash();
            all
        },
        &[Reason::NotAsWitnessed],
    ),
    (
        "delete",
        |mut all, k, _| {
            all.remove(k);
            all
        },
        &[Reason::Missing, Reason::Truncated],
    ),
    (
        "delete and close the gap",
        |mut all, k, _| {
            all.remove(k);
            chain(all)
        },
        &[Reason::NotAsWitnessed, Reason::Truncated],
    ),
    (
        "insert",
        |mut all, k, _| {
            let mut new = all[k].clone();
            new.id = Uuid::now_v7();
            all.insert(k, new);
            chain(all)
        },
        &[Reason::NotAsWitnessed],
    ),
    (
        "reorder",
        |mut all, k, _| {
            let other = if k + 1 < all.len() { k + 1 } else { 0 };
            let (a, b) = (all[k].sequence, all[other].sequence);
            (all[k].sequence, all[other].sequence) = (b, a);
            all.sort_by_key(|entry| entry.sequence);
            all
        },
        &[Reason::Altered],
    ),
    (
        "truncate",
        |mut all, k, _| {
            all.truncate(k.max(1));
            all
        },
        &[Reason::Truncated],
    ),
    (
        "chain the whole anew",
        |mut all, k, _| {
            all[k].action = "risk.forgotten".into();
            chain(all)
        },
        &[Reason::NotAsWitnessed],
    ),
    (
        "an entry of another organization",
        |mut all, k, other| {
            let (prev, sequence) = (all[k].prev_hash, all[k].sequence);
            all[k] = Entry { sequence, prev_hash: prev, ..other[k % other.len()].clone() };
            all
        },
        &[Reason::Altered],
    ),
];

async fn journal_of(s: &Service, org: OrgId) -> Vec<Entry> {
    let query = journal::LIST.query().limited(1_000);
    let page: StoreResult<_> = s.running.app.db.read(org, async |uow| uow.app().journal_page(org, &query).await).await;
    page.unwrap().items
}

async fn sealed(s: &Service, org: OrgId) {
    while !matches!(notary::seal(&s.running.app, org).await.unwrap(), Sealed::Covered | Sealed::Broken(_)) {}
}

async fn found(s: &Service, org: OrgId) -> Report {
    let app = &s.running.app;
    check(&app.db, &app.witness, &Keys::new(app.tokens.keys()), org).await.unwrap()
}

/// How often each attack is tried; more by `GRC_TEST_ROUNDS`.
fn rounds() -> usize {
    std::env::var("GRC_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8)
}

#[test]
fn whoever_owns_the_database_cannot_change_the_past_unseen() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let (name, other) = (s.org(&admin, "Attacked").await, s.org(&admin, "Neighbour").await);
        let (org, other) = (OrgId(name.parse().unwrap()), OrgId(other.parse().unwrap()));
        for _ in 0..5 {
            risks(&s, &admin, &name, 6).await;
            sealed(&s, org).await;
        }
        let (original, neighbour) = (journal_of(&s, org).await, journal_of(&s, other).await);
        assert!(found(&s, org).await.first_bad.is_none());
        let attacker = Attacker { database: s.database.clone(), org, original };
        psql(&s.database, "CREATE TABLE kept_checkpoints AS TABLE audit_checkpoints");
        let restore = || {
            attacker.store(&attacker.original);
            psql(
                &attacker.database,
                "DELETE FROM audit_checkpoints; INSERT INTO audit_checkpoints SELECT * FROM kept_checkpoints",
            );
        };
        let count = attacker.original.len();
        for (attack, change, reasons) in ATTACKS {
            for round in 0..rounds() {
                // Every place in turn, the first and the last among them.
                let k = [0, count - 1].get(round).copied().unwrap_or_else(|| (round * 7 + 3) % count);
                attacker.store(&change(attacker.original.clone(), k, &neighbour));
                let bad = found(&s, org).await.first_bad.unwrap_or_else(|| panic!("{attack} at {k} was not seen"));
                let expected = i64::try_from(if *attack == "truncate" { k.max(1) + 1 } else { k + 1 }).unwrap();
                // Entry 1 put behind the last one is missing first.
                let moved = *attack == "reorder" && k == count - 1;
                assert_eq!(bad.sequence, if moved { 1 } else { expected }, "{attack} at {k}: {bad:?}");
                assert!(reasons.contains(&bad.reason), "{attack} at {k}: {bad:?}");
                restore();
            }
        }

        // Back to a backup, checkpoints and all: only what is kept outside shows it.
        let sizes =
            psql(&s.database, &format!("SELECT tree_size FROM audit_checkpoints WHERE org_id = '{org}' ORDER BY 1"));
        let sizes: Vec<i64> = sizes.lines().map(|line| line.parse().unwrap()).collect();
        for size in &sizes[..sizes.len() - 1] {
            attacker.store(&attacker.original[..usize::try_from(*size).unwrap()]);
            attacker.forget(*size);
            let bad = found(&s, org).await.first_bad.unwrap();
            assert_eq!((bad.sequence, bad.reason), (size + 1, Reason::Truncated));
            // And then on with another future, signed by the service itself: it does not sign that.
            let mut fork = attacker.original[..usize::try_from(size + 1).unwrap()].to_vec();
            fork.last_mut().unwrap().actor_name = "Somebody else".into();
            attacker.store(&chain(fork));
            assert!(matches!(notary::seal(&s.running.app, org).await.unwrap(), Sealed::Broken(_)));
            let bad = found(&s, org).await.first_bad.unwrap();
            assert_eq!((bad.sequence, bad.reason), (size + 1, Reason::NotAsWitnessed));
            restore();
        }
        assert!(found(&s, org).await.first_bad.is_none(), "the original is as it was");

        // The whole anew, signed by a key of the attacker's own.
        let mut forged = attacker.original.clone();
        forged[4].action = "risk.forgotten".into();
        attacker.store(&chain(forged));
        let note = psql(
            &s.database,
            &format!("SELECT note FROM audit_checkpoints WHERE org_id = '{org}' ORDER BY tree_size DESC LIMIT 1"),
        );
        let resigned = note.replace('=', "A");
        psql(
            &s.database,
            &format!(
                "UPDATE audit_checkpoints SET note = {} WHERE org_id = '{org}' AND note = {}",
                quoted(&resigned),
                quoted(&note)
            ),
        );
        let bad = found(&s, org).await.first_bad.unwrap();
        assert_eq!(bad, Bad { sequence: 5, id: bad.id, reason: Reason::NotAsWitnessed });

        // The control: without what is kept outside, a rollback that takes the checkpoints along is missed. That is why it is kept.
        let file = scratch().join(&s.database).join(format!("audit/{org}.jsonl"));
        let kept = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        attacker.store(&attacker.original[..usize::try_from(sizes[0]).unwrap()]);
        attacker.forget(sizes[0]);
        assert!(found(&s, org).await.first_bad.is_none());
        std::fs::write(&file, kept).unwrap();
        assert_eq!(found(&s, org).await.first_bad.map(|bad| bad.reason), Some(Reason::Truncated));
    });
}

#[test]
fn checkpoints_are_made_by_themselves_and_keys_may_change() {
    run(async {
        let s = Service::start(&[("GRC_WORKERS", "0")]).await;
        let admin = s.admin().await;
        let name = s.org(&admin, "Sealed").await;
        risks(&s, &admin, &name, 3).await;
        let covered = |list: &Value| list["items"][0]["tree_size"].as_i64().unwrap_or(0) >= 4;
        s.until(&admin, &format!("/orgs/{name}/audit-log/checkpoints"), covered).await;
        let folder = scratch().join(&s.database).join("keys");
        let database = s.database.clone();
        s.running.stop().await;
        // The key gives its place to another one, and stays known.
        std::fs::rename(folder.join("signing-key.pem"), folder.join("retired-2026.pem")).unwrap();
        let s = Service::on(&database, &[("GRC_WORKERS", "0")]).await;
        let jwks = s.get("", "//.well-known/jwks.json").await.must(200);
        assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
        let admin = s.admin().await;
        risks(&s, &admin, &name, 3).await;
        let org = OrgId(name.parse().unwrap());
        sealed(&s, org).await;
        let report = found(&s, org).await;
        assert!(report.first_bad.is_none() && report.checkpoints >= 2, "{report:?}");
        let database = s.database.clone();
        s.running.stop().await;
        std::fs::remove_file(folder.join("retired-2026.pem")).unwrap();
        let s = Service::on(&database, &[("GRC_WORKERS", "0")]).await;
        assert_eq!(found(&s, org).await.first_bad.map(|bad| bad.reason), Some(Reason::BadCheckpoint));
    });
}
