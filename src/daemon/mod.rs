//! Puts the rooms together: the table of the kinds of processes, and the main function of each.
//!
//! Owns: what each role is, may and needs ([`roles`]). Called by: the command line, for the root and for
//! `container ROLE`. Never: does the work of a role itself, or decides when one is started.

mod broker;
mod console;
mod front;
mod index_watcher;
mod indexing;
mod link_finder;
mod listing;
mod maintenance;
mod outgoing;
mod reverse_search;
pub mod roles;
