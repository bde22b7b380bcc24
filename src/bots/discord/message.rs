//! What a message or a command of Discord asks the bot for. Pure.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::desk::Wish;
use super::super::links::{address, first_few, in_text};
use super::api::{COMMAND, MAX_FILE_BYTES, OPTION_PICTURE, OPTION_URL};

/// `DEFAULT` and `REPLY`: what people write, and not what Discord says itself.
const WRITTEN: [u8; 2] = [0, 19];

#[derive(Deserialize)]
pub struct User {
    pub id: String,
    #[serde(default)]
    pub bot: bool,
}

#[derive(Deserialize)]
pub struct Attachment {
    pub url: String,
    pub content_type: Option<String>,
    #[serde(default)]
    pub size: u64,
}

#[derive(Deserialize)]
pub struct Message {
    pub id: String,
    pub channel_id: String,
    pub guild_id: Option<String>,
    pub author: Option<User>,
    pub webhook_id: Option<String>,
    #[serde(rename = "type", default)]
    pub kind: u8,
    #[serde(default)]
    pub content: String,
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    #[serde(default)]
    pub mentions: Vec<User>,
    #[serde(default)]
    pub embeds: Vec<Embed>,
    /// What was forwarded.
    #[serde(default)]
    pub message_snapshots: Vec<Snapshot>,
    pub referenced_message: Option<Box<Message>>,
}

/// What another bot shows instead of a text.
#[derive(Deserialize)]
pub struct Embed {
    pub url: Option<String>,
}

#[derive(Deserialize)]
pub struct Snapshot {
    pub message: Forwarded,
}

