//! What the documents say is what the program does, as far as a test can tell.

use std::fs;
use std::path::Path;

use aotf::domain::failure::FailureCode;
use aotf::sites::{Supported, supported};

use crate::daemon::binary;
use crate::golden;
use crate::needs::{not_here, skipped};

pub fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_error_code_is_documented() {
    let text = read("docs/http-api.md");
    for code in FailureCode::ALL {
        assert!(text.contains(&format!("| `{code}` |")), "{code} is missing in docs/http-api.md");
    }
}

/// The lists of sites in the documentation, between two marks, and on the page, behind a colon, are those of
/// the program.
#[test]
fn lists_of_sites_are_the_programs() {
    let Supported { works, links, recognised } = supported();
    let lists =
        [("works", works.join(", ")), ("links", links.join(", ")), ("recognised", recognised.join(", "))];
    for page in ["README.md", "docs/link-finding.md"] {
        let mut text = read(page);
        for (kind, list) in &lists {
            let mark = format!("<!-- sites: {kind} -->\n");
            let (before, rest) = text.split_once(&mark).unwrap_or_else(|| panic!("no {mark} in {page}"));
            let (_, after) = rest.split_once("\n<!-- end -->").expect("a list ends");
            text = format!("{before}{mark}{}\n<!-- end -->{after}", wrapped(list));
        }
        golden::check(page, &text);
    }
    let texts = read("src/front/http/web/texts.json").lines().fold(String::new(), |text, line| {
        let list = lists.iter().find(|(kind, _)| line.contains(&format!("\"help.sites.{kind}\": ")));
        let line = list.map_or(line.to_owned(), |(_, list)| {
            let (phrase, _) = line.split_once("\": \"").unwrap();
            let words = line.rsplit_once("\": \"").unwrap().1.split(": ").next().unwrap();
            format!("{phrase}\": \"{words}: {list}.\",")
        });
        text + &line + "\n"
    });
    golden::check("src/front/http/web/texts.json", &texts);
}

/// In lines of at most 110 columns.
fn wrapped(list: &str) -> String {
    let mut lines = vec![String::new()];
    for word in list.split(' ') {
        let last = lines.last_mut().expect("there is a line");
        match last.len() + word.len() < 110 {
            true => *last = format!("{last} {word}").trim_start().to_owned(),
            false => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// Grafana and Prometheus load what stands in `config/`.
#[test]
fn the_dashboard_and_the_rules_load() {
    let dashboard: serde_json::Value = serde_json::from_str(&read("config/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 10 && dashboard["title"].is_string() && dashboard["schemaVersion"].is_u64());
    let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{panel:#}");
    }
    let check = |arguments: &[&str]| {
        let output = std::process::Command::new("promtool")
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output();
        match output {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                skipped(format!("promtool {arguments:?} (Debian: prometheus) could not be run: {error}"));
            }
        }
    };
    check(&["check", "config", "config/prometheus.yml"]);
    check(&["check", "rules", "config/prometheus-alerts.yml"]);
    // The same expressions as the dashboard's, as rules, since promtool reads no dashboards.
    let folder = tempfile::tempdir().unwrap();
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        rules.push_str(&format!(
            "      - record: panel\n        expr: {}\n        labels: {{ n: \"{}\" }}\n",
            target["expr"],
            rules.len()
        ));
    }
    let file = folder.path().join("dashboard.yml");
    fs::write(&file, rules).unwrap();
    check(&["check", "rules", file.to_str().unwrap()]);
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let text = read("docs/dependencies.md");
    let of_targets = manifest["target"].as_table().unwrap().values();
    for (table, section) in
        std::iter::once(&toml::Value::Table(manifest.clone())).chain(of_targets).flat_map(|table| {
            ["dependencies", "build-dependencies", "dev-dependencies"].map(|name| (table, name))
        })
    {
        let Some(crates) = table.get(section).and_then(|section| section.as_table()) else { continue };
        for name in crates.keys() {
            let named = text
                .lines()
                .any(|line| line.split('|').nth(1).is_some_and(|cell| cell.contains(name.as_str())));
            assert!(named, "{name} ({section}) is missing in docs/dependencies.md");
        }
    }
}

#[test]
fn the_readme_begins_with_the_two_commands() {
    let text = read("README.md");
    let commands: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("make "))
        .take(2)
        .map(|line| line.split('#').next().unwrap().trim())
        .collect();
    assert_eq!(commands, ["make demo", "make test"]);
}

/// Every page for people, by its path.
fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let top = ["README.md", "README.fr.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    let mut found = top.map(str::to_owned).to_vec();
    for entry in fs::read_dir(root.join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            found.push(format!("docs/{name}"));
        }
    }
    found
}

/// What a heading is called in a link: as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for document in documents() {
        let folder = Path::new(&document).parent().unwrap();
        for target in read(&document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") {
                continue;
            }
            links += 1;
            let (file, part) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => Path::new(env!("CARGO_MANIFEST_DIR")).join(&document),
                file => Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(file),
            };
            assert!(path.exists(), "{document} links to {target}, which is not there");
            if !part.is_empty() {
                let text = fs::read_to_string(&path).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let known = headings.map(|line| anchor(line.trim_start_matches('#')));
                assert!(known.into_iter().any(|anchor| anchor == part), "{document}: no part {target}");
            }
        }
    }
    assert!(links > 40, "only {links} links were found: does the test still understand the documents?");
}

