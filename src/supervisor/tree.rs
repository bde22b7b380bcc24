//! The containers and what is done about each: the loop's state. Every step is short and none waits.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel as queue;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

use super::child::{Child, Ended};
use super::memory;
use super::redact::settings_with;
use super::restart::{Decision, History};
use super::slot::{Container, Slot, State, start_control};
use super::stacks::{self, Asked, Collection};
use super::systemd::ServiceManager;
use super::{ContainerSpec, Event, Exit, Options, Restart, SupervisorError};
use crate::base::ErrorChain;
use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::config::Settings;
use crate::ipc::bootstrap::BootstrapError;
use crate::ipc::control::{LinkKind, RootEnd, broker_link};
use crate::ipc::{OutboxError, RecvError, Transport};
use crate::proto::control::{ContainerToRoot, Hello, RootToContainer, StacksWritten, Welcome};
use crate::telemetry::error_log::ErrorLog;
use crate::telemetry::events;

/// With nothing due, the loop looks around this often.
const IDLE: Duration = Duration::from_secs(60);

/// So long may a role be away before the service manager is left to end the daemon. The restart policy gives up
/// earlier on a role that dies again and again.
const AWAY_LIMIT: Duration = Duration::from_secs(60);

/// How often the memory of the containers is looked at.
const WEIGH_PERIOD: Duration = Duration::from_secs(1);

/// So long after its death a container's last message is waited for: it says why it died, and may be on its way.
/// Its link closes behind it, which ends the wait; only a process that inherited the link keeps it open longer, and
/// on a busy machine the thread that reads may be late.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A further signal this long after the first means hurry; systemd may send two at once.
const IMPATIENCE: Duration = Duration::from_millis(200);

/// All containers.
pub(super) struct Tree {
    /// In the order of start: the broker first.
    slots: Vec<Slot>,
    transport: Transport,
    options: Options,
    manager: ServiceManager,
    events: queue::Sender<Event>,
    last_id: u32,
    began: Monotonic,
    /// When the memory of the containers is to be looked at again.
    weigh_at: Monotonic,
    told_ready: bool,
    /// When the service manager is to hear a sign of life again, and when all was well last.
    feed_at: Monotonic,
    well_at: Monotonic,
    error_log: ErrorLog,
    /// Where the logs are.
    logs: PathBuf,
    last_dump: u64,
    /// Under way, and who waits for it.
    stacks: Option<Collection>,
    stacks_askers: Vec<ContainerId>,
    phase: Phase,
}

enum Phase {
    Running,
    Stopping(Stopping),
}

struct Stopping {
    since: Monotonic,
    result: Result<Exit, SupervisorError>,
    broker_told: bool,
    killed: bool,
}

impl Tree {
    /// Nothing is started before the first [`Tree::act`].
    pub(super) fn new(
        settings: &Settings,
        specs: &[ContainerSpec],
        options: Options,
        manager: ServiceManager,
        error_log: ErrorLog,
        events: queue::Sender<Event>,
    ) -> Result<Tree, serde_json::Error> {
        let now = Monotonic::now();
        let mut slots = Vec::new();
        for spec in specs {
            let settings_json = serde_json::to_string(&settings_with(spec.secrets, settings))?;
            for _ in 0..spec.count {
                slots.push(Slot {
                    spec: *spec,
                    settings_json: settings_json.clone(),
                    data_dir: settings.data_dir.clone(),
                    memory_limit: spec.memory_limit(settings),
                    history: History::default(),
                    state: State::Due(now),
                });
            }
        }
        // Others wait for nothing but the broker, and it has the most to load.
        slots.sort_by_key(|slot| slot.spec.link != LinkKind::Broker);
        let transport = if settings.multiprocess { Transport::Processes } else { Transport::Threads };
        Ok(Tree {
            slots,
            transport,
            options,
            manager,
            events,
            last_id: 0,
            began: now,
            weigh_at: now,
            told_ready: false,
            feed_at: now,
            well_at: now,
            error_log,
            logs: settings.data_dir.join("logs"),
            last_dump: 0,
            stacks: None,
            stacks_askers: Vec::new(),
            phase: Phase::Running,
        })
    }

