//! The risk domain over HTTP.

mod kris;
mod register;
