//! The description of the API, made from the handlers and the types they answer with: `/openapi.json`, and
//! the same for people, which `docs.rs` writes.

use std::fmt::Write as _;

use axum::extract::Extension;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::{OpenApi, openapi};

use crate::api::limits::VERSION;

#[derive(OpenApi)]
#[openapi(info(
    title = "Artists on Twitter Finder",
    description = "Finds the posts in which an artist published an artwork. Answers about a query are \
        HTTP 200 with all fields, whatever became of the query; other statuses are about the protocol \
        itself. Fields, and values of lists, are added, never renamed or left out; every answer says the \
        version in `X-AOTF-API-Version`. Each path is answered below `/api` too.",
    version = "set from the limits",
    license(name = "AGPL-3.0-or-later"),
))]
struct Head;

/// The description without its endpoints, which `router.rs` adds.
pub(super) fn head() -> openapi::OpenApi {
    let mut head = Head::openapi();
    head.info.version = VERSION.to_owned();
    let key = "An API key from the server's operator: its limits and rights replace the address's.";
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some(key.to_owned());
    let header = ApiKeyValue::with_description("X-API-Key", key);
    let components = head.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(header)));
    // The first is none: whoever has no key is known by the address.
    let named = ["bearer", "api_key"].map(|name| SecurityRequirement::new::<_, [&str; 0], _>(name, []));
    head.security = Some([SecurityRequirement::default()].into_iter().chain(named).collect());
    head
}

/// The API in the forms in which it is described. They stay the same as long as the program runs.
pub struct Description {
    /// `/openapi.json`.
    json: String,
    /// The same, for `/docs`.
    pub(super) described: Value,
    /// Lines for whoever asks for `/` without a browser.
    pub(super) text: String,
}

impl Description {
    pub(super) fn new(openapi: &openapi::OpenApi) -> Description {
        let mut described = serde_json::to_value(openapi).expect("a description has a JSON form");
        complete_responses(&mut described);
        add_example(&mut described);
        Description { json: described.to_string(), text: lines(&described), described }
    }
}

/// What is true of all responses: each has a description, which OpenAPI 3.1 requires and utoipa leaves
/// out where it is empty; some statuses say when to ask again; any endpoint may refuse a request.
fn complete_responses(described: &mut Value) {
    let methods = described["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let operations = methods.filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut());
    for responses in operations.filter_map(|operation| operation["responses"].as_object_mut()) {
        for (status, response) in responses.iter_mut() {
            let Some(response) = response.as_object_mut() else { continue };
            if !response.contains_key("description") {
                response.shift_insert(0, "description".to_owned(), meaning(status).into());
            }
            if matches!(status.as_str(), "429" | "503") {
                let after = json!({
                    "description": "Seconds after which to ask again",
                    "schema": { "type": "integer", "minimum": 0 },
                });
                response.insert("headers".to_owned(), json!({ "Retry-After": after }));
            }
        }
        let body = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/ErrorBody" } } });
        responses.insert(
            "default".to_owned(),
            json!({ "description": "The request was not served: `error` says why", "content": body }),
        );
    }
}

/// What a status says, whichever the endpoint.
fn meaning(status: &str) -> &'static str {
    match status {
        "400" => "The request cannot be read",
        "403" => "Not for this caller",
        "404" => "There is nothing of this name",
        "413" => "The body is too large",
        "415" => "The body is of the wrong type",
        "429" => "Too many requests a second",
        "503" => "Not now: too much to do, or something is being restarted",
        _ => "",
    }
}

/// The answer of a query that has ended, to be seen where a query is described.
fn add_example(described: &mut Value) {
    const ENDED: &str = include_str!("../../api/golden/query_end.json");
    let ended: Value = serde_json::from_str(ENDED).expect("the golden answer is JSON");
    for method in ["get", "post"] {
        let path = format!("/paths/~1query/{method}/responses/200/content/application~1json");
        if let Some(content) = described.pointer_mut(&path) {
            content["example"] = ended.clone();
        }
    }
}

/// This description
#[utoipa::path(
    get, path = "/openapi.json", tag = "server", responses((status = 200, body = serde_json::Value))
)]
pub(super) async fn openapi_json(Extension(description): Extension<&'static Description>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], description.json.as_str()).into_response()
}

/// The description in lines, for whoever asks for the root of the API.
pub(super) async fn overview(Extension(description): Extension<&'static Description>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], description.text.as_str()).into_response()
}

/// Every operation, with its path and method.
pub(super) fn operations(described: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    described["paths"].as_object().into_iter().flatten().flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// A line for each operation: the method, the path with the parameters it needs, what it does.
fn lines(described: &Value) -> String {
    let mut lines = format!("Artists on Twitter Finder {}\n\n", env!("CARGO_PKG_VERSION"));
    for (path, method, operation) in operations(described) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let needed: Vec<String> = parameters
            .filter(|parameter| parameter["required"] == true && parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .map(|name| format!("{name}={}", name.to_uppercase()))
            .collect();
        let target = if needed.is_empty() { path.to_owned() } else { format!("{path}?{}", needed.join("&")) };
        let summary = operation["summary"].as_str().unwrap_or_default();
        let _ = writeln!(lines, "{:<6} {target:<30} {summary}", method.to_uppercase());
    }
    lines + "\nOpen this address in a browser for the web page.\n"
}
