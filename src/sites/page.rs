//! What is known of a page: from its address alone, and from what stands on it.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::address::Address;
use super::error::{Fault, SiteError};
use super::html::absolute;
use crate::base::Timestamp;
use crate::base::ids::PostKey;
use crate::domain::accounts::AccountRef;
use crate::domain::images::ImageSource;

/// What stands at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The page of one artwork.
    Artwork,
    /// An artist's page on an artwork site.
    Profile,
    /// A page whose purpose is to list someone's links.
    LinkPage,
    /// An account on a network on which artists publish.
    Account,
    /// A post of such an account.
    Post,
    /// An image file.
    Image,
    /// A short link whose target only its host knows.
    Redirect,
    /// Another page of a known site: a search, a tag, a front page.
    Other,
    /// A site that this program does not know.
    Unsupported,
    /// The text is no URL.
    NotAnUrl,
}

/// What `identify` learned from the text alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identified {
    /// The site's public name: `derpibooru`, where its file is `philomena`.
    pub site: Option<&'static str>,
    pub kind: Kind,
    /// The id or name as the URL gives it: of the artwork, of the profile, of the post.
    pub id: Option<String>,
    /// Which image of a work with several, counted from 1, where the URL points at one.
    pub page: Option<u32>,
    /// The one form that all URLs of this page are brought to. `None` only if the text is no URL.
    pub url: Option<String>,
    /// The account that the URL names: of an account, or the author of a post.
    #[serde(serialize_with = "account_as_text")]
    pub account: Option<AccountRef>,
    /// The page of the artist that the address itself names: of an image file, or of a work on a site where
    /// nobody shows works of others.
    pub artist: Option<String>,
    /// The post that stands there, as its address names it: one of Bluesky perhaps by its author's handle
    /// (`at://handle/app.bsky.feed.post/key`), one of the Fediverse by its page.
    #[serde(skip)]
    pub post: Option<PostKey>,
}

fn account_as_text<S: Serializer>(account: &Option<AccountRef>, serializer: S) -> Result<S::Ok, S::Error> {
    match account {
        Some(account) => serializer.collect_str(account),
        None => serializer.serialize_none(),
    }
}

impl Identified {
    /// What is of no known site.
    pub(crate) fn nothing(kind: Kind) -> Identified {
        Identified {
            site: None,
            kind,
            id: None,
            page: None,
            url: None,
            account: None,
            artist: None,
            post: None,
        }
    }

    pub(crate) fn new(site: &'static str, kind: Kind, url: impl Into<String>) -> Identified {
        Identified { site: Some(site), url: Some(url.into()), ..Identified::nothing(kind) }
    }

    /// Another page of a known site, at its own address.
    pub(crate) fn other(site: &'static str, address: &Address) -> Identified {
        Identified::new(site, Kind::Other, address.url().as_str())
    }

    /// An image file of a known site, at its own address.
    pub(crate) fn image(site: &'static str, address: &Address) -> Identified {
        Identified::new(site, Kind::Image, address.url().as_str())
    }

    /// The page of one work.
    pub(crate) fn work(site: &'static str, id: impl Into<String>, url: impl Into<String>) -> Identified {
        Identified::new(site, Kind::Artwork, url).id(id)
    }

    /// An artist's page on an artwork site.
    pub(crate) fn profile(site: &'static str, id: impl Into<String>, url: impl Into<String>) -> Identified {
        Identified::new(site, Kind::Profile, url).id(id)
    }

    pub(crate) fn id(mut self, id: impl Into<String>) -> Identified {
        self.id = Some(id.into());
        self
    }

    pub(crate) fn page(mut self, page: Option<u32>) -> Identified {
        self.page = page;
        self
    }

    pub(crate) fn account(mut self, account: AccountRef) -> Identified {
        self.account = Some(account);
        self
    }

    pub(crate) fn artist(mut self, url: impl Into<String>) -> Identified {
        self.artist = Some(url.into());
        self
    }

