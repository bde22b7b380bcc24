//! What servers do otherwise than Mastodon itself: snac, Takahe, Pleroma, GoToSocial, Pixelfed, Misskey, and
//! those that nobody has seen yet.

use super::*;
use crate::networks::client::PostLister;
use crate::networks::delivery::MAX_ADDRESS_BYTES;

/// The artist's server without `Link` headers. `page` gets the last id of the page before.
fn without_links(account: Value, page: impl Fn(Option<u32>) -> Vec<Value> + Send + Sync + 'static) -> World {
    World::new(move |url| {
        if url.path() == "/api/v1/accounts/lookup" {
            return reply(200, &[], &account);
        }
        reply(200, &[], &json!(page(parameter(url, "max_id").map(|id| id.parse().unwrap()))))
    })
}

fn ann() -> Value {
    account("art.example", "ann")
}

#[test]
fn without_a_link_header_what_follows_the_last_post_is_asked_for() {
    let world = without_links(ann(), |max_id| {
        let newest = max_id.map_or(100, |id| id - 1);
        (1..=newest).rev().take(40).map(status).collect()
    });
    let (posts, end) = world.list(None).unwrap();
    assert_eq!((posts.len(), end.posts_read, end.coverage), (100, 100, Coverage::Complete));
    // The look-up, three pages with posts, and an empty one.
    assert_eq!(world.servers.asked().len(), 5);
}

#[test]
fn a_server_that_does_not_page_shows_what_it_shows() {
    // As snac 2.75 does: 256 posts at most, whatever `max_id` says, and 0 for the count of all posts.
    let mut of_snac = ann();
    of_snac["statuses_count"] = 0.into();
    let same = || -> Vec<Value> { (1..=256).rev().map(status).collect() };
    let world = without_links(of_snac, move |_| same());
    let (posts, end) = world.list(None).unwrap();
    assert_eq!((posts.len(), end.posts_read, end.coverage), (256, 256, Coverage::LimitedTo(256)));
    assert_eq!(world.servers.asked().len(), 3, "the page is not read twice");
    // Where the account is known to have no more posts than these, or a page has room for more, they are all.
    for (count, stated) in [(30, 30), (9, 0)] {
        let mut known = ann();
        known["statuses_count"] = stated.into();
        let world = without_links(known, move |_| (1..=count).rev().map(status).collect());
        let (posts, end) = world.list(None).unwrap();
        assert_eq!((posts.len(), end.coverage), (count as usize, Coverage::Complete));
    }
    // An update that reached the known posts needs no more pages.
    let world = without_links(ann(), move |_| same());
    let (_, end) = world.list(Some(moment(250))).unwrap();
    assert_eq!((world.servers.asked().len(), end.coverage), (2, Coverage::Complete));
}

#[test]
fn a_server_that_begins_with_the_last_post_again_comes_to_an_end() {
    let world = without_links(ann(), |max_id| {
        let newest = max_id.unwrap_or(100);
        (1..=newest).rev().take(40).map(status).collect()
    });
    let (posts, end) = world.list(None).unwrap();
    let mut known: Vec<_> = posts.into_iter().map(|post| post.key).collect();
    known.dedup();
    assert_eq!((known.len(), end.coverage), (100, Coverage::Complete));
}

#[test]
fn a_server_may_name_itself_in_its_own_accounts() {
    let world = World::new(|url| {
        let host = url.host_str().unwrap();
        match (host, url.path()) {
            ("social.takahe.example", "/.well-known/webfinger") => panic!("{url}"),
            (_, "/.well-known/webfinger") => reply(
                200,
                &[],
                &json!({"subject": "acct:jo@takahe.example", "links": [{"rel": "self",
                    "type": "application/activity+json", "href": "https://social.takahe.example/@jo@takahe.example/"}]}),
            ),
            ("takahe.example", _) => reply(404, &[], &json!("a page")),
            ("social.takahe.example", _) => {
                let mut jo = account(host, "jo");
                jo["acct"] = "jo@takahe.example".into();
                jo["uri"] = "https://social.takahe.example/@jo@takahe.example/".into();
                reply(200, &[], &jo)
            }
            _ => {
                let mut alice = account(host, "alice");
                alice["acct"] = format!("alice@{host}").into();
                alice["uri"] = format!("https://{host}/alice").into();
                reply(200, &[], &alice)
            }
        }
    });
    assert_eq!(
        world.resolve(&["alice@snac.test", "jo@takahe.example"]),
        [
            "https://snac.test/alice @alice@snac.test",
            "https://social.takahe.example/@jo@takahe.example/ @jo@social.takahe.example"
        ]
    );
}

