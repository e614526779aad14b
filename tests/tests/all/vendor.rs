//! Vendors over HTTP.
