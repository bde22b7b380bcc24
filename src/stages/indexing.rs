//! Step C: downloads the images of posts and computes their fingerprints.

use std::sync::Arc;

use url::Url;

use super::decoding::DecodeSlots;
use super::worker::{Lease, StageError, StageWorker, unexpected_work};
use crate::base::counted;
use crate::base::ids::Network;
use crate::domain::failure::FailureCode;
use crate::domain::images::{ImageSource, PictureSize};
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost, ListedImage};
use crate::fetch::{Fetch, FetchError, Request, Response};
use crate::fingerprint::decode::decode;
use crate::fingerprint::shrink::Shrink;
use crate::fingerprint::{self, Limits};
use crate::networks;
use crate::proto::MAX_MESSAGE_BYTES;
use crate::proto::work::{MAX_PICTURE_BYTES, StageOutput, Work};

/// A smaller picture shows nothing.
const SMALLEST_SIDE: usize = 64;

/// Downloads through `fetch`, decodes on the worker's own thread.
pub struct Indexing {
    pub fetch: Arc<dyn Fetch>,
    pub decoding: DecodeSlots,
    pub max_image_bytes: u64,
    /// Whether local features are computed too.
    pub parts: bool,
}

impl StageWorker for Indexing {
    fn run(&mut self, work: Work, lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let (account, posts) = match work {
            Work::IndexPosts { account, posts, .. } => (account, posts),
            Work::ShrinkPicture { source, size } => {
                return lease.measure("picture", || self.shrink(&source, size));
            }
            work => return Err(unexpected_work(&work)),
        };
        let images: Vec<ListedImage> = posts.iter().flat_map(|post| &post.images).cloned().collect();
        let responses = lease.measure("indexing: download", || self.download(&images));
        if !images.is_empty() && responses.iter().all(is_network_loss) {
            // Not these images are at fault: the work waits until the network is back.
            let why = responses.into_iter().find_map(Result::err).map(|error| error.to_string());
            return Err(StageError::soon(why.unwrap_or_default()));
        }
        let mut states = Vec::with_capacity(images.len());
        for (image, response) in images.iter().zip(responses) {
            let state = match self.or_elsewhere(account.key.network, image, response) {
                Err(FetchError::Stopping) => return Err(StageError::Left),
                response => lease.measure("indexing: fingerprint", || self.judge(image, response)),
            };
            states.push(state);
        }
        lease.doing(format!("hands over {}", counted(posts.len(), "post")))?;
        let mut states = states.into_iter();
        let mut indexed: Vec<IndexedPost> = posts
            .into_iter()
            .map(|post| IndexedPost {
                images: post
                    .images
                    .into_iter()
                    .zip(states.by_ref())
                    .map(|(image, state)| IndexedImage { name: image.name, position: image.position, state })
                    .collect(),
                key: post.key,
                published: post.published,
                places: post.places,
                incomplete: post.incomplete,
            })
            .collect();
        fit_into_message(&mut indexed);
        Ok(StageOutput::Indexed(indexed))
    }
}

/// Takes features away where they would make a report of these posts longer than a message, of the last
/// images. What has none can get them later; posts that cannot be reported would be lost.
fn fit_into_message(posts: &mut [IndexedPost]) {
    /// Of a post without its id and images; of an image without its texts and features; of a report without
    /// posts.
    const POST: usize = 24;
    const IMAGE: usize = 16;
    const FACTS: usize = 280;
    const REPORT: usize = 128;
    let texts = |image: &IndexedImage| match &image.state {
        ImageState::Fingerprinted(_) => FACTS,
        ImageState::Lost => 0,
        ImageState::Failed { url, why } => url.len() + why.len(),
    };
    let of_image = |image: &IndexedImage| IMAGE + image.name.len() + texts(image);
    let of_post =
        |post: &IndexedPost| POST + post.key.native.len() + post.images.iter().map(of_image).sum::<usize>();
    let mut left = MAX_MESSAGE_BYTES.saturating_sub(REPORT + posts.iter().map(of_post).sum::<usize>());
    for image in posts.iter_mut().flat_map(|post| &mut post.images) {
        let ImageState::Fingerprinted(facts) = &mut image.state else { continue };
        let bytes = facts.parts.as_ref().map_or(0, |parts| parts.0.len());
        if bytes > left {
            facts.parts = None;
        } else {
            left -= bytes;
        }
    }
}

