//! Which room may use which: the table of `docs/architecture.md`, enforced. What is not listed is
//! forbidden.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that every room but the pure ones may use.
const COMMON: &[&str] = &["base", "config", "domain", "telemetry"];
/// Rooms without configuration and telemetry: plain values and pure functions.
const PURE: &[&str] = &["base", "domain", "proto", "fingerprint"];
/// Files that see every room: they put the program together.
const EVERYTHING: &[&str] = &["main", "lib", "cli", "roles", "commands"];

const MAY_USE: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("domain", &["base"]),
    ("proto", &["base", "domain"]),
    ("fingerprint", &["base"]),
    ("config", &["base"]),
    ("telemetry", &["proto"]),
    ("ipc", &["proto"]),
    ("sandbox", &["proto"]),
    ("supervisor", &["ipc", "proto"]),
    ("broker", &["ipc", "proto", "storekeeper::orders"]),
    ("storekeeper", &["store", "index", "proto"]),
    ("store", &["fingerprint", "proto"]),
    ("index", &["fingerprint"]),
    ("fetch", &[]),
    ("sites", &["fetch", "proto"]),
    ("networks", &["fetch", "proto"]),
    ("links", &["sites", "networks", "fetch", "proto"]),
    ("api", &["proto"]),
    ("front", &["broker::client", "proto", "api"]),
    ("console", &["api", "proto", "front"]),
    (
        "stages",
        &["broker::client", "proto", "ipc", "index", "fingerprint", "sites", "links", "networks", "fetch"],
    ),
    ("demo", &[]),
];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Every `a::b` that follows `crate::`, also inside `crate::{a::b, c}`.
fn crate_paths(source: &str) -> Vec<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let end = group.find("};").unwrap_or(group.len());
                let mut depth = 0;
                let mut item = String::new();
                for c in group[..end].chars() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => paths.extend(path_of(&std::mem::take(&mut item))),
                        c if depth == 0 => item.push(c),
                        _ => {}
                    }
                }
                paths.extend(path_of(&item));
            }
            None => paths.extend(path_of(rest)),
        }
    }
    paths
}

fn path_of(text: &str) -> Option<String> {
    let path: String =
        text.trim().chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
    let path = path.trim_end_matches(':').to_owned();
    (!path.is_empty()).then_some(path)
}

#[test]
fn rooms_import_only_what_the_map_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut stray = Vec::new();
    let mut seen = 0;
    for file in rust_files(&src) {
        let inside = file.strip_prefix(&src).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs");
        if EVERYTHING.contains(&room) {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
            stray.push(format!("{}: the room {room:?} is not on the map", inside.display()));
            continue;
        };
        for used in crate_paths(&fs::read_to_string(&file).unwrap()) {
            seen += 1;
            let within = |path: &str| used == path || used.starts_with(&format!("{path}::"));
            let common = !PURE.contains(&room) && COMMON.iter().any(|path| within(path));
            if !(within(room) || common || allowed.iter().any(|path| within(path))) {
                stray.push(format!("{}: crate::{used}", inside.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} paths were read: does the test still understand the sources?");
    assert!(stray.is_empty(), "not allowed by the map:\n{}", stray.join("\n"));
}

#[test]
fn only_ipc_names_ipc_channel_and_only_store_and_storekeeper_write_sql() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&src) {
        let inside = file.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        let source = fs::read_to_string(&file).unwrap();
        if !inside.starts_with("ipc/") {
            assert!(!source.contains("ipc_channel::"), "{inside} names ipc-channel");
        }
        if !["store/", "storekeeper/journal"].iter().any(|room| inside.starts_with(room)) {
            assert!(!source.contains("rusqlite::"), "{inside} names rusqlite");
        }
        if inside != "base/clock.rs" && !inside.starts_with("demo/") {
            assert!(!source.contains("SystemTime::now"), "{inside} reads the wall clock itself");
        }
    }
}

#[test]
fn understands_every_form_of_import() {
    let source =
        "use crate::a::{b, c};\nuse crate::{d::e, f::{g, h}};\n// crate::comment\nlet x = crate::i::j();";
    assert_eq!(crate_paths(source), ["a", "d::e", "f", "i::j"].map(str::to_owned));
}
