//! A risk register: the appetite, the heat maps, the top ten and what moved, treatments, indicators, simulated losses.

use std::collections::BTreeMap;

use grc_document::{
    Block, Chart, Data, Document, Fact, Ink, Section, Table, Tone, Value,
    chart::{Cell, Curve, Grid, Scale, Swing},
    num::coordinate,
    value::said,
};
use grc_kernel::{Access, Ctx, ListQuery, Permission, Refusal, Repo, Resource, UserId};
use grc_risk::{
    Analysis, AnalysisId, Appetite, Entry, EntryId, Kri, Matrix, Scenario, Treatment, appetite, entry,
    fair::{FairResult, Run, latest_runs, result::ResultId},
    matrix,
};
use grc_uow::Uow;
use serde_json::Value as Json;
use time::{Date, Duration};

use super::{
    Frozen, Short, Wanted, all, beside, count, cut, name_of, names, narrowing, organization, scenarios, whole,
};

/// A cell of the heat map: across and up.
type Place = (usize, usize);

/// How many risks the top list has.
const TOP: usize = 10;
/// How many simulated losses have their pictures.
const PICTURED: usize = 3;
/// How many days back a move counts.
const MOVES_DAYS: i64 = 30;

/// Everything that was read.
struct Register {
    organization: String,
    entries: Vec<Entry>,
    more: bool,
    owners: BTreeMap<UserId, String>,
    matrix: Matrix,
    appetite: Appetite,
    treatments: Vec<Treatment>,
    kris: Vec<Kri>,
    analyses: Vec<Analysis>,
    runs: BTreeMap<AnalysisId, Run>,
    results: BTreeMap<ResultId, FairResult>,
    moves: Vec<(EntryId, i64)>,
    scenarios: Vec<Scenario>,
    today: Date,
}

pub(super) async fn load(
    ctx: &Ctx,
    uow: &mut Uow,
    wanted: &Wanted,
    query: ListQuery,
    short: &mut Short,
) -> Result<Frozen, Refusal> {
    ctx.require(Permission::new("risk", Access::Read))?;
    let organization = organization(ctx, uow).await?;
    let (entries, more) = all::<Entry, _>(ctx, uow.risk(), &query).await?;
    let matrix = matrix::current(ctx, uow.risk()).await?;
    let appetite = appetite::current(ctx, uow.risk()).await?;
    let treatments = beside::<Treatment, _>(ctx, uow.risk(), &whole(Treatment::LIST), short).await?;
    let kris = beside::<Kri, _>(ctx, uow.risk(), &whole(Kri::LIST), short).await?;
    let kris: Vec<Kri> = kris.into_iter().map(|kri| kri.at(ctx.now)).collect();
    let analyses = beside::<Analysis, _>(ctx, uow.risk(), &whole(Analysis::LIST), short).await?;
    let runs = latest_runs(ctx, uow.risk(), &analyses).await?;
    let mut gravest: Vec<&Run> = runs.values().collect();
    gravest.sort_by(|a, b| b.mean.unwrap_or(0.0).total_cmp(&a.mean.unwrap_or(0.0)).then(a.id.0.cmp(&b.id.0)));
    let wanted_results: Vec<ResultId> = gravest.iter().take(PICTURED).map(|run| ResultId(run.id.0)).collect();
    let results = Repo::<FairResult>::find_many(uow.risk(), ctx.org, &wanted_results).await?;
    let owners = entries.iter().map(|entry| entry.owner_id);
    let owners = owners.chain(treatments.iter().map(|t| t.owner_id)).chain(kris.iter().map(|kri| kri.owner_id));
    let owners: Vec<Option<UserId>> = owners.collect();
    let owners = names(ctx, uow, owners.into_iter()).await?;
    let moves = moves(ctx, uow, &query).await?;
    let scenarios = scenarios::load(ctx, uow, short).await?;
    let register = Register {
        organization,
        entries,
        more,
        owners,
        matrix,
        appetite,
        treatments,
        kris,
        analyses,
        runs,
        results: results.into_iter().map(|result| (result.id, result)).collect(),
        moves,
        scenarios,
        today: ctx.now.date(),
    };
    let wanted = wanted.clone();
    Ok(Box::new(move || Ok(register.compose(&wanted))))
}

