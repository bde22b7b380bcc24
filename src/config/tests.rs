//! The sample against the defaults, and every kind of mistake against what is said about it.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::files::Files;
use super::load::read;
use super::*;
use crate::base::ids::Network;
use crate::domain::credit::Markup;

/// A file that is not there; its folder is not either.
fn nowhere() -> Files {
    Files { parameters: Some("/nowhere/parameters.toml".into()), credentials: None }
}

fn defaults() -> Settings {
    Settings { data_dir: "/nowhere/data".into(), ..Settings::default() }
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The problems of a file, as they are shown.
#[track_caller]
fn check_problems(text: &str, expect: &[&str]) {
    let problems = read(text, &[], &nowhere()).map(|_| ()).unwrap_err();
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(shown, expect, "{text}");
}

const SAMPLE: &str = include_str!("../../parameters.sample.toml");

#[test]
fn the_sample_is_the_default() {
    assert_eq!(read(SAMPLE, &[], &nowhere()).unwrap(), defaults());
    assert_eq!(read("", &[], &nowhere()).unwrap(), defaults());
}

#[test]
fn a_public_server_does_what_it_owes() {
    check_problems(
        "[http]\npublic = true\n[page]\npictures = true\n[compliance]\nremove_deleted = false\n",
        &[
            "parameter file: compliance.remove_deleted: must be true where http.public is true: what is gone is not shown",
            "parameter file: page.contact_url: is missing, and http.public is true: say how artists reach you",
            "parameter file: page.pictures: must be false where http.public is true: a public server hands on no copies",
        ],
    );
    let good = "[http]\npublic = true\n[page]\ncontact_url = \"mailto:me@a.example\"\n";
    assert!(read(good, &[], &nowhere()).unwrap().http.public);
}

/// A file means the same wherever the program is started; the environment is relative to who sets it.
#[test]
fn a_folder_of_the_file_is_beside_it() {
    let here = |path: &str| std::path::absolute(path).unwrap();
    let check = |files: &Files, text: &str, variable: Option<&str>, expect: std::path::PathBuf| {
        let variables: Vec<_> = variable.map(|value| ("AOTF_DATA_DIR", value)).into_iter().collect();
        let settings = read(text, &environment(&variables), files).unwrap();
        assert_eq!(settings.data_dir, expect, "{text} {variable:?}");
    };
    check(&nowhere(), "", None, "/nowhere/data".into());
    check(&nowhere(), "data_dir = 'd'", None, "/nowhere/d".into());
    check(&nowhere(), "data_dir = '/d'", None, "/d".into());
    check(&nowhere(), "data_dir = 'd'", Some("e"), here("e"));
    check(&nowhere(), "data_dir = 'd'", Some("/e"), "/e".into());
    let relative = Files { parameters: Some("p/parameters.toml".into()), credentials: None };
    check(&relative, "data_dir = 'd'", None, here("p/d"));
    let none = Files { parameters: None, credentials: None };
    check(&none, "", None, here("data"));
    check(&none, "", Some("e"), here("e"));
}

/// Lines such as `#key = value` are optional parts; text comments have a space after the `#`.
#[test]
fn the_optional_parts_of_the_sample_are_right() {
    let dir = tempfile::tempdir().unwrap();
    write_private(&dir.path().join("x-token"), "token\n");
    write_private(&dir.path().join("bot-key"), "the-key-of-the-bot\n");
    write_private(&dir.path().join("bot-webhook-secret"), "the-secret-of-the-bot\n");
    write_private(&dir.path().join("telegram-token"), "123456:the-token_of-the-bot\n");
    write_private(&dir.path().join("discord-token"), "the.token.of-the-bot\n");
    std::fs::create_dir(dir.path().join("config")).unwrap();
    std::fs::write(dir.path().join("config/blocklist.txt"), "12\n@Someone\n").unwrap();
    let text: Vec<&str> = SAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' ')).unwrap_or(line)
        })
        .collect();
    let files = Files { parameters: Some(dir.path().join("parameters.toml")), credentials: None };
    // A group that every machine has.
    let text = text.join("\n").replace("group = \"aotf\"", "group = \"daemon\"");
    let settings = read(&text, &[], &files).unwrap();
    assert_eq!(settings.twitter.credentials, [TwitterCredential { bearer_token: Secret::new("token") }]);
    assert_eq!(settings.scan.blocklist, ["12", "@someone"]);
    assert_eq!(settings.links.cookies.len(), COOKIE_SITES.len());
    assert_eq!(settings.links.api_keys.len(), API_KEY_SITES.len());
    assert!(settings.links.tumblr_api_key.is_some());
    assert_eq!(settings.http.unix_socket, Some(dir.path().join("http.sock")));
    let [key] = &settings.api_keys[..] else { panic!("{:?}", settings.api_keys) };
    assert_eq!((key.name.as_str(), key.sha256), ("bot", sha256(b"the-key-of-the-bot")));
    let [webhook] = &settings.webhooks[..] else { panic!("{:?}", settings.webhooks) };
    assert_eq!((webhook.name.as_str(), webhook.secret.reveal()), ("bot", "the-secret-of-the-bot"));
    let bots = &settings.bots;
    let secrets =
        [&bots.api_key, &bots.telegram.token, &bots.discord.token].map(|secret| secret.clone().unwrap());
    let expect = ["the-key-of-the-bot", "123456:the-token_of-the-bot", "the.token.of-the-bot"];
    assert_eq!(secrets.each_ref().map(Secret::reveal), expect);
    assert_eq!(settings.upstreams["api.x.com"], "http://127.0.0.1:9100");
}

