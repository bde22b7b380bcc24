//! What an operator is told when something goes wrong inside.

use std::fs;

use crate::daemon::{Daemon, Setup, encode, kill, wait_for};

#[test]
fn stacks_of_all_processes_are_written_and_frozen_ones_named() {
    let daemon = Daemon::start(Setup::default());
    let output = daemon.command(&["stacks"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("of 9 processes"), "{told}");
    let path = daemon.folder.path().join("data/logs/stacktrace.log");
    let text = fs::read_to_string(&path).unwrap();
    for (pid, role) in daemon.containers() {
        assert!(text.contains(&format!("\n{role}[{pid}]\n")), "{role}: {text}");
    }
    // Workers that wait, with the line of their source; the request for these stacks, as a task.
    for part in ["root[", "\"indexing-0\"", "src/stages/worker.rs:", "admin client"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("does not answer"), "{text}");

    let (frozen, _) = daemon.containers().into_iter().find(|(_, role)| role == "maintenance").unwrap();
    kill(frozen, "-STOP");
    let output = daemon.command(&["stacks", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["silent"], serde_json::json!([format!("maintenance[{frozen}]")]), "{told}");
}

#[test]
fn a_locked_journal_is_told_and_queries_go_on_when_it_is_free() {
    let daemon = Daemon::start(Setup::default());
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    wait_for("every role to be there", || daemon.command(&["health"]).status.success().then_some(()));
    let lock = rusqlite::Connection::open(daemon.folder.path().join("data/state.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        // Accepted only once it is written down.
        let answer = scope.spawn(|| daemon.query(&url));
        let told = wait_for("the trouble to be told", || {
            let (status, body) = daemon.http("GET", "/readyz", &[], b"").ok()?;
            (status == 503).then(|| String::from_utf8_lossy(&body).into_owned())
        });
        assert!(told.contains("journal") && told.contains("locked"), "{told}");
        let health = daemon.command(&["health"]);
        assert!(!health.status.success());
        assert!(String::from_utf8_lossy(&health.stderr).contains("locked"), "{health:?}");
        lock.execute_batch("ROLLBACK").unwrap();
        let answer = answer.join().unwrap();
        assert_eq!(answer["status"], "END", "{answer:#}");
    });
    wait_for("all to be well", || {
        let (status, body) = daemon.http("GET", "/readyz", &[], b"").ok()?;
        (status == 200 && String::from_utf8_lossy(&body).contains("\"problems\":[]")).then_some(())
    });
}

#[test]
fn a_frozen_broker_is_an_answer_with_503_and_is_replaced() {
    let daemon = Daemon::start(Setup::default());
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    let (broker, _) = daemon.containers().into_iter().find(|(_, role)| role == "broker").unwrap();
    kill(broker, "-STOP");
    let (status, body) = daemon.http("GET", &format!("/query?url={}", encode(&url)), &[], b"").unwrap();
    assert_eq!(status, 503, "{}", String::from_utf8_lossy(&body));
    let console = daemon.command(&["stats"]);
    assert!(!console.status.success(), "{console:?}");
    let answer = daemon.query(&url);
    assert_eq!(answer["status"], "END", "{answer:#}");
    assert!(daemon.containers().iter().all(|(pid, _)| *pid != broker));
}

/// A PNG of this size whose picture is `data`, which need not be all of it.
fn png(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        file.extend_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
        let body = [kind.as_slice(), data].concat();
        file.extend_from_slice(&body);
        file.extend_from_slice(&crc32fast::hash(&body).to_be_bytes());
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes()[..], &[8, 2, 0, 0, 0]].concat();
    chunk(b"IHDR", &header);
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packed, data).unwrap();
    chunk(b"IDAT", &packed.finish().unwrap());
    chunk(b"IEND", &[]);
    file
}

#[test]
fn hostile_images_end_in_an_error_and_nobody_dies_of_them() {
    let daemon = Daemon::start(Setup::default());
    let before = daemon.containers();
    let whole = png(2000, 20, &vec![0; 20 * 6001]);
    let polyglot = [b"GIF89a/*<script>".to_vec(), png(2, 2, &[0; 14])].concat();
    for (about, image) in [
        ("a bomb of 60000x60000", png(60_000, 60_000, &vec![0; 4 << 20])),
        ("1x100000", png(1, 100_000, &vec![0; 400_000])),
        ("too little data", png(9000, 9000, &[0; 1000])),
        ("cut off", whole[..whole.len() / 2].to_vec()),
        ("two formats at once", polyglot),
        ("no image", b"<html>not an image</html>".to_vec()),
        ("one byte", vec![0xff]),
        ("zero bytes", Vec::new()),
    ] {
        let (status, body) = daemon.http("POST", "/search", &[], &image).unwrap();
        let mut answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status, 200, "{about}: {answer:#}");
        if let Some(identifier) = answer["identifier"].as_str().map(str::to_owned) {
            answer = wait_for(about, || {
                let answer = daemon.get(&format!("/search?identifier={}", encode(&identifier)));
                (answer["status"] == "END").then_some(answer)
            });
        }
        assert!(answer["error"].is_string() && answer["error"] != "PROCESSING_ERROR", "{about}: {answer:#}");
        assert_ne!(answer["error_detail"], "", "{about}: {answer:#}");
    }
    // The same processes, and the one that decodes has never had much.
    assert_eq!(daemon.containers(), before);
    let (pid, _) = before.iter().find(|(_, role)| role == "reverse-search").unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 300 * 1024, "{kib} KiB");
}
