//! What the program tells its operator: `tracing` to the standard error (or to a file, where a console has
//! the terminal), set up once per process; the events that operators act upon, declared once in [`events`];
//! what should not happen ([`faults`], [`error_log`]); where everybody is ([`stacks`], [`tasks`]).
//!
//! Called by: every process at its start ([`init`]), and every room for its events.
//! Never: reads the environment, or decides anything.

pub mod error_log;
pub mod events;
pub mod faults;
pub mod rotate;
pub mod stacks;
pub mod tasks;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

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
/// end of `log.file`, with the role and the process id. Once per process; in `multiprocess = false` the
/// root's stands for all.
///
/// # Errors
/// A filter that is none; a file that cannot be opened; a second call.
pub fn init(role: &str, log: &Log) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|source| TelemetryError::Filter { filter: log.level.clone(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let sink = Sink::open(log.file.as_deref())?;
    let pid = std::process::id();
    let result = match log.format {
        LogFormat::Text => builder
            .with_timer(TextPrefix { source: format!("{role}[{pid}]") })
            .with_ansi(sink.is_terminal())
            .fmt_fields(one_line_fields())
            .with_writer(move || sink.clone())
            .finish()
            .with(faults::Errors)
            .try_init(),
        LogFormat::Json => {
            let start = format!("{{\"role\":\"{role}\",\"pid\":{pid},").into_bytes();
            builder
                .json()
                .flatten_event(true)
                .with_timer(JsonTime)
                .with_writer(move || JsonWriter { start: start.clone(), sink: sink.clone() })
                .finish()
                .with(faults::Errors)
                .try_init()
        }
    };
    result.map_err(|source| TelemetryError::AlreadySet { source: source.into() })?;
    faults::hear_panics();
    stacks::install().map_err(|source| TelemetryError::Stacks { source })
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
    File(Arc<File>),
}

impl Sink {
    fn open(path: Option<&Path>) -> Result<Sink, TelemetryError> {
        let Some(path) = path else { return Ok(Sink::Stderr) };
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
            Sink::File(_) => false,
        }
    }
}

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Stderr => io::stderr().write(buf),
            Sink::File(file) => (&**file).write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `2026-01-01T00:00:00Z listing[123]`: all processes share one standard error.
struct TextPrefix {
    source: String,
}

impl FormatTime for TextPrefix {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        write!(w, "{} {}", Timestamp::now(), self.source)
    }
}

struct JsonTime;

impl FormatTime for JsonTime {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        write!(w, "{}", Timestamp::now())
    }
}

/// Puts the role and the process id first into each object, and writes it in one piece: the
/// lines of several processes must not mix.
struct JsonWriter {
    start: Vec<u8>,
    sink: Sink,
}

impl Write for JsonWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut line = self.start.clone();
        let event = String::from_utf8_lossy(buf.strip_prefix(b"{").unwrap_or(buf));
        line.extend_from_slice(shown_json(&event).as_bytes());
        self.sink.write_all(&line)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
