//! `aotf db prune`: accounts that their networks no longer have, or that the blocklist names, are shown and,
//! if asked, removed with all that is stored of them.
//!
//! Whether an account is gone, its network alone says, and it must say so twice: at least `--grace` apart,
//! which is by default as long as X keeps an account that its owner has deactivated, of which it says the
//! same. What it said is remembered in the state file. Accounts that were listed lately are there, and are
//! not paid for.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, Network};
use crate::base::{ErrorChain, MicroUsd, StopSignal, Timestamp, counted, shown};
use crate::broker::budget::Spending;
use crate::commands::signals::stop_on_signals;
use crate::config::{Budget, Settings};
use crate::domain::accounts::Account;
use crate::domain::reads::{PaidReads, ReadWish, Resource};
use crate::fetch::{Fetch, HttpFetch};
use crate::index::shared::Writer;
use crate::networks::clients::Clients;
use crate::networks::{Meter, NetworkClient, NetworkError, Presence, Stopping, Waiter};
use crate::store::backup::rotate;
use crate::store::liveness::Heard;
use crate::store::removal::{self, Stored, StoredAccount};
use crate::store::state::StateFile;
use crate::store::{Location, StoreError};
use crate::storekeeper::open::database;

/// Accounts that a network is asked about at a time: what X takes in one request.
const BATCH: usize = 100;

/// Waits shorter than this are not worth a word.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// Accounts named of each kind, unless as JSON.
const MAX_NAMED: usize = 20;

#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Remove them
    #[arg(long, visible_alias = "yes")]
    pub apply: bool,
    /// Also remove accounts that are there, but of which their network says this
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STATE")]
    also: Vec<Also>,
    /// An account is gone when its network said so twice, at least this long apart
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = rotate::length)]
    grace: Duration,
    /// An account is gone when its network says so now
    #[arg(long, conflicts_with = "grace")]
    at_once: bool,
    /// Do not ask about accounts that were there within this time, when they were listed or asked about
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = rotate::length)]
    unseen_for: Duration,
    /// Ask no network: the blocklist alone, and what was heard before
    #[arg(long)]
    offline: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// A state in which an account is there, but cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Also {
    /// By its network
    Suspended,
    /// Shown to approved followers only
    Protected,
    /// By its owner; X says of these that they do not exist
    Deactivated,
    /// Its owner asks not to be shown or indexed
    OptedOut,
}

/// Why an account is to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Why {
    Blocklisted,
    Gone,
    Suspended,
    Protected,
    Deactivated,
    OptedOut,
}

/// What came of the questions.
#[derive(Debug, Default)]
struct Asked {
    present: u64,
    /// Named so by their network just now.
    said: HashMap<AccountKey, Why>,
    /// Without a clear answer: how many for which reason.
    unclear: HashMap<String, u64>,
    /// Not asked, since the budget is spent or their network is not configured.
    left_out: HashMap<String, u64>,
}

#[derive(Debug, serde::Serialize)]
struct Removal {
    network: Network,
    id: String,
    handle: String,
    why: Why,
    /// For accounts that are gone: since when this is known.
    missing_since: Option<String>,
    posts: u64,
    images: u64,
}

/// An account that is missing, and not for long enough.
#[derive(Debug, serde::Serialize)]
struct Waiting {
    network: Network,
    id: String,
    handle: String,
    missing_since: String,
    gone_from: String,
}

#[derive(Debug, serde::Serialize)]
struct Report {
    accounts: u64,
    /// Seen within `--unseen-for`.
    seen_lately: u64,
    asked: u64,
    present: u64,
    unclear: HashMap<String, u64>,
    left_out: HashMap<String, u64>,
    spent_usd: f64,
    missing: Vec<Waiting>,
    remove: Vec<Removal>,
    /// What was removed; absent where nothing was to be.
    removed: Option<Stored>,
}

