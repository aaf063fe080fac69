//! What the service tells of its own work, and how it is published.

mod asyncapi;
mod letters;
mod publishing;
mod reports;
