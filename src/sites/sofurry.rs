//! SoFurry, the site of 2026: works in the packed form of its pages' data, profiles as JSON. Of a profile
//! nobody has documented under which keys its links are read, so every URL in a field for links is taken.

use serde_json::{Map, Value};
use url::Url;

use super::address::name;
use super::free_text::links_in_html;
use super::read::{at, has, need, need_list, text_at, texts, told};
use super::{Address, Artwork, Fault, Found, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::fetch::json;

pub const SITE: Site = Site { name: "sofurry", identify, artwork: Some(artwork), leads: Some(profile) };

fn base() -> Url {
    Url::parse("https://sofurry.com/").expect("a constant address")
}

fn page_of(handle: &str) -> String {
    format!("https://sofurry.com/u/{handle}")
}

fn identify(address: &Address) -> Option<Identified> {
    if address.subdomain_of("sofurryfiles.com").is_some()
        || address.is_on_any(&["sofurryfiles.com", "t.sofurry.com"])
    {
        return Some(Identified::image(SITE.name, address));
    }
    let other = || Identified::other(SITE.name, address);
    let parts = address.segments();
    if !address.is_on("sofurry.com") {
        // The old site: https://ann.sofurry.com/
        let user = address.subdomain_of("sofurry.com").and_then(name)?;
        let is_user = !matches!(user, "api" | "help" | "beta" | "wiki" | "forum");
        return Some(if is_user { Identified::profile(SITE.name, user, page_of(user)) } else { other() });
    }
    let is_id = |id: &str| id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    Some(match parts.as_slice() {
        // https://sofurry.com/s/aB3dE6gH, in which the case counts
        ["s", id] if is_id(id.trim_end_matches(".data")) => {
            let id = id.trim_end_matches(".data");
            Identified::work(SITE.name, id, format!("https://sofurry.com/s/{id}"))
        }
        // https://sofurry.com/u/ann/gallery; a folder is a page of works
        ["u", _, ..] if address.query("folder").is_some() => other(),
        ["u", user, ..] => match name(user) {
            Some(user) => Identified::profile(SITE.name, user, page_of(user)),
            None => other(),
        },
        _ => other(),
    })
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let response = web.send(web.with_cookie(web.request(&format!("{}.data", page.address()))?, SITE.name))?;
    // Parts that come later stand in further lines.
    let packed: Option<Vec<Value>> = json::parse_first(&response.text());
    let work = packed.and_then(|packed| {
        let route = unpacked(&packed, &["routes/submission.$id", "data", "submission"])?;
        unpack(&packed, route, 0, &mut { MAX_VALUES })
    });
    let work =
        work.ok_or_else(|| Missing::new("routes/submission.$id.data.submission").on(page.address()))?;
    Found::on(parse_work(&work), page)
}

/// Values of one work, and how deep they lie. An entry may stand in many places, so that a short text may
/// mean many.
const MAX_VALUES: u32 = 20_000;
const MAX_DEPTH: u32 = 16;

/// A list of entries: in an object the key `_3` means that its name is entry 3, and the value 7 that it is
/// entry 7; a negative one is null. The index of the entry at the path.
fn unpacked(entries: &[Value], path: &[&str]) -> Option<usize> {
    path.iter().try_fold(0, |at, wanted| {
        let fields = entries.get(at)?.as_object()?;
        let named = |key: &String| entries.get(key.strip_prefix('_')?.parse::<usize>().ok()?)?.as_str();
        let (_, value) = fields.iter().find(|(key, _)| named(key) == Some(wanted))?;
        usize::try_from(value.as_u64()?).ok()
    })
}

/// The entry with what it refers to; `None` if that is more than any work has.
fn unpack(entries: &[Value], at: usize, depth: u32, left: &mut u32) -> Option<Value> {
    *left = left.checked_sub(1).filter(|_| depth < MAX_DEPTH)?;
    let mut refer = |value: &Value| match value.as_u64().and_then(|at| usize::try_from(at).ok()) {
        Some(at) => unpack(entries, at, depth + 1, left),
        None => Some(Value::Null),
    };
    Some(match entries.get(at)? {
        Value::Object(fields) => {
            let mut object = Map::new();
            for (key, value) in fields {
                let name = entries.get(key.strip_prefix('_')?.parse::<usize>().ok()?)?.as_str()?;
                object.insert(name.to_owned(), refer(value)?);
            }
            Value::Object(object)
        }
        // Others are marks of types.
        Value::Array(items) if items.iter().all(Value::is_number) => {
            Value::Array(items.iter().map(refer).collect::<Option<_>>()?)
        }
        scalar => scalar.clone(),
    })
}

fn parse_work(work: &Value) -> Result<Found, Fault> {
    let handle = text_at(work, "author.handle").ok_or(Missing::new("the field author.handle"))?;
    let mut found = Found::by(page_of(handle));
    let mut contents: Vec<&Value> = need_list(work, "content")?.iter().collect();
    if !contents.is_empty() && !contents.iter().any(|content| has(content, "position")) {
        return Err(Missing::new("the field content[].position").into());
    }
    contents.sort_by_key(|content| at(content, "position").and_then(Value::as_i64).unwrap_or(i64::MAX));
    // Addresses of files hold for ten minutes.
    let files = [contents.first().and_then(|first| text_at(first, "displayUrl")), text_at(work, "thumbUrl")];
    found.without = Some(Missing::new("the field content[].displayUrl").into());
    match told(work, "category")? {
        Some("writing" | "music" | "video") => {
            found.without = Some(Fault::NoPicture("a text, music or a film"))
        }
        _ => found.images.add_all(&base(), files.into_iter().flatten()),
    }
    found.links(links_in_html(told(work, "description")?.unwrap_or_default(), &base()), Place::WorkText);
    found.published = text_at(work, "publishedAt").and_then(Timestamp::parse_rfc3339);
    Ok(found)
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let url = format!("https://sofurry.com/api/profile?handle={}", page.id_text());
    let answer = web.json_throughout(web.with_cookie(web.request(&url)?, SITE.name))?;
    parse_profile(&answer).map_err(|missing| missing.on(page.address()))
}

fn parse_profile(answer: &Value) -> Result<Vec<Lead>, Missing> {
    let user = need(answer, "user")?.as_object().ok_or(Missing::new("the object user"))?;
    let has_text = ["about", "headline"].iter().any(|field| user.contains_key(*field));
    if !has_text {
        return Err(Missing::new("the field user.about or user.headline"));
    }
    let (mut leads, mut written) = (Vec::new(), Vec::new());
    for (key, value) in user {
        let is_link = ["website", "donation", "link", "social"].iter().any(|word| key.contains(word));
        let is_text = ["about", "headline", "tab"].iter().any(|word| key.starts_with(word));
        for text in texts(value) {
            match text.starts_with("http") {
                true if is_link => Lead::add(&mut leads, text, Place::ProfileField),
                _ if is_text => written.extend(links_in_html(text, &base())),
                _ => {}
            }
        }
    }
    written.iter().for_each(|url| Lead::add(&mut leads, url, Place::ProfileText));
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://sofurry.com/s/aB3dE6gH";
        check_identify("https://www.sofurry.com/s/aB3dE6gH?x=1", Kind::Artwork, "aB3dE6gH", work);
        check_identify(
            "https://sofurry.com/u/ann/gallery",
            Kind::Profile,
            "ann",
            "https://sofurry.com/u/ann",
        );
        check_identify("https://ann.sofurry.com/", Kind::Profile, "ann", "https://sofurry.com/u/ann");
        none("https://sofurry.com/u/ann/gallery?folder=iD", Kind::Other);
        none("https://www.sofurry.com/view/1234", Kind::Other);
        none("https://www.sofurryfiles.com/std/content?page=1234", Kind::Image);
    }

    #[test]
    fn what_is_packed_is_bounded() {
        let entries = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap();
        let read = |text: &str| unpack(&entries(text), 0, 0, &mut { 100 });
        assert_eq!(
            read(r#"[{"_1":2,"_3":-5,"_4":5},"a","b","c","d",[2,-1]]"#),
            Some(serde_json::json!({"a": "b", "c": null, "d": ["b", null]}))
        );
        assert_eq!(read(r#"[{"_1":0},"itself"]"#), None);
        assert_eq!(read(r#"[[1,1,1,1,1],[2,2,2,2,2],[3,3,3,3,3],[4],"x"]"#), None);
        assert_eq!(read(r#"[{"_9":1},"no name"]"#), None);
    }
}
