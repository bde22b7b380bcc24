//! Watches: one that was begun or ended, and all there are.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::api::watches::{BegunWatch, WatchAnswer, WatchesList, feed_path};
use crate::base::counted;
use crate::console::table::{Style, Tone, clean, wrap};
use crate::console::words::day;
use crate::domain::watches::WatchedAccount;
use crate::proto::front::{WatchView, WatchesAnswer};

pub fn watches(answer: &WatchesAnswer, style: Style) -> String {
    match answer {
        WatchesAnswer::Begun { watch, is_new } => {
            let head = if *is_new { "Watching:" } else { "It is watched already:" };
            format!("{} {}\n{}", style.paint(Tone::Good, head), clean(&watch.watch.subject), lines(watch))
        }
        WatchesAnswer::Ended(watch) => {
            let told = "Its feed is gone; what is indexed stays.";
            let head = style.paint(Tone::Good, "Watched no longer:");
            format!("{head} {}\n{told}\n", clean(&watch.subject))
        }
        WatchesAnswer::List { watches, .. } if watches.is_empty() => {
            "Nobody is watched: `watch ACCOUNT|URL` begins it.\n".to_owned()
        }
        WatchesAnswer::List { watches, .. } => {
            let each = |view: &WatchView| {
                let head =
                    format!("{}, since {}, by {}", view.watch.subject, day(view.watch.began), view.watch.who);
                format!("{}\n{}", clean(&head), lines(view))
            };
            watches.iter().map(each).collect::<String>() + &counted(watches.len(), "watch") + "\n"
        }
        WatchesAnswer::Wrong { why } => {
            let told = format!("Nothing is watched: {}.", why.trim_end_matches('.'));
            wrap(&clean(&told), style.width) + "\n"
        }
        WatchesAnswer::Unknown => {
            "There is no watch of this id: `watch --list` shows those there are.\n".to_owned()
        }
    }
}

fn lines(view: &WatchView) -> String {
    let watch = &view.watch;
    let mut text = String::new();
    let _ = writeln!(text, "  id      {}", watch.id);
    let _ = writeln!(text, "  feed    {} (below the server's address)", feed_path(watch.id));
    if let Some(webhook) = &watch.webhook {
        let _ = writeln!(text, "  webhook {}", clean(webhook));
    }
    for account in &watch.accounts {
        let _ = writeln!(text, "  account {}", clean(&told(account)));
    }
    if view.is_looked_up {
        text += "  The accounts are being looked up: `watch --list` shows them.\n";
    }
    if let Some(problem) = &view.problem {
        let _ = writeln!(text, "  {}", clean(problem));
    }
    text
}

fn told(account: &WatchedAccount) -> String {
    let network = account.key.network.title();
    let name = match account.handle.as_str() {
        "" => account.key.to_string(),
        handle => format!("@{handle} ({network})"),
    };
    match &account.unreadable {
        Some(why) => format!("{name}: it {why}"),
        None => name,
    }
}

/// For programs: the JSON of the API.
pub fn watches_json(answer: &WatchesAnswer) -> Value {
    match answer {
        WatchesAnswer::Begun { watch, is_new } => {
            json!(BegunWatch { watch: WatchAnswer::from(watch), new: *is_new })
        }
        WatchesAnswer::Ended(watch) => json!(WatchAnswer::of(watch)),
        WatchesAnswer::List { watches, more } => json!(WatchesList::of(watches, *more)),
        WatchesAnswer::Wrong { why } => json!({ "error": "BAD_REQUEST", "error_detail": why }),
        WatchesAnswer::Unknown => {
            json!({ "error": "NOT_FOUND", "error_detail": "there is no watch of this id" })
        }
    }
}
