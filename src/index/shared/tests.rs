//! The files as a whole: contract, life cycle, damage, and a reader beside a writer.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::base::Fingerprint;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountNo, FormId};
use crate::index::contract;
use crate::index::flat::FlatIndex;
use crate::index::{Entry, HammingIndex};

/// Longer than anything here takes; what waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// In memory where the system has a place for that: what is tested here syncs after every few images.
fn temp_dir() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn open(dir: &Path) -> (Writer, Opened) {
    Writer::open(dir).unwrap()
}

fn entry(image: u64) -> Entry {
    Entry { image: FormId(image), account: AccountNo(image as u32 % 3), fingerprint: Fingerprint(0) }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Appends in batches of random sizes; from time to time waits for merges or opens the index anew.
fn fill(dir: &Path, entries: &[Entry], seed: u64) -> Writer {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut writer = open(dir).0;
    let mut rest = entries;
    while !rest.is_empty() {
        let most = if random.bool() { 20 } else { 200 };
        let n = random.usize(1..=most).min(rest.len());
        writer.append(&rest[..n]).unwrap();
        rest = &rest[n..];
        if random.u32(0..4) == 0 {
            assert!(writer.settle(DEADLINE));
        }
        if random.u32(0..4) == 0 {
            let last = writer.last();
            drop(writer);
            let opened;
            (writer, opened) = open(dir);
            assert_eq!((opened.last, writer.last()), (last, last));
            assert!(opened.lost.is_none());
        }
    }
    writer
}

#[test]
fn fulfills_the_contract() {
    struct Shared {
        _dir: TempDir,
        _writer: Writer,
        reader: Reader,
    }
    impl HammingIndex for Shared {
        fn within(&self, query: Fingerprint, radius: u32, limit: usize) -> crate::index::Answer {
            self.reader.within(query, radius, limit)
        }
        fn within_accounts(
            &self,
            query: Fingerprint,
            accounts: &[AccountNo],
            radius: u32,
            limit: usize,
        ) -> crate::index::Answer {
            self.reader.within_accounts(query, accounts, radius, limit)
        }
    }
    contract::check(|entries| {
        let dir = temp_dir();
        // Opened before there is anything: it has to follow.
        let reader = Reader::open(dir.path()).unwrap();
        let writer = fill(dir.path(), entries, entries.len() as u64);
        assert_eq!(reader.len(), entries.len() as u64);
        reader.verify().unwrap();
        let mut shown = Vec::new();
        reader.for_each(|entry| shown.push(entry));
        shown.sort_by_key(|entry| entry.image);
        assert_eq!(shown, entries);
        Shared { _dir: dir, _writer: writer, reader }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Wherever they are, in segments or in the tail, and before or after the files are opened anew: what is left is
    /// exactly the others, and more can be appended.
    #[test]
    fn removed_images_leave_the_files(
        entries in contract::entries(1..600),
        seed in any::<u64>(),
        every in 1_u64..7,
    ) {
        let dir = temp_dir();
        let reader = Reader::open(dir.path()).unwrap();
        let mut writer = fill(dir.path(), &entries, seed);
        let is_doomed = |form: FormId| form.image().0.is_multiple_of(every);
        let mut kept: Vec<Entry> = entries.iter().copied().filter(|entry| !is_doomed(entry.image)).collect();
        let removed = writer.remove(&is_doomed).unwrap();
        prop_assert_eq!(removed, (entries.len() - kept.len()) as u64);
        prop_assert_eq!(writer.remove(&is_doomed).unwrap(), 0);
        let next = entry(entries.last().unwrap().image.0 + 1);
        writer.append(&[next]).unwrap();
        kept.push(next);
        writer.check().unwrap();
        prop_assert!(writer.settle(DEADLINE));
        for _ in 0..2 {
            reader.verify().unwrap();
            let mut shown = Vec::new();
            reader.for_each(|entry| shown.push(entry));
            shown.sort_by_key(|entry| entry.image);
            prop_assert_eq!(&shown, &kept);
            drop(writer);
            let opened;
            (writer, opened) = open(dir.path());
            prop_assert!(opened.lost.is_none(), "{:?}", opened.lost);
            prop_assert_eq!(opened.last, Some(next.image));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// The files are copied while the writer is at work, one after the other, so the copy may be
    /// worse than what any crash leaves; then one of them is damaged. What opens must be a prefix
    /// of what was appended, and complete again once the rest is appended.
    #[test]
    fn a_crash_leaves_a_prefix(
        entries in contract::entries(1..600),
        searches in contract::searches(),
        seed in any::<u64>(),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>())),
    ) {
        let (dir, copy) = (temp_dir(), temp_dir());
        let writer = fill(dir.path(), &entries, seed);
        for name in names(dir.path()) {
            // Sealing and merging may remove a file under our hands.
            let _ = fs::copy(dir.path().join(&name), copy.path().join(&name));
        }
        drop(writer);
        if let Some((file, place, cut)) = damage {
            let name = file.get(&names(copy.path())).clone();
            let path = copy.path().join(&name);
            let mut bytes = fs::read(&path).unwrap();
            if cut && !bytes.is_empty() {
                bytes.truncate(place.index(bytes.len()));
            } else if !bytes.is_empty() && !name.ends_with("segment") {
                // Inside a segment only `verify` would notice.
                let bit = place.index(8 * bytes.len());
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            fs::write(&path, bytes).unwrap();
        }
        // Before the writer has mended it: an answer, an error, no panic.
        if let Ok(reader) = Reader::open(copy.path()) {
            let _ = reader.within(Fingerprint(seed), 12, 10);
        }
        let (mut writer, opened) = open(copy.path());
        let n_kept = opened.last.map_or(0, |last| entries.partition_point(|entry| entry.image <= last));
        prop_assert_eq!(opened.last, entries[..n_kept].last().map(|entry| entry.image));
        let reader = Reader::open(copy.path()).unwrap();
        prop_assert_eq!(reader.len(), n_kept as u64);
        let mut oracle = FlatIndex::new();
        oracle.extend(&entries[..n_kept]);
        for search in &searches {
            search.compare(&reader, &oracle, &entries);
        }
        writer.append(&entries[n_kept..]).unwrap();
        oracle.extend(&entries[n_kept..]);
        for search in &searches {
            search.compare(&reader, &oracle, &entries);
        }
    }
}

#[test]
fn a_reader_beside_the_writer_sees_whole_prefixes() {
    const N: u64 = 20_000;
    let dir = temp_dir();
    let (appended, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let reader = Reader::open(dir.path()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut before = 0;
                let mut last_round = false;
                while !last_round {
                    last_round = done.load(Ordering::Acquire);
                    let least = appended.load(Ordering::Acquire);
                    let images = reader.within(Fingerprint(0), 0, usize::MAX).neighbors;
                    assert!(images.iter().map(|neighbor| neighbor.image.0).eq(1..=images.len() as u64));
                    let n = images.len() as u64;
                    assert!(n >= least && n >= before, "saw {n} after {least} and {before}");
                    before = n;
                }
                assert_eq!(before, N);
            });
        }
        let (mut writer, _) = open(dir.path());
        let mut random = fastrand::Rng::with_seed(5);
        let mut next = 1;
        while next <= N {
            let end = (next + random.u64(1..100)).min(N + 1);
            writer.append(&(next..end).map(entry).collect::<Vec<_>>()).unwrap();
            appended.store(end - 1, Ordering::Release);
            next = end;
        }
        done.store(true, Ordering::Release);
    });
}

#[test]
fn images_are_refused_out_of_order() {
    let dir = temp_dir();
    let (mut writer, opened) = open(dir.path());
    assert_eq!(opened.last, None);
    writer.append(&[entry(3), entry(5)]).unwrap();
    for wrong in [&[entry(5)][..], &[entry(4)], &[entry(6), entry(6)]] {
        assert!(matches!(writer.append(wrong), Err(IndexError::OutOfOrder { .. })));
    }
    assert_eq!(writer.last(), Some(FormId(5)));
    assert_eq!(Reader::open(dir.path()).unwrap().len(), 2);
}

#[test]
fn there_is_one_writer() {
    let dir = temp_dir();
    let (writer, _) = open(dir.path());
    assert!(matches!(Writer::open(dir.path()), Err(IndexError::Locked { .. })));
    drop(writer);
    open(dir.path());
}

#[test]
fn readers_learn_how_complete_the_index_is() {
    let dir = temp_dir();
    let reader = Reader::open(&dir.path().join("index")).unwrap();
    assert_eq!(reader.status(), Status::Missing);
    let (writer, _) = open(&dir.path().join("index"));
    assert_eq!(reader.status(), Status::Filling);
    writer.set_complete(true);
    assert_eq!(reader.status(), Status::Complete);
    drop(writer);
    assert_eq!(reader.status(), Status::Complete);
}

#[test]
fn no_file_stays_behind() {
    let dir = temp_dir();
    let entries: Vec<Entry> = (1..5000).map(entry).collect();
    let mut writer = fill(dir.path(), &entries, 1);
    assert!(writer.settle(DEADLINE));
    let manifest = manifest::Manifest::load(dir.path()).unwrap().unwrap();
    let files = names(dir.path());
    let numbered = files.iter().filter(|name| name.ends_with("tail") || name.ends_with("segment")).count();
    assert_eq!(numbered, manifest.segments.len() + manifest.tails.len(), "{files:?}");
    // A crash may leave files that no manifest names.
    drop(writer);
    fs::write(dir.path().join("000000999999.segment"), "half").unwrap();
    fs::write(dir.path().join("000000999998.tail"), "half").unwrap();
    let (mut writer, opened) = open(dir.path());
    assert_eq!(opened.last, Some(FormId(4999)));
    assert!(!names(dir.path()).iter().any(|name| name.starts_with("00000099999")));
    let reader = Reader::open(dir.path()).unwrap();
    writer.clear().unwrap();
    assert_eq!((reader.len(), writer.last()), (0, None));
    writer.append(&[entry(1)]).unwrap();
    assert_eq!(reader.len(), 1);
}

#[test]
fn verify_notices_a_changed_bit_inside_a_segment() {
    let dir = temp_dir();
    let (mut writer, _) = open(dir.path());
    writer.append(&(1..1000).map(entry).collect::<Vec<_>>()).unwrap();
    Reader::open(dir.path()).unwrap().verify().unwrap();
    let segment = names(dir.path()).into_iter().find(|name| name.ends_with("segment")).unwrap();
    let path = dir.path().join(segment);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Reader::open(dir.path()).unwrap().verify(), Err(IndexError::Damaged { .. })));
}

