//! Whom TLS trusts: the authorities of Mozilla's list, which are built in, or those of the file that `SSL_CERT_FILE` names, as where a company's
//! proxy signs for everybody. yt-dlp heeds the same variable.

use std::path::{Path, PathBuf};

use plugin_api::download::Reason;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::refusal::{Refused, because};

const VARIABLE: &str = "SSL_CERT_FILE";

/// The configuration of TLS.
pub(crate) fn config() -> Result<TlsConfig, Refused> {
    let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    match named.map(PathBuf::from) {
        None => Ok(TlsConfig::default()),
        Some(path) => authorities(&path).map(|roots| TlsConfig::builder().root_certs(roots).build()),
    }
}

fn authorities(path: &Path) -> Result<RootCerts, Refused> {
    let unusable = |why: String| {
        because(
            Reason::Other,
            format!(
                "the file `{}` that `{VARIABLE}` names {why}; correct the variable or remove it",
                path.display()
            ),
        )
    };
    let pem = std::fs::read(path).map_err(|error| unusable(format!("cannot be read ({error})")))?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let certificates: Vec<_> = parse_pem(&pem).filter_map(certificate).collect();
    match certificates.is_empty() {
        true => Err(unusable("has no certificate".to_owned())),
        false => Ok(RootCerts::new_with_certs(&certificates)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("certificates.pem");
        for (content, why) in [(None, "cannot be read"), (Some("no PEM"), "has no certificate")] {
            if let Some(content) = content {
                std::fs::write(&file, content).unwrap();
            }
            let Err(Refused::Because(refusal)) = authorities(&file) else {
                panic!("{why}")
            };
            assert!(refusal.message.contains(why), "{}", refusal.message);
        }
    }
}
