-- What a network bills, counted once per thing and UTC day. `day` counts from 1970-01-01; `resource` is
-- 1 = post, 2 = account.
CREATE TABLE ledger (
    day      INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (day, resource)
) STRICT, WITHOUT ROWID;

-- What was read on the newest day of the ledger. The number is the network's own, as 64 bits.
CREATE TABLE billed (
    day      INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    id       INTEGER NOT NULL,
    PRIMARY KEY (day, resource, id)
) STRICT, WITHOUT ROWID;
