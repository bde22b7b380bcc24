-- How many media items X said the account had after it was last searched whole, and how many the search had found:
-- equal numbers say that nothing is missing.
ALTER TABLE accounts ADD COLUMN stated_media BIGINT;
ALTER TABLE accounts ADD COLUMN found_media BIGINT;
