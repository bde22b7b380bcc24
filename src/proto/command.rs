//! The admin socket (a Unix socket): one JSON object per line. Clients send an `Order`;
//! the daemon answers with one or several `Reply`s, the last of which is not `Progress`.
//!
//! `Command` is the one definition of the commands. The console and the shell parse it with clap, their help,
//! hints and completion are made from it, and the socket carries it.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::control::StacksWritten;
use super::front::FrontAnswer;
use crate::base::ids::Networks;
use crate::domain::credit::Markup;

/// One command to the daemon.
///
/// A summary is at most 56 columns wide, so that the console's list fits a narrow terminal. What stands in
/// `after_help` is for the console, whose lines the examples are; the shell's help leaves it out.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Find the artist's posts of the artwork on a page
    #[command(after_help = "\
The work is followed to its end; Ctrl-C leaves it running. Asked again, it shows where the work is.

Examples:
  query https://www.pixiv.net/artworks/98                     to its end
  query https://www.pixiv.net/artworks/98 --networks bluesky  on Bluesky only
  query https://www.pixiv.net/artworks/98 --first             to the first post found
  query https://www.pixiv.net/artworks/98 --whole             in all of the artist's posts
  query https://www.pixiv.net/artworks/98 --thumbnails        with pictures
  query https://www.pixiv.net/artworks/98 --credit            the text to copy
  query https://www.pixiv.net/artworks/98 --detach            only begin it")]
    Query {
        /// Address of the artwork's page
        url: String,
        /// Scan the artist's accounts whole first, not only around the artwork's date
        #[arg(long)]
        #[serde(default, skip_serializing_if = "is_false")]
        whole: bool,
        /// Be content with the first post that shows the artwork itself
        #[arg(long)]
        #[serde(default, skip_serializing_if = "is_false")]
        first: bool,
        /// Show the credit to copy: the posts, then the artist's links; plain, markdown or html
        #[arg(long, value_name = "MARKUP", num_args = 0..=1, require_equals = true,
            default_missing_value = "plain")]
        #[serde(skip)] // the client's own affair
        credit: Option<Markup>,
        #[command(flatten)]
        options: SearchOptions,
    },
    /// Find an artwork's artist, without looking for posts
    #[command(after_help = "\
The accounts to which the page leads, with the reasons. Nothing is scanned or indexed. X bills each account that is \
looked up; --no-resolve does without.

Examples:
  artist https://www.pixiv.net/artworks/98               looked up with their networks
  artist https://www.pixiv.net/artworks/98 --no-resolve  as the pages name them
  artist https://www.pixiv.net/artworks/98 --credit      the text to copy")]
    Artist {
        /// Address of the artwork's page
        url: String,
        /// Do not look the accounts up with their networks, which costs nothing
        #[arg(long)]
        #[serde(default, skip_serializing_if = "is_false")]
        no_resolve: bool,
        /// Show the credit to copy: the artist's links; plain, markdown or html
        #[arg(long, value_name = "MARKUP", num_args = 0..=1, require_equals = true,
            default_missing_value = "plain")]
        #[serde(skip)] // the client's own affair
        credit: Option<Markup>,
        /// Leave out accounts on others: twitter, bluesky, mastodon, misskey, with commas between
        #[arg(long, value_name = "LIST", value_parser = Networks::from_names)]
        networks: Option<Networks>,
        /// Do not wait for the end: only begin it, or see how far it is
        #[arg(long)]
        detach: bool,
    },
    /// Index an account's posts, or those that are new
    #[command(after_help = "\
The work is followed to its end; Ctrl-C leaves it running. Asked again, it shows where the work is.

Examples:
  scan @jane_paints               an account on X
  scan jane.example --detach      one on Bluesky, without waiting
  scan jane@server.example        one on Mastodon, Misskey and their kin
  scan jane.example --whole       also what was posted with an old date
  scan https://x.com/jane_paints  by the address of its page")]
    Scan {
        /// A name on X, name.example on Bluesky, user@server on Mastodon or Misskey, or the address of the
        /// account's page
        #[arg(value_parser = without_at)]
        name: String,
        /// List all its posts again, not only the new ones; on X, all of them are paid for again
        #[arg(long)]
        #[serde(default)]
        whole: bool,
        /// Do not wait for the end: only begin it, or see how far it is
        #[arg(long)]
        detach: bool,
    },
    /// Search an image, in one account or everywhere
    #[command(after_help = "\
Only accounts that are indexed are searched.