    pub(crate) fn post(mut self, post: PostKey) -> Identified {
        self.post = Some(post);
        self
    }

    /// The normalised URL; empty where the text was no URL, which no reader is ever given.
    pub fn address(&self) -> &str {
        self.url.as_deref().unwrap_or_default()
    }

    /// What tells two questions apart: the normalised URL, and the position where it is not the first.
    pub fn key(&self) -> String {
        match self.page {
            Some(page) if page > 1 => format!("{}#{page}", self.address()),
            _ => self.address().to_owned(),
        }
    }

    /// The id; empty where the URL names none.
    pub fn id_text(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

/// What an artwork's page tells.
#[derive(Clone, Debug)]
pub struct Artwork {
    /// Best quality first, then lighter ones, never empty; or why no picture can be had, while the page
    /// still tells who the artist is.
    pub images: Result<Vec<ImageSource>, SiteError>,
    /// When the artist published it; on a booru when it was uploaded there, which is never earlier. As the
    /// page says: see `published_by`.
    pub published: Option<Timestamp>,
    pub leads: Vec<Lead>,
    /// Parts of the page that could not be read, while the artwork itself could: an account may have been
    /// missed.
    pub problems: Vec<SiteError>,
    /// What is wrong with the picture, although one can be had. Hides no account.
    pub picture_problem: Option<SiteError>,
}

impl Artwork {
    /// When it was published, read at `now`. A date that cannot be true is none: from before there were sites
    /// of artworks, or later than now by more than clocks and days without a zone account for.
    pub fn published_by(&self, now: Timestamp) -> Option<Timestamp> {
        self.published.filter(|date| (FIRST_DATE..=now.plus(AHEAD)).contains(date))
    }
}

/// 2000-01-01: DeviantArt, the oldest of the sites, opened in that year.
const FIRST_DATE: Timestamp = Timestamp(946_684_800_000);
/// How far ahead a date may lie.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// An artwork as a parser finds it, which does not know the page's address.
#[derive(Default)]
pub(crate) struct Found {
    pub images: Images,
    /// Why there are no images, where there are none.
    pub without: Option<Fault>,
    pub published: Option<Timestamp>,
    pub leads: Vec<Lead>,
}

impl Found {
    /// By whom the site says that it is; `None` where the work is nobody's.
    pub(crate) fn by(artist: impl Into<Option<String>>) -> Found {
        let leads = artist.into().map(|url| Lead::new(url, Place::Artist));
        Found { leads: leads.into_iter().collect(), ..Found::default() }
    }

    /// Adds links that all stand in one place.
    pub(crate) fn links<U: AsRef<str>>(&mut self, urls: impl IntoIterator<Item = U>, place: Place) {
        urls.into_iter().for_each(|url| Lead::add(&mut self.leads, url, place));
    }

    /// What was found, of the page that was asked for.
    pub(crate) fn on(found: Result<Found, Fault>, page: &Identified) -> Result<Artwork, SiteError> {
        let on = |fault: Fault| fault.on(page.address());
        let Found { images, without, published, leads } = found.map_err(on)?;
        let images = images.or_else(|| on(without.unwrap_or(Fault::NoPicture("there is none"))));
        Ok(Artwork { images, published, leads, problems: Vec::new(), picture_problem: None })
    }
}

/// What any page tells: an artwork's, or one with links.
#[derive(Clone, Debug)]
pub struct PageRead {
    /// Of an artwork's page, as in `Artwork`.
    pub images: Option<Result<Vec<ImageSource>, SiteError>>,
    pub published: Option<Timestamp>,
    pub leads: Vec<Lead>,
    pub problems: Vec<SiteError>,
}

impl From<Artwork> for PageRead {
    fn from(artwork: Artwork) -> PageRead {
        let Artwork { images, published, leads, mut problems, picture_problem } = artwork;
        problems.extend(picture_problem);
        PageRead { images: Some(images), published, leads, problems }
    }
}

impl From<Vec<Lead>> for PageRead {
    fn from(leads: Vec<Lead>) -> PageRead {
        PageRead { images: None, published: None, leads, problems: Vec::new() }
    }
}

/// Collects the addresses of one picture, best first, each once.
#[derive(Default)]
pub(crate) struct Images(Vec<ImageSource>);

impl Images {
    /// Addresses as they stand in an answer: those of a page at `base`, if they are not whole.
    pub(crate) fn add_all<'a>(&mut self, base: &Url, files: impl IntoIterator<Item = &'a str>) {
        let files = files.into_iter().filter(|file| !file.trim().is_empty());
        for file in files.filter_map(|file| absolute(file, base)) {
            self.add(ImageSource::plain(file));
        }
    }

    pub(crate) fn add(&mut self, image: ImageSource) {
        if !self.0.iter().any(|have| have.url == image.url) {
            self.0.push(image);
        }
    }

    /// Moves those of which `is_last` holds behind the others.
    pub(crate) fn put_last(&mut self, is_last: impl Fn(&ImageSource) -> bool) {
        self.0.sort_by_key(is_last);
    }

    /// True if there are some, and `holds` of each.
    pub(crate) fn are_all(&self, holds: impl Fn(&ImageSource) -> bool) -> bool {
        !self.0.is_empty() && self.0.iter().all(holds)
    }

    /// The addresses, or `why` there are none.
    pub(crate) fn or_else(self, why: impl FnOnce() -> SiteError) -> Result<Vec<ImageSource>, SiteError> {
        if self.0.is_empty() { Err(why()) } else { Ok(self.0) }
    }
}

/// A link that may lead to the artist, with where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    /// As found, or as the reader built it; not yet identified.
    pub url: String,
    pub place: Place,
}

