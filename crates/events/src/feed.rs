//! The change feed: the journal as far as a reader may see it, in the order of the changes.
//!
//! Within an organization the order of the entries is that of the commits, without a gap, so a reader that remembers the
//! last sequence it saw has seen everything before it. A cursor is that sequence, bound to the organization and the
//! filters.

use grc_kernel::{
    Actor, Field, FieldError, Kind, ListQuery, ListSpec, OrgId, Permission, Role, Uuid,
    journal::{self, Entry},
    list::{Cursor, Filter, Scalar, Test},
};

use crate::{Pattern, Webhook};

/// The parameter that waits for a change, in seconds.
pub const WAIT: &str = "wait";
/// The longest wait, in seconds.
pub const WAIT_MAX: i64 = 30;

/// What the feed can be asked for. The organization is no parameter but part of every cursor.
pub static FEED: ListSpec = ListSpec {
    resource: "changes",
    fields: &[
        Field::new("sequence", Kind::Int).sorts(),
        Field::new("type", Kind::Text).stored_as("action"),
        Field::new("resource_type", Kind::Text),
        Field::new("resource_id", Kind::Id),
        Field { filtered: false, ..Field::new("org_id", Kind::Id) },
    ],
    default_sort: ("sequence", false),
    stored: false,
};

/// The feed of an organization.
#[must_use]
pub fn of(org: OrgId) -> ListQuery {
    FEED.query().only("org_id", vec![Scalar::Id(org.0)])
}

/// What an actor may see of the changes: those of every kind of record that it may read. Kinds that no permission is
/// known for are an unrestricted admin's alone.
#[derive(Clone, Debug)]
pub struct Sight {
    all: bool,
    kinds: Vec<&'static str>,
    known: Vec<&'static str>,
}

impl Sight {
    /// The sight of an actor; with each kind comes what reading it takes.
    pub fn of(actor: &Actor, known: impl IntoIterator<Item = (&'static str, Permission)>) -> Self {
        let known: Vec<_> = known.into_iter().collect();
        Self {
            all: actor.role == Some(Role::Admin) && actor.scopes.is_none(),
            kinds: known.iter().filter(|(_, permission)| actor.may(*permission)).map(|(kind, _)| *kind).collect(),
            known: known.into_iter().map(|(kind, _)| kind).collect(),
        }
    }

    /// Whether changes of a kind are seen.
    #[must_use]
    pub fn sees(&self, kind: &str) -> bool {
        self.all || self.kinds.contains(&kind)
    }

    /// What is wrong with the events of a webhook: types that do not exist, and those that whoever set them up may not
    /// read. A webhook tells its receiver no more than that.
    #[must_use]
    pub fn judge(&self, webhook: &Webhook) -> Vec<FieldError> {
        let wrong = |(i, text): (usize, &String)| {
            let pattern = Pattern::parse(text)?;
            let field = format!("events[{i}]");
            match pattern.kind() {
                Some(kind) if !self.known.contains(&kind) => {
                    Some(FieldError::new(field, "unknown", format!("there is no type of record «{kind}»")))
                }
                Some(kind) if self.sees(kind) => None,
                None if self.all => None,
                _ => Some(FieldError::new(field, "not_allowed", "names events that you may not read")),
            }
        };
        webhook.events.iter().enumerate().filter_map(wrong).collect()
    }
}

/// The request of the journal that a request of the feed stands for.
pub fn asked(request: &ListQuery, sight: &Sight) -> Result<ListQuery, Vec<FieldError>> {
    let mut query = journal::LIST.query().limited(request.limit).within("feed", Test::AnyOf(vec![Scalar::Bool(true)]));
    if !sight.all {
        query = query.within("resource_type", any_of(sight.kinds.iter().map(|kind| (*kind).to_owned())));
    }
    query.sort.descending = request.sort.descending;
    query.after.clone_from(&request.after);
    query.total = request.total;
    for Filter { field, test } in &request.filters {
        query = match (field.name, test) {
            // The caller asks within its organization anyway; the filter is there for the cursor.
            ("org_id", _) => query,
            ("type", Test::AnyOf(texts)) => {
                let types = Types::read("type", texts)?;
                if types.all { query } else { types.any(query) }
            }
            ("type", Test::NoneOf(texts)) => {
                let types = Types::read("type__ne", texts)?;
                if types.all { query.limited(0) } else { types.none(query) }
            }
            ("type", test) => query.within("action", test.clone()),
            (name, test) => query.within(name, test.clone()),
        };
    }
    Ok(query)
}

/// The types that a filter names.
struct Types {
    all: bool,
    kinds: Vec<String>,
    one: Vec<String>,
}

impl Types {
    fn read(param: &str, texts: &[Scalar]) -> Result<Self, Vec<FieldError>> {
        let mut types = Self { all: false, kinds: Vec::new(), one: Vec::new() };
        for text in texts {
            let pattern = match text {
                Scalar::Text(text) => Pattern::parse(text),
                _ => None,
            };
            match pattern {
                Some(Pattern::All) => types.all = true,
                Some(Pattern::Of(kind)) => types.kinds.push(kind),
                Some(Pattern::One(_, whole)) => types.one.push(whole),
                None => {
                    let detail = "must be a type of record, a dot, and a verb or *: risk.created, risk.*";
                    return Err(vec![FieldError::new(param, "invalid", detail)]);
                }
            }
        }
        Ok(types)
    }

