//! The bot of Telegram: polls for messages, answers those that are for it, and gives captions of channels
//! their credit where it may.

mod api;
mod caption;
mod message;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::api::{Content, Message, Reply, Telegram, TelegramError, User};
use self::message::Asked;
use super::desk::{Chat, Desk, Wish};
use super::error::BotError;
use super::limits::Turn;
use super::outcome::Failure;
use super::patience::{Patience, pause};
use super::reply::{calling_nobody, fitting};
use super::sending::{Again, LAST_WORDS, Sending};
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
/// Telegram sends the items of an album one by one, each as a message, within this time.
const ALBUM_GATHERS: Duration = Duration::from_secs(1);
/// Albums that were answered lately, whose further items are passed over: so many, and so long.
const MAX_ALBUMS: usize = 256;
const ALBUM_LASTS: Duration = Duration::from_secs(120);
/// Searches for one post of a channel whose links its author changes meanwhile.
const MAX_SEARCHES: u32 = 3;
/// Polls that another process took, one after the other, before this one ends.
const MAX_CONFLICTS: u32 = 6;
/// Answers that did not know the token, one after the other, before it is believed: a service in trouble says
/// so too.
const MAX_REFUSALS: u32 = 4;

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
    let mut refusals = 0;
    let me = loop {
        let known = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => return Ok(()),
            known = api.get_me() => known,
        };
        match known {
            Ok(me) => break Rc::new(me),
            Err(error) => {
                refusals += u32::from(matches!(error, TelegramError::Token { .. }));
                let wait = wait_after(error, &mut patience, refusals, 0)?;
                if pause(wait, &mut stopping).await {
                    return Ok(());
                }
            }
        }
    };
    events::bot_ready(SERVICE, me.username.as_deref().unwrap_or_default());
    patience.calm();
    let mut bot = Bot {
        api: Rc::clone(&api),
        desk,
        me,
        tasks: JoinSet::new(),
        posts: Posts::default(),
        albums: Rc::default(),
        stopping: stopping.clone(),
    };
    let (mut offset, mut conflicts) = (0, 0);
    refusals = 0;
    loop {
        while bot.tasks.try_join_next().is_some() {}
        if bot.tasks.len() >= MAX_TASKS {
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => break,
                _ = bot.tasks.join_next() => continue,
            }
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
                        Content::Message(message) => bot.hear(*message),
                        Content::ChannelPost(post) if settings.edit_captions => bot.caption(*post),
                        Content::EditedChannelPost(post) => {
                            if let Some(waiting) = bot.posts.borrow_mut().get_mut(&place_of(&post)) {
                                *waiting = Rc::new(*post);
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
        while bot.tasks.join_next().await.is_some() {}
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

struct Bot {
    api: Rc<Telegram>,
    desk: Rc<Desk>,
    me: Rc<User>,
    tasks: JoinSet<()>,
    posts: Posts,
    albums: Rc<RefCell<Albums>>,
    stopping: watch::Receiver<bool>,
}

/// Posts of channels whose credit is being looked for, as they are now: their authors may change them
/// meanwhile.
type Posts = Rc<RefCell<HashMap<(i64, i64), Rc<Message>>>>;

fn place_of(post: &Message) -> (i64, i64) {
    (post.chat.id, post.message_id)
}

impl Bot {
    fn hear(&mut self, message: Message) {
        let Some(asked) = message::asked(&message, &self.me) else { return };
        let place = Place {
            api: Rc::clone(&self.api),
            sending: self.desk.sending(),
            chat: Cell::new(message.chat.id),
            thread: message.message_thread_id.filter(|_| message.is_topic_message),
            message: message.message_id,
            picture: asked.picture.clone(),
        };
        let id = message.chat.id;
        let Some(group) = message.media_group_id else {
            let turn = self.desk.turn(id);
            if turn != Turn::Silence {
                let desk = Rc::clone(&self.desk);
                self.tasks.spawn_local(async move { desk.answer(id, &place, turn, asked.wish).await });
            }
            return;
        };
        let album = (id, group);
        if !self.albums.borrow_mut().is_first(&album, asked, place) {
            return;
        }
        let (desk, albums, mut stopping) =
            (Rc::clone(&self.desk), Rc::clone(&self.albums), self.stopping.clone());
        self.tasks.spawn_local(async move {
            pause(ALBUM_GATHERS, &mut stopping).await;
            let Some((asked, place)) = albums.borrow_mut().best(&album) else { return };
            let turn = desk.turn(id);
            desk.answer(id, &place, turn, asked.wish).await;
        });
    }

    /// Nobody has asked: what fails is told to the operator alone.
    fn caption(&mut self, post: Message) {
        if links_of_caption(&post).is_empty() || self.desk.turn(post.chat.id) != Turn::Answer {
            return;
        }
        let (api, desk, posts) = (Rc::clone(&self.api), Rc::clone(&self.desk), Rc::clone(&self.posts));
        let place = place_of(&post);
        posts.borrow_mut().insert(place, Rc::new(post));
        self.tasks.spawn_local(async move {
            told(give_credit(&api, &desk, &posts, place).await);
            // Until now each edit of its author's was heard.
            posts.borrow_mut().remove(&place);
        });
    }
}

/// Looks for the credit of a post, and gives it to the post as it is then.
async fn give_credit(
    api: &Telegram,
    desk: &Desk,
    posts: &Posts,
    place: (i64, i64),
) -> Result<(), TelegramError> {
    let now = || posts.borrow().get(&place).cloned();
    for _ in 0..MAX_SEARCHES {
        let Some(links) = now().map(|post| links_of_caption(&post)) else { return Ok(()) };
        if links.is_empty() {
            return Ok(());
        }
        let credit = desk.credit(place.0, &links).await;
        // Others than it was looked for: nothing that was found, or not, is about them.
        if now().is_some_and(|post| links_of_caption(&post) != links) {
            continue;
        }
        let Ok(credit) = credit else { return Ok(()) };
        let credit = calling_nobody(&credit);
        // Anew at each try: its author may have changed it while Telegram was waited for, and with other
        // links this would be the credit of another artwork.
        let edit = async || {
            loop {
                let Some(post) = now() else { return Ok(true) };
                if links_of_caption(&post) != links {
                    return Ok(false);
                }
                let before = post.caption.as_deref().unwrap_or_default();
                let Some(after) = caption::with_credit(before, &post.caption_entities, &credit) else {
                    return Ok(true);
                };
                api.edit_caption(&post, &after).await?;
                // Else its author's words came while ours were on their way, and may have been overwritten.
                if now().is_none_or(|newest| Rc::ptr_eq(&newest, &post)) {
                    return Ok(true);
                }
            }
        };
        // Twice the same caption does no harm.
        if desk.sending().persist(|error| again(error, true), edit).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// The links that a post is given credit for: none where its caption cannot be written.
fn links_of_caption(post: &Message) -> Vec<String> {
    if post.caption.is_none() || !caption::can_be_kept(&post.caption_entities) {
        return Vec::new();
    }
    message::links(post)
}

/// The items of an album come as messages of their own, and are answered as one.
#[derive(Default)]
struct Albums {
    /// Those whose items are being gathered, with what they ask for.
    gathering: HashMap<(i64, String), (Asked, Place)>,
    /// Those of before, the latest last.
    answered: VecDeque<(Instant, (i64, String))>,
}

impl Albums {
    /// Takes an item; whether it is the first of its album.
    fn is_first(&mut self, album: &(i64, String), asked: Asked, place: Place) -> bool {
        if let Some(best) = self.gathering.get_mut(album) {
            if worth(&asked) > worth(&best.0) {
                *best = (asked, place);
            }
            return false;
        }
        while self.answered.front().is_some_and(|(then, _)| then.elapsed() > ALBUM_LASTS) {
            self.answered.pop_front();
        }
        if self.answered.iter().any(|(_, answered)| answered == album) {
            return false;
        }
        self.gathering.insert(album.clone(), (asked, place));
        true
    }

    /// The item that says most, of those that came.
    fn best(&mut self, album: &(i64, String)) -> Option<(Asked, Place)> {
        if self.answered.len() == MAX_ALBUMS {
            self.answered.pop_front();
        }
        self.answered.push_back((Instant::now(), album.clone()));
        self.gathering.remove(album)
    }
}

/// How much an item of an album says.
fn worth(asked: &Asked) -> u8 {
    match &asked.wish {
        Wish::Credit { links, .. } if !links.is_empty() => 2,
        Wish::Credit { .. } => 1,
        Wish::Help => 0,
    }
}

/// Where a message was written.
struct Place {
    api: Rc<Telegram>,
    sending: Sending,
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
        // What may have arrived is not sent again.
        told(self.sending.persist(|error| again(error, false), send).await);
    }
}

/// Whether to try again. What `may_repeat` does no harm when it was done already; else there is another try
/// only where Telegram has certainly done nothing.
fn again(error: &TelegramError, may_repeat: bool) -> Again {
    match error {
        TelegramError::TooMany { after } => Again::After(*after),
        TelegramError::Migrated { .. } => Again::Now,
        TelegramError::Http(FewHostsError::Unreachable { .. }) => Again::Later,
        TelegramError::Http(FewHostsError::NoAnswer { .. } | FewHostsError::Timeout { .. }) if may_repeat => {
            Again::Later
        }
        // 502 and 504 are told by somebody in front, who does not know what became of it.
        TelegramError::Refused { code: 500 | 503, .. } | TelegramError::Unreadable { status: 500 | 503 } => {
            Again::Later
        }
        TelegramError::Refused { code: 500.., .. } | TelegramError::Unreadable { status: 500.. }
            if may_repeat =>
        {
            Again::Later
        }
        _ => Again::Never,
    }
}

fn told(done: Result<(), TelegramError>) {
    match done {
        Ok(()) => {}
        // As it should be already: the same post came twice.
        Err(TelegramError::Refused { code: 400, told }) if told.contains("is not modified") => {}
        Err(error) => events::bot_not_heard(SERVICE, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_arrived_is_not_sent_again() {
        let refused = |code| TelegramError::Refused { code, told: String::new() };
        let http = |error: fn(String, String) -> FewHostsError| {
            TelegramError::Http(error("host".to_owned(), "why".to_owned()))
        };
        let unreachable = || http(|host, why| FewHostsError::Unreachable { host, why });
        let no_answer = || http(|host, why| FewHostsError::NoAnswer { host, why });
        for (error, message, caption) in [
            (refused(500), Again::Later, Again::Later),
            (refused(502), Again::Never, Again::Later),
            (refused(503), Again::Later, Again::Later),
            (TelegramError::Unreadable { status: 504 }, Again::Never, Again::Later),
            (TelegramError::Unreadable { status: 200 }, Again::Never, Again::Never),
            (unreachable(), Again::Later, Again::Later),
            (no_answer(), Again::Never, Again::Later),
            (refused(403), Again::Never, Again::Never),
            (TelegramError::Migrated { to: 1 }, Again::Now, Again::Now),
        ] {
            assert_eq!((again(&error, false), again(&error, true)), (message, caption), "{error}");
        }
        let told = Duration::from_secs(300);
        assert_eq!(again(&TelegramError::TooMany { after: told }, false), Again::After(told));
    }
}
