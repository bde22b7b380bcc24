//! What the world counts requests by.

/// What a request asks for, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A page of an artwork site, or an answer of its API.
    SitePage,
    SiteImage,
    /// A page of links, or an answer of its API.
    LinkPage,
    UsersByHandle,
    UsersById,
    Timeline,
    Search,
    PostsById,
    Usage,
    PostOembed,
    PostImage,
    /// Profiles on Bluesky that are looked up together. One alone is a `LinkPage`.
    BlueskyAccounts,
    BlueskyFeed,
    BlueskyPosts,
    /// Posts as an account's own server lists them.
    BlueskyRecords,
    /// Where an account's own server is, and a file from it.
    BlueskyDocument,
    BlueskyBlob,
    MastodonAccounts,
    MastodonStatuses,
    MastodonPosts,
    /// Accounts on Misskey, for the search for links and for the network.
    MisskeyAccounts,
    MisskeyNotes,
    MisskeyPosts,
    /// The page of an account, for what only that tells.
    MisskeyPages,
    /// What a server is.
    MisskeyServer,
    /// An image on Bluesky, Mastodon or Misskey.
    OpenImage,
    /// The second source for X.
    FxTwitter,
    /// A host or API path that does not exist here.
    Unknown,
}
