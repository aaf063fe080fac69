//! The integration tests, one binary: they share their build and their fixtures.

mod store;
