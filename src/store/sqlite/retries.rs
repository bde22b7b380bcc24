//! Posts of which an image failed: kept in step with what is stored, handed out when due.

use rusqlite::params;

use super::connection::Step;
use super::sql;
use super::writing::Writing;
use crate::base::Timestamp;
use crate::domain::posts::{ListedImage, ListedPost, RetryPost};
use crate::store::{StoreError, codec};

impl Writing<'_> {
    /// A new post with failed images: `(position, url, why)` each. Its first fetch was attempt 1.
    pub(super) fn start_retries(&mut self, post: i64, failed: &[(u8, &str, &str)]) -> Result<(), StoreError> {
        let step = "note a failed image";
        if failed.is_empty() {
            return Ok(());
        }
        let due = self.due_after(1).map(|moment| moment.0);
        self.run(sql::INSERT_RETRY, params![post, self.now.0, due], step)?;
        self.counts.retries += 1;
        for (position, url, why) in failed {
            self.run(sql::INSERT_RETRY_IMAGE, params![post, position, url, why], step)?;
        }
        Ok(())
    }

    /// This image needs no more attempts.
    pub(super) fn end_retry(&self, post: i64, position: u8) -> Result<(), StoreError> {
        self.run(sql::DELETE_RETRY_IMAGE, params![post, position], "end the retries of an image")
    }

    /// This image failed again. Attempts are counted when they are handed out, not here.
    pub(super) fn renew_retry(
        &self,
        post: i64,
        position: u8,
        url: &str,
        why: &str,
    ) -> Result<(), StoreError> {
        let step = "note a failed image";
        self.run(sql::UPDATE_RETRY_IMAGE, params![post, position, url, why], step)?;
        self.run(sql::TOUCH_RETRY, params![post, self.now.0], step)
    }

    /// Forgets the post's retries if no image of it is left to try.
    pub(super) fn close_retries(&mut self, post: i64) -> Result<(), StoreError> {
        let removed = self.count_run(sql::DELETE_RETRY, [post], "end the retries of a post")?;
        if removed > 0 {
            self.counts.retries = self.counts.retries.saturating_sub(1);
        }
        Ok(())
    }

    pub(super) fn take_retries(&mut self, limit: u32) -> Result<Vec<RetryPost>, StoreError> {
        let step = "find posts to be tried again";
        let latest = self.now.plus(self.rule.pause);
        self.run(sql::DUE_TOO_LATE, [self.now.0, latest.0], "mend dates of the future")?;
        let due = self
            .connection
            .prepare_cached(sql::RETRIES_DUE)
            .and_then(|mut statement| {
                statement
                    .query_map(params![self.now.0, limit], |row| {
                        let post: (i64, u32) = (row.get(0)?, row.get(1)?);
                        let key: (i64, String, Option<i64>) = (row.get(2)?, row.get(3)?, row.get(4)?);
                        let account: (i64, String) = (row.get(5)?, row.get(6)?);
                        Ok((post, key, account))
                    })?
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .step(step)?;
        let mut retries = Vec::with_capacity(due.len());
        for ((post, attempts), (network, native, published), (account_network, account)) in due {
            let attempts = attempts.saturating_add(1);
            let next_due = self.due_after(attempts).map(|moment| moment.0);
            self.run(sql::HAND_OUT_RETRY, params![post, attempts, self.now.0, next_due], step)?;
            let images = self
                .connection
                .prepare_cached(sql::RETRY_IMAGES)
                .and_then(|mut statement| {
                    statement
                        .query_map([post], |row| Ok(ListedImage { name: row.get(0)?, url: row.get(1)? }))?
                        .collect::<rusqlite::Result<Vec<_>>>()
                })
                .step(step)?;
            retries.push(RetryPost {
                account: codec::account_key(account_network, account)?,
                post: ListedPost {
                    key: codec::post_key(network, native)?,
                    published: codec::moment(published),
                    images,
                },
            });
        }
        Ok(retries)
    }

    /// When to try again after this many attempts; `None` when that was the last.
    pub(super) fn due_after(&self, attempts: u32) -> Option<Timestamp> {
        (attempts < self.rule.max_attempts).then(|| self.now.plus(self.rule.pause))
    }
}
