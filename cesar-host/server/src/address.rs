//! Addresses that the server may connect to on a client's behalf: webhooks, and URLs to download from.
//!
//! A client that names an address makes the server send a request from inside its network (server-side request forgery). So only
//! public addresses are allowed, unless `server.allow_private_addresses` is set. The rule applies to the address that a name resolves
//! to at the moment of connecting: [`AddressGuard`] is the resolver of the HTTP client, so a name that resolves to something else
//! a second later (DNS rebinding) and numbers in odd notations (`0x7f.1`) gain nothing. A name with one refused address among good
//! ones is refused. Redirects are never followed for webhooks; the download stage follows them
//! and judges each hop by the same rule.
//!
//! Plugins share the rule for public addresses: [`plugin_api::network`].

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use axum::http::Uri;
use plugin_api::network::is_public;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Refusals of a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(transparent)]
    Form(#[from] cesar_pipeline::AddressError),
    #[error("`{0}` cannot be resolved; check the name")]
    Unresolved(String),
    #[error(
        "`{host}` leads to {address}, which is not a public address; the operator can allow such addresses with `server.allow_private_addresses`"
    )]
    Refused {
        /// The host as it was given.
        host: String,
        /// The first refused address.
        address: IpAddr,
    },
}

/// The rule for resolved addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddressGuard {
    /// Whether every address is allowed.
    pub(crate) allow_private: bool,
}

impl AddressGuard {
    /// Checks the addresses of a host: all must be public.
    pub(crate) fn check(self, host: &str, addresses: &[SocketAddr]) -> Result<(), AddressError> {
        let refused = addresses.iter().find(|address| !is_public(address.ip()));
        match refused {
            Some(address) if !self.allow_private => Err(AddressError::Refused {
                host: host.to_owned(),
                address: address.ip(),
            }),
            _ => Ok(()),
        }
    }

    /// Checks a URL and the present addresses of its host. Blocks for the resolver.
    pub(crate) fn check_resolved(self, url: &str) -> Result<Uri, AddressError> {
        let uri = cesar_pipeline::check_address(url)?;
        let host = uri.host().unwrap_or_default().to_owned();
        let port = uri.port_u16().unwrap_or(443);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = (bare, port).to_socket_addrs();
        let addresses: Vec<_> = found.map_err(|_| AddressError::Unresolved(host.clone()))?.collect();
        if addresses.is_empty() {
            return Err(AddressError::Unresolved(host));
        }
        self.check(&host, &addresses)?;
        Ok(uri)
    }
}

/// The guard as the resolver of the HTTP client, which connects to no other address.
impl Resolver for AddressGuard {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let resolved = DefaultResolver::default().resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default();
        self.check(host, &resolved)
            .map_err(|error| ureq::Error::Other(Box::new(error)))?;
        Ok(resolved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: AddressGuard = AddressGuard { allow_private: false };

    #[test]
    fn odd_notations_of_loopback_are_refused() {
        for url in [
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]:80/",
        ] {
            let error = STRICT.check_resolved(url).unwrap_err();
            // A notation that this system's resolver does not read is refused as well.
            assert!(
                matches!(error, AddressError::Refused { .. } | AddressError::Unresolved(_)),
                "{url}: {error}"
            );
        }
        let lenient = AddressGuard { allow_private: true };
        assert!(lenient.check_resolved("http://127.0.0.1:9/").is_ok());
    }

    #[test]
    fn the_client_does_not_connect_to_a_refused_address() {
        // A listener that must receive no connection.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let agent = ureq::Agent::with_parts(
            ureq::Agent::config_builder().build(),
            ureq::unversioned::transport::DefaultConnector::default(),
            STRICT,
        );
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let error = agent.get(&url).call().unwrap_err().to_string();
        assert!(error.contains("not a public address"), "{error}");
        assert!(listener.accept().is_err(), "a connection was made");
    }
}
