//! Cloudflare Access before the service, played by a little server with keys of its own; and invitations.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use grc_access::testing::{TestTeam, key, sign_with};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{EMAIL, Got, PASSWORD, Service, psql, run, text};

/// How the little server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    Silent,
    Failing,
    Garbled,
    Endless,
    Redirecting,
}

/// Cloudflare's side: `/cdn-cgi/access/certs` on a port of this machine.
struct Cloudflare {
    team: Arc<TestTeam>,
    url: String,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
}

impl Cloudflare {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/cdn-cgi/access/certs", listener.local_addr().unwrap());
        let team = Arc::new(TestTeam::default());
        let (mood, asked) = (Arc::new(Mutex::new(Mood::Well)), Arc::new(AtomicUsize::new(0)));
        let shared = (Arc::clone(&team), Arc::clone(&mood), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (team, mood, asked) = shared.clone();
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    assert!(head.starts_with(b"GET /cdn-cgi/access/certs HTTP/1.1\r\n"));
                    asked.fetch_add(1, Ordering::SeqCst);
                    let now = *mood.lock().unwrap();
                    let certs = team.certs().to_string();
                    let (head, body) = match now {
                        Mood::Silent => return tokio::time::sleep(std::time::Duration::from_secs(60)).await,
                        Mood::Well => ("200 OK\r\nContent-Type: application/json", certs),
                        Mood::Failing => {
                            ("503 Service Unavailable\r\nContent-Type: text/plain", "error code: 1101".into())
                        }
                        Mood::Garbled => ("200 OK\r\nContent-Type: text/html", "<html>just a moment...</html>".into()),
                        Mood::Endless => ("200 OK\r\nContent-Type: application/json", " ".repeat(1024 * 1024) + &certs),
                        Mood::Redirecting => ("302 Found\r\nLocation: http://127.0.0.1:1/", String::new()),
                    };
                    let answer =
                        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { team, url, mood, asked }
    }

