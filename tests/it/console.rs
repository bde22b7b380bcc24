//! The console on a real terminal: attached to a daemon, and in the daemon's own.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;

use aotf::demo::world::cases::Expect;
use aotf::demo::world::{Options, World};

use crate::daemon::{Daemon, Setup, binary, encode, free_port, read_response, wait_for, write_config};
use crate::terminal::Terminal;

const PROMPT: &str = "aotf> ";

/// An artwork that is found, of the artist who posted least: what tests wait for is the drawing of pictures.
pub fn lightest_case(world: &World) -> (String, &'static str) {
    let facts = world.facts();
    let posts = |handle: &str| {
        let author = facts.accounts.iter().position(|account| account.handle == handle);
        author.map_or(usize::MAX, |author| facts.posts_of(author).count())
    };
    let cases = world.known();
    let found = cases.iter().filter_map(|case| match case.expect {
        Expect::Post { handle, .. } => Some((posts(handle), case.url()?.to_owned(), handle)),
        _ => None,
    });
    let (_, url, handle) = found.min().unwrap();
    (url, handle)
}

fn attach(daemon: &Daemon, columns: u16) -> Terminal {
    let mut command = binary();
    command.args(["console", "--config"]).arg(daemon.config());
    let terminal = Terminal::start(command, columns);
    wait_for_prompt(&terminal, "");
    terminal
}

/// The last line of the screen is the prompt, with this behind it.
#[track_caller]
fn wait_for_prompt(terminal: &Terminal, typed: &str) -> String {
    let expect = format!("{PROMPT}{typed}");
    terminal.wait_for(&format!("the prompt with {typed:?}"), |shown| {
        shown.trim_end_matches('\n').lines().last().is_some_and(|line| line.trim_end() == expect.trim_end())
    })
}

/// The console of a daemon is there before the daemon can be asked for anything.
#[track_caller]
fn wait_until_ready(address: SocketAddr) {
    wait_for("a daemon that is ready", || {
        let mut stream = TcpStream::connect(address).ok()?;
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let (status, _) = read_response(stream).ok()?;
        (status == 200).then_some(())
    });
}

#[test]
fn a_query_is_followed_and_its_answer_fits_the_terminal() {
    let daemon = Daemon::start(Setup::default());
    let (page, handle) = lightest_case(&daemon.world);
    let mut terminal = attach(&daemon, 80);
    terminal.send(&format!("query {page}\r"));
    terminal.wait_until_shows("looking for the artist's accounts");
    let shown = terminal.wait_until_shows("Took ");
    assert!(shown.contains("indexing their posts: ") && shown.contains("\nFound "), "{shown}");
    let post = shown.lines().find(|line| line.starts_with("https://x.com/")).unwrap();
    assert!(post.rsplit('/').next().unwrap().parse::<u64>().is_ok(), "the address is whole: {post}");
    wait_for_prompt(&terminal, "");
    terminal.shoot("console");

    // Repeated, it shows the state at once, without the steps.
    terminal.send("\x1b[A\r");
    terminal.wait_for("the same answer again", |shown| shown.matches("\nFound ").count() == 2);
    assert_eq!(terminal.wait_until_shows(PROMPT).matches("indexing their posts: ").count(), 1);

    // The account of the answer is completed, and shown as a hint what else was typed.
    wait_for_prompt(&terminal, "");
    terminal.send(&format!("scan {}\t", &handle[..handle.len() - 2]));
    wait_for_prompt(&terminal, &format!("scan {handle}"));
    terminal.send("\r");
    terminal.wait_until_shows(" is up to date:");
    wait_for_prompt(&terminal, "");
    terminal.send("\x04");
    terminal.wait_until_shows("The daemon runs on; `aotf console` comes back.");
    assert!(terminal.wait_for_end().success());
    assert_eq!(daemon.http("GET", "/readyz", &[], b"").unwrap().0, 200, "the daemon runs on");
}

