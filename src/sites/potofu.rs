//! Potofu: a link page whose data is JSON.

use serde_json::Value;

use super::address::name;
use super::read::{each, need_list};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};

pub const SITE: Site = Site { name: "potofu", identify, artwork: None, leads: Some(leads) };

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on("potofu.me") {
        return None;
    }
    Some(match address.segments().as_slice() {
        [user] if name(user).is_some() => {
            Identified::new(SITE.name, Kind::LinkPage, format!("https://potofu.me/{user}")).id(*user)
        }
        _ => Identified::other(SITE.name, address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let answer = web.json(web.request(&format!("https://api.potofu.me/users/{}", page.id_text()))?)?;
    parse(&answer).map_err(|missing| missing.on(page.address()))
}

fn parse(answer: &Value) -> Result<Vec<Lead>, Missing> {
    let links: Vec<&Value> = need_list(answer, "user.links")?.iter().collect();
    // A link that was begun has none yet.
    let urls = each(&links, &["url"], "user.links")?;
    Ok(urls.into_iter().map(|url| Lead::new(url, Place::ProfileText)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_identify;
    use super::*;

    #[test]
    fn recognises_and_reads_a_page() {
        check_identify("https://potofu.me/ann/", Kind::LinkPage, "ann", "https://potofu.me/ann");
        // Made by hand to the documented shape.
        let answer = serde_json::json!({"user": {"name": "ann", "links": [{"url": "https://twitter.com/ann"}, {"url": null}]}});
        assert_eq!(parse(&answer).unwrap(), [Lead::new("https://twitter.com/ann", Place::ProfileText)]);
        assert!(parse(&serde_json::json!({"user": {}})).is_err());
    }
}
