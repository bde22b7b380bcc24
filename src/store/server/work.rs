//! The work of one commit, in memory: what is concerned was read before, what changes is written
//! afterwards, each in few large statements, since every statement costs a journey to the server.
//!
//! Pure: no connection, no clock. The rules are those of the SQLite engine, and the contract suite
//! holds both to them.

use std::collections::{BTreeMap, HashMap};

use crate::base::ids::{AccountKey, AccountNo, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{Account, AccountRecord, AccountState, SeenHandle};
use crate::domain::images::{Detail, ImageFacts, StoreCounts};
use crate::domain::posts::{ImageState, IndexedPost};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::store::import::{ImportedAccount, ImportedPost, ImportedRetry, Page, is_solid};
use crate::store::merge_rules::{MOST_IMAGES, Stored, THUMBNAIL_BYTES, covered, pair_up};
use crate::store::schedule::turn_of;
use crate::store::table_io::Extent;
use crate::store::{IndexEntry, MovedHandle, RetryRule, StoreError, codec};

/// A row, and whether it has to be written.
pub struct Kept<T> {
    pub row: T,
    pub changed: bool,
}

impl<T> Kept<T> {
    /// As it was read.
    pub fn read(row: T) -> Kept<T> {
        Kept { row, changed: false }
    }

    fn new(row: T) -> Kept<T> {
        Kept { row, changed: true }
    }

    /// The row, to be changed.
    fn change(&mut self) -> &mut T {
        self.changed = true;
        &mut self.row
    }
}

/// The single row of `summary`: sizes, and the highest numbers given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub counts: StoreCounts,
    pub last_account: i64,
    pub last_post: i64,
    pub last_image: i64,
}

impl Summary {
    pub fn extent(&self) -> Extent {
        Extent::new(self.counts, [self.last_account, self.last_post, self.last_image])
    }
}

/// A row of `accounts`; moments in milliseconds.
pub struct AccountRow {
    pub no: AccountNo,
    pub key: AccountKey,
    pub known_since: i64,
    pub stated_posts: Option<i64>,
    pub search_cursor: Option<i64>,
    pub search_listed_at: Option<i64>,
    pub search_coverage: Option<String>,
    pub search_reset_at: Option<i64>,
    pub timeline_cursor: Option<String>,
    pub timeline_listed_at: Option<i64>,
    pub timeline_coverage: Option<String>,
    pub newest_seen: Option<i64>,
    pub oldest_seen: Option<i64>,
    pub posts_read: i64,
    pub visited_at: i64,
    pub last_used_at: Option<i64>,
    pub uses: i64,
}

impl AccountRow {
    pub fn state(&self) -> AccountState {
        AccountState {
            key: self.key.clone(),
            search_cursor: codec::moment(self.search_cursor),
            timeline_cursor: self.timeline_cursor.clone(),
            search_listed_at: codec::moment(self.search_listed_at),
            timeline_listed_at: codec::moment(self.timeline_listed_at),
        }
    }
}

impl AccountRow {
    /// For people.
    pub fn record(&self, handles: Vec<SeenHandle>) -> Result<AccountRecord, StoreError> {
        let coverage = |text: &Option<String>| text.as_deref().map(codec::coverage_of).transpose();
        Ok(AccountRecord {
            state: self.state(),
            known_since: Timestamp(self.known_since),
            stated_posts: self.stated_posts.map(codec::size).transpose()?,
            search_coverage: coverage(&self.search_coverage)?,
            timeline_coverage: coverage(&self.timeline_coverage)?,
            newest_seen: codec::moment(self.newest_seen),
            oldest_seen: codec::moment(self.oldest_seen),
            posts_read: codec::size(self.posts_read)?,
            uses: codec::size(self.uses)?,
            last_used_at: codec::moment(self.last_used_at),
            handles,
        })
    }
}

/// A row of `handles`, by handle and account.
pub struct HandleRow {
    pub first_seen: i64,
    pub last_seen: i64,
}

/// A post with its images.
pub struct PostRow {
    pub no: i64,
    pub account: AccountNo,
    pub images: Vec<Stored>,
    pub retry: Kept<Option<Retry>>,
}

