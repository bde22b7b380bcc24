//! `HttpFetch`: the real `Fetch`. Workers are plain threads; they hand their requests to one thread
//! per container, which drives them all on a single-threaded runtime and answers each.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::mpsc as reply_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use url::Url;

use super::error::{FetchError, StartError};
use super::exchange::Exchange;
use super::host::{Host, is_in_background};
use super::pace::Limits;
use super::reach::{NetworkWatch, Reach};
use super::request::{Fetch, Method, Request, Response};
use super::retry::{self, FIRST_PAUSE, LONGEST_WAIT};
use super::upstreams::Upstreams;
use crate::base::{Timestamp, vital};
use crate::config;
use crate::telemetry::tasks;

/// Requests handed over and not yet taken up by the runtime thread; a further one blocks its worker.
const WAITING_JOBS: usize = 256;

/// Hosts remembered before those at rest are forgotten.
const MAX_HOSTS: usize = 1000;

/// Fetches over HTTP and HTTPS. Dropping it stops it.
///
/// Must not be called from inside an asynchronous runtime: it blocks.
#[derive(Debug)]
pub struct HttpFetch {
    jobs: mpsc::Sender<Job>,
    stop: watch::Sender<bool>,
    network: NetworkWatch,
    thread: Option<JoinHandle<()>>,
}

/// A request, and where its answer goes.
struct Job {
    request: Request,
    in_background: bool,
    reply: reply_channel::SyncSender<Result<Response, FetchError>>,
}

impl HttpFetch {
    /// Starts the thread that carries out requests. Requests for a host in `upstreams` go to its
    /// target, which may be private; all others go to public addresses only.
    ///
    /// # Errors
    /// When an upstream is no server's URL, or the TLS library or the thread cannot be set up.
    pub fn start(
        settings: &config::Fetch,
        upstreams: &BTreeMap<String, String>,
    ) -> Result<HttpFetch, StartError> {
        HttpFetch::start_with(settings, upstreams, FIRST_PAUSE, Duration::ZERO)
    }

    /// As `start`, but while no host at all can be reached, requests wait, as long as the settings say,
    /// instead of failing (`network` tells).
    ///
    /// # Errors
    /// As `start`.
    pub fn start_patient(
        settings: &config::Fetch,
        upstreams: &BTreeMap<String, String>,
    ) -> Result<HttpFetch, StartError> {
        HttpFetch::start_with(settings, upstreams, FIRST_PAUSE, settings.network_wait)
    }

    /// With another first pause between attempts (tests have no half seconds to lose), waiting so long for a
    /// network.
    pub(super) fn start_with(
        settings: &config::Fetch,
        upstreams: &BTreeMap<String, String>,
        first_pause: Duration,
        network_wait: Duration,
    ) -> Result<HttpFetch, StartError> {
        let upstreams = Upstreams::parse(upstreams)?;
        let (told, network) = reply_channel::sync_channel(1);
        let exchange = Exchange::new(settings, upstreams.clone())?;
        let settings = settings.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| StartError::Thread { source })?;
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING_JOBS);
        let (stop, mut stopped) = watch::channel(false);
        let thread = vital::spawn("fetch", move || {
            let (reach, network) = Reach::new(&settings, &upstreams, network_wait);
            // Whoever starts it waits for this.
            let _ = told.send(network);
            let hosts = RefCell::default();
            let engine = Rc::new(Engine { exchange, settings, first_pause, reach, hosts });
            let tasks = tokio::task::LocalSet::new();
            tasks.block_on(&runtime, async {
                loop {
                    tokio::select! {
                        biased;
                        _ = stopped.wait_for(|stop| *stop) => break,
                        job = waiting.recv() => {
                            let Some(Job { request, in_background, reply }) = job else { break };
                            let engine = Rc::clone(&engine);
                            let name = format!("fetch {}", request.url);
                            tokio::task::spawn_local(async move {
                                let outcome = tasks::named(name, engine.carry_out(request, in_background)).await;
                                // A caller that has gone away needs no answer.
                                let _ = reply.send(outcome);
                            });
                        }
                    }
                }
            });
            // Closing the queue and dropping the tasks ends every wait with `Stopping`; a name service
            // that does not answer is left behind, not waited for.
            drop(waiting);
            drop(tasks);
            runtime.shutdown_background();
        })
        .map_err(|source| StartError::Thread { source })?;
        // It does not come only if the thread has panicked, with which the process ends.
        let network = network.recv().unwrap_or_else(|_| NetworkWatch::of_none());
        Ok(HttpFetch { jobs, stop, network, thread: Some(thread) })
    }

    /// Tells whether there is a network, as far as requests have noticed.
    pub fn network(&self) -> NetworkWatch {
        self.network.clone()
    }

    /// Ends all requests in progress and all later ones with `FetchError::Stopping`, at once.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Hands a request over; its answer comes on the returned channel, which closes without one when
    /// the program stops.
    fn hand_over(&self, request: Request) -> reply_channel::Receiver<Result<Response, FetchError>> {
        let (reply, answer) = reply_channel::sync_channel(1);
        // A closed queue drops the job and with it `reply`.
        let _ = self.jobs.blocking_send(Job { request, in_background: is_in_background(), reply });
        answer
    }

    fn take_up(
        &self,
        answer: &reply_channel::Receiver<Result<Response, FetchError>>,
        url: &Url,
    ) -> Result<Response, FetchError> {
        match answer.recv() {
            Ok(outcome) => outcome,
            Err(_) if *self.stop.borrow() => Err(FetchError::Stopping),
            Err(_) => Err(FetchError::BrokenOff {
                url: url.to_string(),
                why: "the program lost the request".to_owned(),
            }),
        }
    }
}