Examples:
  search ~/picture.png                           in all that is indexed
  search 'my picture.png' @jane_paints           quotes keep spaces
  search https://i.example/picture.jpg --turned  however it is turned
  search https://x.com/jane_paints/status/123    which page shows this post's artwork")]
    Search {
        /// A file of this machine, or the address of an image file or of a post (looked up, which X bills)
        #[arg(value_name = "FILE|URL")]
        image: Source,
        /// Search this account's posts only
        #[arg(value_name = "NAME", value_parser = without_at)]
        account: Option<String>,
        /// Find it mirrored, turned by a quarter or upside down as well
        #[arg(long)]
        turned: bool,
        #[command(flatten)]
        options: SearchOptions,
    },
    /// Cancel a query, a search or the scan of an account
    #[command(after_help = "\
It ends at once, and does not come back after a restart. What is indexed already stays. A query takes its \
scans along where nobody else wants them.

Examples:
  cancel https://www.pixiv.net/artworks/98  the query of this page
  cancel 0b1f2ac9d5e84f7fa1f60a1c2d3e4f50   the query, or search, of this id
  cancel @jane_paints                       the scan of this account")]
    Cancel {
        /// A query's id or the address of its page, a search's identifier, or an account
        #[arg(value_name = "ID|URL|NAME")]
        what: String,
    },
    /// Show an account's names, and how much of it is indexed
    #[command(after_help = "\
A name that several accounts had in turn shows all of them, the present one first.

Examples:
  account @jane_paints  by its name, also a former one
  account 783214        by its id on the network")]
    Account {
        /// Its name or its id
        #[arg(value_name = "NAME|ID", value_parser = without_at)]
        name: String,
    },
    /// Say whose an account is, or which pictures are the same
    #[command(after_help = "\
What a person says passes before every rule. It is shown in the answers where it acts, and can be taken back. \
Where two contradict each other, both are kept and none of them acts.

Examples:
  verdict not-artist @repost_bot --why 'It reposts everybody'         of no page
  verdict artist @jane --page https://www.pixiv.net/users/12          of her works
  verdict different https://www.pixiv.net/artworks/98 https://x.com/a/status/20  leave it out
  verdict same https://www.pixiv.net/artworks/98 twitter:20           put it first
  verdict list                                                        newest first
  verdict remove 0123456789abcdef                                     take it back
  verdict export verdicts.jsonl                                       a line of JSON for each
  verdict import verdicts.jsonl                                       all of them, or none")]
    Verdict {
        #[command(subcommand)]
        action: VerdictAction,
    },
    /// Hear of an artist's new posts: feed, events, webhook
    #[command(after_help = "\
An account, or the artist of the work on a page, on all networks. The accounts are listed every hour \
([watches] every_minutes), within the budget; what is new comes out as an Atom feed, as a stream of events, and at \
the webhook that is named. Whoever knows the id can read the feed.

Examples:
  watch @jane_paints                               an account
  watch https://www.pixiv.net/artworks/98          the accounts of a work's artist
  watch jane.example --webhook bot                 a webhook is told, too
  watch --list                                     all that are watched
  watch --end 0123456789abcdef0123456789abcdef     no longer")]
    Watch {
        /// An account, or the address of an artwork's page
        #[arg(value_name = "ACCOUNT|URL", required_unless_present_any = ["list", "end"])]
        what: Option<String>,
        /// Tell the webhook of this name of each new post
        #[arg(long, value_name = "NAME", conflicts_with_all = ["list", "end"])]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        webhook: Option<String>,
        /// Show all that are watched, and by whom
        #[arg(long, conflicts_with_all = ["what", "end"])]
        #[serde(default, skip_serializing_if = "is_false")]
        list: bool,
        /// Watch no longer; its feed is gone with it
        #[arg(long, value_name = "ID", conflicts_with = "what")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<String>,
    },
    /// Remove an account or a post for good, or show what was
    #[command(after_help = "\
For an artist's or a network's wish. What is stored of it is removed: posts, fingerprints, answers that name it. \
Searches miss it at once, scans of it end, and a mark, a hash of its id, keeps it from ever being stored, scanned or \
shown again, also by imports. Of an account or post that is not stored, the mark alone is left. --undo lifts a mark; \
what was removed does not come back by that.

