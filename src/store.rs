//! Where journeys, timers, notifications and offsets live: the adapters of
//! [`crate::ports::Store`].

pub mod sqlite;
