//! Who and what the world holds: the artists, where they can be found, and what they posted. The tables to
//! change when the demo should show something else; `cases` says what to expect of it.

mod open;
mod pages;
mod people;
mod works;

pub use people::{ASPEN, HAZEL, JUNIPER, MAPLE, ROWAN, post_id};

use super::facts::Facts;

/// The whole world.
pub fn build() -> Facts {
    let mut facts = Facts {
        accounts: people::accounts(),
        works: works::works(),
        members: works::members(),
        pages: pages::pages(),
        open_accounts: open::accounts(),
        ..Facts::default()
    };
    people::post(&mut facts);
    facts.finish();
    facts
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::demo::world::facts::{MediaKind, Post, Relation};

    #[test]
    fn ids_are_distinct_and_posts_newest_first() {
        let facts = build();
        let posts: HashSet<u64> = facts.posts.iter().map(|post| post.id).collect();
        assert_eq!(posts.len(), facts.posts.len());
        let names: HashSet<&str> = facts.media.iter().map(|media| media.name.as_str()).collect();
        assert_eq!(names.len(), facts.media.len());
        assert!(facts.posts.is_sorted_by(|newer, older| newer.id > older.id));
        let accounts: HashSet<u64> = facts.accounts.iter().map(|account| account.id).collect();
        assert_eq!(accounts.len(), facts.accounts.len());
    }

    #[test]
    fn the_world_is_as_various_as_promised() {
        let facts = build();
        assert!(facts.posts.len() >= 500, "several hundred posts: {}", facts.posts.len());
        let count = |test: fn(&Post) -> bool| facts.posts.iter().filter(|post| test(post)).count();
        assert!(count(|post| post.media.is_empty()) > 50);
        assert!(count(|post| post.media.len() == 4) > 10);
        assert!(count(|post| matches!(post.relation, Relation::Repost(_))) > 20);
        assert!(count(|post| matches!(post.relation, Relation::BorrowsMedia(_))) > 1);
        assert!(count(|post| post.missed_by_search) > 10);
        for kind in [MediaKind::Video, MediaKind::Gif] {
            assert!(facts.media.iter().filter(|media| media.kind == kind).count() > 5);
        }
        assert!(facts.media.iter().any(|media| media.gone));
        // Relations lead to posts that exist.
        for post in &facts.posts {
            if let Relation::Repost(id)
            | Relation::Quote(id)
            | Relation::Reply(id)
            | Relation::BorrowsMedia(id) = post.relation
            {
                assert!(facts.post(id).is_some_and(|other| other.author != post.author));
            }
        }
    }

    #[test]
    fn handles_and_ids_have_the_networks_form() {
        for account in build().accounts {
            assert!(account.handle.len() <= 15, "{}", account.handle);
            assert!(account.handle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            assert!(account.id.to_string().len() <= 19);
        }
    }
}
