//! The reader's thread: answers questions on a connection of its own, beside any commit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::reports::{Tell, broken};
use super::trouble::Trouble;
use crate::base::ids::{AccountKey, AccountNo, ImageId, PostKey};
use crate::base::{ErrorChain, Reaction, Timestamp};
use crate::domain::accounts::{Account, AccountRecord, AccountRef};
use crate::domain::forgotten::Mark;
use crate::domain::posts::{ImageRecord, ListedPost};
use crate::domain::verdicts::{self, Verdict, VerdictId};
use crate::domain::watches::FeedEntry;
use crate::proto::MAX_MESSAGE_BYTES;
use crate::proto::stage::{
    Answer, MAX_FINGERPRINTS_PER_ANSWER, MAX_IMAGES_PER_QUESTION, MAX_PARTS_PER_QUESTION, MAX_STORED_POSTS,
    MAX_TOMBSTONES_PER_ANSWER,
};
use crate::store::{Store, StoreError, StoredPost};
use crate::storekeeper::orders::{FromStorekeeper, StorePart, Ticket};

/// A filter that failed is tried again this often. It has no other answer than the truth.
const PAUSE: Duration = Duration::from_secs(1);

/// And this often, where only a person can mend what it met.
const DAMAGE_PAUSE: Duration = Duration::from_secs(30);

/// Accounts in one answer: a handle that had more owners is nobody's name.
const MAX_RECORDS: usize = 20;

/// Pages, accounts and posts in one question.
const MAX_ASKED: usize = 100;

/// Images in one answer about posts.
const MAX_POST_IMAGES: usize = 100;

/// Images that are read at a time for an answer with their features, which about so many fill; and how often.
const PARTS_AT_A_TIME: u32 = 30;
const PARTS_PIECES: usize = 12;

/// Feeds of which the rest is kept for who reads on, and for how long.
const FEEDS_KEPT: usize = 4;
const FEED_KEPT: Duration = Duration::from_secs(10);

/// Verdicts in one answer to who goes through all.
const MAX_LISTED_VERDICTS: u32 = 50;

pub enum Order {
    Filter {
        ticket: Ticket,
        posts: Vec<ListedPost>,
    },
    Ask {
        ticket: Ticket,
        question: Read,
    },
    /// Only to be passed on.
    Say {
        ticket: Ticket,
        answer: Answer,
    },
}

/// The questions that change nothing.
pub enum Read {
    AccountStates(Vec<AccountKey>),
    AccountNumbers(Vec<AccountKey>),
    Images(Vec<ImageId>),
    AccountFingerprints { account: AccountNo, after: ImageId },
    AccountParts { account: AccountNo, after: ImageId },
    PartsOf(Vec<ImageId>),
    PartsSample { after: AccountNo, limit: u32 },
    Furniture,
    Accounts(AccountRef),
    PostAuthors(Vec<PostKey>),
    Verdicts { pages: Vec<String>, accounts: Vec<AccountKey> },
    PostImages(Vec<PostKey>),
    VerdictsBefore((Timestamp, VerdictId)),
    Tombstones { after: Option<Mark> },
    Feed { accounts: Vec<AccountKey>, skip: u32 },
    StoredPosts { account: AccountKey, after: ImageId },
}

/// A feed of which more pieces may be asked for.
struct ReadFeed {
    accounts: Vec<AccountKey>,
    entries: Vec<FeedEntry>,
    read_at: Instant,
}

pub struct Reader {
    store: Box<dyn Store>,
    tell: Tell,
    feeds: Vec<ReadFeed>,
    /// Filters that could not be answered, the oldest first, and when to try them again.
    waiting: VecDeque<(Ticket, Vec<ListedPost>)>,
    try_again_at: Instant,
    /// Never over: what could be read before was not what is damaged.
    damage: Trouble,
}

