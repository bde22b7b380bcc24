//! How a bot waits for a service that does not answer: longer each time, and for ever.

use std::error::Error;
use std::time::Duration;

use tokio::sync::watch;

use super::error::BotError;
use crate::sandbox::AllowedFile;
use crate::telemetry::events;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// The longest that a service may tell us to wait.
const LONGEST_TOLD: Duration = Duration::from_secs(3600);

/// Counts failures one after the other.
pub struct Patience {
    service: &'static str,
    next: Duration,
    resolver: AllowedFile,
}

impl Patience {
    pub fn new(service: &'static str) -> Patience {
        Patience { service, next: FIRST, resolver: AllowedFile::resolver() }
    }

    /// It works again.
    pub fn calm(&mut self) {
        self.next = FIRST;
    }

    /// How long to wait after this failure; `told` is what the service itself asks for.
    ///
    /// # Errors
    /// Waiting is in vain: names cannot be resolved here any more.
    pub fn wait(
        &mut self,
        error: &(dyn Error + 'static),
        told: Option<Duration>,
    ) -> Result<Duration, BotError> {
        if self.resolver.was_replaced() {
            events::bot_cannot_resolve();
            return Err(BotError::Resolver);
        }
        let wait = told.map_or(self.next, |told| told.min(LONGEST_TOLD));
        self.next = (self.next * 2).min(LONGEST);
        events::bot_waits(self.service, error, wait);
        Ok(wait)
    }
}

/// Waits; true when the bot is to stop.
pub async fn pause(wait: Duration, stopping: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = stopping.wait_for(|stop| *stop) => true,
        () = tokio::time::sleep(wait) => false,
    }
}
