//! A gap analysis: what is missing for each control that does not pass, what it takes, and in which order.
//!
//! Effort is estimated, by a rule that the report states: writing down and running a control takes longest, showing that
//! it runs less, completing what is there least.

use std::collections::{BTreeMap, BTreeSet};

use grc_assessments::{
    Control, Finding,
    finding::{Severity, Verdict},
};
use grc_document::{
    Block, Chart, Data, Document, Fact, Section, Table, Tone, Value,
    num::{coordinate, float},
    value::said,
};
use grc_kernel::{AssessmentId, Ctx, ListQuery, Refusal, Resource};
use grc_uow::Uow;
use time::{Date, Duration};

use super::{
    Frozen, Short, Wanted, beside,
    compliance::{self, Subject, tone},
    count, cut, name_of, severity, whole,
};

/// What it takes to close a gap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effort {
    Low,
    Medium,
    High,
}

impl Effort {
    const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// One gap.
struct Gap<'a> {
    finding: &'a Finding,
    effort: Effort,
    missing: String,
    /// What the same fix would close elsewhere.
    closes: Vec<String>,
}

pub(super) async fn load(
    ctx: &Ctx,
    uow: &mut Uow,
    id: AssessmentId,
    wanted: &Wanted,
    query: ListQuery,
    short: &mut Short,
) -> Result<Frozen, Refusal> {
    let subject = compliance::subject(ctx, uow, id, query).await?;
    let controls = beside::<Control, _>(ctx, uow.assessments(), &whole(Control::LIST), short).await?;
    let (today, wanted) = (ctx.now.date(), wanted.clone());
    Ok(Box::new(move || Ok(compose(&subject, &controls, today, &wanted))))
}

fn compose(subject: &Subject, controls: &[Control], today: Date, wanted: &Wanted) -> Document {
    let mut by_requirement: BTreeMap<&str, Vec<&Control>> = BTreeMap::new();
    for control in controls {
        for requirement in &control.requirements {
            by_requirement.entry(requirement).or_default().push(control);
        }
    }
    let open = |finding: &&Finding| matches!(finding.status, Verdict::Fail | Verdict::Partial);
    let mut gaps: Vec<Gap<'_>> =
        subject.findings.iter().filter(open).map(|finding| gap(finding, &by_requirement)).collect();
    let rank = |severity: Severity| Severity::ALL.iter().position(|other| *other == severity);
    gaps.sort_by_key(|gap| (rank(gap.finding.severity), gap.effort));
    let mut document = compliance::opening(subject, wanted, "Gap analysis");
    document.sections = vec![
        overview(subject, &gaps),
        families(&gaps),
        priorities(&gaps),
        roadmap(subject, &gaps, today),
        table(subject, &gaps),
        method(),
    ];
    document
}

fn gap<'a>(finding: &'a Finding, controls: &BTreeMap<&str, Vec<&Control>>) -> Gap<'a> {
    let name = format!("{}:{}", finding.framework_key, finding.control_ref);
    let linked = controls.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
    let bare: Vec<&str> =
        linked.iter().filter(|control| control.evidence.0.is_empty()).map(|control| control.name.as_str()).collect();
    let (effort, missing) = if linked.is_empty() {
        (Effort::High, "No implemented control is linked to it.".to_owned())
    } else if !bare.is_empty() {
        (Effort::Medium, format!("No evidence is attached to: {}.", bare.join(", ")))
    } else if finding.citations.is_empty() {
        (Effort::Medium, "The evidence attached does not show it.".to_owned())
    } else {
        (Effort::Low, "The evidence shows it in part.".to_owned())
    };
    let others = linked.iter().flat_map(|control| &control.requirements).filter(|other| **other != name);
    let closes: BTreeSet<String> = others.cloned().collect();
    Gap { finding, effort, missing, closes: closes.into_iter().collect() }
}