Examples:
  forget @jane_paints                              an account that is indexed, by its name
  forget https://x.com/i/user/783214               by its id, whether or not it is indexed
  forget https://x.com/jane_paints/status/20       one post
  forget jane.example --note \"letter of 3 May\"     with a note for whoever reads the list
  forget --list                                    all marks
  forget --undo 76b58a0fcc4b                       lifts one, by its first digits or its id")]
    Forget {
        /// An account's name or id, or the address of an account's or a post's page; with --undo also a mark
        #[arg(value_name = "ACCOUNT|POST", required_unless_present = "list", value_parser = without_at)]
        what: Option<String>,
        /// Words to be kept with the mark, 200 bytes at most
        #[arg(long, value_name = "TEXT", conflicts_with_all = ["undo", "list"])]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Lift the mark: it may be stored again
        #[arg(long)]
        #[serde(default, skip_serializing_if = "is_false")]
        undo: bool,
        /// Show all marks, with their dates and notes
        #[arg(long, conflicts_with_all = ["what", "undo"])]
        #[serde(default, skip_serializing_if = "is_false")]
        list: bool,
    },
    /// Show database sizes, work in progress, money spent
    #[command(after_help = "\
\"Posts to be tried again\" are posts whose images could not be read yet; they are tried again by \
themselves. What is spent is counted as X bills it, against [twitter.budget].

Example:
  stats  the same figures as /stats of the API")]
    Stats,
    /// Show what each worker of each process is doing
    #[command(after_help = "\
\"Since\" is how long it has been doing that, \"try\" the number of the attempt, \"request\" whose work it \
is: q a query's, s a scan's.

Example:
  threads  a worker that is busy for minutes is worth a look: then `stacks`")]
    Threads,
    /// Show how much work waits, and for how long
    #[command(after_help = "\
Work for users goes before maintenance. \"In work\" is what workers hold now, \"oldest\" how long the \
first in the queue has waited.

Example:
  queues  a queue that only grows has too few workers, or waits for a network")]
    Queues,
    /// Show how long the measured steps take
    #[command(after_help = "\
Since the start of the daemon. Half of the cases took no longer than p50, 95 of 100 no longer than p95. \
\"Wait\" is time in a queue, \"work\" time with a worker; the steps in capitals are those that a query \
shows.

Example:
  metrics  where the time of a slow query goes")]
    Metrics,
    /// Say whether all is well, and if not, why
    #[command(after_help = "\
What waits for the database, the network or a process, and since when. The same reasons are given by /readyz.

Example:
  health  the first thing to look at when nothing moves")]
    Health,
    /// Write down where every thread is (logs/stacktrace.log)
    #[command(after_help = "\
Appends the call stacks of all threads and the asynchronous tasks of all processes. Works also while a \
worker spins or blocks.

Example:
  stacks  for a report of something that hangs")]
    Stacks,
    /// Show the version of the daemon
    #[command(after_help = "\
After an upgrade it differs from the console's until the daemon is restarted.

Example:
  version  the daemon's; `aotf --version` is that of the executable")]
    Version,
    /// End the daemon
    #[command(after_help = "\
Running work is given back and goes on at the next start.

Example:
  stop  the shell's `aotf stop` does the same")]
    Stop,
}

/// What is said, or done with what was said.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictAction {
    /// This account is not the artist's: of a page, or of any
    NotArtist {
        /// Its id (twitter:12, a DID, mastodon:URI), the address of its page, or a name that is known here
        account: String,
        /// Only for this page: the artwork's, or one of the artist's
        #[arg(long, value_name = "URL")]
        page: Option<String>,
        /// Why, for whoever asks later
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// This account is the artist's of a page
    Artist {
        /// Its id (twitter:12, a DID, mastodon:URI), the address of its page, or a name that is known here
        account: String,
        /// The artwork's page, or one of the artist's that its search reads
        #[arg(long, value_name = "URL")]
        page: String,
        /// Why, for whoever asks later
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        why: String,
    },
    /// The picture of a page and that of a post are not the same
    Different(Pictures),
    /// The picture of a page and that of a post are the same
    Same(Pictures),
    /// List what was said, newest first
    List {
        /// Those before this place, as the end of a list names it
        #[arg(long, value_name = "PLACE")]
        #[serde(default)]
        before: Option<String>,
    },
    /// Take back what was said
    Remove {
        /// As the list shows it
        id: String,
    },
    /// Write all that was said into a file, a line of JSON for each
    Export {
        /// Is made anew; - is the standard output
        file: PathBuf,
    },
    /// Take over what a file says; what is known already stays
    Import {
        /// As `verdict export` writes it
        file: PathBuf,
    },
}

/// Two pictures.
#[derive(Clone, Debug, PartialEq, Eq, Args, Serialize, Deserialize)]
pub struct Pictures {
    /// Address of the artwork's page
    pub url: String,
    /// Address of the post as answers show it, or its id (twitter:20)
    pub post: String,
    /// Only this image of the post, from 1
    #[arg(long, value_name = "NUMBER")]
    #[serde(default)]
    pub image: Option<u8>,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    #[serde(default)]
    pub why: String,
}

