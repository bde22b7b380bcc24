//! Which images of a post are the artist's own, where they stand in it, and where they are. Pure.

use url::Url;

use super::wire::{Media, Post, UrlEntity};
use crate::domain::posts::{ListedImage, Place};
use crate::networks::delivery::places_within_bounds;

/// The attachments of `post` in its own order, its photos in the given size. Videos, animated images and
/// their posters are nothing to index, and neither is media that first stood in another account's post: it is
/// not the artist's. The post's own list counts, not what X expanded of it: an answer may lack some.
pub fn attached(post: &Post, media: &[Media], handle: &str, size: &str) -> Vec<Place> {
    let keys = post.media_keys();
    let others = keys_of_others(post, keys, handle);
    // Media that was asked for again stands there twice.
    let of_key = |key: &String| {
        let all = || media.iter().filter(|media| media.media_key.as_ref() == Some(key));
        all().find(|media| media.url.is_some()).or_else(|| all().next())
    };
    let place = |key: &String| match of_key(key) {
        _ if others.contains(&key.as_str()) => Place::Other,
        Some(media) => place_of(media, key, size),
        None if is_photo(key) => Place::Missing,
        None => Place::Other,
    };
    places_within_bounds(keys.iter().map(place)).collect()
}

fn place_of(media: &Media, key: &str, size: &str) -> Place {
    let is_photo = media.r#type.as_deref().map_or_else(|| is_photo(key), |kind| kind == "photo");
    match media.url.as_deref().filter(|_| is_photo) {
        Some(url) => image(url, size).map_or(Place::Other, Place::Image),
        None if is_photo => Place::Missing,
        None => Place::Other,
    }
}

/// By its key alone, whose first number is the kind: 3 is a photo, 7 and 13 are videos, 16 an animated image.
fn is_photo(key: &str) -> bool {
    !matches!(key.split('_').next(), Some("7" | "13" | "16"))
}

/// Those of the post's `keys` that were first attached to another account's post. The text of a post ends
/// in one link per attached item, in their order; newer answers also name its key.
fn keys_of_others<'a>(post: &'a Post, keys: &'a [String], handle: &str) -> Vec<&'a str> {
    let urls = post.entities.as_ref().and_then(|entities| entities.urls.as_deref()).unwrap_or_default();
    let links: Vec<_> = urls.iter().filter_map(|entity| Some((entity, media_link(entity)?))).collect();
    let is_others = |link: &MediaLink| {
        // An artist who attaches an old image again, or was renamed since, still has either the handle
        // or the post.
        let this_post = link.post == post.id || post.versions().contains(&link.post);
        !this_post && !link.handle.eq_ignore_ascii_case(handle)
    };
    let same_count = links.len() == keys.len();
    links
        .iter()
        .enumerate()
        .filter(|(_, (_, link))| is_others(link))
        .flat_map(|(position, (entity, _))| match entity.media_key.as_deref() {
            Some(key) => vec![key],
            None if same_count => vec![keys[position].as_str()],
            // One link for all of them.
            None => keys.iter().map(String::as_str).collect(),
        })
        .collect()
}

/// The page that shows an attached item: whose post it was first attached to.
struct MediaLink {
    handle: String,
    post: String,
}

/// Reads `https://x.com/{handle}/status/{id}/photo/1`; `None` for links to anything else.
fn media_link(entity: &UrlEntity) -> Option<MediaLink> {
    let url: Url = entity.expanded_url.as_deref()?.parse().ok()?;
    if !matches!(url.host_str()?, "x.com" | "twitter.com" | "www.x.com" | "www.twitter.com") {
        return None;
    }
    let segments: Vec<&str> = url.path_segments()?.collect();
    match segments.as_slice() {
        [handle, "status", post, "photo" | "video", ..] => {
            Some(MediaLink { handle: (*handle).to_owned(), post: (*post).to_owned() })
        }
        _ => None,
    }
}

