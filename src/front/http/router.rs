//! Which endpoints there are. The path, the method and the description of each stand at its handler; the
//! router, `/openapi.json`, `/docs` and the header `Allow` are made from those.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::http::HeaderValue;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};
use utoipa::openapi::PathItem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::around::{Endpoints, PREFIX, around};
use super::error::HttpError;
use super::openapi::Description;
use super::state::Api;
use super::{
    account, artist, assets, batch, docs, errors, events, feeds, metrics, openapi, page, picture, query,
    search, status, userscript, verdicts, watches,
};

/// The API: what is described.
fn api_routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(query::query_get, query::query_post))
        .routes(routes!(query::credit_get))
        .routes(routes!(events::query_events))
        .routes(routes!(artist::artist))
        .routes(routes!(batch::queries_get, batch::queries_post))
        .routes(routes!(batch::query_delete))
        .routes(routes!(search::search_get, search::search_post))
        .routes(routes!(search::search_events))
        .routes(routes!(verdicts::verdicts_get, verdicts::verdicts_post))
        .routes(routes!(verdicts::verdict_delete))
        .routes(routes!(watches::watches_get, watches::watches_post))
        .routes(routes!(watches::watch_delete))
        .routes(routes!(feeds::feed))
        .routes(routes!(feeds::feed_events))
        .routes(routes!(account::account))
        .routes(routes!(status::stats))
        .routes(routes!(status::config))
        .routes(routes!(errors::errors))
        .routes(routes!(status::healthz))
        .routes(routes!(status::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::openapi_json))
        .routes(routes!(docs::docs))
}

/// The web page and its files, which are no part of the API.
pub(super) fn pages() -> [(&'static str, &'static str, MethodRouter<Arc<Api>>); 10] {
    [
        ("/", GET_AND_POST, get(page::root).post(page::submitted)),
        ("/image", POST, post(page::submitted_image)),
        ("/verdict", POST, post(page::submitted_verdict)),
        (picture::PATH, GET, get(picture::picture)),
        ("/page/events", GET, get(page::page_events)),
        ("/robots.txt", GET, get(page::robots)),
        (assets::STYLE_PATH, GET, get(assets::style)),
        (assets::SCRIPT_PATH, GET, get(assets::script)),
        (assets::TEXTS_PATH, GET, get(assets::texts)),
        (userscript::PATH, GET, get(userscript::userscript)),
    ]
}

static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| Description::new(&api_routes().into_openapi()));

/// All endpoints, those of the page too.
pub(super) static ENDPOINTS: LazyLock<Endpoints> = LazyLock::new(|| {
    let described = api_routes().into_openapi().paths.paths.into_iter();
    let described = described.map(|(path, item)| (path, HeaderValue::from_static(methods(&item))));
    let pages = pages();
    let pages = pages.iter().map(|(path, methods, _)| (path.to_string(), HeaderValue::from_static(methods)));
    described.chain(pages).collect()
});

const GET: &str = "GET, HEAD, OPTIONS";
const POST: &str = "POST, OPTIONS";
const GET_AND_POST: &str = "GET, HEAD, POST, OPTIONS";
const DELETE: &str = "DELETE, OPTIONS";

/// Every endpoint can be read, and some take a `POST` too; but for the one whose only method is
/// `DELETE`.
fn methods(item: &PathItem) -> &'static str {
    match (&item.get, &item.post) {
        (Some(_), Some(_)) => GET_AND_POST,
        (Some(_), None) => GET,
        (None, _) => DELETE,
    }
}

/// All endpoints. Requests must carry a `Peer` extension.
pub fn router(api: Arc<Api>) -> Router {
    // Forms are limited field by field; this bounds what stands between the fields.
    let form_limit = DefaultBodyLimit::max(api.max_image_bytes.saturating_add(64 * 1024));
    let (api_router, _) = api_routes().split_for_parts();
    let mut router = api_router
        .clone()
        .nest(PREFIX, api_router)
        .route(PREFIX, get(openapi::overview))
        .route(&format!("{PREFIX}/"), get(openapi::overview));
    for (path, _, methods) in pages() {
        router = router.route(path, methods);
    }
    router
        .fallback(async || HttpError::NotFound)
        .method_not_allowed_fallback(async || HttpError::MethodNotAllowed)
        .layer(form_limit)
        .layer(Extension(&*DESCRIPTION))
        .layer(middleware::from_fn_with_state((api.clone(), &*ENDPOINTS), around))
        .with_state(api)
}
