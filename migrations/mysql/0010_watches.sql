-- Artists whose new posts somebody wants to hear of. What the columns mean stands in
-- migrations/sqlite/0010_watches.sql. MySQL commits it by itself: it can be repeated.
CREATE TABLE IF NOT EXISTS watches (
    id       VARBINARY(32) PRIMARY KEY,
    who      VARBINARY(256) NOT NULL,
    subject  BLOB NOT NULL,
    began_at BIGINT NOT NULL,
    networks VARBINARY(256) NOT NULL,
    webhook  VARBINARY(256) NOT NULL,
    told     BIGINT NOT NULL,
    accounts MEDIUMBLOB NOT NULL
) ENGINE = InnoDB;
