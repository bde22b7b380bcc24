//! The two ways to list an account's posts with images: full-archive search, and the timeline. Both
//! page from the newest post backwards and keep nothing but where they are.

use std::collections::HashSet;
use std::ops::ControlFlow;

use url::Url;

use super::ask::{Question, Reads, Said};
use super::lookup::is_id;
use super::media;
use super::pool::Endpoint;
use super::samples::{Next, Read, Samples, Span};
use super::wire::{Answer, Post};
use super::{PATIENT, TwitterClient};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, ResolutionOutcome};
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Coverage, Cursor, ListingEnd};
use crate::networks::{NetworkError, SearchedPosts, delivery};

/// A search starts this much before its cursor: posts are indexed late, and dates have whole seconds.
const SEARCH_OVERLAP: std::time::Duration = std::time::Duration::from_secs(86_400);

/// Posts in a page of search: what the API allows, and what plans with less allow.
const SEARCH_PAGE: u32 = 500;
const SMALL_SEARCH_PAGE: u32 = 100;
const SMALLEST_SEARCH_PAGE: u32 = 10;

/// Posts in a page of the timeline.
const TIMELINE_PAGE: u32 = 100;
const SMALLEST_TIMELINE_PAGE: u32 = 5;

/// The timeline shows no more posts than this, reposts counted although they are left out.
const TIMELINE_DEPTH: u32 = 3200;

/// An empty page is no end, but this many in a row are.
const MAX_EMPTY_PAGES: u32 = 5;

