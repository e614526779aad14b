//! An organization's policies: Rego modules under names, each with its versions.
//!
//! A policy is put whole, as in an Open Policy Agent; what is put becomes the next version of its name. Versions stay
//! when their policy is removed, so that what a decision was taken by can be read later.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Ctx, Fact, IfMatch, Meta, Refusal, Repo, Resource, Rules, StoreError, kit,
    list::{Scalar, Sort},
    resource,
    shape::Ty,
    typed_id,
};
use sha2::{Digest, Sha256};

use crate::{
    engine::{Module, PolicySet, SourceError},
    playbook,
    ports::Tx,
};

/// The most policies of an organization.
pub const POLICIES_MAX: usize = 50;
/// The longest text of a policy, in characters.
pub const REGO_MAX: usize = 65_536;
/// How long the texts of an organization are together at most, in bytes.
pub const TOTAL_MAX: usize = 256 * 1024;
/// The longest name of a policy.
pub const NAME_MAX: usize = 64;
/// What [`check_name`] lets through, as a pattern.
pub const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";

typed_id! {
    /// A policy.
    PolicyId,
}

typed_id! {
    /// A version of a policy.
    VersionId,
}

resource! {
    /// A policy of an organization, in Rego.
    pub struct Policy(PolicyId) as "OpaPolicy" {
        kind: "opa_policy", table: "opa_policies", area: "policy", name: "policy_id", sort: ("policy_id", false),
        write: Access::Admin, delete: Access::Admin,
    }
    /// Its name, as in the path: letters, digits, `-`, `_` and `.`, beginning with a letter or digit.
    policy_id: String = Ty::Line(NAME_MAX), computed, sorts, filters, unique;
    /// Its text, Rego v1. Its package is `org.NAME`.
    rego: String = Ty::Text(REGO_MAX), required, searches, sample(r#""package org.example\n\nimport rego.v1\n\nallow if input.severity == \"low\"\n""#);
    /// Its package.
    package: String = Ty::Line(200), computed, sorts, filters;
    /// Which version of the name it is.
    version: i64 = Ty::Int(1, i64::MAX), computed, sorts;
    /// The SHA-256 of the text, in hex.
    sha256: String = Ty::Line(64), computed, filters;
}

resource! {
    /// A version of a policy, as it was put.
    pub struct Version(VersionId) as "OpaPolicyVersion" {
        kind: "opa_policy_version", table: "opa_policy_versions", area: "policy", name: "policy_id",
        sort: ("version", true), write: Access::Admin, delete: Access::Admin,
    }
    /// The name of the policy.
    policy_id: String = Ty::Line(NAME_MAX), computed, filters;
    /// Its number.
    version: i64 = Ty::Int(1, i64::MAX), computed, sorts;
    /// Its text.
    rego: String = Ty::Text(REGO_MAX), computed;
    /// Its package.
    package: String = Ty::Line(200), computed;
    /// The SHA-256 of the text, in hex.
    sha256: String = Ty::Line(64), computed, filters;
}

#[async_trait]
impl Rules for Policy {
    type Tx = Tx;

    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        if before.is_some_and(|before| before.version == after.version) {
            return Ok(());
        }
        let mut version = Version::blank(ctx.new_id(), ctx.org, Meta::new(ctx));
        version.policy_id.clone_from(&after.policy_id);
        version.version = after.version;
        version.rego.clone_from(&after.rego);
        version.package.clone_from(&after.package);
        version.sha256.clone_from(&after.sha256);
        Ok(Repo::<Version>::insert(tx, &version).await?)
    }
}

#[async_trait]
impl Rules for Version {
    type Tx = Tx;
    const APPEND_ONLY: bool = true;
}

/// Refuses what cannot be the name of a policy.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let first = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let rest = name.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one));
    if first && rest && name.len() <= NAME_MAX {
        return Ok(());
    }
    let detail = format!("must be letters, digits, -, _ and ., {NAME_MAX} at most, beginning with a letter or digit");
    Err(Refusal::field("policy_id", "invalid", detail))
}

/// The policy of a name, for use cases that asked for their own permission.
pub async fn find(ctx: &Ctx, tx: &mut Tx, name: &str) -> Result<Policy, Refusal> {
    let query = Policy::LIST.query().only("policy_id", vec![Scalar::Text(name.to_owned())]).limited(1);
    let found = Repo::<Policy>::page(tx, ctx.org, &query).await?.items.pop();
    found.ok_or(Refusal::NotFound(Policy::KIND))
}

/// The policy of a name.
pub async fn get(ctx: &Ctx, tx: &mut Tx, name: &str) -> Result<Policy, Refusal> {
    ctx.require(Policy::permission(Access::Read))?;
    find(ctx, tx, name).await
}

/// All policies of the organization.
pub async fn all(ctx: &Ctx, tx: &mut Tx) -> Result<Vec<Policy>, Refusal> {
    Ok(Repo::<Policy>::page(tx, ctx.org, &Policy::LIST.query().limited(POLICIES_MAX)).await?.items)
}

/// What an organization's decisions are taken by: what is shipped, and its own.
pub fn set_of(ctx: &Ctx, policies: &[Policy]) -> PolicySet {
    let own = policies.iter().map(|policy| Module { name: policy.policy_id.clone(), rego: policy.rego.clone() });
    PolicySet::new(ctx.org, playbook::modules().into_iter().chain(own).collect())
}

