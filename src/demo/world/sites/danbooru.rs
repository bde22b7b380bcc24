//! Danbooru: posts, artists and their addresses, and its image host. Like the real site it turns away
//! clients that pose as browsers. Contract: `docs/contracts/boorus.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Facts, Gallery, Member, Trouble, Work};
use crate::demo::world::ids::digest;
use crate::demo::world::images::TOO_BIG_BYTES;
use crate::demo::world::site::State;

/// `danbooru.donmai.us`.
pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let find = |id: &str| facts.work(Gallery::Danbooru, id);
    let artists = || facts.members.iter().filter(|member| member.gallery == Gallery::Danbooru);
    if call.is_browser() {
        return Answer::challenge();
    }
    match call.segments().as_slice() {
        ["posts.json"] => Answer::json(200, &Value::Array(listed(facts, call))),
        ["posts", file] if file.ends_with(".json") => match find(file.trim_end_matches(".json")) {
            Some(post) => {
                let answer = Answer::json(200, &only(call, post_json(post)));
                if post.trouble == Trouble::CutShort { answer.cut_short() } else { answer }
            }
            None => missing(),
        },
        ["posts", id] => match find(id) {
            Some(post) => Answer::html(
                200,
                format!("<!DOCTYPE html><html><head><title>{}</title></head></html>", post.artist),
            ),
            None => missing(),
        },
        ["artists.json"] => {
            let found = artists().filter(|artist| matches(artist, call));
            Answer::json(
                200,
                &Value::Array(found.map(|artist| only(call, artist_json(artist, call))).collect()),
            )
        }
        ["artists", file] => {
            let id = file.trim_end_matches(".json");
            match artists().find(|artist| artist.id.to_string() == id) {
                Some(artist) => Answer::json(200, &only(call, artist_json(artist, call))),
                None => missing(),
            }
        }
        _ => missing(),
    }
}

/// `cdn.donmai.us`: `/original/aa/bb/{md5}.ext`, `/sample/…`, `/720x720/…` and the like.
pub fn image(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let segments = call.segments();
    let [kind, _, _, file] = segments.as_slice() else {
        return Answer::text(404, "not found");
    };
    let md5 = file.rsplit('-').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    let Some(post) = facts.work_by_digest(Gallery::Danbooru, md5) else {
        return Answer::text(404, "not found");
    };
    match (post.trouble, *kind) {
        (Trouble::ImageGone, _) => Answer::text(404, "not found"),
        (Trouble::ImageTooBig, _) | (Trouble::OriginalTooBig, "original") => Answer::huge(TOO_BIG_BYTES),
        (_, "original") => images.file(post.picture(), None),
        (_, "sample") => images.file(post.picture(), Some(850)),
        (_, other) => match other.split_once('x').and_then(|(side, _)| side.parse::<u32>().ok()) {
            Some(side @ (180 | 360 | 720)) => images.file(post.picture(), Some(side)),
            _ => Answer::text(404, "not found"),
        },
    }
}

/// The posts that bear every tag of `tags`, newest first: a page of them by its number, or of those
/// before `b{ID}`.
fn listed(facts: &Facts, call: &Call) -> Vec<Value> {
    let tags = call.parameter("tags").unwrap_or_default();
    let limit = call.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20).min(200);
    let page = call.parameter("page").unwrap_or("1");
    let before = page.strip_prefix('b').and_then(|id| id.parse::<u64>().ok());
    let pages_before = page.parse::<usize>().unwrap_or(1).saturating_sub(1);
    let mut posts: Vec<&Work> = facts.works.iter().filter(|work| work.gallery == Gallery::Danbooru).collect();
    posts.sort_by_key(|post| std::cmp::Reverse(post.id));
    let bears =
        |post: &&Work| tags.split_whitespace().all(|tag| tags_of(post).split(' ').any(|own| own == tag));
    let found = posts.into_iter().filter(bears).filter(|post| before.is_none_or(|id| post.id < id));
    let skipped = if before.is_some() { 0 } else { pages_before.saturating_mul(limit) };
    found.skip(skipped).take(limit).map(|post| only(call, post_json(post))).collect()
}

fn tags_of(post: &Work) -> String {
    format!("1other {} original", post.artist)
}

