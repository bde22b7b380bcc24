//! The client's side of the admin socket: blocking, one connection per command.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::terminal::Keyboard;
use crate::base::unix_socket;
use crate::proto::command::{Command, Order, Reply, Source};

/// A reply that is not `Progress` comes at once or, when the broker hangs, after a few seconds.
const REPLY_DEADLINE: Duration = Duration::from_secs(15);
/// Files bigger than this are no images that the daemon takes.
const MAX_IMAGE_BYTES: u64 = 20 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(
        "no daemon answers on {path}: start one with `aotf serve`, or name its configuration with --config"
    )]
    Unreachable { path: PathBuf, source: io::Error },
    #[error("the daemon has closed the connection")]
    Closed,
    #[error("the connection to the daemon was lost")]
    Lost { source: io::Error },
    #[error("the daemon's reply is not understood: is it of another version?")]
    NotUnderstood { source: serde_json::Error },
    #[error("could not read the image {path}")]
    ReadImage { path: PathBuf, source: io::Error },
    #[error("the image {path} is larger than 20 MiB")]
    ImageTooBig { path: PathBuf },
    #[error("could not read {path}")]
    ReadFile { path: PathBuf, source: io::Error },
    #[error("could not write {path}")]
    WriteFile { path: PathBuf, source: io::Error },
    #[error("nothing is imported from {path}: {told}")]
    BadLines { path: PathBuf, told: String },
    #[error(
        "the first {done} lines are imported, the others are not ({why}): import the file again when that is \
         mended, which does no harm to those that are there"
    )]
    ImportStopped { done: usize, why: String },
}

impl ClientError {
    /// True where the daemon is the reason, not what was asked.
    pub fn is_daemons(&self) -> bool {
        match self {
            ClientError::Unreachable { .. }
            | ClientError::Closed
            | ClientError::Lost { .. }
            | ClientError::NotUnderstood { .. } => true,
            ClientError::ReadImage { .. }
            | ClientError::ImageTooBig { .. }
            | ClientError::ReadFile { .. }
            | ClientError::WriteFile { .. }
            | ClientError::BadLines { .. }
            | ClientError::ImportStopped { .. } => false,
        }
    }
}

/// What is sent for a command, with the content of the image file that it names.
///
/// # Errors
/// The image file cannot be read.
pub fn order(command: Command) -> Result<Order, ClientError> {
    let image_base64 = if let Command::Search { image: Source::File(path), .. } = &command {
        Some(read_image(path)?)
    } else {
        None
    };
    Ok(Order { command, image_base64 })
}

fn read_image(path: &Path) -> Result<String, ClientError> {
    let read = |source| ClientError::ReadImage { path: path.to_owned(), source };
    let mut image = Vec::new();
    let file = fs::File::open(path).map_err(read)?;
    file.take(MAX_IMAGE_BYTES + 1).read_to_end(&mut image).map_err(read)?;
    if image.len() as u64 > MAX_IMAGE_BYTES {
        return Err(ClientError::ImageTooBig { path: path.to_owned() });
    }
    Ok(BASE64.encode(image))
}

/// A connection with one command under way.
pub struct Connection {
    reader: BufReader<UnixStream>,
}

/// What ended a wait.
pub enum Waited {
    Reply(Box<Reply>),
    /// The time was up.
    Tick,
    /// Ctrl-C was pressed.
    Interrupted,
}

impl Connection {
    /// Connects and sends the command.
    ///
    /// # Errors
    /// No daemon listens, or it goes away.
    pub fn open(socket: &Path, order: &Order) -> Result<Connection, ClientError> {
        let lost = |source| ClientError::Lost { source };
        let mut stream = unix_socket::connect(socket)
            .map_err(|source| ClientError::Unreachable { path: socket.to_owned(), source })?;
        stream.set_write_timeout(Some(REPLY_DEADLINE)).map_err(lost)?;
        stream.set_read_timeout(Some(REPLY_DEADLINE)).map_err(lost)?;
        let mut line = serde_json::to_vec(order).map_err(|source| ClientError::NotUnderstood { source })?;
        line.push(b'\n');
        stream.write_all(&line).map_err(lost)?;
        Ok(Connection { reader: BufReader::new(stream) })
    }

    /// The next reply, or what else happens within `tick`.
    pub fn wait(&mut self, keyboard: Option<&Keyboard>, tick: Duration) -> Result<Waited, ClientError> {
        if self.reader.buffer().is_empty() {
            let socket_ready = {
                let socket = self.reader.get_ref().as_fd();
                let mut sources = vec![PollFd::from_borrowed_fd(socket, PollFlags::IN)];
                if let Some(keyboard) = keyboard {
                    sources.push(PollFd::from_borrowed_fd(keyboard.as_fd(), PollFlags::IN));
                }
                let timeout = Timespec::try_from(tick).ok();
                match poll(&mut sources, timeout.as_ref()) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(ClientError::Lost { source: error.into() }),
                }
                !sources.first().is_none_or(|socket| socket.revents().is_empty())
            };
            if keyboard.is_some_and(Keyboard::interrupted) {
                return Ok(Waited::Interrupted);
            }
            if !socket_ready {
                return Ok(Waited::Tick);
            }
        }
        self.receive().map(|reply| Waited::Reply(Box::new(reply)))
    }

    /// The next reply, waiting for it.
    fn receive(&mut self) -> Result<Reply, ClientError> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => Err(ClientError::Closed),
            Ok(_) => serde_json::from_str(&line).map_err(|source| ClientError::NotUnderstood { source }),
            Err(source) => Err(ClientError::Lost { source }),
        }
    }
}
