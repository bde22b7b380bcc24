//! `aotf db verify`: whether the fingerprint index says what the database says, and whether what the
//! database stores of images has the lengths it must have. Reads only; a daemon may run beside it.
//!
//! Two passes. The first adds up every entry, of the database and of the index, into a sum per range
//! of image numbers: a few bytes for 65,536 images, whatever the order in which they come. The second
//! looks at the ranges whose sums differ, entry by entry.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::backup::check;
use crate::base::ids::{FormId, ImageId};
use crate::base::{ErrorChain, counted, shown};
use crate::config::Settings;
use crate::index::Entry;
use crate::index::shared::{Reader, Status};
use crate::store::integrity::{self, Finding};
use crate::store::state::StateFile;
use crate::store::{IndexEntry, Location, Store, StoreError};
use crate::storekeeper::open;

/// Images in a range, as a power of two.
const RANGE_BITS: u32 = 16;
/// Ranges that are looked at entry by entry at a time: what they hold takes about 300 MB at most.
const RANGES_AT_A_TIME: usize = 32;
/// Rows read from the database at a time.
const CHUNK: u32 = 100_000;
/// Images named in the report, of each kind.
const MAX_EXAMPLES: usize = 5;

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A backup's folder (default: the database of the configuration)
    backup: Option<PathBuf>,
    /// One JSON object (not of backups)
    #[arg(long, conflicts_with = "backup")]
    json: bool,
}