impl Indexing {
    /// A picture for people. What cannot be had now is not tried again: they see that it is missing.
    fn shrink(&self, source: &ImageSource, size: PictureSize) -> Result<StageOutput, StageError> {
        let failed = |why: String| StageError::failed(FailureCode::CannotGetImage, why);
        let url = Url::parse(&source.url).map_err(|error| failed(error.to_string()))?;
        let mut request = Request::get(url).max_bytes(self.max_image_bytes).retries(1);
        if let Some(referer) = &source.referer {
            request = request.header("referer", referer.clone());
        }
        let response = match self.fetch.fetch(request) {
            Ok(response) if response.is_success() => response,
            Ok(response) => return Err(failed(format!("status {}", response.status))),
            Err(FetchError::Stopping) => return Err(StageError::Left),
            Err(error) => return Err(failed(error.to_string())),
        };
        let mut side = size.pixels();
        self.decoding.during(|| {
            loop {
                let mut shrink = Shrink::into(side, side);
                decode(&response.body, &Limits::default(), &mut shrink)
                    .map_err(|error| failed(error.to_string()))?;
                if let Some(jpeg) = shrink.jpeg(MAX_PICTURE_BYTES) {
                    return Ok(StageOutput::Picture(jpeg));
                }
                // Noise: half as large takes a quarter.
                side /= 2;
                if side < SMALLEST_SIDE {
                    return Err(failed("the picture cannot be made small enough".to_owned()));
                }
            }
        })
    }

    /// Downloads all of them at once, each at its host's pace.
    pub fn download(&self, images: &[ListedImage]) -> Vec<Result<Response, FetchError>> {
        let requests: Vec<Request> = images
            .iter()
            .filter_map(|image| Url::parse(&image.url).ok())
            .map(|url| self.request(url))
            .collect();
        match requests.len() == images.len() {
            true => self.fetch.fetch_all(requests),
            // A listing yields URLs only; one that is none cannot be downloaded, the others can.
            false => images.iter().map(|image| self.fetch_one(image)).collect(),
        }
    }

    /// The answer to an image's download or, where its place does not have it, of another place which has it.
    pub fn or_elsewhere(
        &self,
        network: Network,
        image: &ListedImage,
        response: Result<Response, FetchError>,
    ) -> Result<Response, FetchError> {
        match is_absent(&response) {
            true => self.fetch_elsewhere(network, image).unwrap_or(response),
            false => response,
        }
    }

    fn request(&self, url: Url) -> Request {
        Request::get(url).max_bytes(self.max_image_bytes)
    }

    fn fetch_one(&self, image: &ListedImage) -> Result<Response, FetchError> {
        match Url::parse(&image.url) {
            Ok(url) => self.fetch.fetch(self.request(url)),
            Err(error) => Err(FetchError::Forbidden { url: image.url.clone(), why: error.to_string() }),
        }
    }

    /// From another place that its network has for it; `None` where there is none, or it has not got it
    /// either.
    fn fetch_elsewhere(&self, network: Network, image: &ListedImage) -> Option<Result<Response, FetchError>> {
        let answer = networks::fetch_original(network, image, &*self.fetch, self.max_image_bytes)?;
        match answer {
            Ok(response) if response.is_success() => Some(Ok(response)),
            Err(FetchError::Stopping) => Some(Err(FetchError::Stopping)),
            Ok(_) | Err(_) => None,
        }
    }

    /// What becomes of one image. Gone for good: 403 (withheld), 404, 410, too big, or no image at all.
    pub fn judge(&self, image: &ListedImage, response: Result<Response, FetchError>) -> ImageState {
        let failed = |why: String| ImageState::Failed { url: image.url.clone(), why: shortened(why) };
        match response {
            Ok(response) if response.is_success() => {
                let analyze = match self.parts {
                    true => fingerprint::analyze_with_parts,
                    false => fingerprint::analyze,
                };
                match self.decoding.during(|| analyze(&response.body, &Limits::default())) {
                    Ok(facts) => ImageState::Fingerprinted(facts),
                    Err(_) => ImageState::Lost,
                }
            }
            Ok(response) if matches!(response.status, 403 | 404 | 410) => ImageState::Lost,
            Ok(response) => failed(format!("status {}", response.status)),
            Err(FetchError::TooBig { .. } | FetchError::Forbidden { .. }) => ImageState::Lost,
            Err(error) => failed(error.to_string()),
        }
    }
}

