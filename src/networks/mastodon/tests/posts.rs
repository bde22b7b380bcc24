//! Single posts that a page names: on their own servers, by whatever address.

use super::*;
use crate::domain::posts::PostOutcome;

/// A post of the artist's as its server shows it alone: with the whole account.
fn shown(n: u32) -> Value {
    let mut status = status(n);
    status["account"] = account("art.example", "ann");
    status["visibility"] = "public".into();
    status
}

/// What is found for each address, in words.
fn look_up(world: &World, addresses: &[&str]) -> Vec<String> {
    let posts: Vec<PostKey> =
        addresses.iter().map(|address| PostKey::new(Network::Mastodon, *address)).collect();
    let outcomes = world.client.look_posts_up(&posts).unwrap();
    let told = outcomes.into_iter().map(|outcome| match outcome {
        PostOutcome::Found { author, post } => {
            format!("{} of {}: {}", post.key.native, author.handle, post.images[0].name)
        }
        PostOutcome::Nothing { why } => why,
        PostOutcome::Unknown => "unknown".to_owned(),
    });
    told.collect()
}

#[test]
fn a_post_is_found_by_its_page_as_a_listing_lists_it() {
    let world = World::new(|url| match (url.host_str().unwrap(), url.path()) {
        ("art.example", "/api/v1/statuses/7") => reply(200, &[], &shown(7)),
        // Another server shows it too, under a number of its own.
        ("far.example", "/api/v1/statuses/900") => reply(200, &[], &shown(7)),
        (_, "/api/v1/accounts/42/statuses" | "/api/v1/accounts/lookup") => serve(url, &[shown(7)]),
        other => panic!("{other:?}"),
    });
    let found = format!("{ACTOR}/statuses/7 of ann@art.example: https://files.art.example/original/7.png");
    let addresses = [
        "https://art.example/@ann/7",
        &format!("{ACTOR}/statuses/7"),
        "https://far.example/@ann@art.example/900",
    ];
    assert_eq!(look_up(&world, &addresses), [found.as_str(); 3]);
    let key = PostKey::new(Network::Mastodon, addresses[0]);
    let [PostOutcome::Found { author, post }] = &world.client.look_posts_up(&[key]).unwrap()[..] else {
        panic!("not found")
    };
    let (listed, _) = world.list(None).unwrap();
    assert_eq!((&listed[0], &author.key), (post, &artist().key));
}

#[test]
fn what_is_not_for_everybody_or_shows_nothing_is_nothing() {
    let world = World::new(|url| {
        let with = |change: fn(&mut Value)| {
            let mut status = shown(7);
            change(&mut status);
            reply(200, &[], &status)
        };
        match url.path().rsplit('/').next().unwrap() {
            "1" => with(|status| status["visibility"] = "private".into()),
            "2" => with(|status| status["reblog"] = json!({"id": "3"})),
            "3" => with(|status| status["media_attachments"] = json!([])),
            "4" => reply(404, &[], &json!({"error": "Record not found"})),
            "5" => reply(401, &[], &json!({"error": "This API requires an authenticated user"})),
            "6" => with(|status| status["account"]["noindex"] = true.into()),
            "7" => with(|status| status["account"]["suspended"] = true.into()),
            "8" => with(|status| status["account"]["uri"] = "https://other.example/users/famous".into()),
            // A file is not there yet.
            "9" => with(|status| {
                status["created_at"] = Timestamp::now().to_rfc3339().into();
                status["media_attachments"] = json!([{"id": "1", "type": "image", "url": null}]);
            }),
            "10" => reply(200, &[], &json!("a page")),
            "11" => reply(422, &[], &json!({"error": "e"})),
            // Each server points to the other.
            "12" => with(|status| {
                let there = status["uri"].as_str().unwrap().replace("art.example", "b.example");
                status["uri"] = there.replace("/7", "/13").into();
            }),
            "13" => with(|_| ()),
            "14" => with(|status| status["visibility"] = "unlisted".into()),
            other => panic!("{other}"),
        }
    });
    let pages: Vec<String> = (1..=14).map(|n| format!("https://art.example/@ann/{n}")).collect();
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let gone = "is gone, or cannot be seen by everybody";
    assert_eq!(
        look_up(&world, &pages)[..13],
        [
            gone,
            "repeats another's post",
            "has no images",
            gone,
            "is on a server that shows nothing without login",
            "is by an account that asks not to be indexed",
            "is by an account that is suspended",
            "is by an account that does not exist",
            "unknown",
            "unknown",
            "unknown",
            "is shown by servers that do not have it",
            &format!("{ACTOR}/statuses/7 of ann@art.example: https://files.art.example/original/7.png"),
        ]
    );
    assert!(look_up(&world, &pages)[13].starts_with(ACTOR), "unlisted is for everybody");
    let before = world.servers.asked().len();
    let odd = ["https://art.example/@ann", "http://art.example/@ann/7", "https://10.0.0.1/@ann/7", "7"];
    let why = "has an address that does not tell its number";
    assert_eq!(look_up(&world, &odd), [why; 4]);
    assert_eq!(world.servers.asked().len(), before, "nobody is asked");
}

#[test]
fn no_page_makes_us_ask_many_servers() {
    let world = World::new(|_| reply(404, &[], &json!({"error": "Record not found"})));
    let pages: Vec<String> = (0..30).map(|n| format!("https://s{n}.example/@ann/7")).collect();
    let told = look_up(&world, &pages.iter().map(String::as_str).collect::<Vec<&str>>());
    assert_eq!(told.iter().filter(|told| *told == "unknown").count(), 20);
    assert_eq!(world.servers.asked().len(), 10);
}
