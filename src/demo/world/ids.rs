//! Numbers and names as the real services make them, but from facts instead of chance: snowflakes, names of
//! uploads, digests.

use crate::base::Timestamp;

/// The first snowflake was counted from here (milliseconds since 1970).
const SNOWFLAKE_EPOCH: i64 = 1_288_834_974_657;

/// The snowflake of a moment; `sequence` (below 2^22) tells those of one millisecond apart.
pub fn snowflake(moment: Timestamp, sequence: u64) -> u64 {
    let since = u64::try_from(moment.0 - SNOWFLAKE_EPOCH).unwrap_or(0);
    since << 22 | (sequence & 0x3f_ffff)
}

/// The moment of a snowflake.
pub fn snowflake_time(id: u64) -> Timestamp {
    Timestamp((id >> 22) as i64 + SNOWFLAKE_EPOCH)
}

/// 32 hex digits that name the file of a work. Made from its id: no real digest is needed to find it again.
pub fn digest(id: u64) -> String {
    let spread = |factor: u64| id.wrapping_mul(factor);
    format!("{:016x}{:016x}", spread(0x9e37_79b9_7f4a_7c15), spread(0xc2b2_ae3d_27d4_eb4f))
}

/// 11 bytes in URL-safe base64, which are 15 characters: the network's names of uploads.
pub fn media_name(id: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = u128::from(id) << 24 | u128::from(id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
    bits <<= 2; // 88 bits fill 15 digits of 6 bits but for two
    (0..15).rev().map(|digit| char::from(DIGITS[(bits >> (digit * 6)) as usize & 63])).collect()
}

/// Digits and small letters, as DeviantArt numbers its works in short links; none for 0.
pub fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

/// Digits of Bluesky's record keys, in ascending order.
const KEY_DIGITS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// The key of a record that was written at this moment: its microseconds, and ten bits that are 0 here.
pub fn record_key(moment: Timestamp) -> String {
    let bits = u64::try_from(moment.0).unwrap_or(0).saturating_mul(1000) << 10;
    (0..13).rev().map(|digit| char::from(KEY_DIGITS[(bits >> (digit * 5)) as usize & 31])).collect()
}

/// The moment of a record's key; `None` for what is no such key.
pub fn record_time(key: &str) -> Option<Timestamp> {
    let digit = |byte: u8| KEY_DIGITS.iter().position(|known| *known == byte);
    let bits = key.bytes().try_fold(0u64, |bits, byte| Some(bits << 5 | digit(byte)? as u64))?;
    (key.len() == 13).then_some(Timestamp((bits >> 10) as i64 / 1000))
}

/// The id of a status as Mastodon makes it: the upper bits are the time.
pub fn mastodon_id(moment: Timestamp, number: usize) -> String {
    (moment.0 << 16 | number as i64).to_string()
}

/// The id of a note as Misskey makes it by default ("aid"): milliseconds since 2000, and two digits.
pub fn misskey_id(moment: Timestamp, number: usize) -> String {
    const EPOCH: i64 = 946_684_800_000;
    let millis = u64::try_from(moment.0 - EPOCH).unwrap_or(0);
    format!("{:0>8}{:0>2}", base36(millis), base36(number as u64 % 1296))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_keys_carry_their_time() {
        let moment = Timestamp::parse_rfc3339("2024-02-08T11:21:50Z").unwrap();
        assert!(record_key(moment).starts_with("3kkvo4"), "{}", record_key(moment));
        assert_eq!(record_time(&record_key(moment)), Some(moment));
        assert_eq!((record_time("3kkvo4"), record_time("3kkvo4d4jd320")), (None, None));
    }

    #[test]
    fn snowflakes_carry_their_time() {
        let moment = Timestamp::parse_rfc3339("2024-05-01T12:34:56Z").unwrap();
        let id = snowflake(moment, 5);
        assert_eq!(snowflake_time(id), moment);
        // A post of 2020 that everybody can look up.
        assert_eq!(snowflake_time(1_293_593_516_040_269_825).to_rfc3339(), "2020-08-12T17:01:42Z");
    }

    #[test]
    fn ids_of_notes_are_in_the_order_of_their_dates() {
        let moment = Timestamp::parse_rfc3339("2023-09-17T00:00:00Z").unwrap();
        let ids = [0, 1, 1000]
            .map(|hours| misskey_id(moment.plus(std::time::Duration::from_secs(hours * 3600)), 70));
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 10), "{ids:?}");
    }

    #[test]
    fn media_names_have_fifteen_characters_and_begin_with_the_number() {
        let id = snowflake(Timestamp::from_secs(1_700_000_000), 9);
        let name = media_name(id);
        assert_eq!(name.len(), 15);
        // The first digit is the number's upper six bits.
        assert_eq!(name.as_bytes()[0], b'A' + (id >> 58) as u8);
    }
}
