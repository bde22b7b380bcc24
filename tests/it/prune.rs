//! `aotf db prune`, against networks of which some accounts have left.

use std::fs;
use std::path::Path;

use aotf::demo::world::facts::AccountState;
use aotf::demo::world::{Endpoint, Options, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, binary, free_port, write_config};

fn prune(config: &Path, words: &[&str]) -> Value {
    let output =
        binary().args(["db", "prune", "--json"]).args(words).arg("--config").arg(config).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ids(list: &Value) -> Vec<&str> {
    let mut ids: Vec<&str> = list.as_array().unwrap().iter().filter_map(|item| item["id"].as_str()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn accounts_that_left_are_removed_and_others_stay() {
    let daemon = Daemon::start(Setup::default());
    for handle in ["demo_hazel", "demo_juniper", "demo_rowan"] {
        assert!(daemon.command(&["scan", handle, "--wait"]).status.success(), "{handle}");
    }
    let url = "https://www.artstation.com/artwork/70013";
    assert_eq!(daemon.query(url)["posts"].as_array().unwrap().len(), 3);
    let config = daemon.config();
    // All were listed a moment ago: nobody is asked about.
    let asked = daemon.world.served(Endpoint::UsersById);
    let report = prune(&config, &[]);
    assert_eq!((&report["asked"], &report["seen_lately"]), (&0.into(), &report["accounts"]), "{report:#}");
    assert_eq!(daemon.world.served(Endpoint::UsersById), asked);
    let refused = binary().args(["db", "prune", "--apply", "--config"]).arg(&config).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("stop the daemon first"), "{refused:?}");

    let facts = daemon.world.facts();
    let id = |handle: &str| facts.accounts[facts.account_by_handle(handle).unwrap()].id.to_string();
    let (hazel, juniper, rowan) = (id("demo_hazel"), id("demo_juniper"), id("demo_rowan"));
    let (folder, _) = crate::queries::end(daemon);
    fs::write(folder.path().join("blocklist.txt"), format!("{hazel} # asked for it\n")).unwrap();
    let world = World::start_with(Options::default(), |facts| {
        let juniper = facts.account_by_handle("demo_juniper").unwrap();
        facts.accounts[juniper].id += 1_000_000; // the old one is gone
        let rowan = facts.account_by_handle("demo_rowan").unwrap();
        facts.accounts[rowan].state = AccountState::Suspended;
        facts.open_accounts.retain(|account| account.handle != "demo-rowan.bsky.social");
    })
    .unwrap();
    let setup = Setup { extra: "[scan]\nblocklist = \"blocklist.txt\"\n", ..Setup::default() };
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = write_config(folder.path(), &world, address, &setup);

    // An unreachable network is no sign that anything is gone.
    let nowhere = World::start(Options::default()).unwrap();
    let dead = nowhere.base_url();
    drop(nowhere);
    let text = fs::read_to_string(&config).unwrap();
    let cut = folder.path().join("cut.toml");
    fs::write(&cut, text.replace(&world.base_url(), &dead)).unwrap();
    fs::set_permissions(&cut, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    forget_listings(folder.path());
    let report = prune(&cut, &["--at-once"]);
    assert_eq!(ids(&report["remove"]), [hazel.as_str()], "{report:#}");
    assert_eq!(report["remove"][0]["why"], "blocklisted");
    assert_eq!(report["present"], 0, "{report:#}");
    assert!(report["unclear"].as_object().unwrap().len() >= 2, "{report:#}");

    // Seen missing once: it waits. The suspended one is there.
    let report = prune(&config, &[]);
    assert_eq!(ids(&report["missing"]), [juniper.as_str(), "did:plc:demorowan000000000000000"], "{report:#}");
    assert_eq!(ids(&report["remove"]), [hazel.as_str()], "{report:#}");
    assert!(report["removed"].is_null());
    // Only what is there is billed, and counted: nobody of X here.
    assert_eq!(report["spent_usd"], 0.0, "{report:#}");
    // Those that are there are not asked again, whoever is not, is.
    let asked = report["asked"].as_u64().unwrap();
    let again = prune(&config, &["--also", "suspended"]);
    assert!(again["asked"].as_u64().unwrap() < asked && again["present"] == 0, "{again:#}");
    let mut expect = [hazel.as_str(), &rowan];
    expect.sort_unstable();
    assert_eq!(ids(&again["remove"]), expect, "{again:#}");

    let done = prune(&config, &["--apply", "--at-once"]);
    let mut expect = [hazel.as_str(), &juniper, "did:plc:demorowan000000000000000"];
    expect.sort_unstable();
    assert_eq!(ids(&done["remove"]), expect, "{done:#}");
    assert_eq!(done["removed"]["accounts"], 3, "{done:#}");
    let count = |name: &str| {
        done["remove"].as_array().unwrap().iter().map(|item| item[name].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(done["removed"]["posts"], count("posts"), "{done:#}");
    assert_eq!(done["removed"]["images"], count("images"), "{done:#}");
    let verified = binary().args(["db", "verify", "--config"]).arg(&config).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    assert_eq!(ids(&prune(&config, &["--offline"])["remove"]), Vec::<&str>::new());

    // The daemon makes the index anew, and finds what is left.
    let daemon = Daemon::start_in(folder, world, &setup);
    let answer = daemon.query(url);
    let networks: Vec<&str> =
        answer["posts"].as_array().unwrap().iter().filter_map(|post| post["network"].as_str()).collect();
    assert!(!networks.contains(&"bluesky") && networks.contains(&"mastodon"), "{answer:#}");
}

/// As if nothing had been listed for long.
fn forget_listings(folder: &Path) {
    let sql = "UPDATE accounts SET search_listed_at = 1, timeline_listed_at = 1";
    let file = rusqlite::Connection::open(folder.join("data/aotf.db")).unwrap();
    file.execute(sql, []).unwrap();
}

#[test]
fn the_budget_is_kept() {
    let daemon = Daemon::start(Setup::default());
    for handle in ["demo_hazel", "demo_juniper", "demo_rowan"] {
        assert!(daemon.command(&["scan", handle, "--wait"]).status.success(), "{handle}");
    }
    let stats: Value = serde_json::from_slice(&daemon.command(&["stats", "--json"]).stdout).unwrap();
    let spent = stats["spent_today_usd"].as_f64().unwrap();
    let (folder, world) = crate::queries::end(daemon);
    forget_listings(folder.path());
    // As on another day, on which nobody was read yet.
    rusqlite::Connection::open(folder.path().join("data/state.db"))
        .and_then(|state| state.execute("DELETE FROM billed", []))
        .unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    // Enough for two of the three.
    let extra = format!("[twitter.budget]\ndaily_usd = {:.3}\n", spent + 0.025);
    let setup = Setup { extra: Box::leak(extra.into_boxed_str()), ..Setup::default() };
    let config = write_config(folder.path(), &world, address, &setup);
    let report = prune(&config, &[]);
    assert_eq!(report["present"], 2, "{report:#}");
    let left_out = report["left_out"].as_object().unwrap();
    let (why, count) = left_out.iter().next().unwrap();
    assert!(why.contains("budget") && count == 1, "{report:#}");
}
