//! `/docs`: the description of the API for people, one page that fetches nothing. Paths, fields, codes and
//! what is said of each field stay English; the frame and what is said of the endpoints are in the reader's
//! language.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::extract::{Extension, RawQuery};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::assets::{escape, style_address};
use super::errors::entries;
use super::openapi::{Description, operations};
use super::texts::{Language, Texts};
use super::url_parameter;

/// What the description says of endpoints, parameters and answers, in English and in French.
const FRENCH_JSON: &str = include_str!("web/docs.fr.json");

/// In each language, in the order of `Language::ALL`; made when one is asked for first.
static PAGES: OnceLock<[String; 2]> = OnceLock::new();

fn page_in(description: &Description, language: Language) -> &'static str {
    let [english, french] = PAGES.get_or_init(|| {
        let texts = Texts::embedded();
        Language::ALL.map(|language| page(&description.described, &texts, language))
    });
    match language {
        Language::English => english,
        Language::French => french,
    }
}

/// This description, for people
#[utoipa::path(
    get, path = "/docs", tag = "server",
    params(("lang" = Option<String>, Query, description = "en or fr; without it, as the browser prefers")),
    responses((status = 200, body = String, content_type = "text/html"))
)]
pub(super) async fn docs(
    Extension(description): Extension<&'static Description>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
        frame-ancestors 'none'";
    let language = url_parameter::named(query.as_deref().unwrap_or_default(), "lang")
        .and_then(|code| Language::from_code(&code))
        .unwrap_or_else(|| Language::accepted(&headers));
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::VARY, "Accept-Language"),
    ];
    (headers, page_in(description, language)).into_response()
}

/// The page in a language.
pub(super) fn page(described: &Value, texts: &Texts, language: Language) -> String {
    let french = match language {
        Language::English => HashMap::new(),
        Language::French => serde_json::from_str(FRENCH_JSON).expect("the embedded file is valid"),
    };
    Writer { texts, language, french, html: String::new() }.write(described)
}

struct Writer<'t> {
    texts: &'t Texts,
    language: Language,
    /// By the English; empty where the page is English.
    french: HashMap<String, String>,
    html: String,
}

