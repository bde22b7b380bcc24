//! The Telegram bot, against a server that knows what Telegram's Bot API publishes and refuses all else.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read as _;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use aotf::demo::world::picture::ArtId;
use serde_json::{Value, json};

use crate::bots::{Bot, KEY, PAGE, credit, daemon, daemon_with};
use crate::daemon::{DEADLINE, Daemon, wait_for};
use crate::fake_service::{Answer, Asked, FakeService, unknown_fields};

const TOKEN: &str = "123456:the-token_of-the-bot";
const FILE: &str = "photos/file_1.png";
/// Pages without an artwork, and one that cannot be read.
const GONE: &str = "https://danbooru.donmai.us/posts/7999999";
const BROKEN: &str = "https://danbooru.donmai.us/posts/7000006";

/// The methods, each with its parameters (https://core.telegram.org/bots/api).
const METHODS: &[(&str, &[&str])] = &[
    ("getMe", &[]),
    ("getUpdates", &["offset", "limit", "timeout", "allowed_updates"]),
    (
        "sendMessage",
        &[
            "business_connection_id",
            "chat_id",
            "message_thread_id",
            "text",
            "parse_mode",
            "entities",
            "link_preview_options",
            "disable_notification",
            "protect_content",
            "message_effect_id",
            "reply_parameters",
            "reply_markup",
        ],
    ),
    ("sendChatAction", &["business_connection_id", "chat_id", "message_thread_id", "action"]),
    (
        "editMessageCaption",
        &[
            "business_connection_id",
            "chat_id",
            "message_id",
            "inline_message_id",
            "caption",
            "parse_mode",
            "caption_entities",
            "show_caption_above_media",
            "reply_markup",
        ],
    ),
    ("getFile", &["file_id"]),
];

#[derive(Default)]
struct State {
    /// Not yet acknowledged.
    updates: VecDeque<Value>,
    next_update: i64,
    acknowledged: i64,
    /// What was called and done, but polls and signs of life.
    done: Vec<(String, Value)>,
    /// Answers to come instead of success, by method.
    planned: BTreeMap<&'static str, VecDeque<(u16, Value)>>,
    /// What the published API does not know.
    wrong: Vec<String>,
    picture: Vec<u8>,
    /// The method whose calls are not answered.
    silent: Option<&'static str>,
    /// How many there were.
    unanswered: usize,
    /// Signs of life.
    signs: usize,
    /// An update that comes while the next caption is being given, and is heard before that is done.
    meanwhile: Option<Value>,
}

