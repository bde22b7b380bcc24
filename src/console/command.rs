//! The commands: their names, arguments and help, parsed in one place for the console and for the
//! one-shot commands of the shell.

use std::path::PathBuf;

use crate::base::ids::Networks;

/// A command as typed, checked as far as that is possible without the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Query {
        url: String,
        networks: Networks,
        detach: bool,
        /// Show pictures of the posts.
        thumbnails: bool,
    },
    Scan {
        handle: String,
        detach: bool,
    },
    Search {
        source: Source,
        account: Option<String>,
        /// Also mirrored, turned by a quarter and upside down.
        turned: bool,
        networks: Networks,
        detach: bool,
        thumbnails: bool,
    },
    Account {
        name: String,
    },
    Stats,
    Threads,
    Queues,
    Metrics,
    Health,
    Stacks,
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
    /// Each as it is typed, with the name of its value.
    pub options: &'static [&'static str],
    /// Short enough for the list of all commands on 80 columns.
    pub summary: &'static str,
    pub details: &'static str,
    /// Lines to type, and what each is for.
    pub examples: &'static [(&'static str, &'static str)],
}

impl Spec {
    /// Name and arguments.
    pub fn short_usage(&self) -> String {
        format!("{} {}", self.name, self.arguments).trim_end().to_owned()
    }

    /// Name, arguments and options.
    pub fn usage(&self) -> String {
        format!("{} {}", self.name, self.all_arguments()).trim_end().to_owned()
    }

    /// The option of this name is one of the command's.
    pub fn takes(&self, option: &str) -> bool {
        self.option_names().any(|name| name == option)
    }

    /// The options without their values.
    pub fn option_names(&self) -> impl Iterator<Item = &'static str> {
        self.options.iter().map(|option| option.split(' ').next().unwrap_or_default())
    }

    /// Arguments and options.
    pub fn all_arguments(&self) -> String {
        let options = self.options.iter().map(|option| format!("[{option}]"));
        let parts: Vec<String> = std::iter::once(self.arguments.to_owned()).chain(options).collect();
        parts.join(" ").trim_start().to_owned()
    }
}

