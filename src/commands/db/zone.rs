//! The time zone of dates that another program has written, or will read.

use std::io::{self, BufRead, IsTerminal, Write};

use jiff::tz::TimeZone;

/// Questions are asked again this often before it is given up: the answers may come from a script.
const ATTEMPTS: usize = 5;

#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    #[error("there is no time zone {name:?}; give a name such as \"Europe/Paris\"")]
    Unknown { name: String, source: jiff::Error },
    #[error(
        "the dates of the original are in the local time of its server, and nothing in it says which: give its \
         time zone, --zone Europe/Paris for instance, or --zone local if that server's was this machine's"
    )]
    NotGiven,
    #[error("could not ask for the time zone")]
    Ask { source: io::Error },
}

/// The zone of this name, or the machine's.
pub fn zone_of(name: Option<&str>) -> Result<TimeZone, ZoneError> {
    match name {
        None | Some("local") => Ok(TimeZone::system()),
        Some(name) => {
            TimeZone::get(name).map_err(|source| ZoneError::Unknown { name: name.to_owned(), source })
        }
    }
}

/// The zone of this name; without one, somebody at a terminal is asked, and nobody else.
///
/// # Errors
/// Nobody can be asked, or does not know.
pub fn zone_or_ask(name: Option<&str>) -> Result<TimeZone, ZoneError> {
    let stdin = io::stdin();
    match name {
        Some(name) => zone_of(Some(name)),
        None if stdin.is_terminal() && io::stderr().is_terminal() => {
            ask(&mut stdin.lock(), &mut io::stderr(), &TimeZone::system())
        }
        None => Err(ZoneError::NotGiven),
    }
}

fn ask(answers: &mut dyn BufRead, out: &mut dyn Write, machine: &TimeZone) -> Result<TimeZone, ZoneError> {
    let failed = |source| ZoneError::Ask { source };
    let own = machine.iana_name().unwrap_or("local");
    for _ in 0..ATTEMPTS {
        write!(
            out,
            "Its dates are in the local time of its server. Which time zone was that? [this machine's, {own}]: "
        )
        .and_then(|()| out.flush())
        .map_err(failed)?;
        let mut answer = String::new();
        if answers.read_line(&mut answer).map_err(failed)? == 0 {
            return Err(ZoneError::NotGiven);
        }
        match answer.trim() {
            "" => return Ok(machine.clone()),
            name => match zone_of(Some(name)) {
                Ok(zone) => return Ok(zone),
                Err(error) => writeln!(out, "{error}").map_err(failed)?,
            },
        }
    }
    Err(ZoneError::NotGiven)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_asked_names_a_zone_or_takes_the_machines() {
        let machine = TimeZone::get("Asia/Tokyo").unwrap();
        let mut told = Vec::new();
        let zone = ask(&mut "Mars/Base\nEurope/Paris\n".as_bytes(), &mut told, &machine).unwrap();
        assert_eq!(zone.iana_name(), Some("Europe/Paris"));
        let told = String::from_utf8(told).unwrap();
        assert!(told.contains("[this machine's, Asia/Tokyo]: there is no time zone \"Mars/Base\""), "{told}");
        let of = |answers: &str| ask(&mut answers.as_bytes(), &mut Vec::new(), &machine);
        assert_eq!(of("\n").unwrap().iana_name(), Some("Asia/Tokyo"));
        assert!(matches!(of(""), Err(ZoneError::NotGiven)));
        assert!(matches!(of(&"x\n".repeat(9)), Err(ZoneError::NotGiven)));
    }
}
