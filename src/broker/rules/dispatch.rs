//! The state machine: `(now, event)` in, effects out. No I/O, no clock, no random number, no panic: what a
//! peer says is gossip, and anything unknown in it is dropped and counted.
//!
//! Hands each event to the rule for its cause.

use crate::base::ids::{AskId, ContainerId};
use crate::base::roles::Role;
use crate::broker::books::query::Origin;
use crate::broker::rules::{
    accounts, admission, connectivity, deliveries, following, forgetting, fronts, gone_posts, health,
    indexing, leasing, outcomes, queries, reservations, retries, scan_requests, scans, submissions, time,
    updates, verdicts, watches,
};
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Asker, Effect, Event, Now, Pending};
use crate::domain::scans::Resumed;
use crate::domain::wanted::Wanted;
use crate::proto::front::FrontAnswer;
use crate::proto::stage::{Answer, BrokerToStage, Question, SitePage, StageToBroker};
use crate::storekeeper::orders::{AcceptedRequest, FromStorekeeper, ToStorekeeper};

impl State {
    /// Applies one event and appends what is to be done about it.
    pub fn handle(&mut self, event: Event, now: Now, effects: &mut Vec<Effect>) {
        let turn = &mut Turn { state: self, now, effects };
        match event {
            Event::FromStage(from, message) => on_stage(turn, from, message),
            Event::StageLost(container) => leasing::on_container_lost(turn, container),
            Event::FrontAsked { front, ask, question, blob } => {
                fronts::on_asked(turn, Asker { front, ask }, question, blob);
            }
            Event::FrontJoined { pid } => turn.state.registry.note_start(Role::Front, pid),
            Event::Follow(front, query) => following::on_follow(turn, front, query),
            Event::Unfollow(front, query) => following::on_unfollow(turn.state, front, query),
            Event::FrontLost(front) => {
                following::on_front_lost(turn.state, front);
                turn.state.watches.fronts.remove(&front);
            }
            Event::FromStore(message) => on_store(turn, message),
            Event::Tick => {}
        }
        time::on_time_passed(turn);
        watches::on_time_passed(turn);
        time::grant_reservations(turn);
        leasing::hand_out(turn);
    }
}

fn on_stage(turn: &mut Turn, from: ContainerId, message: StageToBroker) {
    match message {
        StageToBroker::Hello { role, pid, workers } => leasing::on_hello(turn, from, role, pid, workers),
        StageToBroker::Ready { worker } => leasing::on_ready(turn, from, worker),
        StageToBroker::Report { lease, outcome, elapsed_micros } => {
            outcomes::on_report(turn, from, lease, outcome, elapsed_micros);
        }
        StageToBroker::Page { lease, posts, hold } => {
            let woken = scans::on_page(turn, from, lease, posts, hold);
            indexing::on_woken(turn, woken);
        }
        StageToBroker::Doing { lease, what } => {
            if !turn.state.leases.renew(lease, from, Some(what), turn.now.mono) {
                turn.state.gossip_dropped += 1;
            }
        }
        StageToBroker::Ask { ask, question } => on_stage_asked(turn, from, ask, question),
        StageToBroker::Reserve { lease, wish } => {
            for woken in reservations::on_wish(turn, from, lease, wish) {
                indexing::on_woken(turn, woken);
            }
        }
        StageToBroker::Paid { lease, reads } => admission::on_paid(turn, from, lease, reads),
        StageToBroker::Network { lost } => connectivity::on_change(turn, from, lost),
        StageToBroker::Measured { step, micros } => {
            turn.state.metrics.record(&step, micros);
            if let Some(page) = SitePage::of_step(&step) {
                on_site_page(turn, &page);
            }
        }
    }
}

/// A page was read, or its layout has changed; other outcomes say nothing about the reader.
fn on_site_page(turn: &mut Turn, page: &SitePage<'_>) {
    let is_read = match page.outcome {
        SitePage::READ => true,
        SitePage::LAYOUT_CHANGED => false,
        _ => return,
    };
    if let Some(change) = turn.state.site_layouts.note(page.site, is_read, turn.now.mono) {
        turn.effects.push(Effect::SiteChanged { site: page.site.to_owned(), change });
    }
}

