//! Booth: things in shops, with pictures, as JSON; a shop's page is HTML. The shop is the seller: one of a
//! circle shows the works of several people.

use serde_json::Value;
use url::Url;

use super::address::{name, number};
use super::html::{absolute, select};
use super::read::{each, need_list, text_at, told};
use super::{Address, Artwork, Fault, Found, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "booth", identify, artwork: Some(artwork), leads: Some(shop) };

/// Names in front of the host that are no shop.
const RESERVED: &[&str] = &["accounts", "api", "asset", "manage", "s", "s2", "checkout", "market"];

fn identify(address: &Address) -> Option<Identified> {
    let parts = address.segments();
    if address.is_on_any(&["booth.pximg.net", "s.booth.pm", "s2.booth.pm"]) {
        let image = Identified::image(SITE.name, address);
        // https://booth.pximg.net/c/300x300/8bb9e4e3.../i/2864768/00cdfef0..._base_resized.jpg names the
        // thing
        let id = parts.iter().position(|part| *part == "i").and_then(|at| number(parts.get(at + 1)?));
        return Some(id.into_iter().fold(image, Identified::id));
    }
    let other = || Identified::other(SITE.name, address);
    let shop = match address.is_on("booth.pm") {
        true => None,
        false => {
            Some(address.subdomain_of("booth.pm")?).filter(|shop| !RESERVED.contains(shop)).and_then(name)
        }
    };
    Some(match (shop, parts.as_slice()) {
        // https://booth.pm/zh-cn/items/1895090, https://re-face.booth.pm/items/3435711
        (_, [.., "items", id]) if number(id).is_some() => {
            let id = number(id).unwrap_or_default();
            Identified::work(SITE.name, &id, format!("https://booth.pm/ja/items/{id}"))
        }
        (Some(shop), [] | ["items" | "item_lists", ..]) => {
            Identified::profile(SITE.name, shop, page_of(shop))
        }
        _ => other(),
    })
}

fn page_of(shop: &str) -> String {
    format!("https://{shop}.booth.pm/")
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    // Some visitors get the JSON only after the page.
    let ask = |url: &str| Ok(web.request(url)?.header("Cookie", "adult=t"));
    let json = format!("{}.json", page.address());
    let answer = match web.json(ask(&json)?) {
        Err(SiteError::Blocked { status: 403, .. }) => {
            web.send(ask(page.address())?)?;
            web.json(ask(&json)?)?
        }
        answer => answer?,
    };
    Found::on(parse_item(&answer), page)
}

fn parse_item(item: &Value) -> Result<Found, Fault> {
    let shop =
        text_at(item, "shop.subdomain").and_then(name).ok_or(Missing::new("the field shop.subdomain"))?;
    let mut found = Found::by(page_of(shop));
    let images: Vec<&Value> = need_list(item, "images")?.iter().collect();
    let files = each(&images, &["original", "resized"], "images")?;
    found.without = Some(Fault::NoPicture("a thing without pictures"));
    if let Some(file) = files.first() {
        let base = Url::parse("https://booth.pm/").map_err(|_| Missing::new("host"))?;
        // Of a file made smaller the whole one lies beside it, in whichever format it was uploaded.
        let whole = file
            .rsplit_once("_base_resized.")
            .map(|(stem, _)| ["jpg", "png"].map(|end| format!("{stem}.{end}")));
        found.images.add_all(&base, whole.iter().flatten().map(String::as_str));
        found.images.add_all(&base, [*file].into_iter().chain(text_at(images[0], "resized")));
    }
    found.links(links_in_text(told(item, "description")?.unwrap_or_default()), Place::WorkText);
    // With Japan's offset. Absent from older answers.
    found.published = text_at(item, "published_at").and_then(Timestamp::parse_rfc3339);
    Ok(found)
}

fn shop(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.page(page.address(), SITE.name)?;
    parse_shop(&response.text(), &response.url).map_err(|missing| missing.on(page.address()))
}

fn parse_shop(html: &str, base: &Url) -> Result<Vec<Lead>, Missing> {
    const CONTACT: &str = ".shop-contacts__link a[href]";
    let [contacts, anchors, labels, items] =
        select(html, [CONTACT, "a[href]", ".shop__text--link", "a[href*=\"/items/\"]"]);
    if contacts.is_empty() && items.is_empty() && !html.contains("Currently, this shop is private") {
        // A shop has things to sell: our inference, since nobody has documented a mark of the page.
        return Err(Missing::new(CONTACT));
    }
    // An anchor around a label: the label is the next element.
    let labelled = anchors.iter().filter(|anchor| labels.iter().any(|label| label.order == anchor.order + 1));
    let mut leads = Vec::new();
    for url in contacts.iter().chain(labelled).filter_map(|anchor| absolute(anchor.attr("href")?, base)) {
        Lead::add(&mut leads, url, Place::ProfileField);
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
        let item = "https://booth.pm/ja/items/1895090";
        check_identify("https://booth.pm/zh-cn/items/1895090", Kind::Artwork, "1895090", item);
        check_identify("https://re-face.booth.pm/items/1895090?a=1", Kind::Artwork, "1895090", item);
        check_identify(
            "https://re-face.booth.pm/items",
            Kind::Profile,
            "re-face",
            "https://re-face.booth.pm/",
        );
        none("https://www.booth.pm", Kind::Other);
        none("https://booth.pm/en/browse/Audio%20Goods", Kind::Other);
        none("https://booth.pximg.net/users/3193929/icon_image/5be9eff4.png", Kind::Image);
    }

    #[test]
    fn a_private_shop_has_no_links_and_another_page_is_told() {
        let base = Url::parse("https://ann.booth.pm/").unwrap();
        assert_eq!(parse_shop("<p>Currently, this shop is private</p>", &base), Ok(vec![]));
        assert!(parse_shop("<p>redesigned</p>", &base).is_err());
        let labelled =
            "<a href='/items/1'>x</a><a href='https://x.com/ann'><span class=shop__text--link>X</span></a>";
        assert_eq!(
            parse_shop(labelled, &base).unwrap(),
            [Lead::new("https://x.com/ann", Place::ProfileField)]
        );
    }
}
