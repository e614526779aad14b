//! One self-contained HTML page: inline style and SVG, no script, nothing loaded from elsewhere.

use std::fmt::Write;

use super::{chart, escape};
use crate::snapshot::{ComplianceSnapshot, Counts, FindingRow, Generation, SCORE_FORMULA};

/// The page of a compliance summary.
pub fn page(snapshot: &ComplianceSnapshot, generation: &Generation) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{}</title><style>{STYLE}</style></head><body><main>",
        escape(&snapshot.title)
    );
    cover(&mut out, snapshot, generation);
    out.push_str(
        "<nav aria-label=\"Contents\"><h2>Contents</h2><ol><li><a href=\"#result\">Result</a></li><li><a href=\"#families\">By family</a></li>\
         <li><a href=\"#severity\">Open gaps by severity</a></li><li><a href=\"#evidence\">Evidence</a></li>\
         <li><a href=\"#findings\">Findings</a></li><li><a href=\"#method\">Method</a></li><li><a href=\"#sign\">Sign-off</a></li></ol></nav>",
    );
    result(&mut out, snapshot);
    families(&mut out, snapshot);
    severity(&mut out, snapshot);
    evidence(&mut out, snapshot);
    findings(&mut out, snapshot);
    method(&mut out, snapshot, generation);
    out.push_str("</main></body></html>\n");
    out
}

fn fact(out: &mut String, name: &str, value: &str) {
    let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(value));
}

fn day(at: Option<&String>) -> String {
    at.map_or_else(|| "–".to_owned(), |at| at.chars().take(10).collect())
}

fn cover(out: &mut String, s: &ComplianceSnapshot, generation: &Generation) {
    let _ = write!(
        out,
        "<header><p class=\"kind\">Compliance summary</p><h1>{}</h1><dl class=\"facts\">",
        escape(&s.title)
    );
    fact(out, "Organization", &s.organization);
    fact(out, "Framework", &format!("{} {}", s.framework, s.framework_version));
    fact(out, "Assessment", &s.assessment);
    fact(out, "Period", &format!("{} to {}", day(s.started_at.as_ref()), day(s.completed_at.as_ref())));
    if let Some(baseline) = &s.baseline {
        fact(out, "Baseline", baseline);
    }
    fact(out, "Status", &s.status.replace('_', " "));
    fact(out, "Generated", &generation.at);
    out.push_str("</dl>");
    if let Some(scope) = &s.scope {
        let _ = write!(out, "<p class=\"scope\"><strong>Scope.</strong> {}</p>", escape(scope));
    }
    let _ = write!(
        out,
        "<p class=\"digest\">Data snapshot SHA-256 <code>{}</code></p></header>",
        escape(&generation.digest)
    );
}

fn percent(score: Option<f64>) -> String {
    score.map_or_else(|| "–".to_owned(), |score| format!("{score:.1} %"))
}

fn result(out: &mut String, s: &ComplianceSnapshot) {
    let c = &s.counts;
    let _ = write!(
        out,
        "<section id=\"result\"><h2>Result</h2><div class=\"result\">{}<div><p class=\"lead\">",
        chart::ring(c)
    );
    let _ = match c.score {
        Some(score) => write!(
            out,
            "{score:.1} % of what applies is met. Of {} controls in scope, {} pass, {} pass in part, {} fail and {} do not apply.",
            s.controls_total, c.pass, c.partial, c.fail, c.not_applicable
        ),
        None => write!(out, "No control has been judged yet of {} in scope.", s.controls_total),
    };
    out.push_str("</p>");
    counts_table(out, c);
    out.push_str("</div></div></section>");
}

fn counts_table(out: &mut String, c: &Counts) {
    let _ = write!(
        out,
        "<table class=\"counts\"><tbody><tr><th class=\"pass\">Pass</th><td>{}</td></tr><tr><th class=\"partial\">Partial</th><td>{}</td></tr>\
         <tr><th class=\"fail\">Fail</th><td>{}</td></tr><tr><th class=\"not_applicable\">Not applicable</th><td>{}</td></tr></tbody></table>",
        c.pass, c.partial, c.fail, c.not_applicable
    );
}