/// Asks, tells and, with `--apply`, removes. The caller then holds the data folder.
pub fn run(args: &PruneArgs, settings: &Settings, state: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let database = database(settings)?;
    let state = Arc::new(Mutex::new(StateFile::open(state)?));
    let now = Timestamp::now();
    let stored = removal::accounts(&database)?;
    let blocklist = settings.scan.effective_blocklist();
    let (blocked, others): (Vec<StoredAccount>, Vec<StoredAccount>) =
        stored.into_iter().partition(|stored| blocklist.names(&stored.account).is_some());
    let heard = locked(&state).heard()?;
    let (open, lately): (Vec<&StoredAccount>, Vec<&StoredAccount>) =
        others.iter().partition(|stored| is_to_be_asked(stored, &heard, now.minus(args.unseen_for)));
    let before = money(settings, &state, now)?;
    let asked = match args.offline {
        true => Asked::default(),
        false => ask(settings, &state, &open)?,
    };
    let after = money(settings, &state, now)?;
    let heard = locked(&state).heard()?;

    let mut decided: Vec<(&StoredAccount, Why)> = Vec::new();
    decided.extend(blocked.iter().map(|stored| (stored, Why::Blocklisted)));
    let mut missing = Vec::new();
    for stored in &others {
        let key = &stored.account.key;
        let said = asked.said.get(key).copied();
        match (heard.get(key), said) {
            (_, Some(why)) if why != Why::Gone => {
                if args.also.iter().any(|also| why_of(*also) == why) {
                    decided.push((stored, why));
                }
            }
            // What was heard in an earlier run alone removes nothing: it must be said again.
            (Some(Heard::Missing(since)), Some(Why::Gone)) => {
                let gone_from = since.plus(args.grace);
                match args.at_once || gone_from <= now {
                    true => decided.push((stored, Why::Gone)),
                    false => missing.push((stored, *since, gone_from)),
                }
            }
            (Some(_) | None, _) => {}
        }
    }
    let numbers: Vec<_> = decided.iter().map(|(stored, _)| stored.no).collect();
    let sizes = removal::sizes(&database, &numbers)?;
    let removed = match args.apply && !decided.is_empty() {
        true => Some(remove(settings, &database, &state, &decided)?),
        false => None,
    };
    let since = |key: &AccountKey| match heard.get(key) {
        Some(Heard::Missing(since)) => Some(since.to_rfc3339()),
        Some(Heard::Present(_)) | None => None,
    };
    let report = Report {
        accounts: count(blocked.len() + others.len()),
        seen_lately: count(lately.len()),
        asked: asked.present + count(asked.said.len()) + asked.unclear.values().sum::<u64>(),
        present: asked.present,
        unclear: asked.unclear,
        left_out: asked.left_out,
        spent_usd: after.today.minus(before.today).usd(),
        missing: missing
            .into_iter()
            .map(|(stored, since, gone_from)| Waiting {
                network: stored.account.key.network,
                id: stored.account.key.native.clone(),
                handle: stored.account.handle.clone(),
                missing_since: since.to_rfc3339(),
                gone_from: gone_from.to_rfc3339(),
            })
            .collect(),
        remove: decided
            .iter()
            .zip(&sizes)
            .map(|((stored, why), size)| Removal {
                network: stored.account.key.network,
                id: stored.account.key.native.clone(),
                handle: stored.account.handle.clone(),
                why: *why,
                missing_since: (*why == Why::Gone).then(|| since(&stored.account.key)).flatten(),
                posts: size.posts,
                images: size.images,
            })
            .collect(),
        removed,
    };
    match args.json {
        true => writeln!(out, "{}", shown::json(&report)?)?,
        false => tell(&report, out)?,
    }
    Ok(())
}

/// Those that were there since `lately` are left alone, unless they were missing after that.
fn is_to_be_asked(stored: &StoredAccount, heard: &HashMap<AccountKey, Heard>, lately: Timestamp) -> bool {
    let was_there = match heard.get(&stored.account.key) {
        Some(Heard::Missing(since)) => stored.listed_at.filter(|listed| listed > since),
        Some(Heard::Present(at)) => stored.listed_at.max(Some(*at)),
        None => stored.listed_at,
    };
    was_there.is_none_or(|moment| moment < lately)
}

