//! The commands: their names, arguments and help, parsed in one place for the console and for the
//! one-shot commands of the shell.

use std::path::PathBuf;

/// A command as typed, checked as far as that is possible without the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Query {
        url: String,
        detach: bool,
    },
    Scan {
        handle: String,
        detach: bool,
    },
    Search {
        source: Source,
        account: Option<String>,
        detach: bool,
    },
    Stats,
    Threads,
    Queues,
    Metrics,
    Stop,
    /// Of all commands, or of one.
    Help(Option<&'static Spec>),
    Exit,
}

/// What to search for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Url(String),
    File(PathBuf),
}

/// One command, for `help`, completion and hints.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    pub name: &'static str,
    /// As in a usage line.
    pub arguments: &'static str,
    pub summary: &'static str,
    pub details: &'static str,
    pub example: &'static str,
}

impl Spec {
    /// Name and arguments.
    pub fn usage(&self) -> String {
        format!("{} {}", self.name, self.arguments).trim_end().to_owned()
    }
}

const FOLLOWING: &str = "Follows the work until it is done. Ctrl-C leaves it running; --detach does not wait at all. \
    Asked again, it shows where the work is.";

pub const SPECS: &[Spec] = &[
    Spec {
        name: "query",
        arguments: "URL [--detach]",
        summary: "find the posts of the artwork on this page",
        details: FOLLOWING,
        example: "query https://www.pixiv.net/artworks/98",
    },
    Spec {
        name: "scan",
        arguments: "NAME [--detach]",
        summary: "index an account's posts, or those that are new",
        details: FOLLOWING,
        example: "scan @jane_paints",
    },
    Spec {
        name: "search",
        arguments: "FILE|URL [NAME] [--detach]",
        summary: "search an image, in one account or everywhere",
        details: "The image is a file of this machine or the URL of an image file. \
            Only accounts that are indexed are searched.",
        example: "search ~/picture.png jane_paints",
    },
    Spec {
        name: "stats",
        arguments: "",
        summary: "sizes of the database, work in progress",
        details: "",
        example: "stats",
    },
    Spec {
        name: "threads",
        arguments: "",
        summary: "what each worker of each process is doing",
        details: "",
        example: "threads",
    },
    Spec {
        name: "queues",
        arguments: "",
        summary: "how much work waits, and for how long",
        details: "",
        example: "queues",
    },
    Spec {
        name: "metrics",
        arguments: "",
        summary: "how long the measured steps take",
        details: "",
        example: "metrics",
    },
    Spec {
        name: "stop",
        arguments: "",
        summary: "end the daemon",
        details: "Running work is given back and goes on at the next start.",
        example: "stop",
    },
    Spec {
        name: "help",
        arguments: "[COMMAND]",
        summary: "this list, or more about one command",
        details: "",
        example: "help query",
    },
    Spec {
        name: "exit",
        arguments: "",
        summary: "leave the console; the daemon keeps running",
        details: "Ctrl-D does the same.",
        example: "exit",
    },
];

/// Why a line is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("unknown command \"{word}\"{}", suggestion(word))]
    UnknownCommand { word: String },
    #[error("usage: {}", spec.usage())]
    Arguments { spec: &'static Spec },
    #[error("unknown option \"{word}\"; usage: {}", spec.usage())]
    UnknownOption { word: String, spec: &'static Spec },
    #[error("a quotation mark is not closed")]
    OpenQuote,
}

impl Command {
    /// Parses a line of the console; `None` for an empty one.
    pub fn parse_line(line: &str) -> Result<Option<Command>, UsageError> {
        let words = split(line)?;
        if words.is_empty() { Ok(None) } else { Command::parse(&words).map(Some) }
    }

    /// Parses a command in words, as a shell hands it over.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Command, UsageError> {
        let mut words = words.iter().map(AsRef::as_ref);
        let name = words.next().unwrap_or_default();
        let Some(spec) = find(name) else {
            return Err(UsageError::UnknownCommand { word: name.to_owned() });
        };
        let mut detach = false;
        let mut arguments = Vec::new();
        for word in words {
            match word {
                "--detach" if spec.arguments.contains("--detach") => detach = true,
                _ if word.starts_with("--") => {
                    return Err(UsageError::UnknownOption { word: word.to_owned(), spec });
                }
                _ => arguments.push(word),
            }
        }
        match (spec.name, arguments.as_slice()) {
            ("query", [url]) => Ok(Command::Query { url: (*url).to_owned(), detach }),
            ("scan", [handle]) => Ok(Command::Scan { handle: without_at(handle), detach }),
            ("search", [source]) => Ok(Command::Search { source: source_of(source), account: None, detach }),
            ("search", [source, account]) => {
                Ok(Command::Search { source: source_of(source), account: Some(without_at(account)), detach })
            }
            ("stats", []) => Ok(Command::Stats),
            ("threads", []) => Ok(Command::Threads),
            ("queues", []) => Ok(Command::Queues),
            ("metrics", []) => Ok(Command::Metrics),
            ("stop", []) => Ok(Command::Stop),
            ("help", []) => Ok(Command::Help(None)),
            ("help", [topic]) => match find(topic) {
                Some(topic) => Ok(Command::Help(Some(topic))),
                None => Err(UsageError::UnknownCommand { word: (*topic).to_owned() }),
            },
            ("exit", []) => Ok(Command::Exit),
            _ => Err(UsageError::Arguments { spec }),
        }
    }
}

