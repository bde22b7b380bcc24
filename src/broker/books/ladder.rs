//! How far a query has looked through the accounts that were never scanned whole: around the artwork's date
//! first, then step by step further from it, then, perhaps, through all of it. Pure.
//!
//! Each account climbs until its own posts show the artwork. A scan of the whole that is billed is for a
//! query that has found the artwork in no account.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network};
use crate::config::NotInWindows;
use crate::domain::accounts::{Account, AccountState};
use crate::domain::scans::{CoveredWindow, Reach, Window, cover};

/// What is left of a window is not listed where it is shorter: the rest since an account was listed last.
const SHORTEST: Duration = Duration::from_secs(3600);
/// Windows that reach the present end at a whole one of these.
const SHARED: Duration = Duration::from_secs(60);
/// Further from now an artwork's date is none that can be looked around.
const CLOCKS_DIFFER: Duration = Duration::from_secs(24 * 3600);

/// The accounts of a query, and the steps that are left.
#[derive(Debug, Default)]
pub struct Ladder {
    climbers: Vec<Climber>,
    rungs: VecDeque<Reach>,
    /// The step under way.
    present: Option<Reach>,
    /// Some account of the query shows the artwork, one of these or one that was scanned whole before.
    is_found: bool,
    /// There are no windows: the whole is wanted, whatever is found.
    wants_whole: bool,
}

/// An account that was never scanned whole.
#[derive(Debug)]
struct Climber {
    account: Account,
    /// With the windows that were covered since.
    state: AccountState,
    /// It climbs no further: its posts show the artwork, or it cannot be listed, or not today.
    is_done: bool,
    /// Its network cannot list a window.
    has_no_windows: bool,
    is_billed: bool,
}

/// What is to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub account: Account,
    pub state: AccountState,
    pub reach: Reach,
}

impl Ladder {
    /// The steps for these accounts: so far around the artwork's date each, or back from now where it has
    /// none.
    pub fn new(
        accounts: Vec<(Account, AccountState)>,
        published: Option<Timestamp>,
        distances: &[Duration],
        otherwise: NotInWindows,
        is_billed: impl Fn(Network) -> bool,
        now: Timestamp,
    ) -> Ladder {
        let climbers = accounts.into_iter().map(|(account, state)| Climber {
            is_billed: is_billed(account.key.network),
            account,
            state,
            is_done: false,
            has_no_windows: false,
        });
        let published = published.filter(|date| *date <= now.plus(CLOCKS_DIFFER));
        // Queries of one moment share their scans, whose subjects these windows are.
        let now = Timestamp(now.0 - now.0.rem_euclid(SHARED.as_millis() as i64));
        let windows: Vec<Window> = match published {
            Some(date) => distances.iter().map(|distance| Window::around(date, *distance)).collect(),
            // Nothing says where it is: what is new is the likeliest.
            None => distances
                .iter()
                .take(1)
                .map(|distance| Window { from: now.minus(*distance * 2), to: now })
                .collect(),
        };
        let windows = windows.into_iter().filter_map(|window| window.within(window.from, now));
        let mut rungs: VecDeque<Reach> = windows.map(Reach::Window).collect();
        if otherwise == NotInWindows::Whole || distances.is_empty() {
            rungs.push_back(Reach::Whole);
        }
        Ladder {
            climbers: climbers.collect(),
            rungs,
            present: None,
            is_found: false,
            wants_whole: distances.is_empty(),
        }
    }

    /// The next step that has anything to list; `None` when nothing is left.
    pub fn climb(&mut self) -> Option<Vec<Order>> {
        loop {
            let reach = self.rungs.pop_front();
            self.present = reach;
            let orders = match reach? {
                Reach::Whole => self.orders(|climber| match self.is_found && climber.is_billed {
                    true => Vec::new(),
                    false => vec![Reach::Whole],
                }),
                Reach::Window(window) => self.orders(|climber| {
                    if climber.has_no_windows {
                        return Vec::new();
                    }
                    let known: Vec<Window> =
                        climber.state.windows.iter().filter_map(CoveredWindow::known).collect();
                    let left = window.without(&known).into_iter();
                    left.filter(|part| part.length() >= SHORTEST).map(Reach::Window).collect()
                }),
            };
            if !orders.is_empty() {
                return Some(orders);
            }
        }
    }

