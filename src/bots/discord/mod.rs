//! The bot of Discord: hears messages and commands over the gateway, and answers over the HTTP API.

mod api;
mod gateway;
mod message;

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use self::api::{Discord, DiscordError};
use self::gateway::{End, Event, Ready, Session, live};
use self::message::{Asked, Interaction, Message};
use super::desk::{Chat, Desk};
use super::error::BotError;
use super::limits::Turn;
use super::outcome::Failure;
use super::patience::{Patience, pause};
use super::reply::fitting;
use super::sending::{Again, LAST_WORDS, Sending};
use crate::config::Secret;
use crate::fetch::few_hosts::{FewHosts, FewHostsError};
use crate::telemetry::events;

/// The API, the gateways, and where attachments lie.
pub const HOSTS: &[&str] = &["discord.com", ".discord.gg", "cdn.discordapp.com", "media.discordapp.net"];
const SERVICE: &str = "Discord";
const SECTION: &str = "discord";
/// The longest message.
const MAX_MESSAGE: usize = 2000;
/// Answers on their way; more messages are not answered, since the gateway does not wait.
const MAX_TASKS: usize = 256;
/// Connections to a session's own gateway that do not come to anything, one after the other, before a new
/// session is begun: that gateway may be gone for good.
const MAX_RESUMES: u32 = 3;
/// Discord keeps a session for some minutes after its connection was lost.
const SESSION_LASTS: Duration = Duration::from_secs(180);
/// Answers that did not know the token, one after the other, before it is believed: a service in trouble says
/// so too.
const MAX_REFUSALS: u32 = 4;

/// Answers until it is told to stop.
///
/// # Errors
/// The token is wrong, or Discord shuts the bot out.
pub async fn run(
    token: Secret,
    hosts: Rc<FewHosts>,
    desk: Rc<Desk>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), BotError> {
    let api = Rc::new(Discord::new(Rc::clone(&hosts), &token));
    let mut patience = Patience::new(SERVICE);
    let mut session: Option<Session> = None;
    let mut bot = Bot { api, desk, tasks: JoinSet::new(), me: None };
    let (mut resumes, mut refusals) = (0, 0);
    let mut heard = Instant::now();
    loop {
        if resumes == MAX_RESUMES || heard.elapsed() >= SESSION_LASTS {
            session = None;
        }
        let url = match session.as_ref().and_then(|session| gateway_url(&hosts, &session.url)) {
            Some(url) => url,
            None => {
                (session, resumes) = (None, 0);
                let first = tokio::select! {
                    biased;
                    _ = stopping.wait_for(|stop| *stop) => break,
                    first = first_url(&bot.api, &hosts, &mut patience, &mut refusals) => first?,
                };
                match first {
                    Ok(url) => url,
                    Err(wait) if pause(wait, &mut stopping).await => break,
                    Err(_) => continue,
                }
            }
        };
        let mut was_ready = false;
        let end = live(&hosts, &url, &token, &mut session, &mut stopping, |event| {
            was_ready |= matches!(event, Event::Ready(_));
            bot.hear(event);
        })
        .await;
        if was_ready {
            patience.calm();
            (resumes, heard) = (0, Instant::now());
        } else {
            resumes += 1;
        }
        let wait = match end {
            End::Stopped => break,
            End::ForGood { code: 4004, told } => {
                return Err(BotError::WrongToken { service: SERVICE, section: SECTION, told });
            }
            End::ForGood { code, told } => {
                return Err(BotError::ShutOut { service: SERVICE, told: format!("{told} (code {code})") });
            }
            End::SessionGone => {
                session = None;
                // As Discord asks: at a random moment within some seconds.
                patience.wait(
                    &end,
                    Some(Duration::from_secs(1) + Duration::from_secs(4).mul_f64(fastrand::f64())),
                )?
            }
            End::Lost { .. } | End::NotOpened(_) => patience.wait(&end, None)?,
        };
        if pause(wait, &mut stopping).await {
            break;
        }
    }
    let last = async { while bot.tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_WORDS, last).await;
    Ok(())
}

