//! How values stand in the tables, both ways, the same in every engine.

use serde::{Deserialize, Serialize};

use crate::base::ids::{AccountKey, AccountNo, ImageId, Network, Networks, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::scans::{Coverage, CoveredWindow, Window};
use crate::domain::verdicts::{Kind, VerdictId};
use crate::domain::watches::{WatchId, WatchedAccount};
use crate::store::error::StoreError;

/// The network's number in the table `networks`; part of the schema, never changed.
pub fn network_no(network: Network) -> i64 {
    match network {
        Network::Twitter => 1,
        Network::Bluesky => 2,
        Network::Mastodon => 3,
        Network::Misskey => 4,
    }
}

pub fn network_of(no: i64) -> Result<Network, StoreError> {
    Network::ALL
        .into_iter()
        .find(|network| network_no(*network) == no)
        .ok_or_else(|| strange("an unknown network", no))
}

pub fn account_key(network: i64, native: String) -> Result<AccountKey, StoreError> {
    Ok(AccountKey { network: network_of(network)?, native })
}

pub fn post_key(network: i64, native: String) -> Result<PostKey, StoreError> {
    Ok(PostKey { network: network_of(network)?, native })
}

pub fn account_no(no: i64) -> Result<AccountNo, StoreError> {
    u32::try_from(no).map(AccountNo).map_err(|_| strange("an account number beyond 32 bits", no))
}

pub fn image_id(id: i64) -> Result<ImageId, StoreError> {
    u64::try_from(id).map(ImageId).map_err(|_| strange("a negative image number", id))
}

/// For a comparison in SQL: numbers beyond what a column can hold are beyond every stored one.
pub fn image_no(id: ImageId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

/// The kind of a verdict; part of the schema, never changed.
pub fn verdict_kind_no(kind: Kind) -> i64 {
    match kind {
        Kind::NotArtist => 1,
        Kind::Artist => 2,
        Kind::Different => 3,
        Kind::Same => 4,
    }
}

pub fn verdict_kind_of(no: i64) -> Result<Kind, StoreError> {
    let kind = Kind::ALL.into_iter().find(|kind| verdict_kind_no(*kind) == no);
    kind.ok_or_else(|| strange("an unknown kind of verdict", no))
}

pub fn verdict_id(text: &str) -> Result<VerdictId, StoreError> {
    VerdictId::parse(text).ok_or_else(|| strange("an id of a verdict that is none", text))
}

pub fn watch_id(text: &str) -> Result<WatchId, StoreError> {
    WatchId::parse(text).ok_or_else(|| strange("an id of a watch that is none", text))
}

pub fn networks_of(names: &str) -> Result<Networks, StoreError> {
    Networks::from_names(names).map_err(|_| strange("networks that are none", names))
}

/// An account of a watch, as it stands in the column `accounts`.
#[derive(Serialize, Deserialize)]
struct WatchedText {
    network: String,
    native: String,
    handle: String,
    unreadable: Option<String>,
    looked_up: i64,
}

pub fn watched_text(accounts: &[WatchedAccount]) -> String {
    let text = |account: &WatchedAccount| WatchedText {
        network: account.key.network.as_str().to_owned(),
        native: account.key.native.clone(),
        handle: account.handle.clone(),
        unreadable: account.unreadable.clone(),
        looked_up: account.looked_up.0,
    };
    let texts: Vec<WatchedText> = accounts.iter().map(text).collect();
    serde_json::to_string(&texts).expect("plain values have a JSON form")
}

/// # Errors
/// When it is no list of accounts.
pub fn watched_of(text: &str) -> Result<Vec<WatchedAccount>, StoreError> {
    let unknown = || strange("accounts of a watch that are none", text);
    let texts: Vec<WatchedText> = serde_json::from_str(text).map_err(|_| unknown())?;
    let account = |text: WatchedText| {
        let network = Network::from_name(&text.network)?;
        Some(WatchedAccount {
            key: AccountKey { network, native: text.native },
            handle: text.handle,
            unreadable: text.unreadable,
            looked_up: Timestamp(text.looked_up),
        })
    };
    texts.into_iter().map(|text| account(text).ok_or_else(unknown)).collect()
}

/// A position or a number of images.
pub fn small(value: i64) -> Result<u8, StoreError> {
    u8::try_from(value).map_err(|_| strange("a position beyond 255", value))
}

/// A size counted by this program.
pub fn size(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| strange("a negative size", value))
}

/// A count as a column; integers end at 2^63.
pub fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub fn fingerprint(bytes: [u8; 8]) -> Fingerprint {
    Fingerprint(u64::from_be_bytes(bytes))
}

pub fn fingerprint_bytes(fingerprint: Fingerprint) -> [u8; 8] {
    fingerprint.0.to_be_bytes()
}

/// The first word first, each with its first bit most significant.
pub fn phash256(bytes: [u8; 32]) -> [u64; 4] {
    let (words, _) = bytes.as_chunks::<8>();
    [0, 1, 2, 3].map(|i| u64::from_be_bytes(words[i]))
}

pub fn phash256_bytes(words: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *bytes = word.to_be_bytes();
    }
    bytes
}