/// A row of `retries` with its images: by position the URL and why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    pub attempts: u32,
    pub last_tried: i64,
    pub next_due: Option<i64>,
    pub images: BTreeMap<u8, (String, String)>,
}

/// A row of `posts` that is new.
pub struct NewPost {
    pub no: i64,
    pub key: PostKey,
    pub account: AccountNo,
    pub published: Option<i64>,
    pub image_count: u8,
}

/// A row of `images` that is new, with its row of `details`.
pub struct NewImage {
    pub id: i64,
    pub post: i64,
    pub account: AccountNo,
    pub position: u8,
    pub name: String,
    pub print: Option<Print>,
}

/// What is known of an image's pixels.
pub struct Print {
    pub fingerprint: Fingerprint,
    pub solid_ground: bool,
    pub size: Option<(u32, u32)>,
    pub detail: Option<Detail>,
}

impl Print {
    pub fn seen(facts: &ImageFacts) -> Print {
        Print {
            fingerprint: facts.fingerprint,
            solid_ground: facts.solid_ground,
            size: Some((facts.width, facts.height)),
            detail: Some(facts.detail.clone()),
        }
    }

    fn imported(fingerprint: Fingerprint) -> Print {
        Print { fingerprint, solid_ground: is_solid(fingerprint), size: None, detail: None }
    }
}

/// What one commit knows and changes.
pub struct Work {
    pub rule: RetryRule,
    pub now: Timestamp,
    pub summary: Summary,
    /// Of those concerned, all that exist.
    pub accounts: HashMap<AccountKey, Kept<AccountRow>>,
    /// By handle, then by the account's number.
    pub handles: HashMap<(Network, String), HashMap<AccountNo, Kept<HandleRow>>>,
    /// Whose numbers these are: all accounts concerned, and those that handles belong to.
    pub keys: HashMap<AccountNo, AccountKey>,
    /// Of those concerned, all that exist.
    pub posts: HashMap<PostKey, PostRow>,
    pub new_posts: Vec<NewPost>,
    /// By number.
    pub new_images: BTreeMap<i64, NewImage>,
    /// Stored images that give way to others.
    pub deleted_images: Vec<i64>,
    pub entries: Vec<IndexEntry>,
    pub moved_handles: Vec<MovedHandle>,
    /// Accounts that were brought up to date, with the handle it was done for.
    known: HashMap<AccountKey, String>,
}

impl Work {
    pub fn new(rule: RetryRule, now: Timestamp, summary: Summary) -> Work {
        Work {
            rule,
            now,
            summary,
            accounts: HashMap::new(),
            handles: HashMap::new(),
            keys: HashMap::new(),
            posts: HashMap::new(),
            new_posts: Vec::new(),
            new_images: BTreeMap::new(),
            deleted_images: Vec::new(),
            entries: Vec::new(),
            moved_handles: Vec::new(),
            known: HashMap::new(),
        }
    }

    /// Everything that was to be written is written.
    pub fn written(&mut self) {
        self.accounts.values_mut().for_each(|account| account.changed = false);
        self.handles.values_mut().flat_map(HashMap::values_mut).for_each(|handle| handle.changed = false);
        self.posts.values_mut().for_each(|post| post.retry.changed = false);
        self.new_posts.clear();
        self.new_images.clear();
        self.deleted_images.clear();
    }

    // ---- accounts

    /// The account's number; a row for it where there is none; its handle and size as of now.
    fn upsert_account(&mut self, account: &Account) -> Result<AccountNo, StoreError> {
        let no = self.find_or_insert(account)?;
        if !account.handle.is_empty() && self.known.get(&account.key) != Some(&account.handle) {
            self.note_handle(account, no);
        }
        self.known.insert(account.key.clone(), account.handle.clone());
        Ok(no)
    }

