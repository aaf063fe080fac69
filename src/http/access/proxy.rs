//! A proxy that has signed people in and says so in headers.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Caller, Right};

/// Stands for everybody whom the proxy has signed in.
const EVERYBODY: &str = "*";
/// No name of a person is longer.
const LONGEST_NAME: usize = 200;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Where it asks from; the same headers from elsewhere are worth nothing.
    pub addresses: Vec<Network>,
    /// The header with the name of who is signed in.
    pub user: String,
    /// The header with their groups, by commas.
    #[serde(default)]
    pub groups: Option<String>,
    /// The groups that may look; `*` is everybody who is signed in.
    #[serde(default)]
    pub read: Vec<String>,
    /// The groups that may also change something.
    #[serde(default)]
    pub operate: Vec<String>,
}

impl Proxy {
    /// The setting, and what would be right.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.addresses.is_empty() {
            faults.push(("addresses", "is empty: nobody could be believed".to_owned()));
        }
        for (key, name) in [("user", Some(&self.user)), ("groups", self.groups.as_ref())] {
            if name.is_some_and(|name| HeaderName::from_str(name).is_err()) {
                faults.push((key, "is no name of a header".to_owned()));
            }
        }
        if self.read.is_empty() && self.operate.is_empty() {
            faults.push(("read", "is empty, and so is operate: nobody may anything".to_owned()));
        }
        faults
    }

    /// Who is signed in, if the proxy itself says so.
    pub(super) fn caller(&self, headers: &HeaderMap, address: IpAddr) -> Option<Caller> {
        if !self.addresses.iter().any(|network| network.holds(address)) {
            return None;
        }
        let user = only(headers, &self.user)?;
        let groups = self.groups.as_ref().and_then(|name| only(headers, name)).unwrap_or_default();
        let is_of = |wanted: &[String]| {
            wanted.iter().any(|wanted| wanted == EVERYBODY || groups.split(',').any(|group| group.trim() == wanted))
        };
        let may = if is_of(&self.operate) { Some(Right::Operate) } else { is_of(&self.read).then_some(Right::Read) };
        Some(Caller { name: format!("user:{user}"), may })
    }
}

/// The one value of a header. Two say that somebody has added theirs to the proxy's.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.trim();
    (values.next().is_none() && !value.is_empty() && value.len() <= LONGEST_NAME).then_some(value)
}

/// Addresses that begin alike: `10.0.3.0/24`, `2001:db8::/48`, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    pub fn holds(&self, address: IpAddr) -> bool {
        let (ours, theirs, width) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => (u128::from(ours.to_bits()), u128::from(theirs.to_bits()), 32),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (ours.to_bits(), theirs.to_bits(), 128),
            _ => return false,
        };
        // a shift by the whole width leaves nothing to compare
        (ours ^ theirs).checked_shr(width - u32::from(self.bits)).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "is no address such as 10.0.3.7 and no network such as 10.0.3.0/24";
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.parse()).map_err(|_| wrong)?;
        if bits > width { Err(wrong) } else { Ok(Self { address, bits }) }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|what| serde::de::Error::custom(format!("'{text}' {what}")))
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}/{}", self.address, self.bits))
    }
}
