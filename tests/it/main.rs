//! All integration tests are one binary: it links once, and its tests run beside each other.

mod architecture;
mod bus;
mod domain;
mod envelope;
mod message;
mod outgoing;
mod provider;
mod service;
mod store;
