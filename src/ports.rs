//! What the service needs from outside, as traits and plain data: the bus, the store, the
//! providers, the schema registry. Adapters implement them; the middle knows only these.

mod bus;
mod keys;
mod outbox;
mod provider;
mod publication;
mod registry;
mod retention;
mod store;
mod storm;

pub use bus::{Feed, Partition, Record};
pub use keys::{KeptKey, Keys};
pub use outbox::{
    Attempt, AttemptRecord, Backlog, Connections, DeadLetter, Lease, Leased, Next, Space, State, Story, Timeline,
    Unconfirmed,
};
pub use provider::{Answer, Callback, Heard, Notice, OnUnknown, Outgoing, Provider, Receipts, Unheard};
pub use publication::{Publication, Publisher, Stream, Unpublished};
pub use registry::{Registered, Registry, RegistryError, SchemaId};
pub use retention::{Kept, Purged};
pub use store::{Advance, Batch, DeadRecord, JourneyWrite, Parked, Spent, Store, StoreError, Versioned, Wake};
pub use storm::{CarriedOut, Counted, Ruling, Spoken, SpokenBy, Storm, Storms};

pub use crate::domain::decision::Entry;
