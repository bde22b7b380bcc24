//! Step 3: from an image to the stored images that resemble it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use url::Url;

use super::worker::{Lease, StageError, StageWorker, unexpected_answer, unexpected_work};
use crate::base::Reaction;
use crate::base::ids::{AccountKey, AccountNo, ImageId};
use crate::fetch::{Fetch, FetchError, Request};
use crate::fingerprint::{self, DecodeError, Limits, QueryImage as Variants, VariantKind};
use crate::index::HammingIndex;
use crate::index::shared::Reader;
use crate::proto::data::{
    FoundImage, ImageSource, QueryImage, SearchFound, SearchScope, StageOutput, Variant, Work,
};
use crate::proto::failure::FailureCode;
use crate::proto::stage::{Answer, Question};

/// Image numbers that one question to the database may hold.
const IMAGES_PER_QUESTION: usize = 200;

/// Searches the index in shared memory; asks the database only for what it found.
pub struct ReverseSearch {
    pub fetch: Arc<dyn Fetch>,
    pub index: Reader,
    /// Bits.
    pub max_distance: u32,
    pub max_results: usize,
    pub max_image_bytes: u64,
    /// The database's numbers of accounts never change, so they are asked for once.
    pub numbers: HashMap<AccountKey, AccountNo>,
}

/// Numbers of accounts that are remembered; then all are forgotten.
const MAX_NUMBERS: usize = 100_000;

impl StageWorker for ReverseSearch {
    fn run(&mut self, work: Work, lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let Work::SearchImage { image, scope, .. } = work else {
            return Err(unexpected_work(&work));
        };
        let variants = match image {
            QueryImage::Urls(sources) => self.fetch_first(&sources, lease)?,
            QueryImage::Attached { .. } => {
                let Some(bytes) = &lease.blob else {
                    return Err(StageError::failed(
                        FailureCode::ProcessingError,
                        "the image did not arrive with its search",
                    ));
                };
                fingerprint::query_variants(bytes, &Limits::default()).map_err(|error| match error {
                    DecodeError::TooLarge { .. } => {
                        StageError::failed(FailureCode::QueryImageTooBig, error.to_string())
                    }
                    _ => StageError::failed(FailureCode::CannotGetImage, error.to_string()),
                })?
            }
        };
        if variants.low_quality {
            return Ok(StageOutput::Found(SearchFound { images: vec![], cut: false, low_quality: true }));
        }
        let accounts = match scope {
            SearchScope::Everything => None,
            SearchScope::Accounts(keys) => Some(self.numbers_of(&keys, lease)?),
        };
        let (nearest, cut) =
            lease.measure("reverse search: index", || self.search(&variants, accounts.as_deref()));
        let images = lease.measure("reverse search: database", || describe(&nearest, lease))?;
        Ok(StageOutput::Found(SearchFound { images, cut, low_quality: false }))
    }
}

impl ReverseSearch {
    /// Fetches the first source that can be fetched and read: the best one unless it is too big or broken.
    fn fetch_first(&self, sources: &[ImageSource], lease: &Lease<'_>) -> Result<Variants, StageError> {
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
                    let read = lease.measure("reverse search: fingerprint", || {
                        fingerprint::query_variants(&response.body, &limits)
                    });
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

    fn numbers_of(&mut self, keys: &[AccountKey], lease: &Lease<'_>) -> Result<Vec<AccountNo>, StageError> {
        let unknown: Vec<_> = keys.iter().filter(|key| !self.numbers.contains_key(key)).cloned().collect();
        if !unknown.is_empty() {
            match lease.ask(Question::AccountNumbers(unknown))? {
                Answer::AccountNumbers(numbers) => {
                    if self.numbers.len() > MAX_NUMBERS {
                        self.numbers.clear();
                    }
                    self.numbers.extend(numbers);
                }
                answer => return Err(unexpected_answer(&answer)),
            }
        }
        Ok(keys.iter().filter_map(|key| self.numbers.get(key)).copied().collect())
    }

    /// The nearest images over all variants, each once with its best distance; nearest first.
    fn search(
        &self,
        variants: &Variants,
        accounts: Option<&[AccountNo]>,
    ) -> (Vec<(ImageId, u32, Variant)>, bool) {
        let mut best: BTreeMap<ImageId, (u32, Variant)> = BTreeMap::new();
        let mut cut = false;
        for (kind, fingerprint) in &variants.variants {
            let answer = match accounts {
                None => self.index.within(*fingerprint, self.max_distance, self.max_results),
                Some(accounts) => {
                    self.index.within_accounts(*fingerprint, accounts, self.max_distance, self.max_results)
                }
            };
            cut |= answer.cut;
            for neighbor in answer.neighbors {
                let found = (neighbor.distance, variant(*kind));
                let entry = best.entry(neighbor.image).or_insert(found);
                *entry = (*entry).min(found);
            }
        }
        let mut nearest: Vec<_> =
            best.into_iter().map(|(image, (distance, variant))| (image, distance, variant)).collect();
        nearest.sort_by_key(|(image, distance, _)| (*distance, *image));
        cut |= nearest.len() > self.max_results;
        nearest.truncate(self.max_results);
        (nearest, cut)
    }
}

fn variant(kind: VariantKind) -> Variant {
    match kind {
        VariantKind::AsIs => Variant::AsIs,
        VariantKind::OnWhite => Variant::OnWhite,
        VariantKind::OnBlack => Variant::OnBlack,
        VariantKind::Trimmed => Variant::Trimmed,
    }
}

/// Asks the database for the posts of the found images.
fn describe(nearest: &[(ImageId, u32, Variant)], lease: &Lease<'_>) -> Result<Vec<FoundImage>, StageError> {
    let mut found = Vec::with_capacity(nearest.len());
    for part in nearest.chunks(IMAGES_PER_QUESTION) {
        let ids = part.iter().map(|(image, _, _)| *image).collect();
        let records = match lease.ask(Question::Images(ids))? {
            Answer::Images(records) => records,
            answer => return Err(unexpected_answer(&answer)),
        };
        let records: HashMap<_, _> = records.into_iter().map(|record| (record.image, record)).collect();
        for (image, distance, variant) in part {
            let Some(record) = records.get(image).cloned() else { continue };
            found.push(FoundImage {
                image: *image,
                post: record.post,
                account: record.account,
                position: record.position,
                count: record.count,
                name: record.name,
                published: record.published,
                distance: *distance,
                variant: *variant,
            });
        }
    }
    Ok(found)
}
