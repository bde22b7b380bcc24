//! Patreon: the connected accounts of a creator, from the state of the creator's page.

use serde_json::Value;

use super::address::{name, number};
use super::read::{at, links_in_text, list_at, plain_text, script_json, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};

pub const SITE: Site = Site { name: "patreon", identify, artwork: None, leads: Some(leads) };

/// First parts of a path that are no creator.
const RESERVED: &[&str] = &[
    "posts",
    "file",
    "login",
    "signup",
    "search",
    "explore",
    "home",
    "about",
    "policy",
    "pricing",
    "create",
    "apps",
    "api",
    "user",
    "bepatron",
    "profile",
    "messages",
    "settings",
    "notifications",
    "library",
    "community",
    "careers",
    "product",
    "join",
    "checkout",
    "c",
    "m",
    "cw",
    "oauth2",
    "portal",
    "press",
    "blog",
    "gift",
    "invite",
    "rss",
];

fn identify(address: &Address) -> Option<Identified> {
    let other = || Identified::other(SITE.name, address);
    let host = address.host();
    if host.ends_with(".patreonusercontent.com") {
        return Some(Identified::image(SITE.name, address));
    }
    if address.subdomain_of("patreon.com").is_some() {
        return Some(Identified::image(SITE.name, address));
    }
    if host != "patreon.com" {
        return None;
    }
    let by_number = |id: Option<String>| match id.and_then(|id| number(&id)) {
        Some(id) => {
            Identified::new(SITE.name, Kind::LinkPage, format!("https://www.patreon.com/user?u={id}")).id(id)
        }
        None => other(),
    };
    Some(match address.segments().as_slice() {
        // https://www.patreon.com/posts/nino-13608041, https://www.patreon.com/m/posts/sparkle-71057815
        ["posts", slug] | ["m", "posts", slug] => match number(slug.rsplit('-').next().unwrap_or_default()) {
            Some(id) => {
                Identified::new(SITE.name, Kind::Artwork, format!("https://www.patreon.com/posts/{id}"))
                    .id(id)
            }
            None => other(),
        },
        ["user" | "bePatron"] | ["user", "posts"] | ["profile", "creators"] => by_number(address.query("u")),
        ["api", "user", id] => by_number(Some((*id).to_owned())),
        // https://www.patreon.com/c/Miyakonoh, /cw/iwanokenta, /m/1041uuu/about, /join/thirdphp, /checkout/roxxxan
        ["c" | "cw" | "m" | "join" | "checkout", user, ..] => creator(user).unwrap_or_else(other),
        [_, "shop", ..] => other(),
        [user, ..] => creator(user).unwrap_or_else(other),
        [] => other(),
    })
}

fn creator(user: &str) -> Option<Identified> {
    let user = name(user).filter(|user| !RESERVED.contains(&user.to_ascii_lowercase().as_str()))?;
    Some(Identified::new(SITE.name, Kind::LinkPage, format!("https://www.patreon.com/{user}")).id(user))
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request_as_browser(page.address(), SITE.name)?)?;
    match parse(&response.text()) {
        Ok(Some(leads)) => Ok(leads),
        Ok(None) => Err(SiteError::Gone { url: page.address().to_owned() }),
        Err(missing) => Err(missing.on(page.address())),
    }
}

/// `None` where a curtain stands before a removed creator.
fn parse(html: &str) -> Result<Option<Vec<Lead>>, Missing> {
    const CAMPAIGN: &str = "props.pageProps.bootstrapEnvelope.pageBootstrap.campaign";
    let state = script_json(html, "__NEXT_DATA__")?;
    let curtain = super::read::objects_with(&state, &["curtainType"]);
    if curtain.iter().any(|object| {
        text_at(object, "curtainType").is_some_and(|kind| matches!(kind, "user_removed" | "campaign_removed"))
    }) {
        return Ok(None);
    }
    let campaign = at(&state, CAMPAIGN).ok_or_else(|| Missing::new(format!("the field {CAMPAIGN}")))?;
    if at(campaign, "included").and_then(Value::as_array).is_none() {
        return Err(Missing::new(format!("the field {CAMPAIGN}.included")));
    }
    let mut leads = Vec::new();
    for connection in list_at(campaign, "included") {
        if text_at(connection, "type") == Some("social-connection") {
            let url = text_at(connection, "attributes.external_profile_url");
            // Connected through the network's own login.
            leads.extend(url.map(|url| Lead::new(url, Place::ProfileField)));
        }
    }
    if let Some(summary) = text_at(campaign, "data.attributes.summary") {
        leads.extend(
            super::read::anchors(
                summary,
                &url::Url::parse("https://www.patreon.com/").expect("a constant URL"),
                None,
            )
            .into_iter()
            .chain(links_in_text(&plain_text(summary)))
            .map(|url| Lead::new(url, Place::ProfileText)),
        );
    }
    Ok(Some(leads))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let creator = "https://www.patreon.com/1041uuu";
        for form in [
            "https://www.patreon.com/1041uuu",
            "https://www.patreon.com/checkout/1041uuu?rid=0",
            "https://www.patreon.com/m/1041uuu/about",
            "https://patreon.com/c/1041uuu/posts",
        ] {
            check_identify(form, Kind::LinkPage, "1041uuu", creator);
        }
        let by_number = "https://www.patreon.com/user?u=4045578";
        check_identify("https://www.patreon.com/bePatron?u=4045578", Kind::LinkPage, "4045578", by_number);
        let post = "https://www.patreon.com/posts/71057815";
        check_identify("https://www.patreon.com/m/posts/sparkle-71057815", Kind::Artwork, "71057815", post);
        none("https://patreon.com/", Kind::Other);
        none("https://www.patreon.com/file?h=23563293&i=3053667", Kind::Other);
    }

    #[test]
    fn reads_connected_accounts() {
        // Made by hand to the documented shape.
        let page = |bootstrap: &str| {
            format!(
                "<script id=\"__NEXT_DATA__\">{{\"props\":{{\"pageProps\":{{\"bootstrapEnvelope\":\
                 {{\"pageBootstrap\":{bootstrap}}}}}}}}}</script>"
            )
        };
        let html = page(
            r#"{"campaign":{"data":{"attributes":{"summary":"<a href=\"https://ann.carrd.co\">x</a>"}},
            "included":[{"type":"user"},{"type":"social-connection",
            "attributes":{"app_name":"twitter","external_profile_url":"https://twitter.com/ann"}}]}}"#,
        );
        assert_eq!(
            parse(&html).unwrap().unwrap(),
            [
                Lead::new("https://twitter.com/ann", Place::ProfileField),
                Lead::new("https://ann.carrd.co/", Place::ProfileText)
            ]
        );
        assert_eq!(parse(&page(r#"{"curtainType":"user_removed"}"#)), Ok(None));
        assert!(parse(&page("{}")).unwrap_err().0.ends_with("campaign"));
    }
}