#[test]
fn ctrl_c_leaves_the_work_running_and_detach_does_not_wait() {
    let daemon = Daemon::start(Setup::default());
    let (_, account) = lightest_case(&daemon.world);
    daemon.world.set_latency(Duration::from_secs(1));
    let mut terminal = attach(&daemon, 100);
    terminal.send(&format!("scan {account}\r"));
    terminal.wait_until_shows(&format!("@{account}, "));
    terminal.send("\x03");
    terminal.wait_until_shows("No longer followed; the work goes on.");
    wait_for_prompt(&terminal, "");
    terminal.send(&format!("scan {account} --detach\r"));
    terminal.wait_for("the state of the scan", |shown| {
        shown.lines().any(|line| line.starts_with(&format!("@{account}, ")))
    });
    wait_for_prompt(&terminal, "");
    daemon.world.set_latency(Duration::ZERO);
    terminal.send(&format!("scan @{account}\r"));
    terminal.wait_until_shows("is up to date:");
}

#[test]
fn what_was_cancelled_does_not_come_back() {
    const KEY: &str = "a-key-that-may-cancel";
    let digest = sha256(KEY);
    let keys = format!(
        "[[api_keys]]\nname = \"may\"\nsha256 = \"{digest}\"\ncancel = true\n\
         [[api_keys]]\nname = \"may-not\"\nsha256 = \"{}\"\n",
        sha256("a-key-that-may-not")
    );
    let mut daemon = Daemon::start(Setup { extra: keys.leak(), ..Setup::default() });
    let (page, account) = lightest_case(&daemon.world);
    daemon.world.set_latency(Duration::from_secs(2));
    let mut following = attach(&daemon, 100);
    following.send(&format!("scan {account}\r"));
    following.wait_until_shows(&format!("@{account}, "));
    let mut terminal = attach(&daemon, 100);
    terminal.send(&format!("cancel @{account}\r"));
    terminal.wait_until_shows(&format!("Cancelled: the scan of @{account}"));
    following.wait_until_shows("CANCELLED: ");
    terminal.send("cancel nobody_at_all\r");
    terminal.wait_until_shows("NO_SUCH_REQUEST: ");

    // By HTTP, for keys that may.
    let ask = || daemon.get(&format!("/query?url={}", encode(&page)));
    let begun = ask();
    assert_ne!(begun["status"], "END");
    let target = format!("/queries/{}", begun["id"].as_str().unwrap());
    let delete = |headers: &[(&str, &str)]| {
        let (status, body) = daemon.http("DELETE", &target, headers, b"").unwrap();
        (status, serde_json::from_slice::<serde_json::Value>(&body).unwrap())
    };
    assert_eq!(delete(&[]).0, 403);
    assert_eq!(delete(&[("x-api-key", "a-key-that-may-not")]).0, 403);
    assert_ne!(ask()["status"], "END");
    let (status, cancelled) = delete(&[("x-api-key", KEY)]);
    assert_eq!(
        (status, &cancelled["status"], &cancelled["error"]),
        (200, &"END".into(), &"CANCELLED".into())
    );
    assert_eq!(cancelled["url"], page);
    assert_eq!(ask()["error"], "CANCELLED", "whoever polls sees it");

    // Another one from the shell, and the daemon is killed right after the acknowledgement.
    let cases = daemon.world.known();
    let other = cases.iter().filter_map(|case| case.url()).find(|url| *url != page).unwrap();
    daemon.begin(other);
    let cancelled = daemon.command(&["cancel", other]);
    daemon.signal("-KILL");
    daemon.root.wait().unwrap();
    assert!(cancelled.status.success(), "{cancelled:?}");
    assert!(String::from_utf8_lossy(&cancelled.stdout).starts_with(&format!("Cancelled: {other}\n")));
    daemon.root = Daemon::spawn(&daemon.config());
    daemon.wait_until_ready();
    let stats = daemon.get("/stats");
    for figure in ["processing_user_requests_count", "processing_scan_requests_count"] {
        assert_eq!(stats[figure], 0, "{stats}");
    }
    assert_eq!(daemon.command(&["cancel", other]).status.code(), Some(3), "nobody knows it any more");
}

