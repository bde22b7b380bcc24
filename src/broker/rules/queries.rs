//! The way of a query, from the artwork's page (or an image) to the found posts.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::counted;
use crate::base::ids::{AccountKey, Network, PostKey, QueryId};
use crate::broker::books::blob::BlobKey;
use crate::broker::books::query::{Kind, Origin, Outcome, Phase, Pickup, Query};
use crate::broker::rules::{admission, artist, following, gone_posts, indexing, query_steps, verdicts};
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Pending;
use crate::domain::accounts::{
    Account, AccountRecord, AccountRef, AccountState, LeftOut, LeftOutReason, LinksFound, NoImage,
    OtherAccount, Resolution, ResolutionOutcome, Standing,
};
use crate::domain::failure::FailureCode;
use crate::domain::images::{FoundImage, ImageSource, MatchClass, QueryImage, SearchScope};
use crate::domain::posts::{LookedUpPost, PostOutcome, PostState};
use crate::domain::reads::Resource;
use crate::domain::wanted::Wanted;
use crate::proto::stage::{Answer, Question};
use crate::proto::view::ResultView;
use crate::proto::work::{ScanPlan, SearchFound, Work};
use crate::storekeeper::orders::ToStorekeeper;

/// References that are resolved in one look-up, and posts checked in one.
const LOOKUP_BATCH: usize = 100;

// ---- its beginning

/// Adds a query, which is to be begun or ended at once. `subject` is the URL as asked, or the identifier of a
/// direct search.
pub fn add(turn: &mut Turn, subject: String, key: String, kind: Kind, origin: Origin) -> QueryId {
    let id = QueryId(turn.state.next_number());
    turn.state.query_keys.insert(key.clone(), id);
    let query = Query::new(subject, key, kind, origin, turn.now.mono);
    if let Kind::Page = query.head.kind {
        turn.state.query_ids.insert(query.head.public_id.clone(), id);
    }
    turn.state.queries.insert(id, query);
    id
}

/// Step 1: the artwork's page is to be read.
pub fn find_links(turn: &mut Turn, id: QueryId) {
    let Some(url) = turn.live(id).map(|query| query.head.subject.clone()) else { return };
    let item = query_steps::enqueue(turn, id, Work::FindLinks { query: id, url });
    query_steps::enter(turn, id, Phase::FindingLinks(Pickup::Queued(item)));
}

/// A direct search: in an account, which must be indexed, or in everything.
///
/// An account of X that is named by its stable id is looked for in the database first: X could say
/// nothing that matters, bills for it, and may be switched off. Names move from one account to
/// another, and owners on other networks may wish to be left out, so that the network is asked
/// there.
pub fn search_directly(turn: &mut Turn, id: QueryId, account: Option<AccountRef>) {
    match account {
        None => query_steps::search(turn, id, SearchScope::Everything),
        Some(asked) if is_id_on_twitter(&asked) => look_in_database(turn, id, asked, None),
        Some(asked) => ask_network(turn, id, asked),
    }
}

fn is_id_on_twitter(asked: &AccountRef) -> bool {
    matches!(asked, AccountRef::Id(AccountKey { network: Network::Twitter, .. }))
}

fn look_in_database(turn: &mut Turn, id: QueryId, asked: AccountRef, refusal: Option<(FailureCode, String)>) {
    query_steps::enter(turn, id, Phase::CheckingAccount);
    let question = Question::Accounts(asked.clone());
    turn.ask_store(Pending::SearchKnown { query: id, asked, refusal }, question);
}

fn ask_network(turn: &mut Turn, id: QueryId, asked: AccountRef) {
    let network = std::iter::once(asked.network());
    match admission::look_up_refused(turn.state, network, turn.now) {
        Some(refusal) => without_network(turn, id, asked, refusal),
        None => {
            let item = query_steps::enqueue(turn, id, Work::Resolve { refs: vec![asked] });
            query_steps::enter(turn, id, Phase::ResolvingAccount(item));
        }
    }
}