struct Telegram {
    service: FakeService,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Telegram {
    fn start() -> Telegram {
        let state = Arc::new((Mutex::new(State { next_update: 1, ..State::default() }), Condvar::new()));
        let shared = Arc::clone(&state);
        Telegram { service: FakeService::start(move |asked| answer(&shared, asked)), state }
    }

    /// Starts the bot with these lines in `[bots.telegram]`.
    fn bot(&self, daemon: &Daemon, lines: &str) -> Bot {
        self.bot_with(daemon, TOKEN, Some(KEY), lines)
    }

    fn bot_with(&self, daemon: &Daemon, token: &str, key: Option<&str>, lines: &str) -> Bot {
        let lines = format!(
            "[bots.telegram]\ntoken = {token:?}\n{lines}\n[upstreams]\n\"api.telegram.org\" = {:?}",
            self.service.base_url()
        );
        Bot::start("telegram", daemon.folder.path(), &format!("http://{}", daemon.address), key, &lines)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let done = act(&mut self.state.0.lock().unwrap());
        self.state.1.notify_all();
        done
    }

    /// Somebody writes, as this kind of update; returns the number of the update.
    fn say(&self, kind: &str, message: Value) -> i64 {
        self.with(|state| {
            let id = state.next_update;
            state.next_update += 1;
            let mut message = message;
            message["message_id"] = (1000 + id).into();
            message["date"] = 1_700_000_000.into();
            state.updates.push_back(json!({ "update_id": id, kind: message }));
            id
        })
    }

    /// A message in a private chat, of which Telegram has found the link.
    fn ask(&self, chat: i64, text: &str) -> i64 {
        self.say("message", json!({ "chat": private(chat), "from": person(chat), "text": text }))
    }

    /// The answers to a chat, as soon as there are so many.
    #[track_caller]
    fn answers(&self, chat: i64, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} answers in the chat {chat}"), || {
            let sent: Vec<Value> = self.with(|state| {
                let sent = state.done.iter().filter(|(method, _)| method == "sendMessage");
                sent.map(|(_, sent)| sent.clone()).filter(|sent| sent["chat_id"] == chat).collect()
            });
            (sent.len() >= count).then_some(sent)
        })
    }

    #[track_caller]
    fn texts(&self, chat: i64, count: usize) -> Vec<String> {
        self.answers(chat, count).iter().map(|sent| sent["text"].as_str().unwrap().to_owned()).collect()
    }

    /// The author of a channel's post changes it.
    fn edit(&self, update: i64, post: Value) {
        self.with(|state| {
            let mut post = post;
            post["message_id"] = (1000 + update).into();
            post["date"] = 1_700_000_000.into();
            state.updates.push_back(json!({ "update_id": state.next_update, "edited_channel_post": post }));
            state.next_update += 1;
        });
    }

    /// The captions that were given, as soon as there are so many.
    #[track_caller]
    fn edits(&self, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} captions"), || {
            let edits: Vec<Value> = self.with(|state| {
                let edits = state.done.iter().filter(|(method, _)| method == "editMessageCaption");
                edits.map(|(_, edit)| edit.clone()).collect()
            });
            (edits.len() >= count).then_some(edits)
        })
    }

    fn plan(&self, method: &'static str, status: u16, body: Value) {
        self.with(|state| state.planned.entry(method).or_default().push_back((status, body)));
    }

    #[track_caller]
    fn nothing_wrong(&self) {
        let wrong = self.with(|state| state.wrong.clone());
        assert!(wrong.is_empty(), "the published API does not know: {wrong:#?}");
    }
}

fn private(chat: i64) -> Value {
    json!({ "id": chat, "type": "private", "first_name": "Ann" })
}

fn person(id: i64) -> Value {
    json!({ "id": id, "is_bot": false, "first_name": "Ann" })
}

fn failure(code: u16, description: &str) -> Value {
    json!({ "ok": false, "error_code": code, "description": description })
}