/// Checks a backup, or the database and the index of these settings; false if something is wrong there.
pub fn run(args: &VerifyArgs, settings: &Settings, out: &mut impl Write) -> anyhow::Result<bool> {
    if let Some(backup) = &args.backup {
        check(backup, out)?;
        return Ok(true);
    }
    let database = match files(settings) {
        Ok(database) => database,
        Err(StoreError::Unusable { place, found, remedy }) => {
            match args.json {
                true => {
                    let unusable = json!({"place": place, "found": found, "remedy": remedy});
                    writeln!(out, "{}", shown::json(&json!({"well": false, "unusable": unusable}))?)?;
                }
                false => writeln!(out, "{place} cannot be used: {found}\nWhat to do: {remedy}.")?,
            }
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    let wrong = integrity::check_references(&database)?;
    let rows = Rows { wrong, other_parts: integrity::other_parts(&database)? };
    if !args.json {
        tell_rows(&rows, out)?;
    }
    let index = verify(&database, &settings.index_dir(), &rows, args.json, out)?;
    Ok(index && rows.wrong.is_empty())
}

/// The database, once every page of its file and of the state file was found readable.
fn files(settings: &Settings) -> Result<Location, StoreError> {
    // Reads the state file whole.
    let database = open::database(settings)?;
    if database.schema()?.is_some() {
        database.check_pages()?;
        let counts = database.open_reader()?.counts()?;
        StateFile::refuse_cut_off(&open::state_file(settings), &counts)?;
    }
    Ok(database)
}

/// What was found out about the rows of the database.
struct Rows {
    wrong: Vec<Finding>,
    /// Images whose features are of no use, which is no damage.
    other_parts: u64,
}

fn tell_rows(Rows { wrong, other_parts }: &Rows, out: &mut impl Write) -> io::Result<()> {
    match wrong.is_empty() {
        true => writeln!(out, "database: every row refers to what is there")?,
        false => writeln!(out, "database:")?,
    }
    for Finding { about, rows, removable } in wrong {
        let what = if *removable { "`aotf db cleanup` removes them" } else { "put a backup back" };
        writeln!(out, "  {rows:>12}  {about} ({what})")?;
    }
    if *other_parts > 0 {
        let about =
            "images with features of another version or length (`aotf db complete` computes them anew)";
        writeln!(out, "  {other_parts:>12}  {about}")?;
    }
    Ok(())
}

/// Why the comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error("could not write the report")]
    Report { source: io::Error },
}

/// Compares the database with the index in `index_dir` and writes a report to `out`, as JSON with the
/// `rows` of the database. True where the index is well; one that a daemon is still making is, as
/// far as it has come.
///
/// # Errors
/// When one of the two cannot be read at all.
fn verify(
    database: &Location,
    index_dir: &Path,
    rows: &Rows,
    json: bool,
    out: &mut dyn Write,
) -> Result<bool, VerifyError> {
    let mut store = database.open_reader()?;
    let report = compare(&mut *store, index_dir)?;
    let told = match json {
        true => tell_json(&report, rows, out),
        false => tell(&report, index_dir, out),
    };
    told.map_err(|source| VerifyError::Report { source })?;
    Ok(report.is_well())
}

/// What the comparison found.
#[derive(Debug, serde::Serialize)]
struct Report {
    posts: u64,
    images: u64,
    /// Fingerprints, trimmed fingerprints, 256-bit hashes and thumbnails of another length than they
    /// must have. Where there are any, nothing is compared.
    wrong_lengths: u64,
    index: IndexState,
    /// The first file that does not fit its checksum.
    damaged: Option<String>,
    /// Entries of the index that were compared: images, and what borders frame.
    entries: u64,
    /// In the database, and beyond all that the index holds: the daemon adds them, as it does after
    /// every start.
    behind: Differences,
    /// In the database, and not in the index though later ones are: nobody would add them.
    missing: Differences,
    /// In both, with another fingerprint or account.
    different: Differences,
    /// In the index alone: of images that were removed from the database, or replaced. Searches pass
    /// over them.
    stale: Differences,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum IndexState {
    Absent,
    BeingMade,
    Complete,
}

/// How many entries, and the images of the first of them.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
struct Differences {
    count: u64,
    images: Vec<u64>,
}

impl Differences {
    fn add(&mut self, form: FormId) {
        self.count += 1;
        if self.images.len() < MAX_EXAMPLES && self.images.last() != Some(&form.image().0) {
            self.images.push(form.image().0);
        }
    }
}

impl Report {
    fn is_well(&self) -> bool {
        self.wrong_lengths == 0
            && self.damaged.is_none()
            && self.missing.count == 0
            && self.different.count == 0
    }
}

fn compare(store: &mut dyn Store, index_dir: &Path) -> Result<Report, VerifyError> {
    let counts = store.counts()?;
    let wrong_lengths = store.wrong_lengths()?;
    // What is committed from here on may or may not be in the index when it is read.
    let last = store.last_image()?;
    let opened = Reader::open(index_dir);
    let damaged = match &opened {
        Ok(index) => index.verify().err(),
        Err(error) => Some(error.clone()),
    };
    let mut report = Report {
        posts: counts.posts,
        images: counts.images,
        wrong_lengths,
        index: IndexState::Absent,
        damaged: damaged.map(|error| ErrorChain(&error).to_string()),
        entries: 0,
        behind: Differences::default(),
        missing: Differences::default(),
        different: Differences::default(),
        stale: Differences::default(),
    };
    let Ok(index) = opened else { return Ok(report) };
    if wrong_lengths == 0 {
        let (ranges, newest_indexed) = ranges_that_differ(store, &index, last)?;
        let scope = Scope { last, newest_indexed };
        for ranges in ranges.chunks(RANGES_AT_A_TIME) {
            compare_ranges(store, &index, scope, &ranges.iter().copied().collect(), &mut report)?;
        }
        report.entries = index.len();
    }
    report.index = match index.status() {
        Status::Missing => IndexState::Absent,
        Status::Filling => IndexState::BeingMade,
        Status::Complete => IndexState::Complete,
    };
    Ok(report)
}

/// A sum over entries that does not depend on their order.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    mixed: u64,
}

impl Sum {
    fn add(&mut self, entry: Entry) {
        let mut bits = entry.image.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ entry.fingerprint.0;
        bits = bits.wrapping_add(u64::from(entry.account.0) << 32);
        // The finalizer of MurmurHash3, so that differences do not cancel each other.
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
            bits = (bits ^ (bits >> 33)).wrapping_mul(factor);
        }
        self.count += 1;
        self.mixed = self.mixed.wrapping_add(bits ^ (bits >> 33));
    }
}

