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
    /// The object of a script, `window.patreon`.
    Bootstrap,
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
        may_be_absent: &[("[].change", DATE)],
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
            ("image.created_at", DATE), ("image.view_url", SMALLER), ("image.representations", SMALLER),
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
];
