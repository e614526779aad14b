//! References by name: people by e-mail address, frameworks by key, records by reference or name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use grc_identity::MembershipStatus;
use grc_kernel::{Ctx, Refusal, Uuid};
use grc_transfer::columns::Wanting;
use grc_uow::Uow;

use super::target::{self, PEOPLE, Target};

/// Which ids names stand for.
#[derive(Debug, Default)]
pub struct Names(HashMap<(&'static str, String), Result<Uuid, Wanting>>);

/// How many names are remembered from one group of rows to the next.
const KEPT: usize = 20_000;

impl Names {
    /// The id of a name that was looked for.
    pub fn get(&self, kind: &'static str, name: &str) -> Result<Uuid, Wanting> {
        self.0.get(&(kind, name.to_owned())).copied().unwrap_or(Err(Wanting::None))
    }

    /// Looks for names that are not known yet: a few statements for each kind, however many there are.
    pub async fn look_for(
        &mut self,
        ctx: &Ctx,
        uow: &mut Uow,
        wanted: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<(), Refusal> {
        if self.0.len() > KEPT {
            self.0.clear();
        }
        let mut kinds: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
        for (kind, name) in wanted {
            // What was not there may have come since.
            if !matches!(self.0.get(&(kind, name.clone())), Some(Ok(_))) {
                kinds.entry(kind).or_default().insert(name);
            }
        }
        for (kind, names) in kinds {
            for (name, found) in find(ctx, uow, kind, names.into_iter().collect()).await? {
                self.0.insert((kind, name), found);
            }
        }
        Ok(())
    }
}

type Found = Vec<(String, Result<Uuid, Wanting>)>;

async fn find(ctx: &Ctx, uow: &mut Uow, kind: &'static str, names: Vec<String>) -> Result<Found, Refusal> {
    match kind {
        "user" => people(ctx, uow, names).await,
        "framework" => frameworks(ctx, uow, names).await,
        kind => match target::of_kind(kind) {
            Some(target) if ctx.actor.may(target.read) => records(ctx, uow, target, names).await,
            Some(_) => Ok(names.into_iter().map(|name| (name, Err(Wanting::Hidden))).collect()),
            None => Ok(names.into_iter().map(|name| (name, Err(Wanting::None))).collect()),
        },
    }
}

async fn people(ctx: &Ctx, uow: &mut Uow, names: Vec<String>) -> Result<Found, Refusal> {
    let mut found = Vec::new();
    for name in names {
        let id = if ctx.actor.may(PEOPLE) { person(ctx, uow, &name).await? } else { Err(Wanting::Hidden) };
        found.push((name, id));
    }
    Ok(found)
}

/// An active member of the organization. Whether an address has an account elsewhere makes no difference.
async fn person(ctx: &Ctx, uow: &mut Uow, email: &str) -> Result<Result<Uuid, Wanting>, Refusal> {
    let Some(account) = uow.identity().accounts().find_by_email(email).await? else { return Ok(Err(Wanting::None)) };
    let member = uow.identity().members().find(ctx.org, account.id).await?;
    let active = member.is_some_and(|member| member.membership.status == MembershipStatus::Active);
    Ok(if active { Ok(account.id.0) } else { Err(Wanting::None) })
}

async fn frameworks(ctx: &Ctx, uow: &mut Uow, names: Vec<String>) -> Result<Found, Refusal> {
    let mut found = Vec::new();
    for name in names {
        let framework = uow.assessments().frameworks().find_by_key(ctx.org, &name).await?;
        found.push((name, framework.map(|framework| framework.id.0).ok_or(Wanting::None)));
    }
    Ok(found)
}

async fn records(ctx: &Ctx, uow: &mut Uow, target: &Target, names: Vec<String>) -> Result<Found, Refusal> {
    let mut found = HashMap::new();
    for member in (target.names)() {
        // A reference that is found is not looked for among the names.
        let rest: Vec<String> = names.iter().filter(|name| !found.contains_key(*name)).cloned().collect();
        if rest.is_empty() {
            break;
        }
        let mut here: HashMap<String, Result<Uuid, Wanting>> = HashMap::new();
        for (text, id) in (target.named)(ctx, uow, member, &rest).await? {
            here.entry(text).and_modify(|known| *known = Err(Wanting::Several)).or_insert(Ok(id));
        }
        found.extend(here);
    }
    let of = |name: String| {
        let id = found.get(&name).copied().unwrap_or(Err(Wanting::None));
        (name, id)
    };
    Ok(names.into_iter().map(of).collect())
}
