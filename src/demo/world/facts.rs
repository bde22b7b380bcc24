//! What is true in the world: accounts, posts, media, artworks. Built once from `cast`, then only read.
//! The same on every machine and at every start: no clock, no chance.

use std::collections::HashMap;

use super::cast::pages::Page;
use super::networks::OpenAccount;
use super::picture::Picture;
use super::sites::{Member, Work};
use crate::base::Timestamp;

/// Of an account on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    Open,
    /// Its posts are for its followers only.
    Private,
    Suspended,
    /// Its profile can be read, its posts cannot: it blocks the application that asks.
    BlocksUs,
}

#[derive(Clone, Debug)]
pub struct Account {
    /// The network's stable number.
    pub id: u64,
    pub handle: &'static str,
    pub name: &'static str,
    pub bio: &'static str,
    /// The link in the profile.
    pub link: Option<&'static str>,
    pub state: AccountState,
    pub created: Timestamp,
}

/// A post's relation to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    None,
    Repost(u64),
    Quote(u64),
    Reply(u64),
    /// Shows the media of another's post as its own attachment.
    BorrowsMedia(u64),
}

#[derive(Clone, Debug)]
pub struct Post {
    /// A snowflake: its upper bits are the time.
    pub id: u64,
    /// Index into `Facts::accounts`.
    pub author: usize,
    pub text: String,
    pub relation: Relation,
    /// Indexes into `Facts::media`, in the order shown.
    pub media: Vec<usize>,
    /// The search engine never learned of it; the timeline shows it.
    pub missed_by_search: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    Photo,
    Video,
    Gif,
}

#[derive(Clone, Debug)]
pub struct Media {
    pub id: u64,
    /// What follows `/media/` in its address: 15 characters whose first eight bytes are a snowflake.
    pub name: String,
    pub kind: MediaKind,
    pub picture: Picture,
    /// The image host answers 404.
    pub gone: bool,
}

/// How an artwork's page or image misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// The page takes ten seconds.
    Slow,
    /// The page is cut short in the middle.
    CutShort,
    /// Every image of it answers 404.
    ImageGone,
    /// Its only image has 21 MiB.
    ImageTooBig,
    /// Its original is 21 MiB, its lighter version is well.
    OriginalTooBig,
}

/// On DeviantArt.
#[derive(Clone, Debug)]
pub struct Deviation {
    pub id: u64,
    /// Index into `Facts::deviants`.
    pub artist: usize,
    pub title: &'static str,
    pub picture: Picture,
    pub published: Timestamp,
    pub trouble: Trouble,
}

/// A member of DeviantArt.
#[derive(Clone, Debug)]
pub struct Deviant {
    pub id: u64,
    pub name: &'static str,
    /// Entries of the profile's list of links.
    pub links: &'static [&'static str],
    pub website: Option<&'static str>,
    /// HTML of the biography.
    pub bio: &'static str,
}

/// On Danbooru.
#[derive(Clone, Debug)]
pub struct BooruPost {
    pub id: u64,
    pub artist: &'static str,
    pub source: &'static str,
    pub picture: Picture,
    pub published: Timestamp,
    pub trouble: Trouble,
}

/// An artist's entry on Danbooru.
#[derive(Clone, Debug)]
pub struct BooruArtist {
    pub id: u64,
    pub name: &'static str,
    /// Address, and whether the curators hold it alive.
    pub urls: &'static [(&'static str, bool)],
}

/// A page of links on Linktree.
#[derive(Clone, Debug)]
pub struct LinkPage {
    pub name: &'static str,
    pub title: &'static str,
    /// Title and address; without an address it is a heading.
    pub links: &'static [(&'static str, Option<&'static str>)],
    pub social: &'static [(&'static str, &'static str)],
}