    fn orders(&self, reaches: impl Fn(&Climber) -> Vec<Reach>) -> Vec<Order> {
        let climbing = self.climbers.iter().filter(|climber| !climber.is_done);
        let orders = climbing.flat_map(|climber| {
            let Climber { account, state, .. } = climber;
            let order = |reach| Order { account: account.clone(), state: state.clone(), reach };
            reaches(climber).into_iter().map(order)
        });
        orders.collect()
    }

    /// The window of the step under way.
    pub fn window(&self) -> Option<Window> {
        match self.present? {
            Reach::Window(window) => Some(window),
            Reach::Whole => None,
        }
    }

    /// The artwork is among the posts of this account.
    pub fn found(&mut self, account: &AccountKey) {
        if !self.wants_whole {
            self.is_found = true;
            self.stop(account);
        }
    }

    /// This account cannot be listed further.
    pub fn failed(&mut self, account: &AccountKey) {
        self.stop(account);
    }

    /// This account can be listed as a whole alone.
    pub fn has_no_windows(&mut self, account: &AccountKey) {
        if let Some(climber) = self.climber(account) {
            climber.has_no_windows = true;
        }
    }

    fn stop(&mut self, account: &AccountKey) {
        if let Some(climber) = self.climber(account) {
            climber.is_done = true;
        }
    }

    /// This window of the account is stored.
    pub fn covered(&mut self, account: &AccountKey, window: CoveredWindow) {
        if let Some(climber) = self.climber(account) {
            cover(&mut climber.state.windows, window);
        }
    }

    /// This account is stored whole.
    pub fn covered_whole(&mut self, account: &AccountKey, at: Timestamp) {
        if let Some(climber) = self.climber(account) {
            climber.state.windows.clear();
            climber.state.search_listed_at = Some(at);
            climber.state.timeline_listed_at = Some(at);
        }
    }

    fn climber(&mut self, account: &AccountKey) -> Option<&mut Climber> {
        self.climbers.iter_mut().find(|climber| climber.account.key == *account)
    }

