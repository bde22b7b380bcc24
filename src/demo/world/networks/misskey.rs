//! Servers of Misskey's kind: one that nothing is known of before it is asked, and two that are known by
//! name. They do what is odd about them: pages that are filtered after they were counted, notes that are
//! hidden, accounts that moved, of other servers, or not for search engines, and too many requests once.

use serde_json::{Value, json};

use crate::base::Timestamp;
use crate::demo::world::endpoint::Endpoint;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Attached, Facts, OpenAccount, OpenNetwork, OpenState};
use crate::demo::world::images::Images;
use crate::demo::world::site::State;

const UNKNOWN: &str = "demo-misskey.example";
const FILES: &str = "files.demo-misskey.example";

pub const HOSTS: &[&str] = &[UNKNOWN, "misskey.design", "misskey.art", FILES];

/// The account that opted out of search engines: its page says so, and the API does not.
const NOT_INDEXED: &str = "demo_birch";
/// How misskey.design knows an account of mastodon.art.
const REMOTE: (&str, &str, &str) = ("9dremote01", "demo_rowan", "mastodon.art");
/// The account whose notes before this one are hidden, as its owner wishes.
const HIDES: (&str, usize) = ("demo_linden", 6);
/// The request for a page of notes that is one too many.
const TOO_MANY: u64 = 2;

pub fn endpoint(call: &Call) -> Endpoint {
    match (call.host.as_str(), call.segments().as_slice()) {
        (FILES, _) => Endpoint::OpenImage,
        (_, ["api", "users", "show"] | [".well-known", "webfinger"]) => Endpoint::MisskeyAccounts,
        (_, ["api", "users", "notes"]) => Endpoint::MisskeyNotes,
        (_, ["api", "notes", "show"]) => Endpoint::MisskeyPosts,
        (_, [".well-known", "nodeinfo"] | ["nodeinfo", _]) => Endpoint::MisskeyServer,
        (_, [user]) if user.starts_with('@') => Endpoint::MisskeyPages,
        _ => Endpoint::Unknown,
    }
}

pub fn answer(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let asked = call.json.as_ref().unwrap_or(&Value::Null);
    match (call.host.as_str(), call.segments().as_slice()) {
        (FILES, [user, number, name]) => picture(facts, images, user, number, name),
        (FILES, _) => Answer::text(404, "not found"),
        (server, [".well-known", "webfinger"]) => webfinger(facts, server, call),
        (server, [".well-known", "nodeinfo"]) => {
            let rel = "http://nodeinfo.diaspora.software/ns/schema/2.1";
            let href = format!("https://{server}/nodeinfo/2.1");
            Answer::json(200, &json!({ "links": [{ "rel": rel, "href": href }] }))
        }
        (_, ["nodeinfo", _]) => {
            let software = json!({ "name": "misskey", "version": "2026.5.1" });
            Answer::json(
                200,
                &json!({ "version": "2.1", "software": software, "protocols": ["activitypub"] }),
            )
        }
        (server, ["api", "users", "show"]) => show_users(facts, server, asked),
        (_, ["api", "users", "notes"]) if state.served(Endpoint::MisskeyNotes) == TOO_MANY => {
            refused(429, "RATE_LIMIT_EXCEEDED").with_header("retry-after", "1")
        }
        (server, ["api", "users", "notes"]) => notes(facts, server, asked),
        (server, ["api", "notes", "show"]) => show_note(facts, server, asked),
        (_, ["api", ..]) => refused(404, "UNKNOWN_API_ENDPOINT"),
        (server, [user]) if user.starts_with('@') => page(facts, server, &user[1..]),
        _ => Answer::not_found(),
    }
}

fn refused(status: u16, code: &str) -> Answer {
    let error = json!({
        "message": format!("What {code} means."),
        "code": code,
        "id": "00000000-0000-4000-8000-000000000000",
        "kind": "client",
    });
    Answer::json(status, &json!({ "error": error }))
}

/// Those that visitors are shown.
fn accounts<'a>(facts: &'a Facts, server: &'a str) -> impl Iterator<Item = &'a OpenAccount> {
    let own = facts.open_accounts.iter().filter(|account| account.network == OpenNetwork::Misskey);
    own.filter(move |account| account.server() == server && account.state != OpenState::Suspended)
}

