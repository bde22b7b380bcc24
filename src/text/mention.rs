//! A place in a text where something is named.

/// Something in the text that is read as a whole, from byte `start` to byte `end`.
pub(super) struct Mention {
    pub(super) start: usize,
    pub(super) end: usize,
    /// `None` for what only looks like a link: a mail address, another network's handle.
    pub(super) url: Option<String>,
    pub(super) naming: Naming,
}

/// What tells which network a mention is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// It is an address, and says so itself.
    Address,
    /// The network's name stands before it: `Twitter: @name`.
    Before,
    /// It stands behind it: `@name on Twitter`.
    Behind,
}
