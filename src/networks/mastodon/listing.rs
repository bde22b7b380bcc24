//! Listing an account's posts with images, from the newest backwards.

use url::Url;

use super::address::{ActorPath, Name, actor_path, server_of};
use super::client::MastodonClient;
use super::lookup::{LOGIN_NEEDED, LOOKUP, NOT_INDEXED, Told};
use super::wire::{Account as WireAccount, Attachment, Author as Numbered, Status};
use crate::base::Timestamp;
use crate::base::ids::{MAX_KEY_BYTES, Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::{ListedImage, ListedPost, Place};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::Response;
use crate::networks::asking::{Effort, Entries, read_list, unreadable};
use crate::networks::client::{NetworkClient, PostLister, Turns};
use crate::networks::delivery::{MAX_ADDRESS_BYTES, places_within_bounds};
use crate::networks::error::NetworkError;
use crate::networks::paging::{
    Bounds, Ended, LONGEST_LISTING, Memory, OVERLAP, Page, list_in_turns, list_start,
};

const STATUSES: &str = "accounts/:id/statuses";

/// What the API allows.
const PAGE: &str = "40";

/// What servers give at least where there are more.
const SMALLEST_PAGE: u64 = 20;

/// So many pages hold 400,000 posts.
const BOUNDS: Bounds = Bounds { empty_pages: 5, pages: 10_000, time: LONGEST_LISTING };

/// Hosts that one account's images may lie on: a server has one for its files, and another after it moved
/// them.
const MAX_IMAGE_HOSTS: usize = 4;

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
        let since = list_start(cursor, STATUSES)?;
        let home = Home::of(account);
        let home = home.ok_or_else(|| NetworkError::AccountMissing { account: account.key.clone() })?;
        let found = self.own_account(account, &home)?;
        let (id, host) = (found.id.as_str(), home.host());
        let mut progress = Progress::new(id, host, self.settings.is_original());
        let (memory, ended) = list_in_turns(BOUNDS, turns, |max_id, memory| {
            self.read_one(&mut progress, memory, account, since, max_id)
        })?;
        progress.tell(account);
        // A server that gives the same page again may have given all that it has. (snac counts 0 posts, always.)
        let read = memory.seen.posts_read;
        let is_all =
            read < SMALLEST_PAGE || found.statuses_count.is_some_and(|count| count > 0 && count <= read);
        let ended = if ended == Ended::Repeated && is_all { Ended::Exhausted } else { ended };
        Ok(memory.seen.end_by_date(since, ended))
    }
}

/// A page that ends where the one before it ended: the server does not page, or begins with the post that was
/// to be the last before it, and has no other.
fn repeated(entries: usize, last: Option<String>) -> Page {
    Page { entries, next: last.filter(|_| entries > 1), ..Page::default() }
}

/// The number of the last post of a page.
fn last_id(statuses: &Entries) -> Option<String> {
    let last = statuses.read::<Numbered>().next_back()?.ok()?;
    Some(last.id).filter(|id| is_id(id))
}

impl MastodonClient {
    fn read_one(
        &self,
        progress: &mut Progress<'_>,
        memory: &mut Memory,
        account: &Account,
        since: Option<Timestamp>,
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
        let posts = progress.read(&statuses, &url, memory)?;
        memory.seen.read(entries);
        let next = match response.header("link").map(str::trim) {
            Some(link) if !link.is_empty() => next_max_id(link),
            // Not all servers send it (snac does not): what follows the last post is asked for, until nothing does.
            Some(_) | None => last,
        };
        let is_enough = memory.seen.reaches(since);
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
            Told::Silent => {
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

/// Ids are opaque, but stand in a path.
fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
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

/// What one turn of a listing knows, and what it leaves out. The notes of its memory are the hosts of images.
struct Progress<'a> {
    /// The account's number on its server.
    id: &'a str,
    host: &'a str,
    originals: bool,
    left_out: LeftOut,
}

/// What a listing did not take although it belongs to the account: for the log.
#[derive(Debug, Default, PartialEq, Eq)]
struct LeftOut {
    /// Images on more hosts than an account's may lie on.
    elsewhere: u32,
    /// Images whose address no browser takes, or longer than any is.
    odd_addresses: u32,
    /// Posts whose URI cannot be stored.
    odd_posts: u32,
    /// Posts with a file that the server still works on: they are listed again.
    unfinished: u32,
}

impl<'a> Progress<'a> {
    fn new(id: &'a str, host: &'a str, originals: bool) -> Progress<'a> {
        Progress { id, host, originals, left_out: LeftOut::default() }
    }

    /// The posts of a page that are the account's own and have images.
    fn read(
        &mut self,
        statuses: &Entries,
        url: &Url,
        memory: &mut Memory,
    ) -> Result<Vec<ListedPost>, NetworkError> {
        let mut count = 0;
        let mut unread = None;
        let mut posts = Vec::new();
        for status in statuses.read::<Status>() {
            count += 1;
            match status {
                Ok(status) => posts.extend(self.take(&status, memory)),
                Err(error) => unread = Some((unread.map_or(1, |(count, _)| count + 1), error)),
            }
        }
        match unread {
            Some((unread, error)) if unread == count => Err(unreadable(url, error)),
            Some((unread, error)) => {
                tracing::warn!(host = self.host, unread, %error, "posts of a page skipped");
                Ok(posts)
            }
            None => Ok(posts),
        }
    }

    fn take(&mut self, status: &Status, memory: &mut Memory) -> Option<ListedPost> {
        // `reblog` is left out, null, or a post.
        let is_boost = status.reblog.as_ref().is_some_and(serde_json::Value::is_object);
        // A server speaks for its own posts only.
        if status.account.id != self.id || is_boost || server_of(&status.uri)? != self.host {
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

    /// What stands in one place of the post's list: a video has its place too, and so has what cannot be taken.
    fn place(&mut self, attachment: Option<Attachment>, memory: &mut Memory) -> Place {
        let Some(attachment) = attachment.filter(is_picture) else { return Place::Other };
        let Some(image) = image(attachment, self.originals) else {
            self.left_out.odd_addresses += 1;
            return Place::Other;
        };
        if !may_lie_at(&image.url, memory) {
            self.left_out.elsewhere += 1;
            return Place::Other;
        }
        Place::Image(image)
    }

    fn tell(&self, account: &Account) {
        if self.left_out != LeftOut::default() {
            tracing::warn!(account = %account.key, left_out = ?self.left_out, "not all of the account's images are taken");
        }
    }
}

/// Whether an image of the account may lie on this host: the first few that are seen are the account's.
fn may_lie_at(url: &str, memory: &mut Memory) -> bool {
    let Some(host) = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)) else {
        return false;
    };
    if memory.notes.len() < MAX_IMAGE_HOSTS {
        memory.notes.insert(host.clone());
    }
    memory.notes.contains(&host)
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

/// `None` where it has no address that can be fetched.
fn image(attachment: Attachment, originals: bool) -> Option<ListedImage> {
    let name = attachment.url.filter(|url| is_web(url))?;
    let preview = attachment.preview_url.filter(|url| !originals && is_web(url));
    Some(ListedImage::new(name.clone(), preview.unwrap_or(name)))
}

fn is_web(url: &str) -> bool {
    url.len() <= MAX_ADDRESS_BYTES
        && Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
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
