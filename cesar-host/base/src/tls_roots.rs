//! TLS root certificates for the host's clients.
//!
//! The first of these that exists is used: the file `SSL_CERT_FILE` and the folders `SSL_CERT_DIR`; the certificates of the system,
//! which may include those of a company's proxy; Mozilla's built-in list. The download plugin shares this module; OpenSSL's
//! programs use the same order.

use std::path::PathBuf;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

const FILE: &str = "SSL_CERT_FILE";
const FOLDERS: &str = "SSL_CERT_DIR";

/// The file or folder named by a variable has no certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}`, named by `{variable}`, {why}; fix or unset the variable", path.display())]
pub struct TlsRootsError {
    variable: &'static str,
    path: PathBuf,
    why: String,
}

/// The TLS configuration.
///
/// # Errors
/// When a variable is set and its file or folder has no certificate.
pub fn config() -> Result<TlsConfig, TlsRootsError> {
    let certificates = certificates()?;
    if certificates.is_empty() {
        return Ok(TlsConfig::default());
    }
    let certificates: Vec<_> = certificates
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    let roots = RootCerts::new_with_certs(&certificates);
    Ok(TlsConfig::builder().root_certs(roots).build())
}

/// The root certificates as DER, for clients of other protocols than HTTP; none where only the built-in list exists.
///
/// # Errors
/// When a variable is set and its file or folder has no certificate.
pub fn certificates() -> Result<Vec<Vec<u8>>, TlsRootsError> {
    let named = [FILE, FOLDERS].into_iter().find_map(|variable| {
        let value = std::env::var_os(variable).filter(|value| !value.is_empty())?;
        Some((variable, PathBuf::from(value)))
    });
    let found = rustls_native_certs::load_native_certs();
    match (found.certs.is_empty(), named) {
        (false, _) | (true, None) => Ok(found.certs.iter().map(|certificate| certificate.to_vec()).collect()),
        (true, Some((variable, path))) => Err(TlsRootsError {
            variable,
            path,
            why: match found.errors.first() {
                Some(error) => format!("cannot be read ({error})"),
                None => "has no certificate".to_owned(),
            },
        }),
    }
}
