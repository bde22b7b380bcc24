//! pronouns.page: of a page, which tells much about its owner, the links alone are read. The site checks by
//! itself which of them link back.

use serde_json::Value;

use super::address::{encode, name};
use super::error::Fault;
use super::read::{at, id_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};

pub const SITE: Site = Site { name: "pronounspage", identify, artwork: None, leads: Some(leads) };

fn identify(address: &Address) -> Option<Identified> {
    // https://pronouns.page/@name, https://de.pronouns.page/@name: the same in another language
    if !address.is_on("pronouns.page") && address.subdomain_of("pronouns.page").is_none() {
        return None;
    }
    Some(match address.segments().as_slice() {
        [user] if user.starts_with('@') && name(&user[1..]).is_some() => {
            Identified::new(SITE.name, Kind::LinkPage, format!("https://pronouns.page/{user}")).id(&user[1..])
        }
        _ => Identified::other(SITE.name, address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let url = format!("https://en.pronouns.page/api/profile/get/{}?version=2", encode(page.id_text()));
    let answer = web.json(web.request(&url)?)?;
    parse(&answer).map_err(|fault| fault.on(page.address()))
}

/// Of nobody there is an empty object, or one without profiles.
fn parse(answer: &Value) -> Result<Vec<Lead>, Fault> {
    let missing = |what: &str| Fault::from(Missing::new(what));
    let has_id = id_at(answer, "id").is_some();
    let profiles = match at(answer, "profiles") {
        Some(Value::Object(profiles)) if !profiles.is_empty() => profiles,
        // A map without entries is written as a list.
        Some(Value::Object(_)) => return Err(Fault::Gone),
        Some(Value::Array(list)) if list.is_empty() => return Err(Fault::Gone),
        None if answer.as_object().is_some_and(serde_json::Map::is_empty) => return Err(Fault::Gone),
        _ => return Err(missing("the field profiles")),
    };
    if !has_id {
        return Err(missing("the field id"));
    }
    let mut leads: Vec<Lead> = Vec::new();
    // One of each language of its owner's, mostly with the same links.
    for profile in profiles.values() {
        let links = at(profile, "links").and_then(Value::as_array);
        let links = links.ok_or_else(|| missing("the list profiles.*.links"))?;
        for url in links.iter().filter_map(Value::as_str) {
            let verified = at(profile, "verifiedLinks").is_some_and(|verified| verified.get(url).is_some());
            let place = if verified { Place::Verified } else { Place::ProfileField };
            match leads.iter_mut().find(|lead| lead.url == url) {
                Some(lead) if verified => lead.place = place,
                Some(_) => {}
                None => Lead::add(&mut leads, url, place),
            }
        }
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_a_page_in_any_language() {
        let ann = "https://pronouns.page/@ann";
        check_identify("https://en.pronouns.page/@ann", Kind::LinkPage, "ann", ann);
        check_identify("https://pronouns.page/@ann", Kind::LinkPage, "ann", ann);
        none("https://en.pronouns.page/they", Kind::Other);
        none("https://pronouns.page.evil.example/they", Kind::Unsupported);
    }

    fn outcome(answer: Value) -> Result<usize, &'static str> {
        parse(&answer)
            .map(|leads| leads.len())
            .map_err(|fault| fault.on("https://pronouns.page/@ann").outcome())
    }

    #[test]
    fn what_links_back_is_certain() {
        let made = include_str!("../../tests/fixtures/sites/pronouns/profile_made.json");
        assert_eq!(
            parse(&serde_json::from_str(made).unwrap()).unwrap(),
            [
                Lead::new("https://mastodon.art/@ann", Place::Verified),
                Lead::new("https://twitter.com/ann", Place::ProfileField),
                Lead::new("https://ann.carrd.co/", Place::ProfileField),
            ]
        );
    }

    #[test]
    fn nobody_is_told_from_a_changed_answer() {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(outcome(json("{}")), Err("gone"));
        assert_eq!(outcome(json(r#"{"profiles":[]}"#)), Err("gone"));
        assert_eq!(outcome(json(r#"{"id":"1","profiles":{}}"#)), Err("gone"));
        assert_eq!(outcome(json(r#"{"id":"1"}"#)), Err("layout_changed"));
        assert_eq!(outcome(json(r#"{"error":"x"}"#)), Err("layout_changed"));
        assert_eq!(outcome(json(r#"{"profiles":{"en":{"links":[]}}}"#)), Err("layout_changed"));
        assert_eq!(outcome(json(r#"{"id":"1","profiles":{"en":{}}}"#)), Err("layout_changed"));
        assert_eq!(outcome(json(r#"{"id":"1","profiles":{"en":{"links":[]}}}"#)), Ok(0));
        assert_eq!(outcome(json("[]")), Err("layout_changed"));
    }
}
