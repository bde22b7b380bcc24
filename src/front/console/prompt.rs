//! The console: a line editor in front of the admin socket, with history, completion and hints.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, BufRead, IsTerminal, Stdout, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{DefaultHistory, History, SearchDirection};
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};

use unicode_width::UnicodeWidthStr;

use super::command::{self, Command, SPECS};
use super::table::{Style, Tone};
use super::terminal::{Keyboard, Screen, style_of_output};
use super::{carry_out, lock, render, show};
use crate::base::ErrorChain;
use crate::proto::admin::AdminReply;

const PROMPT: &str = "aotf> ";
/// Lines that are remembered from run to run.
const HISTORY_LINES: usize = 1000;
/// Completions offered of what was typed before.
const MAX_RECENT: usize = 20;

/// How the console ended. It never ends the daemon by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleEnd {
    /// `exit`, Ctrl-D, or the end of the input.
    Left,
    /// Ctrl-C on an empty line.
    Interrupted,
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

/// Runs the console against the daemon behind `socket` until its user leaves it. The history is
/// kept beside the socket. Lines of `log` (of a daemon that shares the terminal) are shown above
/// the prompt, without tearing it.
///
/// Blocks on the terminal and cannot be told to end: a process that must end while it runs
/// restores the terminal (`SavedTerminal`) and exits.
///
/// # Errors
/// The terminal cannot be used or is gone. A daemon that is away is told to the user, and is none.
pub fn run(socket: &Path, log: Option<Box<dyn BufRead + Send>>) -> Result<ConsoleEnd, ConsoleError> {
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
    });
    editor.set_helper(Some(Assistant { style, files: FilenameCompleter::new(), shared: shared.clone() }));
    let history = socket.with_file_name("console_history");
    // The first run has none, and a broken one is not worth a word.
    let _ = editor.load_history(&history);
    if let Some(log) = log {
        let shared = shared.clone();
        std::thread::Builder::new()
            .name("console-log".to_owned())
            .spawn(move || {
                for line in log.lines().map_while(Result::ok) {
                    shared.print_log_line(&line);
                }
            })
            .map_err(|source| ConsoleError::Editor { source: source.into() })?;
    }
    if io::stdin().is_terminal() {
        shared.say("Type a command, or `help`. Ctrl-D leaves the console.\n");
    }
    converse(&mut editor, socket, &history, &shared)
}

/// What the line editor's thread and the log's thread share.
struct Shared {
    screen: Mutex<Screen<Stdout>>,
    prompt: Mutex<Prompt>,
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
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
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
    history: &Path,
    shared: &Shared,
) -> Result<ConsoleEnd, ConsoleError> {
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
                return Ok(ConsoleEnd::Interrupted);
            }
            Err(ReadlineError::Signal(_)) => continue, // the window has another size
            Err(source) => return Err(ConsoleError::Read { source }),
        };
        // At once: the process may be ended together with the daemon.
        if let Err(error) = editor.append_history(history) {
            tracing::debug!(%error, "could not save the console's history");
        }
        let style = style_of_output();
        match Command::parse_line(&line) {
            Ok(None) => {}
            Ok(Some(Command::Exit)) => return Ok(ConsoleEnd::Left),
            Ok(Some(Command::Help(topic))) => {
                shared.say(&topic.map_or_else(|| render::help(style), |spec| render::help_of(spec, style)));
            }
            Ok(Some(command)) => {
                if carry_out_here(&command, socket, shared, style) == Some(AdminReply::Stopping) {
                    return Ok(ConsoleEnd::StopRequested);
                }
            }
            Err(error) => shared.say(&style.paint(Tone::Bad, &error.to_string())),
        }
    }
}

