//! Weasyl: works and profiles as JSON from its API. Mature works are shown to holders of a key.

use serde_json::Value;
use url::Url;

use super::address::number;
use super::contacts::typed_url;
use super::free_text::links_in_html;
use super::read::{at, list_at, need, need_list, text_at, told};
use super::web::json_throughout;
use super::{Address, Artwork, Fault, Found, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::fetch::json;

pub const SITE: Site = Site { name: "weasyl", identify, artwork: Some(artwork), leads: Some(profile) };

fn base() -> Url {
    Url::parse("https://www.weasyl.com/").expect("a constant address")
}

fn member(login: &str) -> Option<String> {
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '~' | '-');
    let login = login.to_ascii_lowercase();
    (!login.is_empty() && login.chars().all(usable)).then_some(login)
}

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on_any(&["weasyl.com", "cdn.weasyl.com"]) {
        return None;
    }
    let page = |login: &str| format!("https://www.weasyl.com/~{login}");
    let work = |id: &str| {
        let id = number(id)?;
        Some(Identified::work(SITE.name, &id, format!("https://www.weasyl.com/submission/{id}")))
    };
    let profile = |login: &str| {
        let login = member(login)?;
        Some(Identified::profile(SITE.name, &login, page(&login)))
    };
    let parts = address.segments();
    let found = match parts.as_slice() {
        // https://cdn.weasyl.com/~fiz/submissions/2031/41eb...fc51/fiz-a-wesley.png names the work and its
        // artist.
        [login, "submissions", id, digest, _] if digest.len() == 64 => {
            let login = login.strip_prefix('~').and_then(member)?;
            Some(Identified::image(SITE.name, address).id(number(id)?).artist(page(&login)))
        }
        // https://www.weasyl.com/static/media/8f/38/0f/8f380f.png
        _ if address.host().starts_with("cdn.") => Some(Identified::image(SITE.name, address)),
        ["static", ..] => Some(Identified::image(SITE.name, address)),
        // https://www.weasyl.com/~fiz/submissions/2031/a-wesley
        [login, "submissions", id, ..] if login.starts_with('~') => work(id),
        ["submission" | "view", id, ..] => work(id),
        // https://www.weasyl.com/~fiz, https://www.weasyl.com/submissions/fiz?folderid=1
        [login] if login.starts_with('~') => profile(&login[1..]),
        ["user" | "profile" | "submissions" | "journals" | "characters", login] => profile(login),
        _ => None,
    };
    Some(found.unwrap_or_else(|| Identified::other(SITE.name, address)))
}

fn ask(path: &str, web: &Web) -> Result<Value, SiteError> {
    let mut request = web.request(&format!("https://www.weasyl.com/api/{path}"))?;
    if let Some(key) = web.api_key(SITE.name) {
        request = request.header("X-Weasyl-API-Key", key.trim_start_matches("api_key="));
    }
    let response = web.send_raw(request)?;
    // Of a member whose address was never confirmed, which looks like a refusal.
    let code = json::parse(&response.body).ok().and_then(|said: Value| at(&said, "error.code")?.as_i64());
    match code {
        Some(201) => Err(SiteError::Gone { url: response.url.to_string() }),
        _ => json_throughout(response),
    }
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let answer = ask(&format!("submissions/{}/view?anyway=1", page.id_text()), web)?;
    Found::on(parse_work(&answer), page)
}

fn parse_work(work: &Value) -> Result<Found, Fault> {
    let login = told(work, "owner_login")?.and_then(member).ok_or(Missing::new("the field owner_login"))?;
    let mut found = Found::by(format!("https://www.weasyl.com/~{login}"));
    match told(work, "subtype")? {
        Some("visual") => {
            need_list(work, "media.submission")?;
            // The thumbnail is a crop; of the others one may be absent.
            let files = [list_at(work, "media.submission"), list_at(work, "media.cover")].concat();
            found.images.add_all(&base(), files.iter().filter_map(|file| text_at(file, "url")));
            found.without = Some(Missing::new("the field media.submission[].url").into());
        }
        _ => found.without = Some(Fault::NoPicture("literature, music or a film")),
    }
    // `2012-04-20T00:38:04Z`, and `2012-04-20T00:38:04+00:00Z`.
    let date = text_at(work, "posted_at").and_then(|date| date.get(..19));
    found.published = date.and_then(|date| Timestamp::parse_rfc3339(&format!("{date}Z")));
    let text = told(work, "description")?.unwrap_or_default();
    found.links(links_in_html(text, &base()), Place::WorkText);
    Ok(found)
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let answer = ask(&format!("users/{}/view", page.id_text()), web)?;
    parse_member(&answer).map_err(|missing| missing.on(page.address()))
}

fn parse_member(user: &Value) -> Result<Vec<Lead>, Missing> {
    let links = need(user, "user_info.user_links")?;
    let links = links.as_object().ok_or(Missing::new("the object user_info.user_links"))?;
    let mut leads = Vec::new();
    for (label, values) in links {
        // A value is what the member typed: a URL, or a name on the site of the label.
        let typed = values.as_array().into_iter().flatten().filter_map(Value::as_str);
        for url in typed.filter_map(|value| typed_url(label, value)) {
            Lead::add(&mut leads, url, Place::ProfileField);
        }
    }
    for url in links_in_html(told(user, "profile_text")?.unwrap_or_default(), &base()) {
        Lead::add(&mut leads, url, Place::ProfileText);
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://www.weasyl.com/submission/2031";
        check_identify("https://www.weasyl.com/~fiz/submissions/2031/a-wesley", Kind::Artwork, "2031", work);
        check_identify("https://weasyl.com/view/02031", Kind::Artwork, "2031", work);
        let fiz = "https://www.weasyl.com/~fiz";
        check_identify("https://www.weasyl.com/submissions/Fiz?folderid=1", Kind::Profile, "fiz", fiz);
        none("https://www.weasyl.com/character/12/a", Kind::Other);
        let file = format!("https://cdn.weasyl.com/~fiz/submissions/2031/{}/fiz-a.png", "a".repeat(64));
        let file = super::super::identify(&file);
        assert_eq!((file.kind, file.id.as_deref()), (Kind::Image, Some("2031")));
        assert_eq!(file.artist.as_deref(), Some(fiz));
    }

    #[test]
    fn both_spellings_of_a_date_are_utc() {
        for date in ["2012-04-20T00:38:04Z", "2012-04-20T00:38:04+00:00Z"] {
            let work = serde_json::json!({"owner_login": "fiz", "subtype": "literary", "posted_at": date, "description": ""});
            let found = parse_work(&work).unwrap_or_else(|_| panic!("read"));
            assert_eq!(found.published.unwrap().to_rfc3339(), "2012-04-20T00:38:04Z");
            assert_eq!(found.without, Some(Fault::NoPicture("literature, music or a film")));
        }
    }
}
