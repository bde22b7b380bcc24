//! Looking accounts up, and asking whether posts still exist.

use super::*;
use crate::base::ids::PostKey;
use crate::domain::accounts::{AccountRef, ResolutionOutcome};
use crate::domain::posts::PostState;
use crate::networks::Presence;

fn handle(name: &str) -> AccountRef {
    AccountRef::Handle { network: Network::Twitter, handle: name.to_owned() }
}

fn id(native: &str) -> AccountRef {
    AccountRef::Id(AccountKey::new(Network::Twitter, native))
}

fn readable(native: &str, handle: &str, posts: Option<u64>) -> ResolutionOutcome {
    let key = AccountKey::new(Network::Twitter, native);
    ResolutionOutcome::Readable(Account { key, handle: handle.to_owned(), posts })
}

/// Resolves `refs` and compares the outcomes, in order.
#[track_caller]
fn check_outcomes(world: &World, refs: &[AccountRef], expect: &[ResolutionOutcome]) {
    let resolved = world.client.resolve(refs).unwrap();
    let (asked, outcomes): (Vec<_>, Vec<_>) =
        resolved.into_iter().map(|resolution| (resolution.asked, resolution.outcome)).unzip();
    assert_eq!(asked, refs);
    assert_eq!(outcomes, expect);
}

#[test]
fn accounts_of_every_fate() {
    let world = World::new(|asked| match asked.path() {
        "/2/users/by" => ok(&json!({
        "data": [
            {"id": "1", "name": "A", "username": "Artist_A", "protected": false, "public_metrics": {"tweet_count": 321}},
            {"id": "2", "name": "B", "username": "hidden", "protected": true, "public_metrics": {"post_count": 5}},
        ],
        "errors": [
            {"value": "gone", "resource_id": "gone", "detail": "Could not find user with usernames: [gone].",
             "title": "Not Found Error", "type": "https://api.twitter.com/2/problems/resource-not-found"},
            {"value": "banned", "resource_id": "banned", "detail": "User has been suspended: [banned].",
             "title": "Forbidden", "type": "https://api.twitter.com/2/problems/resource-not-found"},
            {"resource_id": "shy", "title": "Authorization Error", "detail": "Sorry",
             "type": "https://api.x.com/2/problems/not-authorized-for-resource"},
        ]})),
        "/2/users" => ok(&json!({"data": [
            {"id": "7", "username": "Seven", "protected": null, "public_metrics": {"tweet_count": 1, "post_count": 8}},
            {"id": "9007199254740993", "username": "big"},
        ]})),
        other => panic!("{other}"),
    });
    let refs = [
        handle("banned"),
        id("7"),
        handle("artist_a"),
        handle("hidden"),
        handle("gone"),
        id("9007199254740993"),
        handle("shy"),
        handle("artist_a"),
        handle("unmentioned"),
    ];
    let expect = [
        ResolutionOutcome::Suspended,
        readable("7", "seven", Some(8)),
        readable("1", "artist_a", Some(321)),
        ResolutionOutcome::Private,
        ResolutionOutcome::Missing,
        readable("9007199254740993", "big", None),
        ResolutionOutcome::Private,
        readable("1", "artist_a", Some(321)),
        ResolutionOutcome::Closed { why: "is left out of X's answer, which does not say why".to_owned() },
    ];
    check_outcomes(&world, &refs, &expect);
    let mut asked = world.asked();
    assert_eq!(asked.remove(1).parameter("usernames").as_deref(), Some("unmentioned"), "asked once more");
    assert_eq!(asked.len(), 2);
    let names = asked[0].parameter("usernames");
    assert_eq!(names.as_deref(), Some("banned,artist_a,hidden,gone,shy,unmentioned"), "each name once");
    assert_eq!(asked[1].parameter("ids").as_deref(), Some("7,9007199254740993"));
}

#[test]
fn names_that_cannot_be_are_not_asked_for() {
    let world = World::new(|_| panic!("nothing to ask"));
    let other = AccountRef::Handle { network: Network::Bluesky, handle: "a.bsky.social".to_owned() };
    let refs = [handle("has space"), handle(""), handle("sixteencharacter"), handle("a,b"), id("12x"), other];
    check_outcomes(&world, &refs, &vec![ResolutionOutcome::Missing; refs.len()]);
    check_outcomes(&world, &[], &[]);
}

