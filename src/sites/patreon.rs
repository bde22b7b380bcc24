//! Patreon: the connected accounts of a creator, from the state of the creator's page.

use serde_json::Value;

use super::address::{name, number};
use super::free_text::links_in_html;
use super::html::select;
use super::read::{at, each, javascript_string, objects_with, text_at, told};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::fetch::json;

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
    "collection",
    "collections",
    "app",
    "mobile",
    "legal",
    "shop",
];

fn identify(address: &Address) -> Option<Identified> {
    let other = || Identified::other(SITE.name, address);
    let host = address.host();
    if address.subdomain_of("patreonusercontent.com").is_some() {
        return Some(image(address));
    }
    if address.subdomain_of("patreon.com").is_some_and(|sub| sub != "m") {
        return Some(Identified::image(SITE.name, address));
    }
    if host != "patreon.com" && host != "m.patreon.com" {
        return None;
    }
    Some(page(address).unwrap_or_else(other))
}

fn page(address: &Address) -> Option<Identified> {
    // The number of a person (`u`) or of a campaign (`c`).
    let by_number = || {
        let key = if address.query("u").is_some() { "u" } else { "c" };
        numbered(key, &address.query(key)?)
    };
    match address.segments().as_slice() {
        // https://www.patreon.com/posts/nino-13608041, https://www.patreon.com/m/posts/sparkle-71057815
        ["posts", slug] | ["posts", slug, "edit"] | ["m" | "api", "posts", slug] => post(slug, None),
        // https://www.patreon.com/join/name/checkout?rid=318429&redirect_uri=%2Fposts%2Fa-title-28718113: on
        // the way to a post
        ["join" | "checkout" | "bePatron" | "bepatron", ..] if promised_post(address).is_some() => {
            promised_post(address)
        }
        ["user" | "bePatron" | "bepatron"] | ["user", "posts"] | ["profile", "creators"] => by_number(),
        ["api", "user", id] => numbered("u", id),
        // https://www.patreon.com/id:369707, as gallery-dl writes a campaign
        [id] if id.starts_with("id:") => numbered("c", &id[3..]),
        // https://www.patreon.com/file?h=23563293&i=3053667: a file of a post
        ["file"] => {
            let image = Identified::image(SITE.name, address);
            Some(match address.query("h").and_then(|id| number(&id)) {
                Some(post) => image.id(post),
                None => image,
            })
        }
        // https://www.patreon.com/name/posts/a-title-160554516
        ["c" | "cw" | "m", user, "posts", slug] | [user, "posts", slug] => post(slug, creator(user)),
        // https://www.patreon.com/name/shop/a-title-1157344: a product, which is shown like a post
        ["c" | "cw", user, "shop", slug] | [user, "shop", slug] => {
            let (artist, id) = (creator(user)?, number(slug.rsplit('-').next()?)?);
            let url = format!("{}/shop/{id}", artist.address());
            Some(Identified::new(SITE.name, Kind::Artwork, url).id(id).artist(artist.address()))
        }
        // https://www.patreon.com/c/Miyakonoh, /cw/iwanokenta, /m/1041uuu/about, /join/thirdphp,
        // /checkout/roxxxan
        ["c" | "cw" | "m" | "join" | "checkout", user, ..] => creator(user),
        [user, ..] => creator(user),
        [] => None,
    }
}

/// A post by the number behind the last hyphen of `nino-13608041`; the address need not say whose it is.
fn post(slug: &str, artist: Option<Identified>) -> Option<Identified> {
    let id = number(slug.rsplit('-').next()?)?;
    let post =
        Identified::new(SITE.name, Kind::Artwork, format!("https://www.patreon.com/posts/{id}")).id(id);
    Some(match artist {
        Some(artist) => post.artist(artist.address()),
        None => post,
    })
}

fn promised_post(address: &Address) -> Option<Identified> {
    let path = address.query("redirect_uri")?;
    let target = Address::from_url(address.url().join(&path).ok()?)?;
    let slug = match target.segments().as_slice() {
        ["posts", slug] | [_, "posts", slug] if target.is_on(address.host()) => (*slug).to_owned(),
        _ => return None,
    };
    let artist = match address.segments().as_slice() {
        ["join" | "checkout", user, ..] => creator(user),
        _ => None,
    };
    post(&slug, artist)
}

