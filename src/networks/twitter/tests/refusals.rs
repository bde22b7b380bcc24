//! What is done when X says no, is slow, or is not there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::base::Reaction;
use crate::domain::failure::FailureCode;

fn all_posts() -> Cursor {
    Cursor::Timeline(None)
}

fn one_page() -> Answer {
    ok(&page(&[photo_post(9)], None))
}

/// Lists with `credentials` credentials and expects an error.
#[track_caller]
fn check_error(
    credentials: usize,
    answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    reaction: Reaction,
    code: FailureCode,
) -> (World, NetworkError) {
    let world = World::with(credentials, |_| {}, answer);
    let error = world.list(&artist(), &all_posts()).err().expect("an error");
    assert_eq!((error.reaction(), error.failure_code()), (reaction, code), "{error}");
    (world, error)
}

#[test]
fn a_used_up_window_is_waited_out_visibly() {
    let count = AtomicUsize::new(0);
    let world = World::new(move |_| {
        let headers = [
            ("date", "Fri, 07 Oct 2022 23:00:00 GMT"),
            ("x-rate-limit-remaining", "0"),
            ("x-rate-limit-reset", "1665184200"), // 23:10:00
        ];
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => reply(429, &headers, r#"{"title":"Too Many Requests","type":"about:blank","status":429}"#),
            _ => one_page(),
        }
    });
    let before = Timestamp::now();
    assert_eq!(world.list(&artist(), &all_posts()).unwrap().ids(), ["9"]);
    let waits = world.waiter.waits.lock().unwrap();
    let [(until, why)] = waits.as_slice() else { panic!("{waits:?}") };
    assert_eq!(why, "users/:id/tweets");
    let wait = until.since(before);
    assert!(wait > Duration::from_secs(590) && wait < Duration::from_secs(610), "ten minutes, not {wait:?}");
}

#[test]
fn a_window_is_left_alone_before_it_is_exceeded() {
    let posts: Vec<Value> = (0..250).rev().map(|n| photo_post(1000 + n)).collect();
    let world = World::new(move |asked| {
        let mut answer = serve_pages(asked, &posts)?;
        let used = asked.parameter("pagination_token").is_some();
        let headers =
            [("x-rate-limit-remaining", if used { "0" } else { "1" }), ("x-rate-limit-reset", "99999999999")];
        answer.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Ok(answer)
    });
    world.list(&artist(), &all_posts()).unwrap();
    assert_eq!(world.asked().len(), 3, "nothing was asked in vain");
    assert_eq!(world.waits(), ["users/:id/tweets"]);
}

#[test]
fn a_limit_without_end_is_told() {
    let world = World::new(|_| reply(429, &[], "{}"));
    let error = world.list(&artist(), &all_posts()).err().unwrap();
    let NetworkError::RateLimited { endpoint: "users/:id/tweets", until } = &error else { panic!("{error}") };
    assert_eq!(error.reaction(), Reaction::WaitUntil(*until));
    assert_eq!(world.asked().len(), 6);
}

#[test]
fn a_used_up_allowance_is_not_waited_for() {
    let capped = |_: &Asked| {
        let headers = [("x-rate-limit-remaining", "1400"), ("x-rate-limit-reset", "9999999999")];
        reply(429, &headers, include_str!("../../../../tests/fixtures/x/problem_429_usage_capped.json"))
    };
    let (world, error) = check_error(2, capped, Reaction::GiveUp, FailureCode::ApiBudgetExhausted);
    assert!(matches!(&error, NetworkError::UsageCapped { why } if why.contains("Monthly")), "{error}");
    assert_eq!(world.uses(), [1, 1], "each credential once");
    assert_eq!(world.waits(), [""; 0]);
}

#[test]
fn another_credential_goes_on() {
    for kind in ["usage-capped", "client-forbidden", "not-authorized-for-resource"] {
        let world = World::with(
            2,
            |_| {},
            move |asked| {
                if asked.token == "token-0" { problem(403, kind) } else { one_page() }
            },
        );
        for _ in 0..3 {
            assert_eq!(world.list(&artist(), &all_posts()).unwrap().ids(), ["9"], "{kind}");
        }
        assert_eq!(world.waits(), [""; 0]);
        assert_eq!(world.uses()[1], 3);
    }
}