impl TwitterClient {
    pub(super) fn list(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<ListingEnd, NetworkError> {
        let mut run = Run::new(account, cursor)?;
        let everything = run.everything();
        self.read_span(&mut run, &everything, page)?;
        Ok(run.progress.end(account, cursor))
    }

    /// The timeline after a search: as much of it as is needed to find what the search missed.
    pub(super) fn list_missed(
        &self,
        account: &Account,
        cursor: &Cursor,
        searched: &SearchedPosts,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<ListingEnd, NetworkError> {
        let mut run = Run::new(account, cursor)?;
        let Cursor::Timeline(since) = cursor else { return self.list(account, cursor, page) };
        if !covers(searched, since.as_deref()) {
            return self.list(account, cursor, page);
        }
        let since = since.as_ref().and_then(|id| id.parse().ok());
        let known = searched.ids.iter().filter_map(|id| id.parse().ok()).collect();
        let mut samples = Samples::new(known, since, account.posts);
        loop {
            match samples.next() {
                Next::Read(span) => samples.learn(&self.read_span(&mut run, &span, page)?),
                Next::Everything => {
                    let everything = run.everything();
                    self.read_span(&mut run, &everything, page)?;
                    return Ok(run.progress.end(account, cursor));
                }
                Next::Enough => {
                    run.progress.knows(samples.newest_known());
                    let end = run.progress.end(account, cursor);
                    return Ok(ListingEnd { coverage: Coverage::Sampled, ..end });
                }
            }
        }
    }

    /// Reads a part of a listing, page by page.
    fn read_span(
        &self,
        run: &mut Run<'_>,
        span: &Span,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<Read, NetworkError> {
        let account = run.account;
        let mut whole = Read::default();
        let mut read_posts = 0;
        let mut token: Option<String> = None;
        let mut empty_pages = 0;
        loop {
            let question = self.page_question(run, span, token.as_deref())?;
            let answer = match self.ask(&question, &mut run.hidden_from)? {
                Said::Answer(answer) => answer,
                Said::Missing => {
                    return Err(NetworkError::AccountMissing { account: account.key.clone() });
                }
                Said::Suspended => {
                    return Err(NetworkError::AccountSuspended { account: account.key.clone() });
                }
                Said::Hidden => return Err(self.why_hidden(&account.key)?),
                Said::Invalid { parameters, .. }
                    if run.search_page == SEARCH_PAGE
                        && parameters.iter().any(|name| name == "max_results") =>
                {
                    run.search_page = SMALL_SEARCH_PAGE;
                    continue;
                }
                Said::Invalid { why, .. } => {
                    return Err(NetworkError::Refused { endpoint: question.endpoint.as_str(), why });
                }
            };
            let next = answer.meta.as_ref().and_then(|meta| meta.next_token.clone());
            let read = self.deliver(answer, run, &question.url, &mut whole, page)?;
            read_posts += read;
            empty_pages = if read == 0 { empty_pages + 1 } else { 0 };
            if next.is_none() || next == token || empty_pages >= MAX_EMPTY_PAGES {
                whole.to_the_end = true;
                return Ok(whole);
            }
            if span.at_most.is_some_and(|limit| read_posts >= u64::from(limit)) {
                return Ok(whole);
            }
            token = next;
        }
    }

    fn page_question<'a>(
        &self,
        run: &Run<'a>,
        span: &Span,
        token: Option<&str>,
    ) -> Result<Question<'a>, NetworkError> {
        let account = run.account;
        let id = account.key.native.as_str();
        let fields = self.post_fields();
        let mut parameters: Vec<(&str, String)> = vec![
            (&self.settings.fields_parameter, fields.to_owned()),
            ("expansions", "attachments.media_keys".to_owned()),
            ("media.fields", "media_key,type,url".to_owned()),
        ];
        let (endpoint, path, reads) = match run.cursor {
            Cursor::Search(since) => {
                parameters.push(("query", format!("from:{id} has:images -is:retweet")));
                parameters.push(("start_time", search_start(*since, &self.settings.search_start)));
                parameters.push(("sort_order", "recency".to_owned()));
                parameters.extend(token.map(|token| ("next_token", token.to_owned())));
                let reads = Reads::Page { least: SMALLEST_SEARCH_PAGE, most: run.search_page };
                (Endpoint::Search, "tweets/search/all".to_owned(), reads)
            }
            Cursor::Timeline(_) => {
                let size = span.at_most.unwrap_or(TIMELINE_PAGE).clamp(SMALLEST_TIMELINE_PAGE, TIMELINE_PAGE);
                parameters.push(("exclude", "retweets".to_owned()));
                parameters.extend(span.older.map(|id| ("since_id", id.to_string())));
                parameters.extend(span.newer.map(|id| ("until_id", id.to_string())));
                parameters.extend(token.map(|token| ("pagination_token", token.to_owned())));
                let reads = Reads::Page { least: SMALLEST_TIMELINE_PAGE, most: size };
                (Endpoint::Timeline, format!("users/{id}/tweets"), reads)
            }
        };
        let parameters: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let url = self.url(endpoint, &path, &parameters)?;
        Ok(Question { endpoint, url, subject: Some(id), patience: PATIENT, reads })
    }

    /// What to ask of a post. The newer contract has the author, the references and the versions as
    /// expansions only, which are paid for; they tell nothing that the query does not ensure already.
    pub(super) fn post_fields(&self) -> &'static str {
        if self.settings.fields_parameter == "tweet.fields" {
            "attachments,author_id,created_at,edit_history_tweet_ids,entities,id,referenced_tweets"
        } else {
            "attachments,created_at,entities,id"
        }
    }