#[test]
fn templates_of_credits_are_checked_at_start() {
    let text = "[credit]\nplain = \"by {artist}\"\n[[api_keys]]\nname = \"bot\"\nsha256 = \"KEY\"\n\
        [api_keys.credit]\nmarkdown = \"{posts}\"\n";
    let text = text.replace("KEY", &"0".repeat(64));
    let settings = read(&text, &[], &nowhere()).unwrap();
    assert!(settings.credit.of(Markup::Plain).is_some() && settings.credit.of(Markup::Html).is_none());
    let key = &settings.api_keys[0].credit;
    assert!(key.of(Markup::Markdown).is_some() && key.of(Markup::Plain).is_none());
    let bad = text.replace("{artist}", "{author}").replace("{posts}", "{posts");
    let problems = read(&bad, &[], &nowhere()).unwrap_err();
    let told: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
    assert!(told.iter().any(|what| what.contains("unknown place {author}")), "{told:?}");
    assert!(told.iter().any(|what| what.contains("single {")), "{told:?}");
}

/// A new key cannot be forgotten in the sample: whatever may be written there, is.
#[test]
fn the_sample_names_every_key() {
    let mut known = Vec::new();
    for section in ["", "http.", "limits.", "database.", "workers.", "twitter.", "search.", "scan."]
        .into_iter()
        .chain(["admin.", "maintenance.", "fetch.", "log.", "links.", "links.cookies.", "twitter.budget."])
        .chain([
            "twitter.fxtwitter.",
            "bluesky.",
            "mastodon.",
            "misskey.",
            "credit.",
            "bots.",
            "bots.telegram.",
        ])
        .chain(["bots.discord."])
    {
        let text = format!("{section}zzz = 1");
        let problems = read(&text, &[], &nowhere()).unwrap_err();
        let (_, keys) = problems[0].what.split_once("known here: ").unwrap();
        known.extend(keys.split(", ").map(str::to_owned));
    }
    for key in known {
        let written = |line: &str| {
            let line = line.trim_start_matches('#');
            line.starts_with(&format!("{key} ="))
                // A secret is shown as the name of its file.
                || line.starts_with(&format!("{key}_file ="))
                || line.trim_matches(['[', ']']).split('.').any(|part| part == key)
        };
        assert!(SAMPLE.lines().any(written), "{key} is not in the sample");
    }
}

