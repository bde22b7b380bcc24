-- Local features of images, by which crops, screenshots and collages are found (domain/parts.rs): 2 KB at
-- most, in a table of their own, so that whoever reads images or details does not read them too. Absent where
-- they were not computed, as of images that were stored before.
CREATE TABLE parts (
    image    INTEGER PRIMARY KEY REFERENCES images (id),
    features BLOB NOT NULL                -- the first byte names the version
) STRICT;

-- How many images have features, and the bytes that these take: kept up by each transaction, as the other
-- sizes.
ALTER TABLE summary ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE summary ADD COLUMN part_bytes INTEGER NOT NULL DEFAULT 0;

-- One row at most: features that many accounts have in common (frames of apps, watermarks), which tell
-- nothing.
CREATE TABLE furniture (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    made_at  INTEGER NOT NULL,
    features BLOB    NOT NULL
) STRICT;
