//! Carries out one command against the daemon, for the console and for single commands alike: sends it, shows
//! how far it is, and returns the last reply.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::client::{self, ClientError, Connection, Waited};
use super::follow::Follower;
use super::pictures::{self, Outside, Protocol};
use super::table::Style;
use super::terminal::{Keyboard, Screen};
use super::verdict_files;
use crate::base::ErrorChain;
use crate::proto::command::{Command, Reply, VerdictAction};

/// The passing line goes on counting between two states.
const TICK: Duration = Duration::from_millis(500);

/// Sends a command, and follows it unless it is detached. `None` when the user stopped following, which
/// leaves the work running.
///
/// # Errors
/// The daemon does not answer, or the image that is to be searched cannot be read.
pub fn carry_out(
    command: Command,
    socket: &Path,
    style: Style,
    keyboard: Option<&Keyboard>,
    mut tell: impl FnMut(Event<'_>) -> io::Result<()>,
) -> Result<Option<Reply>, ClientError> {
    match &command {
        Command::Verdict { action: VerdictAction::Export { file } } => {
            return verdict_files::export(file, socket).map(Some);
        }
        Command::Verdict { action: VerdictAction::Import { file } } => {
            return verdict_files::import(file, socket).map(Some);
        }
        _ => {}
    }
    let mut connection = Connection::open(socket, &client::order(command)?)?;
    let mut follower = Follower::new(style);
    let mut received = Instant::now();
    let lost = |source| ClientError::Lost { source };
    let mut followed = false;
    let reply = loop {
        match connection.wait(keyboard, TICK)? {
            Waited::Tick => {}
            Waited::Interrupted => break None,
            Waited::Reply(reply) => {
                received = Instant::now();
                let last = !matches!(*reply, Reply::Progress(_));
                // A query that was over when it was asked for has nothing to be followed.
                if last && !followed {
                    break Some(*reply);
                }
                followed = true;
                if last {
                    tell(Event::Passing("")).map_err(lost)?;
                }
                for line in follower.advance(&reply) {
                    tell(Event::Line(&line)).map_err(lost)?;
                }
                if last {
                    break Some(*reply);
                }
            }
        }
        tell(Event::Passing(&follower.passing(received.elapsed()))).map_err(lost)?;
    };
    tell(Event::Passing("")).map_err(lost)?;
    Ok(reply)
}

/// What happens while a command is carried out.
pub enum Event<'e> {
    /// A line to keep.
    Line(&'e str),
    /// The passing line.
    Passing(&'e str),
}

pub fn show<W: Write>(screen: &Mutex<Screen<W>>, event: Event<'_>) -> io::Result<()> {
    let mut screen = lock(screen);
    match event {
        Event::Line(line) => screen.keep(line),
        Event::Passing(line) => screen.pass(line),
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows the pictures of an answer below it, or says why there are none.
pub fn show_pictures<W: Write>(reply: &Reply, outside: &Outside, screen: &Mutex<Screen<W>>) {
    let Reply::Answer(answer) = reply else { return };
    let Some(view) = answer.query() else { return };
    let keyboard = Keyboard::listen().filter(|_| io::stdout().is_terminal());
    let Some(keyboard) = keyboard else {
        let _ = lock(screen).keep("Pictures are shown on a terminal only.");
        return;
    };
    let text = match Protocol::of_terminal(&keyboard) {
        None => {
            "This terminal shows no pictures: it knows neither sixel nor what kitty or iTerm know.".to_owned()
        }
        Some(protocol) => match pictures::of_answer(view, protocol, outside, &keyboard) {
            Ok(text) => text.unwrap_or_default(),
            Err(error) => format!("No pictures: {}", ErrorChain(&error)),
        },
    };
    let _ = lock(screen).keep(&text);
}