/// What can be read for nothing is on; X where it can be read; what is chosen, as it is chosen.
#[test]
fn networks_follow_from_what_can_be_read() {
    let check = |text: &str, expect: &[Network]| {
        assert_eq!(read(text, &[], &nowhere()).unwrap().networks, expect, "{text}");
    };
    let [x, bluesky, mastodon, misskey] = Network::ALL;
    let credential = "[[twitter.credentials]]\nbearer_token = 'token'";
    check("", &[bluesky, mastodon, misskey]);
    check(credential, &[x, bluesky, mastodon, misskey]);
    check("twitter.fxtwitter.enabled = true", &[x, bluesky, mastodon, misskey]);
    check(&format!("networks = ['bluesky']\n{credential}"), &[bluesky]);
    check("networks = ['twitter']", &[x]);
}

#[test]
fn unknown_keys_name_the_nearest() {
    check_problems(
        "mutliprocess = true\n\n[http]\nbnd = \"127.0.0.1:1\"\n[serach]\nzzz = 1\n",
        &[
            "line 1: mutliprocess: no such key; did you mean \"multiprocess\"?",
            "line 4: http.bnd: no such key; did you mean \"http.bind\"?",
            "line 5: serach: no such key; did you mean \"search\"?",
        ],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    check_problems(
        "networks = [\n 'twitter',\n 'orkut' ]\nmultiprocess = 'yes'\n[http]\nbind = 3301\n\
         [search]\nmax_distance = 13\nmax_results = 1.5\n[log]\nlevel = 'loud=x=y'\nformat = 'xml'\n\
         [limits]\nunlimited_ips = ['::1', 'here']\n[database]\nurl = 'oracle://h/d'\n\
         [workers]\nindexing = 99999999999999999999\n",
        &[
            "line 3: networks: must be one of twitter, bluesky, mastodon, misskey",
            "line 4: multiprocess: must be true or false, not a text",
            "line 6: http.bind: must be a text, not a whole number",
            "line 8: search.max_distance: must be a whole number from 0 to 12",
            "line 9: search.max_results: must be a whole number from 1 to 100000, not a number with a fraction",
            "line 11: log.level: must be error, warn, info, debug, trace, or a filter such as \
             info,aotf::broker=debug",
            "line 12: log.format: must be one of text, json",
            "line 14: limits.unlimited_ips: \"here\" must be an IP address",
            "line 16: database.url: must be sqlite:FILE, mysql://USER:PASSWORD@HOST/NAME or \
             postgres://USER:PASSWORD@HOST/NAME",
            "line 18: workers.indexing: must be a whole number from 1 to 256",
        ],
    );
}

#[test]
fn the_search_for_links_is_told_its_pages_and_cookies() {
    let text = "[links]\nplain_pages = ['Links.example', '*.pages.example', 'https://a.example/me']\nmax_pages = 5\n\
                canaries = ['https://linktr.ee/a']\n[links.cookies]\npixiv = 'PHPSESSID=1_a'\n";
    let links = read(text, &[], &nowhere()).unwrap().links;
    assert_eq!(links.plain_pages, ["links.example", "*.pages.example", "https://a.example/me"]);
    assert_eq!((links.max_pages, links.canaries.len()), (5, 1));
    assert_eq!(links.cookies["pixiv"].reveal(), "PHPSESSID=1_a");
    let variables = environment(&[("AOTF_LINKS__COOKIES__E621", "a=b")]);
    assert_eq!(read("", &variables, &nowhere()).unwrap().links.cookies["e621"].reveal(), "a=b");
    check_problems(
        "[links]\nplain_pages = ['example', 'a.example/me']\ncanaries = ['linktr.ee']\n\
         tumblr_api_key = 'a b'\n[links.cookies]\npixv = 'a=b'\ne621 = 'secret'\n",
        &[
            "line 2: links.plain_pages: \"a.example/me\" must be a host, example.com, or a URL, \
             https://example.com/page",
            "line 2: links.plain_pages: \"example\" must be a host, example.com, or a URL, \
             https://example.com/page",
            "line 3: links.canaries: \"linktr.ee\" must be a URL, https://example.com/page",
            "line 4: links.tumblr_api_key: is no key: empty, or with spaces in it",
            "line 6: links.cookies.pixv: no such key; did you mean \"links.cookies.pixiv\"?",
            "line 7: links.cookies.e621: must be a Cookie header, name=value; name=value",
        ],
    );
}

#[test]
fn a_network_is_needed() {
    check_problems("networks = []", &["parameter file: networks: must name one network at least"]);
}

#[test]
fn zero_days_are_never_where_that_makes_sense() {
    let settings = read("[maintenance]\nauto_update_days = 0\n", &[], &nowhere()).unwrap();
    assert_eq!(settings.maintenance.auto_update, None);
    check_problems(
        "[maintenance]\nretry_hours = 0\n",
        &["line 2: maintenance.retry_hours: must be a whole number from 1 to 8760"],
    );
}

#[test]
fn the_environment_wins() {
    let variables = environment(&[
        ("AOTF_HTTP__PORT", "4000"),
        ("AOTF_DATABASE__URL", "sqlite:other.db"),
        ("AOTF_MULTIPROCESS", "false"),
        ("AOTF_LIMITS__ADVANCED_IPS", "10.0.0.1, ::1"),
        ("AOTF_TWITTER__CREDENTIALS__0__BEARER_TOKEN", "token"),
        ("AOTF_CONFIG", "x"),
        ("AOTF_TEST_ANYTHING", "x"),
        ("AOTF_BIN", "/usr/bin/aotf"),
        ("HOME", "/"),
    ]);
    let settings = read("[http]\nbind = '0.0.0.0:1'\n", &variables, &nowhere()).unwrap();
    assert_eq!(settings.http.bind, "0.0.0.0:4000".parse().unwrap());
    assert_eq!(settings.database.url, "sqlite:other.db");
    assert!(!settings.multiprocess);
    assert_eq!(settings.limits.advanced_ips.len(), 2);
    assert_eq!(settings.twitter.credentials[0].bearer_token.reveal(), "token");
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let variables = environment(&[
        ("AOTF_HTPP__PORT", "1"),
        ("AOTF_MULTIPROCES", "true"),
        ("AOTF_HTTP__PORT", "many"),
        ("AOTF_DATA_DIR__X", "1"),
        ("AOTF_TWITTER__CREDENTIALS__5__BEARER_TOKEN", "t"),
    ]);
    let text = "data_dir = 'd'\n[[twitter.credentials]]\nbearer_token = 'a'\n";
    let problems = read(text, &variables, &nowhere()).unwrap_err();
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(
        shown,
        [
            "AOTF_DATA_DIR__X: data_dir.x: is no section but a text in the parameter file",
            "AOTF_HTPP__PORT: htpp: no such key; did you mean \"http\"?",
            "AOTF_HTTP__PORT: http.port: must be a whole number from 0 to 65535",
            "AOTF_MULTIPROCES: multiproces: no such key; did you mean \"multiprocess\"?",
            "AOTF_TWITTER__CREDENTIALS__5__BEARER_TOKEN: twitter.credentials.5.bearer_token: \
             is a list with 1 entry in the parameter file",
        ]
    );
}

#[test]
fn a_credential_has_one_key() {
    check_problems(
        "[[twitter.credentials]]\n[[twitter.credentials]]\nbearer_token = 'a b'\n\
         [[twitter.credentials]]\nbearer_token_file = 'missing'\n",
        &[
            "parameter file: twitter.credentials.0.bearer_token: needs either bearer_token or bearer_token_file",
            "line 3: twitter.credentials.1.bearer_token: is no key: empty, or with spaces in it",
            "line 5: twitter.credentials.2.bearer_token_file: could not read /nowhere/missing: \
             No such file or directory (os error 2)",
        ],
    );
}

fn write_private(path: &Path, text: &str) {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).mode(0o600).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn files_from_windows_are_read_without_their_mark() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("parameters.toml");
    let text = "\u{feff}networks = ['bluesky']\nlinks.tumblr_api_key = 'abc'\n\
                [[twitter.credentials]]\nbearer_token_file = 'token'\n";
    write_private(&path, text);
    write_private(&dir.path().join("token"), "\u{feff}AAAA%3D\r\n");
    let settings = load(Some(&path), &[]).unwrap().settings;
    assert_eq!(settings.twitter.credentials[0].bearer_token.reveal(), "AAAA%3D");
    assert!(settings.networks_are_chosen);
    std::fs::write(dir.path().join("token"), b"\xff\xfeA\0").unwrap();
    let error = load(Some(&path), &[]).unwrap_err().to_string();
    assert!(error.contains("token: it is UTF-16"), "{error}");
}

