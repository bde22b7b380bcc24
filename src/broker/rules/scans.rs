//! The way of a scan, from its start to its end; `books/scan.rs` says what a scan is, and keeps the barrier.
//!
//! Rules that move a scan return what that means for the queries that wait for it (`Woken`).

use std::time::Duration;

use crate::base::ids::{ContainerId, LeaseId, QueryId, ScanId};
use crate::broker::books::items::{Item, Owner, stage_of};
use crate::broker::books::party::Party;
use crate::broker::books::query::Query;
use crate::broker::books::scan::{Cancelled, Running, Scan, ScanHead, TimelineStart, Woken};
use crate::broker::rules::{admission, gone_posts};
use crate::broker::state::State;
use crate::broker::turn::{Turn, micros};
use crate::broker::vocabulary::{ListedPage, Now, Pending, Way};
use crate::config::TimelinePolicy;
use crate::domain::accounts::{Account, AccountState};
use crate::domain::failure::FailureCode;
use crate::domain::posts::{IndexedPost, ListedPost};
use crate::domain::scans::{Cursor, Hold, ListingEnd, ListingStep, Priority, Reach, Resumed, Searched};
use crate::proto::stage::{Answer, BrokerToStage, Question};
use crate::proto::work::Work;
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry, ToStorekeeper};

/// How long an ended scan can be asked for.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Posts handed to an indexing worker at once. Small, so that a batch that fails or is lost costs little.
const BATCH_POSTS: usize = 8;
/// Images in such a batch, unless one post has more: what is found out about one is 2.4 kilobytes, and the
/// report is one message.
const BATCH_IMAGES: usize = 24;
/// Bytes of the addresses in such a batch, unless one post has more. They come back with the report.
const BATCH_BYTES: usize = 24 * 1024;

/// A listing that has had its worker for so long leaves it to others who wait.
const LISTING_TURN: Duration = Duration::from_secs(10);

/// Starts the scan of an account, or joins the running one and raises its priority. Who asked for it sees
/// whether it may begin (`admission::waits_for_budget`).
pub fn start(
    turn: &mut Turn,
    account: Account,
    before: AccountState,
    reach: Reach,
    priority: Priority,
    waiter: Option<QueryId>,
) -> ScanId {
    let subject = (account.key.clone(), reach);
    if let Some(&id) = turn.state.running_scans.get(&subject) {
        join(turn, id, priority, waiter);
        return id;
    }
    let party = waiter.map_or(Party::House, |query| turn.state.party_of(&Owner::Query(query)));
    let id = ScanId(turn.state.next_number());
    let resumed = turn.state.resumed_scans.remove(&subject).unwrap_or_default();
    let before = match (&resumed.searched, reach) {
        (None, Reach::Whole) => anew_if_due(turn, before),
        _ => before,
    };
    let started = turn.now.mono;
    let head = ScanHead { account, reach, party, priority, started, listed: 0, indexed: 0, covered: None };
    let mut scan = Scan::new(head, before, resumed);
    if let Some(running) = scan.running_mut() {
        running.waiting.extend(waiter);
        running.is_wanted_anyway = waiter.is_none();
    }
    turn.state.scans.insert(id, scan);
    turn.state.running_scans.insert(subject, id);
    journal(turn, id);
    if admission::admit(turn, id) {
        begin(turn, id);
    } else {
        admission::defer(turn, id);
    }
    id
}

/// Clocks that are further ahead were wrong.
const WRONG_BY: Duration = Duration::from_secs(24 * 3600);

/// Once in a while an account is listed from its beginning where that costs nothing.
fn anew_if_due(turn: &mut Turn, mut before: AccountState) -> AccountState {
    let policy = &turn.state.policy;
    let Some(period) = policy.whole_listing.filter(|_| policy.may_list_anew(before.key.network)) else {
        return before;
    };
    let now = turn.now.wall;
    // A date of the future was written while the clock was wrong.
    let is_due = before.listed_anew_at.is_some_and(|at| at <= now.minus(period) || at > now.plus(WRONG_BY));
    if is_due && before.search_cursor.is_some() {
        forget_cursor(turn, &mut before);
    }
    before
}

/// Has the account's search list everything: now, and by the database also if this broker ends before that is
/// done.
pub fn forget_cursor(turn: &mut Turn, before: &mut AccountState) {
    before.search_cursor = None;
    before.listed_anew_at = Some(turn.now.wall);
    turn.ask_store(Pending::CursorForgotten, Question::ResetSearchCursors(vec![before.key.clone()]));
}

