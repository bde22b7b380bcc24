//! Pixiv's addresses, old and new, those of its mirror, and of its neighbors Sketch and Booth's image files.

use super::super::address::{name, number};
use super::super::{Address, Identified, Kind};

pub const NAME: &str = "pixiv";
pub const SKETCH: &str = "pixiv_sketch";
pub const HOME: &str = "https://www.pixiv.net/";

pub fn identify(address: &Address) -> Option<Identified> {
    let host = address.host();
    let parts = address.segments();
    let other = || Identified::other(NAME, address);
    // https://booth.pximg.net/...: of Booth, Pixiv's shop
    if host == "booth.pximg.net" {
        return Some(booth_image(address, &parts));
    }
    // https://img-sketch.pximg.net/...: of Pixiv Sketch, whose numbers are no works'
    if matches!(host, "img-sketch.pximg.net" | "img-sketch.pixiv.net") {
        return Some(Identified::image(SKETCH, address));
    }
    if host == "pximg.net" || host.ends_with(".pximg.net") || is_old_image_host(host) {
        return Some(image(address, &parts));
    }
    match host {
        // https://pixiv.me/name, https://pixiv.cc/name/, https://blog.pixiv.net/name/
        "pixiv.me" | "pixiv.cc" | "blog.pixiv.net" => {
            return Some(parts.first().and_then(|account| by_account(account)).unwrap_or_else(other));
        }
        // http://p.tl/i/18557054
        "p.tl" => {
            return Some(match parts.as_slice() {
                ["i", id] => number(id).map_or_else(other, |id| work(&id, None)),
                // http://p.tl/m/9948
                ["m", id] => by_id(id).unwrap_or_else(other),
                _ => other(),
            });
        }
        // https://embed.pixiv.net/novel.php?id=1, https://embed.pixiv.net/decorate.php?illust_id=18557054
        "embed.pixiv.net" => {
            let id = address.query("illust_id").and_then(|id| number(&id));
            return Some(id.map_or_else(other, |id| Identified::image(NAME, address).id(id)));
        }
        "pixivision.net" => return Some(other()),
        "pixiv.net" | "touch.pixiv.net" | "m.pixiv.net" | "phixiv.net" => {}
        _ => return None,
    }
    // https://www.pixiv.net/en/artworks/1
    let parts = match parts.as_slice() {
        [language, rest @ ..] if !rest.is_empty() && is_language(language) => rest,
        all => all,
    };
    Some(page(address, parts).unwrap_or_else(other))
}

fn page(address: &Address, parts: &[&str]) -> Option<Identified> {
    match parts {
        // https://www.pixiv.net/artworks/92512929#44: the 44th image
        ["artworks" | "i" | "illust", id] => {
            let position = address.fragment().and_then(|fragment| fragment.parse().ok()).filter(|n| *n > 0);
            Some(work(&number(id)?, position))
        }
        // https://www.phixiv.net/artworks/124748386/2, and /1-3 for several: the first of them
        ["artworks" | "i", id, position] if address.is_on("phixiv.net") => {
            let position = position.split('-').next().and_then(|position| position.parse().ok());
            Some(work(&number(id)?, position.filter(|n| *n > 0)))
        }
        // https://www.pixiv.net/index.php?mode=medium&illust_id=18557054
        ["index.php"] => Some(work(&number(&address.query("illust_id")?)?, None)),
        // https://www.pixiv.net/member_illust.php?mode=manga_big&illust_id=18557054&page=1: the second image
        ["member_illust.php"] if address.query("illust_id").is_some() => {
            let position = address.query("page").and_then(|page| page.parse::<u32>().ok());
            Some(work(&number(&address.query("illust_id")?)?, position.and_then(|page| page.checked_add(1))))
        }
        ["member_illust.php" | "member.php"] | ["novel", "member.php"] => {
            by_id(address.query("id")?.trim_end_matches('/'))
        }
        // https://www.pixiv.net/users/173530/artworks; bookmarks are works of others
        ["users" | "u", id] => by_id(id),
        [
            "users",
            id,
            "artworks" | "illustrations" | "manga" | "novels" | "avatar" | "background" | "profile"
            | "request",
        ] => by_id(id),
        // https://www.pixiv.net/users/173530/artworks/original: the works with one tag
        ["users", id, "artworks" | "illustrations" | "manga" | "novels", _] => by_id(id),
        ["stacc", account] => by_account(account),
        // https://www.pixiv.net/#id=173530, https://www.pixiv.net/mypage.php#id=173530
        // https://www.pixiv.net/user/13569921/series/81967: works of one artist
        ["user", id, "series", _] => Some(Identified::other(NAME, address).artist(by_id(id)?.url?)),
        [] | ["mypage.php"] => by_id(address.fragment()?.strip_prefix("id=")?),
        _ => None,
    }
}

fn work(id: &str, position: Option<u32>) -> Identified {
    Identified::new(NAME, Kind::Artwork, format!("{HOME}artworks/{id}")).id(id).page(position)
}

