//! What networks said of accounts, in the state file: an account is taken to be gone only when its network
//! said so more than once, and one that was there lately is not paid for again.

use std::collections::HashMap;

use rusqlite::{TransactionBehavior, params};

use super::codec;
use super::engine::sqlite::Step;
use super::error::StoreError;
use super::state::StateFile;
use crate::base::Timestamp;
use crate::base::ids::AccountKey;

/// What was last heard of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was there at that moment.
    Present(Timestamp),
    /// Since that moment, whenever asked, it was not.
    Missing(Timestamp),
}

impl StateFile {
    /// All that was heard of accounts.
    pub fn heard(&mut self) -> Result<HashMap<AccountKey, Heard>, StoreError> {
        let step = "read what was heard of accounts";
        let mut statement = self
            .connection
            .prepare("SELECT network, native, seen_at, missing_since FROM presence")
            .step(step)?;
        let mut found = statement.query([]).step(step)?;
        let mut heard = HashMap::new();
        while let Some(row) = found.next().step(step)? {
            let key = codec::account_key(row.get(0).step(step)?, row.get(1).step(step)?)?;
            let (seen, missing): (Option<i64>, Option<i64>) =
                (row.get(2).step(step)?, row.get(3).step(step)?);
            let last = match (missing, seen) {
                (Some(since), _) => Heard::Missing(Timestamp(since)),
                (None, Some(at)) => Heard::Present(Timestamp(at)),
                (None, None) => continue,
            };
            heard.insert(key, last);
        }
        Ok(heard)
    }

    /// These accounts were there, or not, just now. Durable when it returns.
    pub fn note_heard(&mut self, news: &[(AccountKey, bool)], now: Timestamp) -> Result<(), StoreError> {
        let step = "note what was heard of accounts";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        {
            let mut present = transaction
                .prepare_cached(
                    "INSERT INTO presence (network, native, seen_at, missing_since) VALUES (?1, ?2, ?3, NULL)
                     ON CONFLICT (network, native) DO UPDATE SET seen_at = excluded.seen_at, missing_since = NULL",
                )
                .step(step)?;
            let mut missing = transaction
                .prepare_cached(
                    "INSERT INTO presence (network, native, seen_at, missing_since) VALUES (?1, ?2, NULL, ?3)
                     ON CONFLICT (network, native) DO UPDATE
                        SET missing_since = coalesce(missing_since, excluded.missing_since)",
                )
                .step(step)?;
            for (key, is_present) in news {
                let statement = if *is_present { &mut present } else { &mut missing };
                statement.execute(params![codec::network_no(key.network), key.native, now.0]).step(step)?;
            }
        }
        transaction.commit().step(step)
    }

    /// Nothing is remembered of these accounts any more.
    pub fn forget_heard(&mut self, keys: &[AccountKey]) -> Result<(), StoreError> {
        let step = "forget what was heard of accounts";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        for key in keys {
            transaction
                .prepare_cached("DELETE FROM presence WHERE network = ?1 AND native = ?2")
                .and_then(|mut delete| delete.execute(params![codec::network_no(key.network), key.native]))
                .step(step)?;
        }
        transaction.commit().step(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;

    #[test]
    fn the_first_time_that_an_account_was_missing_is_kept_until_it_is_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let key = AccountKey::new(Network::Bluesky, "did:plc:a");
        let heard = |state: &mut StateFile| state.heard().unwrap().get(&key).copied();
        let mut state = StateFile::open(&path).unwrap();
        assert_eq!(heard(&mut state), None);
        state.note_heard(&[(key.clone(), true)], Timestamp(1)).unwrap();
        assert_eq!(heard(&mut state), Some(Heard::Present(Timestamp(1))));
        for now in [2, 3] {
            state.note_heard(&[(key.clone(), false)], Timestamp(now)).unwrap();
        }
        drop(state);
        let mut state = StateFile::open(&path).unwrap();
        assert_eq!(heard(&mut state), Some(Heard::Missing(Timestamp(2))));
        state.note_heard(&[(key.clone(), true)], Timestamp(4)).unwrap();
        assert_eq!(heard(&mut state), Some(Heard::Present(Timestamp(4))));
        state.note_heard(&[(key.clone(), false)], Timestamp(5)).unwrap();
        assert_eq!(heard(&mut state), Some(Heard::Missing(Timestamp(5))));
        state.forget_heard(std::slice::from_ref(&key)).unwrap();
        assert_eq!(heard(&mut state), None);
    }
}
