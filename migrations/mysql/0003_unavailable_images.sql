-- Images that can be completed no more: their host says that they are gone, or shows another picture.
-- Not in backups: it would be found out again. MySQL commits it by itself: it can be repeated.
CREATE TABLE IF NOT EXISTS unavailable (
    image BIGINT PRIMARY KEY,
    since BIGINT NOT NULL
) ENGINE = InnoDB;
