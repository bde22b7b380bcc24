//! Step 1: from the artwork's page to its images, its date, and the accounts that may be the artist's.

use std::sync::Arc;
use std::time::Duration;

use super::worker::{Lease, StageError, StageWorker, unexpected_work, verdicts_of};
use crate::base::{ErrorChain, Reaction, Timestamp};
use crate::domain::accounts::{AccountRef, Candidate, LinksFound};
use crate::domain::images::ImageSource;
use crate::domain::verdicts::{Kind, Verdict};
use crate::fetch::{Fetch, NetworkWatch};
use crate::links::{self, LinkError, LinkSettings, Step};
use crate::proto::MAX_MESSAGE_BYTES;
use crate::proto::stage::SitePage;
use crate::proto::work::{StageOutput, Work};

/// Candidates beyond this are dropped, weakest evidence first: no artist has as many accounts, and a
/// message has a size.
const MAX_CANDIDATES: usize = 40;
/// Pages of a chain that are kept: its beginning says where it started, its end names the account.
const MAX_CHAIN: usize = 6;

/// Bytes of texts in a message.
const MAX_BYTES: usize = MAX_MESSAGE_BYTES - 4 * 1024;
/// What a verdict takes beside its texts.
const NUMBERS: usize = 32;
/// What a text takes in a message beside its bytes.
const OVERHEAD: usize = 16;

pub struct LinkFinder {
    pub fetch: Arc<dyn Fetch>,
    pub network: NetworkWatch,
    pub settings: LinkSettings,
}

impl StageWorker for LinkFinder {
    fn run(&mut self, work: Work, lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let Work::FindLinks { url, .. } = work else {
            return Err(unexpected_work(&work));
        };
        let losses = self.network.losses();
        let (result, trace) = links::find_traced(&url, &*self.fetch, &self.settings);
        if self.network.losses() != losses {
            // It waited, and its time may have run out over that: what was read so far is kept for the next
            // walk.
            return Err(StageError::soon("the network was lost meanwhile"));
        }
        for step in &trace.steps {
            lease.measured(&outcome_of(step), Duration::from_millis(step.elapsed_ms));
        }
        match result {
            Ok(found) => said_of(found, lease).map(|found| StageOutput::Links(Box::new(found))),
            Err(error) => {
                if let LinkError::Incomplete { partly, .. } = &error {
                    let found = said_of((**partly).clone(), lease)?;
                    // Where a person has said whose the artwork is, the page that could not be read is not
                    // needed.
                    if names_an_artist(&found) {
                        return Ok(StageOutput::Links(Box::new(found)));
                    }
                }
                Err(stage_error(&error))
            }
        }
    }
}

fn stage_error(error: &LinkError) -> StageError {
    let why = ErrorChain(error).to_string();
    match error.reaction() {
        Reaction::GiveUp => StageError::failed(error.failure_code(), why),
        Reaction::Stop => StageError::Left,
        reaction => StageError::Retry { after: pause(reaction), why },
    }
}

/// What was found, with what people say of it.
fn said_of(mut found: LinksFound, lease: &Lease<'_>) -> Result<LinksFound, StageError> {
    let accounts = found.candidates.iter().filter_map(|candidate| match &candidate.account {
        AccountRef::Id(key) => Some(key.clone()),
        // What is said of it everywhere is known by its id, which is looked up later.
        AccountRef::Handle { .. } => None,
    });
    let accounts = accounts.take(MAX_CANDIDATES).collect();
    found.verdicts = verdicts_of(found.artists_pages.clone(), accounts, lease)?;
    fit(&mut found);
    Ok(found)
}

fn names_an_artist(found: &LinksFound) -> bool {
    found.verdicts.iter().any(|verdict| verdict.claim.kind() == Kind::Artist)
}

/// Leaves out what is beyond a message: the weakest candidates, the last forms of the image, the last posts.
fn fit(found: &mut LinksFound) {
    found.candidates.truncate(MAX_CANDIDATES);
    let left_out = found.left_out.iter_mut().map(|left_out| &mut left_out.candidate);
    for candidate in found.candidates.iter_mut().chain(left_out) {
        candidate.chain.truncate(MAX_CHAIN);
    }
    let mut bytes = 0;
    let mut fits = |size: usize| {
        bytes += size + OVERHEAD;
        bytes <= MAX_BYTES
    };
    let image = |image: &ImageSource| image.url.len() + image.referer.as_ref().map_or(0, String::len);
    // What people say is little, and passes before all else.
    let said = |verdict: &Verdict| verdict.len_bytes() + NUMBERS;
    found.verdicts.retain(|verdict| fits(said(verdict)));
    found.artists_pages.retain(|page| fits(page.len()));
    // Without an image no search works.
    found.images.retain(|source| fits(image(source)));
    let chain = |candidate: &Candidate| candidate.chain.iter().map(|url| url.len() + OVERHEAD).sum::<usize>();
    let named = |candidate: &Candidate| candidate.account.name().len() + chain(candidate);
    found.candidates.retain(|candidate| fits(named(candidate)));
    found.named_posts.retain(|post| fits(post.native.len()));
    found.elsewhere.retain(|page| fits(page.site.len() + page.url.len()));
    found.left_out.retain(|left_out| fits(named(&left_out.candidate)));
}

