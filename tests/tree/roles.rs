//! Stand-ins for the roles. Each tells on the standard output, which all processes share, what
//! happened to it: one line, its words separated by spaces.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Duration;

use aotf::base::ErrorChain;
use aotf::base::ids::{AskId, LeaseId};
use aotf::base::roles::Role;
use aotf::config::Settings;
use aotf::daemon::roles;
use aotf::ipc::{
    ConnectArgs, ContainerContext, ContainerError, Link, Outbox, Parcel, PeerEnd, RoleWork, pump,
    run_container,
};
use aotf::proto::front::{BrokerToFront, FrontAnswer, FrontToBroker};
use aotf::proto::stage::{BrokerToStage, StageToBroker};
use aotf::supervisor::{self, ContainerSpec, Options, RestartPolicy, Timing};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::daemon::{LOG, WITHOUT_LANDLOCK};
use crate::escape;

/// What the containers do wrong, by role: `TREE_TEST_FAULT=indexing=die,front=fail`.
const FAULT: &str = "TREE_TEST_FAULT";

/// `root DATA_DIR MULTIPROCESS TIMING`.
pub fn root_main(args: &[String]) -> ExitCode {
    supervisor::die_with_parent().unwrap();
    let mut settings =
        Settings { data_dir: args[0].clone().into(), multiprocess: args[1] == "true", ..Settings::default() };
    settings.sandbox.memory.indexing = 128;
    if std::env::var_os(WITHOUT_LANDLOCK).is_some() {
        settings.log.file = Some(settings.data_dir.join(LOG));
        hide_landlock();
    }
    aotf::telemetry::init("root", &settings.log).unwrap();
    let stand_in = |spec: ContainerSpec| ContainerSpec {
        count: if spec.work.role == Role::ReverseSearch { 2 } else { 1 },
        work: RoleWork { main: role_main, ..spec.work },
        ..spec
    };
    let specs: Vec<_> = roles::specs(true).into_iter().map(stand_in).collect();
    let millis = Duration::from_millis;
    let options = Options {
        notify_socket: std::env::var_os("NOTIFY_SOCKET"),
        watchdog: Some(millis(900)),
        restart_policy: RestartPolicy { first_pause: millis(10), ceiling: 5, ..RestartPolicy::default() },
        timing: timing_of(&args[2]),
    };
    match supervisor::run(&settings, &specs, options) {
        Ok(exit) => {
            println!("exit {}", exit.by);
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("error {}", ErrorChain(&error));
            ExitCode::FAILURE
        }
    }
}

