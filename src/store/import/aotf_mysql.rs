//! The original's database on a MySQL or MariaDB server, also while its server is running: everything
//! is read within one transaction, which sees the state of its beginning and locks nothing.

use jiff::tz::TimeZone;

use super::original::{
    ImportError, Original, PAGE_ROWS, PostPage, Skipped, WrittenAccount, local_date, stored_fingerprint,
};
use super::pages::{ImportedImage, ImportedPost, ImportedRetry};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::store::engine::address::{Access, Address, Place, without_password};
use crate::store::engine::connection::Connection;
use crate::store::engine::dialect::Dialect;
use crate::store::engine::row::Row;
use crate::store::error::StoreError;
use crate::store::schema::Value;

/// The original's database on its server.
pub struct MySqlOriginal {
    connection: Connection,
}

// Ids as text: half of what is possible does not fit a signed number. Dates as SQLite has them.
const ACCOUNTS: &str = "SELECT CAST(account_id AS CHAR), last_SearchAPI_indexing_api_date,
        DATE_FORMAT(last_SearchAPI_indexing_local_date, '%Y-%m-%d %H:%i:%s'),
        DATE_FORMAT(last_SearchAPI_indexing_cursor_reset_date, '%Y-%m-%d %H:%i:%s'),
        CAST(last_TimelineAPI_indexing_tweet_id AS CHAR),
        DATE_FORMAT(last_TimelineAPI_indexing_local_date, '%Y-%m-%d %H:%i:%s'),
        DATE_FORMAT(last_use, '%Y-%m-%d %H:%i:%s'), CAST(uses_count AS CHAR)
     FROM accounts";

const POSTS: &str = "SELECT CAST(tweet_id AS CHAR), CAST(account_id AS CHAR), image_1_name, image_1_hash,
        image_2_name, image_2_hash, image_3_name, image_3_hash, image_4_name, image_4_hash
     FROM tweets WHERE tweet_id >= CAST(? AS UNSIGNED) ORDER BY tweet_id LIMIT ?";

const RETRIES: &str = "SELECT CAST(tweet_id AS CHAR), image_1_url, image_2_url, image_3_url, image_4_url,
        DATE_FORMAT(last_retry_date, '%Y-%m-%d %H:%i:%s'), CAST(retries_count AS CHAR)
     FROM reindex_tweets";

impl MySqlOriginal {
    /// `mysql://USER:PASSWORD@HOST/DATABASE`.
    pub fn open(url: &str) -> Result<MySqlOriginal, ImportError> {
        let opening = |place: &str, source: Box<dyn std::error::Error + Send + Sync>| ImportError::Open {
            place: place.to_owned(),
            source,
        };
        let place = without_password(url);
        let address = match Address::parse(url) {
            Some(Ok(address)) if address.dialect() == Dialect::MySql => address,
            Some(Err(why)) => return Err(opening(&place, why.into())),
            Some(Ok(_)) | None => return Err(opening(&place, "it does not start with mysql://".into())),
        };
        let mut connection = Connection::open(&Place::Server(Box::new(address)), Access::Read)
            .map_err(|error| opening(&place, error.into()))?;
        let tables = [
            ("accounts", format!("{ACCOUNTS} LIMIT 0")),
            ("tweets", POSTS.replacen('?', "0", 1).replace('?', "0")),
            ("reindex_tweets", format!("{RETRIES} LIMIT 0")),
        ];
        for (table, sql) in tables {
            connection.list(&sql, &[], "look at a table", |_| Ok(())).map_err(|error| {
                ImportError::NotAotf { place: place.clone(), table, source: error.into() }
            })?;
        }
        connection.begin_reading().map_err(|error| opening(&place, error.into()))?;
        Ok(MySqlOriginal { connection })
    }

