//! Sites whose pages no longer look as their readers know them: pages of the last day by site, read and not
//! understood. Pure; begins anew with the broker, as all counters do.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::proto::view::{ProblemView, SitePagesView};

const HOUR: Duration = Duration::from_secs(3600);
const HOURS: u64 = 24;

/// Sites are named by the program; a container gone mad cannot fill the memory with names, nor a message.
const MAX_SITES: usize = 200;
const MAX_NAME_BYTES: usize = 40;

/// Fewer pages than these prove nothing: each site has single works of an unusual form.
const ENOUGH: u32 = 3;
/// One page of so many that is not understood is too much. Of the pages that the readers were made from, two
/// in a hundred have an unusual form; three or more of fifteen are then met by chance once in 300 times.
const ONE_OF: u32 = 5;
/// So many in a row tell it at once, also of a site of which hundreds of pages were read earlier that day.
const CHANGED_IN_A_ROW: u32 = 10;
/// So many read in a row end it: of a site of which one page in five is not understood, they come once in 90
/// times.
const READ_IN_A_ROW: u32 = 20;

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    read: u32,
    changed: u32,
}

#[derive(Debug, Default)]
struct Site {
    /// By hours since the start of the clock; those of the last day.
    hours: BTreeMap<u64, Counts>,
    read_in_a_row: u32,
    changed_in_a_row: u32,
    /// Since when its operator is warned.
    broken_since: Option<Monotonic>,
}

/// What a page brought to light of its site; of most pages nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many of the pages of the last day are not understood.
    Broken {
        changed: u32,
        pages: u32,
    },
    Mended,
}

#[derive(Debug, Default)]
pub struct SiteLayouts {
    sites: BTreeMap<String, Site>,
}

impl SiteLayouts {
    /// Notes a page that was read, or one whose layout has changed. What is broken or mended thereby is
    /// returned once.
    pub fn note(&mut self, name: &str, is_read: bool, now: Monotonic) -> Option<Change> {
        if !self.sites.contains_key(name) {
            if self.sites.len() >= MAX_SITES || name.len() > MAX_NAME_BYTES {
                return None;
            }
            self.sites.insert(name.to_owned(), Site::default());
        }
        let site = self.sites.get_mut(name)?;
        let this_hour = hour_of(now);
        site.hours.retain(|&hour, _| is_of_last_day(hour, this_hour));
        let counts = site.hours.entry(this_hour).or_default();
        if is_read {
            counts.read = counts.read.saturating_add(1);
            site.read_in_a_row = site.read_in_a_row.saturating_add(1);
            site.changed_in_a_row = 0;
        } else {
            counts.changed = counts.changed.saturating_add(1);
            site.changed_in_a_row = site.changed_in_a_row.saturating_add(1);
            site.read_in_a_row = 0;
        }
        let day = site.day(now);
        let pages = day.read.saturating_add(day.changed);
        let is_much = day.changed >= ENOUGH && day.changed.saturating_mul(ONE_OF) >= pages;
        match site.broken_since {
            None if is_much || site.changed_in_a_row >= CHANGED_IN_A_ROW => {
                site.broken_since = Some(now);
                Some(Change::Broken { changed: day.changed, pages })
            }
            Some(_) if site.read_in_a_row >= READ_IN_A_ROW || day.changed == 0 => {
                // What was not understood before is over, and must not warn again.
                *site = Site::default();
                Some(Change::Mended)
            }
            _ => None,
        }
    }

    /// The sites whose pages are not understood. One of which no page came for a day is unknown again.
    pub fn problems(&self, now: Monotonic) -> impl Iterator<Item = ProblemView> {
        self.sites.iter().filter_map(move |(name, site)| {
            let Counts { read, changed } = site.day(now);
            let since = site.broken_since.filter(|_| changed > 0)?;
            Some(ProblemView {
                what: told(name, changed, read.saturating_add(changed)),
                since_ms: u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX),
                blocking: false,
            })
        })
    }

    /// The pages of the last day, by site.
    pub fn views(&self, now: Monotonic) -> Vec<SitePagesView> {
        let view = |(name, site): (&String, &Site)| {
            let Counts { read, changed } = site.day(now);
            let is_broken = site.broken_since.is_some() && changed > 0;
            SitePagesView { site: name.clone(), read, changed, is_broken }
        };
        self.sites.iter().map(view).collect()
    }
}

impl Site {
    fn day(&self, now: Monotonic) -> Counts {
        let of_day = self.hours.iter().filter(|&(&hour, _)| is_of_last_day(hour, hour_of(now)));
        of_day.fold(Counts::default(), |sum, (_, counts)| Counts {
            read: sum.read.saturating_add(counts.read),
            changed: sum.changed.saturating_add(counts.changed),
        })
    }
}

