//! What is known of accounts.

use std::fmt::Write as _;

use crate::api::account::coverage_words;
use crate::base::{Timestamp, counted};
use crate::console::table::{Align, Style, Table, Tone};
use crate::console::words::day;
use crate::domain::accounts::AccountRecord;
use crate::domain::scans::CoveredWindow;

/// Each account with its history, the present owner of the name first.
pub fn accounts_known(records: &[AccountRecord], style: Style) -> String {
    if records.is_empty() {
        return "No account of this name or id is known here: scan it first.\n".to_owned();
    }
    let mut text = String::new();
    for (number, record) in records.iter().enumerate() {
        let state = &record.state;
        let name = record
            .handles
            .first()
            .map_or("(not looked up yet)".to_owned(), |seen| format!("@{}", seen.handle));
        if number == 1 {
            text += "\nThe same name belonged to:\n";
        }
        let _ = writeln!(text, "{}", style.paint(Tone::Strong, &format!("{name}, {}", state.key)));
        let mut table = Table::new([("", Align::Left), ("", Align::Flexible)]);
        let listed =
            |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(", last on {}", day(at)));
        let mut row = |name: &str, value: String| table.row([format!("  {name}"), value]);
        let by_search = coverage_words(record.search_coverage, state.search_listed_at.is_some());
        row("by search", by_search + &listed(state.search_listed_at));
        let by_timeline = coverage_words(record.timeline_coverage, state.timeline_listed_at.is_some());
        row("by timeline", by_timeline + &listed(state.timeline_listed_at));
        for CoveredWindow { window, listed_at } in &state.windows {
            let span = format!("posts from {} to {}", day(window.from), day(window.to));
            row("looked through", format!("{span}, on {}", day(*listed_at)));
        }
        if let (Some(oldest), Some(newest)) = (record.oldest_seen, record.newest_seen) {
            row("posts seen", format!("from {} to {}", day(oldest), day(newest)));
        }
        if let Some(posts) = record.state.stated_posts {
            row("posts it has", posts.to_string());
        }
        row("posts read", record.posts_read.to_string());
        if let (Some(stated), Some(found)) = (record.stated_media, record.found_media) {
            row("media", format!("{found} found of {stated} that the network counts"));
        }
        row("known since", day(record.known_since));
        row("searched by", counted(record.uses, "query"));
        for seen in &record.handles {
            let span = format!("from {} to {}", day(seen.first_seen), day(seen.last_seen));
            row(&format!("@{}", seen.handle), span);
        }
        text += &table.render_rows(style);
    }
    text
}
