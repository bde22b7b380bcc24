//! The statements that run per post, per image or per question, the same for every engine. `?` is a
//! parameter, `@` a list of them.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $sql;)*
        /// All of them, with their names, so that a test can look at each one's plan.
        #[cfg(test)]
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

statements! {
    ACCOUNTS_BY_KEY =
        "SELECT no, network, native, known_since, stated_posts, search_cursor, search_listed_at,
            search_coverage, search_reset_at, timeline_cursor, timeline_listed_at, timeline_coverage,
            newest_seen, oldest_seen, posts_read, visited_at, last_used_at, uses, windows,
            stated_media, found_media
         FROM accounts WHERE network = ? AND native IN (@)";
    ACCOUNT_KEYS = "SELECT no, network, native FROM accounts WHERE no IN (@)";
    UPDATES_DUE =
        "SELECT network, native, visited_at, no FROM accounts WHERE visited_at < ?
            AND (search_listed_at IS NOT NULL OR timeline_listed_at IS NOT NULL)
         ORDER BY visited_at, no LIMIT ?";
    UPDATES_DUE_BY_TURN =
        "SELECT network, native, visited_at, no FROM accounts
         WHERE turn BETWEEN ? AND ? AND visited_at < ?
            AND (search_listed_at IS NOT NULL OR timeline_listed_at IS NOT NULL) ORDER BY visited_at, no LIMIT ?";
    RESETS_DUE =
        "SELECT network, native, search_reset_at, no FROM accounts
         WHERE search_reset_at < ? AND search_cursor IS NOT NULL ORDER BY search_reset_at, no LIMIT ?";
    RESETS_DUE_BY_TURN =
        "SELECT network, native, search_reset_at, no FROM accounts
         WHERE turn BETWEEN ? AND ? AND search_reset_at < ? AND search_cursor IS NOT NULL
         ORDER BY search_reset_at, no LIMIT ?";

    HANDLES =
        "SELECT handle, account, first_seen, last_seen FROM handles WHERE network = ? AND handle IN (@)";
    LATEST_HANDLES =
        "SELECT account, handle FROM handles WHERE account IN (@) ORDER BY account, last_seen, handle";
    HANDLES_OF_ACCOUNT =
        "SELECT handle, first_seen, last_seen FROM handles WHERE account = ? ORDER BY last_seen DESC, handle";
    OWNERS_OF_HANDLE =
        "SELECT a.network, a.native FROM handles h JOIN accounts a ON a.no = h.account
         WHERE h.network = ? AND h.handle = ? ORDER BY h.last_seen DESC, a.no DESC";

    POSTS_BY_KEY = "SELECT no, native, account, image_count FROM posts WHERE network = ? AND native IN (@)";
    POSTS_BY_NO = "SELECT no, network, native, account, image_count FROM posts WHERE no IN (@)";

    IMAGES_OF_POSTS =
        "SELECT post, id, position, name, fingerprint FROM images WHERE post IN (@) ORDER BY post, position";
    COUNTS_OF_IMAGES = "SELECT post, count(*) FROM images WHERE post IN (@) GROUP BY post";
    IMAGE_RECORDS =
        "SELECT i.id, p.network, p.native, a.native, i.position, p.image_count, i.name, p.published,
            d.phash256, d.thumbnail, i.trimmed,
            (SELECT h.handle FROM handles h WHERE h.account = i.account
             ORDER BY h.last_seen DESC, h.handle LIMIT 1)
         FROM images i JOIN posts p ON p.no = i.post JOIN accounts a ON a.no = i.account
            LEFT JOIN details d ON d.image = i.id
         WHERE i.id IN (@)";
    FINGERPRINTS_AFTER =
        "SELECT id, account, fingerprint, trimmed FROM images
         WHERE id > ? AND solid_ground = 1 ORDER BY id LIMIT ?";
    FINGERPRINTS_OF_ACCOUNT =
        "SELECT id, account, fingerprint, trimmed FROM images
         WHERE account = ? AND id > ? AND solid_ground = 1 ORDER BY id LIMIT ?";
    /// Each image has a post: the outer join only keeps a server from beginning with the posts.
    STORED_POSTS =
        "SELECT i.id, p.native, p.published FROM images i LEFT JOIN posts p ON p.no = i.post
         WHERE i.account = ? AND i.id > ? ORDER BY i.id LIMIT ?";
    /// Each image has an account: the outer join only keeps a server from beginning with the accounts, and
    /// sorting.
    BARE_IMAGES =
        "SELECT i.id, a.network, a.native, i.name
         FROM images i LEFT JOIN accounts a ON a.no = i.account
            LEFT JOIN details d ON d.image = i.id LEFT JOIN unavailable u ON u.image = i.id
         WHERE i.id > ? AND i.solid_ground = 1 AND d.image IS NULL AND u.image IS NULL
         ORDER BY i.id LIMIT ?";
    BARE =
        "SELECT id, post, account, position, name, fingerprint FROM images
         WHERE id IN (@) AND solid_ground = 1
            AND NOT EXISTS (SELECT 1 FROM details WHERE details.image = images.id)";

    /// Images without features are among the rows, and the outer join only keeps a server from beginning with
    /// the features of everybody.
    PARTS_OF_ACCOUNT =
        "SELECT i.id, i.fingerprint, i.trimmed, p.features
         FROM images i LEFT JOIN parts p ON p.image = i.id
         WHERE i.account = ? AND i.id > ? AND i.solid_ground = 1 ORDER BY i.id LIMIT ?";
    /// Each has an image: the outer join only keeps a server from beginning with the images, and sorting.
    PARTS_AFTER =
        "SELECT p.image, i.account, coalesce(i.solid_ground, 0), p.features
         FROM parts p LEFT JOIN images i ON i.id = p.image
         WHERE p.image > ? ORDER BY p.image LIMIT ?";
    PARTS_OF_IMAGES = "SELECT image, features FROM parts WHERE image IN (@)";

    ACCOUNTS_AFTER = "SELECT no FROM accounts WHERE no > ? ORDER BY no LIMIT ?";
    /// An account's newest images, and which of them have features; the outer join only keeps a server from
    /// beginning with the features of everybody.
    NEWEST_IMAGES =
        "SELECT i.id, p.image FROM images i LEFT JOIN parts p ON p.image = i.id
         WHERE i.account = ? ORDER BY i.id DESC LIMIT ?";
    FURNITURE = "SELECT made_at, features FROM furniture WHERE only_row = 1";
    /// How many there are, and what they take; in some groups.
    SIZES_OF_PARTS =
        "SELECT count(*), count(*) * length(features) FROM parts WHERE image IN (@)
         GROUP BY length(features)";
    /// Features of another version count as none. Each image has an account: the outer join only keeps a
    /// server from beginning with the accounts, and the `coalesce` from beginning with the details.
    IMAGES_WITHOUT_PARTS =
        "SELECT i.id, a.network, a.native, i.name
         FROM images i LEFT JOIN accounts a ON a.no = i.account
            LEFT JOIN details d ON d.image = i.id LEFT JOIN unavailable u ON u.image = i.id
            LEFT JOIN parts p ON p.image = i.id
         WHERE i.id > ? AND i.solid_ground = 1 AND coalesce(d.image, 0) > 0 AND u.image IS NULL
            AND (p.image IS NULL OR substr(p.features, 1, 1) <> ?)
         ORDER BY i.id LIMIT ?";
    WITHOUT_PARTS =
        "SELECT i.id, i.fingerprint FROM images i LEFT JOIN parts p ON p.image = i.id
         WHERE (p.image IS NULL OR substr(p.features, 1, 1) <> ?) AND i.id IN (@) AND i.solid_ground = 1";

    RETRIES_OF_POSTS = "SELECT post, attempts, last_tried, next_due FROM retries WHERE post IN (@)";
    RETRY_IMAGES = "SELECT post, position, url, why FROM retry_images WHERE post IN (@)";
    RETRIES_DUE =
        "SELECT r.post, p.published, a.network, a.native
         FROM retries r JOIN posts p ON p.no = r.post JOIN accounts a ON a.no = p.account
         WHERE r.next_due <= ? ORDER BY r.next_due, r.post LIMIT ?";
    FAILED_IMAGES =
        "SELECT r.post, i.name FROM retries r JOIN retry_images f ON f.post = r.post
         JOIN images i ON i.post = f.post AND i.position = f.position
         WHERE r.post IN (@) AND r.next_due IS NOT NULL";

    VERDICTS_BY_ID =
        "SELECT id, kind, network, native, position, handle, page, who, said_at, why
         FROM verdicts WHERE id IN (@)";
    VERDICTS_ON_PAGES =
        "SELECT id, kind, network, native, position, handle, page, who, said_at, why
         FROM verdicts WHERE page IN (@)";
    /// Those that hold for all pages.
    VERDICTS_EVERYWHERE =
        "SELECT id, kind, network, native, position, handle, page, who, said_at, why
         FROM verdicts WHERE network = ? AND native IN (@) AND page = ''";
    /// Accounts of which somebody says, of whatever page, that they are the artist's.
    ARTISTS_SOMEWHERE =
        "SELECT native FROM verdicts WHERE network = ? AND native IN (@) AND kind = 2 GROUP BY native";
    VERDICTS_BEFORE =
        "SELECT id, kind, network, native, position, handle, page, who, said_at, why
         FROM verdicts WHERE said_at <= ? AND (said_at < ? OR id < ?)
         ORDER BY said_at DESC, id DESC LIMIT ?";
    IMAGES_OF_KEYED_POSTS =
        "SELECT p.native, i.position, i.id, i.account, i.fingerprint, i.trimmed
         FROM posts p JOIN images i ON i.post = p.no
         WHERE p.network = ? AND p.native IN (@) AND i.solid_ground = 1";
    /// In no order, and each post as often as it has images: sorting would read all of them for every piece.
    POSTS_WITH_IMAGES_OF_ACCOUNT = "SELECT post FROM images WHERE account = ? LIMIT ?";
    FORGET_VERDICTS_ON_ACCOUNT = "DELETE FROM verdicts WHERE network = ? AND native = ? AND kind <= 2";
    FORGET_VERDICTS_ON_POST = "DELETE FROM verdicts WHERE network = ? AND native = ? AND kind > 2";
    VERDICTS_ON_POSTS =
        "SELECT v.id FROM posts p JOIN verdicts v ON v.network = p.network AND v.native = p.native
         WHERE p.no IN (@) AND v.kind > 2";
    HANDLES_TO_FORGET = "DELETE FROM handles WHERE account = ?";
    IMAGES_TO_REMOVE = "SELECT id FROM images WHERE post IN (@)";

    /// The newest posts of an account that have images. There is no index by their date, which would make
    /// every insertion dearer: all of the account's images are read.
    FEED_POSTS =
        "SELECT DISTINCT p.no, p.native, p.published, p.stored_at, coalesce(p.published, p.stored_at) AS dated
         FROM images i JOIN posts p ON p.no = i.post
         WHERE i.account = ? ORDER BY dated DESC, p.no DESC LIMIT ?";
    FEED_IMAGES =
        "SELECT i.post, i.id, i.position, i.name, i.width, i.height, i.solid_ground, d.phash256, d.thumbnail
         FROM images i LEFT JOIN details d ON d.image = i.id
         WHERE i.post IN (@) ORDER BY i.post, i.position";

    IDENTITY = "SELECT identity FROM summary WHERE only_row = 1";
}

