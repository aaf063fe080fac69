//! Where data keys are kept, wrapped: apart from the store whose content they seal, so that a copy of
//! the store holds none of them.

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::journey::JourneyKey;
use crate::seal::Wrapped;

/// The keys of orders.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Those of these orders, in their order; `None`: there is none, or no more.
    async fn find(&self, of: &[JourneyKey]) -> Result<Vec<Option<Wrapped>>, StoreError>;

    /// Keeps each, unless its order has one; returns what is kept then, in their order.
    async fn keep(&self, new: &[(JourneyKey, Wrapped)]) -> Result<Vec<Wrapped>, StoreError>;

    /// Forgets the keys of these orders, as far as the medium can forget.
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
