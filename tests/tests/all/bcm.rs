//! Business continuity over HTTP.
