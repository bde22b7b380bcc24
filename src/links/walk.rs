//! The walk: breadth first, each page once, the pages of one round at the same time. What a link is
//! worth is decided by `weigh`, which is pure.
#![expect(clippy::disallowed_methods, reason = "measures a walk")]

use std::collections::HashSet;
use std::time::Duration;

use super::official::is_official;
use super::settings::LinkSettings;
use super::trace::{Link, Step, Trace, Verdict};
use crate::base::clock::Monotonic;
use crate::domain::accounts::{AccountRef, Candidate, Evidence};
use crate::fetch::FetchError;
use crate::sites::{self, Address, Identified, Kind, Lead, MAX_LEADS, Place, Site, SiteError, Web, plain};

/// Threads that fetch the pages of one round; each host has its own, lower limit in `fetch`.
const MAX_THREADS: usize = 8;

/// What a walk yields.
pub(super) struct Found {
    /// Each account once, strongest evidence first.
    pub candidates: Vec<Candidate>,
    /// The most telling reason why an account may have been missed.
    pub worst_problem: Option<SiteError>,
}

/// A page to be read, with the way that led to it.
#[derive(Clone)]
struct Node {
    site: Option<&'static Site>,
    page: Identified,
    /// The pages walked so far, without this one.
    chain: Vec<String>,
    depth: u8,
    max_depth: u8,
    /// The weakest link of the way.
    grade: Evidence,
    /// For a short link: where it stood. Its target is judged as if it stood there.
    stands_in: Option<(Place, Option<&'static str>)>,
}

impl Node {
    fn is_weak(&self) -> bool {
        self.grade >= Evidence::WorkText
    }
}

struct Walk<'a> {
    settings: &'a LinkSettings,
    seen: HashSet<String>,
    strong: Vec<Node>,
    /// Read only if the strong ones lead to no account.
    weak: Vec<Node>,
    candidates: Vec<Candidate>,
    problems: Vec<SiteError>,
    /// The artist's pages on artwork sites, for the curators to name their owner; the artwork's first.
    whose: Vec<String>,
    curators_asked: bool,
}

/// Walks from the links of an artwork's page to accounts.
///
/// Links on the artist's pages and in curated entries come first. Links in the description of the
/// artwork, which may name other artists, and the sources of reposts are followed only if the first
/// lead to no account, and their accounts are kept only then.
pub(super) fn walk(
    start: &Identified,
    leads: Vec<Lead>,
    problems: Vec<SiteError>,
    web: &Web,
    settings: &LinkSettings,
    trace: &mut Trace,
) -> Found {
    let mut walk = Walk {
        settings,
        seen: HashSet::from([start.address().to_owned()]),
        strong: Vec::new(),
        weak: Vec::new(),
        candidates: Vec::new(),
        problems: problems.into_iter().filter(|error| !error.is_gone()).collect(),
        whose: vec![start.address().to_owned()],
        curators_asked: false,
    };
    let origin = Node {
        site: None,
        page: start.clone(),
        chain: Vec::new(),
        depth: 0,
        max_depth: settings.max_depth,
        grade: Evidence::Mutual,
        stands_in: None,
    };
    let links = walk.take(&origin, leads);
    if let Some(step) = trace.steps.last_mut() {
        step.links = links;
    }
    loop {
        let mut round = std::mem::take(&mut walk.strong);
        if round.is_empty() && !walk.has_strong_candidate() {
            round = std::mem::take(&mut walk.weak);
        }
        if round.is_empty() && settings.ask_curators && !walk.curators_asked && walk.candidates.is_empty() {
            walk.ask_curators(&origin, trace);
            round = std::mem::take(&mut walk.strong);
        }
        if round.is_empty() {
            break;
        }
        for (node, leads, elapsed) in read_all(round, web) {
            let from = node.chain.last().cloned();
            let mut step = Step::new(&node.page, node.depth, from, leads.as_ref().err(), elapsed);
            match leads {
                Ok((leads, problems)) => {
                    step.links = walk.take(&node, leads);
                    walk.problems.extend(problems.into_iter().filter(|error| !error.is_gone()));
                }
                Err(error) if is_stopping(&error) => {
                    trace.steps.push(step);
                    return Found { candidates: Vec::new(), worst_problem: Some(error) };
                }
                Err(error) if error.is_gone() => {}
                Err(error) => walk.problems.push(error),
            }
            trace.steps.push(step);
        }
    }
    walk.problems.extend(web.take_refused_cookies());
    trace.problems = walk.problems.iter().map(|error| crate::base::ErrorChain(error).to_string()).collect();
    walk.finish()
}

