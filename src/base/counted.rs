//! A number of things in English: `1 post`, `2 posts`, `0 matches`, `3 queries`.

use std::fmt::Display;

/// The number, and the noun as it goes with it. `noun` is the singular of a regular one; the last of several
/// words changes.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) {
        return format!("{number} {noun}");
    }
    let before_y = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match before_y {
        Some(stem) => format!("{number} {stem}ies"),
        None if noun.ends_with(['s', 'x']) || noun.ends_with("ch") => format!("{number} {noun}es"),
        None => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let check = |number: u64, noun, expect| assert_eq!(counted(number, noun), expect);
        check(0, "post", "0 posts");
        check(1, "post", "1 post");
        check(2, "new post", "2 new posts");
        check(1, "query", "1 query");
        check(3, "query", "3 queries");
        check(4, "day", "4 days");
        check(5, "match", "5 matches");
        check(6, "address", "6 addresses");
        assert_eq!(counted(7_usize, "retry"), "7 retries");
    }
}
