//! Which kinds of records are searched, who may see hits of them, and the search of the backend in memory.

use std::sync::LazyLock;

use grc_kernel::Ctx;
use grc_search::Source;

use crate::registry;

/// Everything that is searched: the declared resources with searched members, then what is searched besides.
static SOURCES: LazyLock<Vec<Source>> =
    LazyLock::new(|| registry::resources().filter_map(Source::of).chain(Source::others()).collect());

/// Everything that is searched.
pub fn sources() -> &'static [Source] {
    &SOURCES
}

/// A kind of record by its name.
pub fn kind(name: &str) -> Option<&'static str> {
    sources()
        .iter()
        .map(|source| source.kind)
        .chain(registry::resources().map(|one| one.kind))
        .find(|kind| *kind == name)
}

/// The kinds that a caller may read, of those that were asked for (of all where none were), and whether that is
/// everything.
pub fn readable(ctx: &Ctx, asked: &[&'static str]) -> (Vec<&'static str>, bool) {
    let readable = sources().iter().filter(|source| ctx.actor.may(source.right));
    let kinds: Vec<_> =
        readable.map(|source| source.kind).filter(|kind| asked.is_empty() || asked.contains(kind)).collect();
    let every = kinds.len() == sources().len();
    (kinds, every)
}
