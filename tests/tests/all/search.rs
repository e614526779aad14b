//! Search: over HTTP, on PostgreSQL against its contract, and the database's words against the service's.

use grc_kernel::{OrgId, StoreError, Uuid};
use grc_postgres::{PgBackend, PoolConfig};
use grc_search::{contract, fold};
use grc_uow::{Db, registry, searched};
use serde_json::{Value, json};

use crate::harness::{Service, database, fields, psql, root, run, text, url};

const ORG: &str = "0199b1a0-0000-7000-8000-00000000000a";
const OTHER: &str = "0199b1a0-0000-7000-8000-00000000000b";

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn array(texts: &[String]) -> String {
    format!("ARRAY[{}]::text[]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

#[test]
fn postgres_keeps_the_search_contract() {
    run(async {
        let name = tokio::task::spawn_blocking(|| {
            let name = database(true);
            for document in contract::documents() {
                let (kind, title) = (document.kind, document.title.unwrap());
                // What evidence files say is read from where it lies.
                let deep = document.deep.as_deref().map_or("NULL".to_owned(), quoted);
                psql(
                    &name,
                    &format!(
                        "INSERT INTO search_documents (org_id, kind, record_id, title, body, head, words, updated_at)
                         SELECT '{ORG}', '{kind}', '{0}', d.shown, d.body, d.head, d.words, '{1}'
                           FROM search_document('{ORG}', '{kind}', '{0}', {2}, {3}, {4}, {deep}) d",
                        document.id,
                        grc_kernel::record::timestamp(document.updated_at),
                        quoted(&title),
                        array(&document.names),
                        array(&document.texts),
                    ),
                );
                if kind == "evidence" {
                    psql(
                        &name,
                        &format!(
                            "ALTER TABLE evidence_texts DISABLE TRIGGER ALL;
                             INSERT INTO evidence_texts VALUES ('{ORG}', '{}', {deep})",
                            document.id
                        ),
                    );
                }
            }
            name
        })
        .await
        .unwrap();
        let backend = PgBackend::new(&PoolConfig { url: url(&name), size: 2, durable: false }).unwrap();
        let db = Db::new(std::sync::Arc::new(backend));
        let org = |text: &str| OrgId(Uuid::parse_str(text).unwrap());
        // Another organization asks in its own name: the policy of the table is what keeps it out.
        for (bound, own, other) in [(ORG, ORG, OTHER)] {
            let outcome: Result<(), StoreError> =
                db.read(org(bound), async |uow| contract::suite(org(own), org(other), uow.app()).await).await;
            outcome.unwrap();
        }
    });
}

#[test]
fn every_declared_resource_is_searched_as_it_declares() {
    let migrations = root().join("migrations");
    let mut calls = std::collections::BTreeMap::new();
    let mut folders: Vec<_> = migrations.read_dir().unwrap().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    for folder in folders {
        let up = std::fs::read_to_string(folder.join("up.sql")).unwrap();
        for line in up.lines().filter(|line| line.starts_with("CALL make_searchable(")) {
            let table = line.split('\'').nth(1).unwrap().to_owned();
            calls.insert(table, format!("{line}\n"));
        }
    }
    let mut wrong = Vec::new();
    for source in registry::resources().filter_map(grc_search::Source::of) {
        let wanted = grc_postgres::ddl::make_searchable(&source);
        if calls.get(source.table) != Some(&wanted) {
            wrong.push(wanted);
        }
    }
    assert!(wrong.is_empty(), "no migration has these, or has them otherwise:\n{}", wrong.concat());
    let name = database(true);
    let triggers = psql(&name, "SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal");
    for source in searched::sources() {
        for event in ["insert", "update", "delete"] {
            let trigger = format!("{} search_{event}", source.table);
            assert!(triggers.lines().any(|line| line == trigger), "{trigger} is missing");
        }
    }
}

#[test]
fn the_database_folds_as_the_service_does() {
    let name = database(true);
    for text in [
        "Škoda Straße ÅNGSTRÖM ŁÓDŹ Ærø œuvre þing Đakovo ðar ħ ŧ",
        "Ελληνικός ΏΡΑΣ Ёлка Й ǅ İstanbul ISPARTA ısı ẞ",
        "ﬁne Ａ１ co\u{AD}op ½ × ÷ ª º µ x² ™ №",
        "CC6.1, foo@bar.com — 24/7 «a» “b” a_b a-b c++ #1 <b>&amp;</b>",
        "東京タワー 한국어 ไทย हिन्दी עברית العربية ؟ ، ։ ་",
        "e\u{301}\u{327} a\u{FE0F} z\u{200D}w 😀 𝒜 𐍈 \u{2028}\t\n.",
    ] {
        let folded = psql(&name, &format!("SELECT search_fold({})", quoted(text)));
        assert_eq!(folded, fold::words(text).join(" "), "{text}");
    }
    // Every letter of the first planes, each by itself.
    let mut wrong = Vec::new();
    for start in (0x80_u32..0x1_F000).step_by(0x400) {
        let all: Vec<char> = (start..start + 0x400).filter_map(char::from_u32).collect();
        let line: String = all.iter().flat_map(|c| ['x', *c, 'y', ' ']).collect();
        let folded = psql(&name, &format!("SELECT search_fold({})", quoted(&line)));
        let own = fold::words(&line).join(" ");
        if folded != own {
            wrong.push(format!("{start:x}"));
        }
    }
    // Letters that were added to Unicode after the database's version of it may differ; 13 of 124 blocks have such
    // letters for PostgreSQL 15.
    assert!(wrong.len() <= 20, "{wrong:?}");
}

/// The types and titles of what is found.
fn hits(found: &Value) -> Vec<(String, String)> {
    found["items"].as_array().unwrap().iter().map(|hit| (text(hit, "type"), text(hit, "title"))).collect()
}

fn titles(found: &Value) -> Vec<String> {
    hits(found).into_iter().map(|(_, title)| title).collect()
}

/// A query as a parameter.
fn q(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn what_is_written_is_found_at_once_and_by_who_may_read_it() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Finders").await;
        let at = |text: &str| format!("/orgs/{org}/search?q={}", q(text));
        let empty = s.get(&token, &at("zeppelin")).await.must(200);
        assert_eq!(empty, json!({"items": [], "next_cursor": null, "total": 0, "total_is_lower_bound": false}));

        let register = format!("/orgs/{org}/risks/register");
        let risk = json!({"title": "Zeppelin über Łódź <b>", "description": "The \"hull\" & its gas burn.", "category": "cyber",
                          "ref_id": "R-77", "likelihood": 2, "impact": 3});
        let risk = text(&s.json(&token, "POST", &register, risk).await.must(201), "id");
        let treatment = json!({"title": "Fill the zeppelin with helium"});
        let treatment =
            text(&s.json(&token, "POST", &format!("{register}/{risk}/treatments"), treatment).await.must(201), "id");
        let vendor = json!({"name": "Zeppelin", "description": "Makes them."});
        let vendor = s.json(&token, "POST", &format!("/orgs/{org}/vendors"), vendor).await.must(201);
        let file = b"Inspection protocol.\nThe hydrogen valve was inspected by a licensed mechanic.";
        s.upload(&token, &org, "protocol.txt", "text/plain", file, &[]).await;

        let found = s.get(&token, &at("zeppelin")).await.must(200);
        assert_eq!(hits(&found)[0], ("vendor".into(), "Zeppelin".into()), "it is called so");
        assert_eq!((found["total"].clone(), hits(&found).len()), (json!(3), 3));
        let hit = found["items"].as_array().unwrap().iter().find(|hit| hit["type"] == "risk").unwrap();
        assert_eq!(hit["fragments"], json!(["<mark>Zeppelin</mark> über Łódź &lt;b&gt;"]));
        assert_eq!(hit["path"], format!("/api/v1{register}/{risk}"));
        let nested = found["items"].as_array().unwrap().iter().find(|hit| hit["type"] == "risk_treatment").unwrap();
        assert_eq!(nested["id"], treatment);
        assert_eq!(nested["parent"], json!({"type": "risk", "id": risk}));
        assert_eq!(nested["path"], format!("/api/v1{register}/{risk}/treatments"));
        for hit in found["items"].as_array().unwrap() {
            s.get(&token, hit["path"].as_str().unwrap().trim_start_matches("/api/v1")).await.must(200);
        }

        for (query, wanted) in [
            ("LODZ uber", &["Zeppelin über Łódź <b>"][..]),
            ("r-77", &["Zeppelin über Łódź <b>"]),
            ("zepp heli", &["Fill the zeppelin with helium"]),
            ("\"the zeppelin\"", &["Fill the zeppelin with helium"]),
            ("zeppelin -helium -lodz", &["Zeppelin"]),
            ("hydrogen valve", &["protocol.txt"]),
            ("\"licensed mechanic\"", &["protocol.txt"]),
            ("\"mechanic licensed\"", &[]),
        ] {
            assert_eq!(titles(&s.get(&token, &at(query)).await.must(200)), wanted, "{query}");
        }
        let found = s.get(&token, &at("hull gas")).await.must(200);
        assert_eq!(
            found["items"][0]["fragments"],
            json!(["The &quot;<mark>hull</mark>&quot; &amp; its <mark>gas</mark> burn."])
        );
        let found = s.get(&token, &at("valve")).await.must(200);
        assert!(text_of(&found).contains("hydrogen <mark>valve</mark> was"), "{found}");

        // Types, pages, other organizations, rights.
        let only = s.get(&token, &format!("{}&type=vendor&type=report", at("zeppelin"))).await.must(200);
        assert_eq!(titles(&only), ["Zeppelin"]);
        let first = s.get(&token, &format!("{}&limit=2", at("zeppelin"))).await.must(200);
        let cursor = text(&first, "next_cursor");
        let second = s.get(&token, &format!("{}&limit=2&cursor={cursor}", at("zeppelin"))).await.must(200);
        assert_eq!((titles(&first).len(), titles(&second).len(), &second["next_cursor"]), (2, 1, &json!(null)));
        assert!(!titles(&first).contains(&titles(&second)[0]));
        let wrong = s.get(&token, &format!("{}&cursor={cursor}", at("helium"))).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&wrong), [("cursor".into(), "other_list".into())]);
        let other = s.org(&token, "Others").await;
        let found = s.get(&token, &format!("/orgs/{other}/search?q=zeppelin")).await.must(200);
        assert_eq!(titles(&found), [""; 0]);
        let key = json!({"name": "reader", "role": "viewer", "scopes": ["risk:read"]});
        let key = text(&s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), key).await.must(201), "key");
        let found = s.get(&key, &at("zeppelin")).await.must(200);
        assert_eq!(found["total"], 2);
        assert!(hits(&found).iter().all(|(kind, _)| kind.starts_with("risk")));
        let found = s.get(&key, &format!("{}&type=vendor", at("zeppelin"))).await.must(200);
        assert_eq!(titles(&found), [""; 0]);
        s.get("", &at("zeppelin")).await.problem(401, "UNAUTHORIZED");

        // Changes and removals show at once; a parent takes what is under it along.
        s.json(&token, "PATCH", &format!("{register}/{risk}"), json!({"title": "Balloon"})).await.must(200);
        assert_eq!(titles(&s.get(&token, &at("balloon")).await.must(200)), ["Balloon"]);
        assert_eq!(titles(&s.get(&token, &at("zeppelin lodz")).await.must(200)), [""; 0]);
        s.send(&token, "DELETE", &format!("/orgs/{org}/vendors/{}", text(&vendor, "id")), &[], None).await.must(204);
        assert_eq!(titles(&s.get(&token, &at("zeppelin")).await.must(200)), ["Fill the zeppelin with helium"]);
        s.send(&token, "DELETE", &format!("{register}/{risk}"), &[], None).await.must(204);
        assert_eq!(titles(&s.get(&token, &at("zeppelin")).await.must(200)), [""; 0]);
        let evidence = s.get(&token, &at("protocol.txt")).await.must(200);
        let id = text(&evidence["items"][0], "id");
        s.send(&token, "DELETE", &format!("/orgs/{org}/evidence/{id}"), &[], None).await.must(204);
        assert_eq!(titles(&s.get(&token, &at("hydrogen")).await.must(200)), [""; 0]);

        // Members by name and address, whose names may change elsewhere.
        let user = json!({"email": "grete@example.com", "name": "Grete Grün", "role": "viewer", "password": crate::harness::PASSWORD});
        s.json(&token, "POST", &format!("/orgs/{org}/users"), user).await.must(201);
        assert_eq!(hits(&s.get(&token, &at("grun")).await.must(200)), [("user".into(), "Grete Grün".into())]);
        assert_eq!(titles(&s.get(&token, &at("grete@exam")).await.must(200)), ["Grete Grün"]);
        let theirs = s.login("grete@example.com", crate::harness::PASSWORD).await;
        s.json(&theirs, "PATCH", "/users/me", json!({"name": "Grete Braun"})).await.must(200);
        assert_eq!(titles(&s.get(&theirs, &at("grete")).await.must(200)), ["Grete Braun"]);
        assert_eq!(titles(&s.get(&token, &at("grun")).await.must(200)), [""; 0]);
        s.running.stop().await;
    });
}

