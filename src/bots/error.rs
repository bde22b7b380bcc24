//! Why a bot ends.

use crate::fetch::StartError;
use crate::sandbox::SandboxError;

#[derive(Debug, thiserror::Error)]
pub enum BotError {
    #[error("there is no {service} bot: {key} or {key}_file is not set in [bots.{section}] (docs/bots.md)")]
    NoToken { service: &'static str, section: &'static str, key: &'static str },
    #[error("{service} does not know this token ([bots.{section}] token): {told}")]
    WrongToken { service: &'static str, section: &'static str, told: String },
    #[error("[bots] server {server:?} is no address")]
    Server { server: String },
    #[error(
        "{service} gives the bot's messages to somebody else too: {told}; end the other process, or its webhook"
    )]
    Twice { service: &'static str, told: String },
    #[error("{service} closes the connection for good: {told}")]
    ShutOut { service: &'static str, told: String },
    #[error("the list of name servers was replaced")]
    Resolver,
    #[error("the bot cannot be confined ([sandbox])")]
    Confine { source: SandboxError },
    #[error("requests cannot be made")]
    Requests { source: StartError },
    #[error("could not set up the runtime")]
    Runtime { source: std::io::Error },
}

impl BotError {
    /// Whether another start would end the same way.
    pub fn is_configuration(&self) -> bool {
        match self {
            BotError::NoToken { .. }
            | BotError::WrongToken { .. }
            | BotError::Server { .. }
            | BotError::ShutOut { .. }
            // Started again, the two would take each other's messages for ever.
            | BotError::Twice { .. } => true,
            BotError::Resolver
            | BotError::Confine { .. }
            | BotError::Requests { .. }
            | BotError::Runtime { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The units do not start it again then.
    #[test]
    fn two_processes_with_one_token_are_a_matter_of_configuration() {
        assert!(BotError::Twice { service: "Telegram", told: String::new() }.is_configuration());
        assert!(!BotError::Resolver.is_configuration());
    }
}
