//! Instabio (linkbio.co, instabio.cc): one service of link pages under two names, whose state stands in a
//! script.

use serde_json::Value;

use super::address::name;
use super::read::{assigned, at, each, id_at, list_at, need_list};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::fetch::json;

pub const SITE: Site = Site { name: "instabio", identify, artwork: None, leads: Some(leads) };

const HOSTS: &[&str] = &["linkbio.co", "instabio.cc"];
/// First parts of a path that are nobody's name.
const RESERVED: &[&str] =
    &["admin", "app", "api", "blog", "explore", "help", "login", "pricing", "signup", "templates"];

fn identify(address: &Address) -> Option<Identified> {
    if address.is_on("linkcdn.cc") || address.subdomain_of("linkcdn.cc").is_some() {
        return Some(Identified::image(SITE.name, address));
    }
    if !address.is_on_any(HOSTS) {
        return None;
    }
    Some(match address.segments().as_slice() {
        // https://linkbio.co/name
        [user] if name(user).is_some() && !RESERVED.contains(user) => {
            let url = format!("https://{}/{user}", address.host());
            Identified::new(SITE.name, Kind::LinkPage, url).id(*user)
        }
        _ => Identified::other(SITE.name, address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let html = web.send(web.request(page.address())?)?.text().into_owned();
    let on = |missing: Missing| missing.on(page.address());
    let data = assigned(&html, "window.__data").map_err(on)?;
    match components(&data).map_err(on)? {
        Components::Here(list) => parse(&data, list).map_err(on),
        // A long page keeps its components in a file of its own.
        Components::InFile(id) => {
            let url = format!("https://bio.linkcdn.cc/upload/lnkcmpts/{id}.json");
            let file = web.json(web.request(&url)?).map_err(|error| match error {
                // The page is there, and says that this is.
                SiteError::Gone { .. } => on(Missing::new("the list content.cmpts, and its file")),
                error => error,
            })?;
            let list = components_of_file(&file).map_err(on)?;
            parse(&data, &list).map_err(on)
        }
    }
}

enum Components<'a> {
    Here(&'a [Value]),
    /// In the file of the page with this id.
    InFile(String),
}

fn components(data: &Value) -> Result<Components<'_>, Missing> {
    if let Some(content) =
        at(data, "content").filter(|content| content.as_object().is_some_and(|fields| !fields.is_empty()))
    {
        return Ok(Components::Here(
            need_list(content, "cmpts").map_err(|_| Missing::new("the list content.cmpts"))?,
        ));
    }
    let id = id_at(data, "bio.id").filter(|id| name(id).is_some());
    id.map(Components::InFile)
        .ok_or_else(|| Missing::new("the list content.cmpts, and the field bio.id of its file"))
}

/// The list is JSON again, in a text.
fn components_of_file(file: &Value) -> Result<Vec<Value>, Missing> {
    let missing = || Missing::new("the field cmpts");
    let text = at(file, "cmpts").and_then(Value::as_str).ok_or_else(missing)?;
    json::parse(text.as_bytes()).map_err(|_| Missing::new("JSON in the field cmpts"))
}

/// Of the kinds of components, two hold links: buttons (10) and icons of networks (2).
fn parse(data: &Value, components: &[Value]) -> Result<Vec<Lead>, Missing> {
    if !components.is_empty() && !components.iter().any(|one| id_at(one, "type").is_some()) {
        return Err(Missing::new("the field content.cmpts[].type"));
    }
    let mut leads = Vec::new();
    for (kind, list) in [("2", "subs"), ("10", "links")] {
        let of_kind = components.iter().filter(|one| id_at(one, "type").as_deref() == Some(kind));
        let lists = of_kind.map(|one| need_list(one, list)).collect::<Result<Vec<_>, _>>();
        let lists = lists.map_err(|_| Missing::new(format!("the list content.cmpts[].{list}")))?;
        add(&mut leads, lists.into_iter().flatten(), &format!("content.cmpts[].{list}"))?;
    }
    for list in ["social", "content.social"] {
        add(&mut leads, list_at(data, list), list)?;
    }
    Ok(leads)
}

fn add<'a>(
    leads: &mut Vec<Lead>,
    entries: impl IntoIterator<Item = &'a Value>,
    list: &str,
) -> Result<(), Missing> {
    let entries: Vec<&Value> = entries.into_iter().collect();
    for url in each(&entries, &["link", "link1"], list)? {
        // Some are typed without a scheme: twitter.com/name
        let url = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
        Lead::add(leads, url, Place::ProfileText);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    const MADE: &str = include_str!("../../tests/fixtures/sites/instabio/data_made.json");

    #[test]
    fn recognises_pages() {
        check_identify("https://linkbio.co/ann", Kind::LinkPage, "ann", "https://linkbio.co/ann");
        check_identify("http://www.instabio.cc/ann?x=1", Kind::LinkPage, "ann", "https://instabio.cc/ann");
        none("https://linkbio.co/", Kind::Other);
        none("https://linkbio.co/pricing", Kind::Other);
        none("https://bio.linkcdn.cc/upload/a.jpg", Kind::Image);
        none("https://linkbio.co.evil.example/ann", Kind::Unsupported);
    }

    fn urls(data: &Value, list: &[Value]) -> Vec<String> {
        parse(data, list).unwrap().into_iter().map(|lead| lead.url).collect()
    }

    #[test]
    fn reads_buttons_and_icons_here_and_in_a_file() {
        let data: Value = serde_json::from_str(MADE).unwrap();
        let Components::Here(list) = components(&data).unwrap() else { panic!("they stand in the page") };
        let expected = [
            "https://twitter.com/ann",
            "https://ann.carrd.co/",
            "https://bsky.app/profile/ann.example",
            "https://ko-fi.com/ann",
        ];
        assert_eq!(urls(&data, list), expected);
        let file = serde_json::json!({ "cmpts": serde_json::to_string(list).unwrap() });
        assert_eq!(components_of_file(&file).unwrap(), list);
        let empty = serde_json::json!({"bio": {"id": 77}, "content": {}});
        assert!(matches!(components(&empty).unwrap(), Components::InFile(id) if id == "77"));
    }

    #[test]
    fn names_what_is_missing() {
        let missing = |data: Value| components(&data).err().map(|missing| missing.0);
        assert_eq!(missing(serde_json::json!({"content": {"cmpts": []}})), None);
        assert_eq!(missing(serde_json::json!({"content": {"x": 1}})).unwrap(), "the list content.cmpts");
        // An id that would lead elsewhere.
        assert!(missing(serde_json::json!({"content": null, "bio": {"id": "../../x"}})).is_some());
        let of = |list: Value| parse(&Value::Null, list.as_array().unwrap()).unwrap_err().0;
        assert_eq!(of(serde_json::json!([{"kind": 10}])), "the field content.cmpts[].type");
        assert_eq!(of(serde_json::json!([{"type": 10}])), "the list content.cmpts[].links");
        assert_eq!(
            of(serde_json::json!([{"type": "2", "subs": [{"href": "x"}]}])),
            "the field content.cmpts[].subs[].link or link1"
        );
        assert!(components_of_file(&serde_json::json!({"cmpts": "[1"})).is_err());
    }
}
