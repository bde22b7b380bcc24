//! What was forgotten at somebody's wish: an artist's, a network's, the operator's. All that is kept of it is a
//! mark, which keeps it from coming back. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::AccountRef;
use crate::domain::addresses::{account_named, account_url, post_url};
use crate::domain::verdicts::Claim;

/// The longest note that an operator may leave with a mark, in bytes.
pub const MAX_NOTE_BYTES: usize = 200;

/// Digits by which a mark may be named: the list shows so many at least.
pub const MIN_MARK_DIGITS: usize = 12;

/// A hash of a network's id. It does not tell the id; who has the id can tell whether it is the one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark(pub [u8; 32]);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({self})")
    }
}

/// What may be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// With all its posts, those too that it will write.
    Account(AccountKey),
    Post(PostKey),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectKind {
    Account,
    Post,
}

impl SubjectKind {
    pub fn as_str(self) -> &'static str {
        match self {
            SubjectKind::Account => "account",
            SubjectKind::Post => "post",
        }
    }
}

impl Subject {
    /// Whether the claim is about this account, or about a picture of this post.
    pub fn is_of(&self, claim: &Claim) -> bool {
        match (claim, self) {
            (Claim::Account { account, .. }, Subject::Account(key)) => account == key,
            (Claim::Picture { post, .. }, Subject::Post(key)) => post == key,
            _ => false,
        }
    }

    pub fn kind(&self) -> SubjectKind {
        match self {
            Subject::Account(_) => SubjectKind::Account,
            Subject::Post(_) => SubjectKind::Post,
        }
    }

    pub fn network(&self) -> Network {
        match self {
            Subject::Account(key) => key.network,
            Subject::Post(key) => key.network,
        }
    }

    pub fn mark(&self) -> Mark {
        match self {
            Subject::Account(key) => Mark::of_account(key),
            Subject::Post(key) => Mark::of_post(key),
        }
    }

    /// Its page, where that can be told of the id.
    pub fn address(&self) -> String {
        match self {
            Subject::Account(key) => account_url(key, ""),
            Subject::Post(key) => post_url(key, None),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Account(key) => write!(f, "account {key}"),
            Subject::Post(key) => write!(f, "post {key}"),
        }
    }
}

impl Mark {
    pub fn of_account(key: &AccountKey) -> Mark {
        Mark::of(SubjectKind::Account, key.network, &key.native)
    }

    pub fn of_post(key: &PostKey) -> Mark {
        Mark::of(SubjectKind::Post, key.network, &key.native)
    }

    /// Stored in databases: never changed.
    fn of(kind: SubjectKind, network: Network, native: &str) -> Mark {
        let mut hash = Sha256::new();
        for part in ["aotf forget 1", kind.as_str(), network.as_str(), native] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Mark(hash.finalize().into())
    }
}

/// What is kept of something that was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    pub mark: Mark,
    pub kind: SubjectKind,
    pub network: Network,
    pub at: Timestamp,
    /// The operator's words; empty where there are none.
    pub note: String,
}

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    pub accounts: u64,
    pub posts: u64,
    pub images: u64,
    pub retries: u64,
}

impl Removed {
    pub fn add(&mut self, more: Removed) {
        self.accounts += more.accounts;
        self.posts += more.posts;
        self.images += more.images;
        self.retries += more.retries;
    }
}

/// What came of a piece of a removal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    pub removed: Removed,
    /// There is more to remove.
    pub more: bool,
    /// It was marked before, at this moment.
    pub since: Option<Timestamp>,
}

/// What a person named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By its id.
    Subject(Subject),
    /// An account by its name, which the database may know; `otherwise` is what the text means as an id.
    Account { asked: AccountRef, otherwise: Option<AccountKey> },
    /// A post of Bluesky by the name of its author.
    PostBy { author: AccountRef, record: String },
}

