//! X's own count of an account's media beside what a search of the whole account has found. Where both are
//! equal the search missed nothing, and little of the timeline need be read to confirm it.
//!
//! The count comes with the profile, which X bills once a UTC day and which was looked up for the scan
//! anyway. Films of posts without photos are in the count and not in the search, so that few of them are
//! searched for. (X's counts of posts would not tell more cheaply: their answers hold 31 days each.)

use super::ask::{PATIENT, Question, Reads};
use super::client::TwitterClient;
use super::fields::FieldsName;
use super::listing::{SMALLEST_SEARCH_PAGE, search_start};
use super::pool::Endpoint;
use super::wire::{Answer, Post, User};
use crate::domain::accounts::Account;
use crate::domain::scans::MediaCount;
use crate::networks::error::NetworkError;

/// Posts with films that are read to explain a difference: reading more costs as much as reading samples
/// does.
const MOST_FILMS: u64 = 100;
/// Of the media that were found, so many to one film: as above.
const MEDIA_PER_FILM: u64 = 5;

impl TwitterClient {
    /// `found`: media items in the posts that a search of the whole account has listed. `None` where X does
    /// not tell, or cannot be asked: that is no reason to give up a listing.
    ///
    /// # Errors
    /// `Stopping` alone.
    pub(super) fn count_media(
        &self,
        account: &Account,
        found: u64,
    ) -> Result<Option<MediaCount>, NetworkError> {
        let counted = self.stated_media(account).and_then(|stated| {
            let Some(stated) = stated else { return Ok(None) };
            let found = found + self.films(account, found, stated)?;
            Ok(Some(MediaCount { stated, found, missed: 0 }))
        });
        match counted {
            Err(NetworkError::Stopping) => Err(NetworkError::Stopping),
            Err(error) => {
                tracing::debug!(account = %account.key, %error, "its media were not counted");
                Ok(None)
            }
            counted => counted,
        }
    }

    fn stated_media(&self, account: &Account) -> Result<Option<u64>, NetworkError> {
        let answer = self.look_users_up(&[&account.key.native])?;
        let user = answer.read::<User>().flatten().find(|user| user.id == account.key.native);
        Ok(user.and_then(|user| user.media()))
    }

    /// Media items of posts without photos, where they may be what is missing; 0 where they are too many to
    /// be read.
    fn films(&self, account: &Account, found: u64, stated: u64) -> Result<u64, NetworkError> {
        let missing = stated.saturating_sub(found);
        if missing == 0 || missing > MOST_FILMS.min(found / MEDIA_PER_FILM) {
            return Ok(0);
        }
        let question = |name| self.films_question(account, missing, name);
        let (said, _) = self.ask_for_posts(&question, &mut false, &mut Vec::new())?;
        let answer = self.only_answer(Endpoint::Search, said)?;
        Ok(media_of(&answer))
    }

    fn films_question<'a>(
        &self,
        account: &'a Account,
        missing: u64,
        name: FieldsName,
    ) -> Result<Question<'a>, NetworkError> {
        let id = account.key.native.as_str();
        let parameters = [
            (name.parameter(), name.fields()),
            ("expansions", "attachments.media_keys"),
            ("media.fields", "media_key,type"),
            ("query", &*format!("from:{id} has:media -has:images -is:retweet")),
            ("start_time", &*search_start(None, &self.settings.search_start)),
            ("sort_order", "recency"),
        ];
        let url = self.url(Endpoint::Search, "tweets/search/all", &parameters)?;
        let most = u32::try_from(missing).unwrap_or(u32::MAX).max(SMALLEST_SEARCH_PAGE);
        let reads = Reads::Page { least: SMALLEST_SEARCH_PAGE, most };
        Ok(Question { endpoint: Endpoint::Search, url, subject: Some(id), patience: PATIENT, reads })
    }
}

fn media_of(answer: &Answer) -> u64 {
    answer.read::<Post>().flatten().map(|post| post.media_keys().len() as u64).sum()
}
