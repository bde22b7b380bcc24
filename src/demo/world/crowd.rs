//! Accounts made to measure: any number of posts, with images in some of them, of which the search misses
//! some. For benchmarks and tests; the demo has none.

use std::time::Duration;

use super::facts::{Account, AccountState, Facts, Media, MediaKind, Post, Relation};
use super::ids::{media_name, snowflake};
use super::picture::Picture;
use crate::base::Timestamp;

/// Which posts with images the search does not know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Misses {
    /// This share of them, here and there.
    Random(f64),
    /// This share of them, in stretches of so many.
    Stretches(f64, usize),
}

/// One account.
#[derive(Clone, Copy, Debug)]
pub struct Artist {
    pub id: u64,
    pub handle: &'static str,
    pub posts: usize,
    /// One post in so many has an image.
    pub one_image_in: usize,
    pub misses: Misses,
    /// The same seed makes the same account.
    pub seed: u64,
}

/// The first post of every such account.
const FIRST: Timestamp = Timestamp(1_420_070_400_000);

/// All posts of an artist fall within so long after the first: none lies in the future.
const SPAN: Duration = Duration::from_hours(10 * 365 * 24);

impl Artist {
    /// Adds the account and its posts; returns its place in `Facts::accounts`.
    pub fn add_to(&self, facts: &mut Facts) -> usize {
        let author = facts.accounts.len();
        facts.accounts.push(Account {
            id: self.id,
            handle: self.handle,
            name: self.handle,
            bio: "",
            link: None,
            state: AccountState::Open,
            created: FIRST,
        });
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let first = facts.posts.len();
        let mut moment = FIRST;
        // Two a day in the mean; more where all would not have been posted yet.
        let gap_ms = (2 * SPAN.as_millis() as u64 / self.posts.max(1) as u64).min(86_400_000);
        for number in 0..self.posts {
            // Never two at the same moment.
            moment = moment.plus(Duration::from_millis(rng.u64(1000..gap_ms.max(2000))));
            let id = snowflake(moment, (author as u64) << 12 | (number as u64 & 0xfff));
            let mut media = Vec::new();
            if rng.usize(..self.one_image_in.max(1)) == 0 {
                media.push(facts.media.len());
                let picture = Picture::Drawn(id);
                facts.media.push(Media {
                    id,
                    name: media_name(id),
                    kind: MediaKind::Photo,
                    picture,
                    gone: false,
                });
            }
            let text = format!("No. {number}");
            facts.posts.push(Post {
                id,
                author,
                text,
                relation: Relation::None,
                media,
                missed_by_search: false,
            });
        }
        let own = facts.posts.get_mut(first..).unwrap_or_default();
        let mut shown: Vec<&mut Post> = own.iter_mut().filter(|post| !post.media.is_empty()).collect();
        self.misses.apply(&mut shown, &mut rng);
        author
    }
}

impl Misses {
    fn apply(self, posts: &mut [&mut Post], rng: &mut fastrand::Rng) {
        match self {
            Misses::Random(share) => {
                for post in posts {
                    post.missed_by_search = rng.f64() < share;
                }
            }
            Misses::Stretches(share, length) => {
                let wanted = (posts.len() as f64 * share) as usize;
                while posts.iter().filter(|post| post.missed_by_search).count() < wanted {
                    let at = rng.usize(..posts.len().saturating_sub(length).max(1));
                    for post in posts.iter_mut().skip(at).take(length) {
                        post.missed_by_search = true;
                    }
                }
            }
        }
    }
}