fn on_stage_asked(turn: &mut Turn, from: ContainerId, ask: AskId, question: Question) {
    let answer = match question {
        Question::StartScans { scans, priority } => {
            updates::start(turn, scans, priority);
            Answer::Done
        }
        Question::RetryPosts(posts) => {
            retries::retry(turn, posts);
            Answer::Done
        }
        Question::LookUpPosts(posts) => {
            retries::look_up(turn, posts);
            Answer::Done
        }
        Question::SearchedPosts { scan, from: first } => scans::searched_posts(turn.state, scan, first),
        question @ (Question::AccountStates(_)
        | Question::Images(_)
        | Question::Accounts(_)
        | Question::AccountNumbers(_)
        | Question::AccountFingerprints { .. }
        | Question::AccountParts { .. }
        | Question::PartsOf(_)
        | Question::Furniture
        | Question::AccountsDue { .. }
        | Question::RetriesDue { .. }
        | Question::WantedPostsDue { .. }
        | Question::PagesLike { .. }
        | Question::PostAuthors(_)
        | Question::Verdicts { .. }
        | Question::PostImages(_)
        | Question::Tombstones { .. }
        | Question::ResetSearchCursors(_)) => {
            return turn.ask_store(Pending::StageAsk { container: from, ask }, question);
        }
        // What would keep everybody's crops from being found, and what is seen of everybody.
        question @ (Question::PartsSample { .. } | Question::KeepFurniture(_))
            if turn.state.registry.identity(from).is_some_and(|(role, _)| role == Role::Maintenance) =>
        {
            return turn.ask_store(Pending::StageAsk { container: from, ask }, question);
        }
        // What people say and watch is no business of processes that read strangers' bytes, nor is all that
        // is stored.
        Question::PartsSample { .. }
        | Question::KeepFurniture(_)
        | Question::VerdictsBefore(_)
        | Question::KeepVerdicts(_)
        | Question::RemoveVerdict(_)
        | Question::Feed { .. }
        | Question::KeepWatch(_)
        | Question::EndWatch(_)
        | Question::StoredPosts { .. } => {
            turn.state.gossip_dropped += 1;
            Answer::Unavailable("no stage may ask this".to_owned())
        }
    };
    turn.send_to_stage(from, BrokerToStage::Answer { ask, answer });
}

fn on_store(turn: &mut Turn, message: FromStorekeeper) {
    let (ticket, message) = match message {
        FromStorekeeper::Opened {
            counts,
            unfinished,
            ledger,
            index,
            marks,
            removals_left,
            watches: kept,
        } => {
            turn.state.counts = counts;
            turn.state.index = index;
            turn.state.spending.learn(ledger, &[]);
            // First: what is resumed may be of somebody who is forgotten.
            forgetting::resume(turn, marks, removals_left);
            resume(turn, unfinished);
            return watches::resume(turn, kept);
        }
        FromStorekeeper::Indexing { progress } => {
            turn.state.index = progress;
            return;
        }
        FromStorekeeper::Billed { ledger, billed } => {
            turn.state.ledger_asked = false;
            return admission::on_billed(turn, ledger, &billed);
        }
        FromStorekeeper::Trouble { part, why } => {
            turn.state.troubles.note_store(part, why, turn.now.mono);
            return health::turn_away_who_waits(turn);
        }
        // The loop ends the process; there is nothing to decide.
        FromStorekeeper::Broken { .. } => return,
        FromStorekeeper::Sizes(sizes) => {
            turn.state.sizes = sizes;
            return;
        }
        FromStorekeeper::NewPosts { ticket, .. }
        | FromStorekeeper::Stored { ticket, .. }
        | FromStorekeeper::Answered { ticket, .. }
        | FromStorekeeper::Removed { ticket, .. }
        | FromStorekeeper::Lifted { ticket, .. }
        | FromStorekeeper::Journaled { ticket } => (ticket, message),
    };
    if let FromStorekeeper::Stored { counts, .. } | FromStorekeeper::Removed { counts, .. } = &message {
        turn.state.counts = *counts;
    }
    match turn.state.pending.remove(&ticket) {
        Some(pending) => on_awaited(turn, pending, message),
        None => turn.state.gossip_dropped += 1,
    }
}

