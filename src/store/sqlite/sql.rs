//! The statements that run per post, per image or per question, by name, so that a test can look at
//! each one's plan.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $sql;)*
        /// All of them, with their names.
        #[cfg(test)]
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

/// For `aotf db verify`: reads every image.
pub const WRONG_FINGERPRINTS: &str =
    "SELECT count(*) FROM images WHERE length(fingerprint) <> 8 OR length(trimmed) <> 8";
/// For `aotf db verify`: reads every detail.
pub const WRONG_DETAILS: &str =
    "SELECT count(*) FROM details WHERE length(phash256) <> 32 OR length(thumbnail) <> 192";

statements! {
    FIND_ACCOUNT = "SELECT no, stated_posts FROM accounts WHERE network = ?1 AND native = ?2";
    INSERT_ACCOUNT =
        "INSERT INTO accounts (network, native, known_since, stated_posts, visited_at, turn)
         VALUES (?1, ?2, ?3, ?4, ?3, ?5)";
    UPDATE_STATED_POSTS = "UPDATE accounts SET stated_posts = ?2 WHERE no = ?1";
    /// Whoever was seen last with a handle; at the same moment, preferably the one that asks.
    FIND_OWNER =
        "SELECT account, last_seen FROM handles WHERE network = ?1 AND handle = ?2
         ORDER BY last_seen DESC, account = ?3 DESC LIMIT 1";
    UPSERT_HANDLE =
        "INSERT INTO handles (network, handle, account, first_seen, last_seen) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (network, handle, account) DO UPDATE SET last_seen = max(last_seen, excluded.last_seen)";
    ACCOUNT_KEY = "SELECT network, native FROM accounts WHERE no = ?1";
    ACCOUNT_STATE =
        "SELECT search_cursor, timeline_cursor, search_listed_at, timeline_listed_at
         FROM accounts WHERE network = ?1 AND native = ?2";
    ACCOUNT_RECORD =
        "SELECT no, known_since, stated_posts, search_coverage, timeline_coverage, newest_seen, oldest_seen,
            posts_read, uses, last_used_at, search_cursor, timeline_cursor, search_listed_at, timeline_listed_at
         FROM accounts WHERE network = ?1 AND native = ?2";
    HANDLES_OF_ACCOUNT =
        "SELECT handle, first_seen, last_seen FROM handles WHERE account = ?1 ORDER BY last_seen DESC, handle";
    OWNERS_OF_HANDLE =
        "SELECT a.network, a.native FROM handles h JOIN accounts a ON a.no = h.account
         WHERE h.network = ?1 AND h.handle = ?2 ORDER BY h.last_seen DESC, a.no DESC";
    LISTING_STATE =
        "SELECT search_cursor IS NOT NULL, timeline_cursor IS NOT NULL, search_coverage, timeline_coverage
         FROM accounts WHERE no = ?1";
    STORE_SEARCH_END =
        "UPDATE accounts SET search_cursor = ?2, search_listed_at = ?3, search_coverage = ?4,
            search_reset_at = coalesce(search_reset_at, ?3), visited_at = ?3,
            newest_seen = max(coalesce(newest_seen, ?5), coalesce(?5, newest_seen)),
            oldest_seen = min(coalesce(oldest_seen, ?6), coalesce(?6, oldest_seen)),
            posts_read = posts_read + ?7
         WHERE no = ?1";
    STORE_TIMELINE_END =
        "UPDATE accounts SET timeline_cursor = ?2, timeline_listed_at = ?3, timeline_coverage = ?4,
            visited_at = ?3,
            newest_seen = max(coalesce(newest_seen, ?5), coalesce(?5, newest_seen)),
            oldest_seen = min(coalesce(oldest_seen, ?6), coalesce(?6, oldest_seen)),
            posts_read = posts_read + ?7
         WHERE no = ?1";
    COUNT_USE =
        "UPDATE accounts SET uses = uses + 1, last_used_at = ?3 WHERE network = ?1 AND native = ?2";
    FORGET_SEARCH_CURSOR =
        "UPDATE accounts SET search_cursor = NULL, search_coverage = NULL, search_reset_at = ?3
         WHERE network = ?1 AND native = ?2";
    UPDATES_DUE_BY_TURN =
        "SELECT no, visited_at FROM accounts WHERE turn BETWEEN ?1 AND ?2 AND visited_at < ?3
         ORDER BY visited_at, no LIMIT ?4";
    UPDATES_DUE =
        "SELECT no, visited_at FROM accounts WHERE visited_at < ?1 ORDER BY visited_at, no LIMIT ?2";
    RESETS_DUE_BY_TURN =
        "SELECT no, search_reset_at FROM accounts
         WHERE turn BETWEEN ?1 AND ?2 AND search_reset_at < ?3 AND search_cursor IS NOT NULL
         ORDER BY search_reset_at, no LIMIT ?4";
    RESETS_DUE =
        "SELECT no, search_reset_at FROM accounts WHERE search_reset_at < ?1 AND search_cursor IS NOT NULL
         ORDER BY search_reset_at, no LIMIT ?2";
    /// What a clock that was ahead has written.
    VISITED_IN_THE_FUTURE = "UPDATE accounts SET visited_at = ?1 WHERE visited_at > ?1";
    DUE_TOO_LATE = "UPDATE retries SET next_due = ?1 WHERE next_due > ?2";
    MARK_VISITED = "UPDATE accounts SET visited_at = ?2 WHERE no = ?1";
    WHOLE_ACCOUNT =
        "SELECT a.network, a.native, a.stated_posts,
            (SELECT handle FROM handles h WHERE h.account = a.no ORDER BY h.last_seen DESC LIMIT 1),
            a.search_cursor, a.timeline_cursor, a.search_listed_at, a.timeline_listed_at
         FROM accounts a WHERE a.no = ?1";

    FIND_POST = "SELECT no, account FROM posts WHERE network = ?1 AND native = ?2";
    INSERT_POST =
        "INSERT INTO posts (network, native, account, published, stored_at, image_count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    INSERT_IMAGE =
        "INSERT INTO images (post, account, position, name, width, height, fingerprint, solid_ground, trimmed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    INSERT_DETAIL = "INSERT INTO details (image, phash256, thumbnail) VALUES (?1, ?2, ?3)";
    IMAGES_OF_POST =
        "SELECT id, position, name, fingerprint FROM images WHERE post = ?1 ORDER BY position";
    DELETE_IMAGE = "DELETE FROM images WHERE id = ?1";
    IMAGE_RECORD =
        "SELECT p.network, p.native, a.native, i.position, p.image_count, i.name, p.published,
            d.phash256, d.thumbnail, i.trimmed
         FROM images i JOIN posts p ON p.no = i.post JOIN accounts a ON a.no = i.account
            LEFT JOIN details d ON d.image = i.id
         WHERE i.id = ?1";
    FINGERPRINTS_AFTER =
        "SELECT id, account, fingerprint, trimmed FROM images WHERE id > ?1 AND solid_ground = 1 ORDER BY id LIMIT ?2";
    FINGERPRINTS_OF_ACCOUNT =
        "SELECT id, account, fingerprint, trimmed FROM images
         WHERE account = ?1 AND id > ?2 AND solid_ground = 1 ORDER BY id LIMIT ?3";

    BARE_IMAGES =
        "SELECT i.id, a.network, a.native, i.name FROM images i JOIN accounts a ON a.no = i.account
         WHERE i.id > ?1 AND i.solid_ground = 1
            AND NOT EXISTS (SELECT 1 FROM details d WHERE d.image = i.id)
            AND NOT EXISTS (SELECT 1 FROM unavailable u WHERE u.image = i.id)
         ORDER BY i.id LIMIT ?2";
    BARE_IMAGE =
        "SELECT post, account, position, name, fingerprint FROM images
         WHERE id = ?1 AND solid_ground = 1 AND NOT EXISTS (SELECT 1 FROM details WHERE image = images.id)";
    SET_SIZE = "UPDATE images SET width = ?2, height = ?3 WHERE id = ?1";
    MARK_UNAVAILABLE = "INSERT OR IGNORE INTO unavailable (image, since) VALUES (?1, ?2)";

    FIND_RETRY = "SELECT next_due FROM retries WHERE post = ?1";
    INSERT_RETRY = "INSERT INTO retries (post, attempts, last_tried, next_due) VALUES (?1, 1, ?2, ?3)";
    TOUCH_RETRY = "UPDATE retries SET last_tried = ?2 WHERE post = ?1";
    DELETE_RETRY =
        "DELETE FROM retries WHERE post = ?1
         AND NOT EXISTS (SELECT 1 FROM retry_images WHERE retry_images.post = retries.post)";
    INSERT_RETRY_IMAGE = "INSERT INTO retry_images (post, position, url, why) VALUES (?1, ?2, ?3, ?4)";
    UPDATE_RETRY_IMAGE = "UPDATE retry_images SET url = ?3, why = ?4 WHERE post = ?1 AND position = ?2";
    DELETE_RETRY_IMAGE = "DELETE FROM retry_images WHERE post = ?1 AND position = ?2";
    RETRIES_DUE =
        "SELECT r.post, r.attempts, p.network, p.native, p.published, a.network, a.native
         FROM retries r JOIN posts p ON p.no = r.post JOIN accounts a ON a.no = p.account
         WHERE r.next_due <= ?1 ORDER BY r.next_due, r.post LIMIT ?2";
    RETRY_IMAGES =
        "SELECT i.name, r.url FROM retry_images r JOIN images i ON i.post = r.post AND i.position = r.position
         WHERE r.post = ?1 ORDER BY r.position";
    HAND_OUT_RETRY = "UPDATE retries SET attempts = ?2, last_tried = ?3, next_due = ?4 WHERE post = ?1";

    /// The cursor of whoever listed last is the one that goes further.
    IMPORT_SEARCH =
        "UPDATE accounts SET search_cursor = ?2, search_listed_at = ?3, search_coverage = NULL,
            search_reset_at = coalesce(?4, search_reset_at, ?3), visited_at = ?5
         WHERE no = ?1 AND (search_listed_at IS NULL OR search_listed_at < ?3)";
    IMPORT_TIMELINE =
        "UPDATE accounts SET timeline_cursor = ?2, timeline_listed_at = ?3, timeline_coverage = NULL,
            visited_at = ?4
         WHERE no = ?1 AND (timeline_listed_at IS NULL OR timeline_listed_at < ?3)";
    IMPORT_USES =
        "UPDATE accounts SET uses = max(uses, ?2),
            last_used_at = max(coalesce(last_used_at, ?3), coalesce(?3, last_used_at))
         WHERE no = ?1";
    IMPORT_RETRY = "INSERT INTO retries (post, attempts, last_tried, next_due) VALUES (?1, ?2, ?3, ?4)";

    SUMMARY = "SELECT accounts, posts, images, retries FROM summary WHERE only_row = 1";
    STORE_SUMMARY = "UPDATE summary SET accounts = ?1, posts = ?2, images = ?3, retries = ?4 WHERE only_row = 1";
    IDENTITY = "SELECT identity FROM summary WHERE only_row = 1";
}

/// The highest number ever given to an image. SQLite's own table of a handful of rows, without index.
pub const LAST_IMAGE: &str = "SELECT seq FROM sqlite_sequence WHERE name = 'images'";
