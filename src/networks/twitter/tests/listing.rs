//! The two listings: what is asked, what is delivered, where the next one starts.

use super::*;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::domain::posts::ListedPost;
use crate::domain::scans::{Coverage, Hold, ListingPlace, MediaCount, Window};
use crate::networks::client::Turns;

fn timeline(since: Option<&str>) -> Cursor {
    Cursor::Timeline(since.map(str::to_owned))
}

#[test]
fn a_search_pages_from_the_newest_to_its_start() {
    let posts: Vec<Value> = (0..1234).rev().map(|n| photo_post(1000 + n)).collect();
    let world = World::new(move |asked| serve_pages(asked, &posts));
    let listing = world.list(&artist(), &Cursor::Search(None)).unwrap();

    assert_eq!(listing.posts.len(), 1234);
    assert_eq!(listing.calls, 10 + 10 + 5, "pieces of at most 50");
    let first = &listing.posts[0];
    assert_eq!((first.key.native.as_str(), first.published), ("2233", Some(moment(2233))));
    assert_eq!(first.images[0].name, "000000000002233.jpg");
    assert_eq!(first.images[0].url, "https://pbs.twimg.com/media/000000000002233?format=jpg&name=small");
    let expect = ListingEnd {
        cursor: Cursor::Search(Some(moment(2233))),
        newest: Some(moment(2233)),
        oldest: Some(moment(1000)),
        coverage: Coverage::Complete,
        posts_read: 1234,
        media: None,
    };
    assert_eq!(listing.end, expect);

    let asked = world.asked();
    assert_eq!(asked.len(), 3);
    assert!(
        asked[0].url.as_str().contains("query=from%3A42%20has%3Aimages%20-is%3Aretweet"),
        "{}",
        asked[0].url
    );
    for (asked, token) in asked.iter().zip([None, Some("t500"), Some("t1000")]) {
        assert_eq!(asked.path(), "/2/tweets/search/all");
        assert_eq!(asked.parameter("start_time").as_deref(), Some("2006-03-21T00:00:00Z"));
        assert_eq!(asked.parameter("max_results").as_deref(), Some("500"));
        assert_eq!(asked.parameter("next_token").as_deref(), token);
    }
    assert_eq!(world.waits(), ["tweets/search/all", "tweets/search/all"], "one request a second");
}

#[test]
fn a_later_search_overlaps_by_a_day() {
    let world = World::new(|asked| serve_pages(asked, &[]));
    let cursor = Cursor::Search(Some(moment(86_400)));
    let listing = world.list(&artist(), &cursor).unwrap();
    assert_eq!(world.asked()[0].parameter("start_time"), Some(date(0)));
    assert_eq!((listing.end.cursor, listing.end.posts_read, listing.calls), (cursor, 0, 1));
}

#[test]
fn a_timeline_pages_back_to_its_cursor() {
    let posts: Vec<Value> =
        (0..250).rev().map(|n| if n % 5 == 0 { photo_post(1000 + n) } else { text_post(1000 + n) }).collect();
    let world = World::new(move |asked| serve_pages(asked, &posts));
    let listing = world.list(&artist(), &timeline(Some("999"))).unwrap();
    assert_eq!(listing.posts.len(), 50);
    let expect = ListingEnd {
        cursor: timeline(Some("1249")),
        newest: Some(moment(1249)),
        oldest: Some(moment(1000)),
        coverage: Coverage::Complete,
        posts_read: 250,
        media: None,
    };
    assert_eq!(listing.end, expect);
    let asked = world.asked();
    assert_eq!(asked.len(), 3);
    for (asked, token) in asked.iter().zip([None, Some("t100"), Some("t200")]) {
        assert_eq!(asked.path(), "/2/users/42/tweets");
        assert_eq!(asked.parameter("since_id").as_deref(), Some("999"));
        assert_eq!(asked.parameter("exclude").as_deref(), Some("retweets"));
        assert_eq!(asked.parameter("pagination_token").as_deref(), token);
    }
}

