//! What servers send, as far as it is read. All but the ids may be missing: forks leave out what they do not
//! know, and what is of another type than Misskey's counts as missing.

use serde::Deserialize;
use serde_json::Value;

use crate::base::Timestamp;
use crate::networks::asking::lenient;

#[derive(Debug, Deserialize)]
pub struct User {
    pub id: String,
    pub username: String,
    /// The home server of an account of another one.
    #[serde(default, deserialize_with = "lenient")]
    pub host: Option<String>,
    #[serde(default, rename = "notesCount", deserialize_with = "lenient")]
    pub notes_count: Option<u64>,
    #[serde(default, rename = "isSuspended", deserialize_with = "lenient")]
    pub is_suspended: Option<bool>,
    /// The actor of the account that follows it; `@user@server` in old versions.
    #[serde(default, rename = "movedTo", deserialize_with = "lenient")]
    pub moved_to: Option<String>,
    /// Its notes are shown to those who are logged in.
    #[serde(default, rename = "requireSigninToViewContents", deserialize_with = "lenient")]
    pub wants_signin: Option<bool>,
    #[serde(default, rename = "makeNotesHiddenBefore", deserialize_with = "lenient")]
    hidden_before: Option<i64>,
    #[serde(default, rename = "makeNotesFollowersOnlyBefore", deserialize_with = "lenient")]
    for_followers_before: Option<i64>,
}

impl User {
    /// The home server, where it is another.
    pub fn other_host(&self) -> Option<&str> {
        self.host.as_deref().filter(|host| !host.is_empty())
    }

    /// Notes of before this moment are not for everybody, as their author wishes it now. A wish is a moment
    /// in Unix seconds or, below 1, so many seconds before now.
    pub fn shown_from(&self, now: Timestamp) -> Option<Timestamp> {
        let moment = |wish: i64| match wish {
            1.. => Timestamp(wish.saturating_mul(1000)),
            _ => Timestamp(now.0.saturating_add(wish.saturating_mul(1000))),
        };
        self.hidden_before.into_iter().chain(self.for_followers_before).map(moment).max()
    }
}

/// A note; another's, where it repeats one, is not read.
#[derive(Debug, Deserialize)]
pub struct Note {
    pub id: String,
    #[serde(default, rename = "createdAt", deserialize_with = "lenient")]
    pub created_at: Option<String>,
    #[serde(rename = "userId")]
    pub user_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub user: Option<User>,
    #[serde(default, deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    cw: Option<String>,
    #[serde(default)]
    poll: Option<Value>,
    #[serde(default, rename = "renoteId", deserialize_with = "lenient")]
    renote_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    files: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "lenient")]
    visibility: Option<String>,
    /// Of a note of another server: where it is at home.
    #[serde(default, deserialize_with = "lenient")]
    pub uri: Option<String>,
    /// It is not shown to visitors, and came without its text and files.
    #[serde(default, rename = "isHidden", deserialize_with = "lenient")]
    is_hidden: Option<bool>,
    #[serde(default, rename = "deletedAt", deserialize_with = "lenient")]
    deleted_at: Option<String>,
}

impl Note {
    /// It repeats another note, and says nothing of its own. A quote does.
    pub fn is_renote(&self) -> bool {
        let is_empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        self.renote_id.is_some()
            && is_empty(&self.text)
            && is_empty(&self.cw)
            && self.files().is_empty()
            && self.poll.as_ref().is_none_or(Value::is_null)
    }

    /// In the order of the note.
    pub fn files(&self) -> &[Value] {
        self.files.as_deref().unwrap_or_default()
    }

    /// It is for everybody.
    pub fn is_public(&self) -> bool {
        let is_hidden = self.is_hidden == Some(true) || self.deleted_at.is_some();
        !is_hidden && matches!(self.visibility.as_deref(), None | Some("public" | "home"))
    }
}

/// A file of a note. The address is that of the form for the web where the server made one: the original
/// cannot be had then, whose size and hash it states nevertheless.
#[derive(Debug, Deserialize)]
pub struct File {
    #[serde(default, deserialize_with = "lenient")]
    r#type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub url: Option<String>,
    #[serde(default, rename = "thumbnailUrl", deserialize_with = "lenient")]
    pub thumbnail_url: Option<String>,
}

impl File {
    pub fn is_picture(&self) -> bool {
        self.r#type.as_deref().is_some_and(|kind| kind.to_ascii_lowercase().starts_with("image/"))
    }
}

/// A refusal of the API.
#[derive(Debug, Deserialize)]
pub struct Problem {
    pub error: Reason,
}

#[derive(Debug, Deserialize)]
pub struct Reason {
    pub code: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn old_notes_are_shown_as_their_author_wishes() {
        let now = Timestamp(1_000_000_000);
        let check = |wishes: Value, expect: Option<i64>| {
            let mut user = json!({"id": "9bq", "username": "ann"});
            user.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
            let user: User = serde_json::from_value(user).unwrap();
            assert_eq!(user.shown_from(now), expect.map(Timestamp), "{wishes}");
        };
        check(json!({}), None);
        check(json!({"makeNotesHiddenBefore": null, "makeNotesFollowersOnlyBefore": "x"}), None);
        check(json!({"makeNotesHiddenBefore": 5000}), Some(5_000_000));
        check(json!({"makeNotesHiddenBefore": -1000}), Some(999_000_000));
        check(json!({"makeNotesHiddenBefore": 0}), Some(1_000_000_000));
        check(json!({"makeNotesHiddenBefore": 5000, "makeNotesFollowersOnlyBefore": 6000}), Some(6_000_000));
        check(json!({"makeNotesHiddenBefore": i64::MIN}), Some(i64::MIN + now.0));
    }

    #[test]
    fn what_says_nothing_of_its_own_is_a_renote() {
        let check = |fields: Value, is_renote: bool| {
            let mut note = json!({"id": "9n", "userId": "9bq"});
            note.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            let note: Note = serde_json::from_value(note).unwrap();
            assert_eq!(note.is_renote(), is_renote, "{fields}");
        };
        check(json!({}), false);
        check(json!({"renoteId": "9m", "text": null, "cw": null, "files": [], "poll": null}), true);
        check(json!({"renoteId": "9m"}), true);
        check(json!({"renoteId": "9m", "text": "mine"}), false);
        check(json!({"renoteId": "9m", "files": [{}]}), false);
        check(json!({"renoteId": "9m", "poll": {}}), false);
    }
}
