//! Posts that an artwork's own page names: what became of them, for one query. Pure.

use std::collections::BTreeSet;

use crate::base::ids::PostKey;
use crate::domain::accounts::Account;

/// How far a query has come with the posts that its page names.
#[derive(Debug, Default)]
pub struct NamedPosts {
    /// As the page names them, until they are looked up.
    pub asked: Vec<PostKey>,
    /// Questions and posts on their way: the query waits for them.
    pub waiting: usize,
    /// Those that are there, by the names that their networks give them.
    pub known: BTreeSet<PostKey>,
    /// Whose they are.
    pub authors: Vec<Account>,
    /// How many of them were stored for this query.
    pub stored: u64,
}

impl NamedPosts {
    /// A post that the page names is there, and stored or about to be.
    pub fn add(&mut self, post: PostKey, author: Account) {
        self.known.insert(post);
        if self.authors.iter().all(|known| known.key != author.key) {
            self.authors.push(author);
        }
    }
}
