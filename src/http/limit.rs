//! How much each caller may ask: an allowance that fills up again, for each of a bounded number
//! of callers (I10).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Callers that are told apart; beyond, new ones share one allowance.
const MOST_CALLERS: usize = 10_000;

/// By what callers are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    Known(String),
    Stranger(IpAddr),
    /// All for whom there was no room.
    Rest,
}

impl Asker {
    /// Somebody at that address. Who has one of IPv6 has as a rule a whole network of them.
    pub fn at(address: IpAddr) -> Self {
        Self::Stranger(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
            address => address,
        })
    }
}

/// What is left to each caller.
pub struct Limit {
    per_minute: f64,
    most: usize,
    left: Mutex<HashMap<Asker, (f64, Instant)>>,
}

impl Limit {
    pub fn new(per_minute: u32) -> Self {
        Self::of(per_minute, MOST_CALLERS)
    }

    /// With room for so many callers.
    fn of(per_minute: u32, most: usize) -> Self {
        Self { per_minute: f64::from(per_minute.max(1)), most, left: Mutex::default() }
    }

    /// Takes one request from the caller's allowance.
    ///
    /// # Errors
    /// How long until there is one again.
    pub fn take(&self, asker: Asker, now: Instant) -> Result<(), Duration> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |(rest, at): (f64, Instant)| {
            (rest + now.duration_since(at).as_secs_f64() * self.per_minute / 60.0).min(self.per_minute)
        };
        if left.len() >= self.most && !left.contains_key(&asker) {
            // who has all of theirs need not be remembered
            left.retain(|_, known| filled(*known) < self.per_minute);
        }
        let asker = if left.len() >= self.most && !left.contains_key(&asker) { Asker::Rest } else { asker };
        let known = left.entry(asker).or_insert((self.per_minute, now));
        *known = (filled(*known), now);
        if known.0 < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - known.0) * 60.0 / self.per_minute));
        }
        known.0 -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I10
    #[test]
    fn those_for_whom_there_is_no_room_share_an_allowance() {
        let (limit, now) = (Limit::of(1, 2), Instant::now());
        let take = |name: &str, at| limit.take(Asker::Known(name.to_owned()), at).is_ok();
        let remembered = || limit.left.lock().expect("nobody panicked").len();
        assert!(take("one", now) && take("two", now) && take("three", now));
        assert!(!take("four", now), "the third has taken it");
        assert_eq!(remembered(), 3, "with the rest as one");
        assert!(take("four", now + Duration::from_secs(60)), "there is room again");
        assert_eq!(remembered(), 1);
    }
}
