//! How work ends: a worker reports, and the result goes to whoever the work was for.

use std::time::Duration;

use crate::base::ids::{ContainerId, LeaseId};
use crate::broker::books::items::{Item, MAX_LISTING_FAILURES, Owner, patience, rest, stage_of};
use crate::broker::rules::{
    deaths, deliveries, gone_posts, indexing, pictures, queries, retries, scan_requests, scans, updates,
    watches,
};
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Effect;
use crate::domain::failure::FailureCode;
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost, ListedPost};
use crate::proto::work::{LeaseOutcome, StageOutput, Work};

pub fn on_report(
    turn: &mut Turn,
    from: ContainerId,
    lease: LeaseId,
    outcome: LeaseOutcome,
    elapsed_micros: u64,
) {
    turn.state.reservations.release(from, lease);
    let Some(settled) = turn.state.leases.settle(lease, from) else {
        // The lease ran out and someone else has the work; but the worker is free again.
        turn.state.gossip_dropped += 1;
        if let Some(worker) = turn.state.leases.settle_revoked(lease, from) {
            turn.state.registry.set_ready(worker, turn.now.mono);
        }
        return;
    };
    turn.state.registry.set_ready(settled.worker, turn.now.mono);
    let mut item = settled.item;
    let stage = stage_of(&item.work);
    turn.state.metrics.record(&format!("{stage}: work"), elapsed_micros);
    turn.state.troubles.note_work(stage, &outcome, turn.now.mono);
    match outcome {
        LeaseOutcome::Done(output) => on_done(turn, item, output),
        LeaseOutcome::Paused => scans::on_paused(turn, item),
        LeaseOutcome::Retry { after_ms, why } => {
            match settled.has_listed {
                // Given back because the program stops or the lease is gone is no failure.
                true => item.failures = item.failures.saturating_add(u32::from(after_ms > 0)),
                false => item.begin_listing_anew(),
            }
            if item.failures >= MAX_LISTING_FAILURES
                && let (Owner::Listing(scan, step), Some(end)) = (&item.owner, item.end_of_listing())
            {
                let why = format!("left after {} failures, the last of which: {why}", item.failures);
                turn.effects.push(Effect::WorkFailed { work: item.work.describe(), why });
                let woken = scans::on_listed(turn, *scan, *step, end);
                indexing::on_woken(turn, woken);
            } else if turn.state.connectivity.age_of(&item, turn.now.mono) > patience(&item.work) {
                fail(turn, item, FailureCode::ProcessingError, why);
            } else {
                let age = turn.now.mono.since(item.arrived);
                let due = turn.now.mono.plus(rest(&item.work, age, Duration::from_millis(after_ms)));
                turn.state.queues.entry(stage).or_default().push_delayed(item, due);
            }
        }
        LeaseOutcome::Failed { code, why } => fail(turn, item, code, why),
    }
}

