//! The risk domain over HTTP.

mod dashboard;
mod fair;
mod kris;
mod register;
mod scenarios;