fn families(out: &mut String, s: &ComplianceSnapshot) {
    let _ = write!(out, "<section id=\"families\"><h2>By family</h2>{}", chart::families(&s.by_family));
    out.push_str(
        "<table><thead><tr><th>Family</th><th class=\"n\">Pass</th><th class=\"n\">Partial</th><th class=\"n\">Fail</th>\
         <th class=\"n\">N/A</th><th class=\"n\">Score</th></tr></thead><tbody>",
    );
    for family in &s.by_family {
        let c = &family.counts;
        let _ = write!(
            out,
            "<tr><td><strong>{}</strong> {}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&family.id),
            escape(&family.title),
            c.pass,
            c.partial,
            c.fail,
            c.not_applicable,
            percent(c.score)
        );
    }
    out.push_str("</tbody></table></section>");
}

fn severity(out: &mut String, s: &ComplianceSnapshot) {
    out.push_str("<section id=\"severity\"><h2>Open gaps by severity</h2><ul class=\"tiles\">");
    for (severity, count) in &s.by_severity {
        let _ = write!(out, "<li class=\"{0}\"><span>{count}</span>{0}</li>", escape(severity));
    }
    out.push_str("</ul><p class=\"note\">Failing and partial findings; findings that pass have no gap.</p></section>");
}

fn evidence(out: &mut String, s: &ComplianceSnapshot) {
    let _ = write!(
        out,
        "<section id=\"evidence\"><h2>Evidence</h2><p>{} findings cite evidence, {} cite none.</p>",
        s.with_evidence, s.without_evidence
    );
    if !s.files.is_empty() {
        out.push_str(
            "<table><thead><tr><th>File</th><th>Collected</th><th>Cited for</th><th>SHA-256</th></tr></thead><tbody>",
        );
        for file in &s.files {
            let _ = write!(
                out,
                "<tr><td>{}</td><td class=\"date\">{}</td><td>{}</td><td><code>{}</code></td></tr>",
                escape(&file.filename),
                escape(&file.collected_at.chars().take(10).collect::<String>()),
                escape(&file.controls.join(", ")),
                escape(&file.sha256)
            );
        }
        out.push_str("</tbody></table>");
    }
    out.push_str("</section>");
}

fn findings(out: &mut String, s: &ComplianceSnapshot) {
    out.push_str("<section id=\"findings\"><h2>Findings</h2>");
    for family in &s.by_family {
        let mut rows: Vec<&FindingRow> = s.findings.iter().filter(|finding| finding.family == family.id).collect();
        // The gaps first; within a verdict the framework's order stays.
        rows.sort_by_key(|finding| {
            ["fail", "partial", "pass", "not_applicable"].iter().position(|v| *v == finding.status)
        });
        let _ = write!(out, "<h3>{} {}</h3>", escape(&family.id), escape(&family.title));
        for finding in rows {
            one_finding(out, finding);
        }
    }
    out.push_str("</section>");
}

fn one_finding(out: &mut String, f: &FindingRow) {
    let _ = write!(
        out,
        "<article class=\"finding\"><h4><span class=\"verdict {0}\">{1}</span> {2} <em>{3}</em></h4><p>{4}</p><p class=\"meta\">",
        escape(&f.status),
        escape(&f.status.replace('_', " ")),
        escape(&f.control_ref),
        escape(&f.title),
        escape(&f.rationale)
    );
    let _ = write!(
        out,
        "Severity {} · confidence {:.0} % · judged by {}",
        escape(&f.severity),
        f.confidence * 100.0,
        escape(&f.evaluated_by)
    );
    for (name, value) in [("owner", &f.owner), ("due", &f.due_date), ("remediation", &f.remediation)] {
        if let Some(value) = value {
            let _ = write!(out, " · {name}: {}", escape(value));
        }
    }
    if !f.cited.is_empty() {
        let _ = write!(out, " · cites {}", escape(&f.cited.join(", ")));
    }
    if f.needs_review {
        out.push_str(" · <strong>needs review</strong>");
    }
    out.push_str("</p></article>");
}