fn join(turn: &mut Turn, id: ScanId, priority: Priority, waiter: Option<QueryId>) {
    if let Some(query) = waiter {
        let party = turn.state.party_of(&Owner::Query(query));
        turn.state.share_scan(id, &party);
    }
    let Some((head, running)) = turn.running(id) else { return };
    running.waiting.extend(waiter);
    running.is_wanted_anyway |= waiter.is_none();
    if head.priority <= priority {
        return;
    }
    head.priority = priority;
    turn.state.raise(priority, |owner| match owner {
        Owner::Listing(scan, _) | Owner::Batch(scan) => *scan == id,
        Owner::Query(_)
        | Owner::ScanRequest(_)
        | Owner::Updates(_)
        | Owner::Retries
        | Owner::Maintenance(_)
        | Owner::Delivery(_)
        | Owner::Watch(_)
        | Owner::Picture { .. } => false,
    });
}

/// Begins those scans that wait for their budget and now have it, users' first, then the lighter.
pub fn begin_deferred(turn: &mut Turn) {
    let deferred = turn.state.deferred_scans.iter();
    let mut waiting: Vec<(Priority, u64, ScanId)> = deferred
        .filter_map(|id| turn.state.scans.get(id).map(|scan| (scan.head.priority, scan.head.weight(), *id)))
        .collect();
    waiting.sort_unstable();
    for (_, _, id) in waiting {
        if admission::admit(turn, id) {
            begin(turn, id);
            turn.state.deferred_scans.remove(&id);
        }
    }
}

/// Puts the first work of an admitted scan into its queues.
fn begin(turn: &mut Turn, id: ScanId) {
    let Some((head, running)) = turn.running(id) else { return };
    let network = head.account.key.network;
    if let Reach::Window(_) = head.reach {
        return begin_listing(turn, id, ListingStep::Window, None);
    }
    if running.has_searched() {
        return continue_with_timeline(turn, id);
    }
    begin_listing(turn, id, ListingStep::Search, None);
    let has_timeline = ListingStep::of(network).contains(&ListingStep::Timeline);
    match turn.state.policy.timeline_of(network) {
        TimelinePolicy::Always if has_timeline => begin_listing(turn, id, ListingStep::Timeline, None),
        // It follows the search.
        TimelinePolicy::Always | TimelinePolicy::Adaptive | TimelinePolicy::Never => {}
    }
}

fn begin_listing(turn: &mut Turn, id: ScanId, step: ListingStep, searched: Option<Searched>) {
    let Some((head, running)) = turn.running(id) else { return };
    let cursor = running.begin(head.reach, step);
    let (account, priority, weight) = (head.account.clone(), head.priority, head.weight());
    let work = Work::ListPosts { scan: id, account, cursor, searched, place: None };
    turn.enqueue(Owner::Listing(id, step), work, priority, weight);
}

/// The search has come to its end, well or not: a timeline that waited for it goes on.
fn continue_with_timeline(turn: &mut Turn, id: ScanId) {
    let Some((head, _)) = turn.running(id) else { return };
    let network = head.account.key.network;
    let policy = turn.state.policy.timeline_of(network);
    let counts_are_trusted = turn.state.media_counts.is_trusted();
    let Some((_, running)) = turn.running(id) else { return };
    match running.timeline_after_search(policy, counts_are_trusted) {
        TimelineStart::Begins(searched) => begin_listing(turn, id, ListingStep::Timeline, searched),
        TimelineStart::Stays => {}
    }
}

/// What the search of a scan has listed, from the `from`-th post on, newest first.
pub fn searched_posts(state: &State, id: ScanId, from: u32) -> Answer {
    match state.scans.get(&id) {
        Some(scan) => Answer::SearchedPosts(
            scan.running().map(|running| running.searched.part(from)).unwrap_or_default(),
        ),
        None => Answer::Unavailable("there is no such scan any more".to_owned()),
    }
}

/// A listing found posts: the database is asked which of them are new.
pub fn on_page(
    turn: &mut Turn,
    from: ContainerId,
    lease: LeaseId,
    posts: Vec<ListedPost>,
    hold: Hold,
) -> Woken {
    let held = turn.state.leases.held_mut(lease, from);
    let Some((id, step, held)) = held.and_then(|lease| match lease.item.owner {
        Owner::Listing(scan, step) => Some((scan, step, lease)),
        _ => None,
    }) else {
        turn.state.gossip_dropped += 1;
        return Woken::Nobody;
    };
    held.has_listed = true;
    let way = match hold {
        Hold::Never => Way::GoesOn,
        Hold::Here => Way::Waits,
        Hold::At(reached) => {
            // From here another worker goes on, also if this one dies.
            if let Work::ListPosts { place, .. } = &mut held.item.work {
                *place = Some(reached);
            }
            Way::Leaves
        }
    };
    turn.renew(lease, from);
    let Some((head, running)) = turn.running(id) else { return Woken::Nobody };
    running.add_page(step, &posts);
    let account = head.account.clone();
    let page = ListedPage { container: from, lease, way };
    let ticket = turn.expect(Pending::Filter { scan: id, step, page });
    turn.send_to_store(ToStorekeeper::FilterNew { ticket, account, posts });
    progressed(turn, id)
}

