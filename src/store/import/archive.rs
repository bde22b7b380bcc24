//! A data export of X (the archive that an account's owner downloads): the account's own posts with the
//! files of their images, from a folder or a zip. Nothing is read from the network, so nothing is paid.
//!
//! ```text
//! data/account.js             window.YTD.account.part0 = [{"account": {"accountId": "12", "username":
//! "jack"}}] data/manifest.js            window.__THAR_CONFIG = {"userInfo": {"accountId": "12", "userName":
//! "jack", ...}, ...} data/tweets.js              window.YTD.tweets.part0 = [{"tweet": {"id_str": "20",
//! ...}}] data/tweets-part1.js        the same, of large accounts data/community-tweet.js     the same, of
//! posts in communities data/deleted-tweets.js      the same, of posts that were deleted lately
//! data/tweets_media/20-FcvniV_yKc3SOQ.jpg     the post's id, then the image's name
//! data/community_tweet_media/
//! ```
//!
//! Until 2022 it was `tweet.js` and `tweet_media/`; in the first exports all lay beside each other without
//! `data/`, and posts stood in the list without `{"tweet": ...}` round them. `account.js` holds an address
//! for mail and may have been taken out before the export was passed on: the manifest names the account, too.
//!
//! Left out, as in a listing: what others wrote (`RT @`), images that first stood in another's post,
//! videos and animations; and what the network does not show any more or not to all: deleted posts, earlier
//! versions of edited ones, posts to a circle (`twitter-circle-tweet.js`, which is not read).

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zip::ZipArchive;

use super::pages::{ImportedAccount, Page};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::forgotten::Mark;
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
use crate::fingerprint::{self, Limits};
use crate::store::changes::Change;
use crate::store::error::StoreError;
use crate::store::interface::Store;

/// The lists of a large account have some hundred megabytes.
const MOST_BYTES_OF_A_LIST: u64 = 2 << 30;

/// The images of X have a few megabytes.
const MOST_BYTES_OF_AN_IMAGE: u64 = 50 << 20;

/// Posts in one commit. Their images are in memory one at a time for each core.
const POSTS_AT_A_TIME: usize = 64;

/// Why an archive could not be imported. What was imported before stays, and the import can be repeated.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("could not open {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("{path} is no data export of X: it has no {name}")]
    Missing { path: PathBuf, name: &'static str },
    #[error("could not read {name} of the data export")]
    Read { name: String, source: io::Error },
    #[error("{name} of the data export is not as it should be")]
    Form { name: String, source: serde_json::Error },
    #[error(
        "@{handle} ({id}) was forgotten at somebody's wish, so nothing of it is taken over; \
         `aotf forget --undo {id}` lets it in again"
    )]
    Forgotten { handle: String, id: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was found, and taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub handle: String,
    /// All posts of the export.
    pub posts: u64,
    /// Those with images of their own.
    pub with_images: u64,
    pub new_posts: u64,
    pub images: u64,
    /// Images whose file is not in the export: they are downloaded later, like others that failed.
    pub missing: u64,
    /// Files that are no readable images.
    pub unreadable: u64,
    /// Posts that were deleted, or edited afterwards.
    pub outdated: u64,
    /// Entries of the lists that are no posts as far as can be seen.
    pub odd: u64,
}

/// The files of an export, by their names below `data/`.
enum Files {
    Folder(PathBuf),
    Zip(Box<ZipArchive<BufReader<File>>>, HashMap<String, usize>),
}

/// What tells where the lists are: one of them is in every export.
const LANDMARKS: [&str; 4] = ["tweets.js", "tweet.js", "account.js", "manifest.js"];

impl Files {
    fn open(path: &Path) -> Result<Files, ArchiveError> {
        let opening = |source| ArchiveError::Open { path: path.to_owned(), source };
        if path.is_dir() {
            let data = path.join("data");
            return Ok(Files::Folder(if data.is_dir() { data } else { path.to_owned() }));
        }
        let file = BufReader::new(File::open(path).map_err(opening)?);
        let archive = ZipArchive::new(file).map_err(|error| opening(io::Error::other(error)))?;
        let mut names = HashMap::new();
        for index in 0..archive.len() {
            if let Some(Ok(name)) = archive.name_for_index(index) {
                // Some programs of Windows write their own separator.
                names.insert(name.replace('\\', "/"), index);
            }
        }
        let data = data_folder(names.keys().map(String::as_str));
        let below = |(name, index): (String, usize)| Some((name.strip_prefix(&data)?.to_owned(), index));
        let names = names.into_iter().filter_map(below).collect();
        Ok(Files::Zip(Box::new(archive), names))
    }

