//! What an operator sets about PostgreSQL.

use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Encryption;
use crate::secret::SecretSource;
use crate::store::vault;

/// How the database is reached, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `postgresql://user@host:5432/database`; several hosts by commas, the one that can be
    /// written to is used. `?sslmode=require` encrypts, and verifies the server's certificate and
    /// name (as libpq's `verify-full`); without it nothing is encrypted. Never with a password.
    pub url: String,
    pub password: Option<SecretSource>,
    /// PEM; without it the system's certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// Where the tables are; made if it is not there.
    pub schema: String,
    /// The consumer group whose offsets are kept.
    pub group: String,
    /// Held open at most: commits and claims of one process at a time.
    pub connections: usize,
    /// A connection must be made within.
    pub connect_ms: u32,
    /// At the start: how long to wait for a database that is away.
    pub start_ms: u32,
    /// No statement takes longer on the server.
    pub statement_ms: u32,
    /// No statement waits longer for a lock of another.
    pub lock_ms: u32,
    /// No call takes longer, all in all; afterwards the store counts as not available.
    pub deadline_ms: u32,
    /// Content is encrypted, if this is there.
    pub encryption: Option<Encryption>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: String::new(),
            password: None,
            ca_file: None,
            schema: "reassure".to_owned(),
            group: "reassure".to_owned(),
            connections: 8,
            connect_ms: 5_000,
            start_ms: 60_000,
            statement_ms: 15_000,
            lock_ms: 5_000,
            deadline_ms: 30_000,
            encryption: None,
        }
    }
}

impl Settings {
    /// What cannot be as it is: the setting, and what would be right. No secret is repeated.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if let Err(fault) = self.client() {
            faults.push(("url", fault));
        }
        if let Some(Err(what)) = self.password.as_ref().map(SecretSource::read) {
            faults.push(("password", format!(": {what}")));
        }
        // it becomes part of statements, where it cannot be a parameter
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.schema.is_empty() || self.schema.len() > 40 || !self.schema.chars().all(letters) {
            faults.push(("schema", "must be 1 to 40 lower-case letters, digits and underscores".to_owned()));
        }
        if self.connections < 2 {
            faults.push(("connections", "must be at least 2: one that writes, one that reads".to_owned()));
        }
        for (name, value) in [
            ("connect_ms", self.connect_ms),
            ("statement_ms", self.statement_ms),
            ("lock_ms", self.lock_ms),
            ("deadline_ms", self.deadline_ms),
        ] {
            if value == 0 {
                faults.push((name, "must not be 0: every wait has an end".to_owned()));
            }
        }
        if self.deadline_ms < self.statement_ms {
            let right = format!("must not be below statement_ms, which is {}", self.statement_ms);
            faults.push(("deadline_ms", right));
        }
        if let Some(encryption) = &self.encryption {
            let place = encryption.place(self);
            let of_keys = place.faults().into_iter().map(|(name, what)| format!("{name} {what}"));
            let of_place = (place.url == self.url && place.schema == self.schema)
                .then(|| "schema is the store's own: a copy of the store would hold its keys".to_owned());
            let of_masters = vault::masters(&encryption.keys).err();
            let all = of_keys.chain(of_place).chain(of_masters);
            faults.extend(all.map(|what| ("encryption", format!(": {what}"))));
        }
        faults
    }

    /// Where the database is, for logs: no user, no password.
    pub fn place(&self) -> String {
        let Ok(client) = self.client() else { return "an unreadable URL".to_owned() };
        let hosts: Vec<String> = client
            .get_hosts()
            .iter()
            .map(|host| match host {
                tokio_postgres::config::Host::Tcp(name) => name.clone(),
                tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        format!("postgresql://{}/{}, schema {}", hosts.join(","), client.get_dbname().unwrap_or(""), self.schema)
    }

    /// The client's configuration, without the password.
    pub(super) fn client(&self) -> Result<tokio_postgres::Config, String> {
        let form = "must be postgresql://user@host:5432/database";
        if self.url.is_empty() {
            return Err(format!("is missing; it {form}"));
        }
        // the parser's own text may quote what it could not read
        let mut client: tokio_postgres::Config =
            self.url.parse().map_err(|_| format!("cannot be read; it {form}, with ?sslmode=require for TLS"))?;
        if client.get_password().is_some() {
            return Err("holds a password, which belongs elsewhere: store.password names the file or the variable \
                        that holds it"
                .to_owned());
        }
        if client.get_hosts().is_empty() || client.get_dbname().is_none() {
            return Err(format!("names no host or no database; it {form}"));
        }
        if !self.url.contains("sslmode=") {
            client.ssl_mode(SslMode::Disable);
        } else if client.get_ssl_mode() == SslMode::Prefer {
            return Err("says sslmode=prefer, which falls back to plain text unseen; say require or disable".to_owned());
        }
        client
            .application_name("reassure")
            .connect_timeout(Duration::from_millis(self.connect_ms.into()))
            // a network that swallows packets is noticed while nothing is asked, and while something is
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_millis(self.deadline_ms.into()))
            // of several hosts the primary, also after a failover
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(client)
    }

    /// TLS as the URL asks for it.
    pub(super) fn tls(&self) -> Result<MakeRustlsConnect, String> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &self.ca_file {
            let unreadable = |_| format!("store.ca_file {} cannot be read as PEM", path.display());
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                roots.add(certificate).map_err(|_| format!("store.ca_file {} holds no certificate", path.display()))?;
            }
        } else if self.client()?.get_ssl_mode() == SslMode::Require {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS: {error}"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}
