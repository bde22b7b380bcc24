//! `aotf check`: is everything in order for the daemon? One line for each thing it needs, with what to do
//! where something is wrong. Changes nothing, and may run beside a running daemon.

mod data;
mod finding;
mod keys;
mod machine;
mod public;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use self::finding::{Finding, Verdict};
use crate::base::{shown, unix_socket};
use crate::commands::settings::ConfigFile;
use crate::commands::status::{self, EX_CONFIG};
use crate::config::{ConfigError, Loaded, Settings};
use crate::fetch::HttpFetch;
use crate::{console, front};

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Ask nobody outside: keys and the clock are not checked
    #[arg(long)]
    offline: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// Checks, and tells each finding as it is made; the status is 78 where something has failed.
///
/// # Errors
/// `out` takes no more.
pub fn run(args: &CheckArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let loaded = &args.config.load_with_origin();
    let colors = console::colors_of_output();
    let mut findings = Vec::new();
    let mut report = |finding: Finding, out: &mut dyn Write| -> io::Result<()> {
        if !args.json {
            write!(out, "{}", line(&finding, colors))?;
            out.flush()?;
        }
        findings.push(finding);
        Ok(())
    };
    for finding in configuration(loaded) {
        report(finding, out)?;
    }
    if let Ok(Loaded { settings, .. }) = loaded {
        let daemon_runs = unix_socket::connect(&front::admin_socket(settings)).is_ok();
        let checks = [
            data::folder,
            data::sockets,
            data::space,
            data::state,
            data::database,
            data::index,
            data::codes,
            machine::port,
            machine::descriptors,
        ];
        for check in checks {
            report(check(settings, daemon_runs), out)?;
        }
        for finding in machine::kernel().into_iter().chain(public::duties(settings)) {
            report(finding, out)?;
        }
        for finding in outside(settings, args.offline) {
            report(finding, out)?;
        }
    }
    let well = findings.iter().all(|finding| finding.verdict != Verdict::Failed);
    if args.json {
        writeln!(out, "{}", shown::json(&as_json(&findings, well))?)?;
    } else {
        writeln!(out, "{}", conclusion(&findings))?;
    }
    Ok(status::of_answer(well, EX_CONFIG))
}

/// The parameter file and the environment; one finding for each problem.
fn configuration(loaded: &Result<Loaded, ConfigError>) -> Vec<Finding> {
    const SUBJECT: &str = "configuration";
    match loaded {
        Ok(loaded) => vec![match &loaded.file {
            Some(file) => Finding::ok(SUBJECT, format!("{} is in order", file.display())),
            None if loaded.uses_environment => Finding::ok(SUBJECT, "from the environment alone"),
            None => Finding::failed(
                SUBJECT,
                "there is none: all settings have their defaults",
                "aotf init writes one",
            ),
        }],
        Err(ConfigError::Read { path, source }) => vec![Finding::failed(
            SUBJECT,
            format!("could not read {}: {source}", path.display()),
            "name another file with --config, or make this one readable",
        )],
        Err(ConfigError::Problems { file, problems }) => {
            let file =
                file.as_ref().map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
            let finding = |problem| Finding::failed(SUBJECT, format!("{problem}"), format!("change {file}"));
            problems.iter().map(finding).collect()
        }
    }
}

/// What only others can tell: whether they take our keys, and what time it is.
fn outside(settings: &Settings, offline: bool) -> Vec<Finding> {
    if settings.twitter.credentials.is_empty() {
        return vec![keys::none()];
    }
    if offline {
        return vec![Finding::ok("network", "not asked (--offline): keys and the clock are not checked")];
    }
    match HttpFetch::start(&settings.fetch, &settings.upstreams) {
        Ok(fetch) => keys::check(&fetch, &settings.twitter),
        Err(error) => vec![Finding::failed(
            "network",
            format!("requests cannot be made: {error}"),
            "see [fetch] and [upstreams] in the configuration",
        )],
    }
}

fn line(finding: &Finding, colors: bool) -> String {
    let (word, color) = match finding.verdict {
        Verdict::Ok => ("ok", "32"),
        Verdict::Warning => ("warning", "33"),
        Verdict::Failed => ("FAILED", "31"),
    };
    let word = format!("{word:<7}");
    let word = if colors { format!("\x1b[{color}m{word}\x1b[0m") } else { word };
    let mut line = format!("{word}  {:<13}  {}\n", finding.subject, finding.what);
    if let Some(remedy) = &finding.remedy {
        let _ = writeln!(line, "{:24}-> {remedy}", "");
    }
    line
}

fn conclusion(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    match (count(Verdict::Failed), count(Verdict::Warning)) {
        (0, 0) => "Everything is in order.".to_owned(),
        (0, warnings) => format!("The daemon can run; {warnings} to look at."),
        (failed, _) => format!("{failed} to mend before the daemon can do its work."),
    }
}

fn as_json(findings: &[Finding], well: bool) -> Value {
    let checks: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.subject,
                "verdict": finding.verdict.as_str(),
                "what": finding.what,
                "remedy": finding.remedy,
            })
        })
        .collect();
    json!({ "ok": well, "checks": checks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_its_remedy_another() {
        assert_eq!(line(&Finding::ok("index", "complete"), false), "ok       index          complete\n");
        assert_eq!(
            line(&Finding::failed("port", "in use", "take another"), true),
            "\x1b[31mFAILED \x1b[0m  port           in use\n                        -> take another\n"
        );
    }

    #[test]
    fn a_warning_is_no_failure() {
        let findings = [Finding::ok("a", ""), Finding::warning("b", "w", "r")];
        assert_eq!(conclusion(&findings), "The daemon can run; 1 to look at.");
        let json = as_json(&findings, true);
        assert_eq!(json["checks"][1]["verdict"], "warning");
        assert_eq!(json["checks"][0]["remedy"], Value::Null);
    }
}
