-- What is never stored again, and images that are still to be taken out of the index. What the columns mean
-- stands in migrations/sqlite/0008_tombstones.sql.
CREATE TABLE tombstones (
    mark         BYTEA PRIMARY KEY CHECK (octet_length(mark) = 32),
    kind         SMALLINT NOT NULL,
    network      SMALLINT NOT NULL REFERENCES networks (no),
    forgotten_at BIGINT NOT NULL,
    note         TEXT NOT NULL,
    removing     BIGINT
);
CREATE INDEX tombstones_by_removing ON tombstones (removing);
CREATE TABLE removed_images (
    image BIGINT PRIMARY KEY
);
