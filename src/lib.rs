pub mod domain;
pub mod ports;
pub mod provider;
pub mod secret;
