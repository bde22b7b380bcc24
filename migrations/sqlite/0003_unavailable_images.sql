-- Images that can be completed no more: their host says that they are gone, or shows another picture.
-- Not in backups: it would be found out again.
CREATE TABLE unavailable (
    image INTEGER PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT;