    /// Applies what has happened.
    pub(super) fn handle(&mut self, event: Event, now: Monotonic) {
        match event {
            Event::Signal(SIGCHLD) => self.reap(now),
            Event::Signal(signal) => self.heed_signal(signal, now),
            Event::Came(id, Ok((hello, end))) => self.welcome(id, &hello, end, now),
            Event::Came(id, Err(error)) => self.nobody_came(id, &error, now),
            Event::Said(id, message) => self.heed(id, message, now),
            Event::Deaf(id, error) => self.deaf(id, &error, now),
            Event::StacksWritten(written) => self.stacks_written(&written),
            Event::ThreadEnded(id, ended) => {
                let slot = self.slots.iter().position(|slot| slot.container().is_some_and(|c| c.id == id));
                if let Some(slot) = slot {
                    self.ended(slot, ended, now);
                }
            }
        }
    }

    /// Does what is due. `Some` when the tree has ended.
    pub(super) fn act(&mut self, now: Monotonic) -> Option<Result<Exit, SupervisorError>> {
        self.reap(now);
        self.kill_the_late(now);
        match self.phase {
            Phase::Running => {
                self.note_silence(now);
                self.note_size(now);
                self.feed_watchdog(now);
                self.start_the_due(now);
                None
            }
            Phase::Stopping(_) => self.go_on_stopping(now),
        }
    }

    /// When [`Tree::act`] is to be called at the latest.
    pub(super) fn next_deadline(&self) -> Monotonic {
        let timing = &self.options.timing;
        let of_slot = |slot: &Slot| match &slot.state {
            State::Due(at) => Some(*at),
            State::Over => None,
            State::Up(container) => match (container.kill_at, &container.control, &container.child) {
                (_, _, Child::Thread) => None,
                (Some(_), _, _) if container.killed => None,
                (Some(at), _, _) => Some(at),
                (None, Some(_), _) => Some(container.last_heard.plus(timing.silence)),
                (None, None, _) => Some(container.started.plus(timing.hello)),
            },
        };
        let mut deadline = self.slots.iter().filter_map(of_slot).chain([self.weigh_at]).min();
        if let Phase::Stopping(stopping) = &self.phase {
            let next = if !stopping.broker_told {
                timing.stop_broker
            } else if !stopping.killed {
                timing.stop_kill
            } else {
                timing.stop_end
            };
            let next = stopping.since.plus(next);
            deadline = Some(deadline.map_or(next, |deadline| deadline.min(next)));
        }
        // `act` treats a deadline as passed only after it, and the clock counts milliseconds.
        deadline.map_or_else(|| Monotonic::now().plus(IDLE), |at| at.plus(Duration::from_millis(1)))
    }
}