#[test]
fn credentials_take_turns() {
    let posts: Vec<Value> = (0..900).rev().map(|n| text_post(1000 + n)).collect();
    let world = World::with(3, |_| {}, move |asked| serve_pages(asked, &posts));
    world.list(&artist(), &all_posts()).unwrap();
    assert_eq!(world.uses(), [3, 3, 3]);
}

#[test]
fn a_limited_credential_lets_the_others_work() {
    let posts: Vec<Value> = (0..900).rev().map(|n| text_post(1000 + n)).collect();
    let world = World::with(
        2,
        |_| {},
        move |asked| match asked.token.as_str() {
            "token-0" => reply(429, &[], "{}"),
            _ => serve_pages(asked, &posts),
        },
    );
    world.list(&artist(), &all_posts()).unwrap();
    assert_eq!((world.uses(), world.waits().len()), (vec![1, 9], 0));
}

#[test]
fn wrong_credentials_are_named() {
    let unauthorized = |_: &Asked| {
        let recorded: Value = serde_json::from_str(include_str!(
            "../../../../tests/fixtures/x/academictwitteR_tweets_search_all_90b063.HTTP401.json"
        ))
        .unwrap();
        reply(401, &[], recorded["response"]["body"].to_string())
    };
    let (world, error) = check_error(2, unauthorized, Reaction::GiveUp, FailureCode::ProcessingError);
    let text = error.to_string();
    assert_eq!(
        text,
        "credential 1 is not accepted by users/:id/tweets: status 401: Unauthorized: Unauthorized"
    );
    assert!(!format!("{error:?}").contains("token-"));
    // The next one does not try again at once.
    assert!(world.list(&artist(), &all_posts()).is_err());
    assert_eq!(world.asked().len(), 2);
}

/// Nobody may see account 42, of which a look-up says this.
fn hidden(user: &Value) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    let user = user.clone();
    move |asked| match asked.path() {
        "/2/users" => ok(&user),
        _ => ok(
            &json!({"errors": [{"resource_id": "42", "resource_type": "user", "parameter": "id", "value": "42",
            "title": "Authorization Error", "detail": "Sorry, you are not authorized to see the user with id: [42].",
            "type": "https://api.twitter.com/2/problems/not-authorized-for-resource"}]}),
        ),
    }
}

#[test]
fn all_credentials_blocked_is_told_apart_from_private() {
    let user = |protected| json!({"data": [{"id": "42", "username": "Artist", "name": "A", "protected": protected}]});
    let code = FailureCode::BlockedByTwitterAccount;
    let (world, error) = check_error(3, hidden(&user(false)), Reaction::GiveUp, code);
    assert!(matches!(error, NetworkError::Blocked { .. }), "{error}");
    assert_eq!(world.asked().len(), 4, "each credential, and the look-up");

    let code = FailureCode::NoValidTwitterAccountFound;
    let (_, error) = check_error(1, hidden(&user(true)), Reaction::GiveUp, code);
    assert!(matches!(error, NetworkError::AccountPrivate { .. }), "{error}");
    let suspended = json!({"errors": [{"resource_id": "42", "detail": "User has been suspended: [42].", "title": "Forbidden",
        "type": "https://api.twitter.com/2/problems/resource-not-found"}]});
    let (_, error) = check_error(1, hidden(&suspended), Reaction::GiveUp, code);
    assert!(matches!(error, NetworkError::AccountSuspended { .. }), "{error}");
}

#[test]
fn a_blocked_credential_is_not_tried_for_each_page() {
    let posts: Vec<Value> = (0..500).rev().map(|n| text_post(1000 + n)).collect();
    let world = World::with(
        2,
        |_| {},
        move |asked| match asked.token.as_str() {
            "token-0" => problem(403, "not-authorized-for-resource"),
            _ => serve_pages(asked, &posts),
        },
    );
    world.list(&artist(), &all_posts()).unwrap();
    assert_eq!(world.uses(), [1, 5]);
}

#[test]
fn an_account_may_vanish_between_two_pages() {
    let posts: Vec<Value> = (0..150).rev().map(|n| photo_post(1000 + n)).collect();
    let world = World::new(move |asked| match asked.parameter("pagination_token") {
        None => serve_pages(asked, &posts),
        Some(_) => ok(&json!({"errors": [{"value": "42", "detail": "Could not find user with id: [42].",
            "title": "Not Found Error", "resource_type": "user", "parameter": "id", "resource_id": "42",
            "type": "https://api.twitter.com/2/problems/resource-not-found"}]})),
    });
    let mut delivered = 0;
    let outcome = world.client.list_posts(&artist(), &all_posts(), &mut |posts| {
        delivered += posts.len();
        ControlFlow::Continue(())
    });
    assert!(matches!(outcome, Err(NetworkError::AccountMissing { .. })));
    assert_eq!(delivered, 100, "what was delivered remains");
}