pub fn moment(value: Option<i64>) -> Option<Timestamp> {
    value.map(Timestamp)
}

pub fn coverage_text(coverage: Coverage) -> String {
    match coverage {
        Coverage::Complete => "complete".to_owned(),
        Coverage::LimitedTo(posts) => format!("latest {posts}"),
        Coverage::Sampled => "sampled".to_owned(),
        Coverage::Skipped => "skipped".to_owned(),
    }
}

pub fn coverage_of(text: &str) -> Result<Coverage, StoreError> {
    match text {
        "complete" => return Ok(Coverage::Complete),
        "sampled" => return Ok(Coverage::Sampled),
        "skipped" => return Ok(Coverage::Skipped),
        _ => {}
    }
    text.strip_prefix("latest ")
        .and_then(|posts| posts.parse().ok())
        .map(Coverage::LimitedTo)
        .ok_or_else(|| strange("an unknown coverage", text))
}

/// As in `1700000000000_1701000000000@1790000000000 ...`: from, to, and when it was listed.
pub fn windows_text(windows: &[CoveredWindow]) -> Option<String> {
    let text = |CoveredWindow { window: Window { from, to }, listed_at }: &CoveredWindow| {
        format!("{}_{}@{}", from.0, to.0, listed_at.0)
    };
    let texts: Vec<String> = windows.iter().map(text).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// # Errors
/// When one of them is no window.
pub fn windows_of(text: &str) -> Result<Vec<CoveredWindow>, StoreError> {
    let window = |text: &str| {
        let (span, listed_at) = text.split_once('@')?;
        let (from, to) = span.split_once('_')?;
        let [from, to, listed_at] = [from, to, listed_at].map(|text| text.parse().ok().map(Timestamp));
        let window = Window { from: from?, to: to? };
        (window.from <= window.to).then_some(CoveredWindow { window, listed_at: listed_at? })
    };
    text.split(' ').map(|part| window(part).ok_or_else(|| strange("an unknown window", part))).collect()
}

/// What cannot be read is not known: it is listed again.
pub fn windows(text: Option<&str>) -> Vec<CoveredWindow> {
    text.and_then(|text| windows_of(text).ok()).unwrap_or_default()
}

fn strange(what: &'static str, value: impl ToString) -> StoreError {
    StoreError::Strange { what, value: value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_goes_there_and_back() {
        for coverage in [Coverage::Complete, Coverage::LimitedTo(3200), Coverage::Sampled, Coverage::Skipped]
        {
            assert_eq!(coverage_of(&coverage_text(coverage)).unwrap(), coverage);
        }
        assert!(coverage_of("most").is_err());
    }

    #[test]
    fn windows_go_there_and_back() {
        let window = |from, to| CoveredWindow {
            window: Window { from: Timestamp(from), to: Timestamp(to) },
            listed_at: Timestamp(9),
        };
        for known in [vec![], vec![window(-7, -5)], vec![window(1, 1), window(3, i64::MAX)]] {
            assert_eq!(windows(windows_text(&known).as_deref()), known);
        }
        for text in ["", "1_2", "2_1@3", "1_2@3  4_5@6", "a_b@c"] {
            assert!(windows_of(text).is_err(), "{text:?}");
            assert_eq!(windows(Some(text)), []);
        }
    }

    #[test]
    fn the_large_fingerprint_goes_there_and_back() {
        let words = [1, u64::MAX, 0x0102_0304_0506_0708, 0];
        assert_eq!(phash256(phash256_bytes(words)), words);
        assert_eq!(phash256_bytes(words)[..8], [0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn kinds_of_verdicts_go_there_and_back() {
        for kind in Kind::ALL {
            assert_eq!(verdict_kind_of(verdict_kind_no(kind)).unwrap(), kind);
        }
        assert!(verdict_kind_of(0).is_err() && verdict_id("7").is_err());
    }

    #[test]
    fn accounts_of_watches_go_there_and_back() {
        let account = |native: &str, unreadable: Option<&str>| WatchedAccount {
            key: AccountKey::new(Network::Misskey, native),
            handle: "a\"b".to_owned(),
            unreadable: unreadable.map(str::to_owned),
            looked_up: Timestamp(-3),
        };
        for accounts in [vec![], vec![account("1", None), account("\n", Some("is private"))]] {
            assert_eq!(watched_of(&watched_text(&accounts)).unwrap(), accounts);
        }
        let other = r#"[{"network":"orkut","native":"1","handle":"","unreadable":null,"looked_up":1}]"#;
        for text in ["", "{}", "[1]", other] {
            assert!(watched_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_go_there_and_back() {
        for network in Network::ALL {
            assert_eq!(network_of(network_no(network)).unwrap(), network);
        }
        assert!(network_of(0).is_err());
    }
}
