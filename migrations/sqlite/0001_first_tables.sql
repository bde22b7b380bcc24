-- Accounts, their handles, posts, images and what is to be tried again.
--
-- Moments are milliseconds since 1970 (UTC). Ids given by a network are text: those of X may exceed
-- 2^63, those of other networks are no numbers. A number of ours (`no`, `id`) is never used twice,
-- because the fingerprint index outside the database refers to it.

CREATE TABLE networks (
    no   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO networks (no, name) VALUES (1, 'twitter'), (2, 'bluesky'), (3, 'mastodon');

-- One row. The sizes are kept up by each transaction, since counting ten million rows takes seconds.
-- The identity tells apart databases whose numbers overlap.
CREATE TABLE summary (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    identity TEXT    NOT NULL,
    accounts INTEGER NOT NULL,
    posts    INTEGER NOT NULL,
    images   INTEGER NOT NULL,
    retries  INTEGER NOT NULL
) STRICT;
INSERT INTO summary VALUES (1, lower(hex(randomblob(16))), 0, 0, 0, 0);

CREATE TABLE accounts (
    no                 INTEGER PRIMARY KEY AUTOINCREMENT,
    network            INTEGER NOT NULL REFERENCES networks (no),
    native             TEXT    NOT NULL,
    known_since        INTEGER NOT NULL,
    stated_posts       INTEGER,           -- how many posts the network says it has
    search_cursor      INTEGER,           -- publish date of the newest post that search has listed
    search_listed_at   INTEGER,           -- when a search listing last ended with its posts stored
    search_coverage    TEXT,              -- 'complete' or 'latest N'; NULL = unknown
    search_reset_at    INTEGER,           -- when the search cursor last started from nothing
    timeline_cursor    TEXT,              -- native id of the newest post that the timeline has listed
    timeline_listed_at INTEGER,
    timeline_coverage  TEXT,
    newest_seen        INTEGER,           -- publish dates of the newest and oldest post read
    oldest_seen        INTEGER,
    posts_read         INTEGER NOT NULL DEFAULT 0,  -- over all listings: what was paid for
    visited_at         INTEGER NOT NULL,  -- when it was last listed, or its turn for an update last came
    turn               INTEGER NOT NULL,  -- 0..65535: its place in the round of updates
    last_used_at       INTEGER,
    uses               INTEGER NOT NULL DEFAULT 0,
    UNIQUE (network, native)
) STRICT;
CREATE INDEX accounts_by_turn ON accounts (turn, visited_at);
CREATE INDEX accounts_by_visit ON accounts (visited_at);
CREATE INDEX accounts_by_reset ON accounts (search_reset_at);

-- Every handle under which an account was seen. The present owner of a handle is the account that
-- was seen with it last.
CREATE TABLE handles (
    network    INTEGER NOT NULL REFERENCES networks (no),
    handle     TEXT    NOT NULL,
    account    INTEGER NOT NULL REFERENCES accounts (no),
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    PRIMARY KEY (network, handle, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX handles_by_account ON handles (account, last_seen);

CREATE TABLE posts (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    network     INTEGER NOT NULL REFERENCES networks (no),
    native      TEXT    NOT NULL,
    account     INTEGER NOT NULL REFERENCES accounts (no),
    published   INTEGER,
    stored_at   INTEGER NOT NULL,
    image_count INTEGER NOT NULL,
    UNIQUE (network, native)
) STRICT;

-- Narrow, because the index is rebuilt by reading all of it; hence also the account, which is the
-- post's. A row whose missing fingerprint is filled in gets a new id: the ids of fingerprints only
-- ever grow, so that an index which holds everything up to one id needs nothing but what lies beyond.
CREATE TABLE images (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    post         INTEGER NOT NULL REFERENCES posts (no),
    account      INTEGER NOT NULL,
    position     INTEGER NOT NULL,        -- 1..image_count
    name         TEXT    NOT NULL,
    width        INTEGER,
    height       INTEGER,
    fingerprint  BLOB CHECK (length(fingerprint) = 8),  -- first bit of the matrix first; NULL = lost or failed
    solid_ground INTEGER,                 -- 0 = made of rounding noise, matches nothing; NULL without fingerprint
    trimmed      BLOB CHECK (length(trimmed) = 8),      -- without the uniform border, where there is one
    UNIQUE (post, position)
) STRICT;

-- The second stage. Absent where unknown, as in imported rows.
CREATE TABLE details (
    image     INTEGER PRIMARY KEY REFERENCES images (id),
    phash256  BLOB NOT NULL CHECK (length(phash256) = 32),
    thumbnail BLOB NOT NULL CHECK (length(thumbnail) = 192)
) STRICT;

-- Posts of which an image failed for a reason that may pass.
CREATE TABLE retries (
    post       INTEGER PRIMARY KEY REFERENCES posts (no),
    attempts   INTEGER NOT NULL,
    last_tried INTEGER NOT NULL,
    next_due   INTEGER                    -- NULL = given up
) STRICT;
CREATE INDEX retries_by_due ON retries (next_due);

CREATE TABLE retry_images (
    post     INTEGER NOT NULL REFERENCES retries (post),
    position INTEGER NOT NULL,
    url      TEXT    NOT NULL,
    why      TEXT    NOT NULL,
    PRIMARY KEY (post, position)
) STRICT, WITHOUT ROWID;
