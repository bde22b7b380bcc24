//! Answers that are not whole, or cannot be right: none of them may pass for an account without images.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::base::ids::PostKey;
use crate::domain::accounts::{AccountRef, ResolutionOutcome};
use crate::domain::posts::PostOutcome;
use crate::domain::scans::Coverage;

fn timeline() -> Cursor {
    Cursor::Timeline(None)
}

/// A post with these media keys.
fn post_with(id: u64, keys: &[&str]) -> Value {
    let mut post = photo_post(id);
    post["attachments"]["media_keys"] = json!(keys);
    post
}

/// The answer without this item of its media, which is named as a problem.
fn without(mut body: Value, key: &str) -> Value {
    body["includes"]["media"].as_array_mut().unwrap().retain(|media| media["media_key"] != key);
    body["errors"] = json!([{"value": key, "resource_id": key, "resource_type": "media",
        "parameter": "attachments.media_keys", "title": "Not Found Error",
        "type": "https://api.x.com/2/problems/resource-not-found"}]);
    body
}

/// Position and name of each image, and how many attachments the post has.
fn places(post: &ListedPost) -> (Vec<(u8, &str)>, u8) {
    (post.images.iter().map(|image| (image.position, image.name.as_str())).collect(), post.places)
}

#[test]
fn missing_media_is_asked_for_again_at_once() {
    let posts = [post_with(9, &["3_91", "3_92"]), photo_post(8)];
    let whole = page(&posts[..1], None);
    let partial = without(page(&posts, None), "3_91");
    let world = World::new(move |asked| match asked.path() {
        "/2/tweets" => {
            assert_eq!(asked.parameter("ids").as_deref(), Some("9"), "nothing else is missing");
            ok(&whole)
        }
        _ => ok(&partial),
    });
    for cursor in [timeline(), Cursor::Search(None)] {
        let listing = world.list(&artist(), &cursor).unwrap();
        let expect = vec![(1, "000000000000091.jpg"), (2, "000000000000092.jpg")];
        assert_eq!(places(&listing.posts[0]), (expect, 2));
        assert!(listing.posts.iter().all(|post| !post.incomplete));
        assert_eq!(listing.end.posts_read, 2);
    }
}

#[test]
fn what_stays_missing_keeps_its_place_and_is_told() {
    let posts = [post_with(9, &["3_91", "7_5", "3_92"]), photo_post(8)];
    let mut partial = without(page(&posts, None), "3_91");
    // Named, and without an address.
    let media = partial["includes"]["media"].as_array_mut().unwrap();
    media
        .iter_mut()
        .find(|media| media["media_key"] == "3_8")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("url");
    let fails = AtomicBool::new(false);
    let world = World::new(move |asked| match asked.path() {
        // It cannot be asked for at all, the second time.
        "/2/tweets" if fails.fetch_xor(true, Ordering::SeqCst) => reply(429, &[], "{}"),
        _ => ok(&partial),
    });
    for _ in 0..2 {
        let listing = world.list(&artist(), &timeline()).unwrap();
        assert_eq!(listing.ids(), ["9", "8"]);
        assert_eq!(places(&listing.posts[0]), (vec![(3, "000000000000092.jpg")], 3));
        assert_eq!(places(&listing.posts[1]), (vec![], 1));
        assert!(listing.posts.iter().all(|post| post.incomplete));
    }
    assert_eq!(world.waits(), [""; 0], "a listing does not wait for a refinement");
}

