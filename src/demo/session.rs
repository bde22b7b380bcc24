//! The course of the demo: world, daemon, one query, its result; then stay until somebody says stop.

use std::future::Future;
use std::io::{self, IsTerminal};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Handle;
use tokio::sync::mpsc;

use super::api::{Answer, Api, ApiError};
use super::folder::{Folder, FolderError};
use super::process::{Event, Process};
use super::progress::Progress;
use super::show::{Screen, judge};
use super::world::cases::Case;
use super::world::{Options, World, WorldError};
use crate::base::LinesBelow;
use crate::base::clock::Monotonic;
use crate::base::signals::CaughtSignals;

/// For the daemon to answer `/readyz`: seconds on a small machine under load, else a fraction of one.
const READY_WITHIN: Duration = Duration::from_secs(20);
const READY_POLL: Duration = Duration::from_millis(10);
/// For the demo's query. It takes under two seconds; with a latency of seconds much longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(300);
/// For the console to notice that the daemon has ended.
const CONSOLE_GRACE: Duration = Duration::from_secs(2);
/// Status of programs that a signal ended before their work was done.
const INTERRUPTED: u8 = 130;
/// This program, also after an upgrade replaced its file.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Arguments of `aotf demo`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct DemoArgs {
    /// Exit after the first answer: status 0 only if it is the expected post
    #[arg(long)]
    pub once: bool,
    /// Stay without a console until a signal comes, also on a terminal
    #[arg(long)]
    pub no_console: bool,
    /// Port of the daemon's HTTP API on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 3301)]
    pub port: u16,
    /// Keep settings, database and log in this folder instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Milliseconds that the world waits before each of its answers
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency_ms: u64,
    /// Let queries name the webhook "demo", which posts their answers to this address
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
}

/// Why the demo could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    World(#[from] WorldError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("could not prepare the demo's runtime")]
    Runtime { source: io::Error },
    #[error("could not watch for signals")]
    Signals { source: io::Error },
    #[error(
        "port {port} of 127.0.0.1 is taken, perhaps by another daemon: end it, or choose another port with --port"
    )]
    PortTaken { port: u16 },
    #[error("port {port} of 127.0.0.1 cannot be used")]
    Port { port: u16, source: io::Error },
    #[error("could not start {what}")]
    Start { what: &'static str, source: io::Error },
    #[error("the daemon ended {when} ({status}); its last lines")]
    DaemonEnded {
        when: &'static str,
        status: String,
        #[source]
        log: LinesBelow,
    },
    #[error("the daemon was not ready after {} s; its last lines", READY_WITHIN.as_secs())]
    NotReady {
        #[source]
        log: LinesBelow,
    },
    #[error("the query was not answered after {} s; its last lines", ANSWER_WITHIN.as_secs())]
    NoAnswer {
        #[source]
        log: LinesBelow,
    },
}

/// How a stage of the demo was cut off.
enum Cut {
    Signal,
    Failed(DemoError),
}

impl<E: Into<DemoError>> From<E> for Cut {
    fn from(error: E) -> Cut {
        Cut::Failed(error.into())
    }
}

/// See `demo::run`.
pub fn run(args: &DemoArgs) -> Result<ExitCode, DemoError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| DemoError::Runtime { source })?;
    let (sender, events) = mpsc::channel(8);
    let _signals = SignalWatch::start(sender.clone())?;
    let outcome = runtime.block_on(play(args, sender, events));
    match outcome {
        Ok(code) => Ok(code),
        Err(Cut::Signal) => Ok(ExitCode::from(INTERRUPTED)),
        Err(Cut::Failed(error)) => Err(error),
    }
}

