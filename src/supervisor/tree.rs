//! Carries out what the plan decides: starts, tells, kills and reaps containers, and hands what happens to
//! them back to it. Every step is short and none waits.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crossbeam_channel as queue;
use signal_hook::consts::SIGCHLD;

use super::container::{Container, Surroundings};
use super::incoming::Incoming;
use super::life::Place;
use super::memory;
use super::plan::{Act, Event, Plan, Trouble};
use super::redact::settings_with;
use super::restart::Decision;
use super::spec::{ContainerSpec, Exit, Options, SupervisorError};
use super::stacks::{self, Asked, Collection};
use super::systemd::ServiceManager;
use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::base::roles::Role;
use crate::base::{ErrorChain, counted};
use crate::config::Settings;
use crate::ipc::control::{LinkKind, broker_link};
use crate::ipc::{RecvError, Transport};
use crate::proto::control::{ContainerToRoot, RootToContainer, StacksWritten};
use crate::telemetry::error_log::ErrorLog;
use crate::telemetry::events;

/// How the tree ended.
pub(super) type TreeEnd = Result<Exit, SupervisorError>;

/// All containers.
pub(super) struct Tree {
    plan: Plan,
    /// What each place of the plan starts, and its settings, as the welcome carries them.
    places: Vec<(ContainerSpec, String)>,
    held: BTreeMap<ContainerId, Container>,
    around: Surroundings,
    manager: ServiceManager,
    restart_window: Duration,
    error_log: ErrorLog,
    last_dump: u64,
    /// A collection of stacks under way, and who waits for it.
    stacks: Option<Collection>,
    stacks_askers: Vec<ContainerId>,
    end: Option<TreeEnd>,
}

impl Tree {
    /// Nothing is started before the first [`Tree::pass_time`].
    ///
    /// # Errors
    /// The settings cannot be written down for a container.
    pub(super) fn new(
        settings: &Settings,
        specs: &[ContainerSpec],
        options: Options,
        error_log: ErrorLog,
        incoming: queue::Sender<Incoming>,
    ) -> Result<Tree, serde_json::Error> {
        let now = Monotonic::now();
        let mut places = Vec::new();
        for spec in specs {
            let settings_json = serde_json::to_string(&settings_with(spec.secrets, settings))?;
            places.extend(std::iter::repeat_n((*spec, settings_json), spec.count));
        }
        // Others wait for nothing but the broker, and it has the most to load.
        places.sort_by_key(|(spec, _)| spec.link != LinkKind::Broker);
        let planned = places.iter().map(|(spec, _)| {
            Place::new(spec.work.role, spec.link, spec.restart, spec.memory_limit(settings), now)
        });
        Ok(Tree {
            manager: ServiceManager::new(options.notify_socket.clone()),
            restart_window: options.restart_policy.window,
            plan: Plan::new(planned.collect(), options, now),
            places,
            held: BTreeMap::new(),
            around: Surroundings {
                transport: if settings.multiprocess { Transport::Processes } else { Transport::Threads },
                data_dir: settings.data_dir.clone(),
                incoming,
            },
            error_log,
            last_dump: 0,
            stacks: None,
            stacks_askers: Vec::new(),
            end: None,
        })
    }

    /// Applies what was heard.
    pub(super) fn handle(&mut self, incoming: Incoming, now: Monotonic) {
        match incoming {
            // Who has ended is seen when time passes, which follows.
            Incoming::Signal(SIGCHLD) => {}
            Incoming::Signal(signal) => self.apply(Event::Signal(signal), now),
            Incoming::Came(id, Ok((hello, end))) => {
                if let Some(container) = self.held.get_mut(&id) {
                    container.came(end);
                }
                self.apply(Event::Linked { id, hello: Some((hello.role, hello.pid)) }, now);
                if let Some(container) = self.held.get_mut(&id).filter(|container| !container.is_open()) {
                    container.close();
                }
            }
            Incoming::Came(id, Err(error)) => self.apply(unreachable(id, &error), now),
            Incoming::Said(id, message) => self.heed(id, message, now),
            Incoming::Deaf(id, error) => {
                let babbled = matches!(error, RecvError::Malformed { .. });
                if let Some(container) = self.held.get_mut(&id) {
                    container.close();
                    if babbled {
                        events::container_babbles(container.role(), id, &error);
                    }
                }
                self.apply(Event::LinkClosed { id, babbled }, now);
            }
            Incoming::StacksWritten(written) => self.stacks_written(&written),
            Incoming::ThreadEnded(id, ended) => {
                self.apply(Event::Ended { id, ended, link_is_open: false }, now);
            }
        }
    }

