//! What all endpoints share: the link to the broker, the settings, the tables of limits, what is kept for a
//! moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, Method, Uri};
use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use super::browsers;
use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::finished::{FinishedAnswers, WithVerdicts};
use super::handed_on;
use super::kept_feeds::{self, KeptFeeds};
use super::kept_pictures::{self, KeptPictures};
use super::limits::{ConnectionTable, RateClass, RateTable};
use super::peer::Peer;
use super::texts::Texts;
use super::traffic::Traffic;
use crate::base::clock::{Monotonic, Timestamp};
use crate::base::ids::Networks;
use crate::config::{self, Settings};
use crate::domain::credit::{Markup, Template};
use crate::front::broker::Broker;
use crate::front::descriptors;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::view::{ProblemView, StatsView};
use crate::telemetry::tasks;

/// The broker answers from memory; this long means that it hangs or is being restarted.
pub(super) const ASK_DEADLINE: Duration = Duration::from_secs(5);
/// `/readyz` must tell the truth sooner, but is asked by strangers too.
pub(super) const READY_AGE: Duration = Duration::from_secs(1);
/// Questions that are with the broker at the same time. It answers tens of thousands a second: more than
/// these wait for something that hangs, and who comes then is better told so at once.
const MAX_ASKS: usize = 512;
/// Connections from one address at the same time; browsers never come near it.
pub(super) const MAX_CONNECTIONS_PER_ADDRESS: usize = 256;
/// Image uploads in memory at the same time, each up to `max_image_bytes`.
const MAX_UPLOADS: usize = 4;

/// Where the time comes from: the process's clock, or a test's.
pub(super) type Clock = Box<dyn Fn() -> Monotonic + Send + Sync>;

/// What all endpoints share.
pub struct Api {
    pub(super) broker: Arc<dyn Broker>,
    pub(super) http: config::Http,
    pub(super) page: config::Page,
    pub(super) limits: config::Limits,
    pub(super) maintenance: config::Maintenance,
    keys: Vec<config::ApiKey>,
    credit: config::CreditTemplates,
    /// The networks that this server searches.
    pub(super) networks: Networks,
    /// Names of the receivers that may get final answers.
    pub(super) webhooks: Vec<String>,
    pub(super) max_image_bytes: usize,
    rate: RateTable,
    pub(super) connections: Arc<ConnectionTable>,
    pub(super) traffic: Traffic,
    /// Requests are logged, not only where all is.
    pub(super) logs_requests: bool,
    pub(super) finished: Arc<FinishedAnswers>,
    pub(super) feeds: KeptFeeds,
    pub(super) pictures: KeptPictures,
    pub(super) pictures_waiting: Semaphore,
    asks: Semaphore,
    pub(super) uploads: Semaphore,
    pub(super) streams: Arc<Semaphore>,
    problems: Mutex<Option<(Monotonic, Vec<ProblemView>)>>,
    stats: Mutex<Option<(Monotonic, StatsView)>>,
    pub(super) texts: Texts,
    pub(super) started: Timestamp,
    pub(super) now: Clock,
    /// Becomes true when the process ends: streams close.
    pub(super) stopped: watch::Receiver<bool>,
}

impl Api {
    pub fn new(settings: &Settings, broker: Arc<dyn Broker>, stopped: watch::Receiver<bool>) -> Arc<Api> {
        Api::with_clock(settings, broker, stopped, Box::new(Monotonic::now))
    }

