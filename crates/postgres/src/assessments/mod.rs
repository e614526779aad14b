//! What the assessments domain needs beyond what every resource has: frameworks, and statements over many records.

mod framework;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, Insertable, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use grc_assessments::{
    Control, Finding, ScopeItem,
    control::{ControlFacts, EvidenceFact},
    finding::{Lifecycle, Severity, Tally, Verdict},
    ports::Assessing,
};
use grc_kernel::{AssessmentId, Kind, OrgId, StoreResult, list::Scalar};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error,
    list::{Parts, Statement},
    schema::assessment_scope,
    tx::PgTx,
};

pub(crate) use framework::seed;

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = assessment_scope)]
struct ScopeRow {
    org_id: Uuid,
    assessment_id: Uuid,
    ordinal: i32,
    control_ref: String,
    evaluated: bool,
}

#[derive(QueryableByName)]
struct Proof {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    filename: String,
    #[diesel(sql_type = Bool)]
    rejected: bool,
    #[diesel(sql_type = Timestamptz)]
    collected_at: OffsetDateTime,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    valid_until: Option<OffsetDateTime>,
}

#[derive(QueryableByName)]
struct OpenCount {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    failures: i64,
    #[diesel(sql_type = BigInt)]
    partials: i64,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = Text)]
    family: String,
    #[diesel(sql_type = Text)]
    family_title: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Text)]
    severity: String,
    #[diesel(sql_type = Text)]
    lifecycle: String,
    #[diesel(sql_type = Bool)]
    cited: bool,
    #[diesel(sql_type = Bool)]
    needs_review: bool,
    #[diesel(sql_type = Bool)]
    unassigned: bool,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn word<W>(parse: fn(&str) -> Option<W>, column: &'static str, text: &str) -> StoreResult<W> {
    parse(text).ok_or_else(|| error::corrupt("findings", column, text))
}

#[async_trait]
impl Assessing for PgTx {
    /// Two statements for any number of controls.
    async fn facts(&mut self, org: OrgId, items: &[Control]) -> StoreResult<Vec<ControlFacts>> {
        let ids: BTreeSet<Uuid> = items.iter().flat_map(|c| c.evidence.0.iter().map(|id| id.0)).collect();
        let ids: Vec<Scalar> = ids.into_iter().map(Scalar::Id).collect();
        let mut known: BTreeMap<Uuid, EvidenceFact> = BTreeMap::new();
        if !ids.is_empty() {
            let statement = Parts::default()
                .sql(
                    "SELECT id, filename, review = 'rejected' AS rejected, collected_at, valid_until FROM evidence \
                     WHERE status = 'stored' AND org_id = ",
                )
                .id(org)
                .sql(" AND id = ANY (")
                .array(Kind::Ids, ids)
                .sql(")");
            let proofs: Vec<Proof> = Statement(statement).load(self.connection()?).await.map_err(error::store)?;
            for Proof { id, filename, rejected, collected_at, valid_until } in proofs {
                known.insert(id, EvidenceFact { filename, rejected, collected_at, valid_until });
            }
        }
        let names = items.iter().flat_map(|c| c.requirements.iter()).filter_map(|name| name.split_once(':'));
        let refs: BTreeSet<&str> = names.map(|(_, tail)| tail).collect();
        let refs: Vec<Scalar> = refs.into_iter().map(|tail| Scalar::Text(tail.to_owned())).collect();
        let mut open: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        if !refs.is_empty() {
            let statement = Parts::default()
                .sql(
                    "SELECT framework_key || ':' || control_ref AS name, \
                     count(*) FILTER (WHERE status = 'fail') AS failures, \
                     count(*) FILTER (WHERE status = 'partial') AS partials \
                     FROM findings WHERE lifecycle IN ('open', 'in_progress') AND status IN ('fail', 'partial') \
                     AND org_id = ",
                )
                .id(org)
                .sql(" AND control_ref = ANY (")
                .array(Kind::Texts, refs)
                .sql(") GROUP BY framework_key, control_ref");
            let counts: Vec<OpenCount> = Statement(statement).load(self.connection()?).await.map_err(error::store)?;
            open.extend(counts.into_iter().map(|count| (count.name, (count.failures, count.partials))));
        }
        let facts = |control: &Control| {
            let counts = control.requirements.iter().filter_map(|name| open.get(name));
            let (open_failures, open_partials) = counts.fold((0, 0), |sum, (f, p)| (sum.0 + f, sum.1 + p));
            let evidence = control.evidence.0.iter().filter_map(|id| known.get(&id.0).cloned()).collect();
            ControlFacts { evidence, open_failures, open_partials }
        };
        Ok(items.iter().map(facts).collect())
    }

