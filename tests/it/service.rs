//! The whole service from outside: the real binary between an embedded broker, providers of a
//! sandbox and a store on disk.

mod events;
mod harness;
mod kill;
