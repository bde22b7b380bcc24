//! Each good page with each of its fields, elements and classes taken away, one at a time. A reader may do
//! without what is taken, or say that it is missing; it must not find less, and never take the page for
//! another kind of page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lol_html::{Settings, element, rewrite_str};
use serde_json::Value;

use super::good::{Answer, Form, GOOD};
use super::*;
use crate::fetch::{Fetch, FetchError, Request, Response};

/// Answers by a part of the address.
struct Answers(Vec<(&'static str, String)>);

impl Fetch for Answers {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let found = self.0.iter().find(|(part, _)| request.url.as_str().contains(part));
        let (status, body) = found.map_or((404, "not found".to_owned()), |(_, body)| (200, body.clone()));
        Ok(Response { status, url: request.url, headers: vec![], body: body.into() })
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

/// What a reader made of a page.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    images: Vec<String>,
    published: Option<String>,
    leads: Vec<Lead>,
    /// Outcomes and messages of all that went wrong.
    errors: Vec<(&'static str, String)>,
}

impl Outcome {
    fn note(&mut self, error: &SiteError) {
        self.errors.push((error.outcome(), error.to_string()));
    }

    fn names_artist(&self) -> bool {
        self.leads.iter().any(|lead| lead.place == Place::Artist)
    }

    fn names_missing(&self, what: &str) -> bool {
        self.errors.iter().any(|(outcome, message)| *outcome == "layout_changed" && message.contains(what))
    }
}

fn read(page: &str, answers: Vec<(&'static str, String)>) -> Outcome {
    let fetch = Answers(answers);
    let credentials =
        Credentials { tumblr_api_key: Some(crate::config::Secret::new("key")), ..Credentials::default() };
    let web = Web::new(&fetch, &credentials, 30, Duration::from_secs(60));
    let (site, page) = recognise(&Address::parse(page).unwrap());
    let site = site.unwrap();
    let mut outcome = Outcome::default();
    match (page.kind, site.artwork, site.leads) {
        (Kind::Artwork, Some(artwork), _) => match artwork(&page, &web) {
            Ok(artwork) => {
                outcome.published = artwork.published.map(|date| date.to_rfc3339());
                outcome.leads = artwork.leads;
                artwork.problems.iter().chain(&artwork.picture_problem).for_each(|error| outcome.note(error));
                match artwork.images {
                    Ok(images) => outcome.images = images.into_iter().map(|image| image.url).collect(),
                    Err(error) => outcome.note(&error),
                }
            }
            Err(error) => outcome.note(&error),
        },
        (_, _, Some(leads)) => match leads(&page, &web) {
            Ok(leads) => outcome.leads = leads,
            Err(error) => outcome.note(&error),
        },
        _ => panic!("{} has no reader", page.address()),
    }
    outcome
}

fn json_of((_, form, text): &Answer) -> Option<Value> {
    match form {
        Form::Page => None,
        Form::InitialState => {
            let start = text.find("JSON.parse(\"")? + "JSON.parse(\"".len();
            serde_json::from_str(&read::javascript_string(&text[start..], '"')?).ok()
        }
        Form::NextData if text.trim_start().starts_with('<') => read::script_json(text, "__NEXT_DATA__").ok(),
        _ => serde_json::from_str(text).ok(),
    }
}

/// The answer's body with this JSON in it.
fn body_of((page, form, _): &Answer, json: &Value) -> String {
    let text = json.to_string();
    let literal = |text: &str| serde_json::to_string(text).unwrap();
    match form {
        Form::Json | Form::Page => text,
        Form::Packed => {
            let mut entries = Vec::new();
            pack(json, &mut entries);
            Value::Array(entries).to_string()
        }
        Form::NextData if page.contains("patreon") => {
            let state = serde_json::json!({"props": {"pageProps": {"bootstrapEnvelope": {"pageBootstrap": {"campaign": json}}}}});
            format!("<script id=\"__NEXT_DATA__\" type=\"application/json\">{state}</script>")
        }
        Form::NextData => format!("<script id=\"__NEXT_DATA__\" type=\"application/json\">{text}</script>"),
        Form::InitialState => {
            format!("<script>window.__INITIAL_STATE__ = JSON.parse({});\n</script>", literal(&text))
        }
        Form::Chunks => {
            let key = if page.contains("patreon") { "campaign" } else { "profile" };
            let whole = format!("5:{{\"{key}\":{text}}}");
            let middle = whole.floor_char_boundary(whole.len() / 2);
            let push = |text: &str| format!("<script>self.__next_f.push([1,{}])</script>", literal(text));
            format!("{}{}", push(&whole[..middle]), push(&whole[middle..]))
        }
        Form::Assigned(name) => format!("<script>{name} = {text};</script>"),
        Form::Coded => {
            use base64::Engine as _;
            let coded = base64::engine::general_purpose::STANDARD.encode(&text);
            format!("<script id=\"data\" type=\"text/plain\">{coded}</script>")
        }
        Form::Bootstrap => format!(
            "<script>window.patreon = {{\"bootstrap\": {{\"campaign\":{text}}},\"apiServer\":\"x\"}};</script>"
        ),
    }
}

/// Writes a value as entries that refer to each other by their numbers; answers its own.
fn pack(value: &Value, entries: &mut Vec<Value>) -> usize {
    let at = entries.len();
    entries.push(Value::Null);
    let mut number = |value: &Value| match value {
        Value::Null => Value::from(-5),
        value => Value::from(pack(value, entries)),
    };
    let packed = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (format!("_{}", number(&Value::from(key.as_str()))), number(value)))
            .collect(),
        Value::Array(items) => items.iter().map(number).collect(),
        scalar => scalar.clone(),
    };
    entries[at] = packed;
    at
}

/// The keys on the way to a field; a number is a place in a list.
type Path = Vec<Result<String, usize>>;

fn paths(value: &Value, at: &Path, all: &mut Vec<Path>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let path: Path = at.iter().cloned().chain([Ok(key.clone())]).collect();
                all.push(path.clone());
                paths(field, &path, all);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                paths(item, &at.iter().cloned().chain([Err(n)]).collect(), all);
            }
        }
        _ => {}
    }
}

