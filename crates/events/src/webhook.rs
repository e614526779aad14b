//! Webhooks: addresses that are told of changes.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, FieldError, IfMatch, Refusal, Rules, kit, resource,
    shape::{Preset, Ty, may},
    typed_id, wire_enum,
};
use time::{Duration, OffsetDateTime};

use crate::{Pattern, Secret, Sight, pattern, ports::Tx};

/// The most webhooks of an organization.
pub const WEBHOOKS_MAX: i64 = 25;
/// The most patterns of a webhook.
pub const EVENTS_MAX: usize = 50;
/// How long the former secret signs too, after another was made.
pub const GRACE: Duration = Duration::hours(24);

typed_id! {
    /// A webhook.
    WebhookId,
}

wire_enum! {
    /// Whether a webhook is told of changes.
    pub enum Status {
        /// It is.
        Active = "active",
        /// It is not. What changes meanwhile is delivered when it is active again.
        Disabled = "disabled",
    }
}

wire_enum! {
    /// Why a webhook is disabled.
    pub enum Reason {
        /// Somebody wanted it.
        Manual = "manual",
        /// Its receiver answered 410: it is gone.
        Gone = "gone",
    }
}

resource! {
    /// An address that is told of changes, by Standard Webhooks 1.0.
    pub struct Webhook(WebhookId) as "Webhook" {
        kind: "webhook", table: "webhooks", area: "webhook", name: "url", sort: ("created_at", true),
        read: Access::Admin, write: Access::Admin, delete: Access::Admin,
        extra: &[may("secret", Ty::Line(100), "What deliveries are signed with, shown once.").occasional()],
    }
    /// Where deliveries are sent: https, on the open internet.
    url: String = Ty::Url, required, sorts, searches, sample("\"https://hooks.example.org/grc\"");
    /// The events that it is told of: `risk.created`, `risk.*` for all of a type of record, `*` for all.
    events: Vec<String> = Ty::List(&Ty::Line(pattern::LENGTH_MAX), EVENTS_MAX), required, at_least(1), of_form(pattern::FORM), sample("[\"risk.*\"]");
    /// What it is for.
    description: Option<String> = Ty::Text(2_000), searches;
    /// Whether it is told of changes.
    status: Status = Ty::Word(Status::NAMES), preset(Preset::Text("active"));
    /// Why it is disabled.
    disabled_reason: Option<Reason> = Ty::Word(Reason::NAMES), computed;
    /// Since when it is disabled.
    disabled_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// Until when the former secret signs too.
    previous_secret_expires_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// What deliveries are signed with.
    signing_secret: Secret = Ty::Line(100), hidden;
    /// What they were signed with before.
    previous_secret: Option<Secret> = Ty::Line(100), hidden;
}

#[async_trait]
impl Rules for Webhook {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        _: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        check.ensure(!after.events.is_empty(), "events", "required", "must name an event at least");
        for (i, text) in after.events.iter().enumerate() {
            let detail = "must be *, or a type of record, a dot, and a verb or *: risk.created, risk.*";
            check.ensure(Pattern::parse(text).is_some(), &format!("events[{i}]"), "invalid", detail);
        }
        check.ensure(after.signing_secret.works(), "secret", "required", "is made together with the webhook");
        match after.status {
            Status::Active => (after.disabled_reason, after.disabled_at) = (None, None),
            Status::Disabled if before.is_none_or(|before| before.status == Status::Active) => {
                after.disabled_reason = after.disabled_reason.or(Some(Reason::Manual));
                after.disabled_at = Some(ctx.now);
            }
            Status::Disabled => {}
        }
        Ok(())
    }

    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        let active = after.status == Status::Active;
        match before {
            // The head is held until this transaction ends, so the next change is the creation itself, and what comes
            // after that is the webhook's.
            None => {
                let position = tx.hold_head(ctx.org).await? + 1;
                tx.open(ctx.org, after.id, position, active).await?;
            }
            Some(before) if before.status != after.status || before.url != after.url => {
                tx.switch(ctx.org, after.id, active).await?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        Ok(tx.forget(ctx.org, record.id).await?)
    }
}