    fn any(self, query: ListQuery) -> ListQuery {
        // An index knows the types of records; whatever the verb, the event begins with one.
        let begin = |whole: &String| whole.split('.').next().unwrap_or_default().to_owned();
        let kinds = self.kinds.iter().cloned().chain(self.one.iter().map(begin));
        let query = query.within("resource_type", any_of(kinds));
        let field = |name: &str| journal::LIST.field(name);
        let (Some(action), Some(of)) = (field("action"), field("resource_type")) else { return query.limited(0) };
        match (self.one.is_empty(), self.kinds.is_empty()) {
            (true, _) => query,
            (false, true) => query.within("action", any_of(self.one.into_iter())),
            (false, false) => {
                let one = Filter { field: action, test: any_of(self.one.into_iter()) };
                let kind = Filter { field: of, test: any_of(self.kinds.into_iter()) };
                query.within("action", Test::Any(vec![one, kind]))
            }
        }
    }

    fn none(self, query: ListQuery) -> ListQuery {
        let texts = |words: Vec<String>| Test::NoneOf(words.into_iter().map(Scalar::Text).collect());
        query.within("action", texts(self.one)).within("resource_type", texts(self.kinds))
    }
}

/// The cursor after a page: of its last entry where there is more, else of everything that there was when the page was
/// read, so that it is there at the end too. `head` is the sequence of the organization's newest entry, read before the
/// page was. A feed that is read backwards has an end.
#[must_use]
pub fn resume(request: &ListQuery, last: Option<&Entry>, more: bool, head: i64) -> Option<String> {
    let last = last.map(|entry| entry.sequence);
    if request.sort.descending {
        let value = last.filter(|_| more).map(Scalar::Int)?;
        return Some(Cursor { value: Some(value), id: Uuid::nil() }.encode(request));
    }
    let before = request.after.as_ref().and_then(|cursor| match cursor.value {
        Some(Scalar::Int(sequence)) => Some(sequence),
        _ => None,
    });
    let position = match last {
        Some(last) if more => last,
        last => last.into_iter().chain(before).chain([head]).max().unwrap_or(head),
    };
    // No entry has this id, and of one sequence there is one entry.
    Some(Cursor { value: Some(Scalar::Int(position)), id: Uuid::max() }.encode(request))
}

fn any_of(words: impl Iterator<Item = String>) -> Test {
    Test::AnyOf(words.map(Scalar::Text).collect())
}

#[cfg(test)]
mod tests {
    use grc_kernel::{
        Access, Ctx, Fact,
        access::Scope,
        list::{ListRequest, page_in_memory},
    };

    use super::*;

    const KNOWN: [(&str, Permission); 3] = [
        ("risk", Permission::new("risk", Access::Read)),
        ("vendor", Permission::new("vendor", Access::Read)),
        ("api_key", Permission::new("api_key", Access::Admin)),
    ];

    fn ctx() -> Ctx {
        Ctx::for_tests(OrgId(Uuid::from_u128(1)))
    }

    fn entries() -> Vec<Entry> {
        let ctx = ctx();
        let kinds = ["risk", "vendor", "risk", "api_key", "mystery", "risk", "session"];
        let verbs = ["created", "created", "updated", "created", "created", "deleted", "opened"];
        let facts = kinds
            .into_iter()
            .zip(verbs)
            .map(|(kind, verb)| Fact { feed: kind != "session", ..Fact::note(kind, Uuid::from_u128(9), verb) });
        facts.zip(1..).map(|(fact, sequence)| Entry::chain(&ctx, fact, sequence, [0; 32])).collect()
    }

