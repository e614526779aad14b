//! What the lists of this domain can filter, sort and search by.

use grc_kernel::{Field, Kind, ListSpec, Role};

use crate::model::MembershipStatus;

/// Organizations.
pub static ORGANIZATIONS: ListSpec = ListSpec {
    resource: "organizations",
    fields: &[
        Field::new("name", Kind::Text).sorts().searches().stored_as("organizations.name"),
        Field::new("slug", Kind::Text).sorts().searches().stored_as("organizations.slug"),
        Field::new("industry", Kind::Text).optional().stored_as("organizations.industry"),
        Field::new("country", Kind::Text).optional().stored_as("organizations.country"),
        Field::new("created_at", Kind::Time).sorts().stored_as("organizations.created_at"),
        Field::new("updated_at", Kind::Time).sorts().stored_as("organizations.updated_at"),
        Field::new("created_by", Kind::Id).stored_as("organizations.created_by"),
    ],
    default_sort: ("name", false),
    stored: false,
};

/// Members of an organization.
pub static MEMBERS: ListSpec = ListSpec {
    resource: "users",
    fields: &[
        Field::new("email", Kind::Text).sorts().searches().stored_as("accounts.email"),
        Field::new("name", Kind::Text).sorts().searches().stored_as("accounts.name"),
        Field::new("role", Kind::Choice(Role::NAMES)).stored_as("memberships.role"),
        Field::new("status", Kind::Choice(MembershipStatus::NAMES)).stored_as("memberships.status"),
        Field::new("mfa_enabled", Kind::Bool).stored_as("accounts.mfa_enabled"),
        Field::new("last_login_at", Kind::Time).sorts().optional().stored_as("accounts.last_login_at"),
        Field::new("created_at", Kind::Time).sorts().stored_as("memberships.created_at"),
        Field::new("updated_at", Kind::Time).sorts().stored_as("memberships.updated_at"),
        Field::new("created_by", Kind::Id).stored_as("memberships.created_by"),
    ],
    default_sort: ("created_at", false),
    stored: false,
};

/// One's own live sessions.
pub static SESSIONS: ListSpec = ListSpec {
    resource: "sessions",
    fields: &[
        Field::new("created_at", Kind::Time).sorts(),
        Field::new("last_used_at", Kind::Time).sorts(),
        Field::new("expires_at", Kind::Time).sorts(),
        Field::new("user_agent", Kind::Text).searches().optional(),
        Field::new("address", Kind::Text).searches().optional(),
    ],
    default_sort: ("created_at", true),
    stored: false,
};

/// API keys.
pub static API_KEYS: ListSpec = ListSpec {
    resource: "api_keys",
    fields: &[
        Field::new("name", Kind::Text).sorts().searches(),
        Field::new("role", Kind::Choice(Role::NAMES)),
        Field::new("expires_at", Kind::Time).sorts().optional(),
        Field::new("last_used_at", Kind::Time).sorts().optional(),
        Field::new("created_at", Kind::Time).sorts(),
        Field::new("updated_at", Kind::Time).sorts(),
        Field::new("created_by", Kind::Id),
    ],
    default_sort: ("created_at", false),
    stored: false,
};
