//! The command line: every subcommand, and the hidden `container <role>` by which the root starts the
//! other processes. Parses, hands over, and turns results into exit statuses; no work of its own.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::base::roles::Role;
use crate::commands::backup::mirror;
use crate::commands::helpers::{complete_worker, thumbnails};
use crate::commands::{bench, check, db, hash, init, links, man, sites};
use crate::config::{self, ConfigError, Loaded, Settings};
use crate::console::pictures::Outside;
use crate::daemon::roles;
use crate::demo;
use crate::fetch::HttpFetch;
use crate::ipc::container::{ConnectArgs, run_container};
use crate::links::LinkSettings;
use crate::{console, front};
use crate::{supervisor, telemetry};

/// The version, and the commit that it was built from where that is known.
const VERSION: &str = env!("AOTF_VERSION");

/// Exit status for a wrong configuration (`EX_CONFIG` of sysexits.h).
const EX_CONFIG: u8 = 78;

/// Exit status of a command that did its work, where the answer is no: no links could be read, a site does not
/// work.
const NOT_SO: u8 = 3;

/// Finds the posts in which an artist published an artwork.
#[derive(Debug, Parser)]
#[command(name = "aotf", version = VERSION, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the parameter file, after a few questions or from flags alone
    Init(init::InitArgs),
    /// Run the daemon
    Serve(ServeArgs),
    /// See it work: a self-contained world on loopback, the daemon against it, one query answered
    Demo(demo::DemoArgs),
    /// Open the console of the running daemon
    Console(Daemon),
    /// Ask the running daemon where an artist posted the artwork of a page
    Query {
        /// Address of the artwork's page
        url: String,
        /// Leave out accounts on others: twitter, bluesky, mastodon, with commas between
        #[arg(long, value_name = "LIST")]
        networks: Option<String>,
        /// Wait for the end of the query
        #[arg(long)]
        wait: bool,
        /// Show the pictures of the posts, in terminals that can (sixel, kitty, iTerm)
        #[arg(long)]
        thumbnails: bool,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Have the running daemon index an account
    Scan {
        /// The account's name
        name: String,
        /// Wait for the end of the scan
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Search an image, over everything or in one account
    Search {
        /// A file, or the address of an image
        image: String,
        /// Search this account's posts only
        account: Option<String>,
        /// Find it mirrored, turned by a quarter or upside down as well
        #[arg(long)]
        turned: bool,
        /// Leave out posts on others: twitter, bluesky, mastodon, with commas between
        #[arg(long, value_name = "LIST")]
        networks: Option<String>,
        /// Wait for the end of the search
        #[arg(long)]
        wait: bool,
        /// Show the pictures that were found, in terminals that can (sixel, kitty, iTerm)
        #[arg(long)]
        thumbnails: bool,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Show what is known of an account: its names, and how much of it is indexed
    Account {
        /// Its name or its id
        name: String,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Show how much is indexed and in progress
    Stats(Daemon),
    /// Show what every worker does
    Threads(Daemon),
    /// Show what waits
    Queues(Daemon),
    /// Show how long steps take
    Metrics(Daemon),
    /// Whether all is well with the running daemon, and if not, why
    Health(Daemon),
    /// Write down where every thread of the running daemon is (logs/stacktrace.log)
    Stacks(Daemon),
    /// End the running daemon
    Stop(Daemon),
    /// Print fingerprints as ImageHash prints them
    Hash {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Compare two images: distances, variants, verdict
    Compare { a: PathBuf, b: PathBuf },
    /// Find an artwork's image and its artist's accounts, without a daemon; shows the way to each
    Links {
        /// Address of the artwork's page
        url: String,
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Say which sites can be read now, by a page of each that is known to be good ([links] canaries);
    /// the status is 0 if all can, 3 if not
    #[command(args_conflicts_with_subcommands = true)]
    Sites {
        #[command(subcommand)]
        what: Option<Sites>,
        /// One JSON object per page
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Take over, keep and care for the database
    Db {
        #[command(subcommand)]
        what: db::Db,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Keep backups elsewhere
    Backup {
        #[command(subcommand)]
        what: Backup,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Measure what this machine does
    #[command(subcommand)]
    Bench(Bench),
    /// Check configuration, keys, database, disk and machine: one line each, with the remedy;
    /// the status is 0 if the daemon can run, 78 if not
    Check {
        /// Ask nobody outside: keys and the clock are not checked
        #[arg(long)]
        offline: bool,
        /// One JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Write the manual pages, one for each command: aotf.1, aotf-serve.1 ...
    Man {
        /// The folder for them
        folder: PathBuf,
    },
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
    /// Downloads and decodes for `aotf db complete`; started by it only
    #[command(hide = true)]
    CompleteWorker,
    /// One process of the tree; started by the root only
    #[command(hide = true)]
    Container { role: String, door: String, root_pid: u32 },
    /// Fetches and shrinks pictures; started by the console only
    #[command(hide = true)]
    Thumbnails,
}

#[derive(Debug, Subcommand)]
enum Sites {
    /// Say what addresses are, without fetching anything (also from standard input, one per line)
    Identify {
        urls: Vec<String>,
        /// One JSON object per address
        #[arg(long)]
        json: bool,
    },
    /// The same with pages of your own
    Check {
        #[arg(required = true)]
        urls: Vec<String>,
        /// One JSON object per address
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Debug, Subcommand)]
enum Backup {
    /// Send new backups to a folder elsewhere, and remove there what was removed here; may be stopped at any
    /// moment and run again. The status is 0 if all is in step, 3 if not
    Mirror(mirror::MirrorArgs),
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// The whole program in the demo world: memory, posts per second, query latency
    Pipeline(bench::pipeline::BenchPipelineArgs),
    /// The HTTP API beside a bare axum route: requests per second, latency, memory of event streams
    Http(bench::http::BenchHttpArgs),
    /// Time from SIGKILL of each role until it serves again; accepted queries per second, with and without a disk
    Reliability(bench::reliability::BenchReliabilityArgs),
    /// Links between processes: round trips and messages per second
    Ipc {
        #[arg(long)]
        json: bool,
    },
    /// Recall and false positives over altered artworks
    Accuracy(bench::accuracy::BenchAccuracyArgs),
    /// The fingerprint index: time per query, bytes per image
    Index(bench::index::BenchIndexArgs),
    /// Decoding and fingerprinting: images per second of one core
    Fingerprint {
        /// Images to measure; without any, JPEGs are drawn
        files: Vec<PathBuf>,
        #[arg(long)]
        json: bool,
    },
    /// A database: posts written, fingerprints read, posts looked up per second
    Store(bench::store::BenchStoreArgs),
    /// The search for an artist's accounts: requests and time on each site of the demo world
    Links(bench::links::BenchLinksArgs),
    /// Listing an account's posts: cost and completeness of each policy for the timeline
    Listing(bench::listing::BenchListingArgs),
    /// Listing an account of 5,000 posts on Bluesky and Mastodon: requests and time
    Networks(bench::networks::BenchNetworksArgs),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// Configuration file (default: $AOTF_CONFIG, ./parameters.toml, /etc/aotf/parameters.toml)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// No console, even on a terminal
    #[arg(long)]
    no_console: bool,
    /// End when the process that started this one ends
    #[arg(long, hide = true)]
    die_with_parent: bool,
}

#[derive(Debug, Args)]
struct Daemon {
    #[command(flatten)]
    config: ConfigFile,
    /// The daemon's admin socket (default: aotf.sock in the data folder of the configuration)
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
    /// Only what was asked for
    #[arg(long, short)]
    quiet: bool,
}

impl Daemon {
    /// Where the daemon is reached.
    fn socket(&self) -> Result<PathBuf, ConfigError> {
        match &self.socket {
            Some(socket) => Ok(socket.clone()),
            None => Ok(front::admin_socket(&load(self.config.config.as_deref())?)),
        }
    }

    /// How pictures are fetched. Beside `--socket` there need be no configuration: the defaults do then.
    fn outside(&self) -> Outside {
        Outside::of(&load(self.config.config.as_deref()).unwrap_or_default())
    }
}

/// Runs what the command line says. Returns the exit status of the process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let Some(command) = cli.command else {
        return introduce();
    };
    match execute(command) {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aotf: {error:#}");
            if error.is::<ConfigError>() { ExitCode::from(EX_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    let out = &mut io::stdout().lock();
    match command {
        Command::Init(args) => init::run(&args, out)?,
        Command::Serve(args) => return serve(&args),
        Command::Container { role, door, root_pid } => {
            let role = Role::from_name(&role).with_context(|| format!("there is no role {role:?}"))?;
            let args = ConnectArgs { door, root_pid };
            return Ok(run_container(roles::work_of(role), &args, roles::prepare));
        }
        Command::CompleteWorker => complete_worker::run(&mut io::stdin().lock(), out)?,
        Command::Thumbnails => thumbnails::run(io::stdin().lock(), out)?,
        Command::Demo(args) => return demo::run(args),
        Command::Console(daemon) => return open_console(&daemon),
        Command::Query { url, networks, wait, thumbnails, daemon } => {
            let mut words = vec!["query", &url];
            words.extend(networks.iter().flat_map(|list| ["--networks", list]));
            words.extend(thumbnails.then_some("--thumbnails"));
            return ask(&daemon, wait, &words);
        }
        Command::Scan { name, wait, daemon } => return ask(&daemon, wait, &["scan", &name]),
        Command::Search { image, account, turned, networks, wait, thumbnails, daemon } => {
            let mut words = vec!["search", &image];
            words.extend(account.as_deref());
            words.extend(turned.then_some("--turned"));
            words.extend(networks.iter().flat_map(|list| ["--networks", list]));
            words.extend(thumbnails.then_some("--thumbnails"));
            return ask(&daemon, wait, &words);
        }
        Command::Account { name, daemon } => return ask(&daemon, false, &["account", &name]),
        Command::Stats(daemon) => return ask(&daemon, false, &["stats"]),
        Command::Threads(daemon) => return ask(&daemon, false, &["threads"]),
        Command::Queues(daemon) => return ask(&daemon, false, &["queues"]),
        Command::Metrics(daemon) => return ask(&daemon, false, &["metrics"]),
        Command::Health(daemon) => return ask(&daemon, false, &["health"]),
        Command::Stacks(daemon) => return ask(&daemon, false, &["stacks"]),
        Command::Stop(daemon) => return ask(&daemon, false, &["stop"]),
        Command::Hash { files } => return Ok(hash::hash(&files, out, &mut io::stderr()).into()),
        Command::Compare { a, b } => return Ok(hash::compare(&a, &b, out, &mut io::stderr()).into()),
        Command::Links { url, json, config } => {
            let settings = load(config.config.as_deref())?;
            let fetch = HttpFetch::start(&settings.fetch, &settings.upstreams)?;
            let found = links::links_command(&url, &fetch, &LinkSettings::of(&settings), json, out)?;
            return Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(NOT_SO) });
        }
        Command::Sites { what: Some(Sites::Identify { urls, json }), .. } => {
            sites::identify_command(&urls, json, io::stdin().lock(), out)?;
        }
        Command::Sites { what: Some(Sites::Check { urls, json, config }), .. } => {
            return check_sites(Some(urls), json, &config, out);
        }
        Command::Bench(Bench::Pipeline(args)) => bench::pipeline::run(&args, out)?,
        Command::Bench(Bench::Reliability(args)) => bench::reliability::run(&args, out)?,
        Command::Sites { what: None, json, config } => return check_sites(None, json, &config, out),
        Command::Bench(Bench::Http(args)) => bench::http::run(&args, out)?,
        Command::Bench(Bench::Ipc { json }) => bench::ipc::bench_ipc(json, out)?,
        Command::Bench(Bench::Accuracy(args)) => bench::accuracy::bench_accuracy(&args, out)?,
        Command::Bench(Bench::Index(args)) => bench::index::bench_index(&args, out)?,
        Command::Bench(Bench::Store(args)) => bench::store::bench_store(&args, out)?,
        Command::Bench(Bench::Links(args)) => bench::links::bench_links(&args, out)?,
        Command::Bench(Bench::Listing(args)) => bench::listing::bench_listing(&args, out)?,
        Command::Bench(Bench::Networks(args)) => bench::networks::bench_networks(&args, out)?,
        Command::Bench(Bench::Fingerprint { files, json }) => {
            return Ok(bench::fingerprint::bench_fingerprint(&files, json, out, &mut io::stderr()).into());
        }
        Command::Check { offline, json, config } => {
            let telling = check::Telling { json, colors: console::colors_of_output() };
            let well = check::run(&load_from(config.config.as_deref()), offline, telling, out)?;
            return Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(EX_CONFIG) });
        }
        Command::Backup { what: Backup::Mirror(args), config } => {
            let data_dir = load(config.config.as_deref())?.data_dir;
            let in_step = mirror::mirror(&args, &data_dir, out)?;
            return Ok(if in_step { ExitCode::SUCCESS } else { ExitCode::from(NOT_SO) });
        }
        Command::Db { what, config } => {
            let well = db::run(&what, &load(config.config.as_deref())?, out)?;
            return Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(NOT_SO) });
        }
        Command::Man { folder } => man::write(Cli::command(), &folder)?,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "aotf", out);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads these pages, or those of the configuration, and says which of their sites work.
fn check_sites(
    urls: Option<Vec<String>>,
    json: bool,
    config: &ConfigFile,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let settings = load(config.config.as_deref())?;
    let fetch = HttpFetch::start(&settings.fetch, &settings.upstreams)?;
    let urls = urls.unwrap_or_else(|| settings.links.canaries.clone());
    let work = sites::check_command(&urls, &fetch, &LinkSettings::of(&settings), json, out)?;
    Ok(if work { ExitCode::SUCCESS } else { ExitCode::from(NOT_SO) })
}

/// Without a command: what the program is and how to begin, in a few lines.
fn introduce() -> ExitCode {
    println!("aotf finds the posts in which an artist published an artwork.\n");
    println!("  aotf demo     see it work now, without keys or network");
    println!("  aotf init     write the configuration, after a few questions");
    println!("  aotf serve    run the daemon");
    println!("  aotf --help   all commands");
    ExitCode::from(2)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// The settings of the file and the environment.
fn load(path: Option<&Path>) -> Result<Settings, ConfigError> {
    load_from(path).map(|loaded| loaded.settings)
}

fn load_from(path: Option<&Path>) -> Result<Loaded, ConfigError> {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    config::load(path, &environment)
}

/// A daemon that nobody has configured would run, and find nothing: what it needs, in five lines.
fn ask_for_configuration() -> ExitCode {
    let [here, system] = config::LOOKED_UP;
    eprintln!("aotf: not configured: no ./{here}, no {system}, and $AOTF_CONFIG is not set.");
    eprintln!(
        "It needs a folder for its data and an address to listen on; to search X too, a token for X's API."
    );
    eprintln!("  aotf init    asks for these and writes {here}");
    eprintln!(
        "  aotf demo    shows everything in a world of its own, without keys, network or configuration"
    );
    eprintln!("Keys can also come from the environment: AOTF_DATA_DIR=/var/lib/aotf AOTF_HTTP__PORT=3301");
    ExitCode::from(EX_CONFIG)
}

fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    if args.die_with_parent {
        supervisor::die_with_parent().context("could not tie this process to its parent")?;
    }
    let loaded = load_from(args.config.config.as_deref())?;
    if !loaded.is_configured() {
        return Ok(ask_for_configuration());
    }
    let mut settings = loaded.settings;
    let with_console = !args.no_console && io::stdin().is_terminal() && io::stdout().is_terminal();
    if with_console {
        // Log lines would tear the prompt.
        let file = settings.data_dir.join("logs/aotf.log");
        println!("The log is written to {}.", file.display());
        settings.log.file = Some(file);
        if !settings.twitter.can_be_read() {
            println!("No key for X is configured: X is not searched.");
        }
    }
    telemetry::init("root", &settings.log)?;
    let options = supervisor::Options {
        notify_socket: std::env::var_os("NOTIFY_SOCKET"),
        watchdog: watchdog(std::env::var("WATCHDOG_USEC").ok(), std::env::var("WATCHDOG_PID").ok()),
        ..supervisor::Options::default()
    };
    supervisor::run(&settings, &roles::specs(with_console), options)?;
    Ok(ExitCode::SUCCESS)
}

/// How often the service manager wants a sign of life, if it does, and from this process.
fn watchdog(period_micros: Option<String>, for_pid: Option<String>) -> Option<Duration> {
    let is_for_us = for_pid.is_none_or(|pid| pid == std::process::id().to_string());
    let micros = period_micros?.parse().ok().filter(|micros| *micros > 0 && is_for_us)?;
    Some(Duration::from_micros(micros))
}

fn open_console(daemon: &Daemon) -> anyhow::Result<ExitCode> {
    console::run(&daemon.socket()?, None, &daemon.outside(), &console::AtWork::default())?;
    Ok(ExitCode::SUCCESS)
}

/// One console command against the running daemon.
fn ask(daemon: &Daemon, wait: bool, words: &[&str]) -> anyhow::Result<ExitCode> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let options = console::OneShot { json: daemon.json, wait, quiet: daemon.quiet };
    Ok(console::one_shot(&daemon.socket()?, &words, options, &daemon.outside()).into())
}
