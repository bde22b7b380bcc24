//! The table of the kinds of processes: what each is, what it may do, and what it needs.

use crate::base::roles::{Role, Stage};
use crate::config::{Memory, Settings};
use crate::daemon::{
    broker, console, front, index_watcher, indexing, link_finder, listing, maintenance, reverse_search,
};
use crate::ipc::container::{ContainerError, Prepared, RoleMain, RoleWork};
use crate::ipc::control::LinkKind;
use crate::sandbox::{self, Confinement, Connections, Files, Needs, OpenFiles};
use crate::supervisor::{self, ContainerSpec, Restart, Secrets};
use crate::telemetry::events;

/// One kind of process.
#[derive(Debug)]
pub struct RoleSpec {
    /// Its name is what `ps` shows.
    pub role: Role,
    /// Runs until the process is told to stop.
    pub main: RoleMain,
    /// The kinds of work that its workers take.
    pub stages: &'static [Stage],
    /// What joins it with the broker.
    pub link: LinkKind,
    /// Which ends are failures.
    pub restart: Restart,
    /// It has the terminal: it is started only where there is one.
    pub has_terminal: bool,
    /// What of the settings is told to no other role.
    pub secrets: &'static [Secrets],
    /// The setting that limits its memory; the default stands there.
    pub memory_mib: fn(&Memory) -> u32,
    /// Opens what the process may not open once it is confined.
    pub prepare: fn(&Settings) -> Result<Prepared, ContainerError>,
    /// What it keeps when it is confined; `None`: it is not.
    pub confinement: Option<Needs>,
}

/// No files and no connections beyond those that it is given.
const NOTHING: Needs =
    Needs { files: Files::Common, connections: Connections::None, open_files: OpenFiles::Few };
/// Requests to other hosts.
const REQUESTS: Needs = Needs { connections: Connections::Outgoing, ..NOTHING };

/// Every kind of process, in the order of their start.
pub const ROLES: [RoleSpec; 9] = [
    RoleSpec {
        role: Role::Broker,
        main: broker::main,
        stages: &[],
        link: LinkKind::Broker,
        restart: Restart::Always,
        has_terminal: false,
        secrets: &[Secrets::Database],
        memory_mib: |memory| memory.broker,
        prepare: nothing,
        confinement: Some(Needs { files: Files::Data, connections: Connections::ToDatabase, ..NOTHING }),
    },
    RoleSpec {
        role: Role::Front,
        main: front::main,
        stages: &[],
        link: LinkKind::Front,
        restart: Restart::Always,
        has_terminal: false,
        secrets: &[],
        memory_mib: |memory| memory.front,
        prepare: front::prepare,
        confinement: Some(Needs { open_files: OpenFiles::OnePerClient, ..NOTHING }),
    },
    RoleSpec {
        role: Role::Console,
        main: console::main,
        stages: &[],
        // It speaks to the admin socket.
        link: LinkKind::None,
        restart: Restart::OnFailure,
        has_terminal: true,
        secrets: &[],
        memory_mib: |memory| memory.console,
        prepare: nothing,
        // It reads the user's files, and holds nothing.
        confinement: None,
    },
    RoleSpec {
        role: Role::LinkFinder,
        main: link_finder::main,
        stages: &[Stage::LinkFinder],
        link: LinkKind::Stage,
        restart: Restart::Always,
        has_terminal: false,
        secrets: &[Secrets::Sites],
        memory_mib: |memory| memory.link_finder,
        prepare: nothing,
        confinement: Some(REQUESTS),
    },
    RoleSpec {
        role: Role::IndexWatcher,
        main: index_watcher::main,
        stages: &[Stage::IndexWatcher],
        link: LinkKind::Stage,
        restart: Restart::Always,
        has_terminal: false,
        secrets: &[],
        memory_mib: |memory| memory.index_watcher,
        prepare: nothing,
        confinement: Some(NOTHING),
    },
    RoleSpec {
        role: Role::ReverseSearch,
        main: reverse_search::main,
        stages: &[Stage::ReverseSearch],
        link: LinkKind::Stage,
        restart: Restart::Always,
        has_terminal: false,
        secrets: &[],
        memory_mib: |memory| memory.reverse_search,
        prepare: reverse_search::prepare,
        confinement: Some(Needs { files: Files::Index, ..REQUESTS }),
    },
    RoleSpec {
        role: Role::Listing,
        main: listing::main,
        stages: &[Stage::SearchListing, Stage::TimelineListing, Stage::Lookup],
        link: LinkKind::Stage,
        restart: Restart::Always,
        has_terminal: false,
        secrets: &[Secrets::Networks],
        memory_mib: |memory| memory.listing,
        prepare: nothing,
        confinement: Some(REQUESTS),
    },
    RoleSpec {
        role: Role::Indexing,
        main: indexing::main,
        stages: &[Stage::Indexing],
        link: LinkKind::Stage,
        restart: Restart::Always,
        has_terminal: false,
        secrets: &[],
        memory_mib: |memory| memory.indexing,
        prepare: nothing,
        confinement: Some(REQUESTS),
    },
    RoleSpec {
        role: Role::Maintenance,
        main: maintenance::main,
        stages: &[Stage::Maintenance, Stage::Delivery],
        link: LinkKind::Stage,
        restart: Restart::Always,
        has_terminal: false,
        secrets: &[Secrets::Webhooks],
        memory_mib: |memory| memory.maintenance,
        prepare: nothing,
        confinement: Some(Needs { connections: Connections::ToWebhooks, ..NOTHING }),
    },
];

