//! The addresses that may be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::HttpError;
use crate::error::{NotPublic, without_secrets};

/// The addresses that may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AddressPolicy {
    /// Any.
    #[default]
    Anywhere,
    /// Only those with a public address, for URLs that a stranger may have written: not this machine, nor those beside
    /// it, nor the services of a cloud that ask for no key. It is the address to be connected to that is checked, so
    /// a name that leads elsewhere the next time it is asked for does not help. URLs with a user or a password are
    /// refused, and no proxy is used, since it would connect on its own.
    Public {
        /// Hosts that may be reached at any address, as they stand in URLs.
        except: Vec<String>,
    },
}

impl AddressPolicy {
    /// Whether a URL may be asked for, as far as it can be told before its name is resolved.
    pub(crate) fn check(&self, url: &Url) -> Result<(), HttpError> {
        let Self::Public { except } = self else {
            return Ok(());
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HttpError::InvalidUrl {
                url: without_secrets(url.as_str()),
                reason: "it must not hold a user or a password".to_owned(),
            });
        }
        let host = url.host_str().unwrap_or_default();
        // Addresses in URLs are not resolved, so this is the only place where they are seen. Others are no addresses
        // here: the URL has been parsed, and with it `127.1` or `0x7f000001`.
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        match address {
            Ok(address) if !is_public(address) && !is_named(except, host) => {
                Err(HttpError::NotPublic {
                    server: host.to_owned(),
                    address,
                })
            }
            _ => Ok(()),
        }
    }

    /// Returns the resolver of names; none leaves that to the client.
    pub(crate) fn resolver(&self) -> Option<PublicResolver> {
        match self {
            Self::Anywhere => None,
            Self::Public { except } => Some(PublicResolver {
                except: except.clone(),
            }),
        }
    }
}

fn is_named(hosts: &[String], host: &str) -> bool {
    hosts.iter().any(|named| named.eq_ignore_ascii_case(host))
}

/// Resolves names to public addresses. What it returns is what is connected to.
pub(crate) struct PublicResolver {
    except: Vec<String>,
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let anywhere = is_named(&self.except, &host);
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let (public, others): (Vec<SocketAddr>, Vec<SocketAddr>) =
                addresses.partition(|address| anywhere || is_public(address.ip()));
            match others.first() {
                Some(address) if public.is_empty() => Err(NotPublic(address.ip()).into()),
                _ => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether an address is one of the public network, after the registries of special addresses (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0 | 10 | 127, ..] => true,  // this network, private, loopback
        [100, 64..=127, ..] => true, // shared by customers of a provider
        [169, 254, ..] => true,      // link-local, and where clouds answer
        [172, 16..=31, ..] => true,  // private
        [192, 168, ..] => true,      // private
        [192, 0, 0 | 2, _] => true,  // protocols, documentation
        [192, 88, 99, _] => true,    // relays of 6to4
        [198, 18 | 19, ..] => true,  // benchmarks
        [198, 51, 100, _] | [203, 0, 113, _] => true, // documentation
        [224..=255, ..] => true,     // multicast, reserved, broadcast
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded =
        |high: u16, low: u16| is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low), // an IPv4 address
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low), // one translated (NAT64)
        [0x2002, high, low, ..] => embedded(high, low),            // one tunnelled (6to4)
        [0x2001, 0..=0x1ff, ..] => false,                          // protocols, Teredo
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,    // documentation
        // All else that is public: not loopback, link-local, unique local, multicast and so on.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:0:7f00:1::",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "2002:c0a8:101::",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn other_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2002:808:808::1",
            "2606:4700::1111",
            "3fff:1000::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn urls_are_checked_before_anything_is_connected_to() {
        let policy = AddressPolicy::Public {
            except: vec!["127.0.0.2".to_owned(), "[::1]".to_owned()],
        };
        let check = |url: &str| {
            policy
                .check(&Url::parse(url).unwrap())
                .map_err(|error| error.to_string())
        };
        for url in [
            "http://127.1/",
            "http://0x7f.0.0.1",
            "http://2130706433",
            "http://0177.0.0.1",
            "http://127.0.0.1.",
        ] {
            assert_eq!(
                check(url),
                Err("127.0.0.1 is reached at 127.0.0.1, which is not a public address".into())
            );
        }
        assert!(check("http://[::ffff:10.0.0.1]/").is_err());
        assert!(
            check("https://user@example.org/").is_err()
                && check("https://:secret@example.org").is_err()
        );
        for url in [
            "http://127.0.0.2/x",
            "http://[::1]:80",
            "https://1.1.1.1",
            "https://example.org",
        ] {
            assert_eq!(check(url), Ok(()));
        }
        assert!(
            AddressPolicy::Anywhere
                .check(&Url::parse("http://user:pass@127.0.0.1").unwrap())
                .is_ok()
        );
    }
}
