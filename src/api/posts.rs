//! The posts of an answer: on any network, and once more under the names that the original's clients know.

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ids::{Network, PostKey};
use crate::domain::addresses::{image_url, post_url, thumbnail_url};
use crate::domain::images::{MatchClass, Variant};
use crate::domain::parts::PartMatch;
use crate::proto::view::ResultView;

/// An image of a post on any network.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PostAnswer {
    pub network: Network,
    /// Stable: the number on X, the `at://` URI on Bluesky, the post's URI on Mastodon and Misskey.
    pub id: String,
    pub account_id: String,
    /// `null` where the query does not know the account's name.
    pub handle: Option<String>,
    pub url: String,
    /// Empty where the server is public, and so is the next.
    pub image_url: String,
    pub thumbnail_url: String,
    /// `1/4`: the first of four images.
    pub image_position: String,
    /// Bits, 0 = identical.
    pub distance: u32,
    /// Which form of the artwork matched.
    pub variant: Variant,
    /// What the image is to the artwork.
    pub class: MatchClass,
    /// Of the second stage, in bits of 256; `null` where the distance alone decided the class.
    pub distance256: Option<u16>,
    /// Mean difference of the colors, in levels of 255; `null` with the one above.
    pub thumbnail_difference: Option<f64>,
    /// What it shares with the artwork, where that was looked for and is not all of either; else `null`.
    pub part: Option<PartAnswer>,
    /// When it was posted, RFC 3339.
    pub published: Option<String>,
    /// Of the copies found, this one was posted first.
    pub earliest: bool,
    /// A person said that it shows the artwork, whatever its class.
    pub said_same: bool,
}

// A post on Twitter/X under the names of the original's API. Without a doc comment: the description has none.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ResultAnswer {
    pub tweet_id: String,
    pub account_id: String,
    /// `1/4`: the first of four images.
    pub image_position: String,
    /// Bits, 0 = identical.
    pub distance: u32,
    /// `null` where the query does not know the account's name.
    pub account_name: Option<String>,
    /// Where the post is: `twitter`.
    #[schema(value_type = Network)]
    pub network: &'static str,
    /// The post's page.
    pub url: String,
    /// The posted image, and a small form of it (the same where its host has none).
    pub image_url: String,
    pub thumbnail_url: String,
    /// Which form of the artwork matched.
    pub variant: Variant,
    /// What the image is to the artwork.
    pub class: MatchClass,
    /// Of the second stage, in bits of 256; `null` where the distance alone decided the class.
    pub distance256: Option<u16>,
    /// Mean difference of the colors, in levels of 255; `null` with the one above.
    pub thumbnail_difference: Option<f64>,
    /// What it shares with the artwork, where that was looked for and is not all of either; else `null`.
    pub part: Option<PartAnswer>,
    /// When it was posted, RFC 3339.
    pub published: Option<String>,
}

/// A part that a posted image shares with the artwork.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PartAnswer {
    /// Details that agree on one place, scale and turn.
    pub keypoints: u16,
    /// Of the shared part, how much looks alike, 0 to 1.
    pub agreement: f64,
    /// The artwork had to be mirrored to find it.
    pub mirrored: bool,
    /// The artwork's colors had to be inverted to find it.
    pub inverted: bool,
    /// Where it is in the artwork: the corners top left, top right, bottom right and bottom left of the part
    /// as the post shows it, each as x and y, parts of the width and of the height. A corner may lie outside.
    pub in_artwork: [[f64; 2]; 4],
    /// The same corners in the post's image.
    pub in_post: [[f64; 2]; 4],
}

impl From<&PartMatch> for PartAnswer {
    fn from(part: &PartMatch) -> PartAnswer {
        let PartMatch { keypoints, agreement, mirrored, inverted, in_query, in_stored } = part;
        PartAnswer {
            keypoints: *keypoints,
            agreement: f64::from(*agreement) / 100.0,
            mirrored: *mirrored,
            inverted: *inverted,
            in_artwork: in_query.corners(),
            in_post: in_stored.corners(),
        }
    }
}

