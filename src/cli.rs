//! The command line: every command, and the hidden ones by which the program starts itself. Parses, hands
//! over, and turns errors into exit statuses; no work of its own.

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::base::shown::ShownOutput;
use crate::base::{LinesBelow, Shown, journal};
use crate::commands::daemon::{ask, console, serve};
use crate::commands::helpers::{complete_worker, container, thumbnails};
use crate::commands::status::EX_CONFIG;
use crate::commands::{backup, bench, bot, check, compare, db, hash, init, links, man, sites};
use crate::config::ConfigError;
use crate::demo;

/// The version, and the commit that it was built from where that is known.
const VERSION: &str = env!("AOTF_VERSION");

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
    Serve(serve::ServeArgs),
    /// See it work: a self-contained world on loopback, the daemon against it, one query answered
    Demo(demo::DemoArgs),
    /// Open the console of the running daemon
    Console(console::ConsoleArgs),
    #[command(flatten)]
    Ask(ask::Ask),
    /// Print fingerprints as ImageHash prints them
    Hash(hash::HashArgs),
    /// Compare two images: distances, variants, shared part, verdict
    Compare(compare::CompareArgs),
    /// Find an artwork's image and its artist's accounts, without a daemon; shows the way to each
    Links(links::LinksArgs),
    /// Say which sites can be read now, by a page of each that is known to be good ([links] canaries);
    /// the status is 0 if all can, 3 if not
    Sites(sites::SitesArgs),
    /// Take over, keep and care for the database
    Db(db::DbArgs),
    /// Keep backups elsewhere
    Backup(backup::BackupArgs),
    /// Measure what this machine does
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Answer in the chats of other services with the credit (docs/bots.md), beside the daemon
    Bot(bot::BotArgs),
    /// Check configuration, keys, database, disk and machine: one line each, with the remedy;
    /// the status is 0 if the daemon can run, 78 if not
    Check(check::CheckArgs),
    /// Write the manual pages, one for each command: aotf.1, aotf-serve.1 ...
    Man(man::ManArgs),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
    /// Downloads and decodes for `aotf db complete`; started by it only
    #[command(hide = true)]
    CompleteWorker,
    /// One process of the tree; started by the root only
    #[command(hide = true)]
    Container(container::ContainerArgs),
    /// Fetches and shrinks pictures; started by the console only
    #[command(hide = true)]
    Thumbnails,
}

/// Runs what the command line says. Returns the exit status of the process.
pub fn run() -> ExitCode {
    let Some(command) = Cli::parse().command else {
        return introduce();
    };
    match execute(command) {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let is_configuration = error.is::<ConfigError>();
            journal::print_error(&told(&error, is_configuration));
            if is_configuration { ExitCode::from(EX_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

/// An error is one line, whatever strangers put into it. The problems of a configuration have a line each,
/// and so has what our own errors want to be told below them.
fn told(error: &anyhow::Error, is_configuration: bool) -> String {
    if is_configuration {
        let lines = format!("{error:#}");
        return format!(
            "aotf: {}",
            lines.lines().map(|line| format!("{}\n", Shown(line))).collect::<String>()
        );
    }
    let mut text = "aotf".to_owned();
    for cause in error.chain() {
        match cause.downcast_ref::<LinesBelow>() {
            Some(LinesBelow(lines)) if !lines.is_empty() => {
                text.push(':');
                text.extend(lines.iter().map(|line| format!("\n  {}", Shown(line))));
            }
            Some(LinesBelow(_)) | None => text.push_str(&format!(": {}", Shown(cause))),
        }
    }
    text.push('\n');
    text
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    if let Command::Serve(_) | Command::Db(_) | Command::Backup(_) = command {
        // What is made in the data folder, and from it, is for its owner alone.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }
    let out = &mut ShownOutput::new(io::stdout().lock());
    match command {
        Command::Init(args) => init::run(&args, out)?,
        Command::Serve(args) => return serve::run(&args),
        Command::Demo(args) => return demo::run(args),
        Command::Console(args) => return console::run(&args),
        Command::Ask(command) => return ask::run(command),
        Command::Hash(args) => return Ok(hash::run(&args, out)),
        Command::Compare(args) => return Ok(compare::run(&args, out)),
        Command::Links(args) => return links::run(&args, out),
        Command::Sites(args) => return sites::run(args, out),
        Command::Db(args) => return db::run(&args, out),
        Command::Backup(args) => return backup::run(&args, out),
        Command::Bench(bench) => return bench::run(&bench, out),
        Command::Bot(args) => return bot::run(&args),
        Command::Check(args) => return check::run(&args, out),
        Command::Man(args) => man::run(&args, Cli::command())?,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "aotf", out);
        }
        Command::CompleteWorker => complete_worker::run(&mut io::stdin().lock(), &mut io::stdout().lock())?,
        Command::Container(args) => return container::run(args),
        Command::Thumbnails => thumbnails::run(io::stdin().lock(), &mut io::stdout().lock())?,
    }
    Ok(ExitCode::SUCCESS)
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

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn our_lines_stay_and_those_of_strangers_do_not() {
        let stranger = anyhow::anyhow!("an account called \"a\naotf: all is well\x1b[2J\"");
        let expect = "aotf: it failed: an account called \"a\u{fffd}aotf: all is well\u{fffd}[2J\"\n";
        assert_eq!(told(&stranger.context("it failed"), false), expect);
        let below = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (*line).to_owned()).collect();
            Err::<(), _>(LinesBelow(lines)).context("it ended; its last lines").unwrap_err()
        };
        let expect = "aotf: it ended; its last lines:\n  one\n  two\u{fffd}three\n";
        assert_eq!(told(&below(&["one", "two\nthree"]), false), expect);
        assert_eq!(told(&below(&[]), false), "aotf: it ended; its last lines: none\n");
        assert_eq!(told(&anyhow::anyhow!("one\ntwo"), true), "aotf: one\ntwo\n");
    }
}
