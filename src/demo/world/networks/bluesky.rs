//! Bluesky: profiles, the author's feed, single posts, images, and the account's own server.

use serde_json::{Value, json};

use crate::base::Timestamp;
use crate::demo::world::endpoint::Endpoint;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Attached, Facts, OpenAccount, OpenNetwork, OpenState};
use crate::demo::world::ids::record_key;
use crate::demo::world::images::Images;
use crate::demo::world::picture::Picture;
use crate::demo::world::site::State;

/// Where the files themselves are.
const SERVER: &str = "pds.demo.example";

pub const HOSTS: &[&str] = &["public.api.bsky.app", "cdn.bsky.app", "plc.directory", SERVER];

pub fn endpoint(call: &Call) -> Endpoint {
    match (call.host.as_str(), call.segments().as_slice()) {
        ("cdn.bsky.app", ["img", _, "plain", _, _]) => Endpoint::OpenImage,
        ("plc.directory", [_]) => Endpoint::BlueskyDocument,
        (SERVER, ["xrpc", "com.atproto.sync.getBlob"]) => Endpoint::BlueskyBlob,
        (SERVER, ["xrpc", "com.atproto.repo.listRecords"]) => Endpoint::BlueskyRecords,
        // What the search for links reads.
        ("public.api.bsky.app", ["xrpc", "app.bsky.actor.getProfile"]) => Endpoint::LinkPage,
        ("public.api.bsky.app", ["xrpc", "app.bsky.actor.getProfiles"]) => Endpoint::BlueskyAccounts,
        ("public.api.bsky.app", ["xrpc", "app.bsky.feed.getAuthorFeed"]) => Endpoint::BlueskyFeed,
        ("public.api.bsky.app", ["xrpc", "app.bsky.feed.getPosts"]) => Endpoint::BlueskyPosts,
        _ => Endpoint::Unknown,
    }
}

pub fn answer(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    match (call.host.as_str(), call.segments().as_slice()) {
        ("cdn.bsky.app", ["img", preset, "plain", did, file]) => picture(facts, images, preset, did, file),
        ("plc.directory", [did]) => document(facts, did),
        (SERVER, ["xrpc", "com.atproto.sync.getBlob"]) => blob(facts, images, call),
        (SERVER, ["xrpc", "com.atproto.repo.listRecords"]) => records(facts, call),
        ("public.api.bsky.app", ["xrpc", method]) => ask(facts, method, call),
        _ => Answer::text(404, "not found"),
    }
}

fn ask(facts: &Facts, method: &str, call: &Call) -> Answer {
    let all = |name: &'static str| {
        call.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    };
    let answer = match method {
        "app.bsky.actor.getProfile" => match call.parameter("actor").map(|actor| find(facts, actor)) {
            Some(Found::Shown(account)) => profile(account),
            Some(Found::Suspended) => return refused("AccountTakedown", "Account has been suspended"),
            Some(Found::Nobody) => return refused("InvalidRequest", "Profile not found"),
            None => return refused("InvalidRequest", "Error: Params must have the property \"actor\""),
        },
        "app.bsky.actor.getProfiles" => {
            if all("actors").count() > 25 {
                return refused("InvalidRequest", "Error: actors must not have more than 25 elements");
            }
            let shown = all("actors").filter_map(|actor| match find(facts, actor) {
                Found::Shown(account) => Some(profile(account)),
                Found::Suspended | Found::Nobody => None,
            });
            json!({ "profiles": shown.collect::<Value>() })
        }
        "app.bsky.feed.getAuthorFeed" => return feed(facts, call),
        "app.bsky.feed.getPosts" => {
            if all("uris").count() > 25 {
                return refused("InvalidRequest", "Error: uris must not have more than 25 elements");
            }
            let posts = all("uris").filter_map(|uri| {
                let (account, number) = accounts(facts).find_map(|account| {
                    let key = uri.strip_prefix(&format!("at://{}/app.bsky.feed.post/", account.native))?;
                    Some((account, account.number_of_record(key)?))
                })?;
                (account.state == OpenState::Open).then(|| post(account, number))
            });
            json!({ "posts": posts.collect::<Value>() })
        }
        _ => {
            return Answer::json(404, &json!({ "error": "XRPCNotSupported", "message": "XRPCNotSupported" }));
        }
    };
    with_limits(Answer::json(200, &answer))
}

