//! Which images of a post are its author's, and where they are. Pure.

use serde_json::Value;
use url::Url;

use crate::domain::posts::{ListedImage, Place};
use crate::networks::delivery::{MAX_ADDRESS_BYTES, places_within_bounds};

/// The attachments of a post in its own order, of which each has its place, whether it is an image or not. A
/// quoted post's images are not the author's, the picture of a link or of a video is no artwork.
pub fn places(embed: &Value, did: &str, full_size: bool) -> Vec<Place> {
    let place = |view| image(view, did, full_size).map_or(Place::Other, Place::Image);
    places_within_bounds(views(embed).into_iter().map(place)).collect()
}

fn views(embed: &Value) -> Vec<&Value> {
    let list = |name: &str| embed.get(name).and_then(Value::as_array).into_iter().flatten().collect();
    match kind(embed) {
        Some("app.bsky.embed.images#view") => list("images"),
        Some("app.bsky.embed.gallery#view") => list("items"),
        // A quote with images of its own. They cannot be another such pair.
        Some("app.bsky.embed.recordWithMedia#view") => match embed.get("media") {
            Some(media) if kind(media) != kind(embed) => views(media),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Whether a post with this embed, as its author's server has it, has attachments that `places` may find
/// images in.
pub fn may_have_images(embed: &Value) -> bool {
    let media = match kind(embed) {
        Some("app.bsky.embed.recordWithMedia") => embed.get("media").and_then(kind),
        kind => kind,
    };
    matches!(media, Some("app.bsky.embed.images" | "app.bsky.embed.gallery"))
}

fn kind(value: &Value) -> Option<&str> {
    value.get("$type").and_then(Value::as_str)
}

fn image(view: &Value, did: &str, full_size: bool) -> Option<ListedImage> {
    // A gallery may come to hold other things than images.
    if kind(view).is_some_and(|kind| !kind.ends_with("#viewImage")) {
        return None;
    }
    let address = |name: &str| view.get(name).and_then(Value::as_str);
    let full = address("fullsize")?;
    // `thumb` in the older kind, `thumbnail` in the newer.
    let small = address("thumb").or_else(|| address("thumbnail")).unwrap_or(full);
    let url = if full_size { full } else { small };
    if url.len().max(full.len()) > MAX_ADDRESS_BYTES || Url::parse(url).is_err() {
        return None;
    }
    let name = match file_of(full) {
        Some((owner, _)) if owner != did => return None,
        Some((_, file)) => file,
        None => full.to_owned(),
    };
    Some(ListedImage::new(name, url))
}

/// The account and the file behind `https://cdn.bsky.app/img/{preset}/plain/{did}/{cid}@jpeg`; `None` for
/// addresses of another form. Any AppView's: they run the same software, which may leave `@jpeg` away.
pub fn file_of(url: &str) -> Option<(String, String)> {
    let url = Url::parse(url).ok()?;
    let segments: Vec<&str> = url.path_segments()?.collect();
    let ["img", _, "plain", did, file] = segments.as_slice() else { return None };
    let cid = file.split('@').next()?;
    let is_cid = (10..=200).contains(&cid.len()) && cid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (did.starts_with("did:") && is_cid).then(|| ((*did).to_owned(), cid.to_owned()))
}

/// The image that `images` called so. `None` where it would have called none so.
pub fn image_called(name: &str, did: &str, full_size: bool) -> Option<ListedImage> {
    let preset = if full_size { "feed_fullsize" } else { "feed_thumbnail" };
    let url = format!("https://cdn.bsky.app/img/{preset}/plain/{did}/{name}@jpeg");
    if file_of(&url).is_some_and(|(owner, file)| owner == did && file == name) {
        return Some(ListedImage::new(name, url));
    }
    let url = Url::parse(name).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(ListedImage::new(name, url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{Network, PostKey};
    use crate::domain::posts::ListedPost;
    use serde_json::json;

    const DID: &str = "did:plc:aaaa";

    fn address(preset: &str, name: &str) -> String {
        format!("https://cdn.bsky.app/img/{preset}/plain/{DID}/bafkrei{name}@jpeg")
    }

    fn old(name: &str) -> Value {
        json!({"thumb": address("feed_thumbnail", name), "fullsize": address("feed_fullsize", name), "alt": ""})
    }

    fn new(name: &str) -> Value {
        json!({"$type": "app.bsky.embed.gallery#viewImage", "thumbnail": address("feed_thumbnail", name),
            "fullsize": address("feed_fullsize", name), "alt": "", "aspectRatio": {"width": 1, "height": 1}})
    }

    /// As they stand in the post.
    fn images(embed: &Value, did: &str, full_size: bool) -> Vec<ListedImage> {
        let key = PostKey::new(Network::Bluesky, "p");
        ListedPost::of(key, None, places(embed, did, full_size)).map(|post| post.images).unwrap_or_default()
    }

    #[track_caller]
    fn check(embed: &Value, expect: &[&str]) {
        let found: Vec<String> = images(embed, DID, true).into_iter().map(|image| image.name).collect();
        let expect: Vec<String> = expect.iter().map(|name| format!("bafkrei{name}")).collect();
        assert_eq!(found, expect, "{embed:#}");
    }

    #[test]
    fn every_kind_of_embed() {
        let images_view = json!({"$type": "app.bsky.embed.images#view", "images": [old("a01"), old("b02")]});
        check(&images_view, &["a01", "b02"]);
        let gallery = json!({"$type": "app.bsky.embed.gallery#view", "items":
            (0..20).map(|n| new(&format!("g{n:02}"))).collect::<Vec<_>>()});
        assert_eq!(images(&gallery, DID, true).len(), 20);
        let mixed = json!({"$type": "app.bsky.embed.gallery#view",
            "items": [new("a01"), {"$type": "app.bsky.embed.gallery#viewVideo"}, new("b02")]});
        check(&mixed, &["a01", "b02"]);
        let positions: Vec<u8> = images(&mixed, DID, true).iter().map(|image| image.position).collect();
        assert_eq!(positions, [1, 3], "a video has its place");
        let quoted =
            json!({"$type": "app.bsky.embed.record#view", "record": {"embeds": [images_view.clone()]}});
        check(&quoted, &[]);
        let both =
            json!({"$type": "app.bsky.embed.recordWithMedia#view", "record": quoted, "media": gallery});
        assert_eq!(images(&both, DID, true).len(), 20);
        let endless = json!({"$type": "app.bsky.embed.recordWithMedia#view", "media": both});
        check(&endless, &[]);
        check(&json!({"$type": "app.bsky.embed.video#view", "thumbnail": address("x", "a01")}), &[]);
        check(&json!({"$type": "app.bsky.embed.external#view", "external": {"thumb": "u"}}), &[]);
        check(
            &json!({"$type": "app.bsky.embed.images#view", "images": [{"alt": ""}, null, 7, old("a01")]}),
            &["a01"],
        );
        check(&json!("nonsense"), &[]);
    }

    #[test]
    fn sizes_and_names() {
        let embed = json!({"$type": "app.bsky.embed.images#view", "images": [old("a01")]});
        assert_eq!(images(&embed, DID, true)[0].url, address("feed_fullsize", "a01"));
        assert_eq!(images(&embed, DID, false)[0].url, address("feed_thumbnail", "a01"));
        assert!(images(&embed, "did:plc:other", true).is_empty(), "another account's file");
        let elsewhere = json!({"$type": "app.bsky.embed.images#view",
            "images": [{"fullsize": "https://cdn.example/x.jpg", "alt": ""}, {"fullsize": "nonsense", "alt": ""}]});
        let found = images(&elsewhere, DID, false);
        assert_eq!((found.len(), found[0].name.as_str()), (1, "https://cdn.example/x.jpg"));
    }
}