    fn find_or_insert(&mut self, account: &Account) -> Result<AccountNo, StoreError> {
        let stated = account.posts.map(codec::count);
        if let Some(found) = self.accounts.get_mut(&account.key) {
            if stated.is_some() && found.row.stated_posts != stated {
                found.change().stated_posts = stated;
            }
            return Ok(found.row.no);
        }
        self.summary.last_account += 1;
        self.summary.counts.accounts += 1;
        let no = codec::account_no(self.summary.last_account)?;
        let row = AccountRow {
            no,
            key: account.key.clone(),
            known_since: self.now.0,
            stated_posts: stated,
            search_cursor: None,
            search_listed_at: None,
            search_coverage: None,
            search_reset_at: None,
            timeline_cursor: None,
            timeline_listed_at: None,
            timeline_coverage: None,
            newest_seen: None,
            oldest_seen: None,
            posts_read: 0,
            visited_at: self.now.0,
            last_used_at: None,
            uses: 0,
        };
        self.accounts.insert(account.key.clone(), Kept::new(row));
        self.keys.insert(no, account.key.clone());
        Ok(no)
    }

    /// Writes that the account has this handle now, and notes whom it was taken over from.
    fn note_handle(&mut self, account: &Account, no: AccountNo) {
        let holders = self.handles.entry((account.key.network, account.handle.clone())).or_default();
        let owner = holders
            .iter()
            .max_by_key(|(holder, handle)| (handle.row.last_seen, **holder == no))
            .map(|(holder, _)| *holder);
        let now = self.now.0;
        match holders.get_mut(&no) {
            Some(handle) if handle.row.last_seen < now => handle.change().last_seen = now,
            Some(_) => {}
            None => {
                holders.insert(no, Kept::new(HandleRow { first_seen: now, last_seen: now }));
            }
        }
        if let Some(owner) = owner.filter(|owner| *owner != no)
            && let Some(from) = self.keys.get(&owner)
        {
            self.moved_handles.push(MovedHandle {
                handle: account.handle.clone(),
                from: from.clone(),
                to: account.key.clone(),
            });
        }
    }

    pub fn store_cursor(&mut self, account: &Account, end: &ListingEnd) -> Result<(), StoreError> {
        self.upsert_account(account)?;
        let now = self.now.0;
        let Some(kept) = self.accounts.get_mut(&account.key) else { return Ok(()) };
        let row = kept.change();
        match &end.cursor {
            Cursor::Search(cursor) => {
                let before = row.search_coverage.as_deref();
                row.search_coverage = covered(row.search_cursor.is_some(), before, end.coverage)?;
                row.search_cursor = cursor.map(|date| date.0);
                row.search_listed_at = Some(now);
                row.search_reset_at = row.search_reset_at.or(Some(now));
            }
            Cursor::Timeline(cursor) => {
                let before = row.timeline_coverage.as_deref();
                row.timeline_coverage = covered(row.timeline_cursor.is_some(), before, end.coverage)?;
                row.timeline_cursor.clone_from(cursor);
                row.timeline_listed_at = Some(now);
            }
        }
        row.visited_at = now;
        row.newest_seen = row.newest_seen.max(end.newest.map(|moment| moment.0));
        row.oldest_seen = earlier(row.oldest_seen, end.oldest.map(|moment| moment.0));
        row.posts_read = row.posts_read.saturating_add(codec::count(end.posts_read));
        Ok(())
    }

    pub fn count_use(&mut self, accounts: &[AccountKey]) {
        for key in accounts {
            if let Some(account) = self.accounts.get_mut(key) {
                let row = account.change();
                row.uses = row.uses.saturating_add(1);
                row.last_used_at = Some(self.now.0);
            }
        }
    }

    pub fn forget_search_cursors(&mut self, accounts: &[AccountKey]) {
        for key in accounts {
            if let Some(account) = self.accounts.get_mut(key) {
                let row = account.change();
                row.search_cursor = None;
                row.search_coverage = None;
                row.search_reset_at = Some(self.now.0);
            }
        }
    }

    /// The account's turn for an update has come.
    pub fn mark_visited(&mut self, key: &AccountKey) {
        if let Some(account) = self.accounts.get_mut(key) {
            account.change().visited_at = self.now.0;
        }
    }

    // ---- posts

    pub fn store_posts(&mut self, account: &Account, posts: &[IndexedPost]) -> Result<(), StoreError> {
        let no = self.upsert_account(account)?;
        for post in posts {
            if self.posts.contains_key(&post.key) {
                self.fill_in(post)?;
            } else {
                self.insert_post(no, post)?;
            }
        }
        Ok(())
    }

