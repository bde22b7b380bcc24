//! Littly (litt.ly): a link page whose data is JSON in Base64, in `script#data`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

use super::address::name;
use super::html;
use super::read::{at, has, need_list, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::fetch::json;

pub const SITE: Site = Site { name: "littly", identify, artwork: None, leads: Some(leads) };

/// First parts of a path that are nobody's name.
const RESERVED: &[&str] =
    &["about", "admin", "api", "blog", "help", "login", "pricing", "privacy", "signup", "terms"];

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on("litt.ly") {
        return None;
    }
    Some(match address.segments().as_slice() {
        // https://litt.ly/name
        [user] if name(user).is_some() && !RESERVED.contains(user) => {
            Identified::new(SITE.name, Kind::LinkPage, format!("https://litt.ly/{user}")).id(*user)
        }
        _ => Identified::other(SITE.name, address),
    })
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.request(page.address())?)?;
    parse(&response.text()).map_err(|missing| missing.on(page.address()))
}

fn parse(html: &str) -> Result<Vec<Lead>, Missing> {
    let script = html::first(html, "script[id=\"data\"]").ok_or_else(|| Missing::new("script#data"))?;
    let coded: String = script.text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = STANDARD_NO_PAD.decode(coded.trim_end_matches('='));
    let text = text.map_err(|_| Missing::new("Base64 in script#data"))?;
    let data: Value = json::parse(&text).map_err(|_| Missing::new("JSON in script#data"))?;
    let blocks = need_list(&data, "blocks")?;
    for field in ["use", "url"] {
        // A block of text has no address, but not all are of text.
        if !blocks.is_empty() && !blocks.iter().any(|block| has(block, field)) {
            return Err(Missing::new(format!("the field blocks[].{field}")));
        }
    }
    let mut leads = Vec::new();
    // Its owner may hide a block without deleting it.
    for block in blocks.iter().filter(|block| at(block, "use").and_then(Value::as_bool) == Some(true)) {
        if let Some(url) = text_at(block, "url") {
            Lead::add(&mut leads, url, Place::ProfileText);
        }
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    fn read(json: &str) -> Result<Vec<String>, Missing> {
        let coded = base64::engine::general_purpose::STANDARD.encode(json);
        let html = format!("<html><script id=\"data\" type=\"text/plain\">\n{coded}\n</script></html>");
        parse(&html).map(|leads| leads.into_iter().map(|lead| lead.url).collect())
    }

    #[test]
    fn reads_the_blocks_that_are_in_use() {
        check_identify("https://litt.ly/ann", Kind::LinkPage, "ann", "https://litt.ly/ann");
        none("https://litt.ly/login", Kind::Other);
        none("https://litt.ly.evil.example/ann", Kind::Unsupported);
        let made = include_str!("../../tests/fixtures/sites/littly/data_made.json");
        assert_eq!(read(made).unwrap(), ["https://twitter.com/ann", "https://ann.carrd.co/"]);
        assert_eq!(read(r#"{"blocks":[]}"#).unwrap(), [""; 0]);
        assert_eq!(
            read(r#"{"blocks":[{"url":"https://x.com/ann"}]}"#).unwrap_err().0,
            "the field blocks[].use"
        );
        assert_eq!(read("{}").unwrap_err().0, "the list blocks");
        assert_eq!(read("no json").unwrap_err().0, "JSON in script#data");
        assert_eq!(parse("<script id=data>***</script>").unwrap_err().0, "Base64 in script#data");
        assert_eq!(parse("<script>x</script>").unwrap_err().0, "script#data");
    }
}
