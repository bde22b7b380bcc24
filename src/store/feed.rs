//! The newest posts of some accounts, each artwork once: what feeds show.

use std::collections::HashMap;

use super::commit::load;
use super::engine::connection::Connection;
use super::error::StoreError;
use super::schema::Value;
use super::{codec, statements};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, AccountNo, ImageId, PostKey};
use crate::domain::images::{Detail, THUMBNAIL_BYTES};
use crate::domain::watches::{FeedEntry, FeedImage, FeedPost, MAX_FEED_POSTS};
use crate::fingerprint::detail::{SAME_PICTURE_BITS, class_of};

/// A post with what its images look like.
struct Seen {
    /// The database's own number: the order in which posts were stored.
    no: i64,
    post: FeedPost,
    /// The highest number of an image that has a fingerprint; 0 without any.
    newest: ImageId,
    /// Of each image; `None` where it is not known, or says nothing.
    details: Vec<Option<Detail>>,
}

/// An entry while posts join it.
struct Group {
    entry: FeedEntry,
    details: Vec<Detail>,
}

/// The newest [`MAX_FEED_POSTS`] posts with images of these accounts, each artwork once, the newest first.
pub fn entries(
    connection: &mut Connection,
    accounts: &[(AccountKey, AccountNo)],
) -> Result<Vec<FeedEntry>, StoreError> {
    let handles = handles(connection, accounts)?;
    let mut newest: Vec<Seen> = Vec::new();
    for (key, no) in accounts {
        let asked = [i64::from(no.0).into(), i64::from(MAX_FEED_POSTS).into()];
        let found = connection.list(statements::FEED_POSTS, &asked, "read the posts of a feed", |row| {
            let post = FeedPost {
                key: PostKey { network: key.network, native: row.string(1)? },
                account: key.clone(),
                handle: handles.get(no).cloned(),
                published: codec::moment(row.int(2)?),
                stored: Timestamp(row.number(3)?),
                images: Vec::new(),
            };
            Ok(Seen { no: row.number(0)?, post, newest: ImageId(0), details: Vec::new() })
        })?;
        newest.extend(found);
    }
    newest.sort_by_key(|seen| std::cmp::Reverse((seen.post.date(), seen.no)));
    newest.truncate(usize::try_from(MAX_FEED_POSTS).unwrap_or(usize::MAX));
    see_images(connection, &mut newest)?;
    Ok(grouped(newest))
}

fn handles(
    connection: &mut Connection,
    accounts: &[(AccountKey, AccountNo)],
) -> Result<HashMap<AccountNo, String>, StoreError> {
    let asked: Vec<Value> = accounts.iter().map(|(_, no)| i64::from(no.0).into()).collect();
    let mut latest = HashMap::new();
    load::in_lists(connection, statements::LATEST_HANDLES, &[], &asked, "read handles", |row| {
        // The latest comes last.
        latest.insert(codec::account_no(row.number(0)?)?, row.string(1)?);
        Ok(())
    })?;
    Ok(latest)
}

fn see_images(connection: &mut Connection, posts: &mut [Seen]) -> Result<(), StoreError> {
    let places: HashMap<i64, usize> =
        posts.iter().enumerate().map(|(place, seen)| (seen.no, place)).collect();
    let asked: Vec<Value> = posts.iter().map(|seen| seen.no.into()).collect();
    load::in_lists(connection, statements::FEED_IMAGES, &[], &asked, "read the images of a feed", |row| {
        let Some(seen) = places.get(&row.number(0)?).and_then(|place| posts.get_mut(*place)) else {
            return Ok(());
        };
        let size = |index: usize| row.int(index).map(|size| size.and_then(|size| u32::try_from(size).ok()));
        seen.post.images.push(FeedImage {
            position: codec::small(row.number(2)?)?,
            name: row.string(3)?,
            size: size(4)?.zip(size(5)?),
        });
        // An image has this once it has a fingerprint.
        let solid_ground = row.int(6)?;
        if solid_ground.is_some() {
            seen.newest = seen.newest.max(codec::image_id(row.number(1)?)?);
        }
        let detail = row.array(7)?.zip(row.bytes(8)?).map(|(phash256, thumbnail)| Detail {
            phash256: codec::phash256(phash256),
            thumbnail: thumbnail.to_vec(),
            trimmed: None,
        });
        let says_something =
            |detail: &Detail| solid_ground == Some(1) && detail.thumbnail.len() == THUMBNAIL_BYTES;
        seen.details.push(detail.filter(says_something));
        Ok(())
    })
}