    fn insert_post(&mut self, account: AccountNo, post: &IndexedPost) -> Result<(), StoreError> {
        let images = post.images.get(..MOST_IMAGES).unwrap_or(&post.images);
        let prints = images.iter().map(|image| match &image.state {
            ImageState::Fingerprinted(facts) => (image.name.as_str(), Some(Print::seen(facts))),
            ImageState::Lost | ImageState::Failed { .. } => (image.name.as_str(), None),
        });
        let mut row = self.new_post(account, &post.key, post.published, prints)?;
        let failed: BTreeMap<u8, (String, String)> = (1..=u8::MAX)
            .zip(images)
            .filter_map(|(position, image)| match &image.state {
                ImageState::Failed { url, why } => Some((position, (url.clone(), why.clone()))),
                ImageState::Fingerprinted(_) | ImageState::Lost => None,
            })
            .collect();
        if !failed.is_empty() {
            let next_due = self.due_after(1);
            let retry = Retry { attempts: 1, last_tried: self.now.0, next_due, images: failed };
            row.retry = Kept::new(Some(retry));
            self.summary.counts.retries += 1;
        }
        self.posts.insert(post.key.clone(), row);
        Ok(())
    }

    /// A post of this account with these images, to be written.
    fn new_post<'a>(
        &mut self,
        account: AccountNo,
        key: &PostKey,
        published: Option<Timestamp>,
        images: impl ExactSizeIterator<Item = (&'a str, Option<Print>)>,
    ) -> Result<PostRow, StoreError> {
        self.summary.last_post += 1;
        self.summary.counts.posts += 1;
        let no = self.summary.last_post;
        let image_count = u8::try_from(images.len()).expect("no more than MOST_IMAGES");
        self.summary.counts.images += u64::from(image_count);
        self.new_posts.push(NewPost {
            no,
            key: key.clone(),
            account,
            published: published.map(|date| date.0),
            image_count,
        });
        let mut row = PostRow { no, account, images: Vec::new(), retry: Kept::read(None) };
        for (position, (name, print)) in (1..=u8::MAX).zip(images) {
            let fingerprint = print.as_ref().map(|print| print.fingerprint);
            let id = self.new_image(no, account, position, name, print)?;
            row.images.push(Stored { id, position, name: name.to_owned(), fingerprint });
        }
        Ok(row)
    }

    /// An image to be written; its number.
    pub fn new_image(
        &mut self,
        post: i64,
        account: AccountNo,
        position: u8,
        name: &str,
        print: Option<Print>,
    ) -> Result<i64, StoreError> {
        self.summary.last_image += 1;
        let id = self.summary.last_image;
        if let Some(print) = &print
            && print.solid_ground
        {
            let trimmed = print.detail.as_ref().and_then(|detail| detail.trimmed);
            self.entries.push((codec::image_id(id)?, account, print.fingerprint, trimmed));
        }
        self.new_images.insert(id, NewImage { id, post, account, position, name: name.to_owned(), print });
        Ok(id)
    }

    /// The post is stored: fills in the fingerprints it lacks. What is known of an image only ever
    /// grows from failed to lost to fingerprinted, so the order of repeated reports does not matter.
    fn fill_in(&mut self, post: &IndexedPost) -> Result<(), StoreError> {
        let Some(row) = self.posts.get(&post.key) else { return Ok(()) };
        if row.images.iter().all(|image| image.fingerprint.is_some()) {
            return Ok(());
        }
        let places = pair_up(&row.images, post.images.iter().map(|image| image.name.as_str()));
        for (place, image) in places.into_iter().zip(&post.images) {
            let Some(place) = place else { continue };
            match &image.state {
                ImageState::Fingerprinted(facts) => self.fill_blank(&post.key, place, Print::seen(facts))?,
                ImageState::Lost => self.end_retry(&post.key, place),
                ImageState::Failed { url, why } => self.renew_retry(&post.key, place, url, why),
            }
        }
        self.close_retries(&post.key);
        Ok(())
    }

