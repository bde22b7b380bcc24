//! Single commands from the shell.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Mutex;

use super::carry_out::{carry_out, show, show_pictures};
use super::pictures::Outside;
use super::terminal::{Screen, style_of_output};
use super::{render, status};
use crate::base::ErrorChain;
use crate::base::shown::shown_json;
use crate::proto::command::Command;

/// How the answer is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OneShot {
    /// JSON on standard output, one line, instead of text.
    pub json: bool,
    /// Only the exit status, and errors of the command itself.
    pub quiet: bool,
}

/// Carries out one command against the daemon behind `socket`, writes its reply to standard output, and
/// returns the exit status (`status`).
///
/// Pictures, where they are asked for and standard output is a terminal, are fetched as `outside` says; it
/// has the words of a credit too.
pub fn one_shot(socket: &Path, command: Command, options: OneShot, outside: &Outside) -> u8 {
    let style = style_of_output();
    let (wants_thumbnails, credit) = (command.wants_thumbnails(), command.credit());
    // A credit that goes elsewhere stands alone.
    let is_alone = credit.is_some() && !io::stdout().is_terminal();
    let told = !options.json && !options.quiet && !is_alone;
    let screen = Mutex::new(Screen::stdout(style));
    // Ctrl-C ends this process in the usual way, so the keyboard is left alone.
    let outcome =
        carry_out(command, socket, style, None, |event| if told { show(&screen, event) } else { Ok(()) });
    let reply = match outcome {
        Ok(Some(reply)) => reply,
        Ok(None) => return status::OK,
        Err(error) => {
            let _ = writeln!(io::stderr(), "aotf: {}", ErrorChain(&error));
            return if error.is_daemons() { status::UNREACHABLE } else { status::REQUEST_FAILED };
        }
    };
    let exit = render::status_of(&reply);
    if options.quiet {
        return exit;
    }
    if options.json {
        print(&format!("{}\n", shown_json(&render::as_json(&reply).to_string())));
        return exit;
    }
    let credit = credit.and_then(|markup| render::credit(&reply, markup, &outside.credit));
    let text = credit.unwrap_or_else(|| render::text(&reply, style));
    if exit == status::REQUEST_FAILED || exit == status::UNREACHABLE {
        let _ = io::stderr().write_all(text.as_bytes());
        return exit;
    }
    print(&text);
    if wants_thumbnails {
        show_pictures(&reply, outside, &screen);
    }
    exit
}

/// A reader that has left (`| head`) is no error of ours.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Settings;
    use crate::console::line::{self, Line};
    use crate::front::admin;
    use crate::front::fake::{FakeBroker, FakeRoot, sample_view};
    use crate::front::local_socket::LocalSocket;
    use crate::proto::front::FrontAnswer;

    fn command(line: &str) -> Command {
        match line::parse(line) {
            Ok(Some(Line::Command(command))) => command,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn without_a_daemon_and_without_an_image() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("aotf.sock");
        let outside = Outside::of(&Settings::default());
        for (line, expect) in
            [("stats", status::UNREACHABLE), ("search /nonexistent.png", status::REQUEST_FAILED)]
        {
            assert_eq!(one_shot(&socket, command(line), OneShot::default(), &outside), expect, "{line}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_shot_commands_against_a_daemon() {
        let mut nothing = sample_view();
        nothing.results.clear();
        for (answers, line, expect) in [
            (vec![], "query https://a.example/", status::OK),
            (vec![], "search https://a.example/1.png", status::OK),
            (vec![], "scan @jane", status::REQUEST_FAILED),
            (vec![], "stats", status::OK),
            (vec![], "stop", status::OK),
            (vec![FrontAnswer::Query(nothing)], "query https://a.example/", status::NOTHING_FOUND),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("aotf.sock");
            let (_stop, stopped) = tokio::sync::watch::channel(false);
            let broker = Arc::new(FakeBroker::answering(answers));
            let socket = LocalSocket::open(&path, 0o600).unwrap();
            tokio::spawn(admin::serve(socket, broker, Arc::new(FakeRoot::default()), 300, stopped));
            let command = command(line);
            let options = OneShot { quiet: true, json: false };
            let ask = move || one_shot(&path, command, options, &Outside::of(&Settings::default()));
            let exit = tokio::task::spawn_blocking(ask).await.unwrap();
            assert_eq!(exit, expect, "{line}");
        }
    }
}