/// The score that each entry had at the beginning of the period, of those that have another now; the farthest first.
async fn moves(ctx: &Ctx, uow: &mut Uow, query: &ListQuery) -> Result<Vec<(EntryId, i64)>, Refusal> {
    let movers = uow.risk().movers(ctx.org, query, ctx.now - Duration::days(MOVES_DAYS)).await?;
    Ok(movers.into_iter().map(|mover| (mover.id, mover.from_score)).collect())
}

impl Register {
    fn compose(&self, wanted: &Wanted) -> Document {
        let open = self.open().count();
        let facts = vec![
            Fact::new("as_of", "As of", Value::Date(self.today)),
            Fact::new("risks", "Risks", count(self.entries.len())),
            Fact::new("open_risks", "Open", count(open)),
            narrowing(&wanted.filters),
        ];
        let mut sections = vec![self.overview(), self.bounds(), self.maps(), self.top(), self.movers()];
        sections.extend([self.treatment(), self.indicators()]);
        sections.extend(self.losses());
        sections.extend(scenarios::sections(&self.scenarios));
        sections.extend([self.all(), method()]);
        Document {
            kind: wanted.kind.as_str().to_owned(),
            title: wanted.title.clone().unwrap_or_else(|| "Risk register".to_owned()),
            organization: self.organization.clone(),
            facts,
            sections,
        }
    }