fn answer((state, changed): &(Mutex<State>, Condvar), asked: &Asked) -> Answer {
    let no = |code: u16, description: &str| Answer::Json(code, failure(code, description));
    if asked.header("host") != Some("api.telegram.org") {
        state.lock().unwrap().wrong.push(format!("host {:?}", asked.header("host")));
    }
    if asked.target == format!("/file/bot{TOKEN}/{FILE}") {
        return Answer::Bytes(state.lock().unwrap().picture.clone());
    }
    let Some((token, method)) = asked.target.strip_prefix("/bot").and_then(|rest| rest.split_once('/'))
    else {
        return no(404, "Not Found");
    };
    if token != TOKEN {
        return no(401, "Unauthorized");
    }
    let mut held = state.lock().unwrap();
    let Some((_, parameters)) = METHODS.iter().find(|(name, _)| *name == method) else {
        held.wrong.push(format!("the method {method}"));
        return no(404, "Not Found: method not found");
    };
    let sent = asked.json();
    let mut unknown = unknown_fields(&sent, parameters);
    unknown
        .extend(unknown_fields(&sent["link_preview_options"], &["is_disabled", "url", "prefer_small_media"]));
    unknown.extend(unknown_fields(
        &sent["reply_parameters"],
        &["message_id", "chat_id", "allow_sending_without_reply"],
    ));
    if !unknown.is_empty() || asked.header("content-type") != Some("application/json") {
        held.wrong.push(format!("{method}: {unknown:?}"));
    }
    if held.silent == Some(method) {
        held.unanswered += 1;
        // Until the bot hangs up.
        return Answer::Taken(Box::new(|mut stream| drop(stream.read(&mut [0]))));
    }
    if let Some((status, body)) = held.planned.get_mut(method).and_then(VecDeque::pop_front) {
        return Answer::Json(status, body);
    }
    let units = |text: &Value| text.as_str().map_or(0, |text| text.encode_utf16().count());
    let result = match method {
        "getMe" => json!({ "id": 99, "is_bot": true, "first_name": "Credit", "username": "credit_bot",
            "can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false }),
        "getUpdates" => {
            let offset = sent["offset"].as_i64().unwrap();
            held.acknowledged = held.acknowledged.max(offset - 1);
            held.updates.retain(|update| update["update_id"].as_i64().unwrap() >= offset);
            changed.notify_all();
            let wait = Duration::from_secs(sent["timeout"].as_u64().unwrap()).min(DEADLINE);
            held = changed.wait_timeout_while(held, wait, |state| state.updates.is_empty()).unwrap().0;
            json!(held.updates)
        }
        "sendMessage" if units(&sent["text"]) == 0 => return no(400, "Bad Request: message text is empty"),
        "sendMessage" if units(&sent["text"]) > 4096 => return no(400, "Bad Request: message is too long"),
        "editMessageCaption" if units(&sent["caption"]) > 1024 => {
            return no(400, "Bad Request: message caption is too long");
        }
        "sendMessage" | "editMessageCaption" => {
            held.done.push((method.to_owned(), sent));
            if method == "editMessageCaption"
                && let Some(mut update) = held.meanwhile.take()
            {
                update["update_id"] = held.next_update.into();
                held.next_update += 1;
                held.updates.push_back(update);
                changed.notify_all();
                let is_unheard = |state: &mut State| !state.updates.is_empty();
                drop(changed.wait_timeout_while(held, DEADLINE, is_unheard).unwrap());
            }
            json!({ "message_id": 5000, "date": 1, "chat": { "id": 1, "type": "private" } })
        }
        "getFile" => {
            json!({ "file_id": sent["file_id"], "file_unique_id": "u", "file_size": 9, "file_path": FILE })
        }
        _ => {
            held.signs += 1;
            json!(true)
        }
    };
    Answer::Json(200, json!({ "ok": true, "result": result }))
}

#[test]
fn who_sends_a_link_is_answered_with_the_credit() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let bot = telegram.bot(&daemon, "");
    let secret = "a-secret-between-us";
    telegram.ask(7, &format!("{secret} <b>who?</b> {PAGE}"));
    let sent = telegram.answers(7, 1).remove(0);
    assert_eq!(sent["text"], credit(&daemon, "plain", PAGE), "{sent:#}");
    assert_eq!(sent["link_preview_options"], json!({ "is_disabled": true }));
    assert_eq!(sent["reply_parameters"]["message_id"], 1001);
    assert_eq!((&sent["parse_mode"], &sent["entities"]), (&Value::Null, &Value::Null), "plain text");

    // It has given up what it does not need.
    let status = std::fs::read_to_string(format!("/proc/{}/status", bot.process.id())).unwrap();
    for held in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(held), "{status}");
    }

    // In every other place of a message; what is no artwork's page is told.
    let link = json!({ "type": "text_link", "offset": 3, "length": 4, "url": PAGE });
    telegram.say(
        "message",
        json!({ "chat": private(8), "from": person(8), "text": "🎨 here", "entities": [link] }),
    );
    assert_eq!(telegram.texts(8, 1), [credit(&daemon, "plain", PAGE)]);
    telegram.ask(9, "https://a.example/ and <script>alert(1)</script>");
    assert_eq!(telegram.texts(9, 1), ["This is not the page of an artwork on a site that I know."]);
    // The first link that leads to somebody, of three.
    telegram.ask(11, &format!("https://a.example/ https://b.example/1 {PAGE}"));
    assert_eq!(telegram.texts(11, 1), [credit(&daemon, "plain", PAGE)]);
    telegram.ask(9, "hello");
    assert!(telegram.texts(9, 2)[1].starts_with("Send me the link"));

    // In a group only who is addressed; and what is not understood holds up nothing.
    let group = |text: &str, entities: Value| {
        let chat = json!({ "id": -10, "type": "supergroup", "title": "Art" });
        telegram
            .say("message", json!({ "chat": chat, "from": person(7), "text": text, "entities": entities }));
    };
    group(PAGE, json!([{ "type": "url", "offset": 0, "length": PAGE.len() }]));
    telegram.say("message", json!({ "chat": "of another form" }));
    telegram.say("telepathy", json!({}));
    group(&format!("@Credit_Bot {PAGE}"), json!([{ "type": "mention", "offset": 0, "length": 11 }]));
    let sent = telegram.answers(-10, 1);
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert_eq!(sent[0]["reply_parameters"]["message_id"], 1009);

    // Nothing of it is in the log, whatever is logged; and a stop in order acknowledges what was answered.
    let (status, log) = bot.stop();
    assert!(status.success(), "{status}: {log}");
    assert!(log.contains("the bot is there"), "{log}");
    for private in [secret, "danbooru", "script", "hello", TOKEN, "the-key-of-the-bot", "Ann"] {
        assert!(!log.contains(private), "{private} is in the log: {log}");
    }
    assert_eq!(telegram.with(|state| (state.acknowledged, state.updates.len())), (9, 0));
    telegram.nothing_wrong();
    let again = telegram.bot(&daemon, "");
    telegram.ask(20, "hello");
    telegram.answers(20, 1);
    assert_eq!(telegram.answers(7, 1).len(), 1, "nobody is answered twice");
    drop(again);
}