fn refused(error: &str, message: &str) -> Answer {
    with_limits(Answer::json(400, &json!({ "error": error, "message": message })))
}

fn with_limits(answer: Answer) -> Answer {
    let reset = Timestamp::now().plus(std::time::Duration::from_secs(300));
    answer
        .with_header("ratelimit-limit", "3000")
        .with_header("ratelimit-remaining", "2999")
        .with_header("ratelimit-reset", reset.secs().to_string())
        .with_header("ratelimit-policy", "3000;w=300")
}

enum Found<'a> {
    Shown(&'a OpenAccount),
    Suspended,
    Nobody,
}

fn accounts(facts: &Facts) -> impl Iterator<Item = &OpenAccount> {
    facts.open_accounts.iter().filter(|account| account.network == OpenNetwork::Bluesky)
}

fn find<'a>(facts: &'a Facts, actor: &str) -> Found<'a> {
    let found =
        accounts(facts).find(|account| account.native == actor || account.handle.eq_ignore_ascii_case(actor));
    match found {
        Some(account) if account.state == OpenState::Suspended => Found::Suspended,
        Some(account) => Found::Shown(account),
        None => Found::Nobody,
    }
}

fn author(account: &OpenAccount) -> Value {
    let labels = match account.state {
        OpenState::OptedOut => json!([{
            "src": account.native,
            "uri": format!("at://{}/app.bsky.actor.profile/self", account.native),
            "val": "!no-unauthenticated",
            "cts": "2024-02-06T12:00:00.000Z",
        }]),
        OpenState::Open | OpenState::Suspended | OpenState::Moved(_) => json!([]),
    };
    json!({
        "did": account.native,
        "handle": account.handle,
        "displayName": account.handle.split('.').next(),
        "labels": labels,
        "createdAt": "2023-07-01T12:00:00.000Z",
    })
}

fn profile(account: &OpenAccount) -> Value {
    let mut profile = author(account);
    profile["description"] = format!("Knights and dragons. {}", account.links.join(" ")).into();
    profile["followersCount"] = 10.into();
    profile["followsCount"] = 1.into();
    profile["postsCount"] = account.posts.into();
    profile["indexedAt"] = "2024-02-06T12:00:00.000Z".into();
    profile
}

/// Newest first; the cursor is the number of the next post. Once in a while a page is empty although more
/// follow, as when all that was on it is hidden.
fn feed(facts: &Facts, call: &Call) -> Answer {
    let account = match call.parameter("actor").map(|actor| find(facts, actor)) {
        Some(Found::Shown(account)) => account,
        Some(Found::Suspended) => return refused("AccountTakedown", "Account has been suspended"),
        Some(Found::Nobody) | None => return refused("InvalidRequest", "Profile not found"),
    };
    let limit = call.parameter("limit").unwrap_or("50").parse::<usize>().unwrap_or(0);
    if !(1..=100).contains(&limit) {
        return refused("InvalidRequest", "Error: limit can not be greater than 100");
    }
    if call.parameter("filter") != Some("posts_with_media") {
        return refused("InvalidRequest", "this world knows the filter posts_with_media only");
    }
    let cursor = call.parameter("cursor").unwrap_or_default();
    let (start, after_gap) = match cursor.strip_suffix("-gap") {
        Some(number) => (number.parse().unwrap_or(0), true),
        None if cursor.is_empty() => (account.posts, true),
        None => (cursor.parse().unwrap_or(0), false),
    };
    let start: usize = start.min(account.posts);
    if start > 0 && start < account.posts && start % 500 < limit && !after_gap {
        return with_limits(Answer::json(200, &json!({ "feed": [], "cursor": format!("{start}-gap") })));
    }
    let end = start.saturating_sub(limit);
    let numbers = (end..start).rev().filter(|number| account.has(*number));
    let entries = numbers.map(|number| entry(facts, account, number));
    let mut answer = json!({ "feed": entries.collect::<Value>() });
    if end > 0 {
        answer["cursor"] = end.to_string().into();
    }
    with_limits(Answer::json(200, &answer))
}

