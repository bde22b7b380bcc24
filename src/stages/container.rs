//! The life of a container with workers: starts them, hands them every new link to the broker, ends
//! them.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel as queue;

use super::worker::{self, StageWorker};
use crate::base::roles::Stage;
use crate::base::vital;
use crate::broker::client::StageClient;
use crate::fetch::NetworkWatch;
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::ipc::control::Link;

/// A worker to be: which kinds of work it takes, and how it is made (on its own thread).
pub struct WorkerSpec {
    pub stages: Vec<Stage>,
    pub make: MakeWorker,
}

/// Makes a worker that speaks with the broker through the given client.
type MakeWorker = Box<dyn FnOnce(&Arc<StageClient>) -> Box<dyn StageWorker> + Send>;

impl WorkerSpec {
    pub fn new<W: StageWorker + 'static>(
        stages: &[Stage],
        make: impl FnOnce(&Arc<StageClient>) -> W + Send + 'static,
    ) -> WorkerSpec {
        WorkerSpec { stages: stages.to_vec(), make: Box::new(move |client| Box::new(make(client))) }
    }
}

/// How long workers may take to leave what they do once the container is to stop. The root kills the
/// process soon after; an item that is in work then goes to another worker.
const LEAVE_LIMIT: Duration = Duration::from_millis(700);

/// How long a worker may stay with an item after its lease was taken away (which comes after minutes of
/// silence). Then it hangs, and only the end of the process ends it.
const HANG_PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked for workers that hang.
const LOOK: Duration = Duration::from_secs(1);

/// Runs the workers until the container is to stop. `stopping` is called first then, to wake those
/// that wait for the outside world. The broker is told when `network` is lost and when it is back.
///
/// # Errors
/// A worker hangs: the container is to be started anew.
pub fn run(
    context: &ContainerContext,
    specs: Vec<WorkerSpec>,
    network: &NetworkWatch,
    stopping: impl FnOnce() + Send + 'static,
) -> Result<(), ContainerError> {
    run_patiently(context, specs, network, stopping, HANG_PATIENCE)
}

fn run_patiently(
    context: &ContainerContext,
    specs: Vec<WorkerSpec>,
    network: &NetworkWatch,
    stopping: impl FnOnce() + Send + 'static,
    patience: Duration,
) -> Result<(), ContainerError> {
    let stages = specs.iter().map(|spec| spec.stages.clone()).collect();
    let (client, grants) = StageClient::new(context.role, stages, context.stop.clone());
    context.stop.when_set(stopping);
    let mut workers = Vec::new();
    for (number, (spec, grants)) in specs.into_iter().zip(grants).enumerate() {
        let client = Arc::clone(&client);
        let stop = context.stop.clone();
        let run = move || worker::run((spec.make)(&client), &client, &grants, &stop);
        let thread = vital::spawn(format!("{}-{number}", context.role), run);
        workers.push(thread.expect("the system can start a thread"));
    }
    context.control.ready();
    // What the present broker was told.
    let mut told = false;
    loop {
        match context.links.queue().recv_timeout(LOOK.min(patience)) {
            Ok(Link::BrokerLink(end)) => {
                client.attach(end);
                told = false;
            }
            // Ends of others are never sent here.
            Ok(Link::FrontLink(_) | Link::Peer { .. }) => {}
            Err(queue::RecvTimeoutError::Timeout) => {
                if let Some((worker, work)) = client.hanging(patience) {
                    let what = format!("worker {worker} hangs in: {work}");
                    return Err(ContainerError::passing(what, "its lease ran out and it does not let go"));
                }
            }
            Err(queue::RecvTimeoutError::Disconnected) => break,
        }
        let loss = network.loss();
        if loss.is_some() != told && client.network(loss.as_ref().map(|loss| loss.why.clone())).is_ok() {
            told = loss.is_some();
        }
    }
    let deadline = std::time::Instant::now() + LEAVE_LIMIT;
    while workers.iter().any(|worker| !worker.is_finished()) && std::time::Instant::now() < deadline {
        thread::park_timeout(Duration::from_millis(5));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::base::ids::{ContainerId, LeaseId};
    use crate::base::roles::Role;
    use crate::config::Settings;
    use crate::domain::scans::Priority;
    use crate::ipc::control::{PeerEnd, broker_link, control_pair};
    use crate::ipc::{LinkKind, RoleWork, Transport, container::run_on_thread};
    use crate::proto::control::{ContainerToRoot, Welcome};
    use crate::proto::stage::{BrokerToStage, StageToBroker};
    use crate::proto::work::{MaintenanceTask, StageOutput, Work};
    use crate::stages::worker::{Lease, StageError};

    const LONG: Duration = Duration::from_secs(60);
    static OVER: AtomicBool = AtomicBool::new(false);

    /// Never comes back.
    struct Spins;

    impl StageWorker for Spins {
        fn run(&mut self, _work: Work, _lease: &Lease<'_>) -> Result<StageOutput, StageError> {
            while !OVER.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            Ok(StageOutput::Maintained)
        }
    }

    fn spins(context: ContainerContext) -> Result<(), ContainerError> {
        let specs = vec![WorkerSpec::new(&[Stage::Maintenance], |_| Spins)];
        run_patiently(&context, specs, &NetworkWatch::of_none(), || {}, Duration::from_millis(50))
    }

    #[test]
    fn a_worker_in_an_endless_loop_ends_its_container_and_its_work_is_named() {
        let (root, end) = control_pair(Transport::Threads).unwrap();
        let work = RoleWork { role: Role::Maintenance, stages: &[Stage::Maintenance], main: spins };
        let container = thread::spawn(move || run_on_thread(work, end).is_err());
        let (to_container, mut from_container) = root.start("root").unwrap();
        let settings_json = serde_json::to_string(&Settings::default()).unwrap();
        to_container.welcome(Welcome { container: ContainerId(1), settings_json }).unwrap();
        let (link, peer) =
            broker_link(Transport::Threads, ContainerId(1), Role::Maintenance, LinkKind::Stage)
                .unwrap()
                .unwrap();
        let Link::Peer { end: PeerEnd::Stage(peer), .. } = peer else { panic!("no stage") };
        to_container.attach(link).unwrap();
        let (to_stage, mut from_stage) = peer.split();
        while from_stage.recv().unwrap().message != (StageToBroker::Ready { worker: 0 }) {}
        let lease = LeaseId(1);
        let work = Work::Maintain(MaintenanceTask::RetryPosts);
        let priority = Priority::Maintenance;
        to_stage.send(BrokerToStage::Lease { worker: 0, lease, attempt: 1, priority, work }).unwrap();
        to_stage.send(BrokerToStage::Revoked { lease }).unwrap();
        let why = loop {
            let said = from_container.recv_timeout(LONG).unwrap().expect("it says why it ends");
            if let ContainerToRoot::Failed { why, fatal } = said.message {
                assert!(!fatal);
                break why;
            }
        };
        assert!(why.contains("worker 0 hangs in: maintenance: RetryPosts"), "{why}");
        assert!(container.join().unwrap());
        OVER.store(true, Ordering::Relaxed);
    }
}
