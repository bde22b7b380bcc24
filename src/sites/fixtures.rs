//! Every recorded and made page is read as what it is: counted by site, with what lies outside of the
//! repository.
//! `cargo test --lib sites::fixtures -- --nocapture` shows the count.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::base::material;
use crate::fetch::{Fetch, FetchError, Request, Response};

/// A page and what becomes of it: the answers by a part of their address, each with its status and its file
/// (below
/// `tests/fixtures/sites/`, or of the material outside behind `material:`, or the text itself behind
/// `text:`).
type Row = (&'static str, &'static [(&'static str, u16, &'static str)], &'static str);

const COPE: &str = "https://www.deviantart.com/pachunka/art/Cope-145564099";
const FA_VIEW: &str = "https://www.furaffinity.net/view/1234567/";
const PIXIV: &str = "https://www.pixiv.net/artworks/67487303";
const PAGES: (&str, u16, &str) = ("/pages", 200, "pixiv/pages_made.json");
const NEVER: (&str, u16, &str) = ("oembed", 500, "text:");

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("https://www.artstation.com/artwork/NoNmD", &[("projects", 200, "artstation/project_made.json")], "ok"),
    ("https://www.artstation.com/ann", &[("users", 200, "artstation/user_made.json")], "ok"),
    ("https://www.artstation.com/artwork/NoNmD", &[("projects", 403, "text:<html><title>Attention</title>")], "blocked"),
    ("https://danbooru.donmai.us/posts/6148688", &[("posts", 200, "danbooru/post_6148688.json")], "ok"),
    ("https://danbooru.donmai.us/posts/6148688", &[("posts", 200, "material:fixtures/danbooru/post_id.booru-rs.json")], "ok"),
    ("https://danbooru.donmai.us/posts/1", &[("posts", 404, "text:{\"success\":false,\"error\":\"ActiveRecord::RecordNotFound\",\"message\":\"That record was not found.\"}")], "gone"),
    ("https://danbooru.donmai.us/posts/1", &[("posts", 404, "text:<!DOCTYPE html><title>Page not found</title>")], "layout_changed"),
    ("https://danbooru.donmai.us/posts/1", &[("posts", 403, "text:{\"success\":false,\"message\":\"Access denied\"}")], "login_needed"),
    ("https://danbooru.donmai.us/artists/show_or_new?name=a", &[("artists", 200, "danbooru/artists_made.json")], "ok"),
    (COPE, &[("oembed", 200, "deviantart/oembed_cope.json"), ("art", 200, "deviantart/page_cope.html")], "ok"),
    (COPE, &[NEVER, ("art", 200, "deviantart/page_blurred_made.html")], "ok"),
    (COPE, &[NEVER, ("art", 200, "material:fixtures/deviantart/page_cope-145564099.2024-06.html")], "ok"),
    (COPE, &[NEVER, ("art", 200, "material:fixtures/deviantart/page_cope-145564099.2020-09.html")], "ok"),
    (COPE, &[("oembed", 200, "material:fixtures/deviantart/oembed_cope-145564099.2024-06.json"), ("art", 500, "text:")], "ok"),
    (COPE, &[("oembed", 200, "material:fixtures/deviantart/oembed_cope-145564099.2020-09.json"), ("art", 500, "text:")], "ok"),
    (COPE, &[("oembed", 200, "material:fixtures/deviantart/oembed_cassandra.2013-04.json"), ("art", 500, "text:")], "ok"),
    (COPE, &[("oembed", 200, "material:fixtures/deviantart/oembed_lynns-first-day.2020-07.json"), ("art", 500, "text:")], "ok"),
    (COPE, &[("oembed", 404, "material:fixtures/deviantart/oembed_404_double_encoded_cope.2024-06.txt"), ("art", 404, "text:<html>")], "gone"),
    (COPE, &[("oembed", 404, "material:fixtures/deviantart/oembed_404_not_a_deviation.2013-04.txt"), ("art", 404, "text:<html>")], "gone"),
    ("https://www.deviantart.com/pachunka", &[("about", 200, "deviantart/about_made.html")], "ok"),
    ("https://www.deviantart.com/pachunka", &[("about", 403, "text:<html>Request blocked.")], "blocked"),
    ("https://e621.net/posts/3937749", &[("posts", 200, "e621/post.json")], "ok"),
    ("https://e621.net/posts/3937132", &[("posts", 200, "e621/post_no_artist_no_source.json")], "ok"),
    ("https://e621.net/artists/show_or_new?name=a", &[("artists", 200, "e621/artists_made.json")], "ok"),
    ("https://e621.net/artists/show_or_new?name=a", &[("artists", 200, "text:{\"artists\":[]}")], "ok"),
    ("https://ann.fanbox.cc/", &[("creator.get", 200, "fanbox/creator_made.json")], "ok"),
    ("https://ann.fanbox.cc/", &[("creator.get", 404, "text:{\"error\":\"general_error\"}")], "gone"),
    ("https://ann.fanbox.cc/", &[("creator.get", 400, "text:{\"error\":\"general_error\"}")], "layout_changed"),
    (FA_VIEW, &[("view", 200, "furaffinity/view_2026_made.html")], "ok"),
    (FA_VIEW, &[("view", 200, "furaffinity/view_2025.html")], "ok"),
    (FA_VIEW, &[("view", 200, "material:fixtures_2026-11/furaffinity_old/view_image_logged_in.html")], "ok"),
    (FA_VIEW, &[("view", 200, "furaffinity/not_in_database.html")], "gone"),
    (FA_VIEW, &[("view", 200, "material:fixtures_2026-11/furaffinity_old/not_in_database.html")], "gone"),
    (FA_VIEW, &[("view", 200, "furaffinity/login_required_made.html")], "login_needed"),
    ("https://www.furaffinity.net/user/ann/", &[("user", 200, "furaffinity/user_2026_made.html")], "ok"),
    ("https://www.furaffinity.net/user/ann/", &[("user", 200, "furaffinity/disabled_made.html")], "gone"),
    ("https://gelbooru.com/index.php?page=post&s=view&id=8329156", &[("dapi", 200, "gelbooru/dapi_post.json")], "ok"),
    ("https://gelbooru.com/index.php?page=post&s=view&id=8329156", &[("dapi", 200, "material:fixtures_2026-11/gelbooru/dapi_posts.json")], "ok"),
    ("https://gelbooru.com/index.php?page=post&s=view&id=1", &[("dapi", 200, "text:{\"@attributes\":{\"limit\":100,\"offset\":0,\"count\":0}}")], "gone"),
    ("https://gelbooru.com/index.php?page=post&s=view&id=1", &[("dapi", 401, "text:")], "login_needed"),
    ("https://safebooru.org/index.php?page=post&s=view&id=4296456", &[("dapi", 200, "gelbooru/safebooru_2023.json")], "ok"),
    ("https://safebooru.org/index.php?page=post&s=view&id=1", &[("dapi", 200, "gelbooru/safebooru_ghost_made.json")], "gone"),
    ("https://safebooru.org/index.php?page=post&s=view&id=1", &[("dapi", 200, "text:")], "gone"),
    ("https://rule34.xxx/index.php?page=post&s=view&id=1", &[("api.rule34.xxx", 200, "gelbooru/rule34_no_key_made.json")], "login_needed"),
    ("https://realbooru.com/index.php?page=post&s=view&id=1", &[("s=view", 200, "gelbooru/realbooru_made.html")], "ok"),
    ("https://inkbunny.net/s/3388744", &[("login", 200, "inkbunny/login_made.json"), ("userrating", 200, "inkbunny/rating_made.json"), ("submissions", 200, "inkbunny/submission_two_files.json")], "ok"),
    ("https://inkbunny.net/s/3388744", &[("login", 200, "inkbunny/login_made.json"), ("userrating", 200, "inkbunny/rating_made.json"), ("submissions", 200, "material:fixtures_2026-11/inkbunny/api_submissions_two_files.json")], "ok"),
    ("https://inkbunny.net/s/1", &[("login", 200, "inkbunny/login_made.json"), ("userrating", 200, "inkbunny/rating_made.json"), ("submissions", 200, "text:{\"sid\":\"s\",\"results_count\":0,\"submissions\":[]}")], "gone"),
    ("https://inkbunny.net/s/1", &[("login", 200, "inkbunny/login_made.json"), ("userrating", 200, "text:{\"error_code\":2,\"error_message\":\"Invalid Session ID sent as parameter 'sid'.\"}"), ("submissions", 200, "text:{\"sid\":\"s\",\"results_count\":0,\"submissions\":[]}")], "login_needed"),
    ("https://inkbunny.net/ann", &[("ann", 200, "inkbunny/member_made.html")], "ok"),
    ("https://linktr.ee/kaiserlol", &[("linktr.ee", 200, "linktree/kaiserlol.html")], "ok"),
    ("https://linktr.ee/kaiserlol", &[("linktr.ee", 200, "material:fixtures/linktree/next_data_example.wrapped.html")], "ok"),
    ("https://ann.carrd.co/", &[("carrd", 200, "hubs/carrd_made.html")], "ok"),
    ("https://ann.carrd.co/", &[("carrd", 200, "hubs/challenge_made.html")], "blocked"),
    ("https://ko-fi.com/ann", &[("ko-fi", 200, "hubs/beacon_made.html")], "ok"),
    ("https://derpibooru.org/images/1", &[("images", 200, "philomena/image_1.json")], "ok"),
    ("https://derpibooru.org/images/1", &[("images", 200, "material:fixtures/philomena/post_id.booru-rs.json")], "ok"),
    ("https://derpibooru.org/tags/artist-colon-made", &[("tags", 200, "philomena/tag_made.html")], "ok"),
    (PIXIV, &[PAGES, ("illust", 200, "pixiv/illust_67487303.json")], "ok"),
    (PIXIV, &[PAGES, ("illust", 200, "material:fixtures/pixiv/ajax_illust_big-manga-mixed-67487303.json")], "ok"),
    (PIXIV, &[PAGES, ("illust", 200, "material:fixtures/pixiv/ajax_illust_manga-28820443.json")], "ok"),
    (PIXIV, &[PAGES, ("illust", 200, "material:fixtures/pixiv/ajax_illust_noavatar-20496355.json")], "ok"),
    (PIXIV, &[PAGES, ("illust", 200, "material:fixtures/pixiv/ajax_illust_parse-tags-11164869.json")], "ok"),
    (PIXIV, &[PAGES, ("illust", 200, "material:fixtures/pixiv/ajax_illust_ugoira-46281014.json")], "ok"),
    (PIXIV, &[PAGES, ("illust", 200, "material:fixtures/pixiv/ajax_illust_unicode-2493913.json")], "ok"),
    (PIXIV, &[PAGES, ("illust", 404, "pixiv/error_123.json")], "gone"),
    (PIXIV, &[("/pages", 200, "pixiv/pages_hidden_made.json"), ("illust", 200, "pixiv/illust_hidden_made.json")], "login_needed"),
    ("https://www.pixiv.net/users/1", &[("user", 200, "pixiv/user_made.json")], "ok"),
    ("https://lit.link/ann", &[("lit.link", 200, "litlink/page_made.html")], "ok"),
    ("https://www.patreon.com/ann", &[("patreon", 200, "patreon/next_data_made.html")], "ok"),
    ("https://www.patreon.com/ann", &[("patreon", 200, "patreon/window_made.html")], "ok"),
    ("https://www.patreon.com/ann", &[("patreon", 200, "patreon/window_in_proxy_made.html")], "ok"),
    ("https://www.patreon.com/ann", &[("patreon", 200, "patreon/chunks_made.html")], "ok"),
    ("https://www.patreon.com/ann", &[("patreon", 200, "patreon/chunks_number_only_made.html")], "layout_changed"),
    ("https://potofu.me/ann", &[("api.potofu.me", 200, "potofu/user_made.json")], "ok"),
    ("https://linkbio.co/ann", &[("linkbio", 200, "text:<script>window.__data = {\"content\":{},\"bio\":{\"id\":5}};</script>"), ("lnkcmpts/5.json", 200, "text:{\"cmpts\":\"[{\\\"type\\\":10,\\\"links\\\":[]}]\"}")], "ok"),
    ("https://linkbio.co/ann", &[("linkbio", 200, "text:<script>window.__data = {\"content\":{},\"bio\":{\"id\":5}};</script>")], "layout_changed"),
    ("https://linkbio.co/ann", &[("linkbio", 404, "text:<html>")], "gone"),
    ("https://bio.site/ann", &[("bio.site", 200, "text:<p>redesigned")], "layout_changed"),
    ("https://bio.site/ann", &[("bio.site", 404, "text:<html>")], "gone"),
    ("https://link.me/ann", &[("link.me", 200, "text:<p>redesigned")], "layout_changed"),
    ("https://litt.ly/ann", &[("litt.ly", 200, "text:<script id=data>!</script>")], "layout_changed"),
    ("https://pronouns.page/@ann", &[("api/profile", 200, "pronouns/profile_made.json")], "ok"),
    ("https://pronouns.page/@ann", &[("api/profile", 200, "text:{}")], "gone"),
    ("https://pronouns.page/@ann", &[("api/profile", 200, "text:<html>")], "blocked"),
    ("https://throne.com/ann", &[("throne", 200, "throne/page_made.html")], "ok"),
    ("https://throne.com/ann", &[("throne", 200, "text:<title>Just a moment...</title>")], "blocked"),
    ("https://vgen.co/ann", &[("vgen", 404, "text:<html>")], "gone"),
    ("https://link.inpock.co.kr/ann", &[("inpock", 200, "hubs/inpock_made.html")], "ok"),
    ("https://skeb.jp/@ann", &[("users", 200, "skeb/user_made.json")], "ok"),
    ("https://www.tumblr.com/some-one", &[("info", 200, "tumblr/info_made.json")], "ok"),
    ("https://www.tumblr.com/some-one", &[("info", 404, "text:{\"meta\":{\"status\":404,\"msg\":\"Not Found\"},\"response\":[]}")], "gone"),
    ("https://www.weasyl.com/submission/2031", &[("/submissions/", 200, "weasyl/submission_docs.json")], "ok"),
    ("https://www.weasyl.com/submission/2031", &[("/submissions/", 200, "material:fixtures_2026-11/weasyl/submission_view_docs.json")], "ok"),
    ("https://www.weasyl.com/submission/2031", &[("/submissions/", 403, "material:fixtures_2026-11/weasyl/error_rating_exceeded.json")], "login_needed"),
    ("https://www.weasyl.com/submission/1", &[("/submissions/", 404, "text:{\"error\":{\"name\":\"submissionRecordMissing\"}}")], "gone"),
    ("https://www.weasyl.com/submission/1", &[("/submissions/", 404, "text:<!DOCTYPE html>")], "layout_changed"),
    ("https://www.weasyl.com/~ann", &[("/users/", 200, "weasyl/user_made.json")], "ok"),
    ("https://www.weasyl.com/~ann", &[("/users/", 403, "text:{\"error\":{\"code\":200,\"text\":\"Profile hidden from guests.\"}}")], "login_needed"),
    ("https://www.weasyl.com/~ann", &[("/users/", 403, "text:{\"error\":{\"code\":201,\"text\":\"Unverified accounts are hidden.\"}}")], "gone"),
    // Of the documentation, with fields that the source no longer knows.
    ("https://www.weasyl.com/~ann", &[("/users/", 200, "material:fixtures_2026-11/weasyl/user_view_docs.json")], "layout_changed"),
    ("https://yande.re/post/show/51824", &[("post.json", 200, "moebooru/posts_made.json")], "ok"),
    ("https://yande.re/artist?name=ann", &[("artist.json", 200, "moebooru/artists_made.json")], "ok"),
    ("https://konachan.com/post/show/354323", &[("post.json", 200, "moebooru/post_354323.json")], "ok"),
    ("https://konachan.com/post/show/354323", &[("post.json", 200, "material:fixtures_2026-11/moebooru/konachan_post_id.json")], "ok"),
    ("https://konachan.com/post/show/1", &[("post.json", 200, "text:[]")], "gone"),
    ("https://yande.re/post/show/1", &[("post.json", 421, "text:")], "unavailable"),
    ("https://twibooru.org/523964", &[("/posts/", 200, "twibooru/post_made.json")], "ok"),
    ("https://twibooru.org/1", &[("/posts/", 404, "text:not found")], "gone"),
    ("https://www.newgrounds.com/art/view/ann/ryu-is-hawt", &[("/art/view/", 200, "newgrounds/work_made.html")], "ok"),
    ("https://www.newgrounds.com/art/view/ann/b", &[("/art/view/", 200, "text:<div id=\"adults_only\">")], "login_needed"),
    ("https://www.newgrounds.com/art/view/ann/b", &[("/art/view/", 451, "text:<title>Content Filtered</title>")], "login_needed"),
    ("https://itaku.ee/images/164381", &[("/images/", 200, "itaku/image_guest.json")], "ok"),
    ("https://itaku.ee/images/164381", &[("/images/", 200, "material:fixtures_2026-11/itaku/image_nsfw_guest.json")], "ok"),
    ("https://itaku.ee/posts/2008", &[("/posts/", 200, "itaku/post_made.json")], "ok"),
    ("https://itaku.ee/profile/ann", &[("/user_profiles/", 200, "itaku/user_made.json")], "ok"),
    ("https://itaku.ee/images/1", &[("/images/", 404, "text:{\"detail\":\"Not found.\"}")], "gone"),
    ("https://sofurry.com/s/aB3dE6gH", &[("/s/", 200, "sofurry/work_packed_made.json")], "ok"),
    ("https://sofurry.com/u/ann", &[("/api/profile", 200, "sofurry/profile_made.json")], "ok"),
    ("https://sofurry.com/s/aB3dE6gH", &[("/s/", 401, "text:")], "login_needed"),
    ("https://sofurry.com/s/aB3dE6gH", &[("/s/", 404, "text:")], "gone"),
    ("https://www.hentai-foundry.com/pictures/user/Afrobull/795025", &[("enterAgree", 200, "hentaifoundry/work_made.html")], "ok"),
    ("https://www.hentai-foundry.com/pictures/user/a/1", &[("enterAgree", 404, "text:<html>")], "gone"),
    ("https://www.hentai-foundry.com/pictures/user/a/1", &[("enterAgree", 200, "text:<p>Are you of age?</p>")], "layout_changed"),
    ("https://www.zerochan.net/3914235", &[("json", 200, "zerochan/image_3914235.json")], "ok"),
    ("https://www.zerochan.net/3914235", &[("json", 200, "material:fixtures_2026-11/zerochan/image_3914235.json")], "ok"),
    ("https://www.zerochan.net/3914235", &[("json", 200, "text:{\"id\": 1, \"tags\": [\"a\"b\"]}"), ("3914235", 500, "zerochan/page_made.html")], "ok"),
    ("https://www.zerochan.net/1", &[("json", 404, "text:<p>Some content is for members only")], "login_needed"),
    ("https://www.zerochan.net/1", &[("json", 404, "text:<p>nothing")], "gone"),
    ("https://booth.pm/ja/items/4693741", &[(".json", 200, "booth/item_made.json")], "ok"),
    ("https://booth.pm/ja/items/1", &[(".json", 404, "text:<html>")], "gone"),
    ("https://ann.booth.pm/", &[("ann.booth.pm", 200, "booth/shop_made.html")], "ok"),
    ("https://ann.booth.pm/", &[("ann.booth.pm", 200, "text:<p>redesigned")], "layout_changed"),
    ("https://fantia.jp/posts/508363", &[("/api/v1/posts/", 200, "fantia/post_made.json"), ("/posts/", 200, "fantia/page_made.html")], "ok"),
    ("https://fantia.jp/posts/1", &[("/posts/", 404, "text:<html>")], "gone"),
    ("https://fantia.jp/fanclubs/6939", &[("/api/", 200, "fantia/club_made.json"), ("/fanclubs/", 200, "fantia/page_made.html")], "ok"),
    ("https://poipiku.com/25049/5864576.html", &[("/25049/", 200, "poipiku/work_made.html")], "ok"),
    ("https://poipiku.com/1/2.html", &[("/1/", 200, "text:<a class=UserInfoUserName>a</a><img class=IllustItemThumbImg src=/img/warning.png>")], "login_needed"),
    ("https://poipiku.com/25049/", &[("/25049/", 200, "poipiku/user_made.html")], "ok"),
    ("https://seiga.nicovideo.jp/seiga/im520647", &[("/ajax/seiga/", 200, "nicoseiga/work_made.json")], "ok"),
    ("https://www.nicovideo.jp/user/39537793", &[("/v1/users/", 200, "nicoseiga/user_made.json")], "ok"),
    ("https://www.nicovideo.jp/user/1", &[("/v1/users/", 404, "text:{\"meta\":{\"status\":404}}")], "gone"),
    ("https://cara.app/post/01234567-89ab-cdef-0123-456789abcdef", &[("/api/posts/", 200, "cara/post_made.json")], "ok"),
    ("https://cara.app/post/01234567-89ab-cdef-0123-456789abcdef", &[("/api/posts/", 403, "text:<title>Just a moment...</title>")], "blocked"),
    ("https://toyhou.se/~images/58037599", &[("/~images/", 200, "toyhouse/image_made.html")], "ok"),
    ("https://toyhou.se/~images/1", &[("/~images/", 200, "text:<h1>Content Warning</h1>")], "login_needed"),
    ("https://xfolio.jp/portfolio/ann/works/23977", &[("/works/", 200, "xfolio/work_made.html")], "ok"),
    ("https://xfolio.jp/portfolio/ann", &[("/portfolio/", 200, "xfolio/profile_made.html")], "ok"),
    ("https://xfolio.jp/portfolio/ann", &[("/portfolio/", 200, "text:<p>ページが見つかりません。</p>")], "gone"),
    ("https://nijie.info/view.php?id=70720", &[("view.php", 200, "nijie/work_made.html")], "ok"),
    ("https://nijie.info/view.php?id=1", &[("view.php", 200, "text:<div id=\"login_illust\">")], "login_needed"),
    ("https://nijie.info/view.php?id=1", &[("view.php", 200, "text:<p>作品は存在しません</p>")], "gone"),
    ("https://nijie.info/members.php?id=44", &[("members.php", 200, "nijie/user_made.html")], "ok"),
    ("https://bsky.app/profile/a.b", &[("getProfile", 200, "material:fixtures_2026-11/bluesky_fxembed/profile-detail.json")], "ok"),
];

