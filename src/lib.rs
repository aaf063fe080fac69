pub mod domain;
pub mod message;
pub mod ports;
pub mod secret;