/// The name under which the metrics count a page: `site deviantart: ok`, `site pixiv: login_needed`.
fn outcome_of(step: &Step) -> String {
    SitePage { site: step.site, outcome: step.outcome }.step()
}

/// How long to wait after an error that may pass.
pub(super) fn pause(reaction: Reaction) -> Duration {
    const SOON: Duration = Duration::from_secs(5);
    match reaction {
        Reaction::WaitUntil(until) => until.since(Timestamp::now()).max(SOON),
        Reaction::RetryAfter(after) => after,
        Reaction::Backoff | Reaction::GiveUp | Reaction::Stop => SOON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{LeaseId, Network, PostKey};
    use crate::domain::accounts::{AccountRef, Elsewhere, Evidence, LeftOut, LeftOutReason};
    use crate::fetch::{FetchError, Request, Response};
    use crate::proto::stage::StageToBroker;
    use crate::proto::work::LeaseOutcome;

    /// Answers every request with this status and body.
    struct Always(u16, &'static str);

    impl Fetch for Always {
        fn fetch(&self, request: Request) -> Result<Response, FetchError> {
            Ok(Response { status: self.0, url: request.url, headers: vec![], body: self.1.into() })
        }

        fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
            requests.into_iter().map(|request| self.fetch(request)).collect()
        }
    }

    #[track_caller]
    fn check(url: &str, status: u16, body: &'static str, expect: &[&str]) {
        let (_, trace) = links::find_traced(url, &Always(status, body), &LinkSettings::default());
        assert_eq!(trace.steps.iter().map(outcome_of).collect::<Vec<_>>(), expect, "{url}");
    }

    #[test]
    fn whatever_is_found_fits_a_message() {
        let url = |n: usize, len: usize| format!("https://a.example/{n}/{}", "x".repeat(len));
        let check = |images: usize, candidates: usize, len: usize| {
            let candidate = |n| Candidate {
                account: AccountRef::Handle { network: Network::Bluesky, handle: format!("a{n}.example") },
                evidence: Evidence::ProfileText,
                chain: (0..9).map(|step| url(step, len)).collect(),
            };
            let mut found = LinksFound {
                page_url: "https://site.example/1".to_owned(),
                site: "s".to_owned(),
                images: (0..images).map(|n| ImageSource::plain(url(n, len))).collect(),
                no_image: None,
                published: None,
                candidates: (0..candidates).map(candidate).collect(),
                left_out: (0..10)
                    .map(|n| LeftOut { candidate: candidate(n), reason: LeftOutReason::Weaker })
                    .collect(),
                elsewhere: (0..20)
                    .map(|n| Elsewhere {
                        site: "Instagram".to_owned(),
                        url: url(n, 180),
                        evidence: Evidence::ProfileText,
                    })
                    .collect(),
                named_posts: (0..20).map(|n| PostKey::new(Network::Mastodon, url(n, 380))).collect(),
                pages: 30,

                artists_pages: Vec::new(),
                verdicts: Vec::new(),
            };
            fit(&mut found);
            let sizes = (found.images.len(), found.candidates.len());
            let outcome = LeaseOutcome::Done(StageOutput::Links(Box::new(found)));
            let report =
                StageToBroker::Report { lease: LeaseId(u64::MAX), outcome, elapsed_micros: u64::MAX };
            assert!(postcard::to_stdvec(&report).unwrap().len() <= MAX_MESSAGE_BYTES, "{sizes:?}");
            sizes
        };
        assert_eq!(check(3, 20, 80), (3, 20), "what is usual stays whole");
        assert!(check(9, 400, 2000).0 == 9);
        check(400, 400, 16_000);
    }

    #[test]
    fn the_broker_knows_the_outcomes_that_count() {
        assert_eq!(SitePage::READ, links::READ);
        let changed = SitePage { site: "danbooru", outcome: SitePage::LAYOUT_CHANGED }.step();
        check("https://danbooru.donmai.us/posts/1", 200, "{}", &[&changed]);
        let page = SitePage { site: "pixiv", outcome: "ok" };
        assert_eq!(SitePage::of_step(&page.step()), Some(page));
        assert_eq!(SitePage::of_step("reverse search: index"), None);
    }

    #[test]
    fn pages_are_counted_by_site_and_outcome() {
        let post = "https://danbooru.donmai.us/posts/1";
        let body = r#"{"id":1,"tag_string_artist":"","source":"","file_url":"https://cdn.donmai.us/1.jpg"}"#;
        check(post, 200, body, &["site danbooru: ok"]);
        check(post, 404, "", &["site danbooru: gone"]);
        check(post, 403, "", &["site danbooru: blocked"]);
        check(post, 401, "", &["site danbooru: login_needed"]);
        check(post, 200, "{}", &["site danbooru: layout_changed"]);
        check(post, 500, "", &["site danbooru: unavailable"]);
        let furbooru = "https://furbooru.org/images/18";
        check(furbooru, 404, "", &["site furbooru: gone"]);
        check("https://example.com/", 200, "", &[]);
    }
}
