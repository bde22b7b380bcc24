//! Between the root and a container: life and death, nothing else. (The ends of the links that are
//! handed over beside these messages are the business of room `ipc`.)

use serde::{Deserialize, Serialize};

use super::roles::Role;
use crate::base::ids::ContainerId;

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
}

/// To a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RootToContainer {
    /// End within the grace period.
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::tests::check_round_trip;

    #[test]
    fn every_message_travels() {
        check_round_trip(Hello { version: 1, role: Role::Broker, pid: 2 });
        check_round_trip(Welcome { container: ContainerId(1), settings_json: "{}".into() });
        for message in [
            ContainerToRoot::Ready,
            ContainerToRoot::Heartbeat,
            ContainerToRoot::StopRequested { by: "console".into() },
            ContainerToRoot::Failed { why: "w".into(), fatal: true },
        ] {
            check_round_trip(message);
        }
        check_round_trip(RootToContainer::Stop);
    }
}
