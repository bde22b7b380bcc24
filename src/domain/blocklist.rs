//! The blocklist: accounts that are never scanned nor shown, as their file names them. Pure.

use std::collections::HashSet;

use crate::domain::accounts::Account;

/// Accounts that are never scanned nor shown.
#[derive(Clone, Debug, Default)]
pub struct Blocklist {
    /// Native ids, or handles with `@` in lower case.
    entries: HashSet<String>,
}

impl Blocklist {
    /// Whether it names this account, by its id or by its present handle.
    pub fn names(&self, account: &Account) -> bool {
        self.entries.contains(&account.key.native) || self.entries.contains(&format!("@{}", account.handle))
    }
}

/// Of entries as `parse` gives them.
impl<T: Into<String>> FromIterator<T> for Blocklist {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Blocklist {
        Blocklist { entries: entries.into_iter().map(Into::into).collect() }
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
            blocklist.names(&Account { key, handle: handle.to_owned(), posts: None })
        };
        assert!(names("12", "anyone") && names("13", "some_one"));
        assert!(!names("13", "anyone") && !names("13", "") && !names("some_one", "12"));
    }

    #[test]
    fn ids_handles_and_comments() {
        assert_eq!(parse("# nobody\n12 # a bot\n\n  @Some_One\n").unwrap(), ["12", "@some_one"]);
        let lines = |text| parse(text).unwrap_err().into_iter().map(|(line, _)| line).collect::<Vec<_>>();
        assert_eq!(lines("someone\n1\n@\n@a b"), [1, 3, 4]);
    }
}
