//! What a message of Telegram asks the bot for. Pure.

use serde_json::Value;

use super::super::desk::Wish;
use super::super::links::{address, before_end, first_few, in_text, utf16_part};
use super::api::{Entity, MAX_FILE_BYTES, Message, User};

/// The commands that ask for what the message, or the one it replies to, shows.
const CREDIT_COMMANDS: [&str; 2] = ["credit", "aotf"];
const HELP_COMMANDS: [&str; 2] = ["start", "help"];

/// What is asked, and the file of its picture.
pub struct Asked {
    pub wish: Wish,
    pub picture: Option<String>,
}

/// `None` for what is none of the bot's business: in groups all that is not addressed to it, other bots, and
/// what Telegram itself says.
pub fn asked(message: &Message, me: &User) -> Option<Asked> {
    let is_bot = message.from.as_ref().is_some_and(|from| from.is_bot) && message.sender_chat.is_none();
    if message.is_automatic_forward || is_bot || !message.is_written() {
        return None;
    }
    let is_private = message.chat.kind == "private";
    let is_group = matches!(message.chat.kind.as_str(), "group" | "supergroup");
    let command = command(message, me);
    let addressed = match command {
        Some(Command::Others) => false,
        Some(Command::Help | Command::Credit) => true,
        None => is_private || mentions(message, me) || replies_to(message, me),
    };
    if !addressed || !(is_private || is_group) {
        return None;
    }
    if let Some(Command::Help) = command {
        return Some(Asked { wish: Wish::Help, picture: None });
    }
    let shown = |message: &Message| (links(message), picture(message));
    let (mut links, mut picture) = shown(message);
    // What the bot itself has said is no question.
    if let Some(other) = &message.reply_to_message
        && other.from.as_ref().is_none_or(|from| from.id != me.id)
        && links.is_empty()
        && picture.is_none()
    {
        (links, picture) = shown(other);
    }
    let wish = match (links.is_empty(), &picture) {
        // Somebody talks back to an answer: that is no question either.
        (true, None) if is_group && command.is_none() && !mentions(message, me) => return None,
        (true, None) => Wish::Help,
        _ => Wish::Credit { links, picture: picture.is_some() },
    };
    Some(Asked { wish, picture })
}

/// The links of a message, in its text or its caption; the first few.
pub fn links(message: &Message) -> Vec<String> {
    let mut found = Vec::new();
    for (text, entities) in texts(message) {
        for entity in read(entities) {
            found.extend(match entity.kind.as_str() {
                "url" => {
                    let written = utf16_part(text, entity.offset, entity.length);
                    written.map(before_end).and_then(address)
                }
                "text_link" => entity.url.as_deref().and_then(address),
                _ => None,
            });
        }
        if found.is_empty() {
            found = in_text(text);
        }
    }
    first_few(found)
}

enum Command {
    Credit,
    Help,
    /// One of another bot, or one that is not known here.
    Others,
}

/// The command at the beginning of the message.
fn command(message: &Message, me: &User) -> Option<Command> {
    let (text, entities) = texts(message).next()?;
    let entity = read(entities).find(|entity| entity.kind == "bot_command" && entity.offset == 0)?;
    let written = utf16_part(text, 0, entity.length)?.strip_prefix('/')?.to_lowercase();
    let (name, bot) = written.split_once('@').map_or((&*written, None), |(name, bot)| (name, Some(bot)));
    if bot.is_some_and(|bot| !is_name(bot, me)) {
        return Some(Command::Others);
    }
    Some(match name {
        name if CREDIT_COMMANDS.contains(&name) => Command::Credit,
        name if HELP_COMMANDS.contains(&name) => Command::Help,
        _ => Command::Others,
    })
}

fn mentions(message: &Message, me: &User) -> bool {
    texts(message).any(|(text, entities)| {
        read(entities).any(|entity| match entity.kind.as_str() {
            "mention" => utf16_part(text, entity.offset, entity.length)
                .and_then(|name| name.strip_prefix('@'))
                .is_some_and(|name| is_name(name, me)),
            "text_mention" => entity.user.is_some_and(|user| user.id == me.id),
            _ => false,
        })
    })
}

fn replies_to(message: &Message, me: &User) -> bool {
    let other = message.reply_to_message.as_ref().and_then(|other| other.from.as_ref());
    other.is_some_and(|from| from.id == me.id)
}

