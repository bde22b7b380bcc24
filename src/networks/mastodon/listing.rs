//! Listing an account's posts with images, from the newest backwards.

use std::time::Duration;

use url::Url;

use super::address::{ActorPath, actor_path};
use super::client::{LOGIN_NEEDED, LOOKUP, MastodonClient, NOT_INDEXED, Told};
use super::wire::{Account as WireAccount, Attachment, Numbered, Status};
use crate::base::Timestamp;
use crate::base::ids::{MAX_KEY_BYTES, Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::{ListedPost, Place};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::Response;
use crate::networks::asking::{Effort, Entries, read_list};
use crate::networks::client::{NetworkClient, PostLister, Turns};
use crate::networks::delivery::places_within_bounds;
use crate::networks::error::NetworkError;
use crate::networks::fediverse::address::{Name, server_of};
use crate::networks::fediverse::files::{LeftOut, is_id, last_id, picture, read_posts, repeated};
use crate::networks::paging::{Bounds, Ended, LONGEST_LISTING, Memory, OVERLAP, Page, Span, list_in_turns};

const STATUSES: &str = "accounts/:id/statuses";

/// What the API allows.
const PAGE: &str = "40";

/// What servers give at least where there are more.
const SMALLEST_PAGE: u64 = 20;

/// So many pages hold 400,000 posts.
const BOUNDS: Bounds = Bounds { empty_pages: 5, pages: 10_000, time: LONGEST_LISTING };

impl NetworkClient for MastodonClient {
    fn network(&self) -> Network {
        Network::Mastodon
    }
}

impl PostLister for MastodonClient {
    fn list_in_turns(
        &self,
        account: &Account,
        cursor: &Cursor,
        turns: &mut dyn Turns,
    ) -> Result<ListingEnd, NetworkError> {
        let span = Span::of(cursor, STATUSES)?;
        let home = Home::of(account);
        let home = home.ok_or_else(|| NetworkError::AccountMissing { account: account.key.clone() })?;
        let found = self.own_account(account, &home)?;
        let (id, host) = (found.id.as_str(), home.host());
        let mut progress = Progress::new(id, host, self.settings.is_original());
        let (memory, ended) = list_in_turns(BOUNDS, turns, |max_id, memory| {
            self.read_one(&mut progress, memory, account, span, max_id)
        })?;
        progress.left_out.tell(account);
        // A server that gives the same page again may have given all that it has. (snac counts 0 posts,
        // always.)
        let read = memory.seen.posts_read;
        let is_all =
            read < SMALLEST_PAGE || found.statuses_count.is_some_and(|count| count > 0 && count <= read);
        let ended = if ended == Ended::Repeated && is_all { Ended::Exhausted } else { ended };
        Ok(span.end(memory.seen, ended))
    }
}

/// How far the time in the number of a post lies from its date, at most.
const NUMBER_SLACK: Duration = Duration::from_secs(60);

/// The number from which a listing of a window can begin, on servers whose numbers are times, as Mastodon's
/// are: milliseconds since 1970, and 16 bits that tell posts of one moment apart. All posts of the window
/// have lower ones. `None` for what is no window, or has an end that no number tells.
fn jump(span: Span) -> Option<u64> {
    let Span::Window(window) = span else { return None };
    u64::try_from(window.to.plus(NUMBER_SLACK).0).ok()?.checked_mul(1 << 16)
}

fn is_jump(max_id: &str, span: Span) -> bool {
    jump(span).is_some_and(|jump| jump.to_string() == max_id)
}

/// Whether the numbers of these posts, the newest of an account, are times, and all later than that of
/// `jump`. It is their numbers that tell, not the name of the software: those of Mastodon's relatives
/// (Pleroma, GoToSocial, Pixelfed) are made otherwise, and a listing there runs through all that is newer.
fn may_jump(statuses: &Entries, jump: u64) -> bool {
    let is_later = |status: &Numbered| {
        let number = status.id.parse::<u64>().ok().filter(|number| *number >= jump);
        let made = number.and_then(|number| i64::try_from(number >> 16).ok()).map(Timestamp);
        let date = status.created_at.as_deref().and_then(Timestamp::parse_rfc3339);
        let distance = |(made, date): (Timestamp, Timestamp)| made.max(date).since(made.min(date));
        made.zip(date).is_some_and(|dates| distance(dates) <= NUMBER_SLACK)
    };
    !statuses.is_empty()
        && statuses.read::<Numbered>().all(|status| status.is_ok_and(|status| is_later(&status)))
}

/// Whether a server that was asked for posts below this number shows others: it does not know the parameter,
/// or does not know the number.
fn ignores(max_id: &str, statuses: &Entries) -> bool {
    let bound = max_id.parse::<u64>().unwrap_or(u64::MAX);
    let is_above = |status: Numbered| status.id.parse::<u64>().is_ok_and(|number| number >= bound);
    statuses.read::<Numbered>().flatten().any(is_above)
}

impl MastodonClient {
    fn read_one(
        &self,
        progress: &mut Progress<'_>,
        memory: &mut Memory,
        account: &Account,
        span: Span,
        max_id: Option<&str>,
    ) -> Result<Page, NetworkError> {
        let path = format!("/api/v1/accounts/{}/statuses", progress.id);
        let mut parameters = vec![("only_media", "true"), ("exclude_reblogs", "true"), ("limit", PAGE)];
        parameters.extend(max_id.map(|max_id| ("max_id", max_id)));
        let (url, response) = self.call(progress.host, &path, STATUSES, &parameters, Effort::LISTING)?;
        let statuses = read_page(&url, &response, account)?;
        let entries = statuses.len();
        let last = last_id(&statuses);
        if max_id.is_some() && last.as_deref() == max_id {
            return Ok(repeated(entries, last));
        }
        if max_id.is_some_and(|max_id| is_jump(max_id, span) && ignores(max_id, &statuses)) {
            // It shows the newest posts again: what follows them is asked for, without a jump.
            return Ok(Page { entries, next: last, ..Page::default() });
        }
        let mut posts = read_posts(&statuses, &url, |status| progress.take(&status, memory))?;
        posts.retain(|post| span.holds(post.published));
        memory.seen.read(entries);
        let next = match response.header("link").map(str::trim) {
            Some(link) if !link.is_empty() => next_max_id(link),
            // Not all servers send it (snac does not): what follows the last post is asked for, until nothing
            // does.
            Some(_) | None => last,
        };
        let is_enough = span.is_passed(&memory.seen);
        let jump = jump(span).filter(|_| max_id.is_none() && next.is_some());
        let next = jump.filter(|jump| may_jump(&statuses, *jump)).map_or(next, |jump| Some(jump.to_string()));
        Ok(Page { entries, posts, next, is_enough, is_cut: statuses.is_cut() })
    }

    /// The account as its server knows it now, with the server's own number for it, which the API wants.
    /// Fails when the name is another's now.
    fn own_account(&self, account: &Account, home: &Home) -> Result<WireAccount, NetworkError> {
        let key = account.key.clone();
        let told = match home {
            Home::Named(name) => self.ask_account(&name.host, &name.user)?,
            Home::Numbered { host, id } => self.ask_number(host, id)?,
        };
        match told {
            Told::Account(found) if found.actor() != Some(key.native.as_str()) => {
                tracing::warn!(account = %key, handle = account.handle, "the handle belongs to another account now");
                Err(NetworkError::AccountMissing { account: key })
            }
            Told::Account(found) if found.suspended == Some(true) => {
                Err(NetworkError::AccountSuspended { account: key })
            }
            Told::Account(found) if !self.may_be_indexed(&found) => {
                Err(NetworkError::AccountClosed { account: key, why: NOT_INDEXED.to_owned() })
            }
            Told::Account(found) if is_id(&found.id) => Ok(*found),
            Told::Account(_) | Told::Nobody => Err(NetworkError::AccountMissing { account: key }),
            // What is no answer of such a server says nothing about the account.
            Told::Silent | Told::OfMisskey(_) => {
                let why = format!("{} does not answer as a server of Mastodon's kind", home.host());
                Err(NetworkError::Refused { endpoint: LOOKUP, why })
            }
            Told::Unreadable { why } => Err(NetworkError::AccountClosed { account: key, why }),
            Told::Suspended => Err(NetworkError::AccountSuspended { account: key }),
            Told::LoginNeeded => {
                Err(NetworkError::AccountClosed { account: key, why: LOGIN_NEEDED.to_owned() })
            }
        }
    }
}

/// Where the account is and how it is asked for there.
enum Home {
    Named(Name),
    /// Its handle is not known (a scan that was resumed long after), but its URI tells the number.
    Numbered {
        host: String,
        id: String,
    },
}

impl Home {
    /// The server is that of the actor's URI: that of the handle may only hand out names.
    fn of(account: &Account) -> Option<Home> {
        let is_ours = account.key.network == Network::Mastodon;
        let host = server_of(&account.key.native).filter(|_| is_ours)?;
        if let Some(name) = Name::parse(&account.handle) {
            return Some(Home::Named(Name { user: name.user, host }));
        }
        match actor_path(&account.key.native)? {
            ActorPath::Named(name) => Some(Home::Named(name)),
            ActorPath::Numbered { host, id } => Some(Home::Numbered { host, id }),
            ActorPath::Opaque { .. } => None,
        }
    }

    fn host(&self) -> &str {
        match self {
            Home::Named(name) => &name.host,
            Home::Numbered { host, .. } => host,
        }
    }
}

fn read_page(url: &Url, response: &Response, account: &Account) -> Result<Entries, NetworkError> {
    let account = account.key.clone();
    match response.status {
        200..=299 => read_list(url, response),
        401 | 403 => Err(NetworkError::AccountClosed { account, why: LOGIN_NEEDED.to_owned() }),
        404 => Err(NetworkError::AccountMissing { account }),
        410 => Err(NetworkError::AccountSuspended { account }),
        status => Err(NetworkError::Refused { endpoint: STATUSES, why: format!("status {status}") }),
    }
}

/// The place where the next page begins, from `Link: <https://...max_id=5>; rel="next", <...>; rel="prev"`.
/// Only the number is taken: the rest of the URL is the server's word.
fn next_max_id(link: &str) -> Option<String> {
    let next = link.split(',').find(|part| part.contains("rel=\"next\"") || part.contains("rel=next"))?;
    let url = next.split_once('<')?.1.split_once('>')?.0;
    let (_, query) = url.split_once('?')?;
    let max_id =
        url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "max_id")?.1.into_owned();
    is_id(&max_id).then_some(max_id)
}

