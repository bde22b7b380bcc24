//! The two ways to list an account's posts with images: full-archive search, and the timeline. Both
//! page from the newest post backwards and keep nothing but where they are.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use url::Url;

use super::ask::{PATIENT, Question, Reads, Said};
use super::client::TwitterClient;
use super::fields::FieldsName;
use super::lookup::{BATCH, is_id};
use super::media;
use super::pool::Endpoint;
use super::posts::Patience;
use super::progress::{Descent, Progress, TIMELINE_DEPTH, is_plausible, note, noted};
use super::samples::{Next, Read, Samples, Span};
use super::wire::{Answer, Media, Post};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, ResolutionOutcome};
use crate::domain::posts::{ListedPost, Place, snowflake_time};
use crate::domain::scans::{Coverage, Cursor, Hold, ListingEnd, ListingPlace, MediaCount, Window};
use crate::networks::asking::Entries;
use crate::networks::client::{NetworkClient, PageSink, PostLister, SearchedPosts, Turns, Whole};
use crate::networks::error::NetworkError;
use crate::networks::paging::{Bounds, Ended, Memory, OVERLAP, Page, list_in_turns};

/// Posts in a page of search: what the API allows, and what plans with less allow.
const SEARCH_PAGE: u32 = 500;
const SMALL_SEARCH_PAGE: u32 = 100;
pub(super) const SMALLEST_SEARCH_PAGE: u32 = 10;

/// Posts in a page of the timeline.
const TIMELINE_PAGE: u32 = 100;
const SMALLEST_TIMELINE_PAGE: u32 = 5;

/// An account that passes much on has timelines with long rows of empty pages, and a search has pages that
/// hold nothing and name a next one: only their sum is bounded. So many pages hold the whole timeline in the
/// smallest pages, and a million posts of a search in pages of a hundred.
const TIMELINE_BOUNDS: Bounds = Bounds { empty_pages: u32::MAX, pages: 700, time: LONGEST };
const SEARCH_BOUNDS: Bounds = Bounds { empty_pages: u32::MAX, pages: 10_000, time: LONGEST };
/// Of a search, in a row: at one a second, with 300 in a quarter of an hour.
const EMPTY_SEARCH_PAGES: u32 = 200;

/// Many scans share the windows of a few credentials, and their waits count.
const LONGEST: Duration = Duration::from_secs(48 * 3600);

// Names of what a listing that is left remembers.
const EDITED: &str = "edited";
const SIZE: &str = "size";
const EMPTY: &str = "empty";
const PART: &str = "part";

impl NetworkClient for TwitterClient {
    fn network(&self) -> Network {
        Network::Twitter
    }

    fn is_billed(&self) -> bool {
        true
    }
}

impl PostLister for TwitterClient {
    fn list_in_turns(
        &self,
        account: &Account,
        cursor: &Cursor,
        turns: &mut dyn Turns,
    ) -> Result<ListingEnd, NetworkError> {
        let mut run = Run::new(account, cursor)?;
        let everything = run.everything();
        let Cursor::Window(window) = cursor else {
            self.read_span(&mut run, &everything, turns)?;
            return Ok(run.end());
        };
        let reached = turns.place().and_then(|place| part_reached(&place.notes));
        // Where it goes on, the parts are those of its beginning.
        let (begun, now) = reached.unwrap_or_else(|| (0, Timestamp::now()));
        run.begun = now;
        for (number, part) in parts_of(*window, now).into_iter().enumerate().skip(begun) {
            if run.is_cut {
                break; // what follows would lie behind a gap
            }
            run.part = Some((number, part));
            match number == begun {
                true => self.read_span(&mut run, &everything, turns)?,
                // The place that the listing was left at is behind it.
                false => self.read_span(&mut run, &everything, &mut Begun(turns))?,
            };
        }
        Ok(run.end())
    }

