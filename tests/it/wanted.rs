//! Posts noted by their ids alone are looked up and indexed.

use aotf::demo::world::facts::{AccountState, MediaKind, Relation};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, wait_for};

fn json(daemon: &Daemon, words: &[&str]) -> Value {
    let output = daemon.command(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn noted_posts_are_looked_up_indexed_and_forgotten() {
    let (folder, world) = crate::queries::end(Daemon::start(Setup::default()));
    let facts = world.facts();
    let post = facts
        .posts
        .iter()
        .find(|post| {
            post.relation == Relation::None
                && facts.accounts[post.author].state == AccountState::Open
                && post.media.iter().any(|index| facts.media[*index].kind == MediaKind::Photo)
        })
        .unwrap();
    let author = facts.accounts[post.author].clone();
    let address = format!("https://x.com/{}/status/{}", author.handle, post.id);
    let (id, author_id) = (post.id.to_string(), author.id.to_string());
    let config = folder.path().join("parameters.toml");
    let add = |words: &[&str]| {
        let output =
            crate::daemon::binary().args(["db", "add", "--config"]).arg(&config).args(words).output();
        output.unwrap()
    };
    let wrong = add(&["20", "not-a-post"]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    // One that is there, and one that is not.
    let noted = add(&[&address, "20"]);
    assert!(String::from_utf8_lossy(&noted.stdout).contains("2 posts noted"), "{noted:?}");

    let daemon = Daemon::start_in(folder, world, &Setup::default());
    let stats = wait_for("the posts to be looked up", || {
        Some(json(&daemon, &["db", "stats", "--json"])).filter(|stats| stats["wanted"] == 0)
    });
    assert_eq!((&stats["posts"], &stats["accounts"]), (&1.into(), &1.into()), "{stats:#}");
    let known = &json(&daemon, &["account", &author_id, "--json"])["accounts"][0];
    assert_eq!(known["account_name"], author.handle, "{known:#}");
    let database = rusqlite::Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    let stored: String = database.query_row("SELECT native FROM posts", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, id);
    let images: u32 =
        database.query_row("SELECT count(fingerprint) FROM images", [], |row| row.get(0)).unwrap();
    assert!(images > 0);
    // One post was read, and its author, whom X's newer fields do not tell; that the other post is not there,
    // the free endpoint had told.
    wait_for("the price to be told", || {
        (json(&daemon, &["stats", "--json"])["spent_today_usd"] == 0.015).then_some(())
    });
}
