//! The console: a line editor in front of the admin socket, with history, completion and hints.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Stdout};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{DefaultHistory, History, SearchDirection};
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};

use unicode_width::UnicodeWidthStr;

use super::carry_out::{carry_out, lock, show, show_pictures};
use super::line::{self, Line};
use super::pictures::Outside;
use super::table::{Style, Tone, clean};
use super::terminal::{Keyboard, Screen, style_of_output};
use super::{complete, log, render};
use crate::base::ErrorChain;
use crate::proto::command::{Command, Reply};
use crate::proto::front::FrontAnswer;

const PROMPT: &str = "aotf> ";
/// Lines that are remembered from run to run.
const HISTORY_LINES: usize = 1000;
/// Account names that are remembered for completion.
const MAX_NAMES: usize = 10_000;

/// How long the question whether to end the daemon waits for a key.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// What the console's end means for the daemon, and so what is said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bond {
    /// The daemon started it on its own terminal. Ctrl-C asks whether to end the daemon.
    DaemonsOwn,
    /// It came to a running daemon, which goes on whatever the console does.
    Attached,
    /// Whoever started it ends the daemon with it: the demo.
    EndsWithIt,
}

/// How the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleEnd {
    /// `exit`, Ctrl-D, the end of the input, or Ctrl-C where that leaves the daemon running.
    Left,
    /// Ctrl-C, and a yes to the question whether the daemon is to end.
    StopConfirmed,
    /// `stop`, which the daemon has accepted.
    StopRequested,
}

#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error("could not set up the line editor")]
    Editor { source: ReadlineError },
    #[error("could not read the next command")]
    Read { source: ReadlineError },
}

/// Runs the console against the daemon behind `socket` until its user leaves it. The history is kept beside
/// the socket; pictures are fetched as `outside` says. What is written to the log file from now on is shown
/// above the prompt, without tearing it, where it is a warning or an error.
///
/// Blocks on the terminal and cannot be told to end: a process that must end while it runs gives it a moment
/// to show the last reply (`at_work`), restores the terminal (`SavedTerminal`) and exits.
///
/// # Errors
/// The terminal cannot be used or is gone. A daemon that is away is told to the user, and is none.
pub fn run(
    socket: &Path,
    bond: Bond,
    log: Option<&Path>,
    outside: &Outside,
    at_work: &AtWork,
) -> Result<ConsoleEnd, ConsoleError> {
    let style = style_of_output();
    let config = Config::builder()
        .max_history_size(HISTORY_LINES)
        .and_then(|config| config.history_ignore_dups(true))
        .map_err(|source| ConsoleError::Editor { source })?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .color_mode(if style.colors { ColorMode::Enabled } else { ColorMode::Disabled })
        .auto_add_history(true)
        .build();
    let mut editor: Editor<Assistant, DefaultHistory> =
        Editor::with_config(config).map_err(|source| ConsoleError::Editor { source })?;
    let shared = Arc::new(Shared {
        screen: Mutex::new(Screen::stdout(style)),
        prompt: Mutex::new(Prompt { is_shown: false, typed: String::new() }),
        names: Mutex::default(),
    });
    editor.set_helper(Some(Assistant { style, files: FilenameCompleter::new(), shared: shared.clone() }));
    let history = socket.with_file_name("console_history");
    // The first run has none, and a broken one is not worth a word.
    let _ = editor.load_history(&history);
    if let Some(log) = log {
        let listener = Arc::downgrade(&shared);
        log::follow(log, move |line| listener.upgrade().map(|shared| shared.print_log_line(line)).is_some())
            .map_err(|source| ConsoleError::Editor { source: source.into() })?;
    }
    let is_terminal = io::stdin().is_terminal();
    if is_terminal {
        shared.say(&format!("Type a command, or `help`. Ctrl-D {}.\n", bond.leaving()));
    }
    let end = converse(&mut editor, socket, bond, outside, &history, &shared, at_work)?;
    if end == ConsoleEnd::Left && is_terminal {
        shared.say(&farewell(bond, socket));
    }
    Ok(end)
}

impl Bond {
    /// What leaving the console does, as the end of a sentence.
    fn leaving(self) -> &'static str {
        match self {
            Bond::DaemonsOwn | Bond::Attached => "leaves the console, and the daemon runs on",
            Bond::EndsWithIt => "ends the demo",
        }
    }

    /// What Ctrl-C does on an empty line, as the end of a sentence.
    fn interrupting(self) -> &'static str {
        match self {
            Bond::DaemonsOwn => "asks whether to end the daemon",
            Bond::Attached | Bond::EndsWithIt => self.leaving(),
        }
    }
}

