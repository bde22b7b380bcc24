//! The time that a record's key tells. Keys are made by the account's own server, or by the program that
//! posted, of the moment at which the record was written (the AT protocol's TID). Pure.

use crate::base::Timestamp;

/// Digits of a TID, of five bits each, in ascending order.
const DIGITS: &[u8] = b"234567abcdefghijklmnopqrstuvwxyz";

/// When the record of this `at://` URI was written; `None` where its key is no TID.
pub fn written_at(uri: &str) -> Option<Timestamp> {
    let key = uri.rsplit('/').next()?.as_bytes();
    // 64 bits, of which the topmost is 0, in thirteen digits: the first one has four bits.
    if key.len() != 13 || !DIGITS.get(..16)?.contains(key.first()?) {
        return None;
    }
    let mut value: u64 = 0;
    for digit in key {
        let bits = DIGITS.iter().position(|known| known == digit)?;
        value = value << 5 | bits as u64;
    }
    // Ten bits tell clocks apart; above them are microseconds.
    i64::try_from((value >> 10) / 1000).ok().map(Timestamp)
}

/// The lowest key of a record that was written at `moment`: keys below it are older.
pub fn lowest_at(moment: Timestamp) -> String {
    /// What the bits for the time hold.
    const LATEST_MICROS: u64 = (1 << 53) - 1;
    let micros = u64::try_from(moment.0).unwrap_or(0).saturating_mul(1000).min(LATEST_MICROS);
    let value = micros << 10;
    // 13 digits of five bits each, the topmost first.
    (0..13).rev().map(|digit| char::from(DIGITS[usize::from((value >> (digit * 5)) as u8 & 31)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_key_of_a_moment() {
        for millis in [0, 1, 1_707_391_310_410, 1_789_000_000_123, 8_000_000_000_000] {
            let key = lowest_at(Timestamp(millis));
            assert_eq!(written_at(&key), Some(Timestamp(millis)), "{key}");
            assert!(lowest_at(Timestamp(millis - 1)) < key || millis == 0, "{key}");
        }
        assert!(
            lowest_at(Timestamp::parse_rfc3339("2024-02-08T11:21:49Z").unwrap()).as_str() < "3kkvo4d4jd32g"
        );
        assert!(
            lowest_at(Timestamp::parse_rfc3339("2024-02-08T11:21:51Z").unwrap()).as_str() > "3kkvo4d4jd32g"
        );
        assert_eq!(lowest_at(Timestamp(i64::MIN)), "2222222222222");
        assert_eq!(lowest_at(Timestamp(i64::MAX)), "bzzzzzzzzzz22");
    }

    #[test]
    fn keys_tell_when_their_records_were_written() {
        let check = |key: &str, expect: Option<&str>| {
            let found = written_at(&format!("at://did:plc:aaaa/app.bsky.feed.post/{key}"));
            assert_eq!(found.map(Timestamp::to_rfc3339).as_deref(), expect, "{key}");
        };
        // Posts whose own `createdAt` is known: 2024-02-08T11:21:50.410Z and 2024-09-15T08:24:51.499Z.
        check("3kkvo4d4jd32g", Some("2024-02-08T11:21:50Z"));
        check("3l46kshfnjt2t", Some("2024-09-15T08:24:53Z"));
        check("2222222222222", Some("1970-01-01T00:00:00Z"));
        for odd in
            ["", "self", "3kkvo4d4jd32", "3kkvo4d4jd32gg", "zkkvo4d4jd32g", "3kkvo4d4jd320", "3KKVO4D4JD32G"]
        {
            check(odd, None);
        }
    }
}
