//! Which containers are started, ended, killed and given up, and when. Pure: what has happened comes in with
//! the time, what is to be done goes out.

use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::child::Ended;
use super::life::{Container, Kill, Life, Place};
use super::restart::Decision;
use super::spec::{Exit, Options, Restart, SupervisorError};
use crate::base::ErrorChain;
use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::base::roles::Role;
use crate::ipc::control::LinkKind;

/// With nothing due, the loop looks around this often.
const IDLE: Duration = Duration::from_secs(60);

/// So long may a role be away before the service manager is left to end the daemon. The restart policy gives
/// up earlier on a role that dies again and again.
const AWAY_LIMIT: Duration = Duration::from_secs(60);

/// How often the memory of the containers is looked at.
const WEIGH_PERIOD: Duration = Duration::from_secs(1);

/// So long after its death a container's last message is waited for: it says why it died, and may be on its
/// way. Its link closes behind it, which ends the wait; only a process that inherited the link keeps it open
/// longer, and on a busy machine the thread that reads may be late.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A further signal this long after the first means hurry; systemd may send two at once.
const IMPATIENCE: Duration = Duration::from_millis(200);

/// What has happened.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Time has passed.
    Tick,
    /// A signal that wants something of the program.
    Signal(i32),
    /// What was to be started runs: as a process of this number, or as a thread.
    Started {
        id: ContainerId,
        pid: Option<u32>,
    },
    NotStarted {
        id: ContainerId,
        why: String,
    },
    /// There is a link to it: a process has said hello as this role and number; a thread need not.
    Linked {
        id: ContainerId,
        hello: Option<(Role, u32)>,
    },
    /// Nobody said hello, or something could not be sent to it.
    Unreachable {
        id: ContainerId,
        why: String,
    },
    /// It gave a sign of life.
    Heard(ContainerId),
    /// It says that it works.
    Ready(ContainerId),
    /// It says why it ends; `fatal` where it is useless to start it again.
    Failed {
        id: ContainerId,
        why: String,
        fatal: bool,
    },
    StopRequested {
        by: String,
    },
    /// The broker tells that this container ended while it had work, before or after that is noticed here.
    DiedAtWork(ContainerId),
    /// The link has closed; `babbled` where it sent what is no message.
    LinkClosed {
        id: ContainerId,
        babbled: bool,
    },
    /// The private memory that it takes.
    Weighed {
        id: ContainerId,
        bytes: u64,
    },
    /// It has ended and is reaped. While its link is open, more may come.
    Ended {
        id: ContainerId,
        ended: Ended,
        link_is_open: bool,
    },
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Act {
    /// Start a container for this place.
    Start {
        place: usize,
        id: ContainerId,
    },
    /// Send it its settings over its new link.
    Welcome(ContainerId),
    /// Give it and the broker the two ends of a link.
    Join {
        id: ContainerId,
        broker: ContainerId,
    },
    /// Tell it to stop: over its link, or by signal where it has none.
    TellToStop(ContainerId),
    /// Ask its process to end.
    Terminate {
        id: ContainerId,
        why: Trouble,
    },
    /// End its process.
    Kill {
        id: ContainerId,
        why: Trouble,
    },
    /// It has ended: drop what is held of it.
    Forget(ContainerId),
    /// Tell that it ended in order, which was its right.
    TellLeft {
        id: ContainerId,
        role: Role,
    },
    /// Tell that it died, and what follows.
    TellDied {
        id: ContainerId,
        role: Role,
        how: String,
        lived: Duration,
        decision: Decision,
    },
    /// Tell that so many containers work; `after` so long, at the first time.
    TellReady {
        containers: usize,
        after: Option<Duration>,
    },
    /// Tell that settings are not read again.
    RefuseReload,
    /// Tell the service manager that all is well.
    FeedWatchdog,
    TellStopping {
        why: String,
    },
    /// Report how much memory each process takes.
    Weigh,
    /// The tree has ended, so long after the stop began.
    End {
        result: Result<Exit, SupervisorError>,
        after: Duration,
    },
}

/// Why a container is ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Silent(Duration),
    Unreachable(String),
    Babbles,
    TooBig {
        used_mib: u64,
        limit_mib: u64,
    },
    /// It did not end when told to.
    Late,
}

