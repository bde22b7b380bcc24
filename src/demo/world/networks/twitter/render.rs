//! Posts, users and media as JSON: only the fields asked for, and what expansions bring along.

use serde_json::{Map, Value, json};

use super::check::{Dialect, Parameters};
use crate::demo::world::facts::{Account, AccountState, Facts, Media, MediaKind, Post, Relation};
use crate::demo::world::ids::{media_name, snowflake_time};

/// Renders for one request.
pub struct Renderer<'a> {
    facts: &'a Facts,
    dialect: Dialect,
    post_fields: Vec<String>,
    user_fields: Vec<String>,
    media_fields: Vec<String>,
    expansions: Vec<String>,
}

impl<'a> Renderer<'a> {
    pub fn new(facts: &'a Facts, parameters: &Parameters) -> Renderer<'a> {
        Renderer {
            facts,
            dialect: parameters.dialect,
            post_fields: parameters.list(parameters.dialect.name("tweet.fields", "post.fields")),
            user_fields: parameters.list("user.fields"),
            media_fields: parameters.list("media.fields"),
            expansions: parameters.list("expansions"),
        }
    }

    /// `data`, `includes` and `meta`.
    pub fn posts_page(&self, posts: &[&Post], next: Option<&str>) -> Value {
        let mut body = self.posts(posts);
        let mut meta = Map::new();
        if let (Some(newest), Some(oldest)) = (posts.first(), posts.last()) {
            meta.insert("newest_id".into(), newest.id.to_string().into());
            meta.insert("oldest_id".into(), oldest.id.to_string().into());
        }
        meta.insert("result_count".into(), posts.len().into());
        if let Some(token) = next {
            meta.insert("next_token".into(), token.into());
        }
        body.insert("meta".into(), Value::Object(meta));
        Value::Object(body)
    }

    /// `data` and `includes`; both absent where they would be empty.
    pub fn posts(&self, posts: &[&Post]) -> Map<String, Value> {
        let mut body = Map::new();
        if posts.is_empty() {
            return body;
        }
        body.insert("data".into(), posts.iter().map(|post| self.post(post)).collect());
        let mut includes = Map::new();
        if self.expands("attachments.media_keys") {
            let media = distinct(posts.iter().flat_map(|post| self.media_of(post)).map(|(_, index)| index));
            if !media.is_empty() {
                let media = media.iter().map(|index| self.media(&self.facts.media[*index])).collect();
                includes.insert("media".into(), media);
            }
        }
        if self.expands("author_id") {
            let authors = distinct(posts.iter().map(|post| post.author));
            let users = authors.iter().map(|author| self.user(&self.facts.accounts[*author])).collect();
            includes.insert("users".into(), users);
        }
        if self.expands("referenced_tweets.id") || self.expands("referenced_posts") {
            let others = distinct(posts.iter().filter_map(|post| Some(referenced(post)?.1)));
            let others: Vec<Value> =
                others.iter().filter_map(|id| self.facts.post(*id)).map(|post| self.post(post)).collect();
            if !others.is_empty() {
                includes.insert(self.dialect.name("tweets", "posts").into(), Value::Array(others));
            }
        }
        if !includes.is_empty() {
            body.insert("includes".into(), Value::Object(includes));
        }
        body
    }

    pub fn user(&self, account: &Account) -> Value {
        let wants = |field: &str| self.user_fields.iter().any(|wanted| wanted == field);
        let mut user =
            json!({ "id": account.id.to_string(), "name": account.name, "username": account.handle });
        let short = format!("https://t.co/{}", short_name(account.id));
        let mut add = |field: &str, value: Value| {
            if wants(field) {
                user[field] = value;
            }
        };
        add("created_at", millis(account.created.to_rfc3339()).into());
        add("description", account.bio.into());
        add("protected", (account.state == AccountState::Private).into());
        add("verified", false.into());
        add("url", account.link.map_or("", |_| short.as_str()).into());
        add(
            "profile_image_url",
            format!("https://pbs.twimg.com/profile_images/{}/demo_normal.jpg", account.id).into(),
        );
        let author = self.facts.account_by_id(account.id).unwrap_or(usize::MAX);
        let posts = self.facts.posts_of(author).count();
        let mut metrics = json!({
            "followers_count": 100, "following_count": 10, "listed_count": 1, "like_count": 5,
        });
        metrics[self.dialect.name("tweet_count", "post_count")] = posts.into();
        // The older contract does not have it.
        if self.post_fields.is_empty() || self.dialect == Dialect::Post {
            metrics["media_count"] = self.facts.media_count(author).into();
        }
        add("public_metrics", metrics);
        if let Some(link) = account.link {
            let display = link.trim_start_matches("https://");
            add(
                "entities",
                json!({ "url": { "urls": [
                    { "start": 0, "end": short.len(), "url": short, "expanded_url": link, "display_url": display },
                ] } }),
            );
        }
        user
    }

    fn post(&self, post: &Post) -> Value {
        let wants = |field: &str| self.post_fields.iter().any(|wanted| wanted == field);
        let account = &self.facts.accounts[post.author];
        let id = post.id.to_string();
        let media: Vec<(&Post, usize)> = self.media_of(post);
        let short = format!("https://t.co/{}", short_name(post.id));
        let text = if media.is_empty() { post.text.clone() } else { format!("{} {short}", post.text) };
        let mut value = json!({ "id": id, "text": text });
        value[self.dialect.name("edit_history_tweet_ids", "edit_history_post_ids")] = json!([id]);
        let mut add = |field: &str, wanted: bool, content: Value| {
            if wanted || wants(field) {
                value[field] = content;
            }
        };
        add("author_id", self.expands("author_id"), account.id.to_string().into());
        add("created_at", false, millis(snowflake_time(post.id).to_rfc3339()).into());
        add("conversation_id", false, id.clone().into());
        add("possibly_sensitive", false, false.into());
        add("lang", false, "en".into());
        let mut metrics = json!({
            "reply_count": 0, "like_count": 7, "quote_count": 0, "bookmark_count": 0, "impression_count": 90,
        });
        metrics[self.dialect.name("retweet_count", "repost_count")] = 1.into();
        add("public_metrics", false, metrics);
        if let Some((kind, other)) = referenced(post) {
            let field = self.dialect.name("referenced_tweets", "referenced_posts");
            let wanted = self.expands("referenced_tweets.id") || self.expands("referenced_posts");
            add(field, wanted, json!([{ "type": kind, "id": other.to_string() }]));
        }
        if !media.is_empty() {
            let keys: Vec<String> =
                media.iter().map(|(_, index)| media_key(&self.facts.media[*index])).collect();
            let mut attachments = json!({ "media_keys": keys });
            if let Relation::BorrowsMedia(owner) = post.relation {
                attachments["media_source_tweet_id"] = json!([owner.to_string()]);
            }
            add("attachments", self.expands("attachments.media_keys"), attachments);
            add("entities", false, json!({ "urls": self.media_links(post, &media, &short) }));
        }
        value
    }

    /// One entry an image: each names the post that owns it, which may be another's.
    fn media_links(&self, post: &Post, media: &[(&Post, usize)], short: &str) -> Vec<Value> {
        let start = post.text.chars().count() + 1;
        media
            .iter()
            .enumerate()
            .map(|(position, (owner, index))| {
                let handle = self.facts.accounts[owner.author].handle;
                let media = &self.facts.media[*index];
                let kind = if media.kind == MediaKind::Photo { "photo" } else { "video" };
                json!({
                    "start": start,
                    "end": start + short.len(),
                    "url": short,
                    "expanded_url": format!("https://x.com/{handle}/status/{}/{kind}/{}", owner.id, position + 1),
                    "display_url": format!("pic.x.com/{}", short_name(post.id)),
                    "media_key": media_key(media),
                })
            })
            .collect()
    }

    /// Media shown by a post, with the post that owns them.
    fn media_of<'p>(&'p self, post: &'p Post) -> Vec<(&'p Post, usize)> {
        let owner = match post.relation {
            Relation::BorrowsMedia(id) => self.facts.post(id).unwrap_or(post),
            _ => post,
        };
        owner.media.iter().map(|index| (owner, *index)).collect()
    }

