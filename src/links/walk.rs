//! The walk: breadth first, each page once, the pages of one round at the same time. What a link is
//! worth is decided by `weigh`, which is pure. Beside the walk, accounts are asked whether they name the page
//! that names them (`mutual`).
#![expect(clippy::disallowed_methods, reason = "measures a walk")]

use std::collections::HashSet;
use std::time::Duration;

use super::mutual::{Mutual, Question};
use super::official::is_official;
use super::settings::LinkSettings;
use super::trace::{Link, NO_LINK_PAGE, Step, Trace, Verdict};
use crate::base::clock::Monotonic;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::{AccountRef, Candidate, Elsewhere, Evidence, LeftOut, LeftOutReason};
use crate::fetch::FetchError;
use crate::sites::claims::{Claim, Made};
use crate::sites::unknown::{self, Unknown};
use crate::sites::{self, Address, Identified, Kind, Lead, MAX_LEADS, Place, Site, SiteError, Web, plain};

/// Threads that fetch the pages of one round; each host has its own, lower limit in `fetch`.
const MAX_THREADS: usize = 8;

/// What a walk yields.
pub(super) struct Found {
    /// Each account once, strongest evidence first.
    pub candidates: Vec<Candidate>,
    /// Posts that the artwork's own page names, each once, in its order; those behind short links come last.
    pub named_posts: Vec<PostKey>,
    /// The artist's pages on sites that are not searched, each once.
    pub elsewhere: Vec<Elsewhere>,
    /// Accounts that are named and not believed to be the artist's, each once.
    pub left_out: Vec<LeftOut>,
    /// The most telling reason why an account may have been missed.
    pub worst_problem: Option<SiteError>,
}

/// Posts that are kept of an artwork's page. Each costs a look-up, and who lists more lists other people's.
pub(super) const MAX_NAMED_POSTS: usize = 20;

/// Pages on sites that are not searched: so many are told, of addresses of at most so many bytes.
pub(super) const MAX_ELSEWHERE: usize = 20;
const MAX_ELSEWHERE_BYTES: usize = 200;

/// Accounts that are left out: so many are told.
pub(super) const MAX_LEFT_OUT: usize = 10;

/// Pages of unknown make that one search reads.
pub(super) const MAX_UNKNOWN: usize = 3;

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
    /// The same up to the page that names this one.
    named_by: Evidence,
    /// For a short link: where it stood. Its target is judged as if it stood there.
    stands_in: Option<(Place, Option<&'static str>)>,
    ask: Ask,
}

/// What a page is asked.
#[derive(Clone)]
enum Ask {
    /// Its links.
    Links,
    /// Its links, if it turns out to be a link page: nothing is known of its make.
    Unknown,
    /// Whether it names the page that names it. Leads nowhere.
    Back(Question),
}

impl Node {
    fn is_weak(&self) -> bool {
        self.grade >= Evidence::WorkText
    }

    /// It leads on from the artist, whatever comes of it: no page that a description or a repost names, and
    /// none that is only asked whether it names another.
    fn is_artists(&self) -> bool {
        !self.is_weak() && matches!(self.ask, Ask::Links)
    }

    /// What stands on this page stands on the artwork's: it is that page, or a short link on it.
    fn is_artwork(&self) -> bool {
        self.depth == 0 || self.depth == 1 && self.stands_in.is_some()
    }

    /// The host that is its owner's alone, and so speaks for one person: that of a page of no known site, or
    /// of a link page that has one for itself.
    fn own_host(&self) -> Option<String> {
        let address = Address::parse(self.page.address())?;
        let is_own = match self.page.kind {
            Kind::Unsupported => true,
            Kind::LinkPage => address.segments().is_empty(),
            _ => false,
        };
        is_own.then(|| address.host().to_owned())
    }
}

