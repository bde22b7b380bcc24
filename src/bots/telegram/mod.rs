//! The bot of Telegram: polls for messages, answers those that are for it, and gives captions of channels
//! their credit where it may.

mod api;
mod caption;
mod message;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::api::{Content, Message, Reply, Telegram, TelegramError, User};
use super::desk::{Chat, Desk};
use super::error::BotError;
use super::limits::Turn;
use super::outcome::Failure;
use super::patience::{Patience, pause};
use super::reply::{calling_nobody, fitting};
use crate::config::{Secret, TelegramBot};
use crate::fetch::few_hosts::{FewHosts, FewHostsError};
use crate::telemetry::events;

pub const HOSTS: &[&str] = &[api::HOST];
const SERVICE: &str = "Telegram";
const SECTION: &str = "telegram";
/// The longest message, in UTF-16 code units.
const MAX_MESSAGE: usize = 4096;
/// Answers on their way, with those that wait for Telegram; with more, no messages are asked for.
const MAX_TASKS: usize = 256;
/// How often a message is tried to be sent.
const MAX_TRIES: u32 = 4;
/// The longest that Telegram may tell an answer to wait.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// Polls that another process took, one after the other, before this one ends.
const MAX_CONFLICTS: u32 = 6;
/// Polls that did not know the token any more, one after the other, before it is believed: it was right at
/// first, and a service in trouble says so too.
const MAX_REFUSALS: u32 = 4;
/// For answers that are on their way when the bot is told to stop.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Answers until it is told to stop.
///
/// # Errors
/// The token is wrong, or another process has the bot's messages.
pub async fn run(
    settings: &TelegramBot,
    token: Secret,
    hosts: Rc<FewHosts>,
    desk: Rc<Desk>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), BotError> {
    let api = Rc::new(Telegram::new(hosts, token));
    let mut patience = Patience::new(SERVICE);
    let me = loop {
        match api.get_me().await {
            Ok(me) => break Rc::new(me),
            Err(error) => {
                let wait = wait_after(error, &mut patience, MAX_REFUSALS, 0)?;
                if pause(wait, &mut stopping).await {
                    return Ok(());
                }
            }
        }
    };
    events::bot_ready(SERVICE, me.username.as_deref().unwrap_or_default());
    patience.calm();
    let mut tasks = JoinSet::new();
    let posts = Posts::default();
    let (mut offset, mut refusals, mut conflicts) = (0, 0, 0);
    loop {
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= MAX_TASKS {
            tasks.join_next().await;
            continue;
        }
        let polled = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => break,
            polled = api.get_updates(offset) => polled,
        };
        match polled {
            Ok(updates) => {
                patience.calm();
                (refusals, conflicts) = (0, 0);
                for update in updates {
                    offset = update.id.saturating_add(1);
                    match update.content {
                        Content::Message(message) => answer(&mut tasks, &api, &desk, &me, *message),
                        Content::ChannelPost(post) if settings.edit_captions => {
                            caption(&mut tasks, &api, &desk, &posts, *post);
                        }
                        Content::EditedChannelPost(post) => {
                            if let Some(waiting) = posts.borrow_mut().get_mut(&place_of(&post)) {
                                *waiting = *post;
                            }
                        }
                        Content::ChannelPost(_) => {}
                        Content::Other => events::bot_passed_over(SERVICE, "an update"),
                    }
                }
            }
            Err(error) => {
                refusals += u32::from(matches!(error, TelegramError::Token { .. }));
                conflicts += u32::from(matches!(error, TelegramError::Conflict { .. }));
                let wait = wait_after(error, &mut patience, refusals, conflicts)?;
                if pause(wait, &mut stopping).await {
                    break;
                }
            }
        }
    }
    // Who is being answered hears that it was in vain, and nothing that was received comes again.
    let last = async {
        let _ = api.acknowledge(offset).await;
        while tasks.join_next().await.is_some() {}
    };
    let _ = tokio::time::timeout(LAST_WORDS, last).await;
    Ok(())
}

/// How long to wait after a failure of what the bot cannot be without.
fn wait_after(
    error: TelegramError,
    patience: &mut Patience,
    refusals: u32,
    conflicts: u32,
) -> Result<Duration, BotError> {
    match error {
        TelegramError::Token { told } if refusals >= MAX_REFUSALS => {
            Err(BotError::WrongToken { service: SERVICE, section: SECTION, told })
        }
        TelegramError::Conflict { told } if conflicts >= MAX_CONFLICTS => {
            Err(BotError::Twice { service: SERVICE, told })
        }
        TelegramError::TooMany { after } => patience.wait(&error, Some(after)),
        error => patience.wait(&error, None),
    }
}

