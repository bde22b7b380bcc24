//! Pages of artworks that were answered, in the state file, with what their picture looks like: a post with
//! the same picture leads to its page.

use rusqlite::{Row, TransactionBehavior, params};

use super::engine::sqlite::Step;
use super::error::StoreError;
use super::state::StateFile;
use crate::base::ids::AccountKey;
use crate::base::{Fingerprint, Timestamp};
use crate::domain::images::{AnsweredPage, Detail, NotedPage};

/// Pages that are kept; of more, those that were answered longest ago are dropped. A page takes about a
/// kilobyte, and backups read all of them into memory.
const MAX_PAGES: u32 = 100_000;

/// Longer addresses are not kept: several of them travel in one message.
pub const MAX_PAGE_URL_BYTES: usize = 500;

impl StateFile {
    /// Keeps these pages; of one that is known, what was said of it last. Durable when it returns.
    pub fn note_pages(&mut self, pages: &[NotedPage]) -> Result<(), StoreError> {
        self.note_pages_up_to(pages, MAX_PAGES)
    }

    fn note_pages_up_to(&mut self, pages: &[NotedPage], most: u32) -> Result<(), StoreError> {
        let step = "note answered pages";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        for NotedPage { key, page, accounts } in pages {
            if page.url.len() > MAX_PAGE_URL_BYTES {
                continue;
            }
            let accounts: String = accounts.iter().map(in_list).collect();
            let words = page.detail.phash256.map(|word| format!("{word:016x}")).concat();
            let thumbnail: String = page.detail.thumbnail.iter().map(|byte| format!("{byte:02x}")).collect();
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO answered_pages
                         (key, url, fingerprint, phash256, thumbnail, accounts, answered_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )
                .and_then(|mut insert| {
                    insert.execute(params![
                        key,
                        page.url,
                        page.fingerprint.0.cast_signed(),
                        words,
                        thumbnail,
                        accounts,
                        page.answered_at.0,
                    ])
                })
                .step(step)?;
        }
        transaction
            .prepare_cached(
                "DELETE FROM answered_pages WHERE rowid IN (
                     SELECT rowid FROM answered_pages ORDER BY answered_at
                     LIMIT max(0, (SELECT count(*) FROM answered_pages) - ?1))",
            )
            .and_then(|mut delete| delete.execute([most]))
            .step(step)?;
        transaction.commit().step(step)
    }

    /// Forgets the pages whose answers named one of these accounts. Durable when it returns.
    pub fn forget_pages_of(&mut self, accounts: &[AccountKey]) -> Result<(), StoreError> {
        let step = "forget answered pages";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        for account in accounts {
            transaction
                .prepare_cached("DELETE FROM answered_pages WHERE instr(accounts, ?1) > 0")
                .and_then(|mut delete| delete.execute([in_list(account)]))
                .step(step)?;
        }
        transaction.commit().step(step)
    }

    /// The pages whose picture is at most `radius` bits from one of these fingerprints, nearest first, at most
    /// `limit`. Reads every fingerprint.
    pub fn pages_like(
        &mut self,
        fingerprints: &[Fingerprint],
        radius: u32,
        limit: usize,
    ) -> Result<Vec<AnsweredPage>, StoreError> {
        let step = "look for answered pages";
        let mut near: Vec<(u32, i64)> = Vec::new();
        let mut select =
            self.connection.prepare_cached("SELECT fingerprint, rowid FROM answered_pages").step(step)?;
        let mut rows = select.query([]).step(step)?;
        while let Some(row) = rows.next().step(step)? {
            let found = Fingerprint(row.get::<_, i64>(0).step(step)?.cast_unsigned());
            let distance = fingerprints.iter().map(|asked| asked.distance(found)).min();
            if let Some(distance) = distance.filter(|distance| *distance <= radius) {
                near.push((distance, row.get(1).step(step)?));
            }
        }
        near.sort_unstable();
        near.truncate(limit);
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT url, fingerprint, phash256, thumbnail, answered_at FROM answered_pages WHERE rowid = ?1",
            )
            .step(step)?;
        near.into_iter().map(|(_, row)| select.query_row([row], page).step(step)).collect()
    }
}

/// No id of a network has a line break.
fn in_list(account: &AccountKey) -> String {
    format!("\n{account}\n")
}