    /// Hands a page over in pieces; returns how many posts it held, with images or without.
    fn deliver(
        &self,
        answer: Answer,
        run: &mut Run<'_>,
        url: &Url,
        whole: &mut Read,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<u64, NetworkError> {
        let (account, progress) = (run.account, &mut run.progress);
        let media = answer.includes.map(|includes| includes.media).unwrap_or_default();
        let data = answer.data.unwrap_or_default();
        let read = u64::try_from(data.len()).unwrap_or(u64::MAX);
        let mut unreadable = None;
        let mut listed = Vec::new();
        for value in data {
            match serde_json::from_value::<Post>(value) {
                Ok(post) => {
                    progress.saw(&post);
                    let id = post.id.parse().ok();
                    whole.oldest = whole.oldest.into_iter().chain(id).min();
                    listed.extend(progress.list(&post, account, |post| {
                        media::photos(post, &media, &account.handle, &self.settings.image_size)
                    }));
                }
                Err(error) => unreadable = Some((unreadable.map_or(1, |(count, _)| count + 1), error)),
            }
        }
        if let Some((count, error)) = unreadable {
            if count == read {
                return Err(NetworkError::Unreadable { url: url.to_string(), why: error.to_string() });
            }
            tracing::warn!(account = %account.key, count, %error, "posts of a page skipped");
        }
        progress.posts_read += read;
        whole.posts += read;
        if matches!(run.cursor, Cursor::Timeline(_)) {
            whole.listed.extend(listed.iter().filter_map(|post| post.key.native.parse::<u64>().ok()));
        }
        delivery::deliver(listed, page)?;
        Ok(read)
    }

    /// An account whose posts no credential sees: protected by its owner, gone since, or blocking us.
    fn why_hidden(&self, account: &AccountKey) -> Result<NetworkError, NetworkError> {
        let resolved = self.resolve_accounts(&[AccountRef::Id(account.clone())])?;
        let account = account.clone();
        Ok(match resolved.into_iter().next().map(|resolution| resolution.outcome) {
            Some(ResolutionOutcome::Readable(_)) | None => NetworkError::Blocked { account },
            Some(ResolutionOutcome::Private) => NetworkError::AccountPrivate { account },
            Some(ResolutionOutcome::Missing) => NetworkError::AccountMissing { account },
            Some(ResolutionOutcome::Suspended) => NetworkError::AccountSuspended { account },
            Some(ResolutionOutcome::Closed { why }) => NetworkError::AccountClosed { account, why },
        })
    }
}

/// Where a search begins. Never left out: without a start X searches the last 30 days only.
fn search_start(cursor: Option<Timestamp>, oldest: &str) -> String {
    match (cursor, Timestamp::parse_rfc3339(oldest)) {
        (Some(cursor), Some(oldest)) => cursor.minus(SEARCH_OVERLAP).max(oldest).to_rfc3339(),
        (Some(cursor), None) => cursor.minus(SEARCH_OVERLAP).to_rfc3339(),
        (None, Some(oldest)) => oldest.to_rfc3339(),
        (None, None) => oldest.to_owned(),
    }
}

/// True when the search started no later than the timeline's listing does: then what it does not hold, it
/// missed.
fn covers(searched: &SearchedPosts, since: Option<&str>) -> bool {
    match (searched.since, since) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(search), Some(id)) => {
            snowflake_time(id).is_some_and(|timeline| timeline >= search.minus(SEARCH_OVERLAP))
        }
    }
}

/// One listing under way.
struct Run<'a> {
    account: &'a Account,
    cursor: &'a Cursor,
    progress: Progress,
    /// Credentials that cannot see the account.
    hidden_from: Vec<usize>,
    search_page: u32,
}

impl<'a> Run<'a> {
    fn new(account: &'a Account, cursor: &'a Cursor) -> Result<Run<'a>, NetworkError> {
        if account.key.network != Network::Twitter || !is_id(&account.key.native) {
            return Err(NetworkError::AccountMissing { account: account.key.clone() });
        }
        let (progress, hidden_from) = (Progress::default(), Vec::new());
        Ok(Run { account, cursor, progress, hidden_from, search_page: SEARCH_PAGE })
    }

    /// All that lies beyond the cursor.
    fn everything(&self) -> Span {
        let older = match self.cursor {
            Cursor::Search(_) => None,
            Cursor::Timeline(since) => since.as_ref().and_then(|id| id.parse().ok()),
        };
        Span { newer: None, older, at_most: None }
    }
}

/// What a listing remembers from page to page.
#[derive(Default)]
struct Progress {
    posts_read: u64,
    newest: Option<Timestamp>,
    oldest: Option<Timestamp>,
    newest_id: Option<PostKey>,
    /// Edited posts that were listed, by the id of their newest version. Few.
    edited: HashSet<String>,
}

impl Progress {
    /// This post is listed, if by another listing.
    fn knows(&mut self, id: Option<u64>) {
        let key = id.map(|id| PostKey::new(Network::Twitter, id.to_string()));
        let newest = self.newest_id.take().into_iter().chain(key);
        self.newest_id = newest.max_by(|a, b| a.age_order().cmp(&b.age_order()));
    }

