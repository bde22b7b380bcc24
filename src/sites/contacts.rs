//! What members type into the fields that a site labels with the names of other sites. Shared by the sites
//! that have such fields.

/// Where a name on a site stands, by the label in lower case; `%` is the name. Twitter, Bluesky, Pixiv,
/// Tumblr and websites have rules of their own.
const PAGES: &[(&str, &str)] = &[
    ("deviantart", "https://www.deviantart.com/%"),
    ("fur affinity", "https://www.furaffinity.net/user/%/"),
    ("inkbunny", "https://inkbunny.net/%"),
    ("itaku", "https://itaku.ee/profile/%"),
    ("ko-fi", "https://ko-fi.com/%"),
    ("patreon", "https://www.patreon.com/%"),
    ("picarto", "https://picarto.tv/%"),
    ("piczel", "https://piczel.tv/watch/%"),
    ("sofurry", "https://%.sofurry.com/"),
    ("twitch", "https://www.twitch.tv/%"),
    ("weasyl", "https://www.weasyl.com/~%"),
    ("youtube", "https://www.youtube.com/user/%"),
];

/// The URL that was typed, or that of the page which the label and a typed name mean. `None` where they mean
/// none.
pub(super) fn typed_url(label: &str, value: &str) -> Option<String> {
    let value = value.trim();
    if value.contains("://") {
        return Some(value.to_owned());
    }
    if value.contains('.') && value.contains('/') && !value.contains(char::is_whitespace) {
        return Some(format!("https://{value}"));
    }
    let label = label.trim_end_matches(':').to_lowercase();
    let typed = value.trim_matches(|c: char| c == '@' || c.is_whitespace());
    let is_name = !typed.is_empty()
        && typed.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '~'));
    match label.as_str() {
        _ if !is_name => None,
        "twitter" | "x" | "x (twitter)" | "twitter/x" => {
            // What cannot be a handle there is a name for people.
            let is_handle =
                typed.len() <= 15 && typed.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            is_handle.then(|| format!("https://twitter.com/{typed}"))
        }
        "bluesky" if typed.contains('.') => Some(format!("https://bsky.app/profile/{typed}")),
        "bluesky" => Some(format!("https://bsky.app/profile/{typed}.bsky.social")),
        "website" if typed.contains('.') => Some(format!("https://{typed}")),
        "pixiv" if typed.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(format!("https://www.pixiv.net/users/{typed}"))
        }
        "tumblr" => Some(format!("https://{}.tumblr.com/", typed.trim_end_matches(".tumblr.com"))),
        label => {
            let (_, page) = PAGES.iter().find(|(name, _)| *name == label)?;
            Some(page.replace('%', typed))
        }
    }
}
