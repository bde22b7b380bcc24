-- What networks said of accounts when `aotf db prune` asked. An account that was there when last asked has
-- `seen_at`; one that was not has `missing_since`, the first time that the network said so.
CREATE TABLE presence (
    network       INTEGER NOT NULL,
    native        TEXT    NOT NULL,
    seen_at       INTEGER,
    missing_since INTEGER,
    PRIMARY KEY (network, native)
) STRICT, WITHOUT ROWID;
