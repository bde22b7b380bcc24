//! Queries: what users ask, from the artwork's page (or an image) to the found posts. Pure; part of
//! `State`.

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;

use crate::base::clock::{Monotonic, Timestamp};
use crate::base::ids::{AskId, ContainerId, Networks, QueryId, ScanId};
use crate::broker::books::items::{ItemId, Owner, stage_of};
use crate::broker::rules::scans::ScanOutcome;
use crate::broker::state::{BlobKey, Effect, Now, Pending, PostStates, State, micros};
use crate::domain::accounts::{Account, AccountRef, Candidate, LinksFound, Resolution, ResolutionOutcome};
use crate::domain::addresses::account_named;
use crate::domain::failure::FailureCode;
use crate::domain::images::{FoundImage, ImageSource, QueryImage, SearchScope};
use crate::domain::posts::PostState;
use crate::domain::scans::Priority;
use crate::proto::front::{BrokerToFront, Client, FrontAnswer, FrontQuestion, MAX_URL_CHARS};
use crate::proto::stage::{Answer, Question};
use crate::proto::view::{AccountView, QueryStatus, QueryView, ResultView};
use crate::proto::work::{ScanPlan, SearchFound, Work};
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry, Ticket, ToStorekeeper};

/// Answers are kept this long after success, failure, and a mistake of the user.
const KEPT_AFTER_SUCCESS: Duration = Duration::from_secs(3 * 3600);
const KEPT_AFTER_FAILURE: Duration = Duration::from_secs(3600);
const KEPT_AFTER_MISTAKE: Duration = Duration::from_secs(600);
/// References that are resolved in one look-up, and posts checked in one.
const LOOKUP_BATCH: usize = 100;
/// Uploaded images that wait in memory at once (20 MiB each at most).
const MAX_ATTACHED: usize = 16;

/// One request of a user.
#[derive(Debug)]
pub struct Query {
    /// The URL as asked, or the identifier of a direct search.
    pub subject: String,
    pub(in crate::broker) public_id: String,
    /// Names of the webhooks that get the final answer, or have got it.
    pub(in crate::broker) webhooks: BTreeSet<String>,
    pub(in crate::broker) key: String,
    kind: Kind,
    /// Accounts and posts on others are left out.
    networks: Networks,
    pub(in crate::broker) client: Client,
    pub status: QueryStatus,
    entered: Monotonic,
    steps: Vec<(QueryStatus, u64)>,
    first_time: bool,
    images: Vec<ImageSource>,
    published: Option<Timestamp>,
    candidates: Vec<Candidate>,
    accounts: Vec<Account>,
    /// Parts of the present step that are still out (look-ups in several batches).
    outstanding: usize,
    resolutions: Vec<Resolution>,
    scans: Vec<ScanId>,
    waiting: BTreeSet<ScanId>,
    /// Accounts that are indexed whatever becomes of the scans.
    indexed_already: bool,
    found: Vec<FoundImage>,
    found_similar: Vec<FoundImage>,
    checked: PostStates,
    results: Vec<ResultView>,
    similar: Vec<ResultView>,
    error: Option<(FailureCode, String)>,
    item: Option<(crate::base::roles::Stage, ItemId)>,
    /// Its acceptance is on the way to the journal; gone once it is there.
    being_written: Option<Ticket>,
    version: u64,
    started: Monotonic,
}

#[derive(Debug)]
enum Kind {
    Page,
    /// A direct search: of attached bytes or of an image at a URL.
    Image {
        image: QueryImage,
        blob: Option<BlobKey>,
        turned: bool,
    },
}

/// Parameters that say where a visitor came from, never which page is meant; beside those that start with `utm_`.
const TRACKING: &[&str] =
    &["fbclid", "gclid", "dclid", "msclkid", "twclid", "igshid", "mc_cid", "mc_eid", "ref_src", "ref_url"];