/// What a person names: a post by its address, or an account as in `account_named`; digits alone, and an id with
/// its network before it (`mastodon:https://server.example/users/jane`), are an account's id.
///
/// # Errors
/// What is wrong with it, for people.
pub fn named(text: &str) -> Result<Named, &'static str> {
    const MAX_BYTES: usize = 512;
    let text = text.trim();
    if text.len() > MAX_BYTES {
        return Err("this is longer than any account's name or post's address");
    }
    if is_digits(text) {
        return Ok(account(Network::Twitter, text));
    }
    if let Some(post) = post_of_address(text) {
        return Ok(post);
    }
    if let Some((network, id)) = text.split_once(':')
        && let Some(network) = Network::from_name(&network.to_ascii_lowercase())
    {
        let is_id = match network {
            Network::Twitter => is_digits(id),
            Network::Bluesky => id.starts_with("did:"),
            Network::Mastodon | Network::Misskey => id.starts_with("https://") && Url::parse(id).is_ok(),
        };
        match post_of_address(id) {
            Some(post) => return Ok(post),
            // A post that is named by its id, as answers show it.
            None if is_id && is_posts_id(id) => {
                return Ok(Named::Subject(Subject::Post(PostKey::new(network, id))));
            }
            None if is_id => return Ok(account(network, id)),
            None => {}
        }
    }
    if !may_be_an_accounts_page(text) {
        return Err(
            "this address is no account's page, and of no post that it tells the id of: give the post's id, \
            as answers show it, with its network before it (mastodon:https://server.example/users/jane/statuses/5)",
        );
    }
    let asked = account_named(text)?;
    Ok(match asked {
        AccountRef::Id(key) => Named::Subject(Subject::Account(key)),
        asked => {
            let is_actor = text.starts_with("https://") && text.contains("/users/");
            let otherwise = is_actor.then(|| AccountKey::new(asked.network(), text));
            Named::Account { asked, otherwise }
        }
    })
}

/// False for an address that leads deeper than to an account: what is meant by it is not all of the account.
fn may_be_an_accounts_page(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return true };
    if !["https", "http"].contains(&url.scheme()) {
        return true;
    }
    let segments: Vec<&str> =
        url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).collect();
    matches!(
        segments.as_slice(),
        [_] | ["profile" | "users" | "user-info" | "web" | "deck", _] | ["i", "user", _] | ["ap", "users", _]
    )
}

/// Whether this id, an address, is one that servers of the Fediverse give to posts.
fn is_posts_id(id: &str) -> bool {
    const KINDS: [&str; 9] =
        ["statuses", "status", "notes", "note", "objects", "posts", "post", "activities", "p"];
    let url = Url::parse(id).ok().filter(|url| url.scheme() == "https");
    let parts = url.as_ref().and_then(Url::path_segments);
    parts.is_some_and(|mut parts| parts.any(|part| KINDS.contains(&part)))
}

fn account(network: Network, id: &str) -> Named {
    Named::Subject(Subject::Account(AccountKey::new(network, id)))
}

fn is_digits(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The post of this address, by the id that its network gives it.
fn post_of_address(text: &str) -> Option<Named> {
    let post = |network, native: String| Some(Named::Subject(Subject::Post(PostKey::new(network, native))));
    if let Some(rest) = text.strip_prefix("at://") {
        let is_post = rest.starts_with("did:") && rest.contains("/app.bsky.feed.post/");
        return if is_post { post(Network::Bluesky, text.to_owned()) } else { None };
    }
    let url = Url::parse(text).ok().filter(|url| ["https", "http"].contains(&url.scheme()))?;
    let host = url.host_str()?.trim_start_matches("www.").trim_start_matches("mobile.").to_owned();
    let segments: Vec<&str> = url.path_segments()?.filter(|segment| !segment.is_empty()).collect();
    match (host.as_str(), segments.as_slice()) {
        ("x.com" | "twitter.com", [_, "status" | "statuses", id, ..])
        | ("x.com" | "twitter.com", ["i", "web", "status", id, ..])
            if is_digits(id) =>
        {
            post(Network::Twitter, (*id).to_owned())
        }
        ("bsky.app", ["profile", did, "post", record]) if did.starts_with("did:") => {
            post(Network::Bluesky, format!("at://{did}/app.bsky.feed.post/{record}"))
        }
        ("bsky.app", ["profile", name, "post", record]) => {
            let author = account_named(&format!("bluesky:{name}")).ok()?;
            Some(Named::PostBy { author, record: (*record).to_owned() })
        }
        (_, ["users", _, "statuses", id]) if is_digits(id) => {
            post(Network::Mastodon, format!("https://{host}{}", url.path().trim_end_matches('/')))
        }
        (_, ["notes", id]) if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            post(Network::Misskey, format!("https://{host}/notes/{id}"))
        }
        _ => None,
    }
}

