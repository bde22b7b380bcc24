//! Step 2 of a query, once it is known which accounts must be scanned: answer first, index later.
//!
//! Posts that the artwork's page names are looked up; accounts that were never scanned whole are looked
//! through around the artwork's date, step by step (`books/ladder.rs`); and what is stored meanwhile is
//! searched at once, so that the query shows what it has found, and goes on only while that is not enough.

use std::collections::BTreeSet;

use crate::base::ids::{AccountKey, PostKey, QueryId, ScanId};
use crate::broker::books::ladder::{Ladder, Order};
use crate::broker::books::query::{Kind, Phase, Query};
use crate::broker::books::scan::{ScanOutcome, Woken};
use crate::broker::rules::{admission, following, query_steps, retries, scans, verdicts};
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Pending;
use crate::domain::accounts::{Account, AccountState};
use crate::domain::failure::FailureCode;
use crate::domain::images::FoundImage;
use crate::domain::posts::{IndexedPost, LookedUpPost, PostOutcome};
use crate::domain::scans::{CoveredWindow, Priority, Reach};
use crate::proto::stage::{Answer, Question};
use crate::proto::work::{ScanPlan, SearchFound, Work};
use crate::storekeeper::orders::ToStorekeeper;

// ---- its beginning

/// It is known which accounts must be scanned first.
pub fn begin(turn: &mut Turn, id: QueryId, plan: ScanPlan) {
    let State { queries, policy, .. } = &mut *turn.state;
    let Some(query) = queries.get_mut(&id).filter(|query| query.is_live()) else { return };
    query.facts.first_time = plan.first_time;
    let indexed_already =
        !plan.up_to_date.is_empty() || plan.scans.iter().any(|(_, state)| state.is_indexed());
    query.facts.scanned_before = plan.up_to_date;
    // Accounts that were scanned before are listed from their cursors on, which is little.
    let (unseen, updated): (Vec<_>, Vec<_>) =
        plan.scans.into_iter().partition(|(_, state)| state.search_cursor.is_none());
    query.facts.scanned_before.extend(updated.iter().map(|(_, state)| state.clone()));
    let windows = if query.head.wanted.is_whole() { &[] } else { policy.windows.as_slice() };
    query.facts.ladder = Ladder::new(
        unseen,
        query.facts.published,
        windows,
        policy.when_not_in_windows,
        |network| policy.is_billed(network),
        turn.now.wall,
    );
    query_steps::enter(turn, id, Phase::Indexing { waiting: BTreeSet::new(), indexed_already });
    let order = |(account, state)| Order { account, state, reach: Reach::Whole };
    start_scans(turn, id, updated.into_iter().map(order).collect());
    ask_for_named_posts(turn, id);
    following::notify(turn, id);
    go_on(turn, id);
}

fn start_scans(turn: &mut Turn, id: QueryId, orders: Vec<Order>) {
    for Order { account, state, reach } in orders {
        // Since the query has known it.
        if turn.state.forgotten.names_account(&account.key) {
            continue;
        }
        let scan = scans::start(turn, account, state, reach, Priority::User, Some(id));
        let waits = admission::waits_for_budget(turn.state, scan);
        let Some(query) = turn.live(id) else { return };
        query.facts.scans.push(scan);
        if let (Phase::Indexing { waiting, .. }, false) = (&mut query.phase, waits) {
            waiting.insert(scan);
        }
    }
}

// ---- its course

/// A scan moved: those who wait for it are told, or go on.
pub fn on_woken(turn: &mut Turn, woken: Woken) {
    match woken {
        Woken::Nobody => {}
        Woken::Progressed(queries) => {
            for query in queries {
                following::notify(turn, query);
                look(turn, query);
            }
        }
        Woken::Released(scan, queries) => {
            for query in queries {
                on_scan_ended(turn, query, scan);
            }
        }
    }
}

/// A query may have gone on without this scan, where the budget held it.
fn on_scan_ended(turn: &mut Turn, id: QueryId, scan: ScanId) {
    let Some(query) = turn.live(id) else { return };
    if let Phase::Indexing { waiting, .. } = &mut query.phase {
        waiting.remove(&scan);
        go_on(turn, id);
    }
}