#[test]
fn a_look_up_tells_that_media_is_missing() {
    let body = without(page(&[post_with(9, &["3_91", "3_92"])], None), "3_92");
    let world = World::new(move |asked| match asked.path() {
        "/2/tweets" => ok(&body),
        _ => reply(403, &[], "{}"),
    });
    let outcomes = world.client.look_posts_up(&[PostKey::new(Network::Twitter, "9")]).unwrap();
    let [PostOutcome::Found { post, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((places(post), post.incomplete), ((vec![(1, "000000000000091.jpg")], 2), true));
}

/// Answers as X would if it did not heed one of the names: with the fields that every post has.
fn heeding(name: &'static str, posts: Vec<Value>) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    move |asked| {
        if asked.path() == "/2/users/by" {
            return ok(&json!({"data": [{"id": "42", "username": "artist"}]}));
        }
        if asked.url.host_str() != Some("api.x.com") {
            return reply(200, &[], json!({"author_url": "https://twitter.com/artist"}).to_string());
        }
        let mut body = page(&posts, None);
        if asked.parameter(name).is_none() {
            body.as_object_mut().unwrap().remove("includes");
            for post in body["data"].as_array_mut().unwrap() {
                *post = json!({"id": post["id"], "text": post["text"]});
            }
        }
        ok(&body)
    }
}

#[test]
fn a_name_that_is_ignored_is_replaced_by_the_other() {
    for (heeded, setting) in [("tweet.fields", "post.fields"), ("post.fields", "tweet.fields")] {
        let change = |settings: &mut config::Twitter| settings.fields_parameter = setting.to_owned();
        let world = World::with(1, change, heeding(heeded, vec![photo_post(9), text_post(8)]));
        for cursor in [timeline(), Cursor::Search(None), timeline()] {
            assert_eq!(world.list(&artist(), &cursor).unwrap().ids(), ["9"], "{heeded}");
        }
        let ignored = world.asked().iter().filter(|asked| asked.parameter(setting).is_some()).count();
        assert_eq!((ignored, world.asked().len()), (1, 4), "once known, it is not tried again");

        let other = World::with(1, change, heeding(heeded, vec![photo_post(9)]));
        let outcomes = other.client.look_posts_up(&[PostKey::new(Network::Twitter, "9")]).unwrap();
        assert!(matches!(outcomes[..], [PostOutcome::Found { .. }]), "{outcomes:?}");
    }
}

#[test]
fn a_name_that_is_refused_is_replaced_too() {
    let world = World::new(|asked| match asked.parameter("post.fields") {
        Some(fields) => {
            let body = json!({
                "errors": [{"parameters": {"post.fields": [fields]}, "message": "The query parameter [post.fields] is not one of [ids]"}],
                "title": "Invalid Request", "type": "https://api.twitter.com/2/problems/invalid-request"});
            reply(400, &[], body.to_string())
        }
        None => ok(&page(&[photo_post(9)], None)),
    });
    assert_eq!(world.list(&artist(), &timeline()).unwrap().ids(), ["9"]);
}

#[test]
fn posts_that_show_nothing_by_either_name_are_no_answer() {
    let world = World::new(heeding("nothing", vec![photo_post(9)]));
    for cursor in [timeline(), Cursor::Search(None)] {
        let error = world.list(&artist(), &cursor).err().unwrap();
        assert!(
            matches!(&error, NetworkError::Unreadable { why, .. } if why.contains("contract")),
            "{error}"
        );
    }
}

#[test]
fn a_search_for_images_that_finds_none_is_doubted_once() {
    // As a search finds posts that link to an image elsewhere.
    let posts: Vec<Value> = (0..700).rev().map(|n| text_post(1000 + n)).collect();
    let world = World::new(move |asked| serve_pages(asked, &posts));
    let listing = world.list(&artist(), &Cursor::Search(None)).unwrap();
    assert_eq!((listing.posts.len(), listing.end.posts_read), (0, 700));
    let names: Vec<bool> =
        world.asked().iter().map(|asked| asked.parameter("tweet.fields").is_some()).collect();
    assert_eq!(names, [false, true, false], "the other name, for the first page");
}

#[test]
fn rows_of_empty_pages_are_passed() {
    // An account that passes much on: the timeline counts what it leaves out.
    let count = AtomicUsize::new(0);
    let world = World::new(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => ok(&page(&[photo_post(9)], Some("t0"))),
        last @ 30 => ok(&page(&[photo_post(8)], (last < 30).then_some("x"))),
        number => ok(&page(&[], Some(&format!("t{number}")))),
    });
    let listing = world.list(&artist(), &timeline()).unwrap();
    assert_eq!((listing.ids(), listing.end.coverage), (vec!["9", "8"], Coverage::Complete));
}

