//! What people say of accounts and pictures: it is checked, kept, taken back and listed, and it comes before
//! every rule of a query's own.
//!
//! A query looks verdicts up three times, always by key: when its links are known, when its accounts are, and
//! with each search of its image. So what is said while it runs counts from its next step on; an account that
//! is added after its links are known, only for who asks again.

use crate::base::ids::{AccountKey, Network, PostKey, QueryId};
use crate::broker::books::query::{Facts, Query};
use crate::broker::books::query_key::is_about_page;
use crate::broker::rules::query_steps;
use crate::broker::rules::views::query_view;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Asker, Pending, VerdictSaying};
use crate::domain::accounts::{
    Account, AccountRecord, AccountRef, Candidate, Evidence, LeftOutReason, OtherAccount, Standing,
};
use crate::domain::addresses::{account_named, post_named, post_url};
use crate::domain::verdicts::{Claim, KeptVerdicts, MAX_PER_PAGE, Verdict, VerdictId, page_named};
use crate::proto::front::{FrontAnswer, Saying, VerdictOrder, VerdictsAnswer};
use crate::proto::stage::{Answer, Question};

// ---- what is done with them

pub fn ask(turn: &mut Turn, asker: Asker, order: VerdictOrder) {
    match order {
        VerdictOrder::Say { who, saying } => say(turn, asker, who, saying),
        VerdictOrder::Take { verdicts } => keep(turn, asker, verdicts, false),
        VerdictOrder::Remove { id } => {
            turn.ask_store(Pending::VerdictRemoved(asker), Question::RemoveVerdict(id));
        }
        VerdictOrder::List { before } => {
            let before = before.unwrap_or((crate::base::Timestamp(i64::MAX), VerdictId(u64::MAX)));
            turn.ask_store(Pending::VerdictsListed(asker), Question::VerdictsBefore(before));
        }
    }
}

fn wrong(turn: &mut Turn, asker: Asker, why: impl Into<String>) {
    turn.answer(asker, FrontAnswer::Verdicts(VerdictsAnswer::Wrong { why: why.into() }));
}

fn say(turn: &mut Turn, asker: Asker, who: String, saying: Saying) {
    match saying {
        Saying::Account { account, is_artists, page, why } => match account_meant(&account) {
            Err(complaint) => wrong(turn, asker, complaint),
            Ok(AccountRef::Id(account)) => {
                let claim = Claim::Account { account, is_artists };
                keep_said(turn, asker, claim, page.as_deref(), &who, &why, String::new());
            }
            Ok(asked @ AccountRef::Handle { .. }) => {
                let saying = Box::new(VerdictSaying { named: account, is_artists, page, who, why });
                turn.ask_store(Pending::VerdictAccount { asker, saying }, Question::Accounts(asked));
            }
        },
        Saying::Picture { page, post, image, is_same, why } => match post_meant(turn, &page, &post) {
            Err(complaint) => wrong(turn, asker, complaint),
            Ok(post) => {
                let claim = Claim::Picture { post, image, is_same };
                keep_said(turn, asker, claim, Some(&page), &who, &why, String::new());
            }
        },
    }
}

/// The account that a person names: by its id, with its network before it, or as `account_named` knows.
fn account_meant(text: &str) -> Result<AccountRef, String> {
    let text = text.trim();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(text) {
        return Ok(AccountRef::Id(AccountKey::new(Network::Twitter, text)));
    }
    if let Some((network, id)) = text.split_once(':')
        && let Some(network) = Network::from_name(network)
    {
        let is_id = match network {
            Network::Twitter => digits(id),
            Network::Bluesky => false, // `account_named` knows its ids
            Network::Mastodon | Network::Misskey => id.starts_with("https://"),
        };
        if is_id {
            return Ok(AccountRef::Id(AccountKey::new(network, id)));
        }
    }
    account_named(text).map_err(str::to_owned)
}

