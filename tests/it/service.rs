//! The whole service from outside: the real binary between an embedded broker, providers of a
//! sandbox and a store on disk.

mod bad_input;
mod demo;
mod events;
mod face;
mod foreign;
pub mod harness;
mod kill;
mod outgoing;
mod providers;
mod refused;
mod registry;
mod settings;
mod stopping;
mod storage;