fn show_users(facts: &Facts, server: &str, asked: &Value) -> Answer {
    let by_id = |id: &str| accounts(facts, server).find(|account| account.native == id);
    if let Some(ids) = asked["userIds"].as_array() {
        let found = ids.iter().filter_map(|id| by_id(id.as_str()?)).map(|account| user(facts, account));
        return Answer::json(200, &found.collect());
    }
    let (remote, name, home) = REMOTE;
    if asked["userId"] == remote && server == "misskey.design" {
        return Answer::json(200, &json!({ "id": remote, "username": name, "host": home }));
    }
    let by_name =
        |name: &str| accounts(facts, server).find(|account| account.user().eq_ignore_ascii_case(name));
    let found = match (asked["userId"].as_str(), asked["username"].as_str()) {
        (Some(id), _) => by_id(id),
        (None, Some(name)) if asked["host"].is_null() => by_name(name),
        (None, _) => return refused(400, "INVALID_PARAM"),
    };
    found.map_or_else(|| refused(404, "NO_SUCH_USER"), |found| Answer::json(200, &user(facts, found)))
}

fn user(facts: &Facts, account: &OpenAccount) -> Value {
    let server = account.server();
    let fields = account.links.iter().map(|link| json!({ "name": "Twitter", "value": link }));
    let moved_to = match account.state {
        OpenState::Moved(handle) => facts
            .open_account(handle)
            .map(|successor| format!("https://{}/users/{}", successor.server(), successor.native)),
        OpenState::Open | OpenState::OptedOut | OpenState::Suspended => None,
    };
    let hidden_before = (account.user() == HIDES.0).then(|| account.moment(HIDES.1).0 / 1000);
    json!({
        "id": account.native,
        "username": account.user(),
        "name": account.user(),
        "host": null,
        "description": "Knights and dragons. :blobcat:",
        "fields": fields.collect::<Value>(),
        "verifiedLinks": [],
        "url": null,
        "uri": null,
        "movedTo": moved_to,
        "alsoKnownAs": null,
        "location": null,
        "birthday": null,
        "isBot": false,
        "isLocked": false,
        "isSuspended": false,
        "isSilenced": false,
        "notesCount": account.posts,
        "avatarUrl": format!("https://{server}/identicon/{}", account.native),
        "bannerUrl": null,
        "pinnedNoteIds": [],
        "createdAt": "2022-11-06T00:00:00.000Z",
        "updatedAt": "2024-11-06T00:00:00.000Z",
        "requireSigninToViewContents": wants_signin(account),
        "makeNotesHiddenBefore": hidden_before,
        "makeNotesFollowersOnlyBefore": null,
    })
}

fn wants_signin(account: &OpenAccount) -> bool {
    account.state == OpenState::OptedOut && account.user() != NOT_INDEXED
}

fn notes(facts: &Facts, server: &str, asked: &Value) -> Answer {
    let id = asked["userId"].as_str().unwrap_or_default();
    let Some(account) = accounts(facts, server).find(|account| account.native == id) else {
        return refused(404, "NO_SUCH_USER");
    };
    let limit = asked.get("limit").map_or(Some(10), Value::as_u64).filter(|limit| (1..=100).contains(limit));
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else {
        return refused(400, "INVALID_PARAM");
    };
    let is_wanted = |name: &str| asked[name] == true;
    if is_wanted("withReplies") && is_wanted("withFiles") {
        return refused(400, "BOTH_WITH_REPLIES_AND_WITH_FILES");
    }
    let until_id = asked["untilId"].as_str();
    if until_id.is_some() && asked.get("withRenotes").is_none() {
        return refused(500, "INTERNAL_ERROR");
    }
    let until_date = asked["untilDate"].as_i64().map(Timestamp);
    let is_before = |number: &usize| {
        until_id.is_none_or(|id| *account.note_id(*number) < *id)
            && until_date.is_none_or(|date| account.moment(*number) < date)
    };
    // It counts first, and leaves out afterwards.
    let page = (0..account.posts).rev().skip_while(|number| !is_before(number)).take(limit);
    let page = page.filter(|number| account.has(*number)).filter(|number| {
        let is_renote = account.attached(*number) == Attached::Repost;
        let is_in_channel = number % 13 == 4;
        (is_wanted("withRenotes") || !is_renote) && (is_wanted("withChannelNotes") || !is_in_channel)
    });
    Answer::json(200, &page.map(|number| note(account, number)).collect())
}

fn show_note(facts: &Facts, server: &str, asked: &Value) -> Answer {
    let id = asked["noteId"].as_str().unwrap_or_default();
    let found = accounts(facts, server).find_map(|account| {
        let is_it = |number: &usize| account.has(*number) && account.note_id(*number) == id;
        let number = (0..account.posts).find(is_it)?;
        Some(note(account, number))
    });
    found.map_or_else(|| refused(400, "NO_SUCH_NOTE"), |note| Answer::json(200, &note))
}

