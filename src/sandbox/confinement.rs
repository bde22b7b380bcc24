//! What a role needs, and what that means under some settings: paths and limits. Pure.

use std::path::{Path, PathBuf};

use crate::config::Settings;

const MIB: u64 = 1024 * 1024;
/// Descriptors that a process may have for itself.
const FEW_FILES: u64 = 1_024;

/// What a role needs beside what every process needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    pub files: Files,
    pub connections: Connections,
    pub open_files: OpenFiles,
}

/// Which files a role reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// Those that every process reads.
    Common,
    /// It reads the fingerprint index.
    Index,
    /// It writes the data folder, and the database where that is a file.
    Data,
}

/// To whom a role connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    None,
    /// To other hosts.
    Outgoing,
    /// To the database, where that is a server.
    ToDatabase,
    /// To webhooks, where there are any.
    ToWebhooks,
}

/// How many descriptors a role has open at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenFiles {
    Few,
    /// A connection with each client, and a few beside them.
    OnePerClient,
}

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
    /// Where it connects out: the ports at which that may be, over TCP; without one, any.
    pub ports: Vec<u16>,
    /// Some of these files are the daemon's own.
    pub uses_data: bool,
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
    /// What these needs mean under these settings, for a process that may have so much private memory.
    pub fn of(needs: Needs, memory_mib: u32, settings: &Settings) -> Confinement {
        let mut read: Vec<PathBuf> = COMMON_FILES.map(PathBuf::from).to_vec();
        let mut write = Vec::new();
        let database = settings.database.url.strip_prefix("sqlite:");
        match needs.files {
            Files::Common => {}
            Files::Index => read.push(settings.index_dir()),
            Files::Data => {
                write.push(settings.data_dir.clone());
                write.extend(database.and_then(|file| folder_of(&settings.data_dir.join(file))));
            }
        }
        let connects = match needs.connections {
            Connections::None => false,
            Connections::Outgoing => true,
            // A database server is elsewhere.
            Connections::ToDatabase => database.is_none(),
            Connections::ToWebhooks => !settings.webhooks.is_empty(),
        };
        if connects {
            read.extend(NETWORK_FILES.map(PathBuf::from));
            // Where an administrator moved them.
            read.extend(
                ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from),
            );
        }
        Confinement {
            read,
            write,
            network: if connects { Network::Outgoing } else { Network::None },
            ports: Vec::new(),
            uses_data: needs.files != Files::Common,
            max_memory_bytes: u64::from(memory_mib) * MIB * HEADROOM,
            max_open_files: match needs.open_files {
                OpenFiles::Few => FEW_FILES,
                OpenFiles::OnePerClient => u64::from(settings.http.max_connections) + FEW_FILES,
            },
        }
    }

    /// The same, with connections to these ports alone, where the kernel can hold it to them.
    pub fn connecting_to(self, ports: Vec<u16>) -> Confinement {
        Confinement { ports, ..self }
    }
}

fn folder_of(file: &Path) -> Option<PathBuf> {
    file.parent().map(Path::to_owned)
}
