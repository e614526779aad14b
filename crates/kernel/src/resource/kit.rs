//! The use cases that every resource has, and the place where a domain says what is its own.
//!
//! Each asks for the permission first, collects every error of the input, and records one fact last.

use async_trait::async_trait;

use super::{CellRef, Changes, References, Refusal, Repo, Resource};
use crate::{
    IfMatch,
    check::Checker,
    ctx::Ctx,
    fault::{FieldError, StoreResult},
    journal::{Fact, JournalTx},
    list::{Cursor, ListQuery, Page, Scalar, Test},
    record::Meta,
    shape::Ty,
};

/// What is a resource's own. Everything has a default, so a resource without rules says only its transaction.
#[async_trait]
pub trait Rules: Resource {
    /// The transaction that its use cases run in: the domain's.
    type Tx: Repo<Self> + References + JournalTx + Send + ?Sized;
    /// Whether its records are written once: none is changed or removed, nor may the service's role do so.
    const APPEND_ONLY: bool = false;
    /// Whether `settle` looks at records that break limits or name what is not there too, so that all of it is reported
    /// at once. It may then take nothing for granted.
    const THOROUGH: bool = false;

    /// What a client's words imply beyond themselves, seen before they are applied: where it matters whether a member
    /// was said or left as it was. (Of changes that Rust code makes nothing can be asked.)
    fn imply(_before: Option<&Self>, changes: Changes<Self>) -> Changes<Self> {
        changes
    }

