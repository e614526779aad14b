//! A compliance summary: where an assessment stands, by family and severity, and what changed since the one before.

use std::collections::{BTreeMap, BTreeSet};

use grc_assessments::{
    Assessment, Finding, assessment,
    finding::{Counts, Summary, Verdict},
    framework::{self, Framework},
};
use grc_document::{
    Block, Chart, Data, Document, Fact, Ink, Section, Table, Tone, Value,
    chart::{Curve, Scale, Series},
    num::{coordinate, float},
};
use grc_evidence::Evidence;
use grc_kernel::{
    AssessmentId, Ctx, EvidenceId, ListQuery, Refusal, Repo, Resource, UserId,
    list::{Scalar, Sort},
    resource::Cell,
};
use grc_uow::Uow;
use time::{Date, Duration};

use super::{Frozen, Short, Wanted, all, beside, count, cut, name_of, names, narrowing, organization, severity, whole};

/// How the score is computed, in words.
pub(super) const SCORE: &str = "score = (pass + 0.5 x partial) / (pass + partial + fail), in percent with one decimal; \
                                what does not apply is left out";
/// How many assessments a trend goes back.
const TREND: usize = 12;

/// What both reports on an assessment are made from.
pub(super) struct Subject {
    pub(super) assessment: Assessment,
    pub(super) summary: Summary,
    pub(super) framework: Framework,
    pub(super) organization: String,
    pub(super) findings: Vec<Finding>,
    pub(super) more: bool,
    pub(super) owners: BTreeMap<UserId, String>,
}

pub(super) async fn subject(ctx: &Ctx, uow: &mut Uow, id: AssessmentId, query: ListQuery) -> Result<Subject, Refusal> {
    let (assessment, summary) = assessment::summary(ctx, uow.assessments(), id).await?;
    let framework = framework::get(uow.assessments(), &[ctx.org], assessment.framework_id).await?;
    let query = query.within("assessment_id", grc_kernel::list::Test::AnyOf(vec![Scalar::Id(id.0)]));
    let (findings, more) = all::<Finding, _>(ctx, uow.assessments(), &query).await?;
    let owners = names(ctx, uow, findings.iter().map(|finding| finding.owner_id)).await?;
    let organization = organization(ctx, uow).await?;
    Ok(Subject { assessment, summary, framework, organization, findings, more, owners })
}

/// An assessment before this one.
struct Earlier {
    name: String,
    day: Date,
    counts: Counts,
}

pub(super) async fn load(
    ctx: &Ctx,
    uow: &mut Uow,
    id: AssessmentId,
    wanted: &Wanted,
    query: ListQuery,
    short: &mut Short,
) -> Result<Frozen, Refusal> {
    let subject = subject(ctx, uow, id, query).await?;
    let files = files(ctx, uow, &subject.findings).await?;
    let (trend, before) = history(ctx, uow, &subject.assessment, short).await?;
    let (today, wanted) = (ctx.now.date(), wanted.clone());
    Ok(Box::new(move || Ok(compose(&subject, &files, &trend, before.as_ref(), today, &wanted))))
}

/// The completed assessments of the same framework up to this one, the earliest first, and what the last of them before
/// it found.
async fn history(
    ctx: &Ctx,
    uow: &mut Uow,
    assessment: &Assessment,
    short: &mut Short,
) -> Result<(Vec<Earlier>, Option<(String, Vec<Finding>)>), Refusal> {
    let mut query = Assessment::LIST
        .query()
        .only("framework_id", vec![Scalar::Id(assessment.framework_id.0)])
        .only("status", vec![Scalar::Text("completed".to_owned())])
        .within("created_at", grc_kernel::list::Test::AtMost(Scalar::Time(assessment.meta.created_at)))
        .limited(TREND);
    if let Some(field) = Assessment::LIST.field("created_at") {
        query.sort = Sort { field, descending: true };
    }
    let found = Repo::<Assessment>::page(uow.assessments(), ctx.org, &query).await?.items;
    let ids: Vec<Scalar> = found.iter().map(|found| Scalar::Id(found.id.0)).collect();
    let mut counts: BTreeMap<AssessmentId, Counts> = BTreeMap::new();
    if !ids.is_empty() {
        let query = Finding::LIST.query().only("assessment_id", ids);
        let groups = Repo::<Finding>::tally(uow.assessments(), ctx.org, &query, &["assessment_id", "status"]).await?;
        for (values, n) in groups {
            if let [Cell::Id(id), Cell::Text(status)] = values.as_slice()
                && let Some(verdict) = Verdict::parse(status)
            {
                counts.entry(AssessmentId(*id)).or_default().add(verdict, n);
            }
        }
    }
    let before = found.iter().find(|found| found.id != assessment.id);
    let before = match before {
        None => None,
        Some(found) => {
            let query = whole(Finding::LIST).only("assessment_id", vec![Scalar::Id(found.id.0)]);
            let findings = beside::<Finding, _>(ctx, uow.assessments(), &query, short).await?;
            Some((found.name.clone(), findings))
        }
    };
    let trend = found.into_iter().rev().map(|found| Earlier {
        day: found.completed_at.unwrap_or(found.meta.created_at).date(),
        counts: counts.remove(&found.id).unwrap_or_default(),
        name: found.name,
    });
    Ok((trend.collect(), before))
}