/// A work item is done; its output goes to its owner. An output of another kind than the work
/// asks for fails the item.
fn on_done(turn: &mut Turn, item: Item, output: StageOutput) {
    match (item.owner.clone(), &item.work, output) {
        (Owner::Query(query), Work::FindLinks { .. }, StageOutput::Links(links)) => {
            queries::on_links(turn, query, *links);
        }
        (Owner::Query(query), Work::Resolve { .. }, StageOutput::Resolved(resolutions)) => {
            queries::on_resolved(turn, query, resolutions);
        }
        (Owner::Query(query), Work::PlanScans { .. }, StageOutput::Plan(plan)) => {
            queries::on_plan(turn, query, plan);
        }
        (Owner::Query(query), Work::SearchImage { .. }, StageOutput::Found(found)) => {
            queries::on_found(turn, query, found);
        }
        (Owner::Query(query), Work::SearchImage { scope, .. }, StageOutput::NamesPost { post, position }) => {
            queries::on_names_post(turn, query, scope.clone(), post, position)
        }
        (Owner::Query(query), Work::CheckPosts { posts }, StageOutput::Checked(states))
            if posts.len() == states.len() =>
        {
            queries::on_checked(turn, query, posts.iter().cloned().zip(states).collect());
        }
        (Owner::Query(query), Work::LookUpPosts { .. }, StageOutput::LookedUp(posts)) => {
            queries::on_looked_up(turn, query, posts);
        }
        (Owner::Query(query), Work::IndexPosts { account, .. }, StageOutput::Indexed(posts)) => {
            indexing::on_indexed(turn, query, account.clone(), posts);
        }
        (Owner::Updates(number), Work::Resolve { .. }, StageOutput::Resolved(resolutions)) => {
            updates::on_resolved(turn, number, &resolutions);
        }
        (Owner::ScanRequest(handle), Work::Resolve { .. }, StageOutput::Resolved(resolutions)) => {
            scan_requests::on_resolved(turn, handle, resolutions);
        }
        (Owner::Listing(scan, step), Work::ListPosts { .. }, StageOutput::Listed(end)) => {
            let woken = scans::on_listed(turn, scan, step, end);
            indexing::on_woken(turn, woken);
        }
        (Owner::Batch(scan), Work::IndexPosts { account, .. }, StageOutput::Indexed(posts)) => {
            scans::on_indexed(turn, scan, account.clone(), posts);
        }
        (Owner::Retries, Work::IndexPosts { account, .. }, StageOutput::Indexed(posts)) => {
            retries::on_indexed(turn, account.clone(), posts);
        }
        (Owner::Retries, Work::CheckPosts { posts }, StageOutput::Checked(states))
            if posts.len() == states.len() =>
        {
            let states: Vec<_> = posts.iter().cloned().zip(states).collect();
            gone_posts::on_suspects_checked(turn, &states);
        }
        (Owner::Retries, Work::LookUpPosts { .. }, StageOutput::LookedUp(posts)) => {
            retries::on_looked_up(turn, posts);
        }
        (Owner::Picture { number, .. }, Work::ShrinkPicture { .. }, StageOutput::Picture(jpeg)) => {
            pictures::on_made(turn, number, jpeg);
        }
        (Owner::Watch(id), Work::Resolve { .. }, StageOutput::Resolved(resolutions)) => {
            watches::on_resolved(turn, id, resolutions);
        }
        (Owner::Watch(id), Work::Tell(post), StageOutput::Delivered) => {
            watches::on_told(turn, id, post.entry.changed);
        }
        (Owner::Maintenance(_), Work::Maintain(_), StageOutput::Maintained) => {}
        (Owner::Delivery(_), Work::Deliver(delivery), StageOutput::Delivered) => {
            deliveries::on_ended(turn, delivery);
        }
        (_, _, _) => {
            let why = "its worker reported the result of some other kind of work".to_owned();
            fail(turn, item, FailureCode::ProcessingError, why);
        }
    }
}

/// An item is given up; its owner is told.
pub fn fail(turn: &mut Turn, item: Item, code: FailureCode, why: String) {
    if code == FailureCode::ProcessingError {
        turn.effects.push(Effect::WorkFailed { work: item.work.describe(), why: why.clone() });
    }
    match (&item.owner, &item.work) {
        (Owner::Query(query), work) => queries::on_work_failed(turn, *query, work, code, why),
        (Owner::ScanRequest(handle), _) => scan_requests::on_failed(turn, handle, code, why),
        // Their turn comes again.
        (Owner::Updates(number), _) => drop(turn.state.updates.remove(number)),
        (Owner::Listing(scan, step), _) => {
            let woken = scans::on_listing_failed(turn, *scan, *step, code, why);
            indexing::on_woken(turn, woken);
        }
        (Owner::Batch(_) | Owner::Retries, Work::IndexPosts { account, posts, .. }) => {
            if deaths::split_batch(turn.state, &item) {
                return;
            }
            let posts = posts.iter().map(|post| given_up(post, &why)).collect();
            match item.owner {
                Owner::Batch(scan) => scans::on_indexed(turn, scan, account.clone(), posts),
                _ => retries::on_indexed(turn, account.clone(), posts),
            }
        }
        (Owner::Retries, Work::CheckPosts { posts }) => gone_posts::on_suspects_unchecked(turn, posts),
        (Owner::Picture { number, .. }, _) => pictures::on_failed(turn, *number, why),
        (Owner::Watch(id), work) => watches::on_work_failed(turn, *id, work, why),
        (Owner::Delivery(_), Work::Deliver(delivery)) => deliveries::on_ended(turn, delivery),
        // Posts that could not be looked up, and maintenance, have their turn again.
        (Owner::Batch(_) | Owner::Retries | Owner::Delivery(_) | Owner::Maintenance(_), _) => {}
    }
}

/// A post that could not be worked on: its images are recorded as failed, so that it is stored and
/// tried again later instead of holding up its scan.
fn given_up(post: &ListedPost, why: &str) -> IndexedPost {
    let images = post.images.iter().map(|image| IndexedImage {
        name: image.name.clone(),
        position: image.position,
        state: ImageState::Failed { url: image.url.clone(), why: why.to_owned() },
    });
    IndexedPost {
        key: post.key.clone(),
        published: post.published,
        images: images.collect(),
        places: post.places,
        incomplete: post.incomplete,
    }
}
