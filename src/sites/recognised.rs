//! Sites that are recognised by name and never read: each wants a log-in, a signed request or a browser. A
//! link to an artist's page there is told, so that credit can be given. One row each.

use super::address::decode;
use super::{Address, Identified, Kind, Site};

pub const SITE: Site = Site { name: "recognised", identify, artwork: None, leads: None };

/// In a pattern `{}` is the name or id, `{n}` a number, and `{6n}` a number behind six digits; `*` is any one
/// part of the path or its end, `**` any further ones, and before a host any name or none.
struct Wall {
    name: &'static str,
    /// As people write it.
    title: &'static str,
    /// Normalised addresses, each with the patterns of the pages that it stands for; an empty one is the
    /// page's own.
    profiles: &'static [(&'static str, &'static [&'static str])],
    works: &'static [&'static str],
    /// Hosts of all its pages, and of its files.
    hosts: &'static [&'static str],
    files: &'static [&'static str],
    /// What stands where a name does and is none.
    never: &'static [&'static str],
}

#[rustfmt::skip]
const WALLS: &[Wall] = &[
    Wall {
        name: "instagram",
        title: "Instagram",
        profiles: &[("https://www.instagram.com/{}/", &[
            "instagram.com/{}", "instagram.com/{}/reels", "instagram.com/{}/tagged", "instagram.com/{}/info",
            "instagram.com/stories/{}", "instagr.am/{}",
        ])],
        works: &[
            "instagram.com/p/{}", "instagram.com/reel/{}", "instagram.com/reels/{}", "instagram.com/tv/{}",
            "instagram.com/*/p/{}", "instagram.com/share/{}", "instagram.com/share/p/{}", "instagr.am/p/{}",
        ],
        hosts: &["instagram.com", "instagr.am"],
        files: &["cdninstagram.com"],
        never: &["p", "reel", "reels", "tv", "stories", "explore", "accounts", "direct", "about", "legal", "share"],
    },
    Wall {
        name: "threads",
        title: "Threads",
        profiles: &[("https://www.threads.com/@{}", &["threads.net/@{}", "threads.com/@{}"])],
        works: &["threads.net/@*/post/{}", "threads.com/@*/post/{}", "threads.net/t/{}", "threads.com/t/{}"],
        hosts: &["threads.net", "threads.com"],
        files: &[],
        never: &[],
    },
    Wall {
        name: "facebook",
        title: "Facebook",
        profiles: &[("https://www.facebook.com/{}", &[
            "*.facebook.com/profile.php?id={n}", "*.facebook.com/profile/{n}", "*.facebook.com/people/*/{n}",
            "*.facebook.com/pages/*/{n}", "*.facebook.com/pages/category/*/*-{n}", "*.facebook.com/p/*-{n}",
            "*.facebook.com/pg/{}", "*.facebook.com/pg/{}/posts", "*.facebook.com/{}", "*.facebook.com/{}/photos",
            "*.facebook.com/{}/photos_albums", "*.facebook.com/{}/avatar", "*.facebook.com/{}/info",
            "*.facebook.com/{}/about", "*.facebook.com/{}/timeline", "fb.com/{}",
        ])],
        works: &[
            "*.facebook.com/photo?fbid={n}", "*.facebook.com/photo.php?fbid={n}", "*.facebook.com/*/posts/{}",
            "*.facebook.com/*/posts/*/{n}", "*.facebook.com/*/photos/*/{n}", "*.facebook.com/*/videos/*/{n}",
            "*.facebook.com/reel/{n}",
        ],
        hosts: &["facebook.com", "fb.com"],
        files: &["fbcdn.net", "akamaihd.net"],
        never: &[
            "pages", "groups", "events", "watch", "sharer", "share.php", "sharer.php", "login", "photo", "photo.php",
            "profile.php", "permalink.php", "media", "people", "hashtag", "reel", "pg", "p", "help", "policies",
        ],
    },
    Wall {
        name: "tiktok",
        title: "TikTok",
        profiles: &[("https://www.tiktok.com/@{}", &["tiktok.com/@{}", "tiktok.com/@{}/avatar"])],
        works: &[
            "tiktok.com/@*/video/{n}", "tiktok.com/@*/photo/{n}", "tiktokv.com/share/video/{n}", "vm.tiktok.com/{}",
            "vt.tiktok.com/{}", "tiktok.com/t/{}",
        ],
        hosts: &["tiktok.com", "tiktokv.com"],
        files: &["tiktokcdn.com"],
        never: &[],
    },
    Wall {
        name: "youtube",
        title: "YouTube",
        profiles: &[
            ("https://www.youtube.com/channel/{}", &[
                "*.youtube.com/channel/{}", "*.youtube.com/channel/{}/**", "*.youtube.com/@channel/{}",
            ]),
            ("https://www.youtube.com/c/{}", &["*.youtube.com/c/{}", "*.youtube.com/c/{}/**"]),
            ("https://www.youtube.com/user/{}", &["*.youtube.com/user/{}", "*.youtube.com/user/{}/**"]),
            ("https://www.youtube.com/@{}", &["*.youtube.com/@{}", "*.youtube.com/@{}/**"]),
            ("https://www.youtube.com/{}", &["*.youtube.com/{}"]),
        ],
        works: &[
            "*.youtube.com/watch?v={}", "youtu.be/{}", "*.youtube.com/shorts/{}", "*.youtube.com/embed/{}",
            "*.youtube.com/post/{}",
        ],
        hosts: &["youtube.com", "youtu.be"],
        files: &["ytimg.com", "ggpht.com"],
        never: &[
            "watch", "results", "playlist", "feed", "shorts", "embed", "post", "about", "channel", "c", "user", "live",
            "redirect", "hashtag", "premium",
        ],
    },
    Wall {
        name: "twitch",
        title: "Twitch",
        profiles: &[("https://www.twitch.tv/{}", &["*.twitch.tv/{}", "*.twitch.tv/{}/about"])],
        works: &["*.twitch.tv/videos/{n}", "*.twitch.tv/*/clip/{}", "clips.twitch.tv/{}"],
        hosts: &["twitch.tv"],
        files: &["jtvnw.net"],
        never: &["videos", "directory", "p", "settings", "downloads", "jobs", "turbo", "store"],
    },
    Wall {
        name: "weibo",
        title: "Weibo",
        profiles: &[
            ("https://weibo.com/u/{}", &[
                "*.weibo.com/u/{n}", "*.weibo.com/u/{n}/home", "*.weibo.cn/u/{n}", "*.weibo.com/{n}",
                "*.weibo.com/{n}/profile", "*.weibo.cn/profile/{n}", "*.weibo.com/p/{6n}", "*.weibo.com/p/{6n}/home",
                "*.weibo.cn/p/{6n}",
            ]),
            ("https://weibo.com/n/{}", &["*.weibo.com/n/{}", "*.weibo.cn/n/{}"]),
            ("https://weibo.com/{}", &["*.weibo.com/{}", "*.weibo.com/{}/home"]),
        ],
        works: &[
            "m.weibo.cn/status/{}", "m.weibo.cn/detail/{n}", "*.weibo.com/detail/{n}",
            "photo.weibo.com/*/talbum/detail/photo_id/{n}", "*.weibo.com/{n}/{}",
        ],
        hosts: &["weibo.com", "weibo.cn"],
        files: &["sinaimg.cn", "weibocdn.com"],
        never: &["u", "n", "p", "login", "signup", "tv", "ajax", "hot", "home", "newlogin", "profile"],
    },
    Wall {
        name: "lofter",
        title: "Lofter",
        profiles: &[
            ("https://{}.lofter.com/", &[
                "{}.lofter.com", "lofter.com/app/{}", "lofter.com/blog/{}", "lofter.com/front/blog/home-page/{}",
            ]),
            ("", &["lofter.com/mentionredirect.do?blogId={n}"]),
        ],
        works: &["*.lofter.com/post/{}", "*.lofter.com/front/post/{}"],
        hosts: &["lofter.com"],
        files: &["lf127.net", "127.net", "126.net"],
        never: &["www", "uls", "i", "api"],
    },
    Wall {
        name: "bilibili",
        title: "bilibili",
        profiles: &[("https://space.bilibili.com/{}", &[
            "space.bilibili.com/{n}", "space.bilibili.com/{n}/dynamic", "space.bilibili.com/{n}/article",
            "space.bilibili.com/{n}/upload/**", "space.bilibili.com/{n}/video", "m.bilibili.com/space/{n}",
        ])],
        works: &[
            "t.bilibili.com/{n}", "*.bilibili.com/opus/{n}", "*.bilibili.com/read/cv{n}", "h.bilibili.com/{n}",
            "*.bilibili.com/p/h5/{n}", "*.bilibili.com/dynamic/{n}", "*.bilibili.com/video/{}", "bilibili.tv/video/{}",
        ],
        hosts: &["bilibili.com", "bilibili.tv", "b23.tv"],
        files: &["hdslb.com", "biliimg.com"],
        never: &[],
    },
    Wall {
        name: "xiaohongshu",
        title: "Xiaohongshu",
        profiles: &[("https://www.xiaohongshu.com/user/profile/{}", &[
            "xiaohongshu.com/user/profile/{}", "rednote.com/user/profile/{}",
        ])],
        works: &[
            "xiaohongshu.com/explore/{}", "rednote.com/explore/{}", "xiaohongshu.com/discovery/item/{}",
            "rednote.com/discovery/item/{}", "xiaohongshu.com/user/profile/*/{}", "rednote.com/user/profile/*/{}",
        ],
        hosts: &["xiaohongshu.com", "rednote.com", "xhslink.com"],
        files: &["xhscdn.com", "ci.xiaohongshu.com"],
        never: &[],
    },
    Wall {
        name: "reddit",
        title: "Reddit",
        profiles: &[("https://www.reddit.com/user/{}", &[
            "*.reddit.com/user/{}", "*.reddit.com/u/{}", "*.reddit.com/user/{}/submitted", "*.reddit.com/user/{}/gilded",
        ])],
        works: &[
            "*.reddit.com/r/*/comments/{}", "*.reddit.com/r/*/comments/{}/**", "*.reddit.com/user/*/comments/{}",
            "*.reddit.com/user/*/comments/{}/**", "*.reddit.com/comments/{}", "*.reddit.com/gallery/{}", "redd.it/{}",
            "*.reddit.com/*/*/s/{}",
        ],
        hosts: &["reddit.com", "redd.it"],
        files: &["i.redd.it", "preview.redd.it", "reddituploads.com", "redditmedia.com"],
        never: &[],
    },
    Wall {
        name: "pillowfort",
        title: "Pillowfort",
        profiles: &[("https://www.pillowfort.social/{}", &["pillowfort.social/{}", "pillowfort.social/{}/tagged/*"])],
        works: &["pillowfort.social/posts/{n}"],
        hosts: &["pillowfort.social"],
        files: &[],
        never: &["posts", "search", "communities", "users", "about", "settings", "tos", "donations", "registration"],
    },
    Wall {
        name: "artfight",
        title: "Art Fight",
        profiles: &[("https://artfight.net/~{}", &[
            "artfight.net/~{}", "artfight.net/~{}/characters", "artfight.net/~{}/attacks",
        ])],
        works: &["artfight.net/attack/{n}.*", "artfight.net/character/{n}.*"],
        hosts: &["artfight.net"],
        files: &["images.artfight.net"],
        never: &[],
    },
    Wall {
        name: "artconomy",
        title: "Artconomy",
        profiles: &[("https://artconomy.com/profile/{}/about", &[
            "artconomy.com/profile/{}", "artconomy.com/profile/{}/about",
        ])],
        works: &["artconomy.com/submissions/{n}"],
        hosts: &["artconomy.com"],
        files: &[],
        never: &[],
    },
    Wall {
        name: "picarto",
        title: "Picarto",
        profiles: &[("https://picarto.tv/{}", &[
            "picarto.tv/{}", "picarto.tv/{}/gallery", "picarto.tv/{}/gallery/**", "picarto.tv/{}/videos",
        ])],
        works: &[],
        hosts: &["picarto.tv"],
        files: &["images.picarto.tv"],
        never: &["explore", "login", "settings", "site", "subscriptions", "about"],
    },
    Wall {
        name: "piczel",
        title: "Piczel",
        profiles: &[("https://piczel.tv/gallery/{}", &["piczel.tv/gallery/{}", "piczel.tv/watch/{}"])],
        works: &["piczel.tv/gallery/image/{n}"],
        hosts: &["piczel.tv"],
        files: &[],
        never: &["image"],
    },
    // Boxes for messages, most with the log-in of X. What stands there was written by others.
    Wall {
        name: "privatter",
        title: "Privatter",
        profiles: &[("https://privatter.net/u/{}", &["privatter.net/u/{}", "privatter.net/m/{}"])],
        works: &["privatter.net/i/{n}", "privatter.net/p/{n}"],
        hosts: &["privatter.net"],
        files: &[],
        never: &[],
    },
    Wall {
        name: "marshmallow",
        title: "Marshmallow",
        profiles: &[("https://marshmallow-qa.com/{}", &["marshmallow-qa.com/{}"])],
        works: &[],
        hosts: &["marshmallow-qa.com"],
        files: &[],
        never: &["about", "help", "login", "messages", "privacy", "settings", "terms"],
    },
    Wall {
        name: "peing",
        title: "Peing",
        profiles: &[("https://peing.net/ja/{}", &["peing.net/ja/{}", "peing.net/en/{}"])],
        works: &[],
        hosts: &["peing.net"],
        files: &[],
        never: &["q", "about", "help", "login", "privacy", "terms"],
    },
    Wall {
        name: "odaibako",
        title: "Odaibako",
        profiles: &[("https://odaibako.net/u/{}", &["odaibako.net/u/{}"])],
        works: &["odaibako.net/odais/{}"],
        hosts: &["odaibako.net"],
        files: &[],
        never: &[],
    },
    Wall {
        name: "wavebox",
        title: "Wavebox",
        profiles: &[("https://wavebox.me/wave/{}", &["wavebox.me/wave/{}"])],
        works: &[],
        hosts: &["wavebox.me"],
        files: &[],
        never: &[],
    },
    Wall {
        name: "mond",
        title: "mond",
        profiles: &[],
        works: &[],
        hosts: &["mond.how"],
        files: &[],
        never: &[],
    },
    Wall {
        name: "ofuse",
        title: "OFUSE",
        profiles: &[("https://ofuse.me/{}", &["ofuse.me/{}"])],
        works: &[],
        hosts: &["ofuse.me"],
        files: &[],
        never: &["about", "creators", "help", "login", "privacy", "terms"],
    },
];

