//! Nijie: HTML for members alone, so that nothing is read without the cookies of an account. Its sister Horne
//! is closed.

use url::Url;

use super::address::{decode, number};
use super::gelbooru;
use super::html::{Element, absolute, first_attr, need_link, select};
use super::{Address, Artwork, Fault, Found, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::fetch::Response;

pub const SITE: Site = Site { name: "nijie", identify, artwork: Some(artwork), leads: Some(profile) };

const ARTIST: &str = "a.name[href*=\"members.php?id=\"], #dojin_left .right a[href*=members]";

fn page_of(user: &str) -> String {
    format!("https://nijie.info/members.php?id={user}")
}

fn identify(address: &Address) -> Option<Identified> {
    let host = address.host();
    let is_files =
        host.starts_with("pic") && (address.subdomain_of("nijie.info").is_some() || host == "pic.nijie.net");
    if is_files {
        return Some(Identified::image(SITE.name, address));
    }
    if !matches!(host, "nijie.info" | "sp.nijie.info" | "horne.red") {
        return None;
    }
    let id = address.query("id").and_then(|id| number(&id));
    Some(match (address.segments().as_slice(), id) {
        // https://nijie.info/view.php?id=218856,
        // https://sp.nijie.info/view_popup.php?id=476470#popup_illust_3
        (["view.php" | "view_popup.php"], Some(id)) => {
            Identified::work(SITE.name, &id, format!("https://nijie.info/view.php?id={id}"))
        }
        (["members.php" | "members_illust.php" | "members_dojin.php"], Some(id)) => {
            Identified::profile(SITE.name, &id, page_of(&id))
        }
        _ => Identified::other(SITE.name, address),
    })
}

fn ask(url: &str, page: &Identified, web: &Web) -> Result<Response, SiteError> {
    // Without it works for adults are left out.
    let cookie = web.cookie(SITE.name).map_or("R18=1".to_owned(), |own| format!("{own}; R18=1"));
    let response = web.send(web.request(url)?.header("Cookie", cookie))?;
    let html = response.text();
    if html.contains("id=\"login_illust\"") {
        return Err(Fault::LoginNeeded("shown to members only").on(page.address()));
    }
    match html.contains("作品は存在しません") {
        true => Err(Fault::Gone.on(page.address())),
        false => Ok(response),
    }
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let response = ask(page.address(), page, web)?;
    Found::on(parse_work(&response.text(), &response.url), page)
}

fn parse_work(html: &str, base: &Url) -> Result<Found, Fault> {
    const PICTURE: &str = "#view-center [itemprop=image]";
    const SCRIPT: &str = "script[type=\"application/ld+json\"]";
    let [artists, pictures, scripts, anchors] =
        select(html, [ARTIST, PICTURE, SCRIPT, "#illust_text p a[href]"]);
    let mut found = Found::by(need_link(&artists, ARTIST, base)?);
    if let Some(file) = first_attr(&pictures, "src") {
        // What is shown is made smaller by a part of its path.
        found.images.add_all(base, [file.replace("__rs_l120x120/", "").as_str(), file]);
    }
    found.without = Some(Missing::new(PICTURE).into());
    // `Wed Jul 21 20:36:32 2021`, Japan's time.
    let date =
        scripts.iter().find_map(|script| script.text.split_once("\"datePublished\"")?.1.split('"').nth(1));
    found.published = date.and_then(|date| {
        let (day, year) = date.trim().rsplit_once(' ')?;
        gelbooru::date(&format!("{day} +0900 {year}"))
    });
    found.links(written(&anchors, base), Place::WorkText);
    Ok(found)
}

/// Links of a text go over a page of the site's; what was typed is their text, or stands in their address.
fn written(anchors: &[Element], base: &Url) -> Vec<String> {
    let typed = anchors
        .iter()
        .filter(|anchor| !anchor.attr("class").is_some_and(|class| class.contains("__cf_email__")));
    let url = typed.filter_map(|anchor| match anchor.text.trim() {
        text if text.starts_with("http") => Some(text.to_owned()),
        _ => absolute(anchor.attr("href")?, base)?.split_once("/jump.php?").map(|(_, target)| decode(target)),
    });
    url.collect()
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = ask(page.address(), page, web)?;
    parse_profile(&response.text(), &response.url).map_err(|missing| missing.on(page.address()))
}

fn parse_profile(html: &str, base: &Url) -> Result<Vec<Lead>, Missing> {
    const PROFILE: &str = "#main-center-none";
    let [profiles, anchors] = select(html, [PROFILE, "#main-center-none #prof a[href]"]);
    if profiles.is_empty() {
        return Err(Missing::new(PROFILE));
    }
    let links = written(&anchors, base);
    Ok(links.into_iter().map(|url| Lead::new(url, Place::ProfileText)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let work = "https://nijie.info/view.php?id=218856";
        check_identify(
            "https://sp.nijie.info/view_popup.php?id=218856#diff_1",
            Kind::Artwork,
            "218856",
            work,
        );
        let user = "https://nijie.info/members.php?id=44";
        check_identify("https://nijie.info/members_illust.php?id=44", Kind::Profile, "44", user);
        none("https://nijie.info/like_my.php", Kind::Other);
        none("https://pic04.nijie.info/omata/4829_20161128012012.png", Kind::Image);
        none(
            "https://pic.nijie.net/07/nijie/17/95/728995/illust/0_0_403fdd541191110c_c25585.jpg",
            Kind::Image,
        );
    }

    #[test]
    fn members_only_and_gone_are_told_apart() {
        let base = Url::parse("https://nijie.info/view.php?id=1").unwrap();
        let html = "<p id=illust_text><p><a href='/jump.php?https%3A%2F%2Fx.com%2Fann'>X</a></p></p>";
        let [anchors] = select(html, ["a[href]"]);
        assert_eq!(written(&anchors, &base), ["https://x.com/ann"]);
        assert!(matches!(parse_work("<p>new</p>", &base), Err(Fault::Missing(_))));
    }
}
