//! Listing a window from the account's own server. The keys of its records are times, so it can begin at the
//! window's end, which the feed of the AppView cannot. What a post shows is asked of the AppView: of a
//! stranger's server, only the keys are believed, and no more of them than the AppView shows.

use serde::Deserialize;
use url::Url;

use super::client::BlueskyClient;
use super::embed;
use super::listing::{listed_own, refuse_for_users_only};
use super::lookup::BATCH;
use super::original::{document_url, server_in};
use super::tid;
use super::wire::{Post, Record, Records};
use crate::base::Timestamp;
use crate::base::ids::MAX_KEY_BYTES;
use crate::domain::accounts::Account;
use crate::domain::scans::Window;
use crate::networks::asking::{Effort, read_list};
use crate::networks::error::NetworkError;
use crate::networks::paging::{Memory, Page};

const DOCUMENT: &str = "did document";
const METHOD: &str = "com.atproto.repo.listRecords";

/// What the API allows.
const PAGE: &str = "100";

impl BlueskyClient {
    /// The account's own server, by its document; `None` where nobody says, and where it would be asked
    /// without encryption.
    ///
    /// # Errors
    /// Only `Stopping`.
    pub(super) fn own_server(&self, did: &str) -> Result<Option<Url>, NetworkError> {
        let Some(url) = document_url(did) else { return Ok(None) };
        match self.ask(&url, DOCUMENT, Effort::LOOKUP) {
            Ok(response) if response.is_success() => {
                Ok(server_in(&response.body).filter(|server| server.scheme() == "https"))
            }
            Ok(_) => Ok(None),
            Err(NetworkError::Stopping) => Err(NetworkError::Stopping),
            Err(error) => {
                tracing::debug!(%error, did, "its document cannot be had");
                Ok(None)
            }
        }
    }

    /// One page of the window's posts, behind `cursor` or from the window's end. `None` where the account's
    /// server gives none that can be believed.
    ///
    /// # Errors
    /// Those of asking for the posts themselves, `AccountClosed` for an author who does not want to be shown,
    /// and `Stopping`.
    pub(super) fn read_records(
        &self,
        server: &Url,
        account: &Account,
        window: Window,
        cursor: Option<&str>,
        memory: &mut Memory,
    ) -> Result<Option<Page>, NetworkError> {
        let did = account.key.native.as_str();
        let end = tid::lowest_at(Timestamp(window.to.0.saturating_add(1)));
        let parameters = [
            ("repo", did),
            ("collection", "app.bsky.feed.post"),
            ("limit", PAGE),
            ("cursor", cursor.unwrap_or(&end)),
        ];
        let Ok(mut url) = server.join(&format!("/xrpc/{METHOD}")) else { return Ok(None) };
        url.query_pairs_mut().extend_pairs(parameters);
        let found = match self.ask(&url, METHOD, Effort::LOOKUP) {
            Ok(response) if response.is_success() => read_list::<Records>(&url, &response),
            Ok(response) => {
                let why = format!("status {}", response.status);
                Err(NetworkError::Refused { endpoint: METHOD, why })
            }
            Err(error) => Err(error),
        };
        let found = match found {
            Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
            Err(error) => {
                tracing::debug!(%error, account = %account.key, "its own server does not list its posts");
                return Ok(None);
            }
            Ok(found) => found,
        };
        let own = format!("at://{did}/app.bsky.feed.post/");
        let records: Vec<Record> = found
            .records
            .read::<Record>()
            .flatten()
            .filter(|record| record.uri.starts_with(&own) && record.uri.len() <= MAX_KEY_BYTES)
            .collect();
        let key = |record: &Record| record.uri[own.len()..].to_owned();
        // It took no notice of the key that it was asked to begin at; or nothing of what it gave can be read.
        let is_ignored = cursor.is_none() && records.iter().any(|record| key(record) >= end);
        if is_ignored || records.is_empty() && !found.records.is_empty() {
            tracing::debug!(account = %account.key, "its own server lists other posts than were asked for");
            return Ok(None);
        }
        let now = Timestamp::now();
        let mut last = cursor.and(memory.seen.last);
        let mut wanted = Vec::new();
        for record in &records {
            let written = tid::written_at(&record.uri).map(|moment| moment.min(now));
            if written.zip(last).is_some_and(|(written, last)| written < now && written > last) {
                tracing::debug!(account = %account.key, "its own server lists posts out of their order");
                return Ok(None);
            }
            last = written.or(last);
            // A post that was brought from elsewhere has the key of that day, and an older date of its own. A
            // key that is no time leaves the author's date alone.
            let is_in = [written, record.created()].into_iter().flatten().any(|date| window.holds(date));
            if is_in && record.value.get("embed").is_some_and(embed::may_have_images) {
                wanted.push(record.uri.as_str());
            }
        }
        let mut posts = Vec::new();
        let mut unshown = 0;
        for batch in wanted.chunks(BATCH) {
            let shown = self.ask_posts(batch.iter().copied(), Effort::LISTING)?;
            let shown: Vec<Post> = shown.iter().filter_map(|post| Post::deserialize(post).ok()).collect();
            for uri in batch {
                let Some(post) = shown.iter().find(|post| post.uri == *uri) else {
                    unshown += 1;
                    continue;
                };
                refuse_for_users_only(&self.settings, post, account)?;
                posts.extend(listed_own(post, account, self.settings.is_full_size()));
            }
            // A server may make up as many posts as it likes, but we do not ask for them all.
            if unshown * 2 > wanted.len() {
                tracing::debug!(account = %account.key, unshown, "its own server lists posts that are not shown");
                return Ok(None);
            }
        }
        records.iter().for_each(|record| {
            memory.seen.saw(tid::written_at(&record.uri).map(|moment| moment.min(now)));
        });
        memory.seen.read(found.records.len());
        Ok(Some(Page {
            entries: found.records.len(),
            posts,
            next: found.cursor,
            is_enough: false,
            is_cut: found.records.is_cut(),
        }))
    }
}
