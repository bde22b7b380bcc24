//! `GET /account`: what is known of an account, by its name or id.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, RawQuery, State};

use super::caller::Caller;
use super::error::HttpError;
use super::limits::RateClass;
use super::state::Api;
use super::url_parameter;
use crate::api::account::AccountsAnswer;
use crate::api::errors::ErrorBody;
use crate::domain::failure::FailureCode;
use crate::proto::front::{FrontAnswer, FrontQuestion};

/// What is known of an account
#[utoipa::path(
    get, path = "/account", tag = "server",
    params(("name" = String, Query, description = "The account's name or id",
        example = json!("demo-rowan.bsky.social"))),
    responses(
        (status = 200, body = AccountsAnswer), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody)
    )
)]
pub(super) async fn account(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<AccountsAnswer>, HttpError> {
    let refused = |code: FailureCode, detail: String| {
        Json(AccountsAnswer { accounts: Vec::new(), error: Some(code.as_str()), error_detail: detail })
    };
    let name = url_parameter::named(&query.unwrap_or_default(), "name").filter(|name| !name.is_empty());
    let Some(name) = name else {
        let detail = "give the account's name or id in the field \"name\"".to_owned();
        return Ok(refused(FailureCode::InvalidTwitterAccount, detail));
    };
    api.count(&caller, RateClass::Query)?;
    match api.ask(FrontQuestion::Account { name }, None).await? {
        FrontAnswer::Account(records) => Ok(Json(AccountsAnswer::found(&records))),
        FrontAnswer::Refused { code, detail } => Ok(refused(code, detail)),
        _ => Err(HttpError::Unexpected),
    }
}
