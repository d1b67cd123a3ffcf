//! TLS root certificates: the authorities of the file `SSL_CERT_FILE` and the folders `SSL_CERT_DIR`, where one of them is set; else those that this
//! system trusts, as where a company's proxy signs for everybody; else, where a system has none, Mozilla's list, which is built in. yt-dlp
//! and OpenSSL's programs heed the same variables.

use std::path::PathBuf;

use plugin_api::download::Reason;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::refusal::{Refused, because};

const FILE: &str = "SSL_CERT_FILE";
const FOLDERS: &str = "SSL_CERT_DIR";

/// The configuration of TLS.
pub(crate) fn config() -> Result<TlsConfig, Refused> {
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
        (true, Some((variable, path))) => {
            let why = match found.errors.first() {
                Some(error) => format!("cannot be read ({error})"),
                None => "has no certificate".to_owned(),
            };
            Err(because(
                Reason::Other,
                format!(
                    "`{}`, named by `{variable}`, {why}; fix or unset the variable",
                    path.display()
                ),
            ))
        }
    }
}