#[test]
fn ids_are_compared_as_numbers() {
    let posts = [photo_post(1000), photo_post(999)];
    let world = World::new(move |asked| serve_pages(asked, &posts));
    assert_eq!(world.list(&artist(), &timeline(None)).unwrap().end.cursor, timeline(Some("1000")));
    let nothing_new = World::new(|asked| serve_pages(asked, &[]));
    assert_eq!(
        nothing_new.list(&artist(), &timeline(Some("10000"))).unwrap().end.cursor,
        timeline(Some("10000"))
    );
}

#[test]
fn a_timeline_that_ends_at_its_depth_says_so() {
    let check = |account_posts, since, count: u64, expect| {
        let posts: Vec<Value> = (1..=count).rev().map(text_post).collect();
        let world = World::new(move |asked| serve_pages(asked, &posts));
        let account = Account { posts: account_posts, ..artist() };
        assert_eq!(world.list(&account, &timeline(since)).unwrap().end.coverage, expect);
    };
    check(Some(3000), None, 300, Coverage::Complete);
    check(None, None, 300, Coverage::Complete);
    // Reposts, which are not delivered, use up the depth as well.
    check(Some(5000), None, 2500, Coverage::LimitedTo(3200));
    check(Some(5000), Some("1"), 30, Coverage::Complete);
    check(None, None, 3200, Coverage::LimitedTo(3200));
    check(None, Some("1"), 3200, Coverage::LimitedTo(3200));
}

#[test]
fn only_own_photos_are_listed() {
    let mut retweet = photo_post(9);
    retweet["referenced_tweets"] = json!([{"type": "retweeted", "id": "5"}]);
    let mut quote = photo_post(8);
    quote["referenced_tweets"] = json!([{"type": "quoted", "id": "5"}]);
    let mut stranger = photo_post(7);
    stranger["author_id"] = "43".into();
    let mut mixed = photo_post(6);
    mixed["attachments"]["media_keys"] = json!(["7_1", "3_61", "16_2", "3_62"]);
    let mut video = photo_post(5);
    video["attachments"]["media_keys"] = json!(["7_1"]);
    let posts = [retweet, quote, stranger, mixed, video, text_post(4)];
    let world = World::new(move |asked| serve_pages(asked, &posts));
    let listing = world.list(&artist(), &timeline(None)).unwrap();
    assert_eq!(listing.ids(), ["8", "6"]);
    let images: Vec<_> =
        listing.posts[1].images.iter().map(|image| (image.position, image.name.as_str())).collect();
    assert_eq!(images, [(2, "000000000000061.jpg"), (4, "000000000000062.jpg")], "videos have their place");
    assert_eq!(listing.posts[1].places, 4);
    assert_eq!(listing.end.posts_read, 6);
}

#[test]
fn an_edited_post_is_listed_once_under_its_newest_id() {
    let version = |id: u64| {
        let mut post = photo_post(id);
        post["edit_history_tweet_ids"] = json!(["98", "100", "101"]);
        post
    };
    let posts = [version(101), version(100), photo_post(99), version(98)];
    let world = World::new(move |asked| serve_pages(asked, &posts));
    assert_eq!(world.list(&artist(), &timeline(None)).unwrap().ids(), ["101", "99"]);
}

#[test]
fn the_newer_names_are_asked_for_and_read() {
    let mut repost = photo_post(12);
    repost["referenced_posts"] = json!([{"type": "retweeted", "id": "5"}]);
    let mut edited = photo_post(11);
    edited["edit_history_post_ids"] = json!(["10", "11"]);
    edited.as_object_mut().unwrap().remove("edit_history_tweet_ids");
    let mut older = photo_post(10);
    older["edit_history_post_ids"] = json!(["10", "11"]);
    older["edit_history_tweet_ids"] = Value::Null;
    let posts = [repost, edited, older];
    let newer = |settings: &mut config::Twitter| settings.fields_parameter = "post.fields".to_owned();
    let world = World::with(1, newer, move |asked| serve_pages(asked, &posts));
    for cursor in [timeline(None), Cursor::Search(None)] {
        assert_eq!(world.list(&artist(), &cursor).unwrap().ids(), ["11"]);
    }
    for asked in world.asked() {
        assert_eq!(asked.parameter("tweet.fields"), None);
        assert!(asked.parameter("post.fields").is_some());
    }
}

