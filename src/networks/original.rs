//! Other ways to an image than the listing that named it: another place, for when the one that its network
//! named does not have it; or its place, by its name alone. Needs no credential.

use url::Url;

use super::bluesky::{embed, original};
use super::twitter::media;
use crate::base::ids::{AccountKey, Network};
use crate::config::Settings;
use crate::domain::posts::ListedImage;
use crate::fetch::{Fetch, FetchError, Request, Response};

/// Fetches the image from where its network keeps the file itself: on the account's own server (Bluesky), or
/// in its original size (Mastodon, Misskey). `None` where there is no such place.
pub fn fetch_original(
    network: Network,
    image: &ListedImage,
    fetch: &dyn Fetch,
    max_bytes: u64,
) -> Option<Result<Response, FetchError>> {
    let url = match network {
        Network::Twitter => None,
        Network::Bluesky => original::original(&image.url, fetch),
        Network::Mastodon | Network::Misskey => {
            Some(&image.name).filter(|name| **name != image.url).and_then(|name| Url::parse(name).ok())
        }
    }?;
    Some(fetch.fetch(Request::get(url).max_bytes(max_bytes)))
}

/// The image that a listing of this account called so, in the size that the settings ask for. `None` where
/// the name is none of its network's. Asks nobody.
pub fn image_called(name: &str, account: &AccountKey, settings: &Settings) -> Option<ListedImage> {
    match account.network {
        Network::Twitter => {
            media::image(&format!("https://pbs.twimg.com/media/{name}"), &settings.twitter.image_size)
                .filter(|image| image.name == name)
        }
        Network::Bluesky => embed::image_called(name, &account.native, settings.bluesky.is_full_size()),
        // The name is the place of the original.
        Network::Mastodon | Network::Misskey => {
            let url = Url::parse(name).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
            Some(ListedImage::new(name, url))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_where_their_names_say() {
        let settings = Settings::default();
        let check = |network, native: &str, name: &str, expect: Option<&str>| {
            let found = image_called(name, &AccountKey::new(network, native), &settings);
            assert_eq!(found.as_ref().map(|image| image.url.as_str()), expect, "{name}");
            assert!(found.is_none_or(|image| image.name == name));
        };
        let small = "https://pbs.twimg.com/media/E_46ur4VkAEswOJ?format=jpg&name=small";
        check(Network::Twitter, "1", "E_46ur4VkAEswOJ.jpg", Some(small));
        for name in ["E_46ur4VkAEswOJ", "", "../../x.jpg", "a/b.jpg", "a.jpg?x=1", "//host/media/a.jpg"] {
            check(Network::Twitter, "1", name, None);
        }
        let file = "bafkreibq6lxmxhy3sfn2gkmwrxrtbkm3phkhpgwbc2eb5nuqihyh3a7zfi";
        let full = format!("https://cdn.bsky.app/img/feed_fullsize/plain/did:plc:aaaa/{file}@jpeg");
        check(Network::Bluesky, "did:plc:aaaa", file, Some(&full));
        check(
            Network::Bluesky,
            "did:plc:aaaa",
            "https://other.example/a.jpg",
            Some("https://other.example/a.jpg"),
        );
        for name in ["", "../x", "file:///etc/passwd"] {
            check(Network::Bluesky, "did:plc:aaaa", name, None);
        }
        let original = "https://files.example/media/original/1.png";
        check(Network::Mastodon, "https://a.example/users/b", original, Some(original));
        check(Network::Mastodon, "https://a.example/users/b", "1.png", None);
    }
}
