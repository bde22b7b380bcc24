//! What is never to be stored, scanned or shown again, and what of it is being removed. Pure.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, PostKey};
use crate::domain::accounts::AccountRef;
use crate::domain::forgotten::{Mark, Removal, Removed, Subject};
use crate::domain::images::FoundImage;

/// How long it can be seen what came of a removal.
const KEPT: Duration = Duration::from_secs(600);

/// The marks of all that was forgotten, and removals that are under way or have ended lately.
#[derive(Debug, Default)]
pub struct Forgotten {
    marks: HashSet<Mark>,
    removals: BTreeMap<Mark, Forgetting>,
}

/// One removal.
#[derive(Clone, Debug)]
pub struct Forgetting {
    pub subject: Subject,
    /// As the database called the account.
    pub handle: Option<String>,
    /// The operator's words.
    pub note: String,
    pub removed: Removed,
    /// Answers that named it, and scans of it, which were dropped.
    pub answers: u32,
    pub scans: u32,
    /// It was marked before.
    pub is_marked_before: bool,
    pub ended: Option<Monotonic>,
}

impl Forgotten {
    /// What the database knows.
    pub fn learn(&mut self, marks: Vec<Mark>) {
        self.marks.extend(marks);
    }

    pub fn names_account(&self, account: &AccountKey) -> bool {
        !self.marks.is_empty() && self.marks.contains(&Mark::of_account(account))
    }

    pub fn names_post(&self, post: &PostKey) -> bool {
        !self.marks.is_empty() && self.marks.contains(&Mark::of_post(post))
    }

    /// An account as a page names it, where that is by its id.
    pub fn names_ref(&self, account: &AccountRef) -> bool {
        match account {
            AccountRef::Id(key) => self.names_account(key),
            AccountRef::Handle { .. } => false,
        }
    }

    pub fn names_image(&self, image: &FoundImage) -> bool {
        self.names_account(&image.account) || self.names_post(&image.post)
    }

    /// The marks that begin with these hexadecimal digits.
    pub fn beginning_with(&self, digits: &str) -> Vec<Mark> {
        self.marks.iter().filter(|mark| mark.to_string().starts_with(digits)).copied().collect()
    }

    pub fn has(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    pub fn lift(&mut self, mark: Mark) {
        self.marks.remove(&mark);
        self.removals.remove(&mark);
    }

    /// Marks it, and begins its removal; `None` where that is under way already.
    pub fn begin(&mut self, subject: Subject, handle: Option<String>, note: String) -> Option<Mark> {
        let mark = subject.mark();
        if self.removals.get(&mark).is_some_and(|removal| removal.ended.is_none()) {
            return None;
        }
        let is_marked_before = !self.marks.insert(mark);
        let forgetting = Forgetting {
            subject,
            handle,
            note,
            removed: Removed::default(),
            answers: 0,
            scans: 0,
            is_marked_before,
            ended: None,
        };
        self.removals.insert(mark, forgetting);
        Some(mark)
    }

    pub fn removal(&self, mark: Mark) -> Option<&Forgetting> {
        self.removals.get(&mark)
    }

    pub fn removal_mut(&mut self, mark: Mark) -> Option<&mut Forgetting> {
        self.removals.get_mut(&mark)
    }

    /// A piece is removed; what is to be removed next.
    pub fn advance(&mut self, mark: Mark, removal: Removal, now: Monotonic) -> Option<(Subject, String)> {
        let forgetting = self.removals.get_mut(&mark)?;
        forgetting.removed.add(removal.removed);
        if removal.more {
            return Some((forgetting.subject.clone(), forgetting.note.clone()));
        }
        forgetting.ended = Some(now);
        None
    }

    /// Drops what ended long ago.
    pub fn forget_ended(&mut self, now: Monotonic) {
        self.removals.retain(|_, removal| removal.ended.is_none_or(|at| now.since(at) < KEPT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;

    #[test]
    fn a_removal_goes_on_until_nothing_is_left() {
        let mut forgotten = Forgotten::default();
        let key = AccountKey::new(Network::Twitter, "1");
        let subject = Subject::Account(key.clone());
        assert!(!forgotten.names_account(&key));
        let mark = forgotten.begin(subject.clone(), None, "n".to_owned()).unwrap();
        assert_eq!(forgotten.begin(subject.clone(), None, String::new()), None, "it is under way");
        assert!(forgotten.names_account(&key) && forgotten.names_ref(&AccountRef::Id(key.clone())));
        assert!(!forgotten.names_post(&PostKey::new(Network::Twitter, "1")), "a post of the same number");
        let piece = |more| Removal { removed: Removed { posts: 2, ..Removed::default() }, more, since: None };
        assert_eq!(
            forgotten.advance(mark, piece(true), Monotonic(0)),
            Some((subject.clone(), "n".to_owned()))
        );
        assert_eq!(forgotten.advance(mark, piece(false), Monotonic(5)), None);
        assert_eq!(forgotten.removal(mark).unwrap().removed.posts, 4);
        forgotten.forget_ended(Monotonic(6));
        assert!(forgotten.removal(mark).is_some());
        assert!(forgotten.begin(subject, None, String::new()).is_some(), "once more, if somebody wishes");
        assert!(forgotten.removal(mark).unwrap().is_marked_before);
        assert_eq!(forgotten.beginning_with(&mark.to_string()[..12]), [mark]);
        forgotten.lift(mark);
        assert!(!forgotten.names_account(&key) && forgotten.beginning_with("").is_empty());
    }
}