#[test]
fn pages_without_end_are_cut_and_the_coverage_says_so() {
    let endless = |posts: fn(usize) -> Vec<Value>| {
        let count = AtomicUsize::new(0);
        World::new(move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            ok(&page(&posts(number), Some(&format!("t{number}"))))
        })
    };
    let check = |world: World, cursor: &Cursor, asked: usize, read: u32| {
        let end = world.list(&artist(), cursor).unwrap().end;
        assert_eq!((world.asked().len(), end.coverage), (asked, Coverage::LimitedTo(read)));
    };
    // Nothing at all.
    check(endless(|_| vec![]), &timeline(), 700, 0);
    check(endless(|_| vec![]), &Cursor::Search(None), 200, 0);
    // The same posts for ever.
    check(endless(|_| vec![photo_post(9), photo_post(8)]), &timeline(), 6, 12);
    check(endless(|_| vec![photo_post(9), photo_post(8)]), &Cursor::Search(None), 6, 12);
    // New ones for ever: the timeline shows no more than it can.
    let older = |number: usize| (0..100).map(|n| photo_post(1_000_000 - 100 * number as u64 - n)).collect();
    check(endless(older), &timeline(), 700, 70_000);
}

#[test]
fn a_page_may_be_far_too_large() {
    let posts: Vec<Value> = (0..20_000).rev().map(|n| text_post(1000 + n)).collect();
    let world = World::new(move |_| ok(&page(&posts, None)));
    assert_eq!(world.list(&artist(), &timeline()).unwrap().end.posts_read, 20_000);
}

#[test]
fn numbers_and_dates_that_cannot_be_do_not_become_the_cursor() {
    let odd = |id: &str, created: Value| {
        let mut post = photo_post(7);
        (post["id"], post["created_at"]) = (id.into(), created);
        post["edit_history_tweet_ids"] = Value::Null;
        post
    };
    let posts = vec![
        odd("18446744073709551616", date(7).into()),
        odd("9223372036854775807", date(7).into()),
        odd("-1", date(7).into()),
        odd("9", "2999-01-01T00:00:00Z".into()),
        photo_post(8),
    ];
    let world = World::new(move |asked| serve_pages(asked, &posts));
    let listing = world.list(&artist(), &timeline()).unwrap();
    assert_eq!(listing.ids(), ["9", "8"]);
    assert_eq!(listing.end.cursor, Cursor::Timeline(Some("9".into())));
    let end = world.list(&artist(), &Cursor::Search(None)).unwrap().end;
    assert!(matches!(end.cursor, Cursor::Search(Some(moment)) if moment <= Timestamp::now()), "{end:?}");
}

#[test]
fn an_account_left_out_without_a_word_is_asked_for_again_and_is_not_missing() {
    let handle = |name: &str| AccountRef::Handle { network: Network::Twitter, handle: name.to_owned() };
    let count = AtomicUsize::new(0);
    let world = World::new(move |asked| {
        let both = asked.parameter("usernames").as_deref() == Some("late,never");
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        assert!(both);
        ok(&if is_first { json!({}) } else { json!({"data": [{"id": "5", "username": "late"}]}) })
    });
    let outcomes = world.client.resolve(&[handle("late"), handle("never")]);
    let outcomes: Vec<_> = outcomes.unwrap().into_iter().map(|one| one.outcome).collect();
    let [ResolutionOutcome::Readable(late), ResolutionOutcome::Closed { why }] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(late.key.native, "5");
    assert!(why.contains("left out"), "{why}");
}
