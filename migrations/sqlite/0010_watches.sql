-- Artists whose new posts somebody wants to hear of. Few: the broker holds all of them in memory.
CREATE TABLE watches (
    id       TEXT    PRIMARY KEY,       -- 32 hexadecimal digits: whoever knows them can read the feed
    who      TEXT    NOT NULL,          -- the name of the API key, or console
    subject  TEXT    NOT NULL,          -- what was asked for: an account, or the address of an artwork's page
    began_at INTEGER NOT NULL,          -- posts that were published before are no news
    networks TEXT    NOT NULL,          -- accounts on others are left out: names, with commas between
    webhook  TEXT    NOT NULL,          -- the configured webhook that is told; empty: none
    told     INTEGER NOT NULL,          -- it was told of what is stored up to this image
    accounts TEXT    NOT NULL           -- JSON: network, native, handle, unreadable, looked_up of each
) STRICT, WITHOUT ROWID;
