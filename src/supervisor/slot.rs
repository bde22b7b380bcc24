//! One place of the tree, and the container that fills it.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel as queue;

use super::child::Child;
use super::restart::History;
use super::{ContainerSpec, Event};
use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::base::roles::Role;
use crate::ipc::bootstrap::{self, BootstrapError, Door};
use crate::ipc::control::{RootEnd, RootOutbox, control_pair};
use crate::ipc::{Transport, try_pump};
use crate::proto::control::RootToContainer;
use crate::telemetry::events;

/// A place in the tree, filled by one container after the other.
pub(super) struct Slot {
    pub(super) spec: ContainerSpec,
    /// The role's settings, as the welcome carries them.
    pub(super) settings_json: String,
    pub(super) data_dir: PathBuf,
    /// Bytes of private memory that a process may have.
    pub(super) memory_limit: u64,
    pub(super) history: History,
    pub(super) state: State,
}

pub(super) enum State {
    /// To be started at this time.
    Due(Monotonic),
    Up(Container),
    /// Ended, not to be started again.
    Over,
}

/// A running container and what the root knows about it.
pub(super) struct Container {
    pub(super) id: ContainerId,
    pub(super) child: Child,
    pub(super) started: Monotonic,
    pub(super) last_heard: Monotonic,
    /// Until it has said hello.
    pub(super) door: Option<Door>,
    /// Since it has said hello, until its link closed.
    pub(super) control: Option<RootOutbox>,
    /// It, and the broker of today, hold the ends of a link.
    pub(super) linked: bool,
    pub(super) ready: bool,
    /// Being ended: killed at this time.
    pub(super) kill_at: Option<Monotonic>,
    pub(super) killed: bool,
    /// Reaped; what it said last is waited for until then.
    pub(super) last_words_by: Option<Monotonic>,
    /// What it said about its failure.
    pub(super) why: Option<String>,
}

impl Container {
    /// Asks it to end, and has it killed if it does not.
    pub(super) fn end(&mut self, now: Monotonic, grace: Duration) {
        if self.kill_at.is_none() {
            self.child.terminate();
            self.kill_at = Some(now.plus(grace));
        }
    }

    /// Tells it to stop: by its link, or, where it has none yet, by signal.
    pub(super) fn tell_to_stop(&mut self) {
        let told = self.control.as_ref().is_some_and(|control| control.order(RootToContainer::Stop).is_ok());
        if !told {
            self.child.terminate();
        }
    }

    /// Kills it, once; a thread cannot be.
    pub(super) fn kill(&mut self, role: Role) {
        if !self.killed {
            self.killed = true;
            events::container_killed(role, self.id);
            self.child.kill();
        }
    }
}

impl Slot {
    /// Starts a container for this place; the slot itself is not changed. With it comes the root's
    /// end of its control link where that needs no hello (threads).
    pub(super) fn start(
        &self,
        id: ContainerId,
        transport: Transport,
        events: &queue::Sender<Event>,
        now: Monotonic,
    ) -> Result<(Container, Option<RootEnd>), StartError> {
        let (child, door, end) = match transport {
            Transport::Processes => self.start_process(id, events)?,
            Transport::Threads => self.start_thread(id, events)?,
        };
        let container = Container {
            id,
            child,
            started: now,
            last_heard: now,
            door,
            control: None,
            linked: false,
            ready: false,
            kill_at: None,
            killed: false,
            last_words_by: None,
            why: None,
        };
        Ok((container, end))
    }

    fn start_process(&self, id: ContainerId, events: &queue::Sender<Event>) -> Result<Started, StartError> {
        let events = events.clone();
        let door = bootstrap::open(move |came| {
            // Where the loop has ended, so will the child.
            let _ = events.send(Event::Came(id, came));
        })
        .map_err(|source| StartError::Door { source })?;
        let child = Child::spawn_process(&self.spec, door.name(), &self.data_dir)
            .map_err(|source| StartError::Spawn { source })?;
        Ok((child, Some(door), None))
    }

    fn start_thread(&self, id: ContainerId, events: &queue::Sender<Event>) -> Result<Started, StartError> {
        let (root, end) = control_pair(Transport::Threads).map_err(|source| StartError::Spawn { source })?;
        let events = events.clone();
        let child = Child::spawn_thread(self.spec.work, end, move |ended| {
            let _ = events.send(Event::ThreadEnded(id, ended));
        })
        .map_err(|source| StartError::Spawn { source })?;
        Ok((child, None, Some(root)))
    }

    /// What the process that was started must say of itself.
    pub(super) fn expected_hello(&self) -> Option<(Role, u32)> {
        Some((self.spec.work.role, self.container()?.child.pid()?))
    }

    pub(super) fn container(&self) -> Option<&Container> {
        match &self.state {
            State::Up(container) => Some(container),
            State::Due(_) | State::Over => None,
        }
    }

    pub(super) fn container_mut(&mut self) -> Option<&mut Container> {
        match &mut self.state {
            State::Up(container) => Some(container),
            State::Due(_) | State::Over => None,
        }
    }
}

type Started = (Child, Option<Door>, Option<RootEnd>);

/// Why a container could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("no place to connect to")]
    Door { source: BootstrapError },
    #[error("the system refused")]
    Spawn { source: io::Error },
}

/// The root's end at work: its outbox, and a thread that turns what the container says into events.
pub(super) fn start_control(
    end: RootEnd,
    id: ContainerId,
    events: queue::Sender<Event>,
) -> io::Result<RootOutbox> {
    let (control, receiver) = end.start("to-container")?;
    let closed_events = events.clone();
    try_pump(
        receiver,
        "from-container",
        move |parcel| match events.send(Event::Said(id, parcel.message)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        },
        move |error| {
            let _ = closed_events.send(Event::Deaf(id, error));
        },
    )?;
    Ok(control)
}
