//! DeviantArt's addresses: the same work by its title, its number, its short code, and in the names of its
//! files.

use super::super::address::{name, number};
use super::super::{Address, Identified, Kind};

pub const NAME: &str = "deviantart";

/// First parts of a path that are no user.
const RESERVED: &[&str] = &[
    "about",
    "art",
    "tag",
    "topic",
    "search",
    "watch",
    "notifications",
    "users",
    "stash",
    "sta.sh",
    "download",
    "popular",
    "daily-deviations",
    "settings",
    "account",
    "join",
    "core",
    "core-membership",
    "groups",
    "shop",
    "prints",
    "developers",
    "team",
    "view",
    "deviation",
    "view.php",
    "view-full.php",
    "_puppy",
    "_napi",
    "api",
    "oauth2",
    "journals",
    "forum",
    "chat",
    "submit",
    "studio",
    "dreamup",
    "not-found",
    "morelikethis",
    "whats-hot",
];

pub fn identify(address: &Address) -> Option<Identified> {
    let other = || Identified::other(NAME, address);
    let host = address.host();
    let parts = address.segments();
    if ["wixmp.com", "deviantart.net"]
        .iter()
        .any(|files| address.is_on(files) || address.subdomain_of(files).is_some())
    {
        return Some(image(address, &parts));
    }
    if host == "sta.sh" {
        // https://sta.sh/zip/21leo8mz87ue
        let parts = parts.strip_prefix(&["zip"]).unwrap_or(&parts);
        return Some(parts.first().and_then(|code| stash(code)).unwrap_or_else(other));
    }
    if host == "fav.me" {
        // https://fav.me/dbc3a48: `d` and the number in base 36, or the number itself
        return Some(parts.first().and_then(|code| short_code(code, address)).unwrap_or_else(other));
    }
    // https://name.daportfolio.com
    for domain in ["daportfolio.com", "artworkfolio.com"] {
        if let Some(user) = address.subdomain_of(domain) {
            return Some(user_page(user).unwrap_or_else(other));
        }
    }
    let mirror = matches!(host, "fxdeviantart.com" | "fixdeviantart.com");
    if mirror || matches!(host, "deviantart.com" | "m.deviantart.com" | "mobile.deviantart.com") {
        return Some(on_main_host(address, &parts).unwrap_or_else(other));
    }
    // https://name.deviantart.com/art/title-123
    let user = address.subdomain_of("deviantart.com").or_else(|| address.subdomain_of("fxdeviantart.com"))?;
    if matches!(user, "backend" | "api" | "chat" | "forum" | "help" | "comments") || user.contains('.') {
        return Some(other());
    }
    Some(on_user(user, &parts, address).unwrap_or_else(other))
}

fn on_main_host(address: &Address, parts: &[&str]) -> Option<Identified> {
    match parts {
        // https://www.deviantart.com/deviation/817215762, /view/890672057
        ["deviation" | "view", id, ..] => work(None, "", &number(id)?, address),
        // https://www.deviantart.com/view.php?id=14864502
        ["view.php" | "view-full.php"] => work(None, "", &number(&address.query("id")?)?, address),
        // https://www.deviantart.com/art/title-123, without its user
        ["art", slug] => work(None, "", &id_of_slug(slug)?, address),
        // https://www.deviantart.com/download/135944599/file.png
        ["download", id, ..] => {
            let image = image(address, parts);
            Some(match number(id) {
                Some(id) => image.id(id),
                None => image,
            })
        }
        // https://www.deviantart.com/stash/0wxs31o7nn2
        ["stash", code] => stash(code),
        [first, ..] if RESERVED.contains(&first.to_ascii_lowercase().as_str()) => None,
        [user, rest @ ..] => on_user(user, rest, address),
        [] => None,
    }
}

fn on_user(user: &str, rest: &[&str], address: &Address) -> Option<Identified> {
    match rest {
        ["art" | "journal", slug] => work(Some(user), rest[0], &id_of_slug(slug)?, address),
        // The page of those the user watches is the same page with a fragment.
        ["about"] if address.fragment() == Some("watching") => None,
        // A search in the gallery is no page of its own.
        ["gallery"] if address.query("q").is_some() => None,
        [] | ["gallery" | "about" | "avatar" | "banner" | "prints" | "shop"] => user_page(user),
        // A folder of the gallery is a choice of works, its standard views are the profile.
        ["gallery", "all" | "scraps" | "featured" | "recommended-for-you"] => user_page(user),
        _ => None,
    }
}

