//! Exit statuses of single commands.

/// Found, or done.
pub const OK: u8 = 0;
/// The query has ended, and found nothing.
pub const NOTHING_FOUND: u8 = 1;
/// The request failed or was refused.
pub const REQUEST_FAILED: u8 = 3;
/// No daemon answers (`EX_UNAVAILABLE`).
pub const UNREACHABLE: u8 = 69;