#[test]
fn an_account_is_found_by_its_actor_alone() {
    let world = World::new(|url| {
        let host = url.host_str().unwrap();
        match url.path() {
            // Mastodon since 4.5.
            "/api/v1/accounts/117" => {
                let mut ann = account(host, "ann");
                ann["uri"] = format!("https://{host}/ap/users/117").into();
                reply(200, &[], &ann)
            }
            "/.well-known/webfinger" => {
                let resource = parameter(url, "resource").unwrap();
                let known = resource == format!("https://{host}/alice");
                let actor = json!({"rel": "self", "type": "application/activity+json", "href": resource});
                let answer = json!({"subject": format!("acct:alice@{host}"), "links": [actor]});
                reply(if known { 200 } else { 404 }, &[], &answer)
            }
            "/api/v1/accounts/lookup" if parameter(url, "acct").as_deref() == Some("alice") => {
                let mut alice = account(host, "alice");
                alice["uri"] = format!("https://{host}/alice").into();
                reply(200, &[], &alice)
            }
            _ => reply(404, &[], &json!({"error": "Record not found"})),
        }
    });
    assert_eq!(
        world.resolve(&[
            "https://art.example/ap/users/117",
            "https://snac.test/alice",
            "https://snac.test/bob",
            "https://art.example/users/nobody"
        ]),
        [
            "https://art.example/ap/users/117 @ann@art.example",
            "https://snac.test/alice @alice@snac.test",
            "does not exist",
            "does not exist"
        ]
    );
}

#[test]
fn a_scan_that_is_resumed_without_a_handle_finds_its_account() {
    let key = AccountKey::new(Network::Mastodon, "https://art.example/ap/users/42");
    let account = Account { key, handle: String::new(), posts: None };
    let world = World::new(|url| match url.path() {
        "/api/v1/accounts/42" => {
            let mut ann = ann();
            ann["uri"] = "https://art.example/ap/users/42".into();
            reply(200, &[], &ann)
        }
        "/api/v1/accounts/42/statuses" => reply(200, &[], &json!([])),
        other => panic!("{other}"),
    });
    assert!(list(&world.client, &account, &Cursor::Search(None)).is_ok());
}

/// What is said of an account that Misskey's client would read.
const OF_MISSKEY: &str =
    "is on a network that is switched off here (misskey: it is not among the networks of the configuration)";

/// A server that has the account, but no API of Mastodon.
fn of_another_kind(software: &'static str) -> World {
    World::new(move |url| {
        let host = url.host_str().unwrap();
        match url.path() {
            "/.well-known/webfinger" => reply(
                200,
                &[],
                &json!({"subject": format!("acct:ann@{host}"), "links": [{"rel": "self",
                    "type": "application/activity+json", "href": format!("https://{host}/users/9bq")}]}),
            ),
            "/.well-known/nodeinfo" => reply(
                200,
                &[],
                &json!({"links": [
                    {"rel": "http://nodeinfo.diaspora.software/ns/schema/2.1", "href": format!("https://{host}/nodeinfo/2.1")},
                    {"rel": "http://nodeinfo.diaspora.software/ns/schema/2.0", "href": format!("https://{host}/nodeinfo/2.0")}]}),
            ),
            "/nodeinfo/2.1" if software.is_empty() => reply(500, &[], &json!({})),
            "/nodeinfo/2.1" => reply(
                200,
                &[],
                &json!({"version": "2.1", "software": {"name": software, "version": "2026.5.1"}}),
            ),
            // What Misskey answers to a path of its API that it does not have.
            _ => reply(
                404,
                &[],
                &json!({"error": {"message": "Unknown API endpoint.",
                "code": "UNKNOWN_API_ENDPOINT", "id": "2ca3b769-540a-4f08-9dd5-b5a825b6d0f1", "kind": "client"}}),
            ),
        }
    })
}