    /// The accounts, each with what is known of it by now.
    pub fn accounts(&self) -> impl Iterator<Item = (&Account, &AccountState)> {
        self.climbers.iter().map(|climber| (&climber.account, &climber.state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> Timestamp {
        Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").unwrap()
    }

    fn days_ago(days: u32) -> Timestamp {
        now().minus(DAY * days)
    }

    fn account(native: &str) -> (Account, AccountState) {
        let key = AccountKey::new(Network::Twitter, native);
        (Account { key: key.clone(), handle: native.to_owned(), posts: None }, AccountState::unknown(key))
    }

    fn ladder(published: Option<Timestamp>, otherwise: NotInWindows) -> Ladder {
        let accounts = vec![account("1"), account("2")];
        Ladder::new(accounts, published, &[DAY * 7, DAY * 30], otherwise, |_| true, now())
    }

    /// What is listed next, as `account: days ago from-to`.
    fn climb(ladder: &mut Ladder) -> Vec<String> {
        let days = |at: Timestamp| (now().0 - at.0).div_euclid(86_400_000);
        let orders = ladder.climb().unwrap_or_default().into_iter().map(|order| {
            let what = match order.reach {
                Reach::Whole => "whole".to_owned(),
                Reach::Window(window) => format!("{}-{}", days(window.from), days(window.to)),
            };
            format!("{}: {what}", order.account.key.native)
        });
        orders.collect()
    }

    fn cover(ladder: &mut Ladder, native: &str, from: u32, to: u32) {
        let window = Window { from: days_ago(from), to: days_ago(to) };
        ladder.covered(&account(native).0.key, CoveredWindow { window, listed_at: now() });
    }

    #[test]
    fn steps_grow_and_list_only_what_is_new() {
        let mut ladder = ladder(Some(days_ago(100)), NotInWindows::Whole);
        assert_eq!(climb(&mut ladder), ["1: 107-93", "2: 107-93"]);
        assert_eq!(ladder.window(), Some(Window::around(days_ago(100), DAY * 7)));
        cover(&mut ladder, "1", 107, 93);
        // The second listing was cut short.
        cover(&mut ladder, "2", 100, 93);
        assert_eq!(climb(&mut ladder), ["1: 130-107", "1: 92-70", "2: 130-100", "2: 92-70"]);
        assert_eq!(climb(&mut ladder), ["1: whole", "2: whole"]);
        assert_eq!(ladder.window(), None);
        assert!(ladder.climb().is_none());
    }

    #[test]
    fn an_account_that_shows_the_artwork_climbs_no_further() {
        let mut ladder = ladder(Some(days_ago(100)), NotInWindows::Whole);
        climb(&mut ladder);
        ladder.found(&account("1").0.key);
        assert_eq!(climb(&mut ladder), ["2: 130-70"]);
        // It is found: the other account is not worth the price of the whole.
        assert!(ladder.climb().is_none());
    }

    #[test]
    fn what_costs_nothing_is_scanned_whole_though_the_artwork_is_found_elsewhere() {
        let mut ladder =
            Ladder::new(vec![account("1")], Some(days_ago(9)), &[DAY], NotInWindows::Whole, |_| false, now());
        climb(&mut ladder);
        ladder.found(&account("2").0.key);
        assert_eq!(climb(&mut ladder), ["1: whole"]);
    }

    #[test]
    fn what_cannot_be_listed_is_left() {
        let mut ladder = ladder(Some(days_ago(100)), NotInWindows::Whole);
        climb(&mut ladder);
        ladder.failed(&account("1").0.key);
        climb(&mut ladder);
        assert_eq!(climb(&mut ladder), ["2: whole"]);
    }

    #[test]
    fn what_has_no_windows_is_scanned_whole() {
        let mut ladder = ladder(Some(days_ago(100)), NotInWindows::Whole);
        climb(&mut ladder);
        ladder.has_no_windows(&account("1").0.key);
        assert_eq!(climb(&mut ladder), ["2: 130-70"]);
        assert_eq!(climb(&mut ladder), ["1: whole", "2: whole"]);
    }

    #[test]
    fn windows_that_are_covered_are_passed_over() {
        let mut ladder = ladder(Some(days_ago(3)), NotInWindows::Stop);
        for native in ["1", "2"] {
            cover(&mut ladder, native, 40, 0);
        }
        assert!(ladder.climb().is_none());
    }

    #[test]
    fn the_newest_posts_are_the_window_of_what_has_no_date() {
        for published in [None, Some(now().plus(DAY * 2))] {
            let mut ladder = ladder(published, NotInWindows::Stop);
            assert_eq!(climb(&mut ladder), ["1: 14-0", "2: 14-0"]);
            assert!(ladder.climb().is_none());
        }
        // A clock that is a little fast.
        let mut ladder = ladder(Some(now().plus(Duration::from_secs(60))), NotInWindows::Stop);
        assert_eq!(climb(&mut ladder)[0], "1: 6-0");
    }

    #[test]
    fn without_windows_all_is_scanned_whole() {
        let mut ladder = Ladder::new(vec![account("1")], None, &[], NotInWindows::Stop, |_| true, now());
        ladder.found(&account("1").0.key);
        assert_eq!(climb(&mut ladder), ["1: whole"]);
        assert!(ladder.climb().is_none());
    }
}
