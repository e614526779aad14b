//! Use cases that span domains. Each runs in one transaction of [`grc_uow::Uow`].

pub mod attesting;
pub mod execution;
pub mod incident;
pub mod playbook;
pub mod reporting;