#[test]
fn a_server_of_another_kind_is_told_and_its_account_is_not_missing() {
    let check = |software: &'static str, expect: &str| {
        let world = of_another_kind(software);
        assert_eq!(world.resolve(&["ann@other.example"]), [expect], "{software}");
    };
    check("misskey", OF_MISSKEY);
    check("Sharkey", OF_MISSKEY);
    check("lemmy", "is on a server of a kind that is not read (lemmy)");
    check("<script>", "is on a server that does not answer as Mastodon does");
    check("", "is on a server that does not answer as Mastodon does");
    let world = of_another_kind("misskey");
    world.resolve(&["ann@other.example"]);
    world.resolve(&["ann@other.example"]);
    let asked = world.servers.asked();
    let count = asked.iter().filter(|url| url.path().contains("nodeinfo")).count();
    assert_eq!(count, 2, "what a server is, is asked once");
    // By the actor alone, whose URI ends in what looks like a name.
    let told = world.resolve(&["https://other.example/users/9bq"]);
    assert_eq!(told, [OF_MISSKEY]);
}

#[test]
fn a_page_that_keeps_programs_out_is_no_missing_account() {
    let world = World::new(|_| {
        let mut answer = reply(403, &[], &json!(null)).unwrap();
        answer.body = "<!DOCTYPE html><title>Just a moment...</title>".into();
        Ok(answer)
    });
    let told = world.resolve(&["ann@art.example"]);
    assert!(
        told[0].contains("could not be looked up") && told[0].contains("lets no programs in"),
        "{told:?}"
    );
    assert!(matches!(world.list(None), Err(NetworkError::Refused { .. })));
}

#[test]
fn long_addresses_of_images_are_kept() {
    let signature = format!("?X-Amz-Signature={}", "f".repeat(700));
    let japanese = format!("?name={}.png", "%E7%B5%B5".repeat(60));
    let addresses = [signature, japanese].map(|query| format!("https://files.art.example/a.png{query}"));
    let longest = format!("https://files.art.example/{}", "x".repeat(MAX_ADDRESS_BYTES - 26));
    let attached: Vec<Value> = addresses
        .iter()
        .chain([&longest])
        .map(|url| json!({"id": "1", "type": "image", "url": url, "preview_url": url}))
        .collect();
    let mut post = status(3);
    post["media_attachments"] = attached.into();
    let world = World::new(move |url| serve(url, &[post.clone()]));
    let (posts, _) = world.list(None).unwrap();
    let names: Vec<&str> = posts[0].images.iter().map(|image| image.name.as_str()).collect();
    assert_eq!(names, [&addresses[0], &addresses[1], &longest]);
}

#[test]
fn a_picture_that_is_still_worked_on_is_left_for_the_next_listing() {
    let with_unfinished = |published: Timestamp| {
        let mut post = status(2);
        post["created_at"] = published.to_rfc3339().into();
        post["media_attachments"] =
            json!([picture(2), {"id": "3", "type": "image", "url": null, "preview_url": null}]);
        let world = World::new(move |url| serve(url, &[post.clone()]));
        let (posts, end) = world.list(None).unwrap();
        (posts.len(), end.cursor)
    };
    let now = Timestamp::now().minus(std::time::Duration::from_secs(60));
    let (posts, cursor) = with_unfinished(now);
    assert_eq!(posts, 0);
    // The next listing starts a day before this, and so comes back to the post.
    assert!(matches!(cursor, Cursor::Search(Some(cursor)) if cursor <= Timestamp::now()));
    assert_eq!(with_unfinished(moment(2)).0, 1, "what was not finished in a day never will be");
}

