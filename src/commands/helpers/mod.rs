//! Processes that the program starts for itself, and nobody else: the roles of the daemon, and two in which
//! strangers' bytes are downloaded and decoded, where no key and no file of the user is.

pub mod complete_worker;
pub mod container;
pub mod thumbnails;
