//! The container's side: what every process of the tree other than the root does before, beside and
//! after its role's own work.

use std::any::Any;
use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel as queue;
use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::bootstrap;
use super::control::{ContainerEnd, Link, Order, Orders};
use super::outbox::{Outbox, OutboxError};
use crate::base::ids::ContainerId;
use crate::base::roles::{Role, Stage};
use crate::base::signals::CaughtSignals;
use crate::base::{ErrorChain, StopSignal, vital};
use crate::config::Settings;
use crate::proto::control::{ContainerToRoot, RootToContainer, StacksWritten, ThreadState, Welcome};
use crate::telemetry::{self, events, faults, stacks, tasks};

/// How often a container says that it lives.
pub const HEARTBEAT_PERIOD: Duration = Duration::from_secs(1);
/// How long a container that ends tries to get its last words to the root: as long as a busy machine may take
/// to let a thread write. A root that is in a hurry does not wait for this.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(5);
/// Links that wait to be taken: the broker gets one per container, others one per broker's life.
const LINKS_CAPACITY: usize = 64;

/// What a role's main function is given. It says `control.ready()` once it works, and returns soon
/// (in well under a second) after `stop` is set.
#[derive(Debug)]
pub struct ContainerContext {
    pub role: Role,
    pub stages: &'static [Stage],
    pub container: ContainerId,
    /// Without the secrets that this role has no use for.
    pub settings: Settings,
    pub stop: StopSignal,
    pub links: Links,
    pub control: ControlHandle,
    /// What [`Prepare`] left for the role; nothing where the container is a thread.
    pub prepared: Prepared,
}

/// What a role opened before it was confined.
pub type Prepared = Option<Box<dyn Any + Send>>;

/// What a container process does while it has a single thread: open what it may not open later, and
/// give up its rights.
pub type Prepare = fn(Role, &Settings) -> Result<Prepared, ContainerError>;

/// A role's work: returns when it has ended in order, which only the console does unasked.
pub type RoleMain = fn(ContainerContext) -> Result<(), ContainerError>;

/// What a container is started for.
#[derive(Clone, Copy, Debug)]
pub struct RoleWork {
    pub role: Role,
    /// The kinds of work that its workers take.
    pub stages: &'static [Stage],
    pub main: RoleMain,
}

/// Why a role cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ContainerError {
    what: String,
    fatal: bool,
    source: Box<dyn Error + Send + Sync>,
}

impl ContainerError {
    /// Starting the role again may help.
    pub fn passing(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        ContainerError { what: what.into(), fatal: false, source: source.into() }
    }

    /// Starting the role again is useless until somebody does something: the whole program ends
    /// with this message.
    pub fn fatal(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        ContainerError { what: what.into(), fatal: true, source: source.into() }
    }
}

/// The links that the root hands over.
#[derive(Debug)]
pub struct Links(queue::Receiver<Link>);

impl Links {
    /// Waits for the next link; `None` once the container is to stop.
    pub fn next_link(&self) -> Option<Link> {
        self.0.recv().ok()
    }

    /// The queue itself, for loops that wait for other things too; disconnected once the container
    /// is to stop.
    pub fn queue(&self) -> &queue::Receiver<Link> {
        &self.0
    }
}

/// Speaks to the root. Never blocks; what the root no longer reads is lost, since it has ended then.
#[derive(Clone)]
pub struct ControlHandle {
    outbox: Outbox<ContainerToRoot>,
    stacks_wanted: StacksWanted,
}

impl std::fmt::Debug for ControlHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ControlHandle")
    }
}

/// Who waits for the end of a collection of stacks.
type StacksWanted = Arc<Mutex<Vec<Box<dyn FnOnce(StacksWritten) + Send>>>>;

impl ControlHandle {
    /// This container works: links attached, workers running.
    pub fn ready(&self) {
        self.tell(ContainerToRoot::Ready);
    }

    /// The broker tells that a container ended while it had work.
    pub fn died_at_work(&self, container: ContainerId) {
        self.tell(ContainerToRoot::DiedAtWork { container });
    }

    /// Asks the root to end the whole program; `by` names who wants it.
    pub fn request_stop(&self, by: impl Into<String>) {
        self.tell(ContainerToRoot::StopRequested { by: by.into() });
    }

    /// Asks the root to write down where every thread of the program is; `written` is called when that is
    /// done. A container that ends before calls nobody.
    pub fn request_stacks(&self, written: impl FnOnce(StacksWritten) + Send + 'static) {
        self.stacks_wanted.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(written));
        self.tell(ContainerToRoot::StacksRequested);
    }

    fn tell(&self, message: ContainerToRoot) {
        if let Err(error) = self.outbox.send(message) {
            events::root_not_told(&error);
        }
    }
}

