//! A document with everything in it, for the tests of the crates that draw documents, and for measuring them.

use time::macros::date;

use crate::{
    Block, Chart, Column, Data, Document, Fact, Ink, Section, Table, Tone, Value,
    chart::{Cell, Curve, End, Grid, Link, Scale, Span, Swing, Vertex},
};

/// Text that wants to be more than text.
pub const HOSTILE: &str = "=HYPERLINK(\"http://evil.example\")<script>alert('1')</script>&]]>\u{0}\u{202e}";
/// A word that fits in no cell.
pub const LONG: &str = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";
/// Names of people and places that are not written in plain Latin.
pub const NAMES: &str = "Ελένη Παπαδοπούλου · Сергій Їжакевич · Zoë Łukasiewicz-Çelik · Nguyễn Thị Hằng · Գոհար · 漢字";

/// A document with so many findings.
pub fn document(findings: usize) -> Document {
    let tones = [("pass", Tone::Good), ("partial", Tone::Fair), ("fail", Tone::Bad), ("not_applicable", Tone::Plain)];
    let columns = [
        ("family", "Family"),
        ("control_ref", "Control"),
        ("title", ""),
        ("status", "Verdict"),
        ("severity", "Severity"),
        ("confidence", "Confidence"),
        ("rationale", "Rationale"),
        ("remediation", "Remediation"),
        ("owner", "Owner"),
        ("due_date", "Due"),
    ];
    let rows = (0..findings).map(|i| {
        let (word, tone) = tones.get(i % tones.len()).copied().unwrap_or(("pass", Tone::Good));
        let severity = ["critical", "high", "medium", "low"].get(i % 4).copied().unwrap_or("low");
        vec![
            Value::Text(format!("AC-{} Access control, part {}", i / 25, i / 25)),
            Value::Text(format!("AC-{}({})", i / 25, i % 25 + 1)),
            Value::text(if i % 7 == 0 { "Session termination after a defined period of inactivity" } else { "Account management" }),
            Value::Word(word.to_owned(), tone),
            Value::Word(severity.to_owned(), Tone::of_severity(severity)),
            Value::number(0.25 + 0.5 / (1.0 + crate::num::float(i % 9)), 2),
            Value::text(match i % 5 {
                0 => "Two of three procedures name who approves an account; the third (https://wiki.example.org/it-security/account-management/procedures/2026) does not.",
                1 => HOSTILE,
                2 => NAMES,
                3 => LONG,
                _ => "Evidence is fresh and approved.",
            }),
            if i % 3 == 0 { Value::text("Name the approver; review in the next quarter.") } else { Value::None },
            if i % 2 == 0 { Value::text("Zoë Łukasiewicz") } else { Value::None },
            if i % 2 == 0 { Value::Date(date!(2026 - 06 - 30)) } else { Value::None },
        ]
    });
    let table = Table::new("findings", "Findings", &columns)
        .strong("control_ref")
        .under("control_ref", &["title"])
        .under("severity", &["confidence"])
        .under("rationale", &["remediation"])
        .under("owner", &["due_date"])
        .grouped("family")
        .rows(rows);
    let counts = Table::new("counts", "", &[("name", "Name"), ("count", "Count"), ("share", "Share")]).rows([
        vec![Value::text("Pass"), Value::Int(1_014), Value::percent(45.35)],
        vec![Value::text(HOSTILE), Value::Int(-7), Value::None],
    ]);
    let figures = vec![
        Fact::new("score", "Score", Value::percent(45.3)),
        Fact::new("controls", "Controls in scope", Value::Int(1_014)),
        Fact::new("worst", "Worst open gap", Value::Word("critical".into(), Tone::Grave)),
        Fact::new("loss", "Expected annual loss", Value::number(1_605_830.5, 0)),
    ];
    Document {
        kind: "compliance_summary".into(),
        title: "Compliance summary: NIST SP 800-53 at Ελληνική Τράπεζα Ελλάδος".into(),
        organization: "Ελληνική Τράπεζα & Söhne <AG>".into(),
        facts: vec![
            Fact::new("framework", "Framework", Value::text("NIST SP 800-53 r5")),
            Fact::new("period", "Period", Value::text("2026-01-01 to 2026-06-30")),
            Fact::new("long", "Long name", Value::text(LONG)),
            Fact::new("people", "People", Value::text(NAMES)),
        ],
        sections: vec![
            Section::new("result", "Result")
                .with(Block::Figures(figures))
                .with(Block::Lead("45.3 % of what applies is met.".into()))
                .text(format!("{NAMES} {LONG} {HOSTILE}"))
                .chart(ring())
                .table(counts),
            Section::new("families", "By family").chart(bars()).chart(lines()),
            Section::new("pictures", "Pictures").chart(heat()).chart(bubbles()).chart(swings()),
            Section::new("graph", "Dependencies").within().chart(graph()).chart(spans()).chart(bow_tie()),
            Section::new("findings", "Findings").table(table),
            Section::new("method", "Method")
                .with(Block::Rule("score = (pass + 0.5 x partial) / (pass + partial + fail)".into()))
                .with(Block::Points(vec!["Each control is judged once.".into(), NAMES.into()]))
                .with(Block::Facts(vec![Fact::new("by", "Judged by", Value::word("builtin"))]))
                .table(
                    Table::new("exceptions", "Exceptions", &[("name", "Name")]).or_else("No exceptions are recorded."),
                )
                .with(Block::SignOff(vec!["Assessor".into(), "Management".into()]))
                .note("Nothing here is advice."),
        ],
    }
}

