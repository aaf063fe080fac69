//! The store: one contract, kept by every backend.

mod contract;
mod dictionaries;
pub mod fixture;
mod model;
pub mod place;
mod postgres;
mod sealing;
pub mod sqlite;
