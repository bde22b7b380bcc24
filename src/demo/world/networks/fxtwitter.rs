//! A server with the API of FxTwitter, version 2: X without a key. Contract: `docs/contracts/networks.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Account, AccountState, Facts, MediaKind, Post, Relation};
use crate::demo::world::ids::snowflake_time;
use crate::demo::world::site::State;

pub fn answer(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    match call.segments().as_slice() {
        ["2", "profile", name] => profile(facts, name),
        ["2", "profile", name, "media"] => match find(facts, name) {
            Some(author) => page(facts, call, author, |_| true),
            None => missing(),
        },
        ["2", "search"] => search(facts, call),
        ["2", "status", id] => match id.parse().ok().and_then(|id| facts.post(id)) {
            Some(post) if facts.accounts[post.author].state == AccountState::Private => {
                refused(401, "PRIVATE_TWEET")
            }
            Some(post) => Answer::json(200, &json!({ "code": 200, "status": status(facts, post) })),
            None => missing(),
        },
        _ => missing(),
    }
}

fn missing() -> Answer {
    refused(404, "NOT_FOUND")
}

fn refused(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "code": status, "message": message }))
}

/// By handle, or `id:` and the number.
fn find(facts: &Facts, name: &str) -> Option<usize> {
    match name.strip_prefix("id:") {
        Some(id) => facts.account_by_id(id.parse().ok()?),
        None => facts.account_by_handle(name),
    }
}

fn profile(facts: &Facts, name: &str) -> Answer {
    let Some(author) = find(facts, name) else { return missing() };
    let account = &facts.accounts[author];
    if account.state == AccountState::Suspended {
        return Answer::json(404, &json!({ "code": 404, "message": "NOT_FOUND", "reason": "suspended" }));
    }
    let mut user = user(account);
    user["statuses"] = facts.posts_of(author).count().into();
    user["media_count"] = facts.posts_of(author).filter(|post| !post.media.is_empty()).count().into();
    Answer::json(200, &json!({ "code": 200, "message": "OK", "user": user }))
}

fn user(account: &Account) -> Value {
    json!({
        "id": account.id.to_string(),
        "name": account.name,
        "screen_name": account.handle,
        "description": account.bio,
        "protected": account.state == AccountState::Private,
    })
}

/// `from:NAME filter:images`, and `since_time:SECONDS` where it is an update.
fn search(facts: &Facts, call: &Call) -> Answer {
    let words: Vec<&str> = call.parameter("q").unwrap_or_default().split(' ').collect();
    let word = |prefix: &str| words.iter().find_map(|word| word.strip_prefix(prefix));
    let Some(author) = word("from:").and_then(|name| facts.account_by_handle(name)) else {
        return Answer::json(
            200,
            &json!({ "code": 200, "results": [], "cursor": { "top": null, "bottom": null } }),
        );
    };
    let since = word("since_time:").and_then(|secs| secs.parse::<i64>().ok()).unwrap_or(0);
    page(facts, call, author, |post| {
        !post.missed_by_search && snowflake_time(post.id).secs() >= since && post.relation == Relation::None
    })
}

/// Posts with media, newest first; the cursor is how many came before.
fn page(facts: &Facts, call: &Call, author: usize, select: impl Fn(&Post) -> bool) -> Answer {
    match facts.accounts[author].state {
        AccountState::Suspended => return missing(),
        AccountState::Private => return refused(401, "PRIVATE"),
        // Whom the account blocks is somebody else.
        AccountState::Open | AccountState::BlocksUs => {}
    }
    let count = call.parameter("count").and_then(|count| count.parse::<usize>().ok()).unwrap_or(20).min(100);
    let start = call.parameter("cursor").and_then(|cursor| cursor.parse::<usize>().ok()).unwrap_or(0);
    let posts: Vec<&Post> =
        facts.posts_of(author).filter(|post| !post.media.is_empty() && select(post)).collect();
    let results: Value = posts.iter().skip(start).take(count).map(|post| status(facts, post)).collect();
    let bottom = (start + count < posts.len()).then(|| (start + count).to_string());
    Answer::json(
        200,
        &json!({ "code": 200, "results": results, "cursor": { "top": null, "bottom": bottom } }),
    )
}

fn status(facts: &Facts, post: &Post) -> Value {
    let author = &facts.accounts[post.author];
    let media = post.media.iter().filter_map(|index| facts.media.get(*index));
    let all: Vec<Value> = media
        .map(|media| {
            let (kind, url) = match media.kind {
                MediaKind::Photo => {
                    ("photo", format!("https://pbs.twimg.com/media/{}.jpg?name=orig", media.name))
                }
                MediaKind::Video => ("video", format!("https://video.twimg.com/{}.mp4", media.name)),
                MediaKind::Gif => ("gif", format!("https://video.twimg.com/tweet_video/{}.mp4", media.name)),
            };
            json!({ "id": media.id.to_string(), "type": kind, "url": url, "width": 800, "height": 600 })
        })
        .collect();
    let (photos, videos): (Vec<Value>, Vec<Value>) =
        all.iter().cloned().partition(|media| media["type"] == "photo");
    let published = snowflake_time(post.id);
    json!({
        "type": "status",
        "id": post.id.to_string(),
        "url": format!("https://x.com/{}/status/{}", author.handle, post.id),
        "text": post.text,
        "created_at": published.to_rfc3339(),
        "created_timestamp": published.secs(),
        "reposted_by": null,
        "author": user(author),
        "media": { "all": all, "photos": photos, "videos": videos },
    })
}