/// The columns of a table, for whoever checks a rendering against it.
pub fn labels(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|column: &Column| column.label.as_str()).collect()
}

fn ring() -> Chart {
    let parts = [
        ("Pass", Tone::Good, 430.0),
        ("Partial", Tone::Fair, 59.0),
        ("Fail", Tone::Bad, 500.0),
        ("Not applicable", Tone::Plain, 25.0),
    ];
    let parts = parts.map(|(name, tone, value)| (name.to_owned(), tone.ink(), value)).to_vec();
    Chart::new(
        "verdicts",
        "Verdicts",
        "430 pass, 59 partial, 500 fail, 25 not applicable",
        Data::Ring { parts, middle: ("45.3 %".into(), "score".into()) },
    )
}

fn bars() -> Chart {
    let series =
        vec![("Pass".into(), Tone::Good.ink()), ("Partial".into(), Tone::Fair.ink()), ("Fail".into(), Tone::Bad.ink())];
    let row = |i: u8| {
        (
            format!("F{i} {}", if i == 3 { LONG } else { "Access control" }),
            vec![f64::from(i * 3), f64::from(i % 4), f64::from(9 - i)],
            "45.3 %".to_owned(),
        )
    };
    Chart::new(
        "families",
        "Verdicts by family",
        "Bars by family",
        Data::Bars { series, rows: (1..9).map(row).collect() },
    )
}

fn lines() -> Chart {
    let points = (1..40).map(|i| (10_f64.powf(f64::from(i) / 8.0), 1.0 / (1.0 + f64::from(i) / 6.0))).collect();
    let curve = Curve { name: "Loss exceedance".into(), ink: Ink::ACCENT, points, steps: false };
    let other = Curve {
        name: "Appetite".into(),
        ink: Tone::Bad.ink(),
        points: vec![(100.0, 0.9), (10_000.0, 0.2), (50_000.0, 0.05)],
        steps: true,
    };
    let data = Data::Lines {
        across: ("Annual loss".into(), Scale::Log),
        up: ("Probability".into(), Scale::Share),
        curves: vec![curve, other],
        marks: vec![("VaR 95".into(), 40_000.0)],
    };
    Chart::new("exceedance", "Loss exceedance", "A falling curve", data)
}

fn heat() -> Chart {
    let labels = |names: [&str; 5]| names.map(str::to_owned).to_vec();
    let cells = |shift: i64| {
        (0..25_usize)
            .map(|i| {
                let (across, up) = (i % 5, i / 5);
                let tone = match (across + 1) * (up + 1) {
                    1..=4 => Tone::Good,
                    5..=9 => Tone::Fair,
                    10..=16 => Tone::Bad,
                    _ => Tone::Grave,
                };
                Cell { across, up, ink: tone.ink(), count: (i64::try_from(i).unwrap_or(0) * 7 + shift) % 5 }
            })
            .collect::<Vec<_>>()
    };
    let moves = vec![((4, 4), (2, 1), 12), ((3, 2), (3, 1), 1), ((0, 4), (0, 0), 3)];
    let panels = vec![
        Grid { title: "Inherent".into(), cells: cells(1), moves: Vec::new() },
        Grid { title: "Residual".into(), cells: cells(3), moves },
    ];
    let across = ("Impact".into(), labels(["Negligible", "Minor", "Moderate", "Major", "Catastrophic"]));
    let up = ("Likelihood".into(), labels(["Rare", "Unlikely", "Possible", "Likely", "Almost certain"]));
    Chart::new("heat", "Heat maps", "Two grids", Data::Grids { across, up, panels })
}

