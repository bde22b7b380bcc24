//! Posts that are indexed apart from any scan: those of which an image failed, and those that were noted by
//! their ids alone, which are looked up first. Pure; part of `State`.

use crate::base::ids::{PostKey, ScanId};
use crate::broker::books::items::Owner;
use crate::broker::state::{Effect, Now, Pending, State};
use crate::domain::accounts::Account;
use crate::domain::addresses::post_url;
use crate::domain::posts::{IndexedPost, ListedPost, LookedUpPost, PostOutcome, RetryPost};
use crate::domain::scans::{ListingStep, Priority};
use crate::proto::work::Work;
use crate::storekeeper::orders::ToStorekeeper;

impl State {
    pub(in crate::broker) fn retry_posts(&mut self, posts: Vec<RetryPost>, now: Now) {
        for RetryPost { account, post } in posts {
            self.index_apart(Account { key: account, handle: String::new(), posts: None }, post, now);
        }
    }

    pub(in crate::broker) fn look_posts_up(&mut self, posts: Vec<PostKey>, now: Now) {
        self.enqueue(Owner::Retries, Work::LookUpPosts { posts }, Priority::Maintenance, 1, now);
    }

    /// What is there is indexed, and settled once it is stored; of what is not, nothing is left to do. What
    /// could not be told has its turn again.
    pub(in crate::broker) fn posts_looked_up(
        &mut self,
        posts: Vec<LookedUpPost>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let mut settled = Vec::new();
        for LookedUpPost { post: key, outcome } in posts {
            let why = match outcome {
                PostOutcome::Found { author, .. } if self.is_blocklisted(&author) => {
                    "is by an account on this server's blocklist".to_owned()
                }
                PostOutcome::Found { author, post } => {
                    self.index_apart(author, post, now);
                    continue;
                }
                PostOutcome::Nothing { why } => why,
                PostOutcome::Unknown => continue,
            };
            let work = format!("index the post {}", post_url(&key, None));
            effects.push(Effect::WorkFailed { work, why: format!("it {why}") });
            settled.push(key);
        }
        if !settled.is_empty() {
            effects.push(Effect::ToStore(ToStorekeeper::SettleWanted { posts: settled }));
        }
    }

    fn index_apart(&mut self, account: Account, post: ListedPost, now: Now) {
        let step = ListingStep::Timeline;
        let work = Work::IndexPosts { scan: ScanId(0), step, account, posts: vec![post] };
        self.enqueue(Owner::Retries, work, Priority::Maintenance, 1, now);
    }

    pub(in crate::broker) fn indexed_apart(
        &mut self,
        account: Account,
        posts: Vec<IndexedPost>,
        effects: &mut Vec<Effect>,
    ) {
        let ticket = self.expect(Pending::PostsApart(posts.iter().map(|post| post.key.clone()).collect()));
        effects.push(Effect::ToStore(ToStorekeeper::StorePosts { ticket, account, posts }));
    }
}
