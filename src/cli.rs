//! The command line: every subcommand, and the hidden `container <role>` by which the root starts the
//! other processes. Parses, hands over, and turns results into exit statuses; no work of its own.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::commands::{
    bench_accuracy, bench_fingerprint, bench_index, bench_ipc, bench_links, hash, links, sites,
};
use crate::config::{self, ConfigError, Settings};
use crate::demo;
use crate::fetch::HttpFetch;
use crate::front::{self, console};
use crate::ipc::container::{ConnectArgs, run_container};
use crate::proto::roles::Role;
use crate::store::import;
use crate::{roles, supervisor, telemetry};

/// Exit status for a wrong configuration (`EX_CONFIG` of sysexits.h).
const EX_CONFIG: u8 = 78;

/// Exit status of a command that did its work, where the answer is no: no links could be read, a site does not
/// work.
const NOT_SO: u8 = 3;

/// Finds the posts in which an artist published an artwork.
#[derive(Debug, Parser)]
#[command(name = "aotf", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
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
        /// Wait for the end of the query
        #[arg(long)]
        wait: bool,
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
        /// Wait for the end of the search
        #[arg(long)]
        wait: bool,
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
    /// Care for the database
    #[command(subcommand)]
    Db(Db),
    /// Measure what this machine does
    #[command(subcommand)]
    Bench(Bench),
    /// Check the configuration file and say what is wrong with it
    Check(ConfigFile),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
    /// One process of the tree; started by the root only
    #[command(hide = true)]
    Container { role: String, door: String, root_pid: u32 },
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
enum Db {
    /// Take over the database of an Artists on Twitter Finder of 2022 (its SQLite file); may be repeated
    Import {
        file: PathBuf,
        /// Time zone of the old server's dates, such as Europe/Paris (default: this machine's)
        #[arg(long)]
        zone: Option<String>,
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// The whole program in the demo world: memory, posts per second, query latency
    Pipeline(demo::bench::BenchPipelineArgs),
    /// Links between processes: round trips and messages per second
    Ipc {
        #[arg(long)]
        json: bool,
    },
    /// Recall and false positives over altered artworks
    Accuracy(bench_accuracy::BenchAccuracyArgs),
    /// The fingerprint index: time per query, bytes per image
    Index(bench_index::BenchIndexArgs),
    /// Decoding and fingerprinting: images per second of one core
    Fingerprint {
        /// Images to measure; without any, JPEGs are drawn
        files: Vec<PathBuf>,
        #[arg(long)]
        json: bool,
    },
    /// The search for an artist's accounts: requests and time on each site of the demo world
    Links(bench_links::BenchLinksArgs),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// Configuration file (default: $AOTF_CONFIG, ./parameters.toml, /etc/aotf/parameters.toml)
    #[arg(long, value_name = "FILE")]
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
    /// Answer as JSON
    #[arg(long)]
    json: bool,
    /// Only what was asked for
    #[arg(long, short)]
    quiet: bool,
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
        Command::Serve(args) => return serve(&args),
        Command::Container { role, door, root_pid } => {
            let role = Role::from_name(&role).with_context(|| format!("there is no role {role:?}"))?;
            return Ok(run_container(role, &ConnectArgs { door, root_pid }, roles::main_of(role)));
        }
        Command::Demo(args) => return demo::run(args),
        Command::Console(daemon) => return open_console(&daemon),
        Command::Query { url, wait, daemon } => return ask(&daemon, wait, &["query", &url]),
        Command::Scan { name, wait, daemon } => return ask(&daemon, wait, &["scan", &name]),
        Command::Search { image, account, wait, daemon } => {
            let mut words = vec!["search", &image];
            words.extend(account.as_deref());
            return ask(&daemon, wait, &words);
        }
        Command::Stats(daemon) => return ask(&daemon, false, &["stats"]),
        Command::Threads(daemon) => return ask(&daemon, false, &["threads"]),
        Command::Queues(daemon) => return ask(&daemon, false, &["queues"]),
        Command::Metrics(daemon) => return ask(&daemon, false, &["metrics"]),
        Command::Stop(daemon) => return ask(&daemon, false, &["stop"]),
        Command::Hash { files } => return Ok(hash::hash(&files, out, &mut io::stderr()).into()),
        Command::Compare { a, b } => return Ok(hash::compare(&a, &b, out, &mut io::stderr()).into()),
        Command::Links { url, json, config } => {
            let settings = load(config.config.as_deref())?;
            let fetch = HttpFetch::start(&settings.fetch, &settings.upstreams)?;
            let found = links::links_command(&url, &fetch, &roles::link_settings(&settings), json, out)?;
            return Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(NOT_SO) });
        }
        Command::Sites { what: Some(Sites::Identify { urls, json }), .. } => {
            sites::identify_command(&urls, json, io::stdin().lock(), out)?;
        }
        Command::Sites { what: Some(Sites::Check { urls, json, config }), .. } => {
            return check_sites(Some(urls), json, &config, out);
        }
        Command::Bench(Bench::Pipeline(args)) => demo::bench::run(&args, out)?,
        Command::Sites { what: None, json, config } => return check_sites(None, json, &config, out),
        Command::Bench(Bench::Ipc { json }) => bench_ipc::bench_ipc(json, out)?,
        Command::Bench(Bench::Accuracy(args)) => bench_accuracy::bench_accuracy(&args, out)?,
        Command::Bench(Bench::Index(args)) => bench_index::bench_index(&args, out)?,
        Command::Bench(Bench::Links(args)) => bench_links::bench_links(&args, out)?,
        Command::Bench(Bench::Fingerprint { files, json }) => {
            return Ok(bench_fingerprint::bench_fingerprint(&files, json, out, &mut io::stderr()).into());
        }
        Command::Db(Db::Import { file, zone, config }) => {
            let settings = load(config.config.as_deref())?;
            std::fs::create_dir_all(&settings.data_dir).context("could not make the data folder")?;
            import::command::run(&file, zone.as_deref(), &roles::database(&settings)?, out)?;
        }

        Command::Check(config) => {
            load(config.config.as_deref())?;
            writeln!(out, "The configuration is in order.")?;
        }
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
    let work = sites::check_command(&urls, &fetch, &roles::link_settings(&settings), json, out)?;
    Ok(if work { ExitCode::SUCCESS } else { ExitCode::from(NOT_SO) })
}