fn text_of(found: &Value) -> String {
    found["items"][0]["fragments"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[test]
fn nothing_that_is_typed_breaks_it() {
    run(async {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, "Typists").await;
        let path = format!("/orgs/{org}/search");
        for text in [
            "!!!",
            "\"",
            "\"\"\"",
            "'",
            "' | 'x' & !",
            "\\",
            ":*",
            "a:*b <-> c",
            "-",
            "-only",
            "~^x ~=y ~.risk",
            "\0",
            "a\0b",
            "%",
            "(((",
            "ﷺ",
            "😀",
            "\u{202E}abc",
            &"é".repeat(200),
            &"a ".repeat(100),
            &"a-".repeat(100),
            &"-a".repeat(100),
            &"\"a b\" ".repeat(33),
        ] {
            let found = s.get(&token, &format!("{path}?q={}", q(text))).await.must(200);
            assert!(found["items"].is_array(), "{text:?}");
        }
        for (query, wanted) in [
            ("", vec![("q", "required")]),
            ("?q=", vec![("q", "required")]),
            ("?q=a&q=b", vec![("q", "repeated")]),
            ("?q=a&type=nothing", vec![("type", "invalid")]),
            ("?q=a&limit=0&sort=x", vec![("limit", "out_of_range"), ("sort", "unknown")]),
            ("?q=a&limit=51", vec![("limit", "out_of_range")]),
            ("?q=a&cursor=%21", vec![("cursor", "invalid")]),
        ] {
            let problem = s.get(&token, &format!("{path}{query}")).await.problem(422, "VALIDATION_ERROR");
            let wanted: Vec<_> = wanted.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(fields(&problem), wanted, "{query}");
        }
        let long = s.get(&token, &format!("{path}?q={}", "x".repeat(5_000))).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(fields(&long), [("q".into(), "too_long".into())]);
        s.running.stop().await;
    });
}

#[test]
fn a_text_of_any_length_is_stored() {
    let name = database(true);
    // Words and names beyond every limit, of letters that take four bytes.
    let longest = "SELECT length((search_document('0199b1a0-0000-7000-8000-00000000000a', 'risk', '0199b1a0-0000-7000-8000-00000000000b',
        't', ARRAY[repeat(chr(66600), 1000), repeat(chr(66600) || ' ', 1000)],
        ARRAY[(SELECT string_agg(repeat(chr(66600 + n % 30) || chr(66600 + n / 30 % 30), 3) || chr(66600 + n / 900 % 30) || chr(66600 + n / 27000), ' ')
                 FROM generate_series(1, 40000) n)],
        (SELECT string_agg(chr(66600 + n / 27000) || repeat(chr(66600 + n % 30) || chr(66600 + n / 30 % 30), 4) || chr(66600 + n / 900 % 30), ' ')
           FROM generate_series(1, 40000) n))).words)";
    assert!(psql(&name, longest).parse::<i64>().unwrap() > 10_000);
}
