//! Posts that are known by their ids alone, in the state file: somebody named them, or their network did not
//! give all of their images. They are looked up and indexed like those of which an image failed, and kept
//! until they are stored.

use rusqlite::{TransactionBehavior, params};

use super::changes::RetryRule;
use super::codec;
use super::engine::sqlite::Step;
use super::error::StoreError;
use super::state::StateFile;
use crate::base::Timestamp;
use crate::base::ids::PostKey;

impl StateFile {
    /// Notes these posts; one that was given up has its turn again. Durable when it returns. Tells how many
    /// were not noted yet.
    pub fn want_posts(&mut self, posts: &[PostKey]) -> Result<usize, StoreError> {
        let step = "note posts to be looked up";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        let mut new = 0;
        for PostKey { network, native } in posts {
            let row = params![codec::network_no(*network), native];
            let added = transaction
                .prepare_cached("INSERT OR IGNORE INTO wanted_posts (network, native) VALUES (?1, ?2)")
                .and_then(|mut insert| insert.execute(row))
                .step(step)?;
            if added == 0 {
                transaction
                    .prepare_cached(
                        "UPDATE wanted_posts SET attempts = 0, next_due = 0 WHERE network = ?1 AND native = ?2",
                    )
                    .and_then(|mut update| update.execute(row))
                    .step(step)?;
            }
            new += added;
        }
        transaction.commit().step(step)?;
        Ok(new)
    }

    /// Notes these posts, unless they are noted already, given up or not. Durable when it returns.
    pub fn note_posts(&mut self, posts: &[PostKey]) -> Result<(), StoreError> {
        let step = "note posts to be looked up";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        for PostKey { network, native } in posts {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO wanted_posts (network, native) VALUES (?1, ?2)")
                .and_then(|mut insert| insert.execute(params![codec::network_no(*network), native]))
                .step(step)?;
        }
        transaction.commit().step(step)
    }

    /// Posts whose turn it is, at most `limit`. Their next turn comes after the rule's pause, unless this was
    /// their last.
    pub fn take_wanted(
        &mut self,
        limit: u32,
        rule: &RetryRule,
        now: Timestamp,
    ) -> Result<Vec<PostKey>, StoreError> {
        let step = "take posts to be looked up";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        // What was put off while the clock was ahead would wait until it is as late again.
        transaction
            .prepare_cached("UPDATE wanted_posts SET next_due = ?1 WHERE next_due > ?2")
            .and_then(|mut update| update.execute(params![now.0, now.plus(rule.pause).0]))
            .step(step)?;
        let due: Vec<(i64, String)> = transaction
            .prepare_cached(
                "SELECT network, native FROM wanted_posts WHERE next_due <= ?1 ORDER BY next_due, native LIMIT ?2",
            )
            .and_then(|mut select| {
                select.query_map(params![now.0, limit], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .step(step)?;
        for (network, native) in &due {
            transaction
                .prepare_cached(
                    "UPDATE wanted_posts
                     SET attempts = attempts + 1, next_due = CASE WHEN attempts + 1 < ?3 THEN ?4 END
                     WHERE network = ?1 AND native = ?2",
                )
                .and_then(|mut update| {
                    update.execute(params![network, native, rule.max_attempts, now.plus(rule.pause).0])
                })
                .step(step)?;
        }
        transaction.commit().step(step)?;
        due.into_iter().map(|(network, native)| codec::post_key(network, native)).collect()
    }

    /// Nothing is left to do about these posts, wanted or not.
    pub fn settle_wanted(&mut self, posts: &[PostKey]) -> Result<(), StoreError> {
        let step = "forget posts that were looked up";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        for PostKey { network, native } in posts {
            transaction
                .prepare_cached("DELETE FROM wanted_posts WHERE network = ?1 AND native = ?2")
                .and_then(|mut delete| delete.execute(params![codec::network_no(*network), native]))
                .step(step)?;
        }
        transaction.commit().step(step)
    }

    /// All posts that are noted, those that were given up too.
    pub fn wanted(&mut self) -> Result<Vec<PostKey>, StoreError> {
        let noted: Vec<(i64, String)> = self
            .connection
            .prepare_cached("SELECT network, native FROM wanted_posts ORDER BY network, native")
            .and_then(|mut select| select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
            .step("read the posts to be looked up")?;
        noted.into_iter().map(|(network, native)| codec::post_key(network, native)).collect()
    }

    /// How many posts are noted, and how many of them were given up.
    pub fn count_wanted(&mut self) -> Result<(u64, u64), StoreError> {
        let step = "count posts to be looked up";
        let (all, given_up) = self
            .connection
            .query_row("SELECT count(*), count(*) - count(next_due) FROM wanted_posts", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .step(step)?;
        Ok((codec::size(all)?, codec::size(given_up)?))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::ids::Network;

    #[test]
    fn wanted_posts_have_their_turns_until_they_are_settled_or_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let mut state = StateFile::open(&path).unwrap();
        let post = |native: &str| PostKey::new(Network::Twitter, native);
        assert_eq!(state.want_posts(&[post("1"), post("2")]).unwrap(), 2);
        assert_eq!(state.want_posts(&[post("2"), post("3")]).unwrap(), 1);
        state.connection.execute("INSERT INTO wanted_posts (network, native) VALUES (1, '4')", []).unwrap();
        drop(state);
        let mut state = StateFile::open(&path).unwrap();

        let rule = RetryRule { pause: Duration::from_millis(10), max_attempts: 2 };
        let take = |state: &mut StateFile, limit, now| -> Vec<String> {
            let taken = state.take_wanted(limit, &rule, Timestamp(now)).unwrap();
            taken.into_iter().map(|post| post.native).collect()
        };
        assert_eq!(take(&mut state, 3, 100), ["1", "2", "3"]);
        assert_eq!(take(&mut state, 3, 101), ["4"]);
        state.settle_wanted(&[post("2"), post("9")]).unwrap();
        assert_eq!(take(&mut state, 9, 110), ["1", "3"]);
        assert_eq!(state.count_wanted().unwrap(), (3, 2), "two had their last turn");
        assert_eq!(take(&mut state, 9, 1000), ["4"]);
        assert_eq!(state.want_posts(&[post("1")]).unwrap(), 0);
        assert_eq!(take(&mut state, 9, 1000), ["1"], "who asks again is heard again");
        state.note_posts(&[post("3"), post("7")]).unwrap();
        assert_eq!(take(&mut state, 9, 1000), ["7"], "a listing that names it again does not begin anew");
        assert_eq!(take(&mut state, 9, 500), ["1", "7"], "the clock was set back");
    }
}
