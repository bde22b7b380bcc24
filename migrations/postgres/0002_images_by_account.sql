-- An account's fingerprints without the index of fingerprints: searches over accounts use them while
-- that is made anew.
CREATE INDEX images_by_account ON images (account);
