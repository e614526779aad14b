//! Several analyses in one year: their losses added trial by trial.

use grc_kernel::FieldError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    copula::{Correlation, Coupling, Normals},
    engine::{
        Block, Bounds, ENGINE_VERSION, Events, Gathering, Histogram, Moments, Run, Sample, Shocks, Tally, Watch, Years,
    },
    error::SimulationError,
    model::{Analysis, check::MONEY_MAX},
    num::index,
    result::LossSummary,
};

/// The most members.
pub const MEMBERS_MAX: usize = 1_000;
/// Bits of the mantissa that a member's bins tell apart: its percentile is right to a tenth of a per cent.
const MEMBER_SPLIT: u32 = 9;

/// What is to be added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Portfolio {
    /// The analyses, independent of each other but for the correlation. The same one twice is two risks alike.
    pub members: Vec<Analysis>,
    /// How their frequencies go together; independent where nothing is said.
    pub correlation: Option<Correlation>,
    /// The annual loss of all together that the organization is content with.
    pub appetite: Option<f64>,
    /// The annual loss of all together that it can bear.
    pub tolerance: Option<f64>,
}

/// One analysis in the sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its mean annual loss.
    pub mean: f64,
    /// The standard error of the mean.
    pub standard_error: f64,
    /// Its share of the sum's mean; zero where nothing is lost.
    pub share: f64,
    /// Its own 95th percentile, to a tenth of a per cent.
    pub var_95: f64,
    /// The digest of the analysis.
    pub input_digest: String,
}

/// The result of a portfolio.
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioOutcome {
    /// The distribution of the year's loss of all together.
    pub losses: LossSummary,
    /// Each analysis, in the order given.
    pub members: Vec<Member>,
    /// What the members' own 95th percentiles add up to, less the sum's: what not all going wrong at once is
    /// worth. It can be negative, as percentiles do not always add up to more.
    pub diversification_95: f64,
    /// The number of simulated years.
    pub trials: u64,
    /// Where the random numbers began.
    pub seed: u64,
    /// The engine whose numbers these are.
    pub engine_version: &'static str,
    /// The digest of the members' digests, the correlation and the bounds.
    pub input_digest: String,
}

/// One thread's share of the run.
struct Worker {
    gathering: Gathering,
    members: Vec<Histogram>,
    sum: Vec<f64>,
    losses: Vec<f64>,
    normals: Normals,
    shocks: Shocks,
}

/// Simulates a portfolio.
pub fn portfolio(portfolio: &Portfolio, run: &Run, watch: &Watch<'_>) -> Result<PortfolioOutcome, SimulationError> {
    let coupling = check(portfolio, run.seed()).map_err(SimulationError::Invalid)?;
    let years: Vec<_> =
        (0..).zip(&portfolio.members).map(|(member, analysis)| Years::new(analysis, run.seed(), member)).collect();
    let bounds = Bounds { appetite: portfolio.appetite, tolerance: portfolio.tolerance };
    let keep = run.keep();
    let (blocks, workers) = run.pool(watch).run(
        || Worker {
            gathering: Gathering::new(),
            members: vec![Histogram::new(MEMBER_SPLIT); years.len()],
            sum: Vec::new(),
            losses: Vec::new(),
            normals: Normals::default(),
            shocks: Shocks::default(),
        },
        |worker, first, trials| {
            let moments = worker.block(&years, coupling.as_ref(), first, trials, watch)?;
            Some((Block::of(&worker.sum, Events::default(), keep, bounds, &mut worker.gathering), moments))
        },
    )?;
    let mut moments = vec![Moments::default(); years.len()];
    let mut sums = Vec::with_capacity(blocks.len());
    for (sum, members) in blocks {
        sums.push(sum);
        moments.iter_mut().zip(members).for_each(|(all, block)| *all = all.and(block));
    }
    let (gatherings, histograms): (Vec<_>, Vec<_>) = workers.into_iter().map(|w| (w.gathering, w.members)).unzip();
    let tally = Tally::of(run.trials(), sums, gatherings);
    let losses = LossSummary::of(&tally, portfolio.appetite, portfolio.tolerance);
    let members = portfolio.members.iter().zip(moments).enumerate().map(|(at, (analysis, moments))| {
        let mut bins = Histogram::new(MEMBER_SPLIT);
        histograms.iter().filter_map(|worker| worker.get(at)).for_each(|mine| bins.merge(mine));
        let zeros = run.trials() - bins.total();
        let var_95 = Sample::new(zeros, bins, None).quantiles(&[0.95]).first().copied().unwrap_or(0.0);
        Member {
            mean: moments.mean,
            standard_error: moments.standard_error(),
            share: if losses.mean > 0.0 { moments.mean / losses.mean } else { 0.0 },
            var_95,
            input_digest: analysis.digest(),
        }
    });
    let members: Vec<_> = members.collect();
    Ok(PortfolioOutcome {
        diversification_95: members.iter().map(|member| member.var_95).sum::<f64>() - losses.var_95,
        losses,
        trials: run.trials(),
        seed: run.seed(),
        engine_version: ENGINE_VERSION,
        input_digest: digest(portfolio, &members),
        members,
    })
}