/// Where a session is begun, or how long to wait before that is asked again.
async fn first_url(
    api: &Discord,
    hosts: &FewHosts,
    patience: &mut Patience,
    refusals: &mut u32,
) -> Result<Result<Url, Duration>, BotError> {
    let error = match api.gateway().await {
        Ok(place) if place.session_start_limit.remaining == 0 => {
            // Beyond that limit Discord resets the token.
            let after = Duration::from_millis(place.session_start_limit.reset_after);
            DiscordError::TooMany { after }
        }
        Ok(place) => match gateway_url(hosts, &place.url) {
            Some(url) => {
                *refusals = 0;
                return Ok(Ok(url));
            }
            None => DiscordError::Unreadable,
        },
        Err(error) => error,
    };
    if let DiscordError::Token { told } = &error {
        *refusals += 1;
        if *refusals == MAX_REFUSALS {
            return Err(BotError::WrongToken { service: SERVICE, section: SECTION, told: told.clone() });
        }
    }
    let told = match &error {
        DiscordError::TooMany { after } => Some(*after),
        _ => None,
    };
    patience.wait(&error, told).map(Err)
}

/// The address of a gateway as a request begins: `None` for a host that is none of Discord's.
fn gateway_url(hosts: &FewHosts, text: &str) -> Option<Url> {
    let host = text.strip_prefix("wss://")?;
    let mut url = Url::parse(&format!("https://{host}")).ok()?;
    url.set_query(Some("v=10&encoding=json"));
    hosts.may_ask(&url).then_some(url)
}

struct Bot {
    api: Rc<Discord>,
    desk: Rc<Desk>,
    tasks: JoinSet<()>,
    me: Option<Ready>,
}

impl Bot {
    fn hear(&mut self, event: Event) {
        while self.tasks.try_join_next().is_some() {}
        match event {
            Event::Ready(Some(ready)) => {
                events::bot_ready(SERVICE, &ready.user.to_string());
                // Once: they stay until they are replaced.
                if self.me.replace(ready).is_none() {
                    let api = Rc::clone(&self.api);
                    let sending = self.desk.sending();
                    self.tasks.spawn_local(async move {
                        let register = async || api.register_commands(ready.application).await;
                        told(sending.persist(again, register).await);
                    });
                }
            }
            Event::Ready(None) => {}
            Event::Message(message) => match serde_json::from_value::<Message>(message) {
                Ok(message) => self.message(&message),
                Err(_) => events::bot_passed_over(SERVICE, "a message"),
            },
            Event::Interaction(interaction) => match serde_json::from_value::<Interaction>(interaction) {
                Ok(interaction) => self.command(&interaction),
                Err(_) => events::bot_passed_over(SERVICE, "an interaction"),
            },
        }
    }

    fn message(&mut self, message: &Message) {
        let Some(me) = self.me else { return };
        let Some(asked) = message::asked(message, me.user) else { return };
        if let (Ok(channel), Ok(id)) = (message.channel_id.parse(), message.id.parse()) {
            self.answer(channel, To::Message { channel, message: id }, asked);
        }
    }

    fn command(&mut self, interaction: &Interaction) {
        let Some(me) = self.me else { return };
        let Some(asked) = message::asked_by_command(interaction) else { return };
        let channel = interaction.channel_id.as_ref().and_then(|channel| channel.parse().ok()).unwrap_or(0);
        if let Ok(id) = interaction.id.parse() {
            let token = interaction.token.clone();
            self.answer(channel, To::Command { application: me.application, interaction: id, token }, asked);
        }
    }