/// Goes on where nothing is waited for: first what is stored is looked at, then the next step is taken, and
/// after the last one the search begins whose answer counts.
fn go_on(turn: &mut Turn, id: QueryId) {
    loop {
        let Some(query) = turn.state.queries.get(&id) else { return };
        let Phase::Indexing { waiting, .. } = &query.phase else { return };
        if !waiting.is_empty() || query.facts.named.waiting > 0 {
            return;
        }
        look(turn, id);
        let Some(query) = turn.live(id) else { return };
        if query.facts.preview.is_under_way() {
            return;
        }
        note_outcomes(turn, id);
        let Some(query) = turn.live(id) else { return };
        match query.facts.ladder.climb() {
            Some(orders) => start_scans(turn, id, orders),
            None => return finish(turn, id),
        }
        following::notify(turn, id);
    }
}

/// What the scans of the last step have come to, and whose posts show the artwork.
fn note_outcomes(turn: &mut Turn, id: QueryId) {
    let now = turn.now.wall;
    let State { queries, scans, .. } = &mut *turn.state;
    let Some(Query { facts, .. }) = queries.get_mut(&id) else { return };
    let hits: BTreeSet<AccountKey> = facts.preview.hits().map(|image| image.account.clone()).collect();
    for account in &hits {
        facts.ladder.found(account);
    }
    for scan in facts.scans.iter().filter_map(|scan| scans.get(scan)) {
        let account = &scan.head.account.key;
        match (scan.outcome(), scan.head.reach) {
            (Some(ScanOutcome::Done), Reach::Window(_)) => {
                let window = scan.head.covered.map(|window| CoveredWindow { window, listed_at: now });
                window.into_iter().for_each(|window| facts.ladder.covered(account, window));
            }
            (Some(ScanOutcome::Done), Reach::Whole) => facts.ladder.covered_whole(account, now),
            // The fault may be in the way to list a window: then the whole is the only way.
            (Some(ScanOutcome::Failed { code: FailureCode::ProcessingError, .. }), Reach::Window(_)) => {
                facts.ladder.has_no_windows(account);
            }
            // It ended badly, or waits for another day.
            (Some(ScanOutcome::Failed { .. }) | None, _) => facts.ladder.failed(account),
        }
    }
}

/// Begins step 3, if one of the scans, or an earlier one, has found anything. What counts of an account is
/// its last scan: windows say nothing of one that is closed to us.
fn finish(turn: &mut Turn, id: QueryId) {
    let Some(query) = turn.state.queries.get(&id) else { return };
    let Phase::Indexing { indexed_already, .. } = &query.phase else { return };
    let has_named = !query.facts.named.known.is_empty();
    let mut succeeded = *indexed_already || has_named;
    let (mut failure, mut held) = (None, None);
    let mut judged = BTreeSet::new();
    for (id, scan) in query.facts.scans.iter().rev().filter_map(|id| Some((*id, turn.state.scans.get(id)?))) {
        let is_last = judged.insert(scan.head.account.key.clone());
        match scan.outcome() {
            Some(ScanOutcome::Failed { code, why }) if is_last => failure = Some((*code, why.clone())),
            None if admission::waits_for_budget(turn.state, id) && is_last => {
                held = Some(admission::why_deferred(turn.state, id, turn.now));
            }
            Some(ScanOutcome::Done) => succeeded |= is_last || held.is_some(),
            _ => {}
        }
    }
    let failure = query.facts.no_account.clone().filter(|_| !has_named).or(failure).or(held.clone());
    match failure {
        Some((code, why)) if !succeeded => query_steps::fail(turn, id, code, why),
        _ => {
            if let Some(query) = turn.live(id) {
                query.facts.held = held;
            }
            query_steps::search_accounts(turn, id);
        }
    }
}

// ---- what is stored meanwhile

/// Searches what is stored for a query by now, unless the last search knew it.
fn look(turn: &mut Turn, id: QueryId) {
    let State { queries, scans, .. } = &mut *turn.state;
    let Some(query) = queries.get_mut(&id) else { return };
    let Phase::Indexing { indexed_already, .. } = query.phase else { return };
    let by_scans = query.facts.scans.iter().filter_map(|scan| scans.get(scan)).map(|scan| scan.head.indexed);
    let stored = by_scans.sum::<u64>().saturating_add(query.facts.named.stored);
    let at_least_once = indexed_already || !query.facts.named.known.is_empty();
    if query.facts.preview.begin(stored, at_least_once) {
        let work = query_steps::preview_work(query, id);
        query_steps::enqueue(turn, id, work);
    }
}

