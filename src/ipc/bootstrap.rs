//! How the root and a process that it has just started find each other: the child knows a name, says
//! hello there, and both hold a control link.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ipc_channel::IpcError;
use ipc_channel::ipc::{IpcOneShotServer, IpcSender};

use super::control::{ContainerEnd, RootEnd, control_pair};
use super::link::{Frame, Parcel, RecvError, SendError, Transport, WireFrame};
use crate::base::roles::Role;
use crate::proto::PROTOCOL_VERSION;
use crate::proto::control::{Hello, Welcome};

/// How long a container waits for the root's answer: the root does nothing that takes long.
const WELCOME_LIMIT: Duration = Duration::from_secs(10);

/// Why a container and the root did not find each other.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error("could not open a place for the child to connect to")]
    Open { source: io::Error },
    #[error("the child ended, or was given up, before it connected")]
    NobodyCame,
    #[error("could not accept the child's connection")]
    Accept { source: IpcError },
    #[error("the child's first message is not a hello")]
    NotHello { source: RecvError },
    #[error("the child speaks version {theirs} of the protocol, this is version {PROTOCOL_VERSION}")]
    VersionMismatch { theirs: u32 },
    #[error("could not connect to the root")]
    Connect { source: io::Error },
    #[error("could not say hello to the root")]
    Hello { source: SendError },
    #[error("the root gave no welcome")]
    Welcome { source: RecvError },
    #[error("the root gave no welcome within {} s", WELCOME_LIMIT.as_secs())]
    WelcomeTimeout,
}

/// The place where one child connects. Dropping it gives the child up, at once: the thread that
/// waits there ends.
#[derive(Debug)]
pub struct Door {
    name: String,
    over: Arc<AtomicBool>,
}

/// Opens a door and waits behind it on a thread of its own; `came` gets the result there, once:
/// a hello of this version and the root's end of the control link. `name` is for the child's
/// [`connect`]. Waiting ends with the child's hello or with the drop of the door: whoever holds
/// it sets the deadline.
///
/// # Errors
/// When the system has no descriptor, no room for a socket, or no thread left.
pub fn open(
    came: impl FnOnce(Result<(Hello, RootEnd), BootstrapError>) + Send + 'static,
) -> Result<Door, BootstrapError> {
    let (server, name) =
        IpcOneShotServer::<WireFrame>::new().map_err(|source| BootstrapError::Open { source })?;
    let over = Arc::new(AtomicBool::new(false));
    let door = Door { name, over: over.clone() };
    let wait = move || {
        let accepted = server.accept();
        let given_up = over.swap(true, Ordering::SeqCst);
        came(match accepted {
            Ok((_, frame)) if !given_up => check_hello(frame.into_frame()),
            Ok(_) | Err(IpcError::Disconnected) => Err(BootstrapError::NobodyCame),
            Err(source) => Err(BootstrapError::Accept { source }),
        });
    };
    // A failed start drops the server, and with it its socket.
    thread::Builder::new()
        .name("door".to_owned())
        .spawn(wait)
        .map_err(|source| BootstrapError::Open { source })?;
    Ok(door)
}

impl Door {
    /// What the child needs to know: the argument of its [`connect`].
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if !self.over.swap(true, Ordering::SeqCst) {
            // `accept` cannot be interrupted: come as a visitor who leaves without a word.
            drop(IpcSender::<WireFrame>::connect(self.name.clone()));
        }
    }
}

fn check_hello(mut frame: Frame) -> Result<(Hello, RootEnd), BootstrapError> {
    let end = frame.end.take();
    let hello = frame.decode::<Hello>().map_err(|source| BootstrapError::NotHello { source })?.message;
    if hello.version != PROTOCOL_VERSION {
        return Err(BootstrapError::VersionMismatch { theirs: hello.version });
    }
    let Some(end) = end else {
        let source = RecvError::Malformed { why: "an end is missing".to_owned() };
        return Err(BootstrapError::NotHello { source });
    };
    Ok((hello, RootEnd::from_raw(end)))
}

/// In the child: says hello behind the door of this name and waits for the root's welcome.
///
/// # Errors
/// Each step's own; the child can only end then.
pub fn connect(name: &str, role: Role) -> Result<(Welcome, ContainerEnd), BootstrapError> {
    let door = IpcSender::<WireFrame>::connect(name.to_owned())
        .map_err(|source| BootstrapError::Connect { source })?;
    let (root, container) =
        control_pair(Transport::Processes).map_err(|source| BootstrapError::Connect { source })?;
    let hello = Hello { version: PROTOCOL_VERSION, role, pid: std::process::id() };
    let frame = Frame::encode(Parcel::from(hello))
        .and_then(|frame| WireFrame::from_frame(Frame { end: Some(root.into_raw()), ..frame }))
        .map_err(|source| BootstrapError::Hello { source })?;
    door.send(frame).map_err(|_| BootstrapError::Hello { source: SendError::Closed })?;
    wait_for_welcome(container)
}

/// Waits for the welcome that comes first on a control link.
pub(super) fn wait_for_welcome(
    mut container: ContainerEnd,
) -> Result<(Welcome, ContainerEnd), BootstrapError> {
    match container.wait_for_welcome(WELCOME_LIMIT) {
        Ok(Some(welcome)) => Ok((welcome, container)),
        Ok(None) => Err(BootstrapError::WelcomeTimeout),
        Err(source) => Err(BootstrapError::Welcome { source }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::base::ids::ContainerId;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn a_child_that_comes_is_welcomed() {
        let (came, comes) = mpsc::channel();
        let door = open(move |result| came.send(result).unwrap()).unwrap();
        let name = door.name().to_owned();
        let child = thread::spawn(move || connect(&name, Role::Front));
        let (hello, root) = comes.recv_timeout(LONG).unwrap().unwrap();
        assert_eq!((hello.role, hello.pid), (Role::Front, std::process::id()));
        let (outbox, _receiver) = root.start("control").unwrap();
        let welcome = Welcome { container: ContainerId(1), settings_json: "{}".to_owned() };
        outbox.welcome(welcome.clone()).unwrap();
        assert_eq!(child.join().unwrap().unwrap().0, welcome);
    }

    #[test]
    fn a_child_that_never_comes_holds_nobody_up() {
        let (came, comes) = mpsc::channel();
        let door = open(move |result| came.send(result).unwrap()).unwrap();
        let name = door.name().to_owned();
        drop(door);
        assert!(matches!(comes.recv_timeout(LONG).unwrap(), Err(BootstrapError::NobodyCame)));
        assert!(matches!(connect(&name, Role::Front), Err(BootstrapError::Connect { .. })));
    }

    #[test]
    fn a_child_of_another_version_is_refused() {
        let (root, _container) = control_pair(Transport::Processes).unwrap();
        let hello = Hello { version: PROTOCOL_VERSION + 1, role: Role::Front, pid: 1 };
        let frame = Frame { end: Some(root.into_raw()), ..Frame::encode(Parcel::from(hello)).unwrap() };
        assert!(matches!(check_hello(frame), Err(BootstrapError::VersionMismatch { .. })));
    }
}
