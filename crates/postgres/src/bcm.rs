//! What the bcm domain needs beyond what every resource has.