/// The stored images that resemble the artwork, so far.
pub fn on_found(turn: &mut Turn, id: QueryId, mut found: SearchFound) {
    leave_out_forgotten(turn.state, &mut found);
    let Some(query) = turn.live(id) else { return };
    if !query.facts.preview.end() {
        return turn.contradiction("images were found for a query that looks for none");
    }
    let ([found, similar, named], _) = sort_out(query, found);
    let preview = &mut query.facts.preview;
    if (&preview.found, &preview.similar, &preview.named) != (&found, &similar, &named) {
        (preview.found, preview.similar, preview.named) = (found, similar, named);
        following::notify(turn, id);
    }
    look(turn, id);
    go_on(turn, id);
}

/// What is being removed is still in the database, and what was found before it was forgotten may come after.
pub fn leave_out_forgotten(state: &State, found: &mut SearchFound) {
    found.images.retain(|image| !state.forgotten.names_image(image));
    found.similar.retain(|image| !state.forgotten.names_image(image));
}

/// Of what a search has found: what is of the artist's accounts, within the distance of a result and beyond
/// it; and posts that the page names whose authors nothing else confirms. What people have said counts before
/// all of that. Then which accounts they have left out meanwhile, each as the part of a sentence.
pub fn sort_out(query: &mut Query, found: SearchFound) -> ([Vec<FoundImage>; 3], Vec<String>) {
    let SearchFound { images: mut found, mut similar, verdicts, .. } = found;
    let networks = &query.head.origin.networks;
    found.retain(|image| networks.has(image.post.network));
    similar.retain(|image| networks.has(image.post.network));
    if let Kind::Image { .. } = query.head.kind {
        return ([found, similar, Vec::new()], Vec::new());
    }
    query.facts.rulings.learn(verdicts);
    let mut accounts = std::mem::take(&mut query.facts.accounts);
    let dropped = verdicts::leave_out(query, &mut accounts);
    query.facts.accounts = accounts;
    let facts = &mut query.facts;
    let is_artists = |image: &FoundImage| facts.accounts.iter().any(|one| one.key == image.account);
    let mut named = Vec::new();
    let mut sorted = [Vec::new(), Vec::new()];
    let within = found.into_iter().map(|image| (image, true));
    let beyond = similar.into_iter().map(|image| (image, false));
    for (mut image, is_near) in within.chain(beyond) {
        let said = facts.rulings.of_image(&image.post, image.position);
        image.said_same = said == Some(true);
        match said {
            Some(false) => {}
            _ if is_artists(&image) => {
                let [found, similar] = &mut sorted;
                if is_near || image.said_same { found.push(image) } else { similar.push(image) }
            }
            _ if !facts.named.known.contains(&image.post) => {}
            _ if image.said_same || is_near && image.class.shows_artwork() => named.push(image),
            _ => {}
        }
    }
    let [mut found, similar] = sorted;
    found.sort_by_key(|image| !image.said_same);
    ([found, similar, named], dropped)
}

// ---- posts that the page names

/// Asks which of them are stored: what is known costs nothing again.
fn ask_for_named_posts(turn: &mut Turn, id: QueryId) {
    let Some(query) = turn.live(id) else { return };
    let networks = query.head.origin.networks.clone();
    let named = &mut query.facts.named;
    named.asked.retain(|post| networks.has(post.network));
    let asked = std::mem::take(&mut named.asked);
    let asked: Vec<PostKey> =
        asked.into_iter().filter(|post| !turn.state.forgotten.names_post(post)).collect();
    let Some(query) = turn.live(id) else { return };
    let named = &mut query.facts.named;
    named.asked = asked;
    if named.asked.is_empty() {
        return;
    }
    named.waiting += 1;
    let posts = named.asked.clone();
    turn.ask_store(Pending::NamedPosts { query: id }, Question::PostAuthors(posts));
}

