//! The guard against addresses that are nobody's business: what a stranger's page may make this
//! program ask. Pure; applied to every URL of every hop and to every answer of the name service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Name endings that never belong to a public host (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`).
const LOCAL_SUFFIXES: &[&str] = &["localhost", "local", "internal", "home.arpa", "test", "invalid", "onion"];

/// Checks that a stranger's URL leads to a public web server, as far as the URL tells. A name that
/// passes can still point at a private address: the resolver filters those.
///
/// # Errors
/// The reason for people, such as `10.0.0.1 is not a public address`.
pub fn check_url(url: &Url) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{} is not http or https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or password".to_owned());
    }
    // Other services than the web's listen on the low ports, some of which can be made to obey a
    // well-chosen HTTP request.
    if let Some(port) = url.port()
        && port < 1024
        && !matches!(port, 80 | 443)
    {
        return Err(format!("port {port} is not a web server's"));
    }
    match url.host() {
        None => Err("it names no host".to_owned()),
        Some(Host::Ipv4(address)) => check_address(address.into()),
        Some(Host::Ipv6(address)) => check_address(address.into()),
        Some(Host::Domain(name)) => check_name(name),
    }
}

/// # Errors
/// The reason for people.
pub fn check_address(address: IpAddr) -> Result<(), String> {
    if is_public(address) { Ok(()) } else { Err(format!("{address} is not a public address")) }
}

fn check_name(name: &str) -> Result<(), String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    // A name without a dot is completed with the machine's own search domain.
    if !name.contains('.') {
        return Err(format!("{name} is not a public host name"));
    }
    let local = LOCAL_SUFFIXES
        .iter()
        .any(|suffix| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    if local { Err(format!("{name} is not a public host name")) } else { Ok(()) }
}

/// True for addresses that the public internet routes to one host.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Everything but IANA's special-purpose registry for IPv4.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127, ..) => true,
        (100, 64..=127, _) => true,             // shared by providers' customers
        (169, 254, _) => true,                  // link-local, cloud metadata
        (172, 16..=31, _) => true,              // private
        (192, 0, 0 | 2) => true,                // protocol assignments, documentation
        (192, 88, 99) => true,                  // 6to4 relays
        (192, 168, _) => true,                  // private
        (198, 18..=19, _) => true,              // benchmarks
        (198, 51, 100) | (203, 0, 113) => true, // documentation
        (224..=255, ..) => true,                // multicast, reserved, broadcast
        _ => false,
    };
    !special
}

/// Global unicast only; where an IPv4 address is embedded, that one decides.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64 (RFC 6052): on a network with IPv6 only, the name service gives these for public hosts.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, ORCHID and the other protocol assignments of 2001::/23; documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Everything outside 2000::/3: loopback, IPv4-mapped, unique local, link-local, multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, allowed: bool) {
        let url: Url = url.parse().unwrap();
        assert_eq!(check_url(&url).is_ok(), allowed, "{url}: {:?}", check_url(&url));
    }

    #[test]
    fn public_hosts_pass() {
        check("https://www.deviantart.com/a/art/b-1", true);
        check("http://example.com:8080/", true);
        check("https://example.com:443/", true);
        check("https://8.8.8.8/", true);
        check("https://[2606:4700::1111]/", true);
        check("https://[64:ff9b::808:808]/", true);
        check("https://testament.example.com/", true);
        check("https://xn--fsq.com/", true);
    }

    #[test]
    fn what_is_not_the_public_web_is_refused() {
        for url in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "https://user@example.com/",
            "https://:secret@example.com/",
            "http://example.com:22/",
            "http://example.com:25/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://printer/",
            "http://nas.local/",
            "http://metadata.google.internal/",
        ] {
            check(url, false);
        }
    }

    #[test]
    fn private_addresses_are_refused_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[::8.8.8.8]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::a00:1]",
            "[64:ff9b:1::808:808]",
            "[2001::1]",
            "[2001:db8::1]",
            "[2002:7f00:1::]",
            "[2002:c0a8:101::1]",
            "[3fff::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[100::1]",
        ] {
            check(&format!("http://{host}/"), false);
        }
    }

    #[test]
    fn neighbors_of_private_ranges_are_public() {
        for host in [
            "9.255.255.255",
            "11.0.0.0",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.1.0.1",
            "192.167.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "[2002:808:808::1]",
            "[2001:200::1]",
        ] {
            check(&format!("http://{host}/"), true);
        }
    }

    proptest::proptest! {
        /// An IPv4 address is not more public for being written inside an IPv6 one.
        #[test]
        fn embedding_hides_nothing(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let [a, b, c, d] = v4.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            let public = is_public(v4.into());
            proptest::prop_assert!(!is_public(v4.to_ipv6_mapped().into()));
            let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
            proptest::prop_assert_eq!(is_public(nat64.into()), public);
            let six_to_four = Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1);
            proptest::prop_assert_eq!(is_public(six_to_four.into()), public);
            let std_says = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            proptest::prop_assert!(!(std_says && public));
        }
    }
}