    /// Does what is due. `Some` when the tree has ended.
    pub(super) fn pass_time(&mut self, now: Monotonic) -> Option<TreeEnd> {
        let mut ended = Vec::new();
        for container in self.held.values_mut().filter(|container| !container.is_reaped) {
            if let Some(end) = container.child.try_reap() {
                container.is_reaped = true;
                let link_is_open = container.is_open();
                ended.push(Event::Ended { id: container.id, ended: end, link_is_open });
            }
        }
        ended.into_iter().chain([Event::Tick]).for_each(|event| self.apply(event, now));
        self.end.take()
    }

    /// When [`Tree::pass_time`] is to be called at the latest.
    pub(super) fn next_deadline(&self, now: Monotonic) -> Monotonic {
        self.plan.next_deadline(now)
    }

    /// Hands an event to the plan and does what follows, and what follows from that.
    fn apply(&mut self, event: Event, now: Monotonic) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for act in self.plan.handle(event, now) {
                self.carry_out(act, &mut events);
            }
        }
    }

    fn heed(&mut self, id: ContainerId, message: ContainerToRoot, now: Monotonic) {
        let Some(container) = self.held.get(&id) else { return };
        let role = container.role();
        self.apply(Event::Heard(id), now);
        match message {
            ContainerToRoot::Heartbeat => {}
            ContainerToRoot::Ready => {
                events::container_ready(role, id);
                self.apply(Event::Ready(id), now);
            }
            ContainerToRoot::StopRequested { by } => self.apply(Event::StopRequested { by }, now),
            ContainerToRoot::Failed { why, fatal } => {
                events::container_failed(role, id, &why);
                self.apply(Event::Failed { id, why, fatal }, now);
            }
            // Nobody else knows what others work on.
            ContainerToRoot::DiedAtWork { container } if role == Role::Broker => {
                self.apply(Event::DiedAtWork(container), now);
            }
            ContainerToRoot::DiedAtWork { .. } => {}
            ContainerToRoot::Fault(fault) => {
                let pid = self.held.get(&id).and_then(|container| container.child.pid());
                let pid = pid.unwrap_or_else(std::process::id);
                self.error_log.record(format!("{role}[{pid}]"), fault);
            }
            ContainerToRoot::StacksRequested => self.collect_stacks(id),
            ContainerToRoot::Stacks { dump, text, last } => {
                if let Some(collection) = self.stacks.as_ref().filter(|collection| collection.dump == dump) {
                    collection.add(id, text, last);
                }
            }
        }
    }

    /// Does one thing; what comes of it at once joins `then`.
    fn carry_out(&mut self, act: Act, then: &mut VecDeque<Event>) {
        match act {
            Act::Start { place, id } => self.start(place, id, then),
            Act::Welcome(id) => self.welcome(id, then),
            Act::Join { id, broker } => self.join(id, broker, then),
            Act::TellToStop(id) => {
                let Some(container) = self.held.get_mut(&id) else { return };
                if container.order(RootToContainer::Stop).is_err() {
                    container.child.terminate();
                }
            }
            Act::Terminate { id, why } => {
                let Some(container) = self.held.get_mut(&id) else { return };
                tell_trouble(container, &why);
                container.child.terminate();
            }
            Act::Kill { id, why } => {
                let Some(container) = self.held.get_mut(&id) else { return };
                tell_trouble(container, &why);
                container.child.kill();
            }
            // Its links close with the drop of what is held.
            Act::Forget(id) => drop(self.held.remove(&id)),
            Act::TellLeft { id, role } => events::container_left(role, id),
            Act::TellDied { id, role, how, lived, decision } => {
                events::container_died(role, id, &how, lived);
                match decision {
                    Decision::Restart { pause, failures } => {
                        events::container_restarts(role, failures, pause);
                        self.manager.status(&format!("{role} died and is being started again"));
                    }
                    Decision::GiveUp { failures } => {
                        events::container_given_up(role, failures, self.restart_window);
                    }
                }
            }
            Act::TellReady { containers, after } => {
                let status = format!("serving with {}", counted(containers, "container"));
                match after {
                    Some(after) => {
                        events::all_ready(containers, after);
                        self.manager.ready(&status);
                    }
                    None => self.manager.status(&status),
                }
            }
            Act::RefuseReload => {
                const WHY: &str = "settings are read at the start; to apply new ones, restart the service";
                events::reload_refused(WHY);
                self.manager.status(&format!("SIGHUP changed nothing: {WHY}"));
            }
            Act::FeedWatchdog => self.manager.alive(),
            Act::TellStopping { why } => {
                events::stopping(&why);
                self.manager.stopping(&format!("stopping: {why}"));
            }
            Act::Weigh => {
                let living = self.held.values().filter(|container| !container.is_reaped);
                then.extend(living.filter_map(|container| {
                    let bytes = memory::private_bytes(container.child.pid()?)?;
                    Some(Event::Weighed { id: container.id, bytes })
                }));
            }
            Act::End { result, after } => {
                events::stopped(after);
                self.end = Some(result);
            }
        }
    }

    fn start(&mut self, place: usize, id: ContainerId, then: &mut VecDeque<Event>) {
        let Some(place) = self.places.get(place) else { return };
        match Container::start(id, place, &self.around) {
            Ok(container) => {
                let pid = container.child.pid();
                events::container_started(container.role(), id, pid);
                self.held.insert(id, container);
                then.push_back(Event::Started { id, pid });
                if pid.is_none() {
                    then.push_back(Event::Linked { id, hello: None });
                }
            }
            Err(error) => then.push_back(Event::NotStarted { id, why: ErrorChain(&error).to_string() }),
        }
    }

    fn welcome(&mut self, id: ContainerId, then: &mut VecDeque<Event>) {
        let Some(container) = self.held.get_mut(&id) else { return };
        if let Err(error) = container.welcome(&self.around.incoming) {
            then.push_back(unreachable(id, &error));
        }
    }

    fn join(&self, id: ContainerId, broker_id: ContainerId, then: &mut VecDeque<Event>) {
        let (Some(container), Some(broker)) = (self.held.get(&id), self.held.get(&broker_id)) else { return };
        match broker_link(self.around.transport, id, container.role(), container.spec.link) {
            Ok(Some((end, peer))) => {
                if let Err(error) = broker.attach(peer) {
                    then.push_back(unreachable(broker_id, &error));
                } else if let Err(error) = container.attach(end) {
                    then.push_back(unreachable(id, &error));
                }
            }
            Ok(None) => {}
            Err(error) => then.push_back(unreachable(id, &error)),
        }
    }
}