fn by_id(id: &str) -> Option<Identified> {
    let id = number(id)?;
    Some(Identified::new(NAME, Kind::Profile, format!("{HOME}users/{id}")).id(id))
}

/// The old account name, which only Pixiv can turn into the number.
fn by_account(account: &str) -> Option<Identified> {
    let account = name(account)?.to_ascii_lowercase();
    Some(Identified::new(NAME, Kind::Profile, format!("{HOME}stacc/{account}")).id(account))
}

/// `i1.pixiv.net`, `img.pixiv.net`, `img76.pixiv.net`.
fn is_old_image_host(host: &str) -> bool {
    let Some(sub) = host.strip_suffix(".pixiv.net") else { return false };
    let digits = sub.strip_prefix("img").or_else(|| sub.strip_prefix('i'));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()) && (sub != "i"))
}

fn is_language(part: &str) -> bool {
    matches!(part, "en" | "ja" | "ko" | "zh" | "zh-tw" | "zh_tw" | "th" | "ms" | "es" | "fr" | "de" | "ru")
}

/// An image file; those of works name the work and the page in their file's name.
fn image(address: &Address, parts: &[&str]) -> Identified {
    let image = Identified::image(NAME, address);
    let of_work = parts.iter().any(|part| {
        matches!(*part, "img-original" | "img-master" | "img-zip-ugoira" | "img-inf")
            || part.strip_prefix("img").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let no_work = parts.iter().any(|part| {
        matches!(*part, "profile" | "user-profile" | "background" | "workspace" | "stamp" | "imgaz")
            || part.starts_with("novel")
    });
    let Some(file) = parts.last().filter(|_| of_work && !no_work) else { return owned(image, parts) };
    // 141762848-757d4d64b92a41c496c04aa34ae56855_p0.jpg
    let end = file.find(|c: char| !c.is_ascii_digit()).unwrap_or(file.len());
    let Some(id) = number(&file[..end]) else { return image };
    let page = file.split("_p").nth(1).map(|rest| rest.split(['_', '.']).next().unwrap_or_default());
    let position = page.and_then(|page| page.parse::<u32>().ok()).and_then(|page| page.checked_add(1));
    let image = image.id(id).page(position);
    // http://i2.pixiv.net/img18/img/evazion/14901720.png: the old account name
    let account =
        parts.windows(2).find(|pair| pair[0] == "img" && name_of_account(pair[1])).map(|pair| pair[1]);
    match account.and_then(by_account) {
        Some(artist) => image.artist(artist.address()),
        None => image,
    }
}

/// In paths of today a year stands behind `img`.
fn name_of_account(part: &str) -> bool {
    part.bytes().any(|byte| byte.is_ascii_alphabetic()) && !part.contains('.')
}

/// A picture of a member's page: `/background/img/2024/11/08/13/57/28/16699330_6c8a2ddee.jpg`.
fn owned(image: Identified, parts: &[&str]) -> Identified {
    let of_member = parts.iter().any(|part| matches!(*part, "background" | "workspace"));
    let file = parts.last().filter(|_| of_member).and_then(|file| file.split('_').next());
    match file.and_then(by_id) {
        Some(artist) => image.artist(artist.address()),
        None => image,
    }
}

/// `/{uuid}/i/{item}/...` is a picture of the item, `/users/{n}/...` one of the member of Pixiv.
fn booth_image(address: &Address, parts: &[&str]) -> Identified {
    let image = Identified::image("booth", address);
    let behind = |what: &str| parts.windows(2).find(|pair| pair[0] == what).map(|pair| pair[1]);
    match (behind("i").and_then(number), behind("users").and_then(by_id)) {
        (Some(item), _) => image.id(item),
        (None, Some(artist)) => image.artist(artist.address()),
        (None, None) => image,
    }
}

pub fn identify_sketch(address: &Address) -> Option<Identified> {
    if !address.is_on("sketch.pixiv.net") {
        return None;
    }
    Some(match address.segments().as_slice() {
        ["items", id] => Identified::new(SKETCH, Kind::Artwork, address.url().as_str()).id(*id),
        [user] | [user, "followings" | "followers"] if user.starts_with('@') => match name(&user[1..]) {
            Some(user) => {
                let url = format!("https://sketch.pixiv.net/@{user}");
                Identified::new(SKETCH, Kind::Profile, url).id(user)
            }
            None => Identified::other(SKETCH, address),
        },
        _ => Identified::other(SKETCH, address),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{check_identify, none};
    use super::*;
    use crate::sites::identify as identify_url;

    #[test]
    fn recognises_side_pages() {
        let work = "https://www.pixiv.net/artworks/18557054";
        check_identify(
            "https://www.pixiv.net/index.php?mode=medium&illust_id=18557054",
            Kind::Artwork,
            "18557054",
            work,
        );
        let user = "https://www.pixiv.net/users/9948";
        for form in [
            "http://p.tl/m/9948",
            "https://www.pixiv.net/mypage.php#id=9948",
            "https://www.pixiv.net/member.php?id=9948/",
            "https://www.pixiv.net/en/users/9948/artworks/%E3%82%AA%E3%83%AA",
        ] {
            check_identify(form, Kind::Profile, "9948", user);
        }
        for (form, position) in [("2", 2), ("1-3", 1)] {
            let found = identify_url(&format!("https://www.phixiv.net/artworks/18557054/{form}"));
            assert_eq!((found.url.as_deref(), found.page), (Some(work), Some(position)));
        }
        let booth = identify_url("https://booth.pximg.net/8bb9e4e3/i/4693741/a_base_resized.jpg");
        assert_eq!((booth.site, booth.kind), (Some("booth"), Kind::Image));
    }

    #[test]
    fn recognises_its_pages() {
        let work = "https://www.pixiv.net/artworks/98";
        for form in [
            "https://www.pixiv.net/en/artworks/98",
            "http://www.pixiv.net/i/98",
            "http://p.tl/i/98",
            "https://www.pixiv.net/member_illust.php?mode=medium&amp;illust_id=98",
            "pixiv.net/artworks/98/",
            "https://touch.pixiv.net/member_illust.php?illust_id=98",
            "https://phixiv.net/artworks/98",
        ] {
            check_identify(form, Kind::Artwork, "98", work);
        }
        let user = "https://www.pixiv.net/users/173530";
        check_identify("https://www.pixiv.net/en/users/173530/artworks", Kind::Profile, "173530", user);
        check_identify("http://www.pixiv.net/novel/member.php?id=173530", Kind::Profile, "173530", user);
        check_identify(
            "https://www.pixiv.me/Noizave",
            Kind::Profile,
            "noizave",
            "https://www.pixiv.net/stacc/noizave",
        );
        none("https://pixiv.net.evil.example/artworks/98", Kind::Unsupported);
        none("https://www.pixiv.net/novel/show.php?id=98", Kind::Other);
        none("https://i.pximg.net/img-original/img/2014/10/03/18/10/20/46324488_p0.png", Kind::Image);
    }

    #[track_caller]
    fn check_position(url: &str, position: Option<u32>) {
        assert_eq!(identify_url(url).page, position, "{url}");
    }

    #[test]
    fn positions_count_from_one() {
        check_position("https://www.pixiv.net/en/artworks/92512929#44", Some(44));
        check_position("https://www.pixiv.net/en/artworks/92512929#comments", None);
        check_position("https://www.pixiv.net/member_illust.php?mode=manga_big&illust_id=1&page=0", Some(1));
        check_position(
            "https://i.pximg.net/img-original/img/2026/03/01/07/35/25/141762848-757d_p3.jpg",
            Some(4),
        );
        check_position("https://www.pixiv.net/member_illust.php?illust_id=1&page=4294967295", None);
    }

    #[test]
    fn files_name_the_work_or_the_member() {
        let check = |url: &str, id: Option<&str>, artist: Option<&str>| {
            let found = identify_url(url);
            assert_eq!(
                (found.kind, found.id.as_deref(), found.artist.as_deref()),
                (Kind::Image, id, artist),
                "{url}"
            );
        };
        let member = Some("https://www.pixiv.net/users/16699330");
        check(
            "http://i2.pixiv.net/img18/img/evazion/14901720_s.png",
            Some("14901720"),
            Some("https://www.pixiv.net/stacc/evazion"),
        );
        check(
            "https://i.pximg.net/img-original/img/2014/10/03/18/10/20/46324488_p0.png",
            Some("46324488"),
            None,
        );
        check(
            "https://i.pximg.net/c/1920x960/background/img/2024/11/08/13/57/28/16699330_6c8a.jpg",
            None,
            member,
        );
        check("https://booth.pximg.net/8bb9e4e3/i/4693741/a_base_resized.jpg", Some("4693741"), None);
        check("https://booth.pximg.net/c/128x128/users/16699330/icon_image/a.jpg", None, member);
        check(
            "https://i.pximg.net/novel-cover-original/img/2019/01/14/01/15/05/10617324_d84d.jpg",
            None,
            None,
        );
        check(
            "https://img-sketch.pximg.net/c!/w=540/uploads/medium/file/4463372/8906921629213362989.jpg",
            None,
            None,
        );
        check("https://embed.pixiv.net/decorate.php?illust_id=18557054", Some("18557054"), None);
        // Works that are shown to whom the artist tells the address: nobody has documented what it answers.
        assert_eq!(
            crate::sites::identify("https://www.pixiv.net/en/artworks/unlisted/eE3fTYaROT9IsZmep386").kind,
            Kind::Other
        );
        let series = crate::sites::identify("https://www.pixiv.net/user/13569921/series/81967");
        let artist = Some("https://www.pixiv.net/users/13569921".to_owned());
        assert_eq!((series.kind, series.artist), (Kind::Other, artist));
    }
}
