//! `/openapi.json`, made from the handlers and the types they answer with, and `/docs`, the same for
//! people: one page that fetches nothing.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::OpenApi;

use super::errors::entries;
use super::page::{escape, style_address};
use super::texts::Texts;
use super::{API_VERSION, batch, errors, events, prometheus, routes, search};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Artists on Twitter Finder",
        description = "Finds the posts in which an artist published an artwork. Answers about a query are HTTP 200 \
            with all fields, whatever became of the query; other statuses are about the protocol itself. Fields are \
            added, never renamed or left out.",
        version = "set from API_VERSION",
        license(name = "AGPL-3.0-or-later"),
    ),
    paths(
        routes::query_get,
        routes::query_post,
        events::query_events,
        batch::queries_get,
        batch::queries_post,
        search::search_get,
        search::search_post,
        routes::account,
        routes::stats,
        routes::config,
        errors::errors,
        routes::healthz,
        routes::readyz,
        prometheus::metrics,
        openapi_json,
        docs,
    )
)]
struct Described;

/// The description, and the page that shows it: the same as long as the program runs.
static JSON: LazyLock<String> = LazyLock::new(|| {
    let mut described = Described::openapi();
    described.info.version = API_VERSION.to_owned();
    described.to_json().expect("a description has a JSON form")
});
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let described = serde_json::from_str(&JSON).expect("it was JSON a moment ago");
    page(&described, &Texts::embedded())
});

/// This description
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses((status = 200, body = serde_json::Value)))]
pub(super) async fn openapi_json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], JSON.as_str()).into_response()
}

/// This description, for people
#[utoipa::path(
    get, path = "/docs", tag = "server", responses((status = 200, body = String, content_type = "text/html"))
)]
pub(super) async fn docs() -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
        frame-ancestors 'none'";
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, PAGE.as_str()).into_response()
}

fn page(described: &Value, texts: &Texts) -> String {
    let info = &described["info"];
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}: API</title>\
         <link rel=\"stylesheet\" href=\"{style}\"></head><body><main class=\"docs\">\
         <p><a href=\"/\">{title}</a></p><h1>API {version}</h1><p>{about}</p>\
         <p>For programs: <a href=\"/openapi.json\">/openapi.json</a>, <a href=\"/errors\">/errors</a>.</p>",
        title = text(info, "title"),
        style = style_address(),
        version = text(info, "version"),
        about = text(info, "description"),
    );
    for (path, methods) in described["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            endpoint(&mut html, path, method, operation);
        }
    }
    html += "<h2>What is answered</h2>";
    for (name, schema) in described["components"]["schemas"].as_object().into_iter().flatten() {
        let _ = write!(
            html,
            "<section id=\"{0}\"><h3>{0}</h3><p>{1}</p>",
            escape(name),
            text(schema, "description")
        );
        html += "<dl>";
        fields(&mut html, schema);
        html += "</dl></section>";
    }
    html += "<h2 id=\"errors\">Error codes</h2><dl>";
    for entry in entries(texts) {
        let status = entry.status;
        let _ = write!(
            html,
            "<dt><code>{}</code> <small>{status}</small></dt><dd>{}</dd>",
            entry.code,
            escape(&entry.meaning.en)
        );
    }
    html + "</dl></main></body></html>"
}

fn endpoint(html: &mut String, path: &str, method: &str, operation: &Value) {
    let _ = write!(
        html,
        "<section><h2><code>{} {}</code></h2><p><strong>{}</strong></p>",
        method.to_uppercase(),
        escape(path),
        text(operation, "summary")
    );
    let about = text(operation, "description");
    if !about.is_empty() {
        let _ = write!(html, "<p>{about}</p>");
    }
    html.push_str("<dl>");
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let needed = if parameter["required"] == true { "" } else { " <small>optional</small>" };
        let _ = write!(
            html,
            "<dt><code>{}</code>{needed}</dt><dd>{}</dd>",
            text(parameter, "name"),
            text(parameter, "description")
        );
    }
    for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let _ = write!(
            html,
            "<dt>body <code>{}</code></dt><dd>{}</dd>",
            escape(kind),
            kind_of(&content["schema"])
        );
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let schema = response["content"].as_object().and_then(|content| content.values().next());
        let shape = schema.map_or_else(String::new, |content| kind_of(&content["schema"]));
        let _ = write!(html, "<dt>{}</dt><dd>{shape} {}</dd>", escape(status), text(response, "description"));
    }
    html.push_str("</dl></section>");
}

fn fields(html: &mut String, schema: &Value) {
    for part in schema["allOf"].as_array().into_iter().flatten() {
        match part["$ref"].as_str() {
            Some(_) => {
                let _ = write!(html, "<dt>all fields of</dt><dd>{}</dd>", kind_of(part));
            }
            None => fields(html, part),
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let _ = write!(
            html,
            "<dt><code>{}</code> <small>{}</small></dt><dd>{}</dd>",
            escape(name),
            kind_of(field),
            text(field, "description")
        );
    }
}

/// A schema in a few words; types of our own lead to their section.
fn kind_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escape(name));
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", kind_of(&schema["items"])),
        Value::String(kind) => escape(kind),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).map(escape).collect::<Vec<_>>().join(" or ")
        }
        _ => String::new(),
    }
}

/// A text of the description, as HTML; between backquotes is code.
fn text(object: &Value, key: &str) -> String {
    let plain = escape(object[key].as_str().unwrap_or_default());
    let mut parts = plain.split('`');
    let mut html = parts.next().unwrap_or_default().to_owned();
    let mut is_code = true;
    for part in parts {
        html += if is_code { "<code>" } else { "</code>" };
        html += part;
        is_code = !is_code;
    }
    html
}
