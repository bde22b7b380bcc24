//! The port, and what the daemon wants of the kernel.

use std::fs;
use std::io;
use std::net::TcpListener;

use super::finding::Finding;
use crate::config::Settings;
use crate::{front, sandbox};

/// Can the front listen where it is told to?
pub fn port(settings: &Settings, daemon_runs: bool) -> Finding {
    const SUBJECT: &str = "port";
    let addr = settings.http.bind;
    let Err(error) = TcpListener::bind(addr) else {
        return Finding::ok(SUBJECT, format!("{addr} is free"));
    };
    if error.kind() == io::ErrorKind::AddrInUse && daemon_runs {
        return Finding::ok(SUBJECT, format!("{addr} is used by the running daemon"));
    }
    let holder = front::find_port_holder(addr.port());
    let (what, remedy) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            holder.map_or_else(
                || format!("{addr} is in use"),
                |holder| format!("{addr} is in use by {holder}"),
            ),
            "set another one under [http] bind, or end that program",
        ),
        io::ErrorKind::PermissionDenied => (
            format!("{addr} may not be used: {error}"),
            "ports below 1024 need CAP_NET_BIND_SERVICE; take a higher one and a reverse proxy",
        ),
        _ => (
            format!("{addr} cannot be used: {error}"),
            "is the address under [http] bind one of this machine?",
        ),
    };
    Finding::failed(SUBJECT, what, remedy)
}

/// Does the limit of open files leave room for the connections that the settings allow?
pub fn descriptors(settings: &Settings, _: bool) -> Finding {
    let hard = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    judge_descriptors(hard, settings.http.max_connections)
}

fn judge_descriptors(hard: Option<u64>, connections: u32) -> Finding {
    const SUBJECT: &str = "open files";
    let wanted = front::descriptors::wanted(connections);
    match hard {
        Some(hard) if hard < wanted => Finding::warning(
            SUBJECT,
            format!(
                "{hard} are allowed; http.max_connections = {connections} needs {wanted}: fewer are served"
            ),
            format!(
                "LimitNOFILE={wanted} in the unit, ulimit -Hn {wanted} in a shell, or a lower http.max_connections"
            ),
        ),
        Some(hard) => {
            Finding::ok(SUBJECT, format!("{hard} are allowed, enough for {connections} connections"))
        }
        None => Finding::ok(SUBJECT, "not limited"),
    }
}

/// What processes are kept apart with, and what shared memory is made of.
pub fn kernel() -> Vec<Finding> {
    vec![memfd(), landlock(), seccomp()]
}

fn landlock() -> Finding {
    const SUBJECT: &str = "Landlock";
    match sandbox::landlock_version() {
        Some(version) => {
            Finding::ok(SUBJECT, format!("version {version}: files and ports can be fenced off"))
        }
        None => Finding::warning(
            SUBJECT,
            "this kernel has none: processes that read strangers' bytes can open what their user can",
            "use Linux 5.13 or later with landlock among the modules of lsm=",
        ),
    }
}

fn memfd() -> Finding {
    const SUBJECT: &str = "shared memory";
    match rustix::fs::memfd_create("aotf-check", rustix::fs::MemfdFlags::CLOEXEC) {
        Ok(_) => Finding::ok(SUBJECT, "memfd works"),
        Err(error) => Finding::failed(
            SUBJECT,
            format!("memfd_create: {error}"),
            "needs Linux 3.17 or later, and a container that does not forbid it",
        ),
    }
}

fn seccomp() -> Finding {
    const SUBJECT: &str = "seccomp";
    match fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail") {
        Ok(actions) if actions.contains("errno") => Finding::ok(SUBJECT, "system calls can be filtered"),
        Ok(_) | Err(_) => Finding::warning(
            SUBJECT,
            "this kernel filters no system calls",
            "use a kernel with CONFIG_SECCOMP_FILTER: processes that read strangers' bytes are less confined without",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::finding::Verdict;

    #[test]
    fn a_used_port_is_fine_only_when_the_daemon_has_it() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut settings = Settings::default();
        settings.http.bind = other.local_addr().unwrap();
        let finding = port(&settings, false);
        assert_eq!(finding.verdict, Verdict::Failed);
        assert!(finding.what.contains(&format!("process {}", std::process::id())), "{finding:?}");
        assert_eq!(port(&settings, true).verdict, Verdict::Ok);
        drop(other);
        assert_eq!(port(&settings, false).verdict, Verdict::Ok);
    }

    #[test]
    fn too_few_open_files_are_told() {
        for (hard, expect) in [(None, Verdict::Ok), (Some(8448), Verdict::Ok), (Some(8447), Verdict::Warning)]
        {
            let finding = judge_descriptors(hard, 8192);
            assert_eq!(finding.verdict, expect, "{hard:?}");
        }
    }
}
