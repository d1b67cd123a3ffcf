//! Whom TLS trusts, for every client of the host: the authorities of the file `SSL_CERT_FILE` and the folders `SSL_CERT_DIR`, where one of
//! them is set; else those that this system trusts, as where a company's proxy signs for everybody; else, where a system has none, Mozilla's
//! list, which is built in. The download stage decides in the same way (`plugins/download/src/trust.rs`), and so do OpenSSL's programs.

use std::path::PathBuf;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

const FILE: &str = "SSL_CERT_FILE";
const FOLDERS: &str = "SSL_CERT_DIR";

/// What was named has no authorities.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}`, named by `{variable}`, {why}; fix or unset the variable", path.display())]
pub struct TlsRootsError {
    variable: &'static str,
    path: PathBuf,
    why: String,
}

/// The configuration of TLS.
///
/// # Errors
/// When a variable is set and what it names has no certificate.
pub fn config() -> Result<TlsConfig, TlsRootsError> {
    let named = [FILE, FOLDERS].into_iter().find_map(|variable| {
        let value = std::env::var_os(variable).filter(|value| !value.is_empty())?;
        Some((variable, PathBuf::from(value)))
    });
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<_> = found
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    match (certificates.is_empty(), named) {
        (false, _) => {
            let roots = RootCerts::new_with_certs(&certificates);
            Ok(TlsConfig::builder().root_certs(roots).build())
        }
        (true, None) => Ok(TlsConfig::default()),
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
