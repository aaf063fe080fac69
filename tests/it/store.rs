//! The store: one contract, kept by every backend.

mod contract;
pub mod fixture;
mod model;
pub mod place;
mod postgres;
pub mod sqlite;
