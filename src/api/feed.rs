//! Entries of feeds as JSON: what event streams and webhooks get; and the credit that an entry gives. Pure.

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ids::Network;
use crate::domain::addresses::{account_url, image_url, post_url};
use crate::domain::credit::{Credit, CreditLink, Markup, Template};
use crate::domain::watches::{FeedEntry, FeedPost, Subject, Watch};
use crate::proto::work::WatchedPost;

/// An artwork that a watch has heard of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeedEntryAnswer {
    /// An address that stays the same, also when more posts of the artwork join.
    pub id: String,
    /// When it was first published, as far as is known.
    #[schema(format = DateTime)]
    pub published: String,
    /// When the last of its posts was published.
    #[schema(format = DateTime)]
    pub updated: String,
    /// All posts that show it, those first that were found first.
    pub posts: Vec<FeedPostAnswer>,
    /// The credit to copy.
    pub credit: String,
}

/// A post of the artwork.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeedPostAnswer {
    pub network: Network,
    pub id: String,
    pub url: String,
    pub account_id: String,
    /// `null` where the account was never looked up.
    pub handle: Option<String>,
    pub account_url: String,
    /// When it was posted, RFC 3339; `null` where the network does not tell.
    pub published: Option<String>,
    pub images: Vec<FeedImageAnswer>,
}

/// An image of such a post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeedImageAnswer {
    /// In the post's own list, from 1.
    pub position: u8,
    pub url: String,
    /// Pixels; `null` where it could not be read.
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// What a webhook is told of a watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WatchedPostAnswer {
    /// The id of the watch.
    pub watch: String,
    /// What is watched.
    pub subject: String,
    pub entry: FeedEntryAnswer,
}

impl FeedEntryAnswer {
    /// `template`: the operator's own words, where there are some.
    pub fn of(entry: &FeedEntry, credit: &Credit, template: Option<&Template>) -> FeedEntryAnswer {
        FeedEntryAnswer {
            id: entry.id(),
            published: entry.published().to_rfc3339(),
            updated: entry.updated().to_rfc3339(),
            posts: entry.posts.iter().map(FeedPostAnswer::from).collect(),
            credit: Template::or_built_in(template, Markup::Plain, "en").fill(credit, Markup::Plain),
        }
    }
}

impl From<&FeedPost> for FeedPostAnswer {
    fn from(post: &FeedPost) -> FeedPostAnswer {
        let handle = post.handle.as_deref();
        FeedPostAnswer {
            network: post.key.network,
            id: post.key.native.clone(),
            url: post_url(&post.key, handle),
            account_id: post.account.native.clone(),
            handle: post.handle.clone(),
            account_url: account_url(&post.account, handle.unwrap_or_default()),
            published: post.published.map(|at| at.to_rfc3339()),
            images: images(post),
        }
    }
}

fn images(post: &FeedPost) -> Vec<FeedImageAnswer> {
    let image = |image: &crate::domain::watches::FeedImage| {
        let url = image_url(&post.account, &image.name);
        let (width, height) = image.size.unzip();
        (!url.is_empty()).then_some(FeedImageAnswer { position: image.position, url, width, height })
    };
    post.images.iter().filter_map(image).collect()
}

/// What a webhook is sent, with the credit in the operator's own words where there are some.
pub fn watched_post_json(post: &WatchedPost, template: Option<&Template>) -> Vec<u8> {
    let credit = credit_of_entry(&post.entry, None);
    let answer = WatchedPostAnswer {
        watch: post.watch.to_string(),
        subject: post.subject.clone(),
        entry: FeedEntryAnswer::of(&post.entry, &credit, template),
    };
    serde_json::to_vec(&answer).expect("an answer has only string keys")
}

/// What there is to name of an entry: its posts, the accounts of the watch, and the page that is watched.
pub fn credit_of_entry(entry: &FeedEntry, watch: Option<&Watch>) -> Credit {
    let label = |handle: &str, network: Network| match handle {
        "" => network.title().to_owned(),
        handle => format!("@{handle} ({})", network.title()),
    };
    let posts = entry.posts.iter().filter_map(|post| {
        CreditLink::new(post.key.network.title(), &post_url(&post.key, post.handle.as_deref()))
    });
    let mut accounts: Vec<CreditLink> = Vec::new();
    let authors = entry.posts.iter().map(|post| (&post.account, post.handle.as_deref().unwrap_or_default()));
    let watched = watch.into_iter().flat_map(|watch| &watch.accounts);
    let watched = watched.filter(|account| account.unreadable.is_none());
    for (key, handle) in authors.chain(watched.map(|account| (&account.key, account.handle.as_str()))) {
        let link = CreditLink::new(label(handle, key.network), &account_url(key, handle));
        accounts.extend(link.filter(|link| !accounts.contains(link)));
    }
    let page = watch.and_then(Watch::meant).and_then(|subject| match subject {
        Subject::Page(page) => CreditLink::new(page.clone(), &page),
        Subject::Account(_) => None,
    });
    Credit {
        posts: posts.collect(),
        accounts,
        elsewhere: Vec::new(),
        page,
        artist: entry.posts.iter().find_map(|post| post.handle.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::{sample_entry, sample_watch};

    #[test]
    fn an_entry_names_its_posts_and_gives_credit() {
        let (entry, watch) = (sample_entry(), sample_watch().watch);
        let credit = credit_of_entry(&entry, Some(&watch));
        let answer = FeedEntryAnswer::of(&entry, &credit, None);
        assert_eq!(answer.id, "https://x.com/i/status/20");
        assert_eq!(
            (answer.published.as_str(), answer.updated.as_str()),
            ("2026-05-04T10:00:00Z", "2026-05-04T11:00:00Z")
        );
        let expect = "Posts:\nhttps://x.com/jane_paints/status/20\n\
            https://bsky.app/profile/did:plc:jane/post/3k\n\n\
            Artist:\nhttps://x.com/jane_paints\nhttps://bsky.app/profile/jane.example";
        assert_eq!(answer.credit, expect);
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(json["posts"][0]["images"][0]["url"], "https://pbs.twimg.com/media/Fa-1.jpg");
        assert_eq!(json["posts"][1]["images"][0]["width"], 1200);
    }

    #[test]
    fn what_is_no_address_is_no_image() {
        let mut entry = sample_entry();
        entry.posts.truncate(1);
        entry.posts[0].account.network = Network::Mastodon;
        for name in ["a.jpg", "javascript://alert(1)", ""] {
            entry.posts[0].images[0].name = name.to_owned();
            assert_eq!(FeedPostAnswer::from(&entry.posts[0]).images, [], "{name}");
        }
    }
}