/// The files that findings cite, and the controls that they are cited for.
async fn files(ctx: &Ctx, uow: &mut Uow, findings: &[Finding]) -> Result<Vec<(Evidence, Vec<String>)>, Refusal> {
    let mut controls: BTreeMap<EvidenceId, BTreeSet<String>> = BTreeMap::new();
    for finding in findings {
        for citation in &finding.citations {
            controls.entry(citation.evidence_id).or_default().insert(finding.control_ref.clone());
        }
    }
    let ids: Vec<EvidenceId> = controls.keys().copied().collect();
    let mut files: Vec<(Evidence, Vec<String>)> = Repo::<Evidence>::find_many(uow.evidence(), ctx.org, &ids)
        .await?
        .into_iter()
        .map(|file| {
            let cited = controls.remove(&file.id).unwrap_or_default().into_iter().collect();
            (file, cited)
        })
        .collect();
    files.sort_by(|a, b| (&a.0.filename, &a.0.sha256).cmp(&(&b.0.filename, &b.0.sha256)));
    Ok(files)
}

fn compose(
    subject: &Subject,
    files: &[(Evidence, Vec<String>)],
    trend: &[Earlier],
    before: Option<&(String, Vec<Finding>)>,
    today: Date,
    wanted: &Wanted,
) -> Document {
    let mut document = opening(subject, wanted, "Compliance summary");
    document.sections = vec![
        result(subject),
        families(subject),
        gaps(subject),
        change(subject, trend, before),
        evidence(subject, files, today),
        exceptions(subject),
        findings(subject),
        method(subject),
    ];
    document
}

/// The cover of a report on an assessment.
pub(super) fn opening(subject: &Subject, wanted: &Wanted, name: &str) -> Document {
    let a = &subject.assessment;
    let period = match (a.started_at, a.completed_at) {
        (Some(from), Some(to)) => format!("{} to {}", from.date(), to.date()),
        (Some(from), None) => format!("since {}", from.date()),
        _ => String::new(),
    };
    let framework = format!("{} {}", subject.framework.name, subject.framework.version);
    let mut facts = vec![
        Fact::new("assessment", "Assessment", Value::text(a.name.as_str())),
        Fact::new("framework", "Framework", Value::text(framework.trim())),
        Fact::new("period", "Period", Value::text(period)),
        Fact::new("status", "Status", Value::word(a.status.as_str())),
        Fact::new("evaluator", "Judged by", Value::word(a.evaluator.as_str())),
        narrowing(&wanted.filters),
    ];
    if let Some(baseline) = &a.baseline {
        facts.push(Fact::new("baseline", "Baseline", Value::text(baseline.as_str())));
    }
    if let Some(scope) = &a.scope {
        facts.push(Fact::new("scope", "Scope", Value::text(scope.chars().take(600).collect::<String>())));
    }
    Document {
        kind: wanted.kind.as_str().to_owned(),
        title: wanted.title.clone().unwrap_or_else(|| format!("{name}: {}", a.name)),
        organization: subject.organization.clone(),
        facts,
        sections: Vec::new(),
    }
}

pub(super) fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Partial => Tone::Fair,
        Verdict::Fail => Tone::Bad,
        Verdict::NotApplicable => Tone::Plain,
    }
}

fn score(counts: &Counts) -> Value {
    Value::maybe(counts.score(), Value::percent)
}