fn range_of(image: ImageId) -> u64 {
    image.0 >> RANGE_BITS
}

/// The ranges of images up to `last`, and beyond it in an index that is ahead, whose entries are not
/// the same in both; then the newest image of the index.
fn ranges_that_differ(
    store: &mut dyn Store,
    index: &Reader,
    last: ImageId,
) -> Result<(Vec<u64>, ImageId), VerifyError> {
    let mut sums: BTreeMap<u64, (Sum, Sum)> = BTreeMap::new();
    let mut newest = ImageId(0);
    index.for_each(|entry| {
        newest = newest.max(entry.image.image());
        sums.entry(range_of(entry.image.image())).or_default().1.add(entry);
    });
    read_rows(store, ImageId(0), last, |entry| {
        sums.entry(range_of(entry.image.image())).or_default().0.add(entry);
    })?;
    let differing = sums.into_iter().filter(|(_, (stored, indexed))| stored != indexed);
    Ok((differing.map(|(range, _)| range).collect(), newest))
}

/// Shows every entry that the database has of the images beyond `after`, up to `last`.
fn read_rows(
    store: &mut dyn Store,
    mut after: ImageId,
    last: ImageId,
    mut show: impl FnMut(Entry),
) -> Result<(), VerifyError> {
    while after < last {
        let rows = store.fingerprints_after(after, CHUNK)?;
        let Some(&(newest, ..)) = rows.last() else { break };
        rows.iter().filter(|(image, ..)| *image <= last).flat_map(entries).for_each(&mut show);
        after = newest;
    }
    Ok(())
}

/// A row as the index holds it.
fn entries(&(image, account, fingerprint, trimmed): &IndexEntry) -> impl Iterator<Item = Entry> {
    let whole = Entry { image: FormId::whole(image), account, fingerprint };
    let trimmed = trimmed.map(|fingerprint| Entry { image: FormId::trimmed(image), account, fingerprint });
    std::iter::once(whole).chain(trimmed)
}

/// What is compared.
#[derive(Clone, Copy)]
struct Scope {
    /// The newest image of the database before the index was read.
    last: ImageId,
    newest_indexed: ImageId,
}

/// Compares these ranges entry by entry.
fn compare_ranges(
    store: &mut dyn Store,
    index: &Reader,
    scope: Scope,
    ranges: &BTreeSet<u64>,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let mut indexed: BTreeMap<FormId, Entry> = BTreeMap::new();
    index.for_each(|entry| {
        if ranges.contains(&range_of(entry.image.image())) {
            indexed.insert(entry.image, entry);
        }
    });
    for &range in ranges {
        let before = ImageId((range << RANGE_BITS).saturating_sub(1));
        let end = ImageId(((range + 1) << RANGE_BITS) - 1).min(scope.last);
        read_rows(store, before, end, |stored| match indexed.remove(&stored.image) {
            None if stored.image.image() > scope.newest_indexed => report.behind.add(stored.image),
            None => report.missing.add(stored.image),
            Some(entry) if entry != stored => report.different.add(stored.image),
            Some(_) => {}
        })?;
    }
    // Beyond the last: what was committed meanwhile, or what only a later database has.
    let newest = store.last_image()?;
    for form in indexed.into_keys().filter(|form| form.image() <= scope.last || form.image() > newest) {
        report.stale.add(form);
    }
    Ok(())
}

fn tell_json(report: &Report, rows: &Rows, out: &mut dyn Write) -> io::Result<()> {
    let mut value = serde_json::to_value(report)?;
    value["references"] = serde_json::to_value(&rows.wrong)?;
    value["other_parts"] = rows.other_parts.into();
    value["well"] = (report.is_well() && rows.wrong.is_empty()).into();
    writeln!(out, "{}", shown::json(&value)?)
}

