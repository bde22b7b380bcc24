//! The life of a container with workers: starts them, hands them every new link to the broker, ends
//! them.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::worker::{self, StageWorker};
use crate::broker::client::StageClient;
use crate::ipc::container::ContainerContext;
use crate::ipc::control::Link;
use crate::proto::roles::Stage;

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

/// Runs the workers until the container is to stop. `stopping` is called first then, to wake those
/// that wait for the outside world.
pub fn run(context: &ContainerContext, specs: Vec<WorkerSpec>, stopping: impl FnOnce() + Send + 'static) {
    let stages = specs.iter().map(|spec| spec.stages.clone()).collect();
    let (client, grants) = StageClient::new(context.role, stages, context.stop.clone());
    context.stop.when_set(stopping);
    let mut workers = Vec::new();
    for (number, (spec, grants)) in specs.into_iter().zip(grants).enumerate() {
        let client = Arc::clone(&client);
        let stop = context.stop.clone();
        let run = move || worker::run((spec.make)(&client), &client, &grants, &stop);
        let thread = thread::Builder::new().name(format!("{}-{number}", context.role)).spawn(run);
        workers.push(thread.expect("the system can start a thread"));
    }
    context.control.ready();
    while let Some(link) = context.links.next_link() {
        if let Link::BrokerLink(end) = link {
            client.attach(end);
        }
    }
    let deadline = std::time::Instant::now() + LEAVE_LIMIT;
    while workers.iter().any(|worker| !worker.is_finished()) && std::time::Instant::now() < deadline {
        thread::park_timeout(Duration::from_millis(5));
    }
}