    fn become_(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn service(&self, mode: &str) -> Service {
        Service::start(&[
            ("GRC_AUTH_MODE", mode),
            ("GRC_CF_ACCESS_TEAM_DOMAIN", "testers"),
            ("GRC_CF_ACCESS_AUD", &self.team.audience),
            ("GRC_CF_ACCESS_CERTS_URL", &self.url),
            ("GRC_CF_ACCESS_SERVICE_TOKENS", "ci.access=analyst@acme,ci.access=viewer@beta,ops.access=admin@nowhere"),
        ])
        .await
    }

    fn person(&self, email: &str) -> String {
        self.team.sign(&self.team.person(email, time::OffsetDateTime::now_utc()))
    }

    fn machine(&self, name: &str) -> String {
        self.team.sign(&self.team.service(name, time::OffsetDateTime::now_utc()))
    }
}

const HEADER: &str = "cf-access-jwt-assertion";

/// Sends a request with Cloudflare's header.
async fn with(s: &Service, token: &str, method: &str, path: &str, body: Option<Value>) -> Got {
    s.send("", method, path, &[(HEADER, token)], body.map(|body| body.to_string().into_bytes())).await
}

#[test]
fn a_person_signs_in_through_access_with_the_header_or_the_cookie() {
    run(async {
        let cloudflare = Cloudflare::start().await;
        let s = cloudflare.service("both").await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Acme").await;
        s.member(&admin, &org, "analyst").await;
        let email = format!("analyst-{}@example.com", &org[24..]);
        let token = cloudflare.person(&email.to_uppercase());
        let me = with(&s, &token, "GET", "/users/me", None).await.must(200);
        assert_eq!((&me["user"]["email"], &me["memberships"][0]["role"]), (&json!(email), &json!("analyst")));
        let cookie = format!("theme=dark; CF_Authorization={token}");
        let again = s.send("", "GET", "/users/me", &[("cookie", &cookie)], None).await.must(200);
        assert_eq!(again["user"]["id"], me["user"]["id"]);
        // Both at once: the header counts, and a header that is not valid is not made good by a cookie that is.
        let other = cloudflare.person(EMAIL);
        let cookie_of_another = format!("CF_Authorization={other}");
        let both = s.send("", "GET", "/users/me", &[(HEADER, &token), ("cookie", &cookie_of_another)], None).await;
        assert_eq!(both.must(200)["user"]["email"], json!(email));
        let spoilt = s.send("", "GET", "/users/me", &[(HEADER, "x.y.z"), ("cookie", &cookie)], None).await;
        spoilt.problem(401, "UNAUTHORIZED");
        // The permissions are those of the membership.
        let path = format!("/orgs/{org}/controls");
        let control = json!({"name": "One", "category": "process"});
        let made = with(&s, &token, "POST", &path, Some(control.clone())).await.must(201);
        assert_eq!(made["created_by"], me["user"]["id"]);
        let user = json!({"email": "x@example.com", "name": "X", "role": "viewer"});
        with(&s, &token, "POST", &format!("/orgs/{org}/users"), Some(user)).await.problem(403, "FORBIDDEN");
        with(&s, &token, "GET", &format!("/orgs/{}", s.org(&admin, "Other").await), None)
            .await
            .problem(404, "NOT_FOUND");
        // Signing in is what it notes; a session it has none.
        let shown = s.get(&admin, &format!("/orgs/{org}/users/{}", text(&me["user"], "id"))).await.must(200);
        assert!(shown["last_login_at"].is_string());
        with(&s, &token, "POST", "/auth/logout", None).await.problem(409, "CONFLICT");
        // Deactivation acts within a second, whatever Access says.
        let id = text(&me["user"], "id");
        s.json(&admin, "POST", &format!("/orgs/{org}/users/{id}/deactivate"), json!({})).await.must(200);
        with(&s, &token, "POST", &path, Some(control)).await.problem(404, "NOT_FOUND");
        // Somebody whom nobody added is nobody here.
        with(&s, &cloudflare.person("stranger@example.com"), "GET", "/users/me", None)
            .await
            .problem(401, "UNAUTHORIZED");
        s.running.stop().await;
    });
}

#[test]
fn tokens_of_one_kind_are_not_taken_for_those_of_the_other() {
    run(async {
        let cloudflare = Cloudflare::start().await;
        let s = cloudflare.service("both").await;
        let local = s.admin().await;
        let access = cloudflare.person(EMAIL);
        with(&s, &access, "GET", "/users/me", None).await.must(200);
        s.get(&local, "/users/me").await.must(200);
        s.get(&access, "/users/me").await.problem(401, "UNAUTHORIZED");
        with(&s, &local, "GET", "/users/me", None).await.problem(401, "UNAUTHORIZED");
        let cookie = format!("CF_Authorization={local}");
        s.send("", "GET", "/users/me", &[("cookie", &cookie)], None).await.problem(401, "UNAUTHORIZED");
        // A key is an explicit credential, and works behind Access too.
        let org = s.org(&local, "Acme").await;
        let made =
            s.json(&local, "POST", &format!("/orgs/{org}/api-keys"), json!({"name": "ci", "role": "viewer"})).await;
        let key = text(&made.must(201), "key");
        let got = s.send(&key, "GET", &format!("/orgs/{org}"), &[(HEADER, &access)], None).await;
        assert_eq!(got.must(200)["id"], json!(org));
        let unsigned = access.rsplit_once('.').unwrap().0.to_owned() + ".";
        for forged in [unsigned, format!("{access}x"), "x".repeat(7_000), "a.b.c".into()] {
            with(&s, &forged, "GET", "/users/me", None).await.problem(401, "UNAUTHORIZED");
        }
        s.running.stop().await;
        // Without Access its tokens are nothing at all.
        let s = Service::start(&[]).await;
        with(&s, &access, "GET", "/users/me", None).await.problem(401, "UNAUTHORIZED");
        s.running.stop().await;
    });
}

#[test]
fn where_access_alone_counts_passwords_do_not() {
    run(async {
        let cloudflare = Cloudflare::start().await;
        let s = cloudflare.service("cloudflare").await;
        let login = json!({"email": EMAIL, "password": PASSWORD});
        s.json("", "POST", "/auth/login", login).await.problem(403, "FORBIDDEN");
        for (path, body) in [
            ("/auth/refresh", json!({"refresh_token": "x"})),
            ("/auth/invitations/accept", json!({"token": "x", "password": PASSWORD})),
        ] {
            s.json("", "POST", path, body).await.problem(403, "FORBIDDEN");
        }
        let admin = cloudflare.person(EMAIL);
        let org = text(&with(&s, &admin, "POST", "/orgs", Some(json!({"name": "Acme"}))).await.must(201), "id");
        // Whoever is invited comes in by signing in; the link is not needed.
        let path = format!("/orgs/{org}/users/invite");
        let invited = with(&s, &admin, "POST", &path, Some(json!({"email": "bob@example.com", "role": "viewer"})))
            .await
            .must(201);
        assert_eq!((&invited["status"], &invited["name"]), (&json!("invited"), &json!("bob")));
        let bob = cloudflare.person("Bob@example.com");
        let me = with(&s, &bob, "GET", "/users/me", None).await.must(200);
        assert_eq!(me["memberships"][0]["status"], "active");
        with(&s, &bob, "GET", &format!("/orgs/{org}/controls"), None).await.must(200);
        let user = text(&invited, "id");
        let entries =
            with(&s, &admin, "GET", &format!("/orgs/{org}/audit-log?resource_id={user}&sort=occurred_at"), None).await;
        let entries = entries.must(200)["items"].as_array().unwrap().clone();
        let actions: Vec<_> = entries.iter().map(|e| (e["action"].clone(), e["actor"]["id"].clone())).collect();
        assert_eq!(actions.last().unwrap(), &(json!("user.invitation_accepted"), json!(user)), "{actions:?}");
        assert_eq!(entries.len(), 2);
        assert!(entries.iter().all(|e| e["before"] != e["after"]));
        // Switched off and on again, without ever having had a password.
        for verb in ["deactivate", "activate"] {
            with(&s, &admin, "POST", &format!("/orgs/{org}/users/{user}/{verb}"), None).await.must(200);
        }
        with(&s, &bob, "GET", &format!("/orgs/{org}/controls"), None).await.must(200);
        s.running.stop().await;
    });
}

#[test]
fn a_service_token_acts_where_the_list_lets_it() {
    run(async {
        let cloudflare = Cloudflare::start().await;
        let s = cloudflare.service("both").await;
        let admin = s.admin().await;
        let (acme, beta, gamma) =
            (s.org(&admin, "Acme").await, s.org(&admin, "Beta").await, s.org(&admin, "Gamma").await);
        let token = cloudflare.machine("ci.access");
        let control = json!({"name": "One", "category": "process"});
        let made = with(&s, &token, "POST", &format!("/orgs/{acme}/controls"), Some(control.clone())).await.must(201);
        with(&s, &token, "GET", &format!("/orgs/{beta}/controls"), None).await.must(200);
        let refused = with(&s, &token, "POST", &format!("/orgs/{beta}/controls"), Some(control.clone())).await;
        refused.problem(403, "FORBIDDEN");
        with(&s, &token, "GET", &format!("/orgs/{gamma}/controls"), None).await.problem(404, "NOT_FOUND");
        let orgs = with(&s, &token, "GET", "/orgs?sort=name", None).await.must(200);
        let names: Vec<_> = orgs["items"].as_array().unwrap().iter().map(|o| o["name"].clone()).collect();
        assert_eq!(names, ["Acme", "Beta"]);
        with(&s, &token, "GET", "/frameworks", None).await.must(200);
        with(&s, &token, "GET", "/users/me", None).await.problem(409, "CONFLICT");
        let path = format!("/orgs/{acme}/audit-log?resource_id={}", text(&made, "id"));
        let entry = s.get(&admin, &path).await.must(200)["items"][0].clone();
        assert_eq!((&entry["actor"]["type"], &entry["actor"]["name"]), (&json!("service_token"), &json!("ci.access")));
        // Not on the list, or only for what does not exist.
        for name in ["other.access", "CI.access"] {
            let got = with(&s, &cloudflare.machine(name), "GET", &format!("/orgs/{acme}/controls"), None).await;
            got.problem(401, "UNAUTHORIZED");
        }
        let got = with(&s, &cloudflare.machine("ops.access"), "GET", &format!("/orgs/{acme}/controls"), None).await;
        got.problem(404, "NOT_FOUND");
        // Its requests replay under its own keys.
        let once = [(HEADER, token.as_str()), ("idempotency-key", "k")];
        let body = || Some(control.to_string().into_bytes());
        let first = s.send("", "POST", &format!("/orgs/{acme}/controls"), &once, body()).await.must(201);
        let again = s.send("", "POST", &format!("/orgs/{acme}/controls"), &once, body()).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.must(201)["id"], first["id"]);
        s.running.stop().await;
    });
}

