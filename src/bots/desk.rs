//! How a message is answered, whichever service it came by: within the limits, with a sign of life meanwhile,
//! and always with an end. Nothing of a message is kept or logged.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::daemon::Daemon;
use super::limits::{ChatLimits, Turn};
use super::outcome::{Failure, Outcome};
use super::sending::{LONGEST_WAIT, Sending};
use super::words::Words;
use crate::base::clock::Monotonic;
use crate::telemetry::events;

/// Messages that are being answered at the same time; more are told to come back.
const MAX_ANSWERING: usize = 64;
/// Messages of one chat that are being answered at the same time: each may take ten minutes, and one chat
/// must not occupy all places.
const MAX_ANSWERING_CHAT: usize = 3;
/// Pictures in memory at the same time, of up to 20 MB each.
const MAX_PICTURES: usize = 4;
/// The sign of life ends after so many; who waits longer has seen them.
const MAX_SIGNS: u32 = 20;

/// Where an answer goes to.
pub trait Chat {
    /// Who asks sees that work goes on. Fails silently.
    async fn sign_of_life(&self);
    /// How long such a sign is seen.
    const SIGN_LASTS: Duration;
    /// The picture that is asked about.
    async fn picture(&self) -> Result<Bytes, Failure>;
    /// Answers. What fails is told to the operator.
    async fn reply(&self, text: &str);
}

/// What a message asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    /// What is the bot for?
    Help,
    /// The artist of what these links lead to, or of the picture.
    Credit { links: Vec<String>, picture: bool },
}

/// What all answers share.
pub struct Desk {
    daemon: Daemon,
    words: &'static Words,
    limits: RefCell<ChatLimits>,
    places: Semaphore,
    /// Those of each chat that is being answered.
    places_of_chats: RefCell<HashMap<i64, Rc<Semaphore>>>,
    pictures: Semaphore,
    stopping: watch::Receiver<bool>,
}

impl Desk {
    pub fn new(
        daemon: Daemon,
        words: &'static Words,
        replies_per_minute: u32,
        stopping: watch::Receiver<bool>,
    ) -> Desk {
        Desk {
            daemon,
            words,
            limits: RefCell::new(ChatLimits::new(replies_per_minute)),
            places: Semaphore::new(MAX_ANSWERING),
            places_of_chats: RefCell::default(),
            pictures: Semaphore::new(MAX_PICTURES),
            stopping,
        }
    }

    /// Counts a message against the limits of its chat, and says whether it is answered.
    pub fn turn(&self, chat: i64) -> Turn {
        self.limits.borrow_mut().take(chat, Monotonic::now())
    }

    /// The time that the answer to a message has which has just come.
    pub fn sending(&self) -> Sending {
        Sending::new(self.stopping.clone())
    }

    /// Answers to a message, for which the chat with this id has its turn.
    pub async fn answer(&self, id: i64, chat: &impl Chat, turn: Turn, wish: Wish) {
        let text = match turn {
            Turn::Silence => return,
            Turn::TellOnce => self.words.too_often.to_owned(),
            Turn::Answer => match wish {
                Wish::Help => self.words.help.to_owned(),
                Wish::Credit { links, picture } => {
                    let places = self.places_of(id);
                    let Ok(_one_of_the_chat) = places.try_acquire() else {
                        return chat.reply(self.words.chat_busy).await;
                    };
                    let Ok(_place) = self.places.try_acquire() else {
                        return chat.reply(self.words.busy).await;
                    };
                    let outcome = tokio::select! {
                        outcome = self.look(chat, &links, picture) => outcome,
                        () = signs_of_life(chat) => Err(Failure::Unavailable),
                        () = self.stopped() => Err(Failure::Stopping),
                    };
                    events::bot_answered(if outcome.is_ok() { "credit" } else { "none" });
                    outcome.unwrap_or_else(|failure| self.words.tell(failure).to_owned())
                }
            },
        };
        chat.reply(&text).await;
    }

    /// The credit of what these links lead to, for who needs no answer where there is none, and waits for its
    /// place: nobody is there to ask again.
    pub async fn credit(&self, id: i64, links: &[String]) -> Outcome {
        let deadline = Instant::now() + LONGEST_WAIT;
        let places = self.places_of(id);
        let look = async {
            let one = tokio::time::timeout_at(deadline, places.acquire()).await;
            let Ok(_one_of_the_chat) = one else { return Err(Failure::GoesOn) };
            let Ok(_place) = self.places.try_acquire() else { return Err(Failure::Unavailable) };
            self.of_links(links, deadline).await
        };
        tokio::select! {
            outcome = look => outcome,
            () = self.stopped() => Err(Failure::Stopping),
        }
    }

    fn places_of(&self, chat: i64) -> Rc<Semaphore> {
        let mut chats = self.places_of_chats.borrow_mut();
        // Where nobody holds a place or waits for one, a new semaphore is as good as the old one.
        chats.retain(|_, places| Rc::strong_count(places) > 1);
        Rc::clone(chats.entry(chat).or_insert_with(|| Rc::new(Semaphore::new(MAX_ANSWERING_CHAT))))
    }

    async fn look(&self, chat: &impl Chat, links: &[String], picture: bool) -> Outcome {
        let deadline = Instant::now() + LONGEST_WAIT;
        let of_links = match links {
            [] => None,
            links => Some(self.of_links(links, deadline).await),
        };
        match of_links {
            Some(Err(failure)) if picture && failure != Failure::Unavailable => {
                self.of_picture(chat, deadline).await.map_err(|_| failure)
            }
            Some(outcome) => outcome,
            None => self.of_picture(chat, deadline).await,
        }
    }

    /// The first link that leads to somebody; else what is most worth telling of them.
    async fn of_links(&self, links: &[String], deadline: Instant) -> Outcome {
        let mut failed = Failure::NotSupported;
        for link in links {
            match self.daemon.credit(link, deadline).await {
                Ok(credit) => return Ok(credit),
                // The others would wait as long. (One beyond the budget says nothing of them: they may be
                // known.)
                Err(failure @ (Failure::GoesOn | Failure::Unavailable)) => return Err(failure),
                Err(failure) if failed == Failure::NotSupported => failed = failure,
                Err(_) => {}
            }
        }
        Err(failed)
    }

    async fn of_picture(&self, chat: &impl Chat, deadline: Instant) -> Outcome {
        let begun = {
            let room = tokio::time::timeout_at(deadline, self.pictures.acquire()).await;
            let Ok(_room) = room else { return Err(Failure::GoesOn) };
            self.daemon.begin_search(chat.picture().await?, deadline).await?
        };
        // The daemon has the picture now: while it searches, others may be fetched.
        self.daemon.found(&begun, deadline).await
    }

    async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // Who would tell is gone: so is the process.
        let _ = stopping.wait_for(|stop| *stop).await;
    }
}

/// Never ends.
async fn signs_of_life<C: Chat>(chat: &C) {
    for _ in 0..MAX_SIGNS {
        chat.sign_of_life().await;
        tokio::time::sleep(C::SIGN_LASTS).await;
    }
    std::future::pending().await
}
