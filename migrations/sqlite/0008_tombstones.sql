-- What is never stored again: accounts and posts that were removed because somebody wished it. `mark` is a hash
-- of the id (domain/forgotten.rs), so that the id itself is kept nowhere.
CREATE TABLE tombstones (
    mark         BLOB    PRIMARY KEY CHECK (length(mark) = 32),
    kind         INTEGER NOT NULL,        -- 1 = account, 2 = post
    network      INTEGER NOT NULL REFERENCES networks (no),
    forgotten_at INTEGER NOT NULL,
    note         TEXT    NOT NULL,        -- the operator's words; empty where there are none
    removing     INTEGER                  -- the account's number while some of it is left
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_by_removing ON tombstones (removing);

-- Images whose rows were removed while the files of the index still hold their fingerprints. Not in backups: an
-- index is made anew after one was put back.
CREATE TABLE removed_images (
    image INTEGER PRIMARY KEY
) STRICT;
