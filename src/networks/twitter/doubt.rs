//! Answers that cannot be right. A name of the fields that X ignores leaves posts without dates and
//! attachments, which must not pass for an account without images: such an answer is asked for once more by
//! the other name.

use serde_json::Value;
use url::Url;

use super::ask::{Question, Said};
use super::client::TwitterClient;
use super::fields::FieldsName;
use super::wire::Answer;
use crate::networks::asking::Entries;
use crate::networks::error::NetworkError;

/// What an answer gives to think about the name that it was asked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    None,
    /// Something is missing that may be missing for another reason.
    Some,
    /// Nothing that was asked for is there, or the name itself is refused.
    Certain,
}

impl TwitterClient {
    /// Asks for posts by the name that X heeds. `question` makes the question by a name. `expects_media` is
    /// true while posts without attachments are a reason for doubt, which is pursued once.
    pub(super) fn ask_for_posts<'a>(
        &self,
        question: &dyn Fn(FieldsName) -> Result<Question<'a>, NetworkError>,
        expects_media: &mut bool,
        hidden_from: &mut Vec<usize>,
    ) -> Result<(Said, Url), NetworkError> {
        let name = self.fields_name.get();
        let asked = question(name)?;
        let said = self.ask(&asked, hidden_from)?;
        let doubt = doubt(&said, name, *expects_media);
        if doubt == Doubt::None {
            return Ok((said, asked.url));
        }
        let other = name.other();
        let again = question(other)?;
        let said_to_other = match self.ask(&again, hidden_from) {
            Ok(said) => said,
            Err(error) if doubt == Doubt::Certain || matches!(error, NetworkError::Stopping) => {
                return Err(error);
            }
            Err(error) => {
                tracing::debug!(%error, "the other name of the fields could not be tried");
                return Ok((said, asked.url));
            }
        };
        if self::doubt(&said_to_other, other, *expects_media) == Doubt::None {
            tracing::warn!(
                "X has changed its contract: it does not heed {}, and is asked by {} from now on \
                 (twitter.fields_parameter)",
                name.parameter(),
                other.parameter()
            );
            self.fields_name.set(other);
            return Ok((said_to_other, again.url));
        }
        *expects_media = false;
        match (doubt, said) {
            (Doubt::Certain, Said::Answer(_)) => Err(NetworkError::Unreadable {
                url: asked.url.to_string(),
                why:
                    "X has changed its contract: its posts have neither a date nor attachments, by whichever \
                      name these are asked for (post.fields, tweet.fields)"
                        .to_owned(),
            }),
            (_, said) => Ok((said, asked.url)),
        }
    }
}

fn doubt(said: &Said, name: FieldsName, expects_media: bool) -> Doubt {
    match said {
        Said::Answer(answer) => doubt_of_answer(answer, expects_media),
        Said::Invalid { parameters, .. } if parameters.iter().any(|wrong| wrong == name.parameter()) => {
            Doubt::Certain
        }
        Said::Missing | Said::Suspended | Said::Hidden | Said::Invalid { .. } => Doubt::None,
    }
}

/// Every post has a date, where dates are heard of; attachments come with their expansion too.
fn doubt_of_answer(answer: &Answer, expects_media: bool) -> Doubt {
    let (mut dates, mut attachments) = (false, false);
    for post in answer.read::<Value>().flatten() {
        let has = |field: &str| post.get(field).is_some_and(|value| !value.is_null());
        dates |= has("created_at");
        attachments |= has("attachments");
    }
    match (dates, attachments) {
        _ if answer.data.as_ref().is_none_or(Entries::is_empty) => Doubt::None,
        (true, true) => Doubt::None,
        (true, false) if !expects_media => Doubt::None,
        (false, false) => Doubt::Certain,
        (true, false) => Doubt::Some,
        // Dates can be told from the posts' numbers; who cannot be asked once is not asked for each page.
        (false, true) if expects_media => Doubt::Some,
        (false, true) => Doubt::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expects_media: bool, expect: Doubt) {
        let answer: Answer = serde_json::from_str(body).unwrap();
        assert_eq!(doubt_of_answer(&answer, expects_media), expect, "{body}");
    }

    #[test]
    fn an_answer_that_cannot_be_right_is_doubted() {
        let whole = r#"{"data":[{"id":"1","created_at":"t"},{"id":"2","created_at":"t","attachments":{}}]}"#;
        check(whole, true, Doubt::None);
        check(r#"{"meta":{"result_count":0}}"#, true, Doubt::None);
        check(r#"{"data":[]}"#, true, Doubt::None);
        let bare = r#"{"data":[{"id":"1","text":"t"},{"id":"2","created_at":null}]}"#;
        check(bare, false, Doubt::Certain);
        let words = r#"{"data":[{"id":"1","created_at":"t"}]}"#;
        check(words, false, Doubt::None);
        check(words, true, Doubt::Some);
        let undated = r#"{"data":[{"id":"1","attachments":{}}]}"#;
        check(undated, false, Doubt::None);
        check(undated, true, Doubt::Some);
    }
}