fn method(out: &mut String, s: &ComplianceSnapshot, generation: &Generation) {
    let _ = write!(
        out,
        "<section id=\"method\"><h2>Method</h2><p>Each control in scope was judged once, by the {} evaluator or by a person, from the controls that the \
         organization runs and the evidence attached to them. Evidence that was rejected in review, is past its validity or older than a year does not count.</p>\
         <p class=\"formula\">{}</p><p>Exceptions: none are recorded.</p></section>",
        escape(&s.evaluator),
        SCORE_FORMULA
    );
    let _ = write!(
        out,
        "<section id=\"sign\"><h2>Sign-off</h2><table class=\"sign\"><thead><tr><th>Role</th><th>Name</th><th>Date</th><th>Signature</th></tr></thead>\
         <tbody><tr><td>Assessor</td><td></td><td></td><td></td></tr><tr><td>Control owner</td><td></td><td></td><td></td></tr>\
         <tr><td>Management</td><td></td><td></td><td></td></tr></tbody></table></section>\
         <footer><p>Generated {} by Sovereign GRC {} from data snapshot {}.</p></footer>",
        escape(&generation.at),
        escape(&generation.version),
        escape(&generation.digest)
    );
}

const STYLE: &str = "
:root{--ink:#1d2430;--soft:#5c6675;--line:#dde2ea;--paper:#fff;--tint:#f5f7fa;--accent:#1f4e8c}
*{box-sizing:border-box}
body{margin:0;background:var(--tint);color:var(--ink);font:15px/1.55 system-ui,'Segoe UI','Noto Sans','DejaVu Sans',sans-serif;overflow-wrap:anywhere}
main{max-width:900px;margin:24px auto;padding:48px 56px;background:var(--paper);border:1px solid var(--line);border-radius:6px}
h1{font-size:30px;line-height:1.2;margin:4px 0 20px}
h2{font-size:20px;margin:40px 0 12px;padding-bottom:6px;border-bottom:2px solid var(--accent)}
h3{font-size:16px;margin:28px 0 8px}
h4{font-size:15px;margin:0 0 4px;font-weight:600}
h4 em{font-style:normal;font-weight:400}
.kind{margin:0;color:var(--accent);font-weight:600;letter-spacing:.06em;text-transform:uppercase;font-size:12px}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:10px 24px;margin:0}
dt{color:var(--soft);font-size:12px}dd{margin:0;font-weight:500}
.digest,.note,.meta,footer{color:var(--soft);font-size:12.5px}
code{font:12px/1.4 ui-monospace,'DejaVu Sans Mono',monospace}
nav ol{columns:2;margin:0;padding-left:20px}a{color:var(--accent)}
.result{display:flex;gap:36px;align-items:center;flex-wrap:wrap}
.result>div{flex:1;min-width:260px}.lead{font-size:17px;margin-top:0}
.ring{width:200px;height:200px;flex:none}.ring .track{fill:none;stroke:var(--line);stroke-width:26}
.ring text{text-anchor:middle}.ring .big{font-size:34px;font-weight:700;fill:var(--ink)}.ring .unit{font-size:13px;fill:var(--soft)}
.chart{width:100%;height:auto;margin:8px 0 20px}
.chart .label{text-anchor:end;font-size:12px;fill:var(--ink)}.chart .inside{text-anchor:middle;font-size:11px;fill:#fff;font-weight:600}
.chart .score{font-size:12px;fill:var(--soft)}.chart .key{font-size:12px;fill:var(--soft)}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{text-align:left;vertical-align:top;padding:6px 10px;border-bottom:1px solid var(--line)}
thead th{background:var(--tint);font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums}.date{white-space:nowrap}
.counts{width:auto}.counts th{font-weight:500;padding-left:14px;border-left:5px solid}
th.pass{border-left-color:#009e73}th.partial{border-left-color:#e69f00}th.fail{border-left-color:#d55e00}th.not_applicable{border-left-color:#b9bec7}
.tiles{list-style:none;display:flex;gap:12px;padding:0;margin:0;flex-wrap:wrap}
.tiles li{flex:1;min-width:100px;padding:10px 14px;border:1px solid var(--line);border-top:4px solid var(--soft);border-radius:4px;text-transform:capitalize;color:var(--soft)}
.tiles span{display:block;font-size:26px;font-weight:700;color:var(--ink)}
.tiles .critical{border-top-color:#7b1e3a}.tiles .high{border-top-color:#d55e00}.tiles .medium{border-top-color:#e69f00}.tiles .low{border-top-color:#56b4e9}
.finding{padding:10px 0 8px;border-bottom:1px solid var(--line)}.finding p{margin:4px 0}
.verdict{display:inline-block;min-width:64px;padding:1px 8px;border-radius:3px;font-size:12px;text-align:center;border:1px solid;text-transform:capitalize}
.verdict.pass{color:#00674b;background:#e5f5f0;border-color:#9fd8c6}.verdict.partial{color:#7a5200;background:#fdf3df;border-color:#f0cf8c}
.verdict.fail{color:#9c3c00;background:#fbe9df;border-color:#efb690}.verdict.not_applicable{color:#4a5260;background:#eef0f3;border-color:#c9ced6}
.formula{padding:10px 14px;background:var(--tint);border-left:3px solid var(--accent)}.sign td{height:44px}
@page{size:A4;margin:18mm 16mm}
@media print{body{background:#fff;font-size:11pt}main{border:0;margin:0;padding:0;max-width:none}section{break-inside:auto}h2,h3{break-after:avoid}
.finding,tr,.chart,.ring{break-inside:avoid}thead{display:table-header-group}nav{break-after:page}a{color:inherit;text-decoration:none}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{CitedFile, Family};

    const NASTY: &str = "<script>alert(1)</script>\"'&]]>\u{0}\u{202e}Ωž";

    fn snapshot() -> ComplianceSnapshot {
        let counts = Counts { pass: 3, partial: 1, fail: 1, not_applicable: 1, score: Some(70.0) };
        let finding = FindingRow {
            control_ref: NASTY.into(),
            title: NASTY.into(),
            family: NASTY.into(),
            status: "fail".into(),
            severity: "high".into(),
            confidence: 0.5,
            rationale: NASTY.into(),
            evaluated_by: "builtin".into(),
            needs_review: true,
            owner: Some(NASTY.into()),
            due_date: Some("2026-05-01".into()),
            remediation: Some(NASTY.into()),
            cited: vec![NASTY.into()],
        };
        ComplianceSnapshot {
            title: NASTY.into(),
            organization: NASTY.into(),
            assessment: NASTY.into(),
            scope: Some(NASTY.into()),
            framework: NASTY.into(),
            counts,
            by_family: vec![Family { id: NASTY.into(), title: NASTY.into(), counts }],
            by_severity: vec![("high".into(), 1)],
            files: vec![CitedFile {
                filename: NASTY.into(),
                sha256: "ab".into(),
                collected_at: "2026".into(),
                controls: vec![NASTY.into()],
            }],
            findings: vec![finding],
            ..ComplianceSnapshot::default()
        }
    }

    fn generation() -> Generation {
        Generation { at: "2026-03-01T12:00:00Z".into(), version: "1".into(), digest: snapshot().digest() }
    }

    #[test]
    fn whatever_a_user_typed_is_text() {
        let html = page(&snapshot(), &generation());
        assert!(!html.contains("<script") && !html.contains('\0'));
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;]]&gt;"));
        assert!(html.contains("Ωž"));
        assert!(!html.contains("src=") && !html.contains("http://") && !html.contains("https://"), "nothing is loaded");
    }

    #[test]
    fn equal_data_has_an_equal_digest_and_equal_bytes() {
        assert_eq!(snapshot().digest(), snapshot().digest());
        assert_eq!(page(&snapshot(), &generation()), page(&snapshot(), &generation()));
        let other = ComplianceSnapshot { controls_total: 9, ..snapshot() };
        assert_ne!(other.digest(), snapshot().digest());
    }
}