/// Takes a field away wherever it stands: in all entries of a list.
fn without(value: &Value, paths: &[&Path]) -> Value {
    let mut value = value.clone();
    for path in paths {
        let (last, way) = path.split_last().unwrap();
        let parent = way.iter().fold(&mut value, |at, key| match key {
            Ok(key) => &mut at[key.as_str()],
            Err(n) => &mut at[*n],
        });
        parent.as_object_mut().unwrap().remove(last.as_ref().unwrap());
    }
    value
}

/// `post[].file_url`
fn label(path: &Path) -> String {
    let mut label = String::new();
    for key in path {
        match key {
            Ok(key) if label.is_empty() => label.push_str(key),
            Ok(key) => {
                label.push('.');
                label.push_str(key);
            }
            Err(_) => label.push_str("[]"),
        }
    }
    label
}

/// `*` stands for one name, and at the beginning for any way.
fn fits(label: &str, pattern: &str) -> bool {
    if let Some(ending) = pattern.strip_prefix("*.") {
        return label == ending || label.ends_with(&format!(".{ending}"));
    }
    let (names, wanted): (Vec<_>, Vec<_>) = (label.split('.').collect(), pattern.split('.').collect());
    names.len() == wanted.len()
        && names.iter().zip(&wanted).all(|(name, wanted)| *wanted == "*" || name == wanted)
}

/// A page with something taken away.
struct Change {
    what: String,
    /// What the message must name; `None` where what was taken holds more than one thing.
    name: Option<String>,
    body: String,
}

fn changes(answer: &Answer) -> Vec<Change> {
    let Some(json) = json_of(answer) else { return changed_pages(answer.2) };
    let mut all = Vec::new();
    paths(&json, &Vec::new(), &mut all);
    let mut by_label: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
    for path in &all {
        by_label.entry(label(path)).or_default().push(path);
    }
    by_label
        .into_iter()
        .map(|(what, paths)| {
            let value = paths[0].iter().fold(&json, |at, key| match key {
                Ok(key) => &at[key.as_str()],
                Err(n) => &at[*n],
            });
            let is_leaf = !value.is_object() && !value.is_array();
            let name = paths[0].last().unwrap().clone().ok().filter(|_| is_leaf);
            Change { what, name, body: body_of(answer, &without(&json, &paths)) }
        })
        .collect()
}