// Births.
impl Tree {
    fn start_the_due(&mut self, now: Monotonic) {
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(index) else { continue };
            if !matches!(slot.state, State::Due(at) if at <= now) {
                continue;
            }
            self.last_id = self.last_id.wrapping_add(1);
            let id = ContainerId(self.last_id);
            match slot.start(id, self.transport, &self.events, now) {
                Ok((container, end)) => {
                    events::container_started(slot.spec.work.role, id, container.child.pid());
                    slot.state = State::Up(container);
                    if let Some(end) = end {
                        self.connected(index, end, now);
                    }
                }
                Err(error) => {
                    let how = format!("could not be started: {}", ErrorChain(&error));
                    self.failed(index, id, &how, Duration::ZERO, now);
                }
            }
        }
    }

    /// A process has said hello; it must be the one that was started.
    fn welcome(&mut self, id: ContainerId, hello: &Hello, end: RootEnd, now: Monotonic) {
        let Some((index, slot)) = self.slot_of(id) else { return };
        if slot.expected_hello() != Some((hello.role, hello.pid)) {
            let why = format!("a process {} said hello as {}", hello.pid, hello.role);
            self.unreachable(index, &io::Error::other(why), now);
            return;
        }
        self.connected(index, end, now);
    }

    /// Starts the control link, welcomes, and joins with the broker.
    fn connected(&mut self, index: usize, end: RootEnd, now: Monotonic) {
        let stopping = matches!(self.phase, Phase::Stopping(_));
        let events = self.events.clone();
        let Some(slot) = self.slots.get_mut(index) else { return };
        let settings_json = slot.settings_json.clone();
        let Some(container) = slot.container_mut() else { return };
        container.door = None;
        container.last_heard = now;
        let id = container.id;
        let control = match start_control(end, id, events) {
            Ok(control) => control,
            Err(error) => return self.unreachable(index, &error, now),
        };
        let welcomed = control.welcome(Welcome { container: id, settings_json });
        container.control = Some(control);
        if let Err(error) = welcomed {
            return self.unreachable(index, &error, now);
        }
        if stopping {
            container.tell_to_stop();
        } else {
            self.join_with_broker(now);
        }
    }

    fn nobody_came(&mut self, id: ContainerId, error: &BootstrapError, now: Monotonic) {
        // Of a container that has ended meanwhile, its end says more.
        if let Some((index, _)) = self.slot_of(id) {
            self.unreachable(index, error, now);
        }
    }

    /// Gives every connected container that has none a link with the broker, if that is connected.
    fn join_with_broker(&mut self, now: Monotonic) {
        let connected =
            |slot: &Slot| slot.container().is_some_and(|c| c.control.is_some() && c.kill_at.is_none());
        let Some(broker) =
            self.slots.iter().position(|slot| slot.spec.link == LinkKind::Broker && connected(slot))
        else {
            return;
        };
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get(index) else { continue };
            let Some(container) = slot.container() else { continue };
            if index == broker || container.linked || !connected(slot) {
                continue;
            }
            let (end, peer) =
                match broker_link(self.transport, container.id, slot.spec.work.role, slot.spec.link) {
                    Ok(Some(ends)) => ends,
                    Ok(None) => continue,
                    Err(error) => {
                        self.unreachable(index, &error, now);
                        continue;
                    }
                };
            if let Err(error) = self.attach(broker, peer) {
                return self.unreachable(broker, &error, now);
            }
            match self.attach(index, end) {
                Ok(()) => {
                    if let Some(container) = self.slots.get_mut(index).and_then(Slot::container_mut) {
                        container.linked = true;
                    }
                }
                Err(error) => self.unreachable(index, &error, now),
            }
        }
    }

    fn attach(&self, index: usize, link: crate::ipc::Link) -> Result<(), OutboxError> {
        let container = self.slots.get(index).and_then(Slot::container);
        match container.and_then(|container| container.control.as_ref()) {
            Some(control) => control.attach(link),
            None => Err(OutboxError::Closed),
        }
    }

    fn slot_of(&self, id: ContainerId) -> Option<(usize, &Slot)> {
        self.slots.iter().enumerate().find(|(_, slot)| slot.container().is_some_and(|c| c.id == id))
    }
}

// Lives.
impl Tree {
    fn heed(&mut self, id: ContainerId, message: ContainerToRoot, now: Monotonic) {
        let Some(index) = self.slot_of(id).map(|(index, _)| index) else { return };
        let Some(slot) = self.slots.get_mut(index) else { return };
        let role = slot.spec.work.role;
        let Some(container) = slot.container_mut() else { return };
        container.last_heard = now;
        match message {
            ContainerToRoot::Heartbeat => {}
            ContainerToRoot::Ready => {
                container.ready = true;
                events::container_ready(role, id);
                self.tell_ready(now);
            }
            ContainerToRoot::StopRequested { by } => self.stop(Ok(Exit { by }), now),
            ContainerToRoot::Fault(fault) => {
                let pid = container.child.pid().unwrap_or_else(std::process::id);
                self.error_log.record(format!("{role}[{pid}]"), fault);
            }
            ContainerToRoot::StacksRequested => self.collect_stacks(id),
            ContainerToRoot::Stacks { dump, text, last } => {
                if let Some(collection) = self.stacks.as_ref().filter(|collection| collection.dump == dump) {
                    collection.add(id, text, last);
                }
            }
            ContainerToRoot::Failed { why, fatal } => {
                events::container_failed(role, id, &why);
                container.why = Some(why.clone());
                if fatal {
                    self.stop(Err(SupervisorError::RoleCannotWork { role, why }), now);
                }
            }
        }
    }

