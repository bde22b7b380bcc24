//! What a query of an artwork's page is asked for.

use serde::{Deserialize, Serialize};

/// How far a query goes. Each is a query of its own, and one that has gone further answers what stops before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Wanted {
    /// The artist's posts of the artwork, in as much of the accounts as that takes.
    #[default]
    Posts,
    /// The same, after the accounts were scanned whole.
    PostsInAll,
    /// Who the artist is: the accounts, looked up with their networks. Nothing is scanned or searched.
    Artist,
    /// The same as pages name them: no network is asked, so that it costs nothing.
    ArtistAsNamed,
}

impl Wanted {
    /// Posts; `whole`: after the accounts were scanned whole.
    pub fn posts(whole: bool) -> Wanted {
        if whole { Wanted::PostsInAll } else { Wanted::Posts }
    }

    /// The artist; `resolve`: accounts are looked up with their networks.
    pub fn artist(resolve: bool) -> Wanted {
        if resolve { Wanted::Artist } else { Wanted::ArtistAsNamed }
    }

    pub fn is_artist(self) -> bool {
        matches!(self, Wanted::Artist | Wanted::ArtistAsNamed)
    }

    /// Whether accounts are scanned whole before the answer.
    pub fn is_whole(self) -> bool {
        self == Wanted::PostsInAll
    }

    /// Whether networks are asked about the accounts.
    pub fn resolves(self) -> bool {
        self != Wanted::ArtistAsNamed
    }

    /// Those whose query, once it knows the accounts, knows what this one would.
    pub fn known_to(self) -> &'static [Wanted] {
        match self {
            Wanted::Posts | Wanted::PostsInAll => &[],
            Wanted::Artist => &[Wanted::Posts, Wanted::PostsInAll],
            Wanted::ArtistAsNamed => &[Wanted::Artist, Wanted::Posts, Wanted::PostsInAll],
        }
    }
}
