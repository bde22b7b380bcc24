//! What the X API v2 sends, as far as it is read. Every field may be missing or null, and one odd item does
//! not spoil a list. Contract 2.167 renamed `tweet` to `post`; both names are read, as fields of their own
//! (an alias would refuse an answer that holds both).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::fetch::json::JsonError;
use crate::networks::asking::Entries;

/// The envelope of every answer, good or bad; an error's body has the same shape.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// Posts or users. Missing when there are none.
    pub data: Option<Entries>,
    pub includes: Option<Includes>,
    /// May stand beside `data`: what could not be given, or could not be expanded.
    #[serde(deserialize_with = "readable")]
    pub errors: Vec<Problem>,
    pub meta: Option<Meta>,
    // A problem as the body itself.
    pub r#type: Option<String>,
    pub title: Option<String>,
    pub detail: Option<String>,
}

impl Answer {
    /// What could be read of each of its posts or users.
    pub fn read<T: DeserializeOwned>(&self) -> impl Iterator<Item = Result<T, JsonError>> {
        self.data.iter().flat_map(Entries::read)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Includes {
    #[serde(deserialize_with = "readable")]
    pub media: Vec<Media>,
}

/// The items of a list that can be read; none where there is no list.
fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(input: D) -> Result<Vec<T>, D::Error> {
    let items = Option::<Entries>::deserialize(input)?.unwrap_or_default();
    Ok(items.read().flatten().collect())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Meta {
    pub next_token: Option<String>,
}

/// RFC 7807, with X's own members; also the old form with `code` and `message`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    pub r#type: Option<String>,
    pub title: Option<String>,
    pub detail: Option<String>,
    pub message: Option<String>,
    /// What was asked for, as it was asked.
    pub value: Option<Value>,
    pub resource_id: Option<String>,
    pub resource_type: Option<String>,
    /// The parameter or expansion that named the resource.
    pub parameter: Option<String>,
    /// Of an invalid request: the parameters that are wrong, with their values.
    pub parameters: Option<serde_json::Map<String, Value>>,
    /// Old form; 88 is a rate limit.
    pub code: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub struct Post {
    pub id: String,
    pub author_id: Option<String>,
    pub created_at: Option<String>,
    pub attachments: Option<Attachments>,
    pub entities: Option<Entities>,
    referenced_tweets: Option<Vec<Reference>>,
    referenced_posts: Option<Vec<Reference>>,
    edit_history_tweet_ids: Option<Vec<String>>,
    edit_history_post_ids: Option<Vec<String>>,
}

impl Post {
    pub fn is_repost(&self) -> bool {
        let references = self.referenced_tweets.iter().chain(&self.referenced_posts).flatten();
        references
            .into_iter()
            .any(|reference| matches!(reference.r#type.as_deref(), Some("retweeted" | "reposted")))
    }

    /// All that is attached, in its order.
    pub fn media_keys(&self) -> &[String] {
        let attachments = self.attachments.as_ref();
        attachments.and_then(|attachments| attachments.media_keys.as_deref()).unwrap_or_default()
    }

    /// Ids of all versions of an edited post, its own among them; empty where the network does not tell.
    pub fn versions(&self) -> &[String] {
        self.edit_history_tweet_ids.as_deref().or(self.edit_history_post_ids.as_deref()).unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
pub struct Attachments {
    pub media_keys: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    r#type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Entities {
    pub urls: Option<Vec<UrlEntity>>,
}

#[derive(Debug, Deserialize)]
pub struct UrlEntity {
    /// For media: the page that shows it, `https://x.com/{handle}/status/{id}/photo/1`, of the post that it
    /// was first attached to.
    pub expanded_url: Option<String>,
    pub media_key: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Media {
    pub media_key: Option<String>,
    pub r#type: Option<String>,
    /// Photos only.
    pub url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct User {
    pub id: String,
    pub username: String,
    pub protected: Option<bool>,
    public_metrics: Option<UserMetrics>,
}

#[derive(Debug, Deserialize)]
struct UserMetrics {
    tweet_count: Option<u64>,
    post_count: Option<u64>,
    /// Whatever it is: nothing else must fail for it.
    media_count: Option<Value>,
}

impl User {
    /// How many posts it has, reposts included.
    pub fn posts(&self) -> Option<u64> {
        let metrics = self.public_metrics.as_ref()?;
        metrics.post_count.or(metrics.tweet_count)
    }

    /// How many photos and films it has posted.
    pub fn media(&self) -> Option<u64> {
        self.public_metrics.as_ref()?.media_count.as_ref()?.as_u64()
    }
}
