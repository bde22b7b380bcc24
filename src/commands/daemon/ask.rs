//! The commands of the console, from the shell: `aotf query`, `aotf stats` and so on.

use std::process::ExitCode;

use clap::error::{Error, ErrorKind};
use clap::{ArgAction, ArgMatches, Args, FromArgMatches, Subcommand};

use super::Daemon;
use crate::console;
use crate::proto::command::Command;

/// A command to the running daemon. Its definition is the console's, with what a shell needs besides.
#[derive(Debug)]
pub struct Ask {
    command: Command,
    shell: ForTheShell,
}

#[derive(Debug, Args)]
struct ForTheShell {
    #[command(flatten)]
    daemon: Daemon,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
    /// Only what was asked for
    #[arg(long, short)]
    quiet: bool,
}

/// Asks the daemon, and answers with the exit status that its reply means.
///
/// # Errors
/// The configuration does not say where the daemon is.
pub fn run(ask: Ask) -> anyhow::Result<ExitCode> {
    let ForTheShell { daemon, json, quiet } = ask.shell;
    let options = console::OneShot { json, quiet };
    Ok(console::one_shot(&daemon.socket()?, ask.command, options, &daemon.outside()).into())
}

/// The command as the shell has it. The console follows work unless it is told to detach; the shell waits
/// only if it is told to. Explanations and examples are the console's.
fn for_the_shell(command: clap::Command) -> clap::Command {
    let name = command.get_name().to_owned();
    // The arguments' own explanation would replace the command's, and its place is that in the shell's list.
    let about = command.get_about().cloned().unwrap_or_default();
    let command = ForTheShell::augment_args(command)
        .about(about)
        .display_order(None::<usize>)
        .after_help("The daemon must be running: `aotf serve` starts it.");
    // Where the command has commands of its own, what a shell needs may stand behind those too.
    let command = match command.has_subcommands() {
        true => command.mut_args(|argument| argument.global(true)),
        false => command,
    };
    if command.get_arguments().all(|argument| argument.get_id() != "detach") {
        return command;
    }
    let wait = match name.as_str() {
        "artist" => "Wait for the answer".to_owned(),
        work => format!("Wait for the end of the {work}"),
    };
    command.mut_arg("detach", |detach| detach.long("wait").help(wait).action(ArgAction::SetFalse))
}

impl Subcommand for Ask {
    fn augment_subcommands(program: clap::Command) -> clap::Command {
        let commands = Command::augment_subcommands(clap::Command::new("aotf"));
        program.subcommands(commands.get_subcommands().cloned().map(for_the_shell))
    }

    fn augment_subcommands_for_update(program: clap::Command) -> clap::Command {
        Ask::augment_subcommands(program)
    }

    fn has_subcommand(name: &str) -> bool {
        Command::has_subcommand(name)
    }
}

impl FromArgMatches for Ask {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Ask, Error> {
        let (_, of_the_command) =
            matches.subcommand().ok_or_else(|| Error::new(ErrorKind::MissingSubcommand))?;
        let shell = ForTheShell::from_arg_matches(of_the_command)?;
        let mut command = Command::from_arg_matches(matches)?;
        // There is no credit before the end.
        match &mut command {
            Command::Query { credit: Some(_), options, .. } => options.detach = false,
            Command::Artist { credit: Some(_), detach, .. } => *detach = false,
            _ => {}
        }
        Ok(Ask { command, shell })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Ask::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(subcommand)]
        ask: Ask,
    }

    #[track_caller]
    fn check(words: &[&str], is_followed: bool) {
        let words = [&["aotf"], words].concat();
        assert_eq!(
            Program::try_parse_from(&words).unwrap().ask.command.is_followed(),
            is_followed,
            "{words:?}"
        );
    }

    #[test]
    fn the_shell_explains_commands_as_the_console_does() {
        let of_the_console = Command::augment_subcommands(clap::Command::new("aotf"));
        for command in of_the_console.get_subcommands() {
            let shell = for_the_shell(command.clone());
            assert_eq!(shell.get_about(), command.get_about(), "{}", command.get_name());
        }
    }

    #[test]
    fn the_shell_waits_only_if_it_is_told_to() {
        Program::command().debug_assert();
        check(&["query", "https://a.example/"], false);
        check(&["query", "https://a.example/", "--wait", "--json"], true);
        check(&["query", "https://a.example/", "--wait", "--first"], true);
        check(&["query", "https://a.example/", "--credit=html"], true);
        check(&["artist", "https://a.example/", "--no-resolve"], false);
        check(&["artist", "https://a.example/", "--wait"], true);
        check(&["artist", "https://a.example/", "--credit"], true);
        check(&["scan", "jane", "--socket", "s", "-q", "--wait"], true);
        check(&["search", "a.png", "@jane", "--turned"], false);
        check(&["stats", "--json"], false);
        check(&["verdict", "list", "--json", "--socket", "s"], false);
        check(&["verdict", "--json", "remove", "0123456789abcdef"], false);
        assert!(Program::try_parse_from(["aotf", "verdict"]).is_err());
        assert!(Program::try_parse_from(["aotf", "verdict", "artist", "jane"]).is_err(), "for which page");
        assert!(Program::try_parse_from(["aotf", "query", "https://a.example/", "--detach"]).is_err());
        assert!(Program::try_parse_from(["aotf", "stats", "--wait"]).is_err());
    }
}
