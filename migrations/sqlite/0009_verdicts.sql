-- What people say of accounts and pictures. Kinds: 1 the account is not the artist's, 2 it is, 3 the pictures
-- are not the same, 4 they are. Accounts and posts are named by their networks' own ids: they need not be
-- stored, and are named the same when they are stored anew.
CREATE TABLE verdicts (
    id       TEXT    PRIMARY KEY,       -- 16 hexadecimal digits, made of what is said and by whom
    kind     INTEGER NOT NULL,
    network  INTEGER NOT NULL REFERENCES networks (no),
    native   TEXT    NOT NULL,          -- the account's id, or the post's
    position INTEGER NOT NULL,          -- the image of the post, from 1; 0 means each
    handle   TEXT    NOT NULL,          -- what the account was called then
    page     TEXT    NOT NULL,          -- for which page it holds; empty: for all
    who      TEXT    NOT NULL,
    said_at  INTEGER NOT NULL,
    why      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX verdicts_by_page ON verdicts (page);
CREATE INDEX verdicts_by_subject ON verdicts (network, native, page);
CREATE INDEX verdicts_by_moment ON verdicts (said_at, id);