    /// Asks every process where its threads are. Who asks while that is under way gets the same answer.
    fn collect_stacks(&mut self, asker: ContainerId) {
        self.stacks_askers.push(asker);
        if self.stacks.is_some() {
            return;
        }
        self.last_dump += 1;
        let dump = self.last_dump;
        let mut asked = Vec::new();
        for slot in &self.slots {
            let Some(container) = slot.container() else { continue };
            // A thread belongs to this process, which is always among them.
            let Some(pid) = container.child.pid() else { continue };
            let threads = stacks::threads_of(pid);
            let count = threads.len();
            let order = RootToContainer::DumpStacks { dump, threads };
            let heard = container.control.as_ref().is_some_and(|control| control.order(order).is_ok());
            let threads = if heard { count } else { 0 };
            asked.push(Asked { container: container.id, role: slot.spec.work.role, pid, threads });
        }
        let path = self.logs.join("stacktrace.log");
        let events = self.events.clone();
        let written = move |written| {
            // The loop may have ended: then nobody waits.
            let _ = events.send(Event::StacksWritten(written));
        };
        match Collection::start(dump, path, asked, written) {
            Ok(collection) => self.stacks = Some(collection),
            Err(error) => self.stacks_written(&StacksWritten::Failed { why: error.to_string() }),
        }
    }

    fn stacks_written(&mut self, written: &StacksWritten) {
        self.stacks = None;
        for asker in std::mem::take(&mut self.stacks_askers) {
            let control = self.slot_of(asker).and_then(|(_, slot)| slot.container()?.control.as_ref());
            if let Some(control) = control {
                // Who does not read will not miss it.
                let _ = control.order(RootToContainer::StacksWritten(written.clone()));
            }
        }
    }

    fn tell_ready(&mut self, now: Monotonic) {
        let over = |slot: &Slot| matches!(slot.state, State::Over);
        let all = self.slots.iter().all(|slot| over(slot) || slot.container().is_some_and(|c| c.ready));
        if !all {
            return;
        }
        let count = self.slots.iter().filter(|slot| !over(slot)).count();
        let status = format!("serving with {count} containers");
        if self.told_ready {
            self.manager.status(&status);
        } else {
            self.told_ready = true;
            events::all_ready(count, now.since(self.began));
            self.manager.ready(&status);
        }
    }

    fn note_silence(&mut self, now: Monotonic) {
        let timing = self.options.timing;
        for slot in &mut self.slots {
            let role = slot.spec.work.role;
            let Some(container) = slot.container_mut() else { continue };
            // A thread can be neither ended nor frozen alone.
            if matches!(container.child, Child::Thread) || container.kill_at.is_some() {
                continue;
            }
            let limit = if container.control.is_some() { timing.silence } else { timing.hello };
            let silence = now.since(container.last_heard);
            if silence > limit {
                events::container_silent(role, container.id, silence);
                container.why = Some(format!("silent for {} s", silence.as_secs()));
                container.end(now, timing.grace);
            }
        }
    }

    /// Tells the service manager that all is well, if it is: every role works, or did so lately. A role that
    /// dies is started again, which the service manager need not know; one that stays away is the end.
    fn feed_watchdog(&mut self, now: Monotonic) {
        let Some(period) = self.options.watchdog.filter(|_| self.told_ready) else { return };
        let works = |slot: &Slot| match &slot.state {
            State::Up(container) => container.ready && container.kill_at.is_none(),
            State::Due(_) => false,
            State::Over => true,
        };
        if self.slots.iter().all(works) {
            self.well_at = now;
        }
        if self.feed_at <= now && now.since(self.well_at) < AWAY_LIMIT {
            self.feed_at = now.plus(period / 3);
            self.manager.alive();
        }
    }