#[test]
fn an_empty_page_is_no_end() {
    let pages = [
        page(&[photo_post(9)], Some("a")),
        page(&[], Some("b")),
        page(&[], Some("c")),
        page(&[photo_post(8)], None),
    ];
    let world = World::new(move |asked| {
        let index = ["a", "b", "c"]
            .iter()
            .position(|token| asked.parameter("pagination_token").as_deref() == Some(token));
        ok(&pages[index.map_or(0, |index| index + 1)])
    });
    assert_eq!(world.list(&artist(), &timeline(None)).unwrap().ids(), ["9", "8"]);
}

#[test]
fn pages_that_lead_nowhere_end() {
    let same = World::new(|_| ok(&page(&[photo_post(9)], Some("again"))));
    let listing = same.list(&artist(), &timeline(None)).unwrap();
    assert_eq!((listing.ids(), listing.end.coverage), (vec!["9", "9"], Coverage::LimitedTo(2)));
    assert_eq!(same.asked().len(), 2);
}

#[test]
fn errors_beside_the_data_are_no_errors() {
    let mut body = page(&[photo_post(9)], None);
    body["includes"]["media"].as_array_mut().unwrap().insert(0, json!({"media_key": 5}));
    body["errors"] = json!(["odd", {"code": "odd"}, {"resource_id": "42", "resource_type": "user", "parameter": "entities.mentions.username",
        "title": "Not Found Error", "type": "https://api.twitter.com/2/problems/resource-not-found"}]);
    let world = World::new(move |_| ok(&body));
    assert_eq!(world.list(&artist(), &timeline(None)).unwrap().ids(), ["9"]);
}

#[test]
fn a_date_that_is_missing_is_taken_from_the_id() {
    let mut post = photo_post(9);
    post["id"] = "1558553189766631429".into();
    post["edit_history_tweet_ids"] = Value::Null;
    post["created_at"] = Value::Null;
    let world = World::new(move |_| ok(&page(std::slice::from_ref(&post), None)));
    let listing = world.list(&artist(), &Cursor::Search(None)).unwrap();
    let published = listing.posts[0].published.unwrap();
    assert_eq!(published.to_rfc3339(), "2022-08-13T20:36:51Z");
    assert_eq!(listing.end.cursor, Cursor::Search(Some(published)));
}

#[test]
fn one_odd_post_is_skipped_but_odd_pages_are_an_error() {
    let world = World::new(|_| ok(&page(&[json!({"id": 7}), photo_post(9)], None)));
    assert_eq!(world.list(&artist(), &timeline(None)).unwrap().ids(), ["9"]);
    let world = World::new(|_| ok(&page(&[json!({"id": 7}), json!("post")], None)));
    let error = world.list(&artist(), &timeline(None)).err().unwrap();
    assert!(matches!(error, NetworkError::Unreadable { .. }), "{error}");
}

fn invalid_page_size() -> Answer {
    let body = json!({
        "errors": [{"parameters": {"max_results": ["500"]}, "message": "The `max_results` query parameter value is not valid"}],
        "title": "Invalid Request", "type": "https://api.twitter.com/2/problems/invalid-request"});
    reply(400, &[], body.to_string())
}

#[test]
fn a_plan_that_allows_smaller_pages_only_gets_them() {
    let posts: Vec<Value> = (0..150).rev().map(|n| photo_post(1000 + n)).collect();
    let world = World::new(move |asked| match asked.parameter("max_results").as_deref() {
        Some("100") => serve_pages(asked, &posts),
        _ => invalid_page_size(),
    });
    assert_eq!(world.list(&artist(), &Cursor::Search(None)).unwrap().posts.len(), 150);
    assert_eq!(world.asked().len(), 3);
}

