//! `forget`: what an artist or a network wishes to be gone is marked, so that it never comes back, and removed.
//! Scans of it end, answers that name it are dropped, and nothing of it is shown from the first moment on; its rows
//! go piece by piece, beside the other work.

use crate::base::ids::{AccountKey, PostKey, QueryId, ScanId};
use crate::broker::books::forgotten::Forgetting;
use crate::broker::books::items::{Item, Owner};
use crate::broker::books::query::{Facts, Outcome, Phase, Query};
use crate::broker::books::queue::Queue;
use crate::broker::rules::{cancelling, following, health, indexing, query_steps, scans, watches};
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Asker, NameAsked, Pending};
use crate::domain::accounts::{Account, AccountRecord, AccountRef, LeftOutReason};
use crate::domain::failure::FailureCode;
use crate::domain::forgotten::{MAX_NOTE_BYTES, Mark, Named, Removal, Subject, mark_digits, named};
use crate::domain::verdicts::Claim;
use crate::proto::front::FrontAnswer;
use crate::proto::stage::{Answer, MAX_TOMBSTONES_PER_ANSWER, Question};
use crate::proto::view::{ForgettingView, QueryView};
use crate::proto::work::{Delivery, Work};
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry, ToStorekeeper};

// ---- what a person asks

/// `forget WHAT`.
pub fn ask(turn: &mut Turn, asker: Asker, what: &str, note: String) {
    if note.len() > MAX_NOTE_BYTES {
        let why = format!("The note is longer than {MAX_NOTE_BYTES} bytes.");
        return turn.refuse_because(asker, FailureCode::InvalidTwitterAccount, why);
    }
    match named(what) {
        Ok(Named::Subject(subject)) => {
            match &subject {
                // For the name that people know.
                Subject::Account(key) => {
                    let question = AccountRef::Id(key.clone());
                    let name = NameAsked { handle: None, otherwise: Some(key.clone()), record: None };
                    turn.ask_store(
                        Pending::ForgetAccount { asker, name, note },
                        Question::Accounts(question),
                    );
                }
                Subject::Post(_) => begin(turn, asker, subject, None, note),
            }
        }
        Ok(Named::Account { asked, otherwise }) => {
            let name = NameAsked { handle: handle_in(&asked), otherwise, record: None };
            turn.ask_store(Pending::ForgetAccount { asker, name, note }, Question::Accounts(asked));
        }
        Ok(Named::PostBy { author, record }) => {
            let name = NameAsked { handle: handle_in(&author), otherwise: None, record: Some(record) };
            turn.ask_store(Pending::ForgetAccount { asker, name, note }, Question::Accounts(author));
        }
        Err(why) => {
            turn.refuse_because(asker, FailureCode::InvalidTwitterAccount, format!("{what:?}: {why}."))
        }
    }
}

fn handle_in(asked: &AccountRef) -> Option<String> {
    match asked {
        AccountRef::Handle { handle, .. } => Some(handle.clone()),
        AccountRef::Id(_) => None,
    }
}

