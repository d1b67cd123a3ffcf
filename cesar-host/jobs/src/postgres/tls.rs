//! TLS of connections, by rustls. The server proves its name; there is no channel binding, which would need a parser of certificates.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use super::address::{Address, Encryption};
use crate::error::{JobsError, Result};

/// Makes the TLS part of a connection.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
}

/// A connection that becomes encrypted.
pub(super) struct Handshake {
    connector: TlsConnector,
    domain: String,
}

/// An encrypted connection.
pub(super) struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl Tls {
    /// The parts that this address needs; without encryption it has no root certificate and is never used.
    pub(super) fn new(address: &Address) -> Result<Self> {
        let roots = match &address.encryption {
            Encryption::Off => RootCertStore::empty(),
            Encryption::Verified { roots } => {
                roots_of(roots.as_deref()).map_err(|reason| JobsError::UnsuitableDatabase {
                    database: address.shown().to_owned(),
                    reason,
                    remedy: "set `sslrootcert` to a file with the certificate of its authority",
                })?
            }
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| JobsError::UnsuitableDatabase {
                database: address.shown().to_owned(),
                reason: error.to_string(),
                remedy: "report this",
            })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
        })
    }
}

/// The remedy for an error that is about encryption.
pub(super) fn remedy(error: &tokio_postgres::Error) -> Option<&'static str> {
    if let Some(error) = error.as_db_error() {
        // Of `pg_hba.conf`: it has a line for encrypted connections alone.
        let is_unencrypted = ["no encryption", "SSL off"]
            .iter()
            .any(|end| error.message().ends_with(end));
        let is_refused = *error.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION;
        return (is_refused && is_unencrypted).then_some(
            "add `sslmode=verify-full` to the address, with `sslrootcert=FILE` for an authority that the system does not know, \
             or allow this user without encryption in `pg_hba.conf`",
        );
    }
    let source = std::error::Error::source(error)?;
    match source.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => match inner.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Some("use a host in the address that is a name of its certificate, or `sslmode=disable` where the network is trusted"),
            _ => Some(
                "set `sslrootcert=FILE` in the address to the certificate of its authority, or `sslmode=disable` where the network is trusted",
            ),
        },
        // The client says only this about its own errors of TLS.
        None => source.to_string().contains("does not support TLS").then_some(
            "switch on `ssl` in `postgresql.conf`, or add `sslmode=disable` to the address where the network is trusted",
        ),
    }
}

/// The root certificates of a file, else those that every client of the host uses.
fn roots_of(file: Option<&Path>) -> std::result::Result<RootCertStore, String> {
    let certificates = match file {
        None => cesar_base::tls_roots::certificates().map_err(|error| error.to_string())?,
        Some(path) => {
            let explain =
                |error: &dyn std::fmt::Display| format!("cannot read certificates from `{}`: {error}", path.display());
            let file = File::open(path).map_err(|error| explain(&error))?;
            let read =
                CertificateDer::pem_reader_iter(BufReader::new(file)).collect::<std::result::Result<Vec<_>, _>>();
            let read = read.map_err(|error| explain(&error))?;
            read.into_iter().map(|certificate| certificate.to_vec()).collect()
        }
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.into_iter().map(CertificateDer::from));
    match roots.is_empty() {
        true => Err("there is no root certificate to verify it with".to_owned()),
        false => Ok(roots),
    }
}

impl<S> MakeTlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type TlsConnect = Handshake;
    type Error = std::convert::Infallible;

    fn make_tls_connect(&mut self, domain: &str) -> std::result::Result<Handshake, Self::Error> {
        Ok(Handshake {
            connector: TlsConnector::from(Arc::clone(&self.config)),
            // Not parsed yet: it is the path of a socket where there is no encryption.
            domain: domain.to_owned(),
        })
    }
}

impl<S> TlsConnect<S> for Handshake
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let name = ServerName::try_from(self.domain).map_err(io::Error::other)?;
            self.connector.connect(name, stream).await.map(Encrypted)
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
