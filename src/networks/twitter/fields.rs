//! The parameter that selects what a post's answer holds. X has two names for it, and does not say for how
//! long it heeds the older one.

use std::sync::{Arc, Mutex, PoisonError};

/// One of the two names, with what is asked by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldsName {
    /// Since 2026. The author, the references and the versions are expansions only, which are paid for; they
    /// tell nothing that the query does not ensure already.
    Post,
    Tweet,
}

impl FieldsName {
    /// As the settings have it.
    pub fn of_setting(text: &str) -> FieldsName {
        if text == "tweet.fields" { FieldsName::Tweet } else { FieldsName::Post }
    }

    pub fn parameter(self) -> &'static str {
        match self {
            FieldsName::Post => "post.fields",
            FieldsName::Tweet => "tweet.fields",
        }
    }

    /// What to ask of a post.
    pub fn fields(self) -> &'static str {
        match self {
            FieldsName::Post => "attachments,created_at,entities,id",
            FieldsName::Tweet => {
                "attachments,author_id,created_at,edit_history_tweet_ids,entities,id,referenced_tweets"
            }
        }
    }

    pub fn other(self) -> FieldsName {
        match self {
            FieldsName::Post => FieldsName::Tweet,
            FieldsName::Tweet => FieldsName::Post,
        }
    }
}

/// The name that is heeded, as far as is known. Clones share it.
#[derive(Clone)]
pub struct NameInUse(Arc<Mutex<FieldsName>>);

impl NameInUse {
    pub fn new(setting: &str) -> NameInUse {
        NameInUse(Arc::new(Mutex::new(FieldsName::of_setting(setting))))
    }

    pub fn get(&self) -> FieldsName {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, name: FieldsName) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_names_the_one_to_begin_with() {
        assert_eq!(NameInUse::new("tweet.fields").get(), FieldsName::Tweet);
        assert_eq!(NameInUse::new("post.fields").get(), FieldsName::Post);
    }
}
