//! All integration tests are one binary: it links once, and its tests run beside each other.

mod domain;
mod envelope;
mod message;
mod store;
