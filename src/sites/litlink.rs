//! lit.link: a link page whose data comes in the script chunks of its framework.

use serde_json::Value;

use super::address::name;
use super::read::{javascript_string, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
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
    let html = web.send(web.request(page.address())?)?.text();
    if html.contains("<title>Not Found") {
        return Err(SiteError::Gone { url: page.address().to_owned() });
    }
    parse(&html).map_err(|missing| missing.on(page.address()))
}

/// Joins the chunks `self.__next_f.push([1,"..."])` and reads the list `profileLinks` within.
fn parse(html: &str) -> Result<Vec<Lead>, Missing> {
    const PUSH: &str = "self.__next_f.push([1,\"";
    const FIELD: &str = "\"profileLinks\":";
    let chunks: String = html.split(PUSH).skip(1).filter_map(|chunk| javascript_string(chunk, '"')).collect();
    if chunks.is_empty() {
        return Err(Missing::new("self.__next_f"));
    }
    let missing = || Missing::new("the field profileLinks");
    let rest = &chunks[chunks.find(FIELD).ok_or_else(missing)? + FIELD.len()..];
    // The list ends somewhere within the text; the parser stops there.
    let list = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next();
    let list = list.and_then(Result::ok).ok_or_else(missing)?;
    let mut leads = Vec::new();
    for link in list.as_array().ok_or_else(missing)? {
        for field in ["buttonLink.url", "buttonLink.urlType.url", "movieLink.url"] {
            leads.extend(text_at(link, field).map(|url| Lead::new(url, Place::ProfileText)));
        }
        for image in super::read::list_at(link, "imageLink.profileImages") {
            leads.extend(text_at(image, "url").map(|url| Lead::new(url, Place::ProfileText)));
        }
        for field in ["textLink.title", "textLink.description"] {
            let text = text_at(link, field).map(links_in_text).unwrap_or_default();
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
    }
}
