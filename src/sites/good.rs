//! A good page of every kind that is read, with what it may lack.

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../tests/fixtures/sites/", $name))
    };
}

/// How an answer holds what is read.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// It is JSON.
    Json,
    /// It is a page, read by its elements.
    Page,
    /// JSON in `script#__NEXT_DATA__`.
    NextData,
    /// JSON in a string that a script parses.
    InitialState,
    /// JSON in the strings that scripts push.
    Chunks,
    /// JSON whose values are the numbers of entries of a list.
    Packed,
    /// The object of a script, `window.patreon`.
    Bootstrap,
    /// The object that a script assigns to this name.
    Assigned(&'static str),
    /// JSON in Base64, in `script#data`.
    Coded,
}

/// One answer: a part of the address that is asked for, its form, and what it holds.
pub(super) type Answer = (&'static str, Form, &'static str);

/// A page and the answers that it is read from.
pub(super) struct Good {
    pub page: &'static str,
    pub answers: &'static [Answer],
    /// What a page may lack, so that less is found in it, with the reason.
    pub may_be_absent: &'static [(&'static str, &'static str)],
}

const SMALLER: &str = "the picture is had in another size";
const DATE: &str = "the date only spares requests";
const TEXT: &str = "whoever wrote nothing has no text";
const MARK: &str = "believed until it is marked";