/// The image behind a photo's URL, `https://pbs.twimg.com/media/{name}.jpg` or
/// `.../media/{name}?format=jpg&name=orig`. `None` for posters and banners, which lie elsewhere.
pub fn image(url: &str, size: &str) -> Option<ListedImage> {
    let url: Url = url.parse().ok()?;
    let host = url.host_str()?;
    let file = url.path().strip_prefix("/media/")?;
    // The legacy form names the size behind a colon: `{name}.jpg:orig`.
    let file = file.split(':').next()?;
    let (stem, format) = match file.rsplit_once('.') {
        Some((stem, format)) => (stem, format.to_owned()),
        None => (file, url.query_pairs().find(|(key, _)| key == "format")?.1.into_owned()),
    };
    if stem.is_empty() || stem.contains('/') {
        return None;
    }
    let url = format!("https://{host}/media/{stem}?format={format}&name={size}");
    Some(ListedImage::new(format!("{stem}.{format}"), url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_image(url: &str, expect: Option<(&str, &str)>) {
        let found = image(url, "small");
        let found = found.as_ref().map(|image| (image.name.as_str(), image.url.as_str()));
        assert_eq!(found, expect, "{url}");
    }

    #[test]
    fn image_urls() {
        let small = "https://pbs.twimg.com/media/E_46ur4VkAEswOJ?format=jpg&name=small";
        check_image("https://pbs.twimg.com/media/E_46ur4VkAEswOJ.jpg", Some(("E_46ur4VkAEswOJ.jpg", small)));
        check_image(
            "http://pbs.twimg.com/media/E_46ur4VkAEswOJ.jpg:orig",
            Some(("E_46ur4VkAEswOJ.jpg", small)),
        );
        let query = "https://pbs.twimg.com/media/E_46ur4VkAEswOJ?format=png&name=orig";
        let png = "https://pbs.twimg.com/media/E_46ur4VkAEswOJ?format=png&name=small";
        check_image(query, Some(("E_46ur4VkAEswOJ.png", png)));
        check_image("https://pbs.twimg.com/media/E_46ur4VkAEswOJ", None);
        check_image("https://pbs.twimg.com/ext_tw_video_thumb/1/pu/img/66P2.jpg", None);
        check_image("https://pbs.twimg.com/media/", None);
        check_image("nonsense", None);
    }

    #[track_caller]
    fn check_photos(post: &str, expect: &[&str]) {
        let post: Post = serde_json::from_str(post).unwrap();
        let media: Vec<Media> = ["3_1", "3_2", "3_3", "7_4", "16_5"]
            .iter()
            .map(|key| Media {
                media_key: Some((*key).to_owned()),
                r#type: Some(match key.split('_').next() {
                    Some("3") => "photo".to_owned(),
                    Some("7") => "video".to_owned(),
                    _ => "animated_gif".to_owned(),
                }),
                url: key.starts_with("3_").then(|| format!("https://pbs.twimg.com/media/n{key}.jpg")),
            })
            .collect();
        let places = attached(&post, &media, "artist", "small");
        let name = |place| match place {
            Place::Image(image) => image.name,
            Place::Other => "-".to_owned(),
            Place::Missing => "?".to_owned(),
        };
        assert_eq!(places.into_iter().map(name).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn photos_come_in_the_order_of_the_post() {
        check_photos(
            r#"{"id":"9","attachments":{"media_keys":["3_2","3_1","3_3"]}}"#,
            &["n3_2.jpg", "n3_1.jpg", "n3_3.jpg"],
        );
    }

    #[test]
    fn mixed_posts_keep_their_photos() {
        check_photos(
            r#"{"id":"9","attachments":{"media_keys":["7_4","3_1","16_5","3_2"]}}"#,
            &["-", "n3_1.jpg", "-", "n3_2.jpg"],
        );
    }

    #[test]
    fn what_x_did_not_expand_keeps_its_place() {
        // 3_98 and 3_99 are photos by their keys, 7_97 is a video; nothing is known of the kind "x".
        check_photos(
            r#"{"id":"9","attachments":{"media_keys":["3_98","3_1","7_97","3_99","x"]}}"#,
            &["?", "n3_1.jpg", "-", "?", "?"],
        );
        let post: Post =
            serde_json::from_str(r#"{"id":"9","attachments":{"media_keys":["3_1","3_2","16_3"]}}"#).unwrap();
        let bare = |key: &str, kind: Option<&str>| Media {
            media_key: Some(key.to_owned()),
            r#type: kind.map(str::to_owned),
            url: None,
        };
        let media = [bare("3_1", Some("photo")), bare("3_2", None), bare("16_3", None)];
        let places = attached(&post, &media, "artist", "small");
        assert_eq!(places, [Place::Missing, Place::Missing, Place::Other], "named, and without an address");
    }

    #[test]
    fn posts_without_media_have_none() {
        check_photos(r#"{"id":"9"}"#, &[]);
        check_photos(r#"{"id":"9","attachments":{"media_keys":null,"poll_ids":["1"]}}"#, &[]);
    }

    fn post_with_entity(entity: &str) -> String {
        format!(
            r#"{{"id":"9","attachments":{{"media_keys":["3_1","3_2"]}},"edit_history_tweet_ids":["8","9"],
            "entities":{{"urls":[{{"expanded_url":"https://example.com/"}},{entity}]}}}}"#
        )
    }

    #[test]
    fn media_of_another_accounts_post_is_dropped() {
        let other = r#"{"expanded_url":"https://twitter.com/someone/status/5/photo/1","media_key":"3_1"}"#;
        check_photos(&post_with_entity(other), &["-", "n3_2.jpg"]);
        let unnamed = r#"{"expanded_url":"https://x.com/someone/status/5/photo/1"}"#;
        check_photos(&post_with_entity(unnamed), &["-", "-"]);
        let one_of_two = r#"{"expanded_url":"https://x.com/artist/status/9/photo/1"},
            {"expanded_url":"https://x.com/someone/status/5/photo/1"}"#;
        check_photos(&post_with_entity(one_of_two), &["n3_1.jpg", "-"]);
    }

    #[test]
    fn media_of_own_posts_is_kept() {
        for url in [
            "https://twitter.com/artist/status/9/photo/1",
            "https://x.com/Artist/status/5/photo/1",
            "https://twitter.com/formername/status/9/photo/1",
            "https://twitter.com/formername/status/8/photo/1",
            "https://twitter.com/someone/status/5",
        ] {
            let entity = format!(r#"{{"expanded_url":"{url}","media_key":"3_1"}}"#);
            check_photos(&post_with_entity(&entity), &["n3_1.jpg", "n3_2.jpg"]);
        }
    }
}