/// The database told which accounts are, or were, called so.
pub fn on_records(
    turn: &mut Turn,
    asker: Asker,
    NameAsked { handle: asked, otherwise, record }: NameAsked,
    note: String,
    answer: Answer,
) {
    let Answer::AccountRecords(records) = answer else {
        let why = "the database could not be read: nothing was forgotten".to_owned();
        return turn.answer(asker, FrontAnswer::NotNow { why });
    };
    let handle = |record: &AccountRecord| Some(record.account().handle).filter(|handle| !handle.is_empty());
    let is_called = |record: &AccountRecord, asked: &str| record.account().handle.eq_ignore_ascii_case(asked);
    let (key, handle) = match (records.as_slice(), otherwise) {
        ([], None) => {
            let why = "No account of this name is known here. Give its id, which its mark is made of: \
                https://x.com/i/user/ID of X, did:plc:... of Bluesky, mastodon:https://SERVER/users/NAME of Mastodon.";
            return turn.refuse_because(asker, FailureCode::InvalidTwitterAccount, why.to_owned());
        }
        ([], Some(key)) => (key, None),
        ([one], _) if asked.as_ref().is_some_and(|asked| !is_called(one, asked)) => {
            let why = format!(
                "The account {} was called so before, and has another name now: give the id of the one that is meant.",
                one.state.key
            );
            return turn.refuse_because(asker, FailureCode::InvalidTwitterAccount, why);
        }
        ([one], _) => (one.state.key.clone(), handle(one)),
        (several, _) => {
            let names: Vec<String> = several.iter().map(|one| one.state.key.to_string()).collect();
            let why = format!(
                "Several accounts had this name, the present owner first: {}. Give the id of the one that is meant.",
                names.join(", ")
            );
            return turn.refuse_because(asker, FailureCode::InvalidTwitterAccount, why);
        }
    };
    let subject = match record {
        None => Subject::Account(key),
        Some(record) => {
            let native = format!("at://{}/app.bsky.feed.post/{record}", key.native);
            Subject::Post(PostKey::new(key.network, native))
        }
    };
    begin(turn, asker, subject, handle, note);
}

fn begin(turn: &mut Turn, asker: Asker, subject: Subject, handle: Option<String>, note: String) {
    if let Some(why) = health::why_not_now(turn.state) {
        return turn.answer(asker, FrontAnswer::NotNow { why });
    }
    let mark = subject.mark();
    if turn.state.forgotten.begin(subject.clone(), handle, note.clone()).is_some() {
        let answers = drop_answers(turn, &subject);
        watches::on_forgotten(turn, &subject);
        let scans = match &subject {
            Subject::Account(key) => end_scans(turn, key),
            Subject::Post(_) => 0,
        };
        if let Some(forgetting) = turn.state.forgotten.removal_mut(mark) {
            (forgetting.answers, forgetting.scans) = (answers, scans);
        }
        turn.send_to_store(ToStorekeeper::ForgetNotes { subject: subject.clone() });
        remove(turn, mark, subject, note);
    }
    show(turn, asker, mark);
}

/// How far a removal is.
pub fn show(turn: &mut Turn, asker: Asker, mark: Mark) {
    match turn.state.forgotten.removal(mark).map(view) {
        Some(view) => turn.answer(asker, FrontAnswer::Forgetting(view)),
        None => turn.refuse(asker, FailureCode::NoSuchRequest),
    }
}

fn view(forgetting: &Forgetting) -> ForgettingView {
    let Forgetting { subject, handle, removed, answers, scans, is_marked_before, ended, .. } = forgetting;
    ForgettingView {
        subject: subject.clone(),
        handle: handle.clone(),
        removed: *removed,
        answers: *answers,
        scans: *scans,
        is_marked_before: *is_marked_before,
        has_ended: ended.is_some(),
    }
}

/// `forget --list`: the marks beyond this one.
pub fn list(turn: &mut Turn, asker: Asker, after: Option<Mark>) {
    turn.ask_store(Pending::Tombstones(asker), Question::Tombstones { after });
}

pub fn on_tombstones(turn: &mut Turn, asker: Asker, answer: Answer) {
    match answer {
        Answer::Tombstones(tombstones) => {
            let most = usize::try_from(MAX_TOMBSTONES_PER_ANSWER).unwrap_or(usize::MAX);
            let more = tombstones.len() >= most;
            turn.answer(asker, FrontAnswer::Tombstones { tombstones, more });
        }
        _ => turn.answer(asker, FrontAnswer::NotNow { why: "the database could not be read".to_owned() }),
    }
}

