//! Step 3: from an image to the stored images that resemble it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aotf_parts::Furniture;
use url::Url;

use super::decoding::DecodeSlots;
use super::stored_images::{Candidate, describe, each_fingerprint};
use super::worker::{Lease, StageError, StageWorker, unexpected_answer, unexpected_work, verdicts_of};
use super::{part_search, second_stage};
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AccountNo, FormId, ImageId, PostKey};
use crate::base::{Fingerprint, Reaction, counted};
use crate::config;
use crate::domain::failure::FailureCode;
use crate::domain::images::{
    AnsweredPage, FoundImage, FoundPage, ImageSource, MatchClass, QueryImage, SearchScope, Variant,
};
use crate::domain::parts::{Parts, PartsState};
use crate::domain::verdicts::{Claim, Verdict};
use crate::fetch::{Fetch, FetchError, Request};
use crate::fingerprint::parts::{self, QueryParts};
use crate::fingerprint::{self, DecodeError, Limits, QueryImage as Variants};
use crate::index::codes::candidates;
use crate::index::flat::FlatIndex;
use crate::index::shared::{Reader, Status};
use crate::index::{Entry, HammingIndex};
use crate::links;
use crate::proto::stage::{Answer, Question};
use crate::proto::work::{SearchFound, StageOutput, Work};

/// Images shown beside the results at most: a look at more tells nobody anything.
const MAX_SIMILAR: usize = 50;

/// Images farther than results that are looked at more closely: over the whole database, most of them are
/// strangers'.
const MAX_LOOKED_AT: usize = 200;

/// Images of the whole database that are looked at more closely since they share codes with the query image.
const MAX_BY_CODES: usize = 200;

/// Images that are shown by people's word at most: the few that a page may have said of it.
const MAX_SAID: usize = 24;

/// Searches the index in shared memory; asks the database only for what it found.
pub struct ReverseSearch {
    pub fetch: Arc<dyn Fetch>,
    pub decoding: DecodeSlots,
    pub index: Reader,
    /// Of the codes of local features, where there is to be one.
    pub codes: Option<Reader>,
    pub search: config::Search,
    pub max_image_bytes: u64,
    pub fetched: Fetched,
    pub furniture: KnownFurniture,
}

/// The features that many accounts have in common, as a worker knew them last. Shared by a process's workers.
#[derive(Clone, Default)]
pub struct KnownFurniture(Arc<Mutex<Option<AskedFurniture>>>);

#[derive(Clone)]
struct AskedFurniture {
    at: Monotonic,
    furniture: Arc<Furniture>,
}

/// They change once a week.
const FURNITURE_KNOWN_FOR: Duration = Duration::from_secs(600);

impl KnownFurniture {
    /// From the database, unless it was asked lately. None are known of one that has few accounts.
    fn get(&self, lease: &Lease<'_>) -> Result<Arc<Furniture>, StageError> {
        let now = Monotonic::now();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(AskedFurniture { at, furniture }) = known
            && now.since(at) < FURNITURE_KNOWN_FOR
        {
            return Ok(furniture);
        }
        let furniture = match lease.ask(Question::Furniture)? {
            Answer::Furniture(kept) => kept.and_then(|(_, bytes)| Furniture::from_bytes(&bytes)),
            answer => return Err(unexpected_answer(&answer)),
        };
        let furniture = Arc::new(furniture.unwrap_or_default());
        let asked = AskedFurniture { at: now, furniture: Arc::clone(&furniture) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
        Ok(furniture)
    }
}

/// What images of the last minutes look like, shared by a process's workers: while accounts are indexed for a
/// query, its image is searched again and again.
#[derive(Clone, Default)]
pub struct Fetched(Arc<Mutex<VecDeque<FetchedImage>>>);

struct FetchedImage {
    sources: Vec<ImageSource>,
    turned: bool,
    variants: Variants,
    at: Monotonic,
}

/// Images that are remembered: their pictures make them 320 KB each at most, so 20 MB all.
const MAX_FETCHED: usize = 64;
/// An image at an address may be replaced.
const FETCHED_FOR: Duration = Duration::from_secs(600);

impl Fetched {
    fn find(&self, sources: &[ImageSource], turned: bool) -> Option<Variants> {
        let now = Monotonic::now();
        let images = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |image: &&FetchedImage| {
            image.turned == turned && image.sources == sources && now.since(image.at) < FETCHED_FOR
        };
        images.iter().find(is_it).map(|image| image.variants.clone())
    }