impl Fetch for HttpFetch {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let url = request.url.clone();
        let answer = self.hand_over(request);
        self.take_up(&answer, &url)
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        let answers: Vec<_> = requests
            .into_iter()
            .map(|request| {
                let url = request.url.clone();
                (self.hand_over(request), url)
            })
            .collect();
        answers.iter().map(|(answer, url)| self.take_up(answer, url)).collect()
    }
}

impl Drop for HttpFetch {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by its own thread.
            let _ = thread.join();
        }
    }
}

/// What the runtime thread knows.
struct Engine {
    exchange: Exchange,
    settings: config::Fetch,
    first_pause: Duration,
    reach: Rc<Reach>,
    hosts: RefCell<HashMap<String, Rc<Host>>>,
}

impl Engine {
    /// A request with its redirects.
    async fn carry_out(&self, mut request: Request, in_background: bool) -> Result<Response, FetchError> {
        let mut url = request.url.clone();
        let mut hops = 0;
        loop {
            let response = self.ask(&request, &url, in_background).await?;
            let location = match response.status {
                301 | 302 | 303 | 307 | 308 => response.header("location"),
                _ => None,
            };
            let Some(location) = location.filter(|_| request.max_redirects > 0) else { return Ok(response) };
            if hops == request.max_redirects {
                let limit = request.max_redirects;
                return Err(FetchError::TooManyRedirects { url: request.url.to_string(), limit });
            }
            hops += 1;
            let next = url.join(location).map_err(|error| FetchError::Forbidden {
                url: url.to_string(),
                why: format!("it redirects to {location:?}: {error}"),
            })?;
            follow(&mut request, &url, &next, response.status);
            url = next;
        }
    }

    /// One hop with its retries.
    async fn ask(&self, request: &Request, url: &Url, in_background: bool) -> Result<Response, FetchError> {
        let name = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
        let host = self.host(&name);
        let mut attempt = 0;
        loop {
            self.reach.wait_until_back().await;
            let begun = Instant::now();
            let outcome = {
                let _place = host.enter(in_background).await?;
                self.exchange.send(request, url).await
            };
            match &outcome {
                Ok(_) => self.reach.answered(),
                // It did not arrive, or may be repeated: no attempt of the host's when there is no network.
                Err(error @ FetchError::Unreachable { .. })
                    if self.reach.is_lost(begun, &name, &error.to_string()).await =>
                {
                    continue;
                }
                Err(error @ (FetchError::Timeout { .. } | FetchError::BrokenOff { .. }))
                    if request.method != Method::Post
                        && self.reach.is_lost(begun, &name, &error.to_string()).await =>
                {
                    continue;
                }
                Err(_) => {}
            }
            let pause = match &outcome {
                Ok(response) if retry::is_passing(response.status) => {
                    let asked = response
                        .header("retry-after")
                        .and_then(|value| retry::retry_after(value, Timestamp::now()));
                    if let Some(pause) = asked {
                        host.pause(pause);
                        if pause > LONGEST_WAIT {
                            return Err(FetchError::Paused {
                                host: name,
                                until: Timestamp::now().plus(pause),
                            });
                        }
                    }
                    asked
                }
                Err(FetchError::Unreachable { .. }) => None,
                // What a POST did before its answer broke off nobody knows.
                Err(FetchError::BrokenOff { .. }) if request.method != Method::Post => None,
                Ok(_)
                | Err(
                    FetchError::BrokenOff { .. }
                    | FetchError::Forbidden { .. }
                    | FetchError::Timeout { .. }
                    | FetchError::TooBig { .. }
                    | FetchError::TooManyRedirects { .. }
                    | FetchError::Paused { .. }
                    | FetchError::Stopping,
                ) => return outcome,
            };
            if attempt >= request.retries {
                return outcome;
            }
            let backoff = retry::backoff(self.first_pause, attempt, fastrand::f64());
            attempt += 1;
            // A pause that the host asked for is waited out with everybody else's, in `wait_for_turn`.
            if pause.is_none_or(|pause| pause.is_zero()) {
                tokio::time::sleep(backoff).await;
            }
        }
    }

    fn host(&self, name: &str) -> Rc<Host> {
        let mut hosts = self.hosts.borrow_mut();
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(name) {
            let now = Instant::now();
            hosts.retain(|_, host| Rc::strong_count(host) > 1 || !host.is_at_rest(now));
        }
        let host = hosts.entry(name.to_owned()).or_insert_with(|| {
            let limits = Limits::of(name, &self.settings);
            Rc::new(Host::new(name, limits))
        });
        Rc::clone(host)
    }
}

/// Makes `request` what is to be asked of `to`, after `from` answered with the redirect `status`.
fn follow(request: &mut Request, from: &Url, to: &Url, status: u16) {
    // As browsers do: these turn a form's submission into the reading of its result.
    if request.method == Method::Post && matches!(status, 301..=303) {
        request.method = Method::Get;
        request.body = None;
    }
    // Secrets are for the host they were given to.
    if from.origin() != to.origin() {
        request.headers.retain(|(name, _)| {
            !["authorization", "cookie", "x-api-key", "x-csrf-token"]
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret))
        });
    }
}
