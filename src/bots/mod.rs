//! Bots in the chats of other services: who sends a link or a picture is answered with the credit.
//!
//! Owns: what a message asks for, how it is answered and how often, and the few methods of each service.
//! Called by: `aotf bot`, in a process of its own that is confined first. Asks the daemon over its HTTP API,
//! as any client. Never: connects to another host than the service's and the daemon, and never keeps, logs or
//! shows what people write.

mod daemon;
mod desk;
mod discord;
mod error;
mod limits;
mod links;
mod outcome;
mod patience;
mod reply;
mod sending;
mod telegram;
mod words;

use std::rc::Rc;

use tokio::sync::watch;
use url::Url;

use self::daemon::Daemon;
use self::desk::Desk;
pub use self::error::BotError;
use self::words::Words;
use crate::base::StopSignal;
use crate::config::{Log, Secret, Settings};
use crate::domain::credit::Markup;
use crate::fetch::few_hosts::FewHosts;
use crate::sandbox::{self, Confinement, Connections, Files, Needs, OpenFiles};
use crate::telemetry::events;

/// Private memory in MiB: a few pictures at once are most of it.
const MEMORY_MIB: u32 = 256;

/// Which bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Telegram,
    Discord,
}

impl Service {
    /// How its process is called in the log.
    pub fn process(self) -> &'static str {
        match self {
            Service::Telegram => "telegram-bot",
            Service::Discord => "discord-bot",
        }
    }

    /// The token of its bot.
    ///
    /// # Errors
    /// There is none: the bot is off.
    pub fn token(self, settings: &Settings) -> Result<Secret, BotError> {
        let (token, service, section) = match self {
            Service::Telegram => (&settings.bots.telegram.token, "Telegram", "telegram"),
            Service::Discord => (&settings.bots.discord.token, "Discord", "discord"),
        };
        token.clone().ok_or(BotError::NoToken { service, section, key: "token" })
    }
}

/// The log as it is set, without the modules of libraries that would write down what people write.
pub fn discreet(log: &Log) -> Log {
    const TALKATIVE: [&str; 5] = [
        "tungstenite",
        "tungstenite::protocol",
        "tungstenite::protocol::frame",
        "tungstenite::protocol::frame::frame",
        "tokio_tungstenite",
    ];
    let level = TALKATIVE.iter().fold(log.level.clone(), |level, module| format!("{level},{module}=off"));
    Log { level, ..log.clone() }
}

/// Gives up everything but requests. To be called before the process has a second thread.
///
/// # Errors
/// The kernel refuses what it can do, or an address of the settings is none.
pub fn confine(settings: &Settings) -> Result<(), BotError> {
    if !settings.sandbox.enabled {
        return Ok(());
    }
    let ports = ports(settings, &server(settings)?);
    let needs =
        Needs { files: Files::Common, connections: Connections::Outgoing, open_files: OpenFiles::Few };
    let confinement = Confinement::of(needs, MEMORY_MIB, settings).connecting_to(ports);
    let held = sandbox::enter(&confinement).map_err(|source| BotError::Confine { source })?;
    events::confined(held.gap());
    Ok(())
}

/// Answers until it is told to stop.
///
/// # Errors
/// There is no token or it is wrong, or the service shuts the bot out.
pub fn run(service: Service, settings: &Settings, stop: &StopSignal) -> Result<(), BotError> {
    let token = service.token(settings)?;
    let server = server(settings)?;
    let (names, markup) = match service {
        Service::Telegram => (telegram::HOSTS, Markup::Plain),
        Service::Discord => (discord::HOSTS, Markup::Markdown),
    };
    let hosts = FewHosts::new(settings, names, server.clone());
    let hosts = Rc::new(hosts.map_err(|source| BotError::Requests { source })?);
    let words = Words::of(&settings.bots.lang);
    let daemon = Daemon::new(Rc::clone(&hosts), &server, settings.bots.api_key.as_ref(), words, markup);
    let (told, stopping) = watch::channel(false);
    // Nobody hears it any more who has ended.
    stop.when_set(move || told.send(true).unwrap_or_default());
    let desk = Rc::new(Desk::new(daemon, words, settings.bots.replies_per_minute, stopping.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| BotError::Runtime { source })?;
    let outcome = tokio::task::LocalSet::new().block_on(&runtime, async {
        match service {
            Service::Telegram => telegram::run(&settings.bots.telegram, token, hosts, desk, stopping).await,
            Service::Discord => discord::run(token, hosts, desk, stopping).await,
        }
    });
    // A name service that does not answer is left behind.
    runtime.shutdown_background();
    outcome
}

/// Where requests go: to the daemon, and over HTTPS or to stand-ins to the service; names may be asked for
/// over TCP too.
fn ports(settings: &Settings, server: &Url) -> Vec<u16> {
    const HTTPS: u16 = 443;
    const NAMES: u16 = 53;
    let stand_ins = settings.upstreams.values().filter_map(|target| Url::parse(target).ok());
    let ports = stand_ins.chain([server.clone()]).filter_map(|url| url.port_or_known_default());
    ports.chain([HTTPS, NAMES]).collect()
}

/// The daemon's address: as it is set, or where the same file has it listen.
fn server(settings: &Settings) -> Result<Url, BotError> {
    let server = match &settings.bots.server {
        Some(server) => server.clone(),
        None => {
            let mut bind = settings.http.bind;
            // It listens on every address of the machine; this one is always there.
            if bind.ip().is_unspecified() {
                bind.set_ip(match bind.is_ipv4() {
                    true => std::net::Ipv4Addr::LOCALHOST.into(),
                    false => std::net::Ipv6Addr::LOCALHOST.into(),
                });
            }
            format!("http://{bind}")
        }
    };
    Url::parse(&server).map_err(|_| BotError::Server { server })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_is_where_the_same_file_has_it_listen() {
        let check = |bind: &str, set: Option<&str>, expect: &str| {
            let mut settings = Settings::default();
            settings.http.bind = bind.parse().unwrap();
            settings.bots.server = set.map(str::to_owned);
            assert_eq!(server(&settings).unwrap().as_str(), expect);
        };
        check("127.0.0.1:3301", None, "http://127.0.0.1:3301/");
        check("0.0.0.0:80", None, "http://127.0.0.1/");
        check("[::]:3301", None, "http://[::1]:3301/");
        check("10.0.0.1:3301", Some("https://aotf.example/api"), "https://aotf.example/api");
    }

    #[test]
    fn ports_are_those_of_the_service_and_the_daemon() {
        let mut settings = Settings::default();
        let ports_of = |settings: &Settings| ports(settings, &server(settings).unwrap());
        assert_eq!(ports_of(&settings), [3301, 443, 53]);
        settings.bots.server = Some("https://aotf.example".to_owned());
        settings.upstreams.insert("discord.com".to_owned(), "http://127.0.0.1:9100".to_owned());
        assert_eq!(ports_of(&settings), [9100, 443, 443, 53]);
    }

    #[test]
    fn libraries_that_talk_are_silent() {
        let log = discreet(&Log { level: "trace".to_owned(), ..Log::default() });
        assert!(log.level.starts_with("trace,tungstenite=off,"), "{}", log.level);
    }
}
