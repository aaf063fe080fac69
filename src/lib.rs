//! # reassure
//!
//! Events about orders and parcels come in from Kafka; rules pick the message that the buyer
//! needs at that moment; providers carry it out by e-mail, SMS and webhook.
//!
//! ## Architecture
//!
//! ```text
//! topics ──> bus ──> ingest ──> domain::step ──> store.commit ──> dispatch ──> providers
//!             ▲        ▲  ▲                        one            │      │
//!          offsets     │  └── deadlines due     transaction       │      └── outcomes
//!                      └───── taken back before the attempt ──────┘
//! ```
//!
//! The middle is pure, the edges are thin. [`domain`] holds what is known and what follows from
//! it, as plain functions over plain data with time as an argument; it must never know that there
//! is a clock, a socket or a file (`tests/it/architecture.rs` holds it to that). [`ports`] names
//! what the service needs from outside. The adapters ([`bus`], [`store`], [`provider`],
//! [`registry`]) know these two and never each other. Only [`app`] and the command line, which put the parts
//! together, [`config`], which holds the settings of each, and the world of [`demo`] and [`sandbox`] name an adapter.
//!
//! In reading order:
//!
//! - [`domain`]: events, journeys, rules, conditions, decisions. Begin at [`domain::step`].
//! - [`message`]: what the customer reads, from a journey's facts and templates.
//! - [`ports`]: the bus, the store and the providers, as traits and plain data.
//! - [`packing`]: journeys, timelines and messages as a few hundred bytes each.
//! - [`envelope`]: from a record to an event. [`adapter`]: from what platforms and carriers send to
//!   events. [`schema`]: the published schemas of events.
//! - [`ingest`]: a batch of events, deadlines, receipts or withdrawals becomes one transaction; what the next
//!   one needs to know is read meanwhile.
//! - [`dispatch`]: the outbox goes to the providers; each provider has a pool of its own, and its outages
//!   are not its messages' fault.
//! - [`outcome`], [`dead_letter`], [`publish`]: what is told of this work on topics of our own.
//! - [`bus`], [`store`], [`provider`], [`registry`]: Kafka, SQLite or PostgreSQL, HTTP, the schemas of others.
//! - [`config`], [`rules`], [`folder`], [`shops`], [`secret`], [`tls`]: what the operator decides.
//! - [`seal`]: the cryptography by which what is kept is forgotten with its key; `store::vault` uses it.
//! - [`retention`], [`privacy`]: what is let go of after a time, and what is told to a customer of
//!   themselves or forgotten at their wish.
//! - [`app`], [`reload`], [`http`], [`telemetry`], [`clock`]: the parts put together, changed while
//!   they run, watched and stopped.
//! - [`trial`]: rules tried on journeys that people write down, under a simulated clock.
//! - [`simulate`]: what a rule set would have come to over recorded events.
//! - [`timeline`], [`explain`], [`replay`], [`cli`]: what people ask.
//! - [`demo`], [`sandbox`]: the world around it, in one process.
//!
//! Three decisions shape the rest:
//!
//! 1. **Facts are ordered by when they happened.** A journey keeps facts; its phase, its holds and
//!    the lives of its waybills are computed from them ([`domain::parcel`]). So late and doubled
//!    news cannot undo newer news, and the order of arrival does not matter.
//! 2. **One transaction carries all that follows from a batch**: the inbox, the journeys, the
//!    timers, the decisions, the outbox and the offsets, conditional on what they were before.
//!    Whoever lost the partition meanwhile writes nothing.
//! 3. **A decision is looked at twice**: when it is taken, and right before every attempt, with the
//!    journey as it is then. What is no longer true is taken back, through the same step.
//!
//! Stores outlive versions: a migration only expands the schema, and a build works with its own
//! schema version and the next, so that replicas of two versions can share a store (`store::version`).
//!
//! ## Invariants
//!
//! The code and the tests name them by number.
//!
//! - **I1** An accepted event changes a journey once, however often it arrives.
//! - **I2** One notification per (decision, recipient, channel), with one idempotency key for life.
//! - **I3** A journey's phase never moves backwards because of news that is older than what is
//!   known.
//! - **I4** Nothing is sent whose `valid_while` does not hold at the moment of the attempt.
//! - **I5** An offset never passes a record whose effects are not durable.
//! - **I6** Only the current owner of a partition can commit for it.
//! - **I7** Messages of one journey are attempted in the order they were decided, channel by
//!   channel: a dead e-mail provider does not hold back the text message.
//! - **I8** Every event ends as applied, duplicate, parked or dead-lettered; every decision as
//!   send, defer or suppress, with a reason.
//! - **I9** No personal data in logs, metrics, error texts or timelines' entries.
//! - **I10** Memory does not grow with the number of journeys or the length of an outage.

pub mod adapter;
pub mod app;
pub mod bus;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dead_letter;
pub mod demo;
pub mod dispatch;
pub mod domain;
pub mod envelope;
pub mod explain;
pub mod folder;
pub mod http;
pub mod ingest;
pub mod message;
pub mod outcome;
pub mod packing;
pub mod ports;
pub mod privacy;
pub mod provider;
pub mod publish;
pub mod registry;
pub mod reload;
pub mod replay;
pub mod retention;
pub mod rules;
pub mod sandbox;
pub mod schema;
pub mod seal;
pub mod secret;
pub mod shops;
pub mod simulate;
pub mod store;
pub mod telemetry;
pub mod timeline;
pub mod tls;
pub mod trial;
