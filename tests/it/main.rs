//! The integration tests, one binary: they share their build and their fixtures.

mod store;
//! All integration tests are one binary: it links once, and its tests run beside each other.

mod envelope;
//! One binary for all integration tests: a module each.

mod message;
