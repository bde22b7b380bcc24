//! Tumblr: blogs as sources of links. A blog's page mixes its author's links with those of reblogged posts
//! and of its theme, so only the description is read, from the API, which wants the operator's key. Posts
//! are recognised, not read.

use serde_json::Value;
use url::Url;

use super::address::name;
use super::free_text::links_in_html;
use super::read::{need, text_at};
use super::web::{judge, no_page_says_gone, read_json};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};

pub const SITE: Site = Site { name: "tumblr", identify, artwork: None, leads: Some(leads) };

/// Names before `.tumblr.com`, and first parts of a path, that are no blog.
const RESERVED: &[&str] = &[
    "about",
    "abuse",
    "api",
    "apps",
    "assets",
    "blog",
    "communities",
    "dashboard",
    "developers",
    "docs",
    "explore",
    "help",
    "likes",
    "login",
    "media",
    "messages",
    "new",
    "oauth",
    "platform",
    "policy",
    "privacy",
    "reblog",
    "register",
    "search",
    "settings",
    "share",
    "static",
    "support",
    "tagged",
    "tips",
];

fn identify(address: &Address) -> Option<Identified> {
    let parts = address.segments();
    let other = || Identified::other(SITE.name, address);
    let (blog, rest) = match address.subdomain_of("tumblr.com") {
        // https://64.media.tumblr.com/..., https://va.media.tumblr.com/...; a blog may be called yogurtmedia
        Some(sub) if sub.ends_with(".media") || matches!(sub, "media" | "data" | "static") => {
            return Some(Identified::image(SITE.name, address));
        }
        // https://at.tumblr.com/name/118684413624/uqndb20nkyob: what the app shares
        Some("at") => match parts.as_slice() {
            [blog, post, _] if super::address::number(post).is_some() => (*blog, &parts[1..2]),
            [blog, ..] => (*blog, &parts[..0]),
            [] => return Some(other()),
        },
        // https://name.tumblr.com/post/1/title
        Some(sub) => (sub, parts.as_slice()),
        None if !address.is_on("tumblr.com") => return None,
        None => match parts.as_slice() {
            // https://www.tumblr.com/blog/view/name/1, https://www.tumblr.com/blog/name
            ["blog", "view", blog, rest @ ..] | ["blog", blog, rest @ ..] => (*blog, rest),
            // https://www.tumblr.com/dashboard/blog/name/1
            ["dashboard", "blog", blog, rest @ ..] => (*blog, rest),
            // https://www.tumblr.com/name/1/title
            [blog, rest @ ..] => (blog.trim_start_matches('@'), rest),
            [] => return Some(other()),
        },
    };
    // https://www.tumblr.com/t:aBc_1/12: the blog by its stable id, which is no name: its letters have a case
    let blog = blog.replace("%3A", ":").replace("%3a", ":");
    let blog = if blog.starts_with("t:") { blog } else { blog.to_ascii_lowercase() };
    if !is_blog(&blog) {
        return Some(other());
    }
    let url = format!("https://www.tumblr.com/{blog}");
    Some(match rest {
        // What its author shows under a tag, of a day, on an older page: still the blog
        [] | ["about" | "archive" | "links" | "posts"] | ["page", _] | ["tagged" | "archive" | "day", ..] => {
            Identified::new(SITE.name, Kind::Profile, url).id(blog)
        }
        ["post" | "image", id, ..] | [id, ..] => match super::address::number(id) {
            Some(id) => Identified::new(SITE.name, Kind::Artwork, format!("{url}/{id}")).id(id),
            None => other(),
        },
    })
}

fn is_blog(text: &str) -> bool {
    if let Some(id) = text.strip_prefix("t:") {
        return name(id).is_some_and(|id| !id.contains('.'));
    }
    name(text).is_some_and(|blog| !blog.contains(['.', '_'])) && !RESERVED.contains(&text)
}

/// Without a key nothing is asked; the walk does not come here then.
fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let Some(key) = web.credentials().tumblr_api_key.as_ref() else {
        let why = "its API needs a key".to_owned();
        return Err(SiteError::LoginNeeded { url: page.address().to_owned(), why });
    };
    let (blog, key) = (page.id_text(), super::address::encode(key.reveal()));
    let request = web.request(&format!("https://api.tumblr.com/v2/blog/{blog}/info?api_key={key}"))?;
    // The request's own URL holds the key and must stand in no message.
    let response = web.send_raw(request).map_err(|error| error.without_address(page.address()))?;
    let answer = no_page_says_gone(&response).and_then(|()| judge(response));
    let answer = answer.and_then(|response| read_json(&response));
    parse(&answer.map_err(|error| error.without_address(page.address()))?)
        .map_err(|missing| missing.on(page.address()))
}