#[test]
fn who_sends_a_picture_is_answered_with_its_posts() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let post = daemon.query(PAGE)["posts"][0]["url"].as_str().unwrap().to_owned();
    telegram.with(|state| state.picture = ArtId::KnightAtTheFord.art().bytes.to_vec());
    let bot = telegram.bot(&daemon, "");
    let size =
        |id: &str, side: u32| json!({ "file_id": id, "file_unique_id": id, "width": side, "height": side });
    telegram.say(
        "message",
        json!({ "chat": private(7), "from": person(7), "photo": [size("s", 90), size("l", 900)] }),
    );
    let text = telegram.texts(7, 1).remove(0);
    assert!(text.starts_with("Posts:\nhttps://") && text.contains(&post), "{text}");
    assert!(text.contains(&format!("The artwork's page:\n{PAGE}")), "{text}");
    // No picture at all.
    telegram.with(|state| state.picture = b"<svg onload=alert(1)>".to_vec());
    let document = json!({ "file_id": "d", "file_unique_id": "d", "mime_type": "image/png" });
    telegram.say("message", json!({ "chat": private(8), "from": person(8), "document": document }));
    assert_eq!(telegram.texts(8, 1), ["I cannot read this picture."]);
    // Without a key that may search by image.
    drop(bot);
    let _bot = telegram.bot_with(&daemon, TOKEN, None, "");
    telegram.say("message", json!({ "chat": private(9), "from": person(9), "photo": [size("s", 90)] }));
    assert!(telegram.texts(9, 1)[0].starts_with("I may not search for pictures here."));
    telegram.nothing_wrong();
}

#[test]
fn what_telegram_refuses_is_tried_again_or_left() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    telegram.plan("getMe", 502, json!("<html>Bad Gateway"));
    telegram.plan("getMe", 401, failure(401, "Unauthorized"));
    let mut later = failure(429, "Too Many Requests: retry after 1");
    later["parameters"] = json!({ "retry_after": 1 });
    telegram.plan("sendMessage", 429, later);
    telegram.plan("getUpdates", 409, failure(409, "Conflict: terminated by other getUpdates request"));
    telegram.plan("getUpdates", 401, failure(401, "Unauthorized"));
    let bot = telegram.bot(&daemon, "");
    telegram.ask(7, PAGE);
    assert_eq!(telegram.texts(7, 1), [credit(&daemon, "plain", PAGE)]);
    // Shut out of one chat, the bot goes on in others.
    telegram.plan("sendMessage", 403, failure(403, "Forbidden: bot was blocked by the user"));
    telegram.ask(8, "hello");
    let seen = wait_for("the failure", || bot.log().contains("bot was blocked").then(|| bot.log()));
    assert!(!seen.contains("hello"), "{seen}");
    // A group that has become a supergroup.
    let mut migrated = failure(400, "Bad Request: group chat was upgraded to a supergroup chat");
    migrated["parameters"] = json!({ "migrate_to_chat_id": -100_200 });
    telegram.plan("sendMessage", 400, migrated);
    let chat = json!({ "id": -5, "type": "group", "title": "Art" });
    let entities = json!([{ "type": "bot_command", "offset": 0, "length": 5 }]);
    telegram
        .say("message", json!({ "chat": chat, "from": person(7), "text": "/help", "entities": entities }));
    assert!(telegram.texts(-100_200, 1)[0].starts_with("Send me"));
    // Too much in one chat is told once.
    for _ in 0..12 {
        telegram.ask(30, "hello");
    }
    telegram.ask(31, "hello");
    telegram.answers(31, 1);
    let texts = telegram.texts(30, 7);
    assert_eq!(texts.len(), 7, "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("That is more than")), "{texts:?}");
    telegram.nothing_wrong();
}