/// The account's network cannot be asked: the search goes on with what is known of it, or ends for
/// that reason.
fn without_network(turn: &mut Turn, id: QueryId, asked: AccountRef, refusal: (FailureCode, String)) {
    match is_id_on_twitter(&asked) {
        // The database was asked before.
        true => query_steps::fail(turn, id, refusal.0, refusal.1),
        false => look_in_database(turn, id, asked, Some(refusal)),
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is known of the account of a direct search, without its network.
pub fn on_account_records(
    turn: &mut Turn,
    id: QueryId,
    asked: AccountRef,
    refusal: Option<(FailureCode, String)>,
    answer: Answer,
) {
    let records = match answer {
        Answer::AccountRecords(records) => records,
        _ => Vec::new(),
    };
    let indexed = records.iter().find(|record| record.is_indexed()).map(AccountRecord::account);
    match (indexed, refusal) {
        (Some(account), _) => {
            let key = account.key.clone();
            if let Some(reason) = turn.blocked(&account, id) {
                return query_steps::fail(
                    turn,
                    id,
                    FailureCode::InvalidTwitterAccount,
                    format!("The account {}.", reason.why()),
                );
            }
            if let Some(query) = turn.live(id) {
                query.facts.accounts = vec![account];
            }
            query_steps::search(turn, id, SearchScope::Accounts(vec![key]));
        }
        (None, None) => ask_network(turn, id, asked),
        (None, Some(refusal)) => match &asked {
            // Digits alone may be a name, and are an id more often.
            AccountRef::Handle { network: Network::Twitter, handle } if is_number(handle) => {
                let by_id = AccountRef::Id(AccountKey::new(Network::Twitter, handle.as_str()));
                look_in_database(turn, id, by_id, Some(refusal));
            }
            asked => {
                let hint = match asked {
                    AccountRef::Handle { network: Network::Twitter, .. } => {
                        " Imported accounts have no name here until they are scanned: give their id, \
                         https://x.com/i/user/ID."
                    }
                    AccountRef::Handle { .. } | AccountRef::Id(_) => "",
                };
                let (code, why) = refusal;
                query_steps::fail(
                    turn,
                    id,
                    code,
                    format!("{why} Nor is an account of this name indexed.{hint}"),
                );
            }
        },
    }
}

/// A worker took the query's work item. Returns the bulk bytes that must travel with it.
pub fn on_taken(turn: &mut Turn, id: QueryId) -> Option<BlobKey> {
    let query = turn.live(id)?;
    let (taken, blob) = match (&query.phase, &query.head.kind) {
        (Phase::FindingLinks(_), _) => (Phase::FindingLinks(Pickup::Taken), None),
        (Phase::PlanningScans(_), _) => (Phase::PlanningScans(Pickup::Taken), None),
        (Phase::Searching(_), Kind::Page) => (Phase::Searching(Pickup::Taken), None),
        (Phase::Searching(_), Kind::Image { upload, .. }) => (Phase::Searching(Pickup::Taken), *upload),
        // Look-ups are parts of a step.
        (
            Phase::Accepted
            | Phase::Resolving { .. }
            | Phase::ResolvingAccount(_)
            | Phase::CheckingAccount
            | Phase::LookingUpPost { .. }
            | Phase::Indexing { .. }
            | Phase::Checking { .. }
            | Phase::Ended(_),
            _,
        ) => return None,
    };
    query_steps::enter(turn, id, taken);
    blob
}

// ---- its steps

/// Step 1, first half: the page is read.
pub fn on_links(turn: &mut Turn, id: QueryId, links: LinksFound) {
    let Some(query) = turn.live(id) else { return };
    let Phase::FindingLinks(_) = query.phase else {
        return turn.contradiction("links were found for a query that looks for none");
    };
    query.facts.page_url = Some(links.page_url);
    query.facts.images = links.images;
    query.facts.no_image = links.no_image;
    query.facts.published = links.published;
    query.facts.candidates = links.candidates;
    query.facts.named.asked = links.named_posts;
    query.facts.elsewhere = links.elsewhere;
    for LeftOut { candidate, reason } in links.left_out {
        query.facts.add_other(OtherAccount { candidate, standing: Standing::LeftOut(reason) });
    }
    query.facts.pages = links.artists_pages;
    query.facts.rulings.learn(links.verdicts);
    let left_out = verdicts::apply_to_links(&mut query.facts);
    let code = FailureCode::NoTwitterAccountFound;
    if query.facts.candidates.is_empty() {
        let read = counted(links.pages, "page") + if links.pages == 1 { " was" } else { " were" };
        let left_out = left_out.iter().map(|why| format!(" {why}.")).collect::<String>();
        let why = format!("{} ({read} read.){left_out}", code.explanation());
        return without_account(turn, id, code, why);
    }
    let networks = query.head.origin.networks.clone();
    let candidates = query.facts.candidates.iter().map(|candidate| candidate.account.clone());
    let (mut refs, others): (Vec<AccountRef>, Vec<AccountRef>) =
        candidates.partition(|asked| networks.have_any(asked.may_be_on()));
    for asked in &others {
        query.facts.note_other(asked, Standing::LeftOut(LeftOutReason::OtherNetwork));
    }
    if refs.is_empty() {
        let why = format!("None of the accounts found is on {networks}.");
        return without_account(turn, id, code, why);
    }
    let wanted = query.head.wanted;
    let billed = refs.iter().filter(|asked| turn.state.policy.is_billed(asked.network())).count();
    let price = turn.state.spending.price(Resource::User).times(billed as u64);
    let Some(query) = turn.live(id) else { return };
    query.facts.look_up = Some(price);
    if !wanted.resolves() {
        return artist::end_as_named(turn, id, &refs);
    }
    // By its id alone; of one that is named by its handle it turns out below.
    let (forgotten, kept): (Vec<AccountRef>, Vec<AccountRef>) =
        refs.into_iter().partition(|asked| turn.state.forgotten.names_ref(asked));
    let Some(query) = turn.live(id) else { return };
    for asked in &forgotten {
        query.facts.note_other(asked, Standing::LeftOut(LeftOutReason::Forgotten));
    }
    refs = kept;
    if refs.is_empty() {
        let code = FailureCode::NoValidTwitterAccountFound;
        let why = LeftOutReason::Forgotten.why();
        let why = format!("None of the artist's accounts can be read: the account {why}.");
        return without_account(turn, id, code, why);
    }
    let asked = refs.iter().map(AccountRef::network);
    if let Some((code, why)) = admission::look_up_refused(turn.state, asked, turn.now) {
        // The other networks cost nothing: the query goes on without the one that does.
        let (billed, free): (Vec<AccountRef>, Vec<AccountRef>) =
            refs.into_iter().partition(|asked| turn.state.policy.is_billed(asked.network()));
        let spent = turn.state.spending.explain(turn.now.wall);
        let Some(query) = turn.live(id) else { return };
        for asked in &billed {
            let why = format!("was not looked up: {spent}");
            query.facts.note_other(asked, Standing::Unasked { why });
        }
        refs = free;
        if refs.is_empty() && wanted.is_artist() {
            return artist::end(turn, id);
        }
        if refs.is_empty() {
            return query_steps::fail(turn, id, code, why);
        }
    }
    let batches = batches(refs, wanted);
    let batches_left = batches.len();
    for refs in batches {
        query_steps::enqueue(turn, id, Work::Resolve { refs });
    }
    query_steps::enter(turn, id, Phase::Resolving { batches_left, resolutions: Vec::new() });
    following::notify(turn, id);
}

/// What is looked up at once. For who wants the accounts alone, each network apart: one that cannot be asked
/// spoils nothing of what the others know.
fn batches(refs: Vec<AccountRef>, wanted: Wanted) -> Vec<Vec<AccountRef>> {
    let mut groups: BTreeMap<Option<Network>, Vec<AccountRef>> = BTreeMap::new();
    for asked in refs {
        let network = wanted.is_artist().then(|| asked.network());
        groups.entry(network).or_default().push(asked);
    }
    groups
        .into_values()
        .flat_map(|refs| refs.chunks(LOOKUP_BATCH).map(<[_]>::to_vec).collect::<Vec<_>>())
        .collect()
}

/// Nobody is known: that is the end, or posts that the page names are looked at all the same.
fn without_account(turn: &mut Turn, id: QueryId, code: FailureCode, why: String) {
    match turn.live(id).is_some_and(|query| query.head.wanted.is_artist()) {
        true => query_steps::fail(turn, id, code, why),
        false => indexing::without_account(turn, id, code, why),
    }
}

/// Accounts were looked up: a batch of an artwork's candidates, or the account of a direct search.
pub fn on_resolved(turn: &mut Turn, id: QueryId, resolved: Vec<Resolution>) {
    let Some(query) = turn.live(id) else { return };
    match &mut query.phase {
        Phase::Resolving { batches_left, resolutions } => {
            resolutions.extend(resolved);
            *batches_left = batches_left.saturating_sub(1);
            if *batches_left == 0 {
                let resolutions = std::mem::take(resolutions);
                plan_scans(turn, id, resolutions);
            }
        }
        Phase::ResolvingAccount(_) => {
            let resolved = resolved.into_iter().next();
            let (asked, outcome) = resolved.map(|one| (one.asked, one.outcome)).unzip();
            match outcome {
                Some(ResolutionOutcome::Readable(account)) => {
                    if let Some(reason) = turn.blocked(&account, id) {
                        let code = FailureCode::InvalidTwitterAccount;
                        let why = format!("The account {}.", reason.why());
                        return query_steps::fail(turn, id, code, why);
                    }
                    let Some(query) = turn.live(id) else { return };
                    query.facts.accounts = vec![account.clone()];
                    query_steps::enter(turn, id, Phase::CheckingAccount);
                    let question = Question::AccountStates(vec![account.key.clone()]);
                    turn.ask_store(Pending::SearchStart { query: id, account: account.key }, question);
                }
                outcome => {
                    let code = FailureCode::InvalidTwitterAccount;
                    let outcome = outcome.unwrap_or(ResolutionOutcome::Missing);
                    let why = format!("The account {}.", outcome.refusal().unwrap_or_default());
                    match (outcome, asked) {
                        (ResolutionOutcome::Unasked { .. }, Some(asked)) => {
                            without_network(turn, id, asked, (code, why));
                        }
                        _ => query_steps::fail(turn, id, code, why),
                    }
                }
            }
        }
        _ => turn.contradiction("accounts were looked up for a query that asks for none"),
    }
}

fn no_account_left(turn: &mut Turn, id: QueryId, dropped: &[String]) {
    let why = format!("None of the artist's accounts can be read: {}.", dropped.join(", "));
    indexing::without_account(turn, id, FailureCode::NoValidTwitterAccountFound, why);
}

/// Step 1, second half: the accounts are verified with their networks. Begins step 2.
fn plan_scans(turn: &mut Turn, id: QueryId, resolutions: Vec<Resolution>) {
    // Which network it is may be known only now.
    let networks = turn.live(id).map(|query| query.head.origin.networks.clone()).unwrap_or_default();
    let mut dropped = Vec::new();
    let mut others = Vec::new();
    let mut found: Vec<(Account, AccountRef)> = Vec::new();
    for Resolution { asked, outcome } in resolutions {
        match outcome.readable() {
            Ok(account) if !networks.has(account.key.network) => {
                dropped.push(format!("@{} is on {}", account.handle, account.key.network));
                others.push((asked, Standing::LeftOut(LeftOutReason::OtherNetwork)));
            }
            Ok(account) => {
                if found.iter().all(|(known, _)| known.key != account.key) {
                    found.push((account, asked));
                }
            }
            Err(standing) => {
                dropped.push(format!("{asked} {}", standing.why()));
                others.push((asked, standing));
            }
        }
    }
    found.retain(|(account, asked)| match turn.blocked(account, id) {
        None => true,
        Some(reason) => {
            dropped.push(format!("{}:@{} {}", account.key.network, account.handle, reason.why()));
            others.push((asked.clone(), Standing::LeftOut(reason)));
            false
        }
    });
    let Some(query) = turn.live(id) else { return };
    let mut accounts: Vec<Account> = found.iter().map(|(account, _)| account.clone()).collect();
    dropped.extend(verdicts::leave_out(query, &mut accounts));
    for (account, asked) in &found {
        if !accounts.iter().any(|kept| kept.key == account.key) {
            others.push((asked.clone(), Standing::LeftOut(LeftOutReason::Person)));
        }
    }
    found.retain(|(account, _)| accounts.iter().any(|kept| kept.key == account.key));
    query.facts.accounts = accounts.clone();
    query.facts.named_as = found.into_iter().map(|(account, asked)| (account.key, asked)).collect();
    for (asked, standing) in others {
        query.facts.note_other(&asked, standing);
    }
    query.facts.is_resolved = true;
    if query.head.wanted.is_artist() {
        return artist::end(turn, id);
    }
    if let Some(NoImage { code, why }) = query.facts.no_image.clone() {
        // The accounts are the whole answer: scanning them would find nothing without a picture to look for.
        return query_steps::fail(turn, id, code, why);
    }
    if accounts.is_empty() {
        return no_account_left(turn, id, &dropped);
    }
    let (published, pages) = (query.facts.published, query.facts.pages.clone());
    let item = query_steps::enqueue(turn, id, Work::PlanScans { query: id, accounts, published, pages });
    query_steps::enter(turn, id, Phase::PlanningScans(Pickup::Queued(item)));
}

/// Step 2: it is known which accounts must be scanned first.
pub fn on_plan(turn: &mut Turn, id: QueryId, mut plan: ScanPlan) {
    let Some(query) = turn.live(id) else { return };
    let Phase::PlanningScans(_) = query.phase else {
        return turn.contradiction("scans were planned for a query that needs none");
    };
    query.facts.rulings.learn(std::mem::take(&mut plan.verdicts));
    let mut accounts = std::mem::take(&mut query.facts.accounts);
    let dropped = verdicts::leave_out(query, &mut accounts);
    let is_kept = |key: &AccountKey| accounts.iter().any(|account| account.key == *key);
    plan.scans.retain(|(account, _)| is_kept(&account.key));
    plan.up_to_date.retain(|state| is_kept(&state.key));
    let is_none_left = accounts.is_empty();
    query.facts.accounts = accounts;
    match is_none_left {
        true => no_account_left(turn, id, &dropped),
        false => indexing::begin(turn, id, plan),
    }
}

/// It is known whether the account of a direct search is indexed.
pub fn on_account_known(turn: &mut Turn, id: QueryId, account: AccountKey, answer: Answer) {
    match answer {
        Answer::AccountStates(states) => {
            if states.iter().any(AccountState::is_indexed) {
                return query_steps::search(turn, id, SearchScope::Accounts(vec![account]));
            }
            let code = FailureCode::TwitterAccountNotIndexed;
            query_steps::fail(turn, id, code, code.explanation().to_owned());
        }
        _ => query_steps::fail(
            turn,
            id,
            FailureCode::ProcessingError,
            "the database could not be read".to_owned(),
        ),
    }
}

/// Step 3, first half: the stored images that resemble the artwork.
pub fn on_found(turn: &mut Turn, id: QueryId, mut found: SearchFound) {
    indexing::leave_out_forgotten(turn.state, &mut found);
    let Some(query) = turn.live(id) else { return };
    if found.low_quality {
        let why =
            "The image has nothing to be recognised by (one colour, a gradient, or symmetric).".to_owned();
        return query_steps::fail(turn, id, FailureCode::ErrorDuringReverseSearch, why);
    }
    match query.phase {
        Phase::Indexing { .. } => return indexing::on_found(turn, id, found),
        Phase::Searching(_) => {}
        _ => return turn.contradiction("images were found for a query that looks for none"),
    }
    query.facts.artwork_pages.clone_from(&found.artwork_pages);
    query.facts.picture.clone_from(&found.picture);
    query.facts.parts = found.parts;
    let had_accounts = !query.facts.accounts.is_empty();
    let ([found, similar, named], dropped) = indexing::sort_out(query, found);
    if had_accounts && query.facts.accounts.is_empty() {
        // The last of them was left out meanwhile, by a person's word.
        query.facts.no_account = Some((
            FailureCode::NoValidTwitterAccountFound,
            format!("None of the artist's accounts is left: {}.", dropped.join(", ")),
        ));
    }
    let images = found.iter().chain(&similar).chain(&named);
    let posts: BTreeSet<PostKey> = images.map(|image| image.post.clone()).collect();
    let posts: Vec<PostKey> = posts.into_iter().collect();
    let accounts = query.facts.accounts.iter().map(|account| account.key.clone()).collect();
    turn.send_to_store(ToStorekeeper::CountUse { accounts });
    for batch in posts.chunks(LOOKUP_BATCH) {
        query_steps::enqueue(turn, id, Work::CheckPosts { posts: batch.to_vec() });
    }
    let batches_left = posts.len().div_ceil(LOOKUP_BATCH);
    query_steps::enter(
        turn,
        id,
        Phase::Checking { batches_left, gone: BTreeSet::new(), found, similar, named },
    );
    end_if_checked(turn, id);
}

/// The address of a direct search is a post's: its image is what is to be searched.
pub fn on_names_post(turn: &mut Turn, id: QueryId, scope: SearchScope, post: PostKey, position: Option<u32>) {
    let Some(query) = turn.live(id) else { return };
    // An image's address that a network gave may look like a post's: it is followed once.
    if query.facts.searched_post.replace(post.clone()).is_some() {
        let why = "The image of that post could not be fetched.".to_owned();
        return query_steps::fail(turn, id, FailureCode::CannotGetImage, why);
    }
    let networks = &query.head.origin.networks;
    if !networks.has(post.network) {
        let why = format!("The post is on {}, the search is about {networks} alone.", post.network);
        return query_steps::fail(turn, id, FailureCode::CannotGetImage, why);
    }
    if turn.state.forgotten.names_post(&post) {
        return fail_as_forgotten(turn, id);
    }
    if let Some((code, why)) = admission::look_up_refused(turn.state, std::iter::once(post.network), turn.now)
    {
        return query_steps::fail(turn, id, code, why);
    }
    let item = query_steps::enqueue(turn, id, Work::LookUpPosts { posts: vec![post] });
    query_steps::enter(turn, id, Phase::LookingUpPost { item, position, scope });
}

fn fail_as_forgotten(turn: &mut Turn, id: QueryId) {
    let why = format!("The post {}.", LeftOutReason::Forgotten.why());
    query_steps::fail(turn, id, FailureCode::CannotGetImage, why);
}

/// Posts were looked up: that of a direct search, or those that a page names.
pub fn on_looked_up(turn: &mut Turn, id: QueryId, posts: Vec<LookedUpPost>) {
    let Some(query) = turn.live(id) else { return };
    let Phase::LookingUpPost { position, scope, .. } = &query.phase else {
        return indexing::on_looked_up(turn, id, posts);
    };
    let (position, scope, networks) = (*position, scope.clone(), query.head.origin.networks.clone());
    let images = match posts.into_iter().next().map(|post| post.outcome) {
        Some(PostOutcome::Found { author, post }) => {
            let forgotten = &turn.state.forgotten;
            if forgotten.names_account(&author.key) || forgotten.names_post(&post.key) {
                return fail_as_forgotten(turn, id);
            }
            // Which network a server is on may be known only now.
            if !networks.has(post.key.network) {
                let why =
                    format!("The post is on {}, the search is about {networks} alone.", post.key.network);
                return query_steps::fail(turn, id, FailureCode::CannotGetImage, why);
            }
            if let Some(query) = turn.live(id) {
                query.facts.searched_post = Some(post.key);
            }
            post.images
        }
        Some(PostOutcome::Nothing { why }) => {
            return query_steps::fail(turn, id, FailureCode::CannotGetImage, format!("The post {why}."));
        }
        Some(PostOutcome::Unknown) | None => Vec::new(),
    };
    let wanted = images.iter().find(|image| position.is_none_or(|at| at == u32::from(image.position)));
    let Some(image) = wanted else {
        let why = match position {
            Some(at) if !images.is_empty() => format!("The post has no image at place {at}."),
            _ => "Its network did not give the post's image; try again later.".to_owned(),
        };
        return query_steps::fail(turn, id, FailureCode::CannotGetImage, why);
    };
    let Some(query) = turn.live(id) else { return };
    let sources = vec![ImageSource::plain(image.url.as_str())];
    query.facts.images.clone_from(&sources);
    if let Kind::Image { image, .. } = &mut query.head.kind {
        *image = QueryImage::Urls(sources);
    }
    query_steps::search(turn, id, scope);
}

/// Step 3, second half: a batch of the found posts was checked. Posts that are gone are left out.
pub fn on_checked(turn: &mut Turn, id: QueryId, states: Vec<(PostKey, PostState)>) {
    gone_posts::on_checked(turn, &states);
    let Some(query) = turn.live(id) else { return };
    let Phase::Checking { batches_left, gone, .. } = &mut query.phase else {
        return turn.contradiction("posts were checked for a query that has found none");
    };
    gone.extend(states.into_iter().filter(|(_, state)| state.is_out_of_sight()).map(|(post, _)| post));
    *batches_left = batches_left.saturating_sub(1);
    end_if_checked(turn, id);
}

fn end_if_checked(turn: &mut Turn, id: QueryId) {
    let Some(query) = turn.live(id) else { return };
    let Phase::Checking { batches_left: 0, gone, found, similar, named } = &mut query.phase else { return };
    found.retain(|image| !gone.contains(&image.post));
    found.sort_by(|a, b| rank(a).cmp(&rank(b)));
    // These stay in the order of the search: by class, then by how alike they are.
    similar.retain(|image| !gone.contains(&image.post));
    named.retain(|image| !gone.contains(&image.post));
    let views = |images: &mut Vec<FoundImage>| {
        std::mem::take(images).into_iter().map(|image| query.facts.result_view(image)).collect()
    };
    let [results, similar, named]: [Vec<ResultView>; 3] = [views(found), views(similar), views(named)];
    // A part in common is no reason to think that the artwork was found.
    let is_hint = |image: &ResultView| image.class == MatchClass::PartInCommon;
    let is_unfinished = |_: &(FailureCode, String)| results.is_empty() && similar.iter().all(is_hint);
    let failure = query.facts.no_account.clone().or(query.facts.held.clone().filter(is_unfinished));
    let outcome = match failure {
        Some((code, why)) => Outcome::Failed { code, why, named },
        None => Outcome::Found { results, similar, named },
    };
    query_steps::end(turn, id, outcome);
    indexing::complete_accounts(turn, id);
}

/// By a person's word first, then in the order of the original: distance, images in the post, age; within a post the later image first.
fn rank(image: &FoundImage) -> impl Ord {
    let FoundImage { distance, count, post, position, said_same, .. } = image;
    (!*said_same, *distance, *count, post.network, post.age_order(), std::cmp::Reverse(*position))
}

/// A worker was lost over work of this query: that is written down, for the case that the broker ends too.
pub fn on_death(turn: &mut Turn, id: QueryId, deaths: u32) {
    let Some(query) = turn.live(id).filter(|query| query.head.deaths < deaths) else { return };
    query.head.deaths = deaths;
    if let Kind::Page = query.head.kind {
        let entry = query.accepted();
        turn.journal(entry);
    }
}

// ---- its end

/// A work item of the query was given up.
pub fn on_work_failed(turn: &mut Turn, id: QueryId, work: &Work, code: FailureCode, why: String) {
    if let Work::CheckPosts { posts } = work {
        // Whether they can still be seen is a refinement: they are shown.
        let states = posts.iter().map(|post| (post.clone(), PostState::Unknown)).collect();
        return on_checked(turn, id, states);
    }
    if let Some(Phase::LookingUpPost { .. }) = turn.live(id).map(|query| &query.phase) {
        let code = match code {
            FailureCode::ProcessingError => FailureCode::CannotGetImage,
            code => code,
        };
        return query_steps::fail(turn, id, code, format!("The post could not be looked up: {why}."));
    }
    if let Work::LookUpPosts { .. } | Work::IndexPosts { .. } = work {
        // Posts that the page names are a short way, not the only one.
        return indexing::named_ended(turn, id);
    }
    let Some(query) = turn.live(id) else { return };
    if let (Wanted::Artist, Work::Resolve { refs }) = (query.head.wanted, work) {
        return on_resolved(turn, id, artist::unasked(refs, &why));
    }
    if let (Phase::ResolvingAccount(_), Work::Resolve { refs }) = (&query.phase, work)
        && let [asked] = refs.as_slice()
    {
        return without_network(
            turn,
            id,
            asked.clone(),
            (code, format!("The account could not be looked up: {why}.")),
        );
    }
    let code = match (&query.head.kind, code) {
        // An image that cannot be fetched is the mistake of whoever gave its address, and the site's trouble
        // where a page led to it.
        (Kind::Image { .. }, FailureCode::ErrorDuringReverseSearch) => FailureCode::CannotGetImage,
        (_, code) => code,
    };
    query_steps::fail(turn, id, code, why);
}