fn why_of(also: Also) -> Why {
    match also {
        Also::Suspended => Why::Suspended,
        Also::Protected => Why::Protected,
        Also::Deactivated => Why::Deactivated,
        Also::OptedOut => Why::OptedOut,
    }
}

fn money(
    settings: &Settings,
    state: &Mutex<StateFile>,
    now: Timestamp,
) -> anyhow::Result<crate::proto::view::SpendingView> {
    Ok(spending(settings.twitter.budget, state, now)?.view(0, now))
}

/// The ledger as it is now: a daemon that runs beside this writes to it, too.
fn spending(budget: Budget, state: &Mutex<StateFile>, now: Timestamp) -> Result<Spending, StoreError> {
    let mut spending = Spending::new(Some(budget));
    spending.learn(locked(state).ledger(now)?, &[]);
    Ok(spending)
}

/// Asks the networks about these accounts and remembers what they say.
fn ask(
    settings: &Settings,
    state: &Arc<Mutex<StateFile>>,
    accounts: &[&StoredAccount],
) -> anyhow::Result<Asked> {
    let fetch: Arc<dyn Fetch> = Arc::new(HttpFetch::start(&settings.fetch, &settings.upstreams)?);
    let bar = bar(accounts.len());
    let waiter: Arc<dyn Waiter> = Arc::new(PatientWaiter { stop: stop_on_signals()?, bar: bar.clone() });
    let ledger = Arc::new(Ledger {
        budget: settings.twitter.budget,
        state: Arc::clone(state),
        failed: Mutex::new(None),
    });
    let meter: Arc<dyn Meter> = Arc::clone(&ledger) as _;
    let clients = Clients::new(&fetch, settings, &waiter).of(&settings.networks, &waiter, &meter);
    let mut asked = Asked::default();
    for network in Network::ALL {
        let of_network: Vec<Account> = accounts
            .iter()
            .filter(|stored| stored.account.key.network == network)
            .map(|stored| stored.account.clone())
            .collect();
        let Some(client) = clients.iter().find(|client| client.network() == network) else {
            if !of_network.is_empty() {
                asked.left_out.insert(format!("{network} is not configured"), count(of_network.len()));
            }
            continue;
        };
        ask_network(settings, state, client.as_ref(), &of_network, &mut asked, &bar)?;
        if let Some(error) = locked(&ledger.failed).take() {
            bail!("what was read could not be counted, so no more is read: {error}");
        }
    }
    bar.finish_and_clear();
    Ok(asked)
}

fn ask_network(
    settings: &Settings,
    state: &Mutex<StateFile>,
    client: &dyn NetworkClient,
    accounts: &[Account],
    asked: &mut Asked,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let mut rest = accounts;
    while !rest.is_empty() {
        let now = Timestamp::now();
        let mut size = BATCH.min(rest.len());
        if client.network() == Network::Twitter {
            let spending = spending(settings.twitter.budget, state, now)?;
            let affordable = affordable(&spending, spending.price(Resource::User), now);
            size = size.min(usize::try_from(affordable).unwrap_or(usize::MAX));
            if size == 0 {
                let why = format!("budget of X: {}", spending.explain(now));
                asked.left_out.insert(why, count(rest.len()));
                return Ok(());
            }
        }
        let (batch, later) = rest.split_at(size);
        rest = later;
        let Ok(answers) = client.check_accounts(batch) else { bail!("stopped; nothing was removed") };
        let (mut news, mut neither) = (Vec::new(), Vec::new());
        for (Account { key, .. }, presence) in batch.iter().zip(answers) {
            let why = match presence {
                Presence::Present => None,
                Presence::Missing => Some(Why::Gone),
                Presence::Suspended => Some(Why::Suspended),
                Presence::Private => Some(Why::Protected),
                Presence::Deactivated => Some(Why::Deactivated),
                Presence::OptedOut => Some(Why::OptedOut),
                Presence::Unknown { why } => {
                    *asked.unclear.entry(format!("{}: {why}", key.network)).or_default() += 1;
                    continue;
                }
            };
            match why {
                None => asked.present += 1,
                Some(why) => {
                    asked.said.insert(key.clone(), why);
                }
            }
            match why {
                None | Some(Why::Gone) => news.push((key.clone(), why.is_none())),
                // Not missing, but to be asked about in the next run, too, which may be the one that removes
                // it.
                Some(_) => neither.push(key.clone()),
            }
        }
        locked(state).note_heard(&news, now)?;
        locked(state).forget_heard(&neither)?;
        bar.inc(count(batch.len()));
    }
    Ok(())
}