    /// Ends containers that take more memory than their role may have.
    fn note_size(&mut self, now: Monotonic) {
        if self.weigh_at > now {
            return;
        }
        self.weigh_at = now.plus(WEIGH_PERIOD);
        for slot in &mut self.slots {
            let (role, limit) = (slot.spec.work.role, slot.memory_limit);
            let Some(container) = slot.container_mut().filter(|container| !container.killed) else {
                continue;
            };
            let Some(used) = container.child.pid().and_then(memory::private_bytes) else { continue };
            if used > limit {
                let (used_mib, limit_mib) = (used >> 20, limit >> 20);
                events::container_too_big(role, container.id, used_mib, limit_mib);
                container.why = Some(format!("it took {used_mib} MiB of memory, {limit_mib} are allowed"));
                container.kill_at = Some(now);
                container.kill(role);
            }
        }
    }

    fn deaf(&mut self, id: ContainerId, error: &RecvError, now: Monotonic) {
        let grace = self.options.timing.grace;
        let Some(index) = self.slot_of(id).map(|(index, _)| index) else { return };
        let Some(slot) = self.slots.get_mut(index) else { return };
        let role = slot.spec.work.role;
        let Some(container) = slot.container_mut() else { return };
        container.control = None;
        match error {
            // It is ending: give it the time to do so.
            RecvError::Closed => container.kill_at = container.kill_at.or(Some(now.plus(grace))),
            RecvError::Malformed { .. } => {
                events::container_babbles(role, id, error);
                container.end(now, grace);
            }
        }
        self.reap(now);
    }

    fn unreachable(&mut self, index: usize, error: &(dyn std::error::Error + 'static), now: Monotonic) {
        let grace = self.options.timing.grace;
        let Some(slot) = self.slots.get_mut(index) else { return };
        let role = slot.spec.work.role;
        if let Some(container) = slot.container_mut()
            && container.kill_at.is_none()
        {
            events::container_unreachable(role, container.id, error);
            container.end(now, grace);
        }
    }
}

// Deaths.
impl Tree {
    fn reap(&mut self, now: Monotonic) {
        let running = matches!(self.phase, Phase::Running);
        for index in 0..self.slots.len() {
            let Some(container) = self.slots.get_mut(index).and_then(Slot::container_mut) else { continue };
            let Some(ended) = container.child.try_reap() else { continue };
            let last_words_by = *container.last_words_by.get_or_insert(now.plus(LAST_WORDS));
            if running && container.control.is_some() && now < last_words_by {
                continue;
            }
            self.ended(index, ended, now);
        }
    }

    /// A container has ended and is reaped. Its links close with the drop of what the root holds.
    fn ended(&mut self, index: usize, ended: Ended, now: Monotonic) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let spec = slot.spec;
        let State::Up(container) = std::mem::replace(&mut slot.state, State::Over) else { return };
        if matches!(self.phase, Phase::Stopping(_)) {
            return;
        }
        if ended.in_order && spec.restart == Restart::OnFailure {
            return events::container_left(spec.work.role, container.id);
        }
        let how = match container.why {
            Some(why) => format!("{}: {why}", ended.how),
            None => ended.how,
        };
        if spec.link == LinkKind::Broker {
            // Its successor gives everybody a new link.
            for container in self.slots.iter_mut().filter_map(Slot::container_mut) {
                container.linked = false;
            }
        }
        self.failed(index, container.id, &how, now.since(container.started), now);
    }