fn note(account: &OpenAccount, number: usize) -> Value {
    let is_hidden = wants_signin(account) || account.user() == HIDES.0 && number < HIDES.1;
    let is_sensitive = number.is_multiple_of(5);
    let file = |position: usize, kind: &str| {
        let address =
            |form: &str| format!("https://{FILES}/{}/{number}/{form}-{position:02}.jpg", account.native);
        let query = if is_sensitive { "?sensitive=true" } else { "" };
        json!({
            "id": format!("{}f{position}", account.note_id(number)),
            "createdAt": account.moment(number).to_rfc3339(),
            "name": "drawing.jpg",
            "type": kind,
            "md5": "d41d8cd98f00b204e9800998ecf8427e",
            "size": 123_456,
            "isSensitive": is_sensitive,
            "blurhash": null,
            "properties": { "width": 800, "height": 600 },
            "url": format!("{}{query}", address("webpublic")),
            "thumbnailUrl": address("thumbnail"),
            "comment": null,
        })
    };
    let pictures = account.pictures(number).len();
    let (files, renoted): (Vec<Value>, bool) = match account.attached(number) {
        Attached::Video => (vec![file(0, "video/mp4")], false),
        Attached::PicturesAndQuote => {
            let files = (0..pictures).map(|position| file(position, "image/jpeg"));
            (files.chain([file(9, "audio/mpeg")]).collect(), true)
        }
        Attached::Pictures => ((0..pictures).map(|position| file(position, "image/jpeg")).collect(), false),
        Attached::Repost => (Vec::new(), true),
    };
    let is_renote = files.is_empty();
    let another = json!({ "id": "9dother001", "userId": "9dothers01", "text": "mine", "files": [file(0, "image/jpeg")] });
    json!({
        "id": account.note_id(number),
        "createdAt": account.moment(number).to_rfc3339(),
        "userId": account.native,
        "user": { "id": account.native, "username": account.user(), "name": account.user(), "host": null },
        "text": if is_hidden || is_renote { Value::Null } else { format!("Something I drew, no. {number}").into() },
        "cw": null,
        "visibility": "public",
        "localOnly": false,
        "renoteId": renoted.then_some("9dother001"),
        "renote": renoted.then_some(another),
        "replyId": null,
        "fileIds": files.iter().map(|file| file["id"].clone()).collect::<Value>(),
        "files": if is_hidden { Vec::new() } else { files },
        "channelId": (number % 13 == 4).then_some("9dchannel1"),
        "isHidden": is_hidden,
    })
}

/// `/{user}/{note}/thumbnail-00.jpg`
fn picture(facts: &Facts, images: &Images, user: &str, number: &str, name: &str) -> Answer {
    let found = || {
        let own = facts.open_accounts.iter().filter(|account| account.network == OpenNetwork::Misskey);
        let account = own.into_iter().find(|account| account.native == user)?;
        let number = number.parse::<usize>().ok().filter(|number| *number < account.posts)?;
        let (form, position) = name.strip_suffix(".jpg")?.split_once('-')?;
        let longest = match form {
            "webpublic" => 2048,
            "thumbnail" => 498,
            _ => return None,
        };
        Some((*account.pictures(number).get(position.parse::<usize>().ok()?)?, longest))
    };
    found()
        .map_or_else(|| Answer::text(404, "not found"), |(picture, longest)| images.shown(picture, longest))
}

fn webfinger(facts: &Facts, server: &str, call: &Call) -> Answer {
    let resource = call.parameter("resource").unwrap_or_default();
    let name = resource.strip_prefix("acct:").and_then(|name| name.strip_suffix(&format!("@{server}")));
    let found = accounts(facts, server).find(|account| {
        Some(account.user()) == name || resource == format!("https://{server}/users/{}", account.native)
    });
    let Some(account) = found else { return Answer::text(404, "not found") };
    let href = format!("https://{server}/users/{}", account.native);
    Answer::json(
        200,
        &json!({
            "subject": format!("acct:{}@{server}", account.user()),
            "links": [{ "rel": "self", "type": "application/activity+json", "href": href }],
        }),
    )
}

fn page(facts: &Facts, server: &str, user: &str) -> Answer {
    match accounts(facts, server).find(|account| account.user().eq_ignore_ascii_case(user)) {
        Some(account) => {
            let robots = match account.user() == NOT_INDEXED {
                true => "<meta name=\"robots\" content=\"noindex\">",
                false => "",
            };
            let head = format!("<head><meta charset=\"utf-8\">{robots}<title>{user}</title></head>");
            Answer::html(200, format!("<!DOCTYPE html><html>{head}<body></body></html>"))
        }
        None => Answer::not_found(),
    }
}