fn is_name(name: &str, me: &User) -> bool {
    me.username.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
}

/// The largest picture that may be fetched.
fn picture(message: &Message) -> Option<String> {
    let fits = |size: Option<u64>| size.is_none_or(|size| size <= MAX_FILE_BYTES as u64);
    let sizes = message.photo.iter().filter(|size| fits(size.file_size));
    let photo = sizes.max_by_key(|size| u64::from(size.width) * u64::from(size.height));
    let document = message.document.as_ref().filter(|document| {
        let kind = document.mime_type.as_deref().unwrap_or_default();
        kind.starts_with("image/") && kind != "image/svg+xml" && fits(document.file_size)
    });
    photo.map(|size| size.file_id.clone()).or_else(|| document.map(|document| document.file_id.clone()))
}

fn texts(message: &Message) -> impl Iterator<Item = (&str, &[Value])> {
    let text = message.text.as_deref().map(|text| (text, &message.entities[..]));
    let caption = message.caption.as_deref().map(|caption| (caption, &message.caption_entities[..]));
    text.into_iter().chain(caption)
}

/// Those that are understood.
fn read(entities: &[Value]) -> impl Iterator<Item = Entity> {
    entities.iter().filter_map(|entity| serde_json::from_value(entity.clone()).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn me() -> User {
        User { id: 99, is_bot: true, username: Some("Credit_Bot".to_owned()) }
    }

    /// A message of this kind of chat, with these fields.
    fn message(kind: &str, fields: Value) -> Message {
        let mut message = json!({
            "message_id": 5, "date": 1_700_000_000, "chat": {"id": 1, "type": kind},
            "from": {"id": 3, "is_bot": false, "first_name": "A"},
        });
        for (key, value) in fields.as_object().unwrap() {
            message[key] = value.clone();
        }
        serde_json::from_value(message).unwrap()
    }

    /// What is asked: `-` nothing, `?` for help, else links and whether there is a picture.
    #[track_caller]
    fn check(kind: &str, fields: Value, expect: &str) {
        let told = match asked(&message(kind, fields.clone()), &me()) {
            None => "-".to_owned(),
            Some(Asked { wish: Wish::Help, .. }) => "?".to_owned(),
            Some(Asked { wish: Wish::Credit { links, picture: false }, picture: None }) => links.join(" "),
            Some(Asked { wish: Wish::Credit { links, picture: true }, picture: Some(file) }) => {
                format!("{} [{file}]", links.join(" ")).trim().to_owned()
            }
            Some(_) => panic!("the wish and its picture do not fit together"),
        };
        assert_eq!(told, expect, "{kind}: {fields:#}");
    }

    fn entity(kind: &str, offset: usize, length: usize) -> Value {
        json!({"type": kind, "offset": offset, "length": length})
    }

    fn size(id: &str, width: u32, bytes: u64) -> Value {
        json!({"file_id": id, "file_unique_id": "u", "width": width, "height": 10, "file_size": bytes})
    }

    fn document(kind: &str, bytes: u64) -> Value {
        json!({"document": {"file_id": "d", "mime_type": kind, "file_size": bytes}})
    }

    /// A text with one entity.
    fn with(kind: &str, text: &str, offset: usize, length: usize) -> Value {
        json!({"text": text, "entities": [entity(kind, offset, length)]})
    }

    #[test]
    fn links_are_found_in_every_place() {
        let url = "https://a.example/1";
        check("private", json!({"text": url, "entities": [entity("url", 0, 19)]}), url);
        check(
            "private",
            json!({"text": "🎨🎨 pixiv.net/1 !", "entities": [entity("url", 5, 11)]}),
            "https://pixiv.net/1",
        );
        let text_link = json!({"type": "text_link", "offset": 0, "length": 4, "url": url});
        check("private", json!({"text": "here", "entities": [text_link]}), url);
        check("private", json!({"caption": "here", "caption_entities": [text_link], "photo": []}), url);
        check("private", json!({"caption": url}), url);
        check("private", json!({"text": format!("look: {url}.")}), url);
        // Hostile or broken entities.
        for bad in [entity("url", 18, 99), entity("url", usize::MAX, 2), json!({"type": 1}), json!("x")] {
            check("private", json!({"text": url, "entities": [bad]}), url);
        }
        let script = json!({"type": "text_link", "offset": 0, "length": 1, "url": "javascript:alert(1)"});
        check("private", json!({"text": "x", "entities": [script]}), "?");
        let many: Vec<String> = (0..9).map(|number| format!("https://a.example/{number}")).collect();
        check("private", json!({"text": many.join(" ")}), &many[..3].join(" "));
    }

    #[test]
    fn pictures_are_the_largest_that_may_be_fetched() {
        let photo = json!({"photo": [size("s", 90, 1), size("m", 320, 2), size("l", 800, 30_000_000)]});
        check("private", photo, "[m]");
        check("private", document("image/png", 9), "[d]");
        check("private", document("image/png", 30_000_000), "?");
        check("private", document("image/svg+xml", 9), "?");
        check("private", document("application/zip", 9), "?");
        let both = json!({"caption": "https://a.example", "photo": [size("s", 90, 1)]});
        check("private", both, "https://a.example [s]");
    }

    #[test]
    fn what_telegram_says_itself_is_no_question() {
        let pinned = json!({"message_id": 4, "date": 1, "chat": {"id": 1, "type": "private"},
            "from": {"id": 3}, "text": "https://a.example/1"});
        check("private", json!({"pinned_message": pinned}), "-");
        check("private", json!({"message_auto_delete_timer_changed": {"message_auto_delete_time": 9}}), "-");
        check("private", json!({"chat_background_set": {}}), "-");
        check("private", json!({"sticker": {"file_id": "s"}}), "?");
        check("private", json!({"voice": {"file_id": "s"}}), "?");
    }

    #[test]
    fn in_groups_only_who_is_addressed_answers() {
        let url = "https://a.example/1";
        let mention = |text: &str, offset: usize, length: usize| with("mention", text, offset, length);
        for kind in ["group", "supergroup"] {
            check(kind, json!({"text": url}), "-");
            check(kind, mention(&format!("@credit_bot {url}"), 0, 11), url);
            check(kind, mention(&format!("🎨 @CREDIT_BOT {url}"), 3, 11), url);
            check(kind, mention(&format!("@other_bot {url}"), 0, 10), "-");
            check(kind, mention("@credit_bot", 0, 11), "?");
            let command = |text: &str, length: usize| with("bot_command", text, 0, length);
            check(kind, command(&format!("/credit {url}"), 7), url);
            check(kind, command(&format!("/credit@Credit_Bot {url}"), 18), url);
            check(kind, command(&format!("/credit@other_bot {url}"), 17), "-");
            check(kind, command(&format!("/weather {url}"), 8), "-");
            check(kind, command("/help", 5), "?");
            let named =
                json!({"type": "text_mention", "offset": 0, "length": 1, "user": {"id": 99, "is_bot": true}});
            check(kind, json!({"text": format!("x {url}"), "entities": [named]}), url);
            // In reply to somebody, about what they showed.
            let other = json!({"message_id": 4, "date": 1, "chat": {"id": 1, "type": kind}, "from": {"id": 4},
                "photo": [{"file_id": "f", "width": 1, "height": 1}]});
            check(kind, json!({"text": "who?", "reply_to_message": other}), "-");
            let mut asks = mention("@credit_bot", 0, 11);
            asks["reply_to_message"] = other;
            check(kind, asks, "[f]");
            // In reply to the bot.
            let own = json!({"message_id": 4, "date": 1, "chat": {"id": 1, "type": kind},
                "from": {"id": 99, "is_bot": true}, "text": "https://b.example"});
            check(kind, json!({"text": url, "reply_to_message": own}), url);
            check(kind, json!({"text": "thanks!", "reply_to_message": own}), "-");
        }
        let anonymous = json!({"text": "/help", "entities": [entity("bot_command", 0, 5)],
            "from": {"id": 1_087_968_824, "is_bot": true}, "sender_chat": {"id": 1, "type": "supergroup"}});
        check("supergroup", anonymous, "?");
        check("channel", json!({"text": url}), "-");
        check("private", json!({"text": url, "from": {"id": 3, "is_bot": true}}), "-");
        check(
            "supergroup",
            json!({"text": "/help", "entities": [entity("bot_command", 0, 5)], "is_automatic_forward": true}),
            "-",
        );
    }
}