impl Webhook {
    /// The secrets that sign at a time, the newest first.
    #[must_use]
    pub fn secrets_at(&self, now: OffsetDateTime) -> Vec<Secret> {
        let former =
            self.previous_secret.clone().filter(|_| self.previous_secret_expires_at.is_some_and(|at| at > now));
        [self.signing_secret.clone()].into_iter().chain(former).collect()
    }

    /// Whether it is told of an event.
    #[must_use]
    pub fn wants(&self, event: &str) -> bool {
        self.events.iter().filter_map(|text| Pattern::parse(text)).any(|pattern| pattern.matches(event))
    }
}

/// Makes a webhook and its secret, which is shown now and never again. `judged` is what is wrong with the address: what
/// may be sent to is not this domain's to say.
pub async fn create(
    ctx: &Ctx,
    tx: &mut Tx,
    changes: Changes<Webhook>,
    judged: Option<FieldError>,
    sight: &Sight,
    random: [u8; 32],
) -> Result<(Webhook, Secret), Refusal> {
    ctx.require(Webhook::writing())?;
    if kit::count::<Webhook>(ctx, tx, &<Webhook as grc_kernel::Resource>::LIST.query()).await? >= WEBHOOKS_MAX {
        return Err(Refusal::Conflict(format!("an organization has at most {WEBHOOKS_MAX} webhooks")));
    }
    let secret = Secret::of(random);
    let kept = secret.clone();
    let changes = changes.and(move |webhook: &mut Webhook| webhook.signing_secret = kept);
    let made = judge(kit::create(ctx, tx, changes).await, judged, sight)?;
    Ok((made, secret))
}

/// Changes a webhook. What it is told of must be what whoever changes it may read, also where only its address changes.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut Tx,
    id: WebhookId,
    if_match: IfMatch,
    changes: Changes<Webhook>,
    judged: Option<FieldError>,
    sight: &Sight,
) -> Result<Webhook, Refusal> {
    judge(kit::amend(ctx, tx, id, if_match, changes).await, judged, sight)
}

/// Gives a webhook another secret. For a day deliveries are signed with the former one too.
pub async fn rotate(ctx: &Ctx, tx: &mut Tx, id: WebhookId, random: [u8; 32]) -> Result<(Webhook, Secret), Refusal> {
    ctx.require(Webhook::writing())?;
    let before = kit::hold::<Webhook>(ctx, tx, id, None).await?;
    let secret = Secret::of(random);
    let (kept, until) = (secret.clone(), ctx.now + GRACE);
    let changes = Changes::with(move |webhook: &mut Webhook| {
        webhook.previous_secret = Some(std::mem::replace(&mut webhook.signing_secret, kept));
        webhook.previous_secret_expires_at = Some(until);
    });
    Ok((kit::change(ctx, tx, "secret_rotated", before, changes).await?, secret))
}

impl Webhook {
    /// What it takes to set one up.
    const fn writing() -> grc_kernel::Permission {
        grc_kernel::Permission::new("webhook", Access::Admin)
    }
}

/// Everything that is wrong with the input, together.
fn judge(outcome: Result<Webhook, Refusal>, judged: Option<FieldError>, sight: &Sight) -> Result<Webhook, Refusal> {
    let (webhook, mut errors) = match outcome {
        Ok(webhook) => (Some(webhook), Vec::new()),
        Err(Refusal::Invalid(errors)) => (None, errors),
        Err(refusal) => return Err(refusal),
    };
    errors.extend(judged.filter(|judged| !errors.iter().any(|error| error.field == judged.field)));
    errors.extend(webhook.iter().flat_map(|webhook| sight.judge(webhook)));
    match webhook {
        Some(webhook) if errors.is_empty() => Ok(webhook),
        _ => Err(Refusal::Invalid(errors)),
    }
}
