//! The ledger in the state file: what a network bills, per UTC day, each thing once a day.

use rusqlite::{TransactionBehavior, params};

use super::engine::sqlite::Step;
use super::error::StoreError;
use super::state::StateFile;
use crate::base::Timestamp;
use crate::domain::reads::{Ledger, PaidReads, ReadCounts, Resource};

/// Days. So long at most is a limit that was reached under a wrong date waited out.
const LONGEST_AHEAD: i64 = 7;

fn resource_no(resource: Resource) -> i64 {
    match resource {
        Resource::Post => 1,
        Resource::User => 2,
    }
}

/// What became of reads that were counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// What was billed by now.
    pub ledger: Ledger,
    /// Of each of the reads, how many things had not been billed that day.
    pub billed: Vec<u32>,
}

impl StateFile {
    /// Counts these reads, all or none. Durable when it returns.
    pub fn count_reads(&mut self, reads: &[PaidReads], now: Timestamp) -> Result<Counted, StoreError> {
        let step = "write the ledger";
        let day = self.ledger_day(now)?;
        let mut billed = Vec::with_capacity(reads.len());
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        {
            for sql in [
                "INSERT INTO ledger (day, resource, count)
                 SELECT ?1, resource, sum(count) FROM ledger WHERE day > ?1 GROUP BY resource
                 ON CONFLICT (day, resource) DO UPDATE SET count = count + excluded.count",
                "DELETE FROM ledger WHERE day > ?1",
                "UPDATE OR IGNORE billed SET day = ?1 WHERE day > ?1",
                "DELETE FROM billed WHERE day > ?1",
            ] {
                transaction
                    .prepare_cached(sql)
                    .and_then(|mut statement| statement.execute([day]))
                    .step(step)?;
            }
            // What was read on other days is never asked for again.
            transaction
                .prepare_cached("DELETE FROM billed WHERE day < ?1")
                .and_then(|mut statement| statement.execute([day]))
                .step(step)?;
            let mut insert = transaction
                .prepare_cached("INSERT OR IGNORE INTO billed (day, resource, id) VALUES (?1, ?2, ?3)")
                .step(step)?;
            let mut count = transaction
                .prepare_cached(
                    "INSERT INTO ledger (day, resource, count) VALUES (?1, ?2, ?3)
                     ON CONFLICT (day, resource) DO UPDATE SET count = count + excluded.count",
                )
                .step(step)?;
            for PaidReads { resource, ids } in reads {
                let resource = resource_no(*resource);
                let mut new: u32 = 0;
                for id in ids {
                    // The same 64 bits: X's numbers may exceed what SQLite's integers hold.
                    let inserted = insert.execute(params![day, resource, id.cast_signed()]).step(step)?;
                    new += u32::from(inserted > 0);
                }
                if new > 0 {
                    count.execute(params![day, resource, new]).step(step)?;
                }
                billed.push(new);
            }
        }
        transaction.commit().step(step)?;
        Ok(Counted { ledger: self.ledger(now)?, billed })
    }

    /// The day that reads count for: the present one, or a later one that the ledger has reached already. A
    /// clock that is set back a few days does not begin a day a second time, with its limit whole. What lies
    /// more than [`LONGEST_AHEAD`] days ahead was written while the clock was wrong: it counts for the
    /// present day. Where it is the present clock that must be wrong, the ledger stays at its day.
    fn ledger_day(&self, now: Timestamp) -> Result<i64, StoreError> {
        let day = now.utc_day();
        let last: Option<i64> = self
            .connection
            .query_row("SELECT max(day) FROM ledger", [], |row| row.get(0))
            .step("read the ledger")?;
        let stays = |last: &i64| *last <= day.saturating_add(LONGEST_AHEAD) || !now.is_plausible();
        Ok(last.filter(|last| *last >= day && stays(last)).unwrap_or(day))
    }

