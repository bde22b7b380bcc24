-- Accounts, their handles, posts, images and what is to be tried again. What the columns mean stands
-- in migrations/sqlite/0001_first_tables.sql.
--
-- Texts are compared byte for byte (COLLATE "C"). Numbers are given out by this program under the lock
-- on `summary`, so they become visible in increasing order, which sequences do not promise.

CREATE TABLE networks (
    no   SMALLINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
INSERT INTO networks (no, name) VALUES (1, 'twitter'), (2, 'bluesky'), (3, 'mastodon');

CREATE TABLE summary (
    only_row     SMALLINT PRIMARY KEY CHECK (only_row = 1),
    identity     TEXT   NOT NULL,
    accounts     BIGINT NOT NULL,
    posts        BIGINT NOT NULL,
    images       BIGINT NOT NULL,
    retries      BIGINT NOT NULL,
    last_account BIGINT NOT NULL,   -- the highest number ever given
    last_post    BIGINT NOT NULL,
    last_image   BIGINT NOT NULL
);
INSERT INTO summary VALUES (1, replace(gen_random_uuid()::text, '-', ''), 0, 0, 0, 0, 0, 0, 0);

CREATE TABLE accounts (
    no                 BIGINT PRIMARY KEY,
    network            SMALLINT NOT NULL REFERENCES networks (no),
    native             TEXT COLLATE "C" NOT NULL,
    known_since        BIGINT NOT NULL,
    stated_posts       BIGINT,
    search_cursor      BIGINT,
    search_listed_at   BIGINT,
    search_coverage    TEXT,
    search_reset_at    BIGINT,
    timeline_cursor    TEXT,
    timeline_listed_at BIGINT,
    timeline_coverage  TEXT,
    newest_seen        BIGINT,
    oldest_seen        BIGINT,
    posts_read         BIGINT NOT NULL,
    visited_at         BIGINT NOT NULL,
    turn               INTEGER NOT NULL,
    last_used_at       BIGINT,
    uses               BIGINT NOT NULL,
    UNIQUE (network, native)
);
CREATE INDEX accounts_by_turn ON accounts (turn, visited_at);
CREATE INDEX accounts_by_visit ON accounts (visited_at);
CREATE INDEX accounts_by_reset ON accounts (search_reset_at);

CREATE TABLE handles (
    network    SMALLINT NOT NULL,
    handle     TEXT COLLATE "C" NOT NULL,
    account    BIGINT NOT NULL REFERENCES accounts (no),
    first_seen BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    PRIMARY KEY (network, handle, account)
);
CREATE INDEX handles_by_account ON handles (account, last_seen);

CREATE TABLE posts (
    no          BIGINT PRIMARY KEY,
    network     SMALLINT NOT NULL,
    native      TEXT COLLATE "C" NOT NULL,
    account     BIGINT NOT NULL REFERENCES accounts (no),
    published   BIGINT,
    stored_at   BIGINT NOT NULL,
    image_count SMALLINT NOT NULL,
    UNIQUE (network, native)
);

CREATE TABLE images (
    id           BIGINT PRIMARY KEY,
    post         BIGINT NOT NULL REFERENCES posts (no),
    account      BIGINT NOT NULL,
    position     SMALLINT NOT NULL,
    name         TEXT NOT NULL,
    width        BIGINT,
    height       BIGINT,
    fingerprint  BYTEA CHECK (length(fingerprint) = 8),
    solid_ground SMALLINT,
    trimmed      BYTEA CHECK (length(trimmed) = 8),
    UNIQUE (post, position)
);

CREATE TABLE details (
    image     BIGINT PRIMARY KEY REFERENCES images (id),
    phash256  BYTEA NOT NULL CHECK (length(phash256) = 32),
    thumbnail BYTEA NOT NULL CHECK (length(thumbnail) = 192)
);

CREATE TABLE retries (
    post       BIGINT PRIMARY KEY REFERENCES posts (no),
    attempts   BIGINT NOT NULL,
    last_tried BIGINT NOT NULL,
    next_due   BIGINT
);
CREATE INDEX retries_by_due ON retries (next_due);

CREATE TABLE retry_images (
    post     BIGINT NOT NULL REFERENCES retries (post),
    position SMALLINT NOT NULL,
    url      TEXT NOT NULL,
    why      TEXT NOT NULL,
    PRIMARY KEY (post, position)
);
