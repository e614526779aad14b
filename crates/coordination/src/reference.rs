//! A record of any kind, named by its type and id.

use grc_kernel::{Checker, Ctx, StoreResult, Uuid, nested, shape::Ty};

use crate::ports::Tx;

nested! {
    /// A record of the organization, of any kind.
    pub struct Reference as "RecordReference" {
        /// Its type, as in the audit log: `risk`, `vendor`, `finding`.
        kind: String = Ty::Line(100), required, named("type"), sample("\"risk\"");
        /// Its id.
        id: Uuid = Ty::Id, required;
    }
}

impl Reference {
    /// Sees to it that the record is there, for the caller: what he may not read is as if it were not.
    pub(crate) async fn check(&self, ctx: &Ctx, tx: &mut Tx, field: &str, check: &mut Checker) -> StoreResult<()> {
        match tx.kind_named(&self.kind) {
            Some((kind, permission)) if ctx.actor.may(permission) => {
                let known = tx.missing(ctx.org, kind, &[self.id]).await?.is_empty();
                check.ensure(known, &format!("{field}.id"), "unknown_reference", format!("there is no such {kind}"));
            }
            _ => check.note(format!("{field}.type"), "unknown", "there is no such kind of record"),
        }
        Ok(())
    }
}