fn entry(facts: &Facts, account: &OpenAccount, number: usize) -> Value {
    let other = accounts(facts).find(|other| other.native != account.native && other.posts > 0);
    match (account.attached(number), other) {
        (Attached::Repost, Some(other)) => json!({
            "post": post(other, number % other.posts),
            "reason": {
                "$type": "app.bsky.feed.defs#reasonRepost",
                "by": author(account),
                "indexedAt": account.moment(number).to_rfc3339(),
            },
        }),
        _ => json!({ "post": post(account, number) }),
    }
}

/// Newest first, the posts whose keys are below the cursor; a repost is no post, and stands in another
/// collection.
fn records(facts: &Facts, call: &Call) -> Answer {
    let account = match call.parameter("repo").map(|repo| find(facts, repo)) {
        Some(Found::Shown(account)) => account,
        Some(Found::Suspended) => return refused("RepoTakendown", "Repo has been taken down"),
        Some(Found::Nobody) | None => return refused("RepoNotFound", "Could not find repo"),
    };
    if call.parameter("collection") != Some("app.bsky.feed.post") {
        return refused("InvalidRequest", "this world has the collection app.bsky.feed.post only");
    }
    let limit = call.parameter("limit").unwrap_or("50").parse::<usize>().unwrap_or(0);
    if !(1..=100).contains(&limit) {
        return refused("InvalidRequest", "Error: limit can not be greater than 100");
    }
    let key = |number: usize| record_key(account.moment(number));
    let cursor = call.parameter("cursor");
    let below = |number: &usize| cursor.is_none_or(|cursor| key(*number).as_str() < cursor);
    // Keys rise with the numbers.
    let (mut start, mut end) = (0, account.posts);
    while start < end {
        let middle = (start + end) / 2;
        if below(&middle) { start = middle + 1 } else { end = middle }
    }
    let is_record = |number: &usize| account.has(*number) && account.attached(*number) != Attached::Repost;
    let numbers: Vec<usize> = (0..start).rev().filter(is_record).take(limit).collect();
    let records: Value = numbers.iter().map(|number| record(account, *number)).collect();
    let mut answer = json!({ "records": records });
    if let Some(last) = numbers.last() {
        answer["cursor"] = key(*last).into();
    }
    with_limits(Answer::json(200, &answer))
}

/// A post as its author's server has it.
fn record(account: &OpenAccount, number: usize) -> Value {
    let blob = |position: usize| json!({ "$type": "blob", "ref": { "$link": file_name(number, position) } });
    let count = account.pictures(number).len();
    let images: Value = (0..count).map(|position| json!({ "alt": "", "image": blob(position) })).collect();
    let media = match count > 4 {
        true => json!({ "$type": "app.bsky.embed.gallery", "items": images }),
        false => json!({ "$type": "app.bsky.embed.images", "images": images }),
    };
    let embed = match account.attached(number) {
        Attached::Pictures | Attached::Repost => media,
        Attached::PicturesAndQuote => json!({ "$type": "app.bsky.embed.recordWithMedia", "media": media }),
        Attached::Video => json!({ "$type": "app.bsky.embed.video", "video": blob(99) }),
    };
    json!({
        "uri": account.post_id(number),
        "cid": format!("bafyreidemo{number:08}"),
        "value": {
            "$type": "app.bsky.feed.post",
            "text": format!("Something I drew, no. {number}"),
            "createdAt": account.moment(number).to_rfc3339(),
            "embed": embed,
        },
    })
}

fn file_name(number: usize, position: usize) -> String {
    format!("bafkreidemo{number:08}x{position:02}")
}