/// Whose the stored ones among the named posts are; the others are looked up.
pub fn on_named_posts_known(turn: &mut Turn, id: QueryId, answer: Answer) {
    let Some(query) = turn.live(id) else { return };
    query.facts.named.waiting = query.facts.named.waiting.saturating_sub(1);
    let known = match answer {
        Answer::PostAuthors(known) => known,
        _ => Vec::new(),
    };
    query.facts.named.asked.retain(|asked| known.iter().all(|(post, _)| post != asked));
    for (post, author) in known {
        add_unless_blocked(turn, id, post, author);
    }
    let Some(query) = turn.live(id) else { return };
    let mut asked = std::mem::take(&mut query.facts.named.asked);
    // What cannot be paid for now is left out; whatever else is named is looked up.
    let billed = asked.iter().map(|post| post.network);
    if admission::look_up_refused(turn.state, billed, turn.now).is_some() {
        asked.retain(|post| !turn.state.policy.is_billed(post.network));
    }
    for network in crate::base::ids::Network::ALL {
        // One item for each network: where one cannot be asked, the others still are.
        let posts: Vec<PostKey> = asked.iter().filter(|post| post.network == network).cloned().collect();
        if !posts.is_empty() {
            wait_for_named(turn, id);
            query_steps::enqueue(turn, id, Work::LookUpPosts { posts });
        }
    }
    look(turn, id);
    go_on(turn, id);
}

fn wait_for_named(turn: &mut Turn, id: QueryId) {
    if let Some(query) = turn.live(id) {
        query.facts.named.waiting += 1;
    }
}

/// True where the post counts.
fn add_unless_blocked(turn: &mut Turn, id: QueryId, post: PostKey, author: Account) -> bool {
    if turn.state.forgotten.names_post(&post) || turn.blocked(&author, id).is_some() {
        return false;
    }
    if let Some(query) = turn.live(id) {
        query.facts.named.add(post, author);
    }
    true
}

/// Named posts were looked up: those that are there are indexed.
pub fn on_looked_up(turn: &mut Turn, id: QueryId, posts: Vec<LookedUpPost>) {
    for LookedUpPost { outcome, .. } in posts {
        let PostOutcome::Found { author, post } = outcome else { continue };
        if post.images.is_empty() || !add_unless_blocked(turn, id, post.key.clone(), author.clone()) {
            continue;
        }
        wait_for_named(turn, id);
        query_steps::enqueue(turn, id, retries::work_apart(author, post));
    }
    named_ended(turn, id);
}

/// A named post was indexed, as far as that was possible.
pub fn on_indexed(turn: &mut Turn, id: QueryId, account: Account, posts: Vec<IndexedPost>) {
    if turn.live(id).is_none() {
        return;
    }
    let ticket = turn.expect(Pending::NamedPostStored { query: id });
    turn.send_to_store(ToStorekeeper::StorePosts { ticket, account, posts });
}

/// A named post can be searched.
pub fn on_named_post_stored(turn: &mut Turn, id: QueryId) {
    if let Some(query) = turn.live(id) {
        query.facts.named.stored += 1;
        look(turn, id);
        named_ended(turn, id);
    }
}

/// Something that was under way for the named posts has ended, well or not.
pub fn named_ended(turn: &mut Turn, id: QueryId) {
    if let Some(query) = turn.live(id) {
        query.facts.named.waiting = query.facts.named.waiting.saturating_sub(1);
        go_on(turn, id);
    }
}

// ---- afterwards

/// The query has its answer: accounts that were looked through in part are indexed whole, where that is
/// wanted and nobody waits for it.
pub fn complete_accounts(turn: &mut Turn, id: QueryId) {
    let Some(query) = turn.state.queries.get(&id) else { return };
    let accounts = query.facts.ladder.accounts().filter(|(account, state)| {
        state.scanned_at().is_none()
            && turn.state.policy.is_completed(account.key.network)
            && !turn.state.forgotten.names_account(&account.key)
    });
    let accounts: Vec<(Account, AccountState)> =
        accounts.map(|(account, state)| (account.clone(), state.clone())).collect();
    for (account, state) in accounts {
        scans::start(turn, account, state, Reach::Whole, Priority::Maintenance, None);
    }
}

/// Why the query cannot be answered, while named posts may still show something.
pub fn without_account(turn: &mut Turn, id: QueryId, code: FailureCode, why: String) {
    let Some(query) = turn.live(id) else { return };
    if query.facts.named.asked.is_empty() || query.facts.images.is_empty() {
        return query_steps::fail(turn, id, code, why);
    }
    query.facts.no_account = Some((code, why));
    begin(turn, id, ScanPlan::default());
}