    fn media(&self, media: &Media) -> Value {
        let wants = |field: &str| self.media_fields.iter().any(|wanted| wanted == field);
        let (width, height) = media.picture.size();
        let kind = match media.kind {
            MediaKind::Photo => "photo",
            MediaKind::Video => "video",
            MediaKind::Gif => "animated_gif",
        };
        let mut value = json!({ "media_key": media_key(media), "type": kind });
        let mut add = |field: &str, content: Value| {
            if wants(field) {
                value[field] = content;
            }
        };
        add("width", width.into());
        add("height", height.into());
        match media.kind {
            MediaKind::Photo => add("url", format!("https://pbs.twimg.com/media/{}.jpg", media.name).into()),
            MediaKind::Video => {
                let still = format!(
                    "https://pbs.twimg.com/ext_tw_video_thumb/{}/pu/img/{}.jpg",
                    media.id, media.name
                );
                add("preview_image_url", still.into());
                add("duration_ms", 12_000.into());
            }
            MediaKind::Gif => {
                add(
                    "preview_image_url",
                    format!("https://pbs.twimg.com/tweet_video_thumb/{}.jpg", media.name).into(),
                );
            }
        }
        if media.kind != MediaKind::Photo {
            let film = format!("https://video.twimg.com/tweet_video/{}.mp4", media.name);
            add("variants", json!([{ "bit_rate": 0, "content_type": "video/mp4", "url": film }]));
        }
        value
    }

    fn expands(&self, expansion: &str) -> bool {
        self.expansions.iter().any(|wanted| wanted == expansion)
    }
}

fn referenced(post: &Post) -> Option<(&'static str, u64)> {
    match post.relation {
        Relation::Repost(id) => Some(("retweeted", id)),
        Relation::Quote(id) => Some(("quoted", id)),
        Relation::Reply(id) => Some(("replied_to", id)),
        Relation::None | Relation::BorrowsMedia(_) => None,
    }
}

fn media_key(media: &Media) -> String {
    let kind = match media.kind {
        MediaKind::Photo => 3,
        MediaKind::Video => 7,
        MediaKind::Gif => 16,
    };
    format!("{kind}_{}", media.id)
}

/// Ten characters for a shortened link.
fn short_name(id: u64) -> String {
    media_name(id.rotate_left(17)).chars().take(10).collect()
}

/// The API writes milliseconds.
fn millis(seconds: String) -> String {
    seconds.replace('Z', ".000Z")
}

/// In the order of their first appearance.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}
