//! Watches: artists whose new posts somebody wants to hear of, and what is told of them. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ImageId, Networks, PostKey};
use crate::domain::accounts::AccountRef;
use crate::domain::addresses::{account_named, post_url};
use crate::domain::pages::page_form;

/// The longest address or name that is watched, in characters; that of a query.
pub const MAX_SUBJECT_CHARS: usize = 256;

/// Accounts of one watch. A page leads to fewer.
pub const MAX_ACCOUNTS: usize = 20;

/// Posts from which a feed is made: the newest.
pub const MAX_FEED_POSTS: u32 = 1000;

/// A watch's name, and its feed's. Whoever has it can read the feed: readers of feeds hold no keys, so it is
/// random and cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WatchId(pub u128);

impl WatchId {
    /// 32 hexadecimal digits, as it is shown; also in the form of a UUID.
    pub fn parse(text: &str) -> Option<WatchId> {
        let digits: String = text.chars().filter(|char| *char != '-').collect();
        let fits = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| u128::from_str_radix(&digits, 16).ok().map(WatchId)).flatten()
    }
}

impl fmt::Display for WatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for WatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WatchId({self})")
    }
}

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One account.
    Account(AccountRef),
    /// The accounts of the artist of the work on this page, on all networks.
    Page(String),
}

impl Subject {
    /// What a person means by this.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn named(text: &str) -> Result<Subject, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("give an account, or the address of an artwork's page".to_owned());
        }
        if text.chars().count() > MAX_SUBJECT_CHARS {
            return Err(format!("{text:.40}... is longer than {MAX_SUBJECT_CHARS} characters"));
        }
        match (account_named(text), page_form(text)) {
            (Ok(account), _) => Ok(Subject::Account(account)),
            (Err(_), Some(page)) => Ok(Subject::Page(page)),
            (Err(why), None) => Err(format!("{why}, or the address of an artwork's page")),
        }
    }
}

/// Somebody's wish to hear of new posts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    pub id: WatchId,
    /// In the words of whoever asked for it; always a [`Subject`].
    pub subject: String,
    /// The name of the API key, or `console`.
    pub who: String,
    /// Posts that were published before are no news.
    pub began: Timestamp,
    /// Accounts on others are left out.
    pub networks: Networks,
    /// The configured webhook that is told of each new post.
    pub webhook: Option<String>,
    /// The webhook was told of what is stored up to this image.
    pub told: ImageId,
    /// The artist's accounts, at most [`MAX_ACCOUNTS`]; none until they are known.
    pub accounts: Vec<WatchedAccount>,
}

/// An account of a watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedAccount {
    pub key: AccountKey,
    /// What it was called last.
    pub handle: String,
    /// Why nothing is heard of it any more, as the end of a sentence that begins with the account; `None`
    /// while it can be read.
    pub unreadable: Option<String>,
    /// When its network was last asked how it is called and whether it can be read.
    pub looked_up: Timestamp,
}

impl Watch {
    /// What is meant by its words.
    pub fn meant(&self) -> Option<Subject> {
        Subject::named(&self.subject).ok()
    }

    pub fn has(&self, account: &AccountKey) -> bool {
        self.accounts.iter().any(|watched| watched.key == *account)
    }

    /// Adds an account, or what is newly known of it. False where it changes nothing, or where there are too
    /// many.
    pub fn learn(&mut self, account: WatchedAccount) -> bool {
        let count = self.accounts.len();
        match self.accounts.iter_mut().find(|known| known.key == account.key) {
            Some(known) if *known == account => false,
            Some(known) => {
                *known = account;
                true
            }
            None if count >= MAX_ACCOUNTS => false,
            None => {
                self.accounts.push(account);
                true
            }
        }
    }

    /// What its texts take in a message, in bytes, and more.
    pub fn len_bytes(&self) -> usize {
        const NUMBERS: usize = 64;
        let account = |account: &WatchedAccount| {
            let why = account.unreadable.as_ref().map_or(0, String::len);
            NUMBERS + account.key.native.len() + account.handle.len() + why
        };
        let webhook = self.webhook.as_ref().map_or(0, String::len);
        let accounts: usize = self.accounts.iter().map(account).sum();
        NUMBERS + self.subject.len() + self.who.len() + webhook + accounts
    }
}

/// One artwork in a feed: a post, and those that show the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEntry {
    /// In the order in which they were stored, never empty. The first gives the entry its name.
    pub posts: Vec<FeedPost>,
    /// The highest number of an image of theirs that has a fingerprint: it grows with each post that joins,
    /// and with each image that is read at last. 0 while none could be read.
    pub changed: ImageId,
}

/// A post of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPost {
    pub key: PostKey,
    pub account: AccountKey,
    /// The handle under which the account was seen last.
    pub handle: Option<String>,
    pub published: Option<Timestamp>,
    pub stored: Timestamp,
    /// In the order of the post.
    pub images: Vec<FeedImage>,
}

/// An image of such a post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedImage {
    /// 1-based.
    pub position: u8,
    /// As the database keeps it: `addresses::image_url` makes its address.
    pub name: String,
    /// Pixels; `None` where it could not be read.
    pub size: Option<(u32, u32)>,
}

impl FeedPost {
    /// When it was published or, where its network does not tell, stored.
    pub fn date(&self) -> Timestamp {
        self.published.unwrap_or(self.stored)
    }

