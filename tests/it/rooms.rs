//! Which room may use which: the list in `docs/architecture.md`, enforced. What it does not allow is
//! forbidden, what it allows must be used, and no files of `src/` use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::documents;
use super::sources::{Edges, Sources, circles};

/// What the tests of a room may use beside what the room may: fakes, and the other end of a conversation.
const TESTS_MAY_USE: &[(&str, &[&str])] = &[
    ("console", &["front::admin", "front::fake", "front::local_socket"]),
    ("demo", &["domain"]),
    ("domain", &["proto"]),
    ("networks", &["proto"]),
];

fn sources() -> Sources {
    Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// The rooms of the map, each with the paths that it may use. A line that begins with a blank goes on with
/// the last room.
fn the_map() -> BTreeMap<String, BTreeSet<String>> {
    let text = documents::read("docs/architecture.md");
    let list = text.split("### Who may use whom").nth(1).expect("the document has the list");
    let list = list.split("```").nth(1).expect("the list is a block").lines().skip(1);
    let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut room = "";
    for line in list.filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        if !line.starts_with(' ') {
            room = words.next().expect("a line has words");
            assert!(map.insert(room.to_owned(), BTreeSet::new()).is_none(), "{room} stands twice on the map");
        }
        let uses = map.get_mut(room).expect("the list begins with a room");
        uses.extend(words.filter(|word| *word != "-").map(str::to_owned));
    }
    map
}

/// Whether a path is this one, or lies in it.
fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn rooms_use_what_the_map_allows_and_nothing_else() {
    let (map, sources) = (the_map(), sources());
    let mut wrong = BTreeSet::new();
    let mut idle: BTreeSet<(&str, &str)> = map
        .iter()
        .flat_map(|(room, uses)| uses.iter().map(move |path| (room.as_str(), path.as_str())))
        .collect();
    let mut idle_in_tests: BTreeSet<(&str, &str)> =
        TESTS_MAY_USE.iter().flat_map(|(room, uses)| uses.iter().map(move |path| (*room, *path))).collect();
    let mut seen = 0;
    let uses = sources.uses();
    for used in &uses {
        let room = used.file.split('/').next().expect("a file has a name").trim_end_matches(".rs");
        if is_within(&used.path, room) || room == "lib" {
            continue;
        }
        seen += 1;
        let Some(allowed) = map.get(room) else {
            wrong.insert(format!("{}: the room {room} is not on the map", used.file));
            continue;
        };
        let permission = allowed.iter().find(|place| is_within(&used.path, place));
        let in_tests = TESTS_MAY_USE.iter().find(|(name, _)| used.is_test && *name == room);
        let in_tests = in_tests.and_then(|(_, uses)| uses.iter().find(|place| is_within(&used.path, place)));
        match (permission, in_tests) {
            (Some(place), _) if !used.is_test => drop(idle.remove(&(room, place.as_str()))),
            (Some(_), _) => {}
            (None, Some(place)) => drop(idle_in_tests.remove(&(room, *place))),
            (None, None) => drop(wrong.insert(format!("{}: {}", used.file, used.path))),
        }
    }
    assert!(seen > 1000, "only {seen} uses were read: does the test still understand the sources?");
    assert!(wrong.is_empty(), "not allowed by the map in docs/architecture.md: {wrong:#?}");
    assert!(idle.is_empty(), "allowed by the map in docs/architecture.md, and used by nobody: {idle:#?}");
    assert!(idle_in_tests.is_empty(), "allowed to tests, and used by none: {idle_in_tests:#?}");
    let files = sources.files();
    for room in map.keys() {
        let is_there =
            files.iter().any(|file| file.split('/').next() == Some(room) || *file == format!("{room}.rs"));
        assert!(is_there, "the map has a room {room}, which is not in src/");
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let edges = sources().edges();
    assert!(edges.len() > 300, "only {} files use others", edges.len());
    let circles: Vec<String> = circles(&edges).iter().map(|circle| told(&edges, circle)).collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

/// The files of a circle, each with those of the circle that it uses.
fn told(edges: &Edges, circle: &[String]) -> String {
    let line = |file: &String| {
        let used: Vec<&String> = edges[file].iter().filter(|used| circle.contains(used)).collect();
        format!("  {file} uses {used:?}\n")
    };
    format!(
        "{} files use each other in a circle:\n{}",
        circle.len(),
        circle.iter().map(line).collect::<String>()
    )
}

#[test]
fn only_ipc_names_ipc_channel_and_only_store_and_storekeeper_write_sql() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources().files() {
        let source = fs::read_to_string(src.join(file)).unwrap();
        if !file.starts_with("ipc/") {
            assert!(!source.contains("ipc_channel::"), "{file} names ipc-channel");
        }
        if !["store/", "storekeeper/journal"].iter().any(|room| file.starts_with(room)) {
            assert!(!source.contains("rusqlite::"), "{file} names rusqlite");
        }
        if file != "base/clock.rs" && !file.starts_with("demo/") {
            assert!(!source.contains("SystemTime::now"), "{file} reads the wall clock itself");
        }
    }
}

/// A crate of its own, with every form of import that the sources use.
fn example(files: &[(&str, &str)]) -> Sources {
    let folder = tempfile::tempdir().unwrap();
    for (file, source) in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
    }
    Sources::read(folder.path())
}

