//! How every call of the store is made.

/// One call on one connection, within the deadline. If there is no partition for this week, it is
/// made, and the call repeated once: nothing was written.
macro_rules! call {
    ($store:expr, |$session:ident| $work:expr) => {{
        let (inner, mut is_made) = (&$store.inner, false);
        loop {
            let owned = inner.session().await?;
            let done = {
                let $session = &owned;
                inner.within($work).await
            };
            match inner.end(owned, done).await {
                Err(failure) if failure.is_missing_partition() && !is_made => {
                    inner.make_partitions().await?;
                    is_made = true;
                }
                done => break done.map_err(StoreError::from),
            }
        }
    }};
}
pub(super) use call;