/// How a container process finds its root: the arguments of `container <role>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectArgs {
    /// The name of the root's door.
    pub door: String,
    /// The process that started this one. When it is gone already, the container ends at once.
    pub root_pid: u32,
}

/// The whole life of a container process: dies with its root, hears SIGTERM as a wish to stop and
/// SIGINT and SIGHUP (which a terminal sends to all) not at all, connects, and runs `main`.
/// The status is 0 after an end in order and 1 otherwise.
pub fn run_container(work: RoleWork, args: &ConnectArgs, prepare: Prepare) -> ExitCode {
    let role = work.role;
    let ended = match start_container(role, args) {
        Ok(Started { welcome, end, signals, settings }) => {
            let prepared = prepare(role, &settings);
            // The first thread, so that all have what the preparation left.
            let stop = StopSignal::new();
            let stopping = stop.clone();
            let heed = move |signal| {
                if signal == SIGTERM {
                    stopping.set();
                }
                true
            };
            match signals.tell(heed) {
                Ok(_) => {
                    let prepared = move || prepared;
                    live(work, welcome.container, settings, end, stop, prepared).is_ok()
                }
                Err(error) => {
                    events::container_not_started(role, &error);
                    false
                }
            }
        }
        Err(error) => {
            events::container_not_started(role, &*error);
            false
        }
    };
    if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Started {
    welcome: Welcome,
    end: ContainerEnd,
    signals: CaughtSignals,
    settings: Settings,
}

fn start_container(role: Role, args: &ConnectArgs) -> Result<Started, Box<dyn Error>> {
    name_this_thread(role);
    die_with(args.root_pid)?;
    // Before the first link exists, so that a Ctrl-C during the start ends nothing halfway.
    let signals = CaughtSignals::catch(&[SIGTERM, SIGINT, SIGHUP])?;
    let (welcome, end) = bootstrap::connect(&args.door, role)?;
    let settings = settings_of(&welcome)?;
    telemetry::init(role.as_str(), &settings.log)?;
    Ok(Started { welcome, end, signals, settings })
}

/// The same life on a thread of the root, without what is a process's own. Ends when `main` does.
///
/// # Errors
/// `main`'s own, or why the root did not welcome it.
pub fn run_on_thread(work: RoleWork, end: ContainerEnd) -> Result<(), Box<dyn Error>> {
    let (welcome, end) = bootstrap::wait_for_welcome(end)?;
    let settings = settings_of(&welcome)?;
    live(work, welcome.container, settings, end, StopSignal::new(), || Ok(None))?;
    Ok(())
}

/// Runs `main` with a heartbeat and an ear for orders beside it, and tells the root if it fails.
fn live(
    RoleWork { role, stages, main }: RoleWork,
    container: ContainerId,
    settings: Settings,
    end: ContainerEnd,
    stop: StopSignal,
    prepared: impl FnOnce() -> Result<Prepared, ContainerError>,
) -> Result<(), ContainerError> {
    let (outbox, orders) = end.start("to-root");
    let (attached, links) = queue::bounded(LINKS_CAPACITY);
    let attached = Attached(Arc::new(Mutex::new(Some(attached))));
    stop.when_set({
        let attached = attached.clone();
        move || attached.close()
    });
    let ended = StopSignal::new();
    let _end_of_threads = SetOnDrop(ended.clone());
    let stacks_wanted = StacksWanted::default();
    faults::collect({
        let outbox = outbox.clone();
        move |fault| {
            // Full or closed: the log has it.
            let _ = outbox.send(ContainerToRoot::Fault(fault));
        }
    });
    spawn("orders", {
        let (stop, outbox, wanted) = (stop.clone(), outbox.clone(), stacks_wanted.clone());
        move || heed_orders(orders, &attached, &stop, &outbox, &wanted)
    });
    spawn("heartbeat", {
        let outbox = outbox.clone();
        move || beat(&outbox, &ended)
    });
    let result = prepared().and_then(|prepared| {
        main(ContainerContext {
            role,
            stages,
            container,
            settings,
            stop,
            links: Links(links),
            control: ControlHandle { outbox: outbox.clone(), stacks_wanted },
            prepared,
        })
    });
    if let Err(error) = &result {
        let why = ErrorChain(error).to_string();
        // The root logs it. Should it not arrive, the log of this process is the only one to tell.
        let told = outbox.send(ContainerToRoot::Failed { why, fatal: error.fatal }).is_ok()
            && outbox.flush(LAST_WORDS_LIMIT);
        if !told {
            events::container_ends(role, error);
        }
    }
    result
}

/// Ends the heartbeat also when `main` panics.
struct SetOnDrop(StopSignal);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) {
    vital::spawn(name, run).expect("the system can start a thread");
}

