//! Stand-ins for the roles. Each tells on the standard output, which all processes share, what
//! happened to it: one line, its words separated by spaces.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Duration;

use aotf::base::ErrorChain;
use aotf::base::ids::AskId;
use aotf::config::Settings;
use aotf::ipc::{
    ConnectArgs, ContainerContext, ContainerError, Link, Outbox, Parcel, PeerEnd, pump, run_container,
};
use aotf::proto::front::{BrokerToFront, FrontAnswer, FrontToBroker};
use aotf::proto::roles::Role;
use aotf::proto::stage::{BrokerToStage, StageToBroker};
use aotf::supervisor::{self, ContainerSpec, Options, Restart, RestartPolicy, Timing};

/// What the containers do wrong, by role: `AOTF_TEST_FAULT=indexing=die`.
const FAULT: &str = "AOTF_TEST_FAULT";

/// `root DATA_DIR MULTIPROCESS`.
pub fn root_main(args: &[String]) -> ExitCode {
    supervisor::die_with_parent().unwrap();
    let settings =
        Settings { data_dir: args[0].clone().into(), multiprocess: args[1] == "true", ..Settings::default() };
    aotf::telemetry::init("root", &settings.log).unwrap();
    let specs = Role::ALL.map(|role| ContainerSpec {
        role,
        main: role_main,
        count: if role == Role::ReverseSearch { 2 } else { 1 },
        restart: if role == Role::Console { Restart::OnFailure } else { Restart::Always },
    });
    let millis = Duration::from_millis;
    let options = Options {
        notify_socket: std::env::var_os("NOTIFY_SOCKET"),
        restart_policy: RestartPolicy { first_pause: millis(10), ceiling: 5, ..RestartPolicy::default() },
        timing: Timing { silence: millis(2500), grace: millis(300), ..Timing::default() },
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

/// `container ROLE DOOR ROOT_PID`.
pub fn container_main(args: &[String]) -> ExitCode {
    let role = Role::from_name(&args[0]).unwrap();
    let connect = ConnectArgs { door: args[1].clone(), root_pid: args[2].parse().unwrap() };
    run_container(role, &connect, role_main)
}

fn role_main(context: ContainerContext) -> Result<(), ContainerError> {
    let faults = std::env::var(FAULT).unwrap_or_default();
    let fault = faults.split_once('=').filter(|(role, _)| *role == context.role.as_str());
    match fault.map(|(_, fault)| fault) {
        None => {}
        Some("die") => std::process::abort(),
        Some("fail") => return Err(ContainerError::passing("cannot work", "some reason")),
        Some("fatal") => return Err(ContainerError::fatal("cannot open port 3301", "in use")),
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
                    assert_eq!(parcel.message, BrokerToStage::Drain);
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
                    outbox.send(BrokerToStage::Drain).unwrap();
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