pub const SPECS: &[Spec] = &[
    Spec {
        name: "query",
        arguments: "URL",
        options: &["--networks LIST", "--thumbnails", "--detach"],
        summary: "find the artist's posts of the artwork on this page",
        details: "Follows the work until it is done. Ctrl-C leaves it running; --detach does not wait at all. \
            Asked again, it shows where the work is. --networks leaves out the accounts on others: twitter, bluesky, \
            mastodon, with commas between. --thumbnails shows the pictures of the posts, in terminals that can (sixel, \
            kitty, iTerm).",
        examples: &[
            ("query https://www.pixiv.net/artworks/98", "follow it to the answer"),
            ("query https://www.pixiv.net/artworks/98 --networks bluesky,mastodon", "not on X"),
            ("query https://www.pixiv.net/artworks/98 --thumbnails", "with pictures"),
            ("query https://www.pixiv.net/artworks/98 --detach", "begin it, or see how far it is"),
        ],
    },
    Spec {
        name: "scan",
        arguments: "NAME",
        options: &["--detach"],
        summary: "index an account's posts, or those that are new",
        details: "NAME is a name on X, name.example on Bluesky, user@server on Mastodon, or the address of the \
            account's page. Follows the work until it is done. Ctrl-C leaves it running; --detach does not wait \
            at all. Asked again, it shows where the work is.",
        examples: &[
            ("scan @jane_paints", "an account on X"),
            ("scan jane.example --detach", "one on Bluesky, without waiting"),
            ("scan jane@server.example", "one on Mastodon and what is like it"),
            ("scan https://x.com/jane_paints", "by the address of its page"),
        ],
    },
    Spec {
        name: "search",
        arguments: "FILE|URL [NAME]",
        options: &["--turned", "--networks LIST", "--thumbnails", "--detach"],
        summary: "search an image, in one account or everywhere",
        details: "The image is a file of this machine or the address of an image file. Only accounts that are \
            indexed are searched. --turned also finds it mirrored, turned by a quarter or upside down; --networks \
            leaves out the posts on others; --thumbnails shows the pictures that were found.",
        examples: &[
            ("search ~/picture.png", "in all that is indexed"),
            ("search 'my picture.png' @jane_paints", "in one account; quotes keep spaces"),
            ("search https://i.example/picture.jpg --turned", "an image of the web, however it is turned"),
        ],
    },
    Spec {
        name: "account",
        arguments: "NAME|ID",
        options: &[],
        summary: "an account's names, and how much of it is indexed",
        details: "A name that several accounts had in turn shows all of them, the present one first.",
        examples: &[
            ("account @jane_paints", "by its name, also a former one"),
            ("account 783214", "by its id on the network"),
        ],
    },
    Spec {
        name: "stats",
        arguments: "",
        options: &[],
        summary: "sizes of the database, work in progress, money spent",
        details: "\"Posts to be tried again\" are posts whose images could not be read yet; they are tried again \
            by themselves. What is spent is counted as X bills it, against [twitter.budget].",
        examples: &[("stats", "the same figures as /stats of the API")],
    },
    Spec {
        name: "threads",
        arguments: "",
        options: &[],
        summary: "what each worker of each process is doing",
        details: "\"Since\" is how long it has been doing that, \"try\" the number of the attempt, \"request\" whose \
            work it is: q a query's, s a scan's.",
        examples: &[("threads", "a worker that is busy for minutes is worth a look: then `stacks`")],
    },
    Spec {
        name: "queues",
        arguments: "",
        options: &[],
        summary: "how much work waits, and for how long",
        details: "Work for users goes before maintenance. \"In work\" is what workers hold now, \"oldest\" how long \
            the first in the queue has waited.",
        examples: &[("queues", "a queue that only grows has too few workers, or waits for a network")],
    },
    Spec {
        name: "metrics",
        arguments: "",
        options: &[],
        summary: "how long the measured steps take",
        details: "Since the start of the daemon. Half of the cases took no longer than p50, 95 of 100 no longer \
            than p95. \"Wait\" is time in a queue, \"work\" time with a worker; the steps in capitals are those \
            that a query shows.",
        examples: &[("metrics", "where the time of a slow query goes")],
    },
    Spec {
        name: "health",
        arguments: "",
        options: &[],
        summary: "whether all is well, and if not, why",
        details: "What waits for the database, the network or a process, and since when. The same reasons are \
            given by /readyz.",
        examples: &[("health", "the first thing to look at when nothing moves")],
    },
    Spec {
        name: "stacks",
        arguments: "",
        options: &[],
        summary: "write down where every thread is",
        details: "Appends the call stacks of all threads and the asynchronous tasks of all processes to \
            logs/stacktrace.log. Works also while a worker spins or blocks.",
        examples: &[("stacks", "for a report of something that hangs")],
    },
    Spec {
        name: "stop",
        arguments: "",
        options: &[],
        summary: "end the daemon",
        details: "Running work is given back and goes on at the next start.",
        examples: &[("stop", "the shell's `aotf stop` does the same")],
    },
    Spec {
        name: "help",
        arguments: "[COMMAND]",
        options: &[],
        summary: "this list, or more about one command",
        details: "",
        examples: &[("help query", "its options and examples")],
    },
    Spec {
        name: "exit",
        arguments: "",
        options: &[],
        summary: "leave the console; the daemon keeps running",
        details: "Ctrl-D does the same.",
        examples: &[("exit", "`aotf console` comes back")],
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
    #[error("--networks: {why}")]
    Networks { why: String },
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
        let mut turned = false;
        let mut thumbnails = false;
        let mut networks = Networks::default();
        let mut arguments = Vec::new();
        while let Some(word) = words.next() {
            match word {
                "--networks" if spec.takes(word) => {
                    let list = words.next().unwrap_or_default();
                    networks = Networks::from_names(list).map_err(|why| UsageError::Networks { why })?;
                }
                "--detach" if spec.takes(word) => detach = true,
                "--turned" if spec.takes(word) => turned = true,
                "--thumbnails" if spec.takes(word) => thumbnails = true,
                _ if word.starts_with("--") => {
                    return Err(UsageError::UnknownOption { word: word.to_owned(), spec });
                }
                _ => arguments.push(word),
            }
        }
        match (spec.name, arguments.as_slice()) {
            ("query", [url]) => Ok(Command::Query { url: (*url).to_owned(), networks, detach, thumbnails }),
            ("scan", [handle]) => Ok(Command::Scan { handle: without_at(handle), detach }),
            ("search", [source]) => {
                let source = source_of(source);
                Ok(Command::Search { source, account: None, turned, networks, detach, thumbnails })
            }
            ("search", [source, account]) => {
                let account = Some(without_at(account));
                let source = source_of(source);
                Ok(Command::Search { source, account, turned, networks, detach, thumbnails })
            }
            ("account", [name]) => Ok(Command::Account { name: without_at(name) }),
            ("stats", []) => Ok(Command::Stats),
            ("threads", []) => Ok(Command::Threads),
            ("queues", []) => Ok(Command::Queues),
            ("metrics", []) => Ok(Command::Metrics),
            ("health", []) => Ok(Command::Health),
            ("stacks", []) => Ok(Command::Stacks),
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
    /// Pictures of what is found were asked for.
    pub fn wants_thumbnails(&self) -> bool {
        matches!(self, Command::Query { thumbnails: true, .. } | Command::Search { thumbnails: true, .. })
    }

    /// It goes on after its first reply, until its work is done.
    pub fn is_followed(&self) -> bool {
        match self {
            Command::Query { detach, .. } | Command::Scan { detach, .. } | Command::Search { detach, .. } => {
                !detach
            }
            Command::Account { .. }
            | Command::Stats
            | Command::Threads
            | Command::Queues
            | Command::Metrics
            | Command::Health
            | Command::Stacks
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
    use crate::base::ids::Network;

    #[track_caller]
    fn check(line: &str, expect: Result<Option<Command>, &str>) {
        let parsed = Command::parse_line(line).map_err(|error| error.to_string());
        assert_eq!(parsed, expect.map_err(str::to_owned), "{line}");
    }

    #[test]
    fn lines() {
        let query = |url: &str, detach| {
            let networks = Networks::default();
            Ok(Some(Command::Query { url: url.to_owned(), networks, detach, thumbnails: false }))
        };
        check("", Ok(None));
        check("  ", Ok(None));
        check("query https://a.example/?a=1&b=2", query("https://a.example/?a=1&b=2", false));
        check("query --detach https://a.example/", query("https://a.example/", true));
        check("query", Err("usage: query URL [--networks LIST] [--thumbnails] [--detach]"));
        check("query a b", Err("usage: query URL [--networks LIST] [--thumbnails] [--detach]"));
        check(
            "query --turned a",
            Err("unknown option \"--turned\"; usage: query URL [--networks LIST] [--thumbnails] [--detach]"),
        );
        let chosen = Command::Query {
            url: "https://a.example/".to_owned(),
            networks: Networks::of([Network::Bluesky, Network::Twitter]).unwrap(),
            detach: false,
            thumbnails: false,
        };
        check("query --networks bluesky,twitter https://a.example/", Ok(Some(chosen)));
        check(
            "query https://a.example/ --networks orkut",
            Err("--networks: \"orkut\" is none of the networks: twitter, bluesky, mastodon"),
        );
        check(
            "query https://a.example/ --networks",
            Err("--networks: no network is named: twitter, bluesky, mastodon"),
        );
        check("scan @Jane", Ok(Some(Command::Scan { handle: "Jane".to_owned(), detach: false })));
        let search = |source, account: Option<&str>| {
            let account = account.map(str::to_owned);
            let networks = Networks::default();
            let (turned, detach, thumbnails) = (false, false, false);
            Ok(Some(Command::Search { source, account, turned, networks, detach, thumbnails }))
        };
        check("search 'my picture.png' @jane", search(Source::File("my picture.png".into()), Some("jane")));
        let turned = Command::Search {
            source: Source::File("a.png".into()),
            account: None,
            turned: true,
            networks: Networks::default(),
            detach: false,
            thumbnails: true,
        };
        check("search a.png --turned --thumbnails", Ok(Some(turned)));
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
            assert!(!spec.examples.is_empty(), "{}", spec.name);
            for (line, _) in spec.examples {
                assert!(Command::parse_line(line).unwrap().is_some(), "{line}");
                assert!(line.starts_with(spec.name), "{line}");
            }
        }
    }
}
