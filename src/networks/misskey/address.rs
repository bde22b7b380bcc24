//! The stable ids of accounts and notes, made and taken apart. Pure.

use url::Url;

use crate::networks::fediverse::address::server_of;

/// An account or a note, by its server and the id that it has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    pub host: String,
    pub id: String,
}

impl Own {
    pub fn user(&self) -> String {
        format!("https://{}/users/{}", self.host, self.id)
    }

    pub fn note(&self) -> String {
        format!("https://{}/notes/{}", self.host, self.id)
    }
}

/// The account of an actor's URI.
pub fn user(uri: &str) -> Option<Own> {
    of(uri, "users")
}

/// The note of a URI, which is also its page.
pub fn note(uri: &str) -> Option<Own> {
    of(uri, "notes")
}

fn of(uri: &str, folder: &str) -> Option<Own> {
    let host = server_of(uri)?;
    let url = Url::parse(uri).ok()?;
    let [parent, id]: [&str; 2] = url.path_segments()?.collect::<Vec<_>>().try_into().ok()?;
    (parent == folder && is_id(id)).then(|| Own { host, id: id.to_owned() })
}

/// aid, aidx, ulid, objectid and meid: letters and digits, of 10 to 26 characters. What forks make of it is
/// no longer than twice that.
pub fn is_id(id: &str) -> bool {
    (1..=52).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_a_server() {
        let check = |found: Option<Own>, expect: Option<(&str, &str)>| {
            assert_eq!(found.as_ref().map(|own| (own.host.as_str(), own.id.as_str())), expect);
        };
        check(user("https://misskey.example/users/9bpemdns40"), Some(("misskey.example", "9bpemdns40")));
        check(note("https://misskey.example/notes/9bxaf592x6?x#y"), Some(("misskey.example", "9bxaf592x6")));
        for uri in [
            "https://misskey.example/@ann",
            "https://misskey.example/users/a/b",
            "https://misskey.example/users/..",
            "http://misskey.example/users/9bpemdns40",
            "https://10.0.0.1/users/9bpemdns40",
            "nonsense",
        ] {
            check(user(uri), None);
            check(note(uri), None);
        }
        let own = user("https://misskey.example/users/9bpemdns40").unwrap();
        assert_eq!(user(&own.user()), Some(own));
    }
}
