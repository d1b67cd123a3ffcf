//! TLS root certificates, as in every client of Cesar. yt-dlp and OpenSSL's programs use the same variables.

use plugin_api::download::Reason;
use ureq::tls::TlsConfig;

use crate::refusal::{Refused, because};

/// The TLS configuration.
pub(crate) fn config() -> Result<TlsConfig, Refused> {
    cesar_base::tls_roots::config().map_err(|error| because(Reason::Other, error.to_string()))
}
