//! A line of the console: the commands of the daemon and the console's own, parsed by clap. Help, hints and
//! completion are read from the same definition.

use std::sync::LazyLock;

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::proto::command::Command;

/// A command as typed, checked as far as that is possible without the daemon.
#[derive(Debug, PartialEq, Eq, Parser)]
#[command(bin_name = "", no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
pub enum Line {
    #[command(flatten)]
    Command(Command),
    /// Show this list, or more about one command
    #[command(after_help = "Example:\n  help query  its options and examples")]
    Help {
        #[arg(value_name = "COMMAND")]
        topic: Option<String>,
    },
    /// Leave the console; the daemon keeps running
    #[command(
        alias = "quit",
        after_help = "Ctrl-D does the same. In the terminal of `aotf serve`, Ctrl-C ends the daemon from then on.\n\nExample:\n  exit  `aotf console` comes back"
    )]
    Exit,
}

/// The definitions of all commands.
static COMMANDS: LazyLock<clap::Command> = LazyLock::new(|| {
    let mut program = Line::command();
    program.build();
    program
});

/// Why a line is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("unknown command \"{word}\"{}", suggestion(word))]
    UnknownCommand { word: String },
    #[error("unknown option \"{word}\"; usage: {usage}")]
    UnknownOption { word: String, usage: String },
    #[error("{option}: {why}")]
    Value { option: String, why: String },
    #[error("usage: {usage}")]
    Arguments { usage: String },
    #[error("a quotation mark is not closed")]
    OpenQuote,
}

/// Parses a line; `None` for an empty one. Words are split as by a shell.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse(line: &str) -> Result<Option<Line>, UsageError> {
    let words = shlex::split(line).ok_or(UsageError::OpenQuote)?;
    let Some(name) = words.first() else { return Ok(None) };
    let Some(command) = find(name) else { return Err(UsageError::UnknownCommand { word: name.clone() }) };
    let action = words.get(1).and_then(|word| command.find_subcommand(word));
    let usage = match action {
        Some(action) => format!("{name} {}", usage(action)),
        None => usage(command),
    };
    Line::try_parse_from(&words).map(Some).map_err(|error| complaint(&error, &usage))
}

/// What clap says, on one line.
fn complaint(error: &clap::Error, usage: &str) -> UsageError {
    let usage = usage.to_owned();
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    // `--networks <LIST>`
    let option = argument.split(' ').next().unwrap_or_default().to_owned();
    match error.kind() {
        ErrorKind::UnknownArgument if option.starts_with('-') => {
            UsageError::UnknownOption { word: option, usage }
        }
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            UsageError::Value { option, why }
        }
        ErrorKind::InvalidValue => {
            UsageError::Value { option, why: format!("a value is missing; usage: {usage}") }
        }
        // All others mean that an argument is missing or too many.
        _ => UsageError::Arguments { usage },
    }
}

/// The commands in the order of the list.
pub fn commands() -> impl Iterator<Item = &'static clap::Command> {
    COMMANDS.get_subcommands()
}

/// The command of this name; `quit` is what many type for `exit`.
pub fn find(name: &str) -> Option<&'static clap::Command> {
    COMMANDS.find_subcommand(name)
}

/// What clap says about a command, in lines of at most `width` columns.
pub fn help_of(command: &clap::Command, width: usize) -> clap::builder::StyledStr {
    let rest = if options(command).next().is_some() { " [OPTIONS]" } else { "" };
    let usage = short_usage(command) + rest;
    // Of the command alone: a width is handed down only before a definition is built.
    command.clone().override_usage(usage).term_width(width).render_help()
}

/// Its name and arguments.
pub fn short_usage(command: &clap::Command) -> String {
    let own = command.has_subcommands().then(|| "ACTION".to_owned());
    let words: Vec<String> =
        std::iter::once(command.get_name().to_owned()).chain(own).chain(positionals(command)).collect();
    words.join(" ")
}

/// Its name, arguments and options.
pub fn usage(command: &clap::Command) -> String {
    format!("{} {}", command.get_name(), arguments(command)).trim_end().to_owned()
}

/// Its arguments and options; of a command with commands of its own, their names.
pub fn arguments(command: &clap::Command) -> String {
    if command.has_subcommands() {
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        return names.join("|");
    }
    let options = options(command).map(|option| {
        let value = match option.get_action().takes_values() {
            // Its value may be left out.
            true if option.is_require_equals_set() => format!("[={}]", value_name(option)),
            true => format!(" {}", value_name(option)),
            false => String::new(),
        };
        format!("[--{}{value}]", option.get_long().unwrap_or_default())
    });
    positionals(command).chain(options).collect::<Vec<_>>().join(" ")
}

/// Its options, each as it is typed.
pub fn option_names(command: &clap::Command) -> impl Iterator<Item = String> {
    options(command).filter_map(|option| option.get_long()).map(|name| format!("--{name}"))
}

/// What its argument at this position is called, such as `URL`.
pub fn argument_name(command: &clap::Command, position: usize) -> Option<&str> {
    command.get_positionals().nth(position).map(value_name)
}

