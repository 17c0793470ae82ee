//! The addresses that a request to another system may go to.
//!
//! A connector names a host, and a person who may write a connector is not one who may reach every machine of the network: without
//! a limit, a feed could read what only this function can reach. So an address is checked after its name is resolved, and the
//! connection goes to the address that was checked: a name that is resolved again, to another address, is checked again. A URL
//! that contains an address is not resolved, and is checked by itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The addresses of other systems that are allowed. Each scope contains the ones before it. Link-local addresses (the metadata of
/// AWS is one), multicast and reserved addresses are in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum AddressScope {
    /// Addresses of the internet.
    #[default]
    Public,
    /// Also those of private networks, for a system in the VPC of the function.
    Private,
    /// Also those of this machine, and without TLS. For the local stack and for tests.
    Loopback,
}

/// The text names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a scope of addresses: set public, private or loopback")]
pub struct AddressScopeError(String);

impl FromStr for AddressScope {
    type Err = AddressScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "public" => Ok(Self::Public),
            "private" => Ok(Self::Private),
            "loopback" => Ok(Self::Loopback),
            _ => Err(AddressScopeError(text.to_owned())),
        }
    }
}

/// Why no request is sent to an address. Trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error("url: it is not a URL")]
    Malformed,
    #[error("url: it must begin with https://")]
    NoTls,
    #[error(
        "url: {host} has the address {address}, which is not public: correct the url, or, if the system is in your private network, \
         set SourceAddressScope=private (--address-scope private on the command line)"
    )]
    NotPublic { host: String, address: IpAddr },
    #[error("url: {host} has the address {address}, which no connector may call: put the host of the system into the url")]
    Reserved { host: String, address: IpAddr },
}

impl AddressScope {
    /// Parses the URL of a request, and checks its scheme and the address that it may contain.
    pub(super) fn url(self, text: &str) -> Result<Url, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::Malformed)?;
        let host = url.host_str().ok_or(AddressError::Malformed)?;
        // An address in a URL has one form here, also where it was written as `0x7f.1` or `2130706433`.
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let is_local = self == Self::Loopback && url.scheme() == "http" && address.is_some_and(|address| address.is_loopback());
        if url.scheme() != "https" && !is_local {
            return Err(AddressError::NoTls);
        }
        if let Some(address) = address {
            self.check(host, address)?;
        }
        Ok(url)
    }

    /// Checks an address of a host.
    fn check(self, host: &str, address: IpAddr) -> Result<(), AddressError> {
        match needed(address) {
            Some(needed) if needed <= self => Ok(()),
            Some(Self::Public | Self::Private) => Err(AddressError::NotPublic { host: host.to_owned(), address }),
            Some(Self::Loopback) | None => Err(AddressError::Reserved { host: host.to_owned(), address }),
        }
    }
}

impl Resolve for AddressScope {
    fn resolve(&self, name: Name) -> Resolving {
        let scope = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One address that is not allowed refuses the name, so that the result does not depend on their order.
            for address in &found {
                scope.check(name.as_str(), address.ip())?;
            }
            let allowed: Addrs = Box::new(found.into_iter());
            Ok(allowed)
        })
    }
}

/// The smallest scope that contains an address; `None` where no scope contains it.
fn needed(address: IpAddr) -> Option<AddressScope> {
    match address {
        IpAddr::V4(address) => needed_v4(address),
        IpAddr::V6(address) => needed_v6(address),
    }
}

/// By the IANA registry of special-purpose IPv4 addresses.
fn needed_v4(address: Ipv4Addr) -> Option<AddressScope> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, _, _) => Some(AddressScope::Loopback),
        // Private networks, and those behind the address translation of a provider.
        (10, _, _) | (192, 168, _) | (172, 16..=31, _) | (100, 64..=127, _) => Some(AddressScope::Private),
        // "This network", link-local addresses, protocol assignments, documentation, relays, benchmarks, multicast and reserved.
        (0, _, _) | (169, 254, _) | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => None,
        (224..=255, _, _) => None,
        (_, _, _) => Some(AddressScope::Public),
    }
}

