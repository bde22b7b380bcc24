//! Writing what another program has stored: facts without pixels, cursors with their dates.

use rusqlite::{OptionalExtension, params};

use super::connection::Step;
use super::posts::{Print, Slot, find_post, stored_images};
use super::sql;
use super::writing::Writing;
use crate::base::ids::{AccountKey, AccountNo};
use crate::domain::accounts::Account;
use crate::store::import::{ImportedAccount, ImportedPost, ImportedRetry, Page, is_solid};
use crate::store::merge_rules::{MOST_IMAGES, pair_up};
use crate::store::{StoreError, codec};

impl Writing<'_> {
    /// How many rows were new, or gained something.
    pub(super) fn import(&mut self, page: &Page) -> Result<u64, StoreError> {
        let mut new = 0;
        match page {
            Page::Posts(posts) => {
                for post in posts {
                    new += u64::from(self.import_post(post)?);
                }
            }
            Page::Retries(retries) => {
                for retry in retries {
                    new += u64::from(self.import_retry(retry)?);
                }
            }
            Page::Accounts(accounts) => {
                for account in accounts {
                    new += u64::from(self.import_account(account)?);
                }
            }
        }
        Ok(new)
    }

    fn account_without_handle(&mut self, key: &AccountKey) -> Result<AccountNo, StoreError> {
        if let Some((no, _)) = self.known.get(key) {
            return Ok(*no);
        }
        self.upsert_account(&Account { key: key.clone(), handle: String::new(), posts: None })
    }

    fn import_post(&mut self, post: &ImportedPost) -> Result<bool, StoreError> {
        let print = |fingerprint| Print {
            fingerprint,
            solid_ground: is_solid(fingerprint),
            size: None,
            detail: None,
        };
        if let Some((no, account)) = find_post(self.connection, &post.key)? {
            let stored = stored_images(self.connection, no)?;
            let places = pair_up(&stored, post.images.iter().map(|image| image.name.as_str()));
            let mut gained = false;
            for (place, image) in places.into_iter().zip(&post.images) {
                let Some(old) = place.and_then(|place| stored.get(place)) else { continue };
                let Some(fingerprint) = image.fingerprint else { continue };
                let slot = Slot { post: no, account, position: old.position };
                self.fill_blank(slot, old, print(fingerprint))?;
                gained = true;
            }
            if gained {
                self.close_retries(no)?;
            }
            return Ok(gained);
        }
        let account = self.account_without_handle(&post.account)?;
        let images = post.images.get(..MOST_IMAGES).unwrap_or(&post.images);
        let no = self.insert_post_row(account, &post.key, None, images.len())?;
        for (position, image) in (1..=u8::MAX).zip(images) {
            let slot = Slot { post: no, account, position };
            self.insert_image(slot, &image.name, image.fingerprint.map(print))?;
        }
        Ok(true)
    }

    /// Only for a stored post that still lacks a fingerprint, and is not retried yet.
    fn import_retry(&mut self, retry: &ImportedRetry) -> Result<bool, StoreError> {
        let step = "import a retry";
        let Some((post, _)) = find_post(self.connection, &retry.post)? else { return Ok(false) };
        let known = self
            .connection
            .prepare_cached(sql::FIND_RETRY)
            .and_then(|mut statement| statement.query_row([post], |_| Ok(())).optional())
            .step(step)?;
        let stored = stored_images(self.connection, post)?;
        let failed: Vec<(u8, &str)> = stored
            .iter()
            .zip(&retry.urls)
            .filter(|(image, _)| image.fingerprint.is_none())
            .filter_map(|(image, url)| Some((image.position, url.as_deref()?)))
            .collect();
        if known.is_some() || failed.is_empty() {
            return Ok(false);
        }
        let last_tried = retry.last_tried.unwrap_or(self.now);
        let next_due = self.due_after(retry.attempts).map(|moment| moment.0);
        self.run(sql::IMPORT_RETRY, params![post, retry.attempts, last_tried.0, next_due], step)?;
        self.counts.retries += 1;
        for (position, url) in failed {
            self.run(sql::INSERT_RETRY_IMAGE, params![post, position, url, "imported"], step)?;
        }
        Ok(true)
    }

    fn import_account(&mut self, account: &ImportedAccount) -> Result<bool, StoreError> {
        let step = "import an account";
        let before = self.counts.accounts;
        let no = self.account_without_handle(&account.key)?;
        let visited = account.search_listed_at.max(account.timeline_listed_at).map(|moment| moment.0);
        let mut changed = 0;
        if let Some(listed_at) = account.search_listed_at {
            let cursor = account.search_cursor.map(|date| date.0);
            let reset_at = account.search_reset_at.map(|moment| moment.0);
            let row = params![no.0, cursor, listed_at.0, reset_at, visited];
            changed += self.count_run(sql::IMPORT_SEARCH, row, step)?;
        }
        if let Some(listed_at) = account.timeline_listed_at {
            let row = params![no.0, account.timeline_cursor, listed_at.0, visited];
            changed += self.count_run(sql::IMPORT_TIMELINE, row, step)?;
        }
        let last_used = account.last_used_at.map(|moment| moment.0);
        self.run(sql::IMPORT_USES, params![no.0, codec::count(account.uses), last_used], step)?;
        Ok(changed > 0 || self.counts.accounts > before)
    }
}