/// This process and those that it starts find the calls of Landlock missing, as in an older kernel.
fn hide_landlock() {
    // The same numbers on all architectures: create_ruleset, add_rule, restrict_self.
    let calls = [444, 445, 446].into_iter().map(|call| (call, Vec::new())).collect();
    const ENOSYS: u32 = 38;
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, SeccompAction::Errno(ENOSYS), arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// As [`timing_text`] writes it.
fn timing_of(text: &str) -> Timing {
    let mut millis = text.split(',').map(|part| Duration::from_millis(part.parse().unwrap()));
    let mut next = || millis.next().unwrap();
    Timing {
        hello: next(),
        silence: next(),
        grace: next(),
        stop_broker: next(),
        stop_kill: next(),
        stop_end: next(),
    }
}

/// Milliseconds with commas between them.
pub fn timing_text(timing: &Timing) -> String {
    let Timing { hello, silence, grace, stop_broker, stop_kill, stop_end } = timing;
    [hello, silence, grace, stop_broker, stop_kill, stop_end]
        .map(|wait| wait.as_millis().to_string())
        .join(",")
}

/// `container ROLE DOOR ROOT_PID`.
pub fn container_main(args: &[String]) -> ExitCode {
    let role = Role::from_name(&args[0]).unwrap();
    let connect = ConnectArgs { door: args[1].clone(), root_pid: args[2].parse().unwrap() };
    let prepare = |role, settings: &Settings| roles::confine(role, settings).map(|()| None);
    run_container(RoleWork { main: role_main, ..roles::work_of(role) }, &connect, prepare)
}

fn role_main(context: ContainerContext) -> Result<(), ContainerError> {
    let faults = std::env::var(FAULT).unwrap_or_default();
    let mut faults = faults.split(',').filter_map(|fault| fault.split_once('='));
    match faults.find(|(role, _)| *role == context.role.as_str()).map(|(_, fault)| fault) {
        None => {}
        Some("die") => std::process::abort(),
        Some("fail") => return Err(ContainerError::passing("cannot work", "some reason")),
        Some("fatal") => return Err(ContainerError::fatal("cannot open port 3301", "in use")),
        Some("break-out") => {
            println!("escapes {} {}", context.role, escape::what_works(&context.settings).join(","));
        }
        Some("leak") => {
            context.control.ready();
            // Beyond what is allowed, and not so far that the allocation fails before the root looks.
            let leak = vec![1_u8; 160 << 20];
            loop {
                std::hint::black_box(&leak);
                std::thread::park();
            }
        }
        Some("panic-aside") => {
            let thread = std::thread::Builder::new().name("worker-7".to_owned());
            let panics = thread.spawn(|| {
                aotf::telemetry::faults::working_on(Some("a poisonous picture".to_owned()));
                panic!("the decoder stumbled");
            });
            assert!(panics.unwrap().join().is_err());
        }
        Some("panic-once") => {
            let mark = context.settings.data_dir.join("panicked");
            let first = std::fs::OpenOptions::new().write(true).create_new(true).open(mark);
            assert!(first.is_err(), "as the test wants");
        }
        Some("stubborn") => {
            context.control.ready();
            say(&context, "stubborn");
            loop {
                std::thread::park();
            }
        }
        Some("stop") => context.control.request_stop("somebody"),
        Some("leave") => {
            say(&context, "leaves");
            return Ok(());
        }
        Some(other) => panic!("no such fault: {other}"),
    }
    context.control.ready();
    say(&context, "ready");
    // Links and outboxes live until the next link or the end.
    let mut held: Vec<Box<dyn std::any::Any>> = Vec::new();
    while let Some(link) = context.links.next_link() {
        let (role, container) = (context.role, context.container);
        match link {
            Link::BrokerLink(end) => {
                let (sender, receiver) = end.split();
                let outbox = Outbox::start(sender, "to-broker", 8);
                let hello = StageToBroker::Hello { role, pid: std::process::id(), workers: vec![] };
                outbox.send(hello).unwrap();
                let each = move |parcel: Parcel<BrokerToStage>| {
                    assert_eq!(parcel.message, BrokerToStage::Revoked { lease: LeaseId(1) });
                    println!("linked {role} {} {container}", std::process::id());
                    ControlFlow::Continue(())
                };
                pump(receiver, "from-broker", each, move |_| println!("unlinked {role}"));
                held = vec![Box::new(outbox)];
            }
            Link::FrontLink(end) => {
                let (sender, receiver) = end.split();
                let outbox = Outbox::start(sender, "to-broker", 8);
                outbox.send(FrontToBroker::Hello { pid: std::process::id() }).unwrap();
                let each = move |_: Parcel<BrokerToFront>| {
                    println!("linked {role} {} {container}", std::process::id());
                    ControlFlow::Continue(())
                };
                pump(receiver, "from-broker", each, move |_| println!("unlinked {role}"));
                held = vec![Box::new(outbox)];
            }
            Link::Peer { role, container, end: PeerEnd::Stage(end) } => {
                let (sender, receiver) = end.split();
                let outbox = Outbox::start(sender, "to-stage", 8);
                let each = move |parcel: Parcel<StageToBroker>| {
                    assert!(
                        matches!(parcel.message, StageToBroker::Hello { role: said, .. } if said == role)
                    );
                    outbox.send(BrokerToStage::Revoked { lease: LeaseId(1) }).unwrap();
                    ControlFlow::Continue(())
                };
                pump(receiver, "from-stage", each, move |_| println!("lost {role} {container}"));
            }
            Link::Peer { role, container, end: PeerEnd::Front(end) } => {
                let (sender, receiver) = end.split();
                let outbox = Outbox::start(sender, "to-front", 8);
                let each = move |_: Parcel<FrontToBroker>| {
                    let answer = FrontAnswer::Queues(vec![]);
                    outbox.send(BrokerToFront::Answer { ask: AskId(0), answer }).unwrap();
                    ControlFlow::Continue(())
                };
                pump(receiver, "from-front", each, move |_| println!("lost {role} {container}"));
            }
        }
    }
    drop(held);
    assert!(context.stop.wait(Duration::ZERO));
    say(&context, "ends");
    Ok(())
}

fn say(context: &ContainerContext, what: &str) {
    println!("{what} {} {} {}", context.role, std::process::id(), context.container);
}
