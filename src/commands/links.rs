//! `aotf links URL`: step 1 alone, with every page, every link and what became of it. The tool for adding
//! a site, and for finding out why an artist was missed.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::base::ids::PostKey;
use crate::base::shown::shown_json;
use crate::base::{ErrorChain, Shown, counted};
use crate::commands::settings::ConfigFile;
use crate::commands::status::{self, NOT_SO};
use crate::domain::accounts::{Elsewhere, Evidence, LeftOut, LinksFound};
use crate::domain::blocklist::Blocklist;
use crate::domain::images::ImageSource;
use crate::fetch::{Fetch, HttpFetch};
use crate::links::{LinkError, LinkSettings, Trace, Verdict, find_traced};

#[derive(Debug, Args)]
pub struct LinksArgs {
    /// Address of the artwork's page
    url: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// Searches and shows the answer; the status is 3 where the search ended with an error.
///
/// # Errors
/// The configuration is wrong, or `out` cannot be written.
pub fn run(args: &LinksArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let settings = args.config.load()?;
    let fetch = HttpFetch::start(&settings.fetch, &settings.upstreams)?;
    let blocklist = settings.scan.effective_blocklist();
    let found = search(&args.url, &fetch, (&LinkSettings::of(&settings), &blocklist), args.json, out)?;
    Ok(status::of_answer(found, NOT_SO))
}

/// Searches and shows the answer; answers whether the search ended without an error, and with a picture.
///
/// # Errors
/// When `out` cannot be written. A failed search is shown, not returned.
fn search(
    url: &str,
    fetch: &dyn Fetch,
    (settings, blocklist): (&LinkSettings, &Blocklist),
    json: bool,
    mut out: impl Write,
) -> io::Result<bool> {
    let (result, trace) = find_traced(url, fetch, settings);
    if json {
        let answer = serde_json::to_string_pretty(&Answer::new(url, &result, &trace, blocklist))?;
        writeln!(out, "{}", shown_json(&answer))?;
    } else {
        write_for_people(url, &result, &trace, blocklist, &mut out)?;
    }
    out.flush()?;
    Ok(result.is_ok_and(|found| found.no_image.is_none()))
}

/// The answer as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    url: &'a str,
    site: Option<&'a str>,
    images: &'a [ImageSource],
    published: Option<String>,
    accounts: Vec<Account<'a>>,
    /// Posts that the artwork's page names.
    named_posts: Vec<String>,
    /// The artist's pages on sites that are not searched.
    elsewhere: &'a [Elsewhere],
    /// Accounts that are named and not taken for the artist's.
    left_out: Vec<LeftOutAccount<'a>>,
    /// Requests made.
    pages: u32,
    error: Option<Failure>,
    steps: &'a [crate::links::Step],
    problems: &'a [String],
}

#[derive(Serialize)]
struct Account<'a> {
    account: String,
    evidence: Evidence,
    /// The pages walked, from the artwork's to the one that names the account.
    chain: &'a [String],
    /// Why the daemon leaves it out, if it does: the blocklist.
    blocked: Option<&'static str>,
}

#[derive(Serialize)]
struct LeftOutAccount<'a> {
    account: String,
    evidence: Evidence,
    chain: &'a [String],
    why: &'static str,
}

#[derive(Serialize)]
struct Failure {
    code: &'static str,
    message: String,
}

impl<'a> Answer<'a> {
    fn new(
        url: &'a str,
        result: &'a Result<LinksFound, LinkError>,
        trace: &'a Trace,
        blocklist: &Blocklist,
    ) -> Answer<'a> {
        let found = result.as_ref().ok();
        let candidates = found.map(|found| found.candidates.as_slice()).unwrap_or_default();
        Answer {
            url,
            site: found.map(|found| found.site.as_str()),
            images: found.map(|found| found.images.as_slice()).unwrap_or_default(),
            published: found.and_then(|found| found.published).map(|date| date.to_rfc3339()),
            accounts: candidates
                .iter()
                .map(|candidate| Account {
                    account: candidate.account.to_string(),
                    evidence: candidate.evidence,
                    chain: &candidate.chain,
                    blocked: blocklist.names_ref(&candidate.account),
                })
                .collect(),
            named_posts: found
                .map(|found| found.named_posts.iter().map(PostKey::to_string).collect())
                .unwrap_or_default(),
            elsewhere: found.map(|found| found.elsewhere.as_slice()).unwrap_or_default(),
            left_out: found
                .map(|found| found.left_out.as_slice())
                .unwrap_or_default()
                .iter()
                .map(|LeftOut { candidate, reason }| LeftOutAccount {
                    account: candidate.account.to_string(),
                    evidence: candidate.evidence,
                    chain: &candidate.chain,
                    why: reason.why(),
                })
                .collect(),
            pages: found.map_or(0, |found| found.pages),
            error: match result {
                Ok(found) => found
                    .no_image
                    .as_ref()
                    .map(|no_image| Failure { code: no_image.code.as_str(), message: no_image.why.clone() }),
                Err(error) => Some(Failure {
                    code: error.failure_code().as_str(),
                    message: ErrorChain(error).to_string(),
                }),
            },
            steps: &trace.steps,
            problems: &trace.problems,
        }
    }
}

