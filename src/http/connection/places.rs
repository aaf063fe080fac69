//! Places for connections: so many in all, and of these so many for one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

pub struct Places {
    all: Arc<Semaphore>,
    of_one: usize,
    taken: Taken,
}

/// One that is taken, until it is dropped.
pub struct Place {
    address: IpAddr,
    taken: Taken,
    _one_of_all: OwnedSemaphorePermit,
}

impl Places {
    pub fn new(all: usize, of_one: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), of_one, taken: Taken::default() }
    }

    /// Waits until one is free.
    pub async fn free(&self) -> OwnedSemaphorePermit {
        match Arc::clone(&self.all).acquire_owned().await {
            Ok(permit) => permit,
            Err(_) => unreachable!("nobody closes it"),
        }
    }

    /// Gives a free one to an address; `None`: it has all that it may have.
    pub fn take(&self, free: OwnedSemaphorePermit, address: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.of_one {
            return None;
        }
        *count += 1;
        Some(Place { address, taken: Arc::clone(&self.taken), _one_of_all: free })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}
