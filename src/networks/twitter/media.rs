//! Which images of a post are the artist's own, and where they are. Pure.

use url::Url;

use super::wire::{Media, Post, UrlEntity};
use crate::domain::posts::ListedImage;

/// The photos of `post` in its own order, in the given size. Videos, animated images and their posters
/// are left out, and so is media that first stood in another account's post: it is not the artist's.
pub fn photos(post: &Post, media: &[Media], handle: &str, size: &str) -> Vec<ListedImage> {
    let keys = post.attachments.as_ref().and_then(|attachments| attachments.media_keys.as_deref());
    let keys = keys.unwrap_or_default();
    let others = keys_of_others(post, keys, handle);
    keys.iter()
        .filter(|key| !others.contains(&key.as_str()))
        .filter_map(|key| media.iter().find(|media| media.media_key.as_deref() == Some(key.as_str())))
        .filter(|media| media.r#type.as_deref() == Some("photo"))
        .filter_map(|media| image(media.url.as_deref()?, size))
        .collect()
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
    Some(ListedImage {
        name: format!("{stem}.{format}"),
        url: format!("https://{host}/media/{stem}?format={format}&name={size}"),
    })
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
        let found: Vec<_> =
            photos(&post, &media, "artist", "small").into_iter().map(|image| image.name).collect();
        assert_eq!(found, expect);
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
            &["n3_1.jpg", "n3_2.jpg"],
        );
    }

    #[test]
    fn posts_without_media_have_none() {
        check_photos(r#"{"id":"9"}"#, &[]);
        check_photos(r#"{"id":"9","attachments":{"media_keys":null,"poll_ids":["1"]}}"#, &[]);
        check_photos(r#"{"id":"9","attachments":{"media_keys":["3_99"]}}"#, &[]);
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
        check_photos(&post_with_entity(other), &["n3_2.jpg"]);
        let unnamed = r#"{"expanded_url":"https://x.com/someone/status/5/photo/1"}"#;
        check_photos(&post_with_entity(unnamed), &[]);
        let one_of_two = r#"{"expanded_url":"https://x.com/artist/status/9/photo/1"},
            {"expanded_url":"https://x.com/someone/status/5/photo/1"}"#;
        check_photos(&post_with_entity(one_of_two), &["n3_1.jpg"]);
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
