//! Restriction to public addresses, if the order requires it.
//!
//! [`Guard`] is the resolver of the HTTP client: the client connects only to addresses that it accepted, for any redirect, and even
//! if a name resolves differently a second later. A name with one refused address is refused.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use plugin_api::download::Reason;
use plugin_api::network::is_public;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::refusal::{Refused, because};

/// Checks resolved addresses.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    /// Whether only public addresses are accepted.
    pub public_only: bool,
}

/// A refused address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRefused {
    host: String,
    address: IpAddr,
}

impl std::fmt::Display for AddressRefused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "`{}` leads to {}, which is not a public address; the operator can allow such addresses with `server.allow_private_addresses`",
            self.host, self.address
        )
    }
}

impl std::error::Error for AddressRefused {}

impl From<&AddressRefused> for Refused {
    fn from(error: &AddressRefused) -> Self {
        because(Reason::AddressRefused, error.to_string())
    }
}

impl Guard {
    /// Checks the addresses of a host: all must be accepted.
    ///
    /// # Errors
    /// The first refused address.
    pub fn check(self, host: &str, addresses: &[SocketAddr]) -> Result<(), AddressRefused> {
        let refused = addresses.iter().find(|address| !is_public(address.ip()));
        match refused {
            Some(address) if self.public_only => Err(AddressRefused {
                host: host.to_owned(),
                address: address.ip(),
            }),
            _ => Ok(()),
        }
    }

    /// The accepted addresses of a host.
    pub(crate) fn resolve_host(self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<_> = (bare, port).to_socket_addrs()?.collect();
        self.check(host, &addresses).map_err(std::io::Error::other)?;
        Ok(addresses)
    }
}

impl Resolver for Guard {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let resolved = DefaultResolver::default().resolve(uri, config, timeout)?;
        self.check(uri.host().unwrap_or_default(), &resolved)
            .map_err(|error| ureq::Error::Other(Box::new(error)))?;
        Ok(resolved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refused_address_refuses_the_name() {
        let addresses = ["8.8.8.8:80".parse().unwrap(), "10.0.0.1:80".parse().unwrap()];
        let strict = Guard { public_only: true };
        assert!(strict.check("mixed.example", &addresses).is_err());
        assert!(strict.check("good.example", &addresses[..1]).is_ok());
        assert!(Guard { public_only: false }.check("mixed.example", &addresses).is_ok());
    }

    #[test]
    fn odd_notations_of_loopback_are_refused() {
        let strict = Guard { public_only: true };
        for host in ["127.1", "0x7f.1", "2130706433", "[::1]", "localhost"] {
            assert!(strict.resolve_host(host, 80).is_err(), "{host}");
        }
    }
}
