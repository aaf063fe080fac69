//! Where data keys are kept, wrapped: apart from the store whose content they seal, so that a copy of
//! the store holds none of them.

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::journey::JourneyKey;
use crate::seal::Wrapped;

/// What is kept of an order's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptKey {
    Wrapped(Wrapped),
    /// It has been erased with its customer. Without this mark nobody could tell it from one that was
    /// lost, as when the keys are brought back from an older copy.
    Erased,
}

/// The keys of orders.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Those of these orders, in their order; `None`: there is none, or no more.
    async fn find(&self, of: &[JourneyKey]) -> Result<Vec<Option<KeptKey>>, StoreError>;

    /// Keeps each, unless its order has one that is not erased; returns what is kept then, in their order.
    async fn keep(&self, new: &[(JourneyKey, Wrapped)]) -> Result<Vec<Wrapped>, StoreError>;

    /// Puts [`KeptKey::Erased`] in the place of these orders' keys, which are forgotten as far as the medium
    /// can forget.
    async fn erase(&self, of: &[JourneyKey]) -> Result<(), StoreError>;

    /// Forgets all that is kept of these orders, as far as the medium can forget.
    async fn forget(&self, of: &[JourneyKey]) -> Result<(), StoreError>;

    /// Those after an order that another master key than `master` has wrapped, by order, at most `limit`.
    async fn wrapped_by_others(
        &self,
        master: &str,
        after: &JourneyKey,
        limit: usize,
    ) -> Result<Vec<(JourneyKey, Wrapped)>, StoreError>;

    /// Puts the second in the place of the first, where that is still kept.
    async fn replace(&self, keys: &[(JourneyKey, Wrapped, Wrapped)]) -> Result<(), StoreError>;

    /// Forgets what other master keys than `master` have proved of themselves (see
    /// [`crate::seal::Masters::proof`]): it wraps all keys by now.
    async fn drop_proofs(&self, master: &str) -> Result<(), StoreError>;
}
