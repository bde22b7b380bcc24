//! Which of the query's steps have begun and ended, told from one answer to the next. Pure.

use super::api::Answer;
use crate::base::counted;

/// The three steps of a query, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    FindAccounts,
    IndexPosts,
    SearchImage,
}

impl Step {
    pub const ALL: [Step; 3] = [Step::FindAccounts, Step::IndexPosts, Step::SearchImage];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Step::FindAccounts => "find the artist's accounts",
            Step::IndexPosts => "index their posts",
            Step::SearchImage => "search by image",
        }
    }

    /// Its status in the API; that of waiting for it begins with `WAIT_`.
    fn status(self) -> &'static str {
        match self {
            Step::FindAccounts => "LINK_FINDER",
            Step::IndexPosts => "INDEX_ACCOUNTS_TWEETS",
            Step::SearchImage => "IMAGE_REVERSE_SEARCH",
        }
    }

    /// What it has brought so far.
    fn result(self, answer: &Answer) -> String {
        match self {
            Step::FindAccounts => {
                let names: Vec<String> = answer
                    .twitter_accounts
                    .iter()
                    .map(|account| format!("@{}", account.account_name))
                    .collect();
                names.join(", ")
            }
            Step::IndexPosts => match answer.posts_indexed {
                Some(count @ 1..) => counted(count, "post") + " with images",
                Some(0) | None => String::new(),
            },
            Step::SearchImage => match answer.results.len() {
                0 => String::new(),
                count => counted(count, "match"),
            },
        }
    }
}

/// A change worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// In progress, with what there is so far.
    Running { step: Step, result: String },
    /// Over. `ms` by the daemon's own clock where it tells, else as seen from here.
    Done { step: Step, result: String, ms: u64 },
}

/// Follows one query.
#[derive(Debug, Default)]
pub struct Progress {
    done: usize,
    /// When the step in progress began, in milliseconds since the query did.
    since_ms: u64,
    last: Option<Change>,
}

impl Progress {
    /// What this answer changes; `now_ms` counts from the start of the query.
    pub fn update(&mut self, answer: &Answer, now_ms: u64) -> Vec<Change> {
        let mut changes = Vec::new();
        let Some(status) = answer.status.as_deref() else { return changes };
        let reached = match status {
            "END" if answer.error.is_some() => self.done,
            "END" => Step::ALL.len(),
            status => {
                let bare = status.strip_prefix("WAIT_").unwrap_or(status);
                Step::ALL.iter().position(|step| step.status() == bare).unwrap_or(self.done)
            }
        };
        while self.done < reached {
            let step = Step::ALL[self.done];
            let seen = now_ms.saturating_sub(self.since_ms);
            let ms = answer.step_ms(step.status()).unwrap_or(seen);
            changes.push(Change::Done { step, result: step.result(answer), ms });
            self.done += 1;
            self.since_ms = now_ms;
        }
        if let Some(step) = Step::ALL.get(self.done).filter(|_| status != "END") {
            let change = Change::Running { step: *step, result: step.result(answer) };
            if self.last.as_ref() != Some(&change) {
                changes.push(change.clone());
                self.last = Some(change);
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::api::{AccountEntry, StepEntry};

    fn answer(status: &str) -> Answer {
        Answer { status: Some(status.to_owned()), ..Answer::default() }
    }

    #[test]
    fn steps_end_when_a_later_one_is_reached() {
        let mut progress = Progress::default();
        let running = |step| Change::Running { step, result: String::new() };
        assert_eq!(progress.update(&answer("WAIT_LINK_FINDER"), 1), [running(Step::FindAccounts)]);
        assert_eq!(progress.update(&answer("LINK_FINDER"), 2), []);
        let mut indexing = answer("INDEX_ACCOUNTS_TWEETS");
        indexing.twitter_accounts.push(AccountEntry { account_name: "a".into(), account_id: "1".into() });
        assert_eq!(
            progress.update(&indexing, 30),
            [
                Change::Done { step: Step::FindAccounts, result: "@a".into(), ms: 30 },
                running(Step::IndexPosts)
            ]
        );
        indexing.posts_indexed = Some(5);
        assert_eq!(
            progress.update(&indexing, 31),
            [Change::Running { step: Step::IndexPosts, result: "5 posts with images".into() }]
        );
        let mut end = answer("END");
        end.posts_indexed = Some(9);
        end.steps = vec![StepEntry { step: "INDEX_ACCOUNTS_TWEETS".into(), ms: 300 }];
        assert_eq!(
            progress.update(&end, 400),
            [
                Change::Done { step: Step::IndexPosts, result: "9 posts with images".into(), ms: 300 },
                Change::Done { step: Step::SearchImage, result: String::new(), ms: 0 },
            ]
        );
    }

    #[test]
    fn a_failed_query_ends_no_step() {
        let mut progress = Progress::default();
        progress.update(&answer("LINK_FINDER"), 1);
        let mut end = answer("END");
        end.error = Some("NO_TWITTER_ACCOUNT_FOUND".into());
        assert_eq!(progress.update(&end, 2), []);
        assert_eq!(progress.update(&Answer::default(), 3), []);
    }
}