/// By the IANA registries of IPv6 addresses: only 2000::/3 is assigned to the internet.
fn needed_v6(address: Ipv6Addr) -> Option<AddressScope> {
    let segments = address.segments();
    let [.., high, low] = segments;
    let inner = || {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        needed_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(AddressScope::Loopback),
        // An IPv4 address in the form of IPv6, as it is or behind an address translation (NAT64).
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x0064, 0xff9b, 0, 0, 0, 0, _, _] => inner(),
        // The metadata of an EC2 instance.
        [0xfd00, 0x0ec2, ..] => None,
        [0xfc00..=0xfdff, ..] => Some(AddressScope::Private),
        // Protocol assignments and tunnels, documentation, and addresses that contain an IPv4 address of any kind.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => None,
        [0x2000..=0x3fff, ..] => Some(AddressScope::Public),
        [_, _, _, _, _, _, _, _] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the network of the function from connectors: each kind of address needs its scope, and some are in none.
    #[test]
    fn an_address_needs_its_scope() {
        use AddressScope::{Loopback, Private, Public};
        for (needs, addresses) in [
            (
                Some(Public),
                &["1.1.1.1", "100.63.0.1", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "223.255.255.255"][..],
            ),
            (Some(Public), &["2606:4700::1111", "2001:200::1", "2a00::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]),
            (Some(Private), &["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"]),
            (Some(Private), &["100.127.255.255", "fc00::1", "fdff::1", "::ffff:10.0.0.1", "64:ff9b::192.168.0.1"]),
            (Some(Loopback), &["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"]),
            (None, &["0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.170.2", "192.0.0.8", "192.0.2.1", "192.88.99.1"]),
            (None, &["198.18.0.1", "198.19.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "255.255.255.255"]),
            (None, &["240.0.0.1", "::", "fe80::1", "fec0::1", "ff02::1", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254"]),
            (
                None,
                &[
                    "fd00:ec2::254",
                    "::127.0.0.1",
                    "100::1",
                    "2001::1",
                    "2001:db8::1",
                    "2002:7f00:1::1",
                    "3fff::1",
                    "4000::1",
                    "64:ff9b:1::1",
                ],
            ),
        ] {
            for address in addresses {
                assert_eq!(needed(address.parse().expect("an address")), needs, "{address}");
            }
        }
    }

    /// Protects the network from an address in the URL itself, in each of its forms, and secrets from a connection without TLS.
    #[test]
    fn a_url_is_checked_before_it_is_called() {
        use AddressScope::{Loopback, Private, Public};
        for (url, allowed) in [
            ("https://erp.example.com/moves", Some(Public)),
            ("https://erp.example.com:8443/moves", Some(Public)),
            ("https://1.1.1.1/", Some(Public)),
            ("https://10.0.0.1/", Some(Private)),
            ("https://0xa.1/", Some(Private)),
            ("https://[fd00::1]/", Some(Private)),
            ("https://[::ffff:10.0.0.1]/", Some(Private)),
            ("https://127.0.0.1:8443/", Some(Loopback)),
            ("https://2130706433/", Some(Loopback)),
            ("https://0177.0.0.1/", Some(Loopback)),
            ("https://127.1./", Some(Loopback)),
            ("https://[::1]/", Some(Loopback)),
            ("http://127.0.0.1:8080/", Some(Loopback)),
            ("http://[::1]:8080/", Some(Loopback)),
            ("https://169.254.169.254/latest/meta-data/", None),
            ("https://[fe80::1]/", None),
            ("https://0/", None),
            ("http://erp.example.com/moves", None),
            ("http://localhost/", None),
            ("http://10.0.0.1/", None),
            ("http://1.1.1.1/", None),
            ("ftp://127.0.0.1/", None),
            ("file:///etc/passwd", None),
            ("erp.example.com", None),
        ] {
            for scope in [Public, Private, Loopback] {
                let expected = allowed.is_some_and(|least| least <= scope);
                assert_eq!(scope.url(url).is_ok(), expected, "{url} in {scope:?}: {:?}", scope.url(url));
            }
        }
        let error = Public.url("https://10.0.0.1/moves").map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.contains("10.0.0.1") && error.contains("SourceAddressScope=private")));
    }

    /// Protects a deployment from a mistyped scope: the function does not start.
    #[test]
    fn a_scope_has_a_name() {
        for (text, scope) in [
            ("public", Some(AddressScope::Public)),
            ("private", Some(AddressScope::Private)),
            ("loopback", Some(AddressScope::Loopback)),
            ("Private", None),
            ("true", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), scope, "{text:?}");
        }
    }
}