    /// What must hold of a new or changed record, and what follows from its members. Runs after the limits and
    /// references held (unless it is thorough); what it notes is reported with the field.
    async fn settle(
        _ctx: &Ctx,
        _tx: &mut Self::Tx,
        _before: Option<&Self>,
        _after: &mut Self,
        _check: &mut Checker,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    /// What a change brings about elsewhere, in the same transaction: the record is stored already.
    async fn follow(_ctx: &Ctx, _tx: &mut Self::Tx, _before: Option<&Self>, _after: &Self) -> Result<(), Refusal> {
        Ok(())
    }

    /// What a list request asks of the store. Where a record shows what follows from the time, a filter on it asks
    /// for what is stored and the time.
    fn asked(_ctx: &Ctx, query: ListQuery) -> ListQuery {
        query
    }

    /// What must hold before a record is removed.
    async fn leave(_ctx: &Ctx, _tx: &mut Self::Tx, _record: &Self) -> Result<(), Refusal> {
        Ok(())
    }

    /// Changes a record for a client; of its own where that is more than a change of the record.
    async fn amend(
        ctx: &Ctx,
        tx: &mut Self::Tx,
        id: Self::Id,
        if_match: IfMatch,
        changes: Changes<Self>,
    ) -> Result<Self, Refusal> {
        amend(ctx, tx, id, if_match, changes).await
    }

    /// Removes a record for a client; of its own where it is not the table's row that goes.
    async fn remove(ctx: &Ctx, tx: &mut Self::Tx, id: Self::Id, if_match: IfMatch) -> Result<Self, Refusal> {
        remove(ctx, tx, id, if_match).await
    }
}

/// A page of a list.
pub async fn page<R: Rules>(ctx: &Ctx, tx: &mut R::Tx, query: &ListQuery) -> Result<Page<R>, Refusal> {
    ctx.require(R::permission(R::READ))?;
    let mut page = Repo::<R>::page(tx, ctx.org, &R::asked(ctx, still_there::<R>(query.clone()))).await?;
    // The cursor belongs to what the client asked, which is the same on the next page.
    let last = page.items.last().filter(|_| page.next_cursor.is_some());
    page.next_cursor = last.map(|last| Cursor::of(query, last).encode(query));
    Ok(page)
}

/// How many records a list request matches, for use cases that asked for their own permission.
pub async fn count<R: Rules>(ctx: &Ctx, tx: &mut R::Tx, query: &ListQuery) -> StoreResult<i64> {
    let groups = Repo::<R>::tally(tx, ctx.org, &still_there::<R>(query.clone()), &[]).await?;
    Ok(groups.first().map_or(0, |(_, count)| *count))
}

/// One record.
pub async fn get<R: Rules>(ctx: &Ctx, tx: &mut R::Tx, id: R::Id) -> Result<R, Refusal> {
    ctx.require(R::permission(R::READ))?;
    find(ctx, tx, id).await
}

/// One record, for use cases that asked for their own permission.
pub async fn find<R: Rules>(ctx: &Ctx, tx: &mut R::Tx, id: R::Id) -> Result<R, Refusal> {
    there(Repo::<R>::find(tx, ctx.org, id).await?)
}

/// The request without the records that count as removed.
fn still_there<R: Resource>(query: ListQuery) -> ListQuery {
    match R::GONE {
        None => query,
        Some((member, word)) => query.within(member, Test::NoneOf(vec![Scalar::Text(word.to_owned())])),
    }
}

fn there<R: Resource>(found: Option<R>) -> Result<R, Refusal> {
    found.filter(|record| !record.is_gone()).ok_or(Refusal::NotFound(R::KIND))
}

/// The same, held against other writers until the transaction ends: for use cases that go on to change it.
pub async fn hold<R: Rules>(
    ctx: &Ctx,
    tx: &mut R::Tx,
    id: R::Id,
    if_match: impl Into<IfMatch> + Send,
) -> Result<R, Refusal> {
    if R::APPEND_ONLY {
        return Err(Refusal::Conflict(format!("{} is never changed or removed", a(R::KIND))));
    }
    let record = there(Repo::<R>::lock(tx, ctx.org, id).await?)?;
    unchanged(if_match, record.meta().revision)?;
    Ok(record)
}

/// Creates a record.
pub async fn create<R: Rules>(ctx: &Ctx, tx: &mut R::Tx, changes: Changes<R>) -> Result<R, Refusal> {
    ctx.require(R::permission(R::WRITE))?;
    add(ctx, tx, changes).await
}

/// The same, for use cases that asked for their own permission.
pub async fn add<R: Rules>(ctx: &Ctx, tx: &mut R::Tx, changes: Changes<R>) -> Result<R, Refusal> {
    let record = draft(ctx, tx, changes).await?;
    Repo::<R>::insert(tx, &record).await.map_err(|error| duplicate::<R>(error))?;
    R::follow(ctx, tx, None, &record).await?;
    tx.journal().record(ctx, Fact::created(&record)).await?;
    Ok(record)
}

/// A new record with everything checked, not stored: what an import's dry run shows.
pub async fn draft<R: Rules>(ctx: &Ctx, tx: &mut R::Tx, changes: Changes<R>) -> Result<R, Refusal> {
    let mut record = R::blank(ctx.new_id(), ctx.org, Meta::new(ctx));
    let mut check = Checker::new();
    let changes = R::imply(None, changes);
    let said_state = R::MACHINE.and_then(|machine| changes.value(machine.field).cloned());
    changes.found(&mut record, ctx.now, &mut check);
    if let Some(machine) = R::MACHINE {
        let initial = machine.initial;
        match record.value(machine.field) {
            Some(CellRef::Text(state)) if !initial.contains(&state) && said_state.is_some() => {
                let detail = format!("must be one of {}", initial.join(", "));
                // A request's shape may have said so already.
                check.extend(vec![FieldError::new(machine.field, "invalid", detail)]);
            }
            _ => {}
        }
    }
    settle(ctx, tx, None, &mut record, check).await?;
    Ok(record)
}

/// Changes a record.
pub async fn amend<R: Rules>(
    ctx: &Ctx,
    tx: &mut R::Tx,
    id: R::Id,
    if_match: impl Into<IfMatch> + Send,
    changes: Changes<R>,
) -> Result<R, Refusal> {
    ctx.require(R::permission(R::WRITE))?;
    let before = hold::<R>(ctx, tx, id, if_match).await?;
    change(ctx, tx, "updated", before, changes).await
}

/// Changes a record that was loaded, for use cases that asked for their own permission: the fact has their name.
pub async fn change<R: Rules>(
    ctx: &Ctx,
    tx: &mut R::Tx,
    verb: &str,
    before: R,
    changes: Changes<R>,
) -> Result<R, Refusal> {
    let after = put(ctx, tx, &before, changes).await?;
    tx.journal().record(ctx, Fact::moved(verb, &before, &after)).await?;
    Ok(after)
}

/// The same without the fact, for use cases that have more to say of it and record it themselves.
pub async fn put<R: Rules>(ctx: &Ctx, tx: &mut R::Tx, before: &R, changes: Changes<R>) -> Result<R, Refusal> {
    let mut after = before.clone();
    let mut check = Checker::new();
    let bound = changes.is_bound();
    R::imply(Some(before), changes).apply(&mut after, &mut check);
    if let Some(machine) = R::MACHINE
        && bound
        && let (Some(CellRef::Text(from)), Some(CellRef::Text(to))) =
            (before.value(machine.field), after.value(machine.field))
        && !machine.allows(from, to)
    {
        return Err(illegal::<R>(from, to));
    }
    settle(ctx, tx, Some(before), &mut after, check).await?;
    after.meta_mut().touch(ctx);
    Repo::<R>::update(tx, &after, before.meta().revision).await.map_err(|error| duplicate::<R>(error))?;
    R::follow(ctx, tx, Some(before), &after).await?;
    Ok(after)
}

/// Moves a record that was loaded to another state, for use cases that are such a move: unlike in a patch, staying is
/// no move.
pub async fn step<R: Rules>(
    ctx: &Ctx,
    tx: &mut R::Tx,
    verb: &str,
    before: R,
    to: &'static str,
    changes: Changes<R>,
) -> Result<R, Refusal> {
    let Some(machine) = R::MACHINE else { return change(ctx, tx, verb, before, changes).await };
    if let Some(CellRef::Text(from)) = before.value(machine.field)
        && !machine.from(from).contains(&to)
    {
        return Err(illegal::<R>(from, to));
    }
    change(ctx, tx, verb, before, changes.set(machine.field, super::Cell::Text(to.to_owned()))).await
}

/// Removes a record.
pub async fn remove<R: Rules>(
    ctx: &Ctx,
    tx: &mut R::Tx,
    id: R::Id,
    if_match: impl Into<IfMatch> + Send,
) -> Result<R, Refusal> {
    ctx.require(R::permission(R::DELETE))?;
    let record = hold::<R>(ctx, tx, id, if_match).await?;
    R::leave(ctx, tx, &record).await?;
    Repo::<R>::delete(tx, ctx.org, id).await.map_err(|error| match error {
        crate::StoreError::Reference(_) => {
            Refusal::Conflict(format!("another record still refers to this {}", R::KIND))
        }
        other => other.into(),
    })?;
    tx.journal().record(ctx, Fact::deleted(&record)).await?;
    Ok(record)
}

/// An illegal move, with the legal ones.
pub fn illegal<R: Resource>(from: &str, to: &str) -> Refusal {
    let available = R::MACHINE.map(|machine| machine.from(from).to_vec()).unwrap_or_default();
    Refusal::Illegal { detail: format!("{} that is {from} cannot become {to}", a(R::KIND)), available }
}

/// One of a kind, in words: `an assessment`, `a risk treatment`.
pub fn a(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {}", kind.replace('_', " "))
}

/// Refuses a caller who saw another revision than the current one.
pub fn unchanged(if_match: impl Into<IfMatch> + Send, current: i64) -> Result<(), Refusal> {
    if if_match.into().allows(current) { Ok(()) } else { Err(Refusal::Stale(current)) }
}

fn duplicate<R: Resource>(error: crate::StoreError) -> Refusal {
    match error {
        crate::StoreError::Duplicate(what) => {
            Refusal::Conflict(format!("there is {} with this {what} already", a(R::KIND)))
        }
        other => other.into(),
    }
}

async fn settle<R: Rules>(
    ctx: &Ctx,
    tx: &mut R::Tx,
    before: Option<&R>,
    after: &mut R,
    mut check: Checker,
) -> Result<(), Refusal> {
    let missing = references(ctx, tx, before, after).await?;
    if R::THOROUGH || (missing.is_empty() && check.is_clean()) {
        R::settle(ctx, tx, before, after, &mut check).await?;
    }
    check.extend(missing);
    Ok(check.finish()?)
}

/// Every reference that was newly set and names nothing.
async fn references<R: Rules>(
    ctx: &Ctx,
    tx: &mut R::Tx,
    before: Option<&R>,
    after: &R,
) -> Result<Vec<FieldError>, Refusal> {
    let mut missed = Vec::new();
    for (member, attr) in R::members().filter(|(member, _)| !member.role.is_the_services()) {
        let now = (attr.get)(after);
        if before.is_some_and(|before| (attr.get)(before) == now) {
            continue;
        }
        let (kind, ids, many) = match (member.ty, now) {
            (Ty::Ref(kind), CellRef::Id(id)) => (kind, vec![id], false),
            (Ty::List(Ty::Ref(kind), _), CellRef::Ids(ids)) => (*kind, ids, true),
            _ => continue,
        };
        let missing = tx.missing(ctx.org, kind, &ids).await?;
        for (i, _) in ids.iter().enumerate().filter(|(_, id)| missing.contains(id)) {
            let field = if many { format!("{}[{i}]", member.name) } else { member.name.to_owned() };
            let detail = match kind {
                "user" => "is not an active member of the organization".to_owned(),
                kind => format!("there is no such {kind}"),
            };
            missed.push(FieldError::new(field, "unknown_reference", detail));
        }
    }
    Ok(missed)
}
