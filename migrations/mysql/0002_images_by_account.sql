-- An account's fingerprints without the index of fingerprints: searches over accounts use them while
-- that is made anew.
--
-- MySQL commits it by itself and knows no CREATE INDEX IF NOT EXISTS: so that it can be repeated, what is run is
-- chosen by whether the index is there.
SET @make = IF(
    (SELECT COUNT(*) FROM information_schema.statistics
     WHERE table_schema = DATABASE() AND table_name = 'images' AND index_name = 'images_by_account') = 0,
    'CREATE INDEX images_by_account ON images (account)',
    'DO 0');
PREPARE make FROM @make;
EXECUTE make;
DEALLOCATE PREPARE make;