    fn keep(&self, sources: Vec<ImageSource>, turned: bool, variants: Variants) {
        let mut images = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        images.retain(|image| image.sources != sources || image.turned != turned);
        images.push_back(FetchedImage { sources, turned, variants, at: Monotonic::now() });
        if images.len() > MAX_FETCHED {
            images.pop_front();
        }
    }
}

impl StageWorker for ReverseSearch {
    fn run(&mut self, work: Work, lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let Work::SearchImage { image, scope, of_page, turned, pages, parts_in, .. } = work else {
            return Err(unexpected_work(&work));
        };
        // At each search anew: what people say while a query runs counts from its next search on.
        let verdicts = match (&scope, pages.is_empty()) {
            (SearchScope::Accounts(keys), false) => verdicts_of(pages, keys.clone(), lease)?,
            _ => Vec::new(),
        };
        let read = if turned { fingerprint::query_variants_turned } else { fingerprint::query_variants };
        if let (QueryImage::Urls(sources), false) = (&image, of_page)
            && let [source] = sources.as_slice()
            && let Some((post, position)) = links::post_at(&source.url)
        {
            return Ok(StageOutput::NamesPost { post, position });
        }
        let variants = match image {
            QueryImage::Urls(sources) => match self.fetched.find(&sources, turned) {
                Some(variants) => variants,
                None => {
                    let variants = self.fetch_first(&sources, read, lease)?;
                    self.fetched.keep(sources, turned, variants.clone());
                    variants
                }
            },
            QueryImage::Attached { .. } => {
                let Some(bytes) = &lease.blob else {
                    return Err(StageError::failed(
                        FailureCode::ProcessingError,
                        "the image did not arrive with its search",
                    ));
                };
                let read = self.decoding.during(|| read(bytes, &Limits::default()));
                read.map_err(|error| match error {
                    DecodeError::TooLarge { .. } => {
                        StageError::failed(FailureCode::QueryImageTooBig, error.to_string())
                    }
                    _ => StageError::failed(FailureCode::CannotGetImage, error.to_string()),
                })?
            }
        };
        if variants.low_quality {
            return Ok(StageOutput::Found(SearchFound::low_quality(verdicts)));
        }
        let artwork_pages = match of_page || !self.search.remember_pages {
            true => Vec::new(),
            false => lease.measure("reverse search: pages", || self.pages_like(&variants, lease))?,
        };
        let (accounts, radius) = match scope {
            SearchScope::Everything => (None, self.search.candidate_distance_everything),
            SearchScope::Accounts(keys) => {
                (Some(self.numbers_of(&keys, lease)?), self.search.candidate_distance_accounts)
            }
        };
        let radius = radius.max(self.search.max_distance);
        let (mut nearest, cut) = match (self.index.status(), &accounts) {
            (Status::Complete, _) => lease
                .measure("reverse search: index", || self.nearest(&variants, accounts.as_deref(), radius)),
            (Status::Missing | Status::Filling, Some(accounts)) => {
                let flat = lease.measure("reverse search: accounts from the database", || {
                    read_accounts(accounts, lease)
                })?;
                nearest(&flat, &self.search, &variants, None, radius)
            }
            (Status::Missing | Status::Filling, None) => {
                return Err(StageError::soon("the fingerprint index is being made anew"));
            }
        };
        let mut farther = nearest.split_off(nearest.partition_point(|near| self.is_result(near)));
        farther.truncate(if accounts.is_some() { MAX_SIMILAR } else { MAX_LOOKED_AT });
        nearest.extend(farther);
        let ask = |question| lease.ask(question);
        let mut images = lease.measure("reverse search: database", || describe(&nearest, &variants, &ask))?;
        let (by_parts, parts) = lease
            .measure("reverse search: parts", || self.by_parts(parts_in, &variants, &mut images, lease))?;
        if accounts.is_none() {
            second_stage::drop_strangers(&mut images, self.search.max_distance, MAX_SIMILAR);
        }
        let picture = of_page.then(|| Box::new(variants.facts.clone()));
        let mut found = second_stage::answer(images, by_parts, self.search.max_distance, cut);
        let said = self.said_same(&verdicts, &variants, lease)?;
        let is_new = |image: &FoundImage| {
            found.images.iter().chain(&found.similar).all(|known| known.image != image.image)
        };
        let missed: Vec<FoundImage> = said.into_iter().filter(is_new).collect();
        found.similar.extend(missed);
        Ok(StageOutput::Found(SearchFound { picture, artwork_pages, verdicts, parts, ..found }))
    }
}

impl ReverseSearch {
    /// Fetches the first source that can be fetched and read: the best one unless it is too big or broken.
    fn fetch_first(
        &self,
        sources: &[ImageSource],
        read: fn(&[u8], &Limits) -> Result<Variants, DecodeError>,
        lease: &Lease<'_>,
    ) -> Result<Variants, StageError> {
        let mut too_big = false;
        let mut last = StageError::failed(FailureCode::ErrorDuringReverseSearch, "the page names no image");
        for source in sources {
            let Ok(url) = Url::parse(&source.url) else { continue };
            let mut request = Request::get(url).max_bytes(self.max_image_bytes);
            if let Some(referer) = &source.referer {
                request = request.header("referer", referer.clone());
            }
            let response = lease.measure("reverse search: download", || self.fetch.fetch(request));
            let why = match response {
                Ok(response) if response.is_success() => {
                    let limits = Limits::default();
                    let read = || self.decoding.during(|| read(&response.body, &limits));
                    let read = lease.measure("reverse search: fingerprint", read);
                    match read {
                        Ok(variants) => return Ok(variants),
                        Err(error) => {
                            too_big |= matches!(error, DecodeError::TooLarge { .. });
                            error.to_string()
                        }
                    }
                }
                Ok(response) => format!("status {}", response.status),
                Err(error) => {
                    too_big |= matches!(error, FetchError::TooBig { .. });
                    match error.reaction() {
                        Reaction::Stop => return Err(StageError::Left),
                        Reaction::Backoff | Reaction::WaitUntil(_) | Reaction::RetryAfter(_)
                            if sources.len() == 1 && lease.attempt == 1 =>
                        {
                            last = StageError::soon(error.to_string());
                            continue;
                        }
                        _ => error.to_string(),
                    }
                }
            };
            let code =
                if too_big { FailureCode::QueryImageTooBig } else { FailureCode::ErrorDuringReverseSearch };
            last = StageError::failed(code, format!("the image {} could not be read: {why}", source.url));
        }
        Err(last)
    }

