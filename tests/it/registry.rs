//! The schema registry: what is asked of it, what its answers mean, and what is kept.

mod client;
pub mod fake;
mod kept;
mod real;