/// The storekeeper did what was awaited for this reason.
fn on_awaited(turn: &mut Turn, pending: Pending, message: FromStorekeeper) {
    match (pending, message) {
        (Pending::Filter { scan, step, page }, FromStorekeeper::NewPosts { posts, .. }) => {
            let woken = scans::on_filtered(turn, scan, step, page, posts);
            indexing::on_woken(turn, woken);
        }
        (Pending::Posts { scan, posts }, FromStorekeeper::Stored { .. }) => {
            if let Some(account) = turn.state.scans.get(&scan).map(|scan| scan.head.account.key.clone()) {
                watches::on_stored(turn, &account);
            }
            let woken = scans::on_stored(turn, scan, &posts);
            indexing::on_woken(turn, woken);
        }
        (Pending::PostsApart { account, posts }, FromStorekeeper::Stored { .. }) => {
            watches::on_stored(turn, &account);
            turn.send_to_store(ToStorekeeper::SettleWanted { posts });
        }
        (Pending::Cursor { scan, step }, FromStorekeeper::Stored { .. }) => {
            let woken = scans::on_cursor_stored(turn, scan, step);
            indexing::on_woken(turn, woken);
        }
        (Pending::StageAsk { container, ask }, FromStorekeeper::Answered { answer, .. }) => {
            turn.send_to_stage(container, BrokerToStage::Answer { ask, answer });
        }
        (Pending::ScanStart(start), FromStorekeeper::Answered { answer, .. }) => {
            scan_requests::on_start_known(turn, *start, answer);
        }
        // Posts of a scan that was cancelled are stored all the same.
        (Pending::Dropped, FromStorekeeper::Stored { .. }) => watches::feeds_changed(turn),
        (Pending::CursorForgotten, FromStorekeeper::Answered { .. }) | (Pending::Dropped, _) => {}
        (Pending::SearchStart { query, account }, FromStorekeeper::Answered { answer, .. }) => {
            queries::on_account_known(turn, query, account, answer);
        }
        (Pending::SearchKnown { query, asked, refusal }, FromStorekeeper::Answered { answer, .. }) => {
            queries::on_account_records(turn, query, asked, refusal, answer);
        }
        (Pending::NamedPosts { query }, FromStorekeeper::Answered { answer, .. }) => {
            indexing::on_named_posts_known(turn, query, answer);
        }
        (Pending::NamedPostStored { query }, FromStorekeeper::Stored { .. }) => {
            watches::feeds_changed(turn);
            indexing::on_named_post_stored(turn, query);
        }
        (Pending::AccountRecords(asker), FromStorekeeper::Answered { answer, .. }) => {
            accounts::on_records(turn, asker, answer);
        }
        (Pending::VerdictAccount { asker, saying }, FromStorekeeper::Answered { answer, .. }) => {
            verdicts::on_account_known(turn, asker, *saying, answer);
        }
        (Pending::VerdictsKept { asker, verdicts, is_one }, FromStorekeeper::Answered { answer, .. }) => {
            verdicts::on_kept(turn, asker, verdicts, is_one, answer);
        }
        (Pending::VerdictRemoved(asker), FromStorekeeper::Answered { answer, .. }) => {
            verdicts::on_removed(turn, asker, answer);
        }
        (Pending::VerdictsListed(asker), FromStorekeeper::Answered { answer, .. }) => {
            verdicts::on_listed(turn, asker, answer);
        }
        (Pending::Accepted { askers, query }, FromStorekeeper::Journaled { .. }) => {
            for asker in askers {
                // It may have been cancelled meanwhile, which is to be written down too.
                submissions::answer_when_written(turn, asker, query);
            }
        }
        (Pending::ScanCancelled { asker, view }, FromStorekeeper::Journaled { .. }) => {
            turn.answer(asker, FrontAnswer::Scan(*view));
        }
        (Pending::ForgetAccount { asker, name, note }, FromStorekeeper::Answered { answer, .. }) => {
            forgetting::on_records(turn, asker, name, note, answer);
        }
        (Pending::Tombstones(asker), FromStorekeeper::Answered { answer, .. }) => {
            forgetting::on_tombstones(turn, asker, answer);
        }
        (Pending::Forgotten(mark), FromStorekeeper::Removed { removal, .. }) => {
            forgetting::on_removed(turn, mark, removal);
            watches::feeds_changed(turn);
        }
        (Pending::GoneRemoved, FromStorekeeper::Removed { .. }) => watches::feeds_changed(turn),
        (Pending::WatchBegun(id), FromStorekeeper::Answered { answer, .. }) => {
            watches::on_begun(turn, id, answer);
        }
        (Pending::WatchKept, FromStorekeeper::Answered { answer, .. }) => watches::on_kept(turn, answer),
        (Pending::WatchEnded { asker, watch }, FromStorekeeper::Answered { answer, .. }) => {
            watches::on_ended(turn, asker, *watch, answer);
        }
        (Pending::FeedRead { asker, watch, skip }, FromStorekeeper::Answered { answer, .. }) => {
            watches::on_feed_read(turn, asker, watch, skip, answer);
        }
        (Pending::WatchStates(id), FromStorekeeper::Answered { answer, .. }) => {
            watches::on_states(turn, id, answer);
        }
        (Pending::WatchNews { id, skip }, FromStorekeeper::Answered { answer, .. }) => {
            watches::on_news_read(turn, id, skip, answer);
        }
        (Pending::StoredPosts(relisting), FromStorekeeper::Answered { answer, .. }) => {
            gone_posts::on_stored_posts(turn, *relisting, answer);
        }
        (Pending::Lifted { asker, mark }, FromStorekeeper::Lifted { .. }) => {
            forgetting::on_lifted(turn, asker, mark);
        }
        (_, _) => turn.contradiction("the storekeeper answered something else than it was asked"),
    }
}

/// Starts again what was accepted before the broker was restarted.
fn resume(turn: &mut Turn, unfinished: Vec<AcceptedRequest>) {
    for request in unfinished {
        match request {
            AcceptedRequest::Query { url, networks, client, webhooks, whole, deaths } => {
                let (wanted, origin) = (Wanted::posts(whole), Origin { client, networks });
                submissions::resume_page(turn, url, wanted, webhooks, origin, deaths);
            }
            AcceptedRequest::Artist { url, networks, client, resolve, deaths } => {
                let (wanted, origin) = (Wanted::artist(resolve), Origin { client, networks });
                submissions::resume_page(turn, url, wanted, Vec::new(), origin, deaths);
            }
            AcceptedRequest::Delivery(delivery) => {
                let delivery = forgetting::without_forgotten(turn.state, *delivery);
                deliveries::start(turn, delivery);
            }
            AcceptedRequest::Scan { account, reach, priority, searched, deaths } => {
                scan_requests::resume(turn, account, reach, priority, Resumed { searched, deaths });
            }
        }
    }
}
