//! Between the root and a container: life and death, what went wrong, and where everybody is; nothing of
//! the work itself. (The ends of the links that are handed over beside these messages are the business of
//! room `ipc`.)

use serde::{Deserialize, Serialize};

use crate::base::ids::ContainerId;
use crate::base::roles::Role;

/// First from a container that has just started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub version: u32,
    pub role: Role,
    pub pid: u32,
}

/// The root's answer: who the container is and the settings it needs (JSON of `config::Settings`
/// without the secrets that its role does not use).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    pub container: ContainerId,
    pub settings_json: String,
}

/// From a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerToRoot {
    /// Set up: links attached, workers running.
    Ready,
    Heartbeat,
    /// Somebody with the right to do so asked for the end of the whole program.
    StopRequested {
        by: String,
    },
    /// It cannot do its work and will end; `why` is for people. Starting it again at once is useless
    /// where `fatal` (a port in use, a database of a newer version).
    Failed {
        why: String,
        fatal: bool,
    },
    /// From the broker: this container ended while it had work. The work is at fault, as far as anybody
    /// knows, and is charged with it.
    DiedAtWork {
        container: ContainerId,
    },
    /// Something that should not happen did; for the error log.
    Fault(Fault),
    /// Somebody wants to know where every thread of the program is. Answered by `StacksWritten`.
    StacksRequested,
    /// A part of the answer to `DumpStacks`.
    Stacks {
        dump: u64,
        text: String,
        last: bool,
    },
}

/// A panic or an unexpected error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Name of the thread: the worker, where it is one.
    pub thread: String,
    /// The work item that was being done, with its request.
    pub work: Option<String>,
    pub what: String,
    /// Where in the program.
    pub place: String,
    /// The calls that led there; empty for an error that was handled.
    pub trace: String,
}

/// To a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RootToContainer {
    /// End within the grace period.
    Stop,
    /// Say where these threads of yours are, and which asynchronous tasks there are.
    DumpStacks { dump: u64, threads: Vec<ThreadState> },
    /// The end of what `StacksRequested` asked for.
    StacksWritten(StacksWritten),
}

/// A thread as the system shows it, which a confined process cannot see itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadState {
    pub tid: i32,
    pub name: String,
    /// The system's letter: `R` runs, `S` sleeps, `D` waits for the disk, `T` is stopped.
    pub state: char,
    /// Processor time used so far.
    pub cpu_ms: u64,
}

/// What became of a request for stacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StacksWritten {
    Done {
        path: String,
        processes: u32,
        threads: u32,
        /// Processes that did not answer: frozen, or just starting.
        silent: Vec<String>,
    },
    Failed {
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::tests::check_round_trip;

    #[test]
    fn every_message_travels() {
        check_round_trip(Hello { version: 1, role: Role::Broker, pid: 2 });
        check_round_trip(Welcome { container: ContainerId(1), settings_json: "{}".into() });
        let fault = Fault {
            thread: "t".into(),
            work: Some("w".into()),
            what: "x".into(),
            place: "p:1".into(),
            trace: String::new(),
        };
        for message in [
            ContainerToRoot::Ready,
            ContainerToRoot::Heartbeat,
            ContainerToRoot::StopRequested { by: "console".into() },
            ContainerToRoot::Failed { why: "w".into(), fatal: true },
            ContainerToRoot::Fault(fault),
            ContainerToRoot::DiedAtWork { container: ContainerId(1) },
            ContainerToRoot::StacksRequested,
            ContainerToRoot::Stacks { dump: 1, text: "t".into(), last: true },
        ] {
            check_round_trip(message);
        }
        let thread = ThreadState { tid: 7, name: "main".into(), state: 'S', cpu_ms: 12 };
        for message in [
            RootToContainer::Stop,
            RootToContainer::DumpStacks { dump: 1, threads: vec![thread] },
            RootToContainer::StacksWritten(StacksWritten::Failed { why: "w".into() }),
            RootToContainer::StacksWritten(StacksWritten::Done {
                path: "p".into(),
                processes: 1,
                threads: 2,
                silent: vec!["s".into()],
            }),
        ] {
            check_round_trip(message);
        }
    }
}