#[test]
fn after_a_refusal_the_writer_goes_on_where_it_was() {
    let parent = temp_dir();
    let (dir, away) = (parent.path().join("index"), parent.path().join("away"));
    let (mut writer, _) = open(&dir);
    let reader = Reader::open(&dir).unwrap();
    let entries: Vec<Entry> = (1..500).map(entry).collect();
    // Tails are mapped and can be filled; only sealing needs the directory.
    fs::rename(&dir, &away).unwrap();
    for _ in 0..2 {
        let n_added = reader.len() as usize;
        let refused = writer.append(&entries[n_added..]);
        assert!(matches!(refused, Err(IndexError::File { .. })), "{refused:?}");
        assert_eq!(writer.last().map_or(0, |last| last.0), reader.len());
    }
    fs::rename(&away, &dir).unwrap();
    // The first try may still bring the news of the last refusal.
    let mut added = false;
    for _ in 0..2 {
        let n_added = reader.len() as usize;
        added = added || writer.append(&entries[n_added..]).is_ok();
    }
    assert!(added);
    assert_eq!(reader.len(), entries.len() as u64);
}

/// Waits for what a background thread of the writer brings about.
#[expect(clippy::disallowed_methods, reason = "waits for a thread")]
fn found_damaged(writer: &Writer) -> IndexError {
    let begun = Monotonic::now();
    loop {
        if let Err(error) = writer.check() {
            return error;
        }
        assert!(Monotonic::now().since(begun) < DEADLINE, "the damage is not found");
        std::thread::yield_now();
    }
}