struct Answers(&'static [(&'static str, u16, &'static str)]);

impl Fetch for Answers {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let found = self.0.iter().find(|(part, _, _)| request.url.as_str().contains(part));
        let (status, body) = found.map_or((404, Vec::new()), |(_, status, file)| (*status, load(file)));
        Ok(Response { status, url: request.url, headers: vec![], body: body.into() })
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

fn load(file: &str) -> Vec<u8> {
    if let Some(text) = file.strip_prefix("text:") {
        return text.as_bytes().to_vec();
    }
    let path = match file.strip_prefix("material:") {
        Some(file) => material::outside(file),
        None => material::fixture(&format!("sites/{file}")),
    };
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The outcome of a page, or of its picture. A page that yields no link at all is not read.
fn outcome(page: &str, answers: &'static [(&'static str, u16, &'static str)]) -> &'static str {
    let fetch = Answers(answers);
    let credentials =
        Credentials { tumblr_api_key: Some(crate::config::Secret::new("key")), ..Credentials::default() };
    let web = Web::new(&fetch, &credentials, 30, Duration::from_secs(60));
    let (site, page) = recognise(&Address::parse(page).unwrap());
    let site = site.unwrap();
    let read = match (page.kind, site.artwork, site.leads) {
        (Kind::Artwork, Some(artwork), _) => {
            artwork(&page, &web).and_then(|artwork| artwork.images.map(|_| ()))
        }
        (_, _, Some(leads)) => leads(&page, &web).map(|_| ()),
        _ => panic!("{} has no reader", page.address()),
    };
    read.map_or_else(|error| error.outcome(), |()| "ok")
}

#[test]
fn every_fixture_is_read_as_what_it_is() {
    let (mut wrong, mut counts) = (Vec::new(), BTreeMap::<&str, (u32, u32)>::new());
    for (page, answers, expected) in ROWS {
        let is_outside = answers.iter().any(|(_, _, file)| file.starts_with("material:"));
        if is_outside && !cfg!(material) {
            continue;
        }
        let found = outcome(page, answers);
        let site = recognise(&Address::parse(page).unwrap()).0.unwrap().name;
        let (right, all) = counts.entry(site).or_default();
        *all += 1;
        match found == *expected {
            true => *right += 1,
            false => wrong.push(format!("{page} {answers:?}: {found}, not {expected}")),
        }
    }
    for (site, (right, all)) in &counts {
        println!("{site}: {right} of {all}");
    }
    let sum = |part: fn(&(u32, u32)) -> u32| counts.values().map(part).sum::<u32>();
    println!("all: {} of {}", sum(|count| count.0), sum(|count| count.1));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