fn options(command: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    command.get_arguments().filter(|argument| !argument.is_positional())
}

fn positionals(command: &clap::Command) -> impl Iterator<Item = String> {
    command.get_positionals().map(|argument| match argument.is_required_set() {
        true => value_name(argument).to_owned(),
        false => format!("[{}]", value_name(argument)),
    })
}

fn value_name(argument: &clap::Arg) -> &str {
    argument.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str())
}

/// The command whose name is most like `word`, if any is alike, as the end of a sentence.
fn suggestion(word: &str) -> String {
    commands()
        .map(|command| (strsim::damerau_levenshtein(word, command.get_name()), command.get_name()))
        .min()
        .filter(|(distance, name)| *distance <= 2 && *distance < name.len())
        .map_or_else(String::new, |(_, name)| format!(": did you mean \"{name}\"?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{Network, Networks};
    use crate::proto::command::{SearchOptions, Source};

    #[track_caller]
    fn check(line: &str, expect: Result<Option<Line>, &str>) {
        let parsed = parse(line).map_err(|error| error.to_string());
        assert_eq!(parsed, expect.map_err(str::to_owned), "{line}");
    }

    #[test]
    fn lines() {
        let query = |url: &str, options| {
            Ok(Some(Line::Command(Command::Query {
                url: url.to_owned(),
                whole: false,
                first: false,
                credit: None,
                options,
            })))
        };
        let plain = SearchOptions::default();
        let detached = SearchOptions { detach: true, ..SearchOptions::default() };
        check("", Ok(None));
        check("  ", Ok(None));
        check("query https://a.example/?a=1&b=2", query("https://a.example/?a=1&b=2", plain.clone()));
        check("query --detach https://a.example/", query("https://a.example/", detached));
        check(
            "query",
            Err(
                "usage: query URL [--whole] [--first] [--credit[=MARKUP]] [--networks LIST] [--thumbnails] [--detach]",
            ),
        );
        check(
            "query a b",
            Err(
                "usage: query URL [--whole] [--first] [--credit[=MARKUP]] [--networks LIST] [--thumbnails] [--detach]",
            ),
        );
        check(
            "query --turned a",
            Err(
                "unknown option \"--turned\"; usage: query URL [--whole] [--first] [--credit[=MARKUP]] [--networks LIST] [--thumbnails] [--detach]",
            ),
        );
        let networks = Networks::of([Network::Bluesky, Network::Twitter]);
        check(
            "query --networks bluesky,twitter https://a.example/",
            query("https://a.example/", SearchOptions { networks, ..SearchOptions::default() }),
        );
        check(
            "query https://a.example/ --networks orkut",
            Err("--networks: \"orkut\" is none of the networks: twitter, bluesky, mastodon, misskey"),
        );
        check(
            "query https://a.example/ --networks",
            Err(
                "--networks: a value is missing; usage: query URL [--whole] [--first] [--credit[=MARKUP]] [--networks LIST] [--thumbnails] [--detach]",
            ),
        );
        check(
            "scan @Jane",
            Ok(Some(Line::Command(Command::Scan { name: "Jane".to_owned(), whole: false, detach: false }))),
        );
        let search = |image: &str, account: Option<&str>, turned, options| {
            let (image, account) = (Source::from(image), account.map(str::to_owned));
            Ok(Some(Line::Command(Command::Search { image, account, turned, options })))
        };
        check("search 'my picture.png' @jane", search("my picture.png", Some("jane"), false, plain.clone()));
        let thumbnails = SearchOptions { thumbnails: true, ..SearchOptions::default() };
        check("search a.png --turned --thumbnails", search("a.png", None, true, thumbnails));
        check("search my\\ picture.png", search("my picture.png", None, false, plain.clone()));
        check("search \"a \\\"b\\\".png\"", search("a \"b\".png", None, false, plain.clone()));
        check(
            "search https://a.example/1.png",
            search("https://a.example/1.png", None, false, plain.clone()),
        );
        check("search ''", search("", None, false, plain));
        check("search 'a", Err("a quotation mark is not closed"));
        check("stats", Ok(Some(Line::Command(Command::Stats))));
        check("stats now", Err("usage: stats"));
        check("quit", Ok(Some(Line::Exit)));
        check("help scan", Ok(Some(Line::Help { topic: Some("scan".to_owned()) })));
        check("qeury x", Err("unknown command \"qeury\": did you mean \"query\"?"));
        check("thread", Err("unknown command \"thread\": did you mean \"threads\"?"));
        check("frobnicate", Err("unknown command \"frobnicate\""));
    }

    #[test]
    fn every_example_parses() {
        for command in commands() {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  ")).collect();
            assert!(!examples.is_empty(), "{}", command.get_name());
            for example in examples {
                let (line, purpose) = example.split_once("  ").unwrap();
                assert!(parse(line).unwrap().is_some() && !purpose.is_empty(), "{line}");
                assert!(line.starts_with(command.get_name()), "{line}");
            }
        }
    }
}
