//! The Discord bot, against a server that speaks what Discord publishes - the HTTP API and the gateway - and
//! refuses all else.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aotf::demo::world::picture::ArtId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocket};

use crate::bots::{Bot, KEY, PAGE, credit, daemon};
use crate::daemon::{Daemon, wait_for};
use crate::fake_service::{Answer, Asked, FakeService, unknown_fields};

const TOKEN: &str = "the.token.of-the-bot";
/// Snowflakes: the bot's user, its application.
const ME: &str = "9900000000000000001";
const APPLICATION: &str = "9900000000000000002";

/// What a gateway does next.
enum Order {
    Dispatch(&'static str, Value),
    Payload(Value),
    Close(u16, &'static str),
}

#[derive(Default)]
struct State {
    orders: VecDeque<Order>,
    sequence: u64,
    /// Each request but those for the gateway's place and signs of life: method, path, body.
    done: Vec<(String, String, Value)>,
    /// What came over the gateway, but heartbeats.
    said: Vec<Value>,
    heartbeats: u64,
    /// The next request of this kind is told to wait.
    too_many: u32,
    /// The next request of this kind is done, and somebody in front of Discord says that it was not.
    lost: u32,
    /// Questions for the gateway's place that are told that the token is not known.
    refused: u32,
    /// The gateway of the session is not there.
    no_resume: bool,
    /// Connections with it that were asked for in vain.
    not_resumed: usize,
    picture: Vec<u8>,
    /// What the published API does not know.
    wrong: Vec<String>,
}

struct Discord {
    service: FakeService,
    state: Arc<Mutex<State>>,
}

impl Discord {
    fn start() -> Discord {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        Discord { service: FakeService::start(move |asked| answer(&shared, asked)), state }
    }

    fn bot(&self, daemon: &Daemon) -> Bot {
        self.bot_with(daemon, TOKEN)
    }

    fn bot_with(&self, daemon: &Daemon, token: &str) -> Bot {
        let base = self.service.base_url();
        let hosts = ["discord.com", "gateway.discord.gg", "gateway-eu1.discord.gg", "cdn.discordapp.com"];
        let upstreams: String = hosts.iter().map(|host| format!("{host:?} = {base:?}\n")).collect();
        let lines = format!("[bots.discord]\ntoken = {token:?}\n[upstreams]\n{upstreams}");
        Bot::start("discord", daemon.folder.path(), &format!("http://{}", daemon.address), Some(KEY), &lines)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    fn order(&self, order: Order) {
        self.with(|state| state.orders.push_back(order));
    }

    /// Somebody writes.
    fn say(&self, channel: u64, fields: Value) {
        let mut message = json!({
            "id": "5000000000000000005", "channel_id": channel.to_string(), "type": 0, "content": "",
            "author": { "id": "31", "username": "ann", "discriminator": "0", "avatar": null },
            "timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": null, "tts": false,
            "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
            "pinned": false,
        });
        for (name, value) in fields.as_object().unwrap() {
            message[name] = value.clone();
        }
        self.order(Order::Dispatch("MESSAGE_CREATE", message));
    }

    /// The requests of this method and path, as soon as there are so many.
    #[track_caller]
    fn requests(&self, method: &str, path: &str, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} times {method} {path}"), || {
            let found: Vec<Value> = self.with(|state| {
                let found = state.done.iter().filter(|(how, what, _)| how == method && what == path);
                found.map(|(_, _, body)| body.clone()).collect()
            });
            (found.len() >= count).then_some(found)
        })
    }

    #[track_caller]
    fn answer(&self, channel: u64) -> Value {
        self.requests("POST", &format!("/api/v10/channels/{channel}/messages"), 1).remove(0)
    }

    /// What was said over the gateway with this opcode, as soon as there is so much.
    #[track_caller]
    fn said(&self, op: u64, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} payloads with op {op}"), || {
            let said: Vec<Value> =
                self.with(|state| state.said.iter().filter(|said| said["op"] == op).cloned().collect());
            (said.len() >= count).then_some(said)
        })
    }

    #[track_caller]
    fn nothing_wrong(&self) {
        let wrong = self.with(|state| state.wrong.clone());
        assert!(wrong.is_empty(), "the published API does not know: {wrong:#?}");
    }
}

