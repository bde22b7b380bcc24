-- Accounts, their handles, posts, images and what is to be tried again. What the columns mean stands
-- in migrations/sqlite/0001_first_tables.sql.
--
-- Ids, handles and names are binary: compared byte for byte, whatever the server's collation does with
-- case, accents and spaces at the end. Numbers are given out by this program under the lock on
-- `summary`, so they become visible in increasing order, which AUTO_INCREMENT does not promise.
--
-- MySQL commits each of these statements by itself: all of them can be repeated.

CREATE TABLE IF NOT EXISTS networks (
    no   TINYINT UNSIGNED PRIMARY KEY,
    name VARBINARY(32) NOT NULL UNIQUE
) ENGINE = InnoDB;
INSERT IGNORE INTO networks (no, name) VALUES (1, 'twitter'), (2, 'bluesky'), (3, 'mastodon');

CREATE TABLE IF NOT EXISTS summary (
    only_row     TINYINT PRIMARY KEY,
    identity     VARBINARY(64) NOT NULL,
    accounts     BIGINT NOT NULL,
    posts        BIGINT NOT NULL,
    images       BIGINT NOT NULL,
    retries      BIGINT NOT NULL,
    last_account BIGINT NOT NULL,   -- the highest number ever given
    last_post    BIGINT NOT NULL,
    last_image   BIGINT NOT NULL
) ENGINE = InnoDB;
INSERT IGNORE INTO summary VALUES (1, MD5(CONCAT(UUID(), RAND(), NOW(6))), 0, 0, 0, 0, 0, 0, 0);

CREATE TABLE IF NOT EXISTS accounts (
    no                 BIGINT PRIMARY KEY,
    network            TINYINT UNSIGNED NOT NULL,
    native             VARBINARY(512) NOT NULL,
    known_since        BIGINT NOT NULL,
    stated_posts       BIGINT,
    search_cursor      BIGINT,
    search_listed_at   BIGINT,
    search_coverage    VARBINARY(32),
    search_reset_at    BIGINT,
    timeline_cursor    VARBINARY(512),
    timeline_listed_at BIGINT,
    timeline_coverage  VARBINARY(32),
    newest_seen        BIGINT,
    oldest_seen        BIGINT,
    posts_read         BIGINT NOT NULL,
    visited_at         BIGINT NOT NULL,
    turn               INT NOT NULL,
    last_used_at       BIGINT,
    uses               BIGINT NOT NULL,
    UNIQUE KEY accounts_by_native (network, native),
    KEY accounts_by_turn (turn, visited_at),
    KEY accounts_by_visit (visited_at),
    KEY accounts_by_reset (search_reset_at),
    FOREIGN KEY (network) REFERENCES networks (no)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS handles (
    network    TINYINT UNSIGNED NOT NULL,
    handle     VARBINARY(512) NOT NULL,
    account    BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    PRIMARY KEY (network, handle, account),
    KEY handles_by_account (account, last_seen),
    FOREIGN KEY (account) REFERENCES accounts (no)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS posts (
    no          BIGINT PRIMARY KEY,
    network     TINYINT UNSIGNED NOT NULL,
    native      VARBINARY(512) NOT NULL,
    account     BIGINT NOT NULL,
    published   BIGINT,
    stored_at   BIGINT NOT NULL,
    image_count SMALLINT NOT NULL,
    UNIQUE KEY posts_by_native (network, native),
    FOREIGN KEY (account) REFERENCES accounts (no)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS images (
    id           BIGINT PRIMARY KEY,
    post         BIGINT NOT NULL,
    account      BIGINT NOT NULL,
    position     SMALLINT NOT NULL,
    name         BLOB NOT NULL,
    width        BIGINT,
    height       BIGINT,
    fingerprint  BINARY(8),
    solid_ground TINYINT,
    trimmed      BINARY(8),
    UNIQUE KEY images_by_post (post, position),
    FOREIGN KEY (post) REFERENCES posts (no)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS details (
    image     BIGINT PRIMARY KEY,
    phash256  BINARY(32) NOT NULL,
    thumbnail VARBINARY(192) NOT NULL,
    FOREIGN KEY (image) REFERENCES images (id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS retries (
    post       BIGINT PRIMARY KEY,
    attempts   BIGINT NOT NULL,
    last_tried BIGINT NOT NULL,
    next_due   BIGINT,
    KEY retries_by_due (next_due),
    FOREIGN KEY (post) REFERENCES posts (no)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS retry_images (
    post     BIGINT NOT NULL,
    position SMALLINT NOT NULL,
    url      BLOB NOT NULL,
    why      BLOB NOT NULL,
    PRIMARY KEY (post, position),
    FOREIGN KEY (post) REFERENCES retries (post)
) ENGINE = InnoDB;