impl Walk<'_> {
    /// The last source: the databases are asked, once, about the artist's page, or about the artwork's where
    /// no page of the artist is known. Their pages are entered as if the artwork's page named them.
    fn ask_curators(&mut self, origin: &Node, trace: &mut Trace) {
        self.curators_asked = true;
        let Some(page) = self.whose.last() else { return };
        let host = |url: &str| Address::parse(url).map(|address| address.host().to_owned());
        let others = sites::curators_of(page).into_iter().filter(|url| host(url) != host(page));
        let leads = others.map(|url| Lead::new(url, Place::Artist)).collect();
        let links = self.take(origin, leads);
        if let Some(step) = trace.steps.first_mut() {
            step.links.extend(links);
        }
    }

    /// Judges the links of a page: accounts become candidates, pages wait for their round.
    fn take(&mut self, node: &Node, leads: Vec<Lead>) -> Vec<Link> {
        let mut links = Vec::new();
        for mut lead in leads.into_iter().take(MAX_LEADS) {
            let mut stands_on = node.page.site;
            if let Some((place, site)) = node.stands_in {
                lead.place = place;
                stands_on = site;
            }
            let verdict = match Address::parse(&lead.url) {
                Some(address) => self.judge(node, &lead, stands_on, &address),
                None => Verdict::Ignored("not a URL"),
            };
            links.push(Link { url: lead.url, place: lead.place, verdict });
        }
        links
    }

    /// Judges one link that stands on a page of the site `stands_on`.
    fn judge(
        &mut self,
        node: &Node,
        lead: &Lead,
        stands_on: Option<&'static str>,
        address: &Address,
    ) -> Verdict {
        let (site, page) = sites::recognise(address);
        let (site, page) = sites::readable_page(site, page);
        let listed =
            page.kind == Kind::Unsupported && plain::is_listed(address.url(), &self.settings.plain_pages);
        let readable = site.is_some_and(|site| site.leads_on(&self.settings.credentials));
        let grade = node.grade.max(grade_of(lead.place));
        let mut chain = node.chain.clone();
        chain.push(node.page.address().to_owned());
        let named = match weigh(&page, site, readable, lead.place, stands_on, listed) {
            Worth::Nothing(why) => return Verdict::Ignored(why),
            Worth::Page => None,
            Worth::Account { account, .. } if is_official(&account) => {
                return Verdict::Ignored("the site's own account");
            }
            Worth::Account { account, also_page } => {
                let mut named = None;
                if self.settings.networks.contains(&account.network()) {
                    named = Some(Verdict::Account { account: account.to_string(), evidence: grade });
                    self.add_candidate(account, grade, chain.clone());
                }
                if !also_page {
                    return named
                        .unwrap_or(Verdict::Ignored("an account on a network that is not asked for"));
                }
                named
            }
        };
        if page.kind == Kind::Profile && lead.place == Place::Artist {
            self.whose.push(page.address().to_owned());
        }
        let entered = self.enter(Node {
            // A short link is no step of its own: what it leads to is.
            depth: if node.stands_in.is_some() { node.depth } else { node.depth.saturating_add(1) },
            max_depth: match lead.place {
                Place::Source => self.settings.max_source_depth,
                _ => node.max_depth,
            },
            stands_in: (page.kind == Kind::Redirect).then_some((lead.place, stands_on)),
            site,
            page,
            chain,
            grade,
        });
        named.unwrap_or(entered)
    }

    /// Puts a page on the list of those to be read, unless it is too far or known.
    fn enter(&mut self, next: Node) -> Verdict {
        if next.depth > next.max_depth {
            return Verdict::Ignored("too far from the artwork");
        }
        if !self.seen.insert(next.page.address().to_owned()) {
            // A page that waits as a weak one is read at once when a strong link leads to it too.
            let waiting = self.weak.iter().position(|node| node.page.address() == next.page.address());
            let Some(waiting) = waiting.filter(|_| !next.is_weak()) else {
                return Verdict::Ignored("its page is read already");
            };
            self.weak.remove(waiting);
        }
        if next.is_weak() {
            self.weak.push(next);
            Verdict::Postponed
        } else {
            self.strong.push(next);
            Verdict::Followed
        }
    }

    fn add_candidate(&mut self, account: AccountRef, evidence: Evidence, chain: Vec<String>) {
        match self.candidates.iter_mut().find(|candidate| candidate.account == account) {
            Some(known) if (evidence, chain.len()) < (known.evidence, known.chain.len()) => {
                *known = Candidate { account, evidence, chain };
            }
            Some(_) => {}
            None => self.candidates.push(Candidate { account, evidence, chain }),
        }
    }

    fn has_strong_candidate(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.evidence < Evidence::WorkText)
    }

    fn finish(mut self) -> Found {
        let strong: HashSet<_> = self
            .candidates
            .iter()
            .filter(|candidate| candidate.evidence < Evidence::WorkText)
            .map(|candidate| candidate.account.network())
            .collect();
        self.candidates.retain(|candidate| {
            candidate.evidence < Evidence::WorkText || !strong.contains(&candidate.account.network())
        });
        // Stable: among equals the order in which they were found.
        self.candidates.sort_by_key(|candidate| candidate.evidence);
        self.problems.sort_by_key(severity);
        Found { candidates: self.candidates, worst_problem: self.problems.into_iter().next() }
    }
}