#[test]
fn a_caller_may_break_a_listing_off() {
    let posts: Vec<Value> = (0..300).rev().map(|n| photo_post(1000 + n)).collect();
    let world = World::new(move |asked| serve_pages(asked, &posts));
    let mut calls = 0;
    let outcome = world.client.list_posts(&artist(), &timeline(None), &mut |_| {
        calls += 1;
        if calls == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(outcome, Err(NetworkError::Stopping)));
    assert_eq!((calls, world.asked().len()), (3, 2));
}

#[test]
fn an_account_of_another_network_is_not_asked_for() {
    let world = World::new(|_| panic!("nothing to ask"));
    let account = Account { key: AccountKey::new(Network::Bluesky, "did:plc:x"), ..artist() };
    let error = world.list(&account, &timeline(None)).err().unwrap();
    assert!(matches!(error, NetworkError::AccountMissing { .. }), "{error}");
}

/// A media link of a post, as X gives it: with the handle that the account has at that moment.
fn linked(mut post: Value, handle: &str) -> Value {
    let (id, key) = (post["id"].clone(), post["attachments"]["media_keys"][0].clone());
    let url = format!("https://x.com/{handle}/status/{}/photo/1", id.as_str().unwrap());
    post["entities"] = json!({"urls": [{"expanded_url": url, "media_key": key}]});
    post
}

#[test]
fn an_account_renamed_between_two_pages_keeps_its_posts() {
    // The id is what is asked for, so that the new name is met in the links of the second page only.
    let posts: Vec<Value> = (0..150)
        .rev()
        .map(|n| linked(photo_post(1000 + n), if n >= 50 { "artist" } else { "artist_renamed" }))
        .collect();
    let world = World::new(move |asked| serve_pages(asked, &posts));
    for cursor in [timeline(None), Cursor::Search(None)] {
        assert_eq!(world.list(&artist(), &cursor).unwrap().posts.len(), 150);
    }
    assert!(world.asked().iter().all(|asked| !asked.url.as_str().contains("artist")), "asked by id");
}

#[test]
fn media_of_another_authors_post_is_not_the_artists() {
    let mut borrowed = linked(photo_post(8), "someone");
    borrowed["entities"]["urls"][0]["expanded_url"] = "https://x.com/someone/status/5/photo/1".into();
    let posts = [linked(photo_post(9), "artist"), borrowed];
    let world = World::new(move |asked| serve_pages(asked, &posts));
    assert_eq!(world.list(&artist(), &timeline(None)).unwrap().ids(), ["9"]);
}

#[test]
fn a_withheld_post_is_listed_and_a_hidden_one_is_an_error_beside_the_others() {
    let mut withheld = photo_post(9);
    withheld["withheld"] = json!({"copyright": true, "country_codes": ["DE"]});
    let mut body = page(&[withheld, photo_post(8)], None);
    // The photo of a post may be withheld alone: then it is not expanded.
    body["includes"]["media"].as_array_mut().unwrap().retain(|media| media["media_key"] != "3_8");
    body["errors"] = json!([{"resource_id": "7", "resource_type": "post", "parameter": "ids",
        "title": "Authorization Error", "type": "https://api.x.com/2/problems/not-authorized-for-resource"}]);
    let world = World::new(move |_| ok(&body));
    let listing = world.list(&artist(), &timeline(None)).unwrap();
    assert_eq!((listing.ids(), listing.end.posts_read), (vec!["9", "8"], 2));
    assert!(listing.posts[1].incomplete && listing.posts[1].images.is_empty(), "to be looked up later");
}

#[test]
fn an_account_that_closes_itself_between_two_pages_is_private() {
    let posts: Vec<Value> = (0..150).rev().map(|n| photo_post(1000 + n)).collect();
    let world = World::new(move |asked| match asked.path() {
        "/2/users" => {
            ok(&json!({"data": [{"id": "42", "name": "A", "username": "artist", "protected": true}]}))
        }
        _ if asked.parameter("pagination_token").is_some() => ok(&json!({"errors": [{
            "value": "42", "resource_id": "42", "resource_type": "user", "parameter": "id",
            "title": "Authorization Error", "detail": "Sorry, you are not authorized to see the user with id: [42].",
            "type": "https://api.x.com/2/problems/not-authorized-for-resource"}]})),
        _ => serve_pages(asked, &posts),
    });
    let error = world.list(&artist(), &timeline(None)).err().unwrap();
    assert!(matches!(error, NetworkError::AccountPrivate { .. }), "{error}");
}

#[test]
fn samples_ask_for_parts_of_the_timeline_and_end_well() {
    // One post in four has an image, of which the search knows all.
    let all: Vec<(u64, Value)> = (1..=1000)
        .rev()
        .map(|n| if n % 4 == 0 { (n * 1000, photo_post(n * 1000)) } else { (n * 1000, text_post(n * 1000)) })
        .collect();
    let ids = all.iter().filter(|(id, _)| id % 4000 == 0).map(|(id, _)| id.to_string()).collect();
    let world = World::new(move |asked| {
        let bound = |name| asked.parameter(name).map(|id| id.parse::<u64>().unwrap());
        let (above, below) = (bound("since_id").unwrap_or(0), bound("until_id").unwrap_or(u64::MAX));
        let inside: Vec<Value> =
            all.iter().filter(|(id, _)| *id > above && *id < below).map(|(_, post)| post.clone()).collect();
        serve_pages(asked, &inside)
    });
    let searched = SearchedPosts { ids, ..SearchedPosts::default() };
    let end = world
        .client
        .list_missed_posts(&artist(), &timeline(None), &searched, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!((end.cursor, end.coverage), (timeline(Some("1000000")), Coverage::Sampled));
    assert!((50..400).contains(&end.posts_read), "{} posts were read", end.posts_read);
    // A search that started later than the timeline's listing says nothing about the rest.
    let later = SearchedPosts { since: Some(moment(999_000_000)), ..searched };
    let whole = world
        .client
        .list_missed_posts(&artist(), &timeline(None), &later, &mut |_| ControlFlow::Continue(()));
    assert_eq!(whole.unwrap().posts_read, 1000);
}

/// What is read of a timeline of 1,000 posts, one in four with a photo, of which the search has listed all
/// but `missed`.
fn count_media(stated: Value, films: u64, missed: u64, trusted: bool) -> ListingEnd {
    let all: Vec<(u64, Value)> = (1..=1000)
        .rev()
        .map(|n| if n % 4 == 0 { (n * 1000, photo_post(n * 1000)) } else { (n * 1000, text_post(n * 1000)) })
        .collect();
    let ids: Vec<String> =
        all.iter().filter(|(id, _)| id % 4000 == 0).map(|(id, _)| id.to_string()).collect();
    let world = World::new(move |asked| {
        if asked.path() == "/2/users" {
            let id = artist().key.native;
            let metrics = json!({ "post_count": 1000, "media_count": stated });
            let user = json!({ "id": id, "name": "A", "username": "artist", "public_metrics": metrics });
            return ok(&json!({ "data": [user] }));
        }
        if asked.path() == "/2/tweets/search/all" {
            let query = asked.parameter("query").unwrap();
            assert!(query.contains("has:media -has:images -is:retweet"), "{query}");
            let film = |n: u64| {
                let mut post = text_post(n * 1000 + 1);
                post["attachments"] = json!({ "media_keys": [format!("7_{n}")] });
                post
            };
            return serve_pages(asked, &(1..=films).rev().map(film).collect::<Vec<_>>());
        }
        let bound = |name| asked.parameter(name).map(|id| id.parse::<u64>().unwrap());
        let (above, below) = (bound("since_id").unwrap_or(0), bound("until_id").unwrap_or(u64::MAX));
        let inside: Vec<Value> =
            all.iter().filter(|(id, _)| *id > above && *id < below).map(|(_, post)| post.clone()).collect();
        serve_pages(asked, &inside)
    });
    let ids: Vec<String> = ids.into_iter().skip(missed as usize).collect();
    let media = Some(ids.len() as u64);
    let searched = SearchedPosts { ids, media, counts_are_trusted: trusted, ..SearchedPosts::default() };
    let mut page = |_| ControlFlow::Continue(());
    world.client.list_missed_posts(&artist(), &timeline(None), &searched, &mut page).unwrap()
}

#[test]
fn an_equal_count_of_media_shortens_the_reading_of_a_timeline() {
    let sampled = count_media(Value::Null, 0, 0, true);
    assert_eq!((sampled.media, sampled.coverage), (None, Coverage::Sampled));
    let count = |stated, found, missed| Some(MediaCount { stated, found, missed });

    let equal = count_media(250.into(), 0, 0, true);
    assert_eq!((equal.media, equal.coverage), (count(250, 250, 0), Coverage::Sampled));
    assert_eq!(equal.cursor, sampled.cursor);
    assert!(equal.posts_read * 3 < sampled.posts_read, "{} of {}", equal.posts_read, sampled.posts_read);
    let with_films = count_media(257.into(), 7, 0, true);
    assert_eq!((with_films.media, with_films.posts_read), (count(257, 257, 0), equal.posts_read));

    // Nothing is left out where the count differs, or is not believed.
    for (stated, films, trusted, found) in
        [(253, 2, true, 252), (249, 0, true, 250), (900, 0, true, 250), (250, 0, false, 250)]
    {
        let full = count_media(stated.into(), films, 0, trusted);
        assert_eq!((full.media, full.posts_read), (count(stated, found, 0), sampled.posts_read), "{stated}");
    }
    // The count is wrong: the newest post was missed, and refutes it.
    let refuted = count_media(249.into(), 0, 1, true);
    assert_eq!(refuted.media, count(249, 249, 1));
    assert!(refuted.posts_read >= sampled.posts_read, "{} of {}", refuted.posts_read, sampled.posts_read);
    // Odd numbers are none.
    for odd in [json!("many"), json!(-1), json!(1.5)] {
        assert_eq!(count_media(odd, 0, 0, true).posts_read, sampled.posts_read);
    }
}

#[test]
fn a_listing_that_is_left_after_each_page_finds_what_one_in_a_go_finds() {
    // The plan allows small pages only; an edited post stands at the end of one page and on the next; some
    // pages are empty.
    let mut posts: Vec<Value> = (0..450).rev().map(|n| photo_post(1000 + n)).collect();
    let versions = json!(["1349", "1350"]);
    for post in &mut posts[99..101] {
        post["edit_history_tweet_ids"] = versions.clone();
    }
    let serve = move |asked: &Asked| {
        if asked.parameter("max_results").as_deref() == Some("500") {
            return invalid_page_size();
        }
        let token = asked.parameter("next_token").or_else(|| asked.parameter("pagination_token"));
        match token.as_deref().and_then(|token| token.strip_prefix("empty-")) {
            None if token.as_deref() == Some("t200") => {
                ok(&json!({"meta": {"result_count": 0, "next_token": "empty-t200"}}))
            }
            Some(_) => ok(&page(&posts[200..300], Some("t300"))),
            None => serve_pages(asked, &posts),
        }
    };
    let at_once = World::new(serve.clone());
    let in_turns = World::new(serve);
    for cursor in [Cursor::Search(None), timeline(None), timeline(Some("1200"))] {
        let whole = at_once.list(&artist(), &cursor).unwrap();
        let (turns, posts, end) =
            crate::networks::fake::list_in_turns(&in_turns.client, &artist(), &cursor).unwrap();
        assert!(turns >= 3, "{turns}");
        let ids: Vec<&str> = posts.iter().map(|post| post.key.native.as_str()).collect();
        assert_eq!((ids, &end), (whole.ids(), &whole.end));
    }
    let count = |world: &World| world.asked().len();
    assert_eq!(count(&in_turns), count(&at_once), "nothing is paid for twice");
}

#[test]
fn a_window_of_the_past_is_searched_alone() {
    let posts: Vec<Value> = (0..30).rev().map(|n| photo_post(1000 + n)).collect();
    let world = World::new(move |asked| serve_pages(asked, &posts));
    let window = Window { from: moment(1000), to: moment(1030) };
    let listing = world.list(&artist(), &Cursor::Window(window)).unwrap();
    assert_eq!(listing.posts.len(), 30);
    assert_eq!((listing.end.cursor, listing.end.coverage), (Cursor::Window(window), Coverage::Complete));
    let asked = world.asked();
    assert_eq!(asked.iter().map(|asked| asked.path()).collect::<Vec<_>>(), ["/2/tweets/search/all"]);
    assert_eq!(asked[0].parameter("start_time"), Some(date(1000)));
    assert_eq!(asked[0].parameter("end_time"), Some(date(1031)), "exclusive");
}

#[test]
fn the_newest_part_of_a_window_is_read_from_the_timeline() {
    let world = World::new(|asked| serve_pages(asked, &[]));
    let now = Timestamp::now();
    let day = Duration::from_secs(86_400);
    let window = Window { from: now.minus(day * 7), to: now.plus(day * 7) };
    let listing = world.list(&artist(), &Cursor::Window(window)).unwrap();
    let asked = world.asked();
    let paths: Vec<_> = asked.iter().map(|asked| asked.path().to_owned()).collect();
    assert_eq!(paths, ["/2/users/42/tweets", "/2/tweets/search/all"]);
    let parse = |text: Option<String>| Timestamp::parse_rfc3339(&text.unwrap()).unwrap();
    assert!(parse(asked[0].parameter("end_time")) <= now, "X refuses what is to come");
    assert!(parse(asked[0].parameter("start_time")) <= parse(asked[1].parameter("end_time")), "no gap");
    assert_eq!(asked[1].parameter("start_time"), Some(window.from.to_rfc3339()));
    let Cursor::Window(covered) = listing.end.cursor else { panic!() };
    assert!(covered.from == window.from && covered.to < now, "{covered:?}");
}

#[test]
fn a_window_is_not_looked_for_in_time_to_come() {
    let world = World::new(|asked| serve_pages(asked, &[]));
    let day = Duration::from_secs(86_400);
    let window = Window { from: Timestamp::now().plus(day), to: Timestamp::now().plus(day * 2) };
    world.list(&artist(), &Cursor::Window(window)).unwrap();
    assert_eq!(world.asked().len(), 0);
}

#[test]
fn a_window_that_is_left_goes_on_in_its_part() {
    let posts: Vec<Value> = (0..1200).rev().map(|n| photo_post(1000 + n)).collect();
    let world = World::new(move |asked| match asked.path() {
        "/2/tweets/search/all" => serve_pages(asked, &posts),
        _ => serve_pages(asked, &[]),
    });
    let window = Window { from: moment(1000), to: Timestamp::now() };
    let mut left = Left { place: None, posts: 0, pieces: 12 };
    let cursor = Cursor::Window(window);
    assert!(matches!(world.client.list_in_turns(&artist(), &cursor, &mut left), Err(NetworkError::Stopping)));
    let place = left.place.clone().expect("it can be left");
    let before = world.asked().len();
    let mut rest = Left { place: Some(place), posts: 0, pieces: usize::MAX };
    let end = world.client.list_in_turns(&artist(), &cursor, &mut rest).unwrap();
    assert_eq!(left.posts + rest.posts, 1200);
    assert!(world.asked()[before..].iter().all(|asked| asked.path() == "/2/tweets/search/all"));
    assert!(matches!(end.cursor, Cursor::Window(covered) if covered.from == window.from));
}

/// A listing that is left at the first place after so many pieces.
struct Left {
    place: Option<ListingPlace>,
    posts: usize,
    pieces: usize,
}

impl Turns for Left {
    fn place(&self) -> Option<&ListingPlace> {
        self.place.as_ref()
    }

    fn take(&mut self, posts: Vec<ListedPost>, hold: Hold) -> ControlFlow<()> {
        self.posts += posts.len();
        self.pieces = self.pieces.saturating_sub(1);
        match hold {
            Hold::At(place) if self.pieces == 0 => {
                self.place = Some(*place);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