/// The last words to somebody who leaves the console: what became of the daemon, and how to come
/// back.
fn farewell(bond: Bond, socket: &Path) -> String {
    let socket_of =
        shlex::try_quote(&socket.to_string_lossy()).map_or_else(|_| String::new(), Cow::into_owned);
    match bond {
        Bond::DaemonsOwn => format!(
            "The daemon runs on in this terminal.\n\
             \x20 aotf console --socket {socket_of}   comes back to it, from any terminal\n\
             \x20 aotf stop --socket {socket_of}   ends it, as Ctrl-C does here\n"
        ),
        Bond::Attached if UnixStream::connect(socket).is_ok() => {
            "The daemon runs on; `aotf console` comes back.\n".to_owned()
        }
        Bond::Attached | Bond::EndsWithIt => String::new(),
    }
}

/// Asks whether the daemon is to end. Whatever is not a clear yes is a no, another Ctrl-C too.
fn confirms_stop(shared: &Shared) -> bool {
    let Some(keyboard) = Keyboard::listen() else { return false };
    let question = "End the daemon? y ends it, anything else goes on: ";
    let _ = lock(&shared.screen).pass(question);
    let keys = keyboard.keys(ANSWER_DEADLINE);
    let is_yes = matches!(keys.first(), Some(b'y' | b'Y'));
    let _ = lock(&shared.screen).pass("");
    shared.say(if is_yes { "The daemon is stopping.\n" } else { "The daemon runs on.\n" });
    is_yes
}

/// Whether a command is being carried out: whoever ends the process while the reply to `stop` is on its way
/// would take the reply away.
#[derive(Debug, Default)]
pub struct AtWork {
    is_at_work: Mutex<bool>,
    changed: Condvar,
}

impl AtWork {
    fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        *lock(&self.is_at_work) = true;
        let result = work();
        *lock(&self.is_at_work) = false;
        self.changed.notify_all();
        result
    }

    /// Returns when no command is being carried out, at the latest after `limit`.
    pub fn wait_for_end(&self, limit: Duration) {
        // Both outcomes are an end of the wait.
        let _ = self.changed.wait_timeout_while(lock(&self.is_at_work), limit, |is_at_work| *is_at_work);
    }
}

/// What the line editor's thread and the log's thread share.
struct Shared {
    screen: Mutex<Screen<Stdout>>,
    prompt: Mutex<Prompt>,
    /// Accounts that answers have named, for completion.
    names: Mutex<BTreeSet<String>>,
}

/// What the line editor shows.
struct Prompt {
    /// It waits for a line; otherwise the screen is ours.
    is_shown: bool,
    /// The line so far.
    typed: String,
}

impl Shared {
    /// A terminal that is gone shows when the next line is read.
    fn say(&self, text: &str) {
        let _ = lock(&self.screen).keep(text);
    }