struct Walk<'a> {
    settings: &'a LinkSettings,
    seen: HashSet<String>,
    strong: Vec<Node>,
    /// Read only if the strong ones lead to no account.
    weak: Vec<Node>,
    candidates: Vec<Candidate>,
    named_posts: Vec<PostKey>,
    elsewhere: Vec<Elsewhere>,
    left_out: Vec<LeftOut>,
    /// What accounts and pages say of each other.
    mutual: Mutual,
    /// Pages of unknown make that wait or were read.
    unknown: usize,
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
    claims: Vec<Claim>,
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
        named_posts: Vec::new(),
        elsewhere: Vec::new(),
        left_out: Vec::new(),
        mutual: Mutual::default(),
        unknown: 0,
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
        named_by: Evidence::Mutual,
        stands_in: None,
        ask: Ask::Links,
    };
    let mut links = walk.take(&origin, leads);
    links.extend(walk.take_claims(&origin, claims));
    if let Some(step) = trace.steps.last_mut() {
        step.links = links;
    }
    loop {
        let mut round = std::mem::take(&mut walk.strong);
        round.extend(walk.questions());
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
        for (node, read, elapsed) in read_all(round, web) {
            let from = node.chain.last().cloned();
            let mut step = Step::new(&node.page, node.depth, from, read.as_ref().err(), elapsed);
            step.is_artists = node.is_artists();
            match read {
                Ok(Read::Links { leads, claims, problems }) => {
                    step.links = walk.take(&node, leads);
                    step.links.extend(walk.take_claims(&node, claims));
                    walk.problems.extend(problems.into_iter().filter(|error| !error.is_gone()));
                }
                Ok(Read::NoLinkPage(why)) => {
                    (step.outcome, step.error) = (NO_LINK_PAGE, Some(why.to_owned()));
                }
                Ok(Read::Back(is_named)) => step.links = walk.answered(&node, is_named),
                Err(error) if is_stopping(&error) => {
                    trace.steps.push(step);
                    return Found {
                        candidates: Vec::new(),
                        named_posts: Vec::new(),
                        elsewhere: Vec::new(),
                        left_out: Vec::new(),
                        worst_problem: Some(error),
                    };
                }
                Err(error) if error.is_gone() => {}
                // Nothing is known to stand there, so that nothing is known to be missed.
                Err(_) if !matches!(node.ask, Ask::Links) => {}
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
        self.confirm(node, &leads);
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

    /// An account whose network has verified that it is named by the page that led to it is as certain as
    /// that page: each says of the other that it is the same person's.
    fn confirm(&mut self, node: &Node, leads: &[Lead]) {
        let (Some(account), Some(named_on)) = (&node.page.account, node.chain.last()) else { return };
        let is_that_page = |lead: &Lead| {
            let address = Address::parse(&lead.url).map(|address| sites::recognise(&address).1);
            address.is_some_and(|page| page.address().trim_end_matches('/') == named_on.trim_end_matches('/'))
        };
        if leads.iter().any(|lead| lead.place == Place::Verified && is_that_page(lead)) {
            for candidate in self.candidates.iter_mut().filter(|candidate| candidate.account == *account) {
                candidate.evidence = candidate.evidence.min(node.named_by);
            }
        }
    }

    /// Judges the accounts that a page claims for its author in its head or with `rel="me"`. On a page that
    /// is its owner's alone they are that person's. On the pages of a site with many members the site's own
    /// accounts are claimed as well: there, `rel="me"` is believed only if the account names the very page.
    fn take_claims(&mut self, node: &Node, claims: Vec<Claim>) -> Vec<Link> {
        let own_host = node.own_host();
        let mut links = Vec::new();
        for claim in claims {
            let Some(address) = Address::parse(&claim.url) else { continue };
            let (site, page) = recognise_claimed(&address, claim.made);
            let Some(account) = page.account.clone().filter(|_| page.kind == Kind::Account) else { continue };
            let is_wanted = self.settings.networks.contains(&account.network()) && !is_official(&account);
            if !is_wanted || page.site == node.page.site || is_sites_own(&account, &node.page) {
                continue;
            }
            let alone = match (claim.made, &own_host, node.page.kind) {
                (_, Some(_), _) => Some(Place::ProfileText),
                (Made::Creator, None, Kind::Artwork) => Some(Place::WorkText),
                (Made::Creator, None, _) => Some(Place::ProfileText),
                (Made::Me, None, _) => None,
            };
            let mut chain = node.chain.clone();
            chain.push(node.page.address().to_owned());
            let verdict = match alone.map(|place| node.grade.max(grade_of(place))) {
                Some(evidence) => {
                    self.add_candidate(account.clone(), evidence, chain.clone());
                    Verdict::Account { account: account.to_string(), evidence }
                }
                None => Verdict::Ignored("counts only if the account names this page"),
            };
            // The page of a work is not what an account names.
            if node.page.kind != Kind::Artwork {
                let domain = own_host.clone().filter(|_| claim.made == Made::Creator);
                self.ask_back(node, site, page, Question::of_claim(&node.page, domain, chain));
            }
            links.push(Link { url: claim.url, place: alone.unwrap_or(Place::ProfileText), verdict });
        }
        // A host that is somebody's own may be a handle.
        if let Some(host) = own_host.filter(|_| node.page.kind == Kind::Unsupported) {
            self.ask_for_handle(node, &host);
        }
        links
    }

    /// Asks an account whether it names the page, if that would make it more certain.
    fn ask_back(&mut self, node: &Node, site: Option<&'static Site>, page: Identified, question: Question) {
        let Some(account) = &page.account else { return };
        let known = self.candidates.iter().find(|candidate| candidate.account == *account);
        let gains = known.is_none_or(|known| known.evidence > node.grade);
        let is_readable = site.is_some_and(|site| site.leads_on(&self.settings.credentials));
        if gains && is_readable && !node.is_weak() && self.mutual.may_ask(account, &question) {
            self.mutual.ask(site, page, node.grade, question);
        }
    }

    /// Asks a host that is the artist's own whether it is the handle of an account.
    fn ask_for_handle(&mut self, node: &Node, host: &str) {
        let account = AccountRef::Handle { network: Network::Bluesky, handle: host.to_owned() };
        let question = Question::OfHandle {
            host: host.to_owned(),
            chain: [&node.chain[..], &[node.page.address().to_owned()]].concat(),
        };
        let at_root =
            Address::parse(node.page.address()).is_some_and(|address| address.segments().is_empty());
        let is_wanted = self.settings.networks.contains(&Network::Bluesky);
        if at_root && is_wanted && !node.is_weak() && self.mutual.may_ask(&account, &question) {
            let (site, page) = sites::recognise_handle(host);
            self.mutual.ask(site, page, node.grade, question);
        }
    }

    /// The accounts that wait to be asked, as pages of the next round.
    fn questions(&mut self) -> Vec<Node> {
        let asked = self.mutual.take_questions().into_iter();
        asked
            .map(|(site, page, grade, question)| Node {
                site,
                page,
                chain: question.chain().to_vec(),
                depth: u8::try_from(question.chain().len()).unwrap_or(u8::MAX),
                max_depth: self.settings.max_depth,
                grade,
                named_by: grade,
                stands_in: None,
                ask: Ask::Back(question),
            })
            .collect()
    }

    /// An account that names the page which names it is as certain as that page.
    fn answered(&mut self, node: &Node, is_named: bool) -> Vec<Link> {
        let (Ask::Back(question), Some(account)) = (&node.ask, &node.page.account) else { return Vec::new() };
        let verdict = match is_named {
            true => {
                self.add_candidate(account.clone(), node.grade, question.chain().to_vec());
                Verdict::Account { account: account.to_string(), evidence: node.grade }
            }
            false => Verdict::Ignored("the account does not name the page that names it"),
        };
        let url = question.chain().last().cloned().unwrap_or_default();
        vec![Link { url, place: Place::ProfileField, verdict }]
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
        let (mut site, mut page) = sites::readable_page(site, page);
        let is_unread = page.kind == Kind::Unsupported || site.is_some_and(sites::is_only_recognised);
        let listed = is_unread && plain::is_listed(address.url(), &self.settings.plain_pages);
        if listed {
            (site, page) = (None, sites::unsupported(address));
        }
        let readable = site.is_some_and(|site| site.leads_on(&self.settings.credentials));
        if let Some(post) = page.post.as_ref().filter(|_| node.is_artwork()) {
            self.name_post(post);
        }
        let grade = node.grade.max(grade_of(lead.place));
        let mut chain = node.chain.clone();
        chain.push(node.page.address().to_owned());
        if page.kind == Kind::Unsupported {
            self.mutual.note_own_host(address, grade);
        }
        let may_be_read = listed || self.may_read_unknown(&page, grade);
        let named = match weigh(&page, site, readable, lead.place, stands_on, may_be_read) {
            Worth::Nothing(why) => {
                return self.tell_elsewhere(&page, site, grade).unwrap_or(Verdict::Ignored(why));
            }
            Worth::Page => None,
            Worth::Account { account, .. } if is_official(&account) => {
                if self.settings.networks.contains(&account.network()) {
                    let named = Candidate { account, evidence: grade, chain };
                    leave_out(&mut self.left_out, named, LeftOutReason::SitesOwn);
                }
                return Verdict::Ignored("the site's own account");
            }
            Worth::Account { account, also_page } => {
                let mut named = None;
                if account.may_be_on().iter().any(|network| self.settings.networks.contains(network)) {
                    named = Some(Verdict::Account { account: account.to_string(), evidence: grade });
                    self.add_candidate(account.clone(), grade, chain.clone());
                    self.ask_across(node, site, &page, lead.place, &chain);
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
            ask: if page.kind == Kind::Unsupported && !listed { Ask::Unknown } else { Ask::Links },
            site,
            page,
            chain,
            grade,
            named_by: node.grade,
        });
        named.unwrap_or(entered)
    }

    /// A page of no known site is read where the operator allows it, if its address is that of a link page
    /// and no more than a few wait. What may name somebody else's page is not reason enough.
    fn may_read_unknown(&mut self, page: &Identified, grade: Evidence) -> bool {
        let Some(address) = Address::parse(page.address()).filter(|_| page.kind == Kind::Unsupported) else {
            return false;
        };
        let is_allowed = self.settings.unknown_pages && self.unknown < MAX_UNKNOWN;
        let may_be_read =
            is_allowed && grade < Evidence::WorkText && unknown::may_be_link_page(address.url());
        self.unknown += usize::from(may_be_read && !self.seen.contains(page.address()));
        may_be_read
    }

    /// Asks an account that another one names, on another network, whether it names that one, too. One of the
    /// two has to say so in a field: in texts, people name their friends.
    fn ask_across(
        &mut self,
        node: &Node,
        site: Option<&'static Site>,
        page: &Identified,
        place: Place,
        chain: &[String],
    ) {
        let (Some(from), Some(to)) = (&node.page.account, &page.account) else { return };
        if node.page.kind == Kind::Account && page.kind == Kind::Account && from.network() != to.network() {
            let in_field = matches!(place, Place::Artist | Place::Verified | Place::ProfileField);
            let question = Question::across(&node.page, in_field, chain.to_vec());
            self.ask_back(node, site, page.clone(), question);
        }
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

    /// Keeps a post that the artwork's page names. Whose it is, and whether it shows the picture, is judged
    /// by others: here it is evidence of nothing.
    fn name_post(&mut self, post: &PostKey) {
        let is_wanted = self.settings.networks.contains(&post.network);
        if is_wanted && self.named_posts.len() < MAX_NAMED_POSTS && !self.named_posts.contains(post) {
            self.named_posts.push(post.clone());
        }
    }

    /// Keeps a page of the artist's on a site whose pages of artists are not read. A link that may name
    /// somebody else tells nothing.
    fn tell_elsewhere(
        &mut self,
        page: &Identified,
        site: Option<&'static Site>,
        evidence: Evidence,
    ) -> Option<Verdict> {
        let is_unread = page.kind == Kind::Profile && site.is_some_and(|site| site.leads.is_none());
        let title = sites::title(page.site?);
        if !is_unread || evidence >= Evidence::WorkText || page.address().len() > MAX_ELSEWHERE_BYTES {
            return None;
        }
        let known = self.elsewhere.iter().any(|told| told.url == page.address());
        if !known && self.elsewhere.len() < MAX_ELSEWHERE {
            let url = page.address().to_owned();
            self.elsewhere.push(Elsewhere { site: title.clone(), url, evidence });
        }
        Some(Verdict::Elsewhere(title))
    }

    fn has_strong_candidate(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.evidence < Evidence::WorkText)
    }

    fn finish(mut self) -> Found {
        self.mutual.handles_of_own_hosts(&mut self.candidates);
        drop_copies(&mut self.candidates, &mut self.left_out);
        let strong: HashSet<_> = self
            .candidates
            .iter()
            .filter(|candidate| candidate.evidence < Evidence::WorkText)
            .map(|candidate| candidate.account.network())
            .collect();
        let (kept, weaker): (Vec<_>, Vec<_>) = self.candidates.into_iter().partition(|candidate| {
            candidate.evidence < Evidence::WorkText || !strong.contains(&candidate.account.network())
        });
        self.candidates = kept;
        for candidate in weaker {
            leave_out(&mut self.left_out, candidate, LeftOutReason::Weaker);
        }
        // Stable: among equals the order in which they were found.
        self.candidates.sort_by_key(|candidate| candidate.evidence);
        self.problems.sort_by_key(severity);
        Found {
            candidates: self.candidates,
            named_posts: self.named_posts,
            elsewhere: self.elsewhere,
            left_out: self.left_out,
            worst_problem: self.problems.into_iter().next(),
        }
    }
}

/// What is claimed as an account of the Fediverse is one, so that its server need not be known by name.
fn recognise_claimed(address: &Address, made: Made) -> (Option<&'static Site>, Identified) {
    let (site, page) = sites::recognise(address);
    match (made, page.kind) {
        (Made::Creator, Kind::Profile) => sites::recognise_on_fediverse(page.id_text()),
        _ => (site, page),
    }
}

/// Keeps, to be told, an account that is not believed to be the artist's: once, and no more than a few.
fn leave_out(left_out: &mut Vec<LeftOut>, candidate: Candidate, reason: LeftOutReason) {
    let is_known = left_out.iter().any(|known| known.candidate.account == candidate.account);
    if !is_known && left_out.len() < MAX_LEFT_OUT {
        left_out.push(LeftOut { candidate, reason });
    }
}

/// Leaves out accounts that a bridge keeps as copies of others that were found. Their owner agreed to the
/// copy, so that each is as certain as the other.
fn drop_copies(candidates: &mut Vec<Candidate>, left_out: &mut Vec<LeftOut>) {
    let copies: Vec<(AccountRef, Evidence, usize)> = candidates
        .iter()
        .filter_map(|copy| {
            let original =
                candidates.iter().position(|other| sites::is_copy_of(&copy.account, &other.account))?;
            Some((copy.account.clone(), copy.evidence, original))
        })
        .collect();
    for (_, evidence, original) in &copies {
        candidates[*original].evidence = candidates[*original].evidence.min(*evidence);
    }
    let is_copy = |candidate: &mut Candidate| copies.iter().any(|(copy, ..)| *copy == candidate.account);
    for copy in candidates.extract_if(.., is_copy) {
        leave_out(left_out, copy, LeftOutReason::Copy);
    }
}

/// True where the site of a page names its own account there: one by its name, or on its host.
fn is_sites_own(account: &AccountRef, page: &Identified) -> bool {
    let Some(site) = page.site else { return false };
    let name = account.name();
    let (user, home) = name.split_once('@').unwrap_or((name.split('.').next().unwrap_or_default(), name));
    let on_its_host = Address::parse(page.address()).is_some_and(|address| address.host() == home);
    user == site || on_its_host
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
    may_be_read: bool,
) -> Worth {
    if place == Place::CopyText {
        return Worth::Nothing("the text beside a copy names no artist");
    }
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
            (_, Place::Source | Place::CopyText) => Worth::Nothing("the source of a copy names no artist"),
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
        Kind::Unsupported if may_be_read => Worth::Page,
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
        Place::WorkText | Place::Source | Place::CopyText => Evidence::WorkText,
    }
}

/// What a page told.
enum Read {
    Links {
        leads: Vec<Lead>,
        claims: Vec<Claim>,
        /// Parts of the page that could not be read.
        problems: Vec<SiteError>,
    },
    /// A page of unknown make is no link page.
    NoLinkPage(&'static str),
    /// Whether the account names the page that names it.
    Back(bool),
}

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
    if let Ask::Back(question) = &node.ask {
        return question.put_to(node.site, &node.page, web).map(Read::Back);
    }
    let web = web.noting_claims(&node.page);
    let (leads, problems) = match (node.site, &node.ask) {
        (None, Ask::Unknown) => match unknown::read(&node.page, &web)? {
            Unknown::Links(leads) => (leads, Vec::new()),
            Unknown::Other(why) => return Ok(Read::NoLinkPage(why)),
        },
        (None, _) => (plain::leads(&node.page, &web)?, Vec::new()),
        (Some(site), _) => match (node.page.kind, site.artwork, site.leads) {
            // Only who made it matters here, not whether its picture can be had.
            (Kind::Artwork, Some(artwork), _) => {
                let artwork = artwork(&node.page, &web)?;
                (artwork.leads, artwork.problems)
            }
            (_, _, Some(leads)) => (leads(&node.page, &web)?, Vec::new()),
            // `weigh` lets nothing else pass.
            (_, _, None) => (Vec::new(), Vec::new()),
        },
    };
    Ok(Read::Links { leads, claims: web.into_claims(), problems })
}

/// True if the search was ended because the program stops.
fn is_stopping(error: &SiteError) -> bool {
    matches!(error, SiteError::Fetch { source: FetchError::Stopping, .. })
}