#[test]
fn a_hundred_at_a_time() {
    let world = World::new(|asked| {
        let names = asked.parameter("usernames").unwrap();
        let users: Vec<Value> = names
            .split(',')
            .map(|name| json!({"id": name.trim_start_matches('a'), "username": name.to_uppercase()}))
            .collect();
        ok(&json!({"data": users}))
    });
    let refs: Vec<AccountRef> = (0..250).map(|n| handle(&format!("a{n}"))).collect();
    let expect: Vec<_> = (0..250).map(|n| readable(&n.to_string(), &format!("a{n}"), None)).collect();
    check_outcomes(&world, &refs, &expect);
    let sizes: Vec<_> =
        world.asked().iter().map(|asked| asked.parameter("usernames").unwrap().split(',').count()).collect();
    assert_eq!(sizes, [100, 100, 50]);
}

#[test]
fn what_was_said_minutes_ago_is_not_asked_again() {
    let world = World::new(|_| {
        ok(&json!({
            "data": [{"id": "1", "username": "a"}],
            "errors": [{"resource_id": "gone", "detail": "no", "type": "https://api.x.com/2/problems/resource-not-found"}],
        }))
    });
    let expect = [readable("1", "a", None), ResolutionOutcome::Missing];
    check_outcomes(&world, &[handle("a"), handle("gone")], &expect);
    // Another worker's client, another order, another case.
    let other = World { client: world.client.with_waiter(world.waiter.clone()), ..world };
    check_outcomes(&other, &[handle("GONE"), handle("A")], &[expect[1].clone(), expect[0].clone()]);
    assert_eq!(other.asked().len(), 1);
    // Whoever has a reason to doubt asks X itself.
    other.client.resolve_now(&[handle("a")]).unwrap();
    assert_eq!(other.asked().len(), 2);
}

#[test]
fn a_fault_with_one_account_is_not_its_end() {
    let world = World::new(|_| {
        ok(
            &json!({"errors": [{"resource_id": "a", "detail": "later", "type": "https://api.x.com/2/problems/internal-error"}]}),
        )
    });
    let error = world.client.resolve(&[handle("a")]).unwrap_err();
    assert_eq!(error.reaction(), crate::base::Reaction::Backoff, "{error}");
}

#[test]
fn an_account_that_cannot_be_read_is_not_missing() {
    let world =
        World::new(|_| ok(&json!({"data": [{"id": 1, "username": "a"}, {"id": "2", "username": "b"}]})));
    assert!(world.client.resolve(&[handle("b")]).is_ok());
    let error = world.client.resolve(&[handle("a"), handle("b")]).unwrap_err();
    assert_eq!(error.reaction(), crate::base::Reaction::Backoff, "{error}");
}

fn posts(ids: &[&str]) -> Vec<PostKey> {
    ids.iter().map(|id| PostKey::new(Network::Twitter, *id)).collect()
}

/// The post that an oEmbed request is about.
fn embedded(asked: &Asked) -> String {
    assert_eq!(asked.url.host_str(), Some("publish.twitter.com"));
    assert_eq!(asked.token, "", "no secrets for this host");
    let post = asked.parameter("url").unwrap();
    post.strip_prefix("https://twitter.com/i/status/").unwrap().to_owned()
}

#[test]
fn the_free_endpoint_is_asked_first() {
    let world = World::new(|asked| {
        if asked.path() == "/2/tweets" {
            assert_eq!(asked.parameter("ids").as_deref(), Some("3,5,6,7"), "only where it did not tell");
            return ok(&json!({
            "data": [{"id": "3", "text": "t"}],
            "errors": [
                {"resource_id": "5", "title": "Not Found Error", "type": "https://api.x.com/2/problems/resource-not-found"},
                {"value": "6", "title": "Authorization Error", "type": "https://api.x.com/2/problems/not-authorized-for-resource"},
            ]}));
        }
        match embedded(asked).as_str() {
            "1" => reply(200, &[], include_str!("../../../../tests/fixtures/x/publish_oembed_2024-06.json")),
            "2" => reply(404, &[], "{\"error\":\"Sorry, that page does not exist\",\"request\":\"/oembed\"}"),
            "3" => reply(403, &[], "{}"),
            "5" => reply(500, &[], ""),
            _ => Err(FetchError::Unreachable { host: "publish.twitter.com".to_owned(), why: "w".to_owned() }),
        }
    });
    let states = world.client.check_posts(&posts(&["1", "2", "3", "not-an-id", "5", "6", "7"])).unwrap();
    use PostState::{Deleted, Gone, Unknown, Visible};
    assert_eq!(states, [Visible, Deleted, Visible, Unknown, Deleted, Gone, Unknown]);
    assert_eq!(world.asked().iter().filter(|asked| asked.path() == "/2/tweets").count(), 1);
}