fn result(subject: &Subject) -> Section {
    let counts = subject.summary.counts;
    let parts = [
        ("Pass", Verdict::Pass, counts.pass),
        ("Partial", Verdict::Partial, counts.partial),
        ("Fail", Verdict::Fail, counts.fail),
        ("Not applicable", Verdict::NotApplicable, counts.not_applicable),
    ];
    let lead = match counts.score() {
        Some(score) => format!(
            "{score:.1} % of what applies is met. Of {} controls in scope, {} pass, {} pass in part, {} fail and {} do not apply.",
            subject.assessment.controls_total, counts.pass, counts.partial, counts.fail, counts.not_applicable
        ),
        None => format!("No control has been judged yet of {} in scope.", subject.assessment.controls_total),
    };
    let ring = Data::Ring {
        parts: parts
            .iter()
            .map(|(name, verdict, n)| ((*name).to_owned(), tone(*verdict).ink(), coordinate(*n)))
            .collect(),
        middle: (score(&counts).read(), "score".to_owned()),
    };
    let total = counts.pass + counts.partial + counts.fail + counts.not_applicable;
    let table = Table::new("counts", "", &[("status", "Verdict"), ("count", "Controls"), ("share", "Share")]).rows(
        parts.iter().map(|(_, verdict, n)| {
            let share =
                if total > 0 { Value::percent(coordinate(*n) / coordinate(total) * 100.0) } else { Value::None };
            vec![Value::Word(verdict.as_str().to_owned(), tone(*verdict)), Value::Int(*n), share]
        }),
    );
    Section::new("result", "Result")
        .with(Block::Figures(vec![
            Fact::new("score", "Score", score(&counts)),
            Fact::new("controls_total", "Controls in scope", Value::Int(subject.assessment.controls_total)),
            Fact::new("gaps", "Gaps: fail or partial", Value::Int(counts.fail + counts.partial)),
            Fact::new("needs_review", "To be reviewed by a person", Value::Int(subject.summary.needs_review)),
        ]))
        .with(Block::Lead(lead.clone()))
        .chart(Chart::new("verdicts", "Verdicts", lead, ring))
        .table(table)
}

/// The verdicts of a stacked bar.
pub(super) fn verdicts() -> Vec<Series> {
    [("Pass", Tone::Good), ("Partial", Tone::Fair), ("Fail", Tone::Bad), ("Not applicable", Tone::Plain)]
        .map(|(name, tone)| (name.to_owned(), tone.ink()))
        .to_vec()
}

fn families(subject: &Subject) -> Section {
    let columns = [
        ("family", "Family"),
        ("title", "Title"),
        ("pass", "Pass"),
        ("partial", "Partial"),
        ("fail", "Fail"),
        ("not_applicable", "N/A"),
        ("score", "Score"),
    ];
    let named = |id: &str, title: &str| if title.is_empty() { id.to_owned() } else { format!("{id} {title}") };
    let bars = subject.summary.by_family.iter().map(|family| {
        let c = &family.counts;
        let values = [c.pass, c.partial, c.fail, c.not_applicable].map(coordinate).to_vec();
        (named(&family.family, &family.title), values, score(c).read())
    });
    let chart = Chart::new(
        "by_family",
        "Verdicts by family",
        "How many controls of each family pass, pass in part, fail or do not apply, and the family's score",
        Data::Bars { series: verdicts(), rows: bars.collect() },
    );
    let rows = subject.summary.by_family.iter().map(|family| {
        let c = &family.counts;
        vec![
            Value::text(family.family.as_str()),
            Value::text(family.title.as_str()),
            Value::Int(c.pass),
            Value::Int(c.partial),
            Value::Int(c.fail),
            Value::Int(c.not_applicable),
            score(c),
        ]
    });
    Section::new("families", "By family")
        .chart(chart)
        .table(Table::new("by_family", "", &columns).strong("family").rows(rows))
}

fn gaps(subject: &Subject) -> Section {
    let rows = subject
        .summary
        .by_severity
        .iter()
        .map(|(level, n)| (grc_document::value::said(level.as_str()), vec![coordinate(*n)], n.to_string()));
    let data = Data::Bars { series: vec![("Gaps".to_owned(), Tone::Bad.ink())], rows: rows.collect() };
    let figures = subject.summary.by_severity.iter().map(|(level, n)| {
        Fact::new(&format!("gaps_{}", level.as_str()), &grc_document::value::said(level.as_str()), Value::Int(*n))
    });
    Section::new("severity", "Open gaps by severity")
        .with(Block::Figures(figures.collect()))
        .chart(Chart::new("by_severity", "Gaps by severity", "Failing and partial findings by severity", data))
        .note("Failing and partial findings; findings that pass have no gap.")
}

