//! All integration tests are one binary: it links once, and its tests run beside each other.

mod adapter;
mod architecture;
mod bus;
mod chart;
mod domain;
mod envelope;
mod generated;
mod kafka;
mod message;
mod outgoing;
mod promises;
mod provider;
mod registry;
mod rolling;
mod seal;
mod service;
mod shops;
mod simulate;
mod stack;
mod store;
mod supply;
mod trial;
mod watch;

/// That of the service: what is measured here of memory and speed holds for it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
