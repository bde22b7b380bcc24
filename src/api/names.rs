//! Names that are one of a list, as the description of the API shows them. The lists are made from the
//! values that answers are made from, so none can be forgotten.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::failure::FailureCode;
use crate::proto::view::QueryStatus;

/// A text that is one of these.
pub fn one_of(about: &str, names: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    let names: Vec<&str> = names.collect();
    ObjectBuilder::new().schema_type(Type::String).description(Some(about)).enum_values(Some(names)).into()
}

/// Stands for the name of a `QueryStatus` in the types of answers.
pub struct QueryStatusName;

impl PartialSchema for QueryStatusName {
    fn schema() -> RefOr<Schema> {
        let about = "Where a query or a search is, in the order of the steps.";
        one_of(about, QueryStatus::ALL.iter().map(|status| status.as_str()))
    }
}

impl ToSchema for QueryStatusName {
    fn name() -> Cow<'static, str> {
        "QueryStatus".into()
    }
}

/// Stands for the name of a `FailureCode` in the types of answers.
pub struct FailureCodeName;

impl PartialSchema for FailureCodeName {
    fn schema() -> RefOr<Schema> {
        let about = "Why a query or a search failed or was not accepted; it comes with status 200.";
        one_of(about, FailureCode::ALL.iter().map(|code| code.as_str()))
    }
}

impl ToSchema for FailureCodeName {
    fn name() -> Cow<'static, str> {
        "FailureCode".into()
    }
}
