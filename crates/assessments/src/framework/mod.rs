//! What is asked: frameworks and their controls. The built-in ones come with the service, an organization
//! imports others.

pub mod catalog;
pub mod oscal;

use grc_kernel::{
    Access, Ctx, Fact, Field, FrameworkId, IfMatch, Kind, ListQuery, ListSpec, Meta, OrgId, Page, Permission, Record,
    Refusal, Resource, kit, list::Scalar, record::with_meta, typed_id, wire_enum,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Assessment, ports::Tx};

const AREA: &str = "framework";

typed_id! {
    /// A control of a framework.
    RequirementId,
}

wire_enum! {
    /// Where a framework comes from.
    pub enum Source {
        /// It comes with the service.
        Builtin = "builtin",
        /// Imported from an OSCAL catalog.
        Oscal = "oscal",
        /// Imported from a table.
        Csv = "csv",
        /// Written by the organization.
        Custom = "custom",
    }
}

/// A framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Framework {
    /// Its id.
    pub id: FrameworkId,
    /// The organization whose own it is; none for a built-in one.
    pub org: Option<OrgId>,
    /// Its handle in `KEY:ref`.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is.
    pub description: String,
    /// Where it comes from.
    pub source: Source,
    /// How many assessable controls it has.
    pub control_count: i64,
    /// The baselines that its controls name.
    pub baselines: Vec<String>,
    /// Bookkeeping.
    pub meta: Meta,
}

impl Record for Framework {
    const TYPE: &'static str = "framework";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        self.meta.revision
    }

    fn snapshot(&self) -> Value {
        let value = json!({
            "id": self.id.to_string(),
            "org_id": self.org.map(|org| org.to_string()),
            "key": self.key,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "source": self.source.as_str(),
            "control_count": self.control_count,
            "baselines": self.baselines,
        });
        with_meta(value, &self.meta)
    }
}

/// A control of a framework: one thing that it asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// Its id.
    pub id: RequirementId,
    /// Its framework.
    pub framework: FrameworkId,
    /// The organization whose framework it is; none for a built-in one.
    pub org: Option<OrgId>,
    /// Its name within the framework: `CC6.1`.
    pub control_ref: String,
    /// Its title.
    pub title: String,
    /// Its family.
    pub family: String,
    /// The family's title.
    pub family_title: String,
    /// What it asks.
    pub description: String,
    /// The baselines that include it.
    pub baselines: Vec<String>,
    /// How to go about it.
    pub guidance: Option<String>,
    /// Phrases that good evidence for it would hold.
    pub evidence_hints: Vec<String>,
    /// The control that it enhances.
    pub parent_ref: Option<String>,
    /// Its place in the framework.
    pub position: i32,
    /// Whether an assessment judges it: headings and withdrawn controls are not.
    pub assessable: bool,
}

impl Record for Requirement {
    const TYPE: &'static str = "framework_control";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        1
    }

    fn snapshot(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "framework_id": self.framework.to_string(),
            "ref": self.control_ref,
            "title": self.title,
            "family": self.family,
            "family_title": self.family_title,
            "description": self.description,
            "baselines": self.baselines,
            "guidance": self.guidance,
            "evidence_hints": self.evidence_hints,
            "parent_ref": self.parent_ref,
            "order": self.position,
            "assessable": self.assessable,
        })
    }
}

/// What the list of frameworks can do.
pub static LIST: ListSpec = ListSpec {
    resource: "frameworks",
    fields: &[
        Field::new("key", Kind::Text).sorts().searches(),
        Field::new("name", Kind::Text).sorts().searches(),
        Field::new("version", Kind::Text),
        Field::new("source", Kind::Choice(Source::NAMES)),
        Field::new("control_count", Kind::Int).sorts(),
        Field::new("created_at", Kind::Time).sorts(),
        Field::new("updated_at", Kind::Time).sorts(),
    ],
    default_sort: ("name", false),
    stored: false,
};

/// What the list of a framework's controls can do.
pub static REQUIREMENTS: ListSpec = ListSpec {
    resource: "framework_controls",
    fields: &[
        Field::new("order", Kind::Int).sorts().stored_as("position"),
        Field::new("ref", Kind::Text).sorts().searches().stored_as("control_ref"),
        Field::new("title", Kind::Text).sorts().searches(),
        Field::new("description", Kind::Text).searches(),
        Field::new("family", Kind::Text).sorts(),
        Field::new("baseline", Kind::Texts).stored_as("baselines"),
        Field::new("parent_ref", Kind::Text).optional(),
        Field::new("assessable", Kind::Bool),
    ],
    default_sort: ("order", false),
    stored: false,
};

