//! The API's own certificate. Hands are shaken beside each other, each within a deadline and no
//! more than so many at once, so that one that dawdles keeps nobody waiting.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::access::Tls;

const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
const HANDSHAKES_AT_ONCE: usize = 64;

/// Accepts connections that are encrypted.
pub struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    greeted: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

/// Reads the certificate and its key.
///
/// # Errors
/// The setting, and what is wrong with it.
pub fn config(tls: &Tls) -> Result<Arc<ServerConfig>, (&'static str, String)> {
    let certificates = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|_| ("certificate", format!("{} cannot be read as PEM", tls.certificate)))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|_| ("key", format!("{} cannot be read as a private key in PEM", tls.key)))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ("certificate", error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| ("certificate", format!("does not go with its key: {error}")))?;
    Ok(Arc::new(config))
}

impl TlsListener {
    pub fn new(listener: TcpListener, config: Arc<ServerConfig>) -> Self {
        Self { listener, acceptor: config.into(), greeted: JoinSet::new() }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                Some(greeted) = self.greeted.join_next(), if !self.greeted.is_empty() => {
                    if let Ok(Some(ready)) = greeted {
                        return ready;
                    }
                }
                (stream, address) = Listener::accept(&mut self.listener), if self.greeted.len() < HANDSHAKES_AT_ONCE => {
                    let acceptor = self.acceptor.clone();
                    self.greeted.spawn(async move {
                        let shaken = timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await.ok()?;
                        Some((shaken.ok()?, address))
                    });
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