fn numbered(key: &str, id: &str) -> Option<Identified> {
    let id = number(id)?;
    Some(
        Identified::new(SITE.name, Kind::LinkPage, format!("https://www.patreon.com/user?{key}={id}")).id(id),
    )
}

/// An image file: `.../p/post/71057815/...` names the post, `.../p/user/4045578/...` the creator.
fn image(address: &Address) -> Identified {
    let image = Identified::image(SITE.name, address);
    let parts = address.segments();
    let named = parts.windows(3).find(|part| part[0] == "p").map(|part| (part[1], part[2]));
    match named.and_then(|(what, id)| Some((what, number(id)?))) {
        Some(("post", id)) => image.id(id),
        Some(("user", id)) => image.artist(format!("https://www.patreon.com/user?u={id}")),
        Some(("campaign", id)) => image.artist(format!("https://www.patreon.com/user?c={id}")),
        _ => image,
    }
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
    let state = State::of(html)?;
    if state.is_removed() {
        return Ok(None);
    }
    if state.is_member() {
        return Ok(Some(Vec::new()));
    }
    let form = state.form();
    let campaign = state.campaign()?;
    let Some(included) = at(&campaign, "included").and_then(Value::as_array) else {
        // The newest form may hold the campaign's number alone: its links cannot be read, which is not "no
        // links".
        return Err(Missing::new(format!("the list campaign.included (the page's state is {form})")));
    };
    let campaign = &campaign;
    let mut leads = Vec::new();
    // Connected through the network's own login. Who has connected none has no such entries, and the address
    // of one may be null.
    let connections = included.iter().filter(|entry| text_at(entry, "type") == Some("social-connection"));
    let field = "attributes.external_profile_url";
    let urls = each(&connections.collect::<Vec<_>>(), &[field], "campaign.included")?;
    leads.extend(urls.into_iter().map(|url| Lead::new(url, Place::ProfileField)));
    if !included.is_empty() && !included.iter().any(|entry| at(entry, "type").is_some()) {
        return Err(Missing::new("the field campaign.included[].type"));
    }
    let summary = told(campaign, "data.attributes.summary");
    if let Some(summary) = summary.map_err(|_| Missing::new("the field campaign.data.attributes.summary"))? {
        let base = url::Url::parse("https://www.patreon.com/").expect("a constant URL");
        let links = links_in_html(summary, &base);
        leads.extend(links.into_iter().map(|url| Lead::new(url, Place::ProfileText)));
    }
    Ok(Some(leads))
}

/// Where the page keeps the campaign: the site has moved from one framework to the next.
enum State {
    /// `script#__NEXT_DATA__`
    NextData(Value),
    /// `window.patreon = {"bootstrap": {..}}`, also within `wrapInProxy(..)`, and what is assigned to it
    /// later.
    Bootstrap(Vec<Value>),
    /// `self.__next_f.push([1,".."])`: one text, cut into pieces anywhere.
    Chunks(String),
}

impl State {
    fn of(html: &str) -> Result<State, Missing> {
        let [scripts] = select(html, ["script"]);
        if let Some(data) = scripts.iter().find(|script| script.attr("id") == Some("__NEXT_DATA__")) {
            let state = json::parse(data.text.as_bytes());
            return state.map(State::NextData).map_err(|_| Missing::new("JSON in script#__NEXT_DATA__"));
        }
        let chunks: String = scripts.iter().flat_map(|script| pushed(&script.text)).collect();
        if !chunks.is_empty() {
            return Ok(State::Chunks(chunks));
        }
        let marks = ["\"bootstrap\"", "Object.assign(window.patreon.bootstrap,"];
        let states: Vec<Value> = scripts
            .iter()
            .filter(|script| script.text.contains("window.patreon"))
            .flat_map(|script| marks.iter().filter_map(|mark| json_behind(&script.text, mark)))
            .collect();
        match states.is_empty() {
            true => Err(Missing::new("script#__NEXT_DATA__, window.patreon or self.__next_f")),
            false => Ok(State::Bootstrap(states)),
        }
    }

