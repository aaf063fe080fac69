//! Who asks, and what they may.
//!
//! A caller shows a token, or comes through a proxy that has signed them in. Of a token only the
//! SHA-256 is kept and compared. Where neither is configured the API is for this machine alone:
//! it listens on a loopback address, and whoever reaches it there is `local`.

mod proxy;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::secret::SecretSource;
pub use proxy::Proxy;

/// A shorter token could be guessed.
const SHORTEST_TOKEN: usize = 24;

/// The API, and who may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub listen: SocketAddr,
    /// To each caller, and to each address that is refused.
    pub requests_per_minute: u32,
    pub max_body_bytes: usize,
    #[serde(default)]
    pub tls: Option<Tls>,
    /// By names that the log tells.
    #[serde(default)]
    pub tokens: BTreeMap<String, Token>,
    #[serde(default)]
    pub proxy: Option<Proxy>,
}

/// Files of the API's own certificate, as PEM.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// With those between it and the authority.
    pub certificate: String,
    pub key: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub may: Right,
    pub token: SecretSource,
}

/// What a caller may; the greater holds the lesser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// To look.
    Read,
    /// To change something, or to take personal data away.
    Operate,
}

impl Right {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
        }
    }
}

/// Somebody who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// For the log: `token:support`, `user:ada@shop.example` or `local`.
    pub name: String,
    /// `None`: they are known and in no group that may anything.
    pub may: Option<Right>,
}

/// Somebody who is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// They show no token, and come through no proxy.
    Nameless,
    /// What they show is none of ours.
    WrongToken,
    /// They come from this machine but name another, as a page does that has a name lead here.
    AnotherHost,
}

impl Settings {
    /// What cannot be as it is: the setting within `api`, and what would be right.
    pub fn faults(&self) -> Vec<(Vec<&str>, String)> {
        let mut faults: Vec<(Vec<&str>, String)> = Vec::new();
        let is_open = self.tokens.is_empty() && self.proxy.is_none();
        if is_open && !self.listen.ip().is_loopback() {
            let what = format!(
                "{} can be reached from other machines, and nobody has to say who they are: add [api.tokens.<name>] or \
                 [api.proxy], or listen on 127.0.0.1",
                self.listen
            );
            faults.push((vec!["listen"], what));
        }
        for (name, least) in [
            ("requests_per_minute", usize::try_from(self.requests_per_minute).unwrap_or(usize::MAX)),
            ("max_body_bytes", self.max_body_bytes),
        ] {
            if least == 0 {
                faults.push((vec![name], "must not be 0: nothing would be answered".to_owned()));
            }
        }
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        for name in self.tokens.keys().filter(|name| name.is_empty() || name.len() > 64 || !name.chars().all(letters)) {
            faults
                .push((vec!["tokens", name], "its name must be up to 64 letters, digits, dashes and dots".to_owned()));
        }
        for (key, what) in self.proxy.iter().flat_map(Proxy::faults) {
            faults.push((vec!["proxy", key], what));
        }
        faults
    }
}

/// Who is known, ready to be asked. Holds no token, only what tells one.
#[derive(Clone)]
pub struct Access {
    tokens: Vec<Known>,
    proxy: Option<Proxy>,
}

#[derive(Clone)]
struct Known {
    name: String,
    may: Right,
    digest: [u8; 32],
}

impl Access {
    /// Reads the tokens.
    ///
    /// # Errors
    /// The name of each token that cannot be used, and why; never what it is.
    pub fn new(settings: &Settings) -> Result<Self, Vec<(String, String)>> {
        let (mut tokens, mut faults, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (name, Token { may, token }) in &settings.tokens {
            match token.read() {
                Ok(token) if token.expose().len() < SHORTEST_TOKEN => {
                    let right = "openssl rand -hex 32 makes one";
                    faults.push((name.clone(), format!("it is shorter than {SHORTEST_TOKEN} characters; {right}")));
                }
                Ok(token) => {
                    let digest = digest(token.expose());
                    if !known.insert(digest) {
                        faults.push((name.clone(), "it is another's too; each needs its own".to_owned()));
                    }
                    tokens.push(Known { name: format!("token:{name}"), may: *may, digest });
                }
                Err(what) => faults.push((name.clone(), what)),
            }
        }
        if faults.is_empty() { Ok(Self { tokens, proxy: settings.proxy.clone() }) } else { Err(faults) }
    }

    /// Nobody has to say who they are.
    fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.proxy.is_none()
    }

    /// Who asks, by their request's headers and the address that it came from.
    ///
    /// # Errors
    /// Why they are not known.
    pub fn caller(&self, headers: &HeaderMap, address: IpAddr) -> Result<Caller, Stranger> {
        if self.is_open() {
            let is_here = address.is_loopback() && names_this_machine(headers);
            let local = || Caller { name: "local".to_owned(), may: Some(Right::Operate) };
            return is_here.then(local).ok_or(Stranger::AnotherHost);
        }
        if let Some(shown) = headers.get(header::AUTHORIZATION) {
            let token = shown.to_str().ok().and_then(|text| text.split_once(' '));
            let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            return token.and_then(|(_, token)| self.holder(token.trim())).ok_or(Stranger::WrongToken);
        }
        self.proxy.as_ref().and_then(|proxy| proxy.caller(headers, address)).ok_or(Stranger::Nameless)
    }

    /// Whose token it is. Each is compared, and to its end: the time tells nothing of them.
    fn holder(&self, token: &str) -> Option<Caller> {
        let shown = digest(token);
        let mut holder = None;
        for known in &self.tokens {
            let differences = known.digest.iter().zip(shown).fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
            if differences == 0 {
                holder = Some(Caller { name: known.name.clone(), may: Some(known.may) });
            }
        }
        holder
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The request is for a name of this machine alone. A page of another site can have its own name
/// lead here (DNS rebinding), but not send another name.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