/// The row of a role.
pub fn spec_of(role: Role) -> &'static RoleSpec {
    ROLES.iter().find(|spec| spec.role == role).expect("every role has a row, as a test shows")
}

/// What a container of this role does.
pub fn work_of(role: Role) -> RoleWork {
    let spec = spec_of(role);
    RoleWork { role, stages: spec.stages, main: spec.main }
}

/// The processes of the tree. The console is one of them only where there is a terminal for it.
pub fn specs(with_console: bool) -> Vec<ContainerSpec> {
    let started = ROLES.iter().filter(|spec| !spec.has_terminal || with_console);
    started
        .map(|spec| ContainerSpec {
            work: work_of(spec.role),
            count: 1,
            link: spec.link,
            restart: spec.restart,
            has_terminal: spec.has_terminal,
            secrets: spec.secrets,
            memory_mib: spec.memory_mib,
        })
        .collect()
}

/// What a container process does before its first thread starts: it opens what it may not open later,
/// and gives up what its role does not need.
///
/// # Errors
/// A socket cannot be opened, or the kernel refuses to confine the process.
pub fn prepare(role: Role, settings: &Settings) -> Result<Prepared, ContainerError> {
    let prepared = (spec_of(role).prepare)(settings)?;
    confine(role, settings)?;
    Ok(prepared)
}

/// Gives up what the role does not need, where the settings say so.
///
/// # Errors
/// The kernel refuses what it can do.
pub fn confine(role: Role, settings: &Settings) -> Result<(), ContainerError> {
    let spec = spec_of(role);
    let Some(needs) = spec.confinement.filter(|_| settings.sandbox.enabled) else { return Ok(()) };
    let confinement = Confinement::of(needs, (spec.memory_mib)(&settings.sandbox.memory), settings);
    let held = sandbox::enter(&confinement)
        .map_err(|error| ContainerError::fatal("the process cannot be confined ([sandbox])", error))?;
    // All have the same kernel: one of them says it.
    if spec.link == LinkKind::Broker {
        events::confined(held.gap());
    }
    Ok(())
}

/// The settings as a container of this role is told them.
pub fn settings_for(role: Role, settings: &Settings) -> Settings {
    supervisor::settings_with(spec_of(role).secrets, settings)
}

