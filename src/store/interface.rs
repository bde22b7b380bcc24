//! What a database can do for the rest of the program, whatever the engine.

use super::backfill;
use super::changes::{Change, CodesEntry, Committed, IndexEntry, PartsEntry, StoredPost};
use super::error::StoreError;
use crate::base::ids::{AccountKey, AccountNo, ImageId, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{AccountRecord, AccountState};
use crate::domain::forgotten::{Mark, Tombstone};
use crate::domain::images::StoreCounts;
use crate::domain::parts::Parts;
use crate::domain::posts::{ImageRecord, ListedPost};
use crate::domain::verdicts::{Verdict, VerdictId};
use crate::domain::watches::{FeedEntry, Watch};

/// One connection to the database. Blocking; used by one thread at a time. Other connections, also
/// of other processes, may be open beside it.
///
/// Implementors: image and account numbers grow with every insertion, are never used again, and
/// *become visible in increasing order*: what a reader sees beyond a number it knows is all there
/// will ever be between. Concurrent writers must therefore be kept apart.
pub trait Store: Send {
    /// Carries out `changes` in order, all or none, and returns when they are durable.
    ///
    /// # Errors
    /// Nothing was changed. `StoreError::reaction` says whether the same call may succeed later.
    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Result<Committed, StoreError>;

    /// Whether what is stored can be found again: a database in a file still lies where it was opened, and
    /// another connection could read it. `apply` looks at the first itself.
    ///
    /// # Errors
    /// What became of it.
    fn check_standing(&mut self) -> Result<(), StoreError>;

    /// The same error, with what a person can do about it where only a person can.
    fn explain(&self, error: StoreError) -> StoreError;

    /// What is known of each account, in the order asked; unknown accounts have no cursors.
    fn account_states(&mut self, keys: &[AccountKey]) -> Result<Vec<AccountState>, StoreError>;

    /// All that is known of one account; `None` for an unknown one.
    fn account_record(&mut self, key: &AccountKey) -> Result<Option<AccountRecord>, StoreError>;

    /// The accounts that were seen under this handle, whoever was seen with it last first.
    fn accounts_called(&mut self, network: Network, handle: &str) -> Result<Vec<AccountKey>, StoreError>;

    /// The numbers of these accounts, in the order asked; unknown accounts are left out.
    fn account_numbers(&mut self, keys: &[AccountKey]) -> Result<Vec<(AccountKey, AccountNo)>, StoreError>;

    /// The images of these numbers, in the order asked; unknown numbers are left out.
    fn images(&mut self, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError>;

    /// Whose these posts are, in the order asked; posts that are not stored are left out.
    fn post_authors(&mut self, posts: &[PostKey]) -> Result<Vec<(PostKey, AccountKey)>, StoreError>;

    /// Of these posts, those that are worth fetching, in the order given: posts that are not stored,
    /// and posts of which an image failed and is still retried, or was not given by its network before,
    /// reduced to those images.
    fn missing(&mut self, posts: &[ListedPost]) -> Result<Vec<ListedPost>, StoreError>;

    /// For each post, in the order asked, the fingerprints of its images by position, `None` where an
    /// image has none; `None` for a post that is not stored.
    fn fingerprints_of(
        &mut self,
        posts: &[PostKey],
    ) -> Result<Vec<Option<Vec<Option<Fingerprint>>>>, StoreError>;

    /// Up to `limit` searchable images beyond the image `after`, in the order of their numbers.
    /// Fewer than `limit` means that there are no more at present.
    fn fingerprints_after(&mut self, after: ImageId, limit: u32) -> Result<Vec<IndexEntry>, StoreError>;

    /// The same of one account's images alone.
    fn fingerprints_of_account(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<IndexEntry>, StoreError>;

    /// Up to `limit` searchable images of the account beyond the image `after`, in the order of their
    /// numbers, each with its features, where it has any of a length that features can have.
    fn parts_of_account(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<PartsEntry>, StoreError>;

    /// The features of these images, in the order asked; images without are left out.
    fn parts(&mut self, ids: &[ImageId]) -> Result<Vec<(ImageId, Parts)>, StoreError>;

    /// Up to `limit` images that have features beyond the image `after`, in the order of their numbers. Fewer
    /// than `limit` means that there are no more at present.
    fn codes_after(&mut self, after: ImageId, limit: u32) -> Result<Vec<CodesEntry>, StoreError>;

    /// Of up to `limit` accounts beyond `after`, in the order of their numbers, the features of one of their
    /// newest images, where these have any.
    fn parts_sample(
        &mut self,
        after: AccountNo,
        limit: u32,
    ) -> Result<Vec<(AccountNo, Option<Parts>)>, StoreError>;

    /// The features that many accounts have in common, and when they were kept.
    fn furniture(&mut self) -> Result<Option<(Timestamp, Vec<u8>)>, StoreError>;

    /// Of up to `limit` images of an account beyond the image `after`, searchable or not, in the order of
    /// their numbers: the posts' ids and dates.
    fn stored_posts(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<StoredPost>, StoreError>;

    /// Up to `limit` images beyond the image `after` that are searchable, lack second-stage detail and may
    /// still be had, in the order of their numbers.
    fn bare_images(&mut self, after: ImageId, limit: u32) -> Result<Vec<backfill::BareImage>, StoreError>;

    /// Up to `limit` images beyond the image `after` that are searchable, have second-stage detail and no
    /// features of this version, and may still be had, in the order of their numbers.
    fn images_without_parts(
        &mut self,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<backfill::BareImage>, StoreError>;

    /// What people say that holds for one of these pages, and what holds for all pages about one of these
    /// accounts.
    fn verdicts(&mut self, pages: &[String], accounts: &[AccountKey]) -> Result<Vec<Verdict>, StoreError>;

    /// Up to `limit` verdicts that were said before this one, newest first, each with whether another
    /// contradicts it.
    fn verdicts_before(
        &mut self,
        before: (Timestamp, VerdictId),
        limit: u32,
    ) -> Result<Vec<(Verdict, bool)>, StoreError>;

    /// The searchable images of these posts, each with its post and its position there, from 1.
    fn images_of_posts(&mut self, posts: &[PostKey]) -> Result<Vec<(PostKey, u8, IndexEntry)>, StoreError>;

    /// All watches, the oldest first.
    fn watches(&mut self) -> Result<Vec<Watch>, StoreError>;

    /// The newest posts with images of these accounts, each artwork once, the newest first; unknown accounts
    /// have none.
    fn feed(&mut self, accounts: &[AccountKey]) -> Result<Vec<FeedEntry>, StoreError>;

    /// The highest number that an image ever had; 0 before the first.
    fn last_image(&mut self) -> Result<ImageId, StoreError>;

    /// Up to `limit` marks beyond `after`, in their order; `None` before the first.
    fn tombstones(&mut self, after: Option<Mark>, limit: u32) -> Result<Vec<Tombstone>, StoreError>;

    /// All marks.
    fn marks(&mut self) -> Result<Vec<Mark>, StoreError>;

    /// Marked accounts of which something is left.
    fn removals_left(&mut self) -> Result<Vec<AccountKey>, StoreError>;

    /// Up to `limit` images that were removed, and of which the index may hold something, in the order of
    /// their numbers.
    fn removed_images(&mut self, limit: u32) -> Result<Vec<ImageId>, StoreError>;

    /// The sizes, without counting.
    fn counts(&mut self) -> Result<StoreCounts, StoreError>;

    /// How many fingerprints and details have another length than they must have, which only a
    /// foreign hand or a damaged file can bring about. Reads every row.
    fn wrong_lengths(&mut self) -> Result<u64, StoreError>;

    /// Random text, made with the database: no other database has it.
    fn identity(&mut self) -> Result<String, StoreError>;
}
