//! What is true in the world: accounts, posts, media, artworks. Built once from `cast`, then only read.
//! The same on every machine and at every start: no clock, no chance.

use std::collections::HashMap;
use std::time::Duration;

use super::ids::{digest, mastodon_id, misskey_id, record_key, record_time};
use super::picture::Picture;
use crate::base::Timestamp;

/// How an account on X can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    Open,
    /// Its posts are for its followers only.
    Private,
    Suspended,
    /// Its profile can be read, its posts cannot: it blocks the application that asks.
    BlocksUs,
}

/// An account on X.
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
    /// Its pictures are shown to members only, while the page says who made it.
    Hidden,
}

/// The sites that show artworks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gallery {
    Deviantart,
    Danbooru,
    Pixiv,
    Derpibooru,
    Furbooru,
    E621,
    Artstation,
    Furaffinity,
    Inkbunny,
    Weasyl,
    Moebooru,
    Twibooru,
    Newgrounds,
    Itaku,
    Sofurry,
    HentaiFoundry,
    Zerochan,
    Booth,
    Fantia,
    Poipiku,
    Nicoseiga,
    Cara,
    Toyhouse,
    Xfolio,
    Nijie,
    /// It knows no artists: its works have a source instead of a member.
    Gelbooru,
}

/// An artwork on one of them.
#[derive(Clone, Debug)]
pub struct Work {
    pub gallery: Gallery,
    pub id: u64,
    /// The member, artist's tag or artist's entry of this name.
    pub artist: &'static str,
    pub title: &'static str,
    /// More than one on Pixiv only.
    pub pictures: &'static [Picture],
    pub published: Timestamp,
    /// Where a booru's copy was taken from.
    pub source: &'static str,
    /// A duplicate of the work with this id.
    pub merged_into: Option<u64>,
    pub trouble: Trouble,
}

impl Work {
    /// Its only or first picture; `None` for a merged work, whose file is gone.
    pub fn picture(&self) -> Option<Picture> {
        self.pictures.first().copied()
    }

    /// Of its first picture, in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.picture().map_or((1, 1), Picture::size)
    }

    /// Of its first picture's file.
    pub fn extension(&self) -> &'static str {
        self.picture().map_or("jpg", Picture::extension)
    }

    /// `2024/05/01/12/34/56`: its publication as paths of files have it, some hours later than UTC.
    pub fn date_path(&self, hours_ahead: u64) -> String {
        let local = self.published.plus(Duration::from_secs(hours_ahead * 3600)).to_rfc3339();
        local.chars().take(19).map(|c| if c.is_ascii_digit() { c } else { '/' }).collect()
    }
}

/// An artist's page, tag or entry on one of them.
#[derive(Clone, Debug)]
pub struct Member {
    pub gallery: Gallery,
    pub id: u64,
    pub name: &'static str,
    pub links: &'static [&'static str],
    /// Links that the curators of a booru hold dead.
    pub dead_links: &'static [&'static str],
    /// The link of a field of its own (DeviantArt, Pixiv).
    pub website: Option<&'static str>,
    /// HTML of the biography (DeviantArt).
    pub bio: &'static str,
}

/// The sites between an artist and their accounts: pages of links, shops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hub {
    Carrd,
    Kofi,
    Linktree,
    Patreon,
    Potofu,
    Litlink,
    Fanbox,
    Skeb,
    Tumblr,
    /// `t.co`: the name is the code, the link its target.
    Short,
    Instabio,
    Biosite,
    Linkme,
    Littly,
    Inpock,
    Throne,
    Vgen,
    Pronouns,
    /// An artist's own page: the name is its host, the icons what its head says.
    Homepage,
}

/// Somebody's page on one of them.
#[derive(Clone, Debug)]
pub struct Page {
    pub hub: Hub,
    pub name: &'static str,
    /// Addresses in its list of links, or, on Skeb, in its text.
    pub links: &'static [&'static str],
    /// Kinds and addresses of the icons below the list (Linktree).
    pub icons: &'static [(&'static str, &'static str)],
    /// Index into `Facts::accounts`: the account that Skeb vouches for.
    pub account: Option<usize>,
}

/// The networks that can be read without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenNetwork {
    Bluesky,
    Mastodon,
    Misskey,
}

/// How an account on one of them can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenState {
    Open,
    /// Its owner asks not to be shown to those who are not logged in (Bluesky, Misskey), or not to be indexed
    /// (Mastodon, Misskey).
    OptedOut,
    Suspended,
    /// Its owner moved to the account with this handle.
    Moved(&'static str),
}

#[derive(Clone, Debug)]
pub struct OpenAccount {
    pub network: OpenNetwork,
    /// `name.example`, or `user@server`.
    pub handle: &'static str,
    /// The DID; on Mastodon the user's name in the case of its URI; on Misskey the server's id of it.
    pub native: &'static str,
    pub links: &'static [&'static str],
    pub state: OpenState,
    /// Posts, the `n`-th at `first + n * every`.
    pub posts: usize,
    pub first: &'static str,
    pub every_hours: u64,
    /// Posts with known pictures, by their number; all others are made up.
    pub featured: &'static [(usize, &'static [Picture])],
    /// The image host has lost the pictures of this post; they are elsewhere.
    pub lost: Option<usize>,
    /// Its author has deleted this post.
    pub deleted: Option<usize>,
}