/// The new posts of a page go to the indexing workers, unless they are on their way already. Those that lack
/// an image are looked up later.
pub fn on_filtered(
    turn: &mut Turn,
    id: ScanId,
    step: ListingStep,
    page: ListedPage,
    mut posts: Vec<ListedPost>,
) -> Woken {
    // Not in the database, and never to be: nobody need look at their images.
    posts.retain(|post| !turn.state.forgotten.names_post(&post.key));
    let incomplete = posts.iter().filter(|post| post.incomplete);
    let wanted: Vec<_> = incomplete.map(|post| post.key.clone()).collect();
    if !wanted.is_empty() {
        turn.send_to_store(ToStorekeeper::WantPosts { posts: wanted });
    }
    let posts = posts.into_iter().filter(|post| !post.images.is_empty()).collect();
    let Some((head, running)) = turn.running(id) else { return Woken::Nobody };
    let new = running.add_new_posts(step, posts);
    head.listed += new.len() as u64;
    let (account, party) = (head.account.clone(), head.party.clone());
    let (priority, weight) = (head.priority, head.weight());
    turn.state.room.take(&party, new.len());
    let Some((_, running)) = turn.running(id) else { return Woken::Nobody };
    // Those that an earlier broker suspected stay apart.
    let is_suspect = |post: &ListedPost| running.deaths_of_post(&post.key.native) > 0;
    let (suspects, new): (Vec<_>, Vec<_>) = new.into_iter().partition(is_suspect);
    for posts in batches(new).into_iter().chain(suspects.into_iter().map(|post| vec![post])) {
        let work = Work::IndexPosts { scan: id, step, account: account.clone(), posts };
        turn.enqueue(Owner::Batch(id), work, priority, weight);
    }
    let ListedPage { container, lease, way } = page;
    match way {
        Way::Leaves if !has_room(turn.state, id) || is_over(turn, container, lease) => {
            turn.send_to_stage(container, BrokerToStage::PageHeld { lease });
        }
        Way::Waits if !has_room(turn.state, id) => turn.state.held_pages.push((container, lease)),
        Way::GoesOn | Way::Leaves | Way::Waits => accept_page(turn, (container, lease)),
    }
    pass_barrier(turn, id)
}

/// Whether more posts of this scan may wait to be indexed.
fn has_room(state: &State, id: ScanId) -> bool {
    let Some(scan) = state.scans.get(&id) else { return true };
    let waiting = scan.running().map_or(0, Running::posts_waiting);
    state.room.is_there(&scan.head.party, waiting, state.policy.max_pending_posts)
}

/// A listing has had its worker for long, and others wait for one.
fn is_over(turn: &Turn, container: ContainerId, lease: LeaseId) -> bool {
    let Some(lease) = turn.state.leases.held(lease, container) else { return false };
    let stage = stage_of(&lease.item.work);
    turn.now.mono.since(lease.granted) >= LISTING_TURN
        && turn.state.registry.ready_for(stage) == 0
        && turn.state.queues.get(&stage).is_some_and(|queue| !queue.is_empty())
}

/// A worker has left its listing between two pages, for lack of room or because others wait: the listing
/// goes on from there when its turn comes again.
pub fn on_paused(turn: &mut Turn, mut item: Item) {
    // It got on, so that its patience begins anew.
    item.arrived = turn.now.mono;
    turn.state.queues.entry(stage_of(&item.work)).or_default().push(item);
}

/// Posts come back from an indexing worker and go to the database.
pub fn on_indexed(turn: &mut Turn, scan: ScanId, account: Account, posts: Vec<IndexedPost>) {
    let natives = posts.iter().map(|post| post.key.native.clone()).collect();
    let ticket = turn.expect(Pending::Posts { scan, posts: natives });
    turn.send_to_store(ToStorekeeper::StorePosts { ticket, account, posts });
}

