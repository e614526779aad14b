//! The risk register over HTTP.
