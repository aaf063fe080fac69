//! Which addresses a webhook may reach.
//!
//! The address of a webhook comes from outside, and a name can lead anywhere: to this machine,
//! into the cluster, to a cloud's metadata. The guard sits in the resolver, so what was looked at
//! is what is dialled, and a name that changes its mind between the two (rebinding) gains nothing.
//! Literal addresses never reach a resolver: they are looked at when the provider is built.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The address may not be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub kind: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host leads to an address that is not public ({})", self.kind)
    }
}

impl std::error::Error for Refused {}

/// Refuses every address that is not a public one.
///
/// # Errors
/// What kind of address it is instead.
pub fn admit(address: IpAddr) -> Result<(), Refused> {
    let kind = match address {
        IpAddr::V4(address) => unfit_v4(address),
        IpAddr::V6(address) => unfit_v6(address),
    };
    kind.map_or(Ok(()), |kind| Err(Refused { kind }))
}

/// Refuses a URL whose host is a literal address that is not public. Names are looked at when
/// they are resolved.
///
/// # Errors
/// What kind of address it is instead.
pub fn admit_literal(url: &Url) -> Result<(), Refused> {
    match url.host() {
        Some(Host::Ipv4(address)) => admit(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => admit(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => Ok(()),
    }
}

/// The IANA registry of special-purpose addresses, and what clouds added on their own.
fn unfit_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "unspecified",
        [127, ..] => "loopback",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        [169, 254, ..] => "link-local",
        [100, 64..=127, ..] => "carrier-grade NAT",
        // Azure's wire server: a public address that is the host underneath
        [168, 63, 129, 16] => "cloud metadata",
        [192, 0, 0, _] => "protocol assignments",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "documentation",
        [192, 88, 99, _] => "6to4 relay",
        [198, 18..=19, ..] => "benchmarking",
        [224..=239, ..] => "multicast",
        [240..=255, ..] => "reserved",
        _ => return None,
    })
}

fn unfit_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    if let Some(kind) = embedded_v4(segments).and_then(unfit_v4) {
        return Some(kind);
    }
    Some(match segments {
        // the rest of the IPv4 world, as IPv6-only clusters reach it, and as resolvers write it
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] => return None,
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        [0x64, 0xff9b, 1, ..] => "local NAT64",
        [0x100, ..] => "discard",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "documentation",
        [0x2001, 0, ..] => "Teredo",
        // the rest of 2001::/23 is for protocols, not for hosts
        [0x2001, 1..=0x1ff, ..] => "protocol assignments",
        [0xfc00..=0xfdff, ..] => "private",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfec0..=0xfeff, ..] => "site-local",
        [0xff00..=0xffff, ..] => "multicast",
        [0x2000..=0x3fff, ..] => return None,
        // nothing outside 2000::/3 is handed out
        _ => "reserved",
    })
}

/// The IPv4 address to which an IPv6 address really leads, where it is only its wrapping.
fn embedded_v4(segments: [u16; 8]) -> Option<Ipv4Addr> {
    let [.., next_to_last, last] = segments;
    Some(match segments {
        // IPv4-mapped, IPv4-translated, IPv4-compatible
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => v4(next_to_last, last),
        [0, 0, 0, 0, 0, 0, 1..=0xffff, _] => v4(next_to_last, last),
        // NAT64
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => v4(next_to_last, last),
        // 6to4
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo: the client, with its bits turned over
        [0x2001, 0, ..] => v4(!next_to_last, !last),
        // ISATAP
        [.., 0 | 0x200, 0x5efe, _, _] => v4(next_to_last, last),
        _ => return None,
    })
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

type Looked = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
type Lookup = dyn Fn(String) -> Looked + Send + Sync;

/// A resolver that refuses a name if any of its addresses is not public: a name with one good
/// and one bad address is a name that tries something.
pub struct Guard {
    lookup: Arc<Lookup>,
}

impl Guard {
    /// Looks names up as the system does.
    pub fn system() -> Self {
        Self::new(|name| {
            Box::pin(async move {
                Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect::<Vec<_>>())
            })
        })
    }

    pub fn new(lookup: impl Fn(String) -> Looked + Send + Sync + 'static) -> Self {
        Self { lookup: Arc::new(lookup) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let looked = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let addresses = looked.await?;
            for address in &addresses {
                admit(*address)?;
            }
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address").into());
            }
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