/// An image's trouble in a few words: what is said of fifty images is one message, and an error may name a
/// long address.
fn shortened(mut why: String) -> String {
    const LONGEST: usize = 200;
    if why.len() > LONGEST {
        why.truncate(why.floor_char_boundary(LONGEST));
        why.push_str("...");
    }
    why
}

/// The place that was asked does not have it, or could not give it.
fn is_absent(response: &Result<Response, FetchError>) -> bool {
    match response {
        Ok(response) => !response.is_success(),
        Err(FetchError::Unreachable { .. } | FetchError::Timeout { .. } | FetchError::BrokenOff { .. }) => {
            true
        }
        Err(_) => false,
    }
}

/// The host could not be reached at all.
pub fn is_network_loss(response: &Result<Response, FetchError>) -> bool {
    matches!(response, Err(FetchError::Unreachable { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{LeaseId, PostKey};
    use crate::base::{Fingerprint, Timestamp};
    use crate::domain::images::{Detail, ImageFacts};
    use crate::domain::parts::{MAX_PARTS_BYTES, Parts};
    use crate::proto::stage::StageToBroker;
    use crate::proto::work::LeaseOutcome;

    fn seen() -> ImageState {
        let fingerprint = Fingerprint(u64::MAX);
        let phash256 = [u64::MAX; 4];
        ImageState::Fingerprinted(ImageFacts {
            fingerprint,
            solid_ground: true,
            width: u32::MAX,
            height: u32::MAX,
            detail: Detail { phash256, thumbnail: vec![255; 192], trimmed: Some(fingerprint) },
            parts: Some(Parts(vec![255; MAX_PARTS_BYTES])),
        })
    }

    /// Of posts with so many images each; every fifth image failed. How many images kept their features, of
    /// how many that had any.
    #[track_caller]
    fn check(images: &[usize], name_bytes: usize, url_bytes: usize) -> (usize, usize) {
        let failed = || ImageState::Failed { url: "u".repeat(url_bytes), why: "w".repeat(203) };
        let image = |place: usize| {
            let state = if place % 5 == 4 { failed() } else { seen() };
            IndexedImage::new("n".repeat(name_bytes), state)
        };
        let post = |count: &usize| {
            let key = PostKey::new(Network::Twitter, "18446744073709551615");
            IndexedPost::of_images(key, Some(Timestamp(i64::MAX)), (0..*count).map(image))
        };
        let mut posts: Vec<IndexedPost> = images.iter().map(post).collect();
        let has_parts = |image: &&IndexedImage| match &image.state {
            ImageState::Fingerprinted(facts) => facts.parts.is_some(),
            ImageState::Lost | ImageState::Failed { .. } => false,
        };
        let count =
            |posts: &[IndexedPost]| posts.iter().flat_map(|post| &post.images).filter(has_parts).count();
        let before = count(&posts);
        fit_into_message(&mut posts);
        let kept = count(&posts);
        let flags: Vec<bool> = posts
            .iter()
            .flat_map(|post| &post.images)
            .filter(|image| matches!(image.state, ImageState::Fingerprinted(_)))
            .map(|image| has_parts(&image))
            .collect();
        assert!(flags.is_sorted_by(|a, b| a >= b), "the last ones go without: {flags:?}");
        let message = StageToBroker::Report {
            lease: LeaseId(u64::MAX),
            outcome: LeaseOutcome::Done(StageOutput::Indexed(posts)),
            elapsed_micros: u64::MAX,
        };
        let bytes = postcard::to_stdvec(&message).unwrap().len();
        assert!(bytes <= MAX_MESSAGE_BYTES, "{bytes} bytes");
        assert!(
            kept == before || bytes + MAX_PARTS_BYTES + 4096 > MAX_MESSAGE_BYTES,
            "{kept} of {before}: {bytes}"
        );
        (kept, before)
    }

    #[test]
    fn the_largest_report_is_one_message() {
        // As many as the broker hands out, of X: all keep their features.
        assert_eq!(check(&[4; 6], 30, 60), (24, 24));
        assert_eq!(check(&[3; 8], 30, 60), (24, 24));
        // Some posts of one image each.
        assert_eq!(check(&[1; 8], 600, 60), (8, 8));
        // More than a batch, in one post; long texts.
        let (kept, before) = check(&[100], 20, 60);
        assert!(kept >= 10 && kept < before, "{kept} of {before}");
        let (kept, before) = check(&[6, 6, 6, 6], 500, 500);
        assert!(kept >= 15 && kept < before, "{kept} of {before}");
        assert_eq!(check(&[], 1, 1), (0, 0));
    }
}
