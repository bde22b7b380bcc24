//! Servers of the Fediverse: two that show their accounts to everybody, one that wants a login, and a
//! domain that only hands out names.

use serde_json::{Value, json};

use crate::base::Timestamp;
use crate::demo::world::endpoint::Endpoint;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Attached, Facts, Hub, OpenAccount, OpenNetwork, OpenState, Page};
use crate::demo::world::images::Images;
use crate::demo::world::site::State;

const CLOSED: &str = "baraag.net";
const NAMES: &str = "demo-names.example";
const FILES: &str = "files.mastodon.art";

pub const HOSTS: &[&str] = &["mastodon.art", "mastodon.social", CLOSED, NAMES, FILES];

pub fn endpoint(call: &Call) -> Endpoint {
    match call.segments().as_slice() {
        ["media_attachments", ..] => Endpoint::OpenImage,
        ["api", "v1", "accounts", "lookup"] | [".well-known", "webfinger"] | ["users", _] => {
            Endpoint::MastodonAccounts
        }
        ["api", "v1", "accounts", _, "statuses"] => Endpoint::MastodonStatuses,
        ["api", "v1", "statuses", _] => Endpoint::MastodonPosts,
        _ => Endpoint::Unknown,
    }
}

pub fn answer(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let answer = match (call.host.as_str(), call.segments().as_slice()) {
        (FILES, ["media_attachments", "files", account, number, size, name]) => {
            picture(facts, images, account, number, size, name)
        }
        (NAMES, [".well-known", "webfinger"]) => webfinger(call),
        (FILES | NAMES, _) => Answer::not_found(),
        (CLOSED, _) => Answer::json(401, &json!({ "error": "This API requires an authenticated user" })),
        (server, ["api", "v1", "accounts", "lookup"]) => {
            let found = call.parameter("acct").and_then(|acct| {
                accounts(facts).find(|(_, account)| {
                    account.server() == server && account.user().eq_ignore_ascii_case(acct)
                })
            });
            found.map_or_else(missing, |(index, account)| {
                Answer::json(200, &self::account(facts, index, account))
            })
        }
        // Browsers get a page at this address, which nothing here reads.
        (server, ["users", user])
            if call.header("accept").is_some_and(|media| media.contains("application/activity+json")) =>
        {
            let found =
                accounts(facts).find(|(_, account)| account.server() == server && account.native == *user);
            found.map_or_else(missing, |(_, account)| Answer::json(200, &actor(facts, account)))
        }
        (server, ["api", "v1", "accounts", id, "statuses"]) => statuses(facts, server, id, call),
        (server, ["api", "v1", "statuses", id]) => {
            let found = accounts(facts).filter(|(_, account)| account.server() == server).find_map(
                |(index, account)| {
                    let is_it = |number: &usize| account.has(*number) && account.status_id(*number) == *id;
                    let number = (0..account.posts).find(is_it)?;
                    Some(status(facts, index, account, number))
                },
            );
            found.map_or_else(missing, |status| Answer::json(200, &status))
        }
        _ => missing(),
    };
    with_limits(answer)
}

fn missing() -> Answer {
    Answer::json(404, &json!({ "error": "Record not found" }))
}

fn with_limits(answer: Answer) -> Answer {
    let reset = Timestamp::now().plus(std::time::Duration::from_secs(300));
    answer
        .with_header("x-ratelimit-limit", "300")
        .with_header("x-ratelimit-remaining", "299")
        .with_header("x-ratelimit-reset", reset.to_rfc3339())
}

/// With their place, from which their numbers are made.
fn accounts(facts: &Facts) -> impl Iterator<Item = (usize, &OpenAccount)> {
    facts.open_accounts.iter().enumerate().filter(|(_, account)| account.network == OpenNetwork::Mastodon)
}

fn account_id(index: usize) -> String {
    format!("1093000000000000{index:02}")
}

fn account(facts: &Facts, index: usize, account: &OpenAccount) -> Value {
    let fields = account.links.iter().map(|link| {
        let value = format!("<a href=\"{link}\" rel=\"nofollow noopener me\" target=\"_blank\">{link}</a>");
        json!({ "name": "Twitter", "value": value, "verified_at": null })
    });
    let server = account.server();
    let address = |path: &str| format!("https://{server}/{path}");
    let may_be_indexed = account.state != OpenState::OptedOut;
    let mut value = json!({
        "id": account_id(index),
        "username": account.user(),
        "acct": account.user(),
        "display_name": account.user(),
        "locked": false,
        "bot": false,
        "discoverable": true,
        "indexable": may_be_indexed,
        "group": false,
        "created_at": "2022-11-06T00:00:00.000Z",
        "note": "<p>Knights and dragons.</p>",
        "url": address(&format!("@{}", account.user())),
        "uri": address(&format!("users/{}", account.native)),
        "avatar": address("avatars/original/missing.png"),
        "avatar_static": address("avatars/original/missing.png"),
        "header": address("headers/original/missing.png"),
        "header_static": address("headers/original/missing.png"),
        "followers_count": 10,
        "following_count": 1,
        "statuses_count": account.posts,
        "noindex": !may_be_indexed,
        "emojis": [],
        "fields": fields.collect::<Value>(),
    });
    match account.state {
        OpenState::Suspended => value["suspended"] = true.into(),
        OpenState::Moved(handle) => {
            if let Some((index, successor)) = accounts(facts).find(|(_, other)| other.handle == handle) {
                let mut successor = self::account(facts, index, successor);
                // From here it is another server's account.
                successor["acct"] = handle.into();
                value["moved"] = successor;
            }
        }
        OpenState::Open | OpenState::OptedOut => {}
    }
    value
}

