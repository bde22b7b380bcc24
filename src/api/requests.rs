//! What clients send: as JSON, as forms, as files.

use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::base::ids::Network;

/// Pages to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// Addresses of artworks' pages, 100 at most.
    #[schema(min_items = 1, max_items = 100)]
    pub urls: Vec<String>,
    /// Only the artists' accounts on these.
    #[schema(value_type = Option<Vec<Network>>, min_items = 1)]
    pub networks: Option<Vec<String>>,
    /// The artists' accounts are scanned whole before the answers, not only around the artworks' dates.
    #[serde(default)]
    pub whole: bool,
    /// The webhook that gets each final answer.
    pub webhook: Option<String>,
}

/// A search for an image at an address, as JSON. It is not in the description: generators that find JSON
/// among the bodies of an operation know no other, and could send no image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchByUrl {
    /// Address of the image file, which the server fetches, or of a post whose image is meant.
    pub url: String,
    /// Look in the posts of this account only.
    pub account_name: Option<String>,
    /// Also look for it mirrored, turned by a quarter and upside down.
    #[serde(default)]
    pub turned: bool,
    /// Look in posts on these only: `twitter`, `bluesky`, `mastodon`, `misskey`.
    pub networks: Option<Vec<String>>,
}

/// The bytes of an image file, as the description shows them.
pub struct ImageFile;

/// `POST /query` as a form, as the description shows it; `front` reads it like a query string.
pub struct QueryForm;

/// `POST /search` as a form, as the description shows it; `front` reads it field by field.
pub struct SearchForm;

fn text(about: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).description(Some(about)).build()
}

fn file(about: &str) -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).description(Some(about)).build()
}

impl PartialSchema for ImageFile {
    fn schema() -> RefOr<Schema> {
        file("The image file.").into()
    }
}

impl ToSchema for ImageFile {}

impl PartialSchema for QueryForm {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .description(Some("A page to ask for, as a form."))
            .property("url", text("Address of the artwork's page, 256 characters at most."))
            .required("url")
            .into()
    }
}

impl ToSchema for QueryForm {}

impl PartialSchema for SearchForm {
    fn schema() -> RefOr<Schema> {
        let turned = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .description(Some("Also look for it mirrored, turned by a quarter and upside down."));
        let networks = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(twitter|bluesky|mastodon|misskey)(,(twitter|bluesky|mastodon|misskey))*$"))
            .description(Some("Look in posts on these only, with commas between."));
        ObjectBuilder::new()
            .description(Some("A search as a form: with `image` or `url`."))
            .property("image", file("The image file."))
            .property(
                "url",
                text(
                    "Address of the image file, which the server fetches, or of a post whose image is meant.",
                ),
            )
            .property("account_name", text("Look in the posts of this account only."))
            .property("networks", networks)
            .property("turned", turned)
            .into()
    }
}

impl ToSchema for SearchForm {}
