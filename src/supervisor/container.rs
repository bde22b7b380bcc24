//! What the root holds of a started container: its process, and its control link.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use crossbeam_channel as queue;

use super::child::Child;
use super::incoming::Incoming;
use super::spec::ContainerSpec;
use crate::base::ids::ContainerId;
use crate::base::roles::Role;
use crate::ipc::bootstrap::{self, BootstrapError, Door};
use crate::ipc::control::{Link, RootEnd, RootOutbox, control_pair};
use crate::ipc::{OutboxError, Transport, try_pump};
use crate::proto::control::{RootToContainer, Welcome};

/// Where all containers are started.
pub(super) struct Surroundings {
    pub(super) transport: Transport,
    pub(super) data_dir: PathBuf,
    /// Where their threads of the root tell what they hear.
    pub(super) incoming: queue::Sender<Incoming>,
}

pub(super) struct Container {
    pub(super) id: ContainerId,
    pub(super) spec: ContainerSpec,
    /// For the welcome.
    settings_json: String,
    pub(super) child: Child,
    pub(super) is_reaped: bool,
    way_in: WayIn,
}

/// The way to the container.
enum WayIn {
    /// Its hello is waited for here.
    Door {
        _door: Door,
    },
    /// It has said hello over this, and is not yet welcomed.
    Came(RootEnd),
    Link(RootOutbox),
    Closed,
}

/// Why a container could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("no place to connect to")]
    Door { source: BootstrapError },
    #[error("the system refused")]
    Spawn { source: io::Error },
}

impl Container {
    /// Starts one. What comes of it arrives as events.
    pub(super) fn start(
        id: ContainerId,
        (spec, settings_json): &(ContainerSpec, String),
        around: &Surroundings,
    ) -> Result<Container, StartError> {
        let events = around.incoming.clone();
        let refused = |source| StartError::Spawn { source };
        let (child, way_in) = match around.transport {
            Transport::Processes => {
                let door = bootstrap::open(move |came| {
                    // Where the loop has ended, so will the child.
                    let _ = events.send(Incoming::Came(id, came));
                })
                .map_err(|source| StartError::Door { source })?;
                let child = Child::spawn_process(spec, door.name(), &around.data_dir).map_err(refused)?;
                (child, WayIn::Door { _door: door })
            }
            Transport::Threads => {
                let (root, end) = control_pair(Transport::Threads).map_err(refused)?;
                let ended = move |ended| {
                    let _ = events.send(Incoming::ThreadEnded(id, ended));
                };
                (Child::spawn_thread(spec.work, end, ended).map_err(refused)?, WayIn::Came(root))
            }
        };
        let settings_json = settings_json.clone();
        Ok(Container { id, spec: *spec, settings_json, child, is_reaped: false, way_in })
    }

    pub(super) fn role(&self) -> Role {
        self.spec.work.role
    }

    /// It said hello over this end.
    pub(super) fn came(&mut self, end: RootEnd) {
        self.way_in = WayIn::Came(end);
    }

    /// Nothing more is sent to it.
    pub(super) fn close(&mut self) {
        self.way_in = WayIn::Closed;
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.way_in, WayIn::Link(_))
    }

    /// Starts the control link on which it came, and welcomes it.
    pub(super) fn welcome(&mut self, events: &queue::Sender<Incoming>) -> Result<(), WelcomeError> {
        let WayIn::Came(end) = std::mem::replace(&mut self.way_in, WayIn::Closed) else {
            return Err(WelcomeError::Send { source: OutboxError::Closed });
        };
        let control =
            start_control(end, self.id, events.clone()).map_err(|source| WelcomeError::Start { source })?;
        let settings_json = std::mem::take(&mut self.settings_json);
        let welcomed = control.welcome(Welcome { container: self.id, settings_json });
        self.way_in = WayIn::Link(control);
        welcomed.map_err(|source| WelcomeError::Send { source })
    }

    /// Sends an order.
    pub(super) fn order(&self, order: RootToContainer) -> Result<(), OutboxError> {
        self.control()?.order(order)
    }

    /// Hands over the end of another link.
    pub(super) fn attach(&self, link: Link) -> Result<(), OutboxError> {
        self.control()?.attach(link)
    }

    fn control(&self) -> Result<&RootOutbox, OutboxError> {
        match &self.way_in {
            WayIn::Link(control) => Ok(control),
            WayIn::Door { .. } | WayIn::Came(_) | WayIn::Closed => Err(OutboxError::Closed),
        }
    }
}

/// Why a container could not be welcomed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WelcomeError {
    #[error("could not start its control link")]
    Start { source: io::Error },
    #[error("could not send its settings")]
    Send { source: OutboxError },
}

/// The root's end at work: its outbox, and a thread that turns what the container says into events.
fn start_control(end: RootEnd, id: ContainerId, events: queue::Sender<Incoming>) -> io::Result<RootOutbox> {
    let (control, receiver) = end.start("to-container")?;
    let closed_events = events.clone();
    try_pump(
        receiver,
        "from-container",
        move |parcel| match events.send(Incoming::Said(id, parcel.message)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        },
        move |error| {
            let _ = closed_events.send(Incoming::Deaf(id, error));
        },
    )?;
    Ok(control)
}
