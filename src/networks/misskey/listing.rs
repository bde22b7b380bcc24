//! Listing an account's notes with files, from the newest backwards.

use std::time::Duration;

use serde_json::{Value, json};

use super::address::{self, Own};
use super::client::{LOGIN_NEEDED, MisskeyClient, Refusal, SHOW_USER, SHOWN_TO_NOBODY, Told, WANTS_SIGNIN};
use super::wire::{File, Note, User};
use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::{ListedPost, Place};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::networks::asking::{Effort, Entries, read_list};
use crate::networks::client::{NetworkClient, PostLister, Turns};
use crate::networks::delivery::places_within_bounds;
use crate::networks::error::NetworkError;
use crate::networks::fediverse::files::{LeftOut, last_id, picture, read_posts, repeated};
use crate::networks::paging::{Bounds, LONGEST_LISTING, Memory, Page, Span, list_in_turns};

const NOTES: &str = "users/notes";

/// What the API allows.
const PAGE: u32 = 100;

/// So many pages hold 1,000,000 notes.
const BOUNDS: Bounds = Bounds { empty_pages: 5, pages: 10_000, time: LONGEST_LISTING };

/// A window is asked for from this much behind its end: what lies at the moment itself is asked for, too.
const AFTER_WINDOW: Duration = Duration::from_secs(1);

impl NetworkClient for MisskeyClient {
    fn network(&self) -> Network {
        Network::Misskey
    }
}

impl PostLister for MisskeyClient {
    fn list_in_turns(
        &self,
        account: &Account,
        cursor: &Cursor,
        turns: &mut dyn Turns,
    ) -> Result<ListingEnd, NetworkError> {
        let span = Span::of(cursor, NOTES)?;
        let own = address::user(&account.key.native).filter(|_| account.key.network == Network::Misskey);
        let own = own.ok_or_else(|| NetworkError::AccountMissing { account: account.key.clone() })?;
        let user = self.own_user(account, &own)?;
        let shown_from = user.shown_from(Timestamp::now());
        let mut progress = Progress::new(&own, shown_from, self.settings.is_full_size());
        let (memory, ended) = list_in_turns(BOUNDS, turns, |until_id, memory| {
            self.read_one(&mut progress, memory, account, span, until_id)
        })?;
        progress.left_out.tell(account);
        Ok(span.end(memory.seen, ended))
    }
}

/// What a page is asked for by. The server leaves out renotes and replies after it has counted to its limit,
/// so that a page that is not full is no end. Notes in channels are the account's own.
///
/// `withRenotes` is always said: servers of 2025 fail where `untilId` comes without it.
fn question(own: &Own, span: Span, until_id: Option<&str>, knows_all: bool) -> Value {
    let mut question = json!({ "userId": own.id, "limit": PAGE, "withFiles": true });
    if knows_all {
        question["withRenotes"] = false.into();
        // Together with files, true is refused.
        question["withReplies"] = false.into();
        question["withChannelNotes"] = true.into();
    }
    match (until_id, span) {
        (Some(until_id), _) => question["untilId"] = until_id.into(),
        // Ids are made in different ways, of which not all tell the time; dates can be asked for by
        // themselves.
        (None, Span::Window(window)) => {
            question["untilDate"] = window.to.plus(AFTER_WINDOW).0.max(1).into();
        }
        (None, Span::Since(_)) => {}
    }
    question
}

impl MisskeyClient {
    fn read_one(
        &self,
        progress: &mut Progress<'_>,
        memory: &mut Memory,
        account: &Account,
        span: Span,
        until_id: Option<&str>,
    ) -> Result<Page, NetworkError> {
        let own = progress.own;
        let ask = |knows_all| {
            let question = question(own, span, until_id, knows_all);
            self.call(&own.host, NOTES, &question, Effort::LISTING)
        };
        let mut answer = ask(progress.knows_all)?;
        if progress.knows_all && matches!(answer, Err(Refusal::Parameter)) {
            // A fork without one of the parameters.
            progress.knows_all = false;
            answer = ask(false)?;
        }
        let (url, response) = answer.map_err(|refusal| self.refused(account, &own.host, refusal))?;
        let notes: Entries = read_list(&url, &response)?;
        let entries = notes.len();
        let last = last_id(&notes);
        if until_id.is_some() && last.as_deref() == until_id {
            return Ok(repeated(entries, last));
        }
        let mut posts = read_posts(&notes, &url, |note| progress.take(&note, memory))?;
        posts.retain(|post| span.holds(post.published));
        memory.seen.read(entries);
        // Before this, nothing is shown to visitors.
        let is_hidden = progress.shown_from.zip(memory.seen.last).is_some_and(|(from, last)| last < from);
        let is_enough = is_hidden || span.is_passed(&memory.seen);
        Ok(Page { entries, posts, next: last, is_enough, is_cut: notes.is_cut() })
    }