/// An import of a framework, already read.
#[derive(Clone, Debug)]
pub struct Import {
    /// The framework's key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is.
    pub description: String,
    /// The controls, in order.
    pub controls: Vec<ImportedControl>,
    /// The document as it came, for the export.
    pub document: String,
}

/// A control of an import.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportedControl {
    /// Its name within the framework.
    pub control_ref: String,
    /// Its title.
    pub title: String,
    /// Its family.
    pub family: String,
    /// The family's title.
    pub family_title: String,
    /// What it asks.
    pub description: String,
    /// How to go about it.
    pub guidance: Option<String>,
    /// The control that it enhances.
    pub parent_ref: Option<String>,
    /// Whether an assessment judges it.
    pub assessable: bool,
}

/// One framework that the caller may see: built in, or of one of the caller's organizations.
pub async fn get(tx: &mut Tx, orgs: &[OrgId], id: FrameworkId) -> Result<Framework, Refusal> {
    tx.frameworks().find(orgs, id).await?.ok_or(Refusal::NotFound("framework"))
}

/// A page of the frameworks that the caller may see.
pub async fn page(tx: &mut Tx, orgs: &[OrgId], query: &ListQuery) -> Result<Page<Framework>, Refusal> {
    Ok(tx.frameworks().page(orgs, query).await?)
}

/// A page of a framework's controls.
pub async fn requirements(
    tx: &mut Tx,
    orgs: &[OrgId],
    id: FrameworkId,
    query: &ListQuery,
) -> Result<Page<Requirement>, Refusal> {
    get(tx, orgs, id).await?;
    Ok(tx.frameworks().page_requirements(id, query).await?)
}

/// One control of a framework, by its id.
pub async fn requirement(
    tx: &mut Tx,
    orgs: &[OrgId],
    id: FrameworkId,
    requirement: RequirementId,
) -> Result<Requirement, Refusal> {
    get(tx, orgs, id).await?;
    tx.frameworks().find_requirement(id, requirement).await?.ok_or(Refusal::NotFound("control"))
}

/// Imports a framework into the organization.
pub async fn import(ctx: &Ctx, tx: &mut Tx, import: Import) -> Result<Framework, Refusal> {
    ctx.require(Permission::new(AREA, Access::Write))?;
    let id: FrameworkId = ctx.new_id();
    let baselines = Vec::new();
    let requirements: Vec<Requirement> = (0_i32..)
        .zip(import.controls)
        .map(|(position, control)| Requirement {
            id: ctx.new_id(),
            framework: id,
            org: Some(ctx.org),
            control_ref: control.control_ref,
            title: control.title,
            family: control.family,
            family_title: control.family_title,
            evidence_hints: Vec::new(),
            description: control.description,
            baselines: Vec::new(),
            guidance: control.guidance,
            parent_ref: control.parent_ref,
            position,
            assessable: control.assessable,
        })
        .collect();

    let assessable = requirements.iter().filter(|requirement| requirement.assessable).count();
    let framework = Framework {
        id,
        org: Some(ctx.org),
        key: import.key,
        name: import.name,
        version: import.version,
        description: import.description,
        source: Source::Oscal,
        control_count: i64::try_from(assessable).unwrap_or(i64::MAX),
        baselines,
        meta: Meta::new(ctx),
    };
    if tx.frameworks().find_by_key(ctx.org, &framework.key).await?.is_some() {
        return Err(Refusal::Conflict(format!("there is a framework with the key {} already", framework.key)));
    }
    match tx.frameworks().insert(&framework, &requirements, &import.document).await {
        Err(grc_kernel::StoreError::Duplicate(_)) => {
            return Err(Refusal::Conflict(format!("there is a framework with the key {} already", framework.key)));
        }
        other => other?,
    }
    tx.journal().record(ctx, Fact::created(&framework)).await?;
    Ok(framework)
}

/// Removes an organization's own framework, unless an assessment uses it.
pub async fn delete(
    ctx: &Ctx,
    tx: &mut Tx,
    id: FrameworkId,
    if_match: impl Into<IfMatch> + Send,
) -> Result<(), Refusal> {
    ctx.require(Permission::new(AREA, Access::Write))?;
    let framework = get(tx, &[ctx.org], id).await?;
    if framework.org != Some(ctx.org) {
        return Err(Refusal::Conflict("a built-in framework stays".into()));
    }
    kit::unchanged(if_match, framework.meta.revision)?;
    let users = Assessment::LIST.query().only("framework_id", vec![Scalar::Id(id.0)]);
    if kit::count::<Assessment>(ctx, tx, &users).await? > 0 {
        return Err(Refusal::Conflict("an assessment uses the framework".into()));
    }
    tx.frameworks().delete(ctx.org, id).await?;
    tx.journal().record(ctx, Fact::deleted(&framework)).await?;
    Ok(())
}
