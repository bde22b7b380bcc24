//! How a message is answered, whichever service it came by: within the limits, with a sign of life meanwhile,
//! and always with an end. Nothing of a message is kept or logged.

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::daemon::Daemon;
use super::limits::{ChatLimits, Turn};
use super::outcome::{Failure, Outcome};
use super::words::Words;
use crate::base::clock::Monotonic;
use crate::telemetry::events;

/// So long the searches for a message are waited for, all together. They go on without us, and who asks again
/// is told what they found.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Messages that are being answered at the same time; more are told to come back.
const MAX_ANSWERING: usize = 64;
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
            pictures: Semaphore::new(MAX_PICTURES),
            stopping,
        }
    }

    /// Whether this chat may be answered now, or what it gets instead.
    pub fn turn(&self, chat: i64) -> Turn {
        self.limits.borrow_mut().take(chat, Monotonic::now())
    }

    /// Answers to a message, for which the chat has its turn.
    pub async fn answer(&self, chat: &impl Chat, turn: Turn, wish: Wish) {
        let text = match turn {
            Turn::Silence => return,
            Turn::TellOnce => self.words.too_often.to_owned(),
            Turn::Answer => match wish {
                Wish::Help => self.words.help.to_owned(),
                Wish::Credit { links, picture } => {
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

    /// The credit of what these links lead to, for who needs no answer where there is none.
    pub async fn credit(&self, links: &[String]) -> Outcome {
        let Ok(_place) = self.places.try_acquire() else { return Err(Failure::Unavailable) };
        tokio::select! {
            outcome = self.of_links(links, Instant::now() + LONGEST_WAIT) => outcome,
            () = self.stopped() => Err(Failure::Stopping),
        }
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
                // The others would wait as long.
                Err(failure @ (Failure::GoesOn | Failure::Unavailable | Failure::Budget)) => {
                    return Err(failure);
                }
                Err(failure) if failed == Failure::NotSupported => failed = failure,
                Err(_) => {}
            }
        }
        Err(failed)
    }

    async fn of_picture(&self, chat: &impl Chat, deadline: Instant) -> Outcome {
        let room = tokio::time::timeout_at(deadline, self.pictures.acquire()).await;
        let Ok(_room) = room else { return Err(Failure::GoesOn) };
        self.daemon.search(chat.picture().await?, deadline).await
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