    fn failed(&mut self, index: usize, id: ContainerId, how: &str, lived: Duration, now: Monotonic) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let role = slot.spec.work.role;
        events::container_died(role, id, how, lived);
        match slot.history.failed(now, lived, &self.options.restart_policy) {
            Decision::Restart { pause, failures } => {
                events::container_restarts(role, failures, pause);
                slot.state = State::Due(now.plus(pause));
                self.manager.status(&format!("{role} died and is being started again"));
            }
            Decision::GiveUp { failures } => {
                slot.state = State::Over;
                let within = self.options.restart_policy.window;
                events::container_given_up(role, failures, within);
                let last = how.to_owned();
                self.stop(Err(SupervisorError::GaveUp { role, failures, within, last }), now);
            }
        }
    }

    fn kill_the_late(&mut self, now: Monotonic) {
        for slot in &mut self.slots {
            let role = slot.spec.work.role;
            if let Some(container) = slot.container_mut()
                && container.kill_at.is_some_and(|at| now > at)
                && container.child.pid().is_some()
            {
                container.kill(role);
            }
        }
    }
}

// The end.
impl Tree {
    fn heed_signal(&mut self, signal: i32, now: Monotonic) {
        let by = match signal {
            SIGTERM => "SIGTERM",
            SIGINT => "SIGINT",
            // A service has no terminal that could hang up: somebody wants its settings to be read again.
            SIGHUP if self.options.notify_socket.is_some() => {
                const WHY: &str = "settings are read at the start; to apply new ones, restart the service";
                events::reload_refused(WHY);
                return self.manager.status(&format!("SIGHUP changed nothing: {WHY}"));
            }
            SIGHUP => "SIGHUP",
            _ => return,
        };
        match &self.phase {
            Phase::Running => self.stop(Ok(Exit { by: by.to_owned() }), now),
            // Somebody is in a hurry.
            Phase::Stopping(stopping) if now.since(stopping.since) > IMPATIENCE => {
                self.kill_all();
            }
            Phase::Stopping(_) => {}
        }
    }

    /// Begins the stop; the first reason counts. The broker is told last, so that it can take back
    /// what the others still hold, and write.
    fn stop(&mut self, result: Result<Exit, SupervisorError>, now: Monotonic) {
        if matches!(self.phase, Phase::Stopping(_)) {
            return;
        }
        let why = match &result {
            Ok(exit) => exit.by.clone(),
            Err(error) => ErrorChain(error).to_string(),
        };
        events::stopping(&why);
        self.manager.stopping(&format!("stopping: {why}"));
        self.phase = Phase::Stopping(Stopping { since: now, result, broker_told: false, killed: false });
        for slot in &mut self.slots {
            match &mut slot.state {
                State::Due(_) => slot.state = State::Over,
                State::Up(container) if slot.spec.link != LinkKind::Broker => container.tell_to_stop(),
                State::Up(_) | State::Over => {}
            }
        }
    }

    fn go_on_stopping(&mut self, now: Monotonic) -> Option<Result<Exit, SupervisorError>> {
        let timing = self.options.timing;
        let Phase::Stopping(stopping) = &mut self.phase else { return None };
        let elapsed = now.since(stopping.since);
        let left = |slot: &Slot| slot.container().is_some();
        if !stopping.broker_told {
            let others = self.slots.iter().any(|slot| slot.spec.link != LinkKind::Broker && left(slot));
            if !others || elapsed > timing.stop_broker {
                stopping.broker_told = true;
                let brokers = self.slots.iter_mut().filter(|slot| slot.spec.link == LinkKind::Broker);
                brokers.filter_map(Slot::container_mut).for_each(Container::tell_to_stop);
            }
        }
        if !stopping.killed && elapsed > timing.stop_kill {
            stopping.killed = true;
            self.kill_all();
        }
        // Processes that were killed are waited for: the kernel has only to finish.
        let unkillable = |slot: &Slot| slot.container().is_none_or(|c| c.child.pid().is_none());
        let over =
            !self.slots.iter().any(left) || (elapsed > timing.stop_end && self.slots.iter().all(unkillable));
        if !over {
            return None;
        }
        match std::mem::replace(&mut self.phase, Phase::Running) {
            Phase::Stopping(stopping) => {
                events::stopped(elapsed);
                Some(stopping.result)
            }
            Phase::Running => None,
        }
    }

    fn kill_all(&mut self) {
        for slot in &mut self.slots {
            let role = slot.spec.work.role;
            if let Some(container) = slot.container_mut() {
                container.kill(role);
            }
        }
    }
}
