//! A scan that somebody asked for by name. Pure.

use crate::base::clock::Monotonic;
use crate::base::ids::ScanId;
use crate::domain::failure::FailureCode;

#[derive(Debug)]
pub struct ScanRequest {
    pub state: ScanRequestState,
    /// All posts are to be listed, not only those that are new.
    pub whole: bool,
    pub since: Monotonic,
}

#[derive(Debug)]
pub enum ScanRequestState {
    Resolving,
    Scan(ScanId),
    Failed { code: FailureCode, why: String },
}
