//! The calls themselves.

use std::collections::BTreeMap;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::confinement::{Confinement, Network};
use super::held::{Held, SandboxError};

/// The newest version of the kernel's interface whose meaning is known here; older kernels get what they
/// have.
const KNOWN: ABI = ABI::V6;

pub(super) fn enter(confinement: &Confinement) -> Result<Held, SandboxError> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|errno| SandboxError::Privileges { source: errno.into() })?;
    limit(confinement)?;
    give_up_capabilities(confinement).map_err(|errno| SandboxError::Privileges { source: errno.into() })?;
    let held =
        restrict_paths(confinement).map_err(|source| SandboxError::Landlock { source: source.into() })?;
    restrict_calls(confinement.network).map_err(|source| SandboxError::Seccomp { source })?;
    Ok(held)
}

/// Tried from the newest down: a rule set that nobody is put under binds nobody.
pub(super) fn landlock_version() -> Option<u32> {
    let versions = [ABI::V6, ABI::V5, ABI::V4, ABI::V3, ABI::V2, ABI::V1];
    let has = |version: ABI| {
        let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let rules = rules.handle_access(AccessFs::from_all(version));
        let scope = Scope::from_all(version);
        let rules = match scope.is_empty() {
            true => rules,
            false => rules.and_then(|rules| rules.scope(scope)),
        };
        rules.and_then(Ruleset::create).is_ok()
    };
    versions.into_iter().find(|version| has(*version)).map(|version| version as u32)
}

/// What the kernel grants to root beyond other users. A daemon that is started as root keeps one in the roles
/// that use the data folder, which may be another user's.
fn give_up_capabilities(confinement: &Confinement) -> rustix::io::Result<()> {
    let kept = match confinement.uses_data {
        true => CapabilitySet::DAC_OVERRIDE,
        false => CapabilitySet::empty(),
    };
    let held = capabilities(None)?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: held.effective & kept,
            permitted: held.permitted & kept,
            inheritable: CapabilitySet::empty(),
        },
    )
}

fn limit(confinement: &Confinement) -> Result<(), SandboxError> {
    for (resource, most) in [
        (Resource::Data, confinement.max_memory_bytes),
        (Resource::Nofile, confinement.max_open_files),
        // A dump would hold what strangers sent and what others must not see.
        (Resource::Core, 0),
    ] {
        let hard = getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
        setrlimit(resource, Rlimit { current: Some(hard), maximum: Some(hard) })
            .map_err(|errno| SandboxError::Limits { source: errno.into() })?;
    }
    Ok(())
}

fn restrict_paths(confinement: &Confinement) -> Result<Held, RulesetError> {
    let connecting = match (confinement.network, &confinement.ports[..]) {
        (Network::Outgoing, []) => AccessNet::BindTcp.into(),
        (Network::None, _) | (Network::Outgoing, _) => AccessNet::BindTcp | AccessNet::ConnectTcp,
    };
    let ports = confinement.ports.iter().filter(|_| confinement.network == Network::Outgoing);
    let ports = ports.map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp)));
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(connecting)?
        .scope(Scope::from_all(KNOWN))?
        .create()?
        // Paths that do not exist are passed over; rights that make no sense for a file are, too.
        .add_rules(path_beneath_rules(&confinement.read, AccessFs::from_read(KNOWN) & !AccessFs::Execute))?
        .add_rules(ports)?
        .add_rules(path_beneath_rules(&confinement.write, AccessFs::from_all(KNOWN) & !AccessFs::Execute))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Held::Fully,
        RulesetStatus::PartiallyEnforced => Held::Partly,
        RulesetStatus::NotEnforced => Held::WithoutLandlock,
    })
}

/// What no container has a use for. Starting programs and processes; looking into, or signalling, others;
/// changing what the system is; interfaces with which filters were evaded before.
const NEVER: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_personality,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

fn restrict_calls(network: Network) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let own_pid = u64::from(std::process::id());
    let mut denied: BTreeMap<i64, Vec<SeccompRule>> = NEVER.iter().map(|call| (*call, Vec::new())).collect();
    // Threads, but no processes.
    let thread = libc::CLONE_THREAD as u64;
    denied.insert(
        libc::SYS_clone,
        vec![only_if(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), 0)?],
    );
    // A signal to another process.
    denied.insert(libc::SYS_tgkill, vec![only_if(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, own_pid)?]);
    // A terminal's input cannot be forged.
    // It has a type of its own where the C library is musl.
    let forge: u64 = libc::TIOCSTI as _;
    denied.insert(libc::SYS_ioctl, vec![only_if(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, forge)?]);
    denied.insert(libc::SYS_listen, Vec::new());
    let families: &[i32] = match network {
        Network::None => {
            denied.insert(libc::SYS_connect, Vec::new());
            denied.insert(libc::SYS_bind, Vec::new());
            &[libc::AF_UNIX]
        }
        // Netlink is how the resolver learns which address families the machine has.
        Network::Outgoing => &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK],
    };
    let other_family = families
        .iter()
        .map(|family| SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, *family as u64))
        .collect::<Result<Vec<_>, _>>()?;
    denied.insert(libc::SYS_socket, vec![SeccompRule::new(other_family)?]);
    apply(denied, SeccompAction::Errno(libc::EPERM as u32))?;
    // Its flags lie in memory, where a filter cannot look: as if the kernel had only the older call.
    apply(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), SeccompAction::Errno(libc::ENOSYS as u32))
}

fn only_if(
    argument: u8,
    length: SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, length, operator, value)?])
}

fn apply(
    denied: BTreeMap<i64, Vec<SeccompRule>>,
    answer: SeccompAction,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter =
        SeccompFilter::new(denied, SeccompAction::Allow, answer, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::super::confinement::{Connections, Files, Needs, OpenFiles};
    use super::*;
    use crate::config::Settings;

    const CHILD: &str = "AOTF_TEST_PORTS";

    /// In a process of its own: what is given up does not come back.
    #[test]
    fn connections_go_to_the_ports_that_are_named() {
        if let Ok(ports) = std::env::var(CHILD) {
            let ports: Vec<u16> = ports.split(',').map(|port| port.parse().unwrap()).collect();
            let needs = Needs {
                files: Files::Common,
                connections: Connections::Outgoing,
                open_files: OpenFiles::Few,
            };
            let confinement = Confinement::of(needs, 512, &Settings::default()).connecting_to(vec![ports[0]]);
            enter(&confinement).unwrap();
            let worked = ports.iter().map(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok());
            std::process::exit(if worked.eq([true, false]) { 42 } else { 1 });
        }
        if landlock_version().is_none_or(|version| version < ABI::V4 as u32) {
            // Without it the rest of the sandbox holds, and the ports do not.
            return;
        }
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port().to_string());
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sandbox::linux::tests::connections_go_to_the_ports_that_are_named"])
            .env(CHILD, ports.join(","))
            .stdout(std::process::Stdio::null())
            .status();
        assert_eq!(ended.unwrap().code(), Some(42));
    }
}