/// So many things of this price may still be read today.
fn affordable(spending: &Spending, price: MicroUsd, now: Timestamp) -> u64 {
    match spending.view(0, now).left_today() {
        Some(left) if price > MicroUsd(0) => left.0 / price.0,
        Some(_) | None => u64::MAX,
    }
}

/// The rows first: an index that is ahead of a removal gives up searchable images for nothing.
fn remove(
    settings: &Settings,
    database: &Location,
    state: &Mutex<StateFile>,
    decided: &[(&StoredAccount, Why)],
) -> anyhow::Result<Stored> {
    let accounts: Vec<_> =
        decided.iter().map(|(stored, _)| (stored.no, stored.account.key.clone())).collect();
    let removed = removal::remove(database, &accounts)?;
    let keys: Vec<AccountKey> = accounts.into_iter().map(|(_, key)| key).collect();
    locked(state).forget_heard(&keys)?;
    for folder in [settings.index_dir(), settings.codes_dir()] {
        if removed.images == 0 || !folder.exists() {
            continue;
        }
        Writer::open(&folder).and_then(|(mut index, _)| index.clear()).with_context(|| {
            format!("the accounts are removed, but the index is not: remove {}", folder.display())
        })?;
    }
    Ok(removed)
}

/// Waits out limits, and says so.
struct PatientWaiter {
    stop: StopSignal,
    bar: ProgressBar,
}

impl Waiter for PatientWaiter {
    fn wait_until(&self, until: Timestamp, why: &str) -> Result<(), Stopping> {
        let pause = until.since(Timestamp::now());
        let deadline = Monotonic::now().plus(pause);
        if pause > SHORT_WAIT {
            self.bar.set_message(format!("waits for {why} until {until}"));
        }
        while !deadline.since(Monotonic::now()).is_zero() {
            if self.stop.wait(deadline.since(Monotonic::now())) {
                return Err(Stopping);
            }
        }
        self.bar.set_message("");
        if self.stop.is_set() { Err(Stopping) } else { Ok(()) }
    }
}

/// Counts what was read in the ledger that the daemon keeps, too. What the daemon has reserved at this moment
/// it keeps to itself, so beside it a limit may be passed by what its open requests read.
struct Ledger {
    budget: Budget,
    state: Arc<Mutex<StateFile>>,
    failed: Mutex<Option<String>>,
}

impl Meter for Ledger {
    fn reserve(&self, wish: ReadWish) -> Result<u64, NetworkError> {
        let now = Timestamp::now();
        let over = |why| NetworkError::OverBudget { why };
        let spending =
            spending(self.budget, &self.state, now).map_err(|error| over(ErrorChain(&error).to_string()))?;
        match affordable(&spending, spending.price(wish.resource), now) >= wish.most {
            true => Ok(wish.most),
            false => Err(over(spending.explain(now))),
        }
    }