#[test]
fn a_wrong_token_ends_the_bot() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let mut bot = telegram.bot_with(&daemon, "654321:another", Some(KEY), "");
    assert_eq!(bot.ended().code(), Some(78));
    let told = bot.log();
    assert!(
        told.contains("Telegram does not know this token ([bots.telegram] token): Unauthorized"),
        "{told}"
    );
    assert!(!told.contains("654321:another"), "{told}");
    // Somebody else takes the messages for good.
    for _ in 0..9 {
        telegram.plan(
            "getUpdates",
            409,
            failure(409, "Conflict: can't use getUpdates method while webhook is active"),
        );
    }
    let bot = telegram.bot(&daemon, "");
    wait_for("the conflict", || bot.log().contains("webhook is active").then_some(()));
    let (status, _) = bot.stop();
    assert!(status.success(), "it can be stopped while it waits: {status}");
}

#[test]
fn captions_of_a_channel_are_given_their_credit_once() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let bot = telegram.bot(&daemon, "edit_captions = true");
    let credit = credit(&daemon, "plain", PAGE);
    let entities = json!([
        { "type": "bold", "offset": 0, "length": 2 },
        { "type": "text_link", "offset": 3, "length": 6, "url": PAGE },
    ]);
    let chat = json!({ "id": -100, "type": "channel", "title": "Art" });
    let photo = json!([{ "file_id": "f", "file_unique_id": "f", "width": 9, "height": 9 }]);
    let keyboard = json!({ "inline_keyboard": [[{ "text": "a", "url": "https://a.example" }]] });
    let post = |caption: &str| {
        json!({ "chat": chat, "photo": photo, "caption": caption,
        "caption_entities": entities, "reply_markup": keyboard, "show_caption_above_media": true })
    };
    telegram.say("channel_post", post("🎨 source"));
    let edit = telegram.edits(1).remove(0);
    assert_eq!(edit["caption"], format!("🎨 source\n\n{credit}"), "{edit:#}");
    assert_eq!((&edit["caption_entities"], &edit["reply_markup"]), (&entities, &keyboard));
    assert_eq!((&edit["message_id"], &edit["show_caption_above_media"]), (&json!(1001), &json!(true)));
    // What its author changes while it is looked for stays changed.
    let slow = daemon.world.known();
    let slow = slow.iter().find(|case| case.about == "a site that takes ten seconds").unwrap().url().unwrap();
    let plain = |caption: String| json!({ "chat": chat, "photo": photo, "caption": caption });
    let id = telegram.say("channel_post", plain(format!("a tpyo {slow}")));
    telegram.edit(id, plain(format!("a typo {slow}")));
    let text = telegram.edits(2)[1]["caption"].as_str().unwrap().to_owned();
    assert!(text.starts_with(&format!("a typo {slow}\n\nPosts:\nhttps://")), "{text}");
    // One that has it already, one without a link, one that is too long, a text; then one where it may not.
    telegram.say("channel_post", post(&format!("🎨 source\n\n{credit}")));
    telegram.say("channel_post", json!({ "chat": chat, "photo": photo, "caption": "no link" }));
    telegram.say("channel_post", post(&"🎨".repeat(510)));
    telegram.say("channel_post", json!({ "chat": chat, "text": PAGE }));
    let mut emoji = post("🎨 source");
    let own = json!({ "type": "custom_emoji", "offset": 0, "length": 2, "custom_emoji_id": "1" });
    emoji["caption_entities"].as_array_mut().unwrap().push(own);
    telegram.say("channel_post", emoji);
    telegram.plan("editMessageCaption", 400, failure(400, "Bad Request: message can't be edited"));
    let other = json!({ "id": -101, "type": "channel", "title": "Other" });
    let mut refused = post("🎨 source");
    refused["chat"] = other;
    telegram.say("channel_post", refused);
    wait_for("the refusal", || bot.log().contains("message can't be edited").then_some(()));
    telegram.ask(7, "hello");
    telegram.answers(7, 1);
    assert_eq!(telegram.edits(2).len(), 2);
    assert_eq!(telegram.with(|state| state.done.len()), 3, "nobody was answered in a channel");
    telegram.nothing_wrong();
}