/// Posts are in the database and can be searched.
pub fn on_stored(turn: &mut Turn, id: ScanId, posts: &[String]) -> Woken {
    let Some((head, running)) = turn.running(id) else { return Woken::Nobody };
    let stored = running.posts_stored(posts);
    head.indexed += stored as u64;
    let party = head.party.clone();
    turn.state.room.give_back(&party, stored);
    accept_held_pages(turn);
    match pass_barrier(turn, id) {
        Woken::Nobody => progressed(turn, id),
        woken => woken,
    }
}

/// Listings that wait with their workers go on where there is room again.
fn accept_held_pages(turn: &mut Turn) {
    for (container, lease) in std::mem::take(&mut turn.state.held_pages) {
        if turn.state.listing_of(container, lease).is_none_or(|scan| has_room(turn.state, scan)) {
            turn.renew(lease, container);
            accept_page(turn, (container, lease));
        } else {
            turn.state.held_pages.push((container, lease));
        }
    }
}

/// A listing came to its end.
pub fn on_listed(turn: &mut Turn, id: ScanId, step: ListingStep, end: ListingEnd) -> Woken {
    if end.cursor.step() != step {
        let why = "its listing ended with the cursor of another kind of listing".to_owned();
        return on_listing_failed(turn, id, step, FailureCode::ProcessingError, why);
    }
    if step == ListingStep::Search && lists_anew_after(turn, id, &end) {
        return Woken::Nobody;
    }
    if let Some(count) = &end.media {
        turn.state.media_counts.note(count);
    }
    if let Some((head, running)) = turn.running(id) {
        running.end(step, end);
        let (account, relisted) = (head.account.key.clone(), running.take_relisted(step));
        if let Some(relisted) = relisted {
            gone_posts::on_relisted(turn, account, relisted);
        }
    }
    continue_with_timeline(turn, id);
    pass_barrier(turn, id)
}

/// Where an update has missed posts, the account is listed from its beginning at once.
fn lists_anew_after(turn: &mut Turn, id: ScanId, end: &ListingEnd) -> bool {
    let now = turn.now.wall;
    let Some((head, running)) = turn.running(id) else { return false };
    let (key, stated) = (head.account.key.clone(), head.account.posts);
    let misses = running.misses_posts(stated, end, now);
    if !misses || !turn.state.policy.may_list_anew(key.network) {
        return false;
    }
    if let Some((_, running)) = turn.running(id) {
        running.list_anew(now);
    }
    turn.ask_store(Pending::CursorForgotten, Question::ResetSearchCursors(vec![key]));
    begin_listing(turn, id, ListingStep::Search, None);
    true
}

pub fn on_listing_failed(
    turn: &mut Turn,
    id: ScanId,
    step: ListingStep,
    code: FailureCode,
    why: String,
) -> Woken {
    if let Some((_, running)) = turn.running(id) {
        running.fail(step, code, why);
    }
    continue_with_timeline(turn, id);
    pass_barrier(turn, id)
}

/// The barrier: stores each cursor once nothing of its listing is outstanding.
fn pass_barrier(turn: &mut Turn, id: ScanId) -> Woken {
    for step in ListingStep::ALL {
        let Some((head, running)) = turn.running(id) else { return Woken::Nobody };
        let Some(end) = running.pass_barrier(step) else { continue };
        let is_kept = running.keep_search(&end.cursor);
        if let Cursor::Window(covered) = end.cursor {
            head.covered = Some(covered);
        }
        let account = head.account.clone();
        if is_kept {
            journal(turn, id);
        }
        let ticket = turn.expect(Pending::Cursor { scan: id, step });
        turn.send_to_store(ToStorekeeper::StoreCursor { ticket, account, end });
    }
    end_if_settled(turn, id)
}

pub fn on_cursor_stored(turn: &mut Turn, id: ScanId, step: ListingStep) -> Woken {
    if let Some((_, running)) = turn.running(id) {
        running.cursor_stored(step);
    }
    end_if_settled(turn, id)
}

fn end_if_settled(turn: &mut Turn, id: ScanId) -> Woken {
    let Some(scan) = turn.state.scans.get_mut(&id) else { return Woken::Nobody };
    let Some(waiting) = scan.end_if_settled(turn.now.mono) else { return Woken::Nobody };
    let step = match scan.head.reach {
        Reach::Whole => "scan: whole",
        Reach::Window(_) => "scan: window",
    };
    turn.state.metrics.record(step, micros(turn.now.mono.since(scan.head.started)));
    turn.state.running_scans.remove(&scan.head.subject());
    let entry = scan.head.ended_entry();
    turn.journal(entry);
    if !turn.state.deferred_scans.is_empty() {
        // What it did not spend is free for others, by the end of this event.
        turn.state.budget_check = Some(turn.now.mono);
    }
    Woken::Released(id, waiting)
}

