//! The sites as people write their names, and which of them can do what: the lists in the documentation and
//! on the page are made of this.

use super::{SITES, Site, danbooru, gelbooru, hubs, moebooru, philomena, recognised};

/// Names that are not the one in traces with a capital.
const TITLES: &[(&str, &str)] = &[
    ("aboutme", "about.me"),
    ("aibooru", "AIBooru"),
    ("allmylinks", "AllMyLinks"),
    ("artstation", "ArtStation"),
    ("biolink", "bio.link"),
    ("biosite", "bio.site"),
    ("deviantart", "DeviantArt"),
    ("e621", "e621"),
    ("e926", "e926"),
    ("furaffinity", "Fur Affinity"),
    ("hentaifoundry", "Hentai Foundry"),
    ("hypnohub", "HypnoHub"),
    ("kofi", "Ko-fi"),
    ("linkme", "link.me"),
    ("litlink", "lit.link"),
    ("nicoseiga", "Nico Seiga"),
    ("pixiv_sketch", "Pixiv Sketch"),
    ("potofu", "POTOFU"),
    ("pronounspage", "pronouns.page"),
    ("sofurry", "SoFurry"),
    ("tbib", "TBIB"),
    ("vgen", "VGen"),
    ("yandere", "yande.re"),
];

/// A site's name as people write it.
pub fn title(name: &str) -> String {
    let mut titles = TITLES.iter().copied().chain(recognised::names());
    if let Some((_, title)) = titles.find(|(known, _)| *known == name) {
        return title.to_owned();
    }
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The sites by what is read of them, as people write their names, in the order of the alphabet.
pub struct Supported {
    /// Their artworks can be asked about.
    pub works: Vec<String>,
    /// Only the links on their pages are read.
    pub links: Vec<String>,
    /// Neither: links to them are told by name.
    pub recognised: Vec<String>,
}

/// All sites but the networks on which posts are searched.
pub fn supported() -> Supported {
    let no_site = ["twitter", "bluesky", "mastodon", "misskey", "redirect"];
    let sites = || SITES.iter().filter(|site| !no_site.contains(&site.name));
    let titles = |is_wanted: fn(&Site) -> bool| {
        let wanted = sites().filter(|site| is_wanted(site)).flat_map(|site| public_names(site));
        let mut titles: Vec<String> = wanted.map(title).collect();
        titles.sort_by_key(|title| title.to_lowercase());
        titles.dedup();
        titles
    };
    Supported {
        works: titles(|site| site.artwork.is_some()),
        links: titles(|site| site.artwork.is_none() && site.leads.is_some()),
        recognised: titles(|site| site.artwork.is_none() && site.leads.is_none()),
    }
}

/// Sites of one program have a file together.
fn public_names(site: &Site) -> Vec<&'static str> {
    match site.name {
        "danbooru" => danbooru::names().collect(),
        "e621" => vec!["e621", "e926"],
        "gelbooru" => gelbooru::names().collect(),
        "hubs" => hubs::names().collect(),
        "moebooru" => moebooru::names().collect(),
        "philomena" => philomena::names().collect(),
        "recognised" => recognised::names().map(|(name, _)| name).collect(),
        name => vec![name],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_site_is_in_one_list() {
        let Supported { works, links, recognised } = supported();
        for (list, title) in [
            (&works, "Pixiv"),
            (&works, "AIBooru"),
            (&works, "Fur Affinity"),
            (&links, "Ko-fi"),
            (&recognised, "Instagram"),
        ] {
            assert!(list.iter().any(|known| known == title), "{title}");
        }
        assert!(!works.iter().any(|title| links.contains(title) || recognised.contains(title)));
    }
}