    /// Gives a stored image its fingerprint, and with it a new number.
    fn fill_blank(&mut self, key: &PostKey, place: usize, print: Print) -> Result<(), StoreError> {
        let fingerprint = print.fingerprint;
        let Some(row) = self.posts.get(key) else { return Ok(()) };
        let Some(old) = row.images.get(place) else { return Ok(()) };
        let (no, account, position, old_id) = (row.no, row.account, old.position, old.id);
        let name = old.name.clone();
        // One that was never written need not be deleted.
        if self.new_images.remove(&old_id).is_none() {
            self.deleted_images.push(old_id);
        }
        let id = self.new_image(no, account, position, &name, Some(print))?;
        if let Some(image) = self.posts.get_mut(key).and_then(|row| row.images.get_mut(place)) {
            image.id = id;
            image.fingerprint = Some(fingerprint);
        }
        self.end_retry(key, place);
        Ok(())
    }

    // ---- retries

    /// This image needs no more attempts.
    fn end_retry(&mut self, key: &PostKey, place: usize) {
        let Some(row) = self.posts.get_mut(key) else { return };
        let Some(position) = row.images.get(place).map(|image| image.position) else { return };
        if row.retry.row.as_ref().is_some_and(|retry| retry.images.contains_key(&position))
            && let Some(retry) = row.retry.change()
        {
            retry.images.remove(&position);
        }
    }

    /// This image failed again. Attempts are counted when they are handed out, not here.
    fn renew_retry(&mut self, key: &PostKey, place: usize, url: &str, why: &str) {
        let now = self.now.0;
        let Some(row) = self.posts.get_mut(key) else { return };
        let Some(position) = row.images.get(place).map(|image| image.position) else { return };
        if row.retry.row.is_none() {
            return;
        }
        if let Some(retry) = row.retry.change() {
            retry.last_tried = now;
            if let Some(image) = retry.images.get_mut(&position) {
                *image = (url.to_owned(), why.to_owned());
            }
        }
    }

    /// Forgets the post's retries if no image of it is left to try.
    fn close_retries(&mut self, key: &PostKey) {
        let Some(row) = self.posts.get_mut(key) else { return };
        if row.retry.row.as_ref().is_some_and(|retry| retry.images.is_empty()) {
            *row.retry.change() = None;
            self.summary.counts.retries = self.summary.counts.retries.saturating_sub(1);
        }
    }

    /// Hands the post's failed images out once more: their names and URLs by position.
    pub fn hand_out(&mut self, key: &PostKey) -> Vec<(String, String)> {
        let (rule, now) = (self.rule, self.now);
        let Some(row) = self.posts.get_mut(key) else { return Vec::new() };
        let Some(retry) = row.retry.change() else { return Vec::new() };
        retry.attempts = retry.attempts.saturating_add(1);
        retry.last_tried = now.0;
        retry.next_due = due_after(rule, now, retry.attempts);
        let images = row.images.iter();
        images
            .filter_map(|image| Some((image.name.clone(), retry.images.get(&image.position)?.0.clone())))
            .collect()
    }

    fn due_after(&self, attempts: u32) -> Option<i64> {
        due_after(self.rule, self.now, attempts)
    }

    // ---- imports

    /// How many rows were new, or gained something.
    pub fn import(&mut self, page: &Page) -> Result<u64, StoreError> {
        let mut new = 0;
        match page {
            Page::Posts(posts) => {
                for post in posts {
                    new += u64::from(self.import_post(post)?);
                }
            }
            Page::Retries(retries) => {
                for retry in retries {
                    new += u64::from(self.import_retry(retry));
                }
            }
            Page::Accounts(accounts) => {
                for account in accounts {
                    new += u64::from(self.import_account(account)?);
                }
            }
        }
        Ok(new)
    }

    fn account_without_handle(&mut self, key: &AccountKey) -> Result<AccountNo, StoreError> {
        match self.accounts.get(key) {
            Some(account) => Ok(account.row.no),
            None => self.upsert_account(&Account { key: key.clone(), handle: String::new(), posts: None }),
        }
    }

