//! The section `[scan]`: how accounts are indexed, and which are not.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::section::section;
use super::values::DAY;
use crate::domain::blocklist::{self, Blocklist};

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Scan {
        /// An account is scanned again for an artwork newer than its last scan minus this.
        margin: Duration = 7 * DAY, duration(DAY, 0..=3650) as "margin_days";
        /// Accounts that are never scanned nor shown: by id, or by handle with `@`.
        blocklist: Vec<String> = Vec::new(), text_of_file(read_blocklist);
        /// The accounts of organizations that ship with the program are never scanned nor shown
        /// either.
        shipped_blocklist: bool = true, switch();
        /// Listing pauses while this many posts wait to be indexed.
        max_pending_posts: u32 = 2000, number(100..=1_000_000);
        /// Whether an account's timeline is read beside the search.
        timeline: TimelinePolicy = TimelinePolicy::Adaptive, choice(&[
            ("adaptive", TimelinePolicy::Adaptive),
            ("always", TimelinePolicy::Always),
            ("never", TimelinePolicy::Never),
        ]);
        /// How far before and after the artwork's date an account that was never scanned whole is
        /// looked through, step by step, until the artwork is found. Empty: it is scanned whole at once.
        windows: Vec<Duration> = vec![7 * DAY, 30 * DAY, 180 * DAY],
            growing_durations(DAY, 1..=3650) as "windows_days";
        /// Which accounts are indexed whole once their query is answered.
        whole: WholePolicy = WholePolicy::Free, choice(&[
            ("always", WholePolicy::Always),
            ("free", WholePolicy::Free),
            ("asked", WholePolicy::Asked),
        ]);
        /// Whether an account is scanned whole, for a query, where none of the windows holds the artwork.
        when_not_in_windows: NotInWindows = NotInWindows::Whole, choice(&[
            ("whole", NotInWindows::Whole),
            ("stop", NotInWindows::Stop),
        ]);
    }
}

impl Scan {
    /// The operator's blocklist, with the one that ships unless that is switched off.
    pub fn effective_blocklist(&self) -> Blocklist {
        let own: Blocklist = self.blocklist.iter().collect();
        if self.shipped_blocklist { own.with_shipped() } else { own }
    }
}

/// Whether an account's timeline is read beside the search, which misses some posts but reads only those
/// with images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimelinePolicy {
    /// After the search, in samples; as far as they show that the search missed posts.
    Adaptive,
    /// All that the network shows of it, beside the search.
    Always,
    Never,
}

/// Which accounts that were looked through in part are indexed whole once their query is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WholePolicy {
    Always,
    /// Those whose network bills for nothing.
    Free,
    /// None, until somebody asks for it.
    Asked,
}

/// What becomes of a query that has not found its artwork around its date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotInWindows {
    /// The accounts are scanned whole.
    Whole,
    /// It ends, and says what it rests on.
    Stop,
}

fn read_blocklist(path: &Path, text: &str) -> Result<Vec<String>, String> {
    blocklist::parse(text).map_err(|wrong| {
        let lines: Vec<String> =
            wrong.iter().map(|(line, what)| format!("{}:{line}: {what}", path.display())).collect();
        lines.join("; ")
    })
}
