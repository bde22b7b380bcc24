-- What is never stored again, and images that are still to be taken out of the index. What the columns mean
-- stands in migrations/sqlite/0008_tombstones.sql. MySQL commits each statement by itself: all can be repeated.
CREATE TABLE IF NOT EXISTS tombstones (
    mark         BINARY(32) PRIMARY KEY,
    kind         TINYINT NOT NULL,
    network      TINYINT UNSIGNED NOT NULL,
    forgotten_at BIGINT NOT NULL,
    note         BLOB NOT NULL,
    removing     BIGINT,
    KEY tombstones_by_removing (removing),
    FOREIGN KEY (network) REFERENCES networks (no)
) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS removed_images (
    image BIGINT PRIMARY KEY
) ENGINE = InnoDB;
