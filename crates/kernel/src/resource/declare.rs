//! The macros that declare resources and the objects inside them.

/// Declares a resource: the record, and everything that [`crate::resource::Resource`] says of it.
///
/// ```
/// use grc_kernel::{resource, shape::Ty, typed_id};
///
/// typed_id! {
///     /// A cabinet.
///     CabinetId,
/// }
///
/// resource! {
///     /// A cabinet of the archive.
///     pub struct Cabinet(CabinetId) as "Cabinet" {
///         kind: "cabinet", table: "cabinets", area: "bcm", name: "label", sort: ("created_at", true),
///     }
///     /// What stands on it.
///     label: String = Ty::Line(200), required, sorts, searches;
///     /// How many drawers it has.
///     drawers: i64 = Ty::Int(1, 100), required;
///     /// Where it stands.
///     place: Option<String> = Ty::Line(200);
/// }
/// ```
///
/// Each member has its documentation, its Rust type (an `Option` may be null), its [`crate::shape::Ty`] with the
/// limits, and any of `required`, `fixed`, `later`, `computed`, `write_only`, `hidden`, `sorts`, `filters`,
/// `searches`, `unique`, `preset(..)`, `named("..")`, `stored_as("..")`, `asked_as("..")`, `sample("..")`. The head
/// may also say `machine:`, and `read:`, `write:`, `delete:` where they take another access than usual; `extra:` and
/// `derived:` where the answer has more members than the table; `gone:` for a state that counts as removed; `answer:`
/// and `request:` where the shapes have other names.
#[macro_export]
macro_rules! resource {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident($id:ident) as $shape:literal {
            kind: $kind:literal, table: $table:literal, area: $area:literal, name: $called:literal,
            sort: $sort:expr $(, $set:ident: $value:expr)* $(,)?
        }
        $( $(#[doc = $fdoc:literal])+ $field:ident: $fty:ty = $ty:expr $(, $flag:ident $(($($arg:tt)*))? )* ; )+
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            /// Its id.
            pub id: $id,
            /// Its organization.
            pub org: $crate::OrgId,
            $( $(#[doc = $fdoc])+ pub $field: $fty, )+
            /// Its bookkeeping.
            pub meta: $crate::Meta,
        }

        const _: () = {
            use $crate::shape::{Member, Shape, View};
            use $crate::resource::{Attr, Codec, Resource};

            const SHOWN: &[Member] = &[
                $crate::shape::must("org_id", $crate::shape::Ty::Id, "The organization."),
            ];
            const MEMBERS: &[Member] = &[$(
                Member::stored(stringify!($field), $ty, <$fty as Codec>::NULLABLE, concat!($($fdoc),+))
                    $(.$flag($($($arg)*)?))*
            ),+];
            const COUNT: usize = MEMBERS.len();
            const FIELDS: &[$crate::Field] = &$crate::list::fields_of::<COUNT>(MEMBERS);
            static LIST: $crate::ListSpec =
                $crate::ListSpec { resource: $table, fields: FIELDS, default_sort: $sort, stored: true };
            const EXTRA: &[Member] = $crate::resource_setting!(extra, &[], $($set: $value),*);
            const STATES: &[&str] = match <$name as Resource>::MACHINE {
                Some(_) => $crate::resource::machine::states(&<$name as Resource>::MACHINE, MEMBERS),
                None => &[],
            };
            const BEGINNING: &[Member] =
                &$crate::resource::machine::beginning::<COUNT>(&<$name as Resource>::MACHINE, MEMBERS);
            const STATE: $crate::shape::Ty = $crate::shape::Ty::Word(STATES);
            const MOVES: &[Member] = match <$name as Resource>::MACHINE {
                Some(_) => &[$crate::resource::machine::moves(&STATE, STATES.len())],
                None => &[],
            };

            impl Resource for $name {
                type Id = $id;
                const KIND: &'static str = $kind;
                const TABLE: &'static str = $table;
                const AREA: &'static str = $area;
                const NAME: &'static str = $called;
                const READ: $crate::Access = $crate::resource_setting!(read, $crate::Access::Read, $($set: $value),*);
                const WRITE: $crate::Access = $crate::resource_setting!(write, $crate::Access::Write, $($set: $value),*);
                const DELETE: $crate::Access = $crate::resource_setting!(delete, $crate::Access::Write, $($set: $value),*);
                const MACHINE: Option<$crate::resource::Machine> =
                    $crate::resource_setting!(machine, None, $($set: $value),*);
                const GONE: Option<(&'static str, &'static str)> =
                    $crate::resource_setting!(gone, None, $($set: $value),*);
                const DERIVED: fn(&Self) -> Vec<(&'static str, ::serde_json::Value)> =
                    $crate::resource_setting!(derived, |_| Vec::new(), $($set: $value),*);
                const MEMBERS: &'static [Member] = MEMBERS;
                const MOVES: &'static [Member] = MOVES;
                const ATTRS: &'static [Attr<Self>] = &[$(
                    Attr {
                        get: |record: &Self| Codec::cell(&record.$field),
                        set: |record: &mut Self, cell| {
                            record.$field = Codec::from_cell(cell)?;
                            Ok(())
                        },
                    }
                ),+];
                const LIST: &'static $crate::ListSpec = &LIST;
                const SHAPES: [&'static Shape; 3] = [
                    &Shape {
                        name: $crate::resource_setting!(answer, $shape, $($set: $value),*),
                        doc: concat!($($doc),+),
                        members: &[SHOWN, MEMBERS, MOVES, EXTRA],
                        view: View::Shown,
                    },
                    &Shape {
                        name: $crate::resource_setting!(request, concat!($shape, "Create"), $($set: $value),*),
                        doc: concat!("What creates:", $($doc),+),
                        members: &[BEGINNING],
                        view: View::Create,
                    },
                    &Shape {
                        name: concat!($shape, "Patch"),
                        doc: concat!("What changes:", $($doc),+),
                        members: &[MEMBERS],
                        view: View::Patch,
                    },
                ];

                fn blank(id: $id, org: $crate::OrgId, meta: $crate::Meta) -> Self {
                    Self { id, org, meta, $($field: Codec::blank()),+ }
                }

                fn id(&self) -> $id {
                    self.id
                }

                fn org(&self) -> $crate::OrgId {
                    self.org
                }

                fn meta(&self) -> &$crate::Meta {
                    &self.meta
                }

                fn meta_mut(&mut self) -> &mut $crate::Meta {
                    &mut self.meta
                }
            }
        };
    };
}

/// The value of a setting in the head of a resource, or what stands in for it.
#[doc(hidden)]
#[macro_export]
macro_rules! resource_setting {
    (machine, $default:expr, machine: $value:expr $(, $($rest:tt)*)?) => { Some($value) };
    (gone, $default:expr, gone: $value:expr $(, $($rest:tt)*)?) => { Some($value) };
    (derived, $default:expr, derived: $value:expr $(, $($rest:tt)*)?) => { $value };
    (answer, $default:expr, answer: $value:expr $(, $($rest:tt)*)?) => { $value };
    (request, $default:expr, request: $value:expr $(, $($rest:tt)*)?) => { $value };
    (read, $default:expr, read: $value:expr $(, $($rest:tt)*)?) => { $value };
    (write, $default:expr, write: $value:expr $(, $($rest:tt)*)?) => { $value };
    (delete, $default:expr, delete: $value:expr $(, $($rest:tt)*)?) => { $value };
    (extra, $default:expr, extra: $value:expr $(, $($rest:tt)*)?) => { $value };
    ($want:ident, $default:expr, $other:ident: $value:expr $(, $($rest:tt)*)?) => {
        $crate::resource_setting!($want, $default, $($($rest)*)?)
    };
    ($want:ident, $default:expr,) => { $default };
}

/// Declares an object inside a resource, kept as a document. Its members are written as those of a resource.
#[macro_export]
macro_rules! nested {
    ($(
        $(#[doc = $doc:literal])+
        pub struct $name:ident as $shape:literal {
            $( $(#[doc = $fdoc:literal])+ $field:ident: $fty:ty = $ty:expr $(, $flag:ident $(($($arg:tt)*))? )* ; )+
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $( $(#[doc = $fdoc])+ pub $field: $fty, )+ }

        impl $crate::resource::Nested for $name {
            const SHAPE: &'static $crate::shape::Shape = &$crate::shape::Shape {
                name: $shape,
                doc: concat!($($doc),+),
                members: &[&[$(
                    $crate::shape::Member::stored(
                        stringify!($field),
                        $ty,
                        <$fty as $crate::resource::Codec>::NULLABLE,
                        concat!($($fdoc),+),
                    )
                    $(.$flag($($($arg)*)?))*
                ),+]],
                view: $crate::shape::View::Plain,
            };

            fn blank() -> Self {
                Self { $($field: $crate::resource::Codec::blank()),+ }
            }

            fn to_json(&self) -> ::serde_json::Value {
                let cells = [$($crate::resource::Codec::cell(&self.$field)),+];
                $crate::resource::changes::object_of(Self::SHAPE, &cells)
            }

            fn from_json(
                members: &::serde_json::Map<String, ::serde_json::Value>,
            ) -> Result<Self, $crate::resource::Misfit> {
                let mut cells = $crate::resource::changes::cells_of(Self::SHAPE, members)?.into_iter();
                Ok(Self { $(
                    $field: match cells.next().flatten() {
                        Some(cell) => $crate::resource::Codec::from_cell(cell)?,
                        None => $crate::resource::Codec::blank(),
                    }
                ),+ })
            }
        }
    )+};
}