/// Links that are taken of one page. The longest lists of real ones have some hundred.
pub const MAX_LEADS: usize = 1000;

impl Lead {
    pub fn new(url: impl Into<String>, place: Place) -> Lead {
        Lead { url: url.into(), place }
    }

    /// Adds a link to those of a page, unless it is there already or they are too many.
    pub(crate) fn add(leads: &mut Vec<Lead>, url: impl AsRef<str>, place: Place) {
        let url = url.as_ref();
        if leads.len() < MAX_LEADS && !leads.iter().any(|lead| lead.url == url) {
            leads.push(Lead::new(url, place));
        }
    }
}

/// Where a link stands, which decides how far it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The site itself says that this is the artist's page.
    Artist,
    /// An account that the site has verified, or an id that it vouches for.
    Verified,
    /// A field for links on the artist's own profile.
    ProfileField,
    /// An entry that a booru's curators keep about the artist.
    Curated,
    /// The free text of a profile, or a link page.
    ProfileText,
    /// The description of one artwork.
    WorkText,
    /// The source that a repost names.
    Source,
    /// The text that stands beside a repost: whoever wrote it, it may name the post that the copy was taken
    /// from. Nothing else of it counts.
    CopyText,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_that_cannot_be_true_is_none() {
        let check = |date: &str, is_kept: bool| {
            let now = Timestamp::parse_rfc3339("2024-06-15T12:00:00Z").unwrap();
            let published = Timestamp::parse_rfc3339(date);
            assert!(published.is_some(), "{date}");
            let artwork = Artwork {
                images: Ok(Vec::new()),
                published,
                leads: Vec::new(),
                problems: Vec::new(),
                picture_problem: None,
            };
            assert_eq!(artwork.published_by(now), published.filter(|_| is_kept), "{date}");
        };
        check("2024-06-15T12:00:00Z", true);
        // A clock that is ahead, and one that is wrong.
        check("2024-06-16T12:00:00Z", true);
        check("2024-06-16T12:00:01Z", false);
        check("9999-12-30T00:00:00Z", false);
        check("2000-08-07T00:00:00Z", true);
        check("2000-01-01T00:00:00+01:00", false);
        check("1970-01-01T00:00:00Z", false);
        check("-000044-03-15T00:00:00Z", false);
    }
}