/// The names of these sites, for addresses and for people.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    WALLS.iter().map(|wall| (wall.name, wall.title))
}

fn identify(address: &Address) -> Option<Identified> {
    let is_of =
        |hosts: &[&str]| hosts.iter().any(|host| address.is_on(host) || address.subdomain_of(host).is_some());
    let wall = WALLS.iter().find(|wall| is_of(wall.hosts) || is_of(wall.files))?;
    if is_of(wall.files) {
        return Some(Identified::image(wall.name, address));
    }
    let found = |pattern: &&str| captured(pattern, address).filter(|id| !wall.never.contains(&id.as_str()));
    for (target, patterns) in wall.profiles {
        if let Some(id) = patterns.iter().find_map(found) {
            let url = match target.is_empty() {
                true => address.url().as_str().to_owned(),
                false => target.replace("{}", &id),
            };
            return Some(Identified::profile(wall.name, decode(&id), url));
        }
    }
    Some(match wall.works.iter().find_map(found) {
        Some(id) => Identified::new(wall.name, Kind::Artwork, address.url().as_str()).id(id),
        None => Identified::other(wall.name, address),
    })
}

/// What stands at the place of the name or id, where the address is of the pattern.
fn captured(pattern: &str, address: &Address) -> Option<String> {
    let (path, query) = pattern.split_once('?').unwrap_or((pattern, ""));
    let mut wanted = path.split('/');
    let host = wanted.next()?;
    let mut id = match (host.strip_prefix("*."), host.strip_prefix("{}.")) {
        (Some(domain), _) => {
            (address.is_on(domain) || address.subdomain_of(domain).is_some()).then_some(None)?
        }
        (_, Some(domain)) => Some(address.subdomain_of(domain)?.to_owned()),
        _ => address.is_on(host).then_some(None)?,
    };
    let parts = address.segments();
    let mut parts = parts.iter();
    for wanted in wanted {
        if wanted == "**" {
            return id;
        }
        if let Some(found) = part(wanted, parts.next()?)? {
            id = Some(found);
        }
    }
    if parts.next().is_some() {
        return None;
    }
    match query.split_once('=') {
        Some((key, wanted)) => part(wanted, &address.query(key)?)?,
        None => id,
    }
}

