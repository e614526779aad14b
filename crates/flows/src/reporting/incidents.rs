//! An incident summary: how many, how grave, how fast they were answered; and the story of each, where they are few.

use std::collections::BTreeMap;

use grc_document::{
    Block, Chart, Data, Document, Fact, Ink, Section, Table, Tone, Value,
    chart::{Curve, Scale, Span},
    num::{coordinate, float},
    value::said,
};
use grc_incident::{
    Exhibit, Incident, Review, Task, TimelineEntry,
    incident::{IncidentId, Severity},
    metrics::{self, Measures, Metrics},
    phase::Phase,
    review::ReviewId,
    sla::Clock,
};
use grc_kernel::{Access, Ctx, ListQuery, Permission, Refusal, Repo, Resource, UserId, list::Scalar};
use grc_uow::Uow;
use time::OffsetDateTime;

use super::{
    Frozen, Short, Wanted, all, beside, count, cut, days, name_of, names, narrowing, organization, severity, whole,
};

/// How many incidents are told one by one.
const TOLD: usize = 25;
/// How many entries a timeline shows.
const ENTRIES: usize = 200;

/// Everything that was read.
struct Summary {
    organization: String,
    incidents: Vec<Incident>,
    more: bool,
    metrics: Metrics,
    owners: BTreeMap<UserId, String>,
    tasks: Vec<Task>,
    stories: BTreeMap<IncidentId, Story>,
    now: OffsetDateTime,
}

/// What belongs to one incident.
#[derive(Default)]
struct Story {
    entries: Vec<TimelineEntry>,
    exhibits: Vec<Exhibit>,
    review: Option<Review>,
}

pub(super) async fn load(
    ctx: &Ctx,
    uow: &mut Uow,
    wanted: &Wanted,
    query: ListQuery,
    short: &mut Short,
) -> Result<Frozen, Refusal> {
    ctx.require(Permission::new("incident", Access::Read))?;
    let organization = organization(ctx, uow).await?;
    let (incidents, more) = all::<Incident, _>(ctx, uow.incident(), &query).await?;
    let metrics = metrics::overall(ctx, uow.incident(), &query).await?;
    let mut told: Vec<&Incident> = incidents.iter().collect();
    // The gravest, and of those the latest.
    told.sort_by_key(|incident| {
        let rank = Severity::ALL.iter().position(|level| *level == incident.severity);
        (rank, std::cmp::Reverse(incident.detected_at), incident.id.0)
    });
    told.truncate(TOLD);
    let ids: Vec<Scalar> = told.iter().map(|incident| Scalar::Id(incident.id.0)).collect();
    let every: Vec<Scalar> = incidents.iter().map(|incident| Scalar::Id(incident.id.0)).collect();
    let mut stories: BTreeMap<IncidentId, Story> =
        told.iter().map(|incident| (incident.id, Story::default())).collect();
    let mut tasks = Vec::new();
    if !every.is_empty() {
        let query = whole(Task::LIST).only("incident_id", every);
        tasks = beside::<Task, _>(ctx, uow.incident(), &query, short).await?;
        let of = |query: ListQuery| query.only("incident_id", ids.clone());
        for entry in beside::<TimelineEntry, _>(ctx, uow.incident(), &of(whole(TimelineEntry::LIST)), short).await? {
            stories.entry(entry.incident_id).or_default().entries.push(entry);
        }
        for exhibit in beside::<Exhibit, _>(ctx, uow.incident(), &of(whole(Exhibit::LIST)), short).await? {
            stories.entry(exhibit.incident_id).or_default().exhibits.push(exhibit);
        }
        let reviews: Vec<ReviewId> = told.iter().map(|incident| ReviewId(incident.id.0)).collect();
        for review in Repo::<Review>::find_many(uow.incident(), ctx.org, &reviews).await? {
            let story = stories.entry(review.incident_id).or_default();
            story.review = Some(review);
        }
    }
    for story in stories.values_mut() {
        story.entries.sort_by_key(|entry| entry.sequence);
    }
    let people: Vec<Option<UserId>> =
        incidents.iter().map(|i| i.commander_id).chain(tasks.iter().map(|task| task.assignee_id)).collect();
    let owners = names(ctx, uow, people.into_iter()).await?;
    let summary = Summary { organization, incidents, more, metrics, owners, tasks, stories, now: ctx.now };
    let wanted = wanted.clone();
    Ok(Box::new(move || Ok(summary.compose(&wanted))))
}

