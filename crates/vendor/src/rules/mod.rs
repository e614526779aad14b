//! The rules of the domain as pure functions: what a vendor's tier and scores are, what a questionnaire may ask and what
//! answers to it are worth, and which codes are codes. They know no store and no clock.

pub mod answers;
pub mod assurance;
pub mod clauses;
pub mod codes;
pub mod scoring;
pub mod template;
pub mod tiering;