    fn answer(&mut self, channel: u64, to: To, asked: Asked) {
        // Some number of the channel's own is all that is needed.
        let id = channel.cast_signed();
        let turn = self.desk.turn(id);
        if turn == Turn::Silence || self.tasks.len() >= MAX_TASKS {
            return;
        }
        let sending = self.desk.sending();
        let place = Place { api: Rc::clone(&self.api), sending, to, picture: asked.picture };
        let desk = Rc::clone(&self.desk);
        self.tasks.spawn_local(async move {
            if let To::Command { interaction, token, .. } = &place.to
                && let Err(error) = place.api.defer(*interaction, token).await
            {
                return events::bot_not_heard(SERVICE, &error);
            }
            desk.answer(id, &place, turn, asked.wish).await;
        });
    }
}

enum To {
    Message { channel: u64, message: u64 },
    Command { application: u64, interaction: u64, token: String },
}

/// Where something was asked.
struct Place {
    api: Rc<Discord>,
    sending: Sending,
    to: To,
    picture: Option<String>,
}

impl Chat for Place {
    const SIGN_LASTS: Duration = Duration::from_secs(10);

    async fn sign_of_life(&self) {
        match self.to {
            To::Message { channel, .. } => drop(self.api.send_typing(channel).await),
            // Discord shows that the bot thinks.
            To::Command { .. } => {}
        }
    }

    async fn picture(&self) -> Result<Bytes, Failure> {
        let url = self.picture.as_deref().ok_or(Failure::PictureUnreadable)?;
        self.api.attachment(url).await.map_err(|error| match error {
            DiscordError::Http(FewHostsError::TooBig { .. }) => Failure::PictureTooBig,
            // Its address has expired, or is none of Discord's.
            DiscordError::Refused { status: 400..500, .. } | DiscordError::Unreadable => {
                Failure::PictureUnreadable
            }
            _ => Failure::Unavailable,
        })
    }

    async fn reply(&self, text: &str) {
        // Its form calls nobody (`api::content`), and strangers' words are escaped in a credit already.
        let text = fitting(text, MAX_MESSAGE);
        let send = async || match &self.to {
            To::Message { channel, message } => self.api.reply(*channel, *message, &text).await,
            To::Command { application, token, .. } => {
                self.api.answer_deferred(*application, token, &text).await
            }
        };
        told(self.sending.persist(again, send).await);
    }
}

/// Whether to try again. Every request here may be repeated: a reply carries a nonce, by which Discord knows
/// the second one, and commands replace what was registered before.
fn again(error: &DiscordError) -> Again {
    match error {
        DiscordError::TooMany { after } => Again::After(*after),
        DiscordError::Refused { status: 500.., .. } => Again::Later,
        DiscordError::Http(
            FewHostsError::Unreachable { .. }
            | FewHostsError::NoAnswer { .. }
            | FewHostsError::Timeout { .. },
        ) => Again::Later,
        _ => Again::Never,
    }
}

fn told(done: Result<(), DiscordError>) {
    if let Err(error) = done {
        events::bot_not_heard(SERVICE, &error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    /// A later answer may name another gateway, and no other host.
    #[test]
    fn gateways_are_discords() {
        let hosts =
            FewHosts::new(&Settings::default(), HOSTS, "http://127.0.0.1:3301".parse().unwrap()).unwrap();
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(gateway_url(&hosts, text).as_ref().map(Url::as_str), expect, "{text}");
        };
        let url = "https://gateway.discord.gg/?v=10&encoding=json";
        check("wss://gateway.discord.gg", Some(url));
        check("wss://gateway.discord.gg/?v=9&compress=zlib-stream", Some(url));
        check("wss://gateway-eu1.discord.gg", Some("https://gateway-eu1.discord.gg/?v=10&encoding=json"));
        for text in [
            "ws://gateway.discord.gg",
            "wss://gateway.discord.gg.evil.example",
            "wss://evil.example/gateway.discord.gg",
            "wss://127.0.0.1:3301",
            "wss://gateway.discord.gg:1",
            "",
        ] {
            check(text, None);
        }
    }
}