    fn import_post(&mut self, post: &ImportedPost) -> Result<bool, StoreError> {
        if let Some(row) = self.posts.get(&post.key) {
            let places = pair_up(&row.images, post.images.iter().map(|image| image.name.as_str()));
            let mut gained = false;
            for (place, image) in places.into_iter().zip(&post.images) {
                let (Some(place), Some(fingerprint)) = (place, image.fingerprint) else { continue };
                self.fill_blank(&post.key, place, Print::imported(fingerprint))?;
                gained = true;
            }
            if gained {
                self.close_retries(&post.key);
            }
            return Ok(gained);
        }
        let account = self.account_without_handle(&post.account)?;
        let images = post.images.get(..MOST_IMAGES).unwrap_or(&post.images);
        let prints = images.iter().map(|image| (image.name.as_str(), image.fingerprint.map(Print::imported)));
        let row = self.new_post(account, &post.key, None, prints)?;
        self.posts.insert(post.key.clone(), row);
        Ok(true)
    }

    /// Only for a stored post that still lacks a fingerprint, and is not retried yet.
    fn import_retry(&mut self, retry: &ImportedRetry) -> bool {
        let next_due = self.due_after(retry.attempts);
        let last_tried = retry.last_tried.unwrap_or(self.now).0;
        let Some(row) = self.posts.get_mut(&retry.post) else { return false };
        let failed: BTreeMap<u8, (String, String)> = row
            .images
            .iter()
            .zip(&retry.urls)
            .filter(|(image, _)| image.fingerprint.is_none())
            .filter_map(|(image, url)| Some((image.position, (url.clone()?, "imported".to_owned()))))
            .collect();
        if row.retry.row.is_some() || failed.is_empty() {
            return false;
        }
        let attempts = retry.attempts;
        *row.retry.change() = Some(Retry { attempts, last_tried, next_due, images: failed });
        self.summary.counts.retries += 1;
        true
    }

    fn import_account(&mut self, account: &ImportedAccount) -> Result<bool, StoreError> {
        let before = self.summary.counts.accounts;
        self.account_without_handle(&account.key)?;
        let new = self.summary.counts.accounts > before;
        let Some(kept) = self.accounts.get_mut(&account.key) else { return Ok(new) };
        let row = kept.change();
        let visited = account.search_listed_at.max(account.timeline_listed_at);
        let mut changed = new;
        // The cursor of whoever listed last is the one that goes further.
        if let Some(listed_at) = account.search_listed_at
            && row.search_listed_at.is_none_or(|ours| ours < listed_at.0)
        {
            row.search_cursor = account.search_cursor.map(|date| date.0);
            row.search_listed_at = Some(listed_at.0);
            row.search_coverage = None;
            let reset_at = account.search_reset_at.map(|moment| moment.0);
            row.search_reset_at = reset_at.or(row.search_reset_at).or(Some(listed_at.0));
            row.visited_at = visited.map_or(row.visited_at, |moment| moment.0);
            changed = true;
        }
        if let Some(listed_at) = account.timeline_listed_at
            && row.timeline_listed_at.is_none_or(|ours| ours < listed_at.0)
        {
            row.timeline_cursor.clone_from(&account.timeline_cursor);
            row.timeline_listed_at = Some(listed_at.0);
            row.timeline_coverage = None;
            row.visited_at = visited.map_or(row.visited_at, |moment| moment.0);
            changed = true;
        }
        row.uses = row.uses.max(codec::count(account.uses));
        row.last_used_at = row.last_used_at.max(account.last_used_at.map(|moment| moment.0));
        Ok(changed)
    }
}

/// When to try again after this many attempts; `None` when that was the last.
fn due_after(rule: RetryRule, now: Timestamp, attempts: u32) -> Option<i64> {
    (attempts < rule.max_attempts).then(|| now.plus(rule.pause).0)
}

/// The earlier of two moments, of which either may be unknown.
fn earlier(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Thumbnails of another size come from a worker that is not ours to believe; the image is found
/// without its detail.
pub fn storable_detail(print: &Print) -> Option<&Detail> {
    print.detail.as_ref().filter(|detail| detail.thumbnail.len() == THUMBNAIL_BYTES)
}

/// The turn of an account's row.
pub fn turn(row: &AccountRow) -> i64 {
    i64::from(turn_of(&row.key))
}
