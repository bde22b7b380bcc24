//! lit.link: a link page whose data comes in the script chunks of its framework.

use serde_json::Value;

use super::address::name;
use super::free_text::Texts;
use super::read::{at, each, has, javascript_string, list_at, script_json, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::fetch::json;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "litlink", identify, artwork: None, leads: Some(leads) };

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on("lit.link") {
        return None;
    }
    let parts = address.segments();
    let user = match parts.as_slice() {
        ["en" | "ja", user] | [user] => {
            name(user).filter(|user| !matches!(*user, "en" | "ja" | "login" | "signup"))
        }
        _ => None,
    };
    Some(match user {
        Some(user) => Identified::new(SITE.name, Kind::LinkPage, format!("https://lit.link/{user}")).id(user),
        None => Identified::other(SITE.name, address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request(page.address())?)?;
    let html = response.text();
    if html.contains("<title>Not Found") {
        return Err(SiteError::Gone { url: page.address().to_owned() });
    }
    parse(&html).map_err(|missing| missing.on(page.address()))
}

/// The lists of a profile, by their names.
struct Profile {
    links: Value,
    /// Icons of networks, which newer pages have beside the links.
    icons: Option<Value>,
}

/// Joins the chunks `self.__next_f.push([1,"..."])`, or reads the older `script#__NEXT_DATA__`.
fn profile(html: &str) -> Result<Profile, Missing> {
    const PUSH: &str = "self.__next_f.push([1,\"";
    let missing = || Missing::new("the list profileLinks");
    let chunks: String = html.split(PUSH).skip(1).filter_map(|chunk| javascript_string(chunk, '"')).collect();
    if chunks.is_empty() {
        let state = script_json(html, "__NEXT_DATA__").map_err(|_| Missing::new("self.__next_f"))?;
        let list = |name: &str| at(&state, &format!("props.pageProps.profile.{name}")).cloned();
        return Ok(Profile { links: list("profileLinks").ok_or_else(missing)?, icons: list("snsIconLinks") });
    }
    // A list ends somewhere within the text; the parser stops there.
    let list = |name: &str| -> Option<Value> {
        let (_, rest) = chunks.split_once(&format!("\"{name}\":"))?;
        json::parse_first(rest)
    };
    Ok(Profile { links: list("profileLinks").ok_or_else(missing)?, icons: list("snsIconLinks") })
}

fn parse(html: &str) -> Result<Vec<Lead>, Missing> {
    let profile = profile(html)?;
    let mut leads = Vec::new();
    let icons: Vec<&Value> = profile.icons.iter().filter_map(Value::as_array).flatten().collect();
    let urls = each(&icons, &["url"], "snsIconLinks")?;
    leads.extend(urls.into_iter().map(|url| Lead::new(url, Place::ProfileText)));
    let links = profile.links.as_array().ok_or_else(|| Missing::new("the list profileLinks"))?;
    // Blocks that are only a distance (`margin_block`) have none of them.
    const KINDS: [(&str, &str); 4] =
        [("button", "buttonLink"), ("image", "imageLink"), ("movie", "movieLink"), ("text", "textLink")];
    if !links.is_empty() && !links.iter().any(|link| has(link, "profileLinkType")) {
        return Err(Missing::new("the field profileLinks[].profileLinkType"));
    }
    for (kind, field) in KINDS {
        let mut of_kind =
            links.iter().filter(|link| text_at(link, "profileLinkType") == Some(kind)).peekable();
        if of_kind.peek().is_some() && !of_kind.any(|link| has(link, field)) {
            return Err(Missing::new(format!("the field profileLinks[].{field}")));
        }
    }
    let buttons: Vec<&Value> = links.iter().filter_map(|link| at(link, "buttonLink")).collect();
    each(&buttons, &["url", "urlType.url"], "profileLinks[].buttonLink")?;
    let mut texts = Texts::default();
    for link in links {
        for field in ["buttonLink.url", "buttonLink.urlType.url", "movieLink.url"] {
            leads.extend(text_at(link, field).map(|url| Lead::new(url, Place::ProfileText)));
        }
        for image in list_at(link, "imageLink.profileImages") {
            leads.extend(text_at(image, "url").map(|url| Lead::new(url, Place::ProfileText)));
        }
        for field in ["textLink.title", "textLink.description"] {
            let text = text_at(link, field).map(|text| links_in_text(texts.take(text))).unwrap_or_default();
            leads.extend(text.into_iter().map(|url| Lead::new(url, Place::ProfileText)));
        }
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_identify;
    use super::*;

    #[test]
    fn recognises_and_reads_a_page() {
        check_identify("https://lit.link/en/ann", Kind::LinkPage, "ann", "https://lit.link/ann");
        // Made by hand to the documented shape; a list may be cut by the end of a chunk.
        let html = r#"<script>self.__next_f.push([1,"5:{\"profile\":{\"name\":\"ann\",\"profileLinks\":[{\"profileLinkType\":\"button\",\"butt"])</script>
            <script>self.__next_f.push([1,"onLink\":{\"url\":\"https://x.com/ann\"}},{\"profileLinkType\":\"text\",\"textLink\":{\"title\":\"t\"}}]}}\n"])</script>"#;
        assert_eq!(parse(html).unwrap(), [Lead::new("https://x.com/ann", Place::ProfileText)]);
        assert_eq!(parse("<p>").unwrap_err().0, "self.__next_f");
        let newer = html.replace(
            r#"\"profileLinks\""#,
            r#"\"snsIconLinks\":[{\"type\":\"twitter\",\"url\":\"https://x.com/ann2\"}],\"profileLinks\""#,
        );
        assert_eq!(
            parse(&newer).unwrap(),
            ["https://x.com/ann2", "https://x.com/ann"].map(|url| Lead::new(url, Place::ProfileText))
        );
        let older = r#"<script id="__NEXT_DATA__">{"props":{"pageProps":{"profile":{"name":"ann","profileLinks":[
            {"profileLinkType":"button","buttonLink":{"url":"https://x.com/ann"}}]}}}}</script>"#;
        assert_eq!(parse(older).unwrap(), [Lead::new("https://x.com/ann", Place::ProfileText)]);
        let changed = html.replace("onLink", "onBox");
        assert_eq!(parse(&changed).unwrap_err().0, "the field profileLinks[].buttonLink");
    }
}