fn user_page(user: &str) -> Option<Identified> {
    let user = name(user)?.to_ascii_lowercase();
    Some(Identified::new(NAME, Kind::Profile, format!("https://www.deviantart.com/{user}")).id(user))
}

/// A draft or a private upload, which leads to no one: shown by a code alone.
fn stash(code: &str) -> Option<Identified> {
    let usable = code.len() > 8 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    usable.then(|| Identified::new(NAME, Kind::Other, format!("https://sta.sh/{code}")).id(code))
}

/// An image file. Its name may hold the number of the work, in base 36 behind `d`, and its artist's name,
/// where `_` stands for `-`: `silverhawks_quicksilver_by_edsfox_d23jbr4-pre.jpg`,
/// `d23jbr4-8a06af02-70cb-46da-8a96-42a6ba73cdb4.jpg`.
fn image(address: &Address, parts: &[&str]) -> Identified {
    let image = Identified::image(NAME, address);
    let names = || parts.iter().rev().map(|part| part.split('.').next().unwrap_or_default());
    let image = match names().find_map(|name| code_at_start(name).or_else(|| Some(code_at_end(name)?.1))) {
        Some(work) => image.id(work.to_string()),
        None => image,
    };
    let artist = names().find_map(|name| {
        let before_code = code_at_end(name).map_or(name, |(before, _)| before);
        let (_, user) = before_code.rsplit_once("_by_")?;
        user_page(&user.replace('_', "-"))
    });
    match artist {
        Some(artist) => image.artist(artist.address()),
        None => image,
    }
}