/// The key under which a page is asked for again: one page, one query. `None`: not a URL.
///
/// It knows no site, so it only takes away what means nothing on any: `www.`, a slash at the end, an escaped `&amp;`, the
/// parameters of `TRACKING`. Two forms of a page that only its site can tell to be one are two queries, whose
/// accounts are scanned once all the same.
pub fn query_key(url: &str) -> Option<String> {
    let mut parsed = Url::parse(&url.trim().replace("&amp;", "&")).ok()?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.host_str()?.contains('.') {
        return None;
    }
    parsed.set_scheme("https").ok()?;
    let bare_host = parsed.host_str()?.strip_prefix("www.").filter(|rest| rest.contains('.'));
    if let Some(host) = bare_host.map(str::to_owned) {
        parsed.set_host(Some(&host)).ok()?;
    }
    let path = parsed.path().trim_end_matches('/').to_owned();
    parsed.set_path(&path);
    let is_kept = |name: &str| !name.starts_with("utm_") && !TRACKING.contains(&name);
    let kept: Vec<(String, String)> = parsed
        .query_pairs()
        .filter(|(name, _)| is_kept(name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    if kept.is_empty() {
        parsed.set_query(None);
    } else if kept.len() != parsed.query_pairs().count() {
        parsed.query_pairs_mut().clear().extend_pairs(kept);
    }
    if parsed.fragment() == Some("") {
        parsed.set_fragment(None);
    }
    Some(parsed.into())
}

impl State {
    // ---- what fronts ask

    pub(in crate::broker) fn answer_front(
        &mut self,
        front: ContainerId,
        ask: AskId,
        question: FrontQuestion,
        blob: Option<BlobKey>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let answer = match question {
            FrontQuestion::Query { url, client, networks, webhook } => {
                return self.ask_query(front, ask, url, networks, client, webhook, now, effects);
            }
            FrontQuestion::QueryState { id } => match self.query_ids.get(&id) {
                Some(&query) => return self.answer_when_written(front, ask, query, now, effects),
                None => no_such_request(),
            },
            FrontQuestion::SearchImage { len_bytes, account_name, turned, networks, client } => {
                let Some(blob) = blob else {
                    let code = FailureCode::ImageMissing;
                    let detail = code.explanation().to_owned();
                    return self.tell_front(front, ask, FrontAnswer::Refused { code, detail }, effects);
                };
                if self.attached >= MAX_ATTACHED {
                    effects.push(Effect::DropBlob(blob));
                    let code = FailureCode::YourIpHasMaxProcessingRequests;
                    let detail = format!("{MAX_ATTACHED} uploaded images are being searched; try again soon");
                    return self.tell_front(front, ask, FrontAnswer::Refused { code, detail }, effects);
                }
                let image = QueryImage::Attached { len_bytes };
                let kind = Kind::Image { image, blob: Some(blob), turned };
                return self.ask_search(front, ask, kind, account_name, networks, client, now, effects);
            }
            FrontQuestion::SearchUrl { url, account_name, turned, networks, client } => {
                let image = QueryImage::Urls(vec![ImageSource::plain(url)]);
                let kind = Kind::Image { image, blob: None, turned };
                return self.ask_search(front, ask, kind, account_name, networks, client, now, effects);
            }
            FrontQuestion::SearchState { identifier } => {
                match self.query_keys.get(&search_key(&identifier)) {
                    Some(&query) => return self.answer_with_query(front, ask, query, now, effects),
                    None => no_such_request(),
                }
            }
            FrontQuestion::Scan { handle } => return self.ask_scan(front, ask, &handle, now, effects),
            FrontQuestion::Account { name } => return self.ask_account(front, ask, &name, effects),
            FrontQuestion::Stats => FrontAnswer::Stats(self.stats(now)),
            FrontQuestion::Threads => FrontAnswer::Threads(self.threads(now)),
            FrontQuestion::Queues => FrontAnswer::Queues(self.queue_views(now)),
            FrontQuestion::Metrics { skip } => {
                let (steps, more) = self.metrics.page(usize::try_from(skip).unwrap_or(usize::MAX));
                FrontAnswer::Metrics { steps, more }
            }
            FrontQuestion::Counters => FrontAnswer::Counters(self.counters()),
            FrontQuestion::Health => FrontAnswer::Health(self.problems(now)),
        };
        self.tell_front(front, ask, answer, effects);
    }

    #[expect(clippy::too_many_arguments, reason = "one call site; a struct would name each field twice")]
    fn ask_query(
        &mut self,
        front: ContainerId,
        ask: AskId,
        url: String,
        networks: Networks,
        client: Client,
        webhook: Option<String>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let refusal = match url.trim() {
            "" => Some(FailureCode::NoUrlField),
            trimmed if trimmed.chars().count() > MAX_URL_CHARS => Some(FailureCode::UrlTooLong),
            _ => None,
        };
        if let Some(code) = refusal {
            let detail = code.explanation().to_owned();
            return self.tell_front(front, ask, FrontAnswer::Refused { code, detail }, effects);
        }
        let url = url.trim().to_owned();
        let key = query_key(&url).map(|key| on_networks(key, &networks));
        // What is no URL has no key of its own either: it is remembered as it was written.
        let known = self.query_keys.get(key.as_ref().unwrap_or(&url)).copied();
        if let Some(query) = known {
            return match webhook.and_then(|webhook| self.add_webhook(query, webhook, now, effects)) {
                Some(entry) => self.answer_once_written(front, ask, query, entry, effects),
                None => self.answer_when_written(front, ask, query, now, effects),
            };
        }
        if let Some(why) = self.why_not_now() {
            return self.tell_front(front, ask, FrontAnswer::NotNow { why }, effects);
        }
        if self.is_overloaded(&client) {
            return self.tell_front(front, ask, FrontAnswer::Overloaded, effects);
        }
        if !self.limits.admit(&client, self.policy.max_processing_requests_per_ip) {
            let code = FailureCode::YourIpHasMaxProcessingRequests;
            let detail = code.explanation().to_owned();
            return self.tell_front(front, ask, FrontAnswer::Refused { code, detail }, effects);
        }
        let is_url = key.is_some();
        let key = key.unwrap_or_else(|| url.clone());
        let id = self.add_query(url, key, Kind::Page, networks, client, now);
        if let Some(query) = self.queries.get_mut(&id) {
            query.webhooks.extend(webhook);
        }
        if !is_url {
            let why = FailureCode::NotAnUrl.explanation().to_owned();
            self.end_query(id, Some((FailureCode::NotAnUrl, why)), now, effects);
            return self.answer_with_query(front, ask, id, now, effects);
        }
        self.begin(id, now);
        if let Some(entry) = self.queries.get(&id).map(Query::accepted) {
            self.answer_once_written(front, ask, id, entry, effects);
        }
    }

    /// "Accepted" is said only once it is written down.
    fn answer_once_written(
        &mut self,
        front: ContainerId,
        ask: AskId,
        query: QueryId,
        entry: JournalEntry,
        effects: &mut Vec<Effect>,
    ) {
        let ticket = self.expect(Pending::Accepted { askers: vec![(front, ask)], query });
        if let Some(query) = self.queries.get_mut(&query) {
            query.being_written = Some(ticket);
        }
        effects.push(Effect::ToStore(ToStorekeeper::Journal { ticket, entry }));
    }

    /// True when there is no room for one more query of a stranger. Who is exempt from limits is from this too.
    fn is_overloaded(&self, client: &Client) -> bool {
        *client != Client::Exempt && self.limits.total() >= self.policy.max_processing_requests
    }

    /// Starts a query that was accepted before the broker was restarted.
    pub(in crate::broker) fn resume_query(
        &mut self,
        url: &str,
        networks: Networks,
        client: Client,
        webhooks: Vec<String>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(key) = query_key(url).map(|key| on_networks(key, &networks)) else { return };
        if self.query_keys.contains_key(&key) {
            return;
        }
        self.limits.admit_again(&client);
        let id = self.add_query(url.to_owned(), key, Kind::Page, networks, client, now);
        if let Some(query) = self.queries.get_mut(&id) {
            query.webhooks.extend(webhooks);
        }
        self.begin(id, now);
        self.query_changed(id, now, effects);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call site per way in; a struct would name each field twice"
    )]
    fn ask_search(
        &mut self,
        front: ContainerId,
        ask: AskId,
        kind: Kind,
        account_name: Option<String>,
        networks: Networks,
        client: Client,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let blob = match kind {
            Kind::Image { blob, .. } => blob,
            Kind::Page => None,
        };
        if self.is_overloaded(&client) {
            effects.extend(blob.map(Effect::DropBlob));
            return self.tell_front(front, ask, FrontAnswer::Overloaded, effects);
        }
        let named = account_name.as_deref().map(account_named).transpose().map_err(str::to_owned);
        let account = match named.and_then(|account| searched(account, &networks)) {
            Ok(account) => account,
            Err(why) => {
                effects.extend(blob.map(Effect::DropBlob));
                let code = FailureCode::InvalidTwitterAccount;
                let answer = FrontAnswer::Refused { code, detail: why };
                return self.tell_front(front, ask, answer, effects);
            }
        };
        if !self.limits.admit(&client, self.policy.max_processing_requests_per_ip) {
            effects.extend(blob.map(Effect::DropBlob));
            let code = FailureCode::YourIpHasMaxProcessingRequests;
            let detail = code.explanation().to_owned();
            return self.tell_front(front, ask, FrontAnswer::Refused { code, detail }, effects);
        }
        self.attached += usize::from(blob.is_some());
        let identifier = self.new_identifier();
        let key = search_key(&identifier);
        let id = self.add_query(identifier, key, kind, networks, client, now);
        match account {
            Some(account) => {
                if let Some(refusal) = self.look_up_refused(std::iter::once(account.network()), now) {
                    self.end_query(id, Some(refusal), now, effects);
                    return self.answer_with_query(front, ask, id, now, effects);
                }
                self.enqueue_for(id, Work::Resolve { refs: vec![account] }, now);
                self.enter(id, QueryStatus::WaitReverseSearch, now, effects);
            }
            None => self.search(id, SearchScope::Everything, now, effects),
        }
        self.answer_with_query(front, ask, id, now, effects);
    }

    /// Unguessable: the number is mixed with a salt that only this run knows (SplitMix64's finisher).
    fn new_identifier(&mut self) -> String {
        let number = self.next_number();
        let mut mixed = self.policy.salt ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        format!("{:016x}{number:x}", mixed ^ (mixed >> 31))
    }

    fn add_query(
        &mut self,
        subject: String,
        key: String,
        kind: Kind,
        networks: Networks,
        client: Client,
        now: Now,
    ) -> QueryId {
        let id = QueryId(self.next_number());
        self.query_keys.insert(key.clone(), id);
        let public_id = match kind {
            Kind::Page => public_id(&key),
            Kind::Image { .. } => subject.clone(),
        };
        if matches!(kind, Kind::Page) {
            self.query_ids.insert(public_id.clone(), id);
        }
        let query = Query {
            subject,
            public_id,
            webhooks: BTreeSet::new(),
            key,
            kind,
            networks,
            client,
            status: QueryStatus::WaitLinkFinder,
            entered: now.mono,
            steps: Vec::new(),
            first_time: false,
            images: Vec::new(),
            published: None,
            candidates: Vec::new(),
            accounts: Vec::new(),
            outstanding: 0,
            resolutions: Vec::new(),
            scans: Vec::new(),
            waiting: BTreeSet::new(),
            indexed_already: false,
            found: Vec::new(),
            found_similar: Vec::new(),
            checked: Vec::new(),
            results: Vec::new(),
            similar: Vec::new(),
            error: None,
            item: None,
            being_written: None,
            version: 0,
            started: now.mono,
        };
        self.queries.insert(id, query);
        id
    }

    fn begin(&mut self, id: QueryId, now: Now) {
        let Some(url) = self.queries.get(&id).map(|query| query.subject.clone()) else { return };
        self.enqueue_for(id, Work::FindLinks { query: id, url }, now);
    }

    fn enqueue_for(&mut self, id: QueryId, work: Work, now: Now) {
        let stage = stage_of(&work);
        let item = self.enqueue(Owner::Query(id), work, Priority::User, 0, now);
        if let Some(query) = self.queries.get_mut(&id) {
            query.item = Some((stage, item));
        }
    }

    // ---- the way of a query

    /// A worker took the query's work item. Returns the bulk bytes that must travel with it.
    pub(in crate::broker) fn started(
        &mut self,
        id: QueryId,
        work: &Work,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<BlobKey> {
        let status = match work {
            Work::FindLinks { .. } => QueryStatus::LinkFinder,
            Work::PlanScans { .. } => QueryStatus::IndexAccounts,
            Work::SearchImage { .. } => QueryStatus::ReverseSearch,
            Work::Resolve { .. }
            | Work::CheckPosts { .. }
            | Work::LookUpPosts { .. }
            | Work::ListPosts { .. }
            | Work::IndexPosts { .. }
            | Work::Maintain(_)
            | Work::Deliver(_) => return None,
        };
        self.enter(id, status, now, effects);
        match (&self.queries.get(&id)?.kind, status) {
            (Kind::Image { blob, .. }, QueryStatus::ReverseSearch) => *blob,
            _ => None,
        }
    }

    fn enter(&mut self, id: QueryId, status: QueryStatus, now: Now, effects: &mut Vec<Effect>) {
        let Some(query) = self.queries.get_mut(&id) else { return };
        if query.status == status || query.status == QueryStatus::End {
            return;
        }
        let spent = now.mono.since(query.entered);
        query.steps.push((query.status, u64::try_from(spent.as_millis()).unwrap_or(u64::MAX)));
        let name = query.status.as_str();
        query.status = status;
        query.entered = now.mono;
        self.metrics.record(name, micros(spent));
        self.query_changed(id, now, effects);
    }

    /// Step 1, first half: the page is read.
    pub(in crate::broker) fn links_found(
        &mut self,
        id: QueryId,
        links: LinksFound,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(query) = self.live(id) else { return };
        query.images = links.images;
        query.published = links.published;
        query.candidates = links.candidates;
        if query.candidates.is_empty() {
            let code = FailureCode::NoTwitterAccountFound;
            let why = format!("{} ({} pages were read.)", code.explanation(), links.pages);
            return self.end_query(id, Some((code, why)), now, effects);
        }
        let mut refs: Vec<AccountRef> =
            query.candidates.iter().map(|candidate| candidate.account.clone()).collect();
        refs.retain(|asked| query.networks.has(asked.network()));
        if refs.is_empty() {
            let code = FailureCode::NoTwitterAccountFound;
            let why = format!("None of the accounts found is on {}.", query.networks);
            return self.end_query(id, Some((code, why)), now, effects);
        }
        if let Some(refusal) = self.look_up_refused(refs.iter().map(AccountRef::network), now) {
            // The other networks cost nothing: the query goes on without the one that does.
            refs.retain(|asked| !self.is_billed(asked.network()));
            if refs.is_empty() {
                return self.end_query(id, Some(refusal), now, effects);
            }
        }
        let Some(query) = self.live(id) else { return };
        query.outstanding = refs.len().div_ceil(LOOKUP_BATCH);
        query.resolutions.clear();
        for batch in refs.chunks(LOOKUP_BATCH) {
            self.enqueue_for(id, Work::Resolve { refs: batch.to_vec() }, now);
        }
        self.query_changed(id, now, effects);
    }

    /// Step 1, second half: the accounts are verified with their networks.
    pub(in crate::broker) fn resolved(
        &mut self,
        id: QueryId,
        resolutions: Vec<Resolution>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(query) = self.live(id) else { return };
        if matches!(query.kind, Kind::Image { .. }) {
            return self.search_account_resolved(id, resolutions, now, effects);
        }
        query.resolutions.extend(resolutions);
        query.outstanding = query.outstanding.saturating_sub(1);
        if query.outstanding > 0 {
            return;
        }
        let mut dropped = Vec::new();
        let mut accounts: Vec<Account> = Vec::new();
        for resolution in std::mem::take(&mut query.resolutions) {
            match resolution.outcome {
                ResolutionOutcome::Readable(account) => {
                    if accounts.iter().all(|known| known.key != account.key) {
                        accounts.push(account);
                    }
                }
                outcome => {
                    let why = outcome.refusal().unwrap_or_default();
                    dropped.push(format!("{} {why}", resolution.asked));
                }
            }
        }
        let before = accounts.len();
        accounts.retain(|account| !self.is_blocklisted(account));
        if accounts.len() < before {
            dropped.push(format!("{} on this server's blocklist", before - accounts.len()));
        }
        let Some(query) = self.live(id) else { return };
        query.accounts = accounts.clone();
        if accounts.is_empty() {
            let code = FailureCode::NoValidTwitterAccountFound;
            let why = format!("None of the artist's accounts can be read: {}.", dropped.join(", "));
            return self.end_query(id, Some((code, why)), now, effects);
        }
        let published = query.published;
        self.enqueue_for(id, Work::PlanScans { query: id, accounts, published }, now);
        self.enter(id, QueryStatus::WaitIndexAccounts, now, effects);
    }

    /// Step 2: it is known which accounts must be scanned first.
    pub(in crate::broker) fn planned(
        &mut self,
        id: QueryId,
        plan: ScanPlan,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(query) = self.live(id) else { return };
        query.first_time = plan.first_time;
        query.indexed_already = plan.scans.len() < query.accounts.len()
            || plan.scans.iter().any(|(_, state)| state.scanned_at().is_some());
        for (account, state) in plan.scans {
            let scan = self.start_scan(account, &state, Priority::User, Some(id), now, effects);
            let waits = !self.waits_for_budget(scan);
            if let Some(query) = self.live(id) {
                query.scans.push(scan);
                if waits {
                    query.waiting.insert(scan);
                }
            }
        }
        self.query_changed(id, now, effects);
        self.search_if_scanned(id, now, effects);
    }

    pub(in crate::broker) fn scan_ended_for(
        &mut self,
        id: QueryId,
        scan: ScanId,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(query) = self.live(id) else { return };
        query.waiting.remove(&scan);
        self.search_if_scanned(id, now, effects);
    }

    fn search_if_scanned(&mut self, id: QueryId, now: Now, effects: &mut Vec<Effect>) {
        let Some(query) = self.queries.get(&id) else { return };
        if !query.waiting.is_empty() || query.status != QueryStatus::IndexAccounts {
            return;
        }
        let mut failure = None;
        let mut succeeded = query.indexed_already;
        for scan in &query.scans {
            match self.scans.get(scan).and_then(|scan| scan.outcome.as_ref()) {
                Some(ScanOutcome::Failed { code, why }) => failure = Some((*code, why.clone())),
                None if self.waits_for_budget(*scan) => failure = Some(self.why_deferred(*scan, now)),
                Some(ScanOutcome::Done) | None => succeeded = true,
            }
        }
        match failure {
            Some(failure) if !succeeded => self.end_query(id, Some(failure), now, effects),
            _ => {
                let accounts = query.accounts.iter().map(|account| account.key.clone()).collect();
                self.search(id, SearchScope::Accounts(accounts), now, effects);
            }
        }
    }

    fn search(&mut self, id: QueryId, scope: SearchScope, now: Now, effects: &mut Vec<Effect>) {
        let Some(query) = self.queries.get(&id) else { return };
        let (image, turned) = match &query.kind {
            Kind::Page => (QueryImage::Urls(query.images.clone()), false),
            Kind::Image { image, turned, .. } => (image.clone(), *turned),
        };
        self.enqueue_for(id, Work::SearchImage { query: id, image, scope, turned }, now);
        self.enter(id, QueryStatus::WaitReverseSearch, now, effects);
        self.query_changed(id, now, effects);
    }

    /// A direct search names an account: it must exist and be indexed.
    fn search_account_resolved(
        &mut self,
        id: QueryId,
        resolutions: Vec<Resolution>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        match resolutions.into_iter().next().map(|resolution| resolution.outcome) {
            Some(ResolutionOutcome::Readable(account)) => {
                if let Some(query) = self.live(id) {
                    query.accounts = vec![account.clone()];
                }
                let question = Question::AccountStates(vec![account.key.clone()]);
                let ticket = self.expect(Pending::SearchStart { query: id, account });
                effects.push(Effect::ToStore(ToStorekeeper::Ask { ticket, question }));
            }
            _ => {
                let code = FailureCode::InvalidTwitterAccount;
                self.end_query(id, Some((code, code.explanation().to_owned())), now, effects);
            }
        }
    }

    pub(in crate::broker) fn search_states_known(
        &mut self,
        id: QueryId,
        account: Account,
        answer: Answer,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if self.live(id).is_none() {
            return;
        }
        let failure = match answer {
            Answer::AccountStates(states) => {
                let indexed = states
                    .iter()
                    .any(|state| state.search_listed_at.is_some() || state.timeline_listed_at.is_some());
                if indexed {
                    return self.search(id, SearchScope::Accounts(vec![account.key]), now, effects);
                }
                let code = FailureCode::TwitterAccountNotIndexed;
                (code, code.explanation().to_owned())
            }
            _ => (FailureCode::ProcessingError, "the database could not be read".to_owned()),
        };
        self.end_query(id, Some(failure), now, effects);
    }

    /// Step 3, first half: the stored images that resemble the artwork.
    pub(in crate::broker) fn found(
        &mut self,
        id: QueryId,
        found: SearchFound,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(query) = self.live(id) else { return };
        if found.low_quality {
            let code = FailureCode::ErrorDuringReverseSearch;
            let why = "The image has nothing to be recognised by (one colour, a gradient, or symmetric)."
                .to_owned();
            return self.end_query(id, Some((code, why)), now, effects);
        }
        query.found = found.images;
        query.found_similar = found.similar;
        let networks = &query.networks;
        query.found.retain(|image| networks.has(image.post.network));
        query.found_similar.retain(|image| networks.has(image.post.network));
        let images = query.found.iter().chain(&query.found_similar);
        let mut posts: Vec<_> = images.map(|image| image.post.clone()).collect();
        posts.sort();
        posts.dedup();
        let used = query.accounts.iter().map(|account| account.key.clone()).collect();
        effects.push(Effect::ToStore(ToStorekeeper::CountUse { accounts: used }));
        if posts.is_empty() {
            return self.end_query(id, None, now, effects);
        }
        query.outstanding = posts.len().div_ceil(LOOKUP_BATCH);
        for batch in posts.chunks(LOOKUP_BATCH) {
            self.enqueue_for(id, Work::CheckPosts { posts: batch.to_vec() }, now);
        }
    }

    /// Step 3, second half: posts that are gone are left out, the others sorted.
    pub(in crate::broker) fn checked(
        &mut self,
        id: QueryId,
        states: PostStates,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(query) = self.live(id) else { return };
        query.checked.extend(states);
        query.outstanding = query.outstanding.saturating_sub(1);
        if query.outstanding > 0 {
            return;
        }
        let gone: BTreeSet<_> = std::mem::take(&mut query.checked)
            .into_iter()
            .filter(|(_, state)| *state == PostState::Gone)
            .map(|(post, _)| post)
            .collect();
        let mut found = std::mem::take(&mut query.found);
        found.retain(|image| !gone.contains(&image.post));
        // The order of the original: distance, images in the post, age; within a post the later image first.
        found.sort_by(|a, b| {
            (a.distance, a.count, a.post.network, a.post.age_order(), std::cmp::Reverse(a.position)).cmp(&(
                b.distance,
                b.count,
                b.post.network,
                b.post.age_order(),
                std::cmp::Reverse(b.position),
            ))
        });
        // In the order of the search: by class, then distance.
        let mut similar = std::mem::take(&mut query.found_similar);
        similar.retain(|image| !gone.contains(&image.post));
        query.results = found.into_iter().map(|image| query.result_view(image)).collect();
        query.similar = similar.into_iter().map(|image| query.result_view(image)).collect();
        self.end_query(id, None, now, effects);
    }

    /// An image that cannot be fetched is the mistake of whoever gave its address, and the site's trouble
    /// where a page led to it.
    pub(in crate::broker) fn code_for(&self, id: QueryId, code: FailureCode) -> FailureCode {
        let is_direct = matches!(self.queries.get(&id).map(|query| &query.kind), Some(Kind::Image { .. }));
        match code {
            FailureCode::ErrorDuringReverseSearch if is_direct => FailureCode::CannotGetImage,
            code => code,
        }
    }

    /// The query is over: with its results, or with an error.
    pub(in crate::broker) fn end_query(
        &mut self,
        id: QueryId,
        error: Option<(FailureCode, String)>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if self.live(id).is_none() {
            return;
        }
        let kept = match &error {
            None => KEPT_AFTER_SUCCESS,
            Some((code, _)) if code.is_users_mistake() => KEPT_AFTER_MISTAKE,
            // The budget may be raised, or the day end.
            Some((FailureCode::ApiBudgetExhausted, _)) => KEPT_AFTER_MISTAKE,
            Some(_) => KEPT_AFTER_FAILURE,
        };
        if let Some((code, _)) = &error {
            *self.failures.entry(*code).or_default() += 1;
        }
        let Some(query) = self.live(id) else { return };
        query.error = error;
        query.candidates.shrink_to_fit();
        query.found = Vec::new();
        query.found_similar = Vec::new();
        query.item = None;
        let client = query.client.clone();
        let key = query.key.clone();
        let is_page = matches!(query.kind, Kind::Page);
        let started = query.started;
        let blob = match &mut query.kind {
            Kind::Image { blob, .. } => blob.take(),
            Kind::Page => None,
        };
        self.enter(id, QueryStatus::End, now, effects);
        self.metrics.record("query: whole", micros(now.mono.since(started)));
        if self.policy.results_log
            && let Some(view) = self.query_view(id, now)
        {
            effects.push(Effect::ToStore(ToStorekeeper::NoteResult { view: Box::new(view) }));
        }
        self.limits.release(&client);
        self.attached = self.attached.saturating_sub(usize::from(blob.is_some()));
        effects.extend(blob.map(Effect::DropBlob));
        if is_page {
            let entry = self.end_with_deliveries(id, key, now, effects);
            self.journal(entry, effects);
        }
        self.watchers.remove(&id);
        self.query_expiry.insert((now.mono.plus(kept), id));
    }

    pub(in crate::broker) fn journal(&mut self, entry: JournalEntry, effects: &mut Vec<Effect>) {
        // Nobody waits for it: the answer to this ticket is dropped.
        let ticket = crate::storekeeper::orders::Ticket(0);
        effects.push(Effect::ToStore(ToStorekeeper::Journal { ticket, entry }));
    }

    pub(in crate::broker) fn forget_ended(&mut self, now: Now) {
        while let Some(&(due, id)) = self.query_expiry.first() {
            if due > now.mono && self.query_expiry.len() <= self.policy.max_kept_queries {
                break;
            }
            self.query_expiry.pop_first();
            if let Some(query) = self.queries.remove(&id) {
                self.query_keys.remove(&query.key);
                self.query_ids.remove(&query.public_id);
            }
            self.watchers.remove(&id);
            self.forget_scans(now);
        }
    }

    /// The query, unless it is unknown or has ended.
    fn live(&mut self, id: QueryId) -> Option<&mut Query> {
        self.queries.get_mut(&id).filter(|query| query.status != QueryStatus::End)
    }

    // ---- showing it

    /// Answers with the state of a query, once its acceptance is written down: whoever was told of it finds it
    /// again after a crash.
    fn answer_when_written(
        &mut self,
        front: ContainerId,
        ask: AskId,
        id: QueryId,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let ticket = self.queries.get(&id).and_then(|query| query.being_written);
        match ticket.and_then(|ticket| self.pending.get_mut(&ticket)) {
            Some(Pending::Accepted { askers, .. }) => {
                askers.push((front, ask));
                self.turn_away_who_waits(effects);
            }
            Some(_) | None => self.answer_with_query(front, ask, id, now, effects),
        }
    }

    pub(in crate::broker) fn answer_with_query(
        &mut self,
        front: ContainerId,
        ask: AskId,
        id: QueryId,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let answer = match self.query_view(id, now) {
            None => no_such_request(),
            Some(view) => match self.queries.get(&id).map(|query| &query.kind) {
                Some(Kind::Image { .. }) => FrontAnswer::Search { identifier: view.subject.clone(), view },
                _ => FrontAnswer::Query(view),
            },
        };
        self.tell_front(front, ask, answer, effects);
    }

    pub(in crate::broker) fn watch(
        &mut self,
        front: ContainerId,
        id: QueryId,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(view) = self.query_view(id, now) else { return };
        if view.status != QueryStatus::End {
            self.watchers.entry(id).or_default().insert(front);
        }
        effects.push(Effect::ToFront { to: front, message: BrokerToFront::Changed { view } });
    }

    pub(in crate::broker) fn unwatch(&mut self, front: ContainerId, id: QueryId) {
        if let Some(listeners) = self.watchers.get_mut(&id) {
            listeners.remove(&front);
            if listeners.is_empty() {
                self.watchers.remove(&id);
            }
        }
    }

    pub(in crate::broker) fn query_changed(&mut self, id: QueryId, now: Now, effects: &mut Vec<Effect>) {
        let Some(query) = self.queries.get_mut(&id) else { return };
        query.version += 1;
        let Some(listeners) = self.watchers.get(&id).cloned() else { return };
        if let Some(view) = self.query_view(id, now) {
            for front in listeners {
                let message = BrokerToFront::Changed { view: view.clone() };
                effects.push(Effect::ToFront { to: front, message });
            }
        }
    }

    pub(in crate::broker) fn query_view(&self, id: QueryId, now: Now) -> Option<QueryView> {
        let query = self.queries.get(&id)?;
        let mut steps = query.steps.clone();
        if query.status != QueryStatus::End {
            let spent = now.mono.since(query.entered);
            steps.push((query.status, u64::try_from(spent.as_millis()).unwrap_or(u64::MAX)));
        }
        let waits = matches!(
            query.status,
            QueryStatus::WaitLinkFinder | QueryStatus::WaitIndexAccounts | QueryStatus::WaitReverseSearch
        );
        let waiting = query.item.filter(|_| waits);
        let queue_position = waiting
            .and_then(|(stage, item)| self.queue_position(stage, item))
            .map(|position| u32::try_from(position).unwrap_or(u32::MAX));
        let estimated_wait_ms = waiting
            .zip(queue_position)
            .and_then(|((stage, _), position)| self.estimated_wait_ms(stage, position));
        let scans = || query.scans.iter().filter_map(|scan| self.scans.get(scan));
        Some(QueryView {
            query: id,
            id: query.public_id.clone(),
            subject: query.subject.clone(),
            status: query.status,
            has_first_time_scan: query.first_time,
            accounts: query.accounts.iter().map(|account| query.account_view(account)).collect(),
            results: query.results.clone(),
            similar: query.similar.clone(),
            error: query.error.as_ref().map(|(code, _)| *code),
            error_detail: query.error.as_ref().map(|(_, why)| why.clone()).unwrap_or_default(),
            image_url: query.images.first().map(|image| image.url.clone()),
            steps,
            queue_position,
            estimated_wait_ms,
            waits_for_network: query.status != QueryStatus::End && self.network.is_lost(),
            posts_listed: scans().map(|scan| scan.listed).sum(),
            posts_indexed: scans().map(|scan| scan.indexed).sum(),
            still_listing: scans().any(|scan| scan.is_listing()),
            posts_total: scans()
                .map(|scan| scan.account.posts)
                .sum::<Option<u64>>()
                .filter(|_| !query.scans.is_empty()),
            version: query.version,
        })
    }
}

impl Query {
    /// What the journal keeps of a page's query until it ends.
    pub(in crate::broker) fn accepted(&self) -> JournalEntry {
        let request = AcceptedRequest::Query {
            url: self.subject.clone(),
            networks: self.networks.clone(),
            client: self.client.clone(),
            webhooks: self.webhooks.iter().cloned().collect(),
        };
        JournalEntry::Accepted { key: self.key.clone(), request }
    }

    fn result_view(&self, image: FoundImage) -> ResultView {
        let account = self.accounts.iter().find(|account| account.key == image.account);
        ResultView {
            handle: account.map(|account| account.handle.clone()),
            post: image.post,
            account: image.account,
            position: image.position,
            count: image.count,
            distance: image.distance,
            variant: image.variant,
            class: image.class,
            second_stage: image.second_stage,
            image_name: image.name,
            published: image.published,
        }
    }

    fn account_view(&self, account: &Account) -> AccountView {
        let candidate = self.candidates.iter().find(|candidate| match &candidate.account {
            AccountRef::Id(key) => *key == account.key,
            AccountRef::Handle { network, handle } => {
                *network == account.key.network && *handle == account.handle
            }
        });
        AccountView {
            key: account.key.clone(),
            handle: account.handle.clone(),
            evidence: candidate.map(|candidate| candidate.evidence),
            chain: candidate.map(|candidate| candidate.chain.clone()).unwrap_or_default(),
        }
    }
}

/// The key of a query that is about some networks alone: another answer, so another query.
fn on_networks(key: String, networks: &Networks) -> String {
    // A space is in no URL.
    if networks.are_all() { key } else { format!("{key} on {networks}") }
}

/// The account that a search names, if it may be searched in.
fn searched(account: Option<AccountRef>, networks: &Networks) -> Result<Option<AccountRef>, String> {
    match account {
        Some(account) if !networks.has(account.network()) => {
            Err(format!("{account} is on {}, the search is about {networks} alone", account.network()))
        }
        account => Ok(account),
    }
}

fn no_such_request() -> FrontAnswer {
    let code = FailureCode::NoSuchRequest;
    FrontAnswer::Refused { code, detail: code.explanation().to_owned() }
}

/// Names a page's query in the API: the same after a restart, and of any page 32 characters long.
fn public_id(key: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn search_key(identifier: &str) -> String {
    format!("search {identifier}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, key: Option<&str>) {
        assert_eq!(query_key(url).as_deref(), key, "{url}");
    }

    #[test]
    fn one_page_has_one_key() {
        let key = Some("https://pixiv.net/en/artworks/1#44");
        check("https://www.pixiv.net/en/artworks/1#44", key);
        check(" http://WWW.pixiv.net:80/en/artworks/1?utm_source=x#44", key);
        check("https://pixiv.net/en/artworks/1/?fbclid=a&amp;ref_src=b#44", key);
        check("https://a.example/view?id=3&utm_medium=y", Some("https://a.example/view?id=3"));
        check("https://a.example/view?id=3#", Some("https://a.example/view?id=3"));
        check("https://a.example/view?page=post&amp;id=3", Some("https://a.example/view?page=post&id=3"));
        check("https://a.example", Some("https://a.example/"));
        check("https://www.example", Some("https://www.example/"));
        check("www.pixiv.net/artworks/1", None);
        check("ftp://a.example/", None);
        check("https://localhost/", None);
        check("hello", None);
    }
}
