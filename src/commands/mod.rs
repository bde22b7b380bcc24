//! The one-shot commands: each takes what was typed and writes to the given output. Called by `cli`
//! only. They parse no arguments, read no configuration and never exit the process.

pub mod links;
pub mod sites;
