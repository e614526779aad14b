//! Use cases of organizations.

use grc_kernel::{
    Access, Checker, Ctx, Fact, IfMatch, ListQuery, Meta, OrgId, Page, Patch, Permission, Refusal, Role, kit,
};
use serde_json::{Map, Value};

use crate::{
    model::{Membership, MembershipStatus, Organization},
    ports::IdentityTx,
    rules,
};

const AREA: &str = "organization";
/// The most bytes that an organization's settings may have as JSON.
const SETTINGS_MAX: usize = 65_536;

/// A new organization.
#[derive(Clone, Debug, Default)]
pub struct OpenOrganization {
    /// Its name.
    pub name: String,
    /// A slug of the caller's choice, else it is derived from the name.
    pub slug: Option<String>,
    /// What it does.
    pub industry: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// IANA time zone name.
    pub timezone: Option<String>,
    /// Free settings.
    pub settings: Option<Map<String, Value>>,
}

/// A change of an organization.
#[derive(Clone, Debug, Default)]
pub struct AmendOrganization {
    /// Its name; it cannot be cleared.
    pub name: Patch<String>,
    /// What it does.
    pub industry: Patch<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Patch<String>,
    /// IANA time zone name.
    pub timezone: Patch<String>,
    /// Free settings, replaced as a whole.
    pub settings: Patch<Map<String, Value>>,
}

/// Opens an organization, whose first admin its creator becomes. For platform admins.
///
/// The context is that of the new organization: the caller chooses its id and begins the transaction in it.
pub async fn open(ctx: &Ctx, tx: &mut dyn IdentityTx, command: OpenOrganization) -> Result<Organization, Refusal> {
    if !ctx.actor.platform_admin {
        return Err(Refusal::Duty("this is for platform admins".to_owned()));
    }
    let mut check = Checker::new();
    let name = check.name("name", &command.name);
    let industry = command.industry.map(|text| check.line("industry", &text, 200));
    let country = command.country.map(|text| country(&mut check, &text));
    let timezone = command.timezone.map(|text| timezone(&mut check, &text));
    let settings = command.settings.unwrap_or_default();
    settings_fit(&mut check, &settings);
    if let Some(slug) = &command.slug {
        let canonical = rules::slug(slug);
        check.ensure(canonical == *slug, "slug", "invalid", "must be lower-case letters, digits and single hyphens");
    }
    check.finish()?;
    let slug = match command.slug {
        Some(slug) if tx.organizations().slug_taken(&slug).await? => {
            return Err(Refusal::Conflict(format!("the slug {slug} is taken")));
        }
        Some(slug) => slug,
        None => free_slug(tx, &rules::slug(&name)).await?,
    };
    let meta = Meta::new(ctx);
    let organization =
        Organization { id: ctx.org, name, slug, industry, country, timezone, settings, deleted_at: None, meta };
    tx.organizations().insert(&organization).await?;
    if let Some(user) = ctx.actor.user_id() {
        let membership = Membership {
            id: ctx.new_id(),
            org: ctx.org,
            user,
            role: Role::Admin,
            status: MembershipStatus::Active,
            meta,
        };
        tx.members().insert(&membership).await?;
    }
    tx.journal().record(ctx, Fact::created(&organization)).await?;
    Ok(organization)
}

/// One organization that the caller may see.
pub async fn get(ctx: &Ctx, tx: &mut dyn IdentityTx) -> Result<Organization, Refusal> {
    if !ctx.actor.platform_admin {
        ctx.require(Permission::new(AREA, Access::Read))?;
    }
    find(tx, ctx.org).await
}

/// The organizations that the caller is an active member of; all, for a platform admin.
pub async fn page(ctx: &Ctx, tx: &mut dyn IdentityTx, query: &ListQuery) -> Result<Page<Organization>, Refusal> {
    let member = if ctx.actor.platform_admin { None } else { ctx.actor.user_id() };
    if member.is_none() && !ctx.actor.platform_admin {
        return Ok(Page { items: Vec::new(), next_cursor: None, total: query.total.then_some(0) });
    }
    Ok(tx.organizations().page(member, query).await?)
}