/// `None` where the part is not what is wanted; what is captured of it otherwise.
fn part(wanted: &str, part: &str) -> Option<Option<String>> {
    let number = |text: &str| super::address::number(text).map(Some);
    let Some((before, rest)) = wanted.split_once('{') else {
        let is_wanted =
            wanted == part || wanted.strip_suffix('*').is_some_and(|before| part.starts_with(before));
        return is_wanted.then_some(None);
    };
    let (kind, behind) = rest.split_once('}')?;
    let inner = match before {
        // The number at the end of a title.
        "*-" => part.rsplit_once('-')?.1,
        before => part.strip_prefix(before)?,
    };
    let inner = match behind {
        ".*" => inner.split('.').next()?,
        _ => inner,
    };
    let is_name = |text: &str| {
        let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '%');
        (!text.is_empty() && text.len() <= 200 && text.chars().all(usable)).then(|| text.to_owned())
    };
    match kind {
        "n" => number(inner),
        "6n" => number(inner.get(6..)?),
        _ => is_name(inner).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_pages_of_artists() {
        let check = |url, id, page| check_identify(url, Kind::Profile, id, page);
        check("https://www.instagram.com/ann.art/reels/", "ann.art", "https://www.instagram.com/ann.art/");
        check("https://www.threads.net/@ann", "ann", "https://www.threads.com/@ann");
        check("https://privatter.net/m/ann", "ann", "https://privatter.net/u/ann");
        check("https://marshmallow-qa.com/ann?t=x", "ann", "https://marshmallow-qa.com/ann");
        check("https://peing.net/en/ann", "ann", "https://peing.net/ja/ann");
        check("https://odaibako.net/u/ann", "ann", "https://odaibako.net/u/ann");
        check("https://ofuse.me/ann", "ann", "https://ofuse.me/ann");
        none("https://mond.how/ann", Kind::Other);
        check("https://m.facebook.com/people/Ann/6156/", "6156", "https://www.facebook.com/6156");
        check("https://www.facebook.com/p/Ann-Art-6156/", "6156", "https://www.facebook.com/6156");
        check("https://www.youtube.com/@Ann/featured", "Ann", "https://www.youtube.com/@Ann");
        check("https://www.weibo.com/p/1005055399876326", "5399876326", "https://weibo.com/u/5399876326");
        check("https://ann.lofter.com", "ann", "https://ann.lofter.com/");
        check("https://old.reddit.com/user/ann/submitted", "ann", "https://www.reddit.com/user/ann");
        check("https://artfight.net/~ann", "ann", "https://artfight.net/~ann");
        none("https://www.instagram.com/explore/", Kind::Other);
        none("https://www.facebook.com/groups/art", Kind::Other);
        none("https://www.lofter.com/", Kind::Other);
        none("https://www.tiktok.com/@ann/video/7240568259186019630", Kind::Artwork);
        none("https://artfight.net/attack/12.fox", Kind::Artwork);
        none("https://i.redd.it/upjtjcx2npzz.jpg", Kind::Image);
        none("https://instagram.com.evil.example/ann", Kind::Unsupported);
    }

    #[test]
    fn names_of_all_scripts_are_read() {
        let page = super::super::identify("https://www.weibo.com/n/\u{5468}Sally");
        assert_eq!((page.kind, page.id.as_deref()), (Kind::Profile, Some("\u{5468}Sally")));
    }
}
