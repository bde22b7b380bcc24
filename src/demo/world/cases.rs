//! What can be asked in the world and what the daemon should answer: for the demo's list, and for tests.

use super::cast::{self, ASPEN, HAZEL, JUNIPER, MAPLE, ROWAN};
use super::facts::{Facts, Gallery};
use super::sites::deviantart;

/// One thing to ask.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows, in a few words.
    pub about: &'static str,
    pub ask: Ask,
    pub expect: Expect,
    /// Set where the case is the one that shows a site, or a kind of link page.
    pub tour: Option<Tour>,
}

/// One stop of the tour through all sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tour {
    pub site: &'static str,
    /// Requests on the way from the artwork's page to the account of which each needs the answer of the one
    /// before: the least time is so many times the latency.
    pub chain: u32,
}

#[derive(Clone, Debug)]
pub enum Ask {
    /// The address of a page, to be given to `/query`.
    Query(String),
    /// What is no query of a page: a shell line in which `{api}` is the daemon's address and `{image}`
    /// the path of a file with the artwork `cases::SAMPLE`.
    Shell(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// This post is the first result.
    Post {
        post: u64,
        account: u64,
        handle: &'static str,
        /// `2/4`: the second of four images.
        position: &'static str,
        /// Largest distance in bits that the network's re-encoding may cause.
        within: u32,
    },
    /// This post of another network than X is the first of all networks' posts.
    Elsewhere {
        network: &'static str,
        post: String,
        handle: &'static str,
        /// Largest distance in bits that the network's re-encoding may cause.
        within: u32,
    },
    /// The query ends well, without a result.
    Nothing,
    /// This error code.
    Error(&'static str),
}

impl Case {
    /// The page asked for, where it is a query.
    pub fn url(&self) -> Option<&str> {
        match &self.ask {
            Ask::Query(url) => Some(url),
            Ask::Shell(_) => None,
        }
    }
}

/// The artwork whose file the demo writes beside its settings, for searches by image.
pub const SAMPLE: super::picture::ArtId = super::picture::ArtId::SwordInTheStone;

/// All of them; the first is the one that the demo asks.
pub fn all(facts: &Facts) -> Vec<Case> {
    let mut cases = found(facts);
    cases.extend(refused(facts));
    cases
}

fn found(facts: &Facts) -> Vec<Case> {
    let post = |author: usize, number, position| Expect::Post {
        post: cast::post_id(author, number),
        account: facts.accounts[author].id,
        handle: facts.accounts[author].handle,
        position,
        within: 6,
    };
    let query = |about, url: String, expect| Case { about, ask: Ask::Query(url), expect, tour: None };
    let stop = |case: Case, site, chain| Case { tour: Some(Tour { site, chain }), ..case };
    let mut cases = vec![
        query(
            "an artwork whose artist names an account",
            work(facts, "The Witch's Kitchen"),
            post(JUNIPER, 200, "1/1"),
        ),
        query("the first image of a post of four", work(facts, "Up and Away"), post(JUNIPER, 120, "1/4")),
        query("the third image of the same post", work(facts, "On the Trail"), post(JUNIPER, 120, "3/4")),
        query("resized by the network", work(facts, "Power to the Masses"), post(JUNIPER, 60, "1/1")),
        query("a post that only the timeline shows", work(facts, "By the Fire"), post(JUNIPER, 30, "1/1")),
        stop(
            query(
                "an account found through a link page; two alike",
                work(facts, "Giggle"),
                post(MAPLE, 50, "1/1"),
            ),
            "Linktree",
            3,
        ),
        stop(
            query("one account alive, one suspended", work(facts, "Pushing Carts"), post(ASPEN, 33, "1/1")),
            "DeviantArt",
            2,
        ),
        stop(
            query(
                "a booru post, the artist by its curators' entry",
                booru(7_000_001),
                post(ROWAN, 44, "2/2"),
            ),
            "Danbooru",
            2,
        ),
        query("a transparent picture, flattened by the network", booru(7_000_003), post(ROWAN, 130, "1/1")),
        query("an original too big, its lighter version not", booru(7_000_004), post(ROWAN, 95, "1/1")),
        query("an artist known to the booru alone", booru(7_000_007), post(HAZEL, 12, "1/1")),
        query("a post whose image is gone from the network", work(facts, "Standing"), Expect::Nothing),
        query("an artwork that was never posted", work(facts, "Never Posted"), Expect::Nothing),
        query("a site that takes ten seconds", work(facts, "Slow Sketch"), post(JUNIPER, 150, "1/1")),
        query(
            "the second image of a work on Pixiv",
            "https://www.pixiv.net/artworks/118000001#2".to_owned(),
            post(JUNIPER, 152, "1/1"),
        ),
        query(
            "a duplicate on Derpibooru, merged into another",
            "https://derpibooru.org/images/3200002".to_owned(),
            post(MAPLE, 51, "2/2"),
        ),
    ];
    let sorrel = facts.open_account("demo-sorrel.bsky.social");
    let linden = facts.open_account("demo_linden@demo-misskey.example");
    cases.extend([
        query(
            "an artist on three networks, the earliest copy on Mastodon",
            "https://www.artstation.com/artwork/70013".to_owned(),
            post(ROWAN, 130, "1/1"),
        ),
        query(
            "an artist who is on Bluesky only",
            "https://www.artstation.com/artwork/70014".to_owned(),
            Expect::Elsewhere {
                network: "bluesky",
                post: sorrel.map(|account| account.post_id(30)).unwrap_or_default(),
                handle: "demo-sorrel.bsky.social",
                within: 6,
            },
        ),
        query(
            "an artist on a server that turns out to be a Misskey",
            "https://www.artstation.com/artwork/70024".to_owned(),
            Expect::Elsewhere {
                network: "misskey",
                post: linden.map(|account| account.post_id(150)).unwrap_or_default(),
                handle: "demo_linden@demo-misskey.example",
                within: 6,
            },
        ),
    ]);
    let elsewhere = |site, chain, url: &str, expect| {
        stop(query("one artwork for each site", url.to_owned(), expect), site, chain)
    };
    let through = |hub, chain, work: u64, expect| {
        let url = format!("https://www.artstation.com/artwork/{work}");
        stop(query("an artist on ArtStation, found through a page of links", url, expect), hub, chain)
    };
    cases.extend([
        elsewhere("Pixiv", 2, "https://www.pixiv.net/en/artworks/118000001", post(JUNIPER, 10, "1/1")),
        elsewhere("Derpibooru", 2, "https://derpibooru.org/images/3200001", post(MAPLE, 51, "2/2")),
        elsewhere("Furbooru", 2, "https://furbooru.org/images/240001", post(ASPEN, 40, "1/1")),
        elsewhere("e621", 2, "https://e621.net/posts/4500001", post(HAZEL, 13, "1/1")),
        elsewhere("ArtStation", 2, "https://www.artstation.com/artwork/70001", post(ROWAN, 20, "1/1")),
        elsewhere("Fur Affinity", 2, "https://www.furaffinity.net/view/54000001/", post(ROWAN, 96, "1/1")),
        elsewhere("Inkbunny", 4, "https://inkbunny.net/s/3300001", post(ROWAN, 70, "1/1")),
        elsewhere(
            "Gelbooru",
            3,
            "https://gelbooru.com/index.php?page=post&s=view&id=9100001",
            post(ROWAN, 20, "1/1"),
        ),
        elsewhere("Weasyl", 2, "https://www.weasyl.com/submission/2500001", post(ROWAN, 130, "1/1")),
        elsewhere("yande.re", 2, "https://yande.re/post/show/1200001", post(ASPEN, 33, "1/1")),
        elsewhere("Twibooru", 3, "https://twibooru.org/1300001", post(MAPLE, 51, "2/2")),
        elsewhere(
            "Newgrounds",
            1,
            "https://www.newgrounds.com/art/view/demo-rowan/1400001",
            post(ROWAN, 95, "1/1"),
        ),
        elsewhere("Itaku", 2, "https://itaku.ee/images/1450001", post(HAZEL, 12, "1/1")),
        elsewhere("SoFurry", 2, "https://sofurry.com/s/W1500001", post(HAZEL, 13, "1/1")),
        elsewhere(
            "Hentai Foundry",
            1,
            "https://www.hentai-foundry.com/pictures/user/demo-rowan/1550001",
            post(ROWAN, 70, "1/1"),
        ),
        elsewhere("Zerochan", 3, "https://www.zerochan.net/1600001", post(ROWAN, 20, "1/1")),
        elsewhere("Booth", 2, "https://booth.pm/ja/items/1620001", post(MAPLE, 50, "1/1")),
        elsewhere("Fantia", 4, "https://fantia.jp/posts/1640001", post(ASPEN, 40, "1/1")),
        elsewhere("Poipiku", 2, "https://poipiku.com/16601/1660001.html", post(JUNIPER, 10, "1/1")),
        elsewhere("Nico Seiga", 2, "https://seiga.nicovideo.jp/seiga/im1700001", post(JUNIPER, 152, "1/1")),
        elsewhere(
            "Cara",
            1,
            "https://cara.app/post/00000000-0000-4000-8000-000001720001",
            post(ROWAN, 96, "1/1"),
        ),
        elsewhere("Toyhouse", 1, "https://toyhou.se/~images/1740001", post(ROWAN, 44, "2/2")),
        elsewhere(
            "Xfolio",
            2,
            "https://xfolio.jp/portfolio/demo_juniper/works/1760001",
            post(JUNIPER, 60, "1/1"),
        ),
        elsewhere("Nijie", 2, "https://nijie.info/view.php?id=1780001", post(JUNIPER, 30, "1/1")),
        through("Carrd", 3, 70_002, post(MAPLE, 50, "1/1")),
        through("Ko-fi", 3, 70_003, post(MAPLE, 51, "2/2")),
        through("Patreon", 3, 70_004, post(ASPEN, 33, "1/1")),
        through("Potofu", 3, 70_005, post(HAZEL, 12, "1/1")),
        through("lit.link", 3, 70_006, post(HAZEL, 13, "1/1")),
        through("Fanbox", 3, 70_007, post(JUNIPER, 60, "1/1")),
        through("Skeb", 4, 70_008, post(JUNIPER, 30, "1/1")),
        through("Bluesky", 3, 70_009, post(ROWAN, 44, "2/2")),
        through("Mastodon", 3, 70_010, post(ROWAN, 95, "1/1")),
        through("Misskey", 3, 70_025, post(ROWAN, 44, "2/2")),
        through("Tumblr", 3, 70_012, post(ASPEN, 33, "1/1")),
        through("Instabio", 4, 70_015, post(MAPLE, 50, "1/1")),
        through("bio.site", 3, 70_016, post(ASPEN, 33, "1/1")),
        through("link.me", 3, 70_017, post(HAZEL, 12, "1/1")),
        through("Littly", 3, 70_018, post(JUNIPER, 30, "1/1")),
        through("Inpock", 3, 70_019, post(ROWAN, 95, "1/1")),
        through("Throne", 3, 70_020, post(MAPLE, 51, "2/2")),
        through("VGen", 3, 70_021, post(ASPEN, 40, "1/1")),
        through("pronouns.page", 3, 70_022, post(HAZEL, 13, "1/1")),
        through("t.co", 3, 70_011, post(ASPEN, 40, "1/1")),
    ]);
    cases
}

fn refused(facts: &Facts) -> Vec<Case> {
    let refused = |about, ask, code| Case { about, ask, expect: Expect::Error(code), tour: None };
    let shell = |about, line: &str, code| refused(about, Ask::Shell(line.to_owned()), code);
    let query = |about, url: &str, code| refused(about, Ask::Query(url.to_owned()), code);
    let long = format!("https://www.deviantart.com/demo-juniper/art/{}-912000001", "Long".repeat(60));
    let slow = encoded(&work(facts, "Slow Sketch"));
    let busy = format!(
        "curl -s -H 'X-Forwarded-For: 203.0.113.7' '{{api}}/query?url={slow}' > /dev/null; sleep 1; \
         curl -s -H 'X-Forwarded-For: 203.0.113.7' '{{api}}/query?url={}'",
        encoded(&booru(7_000_002)),
    );
    let cancelled = format!(
        "curl -s '{{api}}/query?url={slow}' > /dev/null; \
         aotf cancel \"$(curl -s '{{api}}/query?url={slow}' | sed 's/.*\"id\":\"\\([^\"]*\\).*/\\1/')\" \
         --config \"$(dirname {{image}})/parameters.toml\"; curl -s '{{api}}/query?url={slow}'",
    );
    vec![
        shell("no address given", "curl -s '{api}/query'", "NO_URL_FIELD"),
        query("more than 256 characters", &long, "URL_TOO_LONG"),
        query("not an address", "witch-cooking", "NOT_AN_URL"),
        query("a site that is not supported", "https://gallery.example.org/works/1", "UNSUPPORTED_WEBSITE"),
        query(
            "a page that is no artwork",
            "https://www.deviantart.com/demo-juniper/gallery",
            "NOT_AN_ARTWORK_PAGE",
        ),
        query(
            "an artwork that does not exist",
            "https://danbooru.donmai.us/posts/7999999",
            "NOT_AN_ARTWORK_PAGE",
        ),
        query("an artist without accounts", &work(facts, "My Cave"), "NO_TWITTER_ACCOUNT_FOUND"),
        query(
            "private, suspended and missing accounts",
            &work(facts, "Old Times"),
            "NO_VALID_TWITTER_ACCOUNT_FOUND",
        ),
        query(
            "an account that blocks the application",
            &work(facts, "Leave Me Alone"),
            "BLOCKED_BY_TWITTER_ACCOUNT",
        ),
        query("an artwork whose file is gone", &work(facts, "A Lost File"), "ERROR_DURING_REVERSE_SEARCH"),
        query(
            "a work whose picture is shown to members only: the artist's accounts alone",
            "https://www.pixiv.net/artworks/118000002",
            "PROCESSING_ERROR",
        ),
        query("an image of 21 MiB", &booru(7_000_005), "QUERY_IMAGE_TOO_BIG"),
        query("a site whose answer is cut short", &booru(7_000_006), "PROCESSING_ERROR"),
        shell("a second query while the first still runs", &busy, "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS"),
        shell(
            "a search by a file that is no image",
            "curl -s --data-binary 'no image' '{api}/search'",
            "CANNOT_GET_IMAGE",
        ),
        shell(
            "a search in an account that does not exist",
            "curl -s --data-binary @{image} '{api}/search?account_name=demo_nobody'",
            "INVALID_TWITTER_ACCOUNT",
        ),
        shell(
            "a search in an account not indexed yet",
            "curl -s --data-binary @{image} '{api}/search?account_name=demo_fern'",
            "TWITTER_ACCOUNT_NOT_INDEXED",
        ),
        shell("a search without its identifier", "curl -s '{api}/search'", "IDENTIFIER_MISSING"),
        shell("a search without an image", "curl -s -X POST '{api}/search'", "IMAGE_MISSING"),
        shell(
            "a daemon whose budget for reading posts is used up",
            "AOTF_TWITTER__BUDGET__DAILY_USD=0.005 aotf demo --once --port 0",
            "API_BUDGET_EXHAUSTED",
        ),
        shell("a query that is cancelled while it runs", &cancelled, "CANCELLED"),
        shell("a search nobody started", "curl -s '{api}/search?identifier=nobody'", "NO_SUCH_REQUEST"),
    ]
}

/// The page of the deviation with this title.
fn work(facts: &Facts, title: &str) -> String {
    let mut deviations = facts.works.iter().filter(|work| work.gallery == Gallery::Deviantart);
    deviations.find(|work| work.title == title).map(deviantart::page_url).unwrap_or_default()
}

fn booru(id: u64) -> String {
    format!("https://danbooru.donmai.us/posts/{id}")
}

fn encoded(url: &str) -> String {
    url::form_urlencoded::byte_serialize(url.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::demo::world::facts::MediaKind;
    use crate::demo::world::picture::tests::{decode_jpeg, rough_hash};
    use crate::demo::world::picture::{Change, Picture, network_jpeg};
    use crate::domain::failure::FailureCode;

    #[test]
    fn every_error_code_can_be_provoked() {
        let cases = all(&cast::build());
        for code in FailureCode::ALL {
            assert!(
                cases
                    .iter()
                    .any(|case| matches!(case.expect, Expect::Error(expected) if expected == code.as_str())),
                "nothing provokes {code}",
            );
        }
    }

    #[test]
    fn addresses_are_whole_and_distinct() {
        let cases = all(&cast::build());
        let urls: Vec<&str> = cases.iter().filter_map(Case::url).collect();
        assert_eq!(urls.iter().collect::<HashSet<_>>().len(), urls.len());
        for case in &cases {
            let Some(url) = case.url() else { continue };
            assert_eq!(url.len() > 256, case.expect == Expect::Error("URL_TOO_LONG"), "{url}");
            assert_eq!(url::Url::parse(url).is_err(), case.expect == Expect::Error("NOT_AN_URL"), "{url}");
        }
    }

    #[test]
    fn expected_posts_hold_the_artwork_and_nothing_else_is_nearer() {
        let facts = cast::build();
        let mut hashes: HashMap<Picture, u64> = HashMap::new();
        let mut served = |picture: Picture| {
            *hashes.entry(picture).or_insert_with(|| {
                rough_hash(&decode_jpeg(&network_jpeg(&picture.paint().unwrap(), 680).unwrap()))
            })
        };
        for case in all(&facts) {
            let Expect::Post { post, account, position, within, .. } = case.expect else { continue };
            let expected = facts.post(post).unwrap();
            assert_eq!(facts.accounts[expected.author].id, account);
            let (place, count) = position.split_once('/').unwrap();
            assert_eq!(expected.media.len().to_string(), count, "{}", case.about);
            let picture = facts.media[expected.media[place.parse::<usize>().unwrap() - 1]].picture;
            assert!(matches!(picture, Picture::Art(_, Change::Same)), "{}", case.about);
            let artwork = rough_hash(&picture.paint().unwrap());
            let own = (artwork ^ served(picture)).count_ones();
            assert!(own <= within);
            for other in facts.posts_of(expected.author).flat_map(|other| &other.media) {
                let other = &facts.media[*other];
                if other.kind == MediaKind::Photo && other.picture != picture {
                    let distance = (artwork ^ served(other.picture)).count_ones();
                    assert!(distance >= own, "{}: {:?} is nearer", case.about, other.picture);
                }
            }
        }
    }
}