    /// What it takes in a message, in bytes, and more.
    pub fn len_bytes(&self) -> usize {
        const NUMBERS: usize = 64;
        const OF_IMAGE: usize = 24;
        let images: usize = self.images.iter().map(|image| OF_IMAGE + image.name.len()).sum();
        let handle = self.handle.as_ref().map_or(0, String::len);
        NUMBERS + self.key.native.len() + self.account.native.len() + handle + images
    }
}

impl FeedEntry {
    /// An address that stays, also where the account is called otherwise, or more posts join.
    pub fn id(&self) -> String {
        self.posts.first().map(|post| post_url(&post.key, None)).unwrap_or_default()
    }

    /// When the artwork was first published, as far as these posts tell.
    pub fn published(&self) -> Timestamp {
        self.posts.iter().map(FeedPost::date).min().unwrap_or(Timestamp(0))
    }

    /// When the last of its posts came.
    pub fn updated(&self) -> Timestamp {
        self.posts.iter().map(FeedPost::date).max().unwrap_or(Timestamp(0))
    }

    /// Whether whoever has heard of everything up to the image `heard` is to hear of this: something of it is
    /// new here, and was published since the watch began.
    pub fn is_news(&self, heard: ImageId, began: Timestamp) -> bool {
        self.changed > heard && self.posts.iter().any(|post| post.published.is_some_and(|at| at >= began))
    }

    /// The post whose images it is shown by: the one with most.
    pub fn shown(&self) -> Option<&FeedPost> {
        // Of several the first: `max_by_key` takes the last.
        self.posts.iter().rev().max_by_key(|post| post.images.len())
    }

    /// What it takes in a message, in bytes, and more.
    pub fn len_bytes(&self) -> usize {
        const NUMBERS: usize = 32;
        NUMBERS + self.posts.iter().map(FeedPost::len_bytes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;

    #[test]
    fn ids_go_there_and_back() {
        for id in [WatchId(0), WatchId(u128::MAX), WatchId(0x0123_4567_89ab_cdef)] {
            assert_eq!(WatchId::parse(&id.to_string()), Some(id));
        }
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(WatchId::parse(uuid).unwrap().to_string(), uuid.replace('-', ""));
        for text in ["", "1", &"g".repeat(32), &"1".repeat(33), "+1234567890123456789012345678901"] {
            assert_eq!(WatchId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn accounts_and_pages_are_told_apart() {
        let handle = |network, handle: &str| {
            Subject::Account(AccountRef::Handle { network, handle: handle.to_owned() })
        };
        let check = |text: &str, expect: Subject| assert_eq!(Subject::named(text), Ok(expect), "{text}");
        check("@Jane", handle(Network::Twitter, "jane"));
        check(" https://x.com/jane ", handle(Network::Twitter, "jane"));
        check("jane@art.example", handle(Network::Mastodon, "jane@art.example"));
        let page = "https://www.pixiv.net/artworks/98";
        check(page, Subject::Page("https://pixiv.net/artworks/98".to_owned()));
        for text in ["", "two words", "ftp://a.example/1", &format!("https://a.example/{}", "a".repeat(300))]
        {
            assert!(Subject::named(text).is_err(), "{text}");
        }
    }

    fn post(native: &str, published: Option<i64>, images: u8) -> FeedPost {
        FeedPost {
            key: PostKey::new(Network::Twitter, native),
            account: AccountKey::new(Network::Twitter, "1"),
            handle: None,
            published: published.map(Timestamp),
            stored: Timestamp(100),
            images: (1..=images)
                .map(|position| FeedImage { position, name: "a.jpg".to_owned(), size: None })
                .collect(),
        }
    }

    #[test]
    fn an_entry_keeps_its_name_and_tells_when_it_is_news() {
        let mut entry = FeedEntry { posts: vec![post("20", Some(50), 1)], changed: ImageId(7) };
        let id = entry.id();
        assert_eq!(id, "https://x.com/i/status/20");
        assert!(entry.is_news(ImageId(6), Timestamp(50)) && !entry.is_news(ImageId(7), Timestamp(50)));
        assert!(!entry.is_news(ImageId(6), Timestamp(51)), "it was published before");
        entry.posts.push(post("21", Some(60), 2));
        entry.changed = ImageId(9);
        assert_eq!(entry.id(), id);
        assert_eq!((entry.published(), entry.updated()), (Timestamp(50), Timestamp(60)));
        assert_eq!(entry.shown().map(|post| post.images.len()), Some(2));
        let undated = FeedEntry { posts: vec![post("22", None, 1)], changed: ImageId(7) };
        assert_eq!(undated.updated(), Timestamp(100));
        assert!(!undated.is_news(ImageId(0), Timestamp(0)), "nobody knows whether it is new");
    }

    #[test]
    fn a_watch_has_each_account_once_and_not_too_many() {
        let mut watch = Watch {
            id: WatchId(1),
            subject: "jane".to_owned(),
            who: "console".to_owned(),
            began: Timestamp(0),
            networks: Networks::default(),
            webhook: None,
            told: ImageId(0),
            accounts: Vec::new(),
        };
        let account = |native: usize, handle: &str| WatchedAccount {
            key: AccountKey::new(Network::Twitter, native.to_string()),
            handle: handle.to_owned(),
            unreadable: None,
            looked_up: Timestamp(1),
        };
        assert!(
            watch.learn(account(1, "a")) && !watch.learn(account(1, "a")) && watch.learn(account(1, "b"))
        );
        assert_eq!(watch.accounts, [account(1, "b")]);
        for native in 2..40 {
            watch.learn(account(native, "c"));
        }
        assert_eq!(watch.accounts.len(), MAX_ACCOUNTS);
    }
}
