//! How long responses take.

use grc_incident::{
    Incident,
    incident::Severity,
    metrics::{self, Measure, Measures, Span},
};
use grc_kernel::{ListSpec, Refusal, Resource};
use paperclip::actix::api_v2_operation;
use serde_json::{Map, Value, json};

use super::id;
use crate::{
    http::{
        call::{Answer, Call, IncidentRead, Is, Reply},
        list::{Ask, Listing},
        problem::Problem,
        resource::Shown,
        shape::{Member, Shaped, Ty, must, null},
    },
    shapes,
};

shapes! {
    /// A time in minutes, taken over incidents.
    IncidentMeasure [&[
        must("n", Ty::Int(0, i64::MAX), "How many came so far."),
        null("median", Ty::Number(0.0, f64::MAX), "The middle of their times."),
        null("p90", Ty::Number(0.0, f64::MAX), "What nine tenths of their times do not exceed (nearest rank)."),
        null("mean", Ty::Number(0.0, f64::MAX), "The mean of their times."),
        must("open", Ty::Int(0, i64::MAX), "How many have not come so far yet; they are in none of the other figures."),
    ]],
    /// The times of a response.
    IncidentMeasures [MEASURES],
    /// The times of the incidents of a severity.
    IncidentMeasuresOfSeverity [
        &[must("severity", Ty::Word(Severity::NAMES), "The severity.")],
        MEASURES,
    ],
    /// The times of the incidents of a month.
    IncidentMeasuresOfMonth [&[must("month", Ty::Line(7), "The month of their detection, `2026-03`, in UTC.")], MEASURES],
    /// The times of the organization's responses.
    IncidentMetrics [
        MEASURES,
        &[
            must("by_severity", Ty::List(&Ty::Object(IncidentMeasuresOfSeverity::SHAPE), 5), "The same by severity, the gravest first; only those that occur."),
            must("by_month", Ty::List(&Ty::Object(IncidentMeasuresOfMonth::SHAPE), 100_000), "The same by month of detection, the earliest first; only those that occur."),
        ],
    ],
}

const MEASURES: &[Member] = &[
    must("mttd", Ty::Object(IncidentMeasure::SHAPE), "From the beginning to the detection."),
    must("mtta", Ty::Object(IncidentMeasure::SHAPE), "From the detection to the acknowledgement."),
    must("mttc", Ty::Object(IncidentMeasure::SHAPE), "From the detection to the containment."),
    must("mttr", Ty::Object(IncidentMeasure::SHAPE), "From the detection to the resolution."),
];

/// The filters of the metrics: those of the incidents.
pub(super) struct MetricsOf;

impl Listing for MetricsOf {
    const SPEC: &'static ListSpec = Incident::LIST;
    type Item = Shown<Incident>;
    const PAGED: bool = false;
}

fn measured(measures: &Measures) -> Map<String, Value> {
    let shown = |measure: &Measure| {
        json!({
            "n": measure.n, "median": measure.median, "p90": measure.p90, "mean": measure.mean, "open": measure.open,
        })
    };
    Span::NAMES.iter().zip(measures).map(|(name, measure)| ((*name).to_owned(), shown(measure))).collect()
}

fn measured_of(member: &str, group: &str, measures: &Measures) -> Value {
    let mut members = measured(measures);
    members.insert(member.to_owned(), group.into());
    Value::Object(members)
}

/// How long the organization's responses take, over the incidents that the filters match.
#[api_v2_operation(
    tags("Incidents"),
    operation_id = "get_incidents_metrics",
    summary = "How long the organization's responses take"
)]
pub(super) async fn overall(
    call: Call<IncidentRead>,
    ask: Ask<MetricsOf>,
) -> Result<Reply<Is<IncidentMetrics>>, Problem> {
    let query = ask.read()?.query;
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let metrics = metrics::overall(ctx, uow.incident(), &query).await?;
        let mut members = measured(&metrics.all);
        let severities = metrics.by_severity.iter().map(|(s, m)| measured_of("severity", s.as_str(), m)).collect();
        let months = metrics.by_month.iter().map(|(month, m)| measured_of("month", month, m)).collect();
        members.insert("by_severity".into(), Value::Array(severities));
        members.insert("by_month".into(), Value::Array(months));
        Ok(Answer::ok(Value::Object(members)))
    })
    .await
}

/// How long the response to one incident takes.
#[api_v2_operation(
    tags("Incidents"),
    operation_id = "get_incident_metrics",
    summary = "How long the response to an incident takes"
)]
pub(super) async fn of_one(call: Call<IncidentRead>) -> Result<Reply<Is<IncidentMeasures>>, Problem> {
    let id = id(&call)?;
    call.read(async |ctx, uow| -> Result<Answer, Refusal> {
        let measures = metrics::of_one(ctx, uow.incident(), id).await?;
        Ok(Answer::ok(Value::Object(measured(&measures))))
    })
    .await
}
