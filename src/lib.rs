pub mod domain;
pub mod ports;
pub mod provider;
pub mod sandbox;
pub mod secret;
