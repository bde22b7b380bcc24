//! The client of a server of Misskey's kind.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use url::Url;

use super::wire::{Problem, User};
use crate::config;
use crate::fetch::{Fetch, Request, Response, json};
use crate::networks::asking::{Asker, Effort, post_json, read_json};
use crate::networks::client::Waiter;
use crate::networks::error::NetworkError;
use crate::networks::fediverse::software::Softwares;

/// The endpoint that knows accounts.
pub(super) const SHOW_USER: &str = "users/show";

// Why an account cannot be read, as the end of a sentence.
pub(super) const LOGIN_NEEDED: &str = "is on a server that shows nothing without login";
pub(super) const WANTS_SIGNIN: &str = "asks to be shown to users who are logged in only";
pub(super) const NOT_INDEXED: &str = "asks not to be indexed";
pub(super) const SHOWN_TO_NOBODY: &str = "does not exist, or is on a server that shows nobody without login";

/// Why a server does not answer a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It says that there is no such account, note or file.
    Nothing,
    LoginNeeded,
    /// It does not know a parameter.
    Parameter,
    /// It answers as no server of this kind does.
    Silent,
}

/// What a server says of one of its accounts.
pub(super) enum Told {
    User(Box<User>),
    /// It says that there is none such, whatever that means there.
    Nobody,
    LoginNeeded,
    Silent,
}

/// Asks servers of Misskey's kind. Clones share what is known of the servers; make one client per container
/// and give each worker a clone with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct MisskeyClient {
    pub(super) asker: Asker,
    pub(super) settings: config::Misskey,
    pub(super) softwares: Softwares,
    pub(super) open: OpenServers,
}

impl MisskeyClient {
    pub fn new(fetch: Arc<dyn Fetch>, settings: &config::Misskey, waiter: Arc<dyn Waiter>) -> MisskeyClient {
        MisskeyClient {
            asker: Asker::new(fetch, waiter),
            settings: settings.clone(),
            softwares: Softwares::default(),
            open: OpenServers::default(),
        }
    }

    /// The same client, which shares with another what servers run.
    pub fn with_softwares(self, softwares: &Softwares) -> MisskeyClient {
        MisskeyClient { softwares: softwares.clone(), ..self }
    }

    /// The same client for another worker, which waits in its own way.
    pub fn with_waiter(&self, waiter: Arc<dyn Waiter>) -> MisskeyClient {
        MisskeyClient { asker: self.asker.with_waiter(waiter), ..self.clone() }
    }

    /// Asks a server's API. `host` is one that `address` accepted, `endpoint` what follows `/api/`.
    ///
    /// # Errors
    /// Those of `Asker::ask`, and `Refused` where the server lets no programs in, or says what nobody knows.
    pub(super) fn call(
        &self,
        host: &str,
        endpoint: &'static str,
        body: &Value,
        effort: Effort,
    ) -> Result<Result<(Url, Response), Refusal>, NetworkError> {
        let base = format!("https://{host}/api/{endpoint}");
        let url = Url::parse(&base)
            .map_err(|error| NetworkError::Refused { endpoint, why: format!("{base}: {error}") })?;
        let response = self.asker.ask_with(&post_json(url.clone(), body), endpoint, effort)?;
        Ok(match refusal(&response, endpoint)? {
            None => Ok((url, response)),
            Some(refusal) => Err(refusal),
        })
    }

    /// Asks one server for one of its own accounts.
    pub(super) fn ask_user(&self, host: &str, question: &Value) -> Result<Told, NetworkError> {
        Ok(match self.call(host, SHOW_USER, question, Effort::LOOKUP)? {
            Ok((url, response)) => {
                let user = read_json::<User>(&url, &response)?;
                self.open.note(host);
                Told::User(Box::new(user))
            }
            Err(Refusal::Nothing) => Told::Nobody,
            Err(Refusal::LoginNeeded) => Told::LoginNeeded,
            Err(Refusal::Parameter | Refusal::Silent) => Told::Silent,
        })
    }

    /// The page of an account, as a browser gets it; `None` where it cannot be had.
    ///
    /// # Errors
    /// Only `Stopping`.
    pub(super) fn page(&self, host: &str, user: &str) -> Result<Option<Response>, NetworkError> {
        let Ok(url) = Url::parse(&format!("https://{host}/@{user}")) else { return Ok(None) };
        let request = Request::get(url).header("accept", "text/html");
        match self.asker.ask_with(&request, "the profile's page", Effort::CHECK) {
            Ok(response) => Ok(Some(response).filter(Response::is_success)),
            Err(NetworkError::Stopping) => Err(NetworkError::Stopping),
            Err(error) => {
                tracing::debug!(%error, host, "the page of an account could not be had");
                Ok(None)
            }
        }
    }
}

/// What an answer that is no success means; `None` for one that is.
fn refusal(response: &Response, endpoint: &'static str) -> Result<Option<Refusal>, NetworkError> {
    let refused = |why| Err(NetworkError::Refused { endpoint, why });
    let is_page = response.body.trim_ascii_start().starts_with(b"<");
    let problem = || json::parse::<Problem>(&response.body).ok().map(|problem| problem.error.code);
    match response.status {
        200..=299 if is_page => Ok(Some(Refusal::Silent)),
        200..=299 => Ok(None),
        401 | 403 | 418 if is_page || response.status == 418 => {
            refused(format!("status {}: it lets no programs in", response.status))
        }
        status => match problem().as_deref() {
            Some("NO_SUCH_USER" | "NO_SUCH_NOTE") => Ok(Some(Refusal::Nothing)),
            Some("SIGNIN_REQUIRED" | "CREDENTIAL_REQUIRED") => Ok(Some(Refusal::LoginNeeded)),
            Some("INVALID_PARAM") => Ok(Some(Refusal::Parameter)),
            Some(code) if status != 404 => {
                // A stranger's word: as much of it as a code has.
                let code: String = code.chars().take(60).collect();
                refused(format!("status {status}, {code:?}"))
            }
            None if status == 401 => Ok(Some(Refusal::LoginNeeded)),
            Some(_) | None => Ok(Some(Refusal::Silent)),
        },
    }
}

/// Servers whose accounts visitors have been shown; strangers name servers, so the table is bounded.
const MAX_SERVERS: usize = 1000;

/// Servers that have shown an account to us. A server can be set to show nobody to visitors, and says then of
/// every account that there is none such: only of one that shows others, that is to be believed. Clones share
/// what is known.
#[derive(Clone, Default)]
pub(super) struct OpenServers(Arc<Mutex<HashSet<String>>>);

impl OpenServers {
    pub fn shows(&self, host: &str) -> bool {
        // A panic elsewhere leaves at worst one server unknown.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(host)
    }

    pub fn note(&self, host: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SERVERS {
            known.clear();
        }
        known.insert(host.to_owned());
    }
}