impl Reader {
    pub fn new(store: Box<dyn Store>, tell: Tell) -> Reader {
        let damage = Trouble::new(StorePart::Data, Arc::clone(&tell));
        Reader {
            store,
            tell,
            feeds: Vec::new(),
            waiting: VecDeque::new(),
            try_again_at: Instant::now(),
            damage,
        }
    }

    /// Until the queue closes, or the database is lost. Questions do not wait behind filters that
    /// cannot be answered yet.
    pub fn run(&mut self, orders: &Receiver<Order>) {
        loop {
            let order = match self.waiting.is_empty() {
                true => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => orders.recv_deadline(self.try_again_at),
            };
            match order {
                Ok(Order::Filter { ticket, posts }) => self.waiting.push_back((ticket, posts)),
                Ok(Order::Ask { ticket, question }) => {
                    let answer = self.answer(question);
                    (self.tell)(FromStorekeeper::Answered { ticket, answer });
                }
                Ok(Order::Say { ticket, answer }) => {
                    (self.tell)(FromStorekeeper::Answered { ticket, answer })
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Err(error) = self.filter_waiting() {
                return broken(&self.tell, &error);
            }
        }
    }

    /// Answers filters in their order, up to the first that cannot be answered yet.
    fn filter_waiting(&mut self) -> Result<(), StoreError> {
        while Instant::now() >= self.try_again_at
            && let Some((ticket, posts)) = self.waiting.front()
        {
            match self.store.missing(posts) {
                Ok(posts) => {
                    (self.tell)(FromStorekeeper::NewPosts { ticket: *ticket, posts });
                    self.waiting.pop_front();
                }
                Err(error) => {
                    let error = self.store.explain(error);
                    let pause = match (error.needs_a_person(), error.reaction()) {
                        (true, _) => DAMAGE_PAUSE,
                        (false, Reaction::GiveUp) => return Err(error),
                        (false, _) => PAUSE,
                    };
                    self.note(&error, "looking up posts has to wait");
                    self.try_again_at = Instant::now() + pause;
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, question: Read) -> Answer {
        let answer = match question {
            Read::AccountStates(keys) => self.store.account_states(&keys).map(Answer::AccountStates),
            Read::AccountNumbers(keys) => self.store.account_numbers(&keys).map(Answer::AccountNumbers),
            Read::AccountFingerprints { account, after } => {
                let limit = MAX_FINGERPRINTS_PER_ANSWER as u32;
                self.store.fingerprints_of_account(account, after, limit).map(|entries| {
                    let plain = entries.into_iter().map(|(image, _, print, trimmed)| (image, print, trimmed));
                    Answer::Fingerprints(plain.collect())
                })
            }
            Read::AccountParts { account, after } => self.account_parts(account, after),
            Read::PartsOf(mut ids) => {
                ids.truncate(MAX_PARTS_PER_QUESTION);
                self.store.parts(&ids).map(Answer::PartsOf)
            }
            Read::PartsSample { after, limit } => {
                let limit = limit.min(MAX_PARTS_PER_QUESTION as u32);
                self.store.parts_sample(after, limit).map(|found| {
                    let is_end = found.len() < limit as usize;
                    let next = found.last().map(|(account, _)| *account).filter(|_| !is_end);
                    let known = found.into_iter().filter_map(|(account, parts)| Some((account, parts?)));
                    Answer::PartsSample { parts: known.collect(), next }
                })
            }
            Read::Furniture => self.store.furniture().map(Answer::Furniture),
            Read::Accounts(asked) => self.accounts(&asked).map(Answer::AccountRecords),
            Read::PostAuthors(posts) => self.authors(&posts).map(Answer::PostAuthors),
            Read::Verdicts { mut pages, mut accounts } => {
                pages.truncate(MAX_ASKED);
                accounts.truncate(MAX_ASKED);
                let found = self.store.verdicts(&pages, &accounts);
                found.map(|verdicts| Answer::Verdicts(verdicts::holding(verdicts)))
            }
            Read::PostImages(mut posts) => {
                posts.truncate(MAX_ASKED);
                self.store.images_of_posts(&posts).map(|found| {
                    let plain = found.into_iter().take(MAX_POST_IMAGES);
                    let plain = plain.map(|(post, position, (image, _, print, trimmed))| {
                        (post, position, image, print, trimmed)
                    });
                    Answer::PostImages(plain.collect())
                })
            }
            Read::VerdictsBefore(before) => {
                self.store.verdicts_before(before, MAX_LISTED_VERDICTS).map(listed_verdicts)
            }
            Read::Feed { mut accounts, skip } => {
                accounts.truncate(MAX_ASKED);
                self.feed(accounts, skip)
            }
            Read::Tombstones { after } => {
                self.store.tombstones(after, MAX_TOMBSTONES_PER_ANSWER).map(Answer::Tombstones)
            }
            Read::StoredPosts { account, after } => {
                self.stored_posts(&account, after).map(Answer::StoredPosts)
            }
            Read::Images(mut ids) => {
                ids.truncate(MAX_IMAGES_PER_QUESTION);
                self.store.images(&ids).map(|records| fitting(&ids, records))
            }
        };
        answer.unwrap_or_else(|error| {
            let error = self.store.explain(error);
            self.note(&error, "a question could not be answered");
            Answer::Unavailable(ErrorChain(&error).to_string())
        })
    }

    fn note(&mut self, error: &StoreError, what: &str) {
        match error.needs_a_person() {
            true => self.damage.begins(error),
            false => tracing::warn!(error = %ErrorChain(error), "{what}"),
        }
    }

    fn stored_posts(&mut self, account: &AccountKey, after: ImageId) -> Result<Vec<StoredPost>, StoreError> {
        let numbers = self.store.account_numbers(std::slice::from_ref(account))?;
        match numbers.first() {
            Some((_, number)) => self.store.stored_posts(*number, after, MAX_STORED_POSTS as u32),
            None => Ok(Vec::new()),
        }
    }

    /// The features of the account's images, as many as fit a message. Where few images have any, many are
    /// looked through for one answer, and no more than that: a question must not hold up the others for long.
    fn account_parts(&mut self, account: AccountNo, after: ImageId) -> Result<Answer, StoreError> {
        /// Of an image without its features.
        const NUMBERS: usize = 36;
        /// What an answer without images takes comes to less.
        const MOST: usize = MAX_MESSAGE_BYTES - 64;
        let (mut images, mut bytes) = (Vec::new(), 0);
        let (mut last, mut limit) = (after, PARTS_AT_A_TIME);
        for _ in 0..PARTS_PIECES {
            let found = self.store.parts_of_account(account, last, limit)?;
            let is_end = found.len() < limit as usize;
            for (image, fingerprint, trimmed, parts) in found {
                if let Some(parts) = parts {
                    bytes += NUMBERS + parts.0.len();
                    if bytes > MOST {
                        return Ok(Answer::AccountParts { images, next: Some(last) });
                    }
                    images.push((image, fingerprint, trimmed, parts));
                }
                last = image;
            }
            if is_end {
                return Ok(Answer::AccountParts { images, next: None });
            }
            if images.is_empty() {
                limit = (limit * 4).min(MAX_FINGERPRINTS_PER_ANSWER as u32);
            }
        }
        Ok(Answer::AccountParts { images, next: Some(last) })
    }

    /// A piece of a feed. The first reads all of it, the others go on in what was read then.
    fn feed(&mut self, accounts: Vec<AccountKey>, skip: u32) -> Result<Answer, StoreError> {
        self.feeds.retain(|feed| feed.read_at.elapsed() < FEED_KEPT);
        let place = self.feeds.iter().position(|feed| feed.accounts == accounts);
        let kept = place.map(|place| self.feeds.swap_remove(place)).filter(|_| skip > 0);
        let feed = match kept {
            Some(feed) => feed,
            None => {
                let entries = self.store.feed(&accounts)?;
                ReadFeed { accounts, entries, read_at: Instant::now() }
            }
        };
        let answer = feed_from(&feed.entries, skip);
        if matches!(answer, Answer::Feed { more: true, .. }) {
            self.feeds.truncate(FEEDS_KEPT - 1);
            self.feeds.push(feed);
        }
        Ok(answer)
    }

    /// Whose these posts are, with what the accounts were called last.
    fn authors(&mut self, posts: &[PostKey]) -> Result<Vec<(PostKey, Account)>, StoreError> {
        let mut authors = Vec::new();
        for (post, key) in self.store.post_authors(posts)? {
            let record = self.store.account_record(&key)?;
            authors.extend(record.map(|record| (post, record.account())));
        }
        Ok(authors)
    }

    /// Accounts by their handle, or one by its id.
    fn accounts(&mut self, asked: &AccountRef) -> Result<Vec<AccountRecord>, StoreError> {
        let keys = match asked {
            AccountRef::Id(key) => vec![key.clone()],
            AccountRef::Handle { handle, .. } => {
                let mut keys = Vec::new();
                for network in asked.may_be_on() {
                    keys.extend(self.store.accounts_called(*network, handle)?);
                }
                keys
            }
        };
        let mut records = Vec::new();
        for key in keys.iter().take(MAX_RECORDS) {
            records.extend(self.store.account_record(key)?);
        }
        Ok(records)
    }
}

/// As many of the verdicts as fit one message. One always does.
fn listed_verdicts(mut verdicts: Vec<(Verdict, bool)>) -> Answer {
    /// Of a verdict without its texts.
    const NUMBERS: usize = 64;
    let is_full = verdicts.len() >= MAX_LISTED_VERDICTS as usize;
    let mut bytes = 1024;
    let fit = verdicts.iter().take_while(|(verdict, _)| {
        bytes += NUMBERS + verdict.len_bytes();
        bytes <= MAX_MESSAGE_BYTES
    });
    let fit = fit.count();
    let more = is_full || fit < verdicts.len();
    verdicts.truncate(fit);
    Answer::VerdictsBefore { verdicts, more }
}

/// The entries after the first `skip`, as many as fit one message. One always does, with as many of its posts
/// as fit.
fn feed_from(entries: &[FeedEntry], skip: u32) -> Answer {
    /// Less than a message: the answer travels on, in one of another form.
    const MOST: usize = MAX_MESSAGE_BYTES - 4096;
    let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(entries.len());
    let mut rest = entries.iter().skip(skip).peekable();
    let (mut fitting, mut bytes) = (Vec::new(), 0);
    while let Some(entry) = rest.next_if(|entry| fitting.is_empty() || bytes + entry.len_bytes() <= MOST) {
        let mut entry: FeedEntry = entry.clone();
        while entry.len_bytes() > MOST && entry.posts.len() > 1 {
            entry.posts.pop();
        }
        bytes += entry.len_bytes();
        fitting.push(entry);
    }
    Answer::Feed { entries: fitting, more: rest.peek().is_some() }
}

/// As many of the records as fit one message, in the order of the numbers that were asked for. One always
/// does.
fn fitting(ids: &[ImageId], mut records: Vec<ImageRecord>) -> Answer {
    /// Of a record without its texts: numbers and details.
    const NUMBERS: usize = 340;
    let mut bytes = 1024;
    let fit = records
        .iter()
        .take_while(|record| {
            bytes += NUMBERS
                + record.post.native.len()
                + record.account.native.len()
                + record.handle.as_ref().map_or(0, String::len)
                + record.name.len();
            bytes <= MAX_MESSAGE_BYTES
        })
        .count();
    let mut known = records.iter().map(|record| record.image).enumerate().peekable();
    let looked_up = ids.iter().take_while(|id| match known.next_if(|(_, image)| image == *id) {
        Some((place, _)) => place < fit,
        None => true,
    });
    let looked_up = u32::try_from(looked_up.count()).unwrap_or(u32::MAX);
    records.truncate(fit);
    Answer::Images { records, looked_up }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Fingerprint;
    use crate::base::ids::{AskId, Network, PostKey};
    use crate::domain::images::Detail;
    use crate::domain::watches::{FeedImage, FeedPost};
    use crate::proto::stage::BrokerToStage;

    fn record(image: u64, name_bytes: usize) -> ImageRecord {
        ImageRecord {
            image: ImageId(image),
            post: PostKey::new(Network::Mastodon, "p".repeat(512)),
            account: AccountKey::new(Network::Mastodon, "a".repeat(512)),
            handle: Some("h".repeat(253)),
            position: 255,
            count: 255,
            name: "n".repeat(name_bytes),
            published: Some(crate::base::Timestamp(i64::MAX)),
            detail: Some(Detail {
                phash256: [u64::MAX; 4],
                thumbnail: vec![255; 192],
                trimmed: Some(Fingerprint(u64::MAX)),
            }),
        }
    }

    #[test]
    fn a_feed_comes_in_pieces_that_fit_a_message() {
        let image = |position| FeedImage { position, name: "n".repeat(2000), size: None };
        let post = |no: usize, images: u8| FeedPost {
            key: PostKey::new(Network::Mastodon, format!("{no}{}", "p".repeat(500))),
            account: AccountKey::new(Network::Mastodon, "a".repeat(512)),
            handle: Some("h".repeat(253)),
            published: Some(Timestamp(i64::MAX)),
            stored: Timestamp(i64::MAX),
            images: (1..=images).map(image).collect(),
        };
        // The third is too large for a message with all its posts.
        let entries: Vec<FeedEntry> = (0..40)
            .map(|no| {
                let n_posts = if no == 2 { 20 } else { 1 };
                let posts = (0..n_posts).map(|n| post(no * 100 + n, 4)).collect();
                FeedEntry { posts, changed: ImageId(u64::MAX) }
            })
            .collect();
        let (mut found, mut skip) = (Vec::new(), 0);
        loop {
            let answer = feed_from(&entries, skip);
            let message = BrokerToStage::Answer { ask: AskId(u64::MAX), answer: answer.clone() };
            assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
            let Answer::Feed { entries, more } = answer else { panic!() };
            assert!(!entries.is_empty());
            skip += u32::try_from(entries.len()).unwrap();
            found.extend(entries.iter().map(FeedEntry::id));
            if !more {
                break;
            }
        }
        assert_eq!(found, entries.iter().map(FeedEntry::id).collect::<Vec<_>>());
        assert_eq!(feed_from(&entries, u32::MAX), Answer::Feed { entries: vec![], more: false });
    }

    #[test]
    fn an_answer_fits_a_message_and_says_how_far_it_goes() {
        // Every third number is unknown.
        let ids: Vec<ImageId> = (0..90).map(ImageId).collect();
        let known = |name_bytes: usize| -> Vec<ImageRecord> {
            (0..90).filter(|id| id % 3 != 0).map(|id| record(id, name_bytes)).collect()
        };
        for name_bytes in [10, 600, 2048] {
            let (mut rest, mut found, mut answers) = (ids.as_slice(), Vec::new(), 0);
            while !rest.is_empty() {
                let records = known(name_bytes).into_iter().filter(|record| rest.contains(&record.image));
                let answer = fitting(rest, records.collect());
                let message = BrokerToStage::Answer { ask: AskId(u64::MAX), answer: answer.clone() };
                assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
                let Answer::Images { records, looked_up } = answer else { panic!() };
                found.extend(records.into_iter().map(|record| record.image));
                rest = &rest[looked_up as usize..];
                answers += 1;
            }
            assert_eq!(found.len(), 60);
            assert!(answers <= 5, "{answers} answers for names of {name_bytes} bytes");
        }
        let same = vec![ImageId(1); 3];
        let Answer::Images { records, looked_up } = fitting(&same, vec![record(1, 10); 3]) else { panic!() };
        assert_eq!((records.len(), looked_up), (3, 3));
    }
}