/// Of watches there are few: all are read at the start.
pub const WATCHES: &str =
    "SELECT id, who, subject, began_at, networks, webhook, told, accounts FROM watches ORDER BY began_at, id";
pub const END_WATCH: &str = "DELETE FROM watches WHERE id = ?";

/// What a clock that was ahead has written.
pub const VISITED_IN_THE_FUTURE: &str = "UPDATE accounts SET visited_at = ? WHERE visited_at > ?";
pub const DUE_TOO_LATE: &str = "UPDATE retries SET next_due = ? WHERE next_due > ?";

pub const REMOVE_VERDICT: &str = "DELETE FROM verdicts WHERE id = ?";

/// A post turned out to have more attachments than it was stored with.
pub const RAISE_COUNT: &str = "UPDATE posts SET image_count = ? WHERE no = ?";

/// On a server `summary` also holds the highest numbers.
pub const EXTENT: &str =
    "SELECT accounts, posts, images, retries, parts, part_bytes, last_account, last_post, last_image
     FROM summary WHERE only_row = 1";
pub const STORE_EXTENT: &str = "UPDATE summary SET accounts = ?, posts = ?, images = ?, retries = ?,
        parts = ?, part_bytes = ?, last_account = ?, last_post = ?, last_image = ? WHERE only_row = 1";