#[test]
fn a_cookie_changes_nothing_from_another_site() {
    run(async {
        let cloudflare = Cloudflare::start().await;
        let s = cloudflare.service("both").await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Acme").await;
        let token = cloudflare.person(EMAIL);
        let cookie = format!("CF_Authorization={token}");
        let host = s.running.address.to_string();
        let own = format!("http://{host}");
        let path = format!("/orgs/{org}/controls");
        let body = || Some(json!({"name": "One", "category": "process"}).to_string().into_bytes());
        let count = || psql(&s.database, "SELECT count(*) FROM controls");
        let foreign: &[&[(&str, &str)]] = &[
            &[],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", &own)],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "https://evil.example"), (HEADER, &token)],
            &[("sec-fetch-site", "cross-site"), (HEADER, &token)],
            &[("sec-fetch-site", "cross-site"), ("content-type", "text/plain")],
        ];
        for headers in foreign {
            let headers = [headers, &[("cookie", cookie.as_str())][..]].concat();
            for (method, path) in
                [("POST", &path), ("PATCH", &format!("/orgs/{org}")), ("DELETE", &format!("/orgs/{org}"))]
            {
                s.send("", method, path, &headers, body()).await.problem(403, "FORBIDDEN");
            }
        }
        assert_eq!(count(), "0");
        for headers in [&[("sec-fetch-site", "same-origin")][..], &[("sec-fetch-site", "none")], &[("origin", &own)]] {
            let headers = [headers, &[("cookie", cookie.as_str())][..]].concat();
            s.send("", "POST", &path, &headers, body()).await.must(201);
        }
        assert_eq!(count(), "3");
        // Reading is safe, the header alone is no browser's, and who brings a token of their own needs no rule.
        s.send("", "GET", &path, &[("cookie", &cookie), ("sec-fetch-site", "cross-site")], None).await.must(200);
        with(&s, &token, "POST", &path, Some(json!({"name": "Two", "category": "process"}))).await.must(201);
        s.send(&admin, "POST", &path, &[("origin", "https://evil.example")], body()).await.must(201);
        s.running.stop().await;
    });
}