    /// The bytes of a file; `None` where there is none of this name. One that is larger than `most`
    /// is an error.
    fn read(&mut self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
        let reading = |source| ArchiveError::Read { name: name.to_owned(), source };
        let mut bytes = Vec::new();
        match self {
            Files::Folder(folder) => {
                let file = match File::open(folder.join(name)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    opened => opened.map_err(reading)?,
                };
                file.take(most + 1).read_to_end(&mut bytes).map_err(reading)?;
            }
            Files::Zip(archive, names) => {
                let Some(index) = names.get(name) else { return Ok(None) };
                let file = archive.by_index(*index).map_err(|error| reading(io::Error::other(error)))?;
                // What a zip says of its sizes need not be true.
                file.take(most + 1).read_to_end(&mut bytes).map_err(reading)?;
            }
        }
        match u64::try_from(bytes.len()).is_ok_and(|len| len <= most) {
            true => Ok(Some(bytes)),
            false => Err(reading(io::Error::other(format!("it is larger than {most} bytes")))),
        }
    }

    /// What a file assigns: JavaScript with a name, `=` and a value in JSON.
    fn value<T: for<'de> Deserialize<'de>>(&mut self, name: &str) -> Result<Option<T>, ArchiveError> {
        let Some(bytes) = self.read(name, MOST_BYTES_OF_A_LIST)? else { return Ok(None) };
        let bytes = bytes.trim_ascii_end();
        let bytes = bytes.strip_suffix(b";").unwrap_or(bytes);
        let start = bytes.iter().position(|byte| matches!(byte, b'[' | b'{')).unwrap_or(0);
        serde_json::from_slice(bytes.get(start..).unwrap_or_default())
            .map(Some)
            .map_err(|source| ArchiveError::Form { name: name.to_owned(), source })
    }

    /// A list with all its parts: `tweets.js`, `tweets-part1.js` and so on. `None` where there is none.
    fn list(&mut self, name: &str) -> Result<Option<Vec<Entry>>, ArchiveError> {
        let Some(mut entries) = self.value::<Vec<Entry>>(&format!("{name}.js"))? else { return Ok(None) };
        for part in 1.. {
            match self.value::<Vec<Entry>>(&format!("{name}-part{part}.js"))? {
                Some(more) => entries.extend(more),
                None => break,
            }
        }
        Ok(Some(entries))
    }
}

/// The folder within a zip in which the lists are, with `/` at its end; the outermost where there are
/// several.
fn data_folder<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .filter_map(|name| {
            let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
            LANDMARKS.contains(&file).then_some(folder)
        })
        .min_by_key(|folder| (folder.len(), *folder))
        .map(|folder| if folder.is_empty() { String::new() } else { format!("{folder}/") })
        .unwrap_or_default()
}

