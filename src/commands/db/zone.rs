//! The time zone of dates that another program has written, or will read.

use jiff::tz::TimeZone;

#[derive(Debug, thiserror::Error)]
#[error("there is no time zone {name:?}; give a name such as \"Europe/Paris\"")]
pub struct UnknownZone {
    name: String,
    source: jiff::Error,
}

/// The zone of this name, or the machine's.
pub fn zone_of(name: Option<&str>) -> Result<TimeZone, UnknownZone> {
    match name {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name).map_err(|source| UnknownZone { name: name.to_owned(), source }),
    }
}
