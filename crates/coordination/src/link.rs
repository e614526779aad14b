//! Links: that one record has to do with another, and how.
//!
//! - Both records are there when the link is made, and the caller may read both. A link says types and ids only.
//! - A record is not linked to itself, and no two links say the same; `relates_to` says the same in both directions.
//! - A link is made and removed, never changed. Where one of its records is removed, the link stays and names what was.

use async_trait::async_trait;
use grc_kernel::{
    Checker, Ctx, Refusal, Repo, Resource, Rules, Uuid,
    list::Scalar,
    resource,
    resource::{Ids, Nested, One},
    shape::Ty,
    typed_id, wire_enum,
};

use crate::{ports::Tx, reference::Reference};

typed_id! {
    /// A link.
    LinkId,
}

wire_enum! {
    /// What the first record is to the second.
    pub enum Relation {
        /// They have to do with each other.
        RelatesTo = "relates_to",
        /// It makes it less likely, or less bad.
        Mitigates = "mitigates",
        /// It brings it about.
        Causes = "causes",
        /// It shows it.
        Evidences = "evidences",
        /// It needs it.
        DependsOn = "depends_on",
        /// It acts on it.
        Affects = "affects",
    }
}

resource! {
    /// That one record has to do with another.
    pub struct Link(LinkId) as "Link" {
        kind: "link", table: "links", area: "link", name: "id", sort: ("created_at", true),
    }
    /// The record that the relation is read from.
    from: One<Reference> = Ty::Object(Reference::SHAPE), required, fixed, stored_as("from_record");
    /// The record that it leads to.
    to: One<Reference> = Ty::Object(Reference::SHAPE), required, fixed, stored_as("to_record");
    /// What the first is to the second.
    relation: Relation = Ty::Word(Relation::NAMES), required, fixed;
    /// The type of the first record, to filter by.
    from_type: String = Ty::Line(100), computed, filters;
    /// The id of the first record, to filter by.
    from_id: Uuid = Ty::Id, computed;
    /// The type of the second record, to filter by.
    to_type: String = Ty::Line(100), computed, filters;
    /// The id of the second record, to filter by.
    to_id: Uuid = Ty::Id, computed;
    /// The ids of both, to ask where a record is used.
    record_ids: Ids<Uuid> = Ty::List(&Ty::Id, 2), computed, asked_as("record_id");
}

#[async_trait]
impl Rules for Link {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if before.is_some() {
            return Ok(());
        }
        let (from, to) = (after.from.0.clone(), after.to.0.clone());
        from.check(ctx, tx, "from", check).await?;
        to.check(ctx, tx, "to", check).await?;
        if !check.is_clean() {
            return Ok(());
        }
        if from.id == to.id {
            return Err(Refusal::Conflict("a record is not linked to itself".to_owned()));
        }
        if exists(ctx, tx, from.id, to.id, after.relation).await?
            || (after.relation == Relation::RelatesTo && exists(ctx, tx, to.id, from.id, after.relation).await?)
        {
            return Err(Refusal::Conflict("this link exists already".to_owned()));
        }
        (after.from_type, after.from_id) = (from.kind, from.id);
        (after.to_type, after.to_id) = (to.kind, to.id);
        after.record_ids = Ids(vec![from.id, to.id]);
        Ok(())
    }
}

/// Whether there is such a link. The table's own index stands behind this against a request at the same moment.
async fn exists(ctx: &Ctx, tx: &mut Tx, from: Uuid, to: Uuid, relation: Relation) -> Result<bool, Refusal> {
    let query = Link::LIST
        .query()
        .only("from_id", vec![Scalar::Id(from)])
        .only("to_id", vec![Scalar::Id(to)])
        .only("relation", vec![Scalar::Text(relation.as_str().to_owned())])
        .limited(1);
    Ok(!Repo::<Link>::page(tx, ctx.org, &query).await?.items.is_empty())
}