/// `forget --undo WHAT`: by its mark, or by what the mark was made of.
pub fn lift(turn: &mut Turn, asker: Asker, what: &str) {
    let refuse = |turn: &mut Turn, why: &str| {
        turn.refuse_because(asker, FailureCode::InvalidTwitterAccount, why.to_owned());
    };
    let mark = match (mark_digits(what), named(what)) {
        (Some(digits), _) => match turn.state.forgotten.beginning_with(&digits).as_slice() {
            [mark] => *mark,
            [] => return refuse(turn, "No mark begins so: `forget --list` shows them all."),
            _ => return refuse(turn, "Several marks begin so: give more of it."),
        },
        (None, Ok(Named::Subject(subject))) => subject.mark(),
        (None, Ok(Named::Account { otherwise: Some(key), .. })) => Mark::of_account(&key),
        (None, Ok(Named::Account { .. } | Named::PostBy { .. })) => {
            let why = "Of what was forgotten no name is kept: give the id that the mark was made of \
                (https://x.com/i/user/ID, did:plc:..., mastodon:https://SERVER/users/NAME), or the mark's first digits, \
                which `forget --list` shows.";
            return refuse(turn, why);
        }
        (None, Err(why)) => return refuse(turn, &format!("{what:?}: {why}.")),
    };
    if !turn.state.forgotten.has(mark) {
        return refuse(turn, "It is not forgotten: `forget --list` shows all that is.");
    }
    if turn.state.forgotten.removal(mark).is_some_and(|removal| removal.ended.is_none()) {
        return refuse(turn, "It is still being removed: ask again when that has ended.");
    }
    let ticket = turn.expect(Pending::Lifted { asker, mark });
    turn.send_to_store(ToStorekeeper::Lift { ticket, mark });
}

pub fn on_lifted(turn: &mut Turn, asker: Asker, mark: Mark) {
    // Somebody may have asked to forget it again meanwhile.
    if turn.state.forgotten.removal(mark).is_none_or(|removal| removal.ended.is_some()) {
        turn.state.forgotten.lift(mark);
    }
    turn.answer(asker, FrontAnswer::Lifted { mark });
}

// ---- its course

fn remove(turn: &mut Turn, mark: Mark, subject: Subject, note: String) {
    let ticket = turn.expect(Pending::Forgotten(mark));
    turn.send_to_store(ToStorekeeper::Forget { ticket, subject, note });
}

/// A piece is gone.
pub fn on_removed(turn: &mut Turn, mark: Mark, removal: Removal) {
    let now = turn.now.mono;
    match turn.state.forgotten.advance(mark, removal, now) {
        Some((subject, note)) => remove(turn, mark, subject, note),
        None => {
            // Once more, with the mark: what was noted meanwhile, or by an earlier broker.
            if let Some(forgetting) = turn.state.forgotten.removal(mark) {
                let subject = forgetting.subject.clone();
                turn.send_to_store(ToStorekeeper::ForgetNotes { subject });
            }
        }
    }
    turn.state.forgotten.forget_ended(now);
}

/// What was marked before this broker began, and what of it is still to be removed.
pub fn resume(turn: &mut Turn, marks: Vec<Mark>, left: Vec<AccountKey>) {
    turn.state.forgotten.learn(marks);
    for key in left {
        let subject = Subject::Account(key);
        if let Some(mark) = turn.state.forgotten.begin(subject.clone(), None, String::new()) {
            remove(turn, mark, subject, String::new());
        }
    }
}

/// A final answer that an earlier broker had to deliver, without what was forgotten since it was written down.
pub fn without_forgotten(state: &State, mut delivery: Delivery) -> Delivery {
    let forgotten = &state.forgotten;
    keep_in_view(&mut delivery.answer, &|account| !forgotten.names_account(account), &|post| {
        !forgotten.names_post(post)
    });
    delivery
}

// ---- what is under way, and what is kept

/// Ends the scans of this account, and how many they were.
fn end_scans(turn: &mut Turn, key: &AccountKey) -> u32 {
    let of_account = turn.state.running_scans.iter().filter(|((account, _), _)| account == key);
    let mut running: Vec<ScanId> = of_account.map(|(_, id)| *id).collect();
    running.sort_unstable();
    let mut ended = 0;
    for id in running {
        if let Some((entry, woken)) =
            scans::cancel(turn, id, format!("The account {}.", LeftOutReason::Forgotten.why()))
        {
            turn.journal(entry);
            indexing::on_woken(turn, woken);
            ended += 1;
        }
    }
    let (_, resumed) = cancelling::drop_start(turn, &AccountRef::Id(key.clone()));
    for entry in resumed {
        turn.journal(entry);
        ended += 1;
    }
    turn.state.resumed_scans.retain(|(account, _), _| account != key);
    ended
}