#[test]
fn fields_of_other_types_than_mastodons_spoil_nothing() {
    let mut odd = ann();
    odd["id"] = 42.into();
    odd["statuses_count"] = "many".into();
    odd["noindex"] = "no".into();
    odd["moved"] = false.into();
    odd["pleroma"] = json!([]);
    let mut numbered = status(3);
    numbered["id"] = 3.into();
    numbered["account"]["id"] = 42.into();
    numbered["reblog"] = false.into();
    let mut undated = status(2);
    undated["created_at"] = 17.into();
    undated["media_attachments"] = json!([{"type": "unknown", "url": "https://files.art.example/x.PNG?y"},
        {"type": 7, "url": "https://files.art.example/y.png"}, {"type": "unknown", "url": "https://files.art.example/z.pdf"}]);
    let world = without_links(odd, move |max_id| match max_id {
        None => vec![numbered.clone(), undated.clone()],
        Some(_) => vec![],
    });
    assert_eq!(world.resolve(&["ann@art.example"]), [format!("{ACTOR} @ann@art.example")]);
    let (posts, _) = world.list(None).unwrap();
    assert_eq!(posts.iter().map(|post| post.images.len()).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_server_that_makes_up_its_posts_comes_to_an_end() {
    // Twenty thousand posts in a page, with a new name for the next page each time.
    let page: Vec<Value> = (1..=20_000).rev().map(status).collect();
    let world = World::new(move |url| {
        if url.path() == "/api/v1/accounts/lookup" {
            return reply(200, &[], &ann());
        }
        match parameter(url, "max_id") {
            None => {
                let link = format!("<https://art.example/x?max_id={}>; rel=\"next\"", "9".repeat(64));
                reply(200, &[("link", &link)], &json!(page))
            }
            // No longer a name that could be asked for.
            Some(_) => {
                let link = format!("<https://art.example/x?max_id={}>; rel=\"next\"", "9".repeat(65));
                reply(200, &[("link", &link)], &json!([status(1)]))
            }
        }
    });
    let mut largest = 0;
    let mut count = 0;
    let end = world.client.list_posts(&artist(), &Cursor::Search(None), &mut |piece| {
        largest = largest.max(piece.len());
        count += piece.len();
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!((count, end.unwrap().posts_read), (20_001, 20_001));
    assert!(largest <= 50, "{largest}");
    // Posts and ids that cannot be stored are left out.
    let mut long = status(3);
    long["uri"] = format!("https://art.example/{}", "x".repeat(600)).into();
    let world = World::new(move |url| serve(url, &[long.clone(), status(2)]));
    assert_eq!(world.list(None).unwrap().0.len(), 1);
    let world = World::new(|url| {
        let mut long = account(url.host_str().unwrap(), "ann");
        long["uri"] = format!("https://art.example/{}", "x".repeat(600)).into();
        reply(200, &[], &long)
    });
    assert_eq!(
        world.resolve(&["ann@art.example"]),
        ["has an id of more than 512 bytes, which cannot be stored"]
    );
}

#[test]
fn pages_that_never_end_are_told_as_incomplete() {
    let world = World::new(|url| {
        if url.path() == "/api/v1/accounts/lookup" {
            return reply(200, &[], &ann());
        }
        let page = parameter(url, "max_id").map_or(1_000_000, |id| id.parse::<u32>().unwrap());
        let link = format!("<https://art.example/x?max_id={}>; rel=\"next\"", page - 1);
        reply(200, &[("link", &link)], &json!([status(5)]))
    });
    let (_, end) = world.list(None).unwrap();
    assert_eq!(end.coverage, Coverage::LimitedTo(10_000));
    assert_eq!(world.servers.asked().len(), 10_001);
}

#[test]
fn what_is_no_picture_has_its_place_in_the_post() {
    let mut mixed = status(6);
    mixed["media_attachments"] = json!([{"id": "1", "type": "video", "url": "https://files.art.example/v.mp4"}, picture(6), 7,
        {"id": "2", "type": "gifv", "url": "u"}, picture(7), {"id": "3", "type": "unknown", "url": null}]);
    let world = World::new(move |url| serve(url, &[mixed.clone()]));
    let (posts, _) = world.list(None).unwrap();
    let positions: Vec<u8> = posts[0].images.iter().map(|image| image.position).collect();
    assert_eq!((positions, posts[0].places), (vec![2, 5], 6));
}