impl Command {
    /// It goes on after its first reply, until its work is done.
    pub fn is_followed(&self) -> bool {
        match self {
            Command::Query { detach, .. } | Command::Scan { detach, .. } | Command::Search { detach, .. } => {
                !detach
            }
            Command::Stats
            | Command::Threads
            | Command::Queues
            | Command::Metrics
            | Command::Stop
            | Command::Help(_)
            | Command::Exit => false,
        }
    }
}

/// The command of this name; `quit` is what many type for `exit`.
pub fn find(name: &str) -> Option<&'static Spec> {
    let name = if name == "quit" { "exit" } else { name };
    SPECS.iter().find(|spec| spec.name == name)
}

/// The command whose name is most like `word`, if any is alike, as the end of a sentence.
fn suggestion(word: &str) -> String {
    SPECS
        .iter()
        .map(|spec| (strsim::damerau_levenshtein(word, spec.name), spec.name))
        .min()
        .filter(|(distance, name)| *distance <= 2 && *distance < name.len())
        .map_or_else(String::new, |(_, name)| format!(": did you mean \"{name}\"?"))
}

fn without_at(handle: &str) -> String {
    handle.strip_prefix('@').unwrap_or(handle).to_owned()
}

fn source_of(word: &str) -> Source {
    if word.starts_with("http://") || word.starts_with("https://") {
        Source::Url(word.to_owned())
    } else {
        Source::File(PathBuf::from(word))
    }
}

/// Splits a line into words at white space; `'...'` and `"..."` keep it, `\` takes the next
/// character as it is (not inside single quotes).
fn split(line: &str) -> Result<Vec<String>, UsageError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(UsageError::OpenQuote);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: Result<Option<Command>, &str>) {
        let parsed = Command::parse_line(line).map_err(|error| error.to_string());
        assert_eq!(parsed, expect.map_err(str::to_owned), "{line}");
    }

    #[test]
    fn lines() {
        let query = |url: &str, detach| Ok(Some(Command::Query { url: url.to_owned(), detach }));
        check("", Ok(None));
        check("  ", Ok(None));
        check("query https://a.example/?a=1&b=2", query("https://a.example/?a=1&b=2", false));
        check("query --detach https://a.example/", query("https://a.example/", true));
        check("query", Err("usage: query URL [--detach]"));
        check("query a b", Err("usage: query URL [--detach]"));
        check("query --fast a", Err("unknown option \"--fast\"; usage: query URL [--detach]"));
        check("scan @Jane", Ok(Some(Command::Scan { handle: "Jane".to_owned(), detach: false })));
        let search = |source, account: Option<&str>| {
            Ok(Some(Command::Search { source, account: account.map(str::to_owned), detach: false }))
        };
        check("search 'my picture.png' @jane", search(Source::File("my picture.png".into()), Some("jane")));
        check("search my\\ picture.png", search(Source::File("my picture.png".into()), None));
        check("search \"a \\\"b\\\".png\"", search(Source::File("a \"b\".png".into()), None));
        check("search https://a.example/1.png", search(Source::Url("https://a.example/1.png".into()), None));
        check("search ''", search(Source::File("".into()), None));
        check("search 'a", Err("a quotation mark is not closed"));
        check("stats", Ok(Some(Command::Stats)));
        check("stats now", Err("usage: stats"));
        check("quit", Ok(Some(Command::Exit)));
        check("help scan", Ok(Some(Command::Help(find("scan")))));
        check("qeury x", Err("unknown command \"qeury\": did you mean \"query\"?"));
        check("thread", Err("unknown command \"thread\": did you mean \"threads\"?"));
        check("frobnicate", Err("unknown command \"frobnicate\""));
    }

    #[test]
    fn every_example_parses() {
        for spec in SPECS {
            assert!(Command::parse_line(spec.example).unwrap().is_some(), "{}", spec.example);
        }
    }
}