/// All containers, as far as anything is decided about them.
pub(super) struct Plan {
    /// In the order of start: the broker first.
    places: Vec<Place>,
    options: Options,
    phase: Phase,
    last_id: u32,
    began: Monotonic,
    told_ready: bool,
    /// When the memory of the containers is to be looked at again.
    weigh_at: Monotonic,
    /// When the service manager is to hear a sign of life again, and when all was well last.
    feed_at: Monotonic,
    well_at: Monotonic,
    /// What follows from the event at hand.
    acts: Vec<Act>,
}

enum Phase {
    Running,
    Stopping { since: Monotonic, result: Result<Exit, SupervisorError>, broker_told: bool, killed: bool },
    Ended,
}

fn find(places: &mut [Place], id: ContainerId) -> Option<&mut Place> {
    places.iter_mut().find(|place| place.container().is_some_and(|container| container.id == id))
}

impl Plan {
    /// Nothing is started before the first [`Event::Tick`].
    pub(super) fn new(places: Vec<Place>, options: Options, now: Monotonic) -> Plan {
        Plan {
            places,
            options,
            phase: Phase::Running,
            last_id: 0,
            began: now,
            told_ready: false,
            weigh_at: now,
            feed_at: now,
            well_at: now,
            acts: Vec::new(),
        }
    }

    /// Applies what has happened; what follows is to be done in this order.
    pub(super) fn handle(&mut self, event: Event, now: Monotonic) -> Vec<Act> {
        match event {
            Event::Tick => self.pass_time(now),
            Event::Signal(signal) => self.heed_signal(signal, now),
            Event::Started { id, pid } => {
                if let Some(container) = find(&mut self.places, id).and_then(Place::container_mut) {
                    container.pid = pid;
                }
            }
            Event::NotStarted { id, why } => {
                let how = format!("could not be started: {why}");
                self.gone(id, Ended { in_order: false, how }, now);
            }
            Event::Linked { id, hello } => self.linked(id, hello, now),
            Event::Unreachable { id, why } => self.end(id, Trouble::Unreachable(why), now),
            Event::Heard(id) => self.heard(id, now),
            Event::Ready(id) => self.ready(id, now),
            Event::Failed { id, why, fatal } => self.failed(id, why, fatal, now),
            Event::StopRequested { by } => self.stop(Ok(Exit { by }), now),
            Event::DiedAtWork(id) => self.pardon(id, now),
            Event::LinkClosed { id, babbled } => self.link_closed(id, babbled, now),
            Event::Weighed { id, bytes } => self.weighed(id, bytes),
            Event::Ended { id, ended, link_is_open } => self.ended(id, ended, link_is_open, now),
        }
        std::mem::take(&mut self.acts)
    }

    /// When the next [`Event::Tick`] is due at the latest.
    pub(super) fn next_deadline(&self, now: Monotonic) -> Monotonic {
        let timing = &self.options.timing;
        let running = self.is_running();
        let of_place = |place: &Place| match &place.life {
            Life::Due(at) | Life::Dead { last_words_by: at, .. } => Some(*at),
            Life::Starting(Container { pid: Some(_), started, .. }) => {
                running.then(|| started.plus(timing.hello))
            }
            Life::Up { container: Container { pid: Some(_), .. }, heard, .. } => {
                running.then(|| heard.plus(timing.silence))
            }
            Life::Ending { container: Container { pid: Some(_), .. }, kill: Kill::At(at) } => Some(*at),
            Life::Starting(_) | Life::Up { .. } | Life::Ending { .. } | Life::Over => None,
        };
        let of_phase = match &self.phase {
            Phase::Running => Some(self.weigh_at),
            Phase::Stopping { since, broker_told: false, .. } => Some(since.plus(timing.stop_broker)),
            Phase::Stopping { since, killed: false, .. } => Some(since.plus(timing.stop_kill)),
            // After that, the kernel has only to finish what was killed, and tells when it has.
            Phase::Stopping { since, .. } => Some(since.plus(timing.stop_end)).filter(|at| *at >= now),
            Phase::Ended => None,
        };
        // A deadline counts as passed only after it, and the clock counts milliseconds.
        let first = self.places.iter().filter_map(of_place).chain(of_phase).min();
        first.map_or_else(|| now.plus(IDLE), |at| at.plus(Duration::from_millis(1)))
    }

    fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }

    fn pass_time(&mut self, now: Monotonic) {
        let heard_out = self.places.iter().filter_map(|place| match &place.life {
            Life::Dead { container, ended, last_words_by } if *last_words_by <= now => {
                Some((container.id, ended.clone()))
            }
            _ => None,
        });
        for (id, ended) in heard_out.collect::<Vec<_>>() {
            self.gone(id, ended, now);
        }
        for place in &mut self.places {
            if let Life::Ending { kill: Kill::At(at), .. } = place.life
                && now > at
            {
                let killed = place.kill().map(|id| Act::Kill { id, why: Trouble::Late });
                self.acts.extend(killed);
            }
        }
        if self.is_running() {
            self.end_the_silent(now);
            if self.weigh_at <= now {
                self.weigh_at = now.plus(WEIGH_PERIOD);
                self.acts.push(Act::Weigh);
            }
            self.feed_watchdog(now);
            self.start_the_due(now);
        } else {
            self.go_on_stopping(now);
        }
    }
}

// Births.
impl Plan {
    fn start_the_due(&mut self, now: Monotonic) {
        for (index, place) in self.places.iter_mut().enumerate() {
            if !matches!(place.life, Life::Due(at) if at <= now) {
                continue;
            }
            self.last_id = self.last_id.wrapping_add(1);
            let id = ContainerId(self.last_id);
            place.life =
                Life::Starting(Container { id, pid: None, started: now, why: None, died_at_work: false });
            self.acts.push(Act::Start { place: index, id });
        }
    }

    /// A process must be the one that was started.
    fn linked(&mut self, id: ContainerId, hello: Option<(Role, u32)>, now: Monotonic) {
        let Some(place) = find(&mut self.places, id) else { return };
        let Life::Starting(container) = &place.life else { return };
        let expected = container.pid.map(|pid| (place.role, pid));
        if hello != expected {
            let why = match hello {
                Some((role, pid)) => format!("process {pid} said hello as {role}"),
                None => "a thread took the place of a process".to_owned(),
            };
            return self.end(id, Trouble::Unreachable(why), now);
        }
        let container = container.clone();
        place.life = Life::Up { container, heard: now, is_ready: false, is_joined: false };
        self.acts.push(Act::Welcome(id));
        if self.is_running() {
            self.join_with_broker();
        } else {
            self.acts.push(Act::TellToStop(id));
        }
    }

    /// Gives every container with a link to the root, and none yet to the broker, one with it.
    fn join_with_broker(&mut self) {
        let broker = self.places.iter().find_map(|place| match &place.life {
            Life::Up { container, .. } if place.link == LinkKind::Broker => Some(container.id),
            _ => None,
        });
        let Some(broker) = broker else { return };
        for place in &mut self.places {
            if let Life::Up { container, is_joined: is_joined @ false, .. } = &mut place.life
                && matches!(place.link, LinkKind::Stage | LinkKind::Front)
            {
                *is_joined = true;
                self.acts.push(Act::Join { id: container.id, broker });
            }
        }
    }
}

// Lives.
impl Plan {
    fn heard(&mut self, id: ContainerId, now: Monotonic) {
        if let Some(Place { life: Life::Up { heard, .. }, .. }) = find(&mut self.places, id) {
            *heard = now;
        }
    }

    fn ready(&mut self, id: ContainerId, now: Monotonic) {
        let Some(Place { life: Life::Up { is_ready, .. }, .. }) = find(&mut self.places, id) else { return };
        *is_ready = true;
        if !self.places.iter().all(Place::works) {
            return;
        }
        let containers = self.places.iter().filter(|place| !matches!(place.life, Life::Over)).count();
        let after = (!self.told_ready).then(|| now.since(self.began));
        self.told_ready = true;
        self.acts.push(Act::TellReady { containers, after });
    }

    fn failed(&mut self, id: ContainerId, why: String, fatal: bool, now: Monotonic) {
        let Some(place) = find(&mut self.places, id) else { return };
        let role = place.role;
        if let Some(container) = place.container_mut() {
            container.why = Some(why.clone());
        }
        if fatal {
            self.stop(Err(SupervisorError::RoleCannotWork { role, why }), now);
        }
    }

