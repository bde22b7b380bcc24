//! Taking over what another program has stored: facts without pixels, cursors with their dates.

use std::collections::BTreeMap;

use super::rows::{Print, Retry};
use super::work::Work;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, AccountNo};
use crate::domain::accounts::Account;
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::import::pages::{ImportedAccount, ImportedPost, ImportedRetry, Page};
use crate::store::merge_rules::{MOST_IMAGES, pair_up};

/// Why an image of another program's retry failed: it does not tell.
const IMPORTED: &str = "imported";
/// Milliseconds between the clocks of two time zones: from UTC-12 to UTC+14.
const ZONES_DIFFER_MS: u64 = 26 * 3_600_000;

impl Work {
    /// How many rows were new, or gained something.
    pub fn import(&mut self, page: &Page) -> Result<u64, StoreError> {
        let mut new = 0;
        match page {
            Page::Posts(posts) => {
                for post in posts {
                    if self.is_forgotten(&post.account) || self.is_forgotten_post(&post.key) {
                        continue;
                    }
                    new += u64::from(self.import_post(post)?);
                }
            }
            Page::Retries(retries) => {
                for retry in retries {
                    new += u64::from(self.import_retry(retry));
                }
            }
            Page::Accounts(accounts) => {
                for account in accounts {
                    if self.is_forgotten(&account.key) {
                        continue;
                    }
                    new += u64::from(self.import_account(account)?);
                }
            }
        }
        Ok(new)
    }

    fn account_without_handle(&mut self, key: &AccountKey) -> Result<AccountNo, StoreError> {
        match self.accounts.get(key) {
            Some(account) => Ok(account.row.no),
            None => self.upsert_account(&Account { key: key.clone(), handle: String::new(), posts: None }),
        }
    }

    fn import_post(&mut self, post: &ImportedPost) -> Result<bool, StoreError> {
        if let Some(row) = self.posts.get(&post.key) {
            let places = pair_up(&row.images, post.images.iter().map(|image| image.name.as_str()));
            let mut gained = false;
            for (place, image) in places.into_iter().zip(&post.images) {
                let (Some(place), Some(fingerprint)) = (place, image.fingerprint) else { continue };
                self.fill_blank(&post.key, place, Print::imported(fingerprint))?;
                gained = true;
            }
            if gained {
                self.close_retries(&post.key);
            }
            return Ok(gained);
        }
        let account = self.account_without_handle(&post.account)?;
        let images = post.images.get(..MOST_IMAGES).unwrap_or(&post.images);
        let count = u8::try_from(images.len()).expect("no more than MOST_IMAGES");
        let row = self.new_post(account, &post.key, None, count);
        let no = row.no;
        self.posts.insert(post.key.clone(), row);
        for (position, image) in (1..=u8::MAX).zip(images) {
            let print = image.fingerprint.map(Print::imported);
            self.add_image((no, account, &post.key), position, &image.name, print)?;
        }
        Ok(true)
    }

    /// Only for a stored post that still lacks a fingerprint, and was not retried here yet. One
    /// that an import brought before gets the date of this one.
    fn import_retry(&mut self, retry: &ImportedRetry) -> bool {
        let next_due = self.due_after(retry.attempts);
        let last_tried = retry.last_tried.unwrap_or(self.now).0;
        let Some(row) = self.posts.get_mut(&retry.post) else { return false };
        let failed: BTreeMap<u8, (String, String)> = row
            .images
            .iter()
            .zip(&retry.urls)
            .filter(|(image, _)| image.fingerprint.is_none())
            .filter_map(|(image, url)| Some((image.position, (url.clone()?, IMPORTED.to_owned()))))
            .collect();
        if failed.is_empty() {
            return false;
        }
        let attempts = retry.attempts;
        if let Some(known) = row.retry.row.as_ref() {
            let is_imported =
                known.attempts == attempts && known.images.values().all(|(_, why)| why == IMPORTED);
            if !is_imported || retry.last_tried.is_none() || known.last_tried == last_tried {
                return false;
            }
            if let Some(known) = row.retry.change() {
                known.last_tried = last_tried;
            }
            return true;
        }
        *row.retry.change() = Some(Retry { attempts, last_tried, next_due, images: failed });
        self.extent.retries += 1;
        true
    }

    fn import_account(&mut self, account: &ImportedAccount) -> Result<bool, StoreError> {
        let before = self.extent.accounts;
        self.account_without_handle(&account.key)?;
        let new = self.extent.accounts > before;
        let Some(kept) = self.accounts.get_mut(&account.key) else { return Ok(new) };
        let row = kept.change();
        let visited = account.search_listed_at.max(account.timeline_listed_at);
        let mut changed = new;
        // The cursor of whoever listed last is the one that goes further. Where nobody but an
        // import ever listed it, a later import that goes no less far is right: its dates may be
        // read in the right time zone now, which moves them by no more than zones differ.
        let is_near = |ours: Option<i64>, theirs: Timestamp| {
            ours.is_none_or(|ours| ours.abs_diff(theirs.0) <= ZONES_DIFFER_MS)
        };
        if let Some(listed_at) = account.search_listed_at {
            let cursor = account.search_cursor.map(|date| date.0);
            let is_imported = row.search_coverage.is_none()
                && row.search_cursor <= cursor
                && is_near(row.search_listed_at, listed_at);
            let is_later = row.search_listed_at.is_none_or(|ours| ours < listed_at.0);
            if is_later || is_imported && row.search_listed_at != Some(listed_at.0) {
                row.search_cursor = cursor;
                row.search_listed_at = Some(listed_at.0);
                row.search_coverage = None;
                let reset_at = account.search_reset_at.map(|moment| moment.0);
                row.search_reset_at = reset_at.or(row.search_reset_at).or(Some(listed_at.0));
                row.visited_at = visited.map_or(row.visited_at, |moment| moment.0);
                changed = true;
            }
        }
        if let Some(listed_at) = account.timeline_listed_at {
            let number = |id: &Option<String>| id.as_ref().and_then(|id| id.parse::<u64>().ok());
            let is_imported = row.timeline_coverage.is_none()
                && number(&row.timeline_cursor) <= number(&account.timeline_cursor)
                && is_near(row.timeline_listed_at, listed_at);
            let is_later = row.timeline_listed_at.is_none_or(|ours| ours < listed_at.0);
            if is_later || is_imported && row.timeline_listed_at != Some(listed_at.0) {
                row.timeline_cursor.clone_from(&account.timeline_cursor);
                row.timeline_listed_at = Some(listed_at.0);
                row.timeline_coverage = None;
                row.visited_at = visited.map_or(row.visited_at, |moment| moment.0);
                changed = true;
            }
        }
        // Its uses since then are none, so that the date is the import's own.
        let used = account.last_used_at.map(|moment| moment.0);
        let uses = codec::count(account.uses);
        row.last_used_at = if row.uses <= uses && used.is_some() { used } else { row.last_used_at.max(used) };
        row.uses = row.uses.max(uses);
        Ok(changed)
    }
}
