//! What may be spent on reading: the ledger against its limits, and what a scan will probably cost. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::ids::QueryId;
use crate::base::{MicroUsd, Timestamp};
use crate::config::{Budget, TimelinePolicy};
use crate::domain::accounts::Account;
use crate::domain::posts::snowflake_time;
use crate::domain::reads::{Ledger, PaidReads, ReadCounts, Resource};
use crate::domain::scans::Window;
use crate::proto::view::SpendingView;

/// The timeline shows no more posts than this.
const TIMELINE_DEPTH: u64 = 3200;
/// Of so many posts, one is taken to have an image: a guess, rather too high than too low for most artists,
/// so that the estimate is.
const POSTS_PER_IMAGE_POST: u64 = 3;
/// The spot checks of an adaptive timeline read about one in so many posts.
const POSTS_PER_SPOT_CHECK: u64 = 6;
/// Further ahead than this the ledger's day does not stay (`store::ledger`).
const FAR_AHEAD_DAYS: i64 = 7;
/// How long an account has been there, where its number does not tell: low, so that the estimate is high.
const USUAL_LIFE: Duration = Duration::from_secs(4 * 365 * 86_400);
/// In the weeks of an artwork an artist posts more often than on average.
const BURSTS: f64 = 2.0;
/// Posts that a page of a search holds at least.
const SMALLEST_PAGE: u64 = 10;
/// Posts of an account whose size the network does not tell.
const UNKNOWN_POSTS: u64 = 1000;

/// The ledger, held against the limits.
#[derive(Debug)]
pub struct Spending {
    /// `None`: nothing that this server reads is billed.
    budget: Option<Budget>,
    ledger: Ledger,
    /// Reads on their way to the ledger, oldest first. Until it has answered they count in full, though some
    /// of them may have been billed before.
    unsettled: VecDeque<Unsettled>,
}

/// Reads that the ledger has not counted yet.
#[derive(Debug)]
struct Unsettled {
    resource: Resource,
    reads: u64,
    /// Who was told their full price.
    queries: Vec<QueryId>,
}

impl Spending {
    pub fn new(budget: Option<Budget>) -> Spending {
        Spending { budget, ledger: Ledger::default(), unsettled: VecDeque::new() }
    }

    /// What was billed by now, as the ledger knows it; it holds the oldest of the reads noted, of each of
    /// which so many were billed. Returns for which queries less was billed than was noted, and how much
    /// less.
    pub fn learn(&mut self, ledger: Ledger, billed: &[u32]) -> Vec<(QueryId, MicroUsd)> {
        self.ledger = ledger;
        let settled = self.unsettled.drain(..billed.len().min(self.unsettled.len()));
        let settled: Vec<Unsettled> = settled.collect();
        let saved = settled.into_iter().zip(billed).flat_map(|(noted, billed)| {
            let Unsettled { resource, reads, queries } = noted;
            let saved = self.price(resource).times(reads.saturating_sub(u64::from(*billed)));
            queries.into_iter().map(move |query| (query, saved))
        });
        saved.filter(|(_, saved)| *saved > MicroUsd(0)).collect()
    }

    /// These reads were sent to the ledger, for these queries.
    pub fn note(&mut self, reads: &PaidReads, queries: Vec<QueryId>) {
        let PaidReads { resource, ids } = reads;
        let reads = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        self.unsettled.push_back(Unsettled { resource: *resource, reads, queries });
    }

    /// Price of one read, were it not billed today already.
    pub fn price(&self, resource: Resource) -> MicroUsd {
        self.budget.map_or(MicroUsd(0), |budget| match resource {
            Resource::Post => budget.post_read,
            Resource::User => budget.user_read,
        })
    }

    /// Price of these reads, were none of them billed today already.
    pub fn price_of(&self, reads: &PaidReads) -> MicroUsd {
        self.price(reads.resource).times(u64::try_from(reads.ids.len()).unwrap_or(u64::MAX))
    }

    /// What the first scan of an account with so many posts will probably cost.
    pub fn estimate(&self, posts: Option<u64>, timeline: TimelinePolicy) -> MicroUsd {
        let Some(budget) = self.budget else { return MicroUsd(0) };
        let posts = posts.unwrap_or(UNKNOWN_POSTS);
        let by_search = posts.div_ceil(POSTS_PER_IMAGE_POST);
        let shown = posts.min(TIMELINE_DEPTH);
        // What both listings read is billed once.
        let reads = match timeline {
            TimelinePolicy::Never => by_search,
            TimelinePolicy::Adaptive => by_search + shown.div_ceil(POSTS_PER_SPOT_CHECK),
            TimelinePolicy::Always => shown + (posts - shown).div_ceil(POSTS_PER_IMAGE_POST),
        };
        budget.post_read.times(reads)
    }