/// What to say of a broken site, and what to do.
pub fn told(site: &str, changed: u32, pages: u32) -> String {
    format!(
        "pages of {site} look different from what this version reads: {changed} of {pages} in the last day; \
         look for a newer version, and report it (aotf sites check URL shows what is missing)"
    )
}

fn hour_of(now: Monotonic) -> u64 {
    now.since(Monotonic(0)).as_secs() / HOUR.as_secs()
}

/// The hour that goes on counts, and the 23 before it.
fn is_of_last_day(hour: u64, this_hour: u64) -> bool {
    hour <= this_hour && this_hour - hour < HOURS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: u64) -> Monotonic {
        Monotonic(0).plus(HOUR * u32::try_from(hours).unwrap())
    }

    /// Notes these pages, `+` for a read one, and tells what each turned.
    fn note(layouts: &mut SiteLayouts, pages: &str, now: Monotonic) -> Vec<Change> {
        pages.chars().filter_map(|page| layouts.note("furaffinity", page == '+', now)).collect()
    }

    #[test]
    fn a_broken_site_is_told_once_until_it_is_mended() {
        let mut layouts = SiteLayouts::default();
        assert_eq!(note(&mut layouts, "++++++++--", hours(1)), []);
        let broken = Change::Broken { changed: 3, pages: 11 };
        assert_eq!(note(&mut layouts, "-", hours(2)), [broken]);
        assert_eq!(note(&mut layouts, "-----+--", hours(3)), []);
        let told: Vec<_> = layouts.problems(hours(4)).collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].what.starts_with("pages of furaffinity look different"), "{told:?}");
        assert!(told[0].what.contains("10 of 19"), "{told:?}");
        assert_eq!((told[0].since_ms, told[0].blocking), (2 * 3_600_000, false));
        // The site is as before: twenty in a row end it, and the old failures warn no more.
        assert_eq!(note(&mut layouts, &"+".repeat(19), hours(5)), []);
        assert_eq!(note(&mut layouts, "+", hours(5)), [Change::Mended]);
        assert_eq!(layouts.problems(hours(5)).count(), 0);
        assert_eq!(note(&mut layouts, "--", hours(6)), []);
        assert_eq!(note(&mut layouts, "-", hours(6)).len(), 1, "another time is told again");
    }

    #[test]
    fn pages_of_an_unusual_form_are_no_change() {
        let mut layouts = SiteLayouts::default();
        let usual = format!("{}-", "+".repeat(49));
        for hour in 0..100 {
            assert_eq!(note(&mut layouts, &usual, hours(hour)), [], "{hour}");
        }
        // Also of a site that is hardly visited, until it is all of them.
        let mut layouts = SiteLayouts::default();
        for day in 1..CHANGED_IN_A_ROW {
            assert_eq!(note(&mut layouts, "-", hours(u64::from(day) * 13)), [], "{day}");
        }
        assert_eq!(note(&mut layouts, "-", hours(200)), [Change::Broken { changed: 1, pages: 1 }]);
    }

    #[test]
    fn a_change_in_the_middle_of_a_busy_day_is_told_at_once() {
        let mut layouts = SiteLayouts::default();
        note(&mut layouts, &"+".repeat(1000), hours(10));
        assert_eq!(note(&mut layouts, "---------", hours(10)), []);
        assert_eq!(note(&mut layouts, "-", hours(10)), [Change::Broken { changed: 10, pages: 1010 }]);
        // Some pages are still as they were: it goes on.
        assert_eq!(note(&mut layouts, "---+-+-------", hours(10)), []);
        assert_eq!(layouts.problems(hours(10)).count(), 1);
    }

    #[test]
    fn what_nobody_visits_for_a_day_is_unknown_again() {
        let mut layouts = SiteLayouts::default();
        assert_eq!(note(&mut layouts, "---", hours(1)).len(), 1);
        assert_eq!(layouts.problems(hours(24)).count(), 1);
        assert_eq!(layouts.problems(hours(25)).count(), 0);
        assert_eq!(layouts.views(hours(24))[0].changed, 3);
        let nothing = SitePagesView { site: "furaffinity".into(), read: 0, changed: 0, is_broken: false };
        assert_eq!(layouts.views(hours(25)), [nothing]);
        assert_eq!(note(&mut layouts, "+", hours(40)), [Change::Mended]);
    }

    #[test]
    fn names_and_hours_are_bounded() {
        let mut layouts = SiteLayouts::default();
        for number in 0..2 * MAX_SITES {
            layouts.note(&number.to_string(), false, hours(0));
        }
        layouts.note(&"n".repeat(MAX_NAME_BYTES + 1), false, hours(0));
        assert_eq!(layouts.sites.len(), MAX_SITES);
        let mut layouts = SiteLayouts::default();
        for hour in 0..1000 {
            layouts.note("a", hour % 2 == 0, hours(hour));
        }
        assert_eq!(layouts.sites["a"].hours.len(), 24);
        // A clock that goes back, as none should.
        layouts.note("a", true, hours(3));
    }
}