    fn paid(&self, reads: PaidReads) {
        if let Err(error) = locked(&self.state).count_reads(&[reads], Timestamp::now()) {
            *locked(&self.failed) = Some(ErrorChain(&error).to_string());
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn bar(accounts: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("asking [{bar:30}] {pos}/{len} accounts  {eta}  {msg}");
    ProgressBar::new(count(accounts)).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn tell(report: &Report, out: &mut impl Write) -> anyhow::Result<()> {
    let Report { accounts, seen_lately, asked, present, .. } = report;
    writeln!(
        out,
        "{}: {seen_lately} were there lately, {asked} were asked about ({present} are there)",
        counted(*accounts, "account"),
    )?;
    for (why, count) in report.unclear.iter().chain(&report.left_out) {
        writeln!(out, "{count:>8}  not known: {why}")?;
    }
    if report.spent_usd > 0.0 {
        writeln!(out, "spent: {}", MicroUsd::from_usd(report.spent_usd))?;
    }
    for waiting in report.missing.iter().take(MAX_NAMED) {
        let Waiting { network, id, handle, missing_since, gone_from } = waiting;
        writeln!(out, "missing  {network}:{id} @{handle} since {missing_since}; gone from {gone_from} on")?;
    }
    rest(report.missing.len(), "missing", out)?;
    for removal in report.remove.iter().take(MAX_NAMED) {
        let Removal { network, id, handle, why, posts, images, .. } = removal;
        let why = match why {
            Why::Blocklisted => "blocklisted",
            Why::Gone => "gone",
            Why::Suspended => "suspended",
            Why::Protected => "protected",
            Why::Deactivated => "deactivated",
            Why::OptedOut => "opted out",
        };
        writeln!(
            out,
            "{why:<11}  {network}:{id} @{handle}, {}, {}",
            counted(*posts, "post"),
            counted(*images, "image")
        )?;
    }
    rest(report.remove.len(), "to be removed", out)?;
    match &report.removed {
        Some(Stored { accounts, posts, images, .. }) => writeln!(
            out,
            "Removed {} with {} and {}. The daemon makes the index of fingerprints anew when it starts.",
            counted(*accounts, "account"),
            counted(*posts, "post"),
            counted(*images, "image"),
        )?,
        None if report.remove.is_empty() => writeln!(out, "There is nothing to remove.")?,
        None => writeln!(
            out,
            "Nothing was changed; --apply removes {}.",
            counted(report.remove.len(), "account")
        )?,
    }
    Ok(())
}

fn rest(len: usize, what: &str, out: &mut impl Write) -> std::io::Result<()> {
    match len.checked_sub(MAX_NAMED) {
        Some(more @ 1..) => writeln!(out, "... and {more} more that are {what}; --json names all"),
        Some(0) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::AccountNo;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn days(n: u32) -> Duration {
        Duration::from_secs(86_400) * n
    }

    #[track_caller]
    fn check_asked(listed: Option<u32>, heard: Option<Heard>, expect: bool) {
        let key = AccountKey::new(Network::Twitter, "1");
        let stored = StoredAccount {
            no: AccountNo(1),
            account: Account { key: key.clone(), handle: String::new(), posts: None },
            listed_at: listed.map(|ago| NOW.minus(days(ago))),
        };
        let heard = heard.map(|heard| (key, heard)).into_iter().collect();
        assert_eq!(is_to_be_asked(&stored, &heard, NOW.minus(days(30))), expect, "{listed:?} {heard:?}");
    }

    #[test]
    fn accounts_that_were_there_lately_are_not_paid_for() {
        let present = |ago| Some(Heard::Present(NOW.minus(days(ago))));
        let missing = |ago| Some(Heard::Missing(NOW.minus(days(ago))));
        check_asked(None, None, true);
        check_asked(Some(10), None, false);
        check_asked(Some(40), None, true);
        check_asked(Some(40), present(3), false);
        check_asked(Some(90), present(40), true);
        check_asked(Some(10), missing(5), true);
        check_asked(Some(5), missing(10), false);
    }

    #[test]
    fn what_is_asked_is_paid_for() {
        let budget = Budget {
            daily: Some(MicroUsd::from_usd(1.0)),
            monthly: None,
            post_read: MicroUsd::from_usd(0.005),
            user_read: MicroUsd::from_usd(0.01),
        };
        assert_eq!(affordable(&Spending::new(Some(budget)), budget.user_read, NOW), 100);
        let without = Budget { daily: None, ..budget };
        assert_eq!(affordable(&Spending::new(Some(without)), budget.user_read, NOW), u64::MAX);
    }
}
