//! The tables of a database, the same in every engine: what is written in many rows at once, copied
//! into backups, and read back from them.

use super::schema::Kind::{Bytes, Int, Text};

/// A value of a column. What a kind means in an engine (`TEXT`, `VARBINARY`) is the engine's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Value {
        Value::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(Some(value.to_owned()))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Value {
        Value::Text(value.map(str::to_owned))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::Bytes(Some(value))
    }
}

impl From<Option<[u8; 8]>> for Value {
    fn from(value: Option<[u8; 8]>) -> Value {
        Value::Bytes(value.map(Vec::from))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Int,
    Text,
    Bytes,
}

/// A table, its columns in the order in which rows are passed.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    /// So many columns at the front are its primary key.
    pub key: usize,
}

impl Table {
    /// The names of the columns, with commas between.
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

pub const ACCOUNTS: Table = Table {
    name: "accounts",
    columns: &[
        ("no", Int),
        ("network", Int),
        ("native", Text),
        ("known_since", Int),
        ("stated_posts", Int),
        ("search_cursor", Int),
        ("search_listed_at", Int),
        ("search_coverage", Text),
        ("search_reset_at", Int),
        ("timeline_cursor", Text),
        ("timeline_listed_at", Int),
        ("timeline_coverage", Text),
        ("newest_seen", Int),
        ("oldest_seen", Int),
        ("posts_read", Int),
        ("visited_at", Int),
        ("turn", Int),
        ("last_used_at", Int),
        ("uses", Int),
        ("windows", Text),
        ("stated_media", Int),
        ("found_media", Int),
    ],
    key: 1,
};

pub const HANDLES: Table = Table {
    name: "handles",
    columns: &[("network", Int), ("handle", Text), ("account", Int), ("first_seen", Int), ("last_seen", Int)],
    key: 3,
};

pub const POSTS: Table = Table {
    name: "posts",
    columns: &[
        ("no", Int),
        ("network", Int),
        ("native", Text),
        ("account", Int),
        ("published", Int),
        ("stored_at", Int),
        ("image_count", Int),
    ],
    key: 1,
};

pub const IMAGES: Table = Table {
    name: "images",
    columns: &[
        ("id", Int),
        ("post", Int),
        ("account", Int),
        ("position", Int),
        ("name", Text),
        ("width", Int),
        ("height", Int),
        ("fingerprint", Bytes),
        ("solid_ground", Int),
        ("trimmed", Bytes),
    ],
    key: 1,
};

pub const DETAILS: Table =
    Table { name: "details", columns: &[("image", Int), ("phash256", Bytes), ("thumbnail", Bytes)], key: 1 };

/// Apart from `details`, which is read for every candidate.
pub const PARTS: Table = Table { name: "parts", columns: &[("image", Int), ("features", Bytes)], key: 1 };

pub const RETRIES: Table = Table {
    name: "retries",
    columns: &[("post", Int), ("attempts", Int), ("last_tried", Int), ("next_due", Int)],
    key: 1,
};

pub const RETRY_IMAGES: Table = Table {
    name: "retry_images",
    columns: &[("post", Int), ("position", Int), ("url", Text), ("why", Text)],
    key: 2,
};

/// One row at most.
pub const FURNITURE: Table =
    Table { name: "furniture", columns: &[("only_row", Int), ("made_at", Int), ("features", Bytes)], key: 1 };

/// Not in backups: what it says would be found out again.
pub const UNAVAILABLE: Table =
    Table { name: "unavailable", columns: &[("image", Int), ("since", Int)], key: 1 };

pub const VERDICTS: Table = Table {
    name: "verdicts",
    columns: &[
        ("id", Text),
        ("kind", Int),
        ("network", Int),
        ("native", Text),
        ("position", Int),
        ("handle", Text),
        ("page", Text),
        ("who", Text),
        ("said_at", Int),
        ("why", Text),
    ],
    key: 1,
};

pub const WATCHES: Table = Table {
    name: "watches",
    columns: &[
        ("id", Text),
        ("who", Text),
        ("subject", Text),
        ("began_at", Int),
        ("networks", Text),
        ("webhook", Text),
        ("told", Int),
        ("accounts", Text),
    ],
    key: 1,
};

pub const TOMBSTONES: Table = Table {
    name: "tombstones",
    columns: &[
        ("mark", Bytes),
        ("kind", Int),
        ("network", Int),
        ("forgotten_at", Int),
        ("note", Text),
        ("removing", Int),
    ],
    key: 1,
};

/// Not in backups: an index is made anew after one was put back.
pub const REMOVED_IMAGES: Table = Table { name: "removed_images", columns: &[("image", Int)], key: 1 };

/// All tables with facts, each after those it refers to.
pub const ALL: &[&Table] = &[
    &ACCOUNTS,
    &HANDLES,
    &POSTS,
    &IMAGES,
    &DETAILS,
    &PARTS,
    &RETRIES,
    &RETRY_IMAGES,
    &VERDICTS,
    &TOMBSTONES,
    &WATCHES,
    &FURNITURE,
];
