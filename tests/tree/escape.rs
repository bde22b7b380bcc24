//! What a confined process tries, to get out.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;

use aotf::config::Settings;
use aotf::ipc::Blob;
use rustix::process::{Pid, Signal, getppid, kill_process};

/// A file that holds a secret, in the data folder's parent, where the configuration lies.
pub const SECRET: &str = "secret";
/// Where the attempts are to connect.
pub const TARGET: &str = "TREE_TEST_TARGET";

/// The names of the attempts that succeeded. `thread` and `shared-memory` have to.
pub fn what_works(settings: &Settings) -> Vec<&'static str> {
    let data = &settings.data_dir;
    let secret = data.parent().unwrap().join(SECRET);
    let target = std::env::var(TARGET).unwrap_or_default();
    let root: i32 = getppid().map_or(1, |pid| pid.as_raw_nonzero().get());
    let attempts: [(&str, bool); 17] = [
        ("program", Command::new("/bin/true").status().is_ok()),
        ("write-data", fs::write(data.join("escaped"), "x").is_ok()),
        ("write-temporary", write_temporary()),
        ("remove-data", fs::remove_file(data.join("aotf.lock")).is_ok()),
        ("read-secret", fs::read(secret).is_ok()),
        ("read-passwords", fs::read("/etc/passwd").is_ok()),
        ("read-environment", fs::read(format!("/proc/{root}/environ")).is_ok()),
        ("read-index", fs::read(data.join("index/one")).is_ok()),
        ("read-names", fs::read("/etc/hosts").is_ok()),
        ("connect", TcpStream::connect(target).is_ok()),
        ("listen", TcpListener::bind("127.0.0.1:0").is_ok()),
        ("datagram", UdpSocket::bind("127.0.0.1:0").is_ok()),
        ("signal", kill_process(Pid::from_raw(root).unwrap(), Signal::CONT).is_ok()),
        ("files", open_many()),
        ("capabilities", has_capabilities()),
        ("memory", Vec::<u8>::new().try_reserve_exact(16 << 30).is_ok()),
        ("thread", std::thread::spawn(|| Blob::new(&[1; 100_000]).len() == 100_000).join().unwrap()),
    ];
    attempts.into_iter().filter(|(_, worked)| *worked).map(|(name, _)| name).collect()
}

fn write_temporary() -> bool {
    let path = std::env::temp_dir().join(format!("aotf-escaped-{}", std::process::id()));
    let written = fs::write(&path, "x").is_ok();
    written && fs::remove_file(path).is_ok()
}

/// What root may beyond other users, but for access to the files that the data folder's owner has.
fn has_capabilities() -> bool {
    use rustix::thread::{CapabilitySet, capabilities};
    let held = capabilities(None).unwrap();
    !((held.effective | held.permitted) - CapabilitySet::DAC_OVERRIDE).is_empty()
}

/// More files at once than a process needs.
fn open_many() -> bool {
    let files: Vec<File> = (0..20_000).map_while(|_| File::open(Path::new("/dev/null")).ok()).collect();
    files.len() == 20_000
}