/// Without a command: what the program is and how to begin, in a few lines.
fn introduce() -> ExitCode {
    println!("aotf finds the posts in which an artist published an artwork.\n");
    println!("  aotf demo     see it work now, without keys or network");
    println!("  aotf serve    run the daemon; it reads parameters.toml (see parameters.sample.toml)");
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
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    config::load(path, &environment).map(|loaded| loaded.settings)
}

fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    if args.die_with_parent {
        supervisor::die_with_parent().context("could not tie this process to its parent")?;
    }
    let mut settings = load(args.config.config.as_deref())?;
    let with_console = !args.no_console && io::stdin().is_terminal() && io::stdout().is_terminal();
    if with_console {
        // Log lines would tear the prompt.
        let file = settings.data_dir.join("logs/aotf.log");
        println!("The log is written to {}.", file.display());
        settings.log.file = Some(file);
        if settings.twitter.credentials.is_empty() {
            println!("No credential for X is configured: accounts can be neither looked up nor scanned.");
        }
    }
    telemetry::init("root", &settings.log)?;
    let options = supervisor::Options {
        notify_socket: std::env::var_os("NOTIFY_SOCKET"),
        ..supervisor::Options::default()
    };
    supervisor::run(&settings, &roles::specs(with_console), options)?;
    Ok(ExitCode::SUCCESS)
}

fn open_console(daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let settings = load(daemon.config.config.as_deref())?;
    console::run(&front::admin_socket(&settings), None)?;
    Ok(ExitCode::SUCCESS)
}

/// One console command against the running daemon.
fn ask(daemon: &Daemon, wait: bool, words: &[&str]) -> anyhow::Result<ExitCode> {
    let settings = load(daemon.config.config.as_deref())?;
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let options = console::OneShot { json: daemon.json, wait, quiet: daemon.quiet };
    Ok(console::one_shot(&front::admin_socket(&settings), &words, options).into())
}
