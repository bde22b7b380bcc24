//! What X said of accounts lately: a query for an artist who was asked about minutes ago costs no look-up, of
//! which a key has 300 in a quarter of an hour for everybody. Pure: time comes in.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::domain::accounts::{AccountRef, ResolutionOutcome};

/// Accounts that can be read keep their names for longer than this.
const READABLE_FOR: Duration = Duration::from_secs(15 * 60);

/// Others may have been made, unlocked or corrected just now, by somebody who asks again.
const OTHERS_FOR: Duration = Duration::from_secs(5 * 60);

/// Accounts that are remembered: some hundred bytes each.
const MOST: usize = if cfg!(test) { 4 } else { 10_000 };

/// What is remembered.
#[derive(Debug, Default)]
pub struct Known {
    accounts: HashMap<AccountRef, Entry>,
    /// Grows with every use.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    outcome: ResolutionOutcome,
    until: Monotonic,
    used: u64,
}

impl Known {
    /// What was said of the account, if that was lately.
    pub fn find(&mut self, asked: &AccountRef, now: Monotonic) -> Option<ResolutionOutcome> {
        self.uses += 1;
        let entry = self.accounts.get_mut(&normal(asked)).filter(|entry| now < entry.until)?;
        entry.used = self.uses;
        Some(entry.outcome.clone())
    }

    /// Remembers what X said. What it did not say is asked again. Beyond the bound, what was used
    /// longest ago is forgotten.
    pub fn keep(&mut self, asked: &AccountRef, outcome: &ResolutionOutcome, now: Monotonic) {
        let length = match outcome {
            ResolutionOutcome::Readable(_) => READABLE_FOR,
            ResolutionOutcome::Missing | ResolutionOutcome::Private | ResolutionOutcome::Suspended => {
                OTHERS_FOR
            }
            ResolutionOutcome::Closed { .. } | ResolutionOutcome::Unasked { .. } => return,
        };
        self.uses += 1;
        let entry = Entry { outcome: outcome.clone(), until: now.plus(length), used: self.uses };
        self.accounts.insert(normal(asked), entry);
        if self.accounts.len() > MOST {
            self.accounts.retain(|_, entry| now < entry.until);
        }
        if self.accounts.len() > MOST
            && let Some(oldest) = self.accounts.iter().min_by_key(|(_, entry)| entry.used)
        {
            let oldest = oldest.0.clone();
            self.accounts.remove(&oldest);
        }
    }
}

/// X does not tell names apart by case.
fn normal(asked: &AccountRef) -> AccountRef {
    match asked {
        AccountRef::Handle { network, handle } => {
            AccountRef::Handle { network: *network, handle: handle.to_ascii_lowercase() }
        }
        AccountRef::Id(_) => asked.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountKey, Network};
    use crate::domain::accounts::Account;

    fn handle(name: &str) -> AccountRef {
        AccountRef::Handle { network: Network::Twitter, handle: name.to_owned() }
    }

    fn minutes(minutes: u64) -> Monotonic {
        Monotonic(minutes * 60_000)
    }

    #[test]
    fn what_was_said_is_remembered_for_its_time() {
        let key = AccountKey::new(Network::Twitter, "1");
        let readable = ResolutionOutcome::Readable(Account { key, handle: "a".to_owned(), posts: Some(3) });
        let closed = ResolutionOutcome::Closed { why: "w".to_owned() };
        for (outcome, lasts) in [
            (readable, 15),
            (ResolutionOutcome::Missing, 5),
            (ResolutionOutcome::Private, 5),
            (ResolutionOutcome::Suspended, 5),
            (closed, 0),
        ] {
            let mut known = Known::default();
            assert_eq!(known.find(&handle("A"), minutes(1)), None);
            known.keep(&handle("A"), &outcome, minutes(1));
            let found = |known: &mut Known, at| known.find(&handle("a"), minutes(at));
            assert_eq!(found(&mut known, lasts), (lasts > 0).then(|| outcome.clone()), "{outcome:?}");
            assert_eq!(found(&mut known, 1 + lasts), None, "{outcome:?}");
        }
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten_first() {
        let mut known = Known::default();
        for name in ["a", "b", "c", "d"] {
            known.keep(&handle(name), &ResolutionOutcome::Missing, minutes(0));
        }
        assert!(known.find(&handle("a"), minutes(1)).is_some());
        known.keep(&handle("e"), &ResolutionOutcome::Missing, minutes(1));
        let names = ["a", "b", "c", "d", "e"].map(|name| known.find(&handle(name), minutes(1)).is_some());
        assert_eq!(names, [true, false, true, true, true]);
        // What is over makes room.
        known.keep(&handle("f"), &ResolutionOutcome::Missing, minutes(5));
        assert_eq!(known.accounts.len(), 2);
    }
}