    /// The timeline after a search: as much of it as is needed to find what the search missed. It keeps its
    /// worker where there is no room: what was read of its samples, which are few and paid for, is known to
    /// it alone.
    fn list_missed_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        searched: &SearchedPosts,
        page: &mut PageSink<'_>,
    ) -> Result<ListingEnd, NetworkError> {
        let page = &mut Whole(page);
        let mut run = Run::new(account, cursor)?;
        let Cursor::Timeline(since) = cursor else { return self.list_in_turns(account, cursor, page) };
        if !covers(searched, since.as_deref()) {
            return self.list_in_turns(account, cursor, page);
        }
        let since = since.as_ref().and_then(|id| id.parse().ok());
        let known = searched.ids.iter().filter_map(|id| id.parse().ok()).collect();
        let media = match searched.media {
            Some(found) if since.is_none() => self.count_media(account, found)?,
            _ => None,
        };
        let is_confirmation =
            searched.counts_are_trusted && media.is_some_and(|media| media.found == media.stated);
        let mut samples = Samples::new(known, since, account.posts, is_confirmation);
        loop {
            let is_sampled = match samples.next() {
                Next::Read(span) => {
                    samples.learn(&self.read_span(&mut run, &span, page)?);
                    continue;
                }
                Next::Everything => {
                    let everything = run.everything();
                    samples.learn(&self.read_span(&mut run, &everything, page)?);
                    false
                }
                Next::Enough => {
                    run.progress.knows(samples.newest_known());
                    !run.is_cut
                }
            };
            let media = media.map(|media| MediaCount { missed: samples.missed(), ..media });
            let end = ListingEnd { media, ..run.end() };
            return Ok(if is_sampled { ListingEnd { coverage: Coverage::Sampled, ..end } } else { end });
        }
    }
}

