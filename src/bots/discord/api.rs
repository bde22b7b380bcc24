//! The few methods of Discord's HTTP API (<https://docs.discord.com/developers/reference>) that a bot needs.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::super::words::{ENGLISH, FRENCH};
use crate::config::Secret;
use crate::fetch::few_hosts::{FewHosts, FewHostsError, Question, Verb};

const BASE: &str = "https://discord.com/api/v10";
/// Where attachments lie.
const CDN: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];
/// Who calls, in the form that Discord demands.
const USER_AGENT: &str =
    concat!("DiscordBot (https://github.com/aotf/aotf, ", env!("CARGO_PKG_VERSION"), ")");
const MAX_ANSWER_BYTES: usize = 1 << 20;
pub const MAX_FILE_BYTES: usize = 20 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);
const FILE_TIMEOUT: Duration = Duration::from_secs(120);
/// `SUPPRESS_EMBEDS`: the pages of a credit are not unfolded.
const NO_EMBEDS: u32 = 1 << 2;

/// The name of the command that takes a link or a picture.
pub const COMMAND: &str = "credit";
pub const OPTION_URL: &str = "url";
pub const OPTION_PICTURE: &str = "picture";

/// Why a method did nothing.
#[derive(Debug, thiserror::Error)]
pub enum DiscordError {
    #[error(transparent)]
    Http(FewHostsError),
    #[error("Discord does not know this token: {told}")]
    Token { told: String },
    #[error("Discord wants no more requests for {} s", after.as_secs())]
    TooMany { after: Duration },
    #[error("Discord refuses ({status}): {told}")]
    Refused { status: u16, told: String },
    #[error("Discord's answer is not understood")]
    Unreadable,
}

/// Where the gateway is, and whether a session may be begun.
#[derive(Deserialize)]
pub struct GatewayPlace {
    pub url: String,
    pub session_start_limit: SessionStartLimit,
}

#[derive(Deserialize)]
pub struct SessionStartLimit {
    pub remaining: u32,
    /// Milliseconds until there are more.
    pub reset_after: u64,
}

/// The API, with the bot's token.
pub struct Discord {
    hosts: Rc<FewHosts>,
    authorization: String,
}

impl Discord {
    pub fn new(hosts: Rc<FewHosts>, token: &Secret) -> Discord {
        Discord { hosts, authorization: format!("Bot {}", token.reveal()) }
    }

    /// # Errors
    /// As every method's.
    pub async fn gateway(&self) -> Result<GatewayPlace, DiscordError> {
        let place = self.call(Verb::Get, "/gateway/bot", None).await?;
        serde_json::from_value(place).map_err(|_| DiscordError::Unreadable)
    }

    /// Tells which commands there are; those of before are replaced.
    pub async fn register_commands(&self, application: u64) -> Result<(), DiscordError> {
        let path = format!("/applications/{application}/commands");
        self.call(Verb::Put, &path, Some(&commands())).await.map(drop)
    }

    /// Replies to a message, once however often it is sent: Discord knows the second by its `nonce`.
    pub async fn reply(&self, channel: u64, message: u64, text: &str) -> Result<(), DiscordError> {
        let mut body = content(text);
        body["message_reference"] = json!({ "message_id": message.to_string(), "fail_if_not_exists": false });
        body["nonce"] = message.to_string().into();
        body["enforce_nonce"] = true.into();
        self.call(Verb::Post, &format!("/channels/{channel}/messages"), Some(&body)).await.map(drop)
    }

    pub async fn send_typing(&self, channel: u64) -> Result<(), DiscordError> {
        self.call(Verb::Post, &format!("/channels/{channel}/typing"), Some(&json!({}))).await.map(drop)
    }

    /// Says that the answer to a command comes later; within three seconds of it.
    pub async fn defer(&self, interaction: u64, token: &str) -> Result<(), DiscordError> {
        let path = format!("/interactions/{interaction}/{}/callback", plain(token)?);
        self.call(Verb::Post, &path, Some(&json!({ "type": 5 }))).await.map(drop)
    }

    /// The answer that was to come later.
    pub async fn answer_deferred(
        &self,
        application: u64,
        token: &str,
        text: &str,
    ) -> Result<(), DiscordError> {
        let path = format!("/webhooks/{application}/{}/messages/@original", plain(token)?);
        self.call(Verb::Patch, &path, Some(&content(text))).await.map(drop)
    }

