//! The descriptors of the process: those of connections are counted so that the links to the broker never
//! find none, since a link that cannot be opened is lost.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept for everything but connections: links, listening sockets, shared memory of uploads, the runtime.
const RESERVED: u64 = 256;
/// Fewer connections than this are no service: the reserve has to do with less.
const FEWEST_CONNECTIONS: u64 = 64;

/// Descriptors that are needed for this many connections.
pub fn wanted(connections: u32) -> u64 {
    u64::from(connections) + RESERVED
}

/// Raises the limit of open files, whose usual value of 1024 is below the number of connections, and returns
/// how many connections there may be under the limit that there is then.
pub fn affordable(connections: u32) -> u32 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = wanted(connections);
    let mut current = limit.current;
    if current.is_some_and(|current| current < wanted) {
        let raised = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
            Ok(()) => current = Some(raised),
            Err(error) => tracing::debug!(%error, "could not raise the limit of open files"),
        }
    }
    let allowed = allowed(current, connections);
    if allowed < connections {
        tracing::warn!(
            allowed,
            wanted = connections,
            "the limit of open files (LimitNOFILE=, ulimit -n) allows fewer connections than http.max_connections"
        );
    }
    allowed
}

/// The connections that a limit of descriptors leaves room for; `None` is no limit.
fn allowed(limit: Option<u64>, connections: u32) -> u32 {
    let room = limit.map(|limit| limit.saturating_sub(RESERVED).max(FEWEST_CONNECTIONS));
    room.and_then(|room| u32::try_from(room).ok()).map_or(connections, |room| room.min(connections))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_keep_theirs() {
        assert_eq!(allowed(None, 8192), 8192);
        assert_eq!(allowed(Some(1 << 20), 8192), 8192);
        assert_eq!(allowed(Some(8192), 8192), 7936);
        assert_eq!(allowed(Some(1024), 8192), 768);
        assert_eq!(allowed(Some(256), 8192), 64);
        assert_eq!(allowed(Some(0), 100), 64);
    }
}