impl TwitterClient {
    /// Reads a part of a listing, page by page.
    fn read_span(&self, run: &mut Run<'_>, span: &Span, turns: &mut dyn Turns) -> Result<Read, NetworkError> {
        let mut whole = Read::default();
        let (mut descent, mut empty_pages) = (Descent::default(), 0);
        let mut is_resumed = turns.place().is_some();
        let (bounds, most_empty) = match run.cursor {
            Cursor::Search(_) | Cursor::Window(_) => (SEARCH_BOUNDS, EMPTY_SEARCH_PAGES),
            Cursor::Timeline(_) => (TIMELINE_BOUNDS, TIMELINE_BOUNDS.pages),
        };
        let (_, ended) = list_in_turns(bounds, turns, |token, memory| {
            if std::mem::take(&mut is_resumed) {
                (descent, empty_pages) = run.resume(memory);
                whole.oldest = run.progress.oldest_number();
            }
            let (answer, url) = self.read_page(run, span, token)?;
            let mut next = answer.meta.as_ref().and_then(|meta| meta.next_token.clone());
            let entries = answer.data.as_ref().map_or(0, Entries::len);
            let posts = self.read_entries(answer, run, &url, &mut whole)?;
            empty_pages = if entries == 0 { empty_pages + 1 } else { 0 };
            let is_stuck = entries > 0 && descent.is_stuck(whole.oldest);
            if next.is_some() && (is_stuck || empty_pages >= most_empty) {
                run.is_cut = true;
                next = None;
            }
            run.remember(memory, &descent, empty_pages);
            let is_enough = span.at_most.is_some_and(|limit| whole.posts >= u64::from(limit));
            Ok(Page { entries, posts, next, is_enough, ..Page::default() })
        })?;
        run.is_cut |= matches!(ended, Ended::Endless | Ended::Repeated);
        whole.to_the_end = ended == Ended::Exhausted && !run.is_cut;
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
            let (mut hidden_from, mut expects_media) =
                (std::mem::take(&mut run.hidden_from), run.expects_media);
            let question = |name| self.page_question(run, span, token, name);
            let said = self.ask_for_posts(&question, &mut expects_media, &mut hidden_from);
            (run.hidden_from, run.expects_media) = (hidden_from, expects_media);
            let (said, url) = said?;
            return match said {
                Said::Answer(answer) => Ok((answer, url)),
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
                    Err(NetworkError::Refused { endpoint: run.endpoint().as_str(), why })
                }
            };
        }
    }

    fn page_question<'a>(
        &self,
        run: &Run<'a>,
        span: &Span,
        token: Option<&str>,
        name: FieldsName,
    ) -> Result<Question<'a>, NetworkError> {
        let account = run.account;
        let id = account.key.native.as_str();
        let mut parameters: Vec<(&str, String)> = vec![
            (name.parameter(), name.fields().to_owned()),
            ("expansions", "attachments.media_keys".to_owned()),
            ("media.fields", "media_key,type,url".to_owned()),
        ];
        let mut start_time = None;
        if let Cursor::Search(since) = run.cursor {
            start_time = Some(search_start(*since, &self.settings.search_start));
        }
        if let Some((_, Part { window, .. })) = &run.part {
            let oldest = Timestamp::parse_rfc3339(&self.settings.search_start);
            start_time = Some(window.from.max(oldest.unwrap_or(window.from)).to_rfc3339());
            // It is exclusive, and of whole seconds.
            parameters.push(("end_time", window.to.plus(Duration::from_secs(1)).to_rfc3339()));
        }
        parameters.extend(start_time.map(|start| ("start_time", start)));
        let endpoint = run.endpoint();
        let (path, reads) = match endpoint {
            Endpoint::Search => {
                parameters.push(("query", format!("from:{id} has:images -is:retweet")));
                parameters.push(("sort_order", "recency".to_owned()));
                parameters.extend(token.map(|token| ("next_token", token.to_owned())));
                let reads = Reads::Page { least: SMALLEST_SEARCH_PAGE, most: run.search_page };
                ("tweets/search/all".to_owned(), reads)
            }
            _ => {
                let size = span.at_most.unwrap_or(TIMELINE_PAGE).clamp(SMALLEST_TIMELINE_PAGE, TIMELINE_PAGE);
                parameters.push(("exclude", "retweets".to_owned()));
                parameters.extend(span.older.map(|id| ("since_id", id.to_string())));
                parameters.extend(span.newer.map(|id| ("until_id", id.to_string())));
                parameters.extend(token.map(|token| ("pagination_token", token.to_owned())));
                let reads = Reads::Page { least: SMALLEST_TIMELINE_PAGE, most: size };
                (format!("users/{id}/tweets"), reads)
            }
        };
        let parameters: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let url = self.url(endpoint, &path, &parameters)?;
        Ok(Question { endpoint, url, subject: Some(id), patience: PATIENT, reads })
    }

    /// The posts of a page that are the account's own and have images. Media that X names and does not bring
    /// is asked for once more.
    fn read_entries(
        &self,
        answer: Answer,
        run: &mut Run<'_>,
        url: &Url,
        whole: &mut Read,
    ) -> Result<Vec<ListedPost>, NetworkError> {
        let account = run.account;
        let mut media = answer.includes.map(|includes| includes.media).unwrap_or_default();
        let data = answer.data.unwrap_or_default();
        let read = data.len();
        run.is_cut |= data.is_cut();
        let (mut unreadable, mut kept) = (None, 0);
        let mut posts = Vec::new();
        for post in data.read::<Post>() {
            kept += 1;
            let post = post.map_err(|error| error.to_string());
            match post.and_then(|post| if is_plausible(&post.id) { Ok(post) } else { Err(no_post(&post)) }) {
                Ok(post) => {
                    run.progress.saw(&post.id, published(&post));
                    let id = post.id.parse().ok();
                    whole.oldest = whole.oldest.into_iter().chain(id).min();
                    posts.push(post);
                }
                Err(error) => unreadable = Some((unreadable.map_or(1, |(count, _)| count + 1), error)),
            }
        }
        let own: Vec<&Post> = posts.iter().filter(|post| run.is_own(post)).collect();
        self.complete(&own, &mut media, account)?;
        let size = &self.settings.image_size;
        let listed: Vec<ListedPost> = own
            .into_iter()
            .filter_map(|post| run.list(post, media::attached(post, &media, &account.handle, size)))
            .collect();
        if let Some((count, error)) = unreadable {
            if count == kept {
                return Err(NetworkError::Unreadable { url: url.to_string(), why: error });
            }
            tracing::warn!(account = %account.key, count, error, "posts of a page skipped");
        }
        run.progress.seen.read(read);
        whole.posts += read as u64;
        if matches!(run.cursor, Cursor::Timeline(_)) {
            whole.listed.extend(listed.iter().filter_map(|post| post.key.native.parse::<u64>().ok()));
        }
        Ok(listed)
    }

    /// Asks once more for media that these posts name and that was not expanded: that may have failed for the
    /// moment. Where it cannot be asked for, they stay as they are, and are looked up later.
    fn complete(
        &self,
        posts: &[&Post],
        media: &mut Vec<Media>,
        account: &Account,
    ) -> Result<(), NetworkError> {
        let lacks = |post: &&&Post| {
            media::attached(post, media, &account.handle, &self.settings.image_size).contains(&Place::Missing)
        };
        let ids: Vec<&str> = posts.iter().filter(lacks).map(|post| post.id.as_str()).collect();
        for batch in ids.chunks(BATCH) {
            match self.read_posts(batch, Patience::Short) {
                Ok(answer) => {
                    media.extend(answer.includes.map(|includes| includes.media).unwrap_or_default())
                }
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                Err(error) => {
                    tracing::debug!(account = %account.key, %error, "missing media was not asked for again");
                    break;
                }
            }
        }
        Ok(())
    }

    /// An account whose posts no credential sees: protected by its owner, gone since, or blocking us.
    fn why_hidden(&self, account: &AccountKey) -> Result<NetworkError, NetworkError> {
        // Something has changed since it was asked about.
        let resolved = self.resolve_now(&[AccountRef::Id(account.clone())])?;
        let account = account.clone();
        Ok(match resolved.into_iter().next().map(|resolution| resolution.outcome) {
            Some(ResolutionOutcome::Readable(_)) | None => NetworkError::Blocked { account },
            Some(ResolutionOutcome::Private) => NetworkError::AccountPrivate { account },
            Some(ResolutionOutcome::Missing) => NetworkError::AccountMissing { account },
            Some(ResolutionOutcome::Suspended) => NetworkError::AccountSuspended { account },
            Some(ResolutionOutcome::Closed { why } | ResolutionOutcome::Unasked { why }) => {
                NetworkError::AccountClosed { account, why }
            }
        })
    }
}

