//! The sites of `src/sites/`, played: one file per site under the same name, each a pure function from a
//! request to an answer, in the shapes of `docs/contracts/`, and refusing what the real site refuses. Which
//! hosts they play stands in `dispatch`, what is on them in `cast`.

pub mod artstation;
pub mod booth;
pub mod cara;
pub mod danbooru;
pub mod deviantart;
pub mod e621;
pub mod fanbox;
pub mod fantia;
pub mod files;
pub mod furaffinity;
pub mod gelbooru;
pub mod hentaifoundry;
pub mod hubs;
pub mod inkbunny;
pub mod itaku;
pub mod link_pages;
pub mod linktree;
pub mod litlink;
pub mod moebooru;
pub mod newgrounds;
pub mod nicoseiga;
pub mod nijie;
pub mod patreon;
pub mod philomena;
pub mod pixiv;
pub mod poipiku;
pub mod potofu;
pub mod redirect;
pub mod skeb;
pub mod sofurry;
pub mod toyhouse;
pub mod tumblr;
pub mod twibooru;
pub mod weasyl;
pub mod xfolio;
pub mod zerochan;
