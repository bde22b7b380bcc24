//! A place in the tree, and what it holds: a life from its start to its end.

use super::child::Ended;
use super::restart::History;
use super::spec::Restart;
use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::base::roles::Role;
use crate::ipc::control::LinkKind;

/// A place in the tree, filled by one container after the other.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) role: Role,
    pub(super) link: LinkKind,
    pub(super) restart: Restart,
    /// Bytes of private memory that a process may have.
    pub(super) memory_limit: u64,
    pub(super) history: History,
    pub(super) life: Life,
}

/// What a place holds.
#[derive(Debug)]
pub(super) enum Life {
    /// A container is to be started. Ends at this time, or when the program stops.
    Due(Monotonic),
    /// It was started. Ends when it has a link, with its death, or when its hello is late.
    Starting(Container),
    /// It has a link. Ends with its death, when the link closes, when it is silent, or when it grows too big.
    Up { container: Container, heard: Monotonic, is_ready: bool, is_joined: bool },
    /// It is to end. Ends with its death alone.
    Ending { container: Container, kill: Kill },
    /// It is reaped; what it said last may be on its way. Ends when the link closes, or at this time.
    Dead { container: Container, ended: Ended, last_words_by: Monotonic },
    /// Nothing is to be started here again. Ends with the program.
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kill {
    At(Monotonic),
    Sent,
}

#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) id: ContainerId,
    /// The number of the process; a thread has none, and can be neither asked to end nor killed.
    pub(super) pid: Option<u32>,
    pub(super) started: Monotonic,
    /// Why it fails, as it said itself or as was found.
    pub(super) why: Option<String>,
    /// The broker has lost it over its work, before its end was noticed here.
    pub(super) died_at_work: bool,
}

impl Place {
    /// To be started at this time.
    pub(super) fn new(
        role: Role,
        link: LinkKind,
        restart: Restart,
        memory_limit: u64,
        due: Monotonic,
    ) -> Place {
        Place { role, link, restart, memory_limit, history: History::default(), life: Life::Due(due) }
    }

    pub(super) fn container_mut(&mut self) -> Option<&mut Container> {
        match &mut self.life {
            Life::Starting(container)
            | Life::Up { container, .. }
            | Life::Ending { container, .. }
            | Life::Dead { container, .. } => Some(container),
            Life::Due(_) | Life::Over => None,
        }
    }

    pub(super) fn container(&self) -> Option<&Container> {
        match &self.life {
            Life::Starting(container)
            | Life::Up { container, .. }
            | Life::Ending { container, .. }
            | Life::Dead { container, .. } => Some(container),
            Life::Due(_) | Life::Over => None,
        }
    }

    /// It is to end. False where it was to already, or there is nobody.
    pub(super) fn end(&mut self, kill: Kill) -> bool {
        match std::mem::replace(&mut self.life, Life::Over) {
            Life::Starting(container) | Life::Up { container, .. } => {
                self.life = Life::Ending { container, kill };
                true
            }
            other => {
                self.life = other;
                false
            }
        }
    }

    /// Its process is to be killed; `None` where it was already, or there is none.
    pub(super) fn kill(&mut self) -> Option<ContainerId> {
        match &self.life {
            Life::Starting(container)
            | Life::Up { container, .. }
            | Life::Ending { container, kill: Kill::At(_) }
                if container.pid.is_some() =>
            {
                let container = container.clone();
                let id = container.id;
                self.life = Life::Ending { container, kill: Kill::Sent };
                Some(id)
            }
            _ => None,
        }
    }

    pub(super) fn works(&self) -> bool {
        matches!(self.life, Life::Up { is_ready: true, .. } | Life::Over)
    }
}
