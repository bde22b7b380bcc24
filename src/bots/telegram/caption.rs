//! The caption of a channel's post with the credit below it. Pure.

use serde_json::Value;

use super::super::links::in_plain_text;
use super::super::reply::utf16_length;

/// The longest caption of Telegram, in UTF-16 code units.
const MAX_CAPTION: usize = 1024;

/// Whether a caption can be sent back as it is: Telegram takes emoji of its own sets from most bots as plain
/// ones, and the author's would be lost.
pub fn can_be_kept(entities: &[Value]) -> bool {
    entities.iter().all(|entity| entity["type"] != "custom_emoji")
}

/// The caption with the credit at its end, so that the places of its entities stay right; `None` where the
/// post gives credit already, or nothing of it fits.
pub fn with_credit(caption: &str, entities: &[Value], credit: &str) -> Option<String> {
    let addresses = in_plain_text(credit);
    let is_named = |address: &String| {
        let stands_in = |text: &str| {
            text.match_indices(address.as_str()).any(|(at, _)| {
                // As a whole, and not as the beginning of another.
                let next = text[at + address.len()..].chars().next();
                next.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '%' | '/')))
            })
        };
        stands_in(caption) || entities.iter().filter_map(|entity| entity["url"].as_str()).any(stands_in)
    };
    if addresses.is_empty() || addresses.iter().all(is_named) {
        return None;
    }
    let room = MAX_CAPTION.checked_sub(utf16_length(caption) + 2)?;
    let mut kept: Vec<&str> = Vec::new();
    let mut units = 0;
    for line in credit.lines() {
        units += utf16_length(line) + usize::from(!kept.is_empty());
        if units > room {
            break;
        }
        kept.push(line);
    }
    // A heading without anything below it says nothing.
    while kept.last().is_some_and(|line| in_plain_text(line).is_empty())
        && kept.len() < credit.lines().count()
    {
        kept.pop();
    }
    (!kept.is_empty()).then(|| format!("{caption}\n\n{}", kept.join("\n")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CREDIT: &str = "Posts:\nhttps://x.com/a/status/1\n\nArtist:\nhttps://x.com/a";

    #[test]
    fn the_credit_stands_below_once() {
        let once = with_credit("🎨 https://pixiv.net/1", &[], CREDIT).unwrap();
        assert_eq!(once, format!("🎨 https://pixiv.net/1\n\n{CREDIT}"));
        assert_eq!(with_credit(&once, &[], CREDIT), None);
        let links = ["https://x.com/a/status/1", "https://x.com/a"];
        let entities = links.map(|url| json!({"type": "text_link", "offset": 0, "length": 1, "url": url}));
        assert_eq!(with_credit("a", &entities, CREDIT), None);
        assert!(
            with_credit("a", &entities[..1], "Artist:\nhttps://x.com/a").is_some(),
            "the beginning of another"
        );
        assert_eq!(with_credit("a", &[], "no address"), None);
        let underscore = "Artist:\nhttps://x.com/ann_";
        let once = with_credit("a", &[], underscore).unwrap();
        assert_eq!(with_credit(&once, &[], underscore), None, "the sign is the name's");
        let own = "Art: a (https://x.com/a), seen at https://x.com/a/status/1.";
        let once = with_credit("a", &[], own).unwrap();
        assert_eq!(once, format!("a\n\n{own}"), "in an operator's own words they stand anywhere");
        assert_eq!(with_credit(&once, &[], own), None);
    }

    #[test]
    fn emoji_of_telegrams_sets_would_be_lost() {
        let entity = |kind: &str| json!({"type": kind, "offset": 0, "length": 2});
        assert!(can_be_kept(&[entity("bold"), entity("url")]));
        assert!(!can_be_kept(&[entity("bold"), entity("custom_emoji")]));
    }

    #[test]
    fn the_limit_is_kept_and_no_heading_stands_alone() {
        let long = |units: usize| "🎨".repeat(units / 2);
        assert_eq!(with_credit(&long(1024), &[], CREDIT), None);
        assert_eq!(with_credit(&long(1010), &[], CREDIT), None, "not one address fits");
        let one = with_credit(&long(1024 - 2 - 31), &[], CREDIT).unwrap();
        assert!(one.ends_with("🎨\n\nPosts:\nhttps://x.com/a/status/1"), "{one}");
        let heading = with_credit(&long(1024 - 2 - 45), &[], CREDIT).unwrap();
        assert!(heading.ends_with("/status/1") && utf16_length(&heading) <= MAX_CAPTION, "{heading}");
    }
}