/// Whether an artist fits every `search[...]` parameter given.
fn matches(artist: &Member, call: &Call) -> bool {
    let mut searched = false;
    for (key, value) in &call.query {
        let fits = match key.as_str() {
            "search[name]" => artist.name.eq_ignore_ascii_case(value),
            "search[url_matches]" => {
                artist.links.iter().chain(artist.dead_links).any(|url| same_page(url, value))
            }
            _ => continue,
        };
        if !fits {
            return false;
        }
        searched = true;
    }
    searched
}

/// The site normalizes addresses before it compares them: scheme, case and a closing slash do not count.
fn same_page(one: &str, other: &str) -> bool {
    let plain = |url: &str| {
        url.trim_end_matches('/').replace("http://", "https://").replace("://x.com", "://twitter.com")
    };
    plain(one).eq_ignore_ascii_case(&plain(other))
}

fn post_json(post: &Work) -> Value {
    let (width, height) = post.size();
    let md5 = digest(post.id);
    let folder = format!("{}/{}", &md5[..2], &md5[2..4]);
    let extension = post.extension();
    let cdn = |kind: &str, file: &str| format!("https://cdn.donmai.us/{kind}/{folder}/{file}");
    let original = cdn("original", &format!("{md5}.{extension}"));
    // One image in one size only, so that there is no lighter one to fall back to.
    let single = post.trouble == Trouble::ImageTooBig;
    let sample = if single { original.clone() } else { cdn("sample", &format!("sample-{md5}.jpg")) };
    let variant = |kind: &str, url: &str| json!({ "type": kind, "url": url, "width": width, "height": height, "file_ext": "jpg" });
    let mut variants = vec![variant("original", &original)];
    if !single {
        variants.insert(0, variant("sample", &sample));
        variants.insert(0, variant("720x720", &cdn("720x720", &format!("{md5}.jpg"))));
    }
    json!({
        "id": post.id,
        "created_at": post.published.to_rfc3339().replace('Z', ".000+00:00"),
        "uploader_id": 1,
        "score": 3,
        "source": post.source,
        "md5": md5,
        "rating": "g",
        "image_width": width,
        "image_height": height,
        "tag_string": tags_of(post),
        "file_ext": extension,
        "parent_id": null,
        "has_children": false,
        "file_size": if post.trouble == Trouble::None { 120_000 } else { TOO_BIG_BYTES },
        "is_pending": false,
        "is_deleted": false,
        "is_banned": false,
        "pixiv_id": null,
        "has_large": !single,
        "tag_string_general": "1other",
        "tag_string_character": "",
        "tag_string_copyright": "original",
        "tag_string_artist": post.artist,
        "tag_string_meta": "",
        "file_url": original,
        "large_file_url": sample,
        "preview_file_url": cdn("180x180", &format!("{md5}.jpg")),
        "media_asset": { "id": post.id, "md5": md5, "file_ext": extension, "image_width": width, "image_height": height, "variants": variants },
    })
}

/// `urls` is given only to who asks for it with `only=`, as the site does.
fn artist_json(artist: &Member, call: &Call) -> Value {
    let mut value = json!({
        "id": artist.id,
        "created_at": "2021-01-01T00:00:00.000-05:00",
        "updated_at": "2024-01-01T00:00:00.000-05:00",
        "name": artist.name,
        "is_deleted": false,
        "is_banned": false,
        "group_name": "",
        "other_names": [],
    });
    if call.parameter("only").is_some_and(|fields| fields.contains("urls")) {
        value["urls"] = Value::Array(urls_json(artist));
    }
    value
}

fn urls_json(artist: &Member) -> Vec<Value> {
    let alive = artist.links.iter().map(|url| (url, true));
    let urls = alive.chain(artist.dead_links.iter().map(|url| (url, false))).enumerate();
    urls.map(|(index, (url, is_active))| {
        json!({ "id": artist.id * 10 + index as u64, "artist_id": artist.id, "url": url, "is_active": is_active })
    })
    .collect()
}

/// Keeps the fields named in `only=a,b[c]`, where it is given.
fn only(call: &Call, mut value: Value) -> Value {
    if let (Some(fields), Some(object)) = (call.parameter("only"), value.as_object_mut()) {
        let wanted: Vec<&str> =
            fields.split(',').map(|field| field.split('[').next().unwrap_or(field)).collect();
        object.retain(|key, _| wanted.contains(&key.as_str()));
    }
    value
}

fn missing() -> Answer {
    Answer::json(
        404,
        &json!({
            "success": false,
            "error": "ActiveRecord::RecordNotFound",
            "message": "That record was not found.",
            "backtrace": [],
        }),
    )
}