    fn rows<T>(
        &mut self,
        table: &'static str,
        sql: &str,
        values: &[Value],
        mut read: impl FnMut(&Row<'_>) -> Result<Option<T>, StoreError>,
    ) -> Result<Vec<T>, ImportError> {
        let mut found = Vec::new();
        self.connection
            .each(sql, values, "read a table", |row| {
                found.extend(read(row)?);
                Ok(())
            })
            .map_err(|source| ImportError::Read { table, source: source.into() })?;
        Ok(found)
    }
}

impl Original for MySqlOriginal {
    fn count(&mut self, table: &'static str) -> Result<u64, ImportError> {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let counted = self.rows(table, &sql, &[], |row| row.int(0))?;
        Ok(counted.first().and_then(|count| u64::try_from(*count).ok()).unwrap_or(0))
    }

    fn posts(&mut self, after: i128) -> Result<Option<PostPage>, ImportError> {
        let from = u64::try_from(after.saturating_add(1)).unwrap_or(0);
        if after >= i128::from(u64::MAX) {
            return Ok(None);
        }
        let values = [from.to_string().as_str().into(), i64::from(PAGE_ROWS).into()];
        let mut page = PostPage { posts: Vec::new(), rows: 0, last: after, skipped: Vec::new() };
        let posts = self.rows("tweets", POSTS, &values, |row| {
            page.rows += 1;
            let native = row.string(0)?;
            page.last = native.parse().unwrap_or(page.last);
            Ok(Some(post(row, native)?))
        })?;
        for post in posts {
            match post {
                Ok(post) => page.posts.push(post),
                Err(why) => page.skipped.push(why),
            }
        }
        Ok((page.rows > 0).then_some(page))
    }

    fn accounts(&mut self, _skipped: &mut Skipped) -> Result<Vec<WrittenAccount>, ImportError> {
        self.rows("accounts", ACCOUNTS, &[], |row| {
            Ok(Some(WrittenAccount {
                native: row.string(0)?,
                search_cursor: row.text(1)?,
                search_listed_at: row.text(2)?,
                search_reset_at: row.text(3)?,
                timeline_cursor: row.text(4)?,
                timeline_listed_at: row.text(5)?,
                last_used_at: row.text(6)?,
                uses: row.string(7)?.parse().unwrap_or(u64::MAX),
            }))
        })
    }

    fn retries(
        &mut self,
        zone: &TimeZone,
        _skipped: &mut Skipped,
    ) -> Result<Vec<ImportedRetry>, ImportError> {
        self.rows("reindex_tweets", RETRIES, &[], |row| {
            Ok(Some(ImportedRetry {
                post: PostKey::new(Network::Twitter, row.string(0)?),
                urls: (1..=4).map(|column| row.text(column)).collect::<Result<_, _>>()?,
                // The original counts only what came after the first fetch.
                attempts: row.string(6)?.parse::<u32>().unwrap_or(0).saturating_add(1),
                last_tried: date(row, 5, zone)?,
            }))
        })
    }
}

/// A row of `POSTS`; the inner error says why it cannot be taken over.
fn post(row: &Row<'_>, native: String) -> Result<Result<ImportedPost, String>, StoreError> {
    let mut images = Vec::new();
    for column in [2, 4, 6, 8] {
        // Names are filled from the first on, without gaps.
        let Some(name) = row.text(column)? else { break };
        let fingerprint = match row.bytes(column + 1)? {
            None => None,
            Some(bytes) => match <[u8; 8]>::try_from(bytes) {
                Ok(bytes) => Some(stored_fingerprint(bytes)),
                Err(_) => return Ok(Err(format!("the post {native}: a hash of {} bytes", bytes.len()))),
            },
        };
        images.push(ImportedImage { name, fingerprint });
    }
    Ok(Ok(ImportedPost {
        key: PostKey::new(Network::Twitter, native),
        account: AccountKey::new(Network::Twitter, row.string(1)?),
        images,
    }))
}

fn date(row: &Row<'_>, column: usize, zone: &TimeZone) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.text(column)?.and_then(|text| local_date(&text, zone)))
}