/// Everything, with the look-ups that the sites need.
#[derive(Debug, Default)]
pub struct Facts {
    pub accounts: Vec<Account>,
    /// Newest first.
    pub posts: Vec<Post>,
    pub media: Vec<Media>,
    pub deviants: Vec<Deviant>,
    pub deviations: Vec<Deviation>,
    pub booru_posts: Vec<BooruPost>,
    pub booru_artists: Vec<BooruArtist>,
    /// On the other artwork sites, and their artists there.
    pub works: Vec<Work>,
    pub members: Vec<Member>,
    /// On Linktree.
    pub link_pages: Vec<LinkPage>,
    /// On the other link pages.
    pub pages: Vec<Page>,
    /// On the networks that can be read without a key.
    pub open_accounts: Vec<OpenAccount>,
    pub(super) post_by_id: HashMap<u64, usize>,
    pub(super) media_by_name: HashMap<String, usize>,
}

impl Facts {
    /// Sorts the posts and fills the look-ups: to be called once, when all is there.
    pub(super) fn finish(&mut self) {
        self.posts.sort_by_key(|post| std::cmp::Reverse(post.id));
        self.post_by_id = self.posts.iter().enumerate().map(|(index, post)| (post.id, index)).collect();
        self.media_by_name =
            self.media.iter().enumerate().map(|(index, media)| (media.name.clone(), index)).collect();
    }

    /// By handle, whatever its case.
    pub fn account_by_handle(&self, handle: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.handle.eq_ignore_ascii_case(handle))
    }

    pub fn account_by_id(&self, id: u64) -> Option<usize> {
        self.accounts.iter().position(|account| account.id == id)
    }

    pub fn post(&self, id: u64) -> Option<&Post> {
        self.post_by_id.get(&id).map(|index| &self.posts[*index])
    }

    /// On Bluesky or Mastodon, by handle.
    pub fn open_account(&self, handle: &str) -> Option<&OpenAccount> {
        self.open_accounts.iter().find(|account| account.handle == handle)
    }

    pub fn media_by_name(&self, name: &str) -> Option<&Media> {
        self.media_by_name.get(name).map(|index| &self.media[*index])
    }

    /// Posts of one account, newest first.
    pub fn posts_of(&self, author: usize) -> impl Iterator<Item = &Post> {
        self.posts.iter().filter(move |post| post.author == author)
    }
}

/// The first snowflake was counted from here (milliseconds since 1970).
const SNOWFLAKE_EPOCH: i64 = 1_288_834_974_657;

/// The snowflake of a moment; `sequence` (below 2^22) tells those of one millisecond apart.
pub fn snowflake(moment: Timestamp, sequence: u64) -> u64 {
    let since = u64::try_from(moment.0 - SNOWFLAKE_EPOCH).unwrap_or(0);
    since << 22 | (sequence & 0x3f_ffff)
}

/// The moment of a snowflake.
pub fn snowflake_time(id: u64) -> Timestamp {
    Timestamp((id >> 22) as i64 + SNOWFLAKE_EPOCH)
}

/// 32 hex digits that name the file of a work. Made from its id: no real digest is needed to find it again.
pub fn digest(id: u64) -> String {
    let spread = |factor: u64| id.wrapping_mul(factor);
    format!("{:016x}{:016x}", spread(0x9e37_79b9_7f4a_7c15), spread(0xc2b2_ae3d_27d4_eb4f))
}

/// 11 bytes in URL-safe base64, which are 15 characters: the network's names of uploads.
pub fn media_name(id: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = u128::from(id) << 24 | u128::from(id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
    bits <<= 2; // 88 bits fill 15 digits of 6 bits but for two
    (0..15).rev().map(|digit| char::from(DIGITS[(bits >> (digit * 6)) as usize & 63])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snowflakes_carry_their_time() {
        let moment = Timestamp::parse_rfc3339("2024-05-01T12:34:56Z").unwrap();
        let id = snowflake(moment, 5);
        assert_eq!(snowflake_time(id), moment);
        // A post of 2020 that everybody can look up.
        assert_eq!(snowflake_time(1_293_593_516_040_269_825).to_rfc3339(), "2020-08-12T17:01:42Z");
    }

    #[test]
    fn media_names_have_fifteen_characters_and_begin_with_the_number() {
        let id = snowflake(Timestamp::from_secs(1_700_000_000), 9);
        let name = media_name(id);
        assert_eq!(name.len(), 15);
        // The first digit is the number's upper six bits.
        assert_eq!(name.as_bytes()[0], b'A' + (id >> 58) as u8);
    }
}