/// What is attached to a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    Pictures,
    /// Pictures beside a quoted post.
    PicturesAndQuote,
    Video,
    /// The post is another account's, passed on.
    Repost,
}

impl OpenAccount {
    pub fn moment(&self, number: usize) -> Timestamp {
        let first = Timestamp::parse_rfc3339(self.first).unwrap_or(Timestamp(0));
        first.plus(Duration::from_secs(number as u64 * self.every_hours * 3600))
    }

    /// Whether there is a post of this number.
    pub fn has(&self, number: usize) -> bool {
        number < self.posts && self.deleted != Some(number)
    }

    pub fn attached(&self, number: usize) -> Attached {
        match number {
            n if self.featured_at(n).is_some() => Attached::Pictures,
            n if n % 10 == 3 => Attached::PicturesAndQuote,
            n if n % 17 == 5 => Attached::Video,
            n if n % 23 == 9 => Attached::Repost,
            _ => Attached::Pictures,
        }
    }

    /// The pictures of a post, in its order.
    pub fn pictures(&self, number: usize) -> Vec<Picture> {
        if let Some(pictures) = self.featured_at(number) {
            return pictures.to_vec();
        }
        let count = match number {
            // More than the four of old: a gallery on Bluesky.
            n if n % 29 == 7 && self.network == OpenNetwork::Bluesky => 7,
            n if n % 7 == 2 => 3,
            _ => 1,
        };
        // Few enough to be drawn quickly, however many posts there are.
        let base = 7000 + 100 * self.handle.len() as u64;
        (0..count).map(|position| Picture::Drawn(base + ((number * 3 + position) % 60) as u64)).collect()
    }

    fn featured_at(&self, number: usize) -> Option<&'static [Picture]> {
        self.featured.iter().find(|(slot, _)| *slot == number).map(|(_, pictures)| *pictures)
    }

    /// `user` of `user@server`.
    pub fn user(&self) -> &'static str {
        self.handle.split('@').next().unwrap_or_default()
    }

    /// `server` of `user@server`.
    pub fn server(&self) -> &'static str {
        self.handle.split('@').nth(1).unwrap_or_default()
    }

    /// The stable id of a post, as the network has it.
    pub fn post_id(&self, number: usize) -> String {
        match self.network {
            OpenNetwork::Bluesky => {
                format!("at://{}/app.bsky.feed.post/{}", self.native, record_key(self.moment(number)))
            }
            OpenNetwork::Mastodon => {
                let (server, id) = (self.server(), self.status_id(number));
                format!("https://{server}/users/{}/statuses/{id}", self.native)
            }
            OpenNetwork::Misskey => format!("https://{}/notes/{}", self.server(), self.note_id(number)),
        }
    }

    /// The post of a record's key on Bluesky.
    pub fn number_of_record(&self, key: &str) -> Option<usize> {
        let since_first = record_time(key)?.since(self.moment(0));
        let number = since_first.as_secs().checked_div(self.every_hours * 3600)?;
        let number = usize::try_from(number).ok().filter(|number| self.has(*number))?;
        (record_key(self.moment(number)) == key).then_some(number)
    }

    /// The number of a post on its server.
    pub fn status_id(&self, number: usize) -> String {
        mastodon_id(self.moment(number), number)
    }

    /// The id of a note on its server.
    pub fn note_id(&self, number: usize) -> String {
        misskey_id(self.moment(number), number)
    }
}

/// Everything, with the look-ups that the sites need.
#[derive(Debug, Default)]
pub struct Facts {
    pub accounts: Vec<Account>,
    /// Newest first.
    pub posts: Vec<Post>,
    pub media: Vec<Media>,
    pub works: Vec<Work>,
    pub members: Vec<Member>,
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

    /// On Bluesky, Mastodon or Misskey, by handle.
    pub fn open_account(&self, handle: &str) -> Option<&OpenAccount> {
        self.open_accounts.iter().find(|account| account.handle == handle)
    }

    pub fn media_by_name(&self, name: &str) -> Option<&Media> {
        self.media_by_name.get(name).map(|index| &self.media[*index])
    }

    pub fn work(&self, gallery: Gallery, id: &str) -> Option<&Work> {
        let id = id.parse::<u64>().ok()?;
        self.works.iter().find(|work| work.gallery == gallery && work.id == id)
    }

    /// Of a file that is named by the digest of its work.
    pub fn work_by_digest(&self, gallery: Gallery, name: &str) -> Option<&Work> {
        self.works.iter().find(|work| work.gallery == gallery && digest(work.id) == name)
    }

    /// By name, whatever its case.
    pub fn member(&self, gallery: Gallery, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.gallery == gallery && member.name.eq_ignore_ascii_case(name))
    }

    pub fn member_of(&self, work: &Work) -> Option<&Member> {
        self.member(work.gallery, work.artist)
    }

    /// By name, whatever its case.
    pub fn page(&self, hub: Hub, name: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.hub == hub && page.name.eq_ignore_ascii_case(name))
    }

    /// Media items that an account has posted, its own alone.
    pub fn media_count(&self, author: usize) -> usize {
        self.posts_of(author).map(|post| post.media.len()).sum()
    }

    /// Posts of one account, newest first.
    pub fn posts_of(&self, author: usize) -> impl Iterator<Item = &Post> {
        self.posts.iter().filter(move |post| post.author == author)
    }
}
