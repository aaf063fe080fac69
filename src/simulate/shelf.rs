//! The journeys of a simulation, in memory.
//!
//! Those that events reach now are held as they are; the others are packed to a few hundred bytes
//! each. Whatever is over, waits for nothing and has heard nothing for a month is let go: only that
//! it was there is kept, in eight bytes. So memory grows with the orders under way and hardly with
//! those that were (I10).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::Duration;

use crate::domain::journey::{Journey, JourneyKey, Phase};
use crate::domain::time::Timestamp;
use crate::packing::{Kind, Packer, Unpacker};

/// Journeys held as they are; some kilobytes each.
const MOST_OPEN: usize = 20_000;
/// How long a journey is kept after the last that was heard of it: once it is over, and if it is not.
const KEPT: Duration = Duration::days(30);
const KEPT_OPEN: Duration = Duration::days(120);

type Id = u32;

/// One journey's place.
struct Slot {
    journey: Held,
    /// When something of it was last heard.
    heard: Timestamp,
    /// It was reached since it was last considered for packing.
    used: bool,
}

enum Held {
    Open(Arc<Journey>),
    Packed(Vec<u8>),
    /// Nobody's; to be given again.
    Free,
}

/// All journeys of a simulation.
pub struct Shelf {
    ids: HashMap<JourneyKey, Id>,
    slots: Vec<Slot>,
    free: Vec<Id>,
    /// Those that are open, in the order in which they are considered for packing; some of them gone.
    open: VecDeque<Id>,
    /// When each is looked at next, whether it may go.
    review: BinaryHeap<Reverse<(Timestamp, Id)>>,
    gone: HashSet<u64>,
    packer: Packer,
    unpacker: Unpacker,
}

impl Shelf {
    pub fn new() -> Self {
        Self {
            ids: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            open: VecDeque::new(),
            review: BinaryHeap::new(),
            gone: HashSet::new(),
            packer: Packer::default(),
            unpacker: Unpacker::default(),
        }
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// How many were let go.
    pub fn gone(&self) -> usize {
        self.gone.len()
    }

    /// It was here and has been let go.
    pub fn is_gone(&self, key: &JourneyKey) -> bool {
        !self.gone.is_empty() && self.gone.contains(&short(key))
    }

    /// The journey of that key.
    pub fn get(&mut self, key: &JourneyKey) -> Option<Arc<Journey>> {
        let id = *self.ids.get(key)?;
        let slot = &mut self.slots[id as usize];
        slot.used = true;
        match &slot.journey {
            Held::Open(journey) => Some(Arc::clone(journey)),
            Held::Free => None,
            Held::Packed(bytes) => {
                let journey: Arc<Journey> = self.unpacker.unpack(Kind::Journey, bytes).ok()?;
                slot.journey = Held::Open(Arc::clone(&journey));
                self.open.push_back(id);
                Some(journey)
            }
        }
    }

    /// Puts a journey back, of which something was heard at `now`.
    pub fn put(&mut self, journey: Arc<Journey>, now: Timestamp) {
        let slot = match self.ids.get(&journey.key) {
            Some(id) => &mut self.slots[*id as usize],
            None => {
                let id = self.free.pop().unwrap_or_else(|| {
                    self.slots.push(Slot { journey: Held::Free, heard: now, used: true });
                    Id::try_from(self.slots.len() - 1).unwrap_or_else(|_| unreachable!("memory ends long before"))
                });
                self.ids.insert(journey.key.clone(), id);
                self.open.push_back(id);
                self.review.push(Reverse((now.plus(KEPT), id)));
                &mut self.slots[id as usize]
            }
        };
        (slot.journey, slot.heard, slot.used) = (Held::Open(journey), now, true);
    }

    /// Packs what was not reached for long, and lets go of what is over. Returns what went.
    pub fn tidy(&mut self, now: Timestamp) -> Vec<Arc<Journey>> {
        let mut looked = 0;
        while self.open.len() > MOST_OPEN && looked < 4 * MOST_OPEN {
            looked += 1;
            let Some(id) = self.open.pop_front() else { break };
            let slot = &mut self.slots[id as usize];
            let Held::Open(journey) = &slot.journey else { continue };
            if std::mem::take(&mut slot.used) {
                self.open.push_back(id);
            } else {
                if let Ok(packed) = self.packer.pack(Kind::Journey, journey) {
                    slot.journey = Held::Packed(packed);
                }
            }
        }
        let mut gone = Vec::new();
        while self.review.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((_, id))) = self.review.pop() else { break };
            let slot = &self.slots[id as usize];
            let journey = match &slot.journey {
                Held::Open(journey) => Some(Arc::clone(journey)),
                Held::Packed(bytes) => self.unpacker.unpack(Kind::Journey, bytes).ok(),
                Held::Free => None,
            };
            let Some(journey) = journey else { continue };
            let again = kept_until(&journey, slot.heard, now);
            if again > now {
                self.review.push(Reverse((again, id)));
                continue;
            }
            self.ids.remove(&journey.key);
            self.gone.insert(short(&journey.key));
            self.slots[id as usize].journey = Held::Free;
            self.free.push(id);
            gone.push(journey);
        }
        gone
    }
}

/// Until when the journey stays, as far as is known at `now`.
fn kept_until(journey: &Journey, heard: Timestamp, now: Timestamp) -> Timestamp {
    if let Some(wakes) = journey.wakes_at() {
        return wakes.max(now).plus(Duration::days(1));
    }
    let ends = [Phase::Delivery, Phase::Usage, Phase::Cancelled, Phase::Returned];
    let over = journey.is_silenced() || ends.contains(&journey.phase(now));
    heard.plus(if over { KEPT } else { KEPT_OPEN })
}

/// Of a hundred million journeys, two share a number once in three thousand runs.
pub fn short(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
