//! Which events a journey has taken in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::event::EventKey;

/// So many are remembered; a journey has some tens. Of one that has more, the oldest go (I10): a
/// repetition of those says nothing that is not known, only that is found out from the facts.
const MOST: usize = 1_000;

/// The events that a journey has taken in, so that a repetition changes nothing (I1). They lie in
/// the journey and not in an index of all events: that would cost each event pages of its own, and
/// would have to be emptied one day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken(Vec<u64>);

impl Taken {
    /// Whether the event is among them.
    pub fn contains(&self, key: EventKey) -> bool {
        self.0.contains(&short(key))
    }

    pub(in crate::domain) fn add(&mut self, key: EventKey) {
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(short(key));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Eight bytes of the hash: among a thousand events, two are taken for one once in 4e13 journeys.
fn short(key: EventKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = key.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

impl Serialize for Taken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|key| key.to_le_bytes()).collect();
        serializer.serialize_str(&BASE64_STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Taken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD_NO_PAD.decode(&*text).map_err(|_| de::Error::custom("keys: not base64"))?;
        let (keys, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(de::Error::custom("keys: not of eight bytes each"));
        }
        Ok(Self(keys.iter().copied().map(u64::from_le_bytes).collect()))
    }
}
