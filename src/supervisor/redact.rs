//! What of the settings each container is told.

use crate::config::{Secret, Settings};

/// Secrets in the settings, by who needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Keys for networks.
    Networks,
    /// Cookies and keys for the sites of artworks.
    Sites,
    /// What signs the messages to webhooks. Their names are no secret.
    Webhooks,
    /// The address of the database, which may hold a password.
    Database,
}

/// The settings with these secrets, and no others.
pub fn settings_with(secrets: &[Secrets], settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    // Processes of their own that no container speaks to.
    settings.bots = settings.bots.without_secrets();
    if settings.twitter.credentials.is_empty() {
        // Without a key nothing can be spent: no limit holds up what another source reads for nothing.
        settings.twitter.budget.daily = None;
        settings.twitter.budget.monthly = None;
    }
    if !secrets.contains(&Secrets::Networks) {
        settings.twitter.credentials.clear();
    }
    if !secrets.contains(&Secrets::Sites) {
        settings.links.cookies.clear();
        settings.links.tumblr_api_key = None;
        settings.links.api_keys.clear();
    }
    if !secrets.contains(&Secrets::Webhooks) {
        let nothing = Secret::new(String::new());
        settings.webhooks.iter_mut().for_each(|webhook| webhook.secret = nothing.clone());
    }
    if !secrets.contains(&Secrets::Database) {
        settings.database.url.clear();
    }
    settings
}
