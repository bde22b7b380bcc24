//! The few methods of Telegram's Bot API (<https://core.telegram.org/bots/api>) that a bot needs, and of its
//! objects the few fields. What is not known here is passed over: the API grows every month.
//!
//! Nothing that holds a message can be shown, so that none gets into a log.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use crate::config::Secret;
use crate::fetch::few_hosts::{FewHosts, FewHostsError, Question, Verb};

/// The one host; files come from it too.
pub const HOST: &str = "api.telegram.org";
/// Messages that one poll brings.
const UPDATES: u32 = 25;
/// So many updates and more, with all that can be in them: each letter of the longest text, and of the one
/// that it replies to, as six of JSON. An answer beyond it would come again and again.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// What `getFile` gives at most.
pub const MAX_FILE_BYTES: usize = 20 << 20;
/// For one answer, beyond what a long poll waits.
const TIMEOUT: Duration = Duration::from_secs(30);
const FILE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a poll waits for messages.
const POLL: Duration = Duration::from_secs(50);

#[derive(Deserialize)]
pub struct User {
    pub id: i64,
    #[serde(default)]
    pub is_bot: bool,
    pub username: Option<String>,
}

#[derive(Deserialize)]
pub struct Chat {
    pub id: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Deserialize)]
pub struct Entity {
    #[serde(rename = "type")]
    pub kind: String,
    /// In UTF-16 code units, as the length.
    pub offset: usize,
    pub length: usize,
    /// Of a `text_link`.
    pub url: Option<String>,
    /// Of a `text_mention`.
    pub user: Option<User>,
}

#[derive(Deserialize)]
pub struct PhotoSize {
    pub file_id: String,
    #[serde(default)]
    pub width: u32,
    #[serde(default)]
    pub height: u32,
    pub file_size: Option<u64>,
}

#[derive(Deserialize)]
pub struct Document {
    pub file_id: String,
    pub mime_type: Option<String>,
    pub file_size: Option<u64>,
}

#[derive(Deserialize)]
pub struct Message {
    pub message_id: i64,
    pub message_thread_id: Option<i64>,
    #[serde(default)]
    pub is_topic_message: bool,
    pub from: Option<User>,
    /// An administrator who stays anonymous, or a channel, that writes; `from` is a bot of Telegram's then.
    pub sender_chat: Option<Value>,
    pub chat: Chat,
    #[serde(default)]
    pub is_automatic_forward: bool,
    pub reply_to_message: Option<Box<Message>>,
    pub text: Option<String>,
    #[serde(default)]
    pub entities: Vec<Value>,
    pub caption: Option<String>,
    /// As they came, to be sent back with the caption.
    #[serde(default)]
    pub caption_entities: Vec<Value>,
    #[serde(default)]
    pub show_caption_above_media: bool,
    pub reply_markup: Option<Value>,
    #[serde(default)]
    pub photo: Vec<PhotoSize>,
    pub document: Option<Document>,
    /// What the items of an album have in common.
    pub media_group_id: Option<String>,
    #[serde(flatten)]
    pub other: OtherContent,
}

/// What people send beside texts and pictures. A message with none of these is one that Telegram writes
/// itself: of a pinned message, or a new member.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct OtherContent {
    animation: Option<IgnoredAny>,
    audio: Option<IgnoredAny>,
    contact: Option<IgnoredAny>,
    dice: Option<IgnoredAny>,
    game: Option<IgnoredAny>,
    location: Option<IgnoredAny>,
    paid_media: Option<IgnoredAny>,
    poll: Option<IgnoredAny>,
    sticker: Option<IgnoredAny>,
    story: Option<IgnoredAny>,
    venue: Option<IgnoredAny>,
    video: Option<IgnoredAny>,
    video_note: Option<IgnoredAny>,
    voice: Option<IgnoredAny>,
}

impl Message {
    /// Whether somebody wrote it.
    pub fn is_written(&self) -> bool {
        let other = &self.other;
        let others = [
            &other.animation,
            &other.audio,
            &other.contact,
            &other.dice,
            &other.game,
            &other.location,
            &other.paid_media,
            &other.poll,
            &other.sticker,
            &other.story,
            &other.venue,
            &other.video,
            &other.video_note,
            &other.voice,
        ];
        self.text.is_some()
            || self.caption.is_some()
            || !self.photo.is_empty()
            || self.document.is_some()
            || others.iter().any(|content| content.is_some())
    }
}

/// Something new.
pub struct Update {
    pub id: i64,
    pub content: Content,
}

pub enum Content {
    Message(Box<Message>),
    ChannelPost(Box<Message>),
    EditedChannelPost(Box<Message>),
    /// Not understood, or nothing that was asked for.
    Other,
}

