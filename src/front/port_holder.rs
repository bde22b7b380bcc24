//! Who listens on a TCP port of this machine, from `/proc`: for the error message of a used port.

use std::fmt;
use std::fs;

/// A process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHolder {
    pub pid: u32,
    /// Its name as `ps` shows it.
    pub name: String,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

/// The process that listens on `port`, where `/proc` lets us see it: other users' processes show
/// the port but not the holder, and give `None`.
pub fn find(port: u16) -> Option<PortHolder> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| holds(*pid, &inodes))
        .map(|pid| PortHolder {
            pid,
            name: fs::read_to_string(format!("/proc/{pid}/comm"))
                .map_or_else(|_| "a program".to_owned(), |name| name.trim().to_owned()),
        })
}

fn holds(pid: u32, sockets: &[String]) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
}

/// The socket inodes of a `/proc/net/tcp` table that listen (state 0A) on `port`.
/// A row: `0: 0100007F:0CE5 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 ...`.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    table
        .lines()
        .skip(1)
        .filter_map(|row| {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
            let listens = *fields.get(3)? == "0A" && u16::from_str_radix(local_port, 16) == Ok(port);
            if listens { fields.get(9)?.parse().ok() } else { None }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_table() {
        let row = |state: &str, inode: u32| {
            let addresses = "0100007F:0CE5 00000000:0000";
            format!("0: {addresses} {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1 0\n")
        };
        let heading =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when uid timeout inode\n";
        let table = format!("{heading}{}{}2: broken\n", row("0A", 777), row("01", 778));
        assert_eq!(listening_inodes(&table, 3301), vec![777]);
        assert_eq!(listening_inodes(&table, 3302), Vec::<u64>::new());
    }

    #[test]
    fn finds_this_very_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = find(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(holder.pid, std::process::id());
    }
}