/// In SQLite the highest numbers are where AUTOINCREMENT keeps them: in its own table of a handful of rows,
/// without index.
pub const EXTENT_OF_FILE: &str = "SELECT accounts, posts, images, retries, parts, part_bytes,
        (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'accounts'),
        (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'posts'),
        (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'images')
     FROM summary WHERE only_row = 1";
pub const STORE_EXTENT_OF_FILE: &str =
    "UPDATE summary SET accounts = ?, posts = ?, images = ?, retries = ?, parts = ?, part_bytes = ?
     WHERE only_row = 1";
pub const FORGET_SEQUENCES: &str =
    "DELETE FROM sqlite_sequence WHERE name IN ('accounts', 'posts', 'images')";
pub const STORE_SEQUENCES: &str =
    "INSERT INTO sqlite_sequence (name, seq) VALUES ('accounts', ?), ('posts', ?), ('images', ?)";

/// Of an account whose posts with images are removed: there is no index for the few that are left, which
/// would make every insertion dearer.
pub const OTHER_POSTS_OF_ACCOUNT: &str = "SELECT no FROM posts WHERE account = ? LIMIT ?";
/// Likewise, where the engine looks for posts that still refer to it.
pub const FORGET_ACCOUNT: &str = "DELETE FROM accounts WHERE no = ?";
/// Of marks there are few, and of removed images few or none: engines read them all rather than look into an
/// index, which there is for both.
pub const MARKS_AMONG: &str = "SELECT mark FROM tombstones WHERE mark IN (@)";
pub const TOMBSTONE: &str = "SELECT forgotten_at FROM tombstones WHERE mark = ?";
pub const LIFT: &str = "DELETE FROM tombstones WHERE mark = ?";
pub const REMOVAL_BEGUN: &str = "UPDATE tombstones SET removing = ? WHERE mark = ?";
pub const REMOVAL_ENDED: &str = "UPDATE tombstones SET removing = NULL WHERE mark = ?";
pub const TOMBSTONES_AFTER: &str =
    "SELECT mark, kind, network, forgotten_at, note FROM tombstones WHERE mark > ? ORDER BY mark LIMIT ?";
pub const REMOVED_IMAGES: &str = "SELECT image FROM removed_images ORDER BY image LIMIT ?";
pub const REMOVED_FROM_INDEX: &str = "DELETE FROM removed_images WHERE image <= ?";
pub const REMOVALS_LEFT: &str =
    "SELECT a.network, a.native FROM tombstones t JOIN accounts a ON a.no = t.removing
     WHERE t.removing > 0";
pub const ANY_MARK: &str = "SELECT mark FROM tombstones LIMIT 1";
pub const ALL_MARKS: &str = "SELECT mark FROM tombstones";

/// For `aotf db verify`: reads every image and every detail.
pub const WRONG_LENGTHS: &str = "SELECT
        (SELECT COUNT(*) FROM images WHERE LENGTH(fingerprint) <> 8 OR LENGTH(trimmed) <> 8)
      + (SELECT COUNT(*) FROM details WHERE LENGTH(phash256) <> 32 OR LENGTH(thumbnail) <> 192)";
