//! The two ways to list an account's posts with images: full-archive search, and the timeline. Both
//! page from the newest post backwards and keep nothing but where they are.

use std::collections::HashSet;

use url::Url;

use super::ask::{PATIENT, Question, Reads, Said};
use super::client::TwitterClient;
use super::lookup::is_id;
use super::media;
use super::pool::Endpoint;
use super::progress::{Progress, TIMELINE_DEPTH};
use super::samples::{Next, Read, Samples, Span};
use super::wire::{Answer, Post};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, ResolutionOutcome};
use crate::domain::posts::{ListedImage, ListedPost};
use crate::domain::scans::{Coverage, Cursor, ListingEnd};
use crate::networks::client::{AccountLookup, NetworkClient, PageSink, PostLister, SearchedPosts};
use crate::networks::error::NetworkError;
use crate::networks::paging::{Bounds, Ended, OVERLAP, Page, list_pages};

/// Posts in a page of search: what the API allows, and what plans with less allow.
const SEARCH_PAGE: u32 = 500;
const SMALL_SEARCH_PAGE: u32 = 100;
const SMALLEST_SEARCH_PAGE: u32 = 10;

/// Posts in a page of the timeline.
const TIMELINE_PAGE: u32 = 100;
const SMALLEST_TIMELINE_PAGE: u32 = 5;

const BOUNDS: Bounds = Bounds { empty_pages: 5, pages: u32::MAX };

impl NetworkClient for TwitterClient {
    fn network(&self) -> Network {
        Network::Twitter
    }

    fn is_billed(&self) -> bool {
        true
    }
}

impl PostLister for TwitterClient {
    fn list_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut PageSink<'_>,
    ) -> Result<ListingEnd, NetworkError> {
        let mut run = Run::new(account, cursor)?;
        let everything = run.everything();
        self.read_span(&mut run, &everything, page)?;
        Ok(run.end())
    }

    /// The timeline after a search: as much of it as is needed to find what the search missed.
    fn list_missed_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        searched: &SearchedPosts,
        page: &mut PageSink<'_>,
    ) -> Result<ListingEnd, NetworkError> {
        let mut run = Run::new(account, cursor)?;
        let Cursor::Timeline(since) = cursor else { return self.list_posts(account, cursor, page) };
        if !covers(searched, since.as_deref()) {
            return self.list_posts(account, cursor, page);
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
                    return Ok(run.end());
                }
                Next::Enough => {
                    run.progress.knows(samples.newest_known());
                    return Ok(ListingEnd { coverage: Coverage::Sampled, ..run.end() });
                }
            }
        }
    }
}

impl TwitterClient {
    /// Reads a part of a listing, page by page.
    fn read_span(
        &self,
        run: &mut Run<'_>,
        span: &Span,
        page: &mut PageSink<'_>,
    ) -> Result<Read, NetworkError> {
        let mut whole = Read::default();
        let ended = list_pages(BOUNDS, page, |token| {
            let (answer, url) = self.read_page(run, span, token)?;
            let next = answer.meta.as_ref().and_then(|meta| meta.next_token.clone());
            let entries = answer.data.as_ref().map_or(0, Vec::len);
            let posts = self.read_entries(answer, run, &url, &mut whole)?;
            let is_enough = span.at_most.is_some_and(|limit| whole.posts >= u64::from(limit));
            Ok(Page { entries, posts, next, is_enough })
        })?;
        whole.to_the_end = ended == Ended::Exhausted;
        Ok(whole)
    }

