//! Watches: kept, ended, and read at the start.

use crate::base::Timestamp;
use crate::domain::watches::{Watch, WatchId};
use crate::store::engine::connection::Connection;
use crate::store::error::StoreError;
use crate::store::schema::{self, Value};
use crate::store::{codec, statements};

/// Keeps the watch in place of what is kept of it.
pub fn keep(connection: &mut Connection, watch: &Watch) -> Result<(), StoreError> {
    end(connection, watch.id)?;
    let row: Vec<Value> = vec![
        watch.id.to_string().as_str().into(),
        watch.who.as_str().into(),
        watch.subject.as_str().into(),
        watch.began.0.into(),
        watch.networks.to_string().as_str().into(),
        watch.webhook.as_deref().unwrap_or_default().into(),
        codec::image_no(watch.told).into(),
        codec::watched_text(&watch.accounts).as_str().into(),
    ];
    connection.insert(&schema::WATCHES, &[row], false)
}

pub fn end(connection: &mut Connection, id: WatchId) -> Result<(), StoreError> {
    connection.run(statements::END_WATCH, &[id.to_string().as_str().into()], "end a watch").map(drop)
}

/// All of them, the oldest first.
pub fn all(connection: &mut Connection) -> Result<Vec<Watch>, StoreError> {
    connection.list(statements::WATCHES, &[], "read the watches", |row| {
        Ok(Watch {
            id: codec::watch_id(&row.string(0)?)?,
            who: row.string(1)?,
            subject: row.string(2)?,
            began: Timestamp(row.number(3)?),
            networks: codec::networks_of(&row.string(4)?)?,
            webhook: Some(row.string(5)?).filter(|name| !name.is_empty()),
            told: codec::image_id(row.number(6)?)?,
            accounts: codec::watched_of(&row.string(7)?)?,
        })
    })
}
