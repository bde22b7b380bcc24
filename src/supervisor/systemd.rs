//! Tells systemd how the daemon is: the protocol of `sd_notify`, which is a datagram per message.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::telemetry::events;

/// Speaks to the service manager where there is one, else says nothing.
#[derive(Debug)]
pub struct ServiceManager(Option<(UnixDatagram, SocketAddr)>);

impl ServiceManager {
    /// `socket` is the value of `NOTIFY_SOCKET`: a path, or a name after `@`. A socket that cannot be
    /// used is told to the log, once: the daemon is no worse without.
    pub fn new(socket: Option<OsString>) -> ServiceManager {
        let Some(socket) = socket.filter(|socket| !socket.is_empty()) else { return ServiceManager(None) };
        match open(&socket) {
            Ok(open) => ServiceManager(Some(open)),
            Err(error) => {
                events::service_manager_not_told(&error);
                ServiceManager(None)
            }
        }
    }

    /// Every role works.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={status}"));
    }

    /// What `systemctl status` shows.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={status}"));
    }

    /// The tree is well: the service manager need not end it.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={status}"));
    }

    fn send(&self, message: &str) {
        let Some((socket, address)) = &self.0 else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            events::service_manager_not_told(&error);
        }
    }
}

fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // The supervisor waits for nobody; a message that does not fit is lost.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_over_paths_and_abstract_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("aotf-test-{}", std::process::id());
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (socket, address) in [(by_path, path.into_os_string()), (by_name, format!("@{name}").into())] {
            let manager = ServiceManager::new(Some(address));
            manager.ready("serves");
            manager.stopping("bye");
            let mut buffer = [0; 100];
            for expect in ["READY=1\nSTATUS=serves", "STOPPING=1\nSTATUS=bye"] {
                let len = socket.recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..len], expect.as_bytes());
            }
        }
        ServiceManager::new(None).ready("nobody hears this");
    }
}