/// The set that a text would stand in as the policy of a name, for an engine to check.
pub async fn candidate(ctx: &Ctx, tx: &mut Tx, name: &str, rego: &str) -> Result<PolicySet, Refusal> {
    ctx.require(Policy::permission(Access::Admin))?;
    check_name(name)?;
    let mut set = set_of(ctx, &all(ctx, tx).await?);
    set.modules.retain(|module| module.name != name);
    let own = set.modules.iter().filter(|module| !module.name.starts_with(playbook::PREFIX));
    let (count, bytes) = own.fold((0, 0), |(count, bytes), module| (count + 1, bytes + module.rego.len()));
    if count >= POLICIES_MAX {
        return Err(Refusal::Conflict(format!("an organization has at most {POLICIES_MAX} policies")));
    }
    if bytes + rego.len() > TOTAL_MAX {
        let detail = format!("the policies of an organization have at most {TOTAL_MAX} bytes together");
        return Err(Refusal::field("rego", "too_long", detail));
    }
    set.modules.push(Module { name: name.to_owned(), rego: rego.to_owned() });
    Ok(PolicySet::new(ctx.org, set.modules))
}

/// Refuses a text in which an engine found something.
pub fn refuse_errors(errors: &[SourceError]) -> Result<(), Refusal> {
    if errors.is_empty() {
        return Ok(());
    }
    let field = |error: &SourceError| grc_kernel::FieldError::new("rego", "rego_error", error.to_string());
    Err(Refusal::Invalid(errors.iter().map(field).collect()))
}

/// Puts a text that an engine found nothing in under a name: as a new policy, or in place of the one there is. The same
/// text again changes nothing. Whether the policy is new comes with it.
pub async fn put(
    ctx: &Ctx,
    tx: &mut Tx,
    name: &str,
    rego: String,
    if_match: impl Into<IfMatch> + Send,
) -> Result<(Policy, bool), Refusal> {
    let if_match = if_match.into();
    // Asked again, because another may have put policies since the text was checked.
    candidate(ctx, tx, name, &rego).await?;
    let sha256 = hex::encode(Sha256::digest(&rego));
    let package = package_of(&rego).unwrap_or_default();
    let before = match find(ctx, tx, name).await {
        Ok(policy) => Some(kit::hold::<Policy>(ctx, tx, policy.id, if_match).await?),
        Err(Refusal::NotFound(_)) if if_match.allows(0) => None,
        Err(refusal) => return Err(refusal),
    };
    if let Some(before) = before.as_ref().filter(|before| before.sha256 == sha256) {
        return Ok((before.clone(), false));
    }
    let (version, name) = (next_version(ctx, tx, name).await?, name.to_owned());
    let changes = Changes::with(move |policy: &mut Policy| {
        policy.policy_id = name;
        policy.rego = rego;
        policy.package = package;
        policy.version = version;
        policy.sha256 = sha256;
    });
    match before {
        Some(before) => {
            let after = kit::put(ctx, tx, &before, changes).await?;
            tx.journal().record(ctx, without_text(Fact::updated(&before, &after))).await?;
            Ok((after, false))
        }
        None => {
            let made = kit::draft(ctx, tx, changes).await?;
            Repo::<Policy>::insert(tx, &made).await.map_err(|error| match error {
                // Two put the same new name at once; the other was first.
                StoreError::Duplicate(_) => Refusal::Conflict("there is a policy of this name already".to_owned()),
                error => error.into(),
            })?;
            Policy::follow(ctx, tx, None, &made).await?;
            tx.journal().record(ctx, without_text(Fact::created(&made))).await?;
            Ok((made, true))
        }
    }
}

/// A fact without the text of the policy: the versions have it, and its digest says which it was.
fn without_text(mut fact: Fact) -> Fact {
    for picture in [&mut fact.before, &mut fact.after].into_iter().flatten() {
        if let Some(members) = picture.as_object_mut() {
            members.remove("rego");
        }
    }
    fact
}

async fn next_version(ctx: &Ctx, tx: &mut Tx, name: &str) -> Result<i64, Refusal> {
    let mut query = Version::LIST.query().only("policy_id", vec![Scalar::Text(name.to_owned())]).limited(1);
    if let Some(field) = Version::LIST.field("version") {
        query.sort = Sort { field, descending: true };
    }
    let last = Repo::<Version>::page(tx, ctx.org, &query).await?.items.pop();
    Ok(last.map_or(1, |last| last.version + 1))
}

/// Removes the policy of a name. Its versions stay.
pub async fn remove(
    ctx: &Ctx,
    tx: &mut Tx,
    name: &str,
    if_match: impl Into<IfMatch> + Send,
) -> Result<Policy, Refusal> {
    ctx.require(Policy::permission(Access::Admin))?;
    let policy = find(ctx, tx, name).await?;
    let policy = kit::hold::<Policy>(ctx, tx, policy.id, if_match).await?;
    Repo::<Policy>::delete(tx, ctx.org, policy.id).await?;
    tx.journal().record(ctx, without_text(Fact::deleted(&policy))).await?;
    Ok(policy)
}

/// The package of a text that compiles.
fn package_of(rego: &str) -> Option<String> {
    let line = rego.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let rest = line.strip_prefix("package")?;
    let name = rest.split('#').next()?.trim();
    // What a package is called in brackets is the same as with dots.
    Some(name.replace("[\"", ".").replace("\"]", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_paths() {
        for good in ["a", "9", "access-control", "a_b.c", "0198c0de-0000-7000-8000-000000000001"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "x".repeat(NAME_MAX + 1);
        for bad in ["", "-a", ".a", "..", "a/b", "a b", "é", "a%2fb", "a\n", "sovereign-grc/facts", long.as_str()] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_package_of_a_text_is_found() {
        assert_eq!(package_of("# one\n\n  package org.access # two\nx := 1").unwrap(), "org.access");
        assert_eq!(package_of("package org[\"access\"].deep").unwrap(), "org.access.deep");
    }
}