/// Drops the answers that name it, and takes it out of the queries that have none yet; how many answers were
/// dropped.
fn drop_answers(turn: &mut Turn, subject: &Subject) -> u32 {
    let mut dropped = 0;
    let ids: Vec<QueryId> = turn.state.queries.keys().copied().collect();
    for id in ids {
        let Some(query) = turn.state.queries.get_mut(&id) else { continue };
        if !is_named(query, subject) {
            continue;
        }
        if !query.is_live() {
            query_steps::forget(turn.state, id);
            dropped += 1;
            continue;
        }
        let had_accounts = !query.facts.accounts.is_empty();
        strip(query, subject);
        if had_accounts && query.facts.accounts.is_empty() && query.facts.named.known.is_empty() {
            let why = format!(
                "None of the artist's accounts can be read: the account {}.",
                LeftOutReason::Forgotten.why()
            );
            let code = FailureCode::NoValidTwitterAccountFound;
            if let Some(entry) = query_steps::abandon(turn, id, code, why) {
                turn.journal(entry);
            }
        } else {
            following::notify(turn, id);
        }
    }
    strip_deliveries(turn, subject);
    dropped
}

fn is_named(query: &Query, subject: &Subject) -> bool {
    let facts = &query.facts;
    let preview = [&facts.preview.found, &facts.preview.similar, &facts.preview.named];
    let in_preview =
        preview.iter().any(|images| images.iter().any(|image| is(subject, &image.account, &image.post)));
    let in_phase = match &query.phase {
        Phase::Ended(Outcome::Found { results, similar, named }) => [results, similar, named]
            .iter()
            .any(|views| views.iter().any(|view| is(subject, &view.account, &view.post))),
        Phase::Ended(Outcome::Failed { named, .. }) => {
            named.iter().any(|view| is(subject, &view.account, &view.post))
        }
        Phase::Checking { found, similar, named, .. } => [found, similar, named]
            .iter()
            .any(|images| images.iter().any(|image| is(subject, &image.account, &image.post))),
        _ => false,
    };
    let in_facts = match subject {
        Subject::Account(key) => {
            facts.accounts.iter().chain(&facts.named.authors).any(|account| account.key == *key)
                || facts.candidates.iter().any(|candidate| is_account(&candidate.account, key))
                || facts.others.iter().any(|other| is_account(&other.candidate.account, key))
                || facts.named_as.iter().any(|(known, _)| known == key)
        }
        Subject::Post(key) => {
            facts.named.known.contains(key)
                || facts.named.asked.contains(key)
                || facts.searched_post.as_ref() == Some(key)
        }
    };
    in_preview || in_phase || in_facts || facts.rulings.claims().any(|claim| subject.is_of(claim))
}

fn is(subject: &Subject, account: &AccountKey, post: &PostKey) -> bool {
    match subject {
        Subject::Account(key) => key == account,
        Subject::Post(key) => key == post,
    }
}

fn is_account(asked: &AccountRef, key: &AccountKey) -> bool {
    matches!(asked, AccountRef::Id(id) if id == key)
}

