//! One post of such a server. Pure.

use super::wire::{Medium, Status};
use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::domain::posts::{ListedPost, Place, snowflake_time};
use crate::networks::delivery::places_within_bounds;
use crate::networks::twitter::media::image;

/// `None` where it has no photos. The list of all media has their order; without it, photos stand alone.
pub(super) fn listed_post(status: Status, size: &str) -> Option<ListedPost> {
    let published = published(&status);
    let media = status.media.unwrap_or_default();
    let attached = if media.all.is_empty() { media.photos } else { media.all };
    let place = |medium: Medium| match (medium.r#type.as_deref(), medium.url.as_deref()) {
        (None | Some("photo"), Some(url)) => image(url, size).map_or(Place::Other, Place::Image),
        (Some("photo"), None) => Place::Missing,
        _ => Place::Other,
    };
    let key = PostKey::new(Network::Twitter, status.id);
    ListedPost::of(key, published, places_within_bounds(attached.into_iter().map(place)))
}

/// By its own word, else by its number. A date to come would hide everything that is posted until then.
pub(super) fn published(status: &Status) -> Option<Timestamp> {
    let stated = status.created_timestamp.map(Timestamp::from_secs);
    stated.or_else(|| snowflake_time(&status.id)).map(|moment| moment.min(Timestamp::now()))
}

/// X's own grammar, with some room.
pub(super) fn is_handle(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