    /// The broker, for others in this process: what they change is seen in the answers here.
    pub fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.broker)
    }

    pub(super) fn with_clock(
        settings: &Settings,
        broker: Arc<dyn Broker>,
        stopped: watch::Receiver<bool>,
        now: Clock,
    ) -> Arc<Api> {
        let finished = Arc::<FinishedAnswers>::default();
        let broker: Arc<dyn Broker> = Arc::new(WithVerdicts { broker, finished: Arc::clone(&finished) });
        Arc::new(Api {
            http: settings.http.clone(),
            page: settings.page.clone(),
            limits: settings.limits.clone(),
            maintenance: settings.maintenance.clone(),
            keys: settings.api_keys.clone(),
            credit: settings.credit.clone(),
            networks: Networks::of(settings.networks.iter().copied()).unwrap_or_default(),
            webhooks: settings.webhooks.iter().map(|webhook| webhook.name.clone()).collect(),
            max_image_bytes: usize::try_from(settings.fetch.max_image_bytes).unwrap_or(usize::MAX),
            rate: RateTable::default(),
            connections: ConnectionTable::new(
                usize::try_from(descriptors::affordable(settings.http.max_connections)).unwrap_or(usize::MAX),
                MAX_CONNECTIONS_PER_ADDRESS,
            ),
            traffic: Traffic::default(),
            logs_requests: settings.log.requests,
            finished,
            feeds: KeptFeeds::new(&*broker),
            pictures: KeptPictures::default(),
            pictures_waiting: Semaphore::new(kept_pictures::MAX_WAITING),
            asks: Semaphore::new(MAX_ASKS),
            uploads: Semaphore::new(MAX_UPLOADS),
            streams: Arc::new(Semaphore::new(
                usize::try_from(settings.http.max_event_streams).unwrap_or(usize::MAX >> 3),
            )),
            stats: Mutex::new(None),
            problems: Mutex::new(None),
            texts: Texts::embedded(),
            started: Timestamp::now(),
            broker,
            now,
            stopped,
        })
    }

    pub(super) async fn ask(
        &self,
        question: FrontQuestion,
        attachment: Option<Bytes>,
    ) -> Result<FrontAnswer, HttpError> {
        let _place = self.asks.try_acquire().map_err(|_| HttpError::Busy)?;
        self.ask_within(question, attachment, ASK_DEADLINE).await
    }

    /// The same for what takes its time, and is bounded by other means.
    pub(super) async fn ask_within(
        &self,
        question: FrontQuestion,
        attachment: Option<Bytes>,
        deadline: Duration,
    ) -> Result<FrontAnswer, HttpError> {
        let asking = tasks::named("asks the broker", self.broker.ask(question, attachment));
        match tokio::time::timeout(deadline, asking).await {
            Ok(answer) if self.http.public => Ok(handed_on::answer(answer?)),
            Ok(answer) => Ok(answer?),
            Err(_) => Err(HttpError::BrokerSlow),
        }
    }

    /// The figures, at most `max_age` old.
    pub(super) async fn stats(&self, max_age: Duration) -> Result<StatsView, HttpError> {
        let now = (self.now)();
        let kept = *self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, stats)) = kept
            && now.since(at) < max_age
        {
            return Ok(stats);
        }
        let FrontAnswer::Stats(stats) = self.ask(FrontQuestion::Stats, None).await? else {
            return Err(HttpError::Unexpected);
        };
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, stats));
        Ok(stats)
    }

    /// What is wrong, as it was a moment ago.
    pub(super) async fn problems(&self) -> Result<Vec<ProblemView>, HttpError> {
        let now = (self.now)();
        let kept = self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, problems)) = kept
            && now.since(at) < READY_AGE
        {
            return Ok(problems);
        }
        let FrontAnswer::Health(problems) = self.ask(FrontQuestion::Health, None).await? else {
            return Err(HttpError::Unexpected);
        };
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, problems.clone()));
        Ok(problems)
    }

    /// The caller behind `peer`.
    pub(super) fn identify(
        &self,
        peer: Peer,
        (method, uri): (&Method, &Uri),
        headers: &HeaderMap,
    ) -> Result<Caller, HttpError> {
        browsers::check_host(peer, headers, uri, &self.http)?;
        Caller::identify(peer, (method, headers), &self.http, &self.limits, &self.keys)
    }

    /// The words of a credit that the operator chose: those of the caller's key, else the server's.
    pub(super) fn own_credit(&self, caller: &Caller, markup: Markup) -> Option<&Template> {
        let key = caller.key.as_ref().and_then(|key| self.keys.get(key.place()));
        key.and_then(|key| key.credit.of(markup)).or_else(|| self.credit.of(markup))
    }

    /// Whether there is a key whose holder may say what passes before every rule.
    pub(super) fn has_correctors(&self) -> bool {
        self.keys.iter().any(|key| key.verdicts)
    }

    /// The name of the key, if its holder may say such things.
    pub(super) fn who_may_say(&self, key: &str) -> Result<String, HttpError> {
        let digest = config::sha256(key.trim().as_bytes());
        let key = self.keys.iter().find(|known| known.sha256 == digest).ok_or(HttpError::UnknownKey)?;
        match key.verdicts {
            true => Ok(key.name.clone()),
            false => Err(HttpError::Forbidden(Closed::Verdicts)),
        }
    }

    /// The words in which a watch gives credit: those of the key that began it, or the operator's.
    pub(super) fn credit_of(&self, who: &str, markup: Markup) -> Option<&Template> {
        let key = self.keys.iter().find(|key| key.name == who);
        key.and_then(|key| key.credit.of(markup)).or_else(|| self.credit.of(markup))
    }

    /// Counts a request that only keys with a certain right may make, and returns the key's name.
    pub(super) fn count_key(
        &self,
        caller: &Caller,
        is_allowed: bool,
        closed: Closed,
    ) -> Result<String, HttpError> {
        let key = caller.key.as_ref().filter(|_| is_allowed).ok_or(HttpError::Forbidden(closed))?;
        self.count(caller, RateClass::Query)?;
        Ok(key.name().to_owned())
    }

    /// Counts a request that will cost the broker something; none is begun for the pages of other sites.
    pub(super) fn count(&self, caller: &Caller, class: RateClass) -> Result<(), HttpError> {
        if caller.cross_site {
            return Err(HttpError::Forbidden(Closed::OtherSites));
        }
        let (key, own) = caller.rate();
        let per_second = own.unwrap_or(self.limits.requests_per_second);
        let per_second = match class {
            RateClass::Picture => per_second.saturating_mul(kept_pictures::PER_REQUEST),
            RateClass::Feed => per_second.saturating_mul(kept_feeds::PER_REQUEST),
            _ => per_second,
        };
        if caller.unlimited || self.rate.allows(key, class, per_second, (self.now)()) {
            Ok(())
        } else {
            Err(HttpError::RateLimited { per_second })
        }
    }
}