    /// What listing a span of the account's time will probably cost: its share of what a search of the whole
    /// reads, and some more, since artists post in bursts.
    pub fn estimate_window(&self, account: &Account, window: Window, now: Timestamp) -> MicroUsd {
        let Some(budget) = self.budget else { return MicroUsd(0) };
        let all = account.posts.unwrap_or(UNKNOWN_POSTS).div_ceil(POSTS_PER_IMAGE_POST);
        let began = snowflake_time(&account.key.native).filter(|began| *began < now);
        let life = began.map_or(USUAL_LIFE, |began| now.since(began)).max(Duration::from_secs(1));
        let share = window.length().as_secs_f64() / life.as_secs_f64() * BURSTS;
        let reads = (all as f64 * share).ceil() as u64;
        budget.post_read.times(reads.max(SMALLEST_PAGE).min(all.max(SMALLEST_PAGE)))
    }

    pub fn view(&self, scans_waiting: u64, now: Timestamp) -> SpendingView {
        let Some(budget) = self.budget else { return SpendingView::default() };
        let Ledger { day, mut today, mut month } = self.ledger;
        // A clock that was set back does not begin a day again.
        if day < now.utc_day() {
            today = ReadCounts::default();
            if day < now.utc_month_start() {
                month = ReadCounts::default();
            }
        }
        for Unsettled { resource, reads, .. } in &self.unsettled {
            for counts in [&mut today, &mut month] {
                let count = match resource {
                    Resource::Post => &mut counts.posts,
                    Resource::User => &mut counts.users,
                };
                *count = count.saturating_add(*reads);
            }
        }
        let cost =
            |reads: ReadCounts| budget.post_read.times(reads.posts).plus(budget.user_read.times(reads.users));
        SpendingView {
            today: cost(today),
            month: cost(month),
            daily_limit: budget.daily,
            monthly_limit: budget.monthly,
            reads_today: today,
            reads_month: month,
            scans_waiting,
        }
    }

    /// True when the ledger's day lies so far ahead that the clock was wrong when it was written: the ledger
    /// is to be asked what it makes of that. A clock that is wrong now makes nothing of it.
    pub fn is_far_ahead(&self, now: Timestamp) -> bool {
        now.is_plausible() && self.ledger.day > now.utc_day().saturating_add(FAR_AHEAD_DAYS)
    }

    /// True when a limit is reached: nothing more is to be read today.
    pub fn is_spent(&self, now: Timestamp) -> bool {
        self.budget.is_some() && self.view(0, now).left_today() == Some(MicroUsd(0))
    }

    /// Whether something of this price may begin, while `reserved` is promised to what is under way.
    ///
    /// What costs more than a whole day's limit begins when nearly all of it is left: it is then held at
    /// the limit and goes on the next day.
    pub fn admits(&self, price: MicroUsd, reserved: MicroUsd, now: Timestamp) -> bool {
        let view = self.view(0, now);
        let Some(left) = view.left_today() else { return true };
        let free = left.minus(reserved);
        let whole_day = view.daily_limit.into_iter().chain(view.monthly_limit).min().unwrap_or_default();
        let nearly_all = MicroUsd(whole_day.0 / 10 * 9);
        price <= free && free > MicroUsd(0) || price > whole_day && free >= nearly_all
    }

