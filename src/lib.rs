pub mod clock;
pub mod domain;
pub mod ports;
pub mod rules;
pub mod secret;
pub mod telemetry;
pub mod store;
