//! The identity domain's repositories.

mod accounts;
mod keys;
mod organizations;
mod sessions;

use grc_identity::{IdentityTx, ports};

use crate::tx::PgTx;

impl IdentityTx for PgTx {
    fn organizations(&mut self) -> &mut dyn ports::OrganizationRepo {
        self
    }
    fn accounts(&mut self) -> &mut dyn ports::AccountRepo {
        self
    }
    fn members(&mut self) -> &mut dyn ports::MemberRepo {
        self
    }
    fn sessions(&mut self) -> &mut dyn ports::SessionRepo {
        self
    }
    fn api_keys(&mut self) -> &mut dyn ports::ApiKeyRepo {
        self
    }
    fn invitations(&mut self) -> &mut dyn ports::InvitationRepo {
        self
    }
}
