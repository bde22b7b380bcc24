//! The other end of a connection, before anything it says is believed.

use std::net::IpAddr;

use crate::config::Http;

/// Who is at the other end of the connection. `serve.rs` sets it on each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// 127.0.0.1 for a peer that came over the Unix socket.
    pub ip: IpAddr,
    /// It came over the Unix socket.
    pub is_local_socket: bool,
}

impl Peer {
    /// True for a proxy that is trusted: only one on this machine can open the Unix socket.
    pub fn is_proxy(&self, http: &Http) -> bool {
        self.is_local_socket || is_trusted(self.ip.to_canonical(), http)
    }
}

/// True for the address of a proxy that is believed about the address of a client.
pub fn is_trusted(ip: IpAddr, http: &Http) -> bool {
    http.trusted_proxies.iter().any(|net| net.contains(&ip))
}
