//! The sections `[http]` and `[admin]`: where the program listens, and whom it believes.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::section::{Section, section};
use super::values::{LOOPBACK, SECOND, ip_network, origin};

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Http {
        /// The key `port` changes its port alone.
        bind: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 3301)), text(socket_address);
        /// A Unix socket that serves the same, for a proxy on this machine, which is trusted. Absolute after
        /// loading.
        unix_socket: Option<PathBuf> = None, path_beside();
        /// What these say about the address of a client is believed, and nobody else.
        trusted_proxies: Vec<IpNet> = Vec::new(), texts(ip_network);
        /// The header in which they say it.
        forwarded_header: ForwardedHeader = ForwardedHeader::XForwardedFor, choice(&[
            ("x-forwarded-for", ForwardedHeader::XForwardedFor),
            ("forwarded", ForwardedHeader::Forwarded),
        ]);
        /// Names by which clients reach the server, beside its address and those of loopback; `*` for any.
        hosts: Vec<String> = Vec::new(), texts(host_name);
        /// Origins of other sites whose scripts may read answers: `https://example.com`, or `*`.
        cors_origins: Vec<String> = Vec::new(), texts(cors_origin);
        /// Addresses that are shown `/metrics` and the details of `/readyz`.
        monitor_ips: Vec<IpNet> = LOOPBACK.map(IpNet::from).to_vec(), texts(ip_network);
        /// Strangers use it: of posts, answers hold what networks allow to be handed on.
        public: bool = false, switch();
        /// Connections at the same time, in all.
        max_connections: u32 = 8192, number(64..=1_000_000);
        /// Event streams open at the same time.
        max_event_streams: u32 = 6000, number(1..=1_000_000);
        /// For the headers of a request; also how long an idle connection is kept.
        header_timeout: Duration = 15 * SECOND, duration(SECOND, 1..=600) as "header_timeout_secs";
        /// For the body of an upload.
        body_timeout: Duration = 60 * SECOND, duration(SECOND, 1..=3600) as "body_timeout_secs";
    }
    also(read_port)
}

section! {
    /// The admin socket, by which the console and the commands of the shell reach the daemon.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Admin {
        /// Its path; none is `aotf.sock` in the data folder. Absolute after loading.
        socket: Option<PathBuf> = None, path_beside();
        /// Number of the group that may use it beside the daemon's own user.
        group: Option<u32> = None, text(group);
    }
}

/// Which header tells for whom a proxy asks. One only: a proxy that writes one passes on the other
/// as the client has written it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardedHeader {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an address and a port, 127.0.0.1:3301".to_owned())
}

fn read_port(http: &mut Http, section: &mut Section<'_>) {
    let mut port = u32::from(http.bind.port());
    section.number("port", &mut port, 0..=u32::from(u16::MAX));
    http.bind.set_port(u16::try_from(port).unwrap_or_default());
}

fn cors_origin(text: &str) -> Result<String, String> {
    match text {
        "*" => Ok(text.to_owned()),
        _ => origin(text).map_err(|_| format!("{text:?} must be an origin, https://example.com, or *")),
    }
}

/// A name as a `Host` header gives it, in lower case and without a port.
fn host_name(text: &str) -> Result<String, String> {
    let address = text.trim_start_matches('[').trim_end_matches(']');
    if text == "*" || address.parse::<std::net::IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) => Ok(name.trim_end_matches('.').to_owned()),
        Ok(_) | Err(_) => Err(format!("{text:?} must be a host's name, aotf.example.org, or *")),
    }
}

fn group(name: &str) -> Result<Option<u32>, String> {
    let table = std::fs::read_to_string("/etc/group").unwrap_or_default();
    group_number(name, &table).map(Some).ok_or_else(|| format!("{name:?} must be a group of this machine"))
}

/// The number of a group: its own, or that of its line in `/etc/group`, `aotf:x:998:jane`.
pub(super) fn group_number(name: &str, table: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let number = fields.next().filter(|group| *group == name).and_then(|_| fields.nth(1));
        number?.parse().ok()
    })
}