fn bubbles() -> Chart {
    let across = ("Effort".into(), ["Low", "Medium", "High"].map(str::to_owned).to_vec());
    let up = ("Severity".into(), ["Low", "Medium", "High", "Critical"].map(str::to_owned).to_vec());
    let discs = vec![(0, 0, 3.0, Tone::Mild.ink()), (2, 3, 40.0, Tone::Grave.ink()), (1, 2, 12.0, Tone::Bad.ink())];
    Chart::new("effort", "Effort and severity", "Discs", Data::Bubbles { across, up, discs })
}

fn swings() -> Chart {
    let row = |label: &str, low: f64, high: f64| Swing { label: label.into(), low, high };
    let rows = vec![
        row("Loss magnitude", 40_000.0, 420_000.0),
        row("Threat event frequency", 90_000.0, 260_000.0),
        row("Vulnerability", 120_000.0, 200_000.0),
    ];
    Chart::new(
        "tornado",
        "What moves the loss",
        "Bars around the mean",
        Data::Swings { base: 160_583.0, unit: "EUR a year".into(), rows },
    )
}

fn graph() -> Chart {
    let names = [
        "Payments",
        "Online banking",
        "Card issuing",
        "Core ledger",
        "Customer database",
        "Mail gateway",
        "Frankfurt data centre",
        "Power",
    ];
    let layers = [3, 3, 3, 2, 1, 1, 0, 0];
    let nodes = names.iter().zip(layers).map(|(name, layer)| Vertex {
        label: (*name).into(),
        layer,
        ink: Ink::ACCENT,
        marked: *name == "Customer database",
    });
    let links = [(0, 3), (1, 3), (2, 3), (1, 4), (3, 4), (0, 5), (4, 6), (5, 6), (6, 7), (2, 7)];
    let links = links.map(|(from, to)| Link { from, to, weak: to == 5 }).to_vec();
    Chart::new(
        "graph",
        "What depends on what",
        "Eight nodes",
        Data::Graph {
            nodes: nodes.collect(),
            links,
            legend: vec![("Process".into(), Ink::ACCENT), ("Single point of failure".into(), Tone::Grave.ink())],
        },
    )
}

fn spans() -> Chart {
    let row = |label: &str, from: f64, to: f64, mark: Option<f64>| Span {
        label: label.into(),
        pieces: vec![(from, to, Ink::ACCENT)],
        mark,
        note: format!("{to} h"),
    };
    let rows = vec![
        row("Customer database", 0.0, 2.0, None),
        row("Core ledger", 2.0, 6.0, Some(4.0)),
        row(LONG, 6.0, 9.0, Some(12.0)),
    ];
    Chart::new(
        "tiers",
        "Recovery",
        "Spans",
        Data::Spans { across: "Hours after the failure".into(), ticks: Vec::new(), legend: Vec::new(), rows },
    )
}

fn bow_tie() -> Chart {
    let end = |label: &str, note: &str, barriers: &[(&str, f64)]| End {
        label: label.into(),
        note: note.into(),
        barriers: barriers.iter().map(|(name, holds)| ((*name).to_owned(), *holds)).collect(),
    };
    let left = vec![
        end("Phishing", "12 a year", &[("Second factor", 0.95), ("Training", 0.4)]),
        end(LONG, "2 a year", &[("Patching", 0.8)]),
    ];
    let right = vec![
        end("Data loss", "0.2 a year", &[("Backups", 0.9)]),
        end("Fines", "0.1 a year", &[]),
        end("Outage", "0.4 a year", &[("Plan", 0.5), ("Insurance", 0.3)]),
    ];
    Chart::new(
        "bow_tie",
        "Bow-tie",
        "Threats and consequences",
        Data::BowTie { event: "Ransomware on file servers".into(), left, right },
    )
}
