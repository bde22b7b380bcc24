//! Posts that were looked for because a listing did not show them: a listing that never shows a post which is
//! there must not have it looked for each time. Pure.

use std::collections::{HashSet, VecDeque};

use crate::base::ids::PostKey;

/// Posts that are remembered; of more, the oldest are forgotten.
const MAX_KNOWN: usize = 5000;

#[derive(Debug, Default)]
pub struct Suspects {
    known: HashSet<PostKey>,
    /// Oldest first. Those that were forgotten stand here too, until they come to the front.
    order: VecDeque<PostKey>,
}

impl Suspects {
    /// True if it is to be looked for, which is remembered.
    pub fn note(&mut self, post: &PostKey) -> bool {
        if !self.known.insert(post.clone()) {
            return false;
        }
        self.order.push_back(post.clone());
        while self.order.len() > MAX_KNOWN {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        true
    }

    /// Nobody could tell: it may be looked for again.
    pub fn forget(&mut self, post: &PostKey) {
        self.known.remove(post);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;

    #[test]
    fn each_is_looked_for_once_for_a_while() {
        let post = |id: usize| PostKey::new(Network::Misskey, id.to_string());
        let mut suspects = Suspects::default();
        assert!(suspects.note(&post(0)));
        assert!(!suspects.note(&post(0)));
        suspects.forget(&post(0));
        assert!(suspects.note(&post(0)), "nobody could tell");
        for id in 1..=2 * MAX_KNOWN {
            assert!(suspects.note(&post(id)));
        }
        assert!(suspects.known.len() <= MAX_KNOWN && suspects.order.len() <= MAX_KNOWN);
        assert!(suspects.note(&post(0)), "that was long ago");
    }
}