fn minutes(value: Option<f64>) -> Value {
    Value::maybe(value, |minutes| Value::number(minutes, 1))
}

fn moment(at: Option<OffsetDateTime>) -> Value {
    Value::maybe(at, Value::Time)
}

/// How long something took, as people say it.
fn length(from: OffsetDateTime, to: OffsetDateTime) -> String {
    let minutes = (to - from).whole_minutes().max(0);
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes:02} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

impl Summary {
    fn compose(&self, wanted: &Wanted) -> Document {
        let first = self.incidents.iter().map(|incident| incident.detected_at).min();
        let last = self.incidents.iter().map(|incident| incident.detected_at).max();
        let period = first.zip(last).map(|(first, last)| format!("{} to {}", first.date(), last.date()));
        let facts = vec![
            Fact::new("incidents", "Incidents", count(self.incidents.len())),
            Fact::new("period", "Detected", Value::text(period.unwrap_or_default())),
            narrowing(&wanted.filters),
        ];
        let mut sections = vec![self.overview(), self.speed(), self.limits(), self.lives(), self.table()];
        let mut told: Vec<&Incident> =
            self.incidents.iter().filter(|incident| self.stories.contains_key(&incident.id)).collect();
        told.sort_by_key(|incident| (incident.detected_at, incident.id.0));
        if !told.is_empty() {
            let mut opening = Section::new("stories", "One by one");
            if told.len() < self.incidents.len() {
                opening = opening.note(format!("The {} gravest of {}.", told.len(), self.incidents.len()));
            } else {
                opening = opening.text("Each incident with its phases, timeline, evidence and review.");
            }
            sections.push(opening);
        }
        for (incident, place) in told.into_iter().zip(1..) {
            sections.push(self.story(incident, place));
        }
        sections.push(self.actions());
        Document {
            kind: wanted.kind.as_str().to_owned(),
            title: wanted.title.clone().unwrap_or_else(|| "Incident summary".to_owned()),
            organization: self.organization.clone(),
            facts,
            sections,
        }
    }

    fn overview(&self) -> Section {
        let open = self.incidents.iter().filter(|incident| incident.resolved_at.is_none()).count();
        let records =
            self.incidents.iter().filter_map(|incident| incident.affected_records).fold(0_i64, i64::saturating_add);
        let dismissed = self.incidents.iter().filter(|incident| incident.dismissed).count();
        let bar = |level: &Severity| {
            let of = self.incidents.iter().filter(|incident| incident.severity == *level);
            let (open, over) =
                of.fold(
                    (0, 0),
                    |(open, over), i| {
                        if i.resolved_at.is_none() { (open + 1, over) } else { (open, over + 1) }
                    },
                );
            (said(level.as_str()), vec![float(open), float(over)], (open + over).to_string())
        };
        let series = vec![("Open".to_owned(), Tone::Bad.ink()), ("Over".to_owned(), Tone::Good.ink())];
        let data = Data::Bars { series, rows: Severity::ALL.iter().map(bar).collect() };
        let mut by_category: BTreeMap<&str, i64> = BTreeMap::new();
        for incident in &self.incidents {
            *by_category.entry(incident.category.as_str()).or_default() += 1;
        }
        let columns = [("category", "Category"), ("incidents", "Incidents")];
        let table = Table::new("by_category", "By category", &columns)
            .rows(by_category.into_iter().map(|(category, n)| vec![Value::word(category), Value::Int(n)]));
        Section::new("overview", "Overview")
            .with(Block::Figures(vec![
                Fact::new("total", "Incidents", count(self.incidents.len())),
                Fact::new("open", "Not resolved", count(open)),
                Fact::new("dismissed", "No incident after all", count(dismissed)),
                Fact::new("affected_records", "Records affected", Value::Int(records)),
            ]))
            .chart(Chart::new(
                "by_severity",
                "Incidents by severity",
                "How many incidents of each severity are open and over",
                data,
            ))
            .table(table)
    }