#[test]
fn files_with_secrets_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("parameters.toml");
    write_private(&path, "[[twitter.credentials]]\nbearer_token = 'a'\n");
    assert_eq!(load(Some(&path), &[]).unwrap().settings.twitter.credentials.len(), 1);
    let everybody = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&path, everybody.clone()).unwrap();
    let error = load(Some(&path), &[]).unwrap_err().to_string();
    let shown = path.display();
    assert_eq!(
        error,
        format!(
            "1 problem in {shown}:\n  parameter file: {shown} holds secrets and others can read it; \
             mend with: chmod o-rwx {shown}"
        )
    );
    for secret in ["[links]\ntumblr_api_key = 'a'\n", "[links.cookies]\ndeviantart = 'a=b'\n"] {
        std::fs::write(&path, secret).unwrap();
        assert!(load(Some(&path), &[]).unwrap_err().to_string().contains("chmod o-rwx"), "{secret}");
    }
    // The same for a file that holds a key alone; it stands beside the parameter file.
    write_private(&dir.path().join("token"), "key\n");
    std::fs::write(&path, "[[twitter.credentials]]\nbearer_token_file = 'token'\n").unwrap();
    let settings = load(Some(&path), &[]).unwrap().settings;
    assert_eq!(settings.twitter.credentials[0].bearer_token.reveal(), "key");
    std::fs::set_permissions(dir.path().join("token"), everybody).unwrap();
    assert!(load(Some(&path), &[]).unwrap_err().to_string().contains("chmod o-rwx"));
}