#[derive(Deserialize)]
struct AccountEntry {
    account: AccountFacts,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountFacts {
    account_id: String,
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    user_info: UserInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserInfo {
    account_id: String,
    user_name: String,
}

/// One entry of a list of posts. An odd one does not spoil the list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Wrapped { tweet: Box<Tweet> },
    Bare(Box<Tweet>),
    Odd(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Tweet {
    id_str: String,
    /// `Wed Oct 10 20:19:24 +0000 2018`
    created_at: String,
    #[serde(default)]
    full_text: String,
    entities: Option<Entities>,
    extended_entities: Option<Entities>,
    edit_info: Option<EditInfo>,
}

#[derive(Deserialize)]
struct Entities {
    #[serde(default)]
    media: Vec<Media>,
}

#[derive(Deserialize)]
struct Media {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    media_url_https: String,
    /// The author of the post in which it stood first.
    source_user_id_str: Option<String>,
}

/// All versions of a post that can be edited, the latest last: in itself where it is the first one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EditInfo {
    initial: Option<Versions>,
    edit: Option<Edit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Edit {
    edit_control_initial: Option<Versions>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    #[serde(default)]
    edit_tweet_ids: Vec<String>,
}

impl Tweet {
    fn is_latest_version(&self) -> bool {
        let versions = self.edit_info.as_ref().and_then(|info| {
            info.initial.as_ref().or_else(|| info.edit.as_ref()?.edit_control_initial.as_ref())
        });
        versions.and_then(|versions| versions.edit_tweet_ids.last()).is_none_or(|last| *last == self.id_str)
    }
}

/// Whether this is a data export rather than a database: a folder, or a zip file.
pub fn is_archive(path: &Path) -> bool {
    let mut start = [0; 4];
    path.is_dir()
        || File::open(path)
            .and_then(|mut file| file.read_exact(&mut start))
            .is_ok_and(|()| start == *b"PK\x03\x04")
}

/// Imports the export at `path`. `progress` is told the posts with images that are done, and all.
pub fn import(
    path: &Path,
    store: &mut dyn Store,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, ArchiveError> {
    let mut files = Files::open(path)?;
    let missing = |name| ArchiveError::Missing { path: path.to_owned(), name };
    let owner = owner(&mut files)?.ok_or(missing("data/account.js"))?;
    let account = Account {
        key: AccountKey::new(Network::Twitter, owner.account_id.clone()),
        handle: owner.username.to_lowercase(),
        posts: None,
    };
    if store.marks()?.contains(&Mark::of_account(&account.key)) {
        return Err(ArchiveError::Forgotten { handle: account.handle, id: owner.account_id });
    }
    let mut report = Report { handle: account.handle.clone(), ..Report::default() };
    let mut tweets = read_tweets(&mut files, &mut report)?.ok_or(missing("data/tweets.js"))?;
    report.posts = u64::try_from(tweets.len()).unwrap_or(u64::MAX);
    // The newest of all, with images or not, is where the next listing starts.
    let newest = tweets
        .iter()
        .filter_map(|tweet| Some((tweet.id_str.parse::<u64>().ok()?, tweet)))
        .max_by_key(|(id, _)| *id);
    let newest = newest.map(|(id, tweet)| (id.to_string(), date(&tweet.created_at)));
    tweets.retain(|tweet| {
        !tweet.full_text.starts_with("RT @")
            && attachments(tweet, &owner.account_id).iter().any(|(_, photo)| photo.is_some())
    });
    report.with_images = u64::try_from(tweets.len()).unwrap_or(u64::MAX);
    let mut done = 0;
    for chunk in tweets.chunks(POSTS_AT_A_TIME) {
        let mut posts = Vec::with_capacity(chunk.len());
        for tweet in chunk {
            posts.push(post(&mut files, tweet, &owner.account_id, &mut report)?);
        }
        let before = store.counts()?.posts;
        let change = Change::Posts { account: account.clone(), posts };
        report.new_posts += store.apply(&[change], now)?.counts.posts.saturating_sub(before);
        done += u64::try_from(chunk.len()).unwrap_or(0);
        progress(done, report.with_images);
    }
    if let Some((id, Some(published))) = newest {
        // Nothing says what came after the newest post: the account was listed up to that moment.
        let listed = ImportedAccount {
            key: account.key,
            search_cursor: Some(published),
            search_listed_at: Some(published),
            search_reset_at: Some(published),
            timeline_cursor: Some(id),
            timeline_listed_at: Some(published),
            last_used_at: None,
            uses: 0,
        };
        store.apply(&[Change::Import(Page::Accounts(vec![listed]))], now)?;
    }
    Ok(report)
}

/// Whose export it is.
fn owner(files: &mut Files) -> Result<Option<AccountFacts>, ArchiveError> {
    if let Some(entry) = files.value::<Vec<AccountEntry>>("account.js")?.and_then(|mut list| list.pop()) {
        return Ok(Some(entry.account));
    }
    let manifest = files.value::<Manifest>("manifest.js")?;
    Ok(manifest.map(|Manifest { user_info: UserInfo { account_id, user_name } }| AccountFacts {
        account_id,
        username: user_name,
    }))
}

/// All posts of the export that the network still shows; `None` if it has no list of them.
fn read_tweets(files: &mut Files, report: &mut Report) -> Result<Option<Vec<Tweet>>, ArchiveError> {
    let first = match files.list("tweets")? {
        Some(list) => Some(list),
        None => files.list("tweet")?,
    };
    let Some(mut entries) = first else { return Ok(None) };
    entries.extend(files.list("community-tweet")?.unwrap_or_default());
    let mut odd = 0;
    let tweet = |entry: Entry| match entry {
        Entry::Wrapped { tweet } | Entry::Bare(tweet) => Some(*tweet),
        Entry::Odd(_) => {
            odd += 1;
            None
        }
    };
    let mut tweets: Vec<Tweet> = entries.into_iter().filter_map(tweet).collect();
    report.odd = odd;
    let deleted: HashSet<String> = files
        .list("deleted-tweets")?
        .into_iter()
        .flatten()
        .filter_map(|entry| match entry {
            Entry::Wrapped { tweet } | Entry::Bare(tweet) => Some(tweet.id_str),
            Entry::Odd(_) => None,
        })
        .collect();
    let before = tweets.len();
    tweets.retain(|tweet| tweet.is_latest_version() && !deleted.contains(&tweet.id_str));
    report.outdated = u64::try_from(before - tweets.len()).unwrap_or(u64::MAX);
    Ok(Some(tweets))
}

/// The post's attachments in its order, as far as a position can count: names and addresses of the photos
/// that are the owner's, `None` for the others.
fn attachments(tweet: &Tweet, owner: &str) -> Vec<(u8, Option<(String, String)>)> {
    // All of them; the other list has the first alone, and is all that the oldest posts have.
    let media = tweet.extended_entities.as_ref().filter(|entities| !entities.media.is_empty());
    let media = media.or(tweet.entities.as_ref()).into_iter().flat_map(|entities| &entities.media);
    let photo = |media: &Media| {
        let is_own = media.source_user_id_str.as_deref().is_none_or(|source| source == owner);
        let (_, name) = media.media_url_https.rsplit_once('/')?;
        (media.r#type == "photo" && is_own).then(|| (name.to_owned(), media.media_url_https.clone()))
    };
    (1..=u8::MAX).zip(media).map(|(position, media)| (position, photo(media))).collect()
}

fn post(
    files: &mut Files,
    tweet: &Tweet,
    owner: &str,
    report: &mut Report,
) -> Result<IndexedPost, ArchiveError> {
    let mut images = Vec::new();
    let attached = attachments(tweet, owner);
    let places = attached.last().map_or(0, |(position, _)| *position);
    for (position, photo) in attached {
        let Some((name, url)) = photo else { continue };
        report.images += 1;
        let file = format!("{}-{name}", tweet.id_str);
        let mut bytes = None;
        // The second, until 2022.
        for folder in ["tweets_media", "tweet_media", "community_tweet_media"] {
            if bytes.is_none() {
                bytes = files.read(&format!("{folder}/{file}"), MOST_BYTES_OF_AN_IMAGE)?;
            }
        }
        let state = match bytes.map(|bytes| fingerprint::analyze(&bytes, &Limits::default())) {
            Some(Ok(facts)) => ImageState::Fingerprinted(facts),
            Some(Err(_)) => {
                report.unreadable += 1;
                ImageState::Lost
            }
            None => {
                report.missing += 1;
                ImageState::Failed { url, why: "not in the data export".to_owned() }
            }
        };
        images.push(IndexedImage { name, position, state });
    }
    let key = PostKey::new(Network::Twitter, tweet.id_str.clone());
    Ok(IndexedPost { key, published: date(&tweet.created_at), images, places, incomplete: false })
}

fn date(text: &str) -> Option<Timestamp> {
    let moment = jiff::fmt::strtime::parse("%a %b %d %H:%M:%S %z %Y", text).ok()?.to_timestamp().ok()?;
    Some(Timestamp(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    use crate::base::ids::ImageId;
    use crate::store::Location;
    use crate::store::contract::RULE;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn picture() -> Vec<u8> {
        let image = image::RgbImage::from_fn(64, 48, |x, y| {
            image::Rgb([u8::try_from(x * 4 % 256).unwrap(), u8::try_from(x * y % 251).unwrap(), 9])
        });
        let mut bytes = io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    /// An export as X writes it.
    fn files() -> Vec<(&'static str, Vec<u8>)> {
        let photo = |name: &str, more: &str| {
            format!(r#"{{"type":"photo","media_url_https":"https://pbs.twimg.com/media/{name}"{more}}}"#)
        };
        let tweet = |id: &str, text: &str, media: &[String]| {
            format!(
                r#"{{"tweet":{{"id_str":"{id}","created_at":"Wed Oct 10 20:19:24 +0000 2018","full_text":"{text}",
                "retweeted":false,"extended_entities":{{"media":[{}]}}}}}}"#,
                media.join(",")
            )
        };
        let others = r#","source_user_id_str":"7","source_status_id_str":"5""#;
        let video = r#"{"type":"video","media_url_https":"https://pbs.twimg.com/x/v.jpg"}"#.to_owned();
        let tweets = [
            tweet("20", "two", &[photo("a.png", ""), photo("b.png", "")]),
            tweet("21", "RT @other: theirs", &[photo("c.png", "")]),
            tweet("22", "theirs", &[photo("d.png", others)]),
            tweet("23", "moving", &[video]),
            tweet("24", "broken", &[photo("e.png", "")]),
        ];
        let more = tweet("18446744073709551615", "the newest, without images", &[]);
        vec![
            (
                "account.js",
                br#"window.YTD.account.part0 = [{"account":{"accountId":"12","username":"Jack","email":"x"}}]"#.to_vec(),
            ),
            ("tweets.js", format!("window.YTD.tweets.part0 = [ {} ]", tweets.join(",\n")).into_bytes()),
            ("tweets-part1.js", format!("window.YTD.tweets.part1 = [{more}]").into_bytes()),
            ("tweets_media/20-a.png", picture()),
            ("tweets_media/24-e.png", b"no image".to_vec()),
        ]
    }

    fn check(path: &Path) {
        assert!(is_archive(path));
        let dir = tempfile::tempdir().unwrap();
        let location = Location::parse("sqlite:aotf.db", dir.path(), RULE).unwrap();
        let mut store = location.open().unwrap();
        let report = import(path, &mut *store, NOW, &mut |_, _| ()).unwrap();
        let expect = Report {
            handle: "jack".to_owned(),
            posts: 6,
            with_images: 2,
            new_posts: 2,
            images: 3,
            missing: 1,
            unreadable: 1,
            ..Report::default()
        };
        assert_eq!(report, expect);
        let records = store.images(&[ImageId(1)]).unwrap();
        assert_eq!((records[0].post.native.as_str(), records[0].name.as_str()), ("20", "a.png"));
        assert_eq!(records[0].published, Timestamp::parse_rfc3339("2018-10-10T20:19:24Z"));
        assert!(records[0].detail.is_some(), "our own reading of the pixels");
        let key = AccountKey::new(Network::Twitter, "12");
        let state = store.account_states(&[key]).unwrap().remove(0);
        assert_eq!(state.timeline_cursor.as_deref(), Some("18446744073709551615"));
        assert_eq!(state.scanned_at(), state.search_cursor);
        let again = import(path, &mut *store, NOW, &mut |_, _| ()).unwrap();
        assert_eq!(again, Report { new_posts: 0, ..report });
        assert_eq!(store.counts().unwrap().retries, 1, "the file that was not there is downloaded later");
        let subject = crate::domain::forgotten::Subject::Account(AccountKey::new(Network::Twitter, "12"));
        store.apply(&[Change::Forget { subject, note: String::new() }], NOW).unwrap();
        let error = import(path, &mut *store, NOW, &mut |_, _| ()).unwrap_err();
        assert!(error.to_string().contains("--undo 12"), "{error}");
    }

    #[test]
    fn an_export_as_a_folder_and_as_a_zip() {
        let dir = tempfile::tempdir().unwrap();
        let zip_path = dir.path().join("twitter-2026.zip");
        let mut zip = zip::ZipWriter::new(File::create(&zip_path).unwrap());
        for (name, bytes) in files() {
            let path = dir.path().join("twitter/data").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &bytes).unwrap();
            zip.start_file(format!("data/{name}"), zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(&bytes).unwrap();
        }
        zip.finish().unwrap();
        check(&dir.path().join("twitter"));
        check(&zip_path);
    }

    #[test]
    fn what_is_no_export_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::parse("sqlite:aotf.db", dir.path(), RULE).unwrap();
        let mut store = location.open().unwrap();
        let error = import(dir.path(), &mut *store, NOW, &mut |_, _| ()).unwrap_err();
        assert!(error.to_string().contains("data/account.js"), "{error}");
        fs::write(dir.path().join("account.js"), "window.x = [{\"account\": 5}]").unwrap();
        let error = import(dir.path(), &mut *store, NOW, &mut |_, _| ()).unwrap_err();
        assert!(error.to_string().contains("account.js"), "{error}");
        assert!(!is_archive(&dir.path().join("aotf.db")));
    }

    /// Imports these files, below `data/` or beside each other, as a folder and as a zip with a folder round
    /// it.
    #[track_caller]
    fn check_shape(files: &[(&str, &str)], data: &str, expect: &Report, posts: &[(&str, u8)]) {
        let dir = tempfile::tempdir().unwrap();
        let zip_path = dir.path().join("twitter-2026.zip");
        let mut zip = zip::ZipWriter::new(File::create(&zip_path).unwrap());
        for (name, text) in files {
            let bytes = if *text == "picture" { picture() } else { text.as_bytes().to_vec() };
            let path = dir.path().join("unpacked").join(data).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &bytes).unwrap();
            let name = format!("twitter-2026/{data}{name}");
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(&bytes).unwrap();
        }
        zip.finish().unwrap();
        for path in [dir.path().join("unpacked"), zip_path] {
            let home = tempfile::tempdir().unwrap();
            let location = Location::parse("sqlite:aotf.db", home.path(), RULE).unwrap();
            let mut store = location.open().unwrap();
            assert_eq!(import(&path, &mut *store, NOW, &mut |_, _| ()).unwrap(), *expect, "{path:?}");
            for (post, images) in posts {
                let prints = store.fingerprints_of(&[PostKey::new(Network::Twitter, *post)]).unwrap();
                let found = prints[0].as_ref().map_or(0, |prints| prints.iter().flatten().count());
                assert_eq!(found, usize::from(*images), "{post}");
            }
        }
    }

    const PHOTO: &str =
        r#"{"media":[{"type":"photo","media_url_https":"https://pbs.twimg.com/media/a.png"}]}"#;

    fn entry(id: &str, more: &str) -> String {
        format!(r#"{{"id_str":"{id}","created_at":"Wed Oct 10 20:19:24 +0000 2018","full_text":"x"{more}}}"#)
    }

    #[test]
    fn an_export_of_2019() {
        // No folder, no wrapper, one image in `entities` alone, and parts.
        let first =
            format!("window.YTD.tweet.part0 = [ {} ]", entry("1", &format!(r#","entities":{PHOTO}"#)));
        let second = format!("window.YTD.tweet.part1 = [ {} ];\n", entry("2", ""));
        let files = [
            (
                "account.js",
                r#"window.YTD.account.part0 = [ {"account" : {"accountId" : "12", "username" : "Jack"} } ]"#,
            ),
            ("tweet.js", &first),
            ("tweet-part1.js", &second),
            ("tweet_media/1-a.png", "picture"),
        ];
        let expect = Report {
            handle: "jack".to_owned(),
            posts: 2,
            with_images: 1,
            new_posts: 1,
            images: 1,
            ..Report::default()
        };
        check_shape(&files, "", &expect, &[("1", 1), ("2", 0)]);
    }

    #[test]
    fn an_export_of_today_with_all_kinds_of_posts() {
        let photo = format!(r#","extended_entities":{PHOTO}"#);
        let wrapped =
            |id: &str, more: &str| format!(r#"{{"tweet":{}}}"#, entry(id, &format!("{photo}{more}")));
        let versions = r#""editTweetIds":["11","12"],"editsRemaining":"4""#;
        let first = format!(r#","edit_info":{{"initial":{{{versions}}}}}"#);
        let last = format!(
            r#","edit_info":{{"edit":{{"initialTweetId":"11","editControlInitial":{{{versions}}}}}}}"#
        );
        let only = r#","edit_info":{"initial":{"editTweetIds":["10"]}}"#;
        let tweets = format!(
            "window.YTD.tweets.part0 = [{}, {}, {}, {}, {{\"tweet\": 5}}]",
            wrapped("10", only),
            wrapped("11", &first),
            wrapped("12", &last),
            wrapped("13", "")
        );
        let deleted =
            format!(r"window.YTD.deleted_tweets.part0 = [{}]", wrapped("13", r#","deleted_at":"x""#));
        let community = format!("window.YTD.community_tweet.part0 = [{}]", wrapped("20", ""));
        let files = [
            // Its owner took account.js out.
            (
                "manifest.js",
                r#"window.__THAR_CONFIG = {"userInfo":{"accountId":"12","userName":"Jack"},"archiveInfo":{}}"#,
            ),
            ("tweets.js", tweets.as_str()),
            ("deleted-tweets.js", &deleted),
            ("community-tweet.js", &community),
            ("note-tweet.js", r#"window.YTD.note_tweet.part0 = [{"noteTweet":{"noteTweetId":"1"}}]"#),
            ("tweets_media/10-a.png", "picture"),
            ("tweets_media/11-a.png", "picture"),
            ("tweets_media/12-a.png", "picture"),
            ("tweets_media/13-a.png", "picture"),
            ("community_tweet_media/20-a.png", "picture"),
        ];
        let expect = Report {
            handle: "jack".to_owned(),
            posts: 3,
            with_images: 3,
            new_posts: 3,
            images: 3,
            outdated: 2,
            odd: 1,
            ..Report::default()
        };
        check_shape(&files, "data/", &expect, &[("10", 1), ("11", 0), ("12", 1), ("13", 0), ("20", 1)]);
    }
}