/// A single post of this server, as a listing of its account lists it; `None` where there is nothing to
/// index.
///
/// # Errors
/// `StillUnfinished` where the server still works on its files.
pub(super) fn listed_alone(
    status: &Status,
    host: &str,
    originals: bool,
) -> Result<Option<ListedPost>, StillUnfinished> {
    let mut progress = Progress::new(&status.account.id, host, originals);
    let post = progress.take(status, &mut Memory::default());
    if progress.left_out.unfinished > 0 { Err(StillUnfinished) } else { Ok(post) }
}

/// A post has a file that its server still works on.
pub(super) struct StillUnfinished;

/// What one turn of a listing knows, and what it leaves out. The notes of its memory are the hosts of images.
struct Progress<'a> {
    /// The account's number on its server.
    id: &'a str,
    host: &'a str,
    originals: bool,
    left_out: LeftOut,
}

impl<'a> Progress<'a> {
    fn new(id: &'a str, host: &'a str, originals: bool) -> Progress<'a> {
        Progress { id, host, originals, left_out: LeftOut::default() }
    }

    fn take(&mut self, status: &Status, memory: &mut Memory) -> Option<ListedPost> {
        // A server speaks for its own posts only.
        if status.account.id != self.id || status.is_boost() || server_of(&status.uri)? != self.host {
            return None;
        }
        // A date to come would hide everything that is posted until then.
        let published = status.created_at.as_deref().and_then(Timestamp::parse_rfc3339);
        let now = Timestamp::now();
        let published = published.map(|moment| moment.min(now));
        memory.seen.saw(published);
        if status.uri.len() > MAX_KEY_BYTES {
            self.left_out.odd_posts += 1;
            return None;
        }
        let attached: Vec<Option<Attachment>> = status
            .media_attachments
            .iter()
            .map(|attachment| serde_json::from_value(attachment.clone()).ok())
            .collect();
        // As long as the next listing comes back to this post, it can wait for its files.
        let is_young = published.is_some_and(|moment| now.since(moment) < OVERLAP / 2);
        if is_young && attached.iter().flatten().any(is_unfinished) {
            self.left_out.unfinished += 1;
            return None;
        }
        let places = attached.into_iter().map(|attachment| self.place(attachment, memory));
        let places = places_within_bounds(places);
        let key = PostKey::new(Network::Mastodon, status.uri.clone());
        ListedPost::of(key, published, places)
    }

    /// What stands in one place of the post's list: a video has its place too, and so has what cannot be
    /// taken.
    fn place(&mut self, attachment: Option<Attachment>, memory: &mut Memory) -> Place {
        let Some(attachment) = attachment.filter(is_picture) else { return Place::Other };
        let smaller = attachment.preview_url.filter(|_| !self.originals);
        picture(attachment.url, smaller, &mut self.left_out, memory)
    }
}