fn nothing(_settings: &Settings) -> Result<Prepared, ContainerError> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::{Secret, TwitterCredential, Webhook};
    use crate::sandbox::Network;

    #[test]
    fn every_role_has_one_row_and_every_stage_one_role() {
        assert_eq!(ROLES.each_ref().map(|spec| spec.role), Role::ALL);
        for stage in Stage::ALL {
            let taking = ROLES.iter().filter(|spec| spec.stages.contains(&stage));
            assert_eq!(taking.count(), 1, "{stage}");
        }
    }

    #[test]
    fn only_the_broker_writes_and_only_fetching_roles_connect() {
        let settings = Settings { data_dir: "/data".into(), ..Settings::default() };
        for role in Role::ALL {
            let Some(needs) = spec_of(role).confinement else {
                assert_eq!(role, Role::Console);
                continue;
            };
            let confinement = Confinement::of(needs, 1, &settings);
            assert_eq!(!confinement.write.is_empty(), role == Role::Broker, "{role}");
            let fetches =
                matches!(role, Role::LinkFinder | Role::ReverseSearch | Role::Listing | Role::Indexing);
            assert_eq!(confinement.network == Network::Outgoing, fetches, "{role}");
            assert_eq!(
                confinement.read.contains(&"/data/index".into()),
                role == Role::ReverseSearch,
                "{role}"
            );
            let secret = |path: &PathBuf| Path::new("/etc/aotf/parameters.toml").starts_with(path);
            assert!(!confinement.read.iter().any(secret), "{role}");
        }
    }

    #[test]
    fn secrets_go_where_they_are_needed() {
        let mut settings = Settings::default();
        settings.twitter.credentials.push(TwitterCredential { bearer_token: Secret::new("sesame") });
        settings.links.cookies.insert("pixiv".to_owned(), Secret::new("sesame"));
        settings.links.tumblr_api_key = Some(Secret::new("sesame"));
        settings.links.api_keys.insert("rule34".to_owned(), Secret::new("sesame"));
        settings.webhooks.push(Webhook {
            name: "bot".to_owned(),
            url: "https://bot.example/".to_owned(),
            secret: Secret::new("sesame"),
        });
        settings.bots.api_key = Some(Secret::new("sesame"));
        settings.bots.telegram.token = Some(Secret::new("sesame"));
        settings.bots.discord.token = Some(Secret::new("sesame"));
        for role in Role::ALL {
            let told = settings_for(role, &settings);
            let of_bots = serde_json::to_string(&told.bots).unwrap();
            assert!(!of_bots.contains("sesame"), "no container is a bot: {role}");
            assert_eq!(!told.twitter.credentials.is_empty(), role == Role::Listing, "{role}");
            assert_eq!(!told.links.cookies.is_empty(), role == Role::LinkFinder, "{role}");
            assert_eq!(told.links.tumblr_api_key.is_some(), role == Role::LinkFinder, "{role}");
            assert_eq!(!told.links.api_keys.is_empty(), role == Role::LinkFinder, "{role}");
            let is_told = told.webhooks.iter().any(|webhook| !webhook.secret.reveal().is_empty());
            assert_eq!(is_told, role == Role::Maintenance, "{role}");
            assert_eq!(!told.database.url.is_empty(), role == Role::Broker, "{role}");
        }
        assert!(!format!("{settings:?}").contains("sesame"));
    }

    /// The limit of each role is its own setting.
    #[test]
    fn every_role_has_its_own_limit_of_memory() {
        let memory = Memory {
            broker: 1,
            front: 2,
            console: 3,
            link_finder: 4,
            index_watcher: 5,
            reverse_search: 6,
            listing: 7,
            indexing: 8,
            maintenance: 9,
        };
        let limits = ROLES.each_ref().map(|spec| (spec.memory_mib)(&memory));
        assert_eq!(limits, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