/// The map and the guides name files by their place in the repository or in `src/`; in a room's row also by
/// their place in the room.
#[test]
fn every_file_that_the_guides_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    let mut seen = 0;
    let guides =
        ["docs/architecture.md", "docs/decisions.md", "docs/adding-a-site.md", "docs/adding-a-network.md"];
    for guide in guides.into_iter().chain(["CONTRIBUTING.md", "SECURITY.md"]) {
        for line in read(guide).lines() {
            let words: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
            let room = words.first().filter(|_| line.starts_with("| `"));
            for word in &words {
                // Capitals stand for a name of the reader's.
                let is_path =
                    word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c))
                        && word.contains('/')
                        && (word.ends_with('/') || word.ends_with(".rs") || word.ends_with(".toml"));
                if !is_path {
                    continue;
                }
                seen += 1;
                let in_room = room.is_some_and(|room| root.join("src").join(room).join(word).exists());
                if !in_room && !root.join(word).exists() && !root.join("src").join(word).exists() {
                    missing.push(format!("{guide}: {word}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "named, and not there: {missing:#?}");
    assert!(seen > 100, "only {seen} paths were found: does the test still understand the guides?");
}

#[test]
fn the_index_names_every_document() {
    let index = read("docs/README.md");
    for document in documents() {
        if let Some(name) = document.strip_prefix("docs/").filter(|name| *name != "README.md") {
            assert!(index.contains(&format!("({name})")), "docs/README.md does not name {name}");
        }
    }
}

/// The commands of `sh` blocks, without comments.
fn shell_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut in_shell = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(language) => in_shell = language == "sh",
            None if in_shell => lines.push(line.split(" #").next().unwrap().trim().to_owned()),
            None => {}
        }
    }
    lines
}

/// With `--help` at its end the program stops after it has understood what stands before.
#[test]
fn every_command_of_the_documents_is_understood() {
    let mut seen = 0;
    for document in documents() {
        for line in shell_lines(&read(&document)) {
            let line = line.trim_start_matches("sudo -u aotf ").trim_start_matches("./target/release/");
            let line = line.split_once("=").map_or(line, |(name, rest)| match name.starts_with("AOTF_") {
                true => rest.split_once(' ').map_or("", |(_, command)| command),
                false => line,
            });
            let Some(rest) = line.strip_prefix("aotf ") else { continue };
            let words = rest.split(['|', '>', '&', ';']).next().unwrap().split_whitespace();
            let output = binary()
                .args(words.map(|word| word.trim_matches(['\'', '"', '[', ']'])))
                .arg("--help")
                .output();
            let output = output.unwrap();
            assert!(
                output.status.success(),
                "{document}: {line}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
    let wrong = binary().args(["query", "--wiat", "u", "--help"]).output().unwrap();
    assert!(!wrong.status.success(), "the test would find a wrong option");
}

#[test]
fn every_make_target_and_script_of_the_documents_is_there() {
    let makefile = read("Makefile");
    for document in documents() {
        for line in shell_lines(&read(&document)) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("make"), Some(target)) => {
                    assert!(makefile.contains(&format!("\n{target}:")), "{document}: make {target}");
                }
                (Some(script), _) if script.ends_with(".sh") => {
                    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
                    assert!(path.exists(), "{document}: {script}");
                }
                _ => {}
            }
        }
    }
}

/// The fuzz target `pages` and the properties of `src/sites/tests.rs` read the pages of this list.
#[test]
fn every_reader_of_pages_is_fuzzed() {
    let pages = read("tests/fixtures/sites/readable.txt");
    let sites: Vec<&str> = pages
        .lines()
        .filter_map(|page| Some(aotf::sites::recognise(&aotf::sites::Address::parse(page)?).0?.name))
        .collect();
    for site in aotf::sites::SITES.iter().filter(|site| site.artwork.is_some() || site.leads.is_some()) {
        assert!(sites.contains(&site.name), "no page of {} in tests/fixtures/sites/readable.txt", site.name);
    }
}

/// The rating that `systemd-analyze` gives the units of what runs on: 2.0 and below is "OK".
#[test]
fn the_units_for_systemd_are_rated_ok() {
    for unit in ["config/aotf.service", "config/aotf-bot@.service"] {
        rated_ok(unit);
    }
}

fn rated_ok(name: &str) {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let run = std::process::Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
        .arg(unit)
        .output();
    let Ok(run) = run else {
        return not_here("systemd-analyze is not installed, the rating of the units is unknown");
    };
    let told = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    // Exit status 1: an exposure above the threshold.
    assert!(run.status.success() && told.contains("Overall exposure level"), "{told}");
    assert!(!told.contains("Unknown"), "{told}");
}
