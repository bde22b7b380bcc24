//! What the program tells its operator: `tracing` to the standard error (or to a file, where a console has
//! the terminal), set up once per process; the events that operators act upon, declared once in [`events`];
//! what should not happen ([`faults`], [`error_log`]); where everybody is ([`stacks`], [`tasks`]).
//!
//! Called by: every process at its start ([`init`]), and every room for its events.
//! Never: reads a setting from the environment, or decides anything.

pub mod error_log;
pub mod events;
pub mod faults;
pub mod rotate;
pub mod stacks;
pub mod tasks;

use std::borrow::Cow;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::base::journal::{self, Priority};
use crate::base::shown::shown_json;
use crate::base::{Shown, Timestamp};
use crate::config::{Log, LogFormat};

/// Why a process has no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log filter {filter:?} cannot be read")]
    Filter { filter: String, source: tracing_subscriber::filter::ParseError },
    #[error("could not open the log file {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("could not prepare for being asked for call stacks")]
    Stacks { source: io::Error },
    #[error("could not set up the log")]
    AlreadySet { source: Box<dyn std::error::Error + Send + Sync> },
}

/// Sets up the log of this process: one line (or one JSON object) per event on the standard error or at the
/// end of `log.file`, with the role and the process id. Where the journal of systemd reads the standard
/// error, a line has its priority there instead of a time. Once per process; in `multiprocess = false` the
/// root's stands for all.
///
/// # Errors
/// A filter that is none; a file that cannot be opened; a second call.
pub fn init(role: &str, log: &Log) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|source| TelemetryError::Filter { filter: log.level.clone(), source })?;
    let filter = match log.requests {
        true => filter.add_directive(shown_requests()),
        false => filter,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let sink = Sink::open(log.file.as_deref())?;
    let pid = std::process::id();
    let result = match log.format {
        LogFormat::Text => builder
            .with_timer(TextPrefix { has_time: !sink.is_journal(), source: format!("{role}[{pid}]") })
            .with_ansi(sink.is_terminal())
            .fmt_fields(one_line_fields())
            .with_writer(EventWriters { start: Vec::new(), sink })
            .finish()
            .with(faults::Errors)
            .try_init(),
        // Objects keep their time in the journal too: whoever reads them by program may read nothing else.
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_timer(JsonTime)
            .with_writer(EventWriters {
                start: format!("{{\"role\":\"{role}\",\"pid\":{pid},").into_bytes(),
                sink,
            })
            .finish()
            .with(faults::Errors)
            .try_init(),
    };
    result.map_err(|source| TelemetryError::AlreadySet { source: source.into() })?;
    faults::hear_panics();
    stacks::install().map_err(|source| TelemetryError::Stacks { source })
}

/// Requests are shown whatever the level of everything else is.
fn shown_requests() -> Directive {
    format!("{}=info", events::REQUESTS)
        .parse()
        .expect("a target and a level are a directive, as a test shows")
}

/// `message key=value`, on one line whatever strangers sent: an event cannot forge another.
fn one_line_fields() -> impl for<'w> tracing_subscriber::fmt::FormatFields<'w> {
    debug_fn(|writer, field, value| match field.name() {
        "message" => write!(writer, "{}", Shown(format_args!("{value:?}"))),
        name => write!(writer, "{name}={}", Shown(format_args!("{value:?}"))),
    })
    .delimited(" ")
}

/// Where events go. Each is written in one piece, so that those of several processes do not mix.
#[derive(Clone)]
enum Sink {
    Stderr,
    /// The standard error, which the journal of systemd reads.
    Journal,
    File(Arc<File>),
}

impl Sink {
    fn open(path: Option<&Path>) -> Result<Sink, TelemetryError> {
        let Some(path) = path else {
            return Ok(if journal::reads_stderr() { Sink::Journal } else { Sink::Stderr });
        };
        let open = || {
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
            OpenOptions::new().create(true).append(true).open(path)
        };
        let file = open().map_err(|source| TelemetryError::Open { path: path.to_owned(), source })?;
        Ok(Sink::File(Arc::new(file)))
    }

    fn is_terminal(&self) -> bool {
        match self {
            Sink::Stderr => io::stderr().is_terminal(),
            Sink::Journal | Sink::File(_) => false,
        }
    }

    fn is_journal(&self) -> bool {
        matches!(self, Sink::Journal)
    }
}

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Stderr | Sink::Journal => io::stderr().write(buf),
            Sink::File(file) => (&**file).write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `2026-01-01T00:00:00Z listing[123]`: all processes share one standard error.
struct TextPrefix {
    /// Not where whoever reads it notes the time.
    has_time: bool,
    source: String,
}

impl FormatTime for TextPrefix {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        match self.has_time {
            true => write!(w, "{} {}", Timestamp::now(), self.source),
            false => write!(w, "{}", self.source),
        }
    }
}

struct JsonTime;

impl FormatTime for JsonTime {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        write!(w, "{}", Timestamp::now())
    }
}

/// Makes a writer for each event, which knows the event's level.
struct EventWriters {
    /// What JSON objects begin with: the role and the process id. Nothing for text.
    start: Vec<u8>,
    sink: Sink,
}

impl<'a> MakeWriter<'a> for EventWriters {
    type Writer = EventWriter<'a>;

    fn make_writer(&'a self) -> EventWriter<'a> {
        EventWriter { start: &self.start, priority: Priority::Info, sink: self.sink.clone() }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> EventWriter<'a> {
        EventWriter { priority: priority_of(*about.level()), ..self.make_writer() }
    }
}

fn priority_of(level: Level) -> Priority {
    match level {
        Level::ERROR => Priority::Error,
        Level::WARN => Priority::Warning,
        Level::INFO => Priority::Info,
        _ => Priority::Debug,
    }
}

/// Writes an event in one piece: the lines of several processes must not mix.
struct EventWriter<'a> {
    start: &'a [u8],
    priority: Priority,
    sink: Sink,
}

impl Write for EventWriter<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let event = match self.start {
            [] => Cow::Borrowed(buf),
            start => {
                let rest = String::from_utf8_lossy(buf.strip_prefix(b"{").unwrap_or(buf));
                Cow::Owned([start, shown_json(&rest).as_bytes()].concat())
            }
        };
        match self.sink.is_journal() {
            true => self.sink.write_all(&journal::with_priority(self.priority, &event))?,
            false => self.sink.write_all(&event)?,
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_shown_by_a_directive() {
        assert_eq!(shown_requests().to_string(), "aotf::requests=info");
    }
}
