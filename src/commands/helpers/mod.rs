//! Processes that a command or the console starts, and nobody else: strangers' bytes are downloaded and decoded
//! in them, where no key and no file of the user is.

pub mod complete_worker;
pub mod thumbnails;
