-- Posts that somebody named by their ids alone: they are looked up and indexed, and leave this table once
-- they are stored. Rows may be added by hand: `INSERT INTO wanted_posts (network, native) VALUES (1, '20')`.
CREATE TABLE wanted_posts (
    network  INTEGER NOT NULL,
    native   TEXT    NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_due INTEGER DEFAULT 0,           -- NULL = given up
    PRIMARY KEY (network, native)
) STRICT, WITHOUT ROWID;