/// Each element removed, and each class and id renamed.
fn changed_pages(page: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut names = BTreeSet::new();
    let mut elements = Vec::new();
    let look = element!("*", |element| {
        let class = element.get_attribute("class").unwrap_or_default();
        let id = element.get_attribute("id");
        names.extend(class.split_whitespace().map(|class| format!(".{class}")));
        names.extend(id.iter().map(|id| format!("#{id}")));
        let tag = element.tag_name();
        let first = class.split_whitespace().next();
        elements.push(match (&id, first) {
            (Some(id), _) => format!("#{id}"),
            (None, Some("auto_link")) => "a.auto_link".to_owned(),
            (None, Some(class)) if tag != "a" => format!(".{class}"),
            _ => tag,
        });
        Ok(())
    });
    rewrite_str(page, Settings::new().append_element_content_handler(look)).unwrap();
    for (n, name) in elements.into_iter().enumerate() {
        let mut at = 0;
        let cut = element!("*", |element| {
            if at == n {
                element.remove();
            }
            at += 1;
            Ok(())
        });
        let body = rewrite_str(page, Settings::new().append_element_content_handler(cut)).unwrap();
        changes.push(Change { what: name, name: None, body });
    }
    for name in names {
        let bare = name[1..].to_owned();
        let rename = element!("*", |element| {
            if let Some(class) = element.get_attribute("class").filter(|_| name.starts_with('.')) {
                let classes =
                    class.split_whitespace().map(|class| if class == bare { "renamed" } else { class });
                element.set_attribute("class", &classes.collect::<Vec<_>>().join(" "))?;
            }
            if name.starts_with('#') && element.get_attribute("id").as_deref() == Some(&bare) {
                element.set_attribute("id", "renamed")?;
            }
            Ok(())
        });
        let body = rewrite_str(page, Settings::new().append_element_content_handler(rename)).unwrap();
        changes.push(Change { what: format!("renamed {name}"), name: Some(bare), body });
    }
    changes
}

#[test]
fn nothing_that_a_page_needs_can_be_taken_in_silence() {
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for good in GOOD {
        let whole = |answer: &Answer| match json_of(answer) {
            Some(json) => body_of(answer, &json),
            None => answer.2.to_owned(),
        };
        let bodies: Vec<(&str, String)> =
            good.answers.iter().map(|answer| (answer.0, whole(answer))).collect();
        let expected = read(good.page, bodies.clone());
        if !expected.errors.is_empty() || expected.leads.is_empty() && expected.images.is_empty() {
            wrong.push(format!("{} is not read: {expected:?}", good.page));
        }
        let mut used = BTreeSet::new();
        for (n, answer) in good.answers.iter().enumerate() {
            for Change { what, name, body } in changes(answer) {
                let mut bodies = bodies.clone();
                bodies[n].1 = body;
                let found = read(good.page, bodies);
                checked += 1;
                if found == expected || found.names_missing(name.as_deref().unwrap_or_default()) {
                    continue;
                }
                let bare = what.trim_start_matches("renamed ");
                let excuse = good.may_be_absent.iter().find(|(pattern, _)| fits(bare, pattern));
                let same_kind = found.errors.iter().all(|(outcome, _)| *outcome == "layout_changed");
                match excuse {
                    Some((pattern, _)) if same_kind && found.names_artist() == expected.names_artist() => {
                        used.insert(*pattern);
                    }
                    _ => wrong.push(format!("{} without {what}: {found:?}", good.page)),
                }
            }
        }
        for (pattern, _) in good.may_be_absent.iter().filter(|(pattern, _)| !used.contains(pattern)) {
            wrong.push(format!("{}: {pattern} needs no excuse", good.page));
        }
    }
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 700, "{checked}");
}

/// A site that answers every request with something else is told as blocked, changed or for members, never as
/// one on which there is nothing, nor as the mistake of whoever asks.
#[test]
fn other_answers_are_never_taken_for_gone() {
    let mut wrong = Vec::new();
    for good in GOOD {
        for (what, body) in [
            ("an empty answer", ""),
            (
                "a web page",
                "<!DOCTYPE html><html><head><title>New</title></head><body><p>hello</p></body></html>",
            ),
            ("an error in JSON", r#"{"error":"internal","message":"something went wrong"}"#),
            ("a JSON string", r#""service unavailable""#),
            ("an empty object", "{}"),
            ("XML", "<?xml version=\"1.0\"?><error>down</error>"),
        ] {
            let found =
                read(good.page, good.answers.iter().map(|answer| (answer.0, body.to_owned())).collect());
            // The older booru software says so that there is no such post, pronouns.page that there is
            // nobody.
            if body.is_empty() && good.page.contains("safebooru.org")
                || body == "{}" && good.page.contains("pronouns.page")
            {
                continue;
            }
            let fits = |outcome: &str| matches!(outcome, "layout_changed" | "blocked" | "login_needed");
            if found.errors.is_empty() || !found.errors.iter().all(|(outcome, _)| fits(outcome)) {
                wrong.push(format!("{} for {what}: {found:?}", good.page));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