    fn open(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.status != entry::Status::Closed)
    }

    fn level(&self, key: &str) -> Value {
        match self.matrix.level_of(key) {
            Some(level) => {
                let tone = Ink::parse(&level.color).map_or(Tone::Plain, Tone::Own);
                Value::Word(level.label.clone(), tone)
            }
            None => Value::text(key),
        }
    }

    fn standing_level(entry: &Entry) -> &str {
        entry.residual_level.as_deref().unwrap_or(&entry.inherent_level)
    }

    fn overview(&self) -> Section {
        let above = |of: fn(&Entry) -> bool| count(self.open().filter(|entry| of(entry)).count());
        let overdue = self.open().filter(|entry| entry.review_date.is_some_and(|date| date < self.today)).count();
        let figures = vec![
            Fact::new("open", "Open risks", count(self.open().count())),
            Fact::new("above_appetite", "Above appetite", above(|entry| entry.above_appetite)),
            Fact::new("above_tolerance", "Above tolerance", above(|entry| entry.above_tolerance)),
            Fact::new("reviews_overdue", "Reviews overdue", count(overdue)),
        ];
        let mut by_category: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for entry in self.open() {
            let at = self.matrix.levels.iter().position(|level| level.key == Self::standing_level(entry));
            let row = by_category.entry(entry.category.as_str()).or_insert_with(|| vec![0.0; self.matrix.levels.len()]);
            if let Some(n) = at.and_then(|at| row.get_mut(at)) {
                *n += 1.0;
            }
        }
        let series = self
            .matrix
            .levels
            .iter()
            .map(|level| (level.label.clone(), Ink::parse(&level.color).unwrap_or(Ink::ACCENT)));
        let rows = by_category.into_iter().map(|(category, values)| {
            let total = grc_document::num::trimmed(values.iter().sum(), 0);
            (said(category), values, total)
        });
        let data = Data::Bars { series: series.collect(), rows: rows.collect() };
        let alt = "How many open risks of each category lie at which level, with treatment";
        let section = Section::new("overview", "Overview").with(Block::Figures(figures));
        if self.open().next().is_none() {
            return section.text("The register has no open risks.");
        }
        section.chart(Chart::new("by_category", "Open risks by category and level", alt, data))
    }

    fn bounds(&self) -> Section {
        let columns = [
            ("category", "Category"),
            ("appetite", "Appetite"),
            ("tolerance", "Tolerance"),
            ("money", "Money"),
            ("above_appetite", "Above appetite"),
            ("above_tolerance", "Above tolerance"),
        ];
        let rows = entry::Category::ALL.iter().filter_map(|category| {
            let bounds = self.appetite.bounds(*category)?;
            let of = |test: fn(&Entry) -> bool| {
                count(self.open().filter(|entry| entry.category == *category && test(entry)).count())
            };
            Some(vec![
                Value::word(category.as_str()),
                Value::Int(bounds.appetite),
                Value::Int(bounds.tolerance),
                Value::maybe(bounds.money, |money| Value::number(money, 2)),
                of(|entry| entry.above_appetite),
                of(|entry| entry.above_tolerance),
            ])
        });
        Section::new("appetite", "Appetite statement")
            .text(
                "Up to the appetite, risk is borne willingly; up to the tolerance for a while. Both are held against the \
                 residual score, and against the inherent one where there is no residual.",
            )
            .table(
                Table::new("appetite", "", &columns)
                    .strong("category")
                    .or_else("The organization has not decided on an appetite.")
                    .rows(rows),
            )
    }

    fn maps(&self) -> Section {
        let place = |likelihood: i64, impact: i64| {
            Some((usize::try_from(impact - 1).ok()?, usize::try_from(likelihood - 1).ok()?))
        };
        let inherent = |entry: &Entry| place(entry.likelihood, entry.impact);
        let residual = |entry: &Entry| match entry.residual_likelihood.zip(entry.residual_impact) {
            Some((likelihood, impact)) => place(likelihood, impact),
            None => place(entry.likelihood, entry.impact),
        };
        let mut before: BTreeMap<(usize, usize), i64> = BTreeMap::new();
        let mut after: BTreeMap<(usize, usize), i64> = BTreeMap::new();
        let mut moved: BTreeMap<(Place, Place), i64> = BTreeMap::new();
        for entry in self.open() {
            if let Some((from, to)) = inherent(entry).zip(residual(entry)) {
                *before.entry(from).or_default() += 1;
                *after.entry(to).or_default() += 1;
                if from != to {
                    *moved.entry((from, to)).or_default() += 1;
                }
            }
        }
        let grid = |title: &str, counts: &BTreeMap<Place, i64>, moves: Vec<(Place, Place, i64)>| Grid {
            title: title.to_owned(),
            cells: self.cells(counts),
            moves,
        };
        let axes = || {
            let across = ("Impact".to_owned(), self.matrix.impact_labels.clone());
            (across, ("Likelihood".to_owned(), self.matrix.likelihood_labels.clone()))
        };
        let (across, up) = axes();
        let panels = vec![grid("Inherent risk", &before, Vec::new()), grid("Residual risk", &after, Vec::new())];
        let alt = "How many open risks have which likelihood and impact, before and with treatment";
        let maps = Chart::new("heat_maps", "Heat maps", alt, Data::Grids { across, up, panels });
        let section = Section::new("heat_map", "Heat maps").chart(maps);
        if moved.is_empty() {
            return section;
        }
        let (across, up) = axes();
        let mut moves: Vec<_> = moved.into_iter().map(|((from, to), n)| (from, to, n)).collect();
        // More arrows than this would hide each other.
        moves.sort_by_key(|(from, to, n)| (std::cmp::Reverse(*n), *from, *to));
        moves.truncate(20);
        let panels = vec![grid("From inherent to residual", &before, moves)];
        let alt = "Arrows from the inherent to the residual likelihood and impact, as thick as many risks move";
        section.chart(Chart::new("treatment_moves", "What treatment moves", alt, Data::Grids { across, up, panels }))
    }

    fn cells(&self, counts: &BTreeMap<Place, i64>) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (up, likelihood) in (1..=self.matrix.likelihoods()).enumerate() {
            for (across, impact) in (1..=self.matrix.impacts()).enumerate() {
                let level = self.matrix.level(likelihood, impact).and_then(|key| self.matrix.level_of(key));
                let ink = level.and_then(|level| Ink::parse(&level.color)).unwrap_or(Ink(0xcc, 0xcc, 0xcc));
                cells.push(Cell { across, up, ink, count: counts.get(&(across, up)).copied().unwrap_or(0) });
            }
        }
        cells
    }

    fn top(&self) -> Section {
        let mut ranked: Vec<&Entry> = self.open().collect();
        ranked.sort_by(|a, b| {
            let key = |entry: &Entry| (std::cmp::Reverse(entry.score), std::cmp::Reverse(entry.inherent_score));
            key(a).cmp(&key(b)).then_with(|| a.title.cmp(&b.title)).then(a.id.0.cmp(&b.id.0))
        });
        ranked.truncate(TOP);
        let columns = [
            ("rank", "#"),
            ("title", "Risk"),
            ("category", "Category"),
            ("inherent_score", "Inherent"),
            ("score", "Residual"),
            ("level", "Level"),
            ("treatment", "Treatment"),
            ("owner", "Owner"),
        ];
        let rows = ranked.iter().zip(1..).map(|(entry, rank)| {
            vec![
                Value::Int(rank),
                Value::text(entry.title.as_str()),
                Value::word(entry.category.as_str()),
                Value::Int(entry.inherent_score),
                Value::Int(entry.score),
                self.level(Self::standing_level(entry)),
                Value::word(entry.treatment.as_str()),
                name_of(&self.owners, entry.owner_id),
            ]
        });
        Section::new("top", "Top ten").table(
            Table::new("top", "", &columns).strong("title").or_else("The register has no open risks.").rows(rows),
        )
    }

    fn movers(&self) -> Section {
        let entries: BTreeMap<EntryId, &Entry> = self.entries.iter().map(|entry| (entry.id, entry)).collect();
        let mut rows: Vec<(i64, Vec<Value>)> = self
            .moves
            .iter()
            .filter_map(|(id, before)| {
                let entry = entries.get(id)?;
                let now = entry.score;
                let tone = if now > *before { Tone::Bad } else { Tone::Good };
                let word = Value::Word(if now > *before { "worse" } else { "better" }.to_owned(), tone);
                let row = vec![
                    Value::text(entry.title.as_str()),
                    Value::Int(*before),
                    Value::Int(now),
                    Value::Int(now - before),
                    word,
                ];
                Some(((now - before).abs(), row))
            })
            .collect();
        rows.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        let columns =
            [("title", "Risk"), ("before", "Before"), ("now", "Now"), ("change", "Change"), ("direction", "Direction")];
        Section::new("movers", "Movers")
            .text(format!("Risks whose score is another than {MOVES_DAYS} days ago."))
            .table(
                Table::new("movers", "", &columns)
                    .strong("title")
                    .or_else("No score moved.")
                    .rows(rows.into_iter().map(|(_, row)| row)),
            )
    }

    fn treatment(&self) -> Section {
        let entries: BTreeMap<EntryId, &Entry> = self.entries.iter().map(|entry| (entry.id, entry)).collect();
        let plans: Vec<(&Entry, &Treatment)> =
            self.treatments.iter().filter_map(|plan| Some((*entries.get(&plan.risk_id)?, plan))).collect();
        let done = |plan: &Treatment| matches!(plan.status.as_str(), "done" | "cancelled");
        let overdue = |plan: &Treatment| !done(plan) && plan.due_date.is_some_and(|due| due < self.today);
        let columns = [
            ("risk", "Risk"),
            ("title", "Treatment"),
            ("status", "Status"),
            ("due_date", "Due"),
            ("overdue", "Overdue"),
            ("cost", "Cost a year"),
            ("expected_residual", "Expected score"),
            ("owner", "Owner"),
        ];
        let rows = plans.iter().map(|(entry, plan)| {
            let late = if overdue(plan) { Value::Word("overdue".to_owned(), Tone::Bad) } else { Value::None };
            vec![
                Value::text(entry.title.as_str()),
                Value::text(plan.title.as_str()),
                Value::word(plan.status.as_str()),
                Value::maybe(plan.due_date, Value::Date),
                late,
                Value::maybe(plan.cost, |cost| Value::number(cost, 2)),
                Value::maybe(plan.expected_residual, Value::Int),
                name_of(&self.owners, plan.owner_id),
            ]
        });
        Section::new("treatments", "Treatment")
            .with(Block::Figures(vec![
                Fact::new("treatments", "Treatment plans", count(plans.len())),
                Fact::new(
                    "treatments_done",
                    "Done",
                    count(plans.iter().filter(|(_, plan)| plan.status.as_str() == "done").count()),
                ),
                Fact::new(
                    "treatments_overdue",
                    "Overdue",
                    count(plans.iter().filter(|(_, plan)| overdue(plan)).count()),
                ),
            ]))
            .table(
                Table::new("treatments", "", &columns)
                    .strong("title")
                    .or_else("There are no treatment plans.")
                    .rows(rows),
            )
    }

    fn indicators(&self) -> Section {
        let tone = |word: &str| match word {
            "green" => Tone::Good,
            "amber" => Tone::Fair,
            "red" => Tone::Bad,
            _ => Tone::Plain,
        };
        let columns = [
            ("name", "Indicator"),
            ("status", "Status"),
            ("value", "Value"),
            ("unit", "Unit"),
            ("recorded_at", "Recorded"),
            ("trend", "Trend a day"),
            ("owner", "Owner"),
        ];
        let rows = self.kris.iter().map(|kri| {
            let latest = kri.latest();
            vec![
                Value::text(kri.name.as_str()),
                Value::Word(kri.status.as_str().to_owned(), tone(kri.status.as_str())),
                Value::maybe(latest, |(value, _)| Value::number(value, 4)),
                Value::maybe(kri.unit.as_ref(), |unit| Value::text(unit.as_str())),
                Value::maybe(latest, |(_, at)| Value::Time(at)),
                Value::maybe(kri.trend, |trend| Value::number(trend, 4)),
                name_of(&self.owners, kri.owner_id),
            ]
        });
        let figures = ["green", "amber", "red", "grey"].map(|colour| {
            let n = self.kris.iter().filter(|kri| kri.status.as_str() == colour).count();
            Fact::new(&format!("kri_{colour}"), &said(colour), count(n))
        });
        Section::new("kris", "Key risk indicators")
            .with(Block::Figures(figures.to_vec()))
            .table(Table::new("kris", "", &columns).strong("name").or_else("There are no indicators.").rows(rows))
    }

    fn losses(&self) -> Vec<Section> {
        let money = |amount: Option<f64>| Value::maybe(amount, |amount| Value::number(amount, 0));
        let columns = [
            ("name", "Analysis"),
            ("mean", "Mean a year"),
            ("p_zero", "Years without loss"),
            ("var_95", "VaR 95"),
            ("var_99", "VaR 99"),
            ("tvar_99", "TVaR 99"),
            ("trials", "Trials"),
        ];
        let ran: Vec<(&Analysis, &Run)> =
            self.analyses.iter().filter_map(|analysis| Some((analysis, self.runs.get(&analysis.id)?))).collect();
        let rows = ran.iter().map(|(analysis, run)| {
            vec![
                Value::text(analysis.name.as_str()),
                money(run.mean),
                Value::maybe(run.p_zero, |p| Value::percent(p * 100.0)),
                money(run.var_95),
                money(run.var_99),
                money(run.tvar_99),
                Value::Int(run.trials),
            ]
        });
        let total = ran.iter().filter_map(|(_, run)| run.mean).sum();
        let overview = Section::new("losses", "Simulated losses")
            .with(Block::Figures(vec![
                Fact::new("analyses", "FAIR analyses", count(self.analyses.len())),
                Fact::new("expected_loss", "Expected loss a year, all together", Value::number(total, 0)),
            ]))
            .table(
                Table::new("losses", "Latest run of each analysis", &columns)
                    .strong("name")
                    .or_else("No analysis has been run.")
                    .rows(rows),
            );
        let mut sections = vec![overview];
        let mut gravest: Vec<&(&Analysis, &Run)> =
            ran.iter().filter(|(_, run)| self.results.contains_key(&ResultId(run.id.0))).collect();
        gravest
            .sort_by(|a, b| b.1.mean.unwrap_or(0.0).total_cmp(&a.1.mean.unwrap_or(0.0)).then(a.1.id.0.cmp(&b.1.id.0)));
        for ((analysis, run), place) in gravest.into_iter().zip(1..) {
            if let Some(result) = self.results.get(&ResultId(run.id.0)) {
                sections.push(pictures(analysis, run, result, place));
            }
        }
        sections
    }

    fn all(&self) -> Section {
        let columns = [
            ("ref_id", "Ref"),
            ("title", "Risk"),
            ("description", ""),
            ("category", "Category"),
            ("status", "Status"),
            ("treatment", "Treatment"),
            ("likelihood", "Likelihood"),
            ("impact", "Impact"),
            ("inherent_score", "Inherent"),
            ("inherent_level", ""),
            ("residual_likelihood", "Residual likelihood"),
            ("residual_impact", "Residual impact"),
            ("residual_score", "Residual"),
            ("residual_level", ""),
            ("above_tolerance", "Above tolerance"),
            ("owner", "Owner"),
            ("review_date", "Review"),
        ];
        let rows = self.entries.iter().map(|entry| {
            vec![
                Value::maybe(entry.ref_id.as_ref(), |name| Value::text(name.as_str())),
                Value::text(entry.title.as_str()),
                Value::maybe(entry.description.as_ref(), |text| Value::text(text.as_str())),
                Value::word(entry.category.as_str()),
                Value::word(entry.status.as_str()),
                Value::word(entry.treatment.as_str()),
                Value::Int(entry.likelihood),
                Value::Int(entry.impact),
                Value::Int(entry.inherent_score),
                self.level(&entry.inherent_level),
                Value::maybe(entry.residual_likelihood, Value::Int),
                Value::maybe(entry.residual_impact, Value::Int),
                Value::maybe(entry.residual_score, Value::Int),
                Value::maybe(entry.residual_level.as_ref(), |level| self.level(level)),
                if entry.above_tolerance { Value::Bool(true) } else { Value::None },
                name_of(&self.owners, entry.owner_id),
                Value::maybe(entry.review_date, Value::Date),
            ]
        });
        let table = Table::new("risks", "", &columns)
            .strong("title")
            .under("title", &["description"])
            .under("category", &["ref_id"])
            .under("status", &["treatment", "above_tolerance"])
            .under("inherent_score", &["inherent_level", "likelihood", "impact"])
            .under("residual_score", &["residual_level", "residual_likelihood", "residual_impact"])
            .under("owner", &["review_date"])
            .or_else("The register is empty.")
            .rows(rows);
        cut(Section::new("register", "The register").table(table), self.more)
    }
}