#[rustfmt::skip]
pub(super) const GOOD: &[Good] = &[
    Good {
        page: "https://www.artstation.com/artwork/NoNmD",
        answers: &[("/projects/", Form::Json, fixture!("artstation/project_made.json"))],
        may_be_absent: &[("description", TEXT), ("published_at", DATE)],
    },
    Good {
        page: "https://www.artstation.com/ann",
        answers: &[("/users/", Form::Json, fixture!("artstation/user_made.json"))],
        may_be_absent: &[("portfolio", TEXT), ("portfolio.summary", TEXT)],
    },
    Good {
        page: "https://danbooru.donmai.us/posts/6148688",
        answers: &[("/posts/", Form::Json, fixture!("danbooru/post_6148688.json"))],
        may_be_absent: &[("file_url", SMALLER), ("large_file_url", SMALLER), ("created_at", DATE)],
    },
    Good {
        page: "https://danbooru.donmai.us/artists/show_or_new?name=a",
        answers: &[("/artists.json", Form::Json, fixture!("danbooru/artists_made.json"))],
        may_be_absent: &[("[].is_deleted", MARK), ("[].urls[].is_active", MARK)],
    },
    Good {
        page: "https://www.deviantart.com/pachunka/art/Cope-145564099",
        answers: &[
            ("oembed", Form::Json, fixture!("deviantart/oembed_cope.json")),
            ("/art/", Form::InitialState, fixture!("deviantart/page_cope.html")),
        ],
        may_be_absent: &[
            ("url", "the page has it too"), ("type", "the page has it too"), ("author_url", "the page has it too"),
            ("thumbnail_url", SMALLER), ("@@entities.deviation.*.media", "oEmbed has it too"),
            ("@@entities.deviation.*.media.baseUri", "oEmbed has it too"),
            ("@@entities.deviation.*.media.prettyName", SMALLER), ("@@entities.deviation.*.media.token", SMALLER),
            ("@@entities.deviation.*.media.types", SMALLER), ("@@entities.deviation.*.media.types[].*", SMALLER),
            ("@@entities.deviationExtended", TEXT), ("@@entities.deviationExtended.*", TEXT),
            ("@@entities.deviationExtended.*.descriptionText", TEXT),
            ("@@entities.deviationExtended.*.descriptionText.html", TEXT),
            ("@@entities.deviationExtended.*.descriptionText.html.markup", TEXT),
        ],
    },
    Good {
        page: "https://www.deviantart.com/pachunka",
        answers: &[("/about", Form::InitialState, fixture!("deviantart/about_made.html"))],
        may_be_absent: &[
            ("*.website", "left empty by many"), ("*.textContent", TEXT), ("*.textContent.html", TEXT),
            ("*.textContent.html.markup", TEXT),
        ],
    },
    Good {
        page: "https://e621.net/posts/3937749",
        answers: &[("/posts/", Form::Json, fixture!("e621/post.json"))],
        may_be_absent: &[
            ("post.created_at", DATE), ("post.file", SMALLER), ("post.sample", SMALLER),
            ("post.sample.url", SMALLER),
        ],
    },
    Good {
        page: "https://e621.net/artists/show_or_new?name=a",
        answers: &[("/artists.json", Form::Json, fixture!("e621/artists_made.json"))],
        may_be_absent: &[("[].urls[].is_active", MARK)],
    },
    Good {
        page: "https://ann.fanbox.cc/",
        answers: &[("creator.get", Form::Json, fixture!("fanbox/creator_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://www.furaffinity.net/view/1234567/",
        answers: &[("/view/", Form::Page, fixture!("furaffinity/view_2026_made.html"))],
        may_be_absent: &[
            (".submission-description-text", TEXT), (".section-body", TEXT), (".submission-footer", TEXT),
            (".submission-details", TEXT), (".submission-description", TEXT), ("div", TEXT), ("a.auto_link", TEXT),
            ("#submissionImg", SMALLER), (".aligncenter", SMALLER),
        ],
    },
    Good {
        page: "https://www.furaffinity.net/user/ann/",
        answers: &[("/user/", Form::Page, fixture!("furaffinity/user_2026_made.html"))],
        may_be_absent: &[
            (".user-contact", "nobody has to have contacts"), ("#userpage-contact", "nobody has to have contacts"),
            (".user-contact-item", "nobody has to have contacts"), (".user-contact-user-info", "one of several"),
            (".userpage-right-column", "nobody has to have contacts"), ("a", "one of several"),
            (".font-small", "one of several"), (".highlight", "one of several"),
            ("a.auto_link", TEXT),
        ],
    },
    Good {
        page: "https://gelbooru.com/index.php?page=post&s=view&id=8329156",
        answers: &[("dapi", Form::Json, fixture!("gelbooru/dapi_post.json"))],
        may_be_absent: &[
            ("post[].file_url", "it follows from the directory"), ("post[].sample_url", SMALLER),
            ("post[].created_at", DATE),
        ],
    },
    Good {
        page: "https://safebooru.org/index.php?page=post&s=view&id=4296456",
        answers: &[("dapi", Form::Json, fixture!("gelbooru/safebooru_2023.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://realbooru.com/index.php?page=post&s=view&id=1",
        answers: &[("s=view", Form::Page, fixture!("gelbooru/realbooru_made.html"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://inkbunny.net/s/3388744",
        answers: &[
            ("api_login", Form::Json, fixture!("inkbunny/login_made.json")),
            ("api_userrating", Form::Json, fixture!("inkbunny/rating_made.json")),
            ("api_submissions", Form::Json, fixture!("inkbunny/submission_two_files.json")),
        ],
        may_be_absent: &[
            ("submissions[].create_datetime", DATE), ("submissions[].files[].file_url_full", SMALLER),
            ("submissions[].files[].file_url_screen", SMALLER), ("submissions[].files[].file_url_preview", SMALLER),
        ],
    },
    Good {
        page: "https://inkbunny.net/ann",
        answers: &[("/ann", Form::Page, fixture!("inkbunny/member_made.html"))],
        may_be_absent: &[("a", "nobody has to have links"), ("p", TEXT)],
    },
    Good {
        page: "https://linktr.ee/kaiserlol",
        answers: &[("linktr.ee", Form::NextData, fixture!("linktree/kaiserlol.html"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://ann.carrd.co/",
        answers: &[("carrd.co", Form::Page, fixture!("hubs/carrd_made.html"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://lit.link/ann",
        answers: &[("lit.link", Form::Chunks, fixture!("litlink/profile_made.json"))],
        may_be_absent: &[
            ("snsIconLinks", "older pages have none"),
            ("profileLinks[].textLink.description", TEXT),
            ("profileLinks[].imageLink.profileImages", "a picture need not lead anywhere"),
            ("profileLinks[].imageLink.profileImages[].url", "a picture need not lead anywhere"),
            ("profileLinks[].movieLink.url", "a film on the page itself"),
        ],
    },
    Good {
        page: "https://www.patreon.com/ann",
        answers: &[("patreon.com", Form::NextData, fixture!("patreon/campaign_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://www.patreon.com/ann",
        answers: &[("patreon.com", Form::Chunks, fixture!("patreon/campaign_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://www.patreon.com/ann",
        answers: &[("patreon.com", Form::Bootstrap, fixture!("patreon/campaign_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://derpibooru.org/images/1",
        answers: &[("/images/", Form::Json, fixture!("philomena/image_1.json"))],
        may_be_absent: &[
            ("image.view_url", SMALLER), ("image.representations", SMALLER),
            ("image.representations.*", SMALLER),
        ],
    },
    Good {
        page: "https://derpibooru.org/tags/artist-colon-made",
        answers: &[("/tags/", Form::Page, fixture!("philomena/tag_made.html"))],
        may_be_absent: &[("a", "one of several")],
    },
    Good {
        page: "https://www.pixiv.net/artworks/67487303",
        answers: &[
            ("/pages", Form::Json, fixture!("pixiv/pages_made.json")),
            ("/illust/", Form::Json, fixture!("pixiv/illust_67487303.json")),
        ],
        may_be_absent: &[
            ("body.createDate", DATE), ("body.description", TEXT),
        ],
    },
    Good {
        page: "https://www.pixiv.net/users/1",
        answers: &[("/user/", Form::Json, fixture!("pixiv/user_made.json"))],
        may_be_absent: &[
            ("body.commentHtml", "older answers have the text without markup only"),
            ("body.social.*", "by network"), ("body.social.*.url", "one of several"),
        ],
    },
    Good {
        page: "https://potofu.me/ann",
        answers: &[("api.potofu.me", Form::Json, fixture!("potofu/user_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://linkbio.co/ann",
        answers: &[("linkbio.co", Form::Assigned("window.__data"), fixture!("instabio/data_made.json"))],
        may_be_absent: &[
            ("social", "one project alone has seen it"), ("content.cmpts[].links[].link", "under either name"),
            ("content.cmpts[].links[].link1", "under either name"),
        ],
    },
    Good {
        page: "https://bio.site/ann",
        answers: &[("bio.site", Form::Assigned("window.initial_state"), fixture!("biosite/state_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://link.me/ann",
        answers: &[("link.me", Form::NextData, fixture!("linkme/profile_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://litt.ly/ann",
        answers: &[("litt.ly", Form::Coded, fixture!("littly/data_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://pronouns.page/@ann",
        answers: &[("/api/profile/get/", Form::Json, fixture!("pronouns/profile_made.json"))],
        may_be_absent: &[
            ("profiles.*", "a language that its owner does not speak"),
            ("profiles.*.verifiedLinks", "nothing was found to link back"),
            ("profiles.en.verifiedLinks.https://mastodon.art/@ann", "it was not found to link back"),
        ],
    },
    Good {
        page: "https://throne.com/ann",
        answers: &[("throne.com", Form::Page, fixture!("throne/page_made.html"))],
        may_be_absent: &[("a", "one of several"), (".chakra-button", "nobody has to have links")],
    },
    Good {
        page: "https://vgen.co/ann",
        answers: &[("vgen.co", Form::NextData, fixture!("vgen/user_made.json"))],
        may_be_absent: &[("props.pageProps.user.contactSocials.twitter", "of those that somebody has")],
    },
    Good {
        page: "https://link.inpock.co.kr/ann",
        answers: &[("inpock", Form::Page, fixture!("hubs/inpock_made.html"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://skeb.jp/@ann",
        answers: &[("/api/users/", Form::Json, fixture!("skeb/user_made.json"))],
        may_be_absent: &[
            ("user_service_links[].provider", "the number is known"),
            ("user_service_links[].screen_name", "the number is known"),
        ],
    },
    Good {
        page: "https://www.tumblr.com/some-one",
        answers: &[("/info", Form::Json, fixture!("tumblr/info_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://www.weasyl.com/submission/2031",
        answers: &[("/submissions/", Form::Json, fixture!("weasyl/submission_docs.json"))],
        may_be_absent: &[("posted_at", DATE)],
    },
    Good {
        page: "https://www.weasyl.com/~ann",
        answers: &[("/users/", Form::Json, fixture!("weasyl/user_made.json"))],
        may_be_absent: &[("user_info.user_links.*", "written by those who have such a page")],
    },
    Good {
        page: "https://yande.re/post/show/51824",
        answers: &[("/post.json", Form::Json, fixture!("moebooru/posts_made.json"))],
        may_be_absent: &[
            ("posts[].file_url", SMALLER), ("posts[].jpeg_url", SMALLER), ("posts[].sample_url", SMALLER),
            ("posts[].preview_url", SMALLER), ("posts[].created_at", DATE),
            ("tags.*", "what a tag is called is no field"),
        ],
    },
    Good {
        page: "https://yande.re/artist?name=ann",
        answers: &[("/artist.json", Form::Json, fixture!("moebooru/artists_made.json"))],
        may_be_absent: &[],
    },
    Good {
        page: "https://twibooru.org/523964",
        answers: &[("/posts/", Form::Json, fixture!("twibooru/post_made.json"))],
        may_be_absent: &[
            ("post.view_url", SMALLER), ("post.representations", SMALLER), ("post.representations.*", SMALLER),
            ("post.locations[].url_at_location", "kept elsewhere under another name"),
        ],
    },
    Good {
        page: "https://www.newgrounds.com/art/view/ann/ryu-is-hawt",
        answers: &[("/art/view/", Form::Page, fixture!("newgrounds/work_made.html"))],
        may_be_absent: &[("head", DATE), ("meta", DATE), ("#author_comments", TEXT), ("p", TEXT), ("a", TEXT)],
    },
    Good {
        page: "https://itaku.ee/images/164381",
        answers: &[("/galleries/images/", Form::Json, fixture!("itaku/image_guest.json"))],
        may_be_absent: &[("image", SMALLER), ("date_added", DATE)],
    },
    Good {
        page: "https://itaku.ee/posts/2008",
        answers: &[("/posts/", Form::Json, fixture!("itaku/post_made.json"))],
        may_be_absent: &[("date_added", DATE)],
    },
    Good {
        page: "https://itaku.ee/profile/ann",
        answers: &[("/user_profiles/", Form::Json, fixture!("itaku/user_made.json"))],
        may_be_absent: &[("user_sites[].url", "it is not documented where in an entry its address stands")],
    },
    Good {
        page: "https://sofurry.com/s/aB3dE6gH",
        answers: &[("/s/", Form::Packed, fixture!("sofurry/work_made.json"))],
        may_be_absent: &[("*.thumbUrl", SMALLER), ("*.displayUrl", SMALLER), ("*.publishedAt", DATE)],
    },
    Good {
        page: "https://sofurry.com/u/ann",
        answers: &[("/api/profile", Form::Json, fixture!("sofurry/profile_made.json"))],
        may_be_absent: &[
            ("user.about", TEXT), ("user.website_link", "set by those who have one"),
            ("user.donation_link", "set by those who have one"),
        ],
    },
    Good {
        page: "https://www.hentai-foundry.com/pictures/user/Afrobull/795025",
        answers: &[("/pictures/user/", Form::Page, fixture!("hentaifoundry/work_made.html"))],
        may_be_absent: &[("time", DATE), (".boxbody", DATE), ("#descriptionBox", TEXT), (".picDescript", TEXT), ("a", TEXT)],
    },
    Good {
        page: "https://www.zerochan.net/3914235",
        answers: &[("json", Form::Json, fixture!("zerochan/image_3914235.json"))],
        may_be_absent: &[
            ("full", SMALLER), ("large", SMALLER), ("medium", SMALLER), ("id", "the page is read then"),
        ],
    },
    Good {
        page: "https://booth.pm/ja/items/4693741",
        answers: &[("/items/", Form::Json, fixture!("booth/item_made.json"))],
        may_be_absent: &[("images[].original", SMALLER), ("images[].resized", SMALLER), ("published_at", DATE)],
    },
    Good {
        page: "https://ann.booth.pm/",
        answers: &[("ann.booth.pm", Form::Page, fixture!("booth/shop_made.html"))],
        may_be_absent: &[
            (".shop-contacts", "a shop may have none"), (".shop-contacts__link", "a shop may have none"), ("a", "a shop may have none"),
            ("ul", "a shop may have none"),
        ],
    },
    Good {
        page: "https://fantia.jp/posts/508363",
        answers: &[
            ("/api/v1/posts/", Form::Json, fixture!("fantia/post_made.json")),
            ("/posts/", Form::Page, fixture!("fantia/page_made.html")),
        ],
        may_be_absent: &[
            ("post.post_contents", SMALLER), ("post.post_contents[].post_content_photos", SMALLER),
            ("post.post_contents[].post_content_photos[].url", SMALLER),
            ("post.post_contents[].post_content_photos[].url.original", SMALLER), ("post.thumb.original", SMALLER),
            ("post.thumb.main", SMALLER), ("post.posted_at", DATE),
        ],
    },
    Good {
        page: "https://fantia.jp/fanclubs/6939",
        answers: &[
            ("/api/v1/fanclubs/", Form::Json, fixture!("fantia/club_made.json")),
            ("/fanclubs/", Form::Page, fixture!("fantia/page_made.html")),
        ],
        may_be_absent: &[],
    },
    Good {
        page: "https://poipiku.com/25049/5864576.html",
        answers: &[("/25049/", Form::Page, fixture!("poipiku/work_made.html"))],
        may_be_absent: &[(".IllustItemDesc", TEXT)],
    },
    Good {
        page: "https://poipiku.com/25049/",
        answers: &[("/25049/", Form::Page, fixture!("poipiku/user_made.html"))],
        may_be_absent: &[(".UserInfoProfile", TEXT), ("a", TEXT)],
    },
    Good {
        page: "https://seiga.nicovideo.jp/seiga/im520647",
        answers: &[("/ajax/seiga/", Form::Json, fixture!("nicoseiga/work_made.json"))],
        may_be_absent: &[("target_image.created", DATE)],
    },
    Good {
        page: "https://www.nicovideo.jp/user/39537793",
        answers: &[("/v1/users/", Form::Json, fixture!("nicoseiga/user_made.json"))],
        may_be_absent: &[("data.user.sns", "seen by one project alone")],
    },
    Good {
        page: "https://cara.app/post/01234567-89ab-cdef-0123-456789abcdef",
        answers: &[("/api/posts/", Form::Json, fixture!("cara/post_made.json"))],
        may_be_absent: &[("data.createdAt", DATE)],
    },
    Good {
        page: "https://toyhou.se/~images/58037599",
        answers: &[("/~images/", Form::Page, fixture!("toyhouse/image_made.html"))],
        may_be_absent: &[
            (".artist-credit", "nobody is credited"), ("a", "nobody is credited"), (".image-description", TEXT),
            (".user-content", TEXT), ("p", TEXT),
        ],
    },
    Good {
        page: "https://xfolio.jp/portfolio/ann/works/23977",
        answers: &[("/works/", Form::Page, fixture!("xfolio/work_made.html"))],
        may_be_absent: &[
            ("img", SMALLER), (".richDescriptionText", TEXT), ("p", TEXT),
        ],
    },
    Good {
        page: "https://xfolio.jp/portfolio/ann",
        answers: &[("/portfolio/ann", Form::Page, fixture!("xfolio/profile_made.html"))],
        may_be_absent: &[("a", "set by those who have one"), (".button", "set by those who have one")],
    },
    Good {
        page: "https://nijie.info/view.php?id=70720",
        answers: &[("view.php", Form::Page, fixture!("nijie/work_made.html"))],
        may_be_absent: &[("head", DATE), ("script", DATE), ("#illust_text", TEXT), ("p", TEXT), ("a", TEXT)],
    },
    Good {
        page: "https://nijie.info/members.php?id=44",
        answers: &[("members.php", Form::Page, fixture!("nijie/user_made.html"))],
        may_be_absent: &[("#prof", TEXT), ("p", TEXT), ("a", TEXT)],
    },
];
