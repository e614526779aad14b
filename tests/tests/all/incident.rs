//! Incidents over HTTP.