    /// Why nothing more may be read, and when that changes; for people.
    pub fn explain(&self, now: Timestamp) -> String {
        let view = self.view(0, now);
        match (view.daily_limit, view.monthly_limit) {
            (_, Some(limit)) if view.month >= limit => {
                format!("{} of the {limit} for this month are spent", view.month)
            }
            (Some(limit), _) => {
                let next = now.next_utc_day();
                format!("{} of the {limit} for this day are spent; the next begins at {next}", view.today)
            }
            (None, Some(limit)) => format!("{} of the {limit} for this month are spent", view.month),
            (None, None) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-05-15T12:00:00Z";

    fn moment(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn spending(daily: Option<f64>, monthly: Option<f64>, today: u64, month: u64) -> Spending {
        let budget = Budget {
            daily: daily.map(MicroUsd::from_usd),
            monthly: monthly.map(MicroUsd::from_usd),
            post_read: MicroUsd::from_usd(0.005),
            user_read: MicroUsd::from_usd(0.01),
        };
        let mut spending = Spending::new(Some(budget));
        spending.learn(
            Ledger {
                day: moment(NOON).utc_day(),
                today: ReadCounts { posts: today, users: 0 },
                month: ReadCounts { posts: month, users: 0 },
            },
            &[],
        );
        spending
    }

    #[track_caller]
    fn check_left(spending: &Spending, at: &str, usd: f64) {
        assert_eq!(spending.view(0, moment(at)).left_today(), Some(MicroUsd::from_usd(usd)), "{at}");
    }

    #[test]
    fn the_tighter_limit_rules_and_days_and_months_begin_anew() {
        let tight_day = spending(Some(5.0), Some(100.0), 600, 2000);
        check_left(&tight_day, NOON, 2.0);
        check_left(&tight_day, "2026-05-16T00:00:00Z", 5.0);
        let tight_month = spending(Some(5.0), Some(11.0), 200, 2000);
        check_left(&tight_month, NOON, 1.0);
        check_left(&tight_month, "2026-05-16T00:00:00Z", 1.0);
        check_left(&tight_month, "2026-06-01T00:00:00Z", 5.0);
        assert_eq!(spending(None, None, 9000, 9000).view(0, moment(NOON)).left_today(), None);
    }

    #[test]
    fn scans_begin_when_their_price_is_left() {
        let now = moment(NOON);
        let usd = MicroUsd::from_usd;
        let half_spent = spending(Some(5.0), None, 500, 500);
        assert!(half_spent.admits(usd(2.5), usd(0.0), now));
        assert!(!half_spent.admits(usd(2.5), usd(0.1), now), "promised to others");
        assert!(!half_spent.admits(usd(16.0), usd(0.0), now));
        assert!(
            half_spent.admits(usd(16.0), usd(0.0), moment("2026-05-16T00:00:00Z")),
            "the whole day is left"
        );
        assert!(!half_spent.admits(usd(16.0), usd(2.0), moment("2026-05-16T00:00:00Z")));
        let spent = spending(Some(5.0), None, 1000, 1000);
        assert!(spent.is_spent(now) && !spent.admits(usd(0.0), usd(0.0), now));
        assert!(spent.explain(now).contains("2026-05-16T00:00:00Z"), "{}", spent.explain(now));
        assert!(spending(None, None, 9000, 9000).admits(usd(1e6), usd(0.0), now));
        assert!(Spending::new(None).admits(usd(1e6), usd(0.0), now));
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_no_more_than_before() {
        let spent = spending(Some(5.0), None, 900, 900);
        check_left(&spent, "2026-05-14T12:00:00Z", 0.5);
        check_left(&spent, "2026-04-30T12:00:00Z", 0.5);
        let moment = |text| Timestamp::parse_rfc3339(text).unwrap();
        assert!(!spent.is_far_ahead(moment("2026-05-08T12:00:00Z")));
        assert!(spent.is_far_ahead(moment("2026-05-07T12:00:00Z")));
        assert!(!spent.is_far_ahead(moment("1970-01-01T12:00:00Z")), "it has not been told the time yet");
    }

    #[test]
    fn reads_count_before_the_ledger_has_answered() {
        let mut spending = spending(Some(5.0), None, 600, 600);
        let reads = PaidReads { resource: Resource::Post, ids: (0..400).collect() };
        spending.note(&reads, vec![QueryId(1)]);
        assert!(spending.is_spent(moment(NOON)));
        // Half of them had been billed before.
        let ledger = Ledger { today: ReadCounts { posts: 800, users: 0 }, ..spending.ledger };
        let saved = spending.learn(ledger, &[200]);
        assert_eq!(saved, [(QueryId(1), MicroUsd::from_usd(1.0))]);
        check_left(&spending, NOON, 1.0);
    }

    #[test]
    fn estimates_follow_the_policy() {
        let spending = spending(None, None, 0, 0);
        let check = |posts, policy, usd| {
            assert_eq!(spending.estimate(posts, policy), MicroUsd::from_usd(usd), "{posts:?} {policy:?}");
        };
        check(Some(3000), TimelinePolicy::Never, 5.0);
        check(Some(3000), TimelinePolicy::Adaptive, 7.5);
        check(Some(3000), TimelinePolicy::Always, 15.0);
        check(Some(6200), TimelinePolicy::Always, 21.0);
        check(None, TimelinePolicy::Always, 5.0);
    }
}