    /// What was billed today and this month, in UTC.
    pub fn ledger(&mut self, now: Timestamp) -> Result<Ledger, StoreError> {
        let step = "read the ledger";
        let day = self.ledger_day(now)?;
        let month_start = Timestamp::of_utc_day(day).utc_month_start();
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT coalesce(sum(count), 0) FROM ledger WHERE resource = ?1 AND day BETWEEN ?2 AND ?3",
            )
            .step(step)?;
        let mut sum = |resource, from: i64| {
            statement
                .query_row(params![resource_no(resource), from, day], |row| row.get::<_, i64>(0))
                .map(|count| u64::try_from(count).unwrap_or(0))
                .step(step)
        };
        let mut counts = |from| {
            Ok::<_, StoreError>(ReadCounts {
                posts: sum(Resource::Post, from)?,
                users: sum(Resource::User, from)?,
            })
        };
        Ok(Ledger { day, today: counts(day)?, month: counts(month_start)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn posts(ids: &[u64]) -> PaidReads {
        PaidReads { resource: Resource::Post, ids: ids.to_vec() }
    }

    #[test]
    fn a_thing_is_billed_once_a_utc_day() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let mut state = StateFile::open(&path).unwrap();
        let users = PaidReads { resource: Resource::User, ids: vec![1] };
        let evening = moment("2026-01-31T23:59:59Z");
        state.count_reads(&[posts(&[1, 2, u64::MAX]), users.clone()], evening).unwrap();
        let Counted { ledger, billed } =
            state.count_reads(&[posts(&[2, 3]), users.clone()], evening).unwrap();
        assert_eq!(billed, [1, 0]);
        assert_eq!(ledger.today, ReadCounts { posts: 4, users: 1 });
        assert_eq!(ledger.month, ledger.today);
        drop(state);

        // It survives, and the next day, which is in another month, begins anew.
        let mut state = StateFile::open(&path).unwrap();
        assert_eq!(state.ledger(evening).unwrap(), ledger);
        let morning = moment("2026-02-01T00:00:00Z");
        assert_eq!(state.ledger(morning).unwrap().month, ReadCounts::default());
        let next = state.count_reads(&[posts(&[1])], morning).unwrap().ledger;
        assert_eq!((next.day, next.today.posts, next.month.posts), (ledger.day + 1, 1, 1));
        let later = state.count_reads(&[posts(&[1]), users], moment("2026-02-28T12:00:00Z")).unwrap().ledger;
        assert_eq!((later.today.posts, later.month), (1, ReadCounts { posts: 2, users: 1 }));
    }

    #[test]
    fn a_day_is_not_spent_twice_when_the_clock_is_set_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = StateFile::open(&dir.path().join("state.db")).unwrap();
        let (day, before) = (moment("2026-03-01T12:00:00Z"), moment("2026-02-26T12:00:00Z"));
        state.count_reads(&[posts(&[1, 2])], day).unwrap();
        // Days earlier: the ledger stays where it was, also in the next month.
        let back = state.count_reads(&[posts(&[2, 3])], before).unwrap().ledger;
        assert_eq!((back.day, back.today.posts, back.month.posts), (day.utc_day(), 3, 3));
        assert_eq!(state.ledger(before).unwrap(), back);
        // Right again: all of it is still there.
        assert_eq!(state.count_reads(&[posts(&[1])], day).unwrap().ledger.today.posts, 3);
    }

    #[test]
    fn what_a_wrong_clock_has_dated_counts_for_the_present_day() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = StateFile::open(&dir.path().join("state.db")).unwrap();
        let (day, wrong) = (moment("2026-03-05T12:00:00Z"), moment("2036-03-05T12:00:00Z"));
        state.count_reads(&[posts(&[1])], day).unwrap();
        state.count_reads(&[posts(&[2, 3])], wrong).unwrap();
        let right = state.count_reads(&[posts(&[3, 4])], day).unwrap().ledger;
        assert_eq!((right.day, right.today.posts), (day.utc_day(), 4));
        // A machine that has not been told the time yet does not forget what was spent.
        for text in ["1970-01-01T00:00:05Z", "2018-11-05T00:00:00Z"] {
            let booting = state.count_reads(&[posts(&[5])], moment(text)).unwrap().ledger;
            assert_eq!((booting.day, booting.month.posts), (day.utc_day(), 5), "{text}");
        }
        let next = state.count_reads(&[posts(&[4])], moment("2026-03-06T00:00:00Z")).unwrap().ledger;
        assert_eq!((next.today.posts, next.month.posts), (1, 6), "and the next day begins as ever");
    }
}