/// What happens to the files of an open index.
#[derive(Clone, Copy, Debug)]
enum Change {
    Removed,
    CutShort,
    Replaced,
    Overwritten,
}

#[track_caller]
fn check_change(which: &str, change: Change) {
    let dir = temp_dir();
    let entries: Vec<Entry> = (1..=210).map(entry).collect();
    let (mut writer, _) = open(dir.path());
    writer.append(&entries[..200]).unwrap();
    writer.append(&entries[200..]).unwrap();
    writer.set_complete(true);
    assert!(writer.settle(DEADLINE));
    writer.check().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!((reader.len(), reader.status()), (210, Status::Complete));

    // Of the tails the one that is being filled.
    let name = names(dir.path()).into_iter().find(|name| name.ends_with(which)).unwrap();
    let path = dir.path().join(&name);
    let bytes = fs::read(&path).unwrap();
    match change {
        Change::Removed => fs::remove_file(&path).unwrap(),
        Change::CutShort => {
            fs::File::options().write(true).open(&path).unwrap().set_len(bytes.len() as u64 / 2).unwrap();
        }
        Change::Replaced => {
            fs::write(dir.path().join("copy"), &bytes).unwrap();
            fs::rename(dir.path().join("copy"), &path).unwrap();
        }
        // Half of it, with zeros. A segment's header is read when it is opened alone: here some of its
        // records.
        Change::Overwritten => {
            use std::os::unix::fs::FileExt as _;
            let file = fs::File::options().write(true).open(&path).unwrap();
            let begin = if which == "segment" { bytes.len() as u64 / 4 } else { 0 };
            file.write_all_at(&vec![0; bytes.len() / 2], begin).unwrap();
        }
    }
    if let ("segment", Change::Overwritten) = (which, change) {
        // It has been read once already.
        drop(writer);
        (writer, _) = open(dir.path());
    }
    let error = found_damaged(&writer);
    assert!(matches!(&error, IndexError::Damaged { path, .. } if path.ends_with(&name)), "{error:?}");

    drop(writer);
    let (mut writer, opened) = open(dir.path());
    let n_kept = opened.last.map_or(0, |last| last.0 as usize);
    writer.append(&entries[n_kept..]).unwrap();
    writer.set_complete(true);
    writer.check().unwrap();
    // The reader that was there all the time follows.
    assert_eq!((reader.len(), reader.status()), (210, Status::Complete), "{which} {change:?}");
    let found = reader.within(Fingerprint(0), 0, usize::MAX).neighbors;
    assert!(found.iter().map(|neighbor| neighbor.image.0).eq(1..=210), "{which} {change:?}");
}

#[test]
fn changed_files_are_noticed_and_made_anew_from_what_is_appended() {
    for which in ["control", "manifest", "segment", "tail"] {
        for change in [Change::Removed, Change::CutShort, Change::Overwritten] {
            check_change(which, change);
        }
    }
    for which in ["control", "segment", "tail"] {
        check_change(which, Change::Replaced);
    }
}

#[test]
fn an_index_that_is_made_anew_under_a_reader_is_followed() {
    let parent = temp_dir();
    let dir = parent.path().join("index");
    let (mut writer, _) = open(&dir);
    writer.append(&(1..=500).map(entry).collect::<Vec<_>>()).unwrap();
    assert!(writer.settle(DEADLINE));
    let reader = Reader::open(&dir).unwrap();
    assert_eq!(reader.len(), 500);
    drop(writer);
    // Its files have the same numbers again, and mean something else.
    fs::remove_dir_all(&dir).unwrap();
    assert_eq!(reader.len(), 500, "it has them mapped");
    let (mut writer, opened) = open(&dir);
    assert_eq!(opened.last, None);
    writer.append(&[entry(7)]).unwrap();
    assert_eq!(reader.within(Fingerprint(0), 0, 9).neighbors.len(), 1);
}