/// Whose links the author changes while the artist is looked for gets the credit of what it shows then.
#[test]
fn a_caption_gets_the_credit_of_its_newest_links() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let _bot = telegram.bot(&daemon, "edit_captions = true");
    let slow = daemon.world.known();
    let slow = slow.iter().find(|case| case.about == "a site that takes ten seconds").unwrap().url().unwrap();
    let credit = credit(&daemon, "plain", PAGE);
    let chat = json!({ "id": -100, "type": "channel", "title": "Art" });
    let photo = json!([{ "file_id": "f", "file_unique_id": "f", "width": 9, "height": 9 }]);
    let post = |caption: &str| json!({ "chat": chat, "photo": photo, "caption": caption });
    let id = telegram.say("channel_post", post(&format!("another's {slow}")));
    telegram.edit(id, post(&format!("the right one {PAGE}")));
    let edit = telegram.edits(1).remove(0);
    assert_eq!(edit["caption"], format!("the right one {PAGE}\n\n{credit}"), "{edit:#}");

    // Also while Telegram lets wait.
    let mut later = failure(429, "Too Many Requests: retry after 4");
    later["parameters"] = json!({ "retry_after": 4 });
    telegram.plan("editMessageCaption", 429, later);
    let id = telegram.say("channel_post", post(&format!("a tpyo {PAGE}")));
    wait_for("the refusal", || {
        telegram.with(|state| state.planned["editMessageCaption"].is_empty()).then_some(())
    });
    telegram.edit(id, post(&format!("a typo {PAGE}")));
    let edit = telegram.edits(2).remove(1);
    assert_eq!(edit["caption"], format!("a typo {PAGE}\n\n{credit}"), "{edit:#}");

    // Or while the caption is on its way.
    let mut crossed = post(&format!("mended {PAGE}"));
    telegram.with(|state| {
        crossed["message_id"] = (1000 + state.next_update).into();
        crossed["date"] = 1_700_000_000.into();
        state.meanwhile = Some(json!({ "edited_channel_post": crossed }));
    });
    telegram.say("channel_post", post(&format!("broken {PAGE}")));
    let captions = telegram.edits(4).split_off(2);
    for (edit, own) in captions.iter().zip(["broken", "mended"]) {
        assert_eq!(edit["caption"], format!("{own} {PAGE}\n\n{credit}"), "{edit:#}");
    }
    telegram.nothing_wrong();
}

/// Each item of an album is a message; who sent it has asked once.
#[test]
fn an_album_is_answered_once() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let _bot = telegram.bot(&daemon, "");
    let photo = json!([{ "file_id": "f", "file_unique_id": "f", "width": 9, "height": 9 }]);
    for number in 0..10 {
        let mut item = json!({ "chat": private(7), "from": person(7), "photo": photo,
            "media_group_id": "12345" });
        if number == 1 {
            item["caption"] = PAGE.into();
        }
        telegram.say("message", item);
    }
    let sent = telegram.answers(7, 1).remove(0);
    assert_eq!(sent["text"], credit(&daemon, "plain", PAGE), "{sent:#}");
    assert_eq!(sent["reply_parameters"]["message_id"], 1002, "{sent:#}");
    for chat in 8..12 {
        telegram.ask(7, "hello");
        telegram.ask(chat, "hello");
        telegram.answers(chat, 1);
    }
    assert_eq!(telegram.answers(7, 5).len(), 5, "one turn was taken for it");
    telegram.nothing_wrong();
}

