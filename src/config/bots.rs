//! The section `[bots]`: processes that answer in the chats of other services, beside the daemon.

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::section::{Section, section};
use super::values::{base_url, bearer_token};

/// In which words the bots speak, and credits are written.
const LANGUAGES: &[&str] = &["en", "fr"];

section! {
    /// What all bots share.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Bots {
        /// The daemon's HTTP API; none is that of `[http]` in the same file.
        server: Option<String> = None, text(server);
        /// The key that is shown there: one of the daemon's `[[api_keys]]`.
        api_key: Option<Secret> = None, optional_secret("api_key_file", secret);
        lang: String = "en".to_owned(), one_of(LANGUAGES);
        /// In one chat; what comes beyond is not answered.
        replies_per_minute: u32 = 6, number(1..=600);
        telegram: TelegramBot = TelegramBot::default(), part(TelegramBot::read);
        discord: DiscordBot = DiscordBot::default(), part(DiscordBot::read);
    }
}

section! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct TelegramBot {
        /// What the BotFather gave; without it there is no bot.
        token: Option<Secret> = None, optional_secret("token_file", telegram_token);
        /// In channels where the bot may edit posts, the credit is appended to captions with a link.
        edit_captions: bool = false, switch();
    }
}

section! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct DiscordBot {
        /// That of the application's bot; without it there is no bot.
        token: Option<Secret> = None, optional_secret("token_file", secret);
    }
}

impl Bots {
    /// Without what only a bot's own process needs to know.
    pub fn without_secrets(&self) -> Bots {
        let mut bots = self.clone();
        (bots.api_key, bots.telegram.token, bots.discord.token) = (None, None, None);
        bots
    }
}

fn server(text: &str) -> Result<Option<String>, String> {
    base_url(text).map(Some)
}

fn secret(text: &str) -> Result<Secret, String> {
    bearer_token(text).map(Secret::new)
}

/// It becomes a part of addresses.
fn telegram_token(text: &str) -> Result<Secret, String> {
    let fits = text.split_once(':').is_some_and(|(id, rest)| {
        !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_digit())
            && !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    match fits {
        true => Ok(Secret::new(text)),
        false => Err("must be what the BotFather gave, 123456:ABC-DEF...".to_owned()),
    }
}

impl Section<'_> {
    /// A secret that may be missing: in the parameter file, or in a file of its own, and not in both.
    fn optional_secret(
        &mut self,
        key: &'static str,
        target: &mut Option<Secret>,
        file_key: &'static str,
        convert: fn(&str) -> Result<Secret, String>,
    ) {
        self.secret_here(key, target, |text| convert(text).map(Some));
        self.secret_of_file(file_key, target, |text| convert(text).map(Some));
        if self.place_of(key).is_some() && self.place_of(file_key).is_some() {
            self.demand_one(key, file_key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Files;
    use super::super::load::read;
    use super::super::settings::Settings;
    use super::*;

    fn bots(text: &str) -> Result<Bots, Vec<String>> {
        let files = Files { parameters: None, credentials: None };
        match read(text, &[], &files) {
            Ok(Settings { bots, .. }) => Ok(bots),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn nothing_is_needed_and_mistakes_are_told() {
        assert_eq!(bots(""), Ok(Bots::default()));
        let set = "[bots]\nserver = 'https://aotf.example/api/'\napi_key = 'k'\nlang = 'fr'\n\
            [bots.telegram]\ntoken = '12:ab-C_d'\nedit_captions = true\n[bots.discord]\ntoken = 'a.b'\n";
        let read = bots(set).unwrap();
        assert_eq!(read.server.as_deref(), Some("https://aotf.example/api"));
        assert_eq!(read.telegram.token, Some(Secret::new("12:ab-C_d")));
        assert_eq!(read.discord.token, Some(Secret::new("a.b")));
        assert!(read.telegram.edit_captions && read.lang == "fr");
        let bare = read.without_secrets();
        assert_eq!((&bare.api_key, &bare.telegram.token, &bare.discord.token), (&None, &None, &None));
        for (text, expect) in [
            ("[bots]\nlang = 'de'", "must be one of en, fr"),
            ("[bots]\nreplies_per_minute = 0", "must be a whole number from 1 to 600"),
            ("[bots.telegram]\ntoken = '../12:a'", "must be what the BotFather gave"),
            ("[bots.telegram]\ntoken = '12:'", "must be what the BotFather gave"),
            ("[bots.discord]\ntoken = 'a b'", "is no key: empty, or with spaces in it"),
            ("[bots.discord]\nedit_captions = true", "edit_captions"),
        ] {
            let told = bots(text).unwrap_err();
            assert!(told.iter().any(|what| what.contains(expect)), "{text}: {told:?}");
        }
        let both = bots("[bots]\napi_key = 'k'\napi_key_file = '/dev/null'").unwrap_err();
        assert!(both.iter().any(|what| what.contains("needs either api_key or api_key_file")), "{both:?}");
    }
}