/// Why a method did nothing.
#[derive(Debug, thiserror::Error)]
pub enum TelegramError {
    #[error(transparent)]
    Http(FewHostsError),
    #[error("Telegram does not know this token: {told}")]
    Token { told: String },
    #[error("Telegram sends the messages to somebody else: {told}")]
    Conflict { told: String },
    #[error("Telegram wants no more requests for {} s", after.as_secs())]
    TooMany { after: Duration },
    #[error("the group has another id now")]
    Migrated { to: i64 },
    #[error("Telegram refuses ({code}): {told}")]
    Refused { code: i64, told: String },
    #[error("Telegram's answer is not understood (status {status})")]
    Unreadable { status: u16 },
}

#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    result: Option<Value>,
    error_code: Option<i64>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    migrate_to_chat_id: Option<i64>,
    retry_after: Option<u64>,
}

/// The API, with the bot's token.
pub struct Telegram {
    hosts: Rc<FewHosts>,
    token: Secret,
}

/// A text to be sent, without markup: what strangers wrote can be none.
#[derive(Serialize)]
pub struct Reply<'a> {
    pub chat_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_thread_id: Option<i64>,
    pub text: &'a str,
    pub link_preview_options: Value,
    pub reply_parameters: Value,
}

impl Telegram {
    pub fn new(hosts: Rc<FewHosts>, token: Secret) -> Telegram {
        Telegram { hosts, token }
    }

    /// # Errors
    /// As every method's.
    pub async fn get_me(&self) -> Result<User, TelegramError> {
        let me = self.call("getMe", json!({}), TIMEOUT).await?;
        serde_json::from_value(me).map_err(|_| TelegramError::Unreadable { status: 200 })
    }

    /// Waits for updates from `offset` on, which acknowledges all before.
    pub async fn get_updates(&self, offset: i64) -> Result<Vec<Update>, TelegramError> {
        self.updates(offset, UPDATES, POLL).await
    }

    /// Acknowledges all before `offset`, and waits for nothing.
    pub async fn acknowledge(&self, offset: i64) -> Result<(), TelegramError> {
        self.updates(offset, 1, Duration::ZERO).await.map(drop)
    }

    async fn updates(&self, offset: i64, limit: u32, wait: Duration) -> Result<Vec<Update>, TelegramError> {
        let parameters = json!({
            "offset": offset,
            "limit": limit,
            "timeout": wait.as_secs(),
            "allowed_updates": ["message", "channel_post", "edited_channel_post"],
        });
        let unreadable = || TelegramError::Unreadable { status: 200 };
        match self.call("getUpdates", parameters, wait + TIMEOUT).await? {
            Value::Array(updates) => {
                updates.into_iter().map(|update| read_update(update).ok_or_else(unreadable)).collect()
            }
            _ => Err(unreadable()),
        }
    }

    pub async fn send_message(&self, reply: &Reply<'_>) -> Result<(), TelegramError> {
        let parameters = serde_json::to_value(reply).map_err(|_| TelegramError::Unreadable { status: 0 })?;
        self.call("sendMessage", parameters, TIMEOUT).await.map(drop)
    }

    pub async fn send_typing(&self, chat: i64, thread: Option<i64>) -> Result<(), TelegramError> {
        let mut parameters = json!({ "chat_id": chat, "action": "typing" });
        if let Some(thread) = thread {
            parameters["message_thread_id"] = thread.into();
        }
        self.call("sendChatAction", parameters, TIMEOUT).await.map(drop)
    }

    /// Gives a post of a channel another caption; what else it has stays.
    pub async fn edit_caption(&self, post: &Message, caption: &str) -> Result<(), TelegramError> {
        let mut parameters = Map::new();
        parameters.insert("chat_id".to_owned(), post.chat.id.into());
        parameters.insert("message_id".to_owned(), post.message_id.into());
        parameters.insert("caption".to_owned(), caption.into());
        parameters.insert("caption_entities".to_owned(), post.caption_entities.clone().into());
        if post.show_caption_above_media {
            parameters.insert("show_caption_above_media".to_owned(), true.into());
        }
        if let Some(markup) = &post.reply_markup {
            parameters.insert("reply_markup".to_owned(), markup.clone());
        }
        self.call("editMessageCaption", parameters.into(), TIMEOUT).await.map(drop)
    }

    /// The bytes of a file.
    pub async fn file(&self, file_id: &str) -> Result<Bytes, TelegramError> {
        let unreadable = |status| TelegramError::Unreadable { status };
        let file = self.call("getFile", json!({ "file_id": file_id }), TIMEOUT).await?;
        let path = file["file_path"].as_str().filter(|path| is_plain_path(path));
        let path = path.ok_or_else(|| unreadable(200))?;
        let url = self.url(&format!("file/bot{}/{path}", self.token.reveal()))?;
        let reply = self.hosts.ask(Question::get(url, MAX_FILE_BYTES, FILE_TIMEOUT)).await;
        let reply = reply.map_err(TelegramError::Http)?;
        if reply.status == 200 { Ok(reply.body) } else { Err(unreadable(reply.status)) }
    }