#[derive(Deserialize)]
pub struct Forwarded {
    #[serde(default)]
    pub content: String,
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
pub struct Interaction {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: u8,
    pub token: String,
    pub channel_id: Option<String>,
    pub data: Option<CommandData>,
}

#[derive(Deserialize)]
pub struct CommandData {
    pub name: String,
    #[serde(rename = "type", default)]
    pub kind: u8,
    #[serde(default)]
    pub options: Vec<CommandOption>,
    pub target_id: Option<String>,
    #[serde(default)]
    pub resolved: Resolved,
}

#[derive(Deserialize)]
pub struct CommandOption {
    pub name: String,
    #[serde(default)]
    pub value: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Resolved {
    pub messages: HashMap<String, Message>,
    pub attachments: HashMap<String, Attachment>,
}

/// What is asked, and the address of its picture.
pub struct Asked {
    pub wish: Wish,
    pub picture: Option<String>,
}

/// `None` for what is none of the bot's business: on servers all that does not mention it, and other bots.
pub fn asked(message: &Message, me: u64) -> Option<Asked> {
    let author = message.author.as_ref()?;
    if author.bot || message.webhook_id.is_some() || !WRITTEN.contains(&message.kind) {
        return None;
    }
    let is_me = |user: &User| user.id.parse() == Ok(me);
    let is_direct = message.guild_id.is_none();
    if !is_direct && !message.mentions.iter().any(is_me) {
        return None;
    }
    let (mut links, mut picture) = shown(message);
    if let Some(other) = &message.referenced_message
        && !other.author.as_ref().is_some_and(is_me)
        && links.is_empty()
        && picture.is_none()
    {
        (links, picture) = shown(other);
    }
    // A reply to the bot mentions it without a word.
    let by_name = [format!("<@{me}>"), format!("<@!{me}>")].iter().any(|name| message.content.contains(name));
    match (links.is_empty(), &picture) {
        (true, None) if !is_direct && !by_name => None,
        _ => Some(wish(links, picture)),
    }
}

/// What a command asks for; `None` for what is no command.
pub fn asked_by_command(interaction: &Interaction) -> Option<Asked> {
    const APPLICATION_COMMAND: u8 = 2;
    const MESSAGE_COMMAND: u8 = 3;
    let data = interaction.data.as_ref().filter(|_| interaction.kind == APPLICATION_COMMAND)?;
    if data.kind == MESSAGE_COMMAND {
        let target = data.target_id.as_ref().and_then(|id| data.resolved.messages.get(id));
        let (links, picture) = target.map(shown).unwrap_or_default();
        return Some(wish(links, picture));
    }
    if data.name != COMMAND {
        return None;
    }
    let option = |name: &str| {
        let option = data.options.iter().find(|option| option.name == name)?;
        option.value.as_str()
    };
    let links = option(OPTION_URL).map(|written| match in_text(written) {
        found if found.is_empty() => address(written).into_iter().collect(),
        found => first_few(found),
    });
    let attachment = option(OPTION_PICTURE).and_then(|id| data.resolved.attachments.get(id));
    let picture = attachment.filter(|attachment| is_picture(attachment));
    Some(wish(links.unwrap_or_default(), picture.map(|picture| picture.url.clone())))
}

fn wish(links: Vec<String>, picture: Option<String>) -> Asked {
    let wish = match (links.is_empty(), &picture) {
        (true, None) => Wish::Help,
        _ => Wish::Credit { links, picture: picture.is_some() },
    };
    Asked { wish, picture }
}

fn shown(message: &Message) -> (Vec<String>, Option<String>) {
    let forwarded = || message.message_snapshots.iter().map(|snapshot| &snapshot.message);
    let mut links = in_text(&message.content);
    links.extend(forwarded().flat_map(|forwarded| in_text(&forwarded.content)));
    if links.is_empty() {
        links = message.embeds.iter().filter_map(|embed| address(embed.url.as_deref()?)).collect();
    }
    let mut attachments =
        message.attachments.iter().chain(forwarded().flat_map(|forwarded| &forwarded.attachments));
    let picture = attachments.find(|attachment| is_picture(attachment));
    (first_few(links), picture.map(|picture| picture.url.clone()))
}

fn is_picture(attachment: &Attachment) -> bool {
    let kind = attachment.content_type.as_deref().unwrap_or_default();
    kind.starts_with("image/") && !kind.starts_with("image/svg") && attachment.size <= MAX_FILE_BYTES as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ME: u64 = 99;
    const URL: &str = "https://a.example/1";

    fn told(asked: Option<Asked>) -> String {
        match asked {
            None => "-".to_owned(),
            Some(Asked { wish: Wish::Help, .. }) => "?".to_owned(),
            Some(Asked { wish: Wish::Credit { links, .. }, picture: None }) => links.join(" "),
            Some(Asked { wish: Wish::Credit { links, .. }, picture: Some(file) }) => {
                format!("{} [{file}]", links.join(" ")).trim().to_owned()
            }
        }
    }

    fn message(fields: Value) -> Value {
        let mut message = json!({"id": "5", "channel_id": "7", "type": 0, "content": "",
            "author": {"id": "3", "username": "a"}, "mentions": [], "attachments": []});
        for (key, value) in fields.as_object().unwrap() {
            message[key] = value.clone();
        }
        message
    }

    #[track_caller]
    fn check(fields: Value, expect: &str) {
        let message = serde_json::from_value(message(fields.clone())).unwrap();
        assert_eq!(told(asked(&message, ME)), expect, "{fields:#}");
    }

    fn attachment(kind: &str, size: u64) -> Value {
        let url = "https://cdn.discordapp.com/a";
        json!({"id": "1", "filename": "a", "url": url, "content_type": kind, "size": size})
    }

    #[test]
    fn only_who_is_addressed_answers() {
        check(json!({"content": URL}), URL);
        check(json!({"content": "hello"}), "?");
        check(json!({"content": URL, "author": {"id": "3", "bot": true}}), "-");
        check(json!({"content": URL, "webhook_id": "8"}), "-");
        check(json!({"content": URL, "type": 7}), "-");
        check(json!({"content": URL, "guild_id": "1"}), "-");
        let me = json!([{"id": "99", "bot": true}]);
        check(json!({"content": format!("<@99> {URL}"), "guild_id": "1", "mentions": me}), URL);
        check(json!({"content": format!("<@98> {URL}"), "guild_id": "1", "mentions": [{"id": "98"}]}), "-");
        check(json!({"content": "<@!99>", "guild_id": "1", "mentions": me}), "?");
        check(json!({"content": "thanks", "guild_id": "1", "mentions": me}), "-");
        check(json!({"content": "@everyone", "guild_id": "1", "mention_everyone": true}), "-");
        let other = message(json!({"content": format!("<{URL}>"), "author": {"id": "4"}}));
        check(json!({"content": "<@99>", "guild_id": "1", "mentions": me, "referenced_message": other}), URL);
        let own = message(json!({"content": URL, "author": {"id": "99", "bot": true}}));
        check(
            json!({"content": "and?", "guild_id": "1", "mentions": me, "type": 19, "referenced_message": own}),
            "-",
        );
    }

    #[test]
    fn pictures_are_attachments_of_pictures() {
        let cdn = "https://cdn.discordapp.com/a";
        check(json!({"attachments": [attachment("image/png", 9)]}), &format!("[{cdn}]"));
        check(
            json!({"attachments": [attachment("video/mp4", 9), attachment("image/jpeg", 9)]}),
            &format!("[{cdn}]"),
        );
        let forwarded = |message: Value| json!({"message_snapshots": [{"message": message}]});
        let both = forwarded(json!({"content": URL, "attachments": [attachment("image/png", 9)]}));
        check(both, &format!("{URL} [{cdn}]"));
        check(json!({"embeds": [{"type": "rich", "url": URL}, {"type": "rich"}]}), URL);
        for bad in
            [attachment("image/svg+xml", 9), attachment("image/png", 30_000_000), attachment("text/plain", 9)]
        {
            check(json!({"attachments": [bad]}), "?");
        }
    }

    #[test]
    fn commands_name_a_link_a_picture_or_a_message() {
        let check = |data: Value, expect: &str| {
            let interaction = json!({"id": "1", "type": 2, "token": "t", "channel_id": "7", "data": data});
            let interaction = serde_json::from_value(interaction).unwrap();
            assert_eq!(told(asked_by_command(&interaction)), expect, "{data:#}");
        };
        let url = |value: &str| {
            let option = json!({"name": "url", "type": 3, "value": value});
            json!({"id": "2", "name": "credit", "type": 1, "options": [option]})
        };
        let option = json!({"name": "picture", "type": 11, "value": "1"});
        check(url(URL), URL);
        check(url("pixiv.net/artworks/1"), "https://pixiv.net/artworks/1");
        check(url("javascript:alert(1)"), "?");
        check(json!({"id": "2", "name": "weather", "type": 1}), "-");
        check(
            json!({"id": "2", "name": "credit", "type": 1, "options": [option],
            "resolved": {"attachments": {"1": attachment("image/png", 9)}}}),
            "[https://cdn.discordapp.com/a]",
        );
        let target = json!({"id": "2", "name": "Credit the artist", "type": 3, "target_id": "5",
            "resolved": {"messages": {"5": message(json!({"content": URL}))}}});
        check(target, URL);
        check(json!({"id": "2", "name": "Credit the artist", "type": 3, "target_id": "6"}), "?");
    }
}