    fn read(params: &[(&str, &str)]) -> Result<ListQuery, Vec<FieldError>> {
        let params: Vec<_> = params.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        ListRequest::parse_within(of(ctx().org), &[], &params).map(|request| request.query)
    }

    fn seen(actor: &Actor, params: &[(&str, &str)]) -> Result<Vec<i64>, Vec<FieldError>> {
        let query = asked(&read(params)?, &Sight::of(actor, KNOWN))?;
        Ok(page_in_memory(entries().iter(), &query).items.iter().map(|entry| entry.sequence).collect())
    }

    #[test]
    fn the_feed_shows_what_its_reader_may_read() {
        let admin = ctx().actor;
        assert_eq!(seen(&admin, &[]).unwrap(), [1, 2, 3, 4, 5, 6]);
        let viewer = ctx().with_role(Role::Viewer).actor;
        assert_eq!(seen(&viewer, &[]).unwrap(), [1, 2, 3, 6]);
        let scoped = |scope: &str| {
            let mut actor = ctx().actor;
            actor.scopes = Some(Scope::parse(scope).into_iter().collect());
            actor
        };
        assert_eq!(seen(&scoped("risk:read"), &[]).unwrap(), [1, 3, 6]);
        assert_eq!(seen(&scoped("api_key:write"), &[]).unwrap(), [4]);
        assert_eq!(seen(&scoped("api_key:read"), &[]).unwrap(), Vec::<i64>::new());
        assert_eq!(seen(&scoped("risk:read"), &[("resource_type", "vendor")]).unwrap(), Vec::<i64>::new());
    }

    #[test]
    fn types_are_filtered_by_name_and_by_kind() {
        let admin = ctx().actor;
        for (params, expected) in [
            (&[("type", "risk.updated")][..], &[3][..]),
            (&[("type", "risk.*")], &[1, 3, 6]),
            (&[("type", "risk.created"), ("type", "vendor.*")], &[1, 2]),
            (&[("type", "*")], &[1, 2, 3, 4, 5, 6]),
            (&[("type__ne", "risk.*"), ("type__ne", "vendor.created")], &[4, 5]),
            (&[("resource_type", "risk"), ("sequence__gte", "3")], &[3, 6]),
            (&[("type", "risk.*"), ("limit", "2"), ("sort", "-sequence")], &[6, 3]),
        ] {
            assert_eq!(seen(&admin, params).unwrap(), expected, "{params:?}");
        }
        assert_eq!(seen(&admin, &[("type", "risk")]).unwrap_err()[0].field, "type");
        assert_eq!(seen(&admin, &[("type__ne", "Risk.*")]).unwrap_err()[0].field, "type__ne");
    }

    #[test]
    fn a_cursor_is_there_at_the_end_too_and_belongs_to_its_organization() {
        let all = entries();
        let sight = Sight::of(&ctx().actor, KNOWN);
        let mut cursor: Option<String> = None;
        let mut met = Vec::new();
        for expected in [2, 2, 2, 0, 0] {
            let mut params = vec![("limit", "2")];
            params.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let request = read(&params).unwrap();
            let page = page_in_memory(all.iter(), &asked(&request, &sight).unwrap());
            assert_eq!(page.items.len(), expected);
            met.extend(page.items.iter().map(|entry| entry.sequence));
            cursor = resume(&request, page.items.last(), page.next_cursor.is_some(), 7);
        }
        assert_eq!(met, [1, 2, 3, 4, 5, 6]);
        let cursor = cursor.unwrap();
        let elsewhere = of(OrgId(Uuid::from_u128(2)));
        let params = [("cursor".to_owned(), cursor.clone())];
        let errors = ListRequest::parse_within(elsewhere, &[], &params).unwrap_err();
        assert_eq!((errors[0].field.as_str(), errors[0].code), ("cursor", "other_list"));
        assert_eq!(read(&[("cursor", &cursor), ("type", "risk.*")]).unwrap_err()[0].code, "other_list");
        assert_eq!(read(&[("cursor", "nonsense")]).unwrap_err()[0].field, "cursor");
        assert_eq!(read(&[("org_id", "00000000-0000-0000-0000-000000000002")]).unwrap_err()[0].field, "org_id");
    }
}
