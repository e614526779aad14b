//! Dependencies: what a process or an asset needs, and what stands in for what.
//!
//! - A node does not depend on itself, and on another only once: 409. Cycles are welcome; the consistency check
//!   reports them.
//! - Source and target are set at creation. An edge that leads elsewhere is another edge.
//! - Members of the same `redundancy_group` of the same source stand in for each other: `needed` of them have to
//!   work. The number belongs to the group. A new member that does not say it takes the group's (1 in a new group);
//!   one that says another is refused; changing it at one member changes it at all.
//! - A node that others depend on cannot be removed: 409. Its own dependencies go with it.

use async_trait::async_trait;
use grc_continuity::{DependencyType, Edge, Strength};
use grc_kernel::{
    Checker, Ctx, Refusal, Repo, Resource, Rules, Uuid,
    list::Scalar,
    nested, resource,
    resource::{Nested, One},
    shape::{Preset, Ty},
    typed_id, wire_enum,
};

use crate::ports::Tx;

typed_id! {
    /// A dependency.
    DependencyId,
}

wire_enum! {
    /// The kinds of nodes. The words are also the kinds of the records.
    pub enum NodeType {
        /// A process.
        Process = "process",
        /// An asset.
        Asset = "asset",
    }
}

nested! {
    /// A process or an asset, by its id.
    pub struct End as "NodeReference" {
        /// Its id.
        id: Uuid = Ty::Id, required;
        /// Which of them it is.
        kind: NodeType = Ty::Word(NodeType::NAMES), required, named("type");
    }
}

resource! {
    /// The source depends on the target.
    pub struct Dependency(DependencyId) as "Dependency" {
        kind: "dependency", table: "bcm_dependencies", area: "bcm", name: "id", sort: ("created_at", true),
    }
    /// What depends.
    source: One<End> = Ty::Object(End::SHAPE), required, fixed;
    /// What it depends on.
    target: One<End> = Ty::Object(End::SHAPE), required, fixed;
    /// The source's id, to filter by.
    source_id: Uuid = Ty::Id, computed;
    /// The target's id, to filter by.
    target_id: Uuid = Ty::Id, computed;
    /// Whether the source does not work without the target, or works better with it.
    dependency_type: DependencyType = Ty::Word(DependencyType::NAMES), preset(Preset::Text("requires"));
    /// Whether the loss of the target stops the source. Only a hard requirement does.
    strength: Strength = Ty::Word(Strength::NAMES), preset(Preset::Text("hard"));
    /// Dependencies of the same source with the same group stand in for each other.
    redundancy_group: Option<String> = Ty::Line(100), filters, searches;
    /// How many of the group have to work; the same on each member.
    needed: Option<i64> = Ty::Int(1, 1_000);
}

#[async_trait]
impl Rules for Dependency {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if before.is_none() {
            after.source_id = after.source.0.id;
            after.target_id = after.target.0.id;
            after.is_new(ctx, tx, check).await?;
        }
        if check.is_clean() { after.group(ctx, tx, before, check).await } else { Ok(()) }
    }

    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        let stayed = before.is_some_and(|before| before.redundancy_group == after.redundancy_group);
        if stayed && after.redundancy_group.is_some() && before.is_some_and(|before| before.needed != after.needed) {
            tx.set_needed(ctx, after).await?;
        }
        Ok(())
    }
}

impl Dependency {
    /// The dependency as an edge of the graph.
    pub fn to_edge(&self) -> Edge {
        Edge {
            source: self.source_id,
            target: self.target_id,
            dependency_type: self.dependency_type,
            strength: self.strength,
            redundancy_group: self.redundancy_group.clone(),
            needed: self.needed.and_then(|needed| u32::try_from(needed).ok()),
        }
    }

    /// Its ends exist and differ, and are not joined already.
    async fn is_new(&self, ctx: &Ctx, tx: &mut Tx, check: &mut Checker) -> Result<(), Refusal> {
        for (field, end) in [("source.id", &self.source.0), ("target.id", &self.target.0)] {
            let known = tx.missing(ctx.org, end.kind.as_str(), &[end.id]).await?.is_empty();
            check.ensure(known, field, "unknown_reference", format!("there is no such {}", end.kind));
        }
        if !check.is_clean() {
            return Ok(());
        }
        if self.source_id == self.target_id {
            return Err(Refusal::Conflict("a process or asset cannot depend on itself".to_owned()));
        }
        // The table's own index stands behind this against a request at the same moment.
        let query = Self::LIST
            .query()
            .only("source_id", vec![Scalar::Id(self.source_id)])
            .only("target_id", vec![Scalar::Id(self.target_id)])
            .limited(1);
        if Repo::<Self>::page(tx, ctx.org, &query).await?.items.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Conflict("this dependency exists already".to_owned()))
        }
    }

    /// Brings `needed` and the group into agreement.
    async fn group(
        &mut self,
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        let unsaid = before.is_some_and(|before| before.needed == self.needed);
        let Some(group) = self.redundancy_group.clone() else {
            if unsaid {
                self.needed = None;
            }
            check.ensure(self.needed.is_none(), "needed", "no_group", "makes sense in a redundancy_group only");
            return Ok(());
        };
        // Held, so that two members that join at the same moment see each other.
        if !tx.hold(ctx.org, &self.source.0).await? {
            check.note("source.id", "unknown_reference", format!("there is no such {}", self.source.0.kind));
            return Ok(());
        }
        let joins = before.is_none_or(|before| before.redundancy_group.as_ref() != Some(&group));
        let known = if joins { self.needed_by(ctx, tx, &group).await? } else { None };
        match (known, self.needed) {
            (Some(known), Some(said)) if said != known && !unsaid => {
                let detail = format!("the group needs {known} of its members; change it at one of them first");
                check.note("needed", "inconsistent", detail);
            }
            (Some(known), _) => self.needed = Some(known),
            (None, said) => self.needed = Some(said.unwrap_or(1)),
        }
        Ok(())
    }

    /// How many members the group needs, as any other member says.
    async fn needed_by(&self, ctx: &Ctx, tx: &mut Tx, group: &str) -> Result<Option<i64>, Refusal> {
        let query = Self::LIST
            .query()
            .only("source_id", vec![Scalar::Id(self.source_id)])
            .only("redundancy_group", vec![Scalar::Text(group.to_owned())])
            .limited(2);
        let members = Repo::<Self>::page(tx, ctx.org, &query).await?.items;
        Ok(members.into_iter().find(|member| member.id != self.id).and_then(|member| member.needed))
    }
}

/// What must hold before a node is removed: nothing else depends on it. Its own dependencies go with it.
pub(crate) async fn leave(ctx: &Ctx, tx: &mut Tx, node: Uuid) -> Result<(), Refusal> {
    let query = Dependency::LIST.query().only("target_id", vec![Scalar::Id(node)]);
    let count = Repo::<Dependency>::tally(tx, ctx.org, &query, &[]).await?.first().map_or(0, |(_, count)| *count);
    if count > 0 {
        let what = if count == 1 { "a dependency leads".to_owned() } else { format!("{count} dependencies lead") };
        return Err(Refusal::Conflict(format!("{what} to it: remove what depends on it first, or the dependencies")));
    }
    tx.forget(ctx.org, node).await?;
    Ok(())
}
