//! All integration tests are one binary: it links once, and its tests run beside each other.

mod adapter;
mod architecture;
mod bus;
mod domain;
mod envelope;
mod message;
mod outgoing;
mod provider;
mod registry;
mod service;
mod stack;
mod store;