fn page(row: &Row<'_>) -> rusqlite::Result<AnsweredPage> {
    let (words, thumbnail): (String, String) = (row.get(2)?, row.get(3)?);
    // A row that somebody else wrote is no picture: what cannot be read is zero.
    let word =
        |at: usize| words.get(at * 16..at * 16 + 16).and_then(|text| u64::from_str_radix(text, 16).ok());
    let byte =
        |at: usize| thumbnail.get(at * 2..at * 2 + 2).and_then(|text| u8::from_str_radix(text, 16).ok());
    Ok(AnsweredPage {
        url: row.get(0)?,
        fingerprint: Fingerprint(row.get::<_, i64>(1)?.cast_unsigned()),
        detail: Detail {
            phash256: std::array::from_fn(|at| word(at).unwrap_or(0)),
            thumbnail: (0..thumbnail.len() / 2).map(|at| byte(at).unwrap_or(0)).collect(),
            trimmed: None,
        },
        answered_at: Timestamp(row.get(4)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;

    fn account(native: &str) -> AccountKey {
        AccountKey::new(Network::Twitter, native)
    }

    fn page(url: &str, fingerprint: u64, at: i64) -> NotedPage {
        let detail = Detail { phash256: [fingerprint; 4], thumbnail: vec![7; 192], trimmed: None };
        let page = AnsweredPage {
            url: url.to_owned(),
            fingerprint: Fingerprint(fingerprint),
            detail,
            answered_at: Timestamp(at),
        };
        NotedPage { key: format!("key of {url}"), page, accounts: vec![account("12"), account("7")] }
    }

    fn urls(found: &[AnsweredPage]) -> Vec<&str> {
        found.iter().map(|page| page.url.as_str()).collect()
    }

    #[test]
    fn pages_are_found_by_their_picture_nearest_first() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = StateFile::open(&dir.path().join("state.db")).unwrap();
        let top = 1 << 63;
        let pages = [page("near", top | 0b11, 1), page("same", top, 2), page("far", !top, 3)];
        state.note_pages(&pages).unwrap();
        let found = state.pages_like(&[Fingerprint(0b1111 << 20), Fingerprint(top)], 4, 9).unwrap();
        assert_eq!(urls(&found), ["same", "near"]);
        assert_eq!(found[0], pages[1].page, "all of it is kept");
        assert_eq!(urls(&state.pages_like(&[Fingerprint(top)], 1, 9).unwrap()), ["same"]);
        assert_eq!(urls(&state.pages_like(&[Fingerprint(top)], 64, 1).unwrap()), ["same"]);
        assert!(state.pages_like(&[], 64, 9).unwrap().is_empty());
    }

    #[test]
    fn a_page_is_kept_once_and_the_oldest_go_first() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = StateFile::open(&dir.path().join("state.db")).unwrap();
        state.note_pages(&[page("a", 1, 1), page("b", 1, 2), page("c", 1, 3)]).unwrap();
        state.note_pages_up_to(&[page("a", 1, 9)], 2).unwrap();
        let mut found = state.pages_like(&[Fingerprint(1)], 0, 9).unwrap();
        found.sort_by_key(|page| page.answered_at);
        assert_eq!(urls(&found), ["c", "a"]);
        let long = "u".repeat(MAX_PAGE_URL_BYTES + 1);
        state.note_pages(&[page(&long, 1, 10)]).unwrap();
        assert_eq!(state.pages_like(&[Fingerprint(1)], 0, 9).unwrap().len(), 2);
    }

    #[test]
    fn pages_are_forgotten_with_any_account_that_their_answer_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = StateFile::open(&dir.path().join("state.db")).unwrap();
        let others = NotedPage { accounts: vec![account("112"), account("1")], ..page("b", 1, 2) };
        let nobodys = NotedPage { accounts: Vec::new(), ..page("c", 1, 3) };
        state.note_pages(&[page("a", 1, 1), others, nobodys]).unwrap();
        state.forget_pages_of(&[account("12"), account("2")]).unwrap();
        let mut found = state.pages_like(&[Fingerprint(1)], 0, 9).unwrap();
        found.sort_by_key(|page| page.answered_at);
        assert_eq!(urls(&found), ["b", "c"]);
    }

    /// What another program wrote into the table ends no search.
    #[test]
    fn a_row_that_makes_no_sense_is_read_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = StateFile::open(&dir.path().join("state.db")).unwrap();
        state
            .connection
            .execute("INSERT INTO answered_pages VALUES ('k', 'u', 5, 'é', 'zzé', '', 0)", [])
            .unwrap();
        assert_eq!(urls(&state.pages_like(&[Fingerprint(5)], 0, 1).unwrap()), ["u"]);
    }
}