/// SHA-256 as the configuration has it.
fn sha256(key: &str) -> String {
    aotf::config::sha256(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_typed_is_completed_hinted_and_corrected() {
    let daemon = Daemon::start(Setup::default());
    let mut terminal = attach(&daemon, 120);
    terminal.send("quer");
    terminal.wait_until_shows(
        "aotf> query URL [--whole] [--first] [--credit[=MARKUP]] [--networks LIST] [--thumbnails] [--detach]",
    );
    terminal.send("\x15st\t\t");
    terminal.wait_for("both commands", |shown| shown.contains("stats") && shown.contains("stop"));
    terminal.send("at\t\r");
    terminal.wait_until_shows("posts waiting to be indexed");
    wait_for_prompt(&terminal, "");
    terminal.send("help metrics\r");
    terminal.wait_until_shows("where the time of a slow query goes");
    terminal.send("thread\r");
    terminal.wait_until_shows("did you mean \"threads\"?");
    terminal.send("threads\r");
    let shown = terminal.wait_until_shows("reverse-search");
    assert!(shown.contains("waits for work"), "{shown}");
}

#[test]
fn the_daemons_own_console_shows_warnings_above_the_prompt_and_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(Options::default()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = write_config(folder.path(), &world, address, &Setup::default());
    let mut command = binary();
    command.args(["serve", "--die-with-parent", "--config"]).arg(&config);
    let mut terminal = Terminal::start(command, 80);
    wait_for_prompt(&terminal, "");
    terminal.send("query https://half.typed/");
    wait_for_prompt(&terminal, "query https://half.typed/");
    let log = folder.path().join("data/logs/aotf.log");
    wait_for("the log file", || log.exists().then_some(()));
    let mut file = fs::File::options().append(true).open(&log).unwrap();
    writeln!(file, "2026-11-21T05:46:51Z front[1]  INFO test: not for the console").unwrap();
    writeln!(file, "2026-11-21T05:46:51Z front[1]  WARN test: look at this").unwrap();
    terminal.wait_until_shows("look at this");
    let shown = wait_for_prompt(&terminal, "query https://half.typed/");
    assert!(!shown.contains("not for the console"), "{shown}");
    assert_eq!(shown.matches(PROMPT).count(), 1, "{shown}");
    terminal.send("\x15stop\r");
    terminal.wait_until_shows("The daemon is stopping.");
    assert!(terminal.wait_for_end().success());
}

#[test]
fn without_a_daemon_the_console_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(Options::default()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = write_config(folder.path(), &world, address, &Setup::default());
    fs::create_dir(folder.path().join("data")).unwrap();
    let mut command = binary();
    command.args(["console", "--config"]).arg(&config);
    let mut terminal = Terminal::start(command, 200);
    wait_for_prompt(&terminal, "");
    terminal.send("stats\r");
    terminal.wait_until_shows("start one with `aotf serve`");
}

/// The picture in what a terminal was sent, in kitty's form: its size and its pixels.
fn kitty_picture(raw: &str) -> (u32, u32, Vec<u8>) {
    let mut text = String::new();
    for command in raw.split("\x1b_G").skip(1).filter_map(|command| command.split("\x1b\\").next()) {
        let (head, data) = command.split_once(';').unwrap();
        text.push_str(data);
        if head.ends_with("m=0") {
            break;
        }
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

#[test]
fn thumbnails_are_shown_where_the_terminal_can() {
    let daemon = Daemon::start(Setup::default());
    let (page, _) = lightest_case(&daemon.world);
    let found = daemon.query(&page);
    let post = found["results"][0]["url"].as_str().unwrap().to_owned();
    let query = |columns: u16, variables: &[(&str, &str)]| {
        let mut command = binary();
        command.args(["query", &page, "--thumbnails", "--config"]).arg(daemon.config());
        for name in ["TMUX", "STY", "KITTY_WINDOW_ID", "TERM_PROGRAM", "LC_TERMINAL"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        Terminal::start(command, columns)
    };

    let mut kitty = query(80, &[("KITTY_WINDOW_ID", "1")]);
    assert!(kitty.wait_for_end().success());
    let raw = kitty.raw_to_end();
    let (width, height, pixels) = kitty_picture(&raw);
    assert!((1..=240).contains(&width) && (1..=160).contains(&height), "{width}x{height}");
    assert!(pixels.iter().any(|level| *level != pixels[0]), "it is a picture");
    assert!(
        raw.split("\x1b\\").any(|rest| rest.trim_start().starts_with(&post)),
        "its address is below it: {raw}"
    );

    let mut iterm = query(80, &[("TERM_PROGRAM", "iTerm.app")]);
    assert!(iterm.wait_for_end().success());
    assert!(iterm.raw_to_end().contains("\x1b]1337;File=inline=1;size="), "{}", iterm.raw());

    // Others are asked, and answer as if it were typed.
    let mut sixel = query(80, &[]);
    sixel.wait_for_raw("\x1b[c");
    sixel.send("\x1b[?62;4;22c");
    assert!(sixel.wait_for_end().success());
    assert!(sixel.raw_to_end().contains("\x1bPq\"1;1;"), "{}", sixel.raw());

    let mut plain = query(80, &[]);
    plain.wait_for_raw("\x1b[c");
    plain.send("\x1b[?1;2c");
    plain.wait_until_shows("This terminal shows no pictures");
    assert!(plain.wait_for_end().success());
    assert!(!plain.raw().contains("\x1bP"), "{}", plain.raw());
}

#[test]
fn a_late_ctrl_c_does_not_end_the_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(Options::default()).unwrap();
    let (_, account) = lightest_case(&world);
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = write_config(folder.path(), &world, address, &Setup::default());
    let mut command = binary();
    command.args(["serve", "--die-with-parent", "--config"]).arg(&config);
    let mut terminal = Terminal::start(command, 100);
    wait_for_prompt(&terminal, "");
    wait_until_ready(address);
    terminal.send(&format!("scan {account}\r"));
    terminal.wait_until_shows("is up to date:");
    wait_for_prompt(&terminal, "");
    terminal.send("\x03");
    terminal.wait_until_shows("Ctrl-C once more asks whether to end the daemon.");
    wait_for_prompt(&terminal, "");
    // And the next one asks first: whatever is no clear yes leaves it running.
    for (no, times) in [("\x03", 1), ("\r", 2), ("n", 3)] {
        terminal.send("\x03");
        terminal.wait_until_shows("End the daemon? y ends it");
        terminal.send(no);
        terminal.wait_for("no", |shown| shown.matches("The daemon runs on.").count() == times);
        wait_for_prompt(&terminal, "");
    }
    terminal.send("stats\r");
    terminal.wait_until_shows("posts waiting to be indexed");
    wait_for_prompt(&terminal, "");
    terminal.send("\x03");
    terminal.wait_until_shows("End the daemon? y ends it");
    terminal.send("y");
    terminal.wait_until_shows("The daemon is stopping.");
    assert!(terminal.wait_for_end().success());
}

#[test]
fn leaving_the_daemons_own_console_says_how_to_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(Options::default()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = write_config(folder.path(), &world, address, &Setup::default());
    let mut command = binary();
    command.args(["serve", "--die-with-parent", "--config"]).arg(&config);
    let mut own = Terminal::start(command, 200);
    wait_for_prompt(&own, "");
    own.send("\x04");
    let shown = own.wait_until_shows("ends it, as Ctrl-C does here");
    let back = shown.lines().find(|line| line.contains("aotf console --socket ")).unwrap();
    let socket = back.split_whitespace().nth(3).unwrap();
    // What it says works.
    let mut command = binary();
    command.args(["console", "--socket", socket]);
    let mut attached = Terminal::start(command, 100);
    wait_for_prompt(&attached, "");
    wait_until_ready(address);
    attached.send("stats\r");
    attached.wait_until_shows("posts waiting to be indexed");
    wait_for_prompt(&attached, "");
    attached.send("\x03");
    attached.wait_until_shows("The daemon runs on; `aotf console` comes back.");
    assert!(attached.wait_for_end().success());
    assert!(own.child.try_wait().unwrap().is_none(), "the daemon runs on");
    let mut stop = binary();
    assert!(stop.args(["stop", "--quiet", "--socket", socket]).status().unwrap().success());
    assert!(own.wait_for_end().success());
}
