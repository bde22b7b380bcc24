//! How a page of a listing is handed over: in pieces that fit into messages between processes, each post
//! within its own bound.

use std::ops::ControlFlow;

use super::client::Turns;
use super::error::NetworkError;
use crate::domain::posts::{ListedImage, ListedPost, Place};
use crate::domain::scans::Hold;

/// Posts in one piece, so that it fits into one message between processes.
pub(super) const MAX_POSTS_PER_PIECE: usize = 50;

/// Of one piece, by `weight`; a message holds half as much again.
const MAX_PIECE_BYTES: usize = 40 * 1024;

/// Of one post's images, by `weight`: a post with all its images is one message. Twenty images, each at two
/// addresses of 600 bytes.
const MAX_POST_BYTES: usize = 24 * 1024;

/// Of an image's address: what browsers and proxies take. A file on a signed storage, or with a Japanese name
/// in its address, takes 250 to 1200.
pub(super) const MAX_ADDRESS_BYTES: usize = 2048;

/// Of one post, whatever its network allows (Bluesky 20, Mastodon 4, its relatives a few more).
pub(super) const MAX_IMAGES: usize = 20;

/// Of the place where a listing goes on; names of pages take a few dozen, as do the reader's notes.
pub(super) const MAX_PLACE_BYTES: usize = 8 * 1024;

/// Bytes of an image in a message.
fn weight(image: &ListedImage) -> usize {
    image.name.len() + image.url.len() + 8
}

/// The attachments of a post, of which only as many images are to be indexed as one post may have; the others
/// keep their places. What a stranger's server names is bounded here; what that leaves out is said in the
/// log.
pub(super) fn places_within_bounds(attached: impl Iterator<Item = Place>) -> impl Iterator<Item = Place> {
    let (mut images, mut bytes, mut told) = (0, 0, false);
    attached.map(move |place| match place {
        Place::Image(image) => {
            images += 1;
            bytes += weight(&image);
            if images <= MAX_IMAGES && bytes <= MAX_POST_BYTES {
                return Place::Image(image);
            }
            if !told {
                tracing::warn!(first_left_out = image.name, "a post has more images than can be kept of one");
                told = true;
            }
            Place::Other
        }
        other => other,
    })
}

/// Hands the posts of one page over in pieces; a page without posts is one call without posts. The listing
/// can be left, as `hold` says, behind the last piece alone.
///
/// # Errors
/// `Stopping` when the receiver wants no more, or wants the listing to be left.
pub(super) fn deliver_in_turns(
    posts: Vec<ListedPost>,
    hold: Hold,
    turns: &mut dyn Turns,
) -> Result<(), NetworkError> {
    let mut hand_over = |piece, hold| match turns.take(piece, hold) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(NetworkError::Stopping),
    };
    let within = match hold {
        Hold::Never | Hold::At(_) => Hold::Never,
        Hold::Here => Hold::Here,
    };
    let mut piece = Vec::new();
    let mut bytes = 0;
    for post in posts {
        let weight = 100 + post.key.native.len() + post.images.iter().map(weight).sum::<usize>();
        if piece.len() >= MAX_POSTS_PER_PIECE || bytes + weight > MAX_PIECE_BYTES && !piece.is_empty() {
            hand_over(std::mem::take(&mut piece), within.clone())?;
            bytes = 0;
        }
        bytes += weight;
        piece.push(post);
    }
    hand_over(piece, hold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{LeaseId, Network, PostKey};
    use crate::domain::scans::ListingPlace;
    use crate::networks::client::Whole;
    use crate::proto::MAX_MESSAGE_BYTES;
    use crate::proto::stage::StageToBroker;

    fn post(images: usize, url_bytes: usize) -> ListedPost {
        let image = ListedImage::new("n".repeat(url_bytes), "u".repeat(url_bytes));
        let key = PostKey::new(Network::Mastodon, "p".repeat(200));
        // One more, so that there is a post where no image fits.
        let attached = std::iter::repeat_n(Place::Image(image), images).chain([Place::Missing]);
        ListedPost::of(key, None, places_within_bounds(attached)).unwrap()
    }

    fn longest_place() -> Hold {
        let (next, notes) = ("n".repeat(MAX_PLACE_BYTES), vec![]);
        Hold::At(Box::new(ListingPlace { next, notes, pages: u32::MAX, ..ListingPlace::default() }))
    }

    /// Sizes of the pieces that such posts are delivered in.
    fn pieces(posts: Vec<ListedPost>) -> Vec<usize> {
        let mut sizes = Vec::new();
        let mut take = |posts: Vec<ListedPost>| {
            sizes.push(posts.len());
            let message = StageToBroker::Page { lease: LeaseId(u64::MAX), posts, hold: longest_place() };
            assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
            ControlFlow::Continue(())
        };
        deliver_in_turns(posts, Hold::Here, &mut Whole(&mut take)).unwrap();
        sizes
    }

    #[test]
    fn pieces_fit_into_messages() {
        assert_eq!(pieces(vec![]), [0]);
        assert_eq!(pieces(vec![post(1, 100); 120]), [50, 50, 20]);
        assert_eq!(pieces(vec![post(4, 400); 30]).iter().sum::<usize>(), 30);
        assert_eq!(pieces(vec![post(5, MAX_ADDRESS_BYTES); 30]), [1; 30], "one post fits, whatever it is");
        assert_eq!(pieces(vec![post(1000, 100); 30]).iter().sum::<usize>(), 30);
    }

    #[test]
    fn a_post_is_bounded() {
        assert_eq!(post(1000, 10).images.len(), MAX_IMAGES);
        assert_eq!(post(4, 200).images.len(), 4);
        assert_eq!(post(20, 580).images.len(), 20, "a gallery of long addresses");
        assert_eq!(post(4, 1_000_000).images.len(), 0);
        let long = post(100, 10);
        assert_eq!((long.places, long.images.last().map(|image| image.position)), (101, Some(20)));
    }

    #[test]
    fn whoever_wants_no_more_gets_no_more() {
        let mut calls = 0;
        let mut take = |_| {
            calls += 1;
            ControlFlow::Break(())
        };
        let outcome = deliver_in_turns(vec![post(1, 10); 200], Hold::Here, &mut Whole(&mut take));
        assert!(matches!(outcome, Err(NetworkError::Stopping)));
        assert_eq!(calls, 1);
    }
}