/// Ends a running scan here and now. What it has stored stays, and what it was billed; what is
/// under way is dropped. Returns, beside the queries that waited for it, what must be written down
/// before anybody is told.
pub fn cancel(turn: &mut Turn, id: ScanId, why: String) -> Option<(JournalEntry, Woken)> {
    let now = turn.now.mono;
    let scan = turn.state.scans.get_mut(&id)?;
    let Cancelled { waiting, posts_waiting } = scan.cancel(why, now)?;
    let (subject, party, entry) = (scan.head.subject(), scan.head.party.clone(), scan.head.ended_entry());
    turn.state.running_scans.remove(&subject);
    turn.state.deferred_scans.remove(&id);
    turn.state.room.give_back(&party, posts_waiting);
    turn.drop_work(|owner| matches!(owner, Owner::Listing(scan, _) | Owner::Batch(scan) if *scan == id));
    for pending in turn.state.pending.values_mut() {
        if let Pending::Filter { scan, .. } | Pending::Posts { scan, .. } | Pending::Cursor { scan, .. } =
            pending
            && *scan == id
        {
            *pending = Pending::Dropped;
        }
    }
    accept_held_pages(turn);
    if !turn.state.deferred_scans.is_empty() {
        turn.state.budget_check = Some(now);
    }
    Some((entry, Woken::Released(id, waiting)))
}

/// A query no longer waits for this scan. True where nobody else wants it.
pub fn leave(turn: &mut Turn, id: ScanId, query: QueryId) -> bool {
    let State { scans, queries, .. } = &mut *turn.state;
    let Some(running) = scans.get_mut(&id).and_then(Scan::running_mut) else { return false };
    running.waiting.remove(&query);
    // Queries that the budget sent away come back for it.
    let is_for = |other: &Query| other.facts.scans.contains(&id) && !other.is_cancelled();
    let others = queries.iter().any(|(other, facts)| *other != query && is_for(facts));
    running.waiting.is_empty() && !running.is_wanted_anyway && !others
}

/// The queries that wait for a scan, when it moved on.
fn progressed(turn: &mut Turn, id: ScanId) -> Woken {
    match turn.running(id) {
        Some((_, running)) => Woken::Progressed(running.waiting.iter().copied().collect()),
        None => Woken::Nobody,
    }
}

/// Drops scans that ended long ago.
pub fn forget_ended(state: &mut State, now: Now) {
    state.scans.retain(|_, scan| scan.ended().is_none_or(|at| now.mono.since(at) < KEPT));
}

/// Posts as they are handed to indexing workers: few, and with few enough images for one message.
fn batches(posts: Vec<ListedPost>) -> Vec<Vec<ListedPost>> {
    let mut batches: Vec<Vec<ListedPost>> = Vec::new();
    let (mut images, mut bytes) = (0, 0);
    for post in posts {
        let post_bytes: usize = post.images.iter().map(|image| image.name.len() + image.url.len()).sum();
        let fits = images + post.images.len() <= BATCH_IMAGES && bytes + post_bytes <= BATCH_BYTES;
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_POSTS && fits => {
                images += post.images.len();
                bytes += post_bytes;
                batch.push(post);
            }
            _ => {
                (images, bytes) = (post.images.len(), post_bytes);
                batches.push(vec![post]);
            }
        }
    }
    batches
}

fn accept_page(turn: &mut Turn, (to, lease): (ContainerId, LeaseId)) {
    turn.send_to_stage(to, BrokerToStage::PageAccepted { lease });
}

/// Writes down what a broker after this one is to know of the scan.
fn journal(turn: &mut Turn, id: ScanId) {
    let Some((head, running)) = turn.running(id) else { return };
    let Resumed { searched, deaths } = running.to_resume();
    let ScanHead { account, reach, priority, .. } = &*head;
    let (key, account, reach, priority) = (head.journal_key(), account.clone(), *reach, *priority);
    let request = AcceptedRequest::Scan { account, reach, priority, searched, deaths };
    turn.journal(JournalEntry::Accepted { key, request });
}

/// So many workers were lost over work of this scan: that is written down, for the case that the broker ends
/// too.
pub fn on_death(turn: &mut Turn, id: ScanId, work: &Work, deaths: u32) {
    let Some((_, running)) = turn.running(id) else { return };
    if running.note_deaths(work, deaths) {
        journal(turn, id);
    }
}
