-- Local features of images. What the columns mean stands in migrations/sqlite/0011_parts.sql.
CREATE TABLE parts (
    image    BIGINT PRIMARY KEY REFERENCES images (id),
    features BYTEA NOT NULL
);
-- Random bits do not compress, and rows of 2 KB would be moved to a table beside this one, where each takes a
-- search of its own.
ALTER TABLE parts ALTER COLUMN features SET STORAGE PLAIN;

ALTER TABLE summary ADD COLUMN parts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE summary ADD COLUMN part_bytes BIGINT NOT NULL DEFAULT 0;

CREATE TABLE furniture (
    only_row SMALLINT PRIMARY KEY CHECK (only_row = 1),
    made_at  BIGINT NOT NULL,
    features BYTEA  NOT NULL
);