    /// Prints a line above the prompt. Not by rustyline's external printer: with it, rustyline 18
    /// waits for the terminal although it holds keys that it has read already, so that a line which
    /// arrives at once (pasted, or from a script) is stuck after its first key.
    fn print_log_line(&self, line: &str) {
        let prompt = lock(&self.prompt);
        if !prompt.is_shown || !io::stdout().is_terminal() {
            return self.say(line);
        }
        let text = above_prompt(line, &prompt.typed, style_of_output().width);
        // Past the lock of `Stdout`, which the line editor holds for as long as it waits for a line. A
        // terminal that is gone shows when the line is read.
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match rustix::io::write(io::stdout(), rest) {
                Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn learn_names(&self, reply: &Reply) {
        let Reply::Answer(answer) = reply else { return };
        let mut names = lock(&self.names);
        if let Some(view) = answer.query() {
            names.extend(view.accounts.iter().map(|account| clean(&account.handle)));
        } else if let FrontAnswer::Scan(view) = answer {
            names.insert(clean(&view.handle));
        }
        // Of strangers' pages, and a console may stay open for months.
        while names.len() > MAX_NAMES {
            names.pop_last();
        }
    }

    fn set_prompt(&self, is_shown: bool) {
        *lock(&self.prompt) = Prompt { is_shown, typed: String::new() };
    }
}

/// What replaces the prompt by a line and draws the prompt again below: from the row where it
/// began, if what was typed has grown over several.
fn above_prompt(line: &str, typed: &str, width: usize) -> String {
    let rows = (PROMPT.len() + typed.width()) / width.max(1);
    let up = if rows > 0 { format!("\x1b[{rows}A") } else { String::new() };
    format!("{up}\r\x1b[J{line}\r\n{PROMPT}{typed}")
}

fn converse(
    editor: &mut Editor<Assistant, DefaultHistory>,
    socket: &Path,
    bond: Bond,
    outside: &Outside,
    history: &Path,
    shared: &Shared,
    at_work: &AtWork,
) -> Result<ConsoleEnd, ConsoleError> {
    let mut has_followed = false;
    loop {
        shared.set_prompt(true);
        let line = editor.readline(PROMPT);
        let has_text = !lock(&shared.prompt).typed.is_empty();
        shared.set_prompt(false);
        let line = match line {
            Ok(line) => line,
            Err(ReadlineError::Eof) => return Ok(ConsoleEnd::Left),
            Err(ReadlineError::Interrupted) => {
                if has_text {
                    continue; // it only throws the line away
                }
                // It may have been meant for work that ended a moment before.
                if std::mem::take(&mut has_followed) {
                    let next = bond.interrupting();
                    shared.say(&format!("Nothing is followed any more. Ctrl-C once more {next}.\n"));
                    continue;
                }
                match bond {
                    Bond::DaemonsOwn if confirms_stop(shared) => return Ok(ConsoleEnd::StopConfirmed),
                    Bond::DaemonsOwn => continue,
                    Bond::Attached | Bond::EndsWithIt => return Ok(ConsoleEnd::Left),
                }
            }
            Err(ReadlineError::Signal(_)) => continue, // the window has another size
            Err(source) => return Err(ConsoleError::Read { source }),
        };
        // At once: the process may be ended together with the daemon.
        if let Err(error) = editor.append_history(history) {
            tracing::debug!(%error, "could not save the console's history");
        }
        let style = style_of_output();
        match line::parse(&line) {
            Ok(None) => {}
            Ok(Some(Line::Exit)) => return Ok(ConsoleEnd::Left),
            Ok(Some(Line::Help { topic: None })) => shared.say(&render::help::list(style)),
            Ok(Some(Line::Help { topic: Some(topic) })) => match render::help::of(&topic, style) {
                Ok(text) => shared.say(&text),
                Err(error) => shared.say(&style.paint(Tone::Bad, &error.to_string())),
            },
            Ok(Some(Line::Command(command))) => {
                has_followed = command.is_followed();
                let reply = at_work.during(|| carry_out_here(command, socket, outside, shared, style));
                if reply == Some(Reply::Stopping) {
                    return Ok(ConsoleEnd::StopRequested);
                }
            }
            Err(error) => shared.say(&style.paint(Tone::Bad, &error.to_string())),
        }
    }
}

fn carry_out_here(
    command: Command,
    socket: &Path,
    outside: &Outside,
    shared: &Shared,
    style: Style,
) -> Option<Reply> {
    let (wants_thumbnails, credit) = (command.wants_thumbnails(), command.credit());
    let keyboard = Keyboard::listen();
    // Keys pressed during a command that ends at once belong to the next line.
    let heeded = keyboard.as_ref().filter(|_| command.is_followed());
    let outcome = carry_out(command, socket, style, heeded, |event| show(&shared.screen, event));
    // The keyboard is let go of after the last word: until then Ctrl-C is a key, not a signal to the daemon.
    match outcome {
        Ok(Some(reply)) => {
            shared.learn_names(&reply);
            let credit = credit.and_then(|markup| render::credit(&reply, markup, &outside.credit));
            shared.say(&credit.unwrap_or_else(|| render::text(&reply, style)));
            if wants_thumbnails {
                drop(keyboard);
                show_pictures(&reply, outside, &shared.screen);
            }
            Some(reply)
        }
        Ok(None) => {
            shared.say("No longer followed; the work goes on. The same command shows where it is.\n");
            None
        }
        Err(error) => {
            shared.say(&style.paint(Tone::Bad, &ErrorChain(&error).to_string()));
            None
        }
    }
}

/// Completion and hints.
struct Assistant {
    style: Style,
    files: FilenameCompleter,
    shared: Arc<Shared>,
}

impl Helper for Assistant {}
impl Validator for Assistant {}

impl Highlighter for Assistant {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.style.paint(Tone::Faint, hint))
    }
}

impl Hinter for Assistant {
    type Hint = String;

    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<String> {
        line.clone_into(&mut lock(&self.shared.prompt).typed);
        if pos < line.len() {
            return None;
        }
        complete::hint(line, &past_lines(context.history()))
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..pos).unwrap_or(line);
        let names = lock(&self.shared.names).clone();
        let offer = complete::offer(typed, &past_lines(context.history()), &names);
        if offer.files {
            let (start, mut found) = self.files.complete(line, pos, context)?;
            if offer.words.is_empty() {
                return Ok((start, found));
            }
            found.retain(|pair| !offer.words.contains(&pair.replacement));
            let words = offer.words.into_iter().map(pair);
            return Ok((
                offer.start,
                words.chain(if start == offer.start { found } else { Vec::new() }).collect(),
            ));
        }
        Ok((offer.start, offer.words.into_iter().map(pair).collect()))
    }
}

fn pair(word: String) -> Pair {
    Pair { display: word.trim_end().to_owned(), replacement: word }
}

fn past_lines(history: &dyn History) -> Vec<String> {
    (0..history.len())
        .rev()
        .filter_map(|index| history.get(index, SearchDirection::Reverse).ok().flatten())
        .map(|found| found.entry.into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_goes_above_the_prompt() {
        assert_eq!(above_prompt("log", "sta", 80), "\r\x1b[Jlog\r\naotf> sta");
        assert_eq!(above_prompt("log", "0123456789", 10), "\x1b[1A\r\x1b[Jlog\r\naotf> 0123456789");
    }
}