    /// Asks for one page; where X finds pages of that size too large, for a smaller one.
    fn read_page(
        &self,
        run: &mut Run<'_>,
        span: &Span,
        token: Option<&str>,
    ) -> Result<(Answer, Url), NetworkError> {
        let account = &run.account.key;
        loop {
            let question = self.page_question(run, span, token)?;
            return match self.ask(&question, &mut run.hidden_from)? {
                Said::Answer(answer) => Ok((answer, question.url)),
                Said::Missing => Err(NetworkError::AccountMissing { account: account.clone() }),
                Said::Suspended => Err(NetworkError::AccountSuspended { account: account.clone() }),
                Said::Hidden => Err(self.why_hidden(account)?),
                Said::Invalid { parameters, .. }
                    if run.search_page == SEARCH_PAGE
                        && parameters.iter().any(|name| name == "max_results") =>
                {
                    run.search_page = SMALL_SEARCH_PAGE;
                    continue;
                }
                Said::Invalid { why, .. } => {
                    Err(NetworkError::Refused { endpoint: question.endpoint.as_str(), why })
                }
            };
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

    /// The posts of a page that are the account's own and have images.
    fn read_entries(
        &self,
        answer: Answer,
        run: &mut Run<'_>,
        url: &Url,
        whole: &mut Read,
    ) -> Result<Vec<ListedPost>, NetworkError> {
        let account = run.account;
        let media = answer.includes.map(|includes| includes.media).unwrap_or_default();
        let data = answer.data.unwrap_or_default();
        let read = data.len();
        let mut unreadable = None;
        let mut listed = Vec::new();
        for value in data {
            match serde_json::from_value::<Post>(value) {
                Ok(post) => {
                    run.progress.saw(&post.id, published(&post));
                    let id = post.id.parse().ok();
                    whole.oldest = whole.oldest.into_iter().chain(id).min();
                    listed.extend(run.list(&post, |post| {
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
        run.progress.seen.read(read);
        whole.posts += read as u64;
        if matches!(run.cursor, Cursor::Timeline(_)) {
            whole.listed.extend(listed.iter().filter_map(|post| post.key.native.parse::<u64>().ok()));
        }
        Ok(listed)
    }

    /// An account whose posts no credential sees: protected by its owner, gone since, or blocking us.
    fn why_hidden(&self, account: &AccountKey) -> Result<NetworkError, NetworkError> {
        let resolved = self.resolve(&[AccountRef::Id(account.clone())])?;
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
        (Some(cursor), Some(oldest)) => cursor.minus(OVERLAP).max(oldest).to_rfc3339(),
        (Some(cursor), None) => cursor.minus(OVERLAP).to_rfc3339(),
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
            snowflake_time(id).is_some_and(|timeline| timeline >= search.minus(OVERLAP))
        }
    }
}

/// One listing under way.
struct Run<'a> {
    account: &'a Account,
    cursor: &'a Cursor,
    progress: Progress,
    /// Edited posts that were listed, by the id of their newest version. Few.
    edited: HashSet<String>,
    /// Credentials that cannot see the account.
    hidden_from: Vec<usize>,
    search_page: u32,
}

impl<'a> Run<'a> {
    fn new(account: &'a Account, cursor: &'a Cursor) -> Result<Run<'a>, NetworkError> {
        if account.key.network != Network::Twitter || !is_id(&account.key.native) {
            return Err(NetworkError::AccountMissing { account: account.key.clone() });
        }
        Ok(Run {
            account,
            cursor,
            progress: Progress::default(),
            edited: HashSet::new(),
            hidden_from: Vec::new(),
            search_page: SEARCH_PAGE,
        })
    }

    /// All that lies beyond the cursor.
    fn everything(&self) -> Span {
        let older = match self.cursor {
            Cursor::Search(_) => None,
            Cursor::Timeline(since) => since.as_ref().and_then(|id| id.parse().ok()),
        };
        Span { newer: None, older, at_most: None }
    }

    /// The post as the index wants it; `None` when it is not the account's own, shows no photo, or is
    /// a version of a post that was listed already.
    fn list(&mut self, post: &Post, photos: impl FnOnce(&Post) -> Vec<ListedImage>) -> Option<ListedPost> {
        let is_own = post.author_id.as_ref().is_none_or(|author| *author == self.account.key.native);
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

    fn end(self) -> ListingEnd {
        let is_deep = self.progress.seen.posts_read >= TIMELINE_DEPTH;
        let end = self.progress.end(self.account, self.cursor);
        match self.cursor {
            Cursor::Timeline(_) if is_deep => {
                ListingEnd { coverage: Coverage::LimitedTo(TIMELINE_DEPTH as u32), ..end }
            }
            Cursor::Timeline(_) | Cursor::Search(_) => end,
        }
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