/// The exceedance curve and the tornado of a run.
fn pictures(analysis: &Analysis, run: &Run, result: &FairResult, place: i64) -> Section {
    let number = |value: &Json, name: &str| value.get(name).and_then(Json::as_f64);
    let list = |name: &str| result.document.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let points: Vec<(f64, f64)> = list("exceedance_curve")
        .iter()
        .filter_map(|point| Some((number(point, "loss")?, number(point, "probability")?)))
        .filter(|(loss, _)| *loss > 0.0)
        .collect();
    let marks = [("VaR 95", run.var_95), ("VaR 99", run.var_99)];
    let marks = marks.into_iter().filter_map(|(name, at)| Some((name.to_owned(), at.filter(|at| *at > 0.0)?)));
    let curve = Curve { name: "Loss exceedance".to_owned(), ink: Ink::ACCENT, points, steps: false };
    let data = Data::Lines {
        across: ("Loss in a year".to_owned(), Scale::Log),
        up: ("Probability that it is more".to_owned(), Scale::Share),
        curves: vec![curve],
        marks: marks.collect(),
    };
    let alt = "The probability that the losses of a year are above an amount, falling with the amount";
    let swings: Vec<Swing> = list("tornado")
        .iter()
        .filter_map(|row| {
            let label = said(row.get("factor")?.as_str()?);
            Some(Swing { label, low: number(row, "low")?, high: number(row, "high")? })
        })
        .take(12)
        .collect();
    let mut section = Section::new(&format!("losses_{place}"), &analysis.name).within();
    if run.mean.is_some_and(|mean| mean > 0.0) {
        section = section.chart(Chart::new(&format!("exceedance_{place}"), "Loss exceedance curve", alt, data));
    }
    if !swings.is_empty() {
        let data = Data::Swings { base: run.mean.unwrap_or_default(), unit: "Loss a year".to_owned(), rows: swings };
        let alt = "How far the mean loss moves when one input is held at its 10th or 90th percentile";
        section = section.chart(Chart::new(&format!("tornado_{place}"), "What moves the loss most", alt, data));
    }
    section.note(format!(
        "{} trials, seed {}.",
        grc_document::num::decimal(coordinate(run.trials), 0),
        run.seed.map_or_else(|| "unknown".to_owned(), |seed| seed.to_string())
    ))
}

fn method() -> Section {
    Section::new("method", "Method")
        .text(
            "Scores are products of a likelihood and an impact on ordinal scales; they rank, they do not measure. Levels come \
             from the organization's matrix. A risk without a residual counts with its inherent score.",
        )
        .text(
            "Simulated losses follow Open FAIR: losses are drawn event by event over many years. VaR is the loss that a year \
             exceeds with the remaining probability, TVaR the mean of the years beyond it. The expected losses of analyses add \
             up; their percentiles do not.",
        )
}