/// What is wrong with one link does not hide the next, and is told in words that fit.
#[test]
fn a_link_that_fails_is_told_as_it_is() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let _bot = telegram.bot(&daemon, "");
    telegram.ask(7, &format!("{BROKEN} {PAGE}"));
    assert_eq!(telegram.texts(7, 1), [credit(&daemon, "plain", PAGE)]);
    telegram.ask(8, BROKEN);
    assert_eq!(telegram.texts(8, 1), ["Something went wrong with this search. Ask again later."]);
    telegram.ask(9, GONE);
    assert_eq!(telegram.texts(9, 1), ["I find no artwork on this page. Perhaps it was deleted."]);
    // Nobody asked.
    let pinned = json!({ "message_id": 1, "date": 1, "chat": private(9), "from": person(9), "text": PAGE });
    telegram.say("message", json!({ "chat": private(9), "from": person(9), "pinned_message": pinned }));
    telegram.ask(10, "hello");
    telegram.answers(10, 1);
    assert_eq!(telegram.answers(9, 1).len(), 1);
    telegram.nothing_wrong();
}

/// What strangers and operators write stays text: it marks up nothing, and calls nobody.
#[test]
fn hostile_words_are_words() {
    let daemon =
        daemon_with("[credit]\nplain = '@channel <a href=\"tg://user?id=1\">by</a> *{artist}* {links}'\n");
    let telegram = Telegram::start();
    let _bot = telegram.bot(&daemon, "");
    telegram.ask(7, &format!("<a href='tg://user?id=1'>x</a> @channel {PAGE} \u{202e}"));
    let sent = telegram.answers(7, 1).remove(0);
    let text = sent["text"].as_str().unwrap();
    assert!(
        text.starts_with("@\u{200b}channel <a href=\"tg://user?id=1\">by</a> *demo_rowan* https://"),
        "{text}"
    );
    assert_eq!(
        (&sent["parse_mode"], &sent["entities"]),
        (&Value::Null, &Value::Null),
        "nothing reads it as markup"
    );
    telegram.nothing_wrong();
}

/// A daemon that is started again is waited for; one that does not let the bot in is not.
#[test]
fn a_daemon_that_comes_back_is_asked_again() {
    let (mut daemon, telegram) = (daemon(), Telegram::start());
    // One that does not know the key is no help either, and the operator is told.
    let bot = telegram.bot_with(&daemon, TOKEN, Some("another-key-than-its"), "");
    telegram.ask(6, PAGE);
    assert_eq!(telegram.texts(6, 1), ["The search does not answer now. Ask again later."]);
    let (_, log) = bot.stop();
    assert!(log.contains("the daemon refuses the bot") && log.contains("status=401"), "{log}");
    let _bot = telegram.bot(&daemon, "");
    telegram.ask(7, "hello");
    telegram.answers(7, 1);
    daemon.root.kill().unwrap();
    daemon.root.wait().unwrap();
    telegram.ask(7, PAGE);
    // It asks, in vain.
    wait_for("a sign of life", || telegram.with(|state| (state.signs > 0).then_some(())));
    daemon.root = Daemon::spawn(&daemon.config());
    daemon.wait_until_ready();
    assert_eq!(telegram.texts(7, 2)[1], credit(&daemon, "plain", PAGE));
}

/// Who waits hears of it, and nothing that was received comes again.
#[test]
fn a_stop_leaves_nobody_waiting() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let slow = daemon.world.known();
    let slow = slow.iter().find(|case| case.about == "a site that takes ten seconds").unwrap().url().unwrap();
    let bot = telegram.bot(&daemon, "");
    let update = telegram.ask(7, slow);
    // The question is at the daemon.
    wait_for("the query", || {
        (daemon.get("/stats")["processing_user_requests_count"].as_u64()? > 0).then_some(())
    });
    let (status, log) = bot.stop();
    assert!(status.success(), "{status}: {log}");
    assert_eq!(telegram.texts(7, 1), ["I am being started again. Ask once more in a minute."]);
    assert_eq!(telegram.with(|state| (state.acknowledged, state.updates.len())), (update, 0));
    let _again = telegram.bot(&daemon, "");
    telegram.ask(7, slow);
    assert_eq!(telegram.texts(7, 2)[1], credit(&daemon, "plain", slow));
    telegram.nothing_wrong();
}