    fn saw(&mut self, post: &Post) {
        let key = PostKey::new(Network::Twitter, post.id.clone());
        if self.newest_id.as_ref().is_none_or(|newest| newest.age_order() < key.age_order()) {
            self.newest_id = Some(key);
        }
        if let Some(published) = published(post) {
            self.newest = Some(self.newest.map_or(published, |newest| newest.max(published)));
            self.oldest = Some(self.oldest.map_or(published, |oldest| oldest.min(published)));
        }
    }

    /// The post as the index wants it; `None` when it is not the account's own, shows no photo, or is
    /// a version of a post that was listed already.
    fn list(
        &mut self,
        post: &Post,
        account: &Account,
        photos: impl FnOnce(&Post) -> Vec<crate::domain::posts::ListedImage>,
    ) -> Option<ListedPost> {
        let is_own = post.author_id.as_ref().is_none_or(|author| *author == account.key.native);
        if !is_own || post.is_repost() {
            return None;
        }
        let images = photos(post);
        if images.is_empty() {
            return None;
        }
        let mut id = &post.id;
        if let [_, _, ..] = post.versions() {
            id = post.versions().iter().max_by_key(|id| (id.len(), id.as_str())).unwrap_or(id);
            if !self.edited.insert(id.clone()) {
                return None;
            }
        }
        let key = PostKey::new(Network::Twitter, id.clone());
        Some(ListedPost { key, published: published(post), images })
    }

    fn end(self, account: &Account, cursor: &Cursor) -> ListingEnd {
        let (cursor, coverage) = match cursor {
            Cursor::Search(old) => (Cursor::Search(self.newest.max(*old)), Coverage::Complete),
            Cursor::Timeline(old) => {
                let old = old.as_ref().map(|id| PostKey::new(Network::Twitter, id.clone()));
                let is_first = old.is_none();
                let newest = self.newest_id.into_iter().chain(old);
                let newest = newest.max_by(|a, b| a.age_order().cmp(&b.age_order())).map(|post| post.native);
                // Reposts count towards the depth but are not seen, so the account's own figure decides.
                let depth = u64::from(TIMELINE_DEPTH);
                let reaches_further = is_first && account.posts.is_some_and(|posts| posts > depth);
                let limited = reaches_further || self.posts_read >= depth;
                let coverage = if limited { Coverage::LimitedTo(TIMELINE_DEPTH) } else { Coverage::Complete };
                (Cursor::Timeline(newest), coverage)
            }
        };
        ListingEnd { cursor, newest: self.newest, oldest: self.oldest, coverage, posts_read: self.posts_read }
    }
}

/// When a post was published: by its own word, else by its id.
fn published(post: &Post) -> Option<Timestamp> {
    post.created_at.as_deref().and_then(Timestamp::parse_rfc3339).or_else(|| snowflake_time(&post.id))
}

/// Ids since November 2010 hold their time; older ones were counted.
fn snowflake_time(id: &str) -> Option<Timestamp> {
    let id: i64 = id.parse().ok()?;
    (id >= 30_000_000_000_000).then(|| Timestamp((id >> 22) + 1_288_834_974_657))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_their_time() {
        let check = |id, expect: Option<&str>| {
            assert_eq!(snowflake_time(id).map(|time| time.to_rfc3339()).as_deref(), expect, "{id}");
        };
        check("1558553189766631429", Some("2022-08-13T20:36:51Z"));
        check("25712847277", None);
        check("nonsense", None);
    }

    #[test]
    fn searches_always_say_where_they_start() {
        let check = |cursor: Option<&str>, oldest, expect| {
            assert_eq!(search_start(cursor.and_then(Timestamp::parse_rfc3339), oldest), expect);
        };
        let oldest = "2006-03-21T00:00:00Z";
        check(None, oldest, "2006-03-21T00:00:00Z");
        check(Some("2024-05-02T10:00:00.500Z"), oldest, "2024-05-01T10:00:00Z");
        check(Some("2006-03-21T10:00:00Z"), oldest, "2006-03-21T00:00:00Z");
        check(Some("2024-05-02T10:00:00Z"), "nonsense", "2024-05-01T10:00:00Z");
    }
}
