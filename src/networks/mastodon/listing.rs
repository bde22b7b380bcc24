//! Listing an account's posts with images, from the newest backwards.

use std::collections::HashSet;

use url::Url;

use super::address::{Name, server_of};
use super::client::MastodonClient;
use super::lookup::{LOGIN_NEEDED, NOT_INDEXED, Told, name_of_actor};
use super::wire::{Attachment, Status};
use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::{ListedImage, ListedPost};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::Response;
use crate::networks::asking::{Effort, read_json, unreadable};
use crate::networks::client::{NetworkClient, PageSink, PostLister};
use crate::networks::delivery::within_bounds;
use crate::networks::error::NetworkError;
use crate::networks::paging::{Bounds, Page, Seen, list_pages, list_start};

const STATUSES: &str = "accounts/:id/statuses";

/// What the API allows.
const PAGE: &str = "40";

/// So many pages hold 400,000 posts.
const BOUNDS: Bounds = Bounds { empty_pages: 5, pages: 10_000 };

/// Hosts that one account's images may lie on: a server has one for its files, and another after it moved
/// them.
const MAX_IMAGE_HOSTS: usize = 4;

/// Of an image's address with its post's and its account's URI: a search answers with the records of a
/// hundred images in one message. Real ones take about 230.
const MAX_RECORD_BYTES: usize = 330;

impl NetworkClient for MastodonClient {
    fn network(&self) -> Network {
        Network::Mastodon
    }
}

impl PostLister for MastodonClient {
    fn list_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut PageSink<'_>,
    ) -> Result<ListingEnd, NetworkError> {
        let since = list_start(cursor, STATUSES)?;
        let home = Home::of(account);
        let home = home.ok_or_else(|| NetworkError::AccountMissing { account: account.key.clone() })?;
        let id = self.local_id(account, &home)?;
        let path = format!("/api/v1/accounts/{id}/statuses");
        let mut progress = Progress::default();
        let ended = list_pages(BOUNDS, page, |max_id| {
            let mut parameters = vec![("only_media", "true"), ("exclude_reblogs", "true"), ("limit", PAGE)];
            parameters.extend(max_id.map(|max_id| ("max_id", max_id)));
            let (url, response) = self.call(&home.host, &path, STATUSES, &parameters, Effort::LISTING)?;
            let statuses = read_page(&url, &response, account)?;
            let entries = statuses.len();
            let posts = progress.read(statuses, &id, &home, &url, self.settings.is_original())?;
            progress.seen.read(entries);
            let next = response.header("link").and_then(next_max_id);
            Ok(Page { entries, posts, next, is_enough: progress.seen.reaches(since) })
        })?;
        Ok(progress.seen.end_by_date(since, ended))
    }
}

impl MastodonClient {
    /// The server's own number for the account, which its API wants. Fails when the name is another's now.
    fn local_id(&self, account: &Account, home: &Home) -> Result<String, NetworkError> {
        let key = account.key.clone();
        match self.ask_account(&home.host, &home.user)? {
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
            Told::Account(found) if is_id(&found.id) => Ok(found.id),
            Told::Account(_) | Told::Nobody => Err(NetworkError::AccountMissing { account: key }),
            Told::Suspended => Err(NetworkError::AccountSuspended { account: key }),
            Told::LoginNeeded => {
                Err(NetworkError::AccountClosed { account: key, why: LOGIN_NEEDED.to_owned() })
            }
        }
    }
}

/// Where the account is and what it is called there.
struct Home {
    host: String,
    user: String,
    /// Length of the account's stable id.
    actor_bytes: usize,
}

impl Home {
    /// The server of the actor's URI: that of the handle may only hand out names.
    fn of(account: &Account) -> Option<Home> {
        let is_ours = account.key.network == Network::Mastodon;
        let host = server_of(&account.key.native).filter(|_| is_ours)?;
        let by_handle = Name::parse(&account.handle).map(|name| name.user);
        // Without a handle (a scan that was resumed long after) the URI may tell the name.
        let user = by_handle.or_else(|| Some(name_of_actor(&account.key.native)?.user))?;
        Some(Home { host, user, actor_bytes: account.key.native.len() })
    }
}

/// Ids are opaque, but stand in a path.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn read_page(
    url: &Url,
    response: &Response,
    account: &Account,
) -> Result<Vec<serde_json::Value>, NetworkError> {
    let account = account.key.clone();
    match response.status {
        200..=299 => read_json(url, response),
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

/// What a listing remembers from page to page.
#[derive(Default)]
struct Progress {
    seen: Seen,
    image_hosts: HashSet<String>,
}

impl Progress {
    /// The posts of a page that are the account's own and have images.
    fn read(
        &mut self,
        statuses: Vec<serde_json::Value>,
        id: &str,
        home: &Home,
        url: &Url,
        originals: bool,
    ) -> Result<Vec<ListedPost>, NetworkError> {
        let count = statuses.len();
        let mut unread = None;
        let mut posts = Vec::new();
        for value in statuses {
            match serde_json::from_value::<Status>(value) {
                Ok(status) => posts.extend(self.take(&status, id, home, originals)),
                Err(error) => unread = Some((unread.map_or(1, |(count, _)| count + 1), error)),
            }
        }
        match unread {
            Some((unread, error)) if unread == count => Err(unreadable(url, error)),
            Some((unread, error)) => {
                tracing::warn!(host = home.host, unread, %error, "posts of a page skipped");
                Ok(posts)
            }
            None => Ok(posts),
        }
    }

    fn take(&mut self, status: &Status, id: &str, home: &Home, originals: bool) -> Option<ListedPost> {
        let is_own = status.account.id == id && status.reblog.is_none();
        // A server speaks for its own posts only.
        if !is_own || server_of(&status.uri)? != home.host {
            return None;
        }
        // A date to come would hide everything that is posted until then.
        let published = status.created_at.as_deref().and_then(Timestamp::parse_rfc3339);
        let published = published.map(|moment| moment.min(Timestamp::now()));
        self.seen.saw(published);
        let images = status.media_attachments.iter().filter_map(|attachment| {
            let attachment = serde_json::from_value::<Attachment>(attachment.clone()).ok()?;
            let image = image(attachment, originals)?;
            let record_bytes = image.name.len() + status.uri.len() + home.actor_bytes;
            (record_bytes <= MAX_RECORD_BYTES && self.may_lie_at(&image.url)).then_some(image)
        });
        let images = within_bounds(images);
        let key = PostKey::new(Network::Mastodon, status.uri.clone());
        ListedPost::of_images(key, published, images)
    }

    fn may_lie_at(&mut self, url: &str) -> bool {
        let Some(host) = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)) else {
            return false;
        };
        if self.image_hosts.len() < MAX_IMAGE_HOSTS {
            self.image_hosts.insert(host.clone());
        }
        self.image_hosts.contains(&host)
    }
}

/// A picture; `None` for videos, sounds, and what is still being processed.
fn image(attachment: Attachment, originals: bool) -> Option<ListedImage> {
    if attachment.r#type.as_deref() != Some("image") {
        return None;
    }
    let name = attachment.url.filter(|url| is_web(url))?;
    let preview = attachment.preview_url.filter(|url| !originals && is_web(url));
    Some(ListedImage::new(name.clone(), preview.unwrap_or(name)))
}

fn is_web(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
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