impl Worker {
    /// One block of all members' years, whose losses end up in `sum`.
    fn block(
        &mut self,
        years: &[Years],
        coupling: Option<&Coupling>,
        first: u64,
        trials: u64,
        watch: &Watch<'_>,
    ) -> Option<Vec<Moments>> {
        self.sum.clear();
        self.sum.resize(index(trials), 0.0);
        self.losses.resize(index(trials), 0.0);
        if let Some(coupling) = coupling {
            coupling.normals(first, trials, &mut self.normals);
        }
        let mut moments = Vec::with_capacity(years.len());
        for (at, (years, bins)) in years.iter().zip(&mut self.members).enumerate() {
            let shocks = coupling.map(|coupling| {
                coupling.shocks(at, years, first, &self.normals, &mut self.shocks);
                &self.shocks
            });
            if !years.fill(first, &mut self.losses, shocks, &mut Events::default(), watch) {
                return None;
            }
            for (sum, loss) in self.sum.iter_mut().zip(&self.losses) {
                *sum += loss;
                if *loss > 0.0 {
                    bins.add(*loss);
                }
            }
            moments.push(Moments::of(&self.losses));
        }
        Some(moments)
    }
}

fn check(portfolio: &Portfolio, seed: u64) -> Result<Option<Coupling>, Vec<FieldError>> {
    let mut check = grc_kernel::Checker::new();
    check.ensure(!portfolio.members.is_empty(), "members", "required", "a portfolio has at least one analysis");
    check.count("members", portfolio.members.len(), MEMBERS_MAX);
    for (name, amount) in [("appetite", portfolio.appetite), ("tolerance", portfolio.tolerance)] {
        if let Some(amount) = amount {
            check.range(name, amount, 0.0, MONEY_MAX);
        }
    }
    let coupling = portfolio.correlation.as_ref().map(|c| Coupling::new(c, portfolio.members.len(), seed));
    match coupling.transpose() {
        Ok(coupling) => check.finish().map(|()| coupling),
        Err(error) => {
            check.note(error.field, error.code, error.detail);
            check.finish().map(|()| None)
        }
    }
}

fn digest(portfolio: &Portfolio, members: &[Member]) -> String {
    let digests: Vec<_> = members.iter().map(|member| member.input_digest.as_str()).collect();
    let correlation = portfolio.correlation.as_ref().map(Correlation::to_json);
    let content = json!([digests, correlation, portfolio.appetite, portfolio.tolerance]);
    hex::encode(Sha256::digest(content.to_string().as_bytes()))
}

impl PortfolioOutcome {
    /// The wire's form. Equal results give equal bytes.
    pub fn to_json(&self) -> Value {
        let mut members = self.losses.members();
        let list: Vec<_> = self
            .members
            .iter()
            .map(|member| {
                json!({
                    "mean": member.mean,
                    "standard_error": member.standard_error,
                    "share": member.share,
                    "var_95": member.var_95,
                    "input_digest": member.input_digest,
                })
            })
            .collect();
        let rest = [
            ("members", list.into()),
            ("diversification_95", self.diversification_95.into()),
            ("trials", self.trials.into()),
            ("seed", self.seed.into()),
            ("engine_version", self.engine_version.into()),
            ("input_digest", self.input_digest.as_str().into()),
        ];
        members.extend(rest.map(|(name, value)| (name.to_owned(), value)));
        Value::Object(members)
    }
}
