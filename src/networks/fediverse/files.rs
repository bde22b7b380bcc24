//! Which of the files that a server names for a post are taken, and what a listing has left out.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::domain::accounts::Account;
use crate::domain::posts::{ListedImage, ListedPost, Place};
use crate::networks::asking::{Entries, id_text, unreadable};
use crate::networks::delivery::MAX_ADDRESS_BYTES;
use crate::networks::error::NetworkError;
use crate::networks::paging::{Memory, Page};

/// Hosts that one account's images may lie on: a server has one for its files, and another after it moved
/// them.
const MAX_IMAGE_HOSTS: usize = 4;

/// What a listing did not take although it belongs to the account: for the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Images on more hosts than an account's may lie on.
    pub elsewhere: u32,
    /// Images whose address no browser takes, or longer than any is.
    pub odd_addresses: u32,
    /// Posts whose stable id cannot be stored.
    pub odd_posts: u32,
    /// Posts with a file that the server still works on: they are listed again.
    pub unfinished: u32,
}

impl LeftOut {
    pub fn tell(&self, account: &Account) {
        if *self != LeftOut::default() {
            tracing::warn!(account = %account.key, left_out = ?self, "not all of the account's images are taken");
        }
    }
}

/// What stands in the place of a picture whose file is at `whole`, and `smaller` at another address, if that
/// is to be downloaded.
pub fn picture(
    whole: Option<String>,
    smaller: Option<String>,
    left_out: &mut LeftOut,
    memory: &mut Memory,
) -> Place {
    let Some(name) = whole.filter(|url| is_web(url)) else {
        left_out.odd_addresses += 1;
        return Place::Other;
    };
    let url = smaller.filter(|url| is_web(url)).unwrap_or_else(|| name.clone());
    if !may_lie_at(&url, memory) {
        left_out.elsewhere += 1;
        return Place::Other;
    }
    Place::Image(ListedImage::new(name, url))
}

/// Whether an image of the account may lie on this host: the first few that are seen are the account's. The
/// notes of the listing's memory are these hosts.
fn may_lie_at(url: &str, memory: &mut Memory) -> bool {
    let Some(host) = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)) else {
        return false;
    };
    if memory.notes.len() < MAX_IMAGE_HOSTS {
        memory.notes.insert(host.clone());
    }
    memory.notes.contains(&host)
}

/// An address that can be asked for.
fn is_web(url: &str) -> bool {
    url.len() <= MAX_ADDRESS_BYTES
        && Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Ids are opaque, but stand in paths and addresses.
pub fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}

#[derive(Deserialize)]
struct Numbered {
    #[serde(deserialize_with = "id_text")]
    id: String,
}

/// The id of the last post of a page, from which the next one is asked for.
pub fn last_id(posts: &Entries) -> Option<String> {
    let last = posts.read::<Numbered>().next_back()?.ok()?;
    Some(last.id).filter(|id| is_id(id))
}

/// A page that ends where the one before it ended: the server does not page, or begins with the post that was
/// to be the last before it, and has no other.
pub fn repeated(entries: usize, last: Option<String>) -> Page {
    Page { entries, next: last.filter(|_| entries > 1), ..Page::default() }
}

/// The posts of a page that `take` takes. Some that cannot be read spoil nothing.
///
/// # Errors
/// `Unreadable`, where none can be read.
pub fn read_posts<T: DeserializeOwned>(
    page: &Entries,
    url: &Url,
    take: impl FnMut(T) -> Option<ListedPost>,
) -> Result<Vec<ListedPost>, NetworkError> {
    let mut take = take;
    let mut count = 0;
    let mut unread = None;
    let mut posts = Vec::new();
    for post in page.read::<T>() {
        count += 1;
        match post {
            Ok(post) => posts.extend(take(post)),
            Err(error) => unread = Some((unread.map_or(1, |(count, _)| count + 1), error)),
        }
    }
    match unread {
        Some((unread, error)) if unread == count => Err(unreadable(url, error)),
        Some((unread, error)) => {
            tracing::warn!(host = url.host_str(), unread, %error, "posts of a page skipped");
            Ok(posts)
        }
        None => Ok(posts),
    }
}