/// `d23jbr4-8a06af02-70cb-46da-8a96-42a6ba73cdb4`: before a UUID stands nothing else.
fn code_at_start(name: &str) -> Option<u64> {
    let (code, uuid) = name.split_once('-')?;
    uuid.get(..9)?.strip_suffix('-').filter(|start| start.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    number_of_code(code)
}

/// `..._by_edsfox-d23jbr4`, or with `_`, where a word without a digit may be a part of the name; and what is
/// before it.
fn code_at_end(name: &str) -> Option<(&str, u64)> {
    let name = name.strip_suffix("-pre").or(name.strip_suffix("-fullview")).unwrap_or(name);
    let at = name.rfind(['-', '_'])?;
    let (before, code) = (&name[..at], &name[at + 1..]);
    let usable = name.as_bytes()[at] == b'-' || code.bytes().any(|byte| byte.is_ascii_digit());
    Some((before, number_of_code(code).filter(|_| usable)?))
}

/// The number of a work that `d23jbr4` stands for.
fn number_of_code(code: &str) -> Option<u64> {
    let digits = code.strip_prefix('d').filter(|digits| (5..=7).contains(&digits.len()))?;
    let usable = digits.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    u64::from_str_radix(digits, 36).ok().filter(|_| usable)
}

/// The number behind the last hyphen of `For-the-sake-10073852`.
fn id_of_slug(slug: &str) -> Option<String> {
    number(slug.rsplit('-').next()?)
}

fn work(user: Option<&str>, section: &str, id: &str, address: &Address) -> Option<Identified> {
    let url = match user {
        // DeviantArt finds a work by its number alone, whatever title stands before it.
        Some(user) => {
            let slug = address.segments().last().copied().unwrap_or(id);
            format!("https://www.deviantart.com/{}/{section}/{slug}", name(user)?.to_ascii_lowercase())
        }
        None => format!("https://www.deviantart.com/deviation/{id}"),
    };
    // https://www.deviantart.com/name/art/title-123#image-8
    let page = address.fragment().and_then(|fragment| fragment.strip_prefix("image-"));
    let page = page.and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let work = Identified::new(NAME, Kind::Artwork, url).id(id).page(page);
    Some(match user.and_then(user_page) {
        Some(artist) => work.artist(artist.address()),
        None => work,
    })
}

/// The id stays the code; the normalised URL has the number.
fn short_code(code: &str, address: &Address) -> Option<Identified> {
    if let Some(id) = number(code) {
        return work(None, "", &id, address);
    }
    let digits = code.strip_prefix(['d', 'D'])?;
    let number = u64::from_str_radix(digits, 36).ok().filter(|number| *number > 0)?;
    Some(work(None, "", &number.to_string(), address)?.id(code.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{check_identify, none};
    use super::*;
    use crate::sites::identify as identify_url;

    #[test]
    fn recognises_its_pages() {
        let url = "https://www.deviantart.com/noizave/art/test-post-please-ignore-685436408";
        check_identify(url, Kind::Artwork, "685436408", url);
        check_identify(
            "http://noizave.deviantart.com/art/test-post-please-ignore-685436408?q=gallery%3Ax#comments",
            Kind::Artwork,
            "685436408",
            url,
        );
        let by_number = "https://www.deviantart.com/deviation/685436408";
        check_identify("https://fav.me/dbc3a48", Kind::Artwork, "dbc3a48", by_number);
        check_identify("https://www.deviantart.com/view/685436408", Kind::Artwork, "685436408", by_number);
        check_identify(
            "https://Noizave.deviantart.com",
            Kind::Profile,
            "noizave",
            "https://www.deviantart.com/noizave",
        );
        none("https://deviantart.com.evil.example/noizave/art/a-1", Kind::Unsupported);
        none("https://www.deviantart.com", Kind::Other);
        let page = identify_url(
            "https://www.deviantart.com/apollo11v/art/Darth-Vindican-s-lightsaber-1222436457#image-8",
        );
        assert_eq!(page.page, Some(8));
    }

    #[test]
    fn numbers_side_pages_and_drafts() {
        let by_number = "https://www.deviantart.com/deviation/685436408";
        check_identify("https://fav.me/685436408", Kind::Artwork, "685436408", by_number);
        check_identify("https://www.fxdeviantart.com/view/685436408", Kind::Artwork, "685436408", by_number);
        let draft = "https://sta.sh/21leo8mz87ue";
        for form in
            [draft, "https://sta.sh/zip/21leo8mz87ue", "https://www.deviantart.com/stash/21leo8mz87ue"]
        {
            check_identify(form, Kind::Other, "21leo8mz87ue", draft);
        }
        for other in [
            "https://www.deviantart.com/shimoda7/favourites/",
            "https://www.deviantart.com/shimoda7/gallery?q=memory",
            "https://www.deviantart.com/shimoda7/about#watching",
            "https://www.deviantart.com/watch/deviations",
            "https://sta.sh/",
        ] {
            none(other, Kind::Other);
        }
    }

    #[test]
    fn files_name_the_work_and_its_artist() {
        let check = |url: &str, id: Option<&str>, artist: Option<&str>| {
            let found = identify_url(url);
            let artist = artist.map(|user| format!("https://www.deviantart.com/{user}"));
            assert_eq!((found.kind, found.id.as_deref(), found.artist), (Kind::Image, id, artist), "{url}");
        };
        let files = "https://images-wixmp-ed30a86b8c4ca887773594c2.wixmp.com";
        check(
            &format!(
                "{files}/intermediary/f/8b472d70-a0d6-41b5-9a66-c35687090acc/d23jbr4-8a06af02-70cb-46da-8a96-42a6ba73cdb4.jpg/v1/fill/w_786/silverhawks_quicksilver_by_edsfox_d23jbr4-pre.jpg"
            ),
            Some("126872896"),
            Some("edsfox"),
        );
        check(
            &format!(
                "{files}/f/76098ac8-04ab-4784-b382-88ca082ba9b1/d9x7lmk-595099de-fe8f-48e5-9841-7254f9b2ab8d.png?token=x"
            ),
            Some("599977532"),
            None,
        );
        check(
            "http://orig12.deviantart.net/9b69/f/2017/023/7/c/illustration___tokyo_encount_oei__by_melisaongmiqin-dawi58s.png",
            Some("659256076"),
            Some("melisaongmiqin"),
        );
        check(
            "http://fc02.deviantart.net/fs48/f/2009/186/2/c/Animation_by_epe_tohri.swf",
            None,
            Some("epe-tohri"),
        );
        check(
            "http://fc00.deviantart.net/fs71/f/2013/234/d/8/d84e05f26f0695b1153e9dab3a962f16-d6j8jl9.jpg",
            Some("395108397"),
            None,
        );
        check(
            "https://www.deviantart.com/download/135944599/a_by_turtle_chibi.png",
            Some("135944599"),
            Some("turtle-chibi"),
        );
    }
}