/// The search learns of posts late: what is newer than this is read from the timeline.
const LATE: Duration = OVERLAP;
/// Searches end no later than ten seconds before the present.
const PRESENT: Duration = Duration::from_secs(15);

/// A part of a window, and whence it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    endpoint: Endpoint,
    window: Window,
}

/// The parts of a window, the newest first. None where nothing of it is past.
fn parts_of(window: Window, now: Timestamp) -> Vec<Part> {
    let settled = now.minus(LATE);
    let newest = window.within(settled, now.minus(PRESENT));
    let older = window.within(window.from, Timestamp(settled.0 - 1));
    let newest = newest.map(|window| Part { endpoint: Endpoint::Timeline, window });
    newest.into_iter().chain(older.map(|window| Part { endpoint: Endpoint::Search, window })).collect()
}

/// Which part of a window a listing was left in, and when the listing had begun.
fn part_reached(notes: &[String]) -> Option<(usize, Timestamp)> {
    let (number, begun) = notes.iter().find_map(|text| text.strip_prefix(PART)?.trim().split_once(' '))?;
    Some((number.parse().ok()?, Timestamp(begun.parse().ok()?)))
}

/// A listing that has begun: its place is none of what follows.
struct Begun<'a>(&'a mut dyn Turns);

impl Turns for Begun<'_> {
    fn place(&self) -> Option<&ListingPlace> {
        None
    }

    fn take(&mut self, posts: Vec<ListedPost>, hold: Hold) -> ControlFlow<()> {
        self.0.take(posts, hold)
    }
}

