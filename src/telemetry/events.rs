//! The events that operators see and act upon, each declared once: constant words, values in fields.
//! `error` means that data is lost or a person is needed; `warn` odd but handled; `info` life cycle.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::base::ids::ContainerId;
use crate::base::{ErrorChain, Shown, journal};

/// One target for all, so that a filter can keep them when the rest is silenced: `warn,aotf::events=info`.
const TARGET: &str = "aotf::events";

type Cause<'a> = &'a (dyn Error + 'static);

// The tree, as the root sees it.

/// The daemon starts; what follows is its life until `stopped`.
pub fn starting(version: &str, data_dir: &std::path::Path) {
    info!(target: TARGET, version, data_dir = %data_dir.display(), "starting");
}

/// Where artists are searched for.
pub fn networks_on(networks: &str) {
    info!(target: TARGET, networks, "networks that are searched");
}

/// X is left out because nothing is configured to read it with. Not a fault: the others need nothing.
pub fn twitter_is_off() {
    warn!(
        target: TARGET,
        "X (Twitter) is off: neither a key for its API nor another source is configured in [twitter]"
    );
}

/// X is wanted, but cannot be read: queries find no account there.
pub fn no_credentials() {
    warn!(
        target: TARGET,
        "\"networks\" names twitter, but neither a key for its API nor another source is configured: \
         nothing on X can be read"
    );
}

/// Everything is one process: what strangers send is decoded beside the keys and the database.
pub fn no_sandbox(why: &str) {
    warn!(target: TARGET, why, "there is no sandbox: a fault in a decoder is a fault of everything");
}

/// The log file could not be made shorter; it goes on growing.
pub fn log_not_rotated(file: &std::path::Path, error: Cause<'_>) {
    warn!(target: TARGET, file = %file.display(), error = %ErrorChain(error), "the log file cannot be rotated");
}

/// Somebody asked for new settings; only a restart reads them.
pub fn reload_refused(why: &str) {
    warn!(target: TARGET, why, "SIGHUP changes nothing");
}

pub fn container_started(role: impl Display, container: ContainerId, pid: Option<u32>) {
    info!(target: TARGET, %role, %container, pid, "container started");
}

pub fn container_ready(role: impl Display, container: ContainerId) {
    info!(target: TARGET, %role, %container, "container ready");
}

/// All roles have said that they work: the daemon serves.
pub fn all_ready(containers: usize, elapsed: Duration) {
    info!(target: TARGET, containers, elapsed_ms = elapsed.as_millis(), "all containers are ready");
}

/// A container ended that nobody told to. It is started again, unless `container_given_up` follows.
pub fn container_died(role: impl Display, container: ContainerId, how: &str, lived: Duration) {
    warn!(target: TARGET, %role, %container, how, lived_ms = lived.as_millis(), "container died");
}

/// A container ended of its own will, in order, and is not started again (the console).
pub fn container_left(role: impl Display, container: ContainerId) {
    info!(target: TARGET, %role, %container, "container left");
}

/// A container reports that it cannot work. Repeated, it leads to `container_given_up`.
pub fn container_failed(role: impl Display, container: ContainerId, why: &str) {
    error!(target: TARGET, %role, %container, why, "container failed");
}

pub fn container_restarts(role: impl Display, failures: usize, pause: Duration) {
    info!(target: TARGET, %role, failures, pause_ms = pause.as_millis(), "container will be started again");
}

/// A role fails again and again: the daemon ends. Needs a person.
pub fn container_given_up(role: impl Display, failures: usize, within: Duration) {
    error!(target: TARGET, %role, failures, within_secs = within.as_secs(), "container given up, the daemon ends");
}

/// No sign of life for `silence`: the container is told to end, then killed.
pub fn container_silent(role: impl Display, container: ContainerId, silence: Duration) {
    warn!(target: TARGET, %role, %container, silence_ms = silence.as_millis(), "container is silent, ending it");
}

/// It took more memory than its role may have, and is killed.
pub fn container_too_big(role: impl Display, container: ContainerId, used_mib: u64, limit_mib: u64) {
    error!(target: TARGET, %role, %container, used_mib, limit_mib, "container takes too much memory, killed");
}

/// It did not end when told to.
pub fn container_killed(role: impl Display, container: ContainerId) {
    warn!(target: TARGET, %role, %container, "container did not end in time, killed");
}

/// What a container sent is no message; it is ended, since nothing it says can be trusted.
pub fn container_babbles(role: impl Display, container: ContainerId, error: Cause<'_>) {
    warn!(target: TARGET, %role, %container, error = %ErrorChain(error), "container sent a malformed message");
}

/// A link or an order could not be given to a container; it is ended and started again.
pub fn container_unreachable(role: impl Display, container: ContainerId, why: &str) {
    warn!(target: TARGET, %role, %container, error = why, "container cannot be reached");
}

/// `why`: who wanted it, or what made it necessary.
pub fn stopping(why: &str) {
    info!(target: TARGET, why, "stopping");
}

pub fn stopped(elapsed: Duration) {
    info!(target: TARGET, elapsed_ms = elapsed.as_millis(), "stopped");
}

/// The service manager cannot be told (`sd_notify`); it may think that the daemon hangs.
pub fn service_manager_not_told(error: Cause<'_>) {
    warn!(target: TARGET, error = %ErrorChain(error), "could not notify the service manager");
}

// A container, as it sees itself.

/// The containers gave up what they do not need; `gap` is what this system cannot enforce.
pub fn confined(gap: Option<&str>) {
    match gap {
        None => debug!(target: TARGET, "the sandbox is complete"),
        Some(gap) => warn!(target: TARGET, gap, "the sandbox is incomplete"),
    }
}

/// The list of name servers is another file, which a confined process may not read: it starts anew.
pub fn resolver_replaced() {
    info!(target: TARGET, "the list of name servers was replaced, the container starts anew");
}

/// The folder of the index is another, which a confined process may not read: it starts anew.
pub fn index_folder_replaced() {
    warn!(target: TARGET, "the folder of the index was removed or replaced, the container starts anew");
}

/// It could not connect to the root; it may have no log yet. The root sees its end.
pub fn container_not_started(role: impl Display, error: Cause<'_>) {
    if tracing::dispatcher::has_been_set() {
        error!(target: TARGET, %role, error = %ErrorChain(error), "container could not be started");
    } else {
        journal::print_error(&format!("aotf {role}: {}\n", Shown(ErrorChain(error))));
    }
}

/// It ends with an error that the root could not be told.
pub fn container_ends(role: impl Display, error: Cause<'_>) {
    error!(target: TARGET, %role, error = %ErrorChain(error), "container ends");
}

/// The root ended or closed the link: this container ends too.
pub fn root_lost(error: Cause<'_>) {
    warn!(target: TARGET, error = %ErrorChain(error), "the root is gone");
}

pub fn root_not_told(error: Cause<'_>) {
    debug!(target: TARGET, error = %ErrorChain(error), "could not tell the root");
}

// The broker.

/// A work item was given up; its request fails, or goes on without it.
pub fn work_failed(work: &str, why: &str) {
    warn!(work, why, "work given up");
}

/// The blocklist kept an account from being scanned or shown. Where an artist's account is meant,
/// the shipped list can be switched off (`scan.shipped_blocklist`).
pub fn account_blocked(account: &str, request: &str, why: &str) {
    info!(target: TARGET, account, request, why, "an account is left out");
}

/// The pages of a site are not understood any more: its queries end in errors until a newer version is
/// installed. Once for each time that it happens.
pub fn site_changed(site: &str, why: &str) {
    warn!(target: TARGET, site, why, "a site has changed");
}

/// The pages of that site are understood again.
pub fn site_mended(site: &str) {
    info!(target: TARGET, site, "the pages of a site are understood again");
}

/// The broker's books contradict each other: a fault of this program, to be reported. What it was about is
/// left alone.
pub fn contradiction(what: &str) {
    error!(target: TARGET, what, "the broker's state contradicts itself");
}

/// A worker ended, or was silent for too long, with an item in its hands; another gets it. Repeated for the
/// same work, that work is what kills.
pub fn worker_lost(
    role: impl Display,
    pid: u32,
    container: ContainerId,
    work: &str,
    request: Option<&str>,
    why: &str,
) {
    warn!(target: TARGET, %role, pid, %container, work, request, why, "worker lost, its work goes to another");
}

/// A container's link was cut, because it stopped reading or ended; its work goes to others.
pub fn peer_lost(container: ContainerId, error: Cause<'_>) {
    warn!(%container, error = %ErrorChain(error), "link with a container lost");
}

/// A message of ours is too long for the wire: a fault of this program; whoever waits for it waits in vain.
pub fn message_unsendable(container: ContainerId, error: Cause<'_>) {
    error!(%container, error = %ErrorChain(error), "a message cannot be sent");
}

// The front.

/// The target of requests that were answered: what `[log] requests` shows.
pub(super) const REQUESTS: &str = "aotf::requests";

/// A request was answered, or refused. `client` is what limits count by, `key` the name of the API key that
/// was shown, `took` the time until its answer began. At the level of `info` where it is `wanted`.
pub fn request_answered(
    wanted: bool,
    (method, path): (&str, &str),
    status: u16,
    took: Duration,
    client: impl Display,
    key: Option<&str>,
) {
    let ms = took.as_millis();
    match wanted {
        true => info!(target: REQUESTS, method, path, status, ms, %client, key, "request"),
        false => debug!(target: REQUESTS, method, path, status, ms, %client, key, "request"),
    }
}

/// A connection was refused before a request was read from it: there are too many.
pub fn connection_refused(wanted: bool, client: impl Display) {
    match wanted {
        true => info!(target: REQUESTS, status = 503, %client, "connection refused"),
        false => debug!(target: REQUESTS, status = 503, %client, "connection refused"),
    }
}

// Workers.

/// A worker's code panicked; its request fails, the worker goes on after a pause.
pub fn worker_panicked(work: &str, why: &str) {
    error!(target: super::faults::TOLD_BY_PANIC, work, why, "worker panicked");
}

// The bots. Never whom they speak with, nor about what.

/// The service knows the bot, and sends it messages from now on.
pub fn bot_ready(service: &str, name: &str) {
    info!(target: TARGET, service, name = %Shown(name), "the bot is there");
}

/// A message was answered: by a credit, or by the reason why there is none.
pub fn bot_answered(with: &str) {
    debug!(target: TARGET, with, "a message was answered");
}

/// The service does not answer as it should; it is asked again after a pause.
pub fn bot_waits(service: &str, error: Cause<'_>, pause: Duration) {
    let (error, pause_secs) = (ErrorChain(error), pause.as_secs());
    warn!(target: TARGET, service, %error, pause_secs, "the service is asked again later");
}

/// An answer did not reach its chat: the bot was shut out, the message is gone, or the service is away.
pub fn bot_not_heard(service: &str, error: Cause<'_>) {
    info!(target: TARGET, service, error = %ErrorChain(error), "an answer could not be given");
}

/// Something that the service sent is of a form that is not known here, and is passed over.
pub fn bot_passed_over(service: &str, what: &str) {
    debug!(target: TARGET, service, what, "passed over, its form is not known");
}

/// Questions of the bots find no daemon.
pub fn bot_without_daemon(error: Cause<'_>) {
    warn!(target: TARGET, error = %ErrorChain(error), "the daemon does not answer ([bots] server)");
}

/// The daemon does not serve the bots: most likely it does not know their key.
pub fn bot_refused_by_daemon(status: u16) {
    warn!(target: TARGET, status, "the daemon refuses the bot: is [bots] api_key one of its [[api_keys]]?");
}

/// The list of name servers was replaced, which a confined process may not read.
pub fn bot_cannot_resolve() {
    warn!(target: TARGET, "the list of name servers was replaced: the bot ends, to be started again");
}
