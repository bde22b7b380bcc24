//! The clients of the admin socket: the console on a terminal (`run`) and single commands from the
//! shell (`one_shot`). `command.rs` parses for both, `render.rs` and `follow.rs` say what is shown.
//! These run in processes of their own: the only things they share with the daemon are the socket and
//! perhaps the terminal.

mod client;
mod command;
mod complete;
mod follow;
mod log;
pub mod pictures;
mod progress;
mod prompt;
mod render;
mod table;
mod terminal;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use client::ClientError;
pub use command::{Command, SPECS, Source, Spec, UsageError};
pub use prompt::{AtWork, ConsoleEnd, ConsoleError, run};
pub use terminal::SavedTerminal;

use crate::base::ErrorChain;
use crate::domain::failure::FailureCode;
use crate::proto::admin::AdminReply;
use crate::proto::control::StacksWritten;
use crate::proto::view::{QueryStatus, ScanState};
use client::{Connection, Waited};
use follow::Follower;
use pictures::{Outside, Protocol};
use table::Style;
use terminal::{Keyboard, Screen};

/// Exit statuses of `one_shot`.
pub mod status {
    /// Found, or done.
    pub const OK: u8 = 0;
    /// The query has ended, and found nothing.
    pub const NOTHING_FOUND: u8 = 1;
    /// The command line is wrong.
    pub const USAGE: u8 = 2;
    /// The request failed or was refused.
    pub const REQUEST_FAILED: u8 = 3;
    /// No daemon answers (`EX_UNAVAILABLE`).
    pub const UNREACHABLE: u8 = 69;
}

/// How a one-shot command behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OneShot {
    /// JSON on standard output, one line, instead of text.
    pub json: bool,
    /// Wait until the query, search or scan has ended.
    pub wait: bool,
    /// Only the exit status, and errors of the command itself.
    pub quiet: bool,
}

/// The passing line goes on counting between two states.
const TICK: Duration = Duration::from_millis(500);

/// Carries out one command (in words, its name first) against the daemon behind `socket`, writes
/// its reply to standard output, and returns the exit status (`status`).
///
/// Pictures, where they are asked for and standard output is a terminal, are fetched as `outside` says.
pub fn one_shot(socket: &Path, words: &[String], options: OneShot, outside: &Outside) -> u8 {
    let style = terminal::style_of_output();
    let command = match Command::parse(words) {
        Ok(command) => command,
        Err(error) => {
            complain(&error);
            return status::USAGE;
        }
    };
    match &command {
        Command::Help(topic) => {
            let text = topic.map_or_else(|| render::help(style), |spec| render::help_of(spec, style));
            return print(&text, status::OK);
        }
        Command::Exit => return status::OK,
        _ => {}
    }
    let told = !options.json && !options.quiet;
    let screen = Mutex::new(Screen::stdout(style));
    // Ctrl-C ends this process in the usual way, so the keyboard is left alone.
    let outcome = carry_out(&command, socket, options.wait, style, None, |event| {
        if told { show(&screen, event) } else { Ok(()) }
    });
    match outcome {
        Ok(Some(reply)) => {
            let exit = status_of(&reply);
            if options.quiet {
                exit
            } else if options.json {
                print(&format!("{}\n", render::as_json(&reply)), exit)
            } else {
                let text = render::text(&reply, style);
                if exit == status::REQUEST_FAILED || exit == status::UNREACHABLE {
                    let _ = io::stderr().write_all(text.as_bytes());
                    exit
                } else {
                    print(&text, exit);
                    if command.wants_thumbnails() {
                        show_pictures(&reply, outside, &screen);
                    }
                    exit
                }
            }
        }
        Ok(None) => status::OK,
        Err(error) => {
            complain(&error);
            if error.is_daemons() { status::UNREACHABLE } else { status::REQUEST_FAILED }
        }
    }
}