fn answer(state: &Arc<Mutex<State>>, asked: &Asked) -> Answer {
    let mut held = state.lock().unwrap();
    let host = asked.header("host").unwrap_or_default().to_owned();
    if asked.header("upgrade") == Some("websocket") {
        if !host.ends_with(".discord.gg") || asked.target != "/?v=10&encoding=json" {
            held.wrong.push(format!("a gateway at {host}{}", asked.target));
        }
        if held.no_resume && host == "gateway-eu1.discord.gg" {
            held.not_resumed += 1;
            return Answer::Json(503, Value::Null);
        }
        let key = asked.header("sec-websocket-key").unwrap_or_default().to_owned();
        let state = Arc::clone(state);
        return Answer::Taken(Box::new(move |stream| drop(gateway(&state, stream, &key))));
    }
    if host == "cdn.discordapp.com" {
        return Answer::Bytes(held.picture.clone());
    }
    // An interaction's token is its authorization.
    let by_token = asked.target.contains("/interactions/") || asked.target.contains("/webhooks/");
    if host != "discord.com"
        || !asked.header("user-agent").is_some_and(|agent| agent.starts_with("DiscordBot (http"))
    {
        held.wrong.push(format!("host {host}, agent {:?}", asked.header("user-agent")));
    }
    if !by_token && asked.header("authorization") != Some(&format!("Bot {TOKEN}")) {
        return Answer::Json(401, json!({ "message": "401: Unauthorized", "code": 0 }));
    }
    let body = asked.json();
    let path: Vec<&str> = asked.target.trim_start_matches("/api/v10/").split('/').collect();
    const CONTENT: &[&str] = &[
        "content",
        "nonce",
        "enforce_nonce",
        "tts",
        "embeds",
        "allowed_mentions",
        "message_reference",
        "components",
        "flags",
    ];
    let (status, result, known): (u16, Value, &[&str]) = match (asked.method.as_str(), &path[..]) {
        ("GET", ["gateway", "bot"]) => {
            let limit =
                json!({ "total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1 });
            let place =
                json!({ "url": "wss://gateway.discord.gg", "shards": 1, "session_start_limit": limit });
            if held.refused > 0 {
                held.refused -= 1;
                return Answer::Json(401, json!({ "message": "401: Unauthorized", "code": 0 }));
            }
            return Answer::Json(200, place);
        }
        ("POST", ["channels", _, "typing"]) => return Answer::Json(204, Value::Null),
        ("PUT", ["applications", APPLICATION, "commands"]) => (200, json!([]), &[]),
        ("POST", ["channels", _, "messages"]) => (200, json!({ "id": "1" }), CONTENT),
        ("POST", ["interactions", _, _, "callback"]) => (204, Value::Null, &["type", "data"]),
        ("PATCH", ["webhooks", APPLICATION, _, "messages", "@original"]) => {
            (200, json!({ "id": "1" }), &["content", "embeds", "flags", "allowed_mentions", "components"])
        }
        _ => {
            held.wrong.push(format!("{} {}", asked.method, asked.target));
            return Answer::Json(404, json!({ "message": "404: Not Found", "code": 0 }));
        }
    };
    let unknown = unknown_fields(&body, known);
    if !unknown.is_empty() {
        held.wrong.push(format!("{}: {unknown:?}", asked.target));
    }
    if body["content"].as_str().is_some_and(|text| text.is_empty() || text.chars().count() > 2000) {
        held.wrong.push(format!("a text of {} characters", body["content"].as_str().unwrap().len()));
    }
    if held.too_many > 0 && known.contains(&"content") {
        held.too_many -= 1;
        let told = json!({ "message": "You are being rate limited.", "retry_after": 0.2, "global": false });
        return Answer::JsonWith(429, vec![("retry-after", "1".to_owned())], told);
    }
    held.done.push((asked.method.clone(), asked.target.clone(), body));
    if held.lost > 0 && known.contains(&"content") {
        held.lost -= 1;
        return Answer::Json(502, Value::Null);
    }
    Answer::Json(status, result)
}

/// One connection: greets, answers heartbeats, and does what the test orders.
fn gateway(state: &Mutex<State>, mut stream: TcpStream, key: &str) -> io::Result<()> {
    let joined = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, joined.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {}\r\n\r\n",
        BASE64.encode(digest.as_ref())
    )?;
    // How soon an order is seen that comes while nothing is heard.
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    let gone = |error: SocketError| io::Error::other(error.to_string());
    let send =
        |socket: &mut WebSocket<TcpStream>, payload: &Value| socket.send(Message::text(payload.to_string()));
    send(
        &mut socket,
        &json!({ "op": 10, "d": { "heartbeat_interval": 400, "_trace": [] }, "s": null, "t": null }),
    )
    .map_err(gone)?;
    let mut is_known = false;
    loop {
        let order = if is_known { state.lock().unwrap().orders.pop_front() } else { None };
        match order {
            Some(Order::Close(code, reason)) => {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                socket.close(Some(frame)).map_err(gone)?;
                // Until the other side has closed too.
                while socket.read().is_ok() {}
                return Ok(());
            }
            Some(Order::Payload(payload)) => send(&mut socket, &payload).map_err(gone)?,
            Some(Order::Dispatch(name, data)) => dispatch(state, &mut socket, name, data).map_err(gone)?,
            None => {}
        }
        let text = match socket.read() {
            Ok(Message::Text(text)) => text,
            Ok(_) => continue,
            Err(SocketError::Io(error))
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(error) => return Err(gone(error)),
        };
        let payload: Value = serde_json::from_str(&text).unwrap();
        let unknown = unknown_fields(&payload, &["op", "d", "s", "t"]);
        let op = payload["op"].as_u64().unwrap();
        if op == 1 {
            state.lock().unwrap().heartbeats += 1;
            send(&mut socket, &json!({ "op": 11 })).map_err(gone)?;
            continue;
        }
        let known: &[&str] = match op {
            2 => &["token", "properties", "compress", "large_threshold", "shard", "presence", "intents"],
            6 => &["token", "session_id", "seq"],
            _ => &[],
        };
        let unknown = [unknown, unknown_fields(&payload["d"], known)].concat();
        if !unknown.is_empty() || payload["d"]["token"] != TOKEN {
            state.lock().unwrap().wrong.push(format!("op {op}: {unknown:?}"));
        }
        state.lock().unwrap().said.push(payload);
        is_known = true;
        if op == 2 {
            let ready = json!({
                "v": 10, "user": { "id": ME, "username": "credit", "bot": true, "discriminator": "0" },
                "guilds": [{ "id": "1", "unavailable": true }], "session_id": "the-session",
                "resume_gateway_url": "wss://gateway-eu1.discord.gg",
                "application": { "id": APPLICATION, "flags": 0 },
            });
            dispatch(state, &mut socket, "READY", ready).map_err(gone)?;
        } else {
            dispatch(state, &mut socket, "RESUMED", json!({})).map_err(gone)?;
        }
    }
}

fn dispatch(
    state: &Mutex<State>,
    socket: &mut WebSocket<TcpStream>,
    name: &str,
    data: Value,
) -> Result<(), SocketError> {
    let sequence = {
        let mut held = state.lock().unwrap();
        held.sequence += 1;
        held.sequence
    };
    let payload = json!({ "op": 0, "d": data, "s": sequence, "t": name });
    socket.send(Message::text(payload.to_string()))
}

fn me() -> Value {
    json!([{ "id": ME, "username": "credit", "bot": true }])
}

#[test]
fn who_sends_a_link_is_answered_with_the_credit() {
    let (daemon, discord) = (daemon(), Discord::start());
    let bot = discord.bot(&daemon);
    let secret = "a-secret-between-us";
    discord.say(7, json!({ "content": format!("{secret} @everyone <{PAGE}>") }));
    let sent = discord.answer(7);
    assert_eq!(sent["content"], credit(&daemon, "markdown", PAGE), "{sent:#}");
    assert_eq!((&sent["allowed_mentions"], &sent["flags"]), (&json!({ "parse": [] }), &json!(4)));
    let reference = json!({ "message_id": "5000000000000000005", "fail_if_not_exists": false });
    assert_eq!(sent["message_reference"], reference);
    let identified = discord.said(2, 1).remove(0);
    assert_eq!(identified["d"]["intents"], 1 << 9 | 1 << 12, "no intent that must be permitted");

    // On a server only who is addressed.
    discord.say(8, json!({ "content": PAGE, "guild_id": "1" }));
    discord
        .say(8, json!({ "content": format!("{PAGE} @everyone"), "guild_id": "1", "mention_everyone": true }));
    discord.order(Order::Dispatch("MESSAGE_CREATE", json!({ "id": 1 })));
    discord.order(Order::Dispatch("TELEPATHY", json!({})));
    discord.say(
        9,
        json!({ "content": format!("<@{ME}> https://a.example/"), "guild_id": "1", "mentions": me() }),
    );
    assert_eq!(discord.answer(9)["content"], "This is not the page of an artwork on a site that I know.");
    assert!(discord.with(|state| state.done.iter().all(|(_, path, _)| !path.contains("/channels/8/"))));

    // Told to wait, it waits.
    discord.with(|state| state.too_many = 1);
    discord.say(10, json!({ "content": "hello" }));
    assert!(discord.answer(10)["content"].as_str().unwrap().starts_with("Send me"));

    // What may have arrived is sent again so that Discord knows it.
    discord.with(|state| state.lost = 1);
    discord.say(11, json!({ "content": "hello" }));
    for sent in discord.requests("POST", "/api/v10/channels/11/messages", 2) {
        assert_eq!(
            (&sent["nonce"], &sent["enforce_nonce"]),
            (&json!("5000000000000000005"), &json!(true)),
            "{sent:#}"
        );
    }

    wait_for("heartbeats", || discord.with(|state| (state.heartbeats > 2).then_some(())));
    let (status, log) = bot.stop();
    assert!(status.success(), "{status}: {log}");
    for private in [secret, "danbooru", "a.example", "hello", TOKEN, "the-key-of-the-bot", "ann"] {
        assert!(!log.contains(private), "{private} is in the log: {log}");
    }
    discord.nothing_wrong();
}

#[test]
fn commands_are_answered_later() {
    let (daemon, discord) = (daemon(), Discord::start());
    let _bot = discord.bot(&daemon);
    let commands =
        discord.requests("PUT", &format!("/api/v10/applications/{APPLICATION}/commands"), 1).remove(0);
    let names: Vec<&str> =
        commands.as_array().unwrap().iter().map(|command| command["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["credit", "Credit the artist"]);
    let interaction = |id: &str, data: Value| {
        discord.order(Order::Dispatch(
            "INTERACTION_CREATE",
            json!({ "id": id, "application_id": APPLICATION, "type": 2, "token": format!("token-{id}"),
                "version": 1, "guild_id": "1", "channel_id": "77", "data": data }),
        ));
        let deferred =
            discord.requests("POST", &format!("/api/v10/interactions/{id}/token-{id}/callback"), 1);
        assert_eq!(deferred, [json!({ "type": 5 })]);
        let path = format!("/api/v10/webhooks/{APPLICATION}/token-{id}/messages/@original");
        discord.requests("PATCH", &path, 1).remove(0)
    };
    let option = json!([{ "type": 3, "name": "url", "value": PAGE }]);
    let sent = interaction("41", json!({ "id": "2", "name": "credit", "type": 1, "options": option }));
    assert_eq!(sent["content"], credit(&daemon, "markdown", PAGE));
    assert_eq!(sent["allowed_mentions"], json!({ "parse": [] }));
    let message = json!({ "id": "6", "channel_id": "77", "type": 0, "content": format!("[art]({PAGE})"),
        "author": { "id": "31" }, "attachments": [], "mentions": [] });
    let sent = interaction(
        "42",
        json!({ "id": "3", "name": "Credit the artist", "type": 3, "target_id": "6",
            "resolved": { "messages": { "6": message } } }),
    );
    assert_eq!(sent["content"], credit(&daemon, "markdown", PAGE));
    discord.nothing_wrong();
}

#[test]
fn who_sends_a_picture_is_answered_with_its_posts() {
    let (daemon, discord) = (daemon(), Discord::start());
    let post = daemon.query(PAGE)["posts"][0]["url"].as_str().unwrap().to_owned();
    discord.with(|state| state.picture = ArtId::KnightAtTheFord.art().bytes.to_vec());
    let _bot = discord.bot(&daemon);
    let attachment = |url: &str| {
        json!([{ "id": "1", "filename": "a.png", "size": 9, "url": url, "proxy_url": url,
            "content_type": "image/png" }])
    };
    let url = "https://cdn.discordapp.com/attachments/1/2/a.png?ex=1&is=2&hm=3";
    discord.say(7, json!({ "attachments": attachment(url) }));
    let text = discord.answer(7)["content"].as_str().unwrap().to_owned();
    assert!(text.starts_with("**Posts:** [") && text.contains(&format!("({post})")), "{text}");
    // Nobody else's server is asked, whatever an attachment says.
    discord.say(8, json!({ "attachments": attachment(&format!("http://{}/stats", daemon.address)) }));
    assert_eq!(discord.answer(8)["content"], "I cannot read this picture.");
    discord.nothing_wrong();
}

#[test]
fn a_session_goes_on_after_a_lost_connection() {
    let (daemon, discord) = (daemon(), Discord::start());
    let bot = discord.bot(&daemon);
    discord.said(2, 1);
    discord.order(Order::Payload(json!({ "op": 1, "d": null })));
    discord.order(Order::Payload(json!({ "op": 7, "d": null })));
    let resumed = discord.said(6, 1).remove(0);
    assert_eq!(resumed["d"], json!({ "token": TOKEN, "session_id": "the-session", "seq": 1 }));
    discord.say(7, json!({ "content": "hello" }));
    discord.answer(7);
    discord.order(Order::Close(4000, "Unknown error"));
    assert_eq!(discord.said(6, 2)[1]["d"]["seq"], 3);
    // One that is gone is begun anew.
    discord.order(Order::Payload(json!({ "op": 9, "d": false })));
    discord.said(2, 2);
    discord.say(8, json!({ "content": "hello" }));
    discord.answer(8);
    let commands = discord.with(|state| state.done.iter().filter(|(method, ..)| method == "PUT").count());
    assert_eq!(commands, 1, "commands are registered once");
    let (status, log) = bot.stop();
    assert!(status.success(), "{status}: {log}");
    discord.nothing_wrong();
}

/// A session whose own gateway is gone is left for a new one; a token is not given up for one refusal.
#[test]
fn a_gateway_that_is_gone_is_not_asked_for_ever() {
    let (daemon, discord) = (daemon(), Discord::start());
    let _bot = discord.bot(&daemon);
    discord.said(2, 1);
    discord.with(|state| (state.no_resume, state.refused) = (true, 1));
    discord.order(Order::Payload(json!({ "op": 7, "d": null })));
    discord.said(2, 2);
    assert_eq!(discord.with(|state| (state.not_resumed, state.refused)), (3, 0));
    discord.say(7, json!({ "content": "hello" }));
    discord.answer(7);
    discord.nothing_wrong();
}

#[test]
fn who_is_not_let_in_ends_the_bot() {
    let (daemon, discord) = (daemon(), Discord::start());
    let mut bot = discord.bot_with(&daemon, "another.token");
    assert_eq!(bot.ended().code(), Some(78));
    let told = bot.log();
    assert!(
        told.contains("Discord does not know this token ([bots.discord] token): 401: Unauthorized"),
        "{told}"
    );
    assert!(!told.contains("another.token"), "{told}");
    for (code, reason, expect) in [
        (4004, "Authentication failed.", "Discord does not know this token"),
        (4014, "Disallowed intent(s).", "closes the connection for good: Disallowed intent(s). (code 4014)"),
    ] {
        discord.order(Order::Close(code, reason));
        let mut bot = discord.bot(&daemon);
        assert_eq!(bot.ended().code(), Some(78));
        let told = bot.log();
        assert!(told.contains(expect), "{told}");
    }
}
