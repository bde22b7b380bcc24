//! Single posts by number: what they show, and whose they are.

use super::*;
use crate::base::ids::PostKey;
use crate::domain::posts::{ListedImage, PostOutcome};

fn posts(ids: &[&str]) -> Vec<PostKey> {
    ids.iter().map(|id| PostKey::new(Network::Twitter, *id)).collect()
}

fn found(id: &str, author: Account) -> PostOutcome {
    let image = ListedImage::new("abc.jpg", "https://pbs.twimg.com/media/abc?format=jpg&name=small");
    let published = Timestamp::parse_rfc3339("2024-05-06T07:08:09.000Z");
    let post = ListedPost::of_images(PostKey::new(Network::Twitter, id), published, [image]).unwrap();
    PostOutcome::Found { author, post }
}

fn author(posts: Option<u64>) -> Account {
    Account { key: AccountKey::new(Network::Twitter, "42"), handle: "artist".into(), posts }
}

/// What oEmbed says: there, and by whom; gone; not to be embedded.
fn embed(asked: &Asked) -> Answer {
    match asked.parameter("url").unwrap().rsplit('/').next().unwrap() {
        "2" => reply(404, &[], "{}"),
        "3" => reply(403, &[], "{}"),
        id => {
            let url = format!("https://twitter.com/Artist/status/{id}");
            reply(200, &[], json!({"url": url, "author_url": "https://twitter.com/Artist"}).to_string())
        }
    }
}

fn nothing(why: &str) -> PostOutcome {
    PostOutcome::Nothing { why: why.to_owned() }
}

#[test]
fn posts_are_found_with_their_author_for_one_read_each() {
    let world = World::new(|asked| {
        if asked.path() != "/2/tweets" {
            return embed(asked);
        }
        assert_eq!(asked.parameter("ids").as_deref(), Some("1,3,4,5,6"), "not those that are gone");
        let post = |id: &str, keys: &[&str]| {
            json!({"id": id, "author_id": "42", "text": "t", "created_at": "2024-05-06T07:08:09.000Z",
                   "attachments": {"media_keys": keys}})
        };
        let mut repost = post("5", &["3_1"]);
        repost["referenced_tweets"] = json!([{"type": "retweeted", "id": "9"}]);
        ok(&json!({
            "data": [post("1", &["3_1"]), post("3", &["3_1"]), post("4", &["7_2"]), repost],
            "includes": {"media": [
                {"media_key": "3_1", "type": "photo", "url": "https://pbs.twimg.com/media/abc.jpg"},
                {"media_key": "7_2", "type": "video"},
            ]},
            "errors": [{"value": "6", "title": "Not Found Error",
                        "type": "https://api.x.com/2/problems/resource-not-found"}],
        }))
    });
    let outcomes = world.client.look_posts_up(&posts(&["1", "2", "3", "4", "5", "6", "x"])).unwrap();
    let gone = nothing("is gone, or cannot be seen by everybody");
    let expect = [
        found("1", author(None)),
        gone.clone(),
        found("3", Account { handle: String::new(), ..author(None) }),
        nothing("has no images of its author's own"),
        nothing("repeats another's post"),
        gone,
        nothing("has no number of X"),
    ];
    assert_eq!(outcomes, expect);
    let paid: Vec<_> = world.asked().into_iter().filter(|asked| !asked.token.is_empty()).collect();
    assert_eq!(paid.len(), 1);
    assert_eq!(paid[0].parameter("expansions").as_deref(), Some("attachments.media_keys"), "no user is read");
}

/// There the author is known by an expansion alone: the handle is looked up.
#[test]
fn under_the_newer_contract_the_author_is_looked_up() {
    let newer = |settings: &mut config::Twitter| settings.fields_parameter = "post.fields".to_owned();
    let world = World::with(1, newer, |asked| match asked.path() {
        "/2/tweets" => {
            let post = |id: &str| {
                json!({"id": id, "text": "t", "created_at": "2024-05-06T07:08:09.000Z",
                       "attachments": {"media_keys": ["3_1"]}})
            };
            ok(&json!({
                "data": [post("1"), post("3")],
                "includes": {"media": [
                    {"media_key": "3_1", "type": "photo", "url": "https://pbs.twimg.com/media/abc.jpg"},
                ]},
            }))
        }
        "/2/users/by" => ok(&json!({"data": [
            {"id": "42", "name": "A", "username": "Artist", "public_metrics": {"post_count": 7}},
        ]})),
        _ => embed(asked),
    });
    let outcomes = world.client.look_posts_up(&posts(&["1", "3"])).unwrap();
    assert_eq!(outcomes, [found("1", author(Some(7))), PostOutcome::Unknown]);
}

#[test]
fn what_could_not_be_asked_is_an_error() {
    let capped = World::new(|asked| match asked.path() {
        "/2/tweets" => reply(
            429,
            &[],
            r#"{"title": "UsageCapExceeded", "type": "https://api.x.com/2/problems/usage-capped"}"#,
        ),
        _ => embed(asked),
    });
    assert!(matches!(capped.client.look_posts_up(&posts(&["1"])), Err(NetworkError::UsageCapped { .. })));
    let none = World::with(0, |_| {}, embed);
    assert!(matches!(none.client.look_posts_up(&posts(&["1"])), Err(NetworkError::NoCredentials { .. })));
    assert_eq!(none.client.look_posts_up(&posts(&["2"])).unwrap().len(), 1, "nothing was left to ask");
    let stopping = World::new(|_| Err(FetchError::Stopping));
    assert!(matches!(stopping.client.look_posts_up(&posts(&["1"])), Err(NetworkError::Stopping)));
}
