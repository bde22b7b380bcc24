//! What the file of a site offers to the room.

use super::address::Address;
use super::error::SiteError;
use super::page::{Artwork, Identified, Lead};
use super::web::Web;

/// Reads the page of an artwork that `identify` recognised.
pub type ReadArtwork = fn(&Identified, &Web) -> Result<Artwork, SiteError>;

/// Reads the links on a page that `identify` recognised.
pub type ReadLeads = fn(&Identified, &Web) -> Result<Vec<Lead>, SiteError>;

/// What a site's file offers.
pub struct Site {
    /// Stable name in traces, metrics and the configuration of cookies.
    pub name: &'static str,
    /// Recognises an address; `None` if it is not on a host of this site. Pure.
    pub identify: fn(&Address) -> Option<Identified>,
    /// Reads an artwork's page, where the site shows artworks.
    pub artwork: Option<ReadArtwork>,
    /// Reads the links on a profile or link page, where the site has such pages.
    pub leads: Option<ReadLeads>,
}