    fn speed(&self) -> Section {
        let columns = [
            ("group", "Incidents"),
            ("measure", "Time to"),
            ("n", "Counted"),
            ("median", "Median, min"),
            ("p90", "90th percentile, min"),
            ("mean", "Mean, min"),
            ("open", "Not yet"),
        ];
        let rows = |group: &str, measures: &Measures| {
            let named = ["detect", "acknowledge", "contain", "resolve"].into_iter().zip(measures.iter());
            named
                .map(|(name, m)| {
                    let numbers = [minutes(m.median), minutes(m.p90), minutes(m.mean), Value::Int(m.open)];
                    [Value::text(group), Value::word(name), Value::Int(m.n)].into_iter().chain(numbers).collect()
                })
                .collect::<Vec<Vec<Value>>>()
        };
        let mut all = rows("All", &self.metrics.all);
        for (level, measures) in &self.metrics.by_severity {
            all.extend(rows(&said(level.as_str()), measures));
        }
        let table = Table::new("response_times", "", &columns).grouped("group").rows(all);
        let months: Vec<String> = self.metrics.by_month.iter().map(|(month, _)| month.clone()).collect();
        let curve = |name: &str, at: usize, ink: Ink| Curve {
            name: name.to_owned(),
            ink,
            points: self
                .metrics
                .by_month
                .iter()
                .enumerate()
                .filter_map(|(month, (_, measures))| Some((float(month), measures.get(at)?.median? / 60.0)))
                .collect(),
            steps: false,
        };
        let section = Section::new("times", "Response times");
        let section = if months.len() > 1 {
            let data = Data::Lines {
                across: ("Month of detection".to_owned(), Scale::Named(months)),
                up: ("Median, hours".to_owned(), Scale::Linear),
                curves: vec![
                    curve("To acknowledge", 1, Tone::Mild.ink()),
                    curve("To contain", 2, Tone::Fair.ink()),
                    curve("To resolve", 3, Ink::ACCENT),
                ],
                marks: Vec::new(),
            };
            section.chart(Chart::new(
                "trend",
                "Median response times by month",
                "Median times by month of detection",
                data,
            ))
        } else {
            section
        };
        section.table(table).note(
            "Incidents that are not so far yet are counted apart: as zeros they would flatter, left out they would be forgotten.",
        )
    }

    fn limits(&self) -> Section {
        let columns = [
            ("title", "Incident"),
            ("severity", "Severity"),
            ("acknowledge", "Acknowledge"),
            ("contain", "Contain"),
            ("resolve", "Resolve"),
        ];
        let state = |incident: &Incident, clock: Clock| {
            let state = incident.clock(clock, self.now);
            let word = state.as_str();
            let tone = match word {
                "met" => Tone::Good,
                "at_risk" => Tone::Fair,
                "breached" => Tone::Bad,
                _ => Tone::Plain,
            };
            Value::Word(word.to_owned(), tone)
        };
        let rows = self.incidents.iter().map(|incident| {
            vec![
                Value::text(incident.title.as_str()),
                severity(incident.severity.as_str()),
                state(incident, Clock::Acknowledge),
                state(incident, Clock::Contain),
                state(incident, Clock::Resolve),
            ]
        });
        Section::new("sla", "Limits")
            .text("Where each clock of the response stands against its limit.")
            .table(Table::new("sla", "", &columns).strong("title").or_else("There are no incidents.").rows(rows))
    }

