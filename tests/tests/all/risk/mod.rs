//! The risk domain over HTTP.

mod fair;
mod kris;
mod register;
