//! `GET /errors`: every code of the API with what it means, for programs that show it to people.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::state::Api;
use super::texts::{Language, Texts};
use crate::api::errors::{ErrorEntry, Meaning, codes};

/// All codes, those of answers first.
pub fn entries(texts: &Texts) -> Vec<ErrorEntry> {
    let meaning = |language, code| texts.get(language, &format!("error.{code}")).to_owned();
    codes()
        .map(|(code, status)| ErrorEntry {
            code,
            status,
            meaning: Meaning { en: meaning(Language::English, code), fr: meaning(Language::French, code) },
        })
        .collect()
}

/// Every error code and its meaning, in English and French
#[utoipa::path(get, path = "/errors", tag = "server", responses((status = 200, body = Vec<ErrorEntry>)))]
pub(super) async fn errors(State(api): State<Arc<Api>>) -> Json<Vec<ErrorEntry>> {
    Json(entries(&api.texts))
}
