//! Xfolio: portfolios as HTML. Its guard sends most programs to a test for robots, and pictures want a
//! referrer. No date of a work is documented.

use url::Url;

use super::address::{name, number};
use super::free_text::{links_in_html, select_and_links};
use super::html::{absolute, first_attr, select};
use super::{Address, Artwork, Fault, Found, Identified, Lead, Missing, Place, Site, SiteError, Web};
use crate::domain::images::ImageSource;
use crate::fetch::Response;

pub const SITE: Site = Site { name: "xfolio", identify, artwork: Some(artwork), leads: Some(profile) };

fn page_of(user: &str) -> String {
    format!("https://xfolio.jp/portfolio/{user}")
}

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on("xfolio.jp") {
        return None;
    }
    let parts = address.segments();
    let parts = match parts.as_slice() {
        // https://xfolio.jp/zh-CN/portfolio/yutakashii
        [language, rest @ ..] if language.len() <= 5 && rest.first() == Some(&"portfolio") => rest,
        parts => parts,
    };
    let found = match parts {
        ["portfolio", user, "works", id] => name(user).zip(number(id)).map(|(user, id)| {
            let url = format!("{}/works/{id}", page_of(user));
            Identified::work(SITE.name, &id, url).artist(page_of(user))
        }),
        ["portfolio", user] | ["portfolio", user, "works"] | ["portfolio", user, "free", ..] => {
            name(user).map(|user| Identified::profile(SITE.name, user, page_of(user)))
        }
        ["user_asset.php" | "fullscale_image"] => {
            let image = Identified::image(SITE.name, address);
            Some(address.query("work_id").and_then(|id| number(&id)).into_iter().fold(image, Identified::id))
        }
        _ => None,
    };
    Some(found.unwrap_or_else(|| Identified::other(SITE.name, address)))
}

fn ask(page: &Identified, web: &Web) -> Result<Response, SiteError> {
    let response = web.page(page.address(), SITE.name)?;
    if response.url.path().starts_with("/system/recaptcha") {
        return Err(SiteError::Blocked { url: page.address().to_owned(), status: response.status });
    }
    match response.text().contains("ページが見つかりません。") {
        true => Err(Fault::Gone.on(page.address())),
        false => Ok(response),
    }
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let response = ask(page, web)?;
    Found::on(parse_work(&response.text(), &response.url, page), page)
}

fn parse_work(html: &str, base: &Url, page: &Identified) -> Result<Found, Fault> {
    const PICTURES: &str = ".article__wrap_img";
    const CREATOR: &str = ".creatorInfo[data-creator-name]";
    let selectors = [
        CREATOR,
        ".article__wrap_img a[href*=\"fullscale_image\"]",
        ".article__wrap_img img[src]",
        "[data-is-purchased]",
    ];
    let ([creators, whole, shown, paid], links) =
        select_and_links(html, selectors, ".richDescriptionText", base);
    let creator = creators.first().ok_or(Missing::new(CREATOR))?;
    let mut found = Found::by(page.artist.clone());
    // The artist's text of his profile stands on every work of his.
    let text = creator.attr("data-creator-profile").ok_or(Missing::new("data-creator-profile"))?;
    found.links(links_in_html(text, base), Place::ProfileText);
    if let Some(file) = first_attr(&whole, "href") {
        let file = absolute(file, base).and_then(|url| Address::parse(&url));
        let number = |key| file.as_ref().and_then(|file| number(&file.query(key)?));
        if let (Some(image), Some(work)) = (number("image_id"), number("work_id")) {
            let url = format!(
                "https://xfolio.jp/user_asset.php?id={image}&work_id={work}&work_image_id={image}&type=work_image"
            );
            let referer = format!("https://xfolio.jp/fullscale_image?image_id={image}&work_id={work}");
            found.images.add(ImageSource { url, referer: Some(referer) });
        }
    }
    found.images.add_all(base, first_attr(&shown, "src"));
    found.without = Some(match paid.is_empty() {
        true => Missing::new(PICTURES).into(),
        false => Fault::LoginNeeded("it has to be paid for"),
    });
    found.links(links, Place::WorkText);
    Ok(found)
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = ask(page, web)?;
    parse_profile(&response.text(), &response.url).map_err(|missing| missing.on(page.address()))
}

fn parse_profile(html: &str, base: &Url) -> Result<Vec<Lead>, Missing> {
    const HEAD: &str = ".header--portfolio__wrapper";
    let [heads, icons, buttons] =
        select(html, [HEAD, ".header--portfolio__wrapper a[href]", "a.button[href]"]);
    if heads.is_empty() {
        return Err(Missing::new(HEAD));
    }
    let mut leads = Vec::new();
    for url in icons.iter().chain(&buttons).filter_map(|anchor| absolute(anchor.attr("href")?, base)) {
        if Address::parse(&url).is_some_and(|address| !address.is_on("xfolio.jp")) {
            Lead::add(&mut leads, url, Place::ProfileField);
        }
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
        let work = "https://xfolio.jp/portfolio/Rei_0127/works/59931";
        check_identify("https://xfolio.jp/en/portfolio/Rei_0127/works/59931", Kind::Artwork, "59931", work);
        let user = "https://xfolio.jp/portfolio/hayato69";
        check_identify(
            "https://xfolio.jp/zh-CN/portfolio/hayato69/free/33407",
            Kind::Profile,
            "hayato69",
            user,
        );
        none("https://xfolio.jp/portfolio", Kind::Other);
        none("https://xfolio.jp/portfolio/donguri/series/1391402", Kind::Other);
        let file = "https://xfolio.jp/user_asset.php?id=1128032&work_id=237599&work_image_id=1128032&type=work_image";
        assert_eq!(super::super::identify(file).id.as_deref(), Some("237599"));
    }

    #[test]
    fn the_whole_file_wants_a_referrer() {
        let page = identify(&Address::parse("https://xfolio.jp/portfolio/ann/works/23977").unwrap()).unwrap();
        let html = include_str!("../../tests/fixtures/sites/xfolio/work_made.html");
        let base = Url::parse(page.address()).unwrap();
        let found = parse_work(html, &base, &page).unwrap_or_else(|_| panic!("read"));
        let images = found.images.or_else(|| unreachable!()).unwrap();
        assert_eq!(
            images[0].referer.as_deref(),
            Some("https://xfolio.jp/fullscale_image?image_id=1128032&work_id=23977")
        );
        assert_eq!((images.len(), found.leads[0].url.as_str()), (2, "https://xfolio.jp/portfolio/ann"));
    }
}
