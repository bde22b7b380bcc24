//! What the documents say is what the program does, as far as a test can tell.

use std::fs;
use std::path::Path;

use aotf::proto::failure::FailureCode;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_error_code_is_documented() {
    let text = read("docs/http-api.md");
    for code in FailureCode::ALL {
        assert!(text.contains(&format!("| `{code}` |")), "{code} is missing in docs/http-api.md");
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let text = read("docs/dependencies.md");
    for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
        let Some(crates) = manifest.get(section).and_then(|section| section.as_table()) else { continue };
        for name in crates.keys() {
            let named = text
                .lines()
                .any(|line| line.split('|').nth(1).is_some_and(|cell| cell.contains(name.as_str())));
            assert!(named, "{name} ({section}) is missing in docs/dependencies.md");
        }
    }
}

#[test]
fn the_readme_begins_with_the_two_commands_and_its_links_lead_somewhere() {
    let text = read("README.md");
    let commands: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("make "))
        .take(2)
        .map(|line| line.split('#').next().unwrap().trim())
        .collect();
    assert_eq!(commands, ["make demo", "make test"]);
    for document in ["README.md", "docs/architecture.md", "docs/http-api.md"] {
        let folder = Path::new(document).parent().unwrap();
        for target in read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.starts_with("http") {
                let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join(folder)
                    .join(target.split('#').next().unwrap());
                assert!(path.exists(), "{document} links to {target}, which is not there");
            }
        }
    }
}
