//! How often each chat is answered: a bucket of tokens for each that was answered lately. Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::clock::Monotonic;

/// Chats with a bucket of their own; while so many have asked within a minute, others wait.
const MAX_CHATS: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Answer,
    /// The chat has asked too often, and is told so.
    TellOnce,
    /// It was told already.
    Silence,
}

/// The buckets, by the chat's id.
#[derive(Debug)]
pub struct ChatLimits {
    per_minute: u32,
    chats: HashMap<i64, Bucket>,
    /// When those at rest were last forgotten.
    tidied: Option<Monotonic>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Monotonic,
    was_told: bool,
}

impl ChatLimits {
    pub fn new(per_minute: u32) -> ChatLimits {
        ChatLimits { per_minute, chats: HashMap::new(), tidied: None }
    }

    /// Takes a token of the chat, where there is one.
    pub fn take(&mut self, chat: i64, now: Monotonic) -> Turn {
        let full = f64::from(self.per_minute);
        let grown = |bucket: &Bucket| {
            let share = now.since(bucket.filled).as_secs_f64() / MINUTE.as_secs_f64();
            (bucket.tokens + share * full).min(full)
        };
        let is_full = !self.chats.contains_key(&chat) && self.chats.len() >= MAX_CHATS;
        if is_full || self.tidied.is_none_or(|tidied| now.since(tidied) >= MINUTE) {
            self.tidied = Some(now);
            // A full bucket is as good as none, and who wrote is kept no longer than it serves.
            self.chats.retain(|_, bucket| grown(bucket) < full);
            if is_full && self.chats.len() >= MAX_CHATS {
                return Turn::Silence;
            }
        }
        let bucket = self.chats.entry(chat).or_insert(Bucket { tokens: full, filled: now, was_told: false });
        (bucket.tokens, bucket.filled) = (grown(bucket), now);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            bucket.was_told = false;
            return Turn::Answer;
        }
        match std::mem::replace(&mut bucket.was_told, true) {
            true => Turn::Silence,
            false => Turn::TellOnce,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Monotonic {
        Monotonic(0).plus(Duration::from_secs(1_000 + secs))
    }

    #[test]
    fn a_chat_that_asks_too_often_is_told_once() {
        let mut limits = ChatLimits::new(2);
        let turns: Vec<Turn> = [0, 0, 0, 1, 29, 31, 32].map(|secs| limits.take(1, at(secs))).to_vec();
        use Turn::{Answer, Silence, TellOnce};
        assert_eq!(turns, [Answer, Answer, TellOnce, Silence, Silence, Answer, TellOnce]);
        assert_eq!(limits.take(2, at(32)), Turn::Answer, "another chat");
        let later: Vec<Turn> = [9_000; 3].map(|secs| limits.take(1, at(secs))).to_vec();
        assert_eq!(later, [Answer, Answer, TellOnce], "no more than a minute's share is saved");
    }

    #[test]
    fn chats_at_rest_are_forgotten() {
        let mut limits = ChatLimits::new(2);
        limits.take(1, at(0));
        limits.take(2, at(50));
        limits.take(3, at(70));
        assert!(!limits.chats.contains_key(&1), "it wrote more than a minute ago");
        assert_eq!(limits.chats.len(), 2);
    }

    #[test]
    fn the_number_of_chats_is_bounded() {
        let mut limits = ChatLimits::new(1);
        let chats = i64::try_from(MAX_CHATS).unwrap();
        for chat in 0..chats {
            assert_eq!(limits.take(chat, at(0)), Turn::Answer);
        }
        assert_eq!(limits.take(-1, at(1)), Turn::Silence);
        assert_eq!(limits.take(0, at(1)), Turn::TellOnce, "who is known keeps its bucket");
        assert_eq!(limits.take(-1, at(61)), Turn::Answer);
        assert!(limits.chats.len() <= 2, "those at rest are forgotten");
    }
}
