-- Accepted work that has not ended, in the order of acceptance. `request` is JSON.
CREATE TABLE requests (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    key         TEXT    NOT NULL UNIQUE,
    request     TEXT    NOT NULL,
    accepted_at INTEGER NOT NULL
) STRICT;

-- Which database the fingerprint index in this folder was made from. At most one row.
CREATE TABLE index_source (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    identity TEXT    NOT NULL
) STRICT;
