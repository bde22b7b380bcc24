//! Addresses of accounts and posts on servers with Mastodon's API, taken apart and checked. Pure.

use url::Url;

use crate::networks::fediverse::address::{Name, server_of};

/// The number of a post on its own server, where its URI ends in it:
/// `https://server/users/user/statuses/123`, and since 4.5 `https://server/ap/users/1/statuses/123`.
/// GoToSocial's are letters and digits.
pub fn status_id(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    match url.path_segments()?.collect::<Vec<_>>().as_slice() {
        ["users", _, "statuses", id] | ["ap", "users", _, "statuses", id] => {
            let fits = (1..=30).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            fits.then(|| (*id).to_owned())
        }
        _ => None,
    }
}

/// The number of a post on the server of this address, which is the post's URI or its page:
/// `https://server/@user/123`, GoToSocial's `/@user/statuses/01J...`, Pleroma's `/notice/A1b`, Pixelfed's
/// `/p/user/123`. A page may show another server's post, under a number of its own.
pub fn shown_status_id(address: &str) -> Option<String> {
    if let Some(id) = status_id(address) {
        return Some(id);
    }
    let url = Url::parse(address).ok()?;
    let id = match url.path_segments()?.collect::<Vec<_>>().as_slice() {
        [user, id] | [user, "statuses", id] if user.starts_with('@') => *id,
        ["notice", id] | ["p", _, id] => *id,
        _ => return None,
    };
    let fits = (1..=30).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then(|| id.to_owned())
}

/// How an account can be asked for of whose actor only the URI is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActorPath {
    /// The URI ends in the name: `https://server/users/user`, `https://server/@user`, Takahe's
    /// `https://server/@user@names.example/`.
    Named(Name),
    /// It ends in the server's own number, which its API takes: Mastodon's since 4.5,
    /// `https://server/ap/users/1`.
    Numbered { host: String, id: String },
    /// Only the server can tell: snac's `https://server/user`, Misskey's `https://server/users/9bq`.
    Opaque { host: String },
}

/// Reads an actor's URI; `None` if it is none that can be asked for.
pub fn actor_path(actor: &str) -> Option<ActorPath> {
    let host = server_of(actor)?;
    let url = Url::parse(actor).ok()?;
    let mut segments: Vec<&str> = url.path_segments()?.collect();
    if segments.last().is_some_and(|last| last.is_empty()) {
        segments.pop();
    }
    let user = match segments.as_slice() {
        ["ap", "users", id] if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Some(ActorPath::Numbered { host, id: (*id).to_owned() });
        }
        ["users", user] => Some(*user),
        [user] => user.strip_prefix('@').and_then(|user| user.split('@').next()),
        _ => None,
    };
    let name = user.and_then(|user| Name::parse(&format!("{user}@{host}")));
    Some(name.map_or(ActorPath::Opaque { host }, ActorPath::Named))
}

/// The name that an actor's URI ends in, if it does.
pub fn name_of_actor(actor: &str) -> Option<Name> {
    match actor_path(actor)? {
        ActorPath::Named(name) => Some(name),
        ActorPath::Numbered { .. } | ActorPath::Opaque { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_and_their_servers() {
        let check = |uri, host: Option<&str>, id: Option<&str>| {
            assert_eq!((server_of(uri).as_deref(), status_id(uri).as_deref()), (host, id), "{uri}");
        };
        check("https://a.example/users/jane/statuses/109", Some("a.example"), Some("109"));
        check("https://a.example/ap/users/117/statuses/109", Some("a.example"), Some("109"));
        check(
            "https://a.example/users/jane/statuses/01JXQ3C2Z7K0ZV7S1YB4T3ZQ8M",
            Some("a.example"),
            Some("01JXQ3C2Z7K0ZV7S1YB4T3ZQ8M"),
        );
        check("https://a.example/objects/5f2b", Some("a.example"), None);
        check("https://a.example/users/jane/statuses/109/activity", Some("a.example"), None);
        check("http://a.example/users/jane/statuses/109", None, Some("109"));
        check("https://a.example:8443/users/jane/statuses/109", None, Some("109"));
        check("nonsense", None, None);
    }

    #[test]
    fn pages_of_posts() {
        let check =
            |page, expect: Option<&str>| assert_eq!(shown_status_id(page).as_deref(), expect, "{page}");
        check("https://a.example/@jane/109", Some("109"));
        check("https://a.example/@jane@b.example/109?x=1#y", Some("109"));
        check("https://a.example/users/jane/statuses/109", Some("109"));
        check(
            "https://a.example/@jane/statuses/01JXQ3C2Z7K0ZV7S1YB4T3ZQ8M",
            Some("01JXQ3C2Z7K0ZV7S1YB4T3ZQ8M"),
        );
        check("https://a.example/notice/AbC1", Some("AbC1"));
        check("https://a.example/p/jane/7", Some("7"));
        for none in [
            "https://a.example/@jane",
            "https://a.example/@jane/media..",
            "https://a.example/jane/109",
            "nonsense",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn actors_tell_how_they_are_asked_for() {
        let check = |uri: &str, expect: Option<ActorPath>| assert_eq!(actor_path(uri), expect, "{uri}");
        let named = |name: &str| Some(ActorPath::Named(Name::parse(name).unwrap()));
        let opaque = Some(ActorPath::Opaque { host: "a.example".into() });
        check("https://a.example/users/Jane", named("jane@a.example"));
        check("https://a.example/@jane", named("jane@a.example"));
        check("https://a.example/@jane@names.example/", named("jane@a.example"));
        check(
            "https://a.example/ap/users/117",
            Some(ActorPath::Numbered { host: "a.example".into(), id: "117".into() }),
        );
        check("https://a.example/jane", opaque.clone());
        check("https://a.example/", opaque.clone());
        check("https://a.example/ap/users/../x", opaque);
        check("http://a.example/users/jane", None);
        check("https://127.0.0.1/users/jane", None);
        check("nonsense", None);
    }
}
