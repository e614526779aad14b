//! What the incident domain needs beyond what every resource has.