/// The post that a person names. Answers about the page show its address, whatever its network: so the post
/// is looked for among those first.
fn post_meant(turn: &Turn, page: &str, text: &str) -> Result<PostKey, String> {
    let page = page_named(page)?;
    let about = turn.state.queries.iter().filter(|(_, query)| is_about_page(&query.head.key, &page));
    let views = about.filter_map(|(id, _)| query_view(turn.state, *id, turn.now));
    let text = text.trim();
    if text.is_empty() {
        return Err("give the address of the post, as the answer about the page shows it".to_owned());
    }
    for view in views {
        let shown = view.results.iter().chain(&view.similar).chain(&view.named_posts);
        let mut meant = shown.filter(|shown| {
            post_url(&shown.post, shown.handle.as_deref()) == text || shown.post.to_string() == text
        });
        if let Some(shown) = meant.next() {
            return Ok(shown.post.clone());
        }
    }
    post_named(text).map_err(str::to_owned)
}

/// Whose the name is, as far as the database knows.
pub fn on_account_known(turn: &mut Turn, asker: Asker, saying: VerdictSaying, answer: Answer) {
    let records = match answer {
        Answer::AccountRecords(records) => records,
        other => return not_now(turn, asker, other),
    };
    let VerdictSaying { named, is_artists, page, who, why } = saying;
    let Some(Account { key, handle, .. }) = records.first().map(AccountRecord::account) else {
        return wrong(
            turn,
            asker,
            format!(
                "no account called {named} is known here, and names change hands: give its id (https://x.com/i/user/ID \
                 or twitter:ID, a DID of Bluesky, mastodon:URI or misskey:URI), or scan it first"
            ),
        );
    };
    let claim = Claim::Account { account: key, is_artists };
    keep_said(turn, asker, claim, page.as_deref(), &who, &why, handle);
}

fn keep_said(
    turn: &mut Turn,
    asker: Asker,
    claim: Claim,
    page: Option<&str>,
    who: &str,
    why: &str,
    handle: String,
) {
    match Verdict::new(claim, page, who, turn.now.wall, why) {
        Ok(verdict) => keep(turn, asker, vec![Verdict { handle, ..verdict }], true),
        Err(complaint) => wrong(turn, asker, complaint),
    }
}

fn keep(turn: &mut Turn, asker: Asker, verdicts: Vec<Verdict>, is_one: bool) {
    // A verdict would keep the name of who wished to be forgotten.
    let is_forgotten = |claim: &Claim| match claim {
        Claim::Account { account, .. } => turn.state.forgotten.names_account(account),
        Claim::Picture { post, .. } => turn.state.forgotten.names_post(post),
    };
    if let Some(verdict) = verdicts.iter().find(|verdict| is_forgotten(&verdict.claim)) {
        let subject = match &verdict.claim {
            Claim::Account { account, .. } => account.to_string(),
            Claim::Picture { post, .. } => post.to_string(),
        };
        let why = LeftOutReason::Forgotten.why();
        return wrong(turn, asker, format!("{subject} {why}: nothing more is kept of it"));
    }
    let question = Question::KeepVerdicts(verdicts.clone());
    turn.ask_store(Pending::VerdictsKept { asker, verdicts, is_one }, question);
}

pub fn on_kept(turn: &mut Turn, asker: Asker, verdicts: Vec<Verdict>, is_one: bool, answer: Answer) {
    let kept = match answer {
        Answer::VerdictsKept(kept) => kept,
        other => return not_now(turn, asker, other),
    };
    let answer = match kept {
        KeptVerdicts::Full { about } => {
            let why = format!(
                "about {about} people have said {MAX_PER_PAGE} things already, which is as many as count: take \
                 one of them back first"
            );
            VerdictsAnswer::Wrong { why }
        }
        KeptVerdicts::Kept { new, known, against } => {
            if new > 0 {
                make_outdated(turn, &verdicts);
            }
            match verdicts.into_iter().next() {
                Some(verdict) if is_one => VerdictsAnswer::Said { verdict, is_new: new > 0, against },
                _ => VerdictsAnswer::Taken { new, known, against },
            }
        }
    };
    turn.answer(asker, FrontAnswer::Verdicts(answer));
}