    fn lives(&self) -> Section {
        let mut latest: Vec<&Incident> = self.incidents.iter().collect();
        latest.sort_by_key(|incident| (incident.detected_at, incident.id.0));
        let skip = latest.len().saturating_sub(30);
        let latest = latest.get(skip..).unwrap_or_default();
        let Some(end) =
            latest.iter().flat_map(|i| [Some(i.detected_at), i.contained_at, i.resolved_at]).flatten().max()
        else {
            return Section::new("timeline", "Over time").text("There are no incidents.");
        };
        let rows = latest.iter().map(|incident| {
            let from = days(incident.detected_at);
            let contained = incident.contained_at.map(days);
            let over = days(incident.resolved_at.unwrap_or(end));
            let ink = Tone::of_severity(incident.severity.as_str()).ink();
            let pale = ink.towards(Ink::WHITE, 0.55);
            let pieces = match contained {
                Some(at) => vec![(from, at, ink), (at, over.max(at), pale)],
                None => vec![(from, over.max(from), ink)],
            };
            let note = if incident.resolved_at.is_some() { String::new() } else { "open".to_owned() };
            Span { label: incident.title.clone(), pieces, mark: None, note }
        });
        let first = latest.first().map_or(end, |incident| incident.detected_at);
        let span = end - first;
        let ticks = (0..=5).map(|i| {
            let at = first + span * (f64::from(i) / 5.0);
            (days(at), at.date().to_string())
        });
        let data = Data::Spans {
            across: "Date".to_owned(),
            ticks: ticks.collect(),
            legend: vec![
                ("Until contained".to_owned(), Ink::SOFT),
                ("Until resolved".to_owned(), Ink::SOFT.towards(Ink::WHITE, 0.55)),
            ],
            rows: rows.collect(),
        };
        let section = Section::new("timeline", "Over time");
        let section = section.chart(Chart::new(
            "timeline",
            "When incidents were open",
            "From detection to containment and resolution",
            data,
        ));
        if skip > 0 { section.note("The latest 30.") } else { section }
    }

    fn table(&self) -> Section {
        let columns = [
            ("title", "Incident"),
            ("category", "Category"),
            ("severity", "Severity"),
            ("status", "Status"),
            ("phase", "Phase"),
            ("detected_at", "Detected"),
            ("occurred_at", "Began"),
            ("contained_at", "Contained"),
            ("resolved_at", "Resolved"),
            ("affected_systems", "Systems"),
            ("affected_records", "Records"),
            ("commander", "Commander"),
        ];
        let rows = self.incidents.iter().map(|incident| {
            vec![
                Value::text(incident.title.as_str()),
                Value::word(incident.category.as_str()),
                severity(incident.severity.as_str()),
                Value::word(incident.status.as_str()),
                Value::word(incident.phase.as_str()),
                Value::Time(incident.detected_at),
                moment(incident.occurred_at),
                moment(incident.contained_at),
                moment(incident.resolved_at),
                Value::List(incident.affected_systems.clone()),
                Value::maybe(incident.affected_records, Value::Int),
                name_of(&self.owners, incident.commander_id),
            ]
        });
        let table = Table::new("incidents", "", &columns)
            .strong("title")
            .under("title", &["affected_systems"])
            .under("status", &["phase"])
            .under("detected_at", &["occurred_at", "contained_at", "resolved_at"])
            .or_else("There are no incidents.")
            .rows(rows);
        cut(Section::new("incidents", "Incidents").table(table), self.more)
    }

    fn story(&self, incident: &Incident, place: i64) -> Section {
        let none = Story::default();
        let story = self.stories.get(&incident.id).unwrap_or(&none);
        let id = |name: &str| format!("{name}_{place}");
        let mut section = Section::new(&id("incident"), &incident.title).within();
        section = section.with(Block::Facts(vec![
            Fact::new(&id("severity"), "Severity", severity(incident.severity.as_str())),
            Fact::new(&id("phase"), "Phase", Value::word(incident.phase.as_str())),
            Fact::new(&id("detected_at"), "Detected", Value::Time(incident.detected_at)),
            Fact::new(&id("resolved_at"), "Resolved", moment(incident.resolved_at)),
            Fact::new(&id("source"), "Noticed by", Value::maybe(incident.source.as_ref(), |s| Value::text(s.as_str()))),
            Fact::new(&id("systems"), "Systems", Value::List(incident.affected_systems.clone())),
        ]));
        if let Some(text) = &incident.description {
            section = section.text(text.as_str());
        }
        section = self.phases(section, incident, story, place);
        let columns = [("timestamp", "When"), ("event_type", "What"), ("description", "Description"), ("actor", "By")];
        let shown = story.entries.iter().take(ENTRIES);
        let table =
            Table::new(&id("timeline"), "Timeline", &columns).or_else("Nothing was noted.").rows(shown.map(|entry| {
                vec![
                    Value::Time(entry.timestamp),
                    Value::word(entry.event_type.as_str()),
                    Value::text(entry.description.as_str()),
                    Value::text(entry.actor.as_str()),
                ]
            }));
        section = section.table(table);
        if story.entries.len() > ENTRIES {
            section = section.note(format!("The first {ENTRIES} of {} entries.", story.entries.len()));
        }
        if !story.exhibits.is_empty() {
            let columns = [("filename", "File"), ("size", "Bytes"), ("sha256", "SHA-256")];
            let rows = story.exhibits.iter().map(|exhibit| {
                vec![
                    Value::text(exhibit.filename.as_str()),
                    Value::Int(exhibit.size),
                    Value::text(exhibit.sha256.as_str()),
                ]
            });
            section = section.table(Table::new(&id("evidence"), "Evidence", &columns).rows(rows));
        }
        if let Some(review) = &story.review {
            section = section.text(format!("Root cause: {}", review.root_cause));
            for (title, points) in [("Lessons", &review.lessons), ("Actions", &review.actions)] {
                if !points.is_empty() {
                    section = section.note(title).with(Block::Points(points.clone()));
                }
            }
        }
        section
    }