/// What a person has to mend comes first.
fn severity(error: &SiteError) -> u8 {
    match error {
        SiteError::LayoutChanged { .. } => 0,
        SiteError::LoginNeeded { .. } => 1,
        SiteError::Blocked { .. } => 2,
        SiteError::Fetch { .. } | SiteError::Unavailable { .. } => 3,
        SiteError::OutOfTime { .. } | SiteError::TooManyPages { .. } => 4,
        SiteError::Gone { .. } | SiteError::NoPicture { .. } => 5,
    }
}

/// What a link is worth.
enum Worth {
    Account { account: AccountRef, also_page: bool },
    Page,
    Nothing(&'static str),
}

/// Whom to believe: see `docs/link-finding.md`. `readable` says whether the links on pages of
/// `site` can be read, `stands_on` is the site of the page with the link.
fn weigh(
    page: &Identified,
    site: Option<&'static Site>,
    readable: bool,
    place: Place,
    stands_on: Option<&'static str>,
    listed: bool,
) -> Worth {
    match page.kind {
        Kind::Account => match &page.account {
            // Whoever posted the copy's source need not be the artist.
            Some(_) if place == Place::Source => Worth::Nothing("the source of a copy names no artist"),
            Some(_) if place != Place::Artist && page.site == stands_on => {
                Worth::Nothing("another member of the same site")
            }
            Some(account) => Worth::Account { account: account.clone(), also_page: readable },
            None if readable => Worth::Page,
            None => Worth::Nothing("names no account"),
        },
        Kind::Post => match (&page.account, place) {
            (_, Place::Source) => Worth::Nothing("the source of a copy names no artist"),
            (_, Place::WorkText | Place::Curated) => {
                Worth::Nothing("a post speaks for its author on the artist's own page only")
            }
            (Some(account), Place::Artist | Place::Verified | Place::ProfileField | Place::ProfileText) => {
                Worth::Account { account: account.clone(), also_page: false }
            }
            (None, _) => Worth::Nothing("a post whose URL names no account"),
        },
        Kind::Artwork if place == Place::Source => match site.and_then(|site| site.artwork) {
            Some(_) => Worth::Page,
            None => Worth::Nothing("a site whose works are not read"),
        },
        Kind::Artwork => Worth::Nothing("another artwork"),
        Kind::Profile if place != Place::Artist && page.site == stands_on => {
            Worth::Nothing("another member of the same site")
        }
        Kind::Profile | Kind::LinkPage | Kind::Redirect if readable => Worth::Page,
        // The page of a booru's artist tag is a search for anybody else.
        Kind::Other if place == Place::Artist && readable => Worth::Page,
        Kind::Profile | Kind::LinkPage | Kind::Redirect | Kind::Other => match site {
            Some(site) if site.leads.is_some() && !readable => Worth::Nothing("a site that wants a key"),
            Some(_) | None => Worth::Nothing("a page that leads to no one"),
        },
        Kind::Unsupported if listed => Worth::Page,
        Kind::Unsupported => Worth::Nothing("an unknown site"),
        Kind::Image => Worth::Nothing("an image"),
        Kind::NotAnUrl => Worth::Nothing("not a URL"),
    }
}

fn grade_of(place: Place) -> Evidence {
    match place {
        Place::Artist | Place::Verified => Evidence::Mutual,
        Place::ProfileField => Evidence::ProfileField,
        Place::Curated => Evidence::Curated,
        Place::ProfileText => Evidence::ProfileText,
        Place::WorkText | Place::Source => Evidence::WorkText,
    }
}

/// The links of a page, and the parts of it that could not be read.
type Read = (Vec<Lead>, Vec<SiteError>);

type Answer = (Node, Result<Read, SiteError>, Duration);

/// Reads the pages of one round at the same time; the answers come in the round's order.
fn read_all(round: Vec<Node>, web: &Web) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(round.len());
    for batch in round.chunks(MAX_THREADS) {
        if let [node] = batch {
            answers.push(read_timed(node.clone(), web));
            continue;
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                batch.iter().map(|node| scope.spawn(|| read_timed(node.clone(), web))).collect();
            for thread in threads {
                match thread.join() {
                    Ok(answer) => answers.push(answer),
                    // A reader's panic is the worker's to collect.
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
    }
    answers
}

fn read_timed(node: Node, web: &Web) -> Answer {
    let started = Monotonic::now();
    let leads = read(&node, web);
    (node, leads, Monotonic::now().since(started))
}

fn read(node: &Node, web: &Web) -> Result<Read, SiteError> {
    let leads = match node.site {
        None => plain::leads(&node.page, web)?,
        Some(site) => match (node.page.kind, site.artwork, site.leads) {
            // Only who made it matters here, not whether its picture can be had.
            (Kind::Artwork, Some(artwork), _) => {
                let artwork = artwork(&node.page, web)?;
                return Ok((artwork.leads, artwork.problems));
            }
            (_, _, Some(leads)) => leads(&node.page, web)?,
            // `weigh` lets nothing else pass.
            (_, _, None) => Vec::new(),
        },
    };
    Ok((leads, Vec::new()))
}

/// True if the search was ended because the program stops.
fn is_stopping(error: &SiteError) -> bool {
    matches!(error, SiteError::Fetch { source: FetchError::Stopping, .. })
}
