//! The benchmark: the release server on loopback against `pgbench -M prepared` doing the same statements on the
//! same database, in one run, so that the ratios mean something whatever the machine is doing.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo, install,
    server::{self, PASSWORD, Server},
    target,
};

const CLIENTS: &str = "32";

/// Runs all measurements and prints the table.
pub fn run(rows: u32, seconds: u32) -> Result<()> {
    install::postgres()?;
    install::tools(&["curl", "jq", "wrk"])?;
    cargo(&["build", "--release", "-p", "grc-api"])?;
    let folder = std::env::temp_dir().join(format!("grc-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let outcome = measure(&folder, rows, seconds);
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn measure(folder: &Path, rows: u32, seconds: u32) -> Result<()> {
    // The log is not kept: writing it would be measured.
    let binary = target().join("release/sovereign-grc");
    let server = server::start(&binary, folder, &[("GRC_DATABASE_POOL", "16")], Stdio::null())?;
    let token = curl(
        &server,
        "",
        "POST",
        "/auth/login",
        &format!("{{\"email\":\"admin@localhost\",\"password\":\"{PASSWORD}\"}}"),
        ".access_token",
    )?;
    let org = curl(&server, &token, "POST", "/orgs", "{\"name\":\"Bench\"}", ".id")?;
    let url = cluster_url(folder)?;
    let small = seed(&url, &org, "small", 1_000)?;
    let large = seed(&url, &org, "large", rows)?;
    seed_risks(&url, &org, rows)?;
    let finding = psql(&url, &format!("SELECT id FROM findings WHERE assessment_id = '{large}' LIMIT 1"))?;
    let risk = psql(&url, &format!("SELECT id FROM risks WHERE org_id = '{org}' LIMIT 1"))?;
    println!("| measurement | requests/s | against pgbench | server CPU ms | database CPU ms |\n|---|---|---|---|---|");
    let health = wrk(&server, &token, "/health/live", seconds, None, folder)?;
    println!("| no database (`/health/live`) | {:.0} | | {:.3} | |", health.rate, health.server_ms);
    let begin = format!("BEGIN;\nSELECT set_config('app.org_id', '{org}', true);\n");
    for (name, table, path, id) in
        [("finding", "findings", "findings", &finding), ("risk", "risks", "risks/register", &risk)]
    {
        let sql = format!("{begin}SELECT * FROM {table} WHERE org_id = '{org}' AND id = '{id}';\nCOMMIT;\n");
        let got = wrk(&server, &token, &format!("/orgs/{org}/{path}/{id}"), seconds, None, folder)?;
        row(&format!("GET {name} by id"), &got, pgbench(&url, folder, &sql, seconds)?);
    }
    let mut lists = Vec::new();
    for (name, assessment) in [("1,000", &small), ("all", &large)] {
        let list_sql = format!(
            "{begin}SELECT * FROM findings WHERE org_id = '{org}' AND assessment_id = '{assessment}' ORDER BY created_at, id LIMIT 101;\nCOMMIT;\n"
        );
        let path = format!("/orgs/{org}/findings?assessment_id={assessment}&limit=100");
        let got = wrk(&server, &token, &path, seconds, None, folder)?;
        lists.push(got.rate);
        row(&format!("list of 100 findings at {name} rows"), &got, pgbench(&url, folder, &list_sql, seconds)?);
    }
    for (name, path, condition, order) in [
        ("list of 100 risks", "limit=100", "", "created_at DESC, id DESC"),
        (
            "list of 100 risks, three filters and a sort",
            "limit=100&category=cyber&likelihood__gte=3&status=assessed&sort=-inherent_score",
            " AND category = 'cyber' AND likelihood >= 3 AND status = 'assessed'",
            "inherent_score DESC, id DESC",
        ),
    ] {
        let sql = format!(
            "{begin}SELECT * FROM risks WHERE org_id = '{org}'{condition} ORDER BY {order} LIMIT 101;\nCOMMIT;\n"
        );
        let got = wrk(&server, &token, &format!("/orgs/{org}/risks/register?{path}"), seconds, None, folder)?;
        row(name, &got, pgbench(&url, folder, &sql, seconds)?);
    }
    let sql = format!(
        "{begin}SELECT likelihood, impact, residual_likelihood, residual_impact, count(*) FROM risks WHERE org_id = '{org}' GROUP BY 1, 2, 3, 4;\nCOMMIT;\n"
    );
    let got = wrk(&server, &token, &format!("/orgs/{org}/risks/heatmap"), seconds, None, folder)?;
    row(&format!("heat map of {rows} risks"), &got, pgbench(&url, folder, &sql, seconds)?);
    let body = "{\"title\":\"bench\",\"category\":\"cyber\",\"likelihood\":3,\"impact\":4}";
    let got = wrk(&server, &token, &format!("/orgs/{org}/risks/register"), seconds, Some(body), folder)?;
    row("POST risk (with journal)", &got, pgbench(&url, folder, &post_sql(&org), seconds)?);
    let body = "{\"name\":\"bench\",\"category\":\"process\"}";
    let post = wrk(&server, &token, &format!("/orgs/{org}/controls"), seconds, Some(body), folder)?;
    println!("| POST control (with journal) | {:.0} | | {:.3} | {:.3} |", post.rate, post.server_ms, post.database_ms);
    if let [small, large] = lists.as_slice() {
        println!("\nlist at {rows} rows against that at 1,000: {:.2} of the time", small / large);
    }
    println!("resident memory of the server: {} MB", memory(server.child.id())?);
    Ok(())
}

fn row(name: &str, got: &Load, pgbench: f64) {
    println!(
        "| {name} | {:.0} | {:.2} of {pgbench:.0} | {:.3} | {:.3} |",
        got.rate,
        got.rate / pgbench,
        got.server_ms,
        got.database_ms
    );
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn curl(server: &Server, token: &str, method: &str, path: &str, body: &str, filter: &str) -> Result<String> {
    let script = format!(
        "curl -sS --fail-with-body -X {method} '{}/api/v1{path}' -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -d '{body}' | jq -r {filter}",
        server.base
    );
    output(Command::new("bash").args(["-o", "pipefail", "-c", &script]))
}

/// The connection string of the embedded cluster, from its own files.
fn cluster_url(folder: &Path) -> Result<String> {
    let password = fs::read_to_string(folder.join("postgres/password"))?;
    let pid_file = fs::read_to_string(folder.join("postgres/data/postmaster.pid"))?;
    let socket = pid_file.lines().nth(4).context("no socket in postmaster.pid")?;
    Ok(format!("host={socket} port=5432 user=grc_owner password={} dbname=grc", password.trim()))
}

fn program(name: &str) -> Result<String> {
    let mut folders: Vec<_> =
        Path::new("/usr/lib/postgresql").read_dir()?.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    Ok(folders.last().map_or_else(|| name.to_owned(), |folder| folder.join("bin").join(name).display().to_string()))
}

fn psql(url: &str, sql: &str) -> Result<String> {
    output(Command::new(program("psql")?).args([url, "-AtqX", "-v", "ON_ERROR_STOP=1", "-c", sql]))
}

/// An assessment with so many findings.
fn seed(url: &str, org: &str, name: &str, rows: u32) -> Result<String> {
    let id = psql(url, "SELECT gen_random_uuid()")?;
    psql(
        url,
        &format!(
            "INSERT INTO assessments SELECT '{id}', '{org}', id, key, '{name}', null, null, '{{}}', null, 'builtin', null, 'completed', \
             0, 0, null, now(), now(), null, now(), now(), '{org}', 1 FROM frameworks WHERE key = 'SOC2_TYPE2'; \
             INSERT INTO findings SELECT gen_random_uuid(), '{org}', '{id}', 'SOC2_TYPE2', 'C' || n, 'Control ' || n, 'CC' || n % 9, 'Family', \
             'fail', 'high', 'open', 'Nothing was found that shows it.', '[]', 0.5, false, null, null, null, 'builtin', '', \
             now() - n * interval '1 second', now(), '{org}', 1 FROM generate_series(1, {rows}) n; ANALYZE findings"
        ),
    )?;
    Ok(id)
}

/// So many risks, spread over every category, status and cell of the matrix.
fn seed_risks(url: &str, org: &str, rows: u32) -> Result<()> {
    psql(
        url,
        &format!(
            "INSERT INTO risks SELECT gen_random_uuid(), '{org}', null, 'Risk ' || n, 'What may happen, and why.', \
             (ARRAY['operational','financial','compliance','strategic','third_party','cyber','reputational'])[n % 7 + 1], \
             n % 5 + 1, n / 5 % 5 + 1, CASE WHEN n % 3 > 0 THEN 1 END, CASE WHEN n % 3 > 0 THEN 2 END, null, null, null, null, 'mitigate', \
             (ARRAY['identified','assessed','treating','closed'])[n % 4 + 1], null, '{{}}', (n % 5 + 1) * (n / 5 % 5 + 1), \
             CASE WHEN n % 3 > 0 THEN 2 END, 'medium', CASE WHEN n % 3 > 0 THEN 'low' END, false, false, \
             now() - n * interval '1 second', now(), '{org}', 1, \
             CASE WHEN n % 3 > 0 THEN 2 ELSE (n % 5 + 1) * (n / 5 % 5 + 1) END FROM generate_series(1, {rows}) n"
        ),
    )?;
    psql(url, "VACUUM ANALYZE risks").map(drop)
}

/// The statements of a POST: the settings read, the record, the journal's head taken, the entry, the head advanced.
fn post_sql(org: &str) -> String {
    let zeros = "decode(repeat('00', 32), 'hex')";
    format!(
        "BEGIN;\nSELECT set_config('app.org_id', '{org}', true);\n\
         SELECT * FROM risk_matrices WHERE org_id = '{org}' AND id = '{org}';\n\
         SELECT * FROM risk_appetites WHERE org_id = '{org}' AND id = '{org}';\n\
         INSERT INTO risks SELECT gen_random_uuid(), '{org}', null, 'bench', null, 'cyber', 3, 4, null, null, null, null, null, null, 'mitigate', \
         'identified', null, '{{}}', 12, null, 'high', null, false, false, now(), now(), '{org}', 1, 12 ON CONFLICT DO NOTHING;\n\
         INSERT INTO journal_heads VALUES ('{org}', 1, {zeros}) ON CONFLICT (org_id) DO UPDATE SET sequence = journal_heads.sequence + 1 \
         RETURNING sequence \\gset\n\
         INSERT INTO journal SELECT '{org}', :sequence, gen_random_uuid(), now(), 'user', '{org}', 'bench', 'risk.created', 'risk', \
         gen_random_uuid(), 1, null, '{{\"title\": \"bench\", \"category\": \"cyber\", \"likelihood\": 3, \"impact\": 4}}', 'bench', true, {zeros}, {zeros}, 1;\n\
         UPDATE journal_heads SET hash = {zeros} WHERE org_id = '{org}';\nCOMMIT;\n"
    )
}

struct Load {
    rate: f64,
    server_ms: f64,
    database_ms: f64,
}

/// CPU ticks of a process and of its children, in milliseconds.
fn cpu(pids: &[u32]) -> f64 {
    let ticks = pids.iter().filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    });
    ticks.sum::<f64>() * 10.0
}

fn children(pid: u32) -> Vec<u32> {
    let text = output(Command::new("pgrep").args(["-P", &pid.to_string()])).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn wrk(server: &Server, token: &str, path: &str, seconds: u32, body: Option<&str>, folder: &Path) -> Result<Load> {
    let script = folder.join("request.lua");
    let lua = match body {
        Some(body) => {
            format!("wrk.method = 'POST'\nwrk.body = '{body}'\nwrk.headers['Content-Type'] = 'application/json'\n")
        }
        None => String::new(),
    };
    fs::write(&script, format!("{lua}wrk.headers['Authorization'] = 'Bearer {token}'\n"))?;
    let url = format!("{}/api/v1{path}", server.base);
    let script = script.display().to_string();
    let load = |seconds: u32| {
        output(Command::new("wrk").args([
            "-t1",
            &format!("-c{CLIENTS}"),
            &format!("-d{seconds}s"),
            "-s",
            &script,
            &url,
        ]))
    };
    load(1)?;
    let server_pid = [server.child.id()];
    let mut database = children(server.child.id());
    for postmaster in database.clone() {
        database.extend(children(postmaster));
    }
    let (server_before, database_before) = (cpu(&server_pid), cpu(&database));
    let text = load(seconds)?;
    let (server_ms, database_ms) = (cpu(&server_pid) - server_before, cpu(&database) - database_before);
    if text.contains("Non-2xx") {
        bail!("{path} answered errors: {text}");
    }
    let number = |label: &str| -> Result<f64> {
        let line = text.lines().find(|line| line.contains(label)).context("wrk said nothing of it")?;
        line.split_whitespace().find_map(|word| word.parse().ok()).context("no number")
    };
    let requests = number("requests in")?;
    Ok(Load { rate: number("Requests/sec:")?, server_ms: server_ms / requests, database_ms: database_ms / requests })
}

fn pgbench(url: &str, folder: &Path, sql: &str, seconds: u32) -> Result<f64> {
    // The role is set once for each connection, as in the service.
    let plain = folder.join("plain.sql");
    fs::write(&plain, sql)?;
    let text = output(
        Command::new(program("pgbench")?)
            .args(["-n", "-M", "prepared", "-c", CLIENTS, "-j", "1", "-T", &seconds.to_string(), "-f"])
            .arg(&plain)
            .arg(url)
            .env("PGOPTIONS", "-c role=grc_app"),
    )?;
    let line = text.lines().find(|line| line.starts_with("tps")).context("pgbench said no tps")?;
    line.split_whitespace().nth(2).and_then(|word| word.parse().ok()).context("no number")
}

fn memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).context("no VmRSS")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).context("no number")?;
    Ok(kilobytes / 1024)
}
