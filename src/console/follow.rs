//! What is said while a query or a scan is followed: a line for each step that has ended, and a
//! passing line for the one at work. Pure.

use std::time::Duration;

use super::render::forgotten::forgetting_progress;
use super::render::query::{progress, step_name};
use super::render::scan::scan_progress;
use super::table::{Style, Tone, clean};
use super::words::duration;
use crate::base::counted;
use crate::proto::command::Reply;
use crate::proto::front::FrontAnswer;
use crate::proto::view::{QueryStatus, QueryView};

/// Waiting shorter than this is not worth a line.
const SHORT_WAIT_MS: u64 = 100;

/// The follower of one piece of work.
pub struct Follower {
    style: Style,
    /// Steps of the query whose end was told.
    steps_told: usize,
    accounts_told: bool,
    first_scan_told: bool,
    last: Option<FrontAnswer>,
}

impl Follower {
    pub fn new(style: Style) -> Follower {
        Follower { style, steps_told: 0, accounts_told: false, first_scan_told: false, last: None }
    }

    /// Takes a new state, whether it is the last or not; returns the lines to keep.
    pub fn advance(&mut self, reply: &Reply) -> Vec<String> {
        let (Reply::Progress(state) | Reply::Answer(state)) = reply else { return Vec::new() };
        let lines = match state.query() {
            Some(view) => self.query(view),
            None => Vec::new(),
        };
        self.last = Some(state.clone());
        lines
    }

    /// The passing line, `since` the state was received.
    pub fn passing(&self, since: Duration) -> String {
        let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let Some(last) = &self.last else { return String::new() };
        if let FrontAnswer::Scan(view) = last {
            let mut now = view.clone();
            now.elapsed_ms = now.elapsed_ms.saturating_add(since);
            return scan_progress(&now, Some(self.columns()));
        }
        if let FrontAnswer::Forgetting(view) = last {
            return if view.has_ended { String::new() } else { forgetting_progress(view) };
        }
        let Some(view) = last.query().filter(|view| view.status != QueryStatus::End) else {
            return String::new();
        };
        let mut now = view.clone();
        if let Some((_, spent)) = now.steps.last_mut() {
            *spent = spent.saturating_add(since);
        }
        progress(&now, Some(self.columns()))
    }

    /// For the passing line: in a terminal's last column, some go to the next line.
    fn columns(&self) -> usize {
        self.style.width.saturating_sub(1)
    }

    fn query(&mut self, view: &QueryView) -> Vec<String> {
        let mut lines = Vec::new();
        let ended = if view.status == QueryStatus::End {
            view.steps.len()
        } else {
            view.steps.len().saturating_sub(1)
        };
        for (step, spent) in view.steps.iter().take(ended).skip(self.steps_told) {
            let waits = matches!(
                step,
                QueryStatus::WaitLinkFinder | QueryStatus::WaitIndexAccounts | QueryStatus::WaitReverseSearch
            );
            if *step == QueryStatus::End || (waits && *spent < SHORT_WAIT_MS) {
                continue;
            }
            let time = self.style.paint(Tone::Faint, &format!("{:>12}", duration(*spent)));
            let posts = match step {
                QueryStatus::IndexAccounts => {
                    format!(": {} with images", counted(view.posts_indexed, "post"))
                }
                _ => String::new(),
            };
            lines.push(format!("{time}  {}{posts}", step_name(*step)));
        }
        self.steps_told = self.steps_told.max(ended);
        if !self.accounts_told && !view.accounts.is_empty() {
            self.accounts_told = true;
            let names: Vec<String> =
                view.accounts.iter().map(|account| clean(&format!("@{}", account.handle))).collect();
            lines.push(format!("{:>12}  {}", "", names.join(", ")));
        }
        if !self.first_scan_told && view.has_first_time_scan && view.status != QueryStatus::End {
            self.first_scan_told = true;
            lines.push(format!("{:>12}  an account is indexed for the first time: this takes a while", ""));
        }
        if view.status == QueryStatus::End && self.steps_told > 0 {
            lines.push("\n".to_owned()); // apart from the result
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::fake::{sample_view, sample_view_at};

    #[test]
    fn each_step_is_told_once() {
        let mut follower = Follower::new(Style { colors: false, width: 80 });
        let mut view = sample_view_at(QueryStatus::LinkFinder, 1);
        view.accounts.clear();
        view.has_first_time_scan = false;
        assert_eq!(follower.advance(&Reply::Progress(FrontAnswer::Query(view))), [""; 0]);
        assert_eq!(follower.passing(Duration::from_secs(1)), "looking for the artist's accounts, 2.2 s");

        let view = sample_view_at(QueryStatus::IndexAccounts, 2);
        assert_eq!(
            follower.advance(&Reply::Progress(FrontAnswer::Query(view))),
            [
                "       1.2 s  looking for the artist's accounts",
                "              @jane_paints, @jane.example",
                "              an account is indexed for the first time: this takes a while",
            ]
        );
        assert_eq!(
            follower.passing(Duration::ZERO),
            "indexing their posts, 1 min 05 s: ██░░░░░░░░ 100 of 412+, over 3 min 22 s left"
        );

        assert_eq!(
            follower.advance(&Reply::Answer(FrontAnswer::Query(sample_view()))),
            [
                "  1 min 05 s  indexing their posts: 412 posts with images",
                "       34 ms  searching the image",
                "\n"
            ]
        );
        assert_eq!(follower.passing(Duration::ZERO), "");
    }
}