    /// Asked for each time: an account that was forgotten, and came back, has another.
    fn numbers_of(&self, keys: &[AccountKey], lease: &Lease<'_>) -> Result<Vec<AccountNo>, StageError> {
        match lease.ask(Question::AccountNumbers(keys.to_vec()))? {
            Answer::AccountNumbers(numbers) => Ok(numbers.into_iter().map(|(_, number)| number).collect()),
            answer => Err(unexpected_answer(&answer)),
        }
    }

    /// Pages that were answered before, whose picture is this one or was made from it; likest first.
    fn pages_like(&self, variants: &Variants, lease: &Lease<'_>) -> Result<Vec<FoundPage>, StageError> {
        let fingerprints = variants.variants.iter().map(|(_, fingerprint)| *fingerprint).collect();
        let radius = self.search.candidate_distance_everything.max(self.search.max_distance);
        let pages = match lease.ask(Question::PagesLike { fingerprints, radius })? {
            Answer::Pages(pages) => pages,
            answer => return Err(unexpected_answer(&answer)),
        };
        let mut found: Vec<FoundPage> = pages
            .into_iter()
            .map(|AnsweredPage { url, fingerprint, detail, answered_at }| {
                let distances = variants.variants.iter().map(|(_, form)| form.distance(fingerprint));
                let distance = distances.min().unwrap_or(u32::MAX);
                let (class, _) = second_stage::judge(distance, variants, Some(detail));
                FoundPage { url, distance, class, answered_at }
            })
            // Among pages of all artists, what is alike at first sight only is a stranger's.
            .filter(|page| page.class != MatchClass::Similar)
            .collect();
        found.sort_by_key(|page| (page.class, page.distance));
        Ok(found)
    }

    /// The stored images of which people say that they are the same picture, however far they are.
    fn said_same(
        &self,
        verdicts: &[Verdict],
        variants: &Variants,
        lease: &Lease<'_>,
    ) -> Result<Vec<FoundImage>, StageError> {
        let said = |verdict: &Verdict| match &verdict.claim {
            Claim::Picture { post, image, is_same: true } => Some((post.clone(), *image)),
            _ => None,
        };
        let said: Vec<(PostKey, Option<u8>)> = verdicts.iter().filter_map(said).collect();
        if said.is_empty() {
            return Ok(Vec::new());
        }
        let posts = said.iter().map(|(post, _)| post.clone()).collect();
        let stored = match lease.ask(Question::PostImages(posts))? {
            Answer::PostImages(stored) => stored,
            answer => return Err(unexpected_answer(&answer)),
        };
        let mut flat = FlatIndex::new();
        let is_said = |post: &PostKey, position: u8| {
            said.iter().any(|(said, image)| said == post && image.is_none_or(|image| image == position))
        };
        let stored = stored.into_iter().filter(|(post, position, ..)| is_said(post, *position));
        for (_, _, image, fingerprint, trimmed) in stored.take(MAX_SAID) {
            // Whose it is matters to nobody here.
            let whole = Entry { image: FormId::whole(image), account: AccountNo(0), fingerprint };
            let inner =
                trimmed.map(|inner| Entry { image: FormId::trimmed(image), fingerprint: inner, ..whole });
            flat.extend(&[whole]);
            flat.extend(inner.as_slice());
        }
        let farthest = Fingerprint(0).distance(Fingerprint(u64::MAX));
        let (near, _) = nearest(&flat, &self.search, variants, None, farthest);
        describe(&near, variants, &|question| lease.ask(question))
    }