fn post(account: &OpenAccount, number: usize) -> Value {
    let moment = account.moment(number).to_rfc3339();
    let pictures = account.pictures(number);
    let address = |preset: &str, position| {
        let (did, file) = (account.native, file_name(number, position));
        format!("https://cdn.bsky.app/img/{preset}/plain/{did}/{file}@jpeg")
    };
    let ratio = json!({ "width": 4, "height": 3 });
    let images: Value = (0..pictures.len())
        .map(|position| {
            let (small, full) = (address("feed_thumbnail", position), address("feed_fullsize", position));
            match pictures.len() > 4 {
                true => json!({ "$type": "app.bsky.embed.gallery#viewImage", "thumbnail": small,
                    "fullsize": full, "alt": "", "aspectRatio": ratio }),
                false => json!({ "thumb": small, "fullsize": full, "alt": "", "aspectRatio": ratio }),
            }
        })
        .collect();
    let media = match pictures.len() > 4 {
        true => json!({ "$type": "app.bsky.embed.gallery#view", "items": images }),
        false => json!({ "$type": "app.bsky.embed.images#view", "images": images }),
    };
    let embed = match account.attached(number) {
        Attached::Pictures | Attached::Repost => media,
        Attached::PicturesAndQuote => json!({
            "$type": "app.bsky.embed.recordWithMedia#view",
            "record": { "record": { "$type": "app.bsky.embed.record#viewNotFound", "notFound": true,
                "uri": format!("at://{}/app.bsky.feed.post/3gone", account.native) } },
            "media": media,
        }),
        Attached::Video => json!({
            "$type": "app.bsky.embed.video#view",
            "cid": file_name(number, 99),
            "playlist": "https://video.bsky.app/watch/demo/playlist.m3u8",
        }),
    };
    json!({
        "uri": account.post_id(number),
        "cid": format!("bafyreidemo{number:08}"),
        "author": author(account),
        "record": { "$type": "app.bsky.feed.post", "text": format!("Something I drew, no. {number}"), "createdAt": moment },
        "embed": embed,
        "replyCount": 0, "repostCount": 0, "likeCount": 0, "quoteCount": 0,
        "indexedAt": moment,
        "labels": [],
    })
}

/// `bafkreidemo00000020x00`: the number of the post, and the position.
fn picture_of(facts: &Facts, did: &str, cid: &str) -> Option<(usize, Picture)> {
    let account = accounts(facts).find(|account| account.native == did)?;
    let (number, position) = cid.strip_prefix("bafkreidemo")?.split_once('x')?;
    let number: usize = number.parse().ok().filter(|number| *number < account.posts)?;
    let picture = account.pictures(number).get(position.parse::<usize>().ok()?).copied()?;
    Some((number, picture))
}

fn picture(facts: &Facts, images: &Images, preset: &str, did: &str, file: &str) -> Answer {
    let longest = match preset {
        "feed_fullsize" => 2000,
        "feed_thumbnail" => 1000,
        _ => return Answer::text(400, "invalid preset"),
    };
    let found = picture_of(facts, did, file.split('@').next().unwrap_or_default());
    let lost = accounts(facts).find(|account| account.native == did).and_then(|account| account.lost);
    match found.filter(|(number, _)| Some(*number) != lost) {
        Some((_, picture)) => images.shown(picture, longest),
        None => Answer::text(404, "not found"),
    }
}

fn blob(facts: &Facts, images: &Images, call: &Call) -> Answer {
    let parameters = call.parameter("did").zip(call.parameter("cid"));
    match parameters.and_then(|(did, cid)| picture_of(facts, did, cid)) {
        Some((_, picture)) => images.shown(picture, 4096),
        None => Answer::json(400, &json!({ "error": "BlobNotFound", "message": "Blob not found" })),
    }
}

fn document(facts: &Facts, did: &str) -> Answer {
    match accounts(facts).find(|account| account.native == did) {
        Some(account) => Answer::json(
            200,
            &json!({
                "@context": ["https://www.w3.org/ns/did/v1"],
                "id": did,
                "alsoKnownAs": [format!("at://{}", account.handle)],
                "service": [{ "id": "#atproto_pds", "type": "AtprotoPersonalDataServer",
                    "serviceEndpoint": format!("https://{SERVER}") }],
            }),
        ),
        None => Answer::json(404, &json!({ "message": format!("DID not registered: {did}") })),
    }
}
