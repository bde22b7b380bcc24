//! What each role needs. Pure: from settings to paths and limits.

use std::path::{Path, PathBuf};

use crate::base::roles::Role;
use crate::config::Settings;

/// Which connections a process may make. Sockets that it already has work on in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// None: it answers on the sockets it was given.
    None,
    /// To other hosts; it may not wait for connections.
    Outgoing,
}

/// What a process keeps; all else is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// Files, and folders with all below them, that may be read. Missing ones are passed over.
    pub read: Vec<PathBuf>,
    /// Folders whose files may be made, changed and removed.
    pub write: Vec<PathBuf>,
    pub network: Network,
    /// Bytes of private memory; an allocation beyond them fails, which ends the process.
    pub max_memory_bytes: u64,
    pub max_open_files: u64,
}

/// Files that the resolver of the C library reads, where they may lie behind links, and the
/// certificates of the authorities.
const NETWORK_FILES: [&str; 18] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/var/lib/ca-certificates",
];

/// Every process: shared libraries (the resolver loads some late), this program itself (its symbols, when it
/// has to say where it failed), what its memory may be, random numbers.
const COMMON_FILES: [&str; 10] = [
    "/proc/self/exe",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu/online",
    "/dev/null",
    "/dev/urandom",
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
];

/// Allocations beyond this many times the limit that the supervisor watches fail at once; below it, the
/// supervisor has the time to end the process and to say why.
const HEADROOM: u64 = 2;

impl Confinement {
    /// What this role needs. `None` for the console, which reads the user's files and holds nothing.
    pub fn of(role: Role, settings: &Settings) -> Option<Confinement> {
        let mut read: Vec<PathBuf> = COMMON_FILES.map(PathBuf::from).to_vec();
        let mut write = Vec::new();
        let mut network = Network::None;
        match role {
            Role::Console => return None,
            Role::Broker => {
                write.push(settings.data_dir.clone());
                match settings.database.url.strip_prefix("sqlite:") {
                    Some(file) => write.extend(folder_of(&settings.data_dir.join(file))),
                    // A database server is elsewhere.
                    None => network = Network::Outgoing,
                }
            }
            Role::Front | Role::IndexWatcher => {}
            // It tells webhooks, where there are any.
            Role::Maintenance if settings.webhooks.is_empty() => {}
            Role::ReverseSearch => {
                read.push(settings.data_dir.join("index"));
                network = Network::Outgoing;
            }
            Role::LinkFinder | Role::Listing | Role::Indexing | Role::Maintenance => {
                network = Network::Outgoing
            }
        }
        if network == Network::Outgoing {
            read.extend(NETWORK_FILES.map(PathBuf::from));
            // Where an administrator moved them.
            read.extend(
                ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from),
            );
        }
        Some(Confinement {
            read,
            write,
            network,
            max_memory_bytes: settings.sandbox.memory_limit(role.as_str()).saturating_mul(HEADROOM),
            max_open_files: match role {
                // A connection each, and what the process needs beside them.
                Role::Front => u64::from(settings.http.max_connections) + 1_024,
                _ => 1_024,
            },
        })
    }
}

fn folder_of(file: &Path) -> Option<PathBuf> {
    file.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_broker_writes_and_only_fetching_roles_connect() {
        let settings = Settings { data_dir: "/data".into(), ..Settings::default() };
        for role in Role::ALL {
            let Some(confinement) = Confinement::of(role, &settings) else {
                assert_eq!(role, Role::Console);
                continue;
            };
            assert_eq!(!confinement.write.is_empty(), role == Role::Broker, "{role}");
            let fetches =
                matches!(role, Role::LinkFinder | Role::ReverseSearch | Role::Listing | Role::Indexing);
            assert_eq!(confinement.network == Network::Outgoing, fetches, "{role}");
            assert_eq!(
                confinement.read.contains(&"/data/index".into()),
                role == Role::ReverseSearch,
                "{role}"
            );
            let secret = |path: &PathBuf| Path::new("/etc/aotf/parameters.toml").starts_with(path);
            assert!(!confinement.read.iter().any(secret), "{role}");
        }
    }
}