/// Shows the pictures of an answer below it, or says why there are none.
fn show_pictures<W: Write>(reply: &AdminReply, outside: &Outside, screen: &Mutex<Screen<W>>) {
    let AdminReply::Query(view) = reply else { return };
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

fn complain(error: &(dyn std::error::Error + 'static)) {
    let _ = writeln!(io::stderr(), "aotf: {}", ErrorChain(error));
}

/// A reader that has left (`| head`) is no error of ours.
fn print(text: &str, exit: u8) -> u8 {
    let _ = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
    exit
}

/// What happens while a command is carried out.
enum Event<'e> {
    /// A line to keep.
    Line(&'e str),
    /// The passing line.
    Passing(&'e str),
}

fn show<W: Write>(screen: &Mutex<Screen<W>>, event: Event<'_>) -> io::Result<()> {
    let mut screen = lock(screen);
    match event {
        Event::Line(line) => screen.keep(line),
        Event::Passing(line) => screen.pass(line),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends a command and follows it. `None` when the user stopped following, which leaves the work
/// running, and for commands that the daemon has no part in.
fn carry_out(
    command: &Command,
    socket: &Path,
    follow: bool,
    style: Style,
    keyboard: Option<&Keyboard>,
    mut tell: impl FnMut(Event<'_>) -> io::Result<()>,
) -> Result<Option<AdminReply>, ClientError> {
    let Some(order) = client::order(command, follow)? else { return Ok(None) };
    let mut connection = Connection::open(socket, &order)?;
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
                let last = !matches!(*reply, AdminReply::Progress(_));
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

/// The exit status that a reply means.
fn status_of(reply: &AdminReply) -> u8 {
    match reply {
        AdminReply::Query(view) if view.error.is_some() => match view.error {
            Some(FailureCode::NoTwitterAccountFound | FailureCode::NoValidTwitterAccountFound) => {
                status::NOTHING_FOUND
            }
            _ => status::REQUEST_FAILED,
        },
        AdminReply::Query(view) if view.status == QueryStatus::End && view.results.is_empty() => {
            status::NOTHING_FOUND
        }
        AdminReply::Scan(view)
            if matches!(view.state, ScanState::Failed { .. } | ScanState::Deferred { .. }) =>
        {
            status::REQUEST_FAILED
        }
        AdminReply::Account(records) if records.is_empty() => status::NOTHING_FOUND,
        AdminReply::Health(problems) if !problems.is_empty() => status::REQUEST_FAILED,
        AdminReply::Refused { .. } | AdminReply::Stacks(StacksWritten::Failed { .. }) => {
            status::REQUEST_FAILED
        }
        AdminReply::Unavailable { .. } => status::UNREACHABLE,
        AdminReply::Progress(inner) => status_of(inner),
        AdminReply::Query(_)
        | AdminReply::Scan(_)
        | AdminReply::Account(_)
        | AdminReply::Stats(_)
        | AdminReply::Threads(_)
        | AdminReply::Queues(_)
        | AdminReply::Metrics(_)
        | AdminReply::Health(_)
        | AdminReply::Stacks(StacksWritten::Done { .. })
        | AdminReply::Stopping => status::OK,
    }
}

/// True where standard output takes colors and wants them.
pub fn colors_of_output() -> bool {
    terminal::style_of_output().colors
}

/// True where a console makes sense.
pub fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Settings;
    use crate::front::admin;
    use crate::front::fake::{FakeBroker, FakeRoot, sample_view, sample_view_at};
    use crate::front::local_socket::LocalSocket;
    use crate::proto::front::FrontAnswer;

    #[test]
    fn exit_statuses() {
        let mut view = sample_view();
        assert_eq!(status_of(&AdminReply::Query(view.clone())), 0);
        view.results.clear();
        assert_eq!(status_of(&AdminReply::Query(view.clone())), 1);
        view.error = Some(FailureCode::NotAnUrl);
        assert_eq!(status_of(&AdminReply::Query(view.clone())), 3);
        view.error = Some(FailureCode::NoTwitterAccountFound);
        assert_eq!(status_of(&AdminReply::Query(view)), 1);
        let running = sample_view_at(QueryStatus::LinkFinder, 1);
        assert_eq!(status_of(&AdminReply::Query(running)), 0);
        assert_eq!(status_of(&AdminReply::Unavailable { detail: String::new() }), 69);
    }

    #[test]
    fn without_a_daemon_and_with_a_wrong_command() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("aotf.sock");
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            one_shot(&socket, &words("stats"), OneShot::default(), &Outside::of(&Settings::default())),
            status::UNREACHABLE
        );
        assert_eq!(
            one_shot(&socket, &words("stat s"), OneShot::default(), &Outside::of(&Settings::default())),
            status::USAGE
        );
        assert_eq!(
            one_shot(
                &socket,
                &words("search /nonexistent.png"),
                OneShot::default(),
                &Outside::of(&Settings::default())
            ),
            status::REQUEST_FAILED
        );
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn one_shot_commands_against_a_daemon() {
        let mut nothing = sample_view();
        nothing.results.clear();
        for (answers, line, expect) in [
            (vec![], "query https://a.example/", status::OK),
            (vec![], "search https://a.example/1.png", status::OK),
            (vec![], "scan @jane", status::REQUEST_FAILED),
            (vec![], "stats", status::OK),
            (vec![], "stop", status::OK),
            (vec![FrontAnswer::Query(nothing)], "query https://a.example/", status::NOTHING_FOUND),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("aotf.sock");
            let (_stop, stopped) = tokio::sync::watch::channel(false);
            let broker = Arc::new(FakeBroker::answering(answers));
            let socket = LocalSocket::open(&path, 0o600).unwrap();
            tokio::spawn(admin::serve(socket, broker, Arc::new(FakeRoot::default()), 300, stopped));
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let options = OneShot { wait: true, quiet: true, json: false };
            let ask = move || one_shot(&path, &words, options, &Outside::of(&Settings::default()));
            let exit = tokio::task::spawn_blocking(ask).await.unwrap();
            assert_eq!(exit, expect, "{line}");
        }
    }
}