fn tell(report: &Report, index_dir: &Path, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "database  {} with {}", counted(report.posts, "post"), counted(report.images, "image"))?;
    if report.wrong_lengths > 0 {
        writeln!(
            out,
            "          {} fingerprints or details have not the length they must have: the file was changed by \
             another program. Put a backup back.",
            report.wrong_lengths
        )?;
        return Ok(());
    }
    let state = match report.index {
        IndexState::Absent => "none that can be read: the daemon makes it when it starts",
        IndexState::BeingMade => "not complete: the daemon goes on with it when it runs",
        IndexState::Complete => "complete",
    };
    writeln!(out, "index     {}, {state}", counted(report.entries, "entry"))?;
    match &report.damaged {
        None if report.index == IndexState::Absent => {}
        None => writeln!(out, "          every file fits its checksums")?,
        Some(why) => writeln!(out, "          damaged: {why}")?,
    }
    for (differences, what) in [
        (&report.behind, "are not in the index yet: a daemon that runs, or starts, adds them"),
        (&report.missing, "are missing in the index: searches do not find them"),
        (&report.different, "have another fingerprint or account in the index"),
        (&report.stale, "are in the index alone (removed or replaced since): searches pass over them"),
    ] {
        if differences.count > 0 {
            let images = differences.images.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            writeln!(out, "          {} entries {what} (images {images})", differences.count)?;
        }
    }
    match report.is_well() {
        true => writeln!(out, "The index says what the database says."),
        false => writeln!(
            out,
            "The index is wrong. Nothing is lost, since it is made of the database: stop the daemon, remove {}, and \
             start the daemon, which makes it anew.",
            index_dir.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::base::ids::{AccountKey, AccountNo, Network, PostKey};
    use crate::base::{Fingerprint, Timestamp};
    use crate::domain::accounts::Account;
    use crate::domain::images::{Detail, ImageFacts};
    use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
    use crate::index::shared::Writer;
    use crate::store::{Change, RetryRule};

    fn entry(form: FormId, fingerprint: u64) -> Entry {
        Entry { image: form, account: AccountNo(1), fingerprint: Fingerprint(fingerprint) }
    }

    #[test]
    fn sums_do_not_depend_on_the_order_and_differ_by_every_field() {
        let entries = [entry(FormId(2), 7), entry(FormId(3), 7), entry(FormId(9), 1 << 63)];
        let sum = |entries: &[Entry]| {
            let mut sum = Sum::default();
            entries.iter().for_each(|&entry| sum.add(entry));
            (sum.count, sum.mixed)
        };
        let [a, b, c] = entries;
        assert_eq!(sum(&[a, b, c]), sum(&[c, a, b]));
        assert_ne!(sum(&[a, b]), sum(&[a, c]));
        for other in [
            Entry { image: FormId(4), ..a },
            Entry { account: AccountNo(2), ..a },
            Entry { fingerprint: Fingerprint(6), ..a },
        ] {
            assert_ne!(sum(&[other, b, c]), sum(&[a, b, c]), "{other:?}");
        }
        // Fingerprints that two images have exchanged.
        let exchanged = [entry(FormId(2), 1), entry(FormId(3), 5)];
        assert_ne!(sum(&exchanged), sum(&[entry(FormId(2), 5), entry(FormId(3), 1)]));
    }

    /// A database of three images, the second in a border.
    fn database(folder: &Path) -> Location {
        let rule = RetryRule { pause: Duration::from_secs(1), max_attempts: 1 };
        let location = Location::parse("sqlite:aotf.db", folder, rule).unwrap();
        let image = |fingerprint: u64, trimmed: Option<u64>| {
            let trimmed = trimmed.map(Fingerprint);
            let facts = ImageFacts {
                fingerprint: Fingerprint(fingerprint),
                solid_ground: true,
                width: 1,
                height: 1,
                detail: Detail { phash256: [0; 4], thumbnail: vec![0; 192], trimmed },
                parts: None,
            };
            IndexedImage::new("a.jpg", ImageState::Fingerprinted(facts))
        };
        let account =
            Account { key: AccountKey::new(Network::Twitter, "7"), handle: "a".to_owned(), posts: None };
        let images = vec![image(0x11, None), image(0x22, Some(0xff)), image(0x33, None)];
        let post = IndexedPost::of_images(PostKey::new(Network::Twitter, "9"), None, images);
        let change = Change::Posts { account, posts: vec![post] };
        location.open().unwrap().apply(&[change], Timestamp(0)).unwrap();
        location
    }

    #[track_caller]
    fn check(indexed: &[Entry], expect: [&[u64]; 4]) {
        let folder = tempfile::tempdir().unwrap();
        let location = database(folder.path());
        let dir = folder.path().join("index");
        let (mut writer, _) = Writer::open(&dir).unwrap();
        writer.append(indexed).unwrap();
        writer.set_complete(true);
        let report = compare(&mut *location.open_reader().unwrap(), &dir).unwrap();
        let kinds = [&report.behind, &report.missing, &report.different, &report.stale];
        assert_eq!(kinds.map(|kind| kind.images.clone()), expect.map(<[u64]>::to_vec), "{report:?}");
        assert_eq!(report.is_well(), expect[1].is_empty() && expect[2].is_empty());
        let mut text = Vec::new();
        tell(&report, &dir, &mut text).unwrap();
        let says_well = String::from_utf8(text).unwrap().contains("says what the database says");
        assert_eq!(says_well, report.is_well());
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let whole = |image, fingerprint| entry(FormId::whole(ImageId(image)), fingerprint);
        let trimmed = |image, fingerprint| entry(FormId::trimmed(ImageId(image)), fingerprint);
        let all = [whole(1, 0x11), whole(2, 0x22), trimmed(2, 0xff), whole(3, 0x33)];
        check(&all, [&[], &[], &[], &[]]);
        check(&all[..3], [&[3], &[], &[], &[]]);
        check(&[], [&[1, 2, 3], &[], &[], &[]]);
        check(&[all[0], all[1], all[3]], [&[], &[2], &[], &[]]);
        check(&[whole(1, 0x10), all[1], all[2], all[3]], [&[], &[], &[1], &[]]);
        check(&[all[0], all[1], all[2], all[3], whole(70_000, 5)], [&[], &[], &[], &[70_000]]);
    }

    #[test]
    fn as_json_the_references_are_told_too() {
        let folder = tempfile::tempdir().unwrap();
        let location = database(folder.path());
        let report = compare(&mut *location.open_reader().unwrap(), &folder.path().join("index")).unwrap();
        let told = |wrong: &[Finding]| {
            let mut text = Vec::new();
            let rows = Rows { wrong: wrong.to_vec(), other_parts: 2 };
            tell_json(&report, &rows, &mut text).unwrap();
            serde_json::from_slice::<serde_json::Value>(&text).unwrap()
        };
        let well = told(&[]);
        assert_eq!((&well["well"], &well["other_parts"]), (&true.into(), &2.into()), "they are no damage");
        let wrong = told(&[Finding { about: "images of no post", rows: 3, removable: true }]);
        assert_eq!((&wrong["well"], &wrong["references"][0]["rows"]), (&false.into(), &3.into()));
    }

    #[test]
    fn features_of_another_version_are_told() {
        let told = |other_parts| {
            let mut text = Vec::new();
            tell_rows(&Rows { wrong: Vec::new(), other_parts }, &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(told(0), "database: every row refers to what is there\n");
        assert!(told(7).contains("           7  images with features of another version"), "{}", told(7));
    }

    #[test]
    fn an_index_that_is_not_there_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let location = database(folder.path());
        let report = compare(&mut *location.open_reader().unwrap(), &folder.path().join("index")).unwrap();
        assert_eq!((report.index, report.behind.count), (IndexState::Absent, 4));
        assert!(report.is_well());
    }
}