    async fn one_at_a_time(&mut self, org: OrgId) -> StoreResult<()> {
        let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended('executions:{}', 0))", org.0);
        self.connection()?.batch_execute(&lock).await.map_err(error::store)
    }

    async fn set_scope(&mut self, org: OrgId, id: AssessmentId, scope: &[ScopeItem]) -> StoreResult<()> {
        for chunk in scope.chunks(5_000) {
            let row = |item: &ScopeItem| ScopeRow {
                org_id: org.0,
                assessment_id: id.0,
                ordinal: item.ordinal,
                control_ref: item.control_ref.clone(),
                evaluated: item.evaluated,
            };
            diesel::insert_into(assessment_scope::table)
                .values(chunk.iter().map(row).collect::<Vec<_>>())
                .execute(self.connection()?)
                .await
                .map_err(error::store)?;
        }
        Ok(())
    }

    async fn next_scope(&mut self, org: OrgId, id: AssessmentId, limit: usize) -> StoreResult<Vec<ScopeItem>> {
        let rows: Vec<ScopeRow> = assessment_scope::table
            .filter(assessment_scope::org_id.eq(org.0))
            .filter(assessment_scope::assessment_id.eq(id.0))
            .filter(assessment_scope::evaluated.eq(false))
            .order(assessment_scope::ordinal)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(ScopeRow::as_select())
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        let item =
            |row: ScopeRow| ScopeItem { ordinal: row.ordinal, control_ref: row.control_ref, evaluated: row.evaluated };
        Ok(rows.into_iter().map(item).collect())
    }

    async fn mark_evaluated(&mut self, org: OrgId, id: AssessmentId, ordinals: &[i32]) -> StoreResult<()> {
        diesel::update(assessment_scope::table)
            .filter(assessment_scope::org_id.eq(org.0))
            .filter(assessment_scope::assessment_id.eq(id.0))
            .filter(assessment_scope::ordinal.eq_any(ordinals.to_vec()))
            .set(assessment_scope::evaluated.eq(true))
            .execute(self.connection()?)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    /// The foreign keys of both tables cascade.
    async fn drop_results(&mut self, _org: OrgId, _id: AssessmentId) -> StoreResult<()> {
        Ok(())
    }

    async fn insert_new(&mut self, findings: &[Finding]) -> StoreResult<usize> {
        self.insert_new_ones(findings).await
    }

    async fn tally_findings(&mut self, org: OrgId, assessment: Option<AssessmentId>) -> StoreResult<Vec<Tally>> {
        let mut statement = Parts::default()
            .sql(
                "SELECT family, family_title, status, severity, lifecycle, jsonb_array_length(citations) > 0 AS cited, \
                 needs_review, owner_id IS NULL AS unassigned, count(*) AS count FROM findings WHERE org_id = ",
            )
            .id(org);
        if let Some(id) = assessment {
            statement = statement.sql(" AND assessment_id = ").id(id);
        }
        let rows: Vec<Group> = Statement(statement.sql(" GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"))
            .load(self.connection()?)
            .await
            .map_err(error::store)?;
        let tally = |group: Group| {
            Ok(Tally {
                status: word(Verdict::parse, "status", &group.status)?,
                severity: word(Severity::parse, "severity", &group.severity)?,
                lifecycle: word(Lifecycle::parse, "lifecycle", &group.lifecycle)?,
                family: group.family,
                family_title: group.family_title,
                cited: group.cited,
                needs_review: group.needs_review,
                unassigned: group.unassigned,
                count: group.count,
            })
        };
        rows.into_iter().map(tally).collect()
    }
}