fn change(subject: &Subject, trend: &[Earlier], before: Option<&(String, Vec<Finding>)>) -> Section {
    let columns = [
        ("assessment", "Assessment"),
        ("completed_on", "Completed"),
        ("score", "Score"),
        ("pass", "Pass"),
        ("partial", "Partial"),
        ("fail", "Fail"),
    ];
    let table = Table::new("trend", "Completed assessments of this framework", &columns)
        .or_else("No assessment of this framework has been completed.")
        .rows(trend.iter().map(|earlier| {
            let c = &earlier.counts;
            let numbers = [c.pass, c.partial, c.fail].map(Value::Int);
            [Value::text(earlier.name.as_str()), Value::Date(earlier.day), score(c)]
                .into_iter()
                .chain(numbers)
                .collect()
        }));
    let mut section = Section::new("change", "Change since the last assessment");
    if trend.len() > 1 {
        let points =
            trend.iter().enumerate().filter_map(|(at, earlier)| Some((float(at), earlier.counts.score()? / 100.0)));
        let curve = Curve { name: "Score".to_owned(), ink: Ink::ACCENT, points: points.collect(), steps: false };
        let names = trend.iter().map(|earlier| earlier.day.to_string()).collect();
        let data = Data::Lines {
            across: ("Completed on".to_owned(), Scale::Named(names)),
            up: ("Score".to_owned(), Scale::Share),
            curves: vec![curve],
            marks: Vec::new(),
        };
        section = section.chart(Chart::new("trend", "Score over time", "The score of each completed assessment", data));
    }
    section = section.table(table);
    let Some((name, earlier)) = before else {
        return section.text("There is no earlier completed assessment of this framework to compare with.");
    };
    let was: BTreeMap<&str, Verdict> =
        earlier.iter().map(|finding| (finding.control_ref.as_str(), finding.status)).collect();
    let moved = subject.findings.iter().filter_map(|finding| {
        let was = *was.get(finding.control_ref.as_str())?;
        (was != finding.status).then(|| {
            vec![
                Value::text(finding.control_ref.as_str()),
                Value::text(finding.control_title.as_str()),
                Value::Word(was.as_str().to_owned(), tone(was)),
                Value::Word(finding.status.as_str().to_owned(), tone(finding.status)),
            ]
        })
    });
    let columns = [("control_ref", "Control"), ("title", "Title"), ("before", "Before"), ("now", "Now")];
    section.text(format!("Compared with «{name}»:")).table(
        Table::new("changed", "Verdicts that changed", &columns)
            .strong("control_ref")
            .or_else("No verdict changed.")
            .rows(moved),
    )
}

fn evidence(subject: &Subject, files: &[(Evidence, Vec<String>)], today: Date) -> Section {
    let (with, without) = (subject.summary.with_evidence, subject.summary.without_evidence);
    let coverage = if with + without > 0 {
        Value::percent(coordinate(with) / coordinate(with + without) * 100.0)
    } else {
        Value::None
    };
    let bands = [
        ("up to 90 days", 0, 90),
        ("91 to 180 days", 91, 180),
        ("181 to 365 days", 181, 365),
        ("over a year", 366, i64::MAX),
    ];
    let age = |file: &Evidence| (today - file.collected_at.date()).max(Duration::ZERO).whole_days();
    let rows = bands.map(|(name, from, to)| {
        let n = files.iter().filter(|(file, _)| (from..=to).contains(&age(file))).count();
        (name.to_owned(), vec![float(n)], n.to_string())
    });
    let chart = Chart::new(
        "evidence_age",
        "Age of the files cited",
        "How many of the files cited were collected how long ago",
        Data::Bars { series: vec![("Files".to_owned(), Ink::ACCENT)], rows: rows.to_vec() },
    );
    let columns = [
        ("filename", "File"),
        ("collected_on", "Collected"),
        ("review", "Review"),
        ("controls", "Cited for"),
        ("sha256", "SHA-256"),
    ];
    let table = Table::new("evidence", "Files cited", &columns)
        .under("controls", &["sha256"])
        .or_else("No finding cites a file.")
        .rows(files.iter().map(|(file, controls)| {
            vec![
                Value::text(file.filename.as_str()),
                Value::Date(file.collected_at.date()),
                Value::word(file.review.as_str()),
                Value::List(controls.clone()),
                Value::maybe(file.sha256.as_ref(), |hash| Value::text(hash.as_str())),
            ]
        }));
    let mut section = Section::new("evidence", "Evidence").with(Block::Figures(vec![
        Fact::new("evidence_coverage", "Findings that cite evidence", coverage),
        Fact::new("with_evidence", "With evidence", Value::Int(with)),
        Fact::new("without_evidence", "Without evidence", Value::Int(without)),
        Fact::new("files", "Files cited", count(files.len())),
    ]));
    if !files.is_empty() {
        section = section.chart(chart);
    }
    section.table(table)
}

