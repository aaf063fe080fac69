//! The whole service from outside: the real binary between an embedded broker, providers of a
//! sandbox and a store on disk.

mod access;
mod backlog;
mod bad_input;
mod budget;
mod connections;
mod demo;
pub mod events;
mod explained;
mod face;
mod fairness;
mod foreign;
mod fuzzed;
pub mod harness;
mod hastened;
mod kill;
mod outage;
mod outgoing;
mod patience;
mod personal;
mod privacy;
mod providers;
pub mod receipts;
mod refused;
mod registry;
mod reload;
mod roles;
mod settings;
mod stopping;
mod storage;
mod storms;
mod stranded;
mod traced;
mod unconfirmed;
mod unfinished;
