//! Figures as people say them. Pure.

use std::time::Duration;

use crate::base::Timestamp;

/// Milliseconds as people say them: `34 ms`, `1.2 s`, `2 min 05 s`, `3 h 07 min`.
pub fn duration(millis: u64) -> String {
    let secs = Duration::from_millis(millis).as_secs();
    match secs {
        0 => format!("{millis} ms"),
        1..60 => format!("{}.{} s", secs, millis % 1000 / 100),
        60..3600 => format!("{} min {:02} s", secs / 60, secs % 60),
        _ => format!("{} h {:02} min", secs / 3600, secs % 3600 / 60),
    }
}

pub fn micros(micros: u64) -> String {
    match micros {
        0..1000 => format!("{micros} us"),
        1000..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        _ => duration(micros / 1000),
    }
}

/// `2026-05-03`
pub fn day(moment: Timestamp) -> String {
    moment.to_rfc3339().chars().take(10).collect()
}
