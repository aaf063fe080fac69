pub mod bus;
pub mod domain;
pub mod envelope;
pub mod ports;
pub mod schema;
pub mod secret;
