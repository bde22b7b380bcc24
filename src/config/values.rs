//! What the texts of several sections may be; each makes a value of one, or says what it must be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;

use crate::base::ids::Network;

pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// This machine.
pub(super) const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

pub(super) fn not_empty(text: &str) -> Result<&str, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text) }
}

pub(super) fn must_be_one_of(names: &[&str]) -> String {
    match names {
        [only] => format!("must be {only:?}"),
        names => format!("must be one of {}", names.join(", ")),
    }
}

/// A network by its name.
pub(super) fn network_named(name: &str) -> Result<Network, String> {
    Network::from_name(name).ok_or_else(|| must_be_one_of(&Network::ALL.map(Network::as_str)))
}

pub(super) fn ip_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text:?} must be an IP address"))
}

/// An address stands for the network that it alone makes.
pub(super) fn ip_network(text: &str) -> Result<IpNet, String> {
    let one_address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| one_address())
        .map_err(|_| format!("{text:?} must be an address or a network, 10.0.0.0/8"))
}

/// `http://host:port`, with a path or without, and without a slash at its end.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let must = || Err("must be a URL, http://127.0.0.1:9100".to_owned());
    let Ok(url) = url::Url::parse(text) else { return must() };
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(text.trim_end_matches('/').to_owned()) } else { must() }
}

/// `http://host:port`, without a path.
pub(super) fn origin(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if url.path() != "/" => Err("must be a URL, http://127.0.0.1:9100".to_owned()),
        Ok(_) | Err(_) => base_url(text),
    }
}

/// A page of the web.
pub(super) fn page_url(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(format!("{text:?} must be a URL, https://example.com/page")),
    }
}

/// What can stand in a header; the value is never repeated in a message.
pub(super) fn bearer_token(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("is no key: empty, or with spaces in it".to_owned()) }
}
