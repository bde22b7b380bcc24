-- Artists whose new posts somebody wants to hear of. What the columns mean stands in
-- migrations/sqlite/0010_watches.sql.
CREATE TABLE watches (
    id       TEXT COLLATE "C" PRIMARY KEY,
    who      TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    began_at BIGINT NOT NULL,
    networks TEXT   NOT NULL,
    webhook  TEXT   NOT NULL,
    told     BIGINT NOT NULL,
    accounts TEXT   NOT NULL
);