fn answer(tasks: &mut JoinSet<()>, api: &Rc<Telegram>, desk: &Rc<Desk>, me: &Rc<User>, message: Message) {
    let Some(asked) = message::asked(&message, me) else { return };
    let turn = desk.turn(message.chat.id);
    if turn == Turn::Silence {
        return;
    }
    let place = Place {
        api: Rc::clone(api),
        chat: Cell::new(message.chat.id),
        thread: message.message_thread_id.filter(|_| message.is_topic_message),
        message: message.message_id,
        picture: asked.picture,
    };
    let desk = Rc::clone(desk);
    tasks.spawn_local(async move { desk.answer(&place, turn, asked.wish).await });
}

/// Posts of channels whose credit is being looked for, as they are now: their authors may change them
/// meanwhile.
type Posts = Rc<RefCell<HashMap<(i64, i64), Message>>>;

fn place_of(post: &Message) -> (i64, i64) {
    (post.chat.id, post.message_id)
}

/// Nobody has asked: what fails is told to the operator alone.
fn caption(tasks: &mut JoinSet<()>, api: &Rc<Telegram>, desk: &Rc<Desk>, posts: &Posts, post: Message) {
    if post.caption.is_none() {
        return;
    }
    let links = message::links(&post);
    if links.is_empty() || desk.turn(post.chat.id) != Turn::Answer {
        return;
    }
    let (api, desk, posts) = (Rc::clone(api), Rc::clone(desk), Rc::clone(posts));
    let place = place_of(&post);
    posts.borrow_mut().insert(place, post);
    tasks.spawn_local(async move {
        let credit = desk.credit(&links).await;
        let Some(post) = posts.borrow_mut().remove(&place) else { return };
        let Ok(credit) = credit else { return };
        let before = post.caption.as_deref().unwrap_or_default();
        let credit = calling_nobody(&credit);
        let Some(after) = caption::with_credit(before, &post.caption_entities, &credit) else { return };
        told(persist(async || api.edit_caption(&post, &after).await).await);
    });
}

/// Where a message was written.
struct Place {
    api: Rc<Telegram>,
    /// A group gets another id when it grows.
    chat: Cell<i64>,
    thread: Option<i64>,
    message: i64,
    picture: Option<String>,
}

impl Chat for Place {
    const SIGN_LASTS: Duration = Duration::from_secs(5);

    async fn sign_of_life(&self) {
        let _ = self.api.send_typing(self.chat.get(), self.thread).await;
    }

    async fn picture(&self) -> Result<Bytes, Failure> {
        let file = self.picture.as_deref().ok_or(Failure::PictureUnreadable)?;
        self.api.file(file).await.map_err(|error| match error {
            TelegramError::Http(FewHostsError::TooBig { .. }) => Failure::PictureTooBig,
            // "Bad Request: file is too big".
            TelegramError::Refused { code: 400, told } if told.contains("too big") => Failure::PictureTooBig,
            TelegramError::Refused { code: 400, .. } => Failure::PictureUnreadable,
            _ => Failure::Unavailable,
        })
    }

    async fn reply(&self, text: &str) {
        let text = fitting(&calling_nobody(text), MAX_MESSAGE);
        let send = async || {
            let reply = Reply {
                chat_id: self.chat.get(),
                message_thread_id: self.thread,
                text: &text,
                link_preview_options: json!({ "is_disabled": true }),
                // It may have been deleted meanwhile.
                reply_parameters: json!({ "message_id": self.message, "allow_sending_without_reply": true }),
            };
            let sent = self.api.send_message(&reply).await;
            if let Err(TelegramError::Migrated { to }) = sent {
                self.chat.set(to);
            }
            sent
        };
        told(persist(send).await);
    }
}

/// Tries a few times what may be better later. What may have arrived without an answer is not sent again.
async fn persist(mut attempt: impl AsyncFnMut() -> Result<(), TelegramError>) -> Result<(), TelegramError> {
    let mut wait = Duration::from_secs(1);
    for _ in 1..MAX_TRIES {
        let pause = match attempt().await {
            Err(TelegramError::TooMany { after }) if after <= LONGEST_RETRY => after,
            Err(TelegramError::Migrated { .. }) => Duration::ZERO,
            Err(TelegramError::Http(FewHostsError::Unreachable { .. })) => wait,
            Err(TelegramError::Refused { code: 500.., .. } | TelegramError::Unreadable { status: 500.. }) => {
                wait
            }
            done => return done,
        };
        tokio::time::sleep(pause).await;
        wait *= 2;
    }
    attempt().await
}

fn told(done: Result<(), TelegramError>) {
    match done {
        Ok(()) => {}
        // As it should be already: the same post came twice.
        Err(TelegramError::Refused { code: 400, told }) if told.contains("is not modified") => {}
        Err(error) => events::bot_not_heard(SERVICE, &error),
    }
}