#[test]
fn a_rotation_is_followed_and_a_storm_asks_once() {
    run(async {
        let cloudflare = Cloudflare::start().await;
        let s = cloudflare.service("both").await;
        with(&s, &cloudflare.person(EMAIL), "GET", "/users/me", None).await.must(200);
        assert_eq!(cloudflare.asked(), 1);
        let before = cloudflare.person(EMAIL);
        cloudflare.team.publish(&[0, 1]);
        with(&s, &cloudflare.person(EMAIL), "GET", "/users/me", None).await.must(200);
        with(&s, &before, "GET", "/users/me", None).await.must(200);
        assert_eq!(cloudflare.asked(), 2);
        // From here on for a minute: whatever ids are made up, and however often.
        let claims = cloudflare.team.person(EMAIL, time::OffsetDateTime::now_utc());
        let storm = (0..200).map(|i| {
            let token = sign_with(&grc_access::testing::TestKey { kid: format!("made-up-{i}"), ..key(2) }, &claims);
            let s = &s;
            async move { with(s, &token, "GET", "/users/me", None).await.status }
        });
        let statuses = futures::future::join_all(storm).await;
        assert!(statuses.iter().all(|status| *status == 401));
        assert_eq!(cloudflare.asked(), 2);
        let health = s.get("", "/health").await.must(200);
        assert_eq!(health["details"]["authentication"]["access_keys"]["known"], 2);
        s.running.stop().await;
    });
}