/// What the two commands that find posts have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
pub struct SearchOptions {
    /// Leave out accounts and posts on others: twitter, bluesky, mastodon, misskey, with commas between
    #[arg(long, value_name = "LIST", value_parser = Networks::from_names)]
    pub networks: Option<Networks>,
    /// Show the pictures of the posts, in terminals that can (sixel, kitty, iTerm)
    #[arg(long)]
    #[serde(skip)] // the client's own affair
    pub thumbnails: bool,
    /// Do not wait for the end: only begin it, or see how far it is
    #[arg(long)]
    pub detach: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What to search for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Url(String),
    File(PathBuf),
}

impl From<&str> for Source {
    fn from(word: &str) -> Source {
        if word.starts_with("http://") || word.starts_with("https://") {
            Source::Url(word.to_owned())
        } else {
            Source::File(PathBuf::from(word))
        }
    }
}

impl Command {
    /// The markup of the credit, where one was asked for.
    pub fn credit(&self) -> Option<Markup> {
        match self {
            Command::Query { credit, .. } | Command::Artist { credit, .. } => *credit,
            _ => None,
        }
    }

    /// Pictures of what is found were asked for.
    pub fn wants_thumbnails(&self) -> bool {
        self.search_options().is_some_and(|options| options.thumbnails)
    }

    /// It goes on after its first reply, until its work is done.
    pub fn is_followed(&self) -> bool {
        match self {
            Command::Scan { detach, .. } | Command::Artist { detach, .. } => !detach,
            other => other.search_options().is_some_and(|options| !options.detach),
        }
    }

    fn search_options(&self) -> Option<&SearchOptions> {
        let (Command::Query { options, .. } | Command::Search { options, .. }) = self else { return None };
        Some(options)
    }
}

fn without_at(name: &str) -> Result<String, Infallible> {
    Ok(name.strip_prefix('@').unwrap_or(name).to_owned())
}

/// From a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub command: Command,
    /// The content of the file that a search names, or lines of the one that is imported: the daemon opens no
    /// file of its clients.
    pub image_base64: Option<String>,
}

/// To a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The work as it is now; more will follow.
    Progress(FrontAnswer),
    Answer(FrontAnswer),
    /// How that stands which was to be cancelled: cancelled, or ended before.
    Cancelled(FrontAnswer),
    Stacks(StacksWritten),
    /// So many verdicts were written into a file, which the client has done itself.
    Exported {
        path: PathBuf,
        verdicts: u64,
    },
    Version(String),
    Stopping,
    /// The daemon cannot answer now (its broker is restarting).
    Unavailable {
        detail: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;

    #[track_caller]
    fn check(command: Command, json: &str) {
        let order = Order { command, image_base64: None };
        let line = format!("{{\"command\":{json},\"image_base64\":null}}");
        assert_eq!(serde_json::to_string(&order).unwrap(), line);
        assert_eq!(serde_json::from_str::<Order>(&line).unwrap(), order);
    }

    #[test]
    fn an_order_is_a_line_of_json() {
        check(Command::Stats, "\"stats\"");
        let what = Some("jane".to_owned());
        check(
            Command::Forget { what, note: None, undo: false, list: false },
            r#"{"forget":{"what":"jane"}}"#,
        );
        check(
            Command::Scan { name: "jane".to_owned(), whole: true, detach: false },
            r#"{"scan":{"name":"jane","whole":true,"detach":false}}"#,
        );
        let older = r#"{"command":{"scan":{"name":"jane","detach":true}},"image_base64":null}"#;
        let order: Order = serde_json::from_str(older).unwrap();
        assert_eq!(order.command, Command::Scan { name: "jane".to_owned(), whole: false, detach: true });
        let options =
            SearchOptions { networks: Networks::of([Network::Bluesky]), ..SearchOptions::default() };
        check(
            Command::Query { url: "u".to_owned(), whole: false, first: false, credit: None, options },
            r#"{"query":{"url":"u","options":{"networks":["bluesky"],"detach":false}}}"#,
        );
        check(
            Command::Artist {
                url: "u".to_owned(),
                no_resolve: true,
                credit: None,
                networks: None,
                detach: true,
            },
            r#"{"artist":{"url":"u","no_resolve":true,"networks":null,"detach":true}}"#,
        );
        let options = SearchOptions { detach: true, ..SearchOptions::default() };
        check(
            Command::Search { image: Source::from("a.png"), account: None, turned: true, options },
            r#"{"search":{"image":{"file":"a.png"},"account":null,"turned":true,"options":{"networks":null,"detach":true}}}"#,
        );
    }
}
