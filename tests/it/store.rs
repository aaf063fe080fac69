//! The store: one contract, kept by every backend.

mod contract;
mod fixture;
mod model;
mod place;
mod postgres;
mod sqlite;