pub fn on_removed(turn: &mut Turn, asker: Asker, answer: Answer) {
    let answer = match answer {
        Answer::VerdictRemoved(Some(verdict)) => {
            make_outdated(turn, std::slice::from_ref(&verdict));
            VerdictsAnswer::Removed(verdict)
        }
        Answer::VerdictRemoved(None) => VerdictsAnswer::Unknown,
        other => return not_now(turn, asker, other),
    };
    turn.answer(asker, FrontAnswer::Verdicts(answer));
}

pub fn on_listed(turn: &mut Turn, asker: Asker, answer: Answer) {
    match answer {
        Answer::VerdictsBefore { verdicts, more } => {
            let list = VerdictsAnswer::List { verdicts, more };
            turn.answer(asker, FrontAnswer::Verdicts(list));
        }
        other => not_now(turn, asker, other),
    }
}

fn not_now(turn: &mut Turn, asker: Asker, answer: Answer) {
    let why = match answer {
        Answer::Unavailable(why) => why,
        _ => "it gave another answer than was asked for".to_owned(),
    };
    turn.answer(asker, FrontAnswer::NotNow { why: format!("the database cannot answer: {why}") });
}

/// Queries that the verdicts concern are begun anew for who asks again, whether they run or have ended.
fn make_outdated(turn: &mut Turn, verdicts: &[Verdict]) {
    let concerned = turn.state.queries.iter().filter(|(_, query)| {
        !query.head.is_outdated && verdicts.iter().any(|verdict| query.is_concerned_by(verdict))
    });
    let concerned: Vec<QueryId> = concerned.map(|(id, _)| *id).collect();
    for id in concerned {
        query_steps::make_outdated(turn.state, id);
    }
}

// ---- where they act

/// What a page leads to, after what people say: accounts that are the artist's come first, those that are not
/// are left out, and posts that show the artwork are looked at as if the page named them. Tells of each that
/// is left out, as a sentence without its end.
pub fn apply_to_links(facts: &mut Facts) -> Vec<String> {
    let mut said: Vec<Candidate> = Vec::new();
    for Verdict { claim, page, .. } in facts.rulings.artists() {
        let Claim::Account { account, .. } = claim else { continue };
        let account = AccountRef::Id(account);
        if said.iter().all(|known| known.account != account) {
            let chain = page.into_iter().collect();
            said.push(Candidate { account, evidence: Evidence::Person, chain });
        }
    }
    let mut left_out = Vec::new();
    let mut others = Vec::new();
    let rulings = &mut facts.rulings;
    facts.candidates.retain(|candidate| {
        // A name may have moved since: its account is asked about once it is looked up.
        let key = match &candidate.account {
            AccountRef::Id(key) => Some(key),
            AccountRef::Handle { .. } => None,
        };
        let is_left_out = key.is_some_and(|key| rulings.leaves_out(key));
        if let (true, Some(key)) = (is_left_out, key) {
            left_out.extend(rulings.why_left_out(key).map(|why| format!("{key} {why}")));
            let standing = Standing::LeftOut(LeftOutReason::Person);
            others.push(OtherAccount { candidate: candidate.clone(), standing });
        }
        !is_left_out && said.iter().all(|known| known.account != candidate.account)
    });
    facts.candidates.splice(..0, said);
    for other in others {
        facts.add_other(other);
    }
    let same: Vec<PostKey> = facts.rulings.same_posts().cloned().collect();
    for post in same {
        if !facts.named.asked.contains(&post) {
            facts.named.asked.push(post);
        }
    }
    left_out
}

/// Leaves out accounts that are not the artist's by a person's word; tells of each, as a sentence without its
/// end.
pub fn leave_out(query: &mut Query, accounts: &mut Vec<Account>) -> Vec<String> {
    let rulings = &mut query.facts.rulings;
    let mut left_out = Vec::new();
    accounts.retain(|account| {
        let is_left_out = rulings.leaves_out(&account.key);
        if is_left_out {
            let why = rulings.why_left_out(&account.key).unwrap_or_default();
            left_out.push(format!("{}:@{} {why}", account.key.network, account.handle));
        }
        !is_left_out
    });
    left_out
}
