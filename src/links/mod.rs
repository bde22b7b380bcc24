//! The way from an artwork's page to the accounts of its artist, and the posts that the page names.
//!
//! Owns: the bounded walk over the pages that `sites` reads, the rules of whom to believe, and the
//! reason chain of every account. Called by the stage `link_finder`, and by the command `links`.
//! Never reads a page itself, never asks a network whether an account exists, and never draws a
//! conclusion that outlives the query.
//!
//! `docs/link-finding.md` tells the rules in full.
#![expect(clippy::disallowed_methods, reason = "measures a walk")]

mod cache;
mod mutual;
mod official;
mod settings;
mod trace;
mod walk;

pub use cache::{CacheLimits, CachedFetch};
pub use settings::LinkSettings;
pub use trace::{Link, READ, Step, Trace, Verdict};

use crate::base::ids::PostKey;
use crate::base::{ErrorChain, Reaction, Timestamp};
use crate::domain::accounts::{LinksFound, NoImage};
use crate::domain::failure::FailureCode;
use crate::domain::pages::page_form;
use crate::fetch::Fetch;
use crate::sites::{self, Address, Kind, SiteError, Web};

/// Why there is no answer. That no account was found is an answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LinkError {
    #[error("{text:?} is not a URL")]
    NotAnUrl { text: String },
    #[error("{url} is on no supported website")]
    UnsupportedWebsite { url: String },
    #[error("{url} is a page of a supported website, but not of an artwork")]
    NotAnArtwork { url: String },
    /// The artwork's own page could not be read.
    #[error("could not read the page")]
    Artwork { source: SiteError },
    /// No account was found, and this page, which may name one, could not be read.
    #[error("no account was found, and not every page could be read")]
    Incomplete {
        source: SiteError,
        /// What was found all the same.
        partly: Box<LinksFound>,
    },
}

impl LinkError {
    /// The code that the API shows.
    pub fn failure_code(&self) -> FailureCode {
        match self {
            LinkError::NotAnUrl { .. } => FailureCode::NotAnUrl,
            LinkError::UnsupportedWebsite { .. } => FailureCode::UnsupportedWebsite,
            LinkError::NotAnArtwork { .. } => FailureCode::NotAnArtworkPage,
            LinkError::Artwork { source: SiteError::Gone { .. } | SiteError::NoPicture { .. } } => {
                FailureCode::NotAnArtworkPage
            }
            LinkError::Artwork { .. } | LinkError::Incomplete { .. } => FailureCode::ProcessingError,
        }
    }

    /// What the caller should do.
    pub fn reaction(&self) -> Reaction {
        match self {
            LinkError::NotAnUrl { .. }
            | LinkError::UnsupportedWebsite { .. }
            | LinkError::NotAnArtwork { .. } => Reaction::GiveUp,
            LinkError::Artwork { source } | LinkError::Incomplete { source, .. } => source.reaction(),
        }
    }

    /// The page's own outcome, where a page is to blame.
    pub fn page_error(&self) -> Option<&SiteError> {
        match self {
            LinkError::Artwork { source } | LinkError::Incomplete { source, .. } => Some(source),
            LinkError::NotAnUrl { .. }
            | LinkError::UnsupportedWebsite { .. }
            | LinkError::NotAnArtwork { .. } => None,
        }
    }
}

/// Finds the images, the date and the accounts of the artist for the artwork at `url`, and tells every step
/// of the walk: what was read, which links it had, what became of each.
///
/// Blocks for as long as the pages take, `settings.time_limit` and one request at most. That no account
/// was found is `Ok` with no candidates, but only when every page on the way could be read. Accounts of the
/// artist are also found where the picture itself is hidden; `no_image` says so then.
///
/// # Errors
/// See `LinkError`; `failure_code` and `reaction` say what to tell and what to do.
pub fn find_traced(
    url: &str,
    fetch: &dyn Fetch,
    settings: &LinkSettings,
) -> (Result<LinksFound, LinkError>, Trace) {
    let mut trace = Trace::default();
    let result = find_into(url, fetch, settings, &mut trace);
    for problem in &trace.problems {
        tracing::warn!(target: "aotf::links", artwork = url, problem, "page not read");
    }
    (result, trace)
}