/// The links in the description, which is HTML or plain text.
fn parse(answer: &Value) -> Result<Vec<Lead>, Missing> {
    let blog = need(answer, "response.blog")?;
    // Every blog has this field; it is empty where the author wrote nothing.
    if blog.get("description").is_none() {
        return Err(Missing::new("the field response.blog.description"));
    }
    let text = text_at(blog, "description").unwrap_or_default();
    let base = Url::parse("https://www.tumblr.com/").expect("a constant URL");
    Ok(links_in_html(text, &base).into_iter().map(|url| Lead::new(url, Place::ProfileText)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_blogs_and_posts() {
        let blog = "https://www.tumblr.com/some-one";
        for form in [
            "https://some-one.tumblr.com/",
            "http://some-one.tumblr.com/archive",
            "https://www.tumblr.com/some-one?source=share",
            "https://www.tumblr.com/@some-one",
            "https://tumblr.com/blog/view/some-one",
            "https://www.tumblr.com/blog/Some-One",
        ] {
            check_identify(form, Kind::Profile, "some-one", blog);
        }
        let by_id = "https://www.tumblr.com/t:aB_c-1";
        check_identify("https://www.tumblr.com/t%3AaB_c-1", Kind::Profile, "t:aB_c-1", by_id);
        let post = "https://www.tumblr.com/some-one/12";
        for form in [
            "https://some-one.tumblr.com/post/12/a-title",
            "https://some-one.tumblr.com/image/12",
            "https://www.tumblr.com/some-one/12/a-title",
            "https://www.tumblr.com/blog/view/some-one/12",
        ] {
            check_identify(form, Kind::Artwork, "12", post);
        }
        for form in [
            "https://some-one.tumblr.com/tagged/art",
            "https://some-one.tumblr.com/page/2",
            "https://at.tumblr.com/some-one/so-sleepy/d842mqsx8lwd",
        ] {
            check_identify(form, Kind::Profile, "some-one", blog);
        }
        check_identify("https://at.tumblr.com/some-one/12/uqndb20nkyob", Kind::Artwork, "12", post);
        let media = "https://www.tumblr.com/yogurtmedia/12";
        check_identify("https://yogurtmedia.tumblr.com/post/12", Kind::Artwork, "12", media);
        none("https://static.tumblr.com/923d/w3ze2u2/mdHpc3im5/tumblr_static_cd6.jpg", Kind::Image);
        none("https://data.tumblr.com/07e7bba5/tumblr_o3gg44HcOg1r9pi29o1_raw.jpg", Kind::Image);
        none("https://some-one.tumblr.com/likes", Kind::Other);
        none("https://www.tumblr.com/dashboard", Kind::Other);
        none("https://www.tumblr.com/tagged/art", Kind::Other);
        none("https://www.tumblr.com/", Kind::Other);
        none("https://64.media.tumblr.com/0a1b/s1280x1920/c2.jpg", Kind::Image);
        none("https://some-one.tumblr.com.evil.example/", Kind::Unsupported);
    }

    /// Made by hand to the documented shape.
    #[test]
    fn reads_the_description() {
        let answer = |description: &str| {
            serde_json::json!({"meta": {"status": 200, "msg": "OK"}, "response": {"blog": {
                "name": "some-one", "uuid": "t:1", "url": "https://some-one.tumblr.com/",
                "description": description}}})
        };
        let text = r#"Ann. <a href="https://href.li/?https://x.com/ann">X</a>, also https://ko-fi.com/ann"#;
        let links: Vec<String> = parse(&answer(text)).unwrap().into_iter().map(|lead| lead.url).collect();
        assert_eq!(links, ["https://href.li/?https://x.com/ann", "https://ko-fi.com/ann"]);
        assert_eq!(parse(&answer("")), Ok(vec![]));
        assert_eq!(parse(&serde_json::json!({"response": []})).unwrap_err().0, "the field response.blog");
    }
}
