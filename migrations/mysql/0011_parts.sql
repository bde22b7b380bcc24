-- Local features of images. What the columns mean stands in migrations/sqlite/0011_parts.sql. MySQL commits
-- each statement by itself: all can be repeated.
CREATE TABLE IF NOT EXISTS parts (
    image    BIGINT PRIMARY KEY,
    features BLOB NOT NULL,
    FOREIGN KEY (image) REFERENCES images (id)
) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS furniture (
    only_row TINYINT PRIMARY KEY,
    made_at  BIGINT NOT NULL,
    features BLOB NOT NULL
) ENGINE = InnoDB;
SET @make = IF(
    (SELECT COUNT(*) FROM information_schema.columns
     WHERE table_schema = DATABASE() AND table_name = 'summary' AND column_name = 'parts') = 0,
    'ALTER TABLE summary
        ADD COLUMN parts BIGINT NOT NULL DEFAULT 0, ADD COLUMN part_bytes BIGINT NOT NULL DEFAULT 0',
    'DO 0');
PREPARE make FROM @make;
EXECUTE make;
DEALLOCATE PREPARE make;
