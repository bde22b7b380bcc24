-- The original's databases, and so what was imported from them, have no dates of posts. An id of X holds its
-- own, in milliseconds, since November 2010 (domain/posts.rs, snowflake_time). One of a time to come is no date.
UPDATE posts SET published = (CAST(native AS INTEGER) >> 22) + 1288834974657
WHERE network = 1 AND published IS NULL AND length(native) BETWEEN 14 AND 19 AND native NOT GLOB '*[^0-9]*'
    AND CAST(native AS INTEGER) >= 30000000000000
    AND (CAST(native AS INTEGER) >> 22) + 1288834974657 <= CAST(strftime('%s', 'now') AS INTEGER) * 1000;
