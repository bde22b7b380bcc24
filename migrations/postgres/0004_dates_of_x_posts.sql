-- The original's databases, and so what was imported from them, have no dates of posts. An id of X holds its
-- own, in milliseconds, since November 2010 (domain/posts.rs, snowflake_time). One of a time to come is no date.
-- CASE, since the planner may try conditions in any order.
UPDATE posts SET published = (native::bigint >> 22) + 1288834974657
WHERE network = 1 AND published IS NULL AND CASE WHEN native ~ '^[0-9]{14,18}$'
        OR native ~ '^[0-9]{19}$' AND native <= '9223372036854775807' THEN
    native::bigint >= 30000000000000
    AND (native::bigint >> 22) + 1288834974657 <= extract(epoch FROM now()) * 1000
ELSE FALSE END;
