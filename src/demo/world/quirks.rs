//! What clients of X's real API meet beside good answers. Each can be switched on for a test; all are off
//! otherwise. Applied to finished answers, so that the rest of this world knows nothing of them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::exchange::Call;

/// Something odd that the API does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// Listings name all media of a post and bring the first item only; what is missing is named in `errors`.
    MediaMissing,
    /// Posts that are looked up lack their media in the same way.
    MediaMissingOnLookUp,
    /// All photos but the first of a post have no `url`, whoever asks.
    ImagesWithheld,
    /// `tweet.fields` is ignored: such posts have their default fields alone.
    PostFieldsOnly,
    /// The same of `post.fields`.
    TweetFieldsOnly,
    /// A page that names another is followed by this many empty ones first.
    EmptyPages,
    /// The newest post of each page with a photo of its own was edited, and stands there in two versions.
    LateEdits,
    /// A 429 says that its window ended long ago.
    ResetInThePast,
    /// A 429 says that its window ends in another century.
    ResetInAFarFuture,
    /// Users are left out without a word.
    UsersLeftOut,
    /// The count of a user's media holds posts that are deleted, and media that were passed on.
    MediaCountTooHigh,
}

/// What a user's count of media holds too much: more than a client would look for.
const GONE_MEDIA: u64 = 1000;
/// Empty pages in a row.
const EMPTY_PAGES: u32 = 7;
/// Between a page's token and the number of empty pages that stand before it.
const EMPTY: &str = "-empty-";
/// The later version of an edited post has the number after the first one's, which no other post has.
const LATER: u64 = 1;

/// Those that are switched on.
#[derive(Debug, Default)]
pub struct Quirks(Mutex<BTreeSet<Quirk>>);

impl Quirks {
    pub fn set(&self, quirk: Quirk, on: bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if on {
            all.insert(quirk);
        } else {
            all.remove(&quirk);
        }
    }

    pub fn has(&self, quirk: Quirk) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&quirk)
    }

    /// An answer that needs no facts: one of the empty pages.
    pub fn answer(&self, call: &Call) -> Option<Value> {
        let token = call.parameter("next_token").or_else(|| call.parameter("pagination_token"))?;
        let (real, left) = token.split_once(EMPTY)?;
        let next = match left.parse::<u32>().ok()? {
            0 | 1 => real.to_owned(),
            left => format!("{real}{EMPTY}{}", left - 1),
        };
        Some(json!({ "meta": { "result_count": 0, "next_token": next } }))
    }

    /// Makes a good answer odd.
    pub fn apply(&self, endpoint: Endpoint, call: &Call, body: &mut Value) {
        let is_listing = matches!(endpoint, Endpoint::Search | Endpoint::Timeline);
        if matches!(endpoint, Endpoint::UsersByHandle | Endpoint::UsersById) {
            if self.has(Quirk::UsersLeftOut) {
                *body = json!({});
            }
            if self.has(Quirk::MediaCountTooHigh) {
                raise_media_counts(body);
            }
            return;
        }
        if is_listing && self.has(Quirk::LateEdits) {
            edit_newest(body);
        }
        let is_look_up = endpoint == Endpoint::PostsById;
        if is_listing && self.has(Quirk::MediaMissing) || is_look_up && self.has(Quirk::MediaMissingOnLookUp)
        {
            take_media(body);
        }
        if self.has(Quirk::ImagesWithheld) {
            withhold_images(body);
        }
        for (quirk, ignored) in
            [(Quirk::PostFieldsOnly, "tweet.fields"), (Quirk::TweetFieldsOnly, "post.fields")]
        {
            if self.has(quirk) && call.parameter(ignored).is_some() {
                strip(body);
            }
        }
        if is_listing
            && self.has(Quirk::EmptyPages)
            && let Some(next) = body.pointer_mut("/meta/next_token")
        {
            *next = format!("{}{EMPTY}{EMPTY_PAGES}", next.as_str().unwrap_or_default()).into();
        }
    }

    /// When a window ends, by a clock that is wrong; `None` by the right one.
    pub fn reset(&self) -> Option<i64> {
        if self.has(Quirk::ResetInThePast) {
            return Some(1_600_000_000);
        }
        self.has(Quirk::ResetInAFarFuture).then_some(9_999_999_999)
    }
}

fn raise_media_counts(body: &mut Value) {
    for user in body["data"].as_array_mut().into_iter().flatten() {
        if let Some(count) = user.pointer_mut("/public_metrics/media_count") {
            *count = (count.as_u64().unwrap_or(0) + GONE_MEDIA).into();
        }
    }
}

/// The keys of all media but the first of each post.
fn later_keys(body: &Value) -> Vec<String> {
    let posts = body["data"].as_array().into_iter().flatten();
    let keys = posts.filter_map(|post| post.pointer("/attachments/media_keys")?.as_array());
    keys.flat_map(|keys| keys.iter().skip(1)).filter_map(|key| Some(key.as_str()?.to_owned())).collect()
}

fn take_media(body: &mut Value) {
    let missing = later_keys(body);
    if let Some(media) = body.pointer_mut("/includes/media").and_then(Value::as_array_mut) {
        media.retain(|one| !missing.iter().any(|key| one["media_key"] == **key));
    }
    let problem = |key: &String| {
        json!({
            "value": key, "resource_id": key, "resource_type": "media", "parameter": "attachments.media_keys",
            "title": "Not Found Error", "detail": format!("Could not find media with attachments.media_keys: [{key}]."),
            "type": "https://api.x.com/2/problems/resource-not-found",
        })
    };
    if !missing.is_empty() {
        body["errors"] = missing.iter().map(problem).collect();
    }
}

fn withhold_images(body: &mut Value) {
    let withheld = later_keys(body);
    for one in body.pointer_mut("/includes/media").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_withheld = withheld.iter().any(|key| one["media_key"] == **key);
        if let Some(one) = one.as_object_mut().filter(|_| is_withheld) {
            one.remove("url");
        }
    }
}

/// Leaves the fields that every post has.
fn strip(body: &mut Value) {
    for post in body["data"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        post.retain(|field, _| matches!(field.as_str(), "id" | "text") || field.starts_with("edit_history"));
    }
    if let Some(body) = body.as_object_mut() {
        body.remove("includes");
    }
}

fn edit_newest(body: &mut Value) {
    let Some(posts) = body["data"].as_array_mut() else { return };
    let has_own_photo = |post: &Value| {
        let keys = post.pointer("/attachments/media_keys").and_then(Value::as_array);
        let is_photo = |key: &Value| key.as_str().is_some_and(|key| key.starts_with("3_"));
        keys.is_some_and(|keys| keys.iter().any(is_photo))
            && post.pointer("/attachments/media_source_tweet_id").is_none()
    };
    let Some(place) = posts.iter().position(has_own_photo) else { return };
    let first = &mut posts[place];
    let Some(id) = first["id"].as_str().and_then(|id| id.parse::<u64>().ok()) else { return };
    let later = (id + LATER).to_string();
    for history in ["edit_history_tweet_ids", "edit_history_post_ids"] {
        if first.get(history).is_some() {
            first[history] = json!([id.to_string(), later]);
        }
    }
    let mut edited = first.clone();
    edited["id"] = later.into();
    posts.insert(place, edited);
}