/// The document by which other servers know the account: it lists the hosts whose pages may name it.
fn actor(facts: &Facts, account: &OpenAccount) -> Value {
    let name = ("fediverse:creator", format!("@{}", account.handle));
    let names =
        |page: &&Page| page.icons.iter().any(|(key, value)| (*key, *value) == (name.0, name.1.as_str()));
    let domains = facts.pages.iter().filter(|page| page.hub == Hub::Homepage).filter(names);
    let domains: Value = domains.map(|page| Value::from(page.name)).collect();
    json!({
        "@context": ["https://www.w3.org/ns/activitystreams"],
        "id": format!("https://{}/users/{}", account.server(), account.native),
        "type": "Person",
        "preferredUsername": account.user(),
        "attributionDomains": domains,
    })
}

fn statuses(facts: &Facts, server: &str, id: &str, call: &Call) -> Answer {
    let found =
        accounts(facts).find(|(index, account)| account_id(*index) == id && account.server() == server);
    let Some((index, account)) = found.filter(|(_, account)| account.state != OpenState::Suspended) else {
        return missing();
    };
    let limit = call.parameter("limit").unwrap_or("20").parse::<usize>().unwrap_or(20).clamp(1, 40);
    let max_id = call.parameter("max_id").and_then(|id| id.parse::<i64>().ok()).unwrap_or(i64::MAX);
    let below = |number: &usize| account.status_id(*number).parse::<i64>().is_ok_and(|id| id < max_id);
    let reblogs = call.parameter("exclude_reblogs") != Some("true");
    let numbers: Vec<usize> = (0..account.posts)
        .rev()
        .skip_while(|number| !below(number))
        .filter(|number| account.has(*number))
        .filter(|number| reblogs || account.attached(*number) != Attached::Repost)
        .take(limit)
        .collect();
    let page: Value = numbers.iter().map(|number| status(facts, index, account, *number)).collect();
    let answer = Answer::json(200, &page);
    match (numbers.len() == limit, numbers.last()) {
        (true, Some(last)) => {
            let base =
                format!("https://{server}/api/v1/accounts/{id}/statuses?limit={limit}&only_media=true");
            let last = account.status_id(*last);
            answer.with_header(
                "link",
                format!("<{base}&max_id={last}>; rel=\"next\", <{base}&min_id=1>; rel=\"prev\""),
            )
        }
        _ => answer,
    }
}

fn status(facts: &Facts, index: usize, account: &OpenAccount, number: usize) -> Value {
    let id = account.status_id(number);
    let attachment = |position: usize, kind: &str| {
        let address = |size: &str| {
            let account = account_id(index);
            format!("https://{FILES}/media_attachments/files/{account}/{number}/{size}/{position:02}.jpg")
        };
        json!({
            "id": format!("{id}{position:02}"),
            "type": kind,
            "url": address("original"),
            "preview_url": address("small"),
            "remote_url": null,
            "meta": { "original": { "width": 800, "height": 600 } },
            "description": null,
            "blurhash": null,
        })
    };
    let pictures = account.pictures(number).len();
    let media: Value = match account.attached(number) {
        Attached::Video => json!([attachment(0, "video")]),
        Attached::PicturesAndQuote => (0..pictures)
            .map(|position| attachment(position, "image"))
            .chain([attachment(9, "gifv")])
            .collect(),
        Attached::Pictures | Attached::Repost => {
            (0..pictures).map(|position| attachment(position, "image")).collect()
        }
    };
    let server = account.server();
    json!({
        "id": id,
        "created_at": account.moment(number).to_rfc3339(),
        "in_reply_to_id": null,
        "in_reply_to_account_id": null,
        "sensitive": false,
        "spoiler_text": "",
        "visibility": "public",
        "language": "en",
        "uri": account.post_id(number),
        "url": format!("https://{server}/@{}/{id}", account.user()),
        "replies_count": 0,
        "reblogs_count": 0,
        "favourites_count": 0,
        "edited_at": null,
        "content": format!("<p>Something I drew, no. {number}</p>"),
        "reblog": null,
        "account": self::account(facts, index, account),
        "media_attachments": media,
        "mentions": [],
        "tags": [],
        "emojis": [],
        "card": null,
        "poll": null,
    })
}

/// `/media_attachments/files/{account}/{post}/small/00.jpg`
fn picture(facts: &Facts, images: &Images, account: &str, number: &str, size: &str, name: &str) -> Answer {
    let longest = match size {
        "original" => 4096,
        "small" => 560,
        _ => return Answer::text(404, "not found"),
    };
    let account =
        accounts(facts).find(|(index, _)| account_id(*index) == account).map(|(_, account)| account);
    let position = name.split('.').next().and_then(|position| position.parse::<usize>().ok());
    let picture =
        account.zip(number.parse::<usize>().ok()).zip(position).and_then(|((account, number), position)| {
            (number < account.posts).then(|| account.pictures(number).get(position).copied()).flatten()
        });
    picture.map_or_else(|| Answer::text(404, "not found"), |picture| images.shown(picture, longest))
}

/// `demo_rowan@demo-names.example` is an account of mastodon.art.
fn webfinger(call: &Call) -> Answer {
    let resource = call.parameter("resource").unwrap_or_default();
    if resource != format!("acct:demo_rowan@{NAMES}") {
        return Answer::text(404, "not found");
    }
    Answer::json(
        200,
        &json!({
            "subject": resource,
            "aliases": ["https://mastodon.art/@demo_rowan"],
            "links": [{ "rel": "self", "type": "application/activity+json", "href": "https://mastodon.art/users/demo_rowan" }],
        }),
    )
}
