//! The artwork sites beside DeviantArt and Danbooru: one file per site, and the table of what is on them.
//! Each file is a pure function from a request to an answer, in the shapes of sections 4 to 11 of the
//! site contracts, and refuses what the real site refuses.

mod artstation;
mod carrd;
pub(super) mod danbooru;
pub(super) mod deviantart;
mod e621;
mod fanbox;
mod furaffinity;
mod gelbooru;
mod inkbunny;
mod kofi;
pub(super) mod linktree;
mod litlink;
mod patreon;
mod philomena;
mod pixiv;
mod potofu;
mod redirect;
mod skeb;
pub(super) mod tumblr;

use std::time::Duration;

use super::Site;
use super::facts::Facts;
use super::images::Images;
use super::picture::Picture;
use crate::base::Timestamp;
use crate::demo::world::exchange::Answer;

/// Every site of this folder.
pub const SITES: &[Site] = &[
    pixiv::SITE,
    philomena::DERPIBOORU,
    philomena::FURBOORU,
    e621::SITE,
    artstation::SITE,
    furaffinity::SITE,
    inkbunny::SITE,
    gelbooru::SITE,
    carrd::SITE,
    kofi::SITE,
    patreon::SITE,
    potofu::SITE,
    litlink::SITE,
    fanbox::SITE,
    skeb::SITE,
    tumblr::SITE,
    redirect::SITE,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gallery {
    Pixiv,
    Derpibooru,
    Furbooru,
    E621,
    Artstation,
    Furaffinity,
    Inkbunny,
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
}

impl Work {
    /// Of its only or first picture; `None` for a merged work, whose file is gone.
    fn picture(&self) -> Option<Picture> {
        self.pictures.first().copied()
    }

    /// Of its first picture, in pixels.
    fn size(&self) -> (u32, u32) {
        self.picture().map_or((1, 1), Picture::size)
    }

    fn extension(&self) -> &'static str {
        self.picture().map_or("jpg", extension)
    }
}

/// An artist's page, tag or entry on one of them.
#[derive(Clone, Debug)]
pub struct Member {
    pub gallery: Gallery,
    pub id: u64,
    pub name: &'static str,
    pub links: &'static [&'static str],
}

impl Facts {
    fn work(&self, gallery: Gallery, id: &str) -> Option<&Work> {
        let id = id.parse::<u64>().ok()?;
        self.works.iter().find(|work| work.gallery == gallery && work.id == id)
    }

    fn member(&self, gallery: Gallery, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.gallery == gallery && member.name.eq_ignore_ascii_case(name))
    }

    fn member_of(&self, work: &Work) -> Option<&Member> {
        self.member(work.gallery, work.artist)
    }
}

fn extension(picture: Picture) -> &'static str {
    match picture {
        Picture::Art(id, _) => id.art().extension(),
        Picture::Drawn(_) => "jpg",
    }
}

/// A file of a work: as uploaded, or a JPEG whose longest side is at most `longest` pixels.
fn file(images: &Images, picture: Option<Picture>, longest: Option<u32>) -> Answer {
    let Some(picture) = picture else { return Answer::text(404, "not found") };
    match longest {
        None => images.original(picture),
        Some(longest) => {
            let (width, height) = picture.size();
            let largest = width.max(height).max(longest);
            images.version(picture, width * longest / largest, height * longest / largest)
        }
    }
}

/// `2024/05/01/12/34/56`, some hours later than UTC.
fn date_path(moment: Timestamp, hours_ahead: u64) -> String {
    let local = moment.plus(Duration::from_secs(hours_ahead * 3600)).to_rfc3339();
    local.chars().take(19).map(|c| if c.is_ascii_digit() { c } else { '/' }).collect()
}