#[test]
fn passing_faults_do_not_end_a_listing() {
    let count = AtomicUsize::new(0);
    let world = World::new(move |asked| match count.fetch_add(1, Ordering::SeqCst) {
        0 => reply(503, &[], "<html>over capacity</html>"),
        1 => Err(FetchError::BrokenOff { url: asked.url.to_string(), why: "w".to_owned() }),
        2 => reply(200, &[], "<html>please wait</html>"),
        3 => Err(FetchError::Unreachable { host: "api.x.com".to_owned(), why: "w".to_owned() }),
        _ => one_page(),
    });
    assert_eq!(world.list(&artist(), &all_posts()).unwrap().ids(), ["9"]);
    assert_eq!(world.waits(), ["users/:id/tweets, which failed"; 4]);
}

#[test]
fn lasting_faults_end_it() {
    let lost = |_: &Asked| Err(FetchError::Unreachable { host: "api.x.com".to_owned(), why: "w".to_owned() });
    let (world, _) = check_error(1, lost, Reaction::Backoff, FailureCode::ProcessingError);
    assert_eq!(world.asked().len(), 5);
    let html = |_: &Asked| reply(200, &[], "<!DOCTYPE html>");
    let (_, error) = check_error(1, html, Reaction::Backoff, FailureCode::ProcessingError);
    assert!(error.to_string().contains("HTML"), "{error}");
    let forbidden = |_: &Asked| Err(FetchError::Forbidden { url: "u".to_owned(), why: "w".to_owned() });
    let (world, _) = check_error(1, forbidden, Reaction::GiveUp, FailureCode::ProcessingError);
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn a_page_in_front_of_the_api_says_nothing_about_the_account() {
    let page = |_: &Asked| reply(404, &[], "<!DOCTYPE html>");
    let (_, error) = check_error(1, page, Reaction::Backoff, FailureCode::ProcessingError);
    assert!(matches!(error, NetworkError::Unreadable { .. }), "{error}");
}

#[test]
fn a_request_that_x_calls_invalid_is_not_repeated() {
    let invalid = |_: &Asked| {
        let recorded: Value = serde_json::from_str(include_str!(
            "../../../../tests/fixtures/x/academictwitteR_tweets_search_all_92adbd.HTTP400.json"
        ))
        .unwrap();
        reply(400, &[], recorded["response"]["body"].to_string())
    };
    let (world, error) = check_error(2, invalid, Reaction::GiveUp, FailureCode::ProcessingError);
    assert!(error.to_string().contains("Invalid 'start_time'"), "{error}");
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn stopping_ends_a_wait() {
    let mut world = World::new(|_| reply(429, &[], "{}"));
    world.client = world.client.with_waiter(Arc::new(FakeWaiter { stops: true, ..FakeWaiter::default() }));
    let error = world.list(&artist(), &all_posts()).err().unwrap();
    assert!(matches!(error, NetworkError::Stopping), "{error}");
    assert_eq!(error.reaction(), Reaction::Stop);
    let world = World::new(|_| Err(FetchError::Stopping));
    assert!(matches!(world.list(&artist(), &all_posts()).err(), Some(NetworkError::Stopping)));
}

#[test]
fn workers_share_the_windows() {
    let world = World::new(|_| {
        let headers = [("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "99999999999")];
        reply(200, &headers, page(&[], None).to_string())
    });
    let other = Arc::new(FakeWaiter::default());
    let client = world.client.with_waiter(other.clone());
    world.list(&artist(), &all_posts()).unwrap();
    client.list_posts(&artist(), &all_posts(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((world.waits().len(), other.waits.lock().unwrap().len()), (0, 1));
}

#[test]
fn without_credentials_nothing_is_asked() {
    let world = World::with(0, |_| {}, |_| panic!("nothing to ask with"));
    let error = world.list(&artist(), &all_posts()).err().unwrap();
    assert!(matches!(error, NetworkError::NoCredentials { network: Network::Twitter }), "{error}");
}
