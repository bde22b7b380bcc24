//! The work of one commit, in memory: what is concerned was read before, what changes is written
//! afterwards, each in few large statements, since every statement may cost a journey to a server.
//!
//! Pure: no connection, no clock. These are the rules of every engine.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::rows::{AccountRow, HandleRow, Kept, NewImage, NewPost, PostRow, Print, Retry};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, AccountNo, Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::forgotten::Mark;
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost, ListedImage, snowflake_time};
use crate::domain::scans::{Coverage, CoveredWindow, Cursor, ListingEnd, cover};
use crate::store::changes::{IndexEntry, MovedHandle, RetryRule};
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::extent::Extent;
use crate::store::merge_rules::{Stored, covered, pair_up};

/// What one commit knows and changes.
pub struct Work {
    pub rule: RetryRule,
    pub now: Timestamp,
    /// With what the commit adds.
    pub extent: Extent,
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
    /// Stored posts that turned out to have more attachments: by number, how many.
    pub raised_counts: BTreeMap<i64, u8>,
    pub entries: Vec<IndexEntry>,
    pub moved_handles: Vec<MovedHandle>,
    /// Of the accounts and posts concerned, those that are never to be stored again.
    pub marks: HashSet<Mark>,
    /// Accounts that were brought up to date, with the handle it was done for.
    known: HashMap<AccountKey, String>,
}