    fn refused(&self, account: &Account, host: &str, refusal: Refusal) -> NetworkError {
        let account = account.key.clone();
        let closed =
            |why: &str| NetworkError::AccountClosed { account: account.clone(), why: why.to_owned() };
        match refusal {
            Refusal::Nothing if self.open.shows(host) => NetworkError::AccountMissing { account },
            Refusal::Nothing => closed(SHOWN_TO_NOBODY),
            Refusal::LoginNeeded => closed(LOGIN_NEEDED),
            Refusal::Parameter => {
                NetworkError::Refused { endpoint: NOTES, why: "it knows other parameters".to_owned() }
            }
            Refusal::Silent => silent(host),
        }
    }

    /// The account as its server knows it now, and whether it may be listed.
    fn own_user(&self, account: &Account, own: &Own) -> Result<Box<User>, NetworkError> {
        let key = || account.key.clone();
        match self.ask_user(&own.host, &json!({ "userId": own.id }))? {
            Told::User(user) if user.id != own.id || user.other_host().is_some() => {
                Err(NetworkError::AccountMissing { account: key() })
            }
            Told::User(user) if user.is_suspended == Some(true) => {
                Err(NetworkError::AccountSuspended { account: key() })
            }
            Told::User(user) if user.wants_signin == Some(true) => {
                Err(NetworkError::AccountClosed { account: key(), why: WANTS_SIGNIN.to_owned() })
            }
            Told::User(user) => Ok(user),
            Told::Nobody => Err(self.refused(account, &own.host, Refusal::Nothing)),
            Told::LoginNeeded => Err(self.refused(account, &own.host, Refusal::LoginNeeded)),
            // What is no answer of such a server says nothing about the account.
            Told::Silent => Err(silent(&own.host)),
        }
    }
}

fn silent(host: &str) -> NetworkError {
    let why = format!("{host} does not answer as a server of Misskey's kind");
    NetworkError::Refused { endpoint: SHOW_USER, why }
}

/// A single note of this server, as a listing of its account lists it; `None` where there is nothing to
/// index.
pub(super) fn listed_alone(
    note: &Note,
    own: &Own,
    shown_from: Option<Timestamp>,
    full_size: bool,
) -> Option<ListedPost> {
    let author = Own { host: own.host.clone(), id: note.user_id.clone() };
    Progress::new(&author, shown_from, full_size).take(note, &mut Memory::default())
}

/// What one turn of a listing knows, and what it leaves out. The notes of its memory are the hosts of images.
struct Progress<'a> {
    own: &'a Own,
    /// Older notes are not for everybody.
    shown_from: Option<Timestamp>,
    full_size: bool,
    /// The server takes every parameter.
    knows_all: bool,
    left_out: LeftOut,
}

impl<'a> Progress<'a> {
    fn new(own: &'a Own, shown_from: Option<Timestamp>, full_size: bool) -> Progress<'a> {
        Progress { own, shown_from, full_size, knows_all: true, left_out: LeftOut::default() }
    }

    fn take(&mut self, note: &Note, memory: &mut Memory) -> Option<ListedPost> {
        // A renote is the account's doing, but another's note: its date says where the listing is.
        if note.user_id != self.own.id {
            return None;
        }
        // A date to come would hide everything that is posted until then.
        let published = note.created_at.as_deref().and_then(Timestamp::parse_rfc3339);
        let published = published.map(|moment| moment.min(Timestamp::now()));
        memory.seen.saw(published);
        let is_old = self.shown_from.zip(published).is_some_and(|(from, published)| published < from);
        if note.is_renote() || !note.is_public() || is_old {
            return None;
        }
        if !address::is_id(&note.id) {
            self.left_out.odd_posts += 1;
            return None;
        }
        let files: Vec<Option<File>> =
            note.files().iter().map(|file| serde_json::from_value(file.clone()).ok()).collect();
        let key = Own { host: self.own.host.clone(), id: note.id.clone() }.note();
        let places = files.into_iter().map(|file| self.place(file, memory));
        let places = places_within_bounds(places);
        ListedPost::of(PostKey::new(Network::Misskey, key), published, places)
    }

    /// What stands in one place of the note's list: a video has its place too, and so has what cannot be
    /// taken.
    fn place(&mut self, file: Option<File>, memory: &mut Memory) -> Place {
        let Some(file) = file.filter(File::is_picture) else { return Place::Other };
        let smaller = file.thumbnail_url.filter(|_| !self.full_size);
        picture(file.url, smaller, &mut self.left_out, memory)
    }
}