// Where all threads are.
impl Tree {
    /// Asks every process where its threads are. Who asks while that is under way gets the same answer.
    fn collect_stacks(&mut self, asker: ContainerId) {
        self.stacks_askers.push(asker);
        if self.stacks.is_some() {
            return;
        }
        self.last_dump += 1;
        let dump = self.last_dump;
        let mut asked = Vec::new();
        for container in self.held.values() {
            // A thread belongs to this process, which is always among them.
            let Some(pid) = container.child.pid() else { continue };
            let threads = stacks::threads_of(pid);
            let count = threads.len();
            let heard = container.order(RootToContainer::DumpStacks { dump, threads }).is_ok();
            let threads = if heard { count } else { 0 };
            asked.push(Asked { container: container.id, role: container.role(), pid, threads });
        }
        let path = self.around.data_dir.join("logs/stacktrace.log");
        let incoming = self.around.incoming.clone();
        let written = move |written| {
            // The loop may have ended: then nobody waits.
            let _ = incoming.send(Incoming::StacksWritten(written));
        };
        match Collection::start(dump, path, asked, written) {
            Ok(collection) => self.stacks = Some(collection),
            Err(error) => self.stacks_written(&StacksWritten::Failed { why: error.to_string() }),
        }
    }

    fn stacks_written(&mut self, written: &StacksWritten) {
        self.stacks = None;
        for asker in std::mem::take(&mut self.stacks_askers) {
            if let Some(container) = self.held.get(&asker) {
                // Who does not read will not miss it.
                let _ = container.order(RootToContainer::StacksWritten(written.clone()));
            }
        }
    }
}

fn unreachable(id: ContainerId, error: &(dyn std::error::Error + 'static)) -> Event {
    Event::Unreachable { id, why: ErrorChain(error).to_string() }
}

fn tell_trouble(container: &Container, why: &Trouble) {
    let (role, id) = (container.role(), container.id);
    match why {
        Trouble::Silent(silence) => events::container_silent(role, id, *silence),
        Trouble::Unreachable(why) => events::container_unreachable(role, id, why),
        Trouble::TooBig { used_mib, limit_mib } => {
            events::container_too_big(role, id, *used_mib, *limit_mib);
        }
        Trouble::Late => events::container_killed(role, id),
        // It was told when it came.
        Trouble::Babbles => {}
    }
}
