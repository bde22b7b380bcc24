//! The sites of `src/sites/`, played: one file per site under the same name, each a pure function from a
//! request to an answer, in the shapes of `docs/contracts/`, and refusing what the real site refuses. Which
//! hosts they play stands in `dispatch`, what is on them in `cast`.

pub mod artstation;
pub mod danbooru;
pub mod deviantart;
pub mod e621;
pub mod fanbox;
pub mod furaffinity;
pub mod gelbooru;
pub mod hubs;
pub mod inkbunny;
pub mod linktree;
pub mod litlink;
pub mod patreon;
pub mod philomena;
pub mod pixiv;
pub mod potofu;
pub mod redirect;
pub mod skeb;
pub mod tumblr;
