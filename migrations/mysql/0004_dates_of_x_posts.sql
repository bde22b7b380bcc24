-- The original's databases, and so what was imported from them, have no dates of posts. An id of X holds its
-- own, in milliseconds, since November 2010 (domain/posts.rs, snowflake_time). One of a time to come is no date.
UPDATE posts SET published = (CAST(native AS UNSIGNED) >> 22) + 1288834974657
WHERE network = 1 AND published IS NULL AND native REGEXP '^[0-9]{14,19}$'
    AND CAST(native AS UNSIGNED) >= 30000000000000
    AND (CAST(native AS UNSIGNED) >> 22) + 1288834974657 <= UNIX_TIMESTAMP() * 1000;
