//! Typed ids: a risk's id cannot be passed where an organization's is wanted.
//!
//! The list here is the registry of id kinds that cross a domain border; a domain declares its own with
//! [`crate::typed_id!`]. Ids are UUID version 7, made by [`crate::Ctx::new_id`], so that they sort by time.

use std::fmt;

pub use uuid::Uuid;

/// Declares an id type over [`Uuid`].
#[macro_export]
macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $crate::Uuid);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl From<$crate::Uuid> for $name {
            fn from(id: $crate::Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for $crate::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl $crate::resource::Codec for $name {
            fn blank() -> Self {
                Self($crate::Uuid::nil())
            }

            fn cell(&self) -> $crate::resource::CellRef<'_> {
                $crate::resource::CellRef::Id(self.0)
            }

            fn from_cell(cell: $crate::resource::Cell) -> Result<Self, $crate::resource::Misfit> {
                match cell {
                    $crate::resource::Cell::Id(id) => Ok(Self(id)),
                    _ => Err($crate::resource::Misfit),
                }
            }
        }
    )+};
}

typed_id! {
    /// A tenant. Every tenant row carries it, and row-level security compares it.
    OrgId,
    /// A person, across organizations.
    UserId,
    /// A framework, built in or an organization's own.
    FrameworkId,
    /// An assessment of an organization against a framework.
    AssessmentId,
    /// A finding of an assessment.
    FindingId,
    /// A piece of evidence.
    EvidenceId,
    /// A control that the organization runs.
    ControlId,
    /// A generated report.
    ReportId,
    /// A background job.
    JobId,
}

impl OrgId {
    /// The scope of what belongs to no organization: log-ins, accounts, the creation of an organization.
    /// The nil id never names a real organization, and row-level security grants it only identity tables.
    pub const PLATFORM: Self = Self(Uuid::nil());

    /// Whether this is the platform scope rather than an organization.
    pub fn is_platform(self) -> bool {
        self == Self::PLATFORM
    }
}

/// Where new ids come from. The service makes UUID version 7; tests count.
pub trait IdSource: Send + Sync + fmt::Debug {
    /// A new id, unique and later than the ones before it.
    fn next(&self) -> Uuid;
}

/// Ids for tests: 1, 2, 3 in version 7 layout, so that runs are repeatable.
#[derive(Debug, Default)]
pub struct CountingIds(std::sync::atomic::AtomicU64);

impl IdSource for CountingIds {
    fn next(&self) -> Uuid {
        let n = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        let mut tail = [0_u8; 10];
        if let Some(end) = tail.last_chunk_mut::<8>() {
            *end = n.to_be_bytes();
        }
        uuid::Builder::from_unix_timestamp_millis(n, &tail).into_uuid()
    }
}