/// A picture, or what the server takes for something unknown although its name is a picture's.
fn is_picture(attachment: &Attachment) -> bool {
    match attachment.r#type.as_deref() {
        Some("image") => true,
        Some("unknown") => attachment.url.as_deref().is_some_and(|url| {
            let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
            [".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"].iter().any(|end| path.ends_with(end))
        }),
        _ => false,
    }
}

/// A picture that the server still works on: its address is not there yet.
fn is_unfinished(attachment: &Attachment) -> bool {
    attachment.r#type.as_deref() == Some("image") && attachment.url.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_named_by_a_number_only() {
        let check =
            |link: &str, expect: Option<&str>| assert_eq!(next_max_id(link).as_deref(), expect, "{link}");
        let base = "https://a.example/api/v1/accounts/1/statuses";
        check(
            &format!("<{base}?limit=40&max_id=109>; rel=\"next\", <{base}?min_id=110>; rel=\"prev\""),
            Some("109"),
        );
        check(&format!("<{base}?min_id=110>; rel=\"prev\""), None);
        check("<https://evil.example/x?max_id=9qXyZ>; rel=\"next\"", Some("9qXyZ"));
        check("<https://a.example/x?max_id=..%2F..>; rel=\"next\"", None);
        check("rel=\"next\"", None);
    }
}
