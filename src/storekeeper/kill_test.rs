//! What was acknowledged survives `kill -9`: shown with a process of its own, killed while it writes.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::fakes::FakeIndex;
use super::*;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost, ListedImage, ListedPost};
use crate::proto::front::Client;
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry, Ticket};

/// Set for the process that is to be killed: its data folder.
const VICTIM_DIR: &str = "AOTF_TEST_VICTIM_DIR";

/// Acknowledgements after which it is killed.
const ENOUGH: usize = 60;

fn post_key(number: u64) -> PostKey {
    PostKey::new(Network::Twitter, number.to_string())
}

fn request(number: u64) -> AcceptedRequest {
    AcceptedRequest::Query {
        url: format!("https://a.example/{number}"),
        networks: Default::default(),
        client: Client::Exempt,
        webhooks: vec![],
        whole: false,
        deaths: 0,
    }
}

/// Writes for ever, and tells of each acknowledgement on standard output.
fn be_the_victim(dir: &Path) {
    let settings = StorekeeperSettings {
        data_dir: dir.to_owned(),
        database_url: "sqlite:aotf.db".to_owned(),
        maintenance: crate::config::Settings::default().maintenance,
        index_dir: dir.join("index"),
        results_log: None,
    };
    let (to, orders) = channel();
    let tell = |message| {
        let line = match message {
            FromStorekeeper::Stored { ticket, .. } => format!("stored {}", ticket.0),
            FromStorekeeper::Journaled { ticket } => format!("journaled {}", ticket.0),
            FromStorekeeper::Opened { .. } => return,
            other => format!("{other:?}"),
        };
        // Fails once nobody listens any more: then it is about to be killed.
        let _ = writeln!(std::io::stdout(), "\n{line}");
    };
    let indexes = Indexes { images: FakeIndex::new(), codes: None };
    let _handle = start(settings, indexes, orders, tell).unwrap();
    for number in 0.. {
        let key = AccountKey::new(Network::Twitter, "1");
        let account = Account { key, handle: "a".to_owned(), posts: None };
        let image = IndexedImage::new("a", ImageState::Lost);
        let posts = vec![IndexedPost::of_images(post_key(number), None, [image])];
        let entry = JournalEntry::Accepted { key: number.to_string(), request: request(number) };
        to.send(ToStorekeeper::StorePosts { ticket: Ticket(number), account, posts }).unwrap();
        to.send(ToStorekeeper::Journal { ticket: Ticket(number), entry }).unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if let Some(dir) = std::env::var_os(VICTIM_DIR) {
        return be_the_victim(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "storekeeper::kill_test::what_was_acknowledged_survives_a_kill", "--nocapture"])
        .env(VICTIM_DIR, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let number = |line: &str| line.split_once(' ').and_then(|(_, number)| number.parse::<u64>().ok());
    let told: Vec<String> = lines
        .filter(|line| line.starts_with("stored ") || line.starts_with("journaled "))
        .take(ENOUGH)
        .collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_eq!(told.len(), ENOUGH, "the victim ended by itself: {told:?}");

    let rule = RetryRule { pause: Duration::ZERO, max_attempts: 1 };
    let mut store = Location::parse("sqlite:aotf.db", dir.path(), rule).unwrap().open().unwrap();
    let mut state = StateFile::open(&dir.path().join("state.db")).unwrap();
    let unfinished = journal::unfinished(&mut state).unwrap();
    for line in &told {
        let number = number(line).unwrap();
        if line.starts_with("stored ") {
            let image = ListedImage::new("a", "u");
            let listed = ListedPost::of_images(post_key(number), None, [image]).unwrap();
            assert_eq!(store.missing(&[listed]).unwrap(), [], "{line}");
        } else {
            assert!(unfinished.contains(&request(number)), "{line}");
        }
    }
    // And the sizes fit what is there.
    let counts = store.counts().unwrap();
    assert_eq!((counts.posts, counts.images), (store.last_image().unwrap().0, store.last_image().unwrap().0));
}