#[test]
fn credentials_of_systemd_come_first() {
    let dir = tempfile::tempdir().unwrap();
    write_private(&dir.path().join("x-token"), "key");
    let variables = environment(&[
        ("CREDENTIALS_DIRECTORY", dir.path().to_str().unwrap()),
        ("AOTF_TWITTER__CREDENTIALS__0__BEARER_TOKEN_FILE", "x-token"),
    ]);
    let path = dir.path().join("parameters.toml");
    std::fs::write(&path, "").unwrap();
    let loaded = load(Some(&path), &variables).unwrap();
    assert_eq!(loaded.settings.twitter.credentials[0].bearer_token.reveal(), "key");
}

#[test]
fn a_named_file_must_exist() {
    let missing = Path::new("/nowhere/parameters.toml");
    assert!(matches!(load(Some(missing), &[]), Err(ConfigError::Read { .. })));
    let variables = environment(&[("AOTF_CONFIG", "/nowhere/parameters.toml")]);
    assert!(matches!(load(None, &variables), Err(ConfigError::Read { .. })));
}

proptest::proptest! {
    /// Lines of the sample, cut and mixed: whatever an editor leaves behind is told, not crashed on.
    #[test]
    fn no_file_is_too_broken(
        cuts in proptest::collection::vec((0..SAMPLE.lines().count(), 0_usize..40), 0..30),
    ) {
        let lines: Vec<&str> = SAMPLE.lines().collect();
        let cut = |(line, len): (usize, usize)| lines[line].get(..len).unwrap_or(lines[line]);
        let text: Vec<&str> = cuts.into_iter().map(cut).collect();
        if let Err(problems) = read(&text.join("\n"), &[], &nowhere()) {
            proptest::prop_assert!(!problems.is_empty());
        }
    }
}

#[test]
fn groups_are_known_by_name_or_number() {
    let table = "root:x:0:\naotf:x:998:jane,joe\naotf2:x:999:\nbroken\n";
    assert_eq!(http::group_number("aotf", table), Some(998));
    assert_eq!(http::group_number("1234", table), Some(1234));
    assert_eq!(http::group_number("aot", table), None);
    assert_eq!(http::group_number("broken", table), None);
    check_problems(
        "[admin]\ngroup = \"no such group\"\n",
        &["line 2: admin.group: \"no such group\" must be a group of this machine"],
    );
}
