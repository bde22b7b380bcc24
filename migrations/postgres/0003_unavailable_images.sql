-- Images that can be completed no more: their host says that they are gone, or shows another picture.
-- Not in backups: it would be found out again.
CREATE TABLE unavailable (
    image BIGINT PRIMARY KEY,
    since BIGINT NOT NULL
);