#[test]
fn without_keys_nobody_comes_in_and_the_rest_goes_on() {
    run(async {
        let cloudflare = Cloudflare::start().await;
        for mood in [Mood::Failing, Mood::Garbled, Mood::Endless, Mood::Redirecting, Mood::Silent] {
            cloudflare.become_(mood);
            let s = cloudflare.service("both").await;
            let begun = std::time::Instant::now();
            let token = cloudflare.person(EMAIL);
            with(&s, &token, "GET", "/users/me", None).await.problem(503, "SERVICE_UNAVAILABLE");
            assert!(begun.elapsed() < std::time::Duration::from_secs(6), "{mood:?}: {:?}", begun.elapsed());
            let admin = s.admin().await;
            s.get(&admin, "/users/me").await.must(200);
            s.send("", "GET", "/health/ready", &[(HEADER, &token)], None).await.must(200);
            let health = s.get("", "/health").await.must(200);
            assert_eq!(health["details"]["authentication"]["access_keys"]["state"], "unhealthy", "{mood:?}");
            s.running.stop().await;
        }
    });
}

#[test]
fn no_organization_comes_into_an_account_or_a_membership_that_is_anothers() {
    run(async {
        let cloudflare = Cloudflare::start().await;
        let s = cloudflare.service("both").await;
        let admin = s.admin().await;
        let (mine, theirs) = (s.org(&admin, "Mine").await, s.org(&admin, "Theirs").await);
        let invite = async |org: &str, email: &str| {
            let body = json!({"email": email, "role": "analyst"});
            s.json(&admin, "POST", &format!("/orgs/{org}/users/invite"), body).await.must(201)
        };
        let token = |invited: &Value| text(invited, "invitation_url").rsplit('/').next().unwrap().to_owned();
        let accept = async |token: &str| {
            let body = json!({"token": token, "password": PASSWORD});
            s.json("", "POST", "/auth/invitations/accept", body).await
        };

        // Somebody who signs in through Access has no password, and no link makes one.
        invite(&theirs, "carol@example.com").await;
        let carol = cloudflare.person("carol@example.com");
        with(&s, &carol, "GET", &format!("/orgs/{theirs}"), None).await.must(200);
        let link = token(&invite(&mine, "carol@example.com").await);
        let refused = accept(&link).await.problem(422, "VALIDATION_ERROR");
        assert_eq!(refused["errors"][0]["code"], "sign_in");
        let log_in = json!({"email": "carol@example.com", "password": PASSWORD});
        s.json("", "POST", "/auth/login", log_in).await.problem(401, "UNAUTHORIZED");
        with(&s, &carol, "GET", &format!("/orgs/{mine}"), None).await.must(200);

        // An account that one organization made, with a password that it knows, is not let into another by that.
        let body = json!({"email": "dave@example.com", "name": "Dave", "role": "viewer", "password": PASSWORD});
        s.json(&admin, "POST", &format!("/orgs/{mine}/users"), body).await.must(201);
        let log_in = json!({"email": "dave@example.com", "password": PASSWORD});
        let known = text(&s.json("", "POST", "/auth/login", log_in).await.must(200), "access_token");
        let body = json!({"email": "dave@example.com", "name": "Dave", "role": "admin"});
        let added = s.json(&admin, "POST", &format!("/orgs/{theirs}/users"), body).await.must(201);
        assert_eq!(added["status"], "invited");
        s.get(&known, &format!("/orgs/{theirs}")).await.problem(404, "NOT_FOUND");
        let one = format!("/orgs/{theirs}/users/{}", text(&added, "id"));
        for action in ["activate", "deactivate"] {
            s.send(&admin, "POST", &format!("{one}/{action}"), &[], None).await.problem(409, "CONFLICT");
        }
        // Nor when its owner signs in: the password would come in with them.
        let dave = cloudflare.person("dave@example.com");
        with(&s, &dave, "GET", "/users/me", None).await.must(200);
        s.get(&known, &format!("/orgs/{theirs}")).await.problem(404, "NOT_FOUND");
        accept(&token(&added)).await.must(200);
        s.get(&known, &format!("/orgs/{theirs}")).await.must(200);
        s.running.stop().await;
    });
}