/// Whether the two are copies of one picture. Most pairs are told apart by the large fingerprint, which costs
/// a hundredth of comparing the thumbnails.
fn is_same(a: &Detail, b: &Detail) -> bool {
    a.distance256(b) <= SAME_PICTURE_BITS && class_of(a, b).shows_artwork()
}

/// Joins posts that show nothing but what a post that was stored before them shows. A post with something new
/// is an entry of its own: whoever has seen the other is to see it.
fn grouped(mut posts: Vec<Seen>) -> Vec<FeedEntry> {
    posts.sort_by_key(|seen| seen.no);
    let mut groups: Vec<Group> = Vec::new();
    for Seen { post, newest, details, .. } in posts {
        let known: Option<Vec<&Detail>> = details.iter().map(Option::as_ref).collect();
        let joined = known.filter(|details| !details.is_empty()).and_then(|details| {
            let shows_all = |group: &&mut Group| {
                let is_shown = |detail: &&Detail| group.details.iter().any(|shown| is_same(shown, detail));
                details.iter().all(is_shown)
            };
            groups.iter_mut().find(shows_all)
        });
        match joined {
            Some(group) => {
                group.entry.posts.push(post);
                group.entry.changed = group.entry.changed.max(newest);
            }
            None => groups.push(Group {
                entry: FeedEntry { posts: vec![post], changed: newest },
                details: details.into_iter().flatten().collect(),
            }),
        }
    }
    // Of one moment, what was stored last comes first. An entry that another post has joined is as new as
    // that.
    groups.reverse();
    groups.sort_by_key(|group| std::cmp::Reverse(group.entry.updated()));
    groups.into_iter().map(|group| group.entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;

    fn detail(level: u8) -> Option<Detail> {
        // Pictures of another level are others: their large fingerprints differ in every bit of a word.
        let mut phash256 = [0; 4];
        phash256[usize::from(level % 4)] = u64::MAX;
        Some(Detail { phash256, thumbnail: vec![level; THUMBNAIL_BYTES], trimmed: None })
    }

    fn seen(no: i64, published: i64, details: Vec<Option<Detail>>) -> Seen {
        let image = |position| FeedImage { position, name: "a".to_owned(), size: None };
        let images = (1..).zip(&details).map(|(position, _)| image(position)).collect();
        let post = FeedPost {
            key: PostKey::new(Network::Twitter, no.to_string()),
            account: AccountKey::new(Network::Twitter, "1"),
            handle: None,
            published: Some(Timestamp(published)),
            stored: Timestamp(1000 + no),
            images,
        };
        Seen { no, post, newest: ImageId(no.unsigned_abs() * 10), details }
    }

    #[track_caller]
    fn check(posts: Vec<Seen>, expect: &[&[&str]]) {
        let found = grouped(posts);
        let natives: Vec<Vec<&str>> = found
            .iter()
            .map(|entry| entry.posts.iter().map(|post| post.key.native.as_str()).collect())
            .collect();
        assert_eq!(natives, expect);
    }

    #[test]
    fn posts_of_one_artwork_are_one_entry() {
        check(vec![seen(2, 20, vec![detail(1)]), seen(1, 10, vec![detail(1)])], &[&["1", "2"]]);
        // Another picture, though its date is the same.
        check(vec![seen(1, 10, vec![detail(1)]), seen(2, 10, vec![detail(2)])], &[&["2"], &["1"]]);
        // A part of a set joins it; a set with something new does not join its part.
        check(vec![seen(1, 10, vec![detail(1), detail(2)]), seen(2, 20, vec![detail(2)])], &[&["1", "2"]]);
        check(vec![seen(1, 10, vec![detail(1)]), seen(2, 20, vec![detail(1), detail(2)])], &[&["2"], &["1"]]);
        // Nobody knows what they show.
        check(vec![seen(1, 10, vec![None]), seen(2, 20, vec![None])], &[&["2"], &["1"]]);
        check(vec![seen(1, 10, vec![]), seen(2, 20, vec![])], &[&["2"], &["1"]]);
        check(vec![seen(1, 10, vec![detail(1)]), seen(2, 20, vec![detail(1), None])], &[&["2"], &["1"]]);
    }

    #[test]
    fn an_entry_has_changed_with_the_last_that_joined() {
        let entries = grouped(vec![seen(1, 10, vec![detail(1)]), seen(2, 20, vec![detail(1)])]);
        assert_eq!(entries[0].changed, ImageId(20));
        assert_eq!(entries[0].id(), "https://x.com/i/status/1");
    }
}
