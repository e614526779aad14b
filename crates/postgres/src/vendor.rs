//! What the vendor domain needs beyond what every resource has.