impl Work {
    pub fn new(rule: RetryRule, now: Timestamp, extent: Extent) -> Work {
        Work {
            rule,
            now,
            extent,
            accounts: HashMap::new(),
            handles: HashMap::new(),
            keys: HashMap::new(),
            posts: HashMap::new(),
            new_posts: Vec::new(),
            new_images: BTreeMap::new(),
            deleted_images: Vec::new(),
            raised_counts: BTreeMap::new(),
            entries: Vec::new(),
            moved_handles: Vec::new(),
            marks: HashSet::new(),
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
        self.raised_counts.clear();
    }

    // ---- what was forgotten

    pub fn is_forgotten(&self, account: &AccountKey) -> bool {
        !self.marks.is_empty() && self.marks.contains(&Mark::of_account(account))
    }

    pub fn is_forgotten_post(&self, post: &PostKey) -> bool {
        !self.marks.is_empty() && self.marks.contains(&Mark::of_post(post))
    }

    /// These posts are removed: nothing of them is known any more.
    pub fn drop_posts(&mut self, numbers: &HashSet<i64>) {
        self.posts.retain(|_, row| !numbers.contains(&row.no));
    }

    /// The account is removed, with all its posts.
    pub fn drop_account(&mut self, no: AccountNo) {
        if let Some(key) = self.keys.remove(&no) {
            self.accounts.remove(&key);
            self.known.remove(&key);
        }
        for holders in self.handles.values_mut() {
            holders.remove(&no);
        }
        self.posts.retain(|_, row| row.account != no);
    }

    // ---- accounts

    /// The account's number; a row for it where there is none; its handle and size as of now.
    pub fn upsert_account(&mut self, account: &Account) -> Result<AccountNo, StoreError> {
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
        self.extent.last_account += 1;
        self.extent.accounts += 1;
        let no = codec::account_no(self.extent.last_account)?;
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
            windows: None,
            stated_media: None,
            found_media: None,
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
        if self.is_forgotten(&account.key) {
            return Ok(());
        }
        self.upsert_account(account)?;
        let now = self.now.0;
        let Some(kept) = self.accounts.get_mut(&account.key) else { return Ok(()) };
        let row = kept.change();
        match &end.cursor {
            Cursor::Search(cursor) => {
                let before = row.search_coverage.as_deref();
                row.search_coverage = covered(row.search_cursor.is_some(), before, end.coverage)?;
                if end.coverage == Coverage::Complete {
                    // All of it is known now.
                    row.windows = None;
                }
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
            Cursor::Window(window) => {
                let mut windows = codec::windows(row.windows.as_deref());
                cover(&mut windows, CoveredWindow { window: *window, listed_at: self.now });
                row.windows = codec::windows_text(&windows);
            }
        }
        row.visited_at = now;
        row.newest_seen = row.newest_seen.max(end.newest.map(|moment| moment.0));
        row.oldest_seen = earlier(row.oldest_seen, end.oldest.map(|moment| moment.0));
        row.posts_read = row.posts_read.saturating_add(codec::count(end.posts_read));
        if let Some(media) = end.media {
            row.stated_media = Some(codec::count(media.stated));
            row.found_media = Some(codec::count(media.found));
        }
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
        if self.is_forgotten(&account.key) {
            return Ok(());
        }
        let no = self.upsert_account(account)?;
        for post in posts {
            if self.is_forgotten_post(&post.key) {
                continue;
            }
            if self.posts.contains_key(&post.key) {
                self.fill_in(no, post)?;
            } else {
                self.insert_post(no, post)?;
            }
        }
        Ok(())
    }

    fn insert_post(&mut self, account: AccountNo, post: &IndexedPost) -> Result<(), StoreError> {
        let row = self.new_post(account, &post.key, post.published, post.places);
        self.posts.insert(post.key.clone(), row);
        self.add_images(post)
    }

    /// A post of this account with so many attachments, to be written, without its images. Where nobody told
    /// its date, as the original's databases do not, an id of X does.
    pub fn new_post(
        &mut self,
        account: AccountNo,
        key: &PostKey,
        published: Option<Timestamp>,
        image_count: u8,
    ) -> PostRow {
        let published = published.or_else(|| {
            let in_id = (key.network == Network::Twitter).then(|| snowflake_time(&key.native)).flatten();
            in_id.filter(|date| *date <= self.now)
        });
        self.extent.last_post += 1;
        self.extent.posts += 1;
        let no = self.extent.last_post;
        self.new_posts.push(NewPost {
            no,
            key: key.clone(),
            account,
            published: published.map(|date| date.0),
            image_count,
        });
        PostRow { no, account, image_count, images: Vec::new(), retry: Kept::read(None) }
    }

    /// Adds those of the reported images that the post lacks altogether: all of them where it is new, else
    /// what its network did not give before. Places that are taken stay as they are.
    fn add_images(&mut self, post: &IndexedPost) -> Result<(), StoreError> {
        for image in &post.images {
            let Some(row) = self.posts.get(&post.key) else { return Ok(()) };
            let lacks = |stored: &Stored| stored.position != image.position;
            if image.position == 0 || !row.images.iter().all(lacks) {
                continue;
            }
            let (no, account) = (row.no, row.account);
            let print = match &image.state {
                ImageState::Fingerprinted(facts) => Some(Print::seen(facts)),
                ImageState::Lost | ImageState::Failed { .. } => None,
            };
            self.add_image((no, account, &post.key), image.position, &image.name, print)?;
            self.raise_count(&post.key, post.places.max(image.position));
            if let ImageState::Failed { url, why } = &image.state {
                self.begin_retry(&post.key, image.position, (url.clone(), why.clone()));
            }
        }
        Ok(())
    }

    /// An image of the post of this number, account and key, to be written.
    pub fn add_image(
        &mut self,
        (no, account, key): (i64, AccountNo, &PostKey),
        position: u8,
        name: &str,
        print: Option<Print>,
    ) -> Result<(), StoreError> {
        let fingerprint = print.as_ref().map(|print| print.fingerprint);
        let id = self.new_image(no, account, position, name, print)?;
        self.extent.images += 1;
        if let Some(row) = self.posts.get_mut(key) {
            row.images.push(Stored { id, position, name: name.to_owned(), fingerprint });
            row.images.sort_by_key(|image| image.position);
        }
        Ok(())
    }

    /// The post has at least so many attachments.
    fn raise_count(&mut self, key: &PostKey, count: u8) {
        let Some(row) = self.posts.get_mut(key).filter(|row| row.image_count < count) else { return };
        row.image_count = count;
        let no = row.no;
        match self.new_posts.iter_mut().find(|post| post.no == no) {
            Some(unwritten) => unwritten.image_count = count,
            None => drop(self.raised_counts.insert(no, count)),
        }
    }

    /// This image failed for the first time.
    fn begin_retry(&mut self, key: &PostKey, position: u8, failure: (String, String)) {
        let (now, next_due) = (self.now.0, self.due_after(1));
        let Some(row) = self.posts.get_mut(key) else { return };
        let retry = row.retry.change();
        if retry.is_none() {
            self.extent.retries += 1;
        }
        let first = Retry { attempts: 1, last_tried: now, next_due, images: BTreeMap::new() };
        retry.get_or_insert(first).images.insert(position, failure);
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
        self.extent.last_image += 1;
        let id = self.extent.last_image;
        if let Some(print) = &print
            && print.solid_ground
        {
            let trimmed = print.detail.as_ref().and_then(|detail| detail.trimmed);
            self.entries.push((codec::image_id(id)?, account, print.fingerprint, trimmed));
        }
        self.new_images.insert(id, NewImage { id, post, account, position, name: name.to_owned(), print });
        Ok(id)
    }

    /// The post is stored: adds the images and fills in the fingerprints that it lacks, if this is its
    /// account. What is known of an image only ever grows from failed to lost to fingerprinted, so the order
    /// of repeated reports does not matter.
    fn fill_in(&mut self, account: AccountNo, post: &IndexedPost) -> Result<(), StoreError> {
        let Some(row) = self.posts.get(&post.key) else { return Ok(()) };
        let is_known = |image: &IndexedImage| row.images.iter().any(|stored| stored.name == image.name);
        if row.account != account {
            return Ok(());
        }
        if post.images.iter().any(|image| !is_known(image)) {
            let unknown = post.images.iter().filter(|image| !is_known(image)).cloned().collect();
            self.add_images(&IndexedPost { images: unknown, ..post.clone() })?;
        }
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
    pub fn fill_blank(&mut self, key: &PostKey, place: usize, print: Print) -> Result<(), StoreError> {
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
    pub fn close_retries(&mut self, key: &PostKey) {
        let Some(row) = self.posts.get_mut(key) else { return };
        if row.retry.row.as_ref().is_some_and(|retry| retry.images.is_empty()) {
            *row.retry.change() = None;
            self.extent.retries = self.extent.retries.saturating_sub(1);
        }
    }

    /// What the names and addresses of the images to be tried again take.
    pub fn retry_bytes(&self, key: &PostKey) -> usize {
        let Some(row) = self.posts.get(key) else { return 0 };
        let Some(retry) = &row.retry.row else { return 0 };
        let failed = row.images.iter().filter_map(|image| Some((image, retry.images.get(&image.position)?)));
        failed.map(|(image, (url, _))| image.name.len() + url.len() + 8).sum()
    }

    /// Hands the post's failed images out once more, and how many attachments it has.
    pub fn hand_out(&mut self, key: &PostKey) -> (Vec<ListedImage>, u8) {
        let (rule, now) = (self.rule, self.now);
        let Some(row) = self.posts.get_mut(key) else { return (Vec::new(), 0) };
        let Some(retry) = row.retry.change() else { return (Vec::new(), row.image_count) };
        retry.attempts = retry.attempts.saturating_add(1);
        retry.last_tried = now.0;
        retry.next_due = due_after(rule, now, retry.attempts);
        let failed = row.images.iter().filter_map(|image| {
            let (url, _) = retry.images.get(&image.position)?;
            Some(ListedImage { name: image.name.clone(), url: url.clone(), position: image.position })
        });
        (failed.collect(), row.image_count)
    }

    pub fn due_after(&self, attempts: u32) -> Option<i64> {
        due_after(self.rule, self.now, attempts)
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