    /// A thread can be neither ended nor frozen alone.
    fn end_the_silent(&mut self, now: Monotonic) {
        let timing = self.options.timing;
        for place in &mut self.places {
            let (silence, limit) = match &place.life {
                Life::Starting(container) => (now.since(container.started), timing.hello),
                Life::Up { heard, .. } => (now.since(*heard), timing.silence),
                Life::Due(_) | Life::Ending { .. } | Life::Dead { .. } | Life::Over => continue,
            };
            let Some(container) = place.container_mut().filter(|c| c.pid.is_some() && silence > limit) else {
                continue;
            };
            container.why = Some(format!("silent for {} s", silence.as_secs()));
            let id = container.id;
            place.end(Kill::At(now.plus(timing.grace)));
            self.acts.push(Act::Terminate { id, why: Trouble::Silent(silence) });
        }
    }

    /// Tells the service manager that all is well, if it is: every role works, or did so lately. A role that
    /// dies is started again, which the service manager need not know; one that stays away is the end.
    fn feed_watchdog(&mut self, now: Monotonic) {
        let Some(period) = self.options.watchdog.filter(|_| self.told_ready) else { return };
        if self.places.iter().all(Place::works) {
            self.well_at = now;
        }
        if self.feed_at <= now && now.since(self.well_at) < AWAY_LIMIT {
            self.feed_at = now.plus(period / 3);
            self.acts.push(Act::FeedWatchdog);
        }
    }

    fn weighed(&mut self, id: ContainerId, bytes: u64) {
        let Some(place) = find(&mut self.places, id).filter(|place| bytes > place.memory_limit) else {
            return;
        };
        let (used_mib, limit_mib) = (bytes >> 20, place.memory_limit >> 20);
        if place.kill().is_some() {
            if let Some(container) = place.container_mut() {
                container.why = Some(format!("it took {used_mib} MiB of memory, {limit_mib} are allowed"));
            }
            self.acts.push(Act::Kill { id, why: Trouble::TooBig { used_mib, limit_mib } });
        }
    }

    fn link_closed(&mut self, id: ContainerId, babbled: bool, now: Monotonic) {
        let Some(place) = find(&mut self.places, id) else { return };
        match &place.life {
            Life::Dead { ended, .. } => {
                let ended = ended.clone();
                self.gone(id, ended, now);
            }
            _ if babbled => self.end(id, Trouble::Babbles, now),
            // It is ending: it gets the time to do so.
            _ => drop(place.end(Kill::At(now.plus(self.options.timing.grace)))),
        }
    }

    /// Asks a container to end, and has it killed if it does not.
    fn end(&mut self, id: ContainerId, why: Trouble, now: Monotonic) {
        let kill = Kill::At(now.plus(self.options.timing.grace));
        if find(&mut self.places, id).is_some_and(|place| place.end(kill)) {
            self.acts.push(Act::Terminate { id, why });
        }
    }
}

// Deaths.
impl Plan {
    fn ended(&mut self, id: ContainerId, ended: Ended, link_is_open: bool, now: Monotonic) {
        if !(link_is_open && self.is_running()) {
            return self.gone(id, ended, now);
        }
        let Some(place) = find(&mut self.places, id) else { return };
        if let Some(container) = place.container().cloned() {
            place.life = Life::Dead { container, ended, last_words_by: now.plus(LAST_WORDS) };
        }
    }

    /// A container has ended, and nothing more of it is waited for.
    fn gone(&mut self, id: ContainerId, ended: Ended, now: Monotonic) {
        let running = self.is_running();
        let policy = &self.options.restart_policy;
        let Some(place) = find(&mut self.places, id) else { return };
        let Some(container) = place.container().cloned() else { return };
        place.life = Life::Over;
        self.acts.push(Act::Forget(id));
        if !running {
            return;
        }
        let (role, link) = (place.role, place.link);
        if ended.in_order && place.restart == Restart::OnFailure {
            return self.acts.push(Act::TellLeft { id, role });
        }
        let how = match container.why {
            Some(why) => format!("{}: {why}", ended.how),
            None => ended.how,
        };
        let lived = now.since(container.started);
        let decision = match container.died_at_work {
            true => Decision::Restart { pause: policy.first_pause, failures: place.history.counted() },
            false => place.history.failed(id, now, lived, policy),
        };
        self.acts.push(Act::TellDied { id, role, how: how.clone(), lived, decision });
        if let Decision::Restart { pause, .. } = decision {
            place.life = Life::Due(now.plus(pause));
        }
        if link == LinkKind::Broker {
            // Its successor gives everybody a new link.
            for place in &mut self.places {
                if let Life::Up { is_joined, .. } = &mut place.life {
                    *is_joined = false;
                }
            }
        }
        if let Decision::GiveUp { failures } = decision {
            let within = self.options.restart_policy.window;
            self.stop(Err(SupervisorError::GaveUp { role, failures, within, last: how }), now);
        }
    }
}