    /// The bytes of an attachment.
    pub async fn attachment(&self, url: &str) -> Result<Bytes, DiscordError> {
        let url = Url::parse(url).ok().filter(|url| url.host_str().is_some_and(|host| CDN.contains(&host)));
        let url = url.ok_or(DiscordError::Unreadable)?;
        let question = Question::get(url, MAX_FILE_BYTES, FILE_TIMEOUT).header("user-agent", USER_AGENT);
        let reply = self.hosts.ask(question).await.map_err(DiscordError::Http)?;
        if reply.status == 200 { Ok(reply.body) } else { Err(refused(reply.status, &reply.body)) }
    }

    async fn call(&self, verb: Verb, path: &str, body: Option<&Value>) -> Result<Value, DiscordError> {
        let url = Url::parse(&format!("{BASE}{path}")).map_err(|_| DiscordError::Unreadable)?;
        let question = match body {
            Some(body) => Question::json(verb, url, body, MAX_ANSWER_BYTES, TIMEOUT),
            None => Question::get(url, MAX_ANSWER_BYTES, TIMEOUT),
        };
        let question = question.header("authorization", &self.authorization).header("user-agent", USER_AGENT);
        let reply = self.hosts.ask(question).await.map_err(DiscordError::Http)?;
        match reply.status {
            204 => Ok(Value::Null),
            200..300 => serde_json::from_slice(&reply.body).map_err(|_| DiscordError::Unreadable),
            429 => {
                // Its body has it to the millisecond; the header, rounded up.
                Err(DiscordError::TooMany { after: reply.retry_after.unwrap_or(Duration::from_secs(5)) })
            }
            status => Err(refused(status, &reply.body)),
        }
    }
}

/// Text in Discord's Markdown, that calls nobody whatever it holds.
fn content(text: &str) -> Value {
    json!({ "content": text, "allowed_mentions": { "parse": [] }, "flags": NO_EMBEDS })
}

/// It becomes part of an address.
fn plain(token: &str) -> Result<&str, DiscordError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
    let fits = !token.is_empty()
        && token.bytes().all(|byte| is_plain(byte) || byte == b'.')
        && !token.contains("..");
    if fits { Ok(token) } else { Err(DiscordError::Unreadable) }
}

fn refused(status: u16, body: &[u8]) -> DiscordError {
    #[derive(Deserialize)]
    struct Body {
        message: String,
    }
    let told = serde_json::from_slice(body).map_or_else(|_| String::new(), |body: Body| body.message);
    match status {
        401 => DiscordError::Token { told },
        status => DiscordError::Refused { status, told },
    }
}

fn commands() -> Value {
    let described =
        |of: fn(&super::super::words::Words) -> &'static str| (of(&ENGLISH), json!({ "fr": of(&FRENCH) }));
    let (about, abouts) = described(|words| words.command);
    let (url, urls) = described(|words| words.command_url);
    let (picture, pictures) = described(|words| words.command_picture);
    let option = |kind: u8, name: &str, about: &str, abouts: Value| {
        json!({
            "type": kind,
            "name": name,
            "description": about,
            "description_localizations": abouts,
            "required": false,
        })
    };
    json!([
        {
            "type": 1,
            "name": COMMAND,
            "description": about,
            "description_localizations": abouts,
            "options": [option(3, OPTION_URL, url, urls), option(11, OPTION_PICTURE, picture, pictures)],
        },
        {
            "type": 3,
            "name": "Credit the artist",
            "name_localizations": { "fr": "Créditer l'artiste" },
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_part_of_an_address_is_plain() {
        assert!(plain("aW50ZXJhY3Rpb246MTIz-_=.a").is_ok());
        for token in ["", "a/b", "..", "a?b", "a#b", "a%2fb", "a b"] {
            assert!(plain(token).is_err(), "{token}");
        }
    }

    #[test]
    fn nobody_is_called_and_nothing_unfolded() {
        let sent = content("@everyone");
        assert_eq!(sent["allowed_mentions"], json!({ "parse": [] }));
        assert_eq!(sent["flags"], 4);
    }
}