/// The first digits of a mark, as the list shows them; `None` where the text is something else.
pub fn mark_digits(text: &str) -> Option<String> {
    let text = text.trim();
    // Digits alone are an account's id of X, which has 20 at most.
    let is_mark = (MIN_MARK_DIGITS..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !is_digits(text);
    is_mark.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let found = match named(text) {
            Ok(Named::Subject(subject)) => subject.to_string(),
            Ok(Named::Account { asked, otherwise }) => {
                format!("{asked} or {}", otherwise.map(|key| key.to_string()).unwrap_or_default())
            }
            Ok(Named::PostBy { author, record }) => format!("{record} by {author}"),
            Err(_) => "nothing".to_owned(),
        };
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn people_name_accounts_and_posts() {
        check("12", "account twitter:12");
        check("twitter:12", "account twitter:12");
        check("https://x.com/i/user/12", "account twitter:12");
        check("@Jane", "twitter:@jane or ");
        check("https://x.com/jane/status/20/photo/1", "post twitter:20");
        check("https://twitter.com/i/web/status/20", "post twitter:20");
        check("did:plc:abc", "account bluesky:did:plc:abc");
        check("bluesky:did:plc:abc", "account bluesky:did:plc:abc");
        check("jane.example", "bluesky:@jane.example or ");
        check(
            "https://bsky.app/profile/did:plc:abc/post/3k",
            "post bluesky:at://did:plc:abc/app.bsky.feed.post/3k",
        );
        check(
            "at://did:plc:abc/app.bsky.feed.post/3k",
            "post bluesky:at://did:plc:abc/app.bsky.feed.post/3k",
        );
        check("https://bsky.app/profile/jane.example/post/3k", "3k by bluesky:@jane.example");
        check("jane@server.example", "mastodon:@jane@server.example or ");
        check(
            "https://server.example/users/jane",
            "mastodon:@jane@server.example or mastodon:https://server.example/users/jane",
        );
        check(
            "mastodon:https://server.example/users/jane",
            "account mastodon:https://server.example/users/jane",
        );
        let post = "https://server.example/users/Jane/statuses/5";
        check(post, "post mastodon:https://server.example/users/Jane/statuses/5");
        check(
            "mastodon:https://server.example/ap/users/7/statuses/5",
            "post mastodon:https://server.example/ap/users/7/statuses/5",
        );
        // What leads deeper than to an account never means all of it.
        for text in [
            "https://server.example/@jane/5",
            "https://server.example/@jane@other.example/115000000000000001",
            "https://server.example/@jane/statuses/01JABC",
            "https://server.example/users/jane/statuses/01JABC",
            "https://server.example/@jane/5/embed",
            "https://server.example/deck/@jane/5",
            "https://bsky.app/profile/jane.example/post/3k/liked-by",
            "https://x.com/jane/status/20abc",
            "https://x.com/jane/media",
        ] {
            check(text, "nothing");
        }
        check("https://key.example/notes/9a", "post misskey:https://key.example/notes/9a");
        for text in ["", "a b", "https://example.com/", &"9".repeat(600), "at://x", "mastodon:"] {
            check(text, "nothing");
        }
    }

    #[test]
    fn marks_are_those_of_stored_databases() {
        let mark = Mark::of_account(&AccountKey::new(Network::Twitter, "12"));
        let expect = "76b58a0fcc4b2a3f9377fda66693b43f6235f4cf8bd45a2602b83b42905d3296";
        assert_eq!(mark.to_string(), expect, "databases hold marks made in this way");
        assert_ne!(mark, Mark::of_post(&PostKey::new(Network::Twitter, "12")));
        assert_ne!(mark, Mark::of_account(&AccountKey::new(Network::Bluesky, "12")));
        assert_eq!(mark.to_string().len(), 64);
        assert_eq!(mark_digits(&mark.to_string()[..12]), Some(mark.to_string()[..12].to_owned()));
        for text in ["123456789012", "abc", "not a mark at", ""] {
            assert_eq!(mark_digits(text), None, "{text}");
        }
    }
}