fn exceptions(subject: &Subject) -> Section {
    let columns = [
        ("control_ref", "Control"),
        ("title", "Title"),
        ("status", "Verdict"),
        ("severity", "Severity"),
        ("owner", "Owner"),
        ("notes", "Why"),
    ];
    let rows = subject.findings.iter().filter(|finding| finding.lifecycle.as_str() == "risk_accepted").map(|finding| {
        vec![
            Value::text(finding.control_ref.as_str()),
            Value::text(finding.control_title.as_str()),
            Value::Word(finding.status.as_str().to_owned(), tone(finding.status)),
            severity(finding.severity.as_str()),
            name_of(&subject.owners, finding.owner_id),
            Value::maybe(finding.remediation_notes.as_ref(), |notes| Value::text(notes.as_str())),
        ]
    });
    Section::new("exceptions", "Exceptions").text("Gaps whose risk was accepted.").table(
        Table::new("exceptions", "", &columns).strong("control_ref").or_else("No gap's risk is accepted.").rows(rows),
    )
}

fn findings(subject: &Subject) -> Section {
    let columns = [
        ("family", "Family"),
        ("control_ref", "Control"),
        ("title", ""),
        ("status", "Verdict"),
        ("lifecycle", ""),
        ("severity", "Severity"),
        ("confidence", "Confidence"),
        ("rationale", "Rationale"),
        ("remediation", "Remediation"),
        ("cited", "Cites"),
        ("evaluated_by", "Judged by"),
        ("needs_review", "Needs review"),
        ("owner", "Owner"),
        ("due_date", "Due"),
    ];
    let mut ordered: Vec<&Finding> = subject.findings.iter().collect();
    // By family in the framework's order, the gaps first.
    let mut families: Vec<&str> = Vec::new();
    for finding in &subject.findings {
        if !families.contains(&finding.family.as_str()) {
            families.push(&finding.family);
        }
    }
    let weight = |verdict: Verdict| {
        [Verdict::Fail, Verdict::Partial, Verdict::Pass].iter().position(|v| *v == verdict).unwrap_or(3)
    };
    ordered
        .sort_by_key(|finding| (families.iter().position(|family| *family == finding.family), weight(finding.status)));
    let rows = ordered.into_iter().map(|finding| {
        let cited: BTreeSet<&str> = finding.citations.iter().map(|citation| citation.filename.as_str()).collect();
        vec![
            Value::text(format!("{} {}", finding.family, finding.family_title).trim()),
            Value::text(finding.control_ref.as_str()),
            Value::text(finding.control_title.as_str()),
            Value::Word(finding.status.as_str().to_owned(), tone(finding.status)),
            Value::word(finding.lifecycle.as_str()),
            severity(finding.severity.as_str()),
            Value::number(finding.confidence, 2),
            Value::text(finding.rationale.as_str()),
            Value::maybe(finding.remediation_notes.as_ref(), |notes| Value::text(notes.as_str())),
            Value::List(cited.into_iter().map(str::to_owned).collect()),
            Value::word(finding.evaluated_by.as_str()),
            if finding.needs_review { Value::Bool(true) } else { Value::None },
            name_of(&subject.owners, finding.owner_id),
            Value::maybe(finding.due_date, Value::Date),
        ]
    });
    let table = Table::new("findings", "", &columns)
        .strong("control_ref")
        .grouped("family")
        .under("control_ref", &["title"])
        .under("status", &["lifecycle"])
        .under("severity", &["confidence"])
        .under("rationale", &["remediation", "cited", "evaluated_by", "needs_review"])
        .under("owner", &["due_date"])
        .or_else("No control has been judged yet.")
        .rows(rows);
    cut(Section::new("findings", "Findings").table(table), subject.more)
}

fn method(subject: &Subject) -> Section {
    Section::new("method", "Method and sign-off")
        .text(format!(
            "Each control in scope was judged once, by the {} evaluator or by a person, from the controls that the organization \
             runs and the evidence attached to them. Evidence that was rejected in review, is past its validity or older than a \
             year does not count.",
            subject.assessment.evaluator.as_str()
        ))
        .with(Block::Rule(SCORE.to_owned()))
        .with(Block::SignOff(["Assessor", "Control owner", "Management"].map(str::to_owned).to_vec()))
}
