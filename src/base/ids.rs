//! Identifiers. Each is a type of its own, so that one cannot be passed where another is meant.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

number_id!(
    /// A user's request: an artwork page, or an image to search.
    QueryId, u64, "q"
);
number_id!(
    /// The indexing of one account, from listing to the stored cursor.
    ScanId, u64, "s"
);
number_id!(
    /// One worker's hold on one work item, for a limited time. Never reused within a broker's life.
    LeaseId, u64, "l"
);
number_id!(
    /// A process of the tree other than the root. A restarted container gets a new id.
    ContainerId, u32, "c"
);
number_id!(
    /// Pairs an answer with its question on one link.
    AskId, u64, "a"
);
number_id!(
    /// The database's own number of a stored image; grows with every insertion, never reused.
    ImageId, u64, "i"
);
number_id!(
    /// One form of a stored image, as the fingerprint index numbers them: the image as it is, and
    /// beside it, where it has a uniform border, the image without. Forms are ordered as images are.
    FormId, u64, "f"
);
number_id!(
    /// The database's own number of an account.
    AccountNo, u32, "n"
);

impl FormId {
    /// The image as it is.
    pub fn whole(image: ImageId) -> FormId {
        FormId(image.0 * 2)
    }

    /// The image without its border.
    pub fn trimmed(image: ImageId) -> FormId {
        FormId(image.0 * 2 + 1)
    }

    pub fn image(self) -> ImageId {
        ImageId(self.0 / 2)
    }

    pub fn is_trimmed(self) -> bool {
        self.0 % 2 == 1
    }
}

/// A worker of a container: the `index`-th, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerId {
    pub container: ContainerId,
    pub index: u16,
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.container, self.index)
    }
}

/// A social network on which artists publish. X ("Twitter") is the first of several.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    Twitter,
    Bluesky,
    Mastodon,
    Misskey,
}

impl Network {
    pub const ALL: [Network; 4] = [Network::Twitter, Network::Bluesky, Network::Mastodon, Network::Misskey];

    /// The name in the configuration, the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Network::Twitter => "twitter",
            Network::Bluesky => "bluesky",
            Network::Mastodon => "mastodon",
            Network::Misskey => "misskey",
        }
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Network::Twitter => "X",
            Network::Bluesky => "Bluesky",
            Network::Mastodon => "Mastodon",
            Network::Misskey => "Misskey",
        }
    }

    pub fn from_name(name: &str) -> Option<Network> {
        Network::ALL.into_iter().find(|network| network.as_str() == name)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The networks that a request is about: all, unless somebody chose among them. Never none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Networks(BTreeSet<Network>);

impl Default for Networks {
    fn default() -> Networks {
        Networks(Network::ALL.into())
    }
}

impl Networks {
    /// `None` for none at all.
    pub fn of(networks: impl IntoIterator<Item = Network>) -> Option<Networks> {
        let networks: BTreeSet<Network> = networks.into_iter().collect();
        (!networks.is_empty()).then_some(Networks(networks))
    }

    /// Names with commas between, as people and programs write them.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn from_names(names: &str) -> Result<Networks, String> {
        let known = || Network::ALL.map(Network::as_str).join(", ");
        let networks: Result<BTreeSet<Network>, String> = names
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(|name| {
                Network::from_name(name)
                    .ok_or_else(|| format!("{name:?} is none of the networks: {}", known()))
            })
            .collect();
        Networks::of(networks?).ok_or_else(|| format!("no network is named: {}", known()))
    }

    pub fn has(&self, network: Network) -> bool {
        self.0.contains(&network)
    }

    pub fn have_any(&self, networks: &[Network]) -> bool {
        networks.iter().any(|network| self.has(*network))
    }

    pub fn are_all(&self) -> bool {
        self.0.len() == Network::ALL.len()
    }

    /// `None` when there are none.
    pub fn that_are_in(&self, others: &Networks) -> Option<Networks> {
        Networks::of(self.0.intersection(&others.0).copied())
    }

    pub fn iter(&self) -> impl Iterator<Item = Network> + '_ {
        self.0.iter().copied()
    }
}

/// As `from_names` reads it.
impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(Network::as_str).collect::<Vec<_>>().join(","))
    }
}

/// Bytes that the stable id of an account or a post may have: what its column holds in every database
/// (`VARBINARY(512)` on MariaDB). Longer ones come only from servers that make them up.
pub const MAX_KEY_BYTES: usize = 512;

/// An account by its stable id: the number on X, the DID on Bluesky, the actor's URI on Mastodon and Misskey.
/// Handles change hands; this does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    pub network: Network,
    /// The network's own id, as text: X ids may exceed 2^63.
    pub native: String,
}

impl AccountKey {
    pub fn new(network: Network, native: impl Into<String>) -> AccountKey {
        AccountKey { network, native: native.into() }
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.network, self.native)
    }
}

/// A post by its stable id on its network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PostKey {
    pub network: Network,
    pub native: String,
}

impl PostKey {
    pub fn new(network: Network, native: impl Into<String>) -> PostKey {
        PostKey { network, native: native.into() }
    }

    /// Orders ids of one network by age where they are decimal numbers (X): shorter is older.
    pub fn age_order(&self) -> (usize, &str) {
        (self.native.len(), &self.native)
    }
}

impl fmt::Display for PostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.network, self.native)
    }
}