// Deaths that are the work's fault.
impl Plan {
    /// A death over work is charged to the work, which is given up at its third: the ceiling is for programs
    /// that die without it. Its successor does not wait long.
    fn pardon(&mut self, id: ContainerId, now: Monotonic) {
        if let Some(container) = find(&mut self.places, id).and_then(Place::container_mut) {
            container.died_at_work = true;
            return;
        }
        let soon = now.plus(self.options.restart_policy.first_pause);
        for place in &mut self.places {
            if place.history.pardon(id)
                && let Life::Due(at) = &mut place.life
            {
                *at = (*at).min(soon);
            }
        }
    }
}

// The end.
impl Plan {
    fn heed_signal(&mut self, signal: i32, now: Monotonic) {
        let by = match signal {
            SIGTERM => "SIGTERM",
            SIGINT => "SIGINT",
            // A service has no terminal that could hang up: somebody wants its settings to be read again.
            SIGHUP if self.options.notify_socket.is_some() => return self.acts.push(Act::RefuseReload),
            SIGHUP => "SIGHUP",
            _ => return,
        };
        match &self.phase {
            Phase::Running => self.stop(Ok(Exit { by: by.to_owned() }), now),
            // Somebody is in a hurry.
            Phase::Stopping { since, .. } if now.since(*since) > IMPATIENCE => self.kill_all(),
            Phase::Stopping { .. } | Phase::Ended => {}
        }
    }

    /// Begins the stop; the first reason counts. The broker is told last, so that it can take back
    /// what the others still hold, and write.
    fn stop(&mut self, result: Result<Exit, SupervisorError>, now: Monotonic) {
        if !self.is_running() {
            return;
        }
        let why = match &result {
            Ok(exit) => exit.by.clone(),
            Err(error) => ErrorChain(error).to_string(),
        };
        self.acts.push(Act::TellStopping { why });
        self.phase = Phase::Stopping { since: now, result, broker_told: false, killed: false };
        for place in &mut self.places {
            match &place.life {
                Life::Due(_) => place.life = Life::Over,
                Life::Dead { container, .. } => {
                    self.acts.push(Act::Forget(container.id));
                    place.life = Life::Over;
                }
                Life::Starting(container) | Life::Up { container, .. } | Life::Ending { container, .. } => {
                    if place.link != LinkKind::Broker {
                        self.acts.push(Act::TellToStop(container.id));
                    }
                }
                Life::Over => {}
            }
        }
    }

    fn go_on_stopping(&mut self, now: Monotonic) {
        let timing = self.options.timing;
        let Phase::Stopping { since, broker_told, killed, .. } = &mut self.phase else { return };
        let elapsed = now.since(*since);
        let mut left = self.places.iter().filter(|place| place.container().is_some());
        if !*broker_told && (elapsed > timing.stop_broker || left.all(|place| place.link == LinkKind::Broker))
        {
            *broker_told = true;
            let brokers = self.places.iter().filter(|place| place.link == LinkKind::Broker);
            let told = brokers.filter_map(Place::container).map(|broker| Act::TellToStop(broker.id));
            self.acts.extend(told);
        }
        if !*killed && elapsed > timing.stop_kill {
            *killed = true;
            self.kill_all();
        }
        // Processes that were killed are waited for: the kernel has only to finish.
        let mut left = self.places.iter().filter_map(Place::container);
        let over = left.all(|container| container.pid.is_none() && elapsed > timing.stop_end);
        if over && let Phase::Stopping { result, .. } = std::mem::replace(&mut self.phase, Phase::Ended) {
            self.acts.push(Act::End { result, after: elapsed });
        }
    }

    fn kill_all(&mut self) {
        let killed = self.places.iter_mut().filter_map(Place::kill);
        self.acts.extend(killed.map(|id| Act::Kill { id, why: Trouble::Late }));
    }
}

#[cfg(test)]
mod tests;