fn beat(outbox: &Outbox<ContainerToRoot>, ended: &StopSignal) {
    loop {
        match outbox.send(ContainerToRoot::Heartbeat) {
            // A full outbox means that the root does not read; it must not make this end.
            Ok(()) | Err(OutboxError::Full) => {}
            Err(OutboxError::Closed | OutboxError::Unsendable { .. }) => return,
        }
        if ended.wait(HEARTBEAT_PERIOD) {
            return;
        }
    }
}

/// The way in of the queue of links; closing it wakes who waits for a link.
#[derive(Clone)]
struct Attached(Arc<Mutex<Option<queue::Sender<Link>>>>);

impl Attached {
    fn put(&self, link: Link) {
        if let Some(queue) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // Full only if the role takes no links at all; then nobody misses this one.
            drop(queue.try_send(link));
        }
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Until it is told to stop or the root is gone.
fn heed_orders(
    mut orders: Orders,
    attached: &Attached,
    stop: &StopSignal,
    outbox: &Outbox<ContainerToRoot>,
    stacks_wanted: &StacksWanted,
) {
    loop {
        match orders.recv() {
            Ok(Order::Root(RootToContainer::Stop)) => return stop.set(),
            Ok(Order::Root(RootToContainer::DumpStacks { dump, threads })) => {
                let outbox = outbox.clone();
                spawn("stacks", move || send_stacks(dump, &threads, &outbox));
            }
            Ok(Order::Root(RootToContainer::StacksWritten(written))) => {
                let wanted =
                    std::mem::take(&mut *stacks_wanted.lock().unwrap_or_else(PoisonError::into_inner));
                wanted.into_iter().for_each(|tell| tell(written.clone()));
            }
            Ok(Order::Attach(link)) => attached.put(link),
            Err(error) => {
                if !stop.is_set() {
                    events::root_lost(&error);
                }
                return stop.set();
            }
        }
    }
}

/// Tells the root where these threads are, each as soon as its symbols are read: the first take
/// seconds on a machine that has much to do, so that a word comes before them.
fn send_stacks(dump: u64, threads: &[ThreadState], outbox: &Outbox<ContainerToRoot>) {
    let mut is_heard = send_piece(dump, String::new(), false, outbox);
    for thread in threads {
        is_heard = is_heard && send_piece(dump, stacks::of(std::slice::from_ref(thread)), false, outbox);
    }
    let tasks = tasks::tree();
    let text = if tasks.is_empty() { tasks } else { format!("  tasks\n{tasks}") };
    if is_heard {
        send_piece(dump, text, true, outbox);
    }
}

/// Sends a text in parts that fit into messages; the last one is `last`. False where the root does
/// not read: it has ended, or will say that this process was silent.
fn send_piece(dump: u64, mut text: String, last: bool, outbox: &Outbox<ContainerToRoot>) -> bool {
    const PIECE_BYTES: usize = 32 * 1024;
    const LIMIT: Duration = Duration::from_secs(2);
    loop {
        let rest = text.split_off(text.floor_char_boundary(PIECE_BYTES.min(text.len())));
        let last = last && rest.is_empty();
        if outbox.send_within(ContainerToRoot::Stacks { dump, text, last }, LIMIT).is_err() {
            return false;
        }
        if rest.is_empty() {
            return true;
        }
        text = rest;
    }
}

fn settings_of(welcome: &Welcome) -> Result<Settings, serde_json::Error> {
    serde_json::from_str(&welcome.settings_json)
}

/// `ps -o comm` shows the role, not `exe`. Only a convenience: a failure is of no consequence.
fn name_this_thread(role: Role) {
    if let Ok(name) = std::ffi::CString::new(role.as_str()) {
        let _ = rustix::thread::set_name(&name);
    }
}

/// Asks the kernel to kill this process when its root ends, however that happens; ends with an
/// error if it has ended already.
fn die_with(root_pid: u32) -> Result<(), io::Error> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = rustix::process::getppid().map(Pid::as_raw_nonzero);
    if parent.and_then(|pid| u32::try_from(pid.get()).ok()) != Some(root_pid) {
        return Err(io::Error::other("the root has ended already"));
    }
    Ok(())
}
