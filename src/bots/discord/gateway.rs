//! One connection with Discord's gateway (<https://docs.discord.com/developers/events/gateway>): says who we
//! are, or goes on with the session there was, and keeps it alive by heartbeats.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};
use url::Url;

use crate::config::Secret;
use crate::fetch::few_hosts::{FewHosts, FewHostsError, WebSocketBytes};

/// Messages of servers, and direct ones. What a message says is told without a further permission where it
/// mentions the bot or is written to it alone.
const INTENTS: u32 = 1 << 9 | 1 << 12;
/// The first message tells of all servers that the bot is in.
const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// How long the connection and the handshake on it may take.
const OPENING: Duration = Duration::from_secs(30);
/// The longest interval between two heartbeats, whatever the gateway asks for.
const LONGEST_BEAT: Duration = Duration::from_secs(300);

/// A session that can be gone on with on another connection.
pub struct Session {
    pub id: String,
    pub url: String,
    pub sequence: Option<u64>,
}

/// What came.
pub enum Event {
    /// The session is new, or goes on.
    Ready(Option<Ready>),
    Message(Value),
    Interaction(Value),
}

/// Who the bot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    pub user: u64,
    pub application: u64,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum End {
    #[error("the bot is told to stop")]
    Stopped,
    #[error("the connection could not be opened")]
    NotOpened(#[source] FewHostsError),
    #[error("the connection with the gateway was lost ({why})")]
    Lost { why: String },
    #[error("the gateway does not know the session any more")]
    SessionGone,
    #[error("the gateway closes for good (code {code}): {told}")]
    ForGood { code: u16, told: String },
}

#[derive(Deserialize)]
struct Payload {
    op: u8,
    #[serde(default)]
    d: Value,
    s: Option<u64>,
    t: Option<String>,
}

#[derive(Deserialize)]
struct ReadyData {
    session_id: String,
    resume_gateway_url: String,
    user: WithId,
    application: WithId,
}

#[derive(Deserialize)]
struct WithId {
    id: String,
}

/// Lives through one connection, with the gateway at `url`. `session` is that of before, and in the end the
/// one to go on with.
pub async fn live(
    hosts: &FewHosts,
    url: &Url,
    token: &Secret,
    session: &mut Option<Session>,
    stopping: &mut watch::Receiver<bool>,
    on_event: impl FnMut(Event),
) -> End {
    let opened = tokio::select! {
        opened = hosts.open_web_socket(url, OPENING) => opened,
        _ = stopping.wait_for(|stop| *stop) => return End::Stopped,
    };
    let stream = match opened {
        Ok(stream) => stream,
        Err(error) => return End::NotOpened(error),
    };
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(MAX_MESSAGE_BYTES);
    config.max_frame_size = Some(MAX_MESSAGE_BYTES);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
    tokio::select! {
        end = converse(&mut socket, token, session, on_event) => end,
        // Whatever is waited for then.
        _ = stopping.wait_for(|stop| *stop) => {
            let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
            End::Stopped
        }
    }
}

/// Hears and says what is to be, until the connection ends.
async fn converse(
    socket: &mut Socket,
    token: &Secret,
    session: &mut Option<Session>,
    mut on_event: impl FnMut(Event),
) -> End {
    let beat = match timeout(OPENING, hello(socket)).await {
        Ok(Ok(beat)) => beat,
        Ok(Err(end)) => return end,
        Err(_) => return lost("no greeting"),
    };
    if let Err(end) = say(socket, &greeting(token, session.as_ref())).await {
        return end;
    }
    // The first beat comes after a random part of the time, so that not all bots beat at once.
    let first = beat.mul_f64(fastrand::f64());
    let mut beats = interval_at(Instant::now() + first, beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answered = true;
    loop {
        let payload = tokio::select! {
            _ = beats.tick() => {
                if !answered {
                    return lost("no answer to a heartbeat");
                }
                answered = false;
                if let Err(end) = say(socket, &heartbeat(session.as_ref())).await {
                    return end;
                }
                continue;
            }
            heard = hear(socket) => match heard {
                Ok(payload) => payload,
                Err(end) => return end,
            },
        };
        if let (Some(session), Some(sequence)) = (session.as_mut(), payload.s) {
            session.sequence = Some(sequence);
        }
        match (payload.op, payload.t.as_deref()) {
            (0, Some("READY")) => match serde_json::from_value::<ReadyData>(payload.d) {
                Ok(data) => {
                    let id = |of: &WithId| of.id.parse::<u64>().ok();
                    let ready = id(&data.user).zip(id(&data.application));
                    let ready = ready.map(|(user, application)| Ready { user, application });
                    *session = Some(Session {
                        id: data.session_id,
                        url: data.resume_gateway_url,
                        sequence: payload.s,
                    });
                    on_event(Event::Ready(ready));
                }
                Err(_) => return lost("a READY that is not understood"),
            },
            (0, Some("RESUMED")) => on_event(Event::Ready(None)),
            (0, Some("MESSAGE_CREATE")) => on_event(Event::Message(payload.d)),
            (0, Some("INTERACTION_CREATE")) => on_event(Event::Interaction(payload.d)),
            (1, _) => {
                if let Err(end) = say(socket, &heartbeat(session.as_ref())).await {
                    return end;
                }
            }
            (7, _) => return lost("the gateway asks for another"),
            (9, _) => match payload.d.as_bool() {
                Some(true) => return lost("the session is to be gone on with"),
                _ => {
                    *session = None;
                    return End::SessionGone;
                }
            },
            (11, _) => answered = true,
            // Events that were not asked for, and what is not known yet.
            _ => {}
        }
    }
}

type Socket = WebSocketStream<WebSocketBytes>;

/// How far heartbeats are apart.
async fn hello(socket: &mut Socket) -> Result<Duration, End> {
    let payload = hear(socket).await?;
    let beat = payload.d["heartbeat_interval"].as_u64().filter(|_| payload.op == 10);
    let beat = beat.map(Duration::from_millis).filter(|beat| !beat.is_zero() && *beat <= LONGEST_BEAT);
    beat.ok_or_else(|| lost("a greeting that is not understood"))
}

fn greeting(token: &Secret, session: Option<&Session>) -> Value {
    match session {
        Some(session) => json!({ "op": 6, "d": {
            "token": token.reveal(), "session_id": session.id, "seq": session.sequence,
        } }),
        None => json!({ "op": 2, "d": {
            "token": token.reveal(), "intents": INTENTS,
            "properties": { "os": std::env::consts::OS, "browser": "aotf", "device": "aotf" },
        } }),
    }
}

fn heartbeat(session: Option<&Session>) -> Value {
    json!({ "op": 1, "d": session.and_then(|session| session.sequence) })
}

async fn say(socket: &mut Socket, payload: &Value) -> Result<(), End> {
    let sent = timeout(OPENING, socket.send(Message::text(payload.to_string()))).await;
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(lost(&error.to_string())),
        Err(_) => Err(lost("it takes nothing")),
    }
}

/// The next payload; others than texts are none.
async fn hear(socket: &mut Socket) -> Result<Payload, End> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(payload) => return Ok(payload),
                Err(_) => return Err(lost("a payload that is not understood")),
            },
            Some(Ok(Message::Close(frame))) => {
                return Err(match frame {
                    Some(frame) => closed(frame.code.into(), frame.reason.as_str()),
                    None => lost("closed"),
                });
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(lost(&error.to_string())),
            None => return Err(lost("closed")),
        }
    }
}

/// What a close code means: some are about the token or what was asked for, and come again each time.
fn closed(code: u16, told: &str) -> End {
    match code {
        4004 | 4010..=4014 => End::ForGood { code, told: told.to_owned() },
        4003 | 4007 | 4009 => End::SessionGone,
        code => lost(&format!("closed with {code}")),
    }
}

fn lost(why: &str) -> End {
    End::Lost { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_say_whether_to_come_back() {
        for (code, expect) in [
            (1001, "Lost"),
            (4000, "Lost"),
            (4004, "ForGood"),
            (4007, "SessionGone"),
            (4009, "SessionGone"),
            (4013, "ForGood"),
            (4014, "ForGood"),
        ] {
            assert!(format!("{:?}", closed(code, "")).starts_with(expect), "{code}");
        }
    }
}
