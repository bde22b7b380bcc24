//! What the search of one scan has listed, as far as the timeline reaches back. Pure.

use std::collections::BTreeMap;

use crate::domain::posts::ListedPost;
use crate::proto::stage::MAX_SEARCHED_POSTS;

/// The timeline shows no more posts than this, so no older ones are remembered: a scan of any account
/// takes the same memory.
const MAX_POSTS: usize = 3200;

/// Ids, each once however often its page was sent.
#[derive(Debug)]
pub struct SearchedPosts {
    /// By length and digits, which orders X's numbers by age: how much is attached to each.
    ids: BTreeMap<(usize, String), u8>,
    /// All that was listed is still remembered, with what is attached.
    is_whole: bool,
}

impl Default for SearchedPosts {
    fn default() -> SearchedPosts {
        SearchedPosts { ids: BTreeMap::new(), is_whole: true }
    }
}

impl SearchedPosts {
    pub fn extend(&mut self, posts: &[ListedPost]) {
        self.ids.extend(posts.iter().map(|post| {
            let (length, digits) = post.key.age_order();
            ((length, digits.to_owned()), post.places)
        }));
        while self.ids.len() > MAX_POSTS {
            self.ids.pop_first();
            self.is_whole = false;
        }
    }

    /// Media items of all posts; `None` where not all are remembered.
    pub fn media(&self) -> Option<u64> {
        self.is_whole.then(|| self.ids.values().map(|attached| u64::from(*attached)).sum())
    }

    /// All that is remembered.
    pub fn ids(&self) -> Vec<String> {
        self.ids.keys().map(|(_, id)| id.clone()).collect()
    }

    /// What `ids` gave. What was attached is not known any more.
    pub fn of_ids(ids: Vec<String>) -> SearchedPosts {
        let ids = ids.into_iter().map(|id| ((id.len(), id), 0)).rev().take(MAX_POSTS).collect();
        SearchedPosts { ids, is_whole: false }
    }

    /// Newest first, from the `from`-th on, as many as one answer holds.
    pub fn part(&self, from: u32) -> Vec<String> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        self.ids.keys().rev().skip(from).take(MAX_SEARCHED_POSTS).map(|(_, id)| id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{Network, PostKey};
    use crate::domain::posts::Place;
    use crate::proto::MAX_MESSAGE_BYTES;
    use crate::proto::stage::Answer;

    fn posts(ids: impl Iterator<Item = u64>) -> Vec<ListedPost> {
        let key = |id: u64| PostKey::new(Network::Twitter, id.to_string());
        ids.filter_map(|id| ListedPost::of(key(id), None, [Place::Missing])).collect()
    }

    #[test]
    fn the_newest_are_kept_each_once() {
        let mut searched = SearchedPosts::default();
        for _ in 0..2 {
            searched.extend(&posts((1..=5000).rev()));
        }
        // As the journal gives it back.
        let searched = SearchedPosts::of_ids(searched.ids());
        let all: Vec<String> =
            [0, 1000, 2000, 3000, 4000].into_iter().flat_map(|from| searched.part(from)).collect();
        assert_eq!((all.len(), all[0].as_str(), all[3199].as_str()), (3200, "5000", "1801"));
    }

    #[test]
    fn media_are_counted_once_and_only_where_all_are_known() {
        let mut searched = SearchedPosts::default();
        let key = PostKey::new(Network::Twitter, "7");
        let post = ListedPost::of(key, None, [Place::Missing, Place::Other, Place::Missing]).unwrap();
        for _ in 0..2 {
            searched.extend(std::slice::from_ref(&post));
            searched.extend(&posts(10..20));
        }
        assert_eq!(searched.media(), Some(13));
        assert_eq!(SearchedPosts::of_ids(searched.ids()).media(), None);
        searched.extend(&posts(100..100 + MAX_POSTS as u64));
        assert_eq!(searched.media(), None);
    }

    #[test]
    fn an_answer_is_one_message() {
        let mut searched = SearchedPosts::default();
        searched.extend(&posts((0..3200).map(|n| u64::MAX - n)));
        let answer = Answer::SearchedPosts(searched.part(0));
        assert!(postcard::to_stdvec(&answer).unwrap().len() < MAX_MESSAGE_BYTES);
    }
}
