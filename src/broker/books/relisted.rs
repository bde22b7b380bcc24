//! What one listing of an account that was listed before has shown: of the posts that the database has from
//! the same time, those that it did not show may be gone. Pure.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ImageId, PostKey};
use crate::domain::posts::ListedPost;

/// Posts that are remembered of one listing, the first that it shows: of a longer one, what is older is not
/// judged.
const MAX_POSTS: usize = 50_000;

/// The posts of a listing, and the span of time that it covers.
#[derive(Debug, Default)]
pub struct Relisted {
    /// Of their ids. Two that are alike hide a post that is gone, until it is asked for by somebody.
    hashes: HashSet<u64>,
    newest: Option<(Timestamp, PostKey)>,
    oldest: Option<Timestamp>,
}

impl Relisted {
    pub fn extend(&mut self, posts: &[ListedPost]) {
        for post in posts {
            if self.hashes.len() >= MAX_POSTS {
                return;
            }
            self.hashes.insert(hash(&post.key.native));
            let Some(published) = post.published else { continue };
            if self.newest.as_ref().is_none_or(|(newest, _)| published > *newest) {
                self.newest = Some((published, post.key.clone()));
            }
            if self.oldest.is_none_or(|oldest| published < oldest) {
                self.oldest = Some(published);
            }
        }
    }

    /// Whether it covers a span of time at all. An empty listing does not: of an account that is out of sight
    /// every post is.
    pub fn has_span(&self) -> bool {
        self.newest.as_ref().map(|(newest, _)| *newest) > self.oldest
    }

    /// A post that the network has: beside it, those that it has not are told from an answer that is empty.
    pub fn witness(&self) -> Option<&PostKey> {
        self.newest.as_ref().map(|(_, post)| post)
    }

    /// Whether it should have shown a post of this date, and did not. At the ends of the span others may
    /// stand with the same date.
    pub fn misses(&self, native: &str, published: Option<Timestamp>) -> bool {
        let (Some(published), Some((newest, _)), Some(oldest)) = (published, &self.newest, self.oldest)
        else {
            return false;
        };
        oldest < published && published < *newest && !self.hashes.contains(&hash(native))
    }
}

/// The same for the same id as long as this process lives.
fn hash(native: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    native.hash(&mut hasher);
    hasher.finish()
}

/// A listing that is compared with what is stored, piece by piece.
#[derive(Debug)]
pub struct Relisting {
    pub account: AccountKey,
    pub relisted: Relisted,
    /// Images up to this one were compared.
    pub after: ImageId,
    /// Posts that it should have shown, so far.
    pub suspects: Vec<PostKey>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;
    use crate::domain::posts::Place;

    fn listed(id: i64, published: Option<i64>) -> ListedPost {
        let key = PostKey::new(Network::Bluesky, id.to_string());
        ListedPost::of(key, published.map(Timestamp), [Place::Missing]).unwrap()
    }

    #[test]
    fn only_what_lies_between_is_missed() {
        let mut relisted = Relisted::default();
        assert!(!relisted.has_span() && !relisted.misses("5", Some(Timestamp(5))), "nothing was listed");
        relisted.extend(&[listed(9, Some(9))]);
        assert!(!relisted.has_span(), "one moment is no span");
        relisted.extend(&[listed(7, Some(7)), listed(1, None), listed(3, Some(3))]);
        assert!(relisted.has_span());
        assert_eq!(relisted.witness().map(|post| post.native.as_str()), Some("9"));
        let missed = |native: &str, published: Option<i64>| relisted.misses(native, published.map(Timestamp));
        for (native, published, expect) in [
            ("5", Some(5), true),
            ("8", Some(8), true),
            // It was shown, with another date.
            ("7", Some(5), false),
            ("1", Some(5), false),
            // At the ends, outside and of unknown date: nobody can tell.
            ("90", Some(9), false),
            ("30", Some(3), false),
            ("2", Some(2), false),
            ("10", Some(10), false),
            ("5", None, false),
        ] {
            assert_eq!(missed(native, published), expect, "{native} {published:?}");
        }
    }

    #[test]
    fn an_account_of_any_size_takes_the_same_memory() {
        let mut relisted = Relisted::default();
        let many: Vec<ListedPost> = (0..60_000).map(|id| listed(id, Some(100_000 - id))).collect();
        relisted.extend(&many);
        assert_eq!(relisted.hashes.len(), MAX_POSTS);
        // What was not remembered is not in the span.
        assert!(!relisted.misses("55000", Some(Timestamp(45_000))));
        assert!(relisted.misses("none", Some(Timestamp(90_000))));
    }
}
