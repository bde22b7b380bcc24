//! `GET /errors`: every code of the API with what it means, for programs that show it to people.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::error::HttpError;
use super::texts::{Language, Texts};
use crate::domain::failure::FailureCode;

/// One code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorEntry {
    pub code: &'static str,
    /// HTTP status with which it comes: 200 for the codes of a query's answer.
    pub status: u16,
    pub meaning: Meaning,
}

/// What a code means and what to do, in a sentence or two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Meaning {
    pub en: String,
    pub fr: String,
}

/// All codes, those of answers first.
pub fn entries(texts: &Texts) -> Vec<ErrorEntry> {
    let answers = FailureCode::ALL.iter().map(|code| (code.as_str(), 200));
    let codes = answers.chain(HttpError::CODES.iter().copied());
    let meaning = |language, code| texts.get(language, &format!("error.{code}")).to_owned();
    codes
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
