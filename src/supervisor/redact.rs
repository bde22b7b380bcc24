//! What of the settings each role is told.

use crate::base::roles::Role;
use crate::config::{Secret, Settings};

/// The settings without the secrets that the role has no use for: keys for the network only where it
/// is called (`listing`), cookies and keys of sites only where their pages are read (`link-finder`), the database's address only where it is opened (the broker).
pub fn settings_for(role: Role, settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    if settings.twitter.credentials.is_empty() {
        // Without a key nothing can be spent: no limit holds up what another source reads for nothing.
        settings.twitter.budget.daily = None;
        settings.twitter.budget.monthly = None;
    }
    if role != Role::Listing {
        settings.twitter.credentials.clear();
    }
    // The front must know their names, nobody else anything.
    if role != Role::Maintenance {
        let nothing = Secret::new(String::new());
        settings.webhooks.iter_mut().for_each(|webhook| webhook.secret = nothing.clone());
    }
    if role != Role::LinkFinder {
        settings.links.cookies.clear();
        settings.links.tumblr_api_key = None;
    }
    if role != Role::Broker {
        settings.database.url.clear();
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{TwitterCredential, Webhook};

    #[test]
    fn secrets_go_where_they_are_needed() {
        let mut settings = Settings::default();
        settings.twitter.credentials.push(TwitterCredential { bearer_token: Secret::new("sesame") });
        settings.links.cookies.insert("pixiv".to_owned(), Secret::new("sesame"));
        settings.links.tumblr_api_key = Some(Secret::new("sesame"));
        settings.webhooks.push(Webhook {
            name: "bot".to_owned(),
            url: "https://bot.example/".to_owned(),
            secret: Secret::new("sesame"),
        });
        for role in Role::ALL {
            let told = settings_for(role, &settings);
            assert_eq!(!told.twitter.credentials.is_empty(), role == Role::Listing, "{role}");
            assert_eq!(!told.links.cookies.is_empty(), role == Role::LinkFinder, "{role}");
            assert_eq!(told.links.tumblr_api_key.is_some(), role == Role::LinkFinder, "{role}");
            let is_told = told.webhooks.iter().any(|webhook| !webhook.secret.reveal().is_empty());
            assert_eq!(is_told, role == Role::Maintenance, "{role}");
            assert_eq!(!told.database.url.is_empty(), role == Role::Broker, "{role}");
        }
        assert!(!format!("{settings:?}").contains("sesame"));
    }
}