/// Also while it waits for an answer to its first question.
#[test]
fn a_stop_is_heeded_before_the_bot_is_there() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    telegram.with(|state| state.silent = Some("getMe"));
    let bot = telegram.bot(&daemon, "");
    wait_for("the question", || telegram.with(|state| (state.unanswered > 0).then_some(())));
    let told = Instant::now();
    let (status, log) = bot.stop();
    assert!(status.success(), "{status}: {log}");
    assert!(told.elapsed() < Duration::from_secs(20), "it waited for the answer");
}

/// Who asks for ten minutes' work at once leaves places for others.
#[test]
fn one_chat_has_three_answers_at_a_time() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let slow = daemon.world.known();
    let slow = slow.iter().find(|case| case.about == "a site that takes ten seconds").unwrap().url().unwrap();
    let _bot = telegram.bot(&daemon, "");
    for _ in 0..5 {
        telegram.ask(7, slow);
    }
    let texts = telegram.texts(7, 5);
    let busy = texts.iter().filter(|text| text.starts_with("Three searches for this chat")).count();
    let answered = texts.iter().filter(|text| **text == credit(&daemon, "plain", slow)).count();
    assert_eq!((answered, busy), (3, 2), "{texts:#?}");
    telegram.ask(7, slow);
    assert_eq!(telegram.texts(7, 6)[5], credit(&daemon, "plain", slow), "there is a place again");
    telegram.nothing_wrong();
}

/// Beyond what can be answered at a time, people are told so, and everybody is answered once.
#[test]
fn a_flood_is_borne() {
    const CHATS: i64 = 70;
    const AT_A_TIME: i64 = 64;
    let (daemon, telegram) = (daemon(), Telegram::start());
    let slow = daemon.world.known();
    let slow = slow.iter().find(|case| case.about == "a site that takes ten seconds").unwrap().url().unwrap();
    let bot = telegram.bot(&daemon, "");
    for chat in 1..=CHATS {
        telegram.ask(chat, slow);
    }
    for chat in 1..=CHATS {
        telegram.answers(chat, 1);
    }
    let expect = credit(&daemon, "plain", slow);
    let texts: Vec<String> = (1..=CHATS).flat_map(|chat| telegram.texts(chat, 1)).collect();
    let busy = texts.iter().filter(|text| text.starts_with("I have as much to do as I can bear.")).count();
    let answered = texts.iter().filter(|text| **text == expect).count();
    assert_eq!((answered as i64, busy as i64), (AT_A_TIME, CHATS - AT_A_TIME), "{texts:#?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", bot.process.id())).unwrap();
    let most =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    assert!(most.is_some_and(|kib: u64| kib < 200 * 1024), "{status}");
    telegram.nothing_wrong();
}

/// What was answered is acknowledged at once: a crash repeats one answer at most.
#[test]
fn a_crash_repeats_next_to_nothing() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let mut bot = telegram.bot(&daemon, "");
    for chat in 1..=5 {
        telegram.ask(chat, PAGE);
        telegram.answers(chat, 1);
    }
    bot.process.kill().unwrap();
    bot.ended();
    let _again = telegram.bot(&daemon, "");
    telegram.ask(6, "hello");
    telegram.answers(6, 1);
    let sent = telegram.with(|state| state.done.len());
    assert!((6..=7).contains(&sent), "{sent} answers to six messages");
}

#[test]
fn it_speaks_french() {
    let (daemon, telegram) = (daemon(), Telegram::start());
    let lines = format!(
        "lang = \"fr\"\n[bots.telegram]\ntoken = {TOKEN:?}\n[upstreams]\n\"api.telegram.org\" = {:?}",
        telegram.service.base_url()
    );
    let server = format!("http://{}", daemon.address);
    let _bot = Bot::start("telegram", daemon.folder.path(), &server, Some(KEY), &lines);
    telegram.ask(7, PAGE);
    let text = telegram.texts(7, 1).remove(0);
    assert!(
        text.starts_with("Publications\u{a0}:\nhttps://") && text.contains("\n\nArtiste\u{a0}:\n"),
        "{text}"
    );
    telegram.ask(8, "https://a.example/");
    assert!(telegram.texts(8, 1)[0].starts_with("Ce n'est pas la page d'une illustration"));
    telegram.nothing_wrong();
}