fn find_into(
    url: &str,
    fetch: &dyn Fetch,
    settings: &LinkSettings,
    trace: &mut Trace,
) -> Result<LinksFound, LinkError> {
    let address = Address::parse(url).ok_or_else(|| LinkError::NotAnUrl { text: url.to_owned() })?;
    let (site, page) = sites::recognise(&address);
    let asked = url;
    let url = page.address().to_owned();
    let site = site.ok_or_else(|| LinkError::UnsupportedWebsite { url: url.clone() })?;
    let reader = match (page.kind, site.artwork) {
        (Kind::Artwork, Some(reader)) => reader,
        // A network, a link page, or a site whose works are recognised only.
        (_, None) => return Err(LinkError::UnsupportedWebsite { url }),
        (_, Some(_)) => return Err(LinkError::NotAnArtwork { url }),
    };
    let web = Web::new(fetch, &settings.credentials, settings.max_pages, settings.time_limit);
    let started = crate::base::clock::Monotonic::now();
    let noting = web.noting_claims(&page);
    let artwork = reader(&page, &noting);
    let claims = noting.into_claims();
    let elapsed = crate::base::clock::Monotonic::now().since(started);
    trace.steps.push(Step::start(&page, &artwork, elapsed));
    // Where cookies were sent and refused, that is why a login is asked for.
    let refusal = web.refused_cookies().into_iter().next();
    let because = |source: SiteError| match (&source, refusal) {
        (SiteError::LoginNeeded { .. }, Some(refusal)) => refusal,
        _ => source,
    };
    let (artwork, images) = match artwork {
        Ok(mut artwork) => match std::mem::replace(&mut artwork.images, Ok(Vec::new())) {
            Ok(images) => (artwork, Ok(images)),
            Err(source) if is_hidden(&source) => (artwork, Err(because(source))),
            Err(source) => return Err(LinkError::Artwork { source }),
        },
        Err(source) => {
            trace.problems.extend(web.take_refused_cookies().iter().map(told));
            return Err(LinkError::Artwork { source: because(source) });
        }
    };
    let published = artwork.published_by(Timestamp::now());
    let found = walk::walk(&page, artwork.leads, claims, artwork.problems, &web, settings, trace);
    trace.problems.extend(artwork.picture_problem.iter().map(told));
    let site = page.site.unwrap_or(site.name).to_owned();
    let artists_pages = artists_pages(asked, trace);
    let links_found = |images, no_image, found: walk::Found| LinksFound {
        page_url: url.clone(),
        site,
        images,
        no_image,
        published,
        candidates: found.candidates,
        named_posts: found.named_posts,
        elsewhere: found.elsewhere,
        left_out: found.left_out,
        pages: web.pages(),
        artists_pages,
        verdicts: Vec::new(),
    };
    let mut found = found;
    let (images, no_image) = match (images, found.worst_problem.take()) {
        (Ok(images), None) => (images, None),
        (Ok(images), Some(_)) if !found.candidates.is_empty() => (images, None),
        (Err(source), _) if !found.candidates.is_empty() => {
            (Vec::new(), Some(NoImage { code: FailureCode::ProcessingError, why: told(&source) }))
        }
        // What may pass is tried again.
        (Err(source), Some(problem)) if problem.reaction() == Reaction::GiveUp => {
            return Err(LinkError::Artwork { source });
        }
        (Err(source), None) => return Err(LinkError::Artwork { source }),
        (images, Some(source)) => {
            let why = |error| NoImage { code: FailureCode::ProcessingError, why: told(error) };
            let no_image = images.as_ref().err().map(why);
            let partly = links_found(images.unwrap_or_default(), no_image, found);
            return Err(LinkError::Incomplete { source, partly: Box::new(partly) });
        }
    };
    Ok(links_found(images, no_image, found))
}

/// Pages for which a person's word is looked for: an artist has no more.
const MAX_ARTISTS_PAGES: usize = 32;

/// The artwork's page, as it was asked for and as its site names it, and those of its artist that were read.
fn artists_pages(asked: &str, trace: &Trace) -> Vec<String> {
    let read = trace.steps.iter().filter(|step| step.is_artists).map(|step| step.url.as_str());
    let mut pages: Vec<String> = Vec::new();
    for page in std::iter::once(asked).chain(read).filter_map(page_form) {
        if !pages.contains(&page) && pages.len() < MAX_ARTISTS_PAGES {
            pages.push(page);
        }
    }
    pages
}

/// The post whose address this is, and the place of the image that it points at, from 1, where it does.
pub fn post_at(url: &str) -> Option<(PostKey, Option<u32>)> {
    let page = sites::identify(url);
    page.post.map(|post| (post, page.page))
}

/// A picture that stands on the page, or did, but is not shown to us: who made it is an answer all the same.
/// What shows no picture to anybody is not the page of an artwork.
fn is_hidden(error: &SiteError) -> bool {
    matches!(
        error,
        SiteError::LoginNeeded { .. } | SiteError::Blocked { .. } | SiteError::LayoutChanged { .. }
    )
}

fn told(error: &SiteError) -> String {
    ErrorChain(error).to_string()
}

/// Reads one page, an artwork's or one that leads to an artist, and answers how many links it has: the test
/// of whether a site can be read now.
///
/// # Errors
/// As `find`; a page without a reader is `UnsupportedWebsite`.
pub fn probe(url: &str, fetch: &dyn Fetch, settings: &LinkSettings) -> Result<usize, LinkError> {
    let address = Address::parse(url).ok_or_else(|| LinkError::NotAnUrl { text: url.to_owned() })?;
    let (site, page) = sites::recognise(&address);
    let web = Web::new(fetch, &settings.credentials, settings.max_pages, settings.time_limit);
    let unsupported = || LinkError::UnsupportedWebsite { url: page.address().to_owned() };
    let read = site.and_then(|site| sites::read_page(site, &page, &web)).ok_or_else(unsupported)?;
    let read = read.and_then(|read| read.images.transpose().map(|_| read.leads.len()));
    read.map_err(|source| LinkError::Artwork { source })
}

#[cfg(test)]
mod tests;