    /// How long each phase took, from the moves that the timeline tells.
    fn phases(&self, section: Section, incident: &Incident, story: &Story, place: i64) -> Section {
        let moved = story.entries.iter().filter_map(|entry| {
            let to = entry.details.get("to").and_then(|to| to.as_str()).and_then(Phase::parse)?;
            entry.event_type.starts_with("phase_").then_some((to, entry.timestamp))
        });
        let entered: Vec<(Phase, OffsetDateTime)> =
            [(Phase::Detection, incident.detected_at)].into_iter().chain(moved).collect();
        let mut rows = Vec::new();
        let mut pieces = Vec::new();
        for (i, (phase, from)) in entered.iter().enumerate() {
            let to = entered.get(i + 1).map(|(_, at)| *at);
            let took = to.map(|to| length(*from, to)).unwrap_or_default();
            rows.push(vec![Value::word(phase.as_str()), Value::Time(*from), moment(to), Value::text(took.as_str())]);
            if let Some(to) = to {
                let hours = |at: OffsetDateTime| coordinate((at - incident.detected_at).whole_minutes()) / 60.0;
                let piece = (hours(*from), hours(to), Ink::ACCENT);
                pieces.push(Span { label: said(phase.as_str()), pieces: vec![piece], mark: None, note: took });
            }
        }
        let columns = [("phase", "Phase"), ("from", "From"), ("to", "To"), ("took", "Took")];
        let section = if pieces.is_empty() {
            section
        } else {
            let data = Data::Spans {
                across: "Hours after detection".to_owned(),
                ticks: Vec::new(),
                legend: Vec::new(),
                rows: pieces,
            };
            let alt = "When each phase began and ended";
            section.chart(Chart::new(&format!("phases_{place}"), "Phases", alt, data))
        };
        section.table(Table::new(&format!("phases_{place}"), "", &columns).rows(rows))
    }

    fn actions(&self) -> Section {
        let titles: BTreeMap<IncidentId, &str> =
            self.incidents.iter().map(|incident| (incident.id, incident.title.as_str())).collect();
        let columns =
            [("incident", "Incident"), ("title", "Task"), ("status", "Status"), ("due_at", "Due"), ("assignee", "Who")];
        let rows = self.tasks.iter().map(|task| {
            let tone =
                if task.is_open() && task.due_at.is_some_and(|due| due < self.now) { Tone::Bad } else { Tone::Plain };
            vec![
                Value::text(titles.get(&task.incident_id).copied().unwrap_or_default()),
                Value::text(task.title.as_str()),
                Value::Word(task.status.as_str().to_owned(), tone),
                moment(task.due_at),
                name_of(&self.owners, task.assignee_id),
            ]
        });
        Section::new("actions", "Tasks")
            .table(Table::new("tasks", "", &columns).strong("title").or_else("There are no tasks.").rows(rows))
    }
}
