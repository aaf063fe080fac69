//! What every encrypted connection shares.

use std::sync::Once;

/// The TLS library is built without a default for its cryptography: ring, once for the process.
pub fn choose_cryptography() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // an error says that somebody chose before us, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
