-- What people say of accounts and pictures. What the columns mean stands in
-- migrations/sqlite/0009_verdicts.sql.
CREATE TABLE verdicts (
    id       TEXT COLLATE "C" PRIMARY KEY,
    kind     SMALLINT NOT NULL,
    network  SMALLINT NOT NULL REFERENCES networks (no),
    native   TEXT COLLATE "C" NOT NULL,
    position SMALLINT NOT NULL,
    handle   TEXT     NOT NULL,
    page     TEXT COLLATE "C" NOT NULL,
    who      TEXT     NOT NULL,
    said_at  BIGINT   NOT NULL,
    why      TEXT     NOT NULL
);
CREATE INDEX verdicts_by_page ON verdicts (page);
CREATE INDEX verdicts_by_subject ON verdicts (network, native, page);
CREATE INDEX verdicts_by_moment ON verdicts (said_at, id);