#[test]
fn posts_that_cannot_be_checked_are_unknown() {
    let unknown = [PostState::Unknown; 2];
    let free_only = World::with(0, |_| {}, |_| reply(500, &[], ""));
    assert_eq!(free_only.client.check_posts(&posts(&["1", "2"])).unwrap(), unknown);
    let paid_only = |settings: &mut config::Twitter| settings.oembed_first = false;
    let limited = World::with(1, paid_only, |_| reply(429, &[], "{}"));
    assert_eq!(limited.client.check_posts(&posts(&["1", "2"])).unwrap(), unknown);
    assert_eq!(limited.waits(), [""; 0], "a user is waiting");
    let stopping = World::new(|_| Err(FetchError::Stopping));
    assert!(matches!(stopping.client.check_posts(&posts(&["1"])), Err(NetworkError::Stopping)));
}

#[test]
fn posts_are_checked_a_hundred_at_a_time() {
    let paid_only = |settings: &mut config::Twitter| settings.oembed_first = false;
    let world = World::with(1, paid_only, |asked| {
        let ids = asked.parameter("ids").unwrap();
        let found: Vec<Value> = ids.split(',').map(|id| json!({"id": id, "text": "t"})).collect();
        ok(&json!({"data": found}))
    });
    let ids: Vec<String> = (1..=150).map(|n| n.to_string()).collect();
    let keys: Vec<PostKey> = ids.iter().map(|id| PostKey::new(Network::Twitter, id)).collect();
    assert_eq!(world.client.check_posts(&keys).unwrap(), vec![PostState::Visible; 150]);
    assert_eq!(world.asked().len(), 2);
}

#[test]
fn an_account_is_missing_only_where_x_says_so() {
    let account = |native: &str| Account {
        key: AccountKey::new(Network::Twitter, native),
        handle: String::new(),
        posts: None,
    };
    let asked: Vec<Account> = ["1", "2", "3", "4", "5", "x"].map(account).to_vec();
    let kind = |name: &str| format!("https://api.twitter.com/2/problems/{name}");
    let (not_found, hydration) = (kind("resource-not-found"), kind("field-hydration-failure"));
    let world = World::new(move |_| {
        ok(&json!({
            // One that cannot be read is there all the same.
            "data": [{"id": "1"}, {"id": "2", "username": "b", "protected": true}],
            "errors": [
                {"value": "3", "detail": "Could not find user with ids: [3].", "type": not_found},
                {"value": "4", "detail": "User has been suspended: [4].", "type": not_found},
            ]
        }))
    });
    let found = world.client.check_accounts(&asked).unwrap();
    let expect = [Presence::Present, Presence::Private, Presence::Missing, Presence::Suspended];
    assert_eq!(found[..4], expect);
    assert!(found[4..].iter().all(|presence| matches!(presence, Presence::Unknown { .. })), "{found:?}");
    assert_eq!(world.asked()[0].parameter("ids").as_deref(), Some("1,2,3,4,5"));

    let unclear =
        World::new(move |_| ok(&json!({"errors": [{"value": "1", "detail": "d", "type": hydration}]})));
    let down = World::new(|_| {
        Ok(Response {
            status: 503,
            url: "https://api.x.com/".parse().unwrap(),
            headers: vec![],
            body: "".into(),
        })
    });
    for world in [unclear, down, World::with(0, |_| {}, |_| panic!("no credential"))] {
        let found = world.client.check_accounts(&asked[..1]).unwrap();
        assert!(matches!(found[..], [Presence::Unknown { .. }]), "{found:?}");
    }
}