/// Changes an organization.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut dyn IdentityTx,
    if_match: impl Into<IfMatch> + Send,
    command: AmendOrganization,
) -> Result<Organization, Refusal> {
    ctx.require(Permission::new(AREA, Access::Admin))?;
    let before = find(tx, ctx.org).await?;
    kit::unchanged(if_match, before.meta.revision)?;
    let mut check = Checker::new();
    let mut after = before.clone();
    match command.name {
        Patch::Keep => {}
        Patch::Clear => check.note("name", "required", "may not be null"),
        Patch::Set(name) => after.name = check.name("name", &name),
    }
    command.industry.map(|text| check.line("industry", &text, 200)).apply(&mut after.industry);
    command.country.map(|text| country(&mut check, &text)).apply(&mut after.country);
    command.timezone.map(|text| timezone(&mut check, &text)).apply(&mut after.timezone);
    match command.settings {
        Patch::Keep => {}
        Patch::Clear => after.settings = Map::new(),
        Patch::Set(settings) => {
            settings_fit(&mut check, &settings);
            after.settings = settings;
        }
    }
    check.finish()?;
    after.meta.touch(ctx);
    tx.organizations().update(&after, before.meta.revision).await?;
    tx.journal().record(ctx, Fact::updated(&before, &after)).await?;
    Ok(after)
}

/// Deletes an organization: at once absent for everybody, kept 30 days. For platform admins.
pub async fn delete(ctx: &Ctx, tx: &mut dyn IdentityTx, if_match: impl Into<IfMatch> + Send) -> Result<(), Refusal> {
    if !ctx.actor.platform_admin {
        return Err(Refusal::Duty("this is for platform admins".to_owned()));
    }
    let before = find(tx, ctx.org).await?;
    kit::unchanged(if_match, before.meta.revision)?;
    let mut after = before.clone();
    after.deleted_at = Some(ctx.now);
    after.meta.touch(ctx);
    tx.organizations().update(&after, before.meta.revision).await?;
    let fact = Fact { after: None, ..Fact::moved("deleted", &before, &after) };
    tx.journal().record(ctx, fact).await?;
    Ok(())
}

async fn find(tx: &mut dyn IdentityTx, id: OrgId) -> Result<Organization, Refusal> {
    tx.organizations().find(id).await?.ok_or(Refusal::NotFound("organization"))
}

async fn free_slug(tx: &mut dyn IdentityTx, base: &str) -> Result<String, Refusal> {
    let mut slug = base.to_owned();
    // A name shared by more organizations than this wants a slug of its owner's choice.
    for n in 2..1_000 {
        if !tx.organizations().slug_taken(&slug).await? {
            return Ok(slug);
        }
        slug = format!("{base}-{n}");
    }
    Err(Refusal::Conflict(format!("every slug like {base} is taken: choose one")))
}

fn country(check: &mut Checker, text: &str) -> String {
    let code = text.trim().to_uppercase();
    let shaped = code.len() == 2 && code.chars().all(|c| c.is_ascii_uppercase());
    check.ensure(shaped, "country", "invalid", "must be a country code of two letters (ISO 3166-1)");
    code
}

/// An IANA name has the shape `Area/Location`; which ones exist changes several times a year.
fn timezone(check: &mut Checker, text: &str) -> String {
    let name = text.trim();
    let shaped = name == "UTC"
        || name.split('/').count() >= 2
            && name.split('/').all(|part| {
                part.starts_with(|c: char| c.is_ascii_alphabetic())
                    && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+'))
            });
    check.ensure(shaped && name.len() <= 64, "timezone", "invalid", "must be an IANA time zone such as Europe/Athens");
    name.to_owned()
}

fn settings_fit(check: &mut Checker, settings: &Map<String, Value>) {
    let text = Value::Object(settings.clone()).to_string();
    check.ensure(text.len() <= SETTINGS_MAX, "settings", "too_long", format!("may have at most {SETTINGS_MAX} bytes"));
    if text.contains("\\u0000") {
        check.note("settings", "control_character", "may not hold control characters");
    }
}