    async fn call(&self, method: &str, parameters: Value, timeout: Duration) -> Result<Value, TelegramError> {
        let url = self.url(&format!("bot{}/{method}", self.token.reveal()))?;
        let question = Question::json(Verb::Post, url, &parameters, MAX_ANSWER_BYTES, timeout);
        let reply = self.hosts.ask(question).await.map_err(TelegramError::Http)?;
        read_answer(reply.status, &reply.body)
    }

    fn url(&self, path: &str) -> Result<Url, TelegramError> {
        Url::parse(&format!("https://{HOST}/{path}")).map_err(|_| TelegramError::Unreadable { status: 0 })
    }
}

/// An update whose content is not understood is one all the same: it is acknowledged, and never comes again.
fn read_update(update: Value) -> Option<Update> {
    let id = update.get("update_id")?.as_i64()?;
    let message = |name: &str| {
        let message = update.get(name)?.clone();
        serde_json::from_value::<Message>(message).ok().map(Box::new)
    };
    let content = message("message")
        .map(Content::Message)
        .or_else(|| message("channel_post").map(Content::ChannelPost))
        .or_else(|| message("edited_channel_post").map(Content::EditedChannelPost))
        .unwrap_or(Content::Other);
    Some(Update { id, content })
}

fn read_answer(status: u16, body: &[u8]) -> Result<Value, TelegramError> {
    let unreadable = || TelegramError::Unreadable { status };
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let Envelope { ok, result, error_code, description, parameters } = envelope;
    if ok {
        return result.ok_or_else(unreadable);
    }
    let parameters = parameters.unwrap_or_default();
    let told = description.unwrap_or_default();
    if let Some(to) = parameters.migrate_to_chat_id {
        return Err(TelegramError::Migrated { to });
    }
    Err(match error_code.unwrap_or(i64::from(status)) {
        // A token that is none at all is a method that is not there.
        401 | 404 => TelegramError::Token { told },
        409 => TelegramError::Conflict { told },
        429 => TelegramError::TooMany { after: Duration::from_secs(parameters.retry_after.unwrap_or(5)) },
        code => TelegramError::Refused { code, told },
    })
}

/// It becomes part of an address that holds the token: nothing in it may lead elsewhere.
fn is_plain_path(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
    path.chars().all(plain)
        && !path.starts_with('/')
        && !path.split('/').any(|part| matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expect: &str) {
        let told = match read_answer(status, body.as_bytes()) {
            Ok(value) => value.to_string(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(told, expect, "{body}");
    }

    #[test]
    fn errors_are_told_apart() {
        check(200, r#"{"ok": true, "result": {"id": 1}}"#, r#"{"id":1}"#);
        check(200, r#"{"ok": true}"#, "Unreadable { status: 200 }");
        check(502, "<html>Bad Gateway", "Unreadable { status: 502 }");
        check(200, "[]", "Unreadable { status: 200 }");
        let failed = |code: u16, text: &str, parameters: &str| {
            format!(r#"{{"ok": false, "error_code": {code}, "description": "{text}"{parameters}}}"#)
        };
        check(401, &failed(401, "Unauthorized", ""), r#"Token { told: "Unauthorized" }"#);
        check(404, &failed(404, "Not Found", ""), r#"Token { told: "Not Found" }"#);
        check(409, &failed(409, "Conflict: x", ""), r#"Conflict { told: "Conflict: x" }"#);
        check(403, &failed(403, "Forbidden: x", ""), r#"Refused { code: 403, told: "Forbidden: x" }"#);
        check(429, &failed(429, "x", r#", "parameters": {"retry_after": 7}"#), "TooMany { after: 7s }");
        check(
            400,
            &failed(400, "x", r#", "parameters": {"migrate_to_chat_id": -1001234567890}"#),
            "Migrated { to: -1001234567890 }",
        );
    }

    #[test]
    fn an_update_of_the_future_is_acknowledged_and_passed_over() {
        let chat = json!({"id": 1, "type": "private"});
        for (update, is_message) in [
            (json!({"update_id": 7, "message": {"message_id": 1, "date": 0, "chat": chat}}), true),
            (json!({"update_id": 7, "message": {"message_id": "one"}}), false),
            (json!({"update_id": 7, "telepathy": {}}), false),
        ] {
            let read = read_update(update).unwrap();
            assert_eq!((read.id, matches!(read.content, Content::Message(_))), (7, is_message));
        }
        assert!(read_update(json!({"message": {}})).is_none());
    }

    #[test]
    fn paths_of_files_lead_nowhere_else() {
        assert!(is_plain_path("photos/file_1.jpg"));
        for path in ["", "/photos", "../getMe", "a/../b", "a//b", "a?b", "a%2e", "a\\b", "http://a"] {
            assert!(!is_plain_path(path), "{path}");
        }
    }
}