/// Where a search begins. Never left out: without a start X searches the last 30 days only.
pub(super) fn search_start(cursor: Option<Timestamp>, oldest: &str) -> String {
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
    /// Posts without attachments are a reason to doubt the answer: the search finds posts with images.
    expects_media: bool,
    /// Pages went on without end, and were not followed.
    is_cut: bool,
    /// Of a window: the number of the part that is read, and what it is.
    part: Option<(usize, Part)>,
    /// When it began.
    begun: Timestamp,
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
            expects_media: !matches!(cursor, Cursor::Timeline(_)),
            is_cut: false,
            part: None,
            begun: Timestamp::now(),
        })
    }

    /// Goes on where the listing was left; returns what it knew of its pages.
    fn resume(&mut self, memory: &Memory) -> (Descent, u32) {
        let number = |name| noted(&memory.notes, name).next().and_then(|text| text.parse::<u32>().ok());
        self.progress = Progress::at(memory);
        self.edited = noted(&memory.notes, EDITED).map(str::to_owned).collect();
        self.search_page = number(SIZE).unwrap_or(SEARCH_PAGE);
        (Descent::at(&memory.notes), number(EMPTY).unwrap_or(0))
    }

    /// Notes what the listing must know where it goes on.
    fn remember(&self, memory: &mut Memory, descent: &Descent, empty_pages: u32) {
        let edited = self.edited.iter().map(|id| note(EDITED, id));
        let pages = [(SIZE, self.search_page, SEARCH_PAGE), (EMPTY, empty_pages, 0)];
        let part = self.part.map(|(number, _)| note(PART, format_args!("{number} {}", self.begun.0)));
        let pages = pages.into_iter().filter(|(_, value, usual)| value != usual);
        let pages = pages.map(|(name, value, _)| note(name, value));
        memory.seen = self.progress.seen;
        memory.notes =
            self.progress.notes().chain(descent.notes()).chain(edited).chain(pages).chain(part).collect();
    }

    /// All that lies beyond the cursor.
    fn everything(&self) -> Span {
        let older = match self.cursor {
            Cursor::Search(_) | Cursor::Window(_) => None,
            Cursor::Timeline(since) => since.as_ref().and_then(|id| id.parse().ok()),
        };
        Span { newer: None, older, at_most: None }
    }

    /// Whence its pages come.
    fn endpoint(&self) -> Endpoint {
        match (self.cursor, &self.part) {
            (_, Some((_, part))) => part.endpoint,
            (Cursor::Timeline(_), None) => Endpoint::Timeline,
            (Cursor::Search(_) | Cursor::Window(_), None) => Endpoint::Search,
        }
    }

    fn is_own(&self, post: &Post) -> bool {
        let is_own = post.author_id.as_ref().is_none_or(|author| *author == self.account.key.native);
        is_own && !post.is_repost()
    }

    /// The post as the index wants it; `None` when it shows no photo, or is a version of a post that was
    /// listed already.
    fn list(&mut self, post: &Post, attached: Vec<Place>) -> Option<ListedPost> {
        let mut id = &post.id;
        if !attached.iter().any(|place| matches!(place, Place::Image(_) | Place::Missing)) {
            return None;
        }
        if let [_, _, ..] = post.versions() {
            id = post.versions().iter().max_by_key(|id| (id.len(), id.as_str())).unwrap_or(id);
            if !self.edited.insert(id.clone()) {
                return None;
            }
        }
        let key = PostKey::new(Network::Twitter, id.clone());
        ListedPost::of(key, published(post), attached)
    }

    fn end(self) -> ListingEnd {
        let is_deep = self.progress.seen.posts_read >= TIMELINE_DEPTH;
        let is_cut = self.is_cut;
        let end = self.progress.end(self.account, self.cursor, self.begun);
        match self.cursor {
            _ if is_cut => end.cut_short(),
            Cursor::Timeline(_) if is_deep => {
                ListingEnd { coverage: Coverage::LimitedTo(TIMELINE_DEPTH as u32), ..end }
            }
            Cursor::Timeline(_) | Cursor::Search(_) | Cursor::Window(_) => end,
        }
    }
}

/// When a post was published: by its own word, else by its id. A date to come would hide everything that is
/// posted until then.
fn published(post: &Post) -> Option<Timestamp> {
    let stated = post.created_at.as_deref().and_then(Timestamp::parse_rfc3339);
    stated.or_else(|| snowflake_time(&post.id)).map(|moment| moment.min(Timestamp::now()))
}

fn no_post(post: &Post) -> String {
    format!("a post cannot have the number {:?}", post.id.chars().take(40).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

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