impl Writer<'_> {
    fn write(mut self, described: &Value) -> String {
        let info = &described["info"];
        let (lang, other) = (self.language.code(), self.language.other());
        self.html = format!(
            "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}: API</title>\
             <link rel=\"stylesheet\" href=\"{style}\"></head><body><main class=\"docs\">\
             <p><a href=\"/?lang={lang}\">{title}</a> · \
             <a href=\"/docs?lang={code}\" hreflang=\"{code}\" lang=\"{code}\">{name}</a></p>\
             <h1>API {version}</h1><p>{about}</p>\
             <p>{programs} <a href=\"/openapi.json\">/openapi.json</a>, <a href=\"/errors\">/errors</a>.</p>",
            title = marked_up(info["title"].as_str().unwrap_or_default()),
            style = style_address(),
            version = marked_up(info["version"].as_str().unwrap_or_default()),
            about = self.text(info, "description"),
            programs = self.word("docs.programs"),
            code = other.code(),
            name = escape(self.texts.get(other, "language")),
        );
        for (path, method, operation) in operations(described) {
            self.endpoint(path, method, operation);
        }
        let _ = write!(self.html, "<h2>{}</h2>", self.word("docs.answers"));
        if self.language != Language::English {
            let _ = write!(self.html, "<p>{}</p>", self.word("docs.answers.english"));
        }
        for (name, schema) in described["components"]["schemas"].as_object().into_iter().flatten() {
            self.schema(name, schema);
        }
        let _ = write!(self.html, "<h2 id=\"errors\">{}</h2><dl>", self.word("docs.codes"));
        for entry in entries(self.texts) {
            let meaning = match self.language {
                Language::English => &entry.meaning.en,
                Language::French => &entry.meaning.fr,
            };
            let (code, status, meaning) = (entry.code, entry.status, escape(meaning));
            let _ =
                write!(self.html, "<dt><code>{code}</code> <small>{status}</small></dt><dd>{meaning}</dd>");
        }
        self.html + "</dl></main></body></html>"
    }

    fn endpoint(&mut self, path: &str, method: &str, operation: &Value) {
        let (method, path) = (method.to_uppercase(), escape(path));
        let mut html = format!(
            "<section><h2><code>{method} {path}</code></h2><p><strong>{}</strong></p>",
            self.text(operation, "summary")
        );
        let about = self.text(operation, "description");
        if !about.is_empty() {
            let _ = write!(html, "<p>{about}</p>");
        }
        html.push_str("<dl>");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = escape(parameter["name"].as_str().unwrap_or_default());
            let needed = match parameter["required"] == true {
                true => String::new(),
                false => format!(" <small>{}</small>", self.word("docs.optional")),
            };
            let about = self.text(parameter, "description");
            let _ = write!(html, "<dt><code>{name}</code>{needed}</dt><dd>{about}</dd>");
        }
        for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            let (body, shape) = (self.word("docs.body"), self.kind_of(&content["schema"]));
            let _ = write!(html, "<dt>{body} <code>{}</code></dt><dd>{shape}</dd>", escape(kind));
        }
        for (status, response) in operation["responses"].as_object().into_iter().flatten() {
            let status = match status.as_str() {
                "default" => self.word("docs.otherwise"),
                status => escape(status),
            };
            let schema = response["content"].as_object().and_then(|content| content.values().next());
            let shape = schema.map_or_else(String::new, |content| self.kind_of(&content["schema"]));
            let about = self.text(response, "description");
            let _ = write!(html, "<dt>{status}</dt><dd>{shape} {about}</dd>");
        }
        self.html += &html;
        self.html += "</dl></section>";
    }

    fn schema(&mut self, name: &str, schema: &Value) {
        let about = self.text(schema, "description");
        let _ = write!(self.html, "<section id=\"{0}\"><h3>{0}</h3><p>{about}</p>", escape(name));
        for value in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let _ = write!(self.html, "<code>{}</code> ", escape(value));
        }
        self.html += "<dl>";
        self.fields(schema);
        self.html += "</dl></section>";
    }

    fn fields(&mut self, schema: &Value) {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            match part["$ref"].as_str() {
                Some(_) => {
                    let (all, of) = (self.word("docs.all_fields"), self.kind_of(part));
                    let _ = write!(self.html, "<dt>{all}</dt><dd>{of}</dd>");
                }
                None => self.fields(part),
            }
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let (name, kind, about) = (escape(name), self.kind_of(field), self.text(field, "description"));
            let _ = write!(self.html, "<dt><code>{name}</code> <small>{kind}</small></dt><dd>{about}</dd>");
        }
    }

    /// A schema in a few words; types of our own lead to their section.
    fn kind_of(&self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return format!("<a href=\"#{0}\">{0}</a>", escape(name));
        }
        let any_of = |kinds: Vec<String>| kinds.join(&format!(" {} ", self.word("docs.or")));
        if let Some(choices) = schema["oneOf"].as_array() {
            return any_of(choices.iter().map(|choice| self.kind_of(choice)).collect());
        }
        match &schema["type"] {
            Value::String(kind) if kind == "array" => {
                format!("{} {}", self.word("docs.list_of"), self.kind_of(&schema["items"]))
            }
            Value::String(kind) => escape(kind),
            Value::Array(kinds) => any_of(kinds.iter().filter_map(Value::as_str).map(escape).collect()),
            _ => String::new(),
        }
    }

    /// A text of the description in the page's language; what nobody has translated says that it is English.
    fn text(&self, object: &Value, key: &str) -> String {
        let english = object[key].as_str().unwrap_or_default();
        if self.language == Language::English || english.is_empty() {
            return marked_up(english);
        }
        match self.french.get(&one_line(english)) {
            Some(french) => marked_up(french),
            None => format!("<span lang=\"en\">{}</span>", marked_up(english)),
        }
    }

    /// A word of the frame.
    fn word(&self, key: &str) -> String {
        escape(self.texts.get(self.language, key))
    }
}

/// Where its lines break in the source is no matter.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text of the description, as HTML; between backquotes is code.
fn marked_up(text: &str) -> String {
    let plain = escape(text);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of the endpoints, as `one_line` gives them.
    fn texts_of_endpoints(described: &Value) -> Vec<String> {
        let mut texts = Vec::new();
        let mut add = |object: &Value, key: &str| {
            texts.extend(object[key].as_str().filter(|text| !text.is_empty()).map(one_line));
        };
        add(&described["info"], "description");
        for (_, _, operation) in operations(described) {
            add(operation, "summary");
            add(operation, "description");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                add(parameter, "description");
            }
            for response in operation["responses"].as_object().into_iter().flat_map(|all| all.values()) {
                add(response, "description");
            }
        }
        texts.sort();
        texts.dedup();
        texts
    }

    /// Every text of the endpoints is translated, nothing else is, and code is the same in both languages.
    #[test]
    fn the_endpoints_are_described_in_french() {
        let described: Value = serde_json::from_str(include_str!("../../api/golden/openapi.json")).unwrap();
        let french: HashMap<String, String> = serde_json::from_str(FRENCH_JSON).unwrap();
        let mut translated: Vec<String> = french.keys().cloned().collect();
        translated.sort();
        assert_eq!(texts_of_endpoints(&described), translated);
        for (english, french) in &french {
            let code = |text: &str| {
                let mut code: Vec<String> = text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
                code.sort();
                code
            };
            assert_eq!(code(english), code(french), "{english}");
            assert!(english != french, "{english}");
        }
    }
}