    /// What parts of images add: to `images`, which were found as wholes, and beside them. Then whether they
    /// were looked for.
    fn by_parts(
        &self,
        scope: Option<SearchScope>,
        variants: &Variants,
        images: &mut [FoundImage],
        lease: &Lease<'_>,
    ) -> Result<(Vec<FoundImage>, PartsState), StageError> {
        let Some(scope) = scope.filter(|_| self.search.parts) else {
            return Ok((Vec::new(), PartsState::Off));
        };
        let query = QueryParts::of(&variants.picture);
        if query.are_too_few() {
            return Ok((Vec::new(), PartsState::TooFew));
        }
        let query = query.without(&*self.furniture.get(lease)?);
        let ask = |question| lease.ask(question);
        let compare = |stored: &[Parts]| {
            // It takes a while each time: a lease that is gone ends it here.
            lease.doing(format!("look for parts in {}", counted(stored.len(), "image")))?;
            Ok(parts::search(&query, stored))
        };
        match scope {
            SearchScope::Accounts(keys) => {
                let accounts = self.numbers_of(&keys, lease)?;
                part_search::in_accounts(&accounts, variants, images, &ask, &compare)
            }
            SearchScope::Everything => {
                part_search::among_alike(images, self.search.max_distance, &ask, &compare)?;
                let Some(codes) = self.codes.as_ref().filter(|codes| codes.status() == Status::Complete)
                else {
                    return Ok((Vec::new(), PartsState::OnlyAlike));
                };
                let find = || candidates(codes, codes.len(), query.codes(), MAX_BY_CODES);
                let candidates = lease.measure("reverse search: index of codes", find);
                let compare = |stored: &[Parts]| Ok(parts::search_strictly(&query, stored));
                let found = part_search::in_everything(&candidates, variants, images, &ask, &compare)?;
                Ok((found, PartsState::Searched))
            }
        }
    }

    fn is_result(&self, candidate: &Candidate) -> bool {
        candidate.distance <= self.search.max_distance
    }

    fn nearest(
        &self,
        variants: &Variants,
        accounts: Option<&[AccountNo]>,
        radius: u32,
    ) -> (Vec<Candidate>, bool) {
        nearest(&self.index, &self.search, variants, accounts, radius)
    }
}

/// The fingerprints of these accounts, from the database: what is searched while the index does not hold
/// everything.
fn read_accounts(accounts: &[AccountNo], lease: &Lease<'_>) -> Result<FlatIndex, StageError> {
    let mut flat = FlatIndex::new();
    for &account in accounts {
        each_fingerprint(account, &|question| lease.ask(question), |found| {
            for &(image, fingerprint, trimmed) in found {
                let whole = Entry { image: FormId::whole(image), account, fingerprint };
                let inner =
                    trimmed.map(|inner| Entry { image: FormId::trimmed(image), fingerprint: inner, ..whole });
                flat.extend(&[whole]);
                flat.extend(inner.as_slice());
            }
        })?;
    }
    Ok(flat)
}

/// The nearest images over all variants, each once with its best distance; nearest first. Then
/// whether there were more results than these.
fn nearest(
    index: &dyn HammingIndex,
    search: &config::Search,
    variants: &Variants,
    accounts: Option<&[AccountNo]>,
    radius: u32,
) -> (Vec<Candidate>, bool) {
    let max_results = usize::try_from(search.max_results).unwrap_or(usize::MAX);
    let limit = max_results.saturating_add(MAX_LOOKED_AT);
    let mut best: BTreeMap<ImageId, Candidate> = BTreeMap::new();
    let mut cut = false;
    for (kind, fingerprint) in &variants.variants {
        let answer = match accounts {
            None => index.within(*fingerprint, radius, limit),
            Some(accounts) => index.within_accounts(*fingerprint, accounts, radius, limit),
        };
        let last = answer.neighbors.last();
        cut |= answer.cut && last.is_some_and(|last| last.distance <= search.max_distance);
        for neighbor in answer.neighbors {
            let form = neighbor.image;
            let found = Candidate {
                distance: neighbor.distance,
                is_framed: form.is_trimmed(),
                variant: if form.is_trimmed() { Variant::Trimmed } else { *kind },
                image: form.image(),
            };
            let entry = best.entry(found.image).or_insert(found);
            *entry = (*entry).min(found);
        }
    }
    let mut nearest: Vec<_> = best.into_values().collect();
    nearest.sort_by_key(|candidate| (candidate.distance, candidate.image));
    let n_results = nearest.partition_point(|candidate| candidate.distance <= search.max_distance);
    if n_results > max_results {
        cut = true;
        nearest.drain(max_results..n_results);
    }
    (nearest, cut)
}