async fn play(
    args: &DemoArgs,
    sender: mpsc::Sender<Event>,
    mut events: mpsc::Receiver<Event>,
) -> Result<ExitCode, Cut> {
    let screen = Screen::new();
    screen.title();
    let started = Monotonic::now();
    let world = World::start(Options { latency: Duration::from_millis(args.latency_ms) })?;
    let facts = world.facts();
    let what = format!("{} accounts, {} posts", facts.accounts.len(), facts.posts.len());
    screen.ready("the outside world", &what, since(started));

    let started = Monotonic::now();
    let port = free_port(args.port)?;
    let folder = Folder::create(args.keep.as_deref())?;
    folder.fill(&world, port, args.webhook.as_deref())?;
    let api = Api::new(port)?;
    // Dropped before the folder and the world, which it uses.
    let daemon = start_daemon(&folder, sender.clone())?;
    let log = || folder.log_tail();
    let ready = async {
        while !api.is_ready().await {
            tokio::time::sleep(READY_POLL).await;
        }
    };
    match unless_cut(&mut events, "before it was ready", &log, tokio::time::timeout(READY_WITHIN, ready))
        .await?
    {
        Ok(()) => screen.ready("the daemon", &format!("answers at {}", api.base()), since(started)),
        Err(_) => return Err(DemoError::NotReady { log: log() }.into()),
    }

    let cases = world.known();
    let well = match cases.first() {
        Some(case) => show_query(&screen, &api, case, &mut events, &log).await?,
        None => false,
    };
    if args.once {
        return Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let console = !args.no_console && io::stdin().is_terminal() && io::stdout().is_terminal();
    screen.cases(cases.get(1..).unwrap_or_default(), api.base(), &folder.sample());
    screen.addresses(api.base(), console);
    let end = stay(console, &folder, sender, &mut events).await;
    drop(daemon);
    if args.keep.is_none() {
        screen.say("The demo has ended; nothing is left behind.");
    }
    end.map(|()| ExitCode::SUCCESS)
}

/// Asks for the page of a case before the user's eyes; true if the answer is the expected one.
async fn show_query(
    screen: &Screen,
    api: &Api,
    case: &Case,
    events: &mut mpsc::Receiver<Event>,
    log: &impl Fn() -> LinesBelow,
) -> Result<bool, Cut> {
    let page = case.url().unwrap_or_default();
    screen.asking(case, page);
    let started = Monotonic::now();
    let mut progress = Progress::default();
    let each = |answer: &Answer| {
        for change in progress.update(answer, since(started)) {
            screen.change(&change);
        }
    };
    let asked = tokio::time::timeout(ANSWER_WITHIN, api.follow(page, each));
    let Ok(answer) = unless_cut(events, "before it answered", log, asked).await? else {
        return Err(DemoError::NoAnswer { log: log() }.into());
    };
    let answer = answer?;
    if let Some(first) = answer.results.first() {
        screen.found(page, first, since(started));
    }
    let (well, sentence) = judge(&case.expect, &answer);
    screen.verdict(well, &sentence);
    Ok(well)
}

/// Until a signal, the end of the console, or the end of the daemon (`stop`).
async fn stay(
    with_console: bool,
    folder: &Folder,
    sender: mpsc::Sender<Event>,
    events: &mut mpsc::Receiver<Event>,
) -> Result<(), Cut> {
    let console = if with_console { Some(start_console(&folder.settings(), sender)?) } else { None };
    match events.recv().await {
        Some(Event::Signal | Event::ConsoleEnded) | None => Ok(()),
        Some(Event::DaemonEnded(status)) => {
            if let Some(console) = &console {
                console.wait(CONSOLE_GRACE);
            }
            match status {
                // Somebody said `stop`.
                Some(status) if status.success() => Ok(()),
                status => Err(DemoError::DaemonEnded {
                    when: "by itself",
                    status: describe(status),
                    log: folder.log_tail(),
                }
                .into()),
            }
        }
    }
}

/// The work's result, unless a signal comes or the daemon ends first.
async fn unless_cut<T>(
    events: &mut mpsc::Receiver<Event>,
    when: &'static str,
    log: &impl Fn() -> LinesBelow,
    work: impl Future<Output = T>,
) -> Result<T, Cut> {
    tokio::select! {
        biased;
        event = events.recv() => match event {
            Some(Event::DaemonEnded(status)) => {
                Err(DemoError::DaemonEnded { when, status: describe(status), log: log() }.into())
            }
            Some(Event::Signal | Event::ConsoleEnded) | None => Err(Cut::Signal),
        },
        result = work => Ok(result),
    }
}

fn start_daemon(folder: &Folder, events: mpsc::Sender<Event>) -> Result<Process, DemoError> {
    let log = folder.create_log()?;
    let second = log.try_clone().map_err(|source| DemoError::Start { what: "the daemon", source })?;
    let mut command = Command::new(THIS_PROGRAM);
    command.args(["serve", "--no-console", "--die-with-parent", "--config"]).arg(folder.settings());
    command.stdin(Stdio::null()).stdout(log).stderr(second);
    // A Ctrl-C on the terminal is for the demo, which then ends the daemon.
    command.process_group(0);
    Process::spawn(command, events, Event::DaemonEnded)
        .map_err(|source| DemoError::Start { what: "the daemon", source })
}

fn start_console(settings: &Path, events: mpsc::Sender<Event>) -> Result<Process, DemoError> {
    let mut command = Command::new(THIS_PROGRAM);
    command.args(["console", "--ends-daemon", "--config"]).arg(settings);
    Process::spawn(command, events, |_| Event::ConsoleEnded)
        .map_err(|source| DemoError::Start { what: "the console", source })
}

/// The port itself if nobody has it; for 0 a free one.
fn free_port(port: u16) -> Result<u16, DemoError> {
    match TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr()) {
        Ok(address) => Ok(address.port()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(DemoError::PortTaken { port }),
        Err(source) => Err(DemoError::Port { port, source }),
    }
}

fn since(started: Monotonic) -> u64 {
    u64::try_from(Monotonic::now().since(started).as_millis()).unwrap_or(u64::MAX)
}

fn describe(status: Option<ExitStatus>) -> String {
    status.map_or_else(|| "its status is unknown".to_owned(), |status| status.to_string())
}

/// Turns the signals that end programs into events, from its start to its end.
struct SignalWatch(Handle);

impl SignalWatch {
    fn start(events: mpsc::Sender<Event>) -> Result<SignalWatch, DemoError> {
        // A full or closed channel means that the end is near already.
        let tell = move |_| {
            let _ = events.try_send(Event::Signal);
            true
        };
        CaughtSignals::catch(&[SIGINT, SIGTERM, SIGHUP])
            .and_then(|signals| signals.tell(tell))
            .map(SignalWatch)
            .map_err(|source| DemoError::Signals { source })
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorChain;

    #[test]
    fn a_taken_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = free_port(port).unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("--port"), "{error}");
        assert_ne!(free_port(0).unwrap(), 0);
    }

    #[test]
    fn the_end_of_the_daemon_cuts_the_work_off() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (sender, mut events) = mpsc::channel(1);
        sender.try_send(Event::DaemonEnded(None)).unwrap();
        let log = || LinesBelow(vec!["no space".to_owned()]);
        let work = std::future::pending::<()>();
        let Err(Cut::Failed(error)) = runtime.block_on(unless_cut(&mut events, "before", &log, work)) else {
            panic!("it was cut off");
        };
        assert!(ErrorChain(&error).to_string().ends_with("its last lines: no space"));
    }
}