#[test]
fn an_invitation_is_sent_sent_again_and_accepted_once() {
    run(async {
        let s = Service::start(&[]).await;
        let admin = s.admin().await;
        let org = s.org(&admin, "Acme").await;
        let path = format!("/orgs/{org}/users/invite");
        let invite = async |body: Value| s.json(&admin, "POST", &path, body).await;
        let first = invite(json!({"email": "ada@example.com", "role": "viewer"})).await;
        let id = text(&first.json(), "id");
        assert!(first.header("location").ends_with(&format!("/orgs/{org}/users/{id}")));
        let first = first.must(201);
        assert_eq!((&first["status"], &first["role"]), (&json!("invited"), &json!("viewer")));
        let token = |invited: &Value| text(invited, "invitation_url").rsplit('/').next().unwrap().to_owned();
        let second = invite(json!({"email": "ADA@example.com", "role": "analyst", "name": "Ada"})).await.must(201);
        assert_eq!((&second["id"], &second["role"], &second["revision"]), (&json!(id), &json!("analyst"), &json!(2)));
        let accept = async |token: &str, password: &str| {
            let body = json!({"token": token, "password": password, "name": "Ada Lovelace"});
            s.json("", "POST", "/auth/invitations/accept", body).await
        };
        accept(&token(&first), PASSWORD).await.problem(422, "VALIDATION_ERROR");
        accept(&token(&second), "short").await.problem(422, "VALIDATION_ERROR");
        let tokens = accept(&token(&second), PASSWORD).await.must(200);
        let ada = text(&tokens, "access_token");
        let me = s.get(&ada, "/users/me").await.must(200);
        assert_eq!((&me["user"]["name"], &me["memberships"][0]["role"]), (&json!("Ada Lovelace"), &json!("analyst")));
        accept(&token(&second), PASSWORD).await.problem(422, "VALIDATION_ERROR");
        invite(json!({"email": "ada@example.com", "role": "viewer"})).await.problem(409, "CONFLICT");
        // Somebody with an account is asked, too, before they are a member elsewhere.
        let other = s.org(&admin, "Other").await;
        let body = json!({"email": "ada@example.com", "role": "viewer"});
        let asked = s.json(&admin, "POST", &format!("/orgs/{other}/users/invite"), body).await.must(201);
        assert_eq!(asked["status"], "invited");
        s.get(&ada, &format!("/orgs/{other}")).await.problem(404, "NOT_FOUND");
        accept(&token(&asked), "some other long password").await.problem(422, "VALIDATION_ERROR");
        accept(&token(&asked), PASSWORD).await.must(200);
        s.get(&ada, &format!("/orgs/{other}")).await.must(200);
        // Bad input, all of it at once; and an admin's matter.
        let problem =
            invite(json!({"email": "nobody", "role": "king", "id": 1})).await.problem(422, "VALIDATION_ERROR");
        let found = crate::harness::fields(&problem);
        for field in ["email", "role", "id"] {
            assert!(found.iter().any(|(name, _)| name == field), "{field} in {found:?}");
        }
        s.json(&ada, "POST", &path, json!({"email": "x@example.com", "role": "viewer"}))
            .await
            .problem(403, "FORBIDDEN");
        // The link is shown once.
        let key = [("idempotency-key", "invite-1")];
        let body = || Some(json!({"email": "eve@example.com", "role": "viewer"}).to_string().into_bytes());
        assert!(s.send(&admin, "POST", &path, &key, body()).await.must(201)["invitation_url"].is_string());
        let replay = s.send(&admin, "POST", &path, &key, body()).await.must(201);
        assert!(replay.get("invitation_url").is_none());
        // No secret in the journal.
        let journal = psql(
            &s.database,
            "SELECT string_agg(coalesce(before::text, '') || coalesce(after::text, ''), ' ') FROM journal",
        );
        assert!(!journal.contains(&token(&second)) && journal.contains("ada@example.com"));
        s.running.stop().await;
    });
}