fn write_for_people(
    url: &str,
    result: &Result<LinksFound, LinkError>,
    trace: &Trace,
    blocklist: &Blocklist,
    out: &mut impl Write,
) -> io::Result<()> {
    match result {
        Ok(found) => {
            writeln!(out, "{}: {}, {}", Shown(url), found.site, counted(found.pages, "request"))?;
            if let Some(date) = found.published {
                writeln!(out, "published  {date}")?;
            }
            for image in &found.images {
                writeln!(out, "image      {}", Shown(&image.url))?;
            }
            if let Some(no_image) = &found.no_image {
                writeln!(out, "no image   {}: {}", no_image.code, no_image.why)?;
            }
            for post in &found.named_posts {
                writeln!(out, "named post {}", Shown(post))?;
            }
            if found.candidates.is_empty() {
                writeln!(out, "no account found")?;
            }
            for candidate in &found.candidates {
                writeln!(
                    out,
                    "account    {}  ({})",
                    Shown(&candidate.account),
                    candidate.evidence.because()
                )?;
                if let Some(why) = blocklist.names_ref(&candidate.account) {
                    writeln!(out, "           left out: it {why}")?;
                }
                for page in &candidate.chain {
                    writeln!(out, "           <- {}", Shown(page))?;
                }
            }
            for LeftOut { candidate, reason } in &found.left_out {
                writeln!(out, "left out   {}: it {}", Shown(&candidate.account), reason.why())?;
            }
            for page in &found.elsewhere {
                writeln!(out, "also       {} {}, not searched", page.site, Shown(&page.url))?;
            }
        }
        Err(error) => writeln!(out, "{}: {}: {}", Shown(url), error.failure_code(), ErrorChain(error))?,
    }
    for step in &trace.steps {
        writeln!(
            out,
            "\n{} {} ({}, {} ms): {}",
            step.depth,
            Shown(&step.url),
            step.site,
            step.elapsed_ms,
            step.outcome
        )?;
        if let Some(error) = &step.error {
            writeln!(out, "    {}", Shown(error))?;
        }
        for link in &step.links {
            let verdict = match &link.verdict {
                Verdict::Account { account, evidence } => format!("{account} ({})", evidence.because()),
                Verdict::Followed => "followed".to_owned(),
                Verdict::Postponed => "followed only if nothing better is found".to_owned(),
                Verdict::Elsewhere(site) => format!("on {site}, which is not searched"),
                Verdict::Ignored(why) => format!("ignored: {why}"),
            };
            writeln!(out, "    {} -> {}", Shown(&link.url), Shown(verdict))?;
        }
    }
    for problem in &trace.problems {
        writeln!(out, "\nproblem: {}", Shown(problem))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountKey, Network};
    use crate::base::shown::steers;
    use crate::domain::accounts::{AccountRef, Candidate, LeftOutReason};
    use crate::fetch::{FetchError, Request, Response};

    /// One page, whatever is asked.
    struct OnePage(&'static str);

    impl Fetch for OnePage {
        fn fetch(&self, request: Request) -> Result<Response, FetchError> {
            Ok(Response { status: 200, url: request.url, headers: vec![], body: self.0.into() })
        }

        fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
            requests.into_iter().map(|request| self.fetch(request)).collect()
        }
    }

    fn shown(url: &str, page: &'static str, json: bool) -> (bool, String) {
        let mut out = Vec::new();
        let settings = (&LinkSettings::default(), &Blocklist::default().with_shipped());
        let ended = search(url, &OnePage(page), settings, json, &mut out).unwrap();
        (ended, String::from_utf8(out).unwrap())
    }

    #[test]
    fn an_answer_shows_its_reasons() {
        let page = r#"{"id":1,"tag_string_artist":"","file_url":"https://cdn.donmai.us/1.jpg","source":"https://x.com/a"}"#;
        let (ended, text) = shown("https://danbooru.donmai.us/posts/1", page, false);
        assert!(ended && text.contains("no account found"), "{text}");
        assert!(text.contains("https://x.com/a -> ignored: the source of a copy names no artist"), "{text}");
        let (_, json) = shown("https://danbooru.donmai.us/posts/1", page, true);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["steps"][0]["links"][0]["place"], "source");
        assert_eq!((json["pages"].as_u64(), json["error"].is_null()), (Some(1), true));
    }

    #[test]
    fn named_posts_are_shown() {
        let page = r#"{"id":1,"tag_string_artist":"","file_url":"https://cdn.donmai.us/1.jpg","source":"https://x.com/a/status/12"}"#;
        let (_, text) = shown("https://danbooru.donmai.us/posts/1", page, false);
        assert!(text.contains("\nnamed post twitter:12\n"), "{text}");
        let (_, json) = shown("https://danbooru.donmai.us/posts/1", page, true);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["named_posts"], serde_json::json!(["twitter:12"]));
    }

    #[test]
    fn an_account_that_is_left_out_says_why() {
        let page = "https://a.example/1";
        let blocklist = Blocklist::default().with_shipped();
        let account = AccountRef::Id(AccountKey::new(Network::Twitter, "807095"));
        let found = LinksFound {
            page_url: "https://site.example/1".to_owned(),
            site: "s".to_owned(),
            images: vec![],
            no_image: None,
            published: None,
            candidates: vec![Candidate { account, evidence: Evidence::WorkText, chain: vec![] }],
            named_posts: Vec::new(),
            elsewhere: vec![Elsewhere {
                site: "Instagram".to_owned(),
                url: "https://www.instagram.com/ann/".to_owned(),
                evidence: Evidence::ProfileField,
            }],
            left_out: vec![LeftOut {
                candidate: Candidate {
                    account: AccountRef::Handle { network: Network::Twitter, handle: "pixiv".to_owned() },
                    evidence: Evidence::ProfileText,
                    chain: vec![],
                },
                reason: LeftOutReason::SitesOwn,
            }],
            pages: 1,

            artists_pages: Vec::new(),
            verdicts: Vec::new(),
        };
        let mut out = Vec::new();
        let result = Ok(found);
        write_for_people(page, &result, &Trace::default(), &blocklist, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("left out: it is an organization's, on the blocklist that ships"), "{text}");
        assert!(
            text.contains("\nalso       Instagram https://www.instagram.com/ann/, not searched\n"),
            "{text}"
        );
        assert!(text.contains("\nleft out   twitter:@pixiv: it is the site's own account\n"), "{text}");
        let json = serde_json::to_value(Answer::new(page, &result, &Trace::default(), &blocklist)).unwrap();
        assert_eq!(json["left_out"][0]["why"], "is the site's own account");
        assert_eq!(json["elsewhere"][0]["site"], "Instagram");
        assert!(json["accounts"][0]["blocked"].as_str().unwrap().contains("scan.shipped_blocklist"));
    }

    #[test]
    fn an_error_shows_its_code() {
        let (ended, text) = shown("https://example.com/", "", false);
        assert!(!ended && text.contains("UNSUPPORTED_WEBSITE"), "{text}");
        let (_, json) = shown("https://danbooru.donmai.us/posts/1", "<html>", true);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["error"]["code"], "PROCESSING_ERROR");
    }

    #[test]
    fn what_strangers_wrote_steers_no_terminal() {
        let page = "{\"id\":1,\"tag_string_artist\":\"\",\"file_url\":\"https://cdn.donmai.us/1.jpg\",\
            \"source\":\"https://a.example/\\u001b[2J\\u0007\\naccount    @forged\\u202e\\u009b31m\\u2028\"}";
        for json in [false, true] {
            let (_, text) = shown("https://danbooru.donmai.us/posts/1", page, json);
            assert!(text.contains("a.example"), "{text}");
            assert!(text.chars().all(|c| c == '\n' || !steers(c)), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("account ")), "{text}");
        }
    }
}