#[test]
fn every_form_of_import_is_understood() {
    let sources = example(&[
        ("lib.rs", "pub mod a; pub mod b; pub mod c;"),
        (
            "a.rs",
            "//! crate::comment::x\nuse crate::{b::{Facade as F, self}, c};\nfn f() { c::g(\"crate::text::x\"); b::h!(); }",
        ),
        ("b/mod.rs", "mod deep; mod other; pub use deep::*; pub(crate) use self::other::Facade;"),
        ("b/deep.rs", "pub struct Deep; impl Deep { fn f() { assert!(super::super::c::g()); } }"),
        ("b/other.rs", "use super::Deep; pub struct Facade(Deep);"),
        ("c.rs", "pub fn g() {}\n#[cfg(test)]\nmod tests { use super::*; use crate::a::f; }"),
    ]);
    let edges: Vec<(String, Vec<String>)> =
        sources.edges().into_iter().map(|(file, used)| (file, used.into_iter().collect())).collect();
    let expect = [
        ("a.rs", vec!["b/other.rs", "c.rs"]),
        ("b/deep.rs", vec!["c.rs"]),
        ("b/other.rs", vec!["b/deep.rs"]),
    ];
    let expect = expect.map(|(file, used)| (file.to_owned(), used.into_iter().map(str::to_owned).collect()));
    assert_eq!(edges, expect);
    let mut uses: Vec<(String, String, bool)> =
        sources.uses().into_iter().map(|one| (one.file, one.path, one.is_test)).collect();
    uses.retain(|(file, ..)| matches!(file.as_str(), "a.rs" | "c.rs"));
    uses.sort();
    let expect = [
        ("a.rs", "b", false),
        ("a.rs", "b::Facade", false),
        ("a.rs", "c", false),
        ("c.rs", "a::f", true),
        ("c.rs", "c", true),
    ];
    assert_eq!(uses, expect.map(|(file, path, is_test)| (file.to_owned(), path.to_owned(), is_test)));
}

#[test]
fn a_circle_is_found_also_through_a_re_export() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod facade; mod d;"),
        ("a.rs", "use crate::facade::B; pub struct A(B);"),
        ("b.rs", "pub struct B; fn f() { crate::c::g() }"),
        ("c.rs", "pub fn g() { let _ = super::a::A; }"),
        ("facade.rs", "pub use crate::b::B;"),
        ("d.rs", "use crate::a::A; struct D(A);"),
    ];
    let edges = example(&files).edges();
    assert_eq!(circles(&edges), [["a.rs", "b.rs", "c.rs"].map(str::to_owned)]);
    // What only tests use makes no circle.
    let tests = "#[cfg(test)] mod tests { use crate::a::A; }";
    let cut = files.map(|(file, source)| (file, if file == "c.rs" { tests } else { source }));
    assert_eq!(circles(&example(&cut).edges()), Vec::<Vec<String>>::new());
}
