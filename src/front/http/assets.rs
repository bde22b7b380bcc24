//! The files of the web page and of the documentation: the style sheet, the script, the words.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::texts::TEXTS_JSON;

pub(super) const STYLE_PATH: &str = "/assets/style.css";
pub(super) const SCRIPT_PATH: &str = "/assets/app.js";
pub(super) const TEXTS_PATH: &str = "/assets/texts.json";

const STYLE: &str = include_str!("web/style.css");
const SCRIPT: &str = include_str!("web/app.js");

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn texts() -> Response {
    asset("application/json", TEXTS_JSON)
}

fn asset(content_type: &'static str, content: &'static str) -> Response {
    // The page names them with their checksum, so a new version has a new address.
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, content).into_response()
}

/// The address of each changes with its content.
pub(super) fn style_address() -> String {
    versioned(STYLE_PATH, STYLE)
}

pub(super) fn script_address() -> String {
    versioned(SCRIPT_PATH, SCRIPT)
}

pub(super) fn texts_address() -> String {
    versioned(TEXTS_PATH, TEXTS_JSON)
}

fn versioned(path: &str, content: &str) -> String {
    format!("{path}?v={:08x}", crc32fast::hash(content.as_bytes()))
}

/// For text and for attributes in double quotes.
pub(super) fn escape(text: &str) -> String {
    htmlize::escape_all_quotes(text).into_owned()
}