fn carry_out_here(command: &Command, socket: &Path, shared: &Shared, style: Style) -> Option<AdminReply> {
    let keyboard = Keyboard::listen();
    // Keys pressed during a command that ends at once belong to the next line.
    let heeded = keyboard.as_ref().filter(|_| command.is_followed());
    let outcome = carry_out(command, socket, true, style, heeded, |event| show(&shared.screen, event));
    drop(keyboard);
    match outcome {
        Ok(Some(reply)) => {
            shared.say(&render::text(&reply, style));
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

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<String> {
        line.clone_into(&mut lock(&self.shared.prompt).typed);
        if pos == line.len() { hint(line) } else { None }
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
        let start = typed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (word, before) = (typed.get(start..).unwrap_or_default(), typed.get(..start).unwrap_or_default());
        let pair = |text: &str| Pair { display: text.to_owned(), replacement: text.to_owned() };
        let commands = || SPECS.iter().map(|spec| spec.name).filter(|name| name.starts_with(word));
        match before.split_whitespace().next().and_then(command::find).map(|spec| spec.name) {
            None if before.trim().is_empty() => Ok((
                start,
                commands()
                    .map(|name| Pair { display: name.to_owned(), replacement: format!("{name} ") })
                    .collect(),
            )),
            None => Ok((pos, Vec::new())),
            Some("help") => Ok((start, commands().map(pair).collect())),
            Some(name) => {
                let lines = past_lines(context.history());
                let recent = recent_arguments(lines.iter().map(String::as_str), name, word);
                if recent.is_empty() && name == "search" {
                    return self.files.complete(line, pos, context);
                }
                Ok((start, recent.iter().map(|argument| pair(argument)).collect()))
            }
        }
    }
}

/// What is missing from a line: the rest of a command's name, or its arguments.
fn hint(line: &str) -> Option<String> {
    if line.is_empty() {
        return None;
    }
    if let Some(spec) = command::find(line.trim_end()).filter(|spec| !spec.arguments.is_empty()) {
        let gap = if line.ends_with(' ') { "" } else { " " };
        return Some(format!("{gap}{}", spec.arguments));
    }
    let mut alike = SPECS.iter().filter_map(|spec| spec.name.strip_prefix(line).map(|rest| (spec, rest)));
    match (alike.next(), alike.next()) {
        (Some((spec, rest)), None) if !rest.is_empty() => {
            Some(format!("{rest} {}", spec.arguments).trim_end().to_owned())
        }
        _ => None,
    }
}

fn past_lines(history: &dyn History) -> Vec<String> {
    (0..history.len())
        .rev()
        .filter_map(|index| history.get(index, SearchDirection::Reverse).ok().flatten())
        .map(|found| found.entry.into_owned())
        .collect()
}

/// Arguments that earlier lines (newest first) gave to the same command and that start with
/// `word`; newest first, each once.
fn recent_arguments<'l>(lines: impl Iterator<Item = &'l str>, name: &str, word: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(name)).then(|| words.collect::<Vec<_>>())
        })
        .flatten()
        .filter(|argument| argument.starts_with(word) && !argument.starts_with("--"))
        .filter(|argument| seen.insert(argument.to_string()))
        .take(MAX_RECENT)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_complete_the_line() {
        assert_eq!(hint("que"), None, "query or queues");
        assert_eq!(hint("quer").as_deref(), Some("y URL [--detach]"));
        assert_eq!(hint("query").as_deref(), Some(" URL [--detach]"));
        assert_eq!(hint("query ").as_deref(), Some("URL [--detach]"));
        assert_eq!(hint("query h"), None);
        assert_eq!(hint("thr").as_deref(), Some("eads"));
        assert_eq!(hint(""), None);
        assert_eq!(hint("stats"), None);
    }

    #[test]
    fn a_log_line_goes_above_the_prompt() {
        assert_eq!(above_prompt("log", "sta", 80), "\r\x1b[Jlog\r\naotf> sta");
        assert_eq!(above_prompt("log", "0123456789", 10), "\x1b[1A\r\x1b[Jlog\r\naotf> 0123456789");
    }

    #[test]
    fn recent_arguments_of_the_same_command() {
        let lines = [
            "query https://b.example/",
            "scan jane",
            "query https://a.example/ --detach",
            "query https://b.example/",
        ];
        assert_eq!(
            recent_arguments(lines.into_iter(), "query", "https"),
            ["https://b.example/", "https://a.example/"]
        );
        assert_eq!(recent_arguments(lines.into_iter(), "scan", ""), ["jane"]);
        assert_eq!(recent_arguments(lines.into_iter(), "search", ""), [""; 0]);
    }
}
