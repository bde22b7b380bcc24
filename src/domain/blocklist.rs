//! The blocklist: accounts that are never scanned nor shown, as the operator's file names them, and
//! those of organizations, which ship with the program. Pure.

use std::collections::HashSet;

use crate::domain::accounts::{Account, AccountRef, LeftOutReason};
use crate::domain::official::{ORGANIZATIONS, SITES};

/// Accounts that are never scanned nor shown.
#[derive(Clone, Debug, Default)]
pub struct Blocklist {
    /// Native ids, or handles with `@` in lower case: the operator's.
    own: HashSet<String>,
    /// Those that ship with the program, unless that is switched off.
    shipped: HashSet<String>,
}

impl Blocklist {
    /// With the accounts of organizations that ship with the program.
    pub fn with_shipped(mut self) -> Blocklist {
        // A test reads them.
        self.shipped.extend(parse(ORGANIZATIONS).unwrap_or_default());
        self.shipped.extend(SITES.iter().map(|name| format!("@{name}")));
        self
    }

    /// Why this account is blocked, by its id or its present handle, as the end of a sentence;
    /// `None` where it is not.
    pub fn names(&self, account: &Account) -> Option<&'static str> {
        self.reason(account).map(LeftOutReason::why)
    }

    /// The same of an account as a page names it.
    pub fn names_ref(&self, account: &AccountRef) -> Option<&'static str> {
        self.reason_of_ref(account).map(LeftOutReason::why)
    }

    /// Which of the two lists names this account, by its id or its present handle.
    pub fn reason(&self, account: &Account) -> Option<LeftOutReason> {
        self.list_of(&account.key.native).or_else(|| self.list_of(&format!("@{}", account.handle)))
    }

    /// The same of an account as a page names it.
    pub fn reason_of_ref(&self, account: &AccountRef) -> Option<LeftOutReason> {
        match account {
            AccountRef::Id(key) => self.list_of(&key.native),
            AccountRef::Handle { handle, .. } => self.list_of(&format!("@{handle}")),
        }
    }

    /// Handles of different networks differ in form, and ids too.
    fn list_of(&self, entry: &str) -> Option<LeftOutReason> {
        if self.own.contains(entry) {
            return Some(LeftOutReason::Blocklist);
        }
        self.shipped.contains(entry).then_some(LeftOutReason::Organization)
    }
}

/// Of entries as `parse` gives them: the operator's.
impl<T: Into<String>> FromIterator<T> for Blocklist {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Blocklist {
        Blocklist { own: entries.into_iter().map(Into::into).collect(), shipped: HashSet::new() }
    }
}

/// The entries of a blocklist's file, one per line: an account's id, or its handle with `@`. `#` begins a
/// comment. Handles come back in lower case; empty lines are nothing.
///
/// # Errors
/// Every entry that is neither, with its line from 1.
pub fn parse(text: &str) -> Result<Vec<String>, Vec<(usize, String)>> {
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        match entry.strip_prefix('@') {
            _ if entry.is_empty() => {}
            Some(handle) if is_handle(handle) => entries.push(entry.to_ascii_lowercase()),
            None if entry.bytes().all(|byte| byte.is_ascii_digit()) => entries.push(entry.to_owned()),
            Some(_) | None => {
                wrong.push((index + 1, format!("{entry:?} is neither an account's id nor a handle with @")));
            }
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(wrong) }
}

/// Letters, digits, `_`, and what other networks' handles have (`name.example`, `name@host`).
fn is_handle(handle: &str) -> bool {
    !handle.is_empty()
        && handle.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '@'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountKey, Network};

    #[test]
    fn an_account_is_named_by_its_id_or_its_handle() {
        let blocklist = Blocklist::from_iter(parse("12\n@Some_One").unwrap());
        let names = |id: &str, handle: &str| {
            let key = AccountKey::new(Network::Twitter, id);
            blocklist.names(&Account { key, handle: handle.to_owned(), posts: None }).is_some()
        };
        assert!(names("12", "anyone") && names("13", "some_one"));
        assert!(!names("13", "anyone") && !names("13", "") && !names("some_one", "12"));
    }

    #[test]
    fn what_ships_is_told_from_the_operators_own() {
        let why = |blocklist: &Blocklist, network, id: &str, handle: &str| {
            let key = AccountKey::new(network, id);
            let why = blocklist.names(&Account { key, handle: handle.to_owned(), posts: None });
            why.map(|why| why.contains("ships with the program"))
        };
        let own = Blocklist::from_iter(["12"]);
        assert_eq!(why(&own, Network::Twitter, "807095", "nytimes"), None);
        let both = own.with_shipped();
        assert_eq!(why(&both, Network::Twitter, "12", "nytimes"), Some(false));
        assert_eq!(why(&both, Network::Twitter, "807095", "renamed"), Some(true));
        assert_eq!(why(&both, Network::Twitter, "13", "pixiv"), Some(true));
        assert_eq!(why(&both, Network::Twitter, "13", "pixiv_artist"), None);
        assert_eq!(why(&both, Network::Bluesky, "did:plc:a", "nytimes.com"), Some(true));
        assert_eq!(why(&both, Network::Mastodon, "https://a.example/1", "nytimes@a.example"), None);
    }

    #[test]
    fn ids_handles_and_comments() {
        assert_eq!(parse("# nobody\n12 # a bot\n\n  @Some_One\n").unwrap(), ["12", "@some_one"]);
        let lines = |text| parse(text).unwrap_err().into_iter().map(|(line, _)| line).collect::<Vec<_>>();
        assert_eq!(lines("someone\n1\n@\n@a b"), [1, 3, 4]);
    }
}