fn overview(subject: &Subject, gaps: &[Gap<'_>]) -> Section {
    let fails = gaps.iter().filter(|gap| gap.finding.status == Verdict::Fail).count();
    let grave = gaps.iter().filter(|gap| matches!(gap.finding.severity, Severity::Critical | Severity::High)).count();
    let ownerless = gaps.iter().filter(|gap| gap.finding.owner_id.is_none()).count();
    let score = Value::maybe(subject.summary.counts.score(), Value::percent);
    Section::new("overview", "Overview")
        .with(Block::Figures(vec![
            Fact::new("gaps", "Gaps", count(gaps.len())),
            Fact::new("fails", "Not met at all", count(fails)),
            Fact::new("grave", "Critical or high", count(grave)),
            Fact::new("ownerless", "Without an owner", count(ownerless)),
            Fact::new("score", "Score", score),
        ]))
        .with(Block::Lead(format!(
            "{} of {} controls in scope are not met or met in part; {fails} of them are not met at all, {grave} are critical or high.",
            gaps.len(),
            subject.assessment.controls_total
        )))
}

fn families(gaps: &[Gap<'_>]) -> Section {
    let mut rows: BTreeMap<(&str, &str), [i64; 2]> = BTreeMap::new();
    for gap in gaps {
        let [partial, fail] = rows.entry((&gap.finding.family, &gap.finding.family_title)).or_default();
        *(if gap.finding.status == Verdict::Fail { fail } else { partial }) += 1;
    }
    let bars = rows.iter().map(|((id, title), n)| {
        let [partial, fail] = n;
        (format!("{id} {title}").trim().to_owned(), n.map(coordinate).to_vec(), (partial + fail).to_string())
    });
    let series = [("Partial", Tone::Fair), ("Fail", Tone::Bad)].map(|(name, tone)| (name.to_owned(), tone.ink()));
    let data = Data::Bars { series: series.to_vec(), rows: bars.collect() };
    let columns = [("family", "Family"), ("title", "Title"), ("partial", "Partial"), ("fail", "Fail")];
    let table = Table::new("by_family", "", &columns).strong("family").or_else("There are no gaps.").rows(
        rows.iter().map(|((id, title), [partial, fail])| {
            vec![Value::text(*id), Value::text(*title), Value::Int(*partial), Value::Int(*fail)]
        }),
    );
    let section = Section::new("families", "Gaps by family");
    let chart =
        Chart::new("by_family", "Gaps by family", "How many controls of each family fail or pass in part", data);
    if gaps.is_empty() { section.table(table) } else { section.chart(chart).table(table) }
}

fn priorities(gaps: &[Gap<'_>]) -> Section {
    // The gravest on top: the severities, the last first.
    let levels: Vec<Severity> = Severity::ALL.iter().rev().copied().collect();
    let mut discs = Vec::new();
    let mut rows = Vec::new();
    for (up, level) in levels.iter().enumerate() {
        for (across, effort) in Effort::ALL.iter().enumerate() {
            let n = gaps.iter().filter(|gap| gap.finding.severity == *level && gap.effort == *effort).count();
            if n > 0 {
                discs.push((across, up, float(n), Tone::of_severity(level.as_str()).ink()));
                rows.push(vec![severity(level.as_str()), Value::word(effort.word()), count(n)]);
            }
        }
    }
    rows.reverse();
    let data = Data::Bubbles {
        across: ("Effort".to_owned(), Effort::ALL.map(|effort| said(effort.word())).to_vec()),
        up: ("Severity".to_owned(), levels.iter().map(|level| said(level.as_str())).collect()),
        discs,
    };
    let alt = "How many gaps there are of each severity and effort; those at the top left come first";
    let columns = [("severity", "Severity"), ("effort", "Effort"), ("gaps", "Gaps")];
    let table = Table::new("priorities", "", &columns).or_else("There are no gaps.").rows(rows);
    let section = Section::new("priorities", "Effort and impact");
    let chart = Chart::new("priorities", "Effort and severity of gaps", alt, data);
    if gaps.is_empty() { section.table(table) } else { section.chart(chart).table(table) }
}

fn roadmap(subject: &Subject, gaps: &[Gap<'_>], today: Date) -> Section {
    let step = |gap: &Gap<'_>| match gap.finding.due_date {
        None => (4, "Without a date"),
        Some(due) if due < today => (0, "Overdue"),
        Some(due) if due <= today.saturating_add(Duration::days(30)) => (1, "Within 30 days"),
        Some(due) if due <= today.saturating_add(Duration::days(90)) => (2, "Within 90 days"),
        Some(_) => (3, "Later"),
    };
    let mut ordered: Vec<&Gap<'_>> = gaps.iter().collect();
    ordered.sort_by_key(|gap| (step(gap).0, gap.finding.due_date));
    let columns = [
        ("step", "Step"),
        ("due_date", "Due"),
        ("control_ref", "Control"),
        ("title", ""),
        ("severity", "Severity"),
        ("effort", "Effort"),
        ("owner", "Owner"),
    ];
    let table = Table::new("roadmap", "", &columns)
        .grouped("step")
        .strong("control_ref")
        .under("control_ref", &["title"])
        .or_else("There is nothing to do.")
        .rows(ordered.into_iter().map(|gap| {
            vec![
                Value::text(step(gap).1),
                Value::maybe(gap.finding.due_date, Value::Date),
                Value::text(gap.finding.control_ref.as_str()),
                Value::text(gap.finding.control_title.as_str()),
                severity(gap.finding.severity.as_str()),
                Value::word(gap.effort.word()),
                name_of(&subject.owners, gap.finding.owner_id),
            ]
        }));
    Section::new("roadmap", "Roadmap").table(table)
}

fn table(subject: &Subject, gaps: &[Gap<'_>]) -> Section {
    let columns = [
        ("control_ref", "Control"),
        ("title", ""),
        ("status", "State"),
        ("lifecycle", ""),
        ("severity", "Risk"),
        ("effort", "Effort"),
        ("rationale", "What is missing"),
        ("missing", "Evidence"),
        ("remediation", "Remediation"),
        ("closes", "The same fix helps"),
        ("owner", "Owner"),
        ("due_date", "Target"),
    ];
    let rows = gaps.iter().map(|gap| {
        let finding = gap.finding;
        vec![
            Value::text(finding.control_ref.as_str()),
            Value::text(finding.control_title.as_str()),
            Value::Word(finding.status.as_str().to_owned(), tone(finding.status)),
            Value::word(finding.lifecycle.as_str()),
            severity(finding.severity.as_str()),
            Value::word(gap.effort.word()),
            Value::text(finding.rationale.as_str()),
            Value::text(gap.missing.as_str()),
            Value::maybe(finding.remediation_notes.as_ref(), |notes| Value::text(notes.as_str())),
            Value::List(gap.closes.clone()),
            name_of(&subject.owners, finding.owner_id),
            Value::maybe(finding.due_date, Value::Date),
        ]
    });
    let table = Table::new("gaps", "", &columns)
        .strong("control_ref")
        .under("control_ref", &["title"])
        .under("status", &["lifecycle"])
        .under("severity", &["effort"])
        .under("rationale", &["missing", "remediation", "closes"])
        .under("owner", &["due_date"])
        .or_else("There are no gaps.")
        .rows(rows);
    cut(Section::new("gaps", "Gaps").table(table), subject.more)
}

fn method() -> Section {
    Section::new("method", "Method")
        .text("A gap is a control in scope whose finding fails or passes in part. Its risk is the severity of the finding.")
        .with(Block::Rule(
            "effort: high where no implemented control is linked to the requirement, medium where evidence is missing or shows \
             nothing of it, low where it shows it in part"
                .to_owned(),
        ))
        .text(
            "The same fix helps where an implemented control that is linked to the gap is linked to further requirements, of \
             this framework or of another.",
        )
        .with(Block::Rule(compliance::SCORE.to_owned()))
}