/// The answers for what was found; the earliest copy is marked.
pub fn posts(results: &[ResultView]) -> Vec<PostAnswer> {
    let earliest = earliest(results);
    let answer = |result: &ResultView| PostAnswer {
        earliest: Some(&result.post) == earliest,
        ..PostAnswer::from(result)
    };
    results.iter().map(answer).collect()
}

/// The answers for what only resembles the artwork: none of these is a copy, so none is the earliest.
pub fn similar_posts(results: &[ResultView]) -> Vec<PostAnswer> {
    results.iter().map(PostAnswer::from).collect()
}

/// The post among these that was published first; `None` where no date is known. What only resembles the
/// artwork, or shares a part with it, is no copy of it.
pub fn earliest(results: &[ResultView]) -> Option<&PostKey> {
    let copies = results.iter().filter(|result| result.said_same || result.class.is_copy());
    let dated = copies.filter_map(|result| Some((result.published?, &result.post)));
    dated.min_by_key(|(published, _)| *published).map(|(_, post)| post)
}

/// A post by itself. `earliest` is false: only a comparison with the others can tell.
impl From<&ResultView> for PostAnswer {
    fn from(result: &ResultView) -> PostAnswer {
        let image_url = match result.image_name.as_str() {
            "" => String::new(),
            name => image_url(&result.account, name),
        };
        PostAnswer {
            network: result.post.network,
            id: result.post.native.clone(),
            account_id: result.account.native.clone(),
            handle: result.handle.clone(),
            url: post_url(&result.post, result.handle.as_deref()),
            thumbnail_url: if image_url.is_empty() { String::new() } else { thumbnail_url(&image_url) },
            image_url,
            image_position: format!("{}/{}", result.position, result.count),
            distance: result.distance,
            variant: result.variant,
            class: result.class,
            distance256: result.second_stage.map(|numbers| numbers.distance256),
            thumbnail_difference: result
                .second_stage
                .map(|numbers| f64::from(numbers.thumbnail_centilevels) / 100.0),
            part: result.part.as_ref().map(PartAnswer::from),
            published: result.published.map(|moment| moment.to_rfc3339()),
            earliest: false,
            said_same: result.said_same,
        }
    }
}

impl ResultAnswer {
    /// Those of the posts that are on Twitter/X, in the same order.
    pub fn on_twitter(posts: &[PostAnswer]) -> Vec<ResultAnswer> {
        let on_twitter = posts.iter().filter(|post| post.network == Network::Twitter);
        on_twitter.cloned().map(ResultAnswer::of_tweet).collect()
    }

    fn of_tweet(post: PostAnswer) -> ResultAnswer {
        ResultAnswer {
            tweet_id: post.id,
            account_id: post.account_id,
            image_position: post.image_position,
            distance: post.distance,
            account_name: post.handle,
            network: post.network.as_str(),
            url: post.url,
            image_url: post.image_url,
            thumbnail_url: post.thumbnail_url,
            variant: post.variant,
            class: post.class,
            distance256: post.distance256,
            thumbnail_difference: post.thumbnail_difference,
            part: post.part,
            published: post.published,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_view;

    #[test]
    fn the_earliest_copy_is_told() {
        let check = |copies: &[(Option<i64>, MatchClass)], expect: Option<usize>| {
            let template = sample_view().results[0].clone();
            let results: Vec<ResultView> = copies
                .iter()
                .enumerate()
                .map(|(index, (published, class))| ResultView {
                    post: PostKey::new(Network::ALL[index % 3], index.to_string()),
                    published: published.map(crate::base::Timestamp),
                    class: *class,
                    ..template.clone()
                })
                .collect();
            let marked: Vec<usize> = posts(&results)
                .iter()
                .enumerate()
                .filter(|(_, post)| post.earliest)
                .map(|(n, _)| n)
                .collect();
            assert_eq!(marked, Vec::from_iter(expect), "{copies:?}");
        };
        let copy = MatchClass::Recompressed;
        check(&[(Some(5), copy), (Some(3), copy), (Some(4), copy)], Some(1));
        for class in [MatchClass::InsideAnother, MatchClass::PartInCommon, MatchClass::Similar] {
            check(&[(Some(5), copy), (Some(3), class)], Some(0));
        }
        check(&[(None, copy), (Some(3), copy)], Some(1));
        check(&[(None, copy)], None);
        check(&[], None);
    }
}
