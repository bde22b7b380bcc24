-- What people say of accounts and pictures. What the columns mean stands in
-- migrations/sqlite/0009_verdicts.sql. MySQL commits it by itself: it can be repeated.
CREATE TABLE IF NOT EXISTS verdicts (
    id       VARBINARY(16) PRIMARY KEY,
    kind     TINYINT UNSIGNED NOT NULL,
    network  TINYINT UNSIGNED NOT NULL,
    native   VARBINARY(512) NOT NULL,
    position SMALLINT NOT NULL,
    handle   VARBINARY(512) NOT NULL,
    page     VARBINARY(1024) NOT NULL,
    who      VARBINARY(256) NOT NULL,
    said_at  BIGINT NOT NULL,
    why      BLOB NOT NULL,
    KEY verdicts_by_page (page),
    KEY verdicts_by_subject (network, native, page),
    KEY verdicts_by_moment (said_at, id),
    FOREIGN KEY (network) REFERENCES networks (no)
) ENGINE = InnoDB;