    /// What the page is called in messages.
    fn form(&self) -> &'static str {
        match self {
            State::NextData(_) => "in script#__NEXT_DATA__",
            State::Bootstrap(_) => "in window.patreon",
            State::Chunks(_) => "in chunks of self.__next_f",
        }
    }

    fn is_removed(&self) -> bool {
        let is_curtain = |kind: &str| matches!(kind, "user_removed" | "campaign_removed");
        let has_curtain = |state: &Value| {
            let curtains = objects_with(state, &["curtainType"]);
            curtains.iter().any(|curtain| text_at(curtain, "curtainType").is_some_and(is_curtain))
        };
        match self {
            State::NextData(state) => has_curtain(state),
            State::Bootstrap(states) => states.iter().any(has_curtain),
            State::Chunks(text) => text
                .match_indices("\"curtainType\"")
                .filter_map(|(start, _)| json_behind(&text[start..], "\"curtainType\""))
                .any(|kind| kind.as_str().is_some_and(is_curtain)),
        }
    }

    /// A member who is no creator has a page without a campaign, and without links.
    fn is_member(&self) -> bool {
        const MEMBER: &str = "pageUser.data.type";
        let states = match self {
            State::NextData(state) => std::slice::from_ref(state),
            State::Bootstrap(states) => states,
            State::Chunks(_) => return false,
        };
        let pages = states.iter().flat_map(|state| objects_with(state, &["pageUser"]));
        let is_user = |page: &Value| text_at(page, MEMBER) == Some("user") && at(page, "campaign").is_none();
        pages.into_iter().any(is_user)
    }

    fn campaign(&self) -> Result<Value, Missing> {
        let take = |state: &Value, path: &str| at(state, path).cloned();
        let campaign = match self {
            State::NextData(state) => {
                const ENVELOPE: &str = "props.pageProps.bootstrapEnvelope";
                ["pageBootstrap", "bootstrap"]
                    .iter()
                    .find_map(|form| take(state, &format!("{ENVELOPE}.{form}.campaign")))
            }
            State::Bootstrap(states) => states.iter().find_map(|state| take(state, "campaign")),
            State::Chunks(text) => {
                let found = text.match_indices("\"campaign\"").take(MAX_CAMPAIGNS);
                let campaigns = found.filter_map(|(start, _)| json_behind(&text[start..], "\"campaign\""));
                // The page names other campaigns, too; the creator's comes with its connections.
                let campaigns: Vec<Value> =
                    campaigns.filter(|campaign| at(campaign, "data").is_some()).collect();
                let whole = campaigns.iter().find(|campaign| at(campaign, "included").is_some());
                let number = || campaigns.iter().find(|campaign| at(campaign, "data.id").is_some());
                let named = || names_campaign(text).then(|| Value::Object(serde_json::Map::new()));
                whole.or_else(number).cloned().or_else(named)
            }
        };
        campaign
            .ok_or_else(|| Missing::new(format!("the field campaign of the page's state, {},", self.form())))
    }
}

/// True where the chunks name a campaign by its number alone.
fn names_campaign(text: &str) -> bool {
    text.contains("\"NavigationBar_") || text.contains("/campaign/") && text.contains("\"contentUrl\"")
}

/// Campaigns in one page that are looked at.
const MAX_CAMPAIGNS: usize = 20;

/// The strings that a script pushes to the page's state.
fn pushed(script: &str) -> Vec<String> {
    let pieces = script.split("self.__next_f.push([1,").skip(1);
    pieces
        .filter_map(|piece| {
            let piece = piece.trim_start();
            let quote = piece.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            javascript_string(&piece[1..], quote)
        })
        .collect()
}

/// The JSON value that follows a mark, or the colon behind it; whatever stands behind the value is not looked
/// at.
fn json_behind(text: &str, mark: &str) -> Option<Value> {
    let (_, rest) = text.split_once(mark)?;
    let rest = rest.trim_start().trim_start_matches(':');
    json::parse_first(rest)
}