/// Takes it out of a query that has no answer yet.
fn strip(query: &mut Query, subject: &Subject) {
    query.facts.rulings.retain(|claim| !subject.is_of(claim));
    let Facts { preview, accounts, candidates, scanned_before, named, named_as, others, .. } =
        &mut query.facts;
    for images in [&mut preview.found, &mut preview.similar, &mut preview.named] {
        images.retain(|image| !is(subject, &image.account, &image.post));
    }
    if let Phase::Checking { found, similar, named, .. } = &mut query.phase {
        for images in [found, similar, named] {
            images.retain(|image| !is(subject, &image.account, &image.post));
        }
    }
    match subject {
        Subject::Account(key) => {
            let is_other = |account: &Account| account.key != *key;
            let gone =
                accounts.iter().find(|account| !is_other(account)).map(|account| account.handle.clone());
            accounts.retain(is_other);
            named.authors.retain(is_other);
            scanned_before.retain(|state| state.key != *key);
            named_as.retain(|(known, _)| known != key);
            others.retain(|other| other.candidate.account != AccountRef::Id(key.clone()));
            candidates.retain(|candidate| match &candidate.account {
                AccountRef::Id(id) => id != key,
                AccountRef::Handle { network, handle } => {
                    *network != key.network || gone.as_ref() != Some(handle)
                }
            });
        }
        Subject::Post(key) => {
            named.asked.retain(|post| post != key);
            named.known.remove(key);
        }
    }
}

/// Takes it out of the final answers that wait for their webhooks, here and in the journal. One that is on its way
/// just now arrives as it was.
fn strip_deliveries(turn: &mut Turn, subject: &Subject) {
    let is_concerned = |item: &Item| {
        matches!((&item.owner, &item.work), (Owner::Delivery(_), Work::Deliver(delivery))
            if is_in_view(&delivery.answer, subject))
    };
    let queued = turn.state.queues.values().flat_map(Queue::iter);
    let leased = turn.state.leases.iter().map(|(_, lease)| &lease.item);
    let mut changed: Vec<Delivery> = Vec::new();
    for item in queued.chain(leased).filter(|item| is_concerned(item)) {
        if let Work::Deliver(delivery) = &item.work {
            let mut delivery = (**delivery).clone();
            strip_view(&mut delivery.answer, subject);
            changed.push(delivery);
        }
    }
    turn.state.change(is_concerned, |item| {
        if let Work::Deliver(delivery) = &mut item.work {
            strip_view(&mut delivery.answer, subject);
        }
    });
    for delivery in changed {
        let key = JournalEntry::delivery_key(&delivery);
        let request = AcceptedRequest::Delivery(Box::new(delivery));
        turn.journal(JournalEntry::Accepted { key, request });
    }
}

fn is_in_view(view: &QueryView, subject: &Subject) -> bool {
    let mut results = view.results.iter().chain(&view.similar).chain(&view.named_posts);
    let in_accounts = match subject {
        Subject::Account(key) => view.accounts.iter().any(|account| account.key == *key),
        Subject::Post(_) => false,
    };
    in_accounts
        || results.any(|result| is(subject, &result.account, &result.post))
        || view.verdicts.iter().any(|verdict| subject.is_of(&verdict.claim))
        || matches!(subject, Subject::Account(key)
            if view.others.iter().any(|other| is_account(&other.candidate.account, key)))
}

fn strip_view(view: &mut QueryView, subject: &Subject) {
    let is_account = |key: &AccountKey| matches!(subject, Subject::Account(account) if account == key);
    let is_post = |key: &PostKey| matches!(subject, Subject::Post(post) if post == key);
    keep_in_view(view, &|account| !is_account(account), &|post| !is_post(post));
}

/// Leaves out of an answer what is about other accounts and posts than these.
fn keep_in_view(
    view: &mut QueryView,
    account_stays: &dyn Fn(&AccountKey) -> bool,
    post_stays: &dyn Fn(&PostKey) -> bool,
) {
    for results in [&mut view.results, &mut view.similar, &mut view.named_posts] {
        results.retain(|result| account_stays(&result.account) && post_stays(&result.post));
    }
    view.accounts.retain(|account| account_stays(&account.key));
    view.searched.retain(|searched| account_stays(&searched.account));
    view.others.retain(|other| match &other.candidate.account {
        AccountRef::Id(account) => account_stays(account),
        AccountRef::Handle { .. } => true,
    });
    view.verdicts.retain(|verdict| match &verdict.claim {
        Claim::Account { account, .. } => account_stays(account),
        Claim::Picture { post, .. } => post_stays(post),
    });
}
