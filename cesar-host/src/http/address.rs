//! Which addresses the server may connect to on a client's behalf: webhooks, and URLs to download from.
//!
//! A client that names an address makes the server send a request from inside its network (server-side request forgery). So only
//! public addresses are allowed, unless `server.allow_private_addresses` says otherwise. What counts is the address that a name
//! resolves to, at the moment of connecting: [`Guard`] is the resolver of the HTTP client, so a name that resolves to something else
//! a second later (DNS rebinding) and numbers in odd notations (`0x7f.1`) gain nothing. A name with one refused address among good
//! ones is refused. Redirects are never followed for webhooks; whoever follows them elsewhere asks [`check_url`] and the guard again
//! for each hop.
//!
//! The ranges are those of the IANA registries of special-purpose addresses (RFC 6890 and its updates), with every range that is not
//! globally reachable, and the metadata services that live outside of them. Addresses that carry an IPv4 address are judged by it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

use axum::http::Uri;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// IPv4 networks that are not somebody else's public server: address and length of the prefix.
const REFUSED_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),        // this network
    ([10, 0, 0, 0], 8),       // private
    ([100, 64, 0, 0], 10),    // carrier-grade NAT, and Alibaba's metadata
    ([127, 0, 0, 0], 8),      // loopback
    ([168, 63, 129, 16], 32), // Azure's metadata
    ([169, 254, 0, 0], 16),   // link-local, and most clouds' metadata
    ([172, 16, 0, 0], 12),    // private
    ([192, 0, 0, 0], 24),     // protocol assignments, and Oracle's metadata
    ([192, 0, 2, 0], 24),     // documentation
    ([192, 88, 99, 0], 24),   // 6to4 relays
    ([192, 168, 0, 0], 16),   // private
    ([198, 18, 0, 0], 15),    // benchmarks
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
    ([224, 0, 0, 0], 4),      // multicast
    ([240, 0, 0, 0], 4),      // reserved, and broadcast
];

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("`{0}` is not a URL; write it like `https://example.org/talk.mp3`")]
    NotUrl(String),
    #[error("`{0}` is not fetched; use a URL that begins with `https://` or `http://`")]
    Scheme(String),
    #[error("the URL holds a user name or a password; leave them out")]
    Credentials,
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

/// Whether an address is one of the public Internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !REFUSED_V4.iter().any(|(network, length)| {
        let mask = u32::MAX << (32 - length);
        bits & mask == Ipv4Addr::from(*network).to_bits() & mask
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let groups = address.segments();
    let last_v4 = || Ipv4Addr::from_bits(u32::from(groups[6]) << 16 | u32::from(groups[7]));
    match groups {
        // ::ffff:a.b.c.d, and NAT64's well-known prefix.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_public_v4(last_v4()),
        // 6to4: the IPv4 address follows the prefix.
        [0x2002, high, low, ..] => is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        // Protocol assignments (Teredo, ORCHID, benchmarks) and documentation, inside global unicast.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast is 2000::/3; all else is loopback, local, multicast or not assigned.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Checks what can be checked without resolving: the form of the URL.
pub(crate) fn check_url(url: &str) -> Result<Uri, AddressError> {
    let not_url = || AddressError::NotUrl(shortened(url));
    let (scheme, _) = url.split_once(':').ok_or_else(not_url)?;
    let is_scheme = scheme
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if scheme.is_empty() || !is_scheme {
        return Err(not_url());
    }
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(AddressError::Scheme(format!("{scheme}:")));
    }
    let uri: Uri = url.parse().map_err(|_| not_url())?;
    let authority = uri.authority().ok_or_else(not_url)?;
    if authority.as_str().contains('@') {
        return Err(AddressError::Credentials);
    }
    if authority.host().is_empty() || authority.host() == "[]" {
        return Err(not_url());
    }
    Ok(uri)
}

fn shortened(url: &str) -> String {
    url.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

/// Decides about resolved addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard {
    /// Every address is good.
    pub(crate) allow_private: bool,
}

impl Guard {
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

    /// Checks a URL and what its host resolves to now. Blocks for the resolver.
    pub(crate) fn check_resolved(self, url: &str) -> Result<Uri, AddressError> {
        let uri = check_url(url)?;
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

/// The guard as the resolver of the HTTP client: nothing is connected to that it did not let through.
impl Resolver for Guard {
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
    use proptest::prelude::*;

    const STRICT: Guard = Guard { allow_private: false };

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn well_known_addresses() {
        for good in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "2606:4700::1111",
            "64:ff9b::8.8.8.8",
            "::ffff:9.9.9.9",
        ] {
            assert!(public(good), "{good}");
        }
        let bad = [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
        ];
        for bad in bad {
            assert!(!public(bad), "{bad}");
        }
    }

    #[test]
    fn urls() {
        assert!(check_url("https://example.org/a?b").is_ok());
        assert!(check_url("http://[2606:4700::1111]:8080/").is_ok());
        let refused = |url| check_url(url).unwrap_err();
        assert_eq!(refused("file:///etc/passwd"), AddressError::Scheme("file:".into()));
        assert_eq!(refused("gopher://example.org/"), AddressError::Scheme("gopher:".into()));
        assert_eq!(refused("http://user:secret@example.org/"), AddressError::Credentials);
        for odd in [
            "",
            "/etc/passwd",
            "example.org",
            "http://",
            "http:///x",
            "http://a b/",
            "http://x\r\nHost: y/",
        ] {
            assert!(matches!(refused(odd), AddressError::NotUrl(_)), "{odd}");
        }
    }

    #[test]
    fn odd_notations_of_loopback_are_seen_through() {
        for url in [
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]:80/",
        ] {
            let error = STRICT.check_resolved(url).unwrap_err();
            // What this system's resolver does not read is refused as well.
            assert!(
                matches!(error, AddressError::Refused { .. } | AddressError::Unresolved(_)),
                "{url}: {error}"
            );
        }
        let lenient = Guard { allow_private: true };
        assert!(lenient.check_resolved("http://127.0.0.1:9/").is_ok());
    }

    #[test]
    fn the_client_connects_to_nothing_refused() {
        // A listener that must stay unasked.
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

    proptest! {
        #[test]
        fn an_embedded_address_is_judged_like_the_address_itself(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            let embedded = [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ];
            for six in embedded {
                prop_assert_eq!(is_public(six.into()), is_public(address.into()));
            }
        }

        #[test]
        fn whatever_the_standard_library_calls_special_is_refused(bits: u32, six: u128) {
            let four = Ipv4Addr::from_bits(bits);
            let special = four.is_private() || four.is_loopback() || four.is_link_local() || four.is_multicast()
                || four.is_broadcast() || four.is_documentation() || four.is_unspecified();
            prop_assert!(!special || !is_public(four.into()));
            let six = Ipv6Addr::from_bits(six);
            let special = six.is_loopback() || six.is_multicast() || six.is_unicast_link_local()
                || six.is_unique_local() || six.is_unspecified();
            prop_assert!(!special || !is_public(six.into()));
        }

        #[test]
        fn any_text_is_a_good_url_or_refused(text in "\\PC{0,40}") {
            let _ = check_url(&text);
        }
    }
}