#[cfg(test)]
mod tests {
    use super::super::identify as identify_url;
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
        let by_campaign = "https://www.patreon.com/user?c=369707";
        check_identify(
            "https://www.patreon.com/profile/creators?c=369707",
            Kind::LinkPage,
            "369707",
            by_campaign,
        );
        for form in [
            "https://www.patreon.com/posts/71057815/edit",
            "https://www.patreon.com/api/posts/71057815",
            "https://www.patreon.com/1041uuu/posts/sparkle-71057815",
            "https://www.patreon.com/join/1041uuu/checkout?rid=1&redirect_uri=%2Fposts%2Fsparkle-71057815",
            "https://www.patreon.com/bePatron?c=170214&redirect_uri=/posts/sparkle-71057815",
        ] {
            check_identify(form, Kind::Artwork, "71057815", post);
        }
        let of_artist = identify_url("https://www.patreon.com/1041uuu/posts/sparkle-71057815");
        assert_eq!(of_artist.artist.as_deref(), Some(creator));
        let product = "https://www.patreon.com/nlch/shop/1157344";
        check_identify("https://www.patreon.com/nlch/shop/a-life-1157344", Kind::Artwork, "1157344", product);
        for url in [
            "https://patreon.com/",
            "https://www.patreon.com/collection/15764",
            "https://www.patreon.com/home",
        ] {
            none(url, Kind::Other);
        }
        let file = identify_url("https://www.patreon.com/file?h=23563293&i=3053667");
        assert_eq!((file.kind, file.id.as_deref()), (Kind::Image, Some("23563293")));
        let picture =
            "https://c10.patreonusercontent.com/4/patreon-media/p/user/4045578/3101/eyJ3IjoyMDB9/1.jpeg";
        assert_eq!(identify_url(picture).artist.as_deref(), Some(by_number));
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
        assert!(parse(&page("{}")).unwrap_err().0.contains("campaign"));
        assert_eq!(parse(&page(r#"{"pageUser":{"data":{"type":"user"}}}"#)), Ok(Some(vec![])));
    }

    #[test]
    fn reads_every_form_of_the_state() {
        // Made by hand to the documented shapes.
        let campaign = r#"{"data":{"id":"1","attributes":{"summary":"hi"}},"included":[{"type":"social-connection",
            "attributes":{"app_name":"twitter","external_profile_url":"https://twitter.com/ann"}}]}"#;
        let text =
            format!(r#"5:["$",null,{{"x":{{"campaign":{{"id":"9"}}}},"value":{{"campaign":{campaign}}}}}]"#);
        let (first, second) = text.split_at(97);
        let literal = |text: &str| serde_json::to_string(text).unwrap();
        for page in [
            format!(
                r#"<script id="__NEXT_DATA__">{{"props":{{"pageProps":{{"bootstrapEnvelope":{{"bootstrap":{{"campaign":{campaign}}}}}}}}}}}</script>"#
            ),
            format!(
                r#"<script>window.patreon = {{"bootstrap": {{"campaign":{campaign}}},"apiServer":"x"}};</script>"#
            ),
            format!(
                r#"<script>window.patreon = wrapInProxy({{"bootstrap": {{"campaign":{campaign}}},"apiServer":"x"}});</script>"#
            ),
            format!(
                "<script>window.patreon = {{}};Object.assign(window.patreon.bootstrap, {{\"campaign\":{campaign}}});</script>"
            ),
            format!(
                "<script>self.__next_f.push([0])</script><script>self.__next_f.push([1,{}])</script>\
                 <script>self.__next_f.push([1,{}])</script>",
                literal(first),
                literal(second)
            ),
        ] {
            let leads = parse(&page).unwrap_or_else(|missing| panic!("{missing}: {page}")).unwrap();
            assert_eq!(leads, [Lead::new("https://twitter.com/ann", Place::ProfileField)], "{page}");
        }
        // Links that cannot be read are not no links, and the message says which form it was.
        for numbers in [
            r#"{\"campaign\":{\"data\":{\"id\":\"1\"}}}"#,
            r#"{\"contentUrl\":\"https://c10.patreonusercontent.com/4/patreon-media/p/campaign/1/a/1.jpg\"}"#,
            r#"{\"id\":\"NavigationBar_1\"}"#,
        ] {
            let page = format!(r#"<script>self.__next_f.push([1,"{numbers}"])</script>"#);
            let missing = parse(&page).unwrap_err().0;
            assert_eq!(
                missing, "the list campaign.included (the page's state is in chunks of self.__next_f)",
                "{page}"
            );
        }
    }
}
