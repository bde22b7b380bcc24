-- Pages of artworks that were answered, with what their picture looks like: a post with that picture leads to its
-- page. What is binary is hexadecimal text, since backups hold numbers and texts.
CREATE TABLE answered_pages (
    key         TEXT    PRIMARY KEY,      -- one form of all addresses of the page
    url         TEXT    NOT NULL,         -- as its site names it
    fingerprint INTEGER NOT NULL,         -- the 64 bits, as a signed number
    phash256    TEXT    NOT NULL,
    thumbnail   TEXT    NOT NULL,
    accounts    TEXT    NOT NULL,         -- that the answer named, each between line breaks: with any, the row goes
    answered_at INTEGER NOT NULL          -- milliseconds since 1970 (UTC), of the last answer
) STRICT;
-- Read whole by each search: of a hundred thousand pages, one megabyte.
CREATE INDEX answered_pages_by_fingerprint ON answered_pages (fingerprint);
CREATE INDEX answered_pages_by_age ON answered_pages (answered_at);
