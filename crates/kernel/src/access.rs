//! Roles, permissions, and which role holds which.
//!
//! The table is the contract's: viewers read; analysts read, write and review; auditors read, review and
//! read the audit log; admins do all of it. An API key has a role and may narrow it by scopes; it never
//! widens it.

use std::fmt;

/// A member's role in one organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Manages the organization.
    Admin,
    /// Reviews, and reads the audit log.
    Auditor,
    /// Does the daily work.
    Analyst,
    /// Reads.
    Viewer,
}

impl Role {
    /// All roles, the strongest first.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Auditor, Self::Analyst, Self::Viewer];
    /// Their wire names, in the order of [`Self::ALL`].
    pub const NAMES: &'static [&'static str] = &["admin", "auditor", "analyst", "viewer"];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Analyst => "analyst",
            Self::Viewer => "viewer",
        }
    }

    /// The role of a wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether the role holds an access class.
    pub fn allows(self, access: Access) -> bool {
        match access {
            Access::Read => true,
            Access::Write => matches!(self, Self::Admin | Self::Analyst),
            Access::Review => matches!(self, Self::Admin | Self::Analyst | Self::Auditor),
            Access::Audit => matches!(self, Self::Admin | Self::Auditor),
            Access::Admin => matches!(self, Self::Admin),
        }
    }

    /// Whether everything the other role may do, this one may too.
    pub fn covers(self, other: Self) -> bool {
        Access::ALL.into_iter().all(|access| !other.allows(access) || self.allows(access))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The access classes of the contract's route table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read the organization's records.
    Read,
    /// Create, change and delete them.
    Write,
    /// Execute assessments, judge findings, upload evidence, generate reports.
    Review,
    /// Read the audit log.
    Audit,
    /// Manage members, keys and settings.
    Admin,
}

impl Access {
    /// All classes.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Review, Self::Audit, Self::Admin];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Review => "review",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }
}

/// An access class within one area of the service, written `assessment:review`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permission {
    /// The area: `assessment`, `evidence`, `organization`.
    pub area: &'static str,
    /// The class.
    pub access: Access,
}

impl Permission {
    /// The permission `area:access`.
    pub const fn new(area: &'static str, access: Access) -> Self {
        Self { area, access }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.area, self.access.as_str())
    }
}

/// A narrowing of an API key: `risk:read` lets it read that area, `risk:write` lets it read and change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    area: String,
    write: bool,
}

impl Scope {
    /// The areas that a scope may name.
    pub const AREAS: &'static [&'static str] = &[
        "organization",
        "user",
        "api_key",
        "framework",
        "control",
        "assessment",
        "finding",
        "evidence",
        "report",
        "risk",
        "vendor",
        "a2a",
        "incident",
        "bcm",
        "policy",
        "audit",
        "webhook",
        "task",
        "link",
        "job",
    ];

    /// Reads `area:read` or `area:write`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (area, verb) = text.split_once(':')?;
        let write = match verb {
            "read" => false,
            "write" => true,
            _ => return None,
        };
        Self::AREAS.contains(&area).then(|| Self { area: area.to_owned(), write })
    }

    /// Whether the scope lets its key use a permission (which its role must hold besides).
    pub fn allows(&self, permission: Permission) -> bool {
        self.area == permission.area && (self.write || matches!(permission.access, Access::Read | Access::Audit))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.area, if self.write { "write" } else { "read" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_table_is_the_contracts() {
        let table: Vec<String> = Role::ALL
            .into_iter()
            .map(|role| {
                let held: Vec<_> = Access::ALL.into_iter().filter(|a| role.allows(*a)).map(Access::as_str).collect();
                format!("{role}: {}", held.join(" "))
            })
            .collect();
        assert_eq!(
            table,
            [
                "admin: read write review audit admin",
                "auditor: read review audit",
                "analyst: read write review",
                "viewer: read"
            ]
        );
    }

    #[test]
    fn a_scope_narrows_to_its_area_and_verb() {
        let read = Scope::parse("risk:read").unwrap();
        assert!(read.allows(Permission::new("risk", Access::Read)));
        assert!(!read.allows(Permission::new("risk", Access::Write)));
        assert!(!read.allows(Permission::new("vendor", Access::Read)));
        assert!(Scope::parse("risk:write").unwrap().allows(Permission::new("risk", Access::Review)));
        assert_eq!(Scope::parse("risk:own"), None);
        assert_eq!(Scope::parse("elsewhere:read"), None);
    }

    #[test]
    fn no_role_but_admin_covers_another_incomparable_one() {
        assert!(Role::Admin.covers(Role::Auditor));
        assert!(!Role::Analyst.covers(Role::Auditor));
        assert!(!Role::Auditor.covers(Role::Analyst));
        assert!(Role::Auditor.covers(Role::Viewer));
    }
}
