//! Looks at a provider's settings and gathers every fault before giving up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use url::{Host, Url};

use crate::domain::fault::Fault;
use crate::secret::{Secret, SecretSource};

pub(super) struct Check {
    place: String,
    faults: Vec<Fault>,
    stays_inside: bool,
}

impl Check {
    pub fn new(name: &str) -> Self {
        Self { place: format!("providers.{name}"), faults: Vec::new(), stays_inside: false }
    }

    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether the URL that was looked at is of this machine or this cluster.
    pub fn stays_inside(&self) -> bool {
        self.stays_inside
    }

    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    pub fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(Fault::new(&self.place, what));
    }

    pub fn fault_with(&mut self, what: impl Into<String>, suggestion: &str) {
        self.faults.push(Fault::new(&self.place, what).suggest(suggestion));
    }

    pub fn limits(&mut self, timeout_seconds: u64, max_in_flight: usize) {
        if !(1..=300).contains(&timeout_seconds) {
            self.fault("`timeout_seconds` must be from 1 to 300");
        }
        if !(1..=10_000).contains(&max_in_flight) {
            self.fault("`max_in_flight` must be from 1 to 10000");
        }
    }

    /// A base address with `path` behind it. The fault never repeats the address: some vendors
    /// put a key into it.
    pub fn url(&mut self, text: &str, path: &str) -> Option<Url> {
        let base = match Url::parse(text.trim_end_matches('/')) {
            Ok(base) => base,
            Err(error) => {
                self.fault(format!("`url` is no web address: {error}"));
                return None;
            }
        };
        if !matches!(base.scheme(), "https" | "http") || base.host().is_none() {
            self.fault_with("`url` must begin with https://", "https://host.example");
            return None;
        }
        self.stays_inside = stays_inside(&base);
        if base.scheme() == "http" && !self.stays_inside {
            self.fault_with(
                "`url` would carry personal data in clear over the Internet",
                "use https:// (http:// is for loopback and names inside a cluster)",
            );
            return None;
        }
        if !base.username().is_empty() || base.password().is_some() {
            self.fault("`url` must not hold credentials: name their file or variable instead");
            return None;
        }
        if path.is_empty() {
            return Url::parse(text).ok();
        }
        if base.query().is_some() || base.fragment().is_some() {
            self.fault("`url` must end at its host or path: no `?` and no `#`");
            return None;
        }
        match Url::parse(&format!("{}{path}", base.as_str().trim_end_matches('/'))) {
            Ok(url) => Some(url),
            Err(error) => {
                self.fault(format!("`url` with the vendor's path is no web address: {error}"));
                None
            }
        }
    }

    /// An address that a vendor is to call.
    pub fn callback(&mut self, field: &str, text: &str) -> Option<Url> {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && url.host().is_some() => Some(url),
            Ok(_) => {
                self.fault_with(
                    format!("`{field}` must begin with https://"),
                    "https://host.example/receipts/provider",
                );
                None
            }
            Err(error) => {
                self.fault(format!("`{field}` is no web address: {error}"));
                None
            }
        }
    }

    pub fn secret(&mut self, field: &str, source: &SecretSource) -> Option<Secret> {
        source.read().map_err(|error| self.fault(format!("`{field}`: {error}"))).ok()
    }

    /// A header that carries a secret; marked so that nothing prints it.
    pub fn secret_header(&mut self, field: &str, prefix: &str, source: &SecretSource) -> Option<HeaderValue> {
        let secret = self.secret(field, source)?;
        self.sensitive(field, &format!("{prefix}{}", secret.expose()))
    }

    pub fn basic_header(&mut self, field: &str, user: &str, source: &SecretSource) -> Option<HeaderValue> {
        let secret = self.secret(field, source)?;
        self.sensitive(field, &format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret.expose()))))
    }

    fn sensitive(&mut self, field: &str, value: &str) -> Option<HeaderValue> {
        let Ok(mut value) = HeaderValue::from_str(value) else {
            self.fault(format!("`{field}` holds something that no HTTP header can carry (a line break?)"));
            return None;
        };
        value.set_sensitive(true);
        Some(value)
    }
}

/// Whether traffic to that host stays on this machine or inside the cluster.
fn stays_inside(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            !name.contains('.')
                || [".localhost", ".svc", ".local", ".internal", ".test"].iter().any(|suffix| name.ends_with(suffix))
        }
        None => false,
    }
}
