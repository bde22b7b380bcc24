//! The admin socket: a Unix socket that only the daemon's own user, and a group, can open. One
//! command per line, answered line by line (`proto::command`, as JSON). The console and the one-shot
//! commands are its clients.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::broker::{self, Broker, Root, Unavailable};
use super::local_socket::LocalSocket;
use super::stopping::until_stopped;
use crate::api::verdicts::{self, cursor_named};
use crate::base::ErrorChain;
use crate::base::ids::Networks;
use crate::domain::failure::FailureCode;
use crate::domain::verdicts::VerdictId;
use crate::domain::watches::WatchId;
use crate::front::watch_ids::new_watch_id;
use crate::proto::command::{Command, Order, Pictures, Reply, Source, VerdictAction};
use crate::proto::front::{
    CONSOLE, Client, FrontAnswer, FrontQuestion, Saying, VerdictOrder, VerdictsAnswer, WatchOrder, WatchView,
    WatchesAnswer,
};
use crate::proto::view::{QueryStatus, QueryView, ScanState, ScanView};
use crate::telemetry::tasks;

/// Clients at the same time. One more takes the place of the one that has been silent the longest; where all
/// are being answered, it waits.
const MAX_CLIENTS: usize = 32;
/// A line without an image: far more than any command.
const MAX_COMMAND_BYTES: usize = 64 * 1024;
const ASK_DEADLINE: Duration = Duration::from_secs(5);
/// Processes that read their symbols are waited for (`supervisor/stacks.rs`).
const STACKS_DEADLINE: Duration = Duration::from_secs(75);
/// Scans are not pushed by the broker: a followed one is asked for this often.
const SCAN_INTERVAL: Duration = Duration::from_millis(500);
/// Nor are removals: this often.
const FORGET_INTERVAL: Duration = Duration::from_millis(200);
/// Marks that are listed at once: a list of some megabytes.
const MAX_LISTED: usize = 20_000;
/// For the list, which is asked for piece by piece.
const LIST_DEADLINE: Duration = Duration::from_secs(30);
/// A client that takes nothing for this long is dropped.
const SEND_DEADLINE: Duration = Duration::from_secs(10);

/// Serves clients of the socket until `stopped` becomes true, or its sender is gone.
pub async fn serve(
    socket: LocalSocket,
    broker: Arc<dyn Broker>,
    root: Arc<dyn Root>,
    max_image_bytes: usize,
    mut stopped: watch::Receiver<bool>,
) {
    let listener = match socket.listener() {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::error!(error = %ErrorChain(&error), "no admin client can be served");
        }
    };
    let mut clients = JoinSet::new();
    // Silences by the task of the client, and how to end it.
    let mut silences: HashMap<tokio::task::Id, (Silence, AbortHandle)> = HashMap::new();
    loop {
        let is_room = clients.len() < MAX_CLIENTS || longest_silent(&silences).is_some();
        tokio::select! {
            () = until_stopped(&mut stopped) => break,
            Some(left) = clients.join_next_with_id() => {
                let id = left.map_or_else(|error| error.id(), |(id, ())| id);
                silences.remove(&id);
            }
            accepted = listener.accept(), if is_room => match accepted {
                Ok((stream, _)) => {
                    if clients.len() >= MAX_CLIENTS && let Some(id) = longest_silent(&silences)
                        && let Some((_, client)) = silences.remove(&id)
                    {
                        client.abort();
                    }
                    let silence = Silence::default();
                    let session = Session::new(stream, broker.clone(), root.clone(), silence.clone());
                    let converse = converse(session, max_image_bytes);
                    let client = clients.spawn(tasks::named("admin client", converse));
                    silences.insert(client.id(), (silence, client));
                }
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "could not accept an admin client");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    // Clients see the end of the stream.
    clients.shutdown().await;
}

/// Since when a client has not said a whole command; `None` while it is answered.
#[derive(Clone)]
struct Silence(Arc<Mutex<Option<Instant>>>);

impl Default for Silence {
    fn default() -> Silence {
        Silence(Arc::new(Mutex::new(Some(Instant::now()))))
    }
}

impl Silence {
    fn begins(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn ends(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn longest_silent(silences: &HashMap<tokio::task::Id, (Silence, AbortHandle)>) -> Option<tokio::task::Id> {
    let silent = silences.iter().filter_map(|(id, (silence, _))| Some((silence.since()?, *id)));
    silent.min_by_key(|(since, _)| *since).map(|(_, id)| id)
}

async fn converse(mut session: Session, max_image_bytes: usize) {
    // Base64 makes four bytes of three.
    let max_line = (max_image_bytes / 3 + 1).saturating_mul(4).saturating_add(MAX_COMMAND_BYTES);
    if let Err(error) = session.run(max_line).await {
        tracing::debug!(error = %ErrorChain(&error), "admin client left");
    }
}

struct Session {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    broker: Arc<dyn Broker>,
    root: Arc<dyn Root>,
    silence: Silence,
}

impl Session {
    fn new(stream: UnixStream, broker: Arc<dyn Broker>, root: Arc<dyn Root>, silence: Silence) -> Session {
        let (reader, writer) = stream.into_split();
        Session { reader: BufReader::new(reader), writer, broker, root, silence }
    }

    async fn run(&mut self, max_line: usize) -> io::Result<()> {
        while let Some(line) = read_line(&mut self.reader, max_line).await? {
            self.silence.ends();
            match serde_json::from_slice(&line) {
                Ok(command) => self.carry_out(command).await?,
                Err(error) => {
                    // A client of another version; it can read the reply, whatever it asked.
                    let detail = format!("not understood (is the console of the same version?): {error}");
                    self.send(&Reply::Unavailable { detail }).await?;
                }
            }
            self.silence.begins();
        }
        Ok(())
    }

    async fn carry_out(&mut self, order: Order) -> io::Result<()> {
        let Order { command, image_base64 } = order;
        let follow = command.is_followed();
        let client = Client::Exempt;
        match command {
            Command::Query { url, whole, first, options, credit: _ } => {
                let networks = options.networks.unwrap_or_default();
                let question = FrontQuestion::Query { url, client, networks, whole, webhook: None };
                let answer = self.ask(question, None).await;
                self.show_query(answer, follow, first).await
            }
            Command::Artist { url, no_resolve, networks, credit: _, detach: _ } => {
                let (networks, resolve) = (networks.unwrap_or_default(), !no_resolve);
                let answer = self.ask(FrontQuestion::Artist { url, client, networks, resolve }, None).await;
                self.show_query(answer, follow, false).await
            }
            Command::Search { image, account: account_name, turned, options } => {
                let networks = options.networks.unwrap_or_default();
                let answer = match image {
                    Source::Url(url) => {
                        let question =
                            FrontQuestion::SearchUrl { url, account_name, turned, networks, client };
                        self.ask(question, None).await
                    }
                    Source::File(_) => match BASE64.decode(image_base64.unwrap_or_default()) {
                        Ok(image) if image.is_empty() => Ok(refused(FailureCode::ImageMissing)),
                        Ok(image) => {
                            let len_bytes = image.len() as u64;
                            let question = FrontQuestion::SearchImage {
                                len_bytes,
                                account_name,
                                turned,
                                networks,
                                client,
                            };
                            self.ask(question, Some(Bytes::from(image))).await
                        }
                        Err(_) => Ok(refused(FailureCode::CannotGetImage)),
                    },
                };
                self.show_query(answer, follow, false).await
            }
            Command::Scan { name, whole, .. } => self.scan(name, whole, follow).await,
            Command::Cancel { what } => {
                let reply = match self.ask(FrontQuestion::Cancel { what }, None).await {
                    Ok(
                        answer @ (FrontAnswer::Query(_) | FrontAnswer::Search { .. } | FrontAnswer::Scan(_)),
                    ) => Reply::Cancelled(answer),
                    other => reply_of(other),
                };
                self.send(&reply).await
            }
            Command::Forget { list: true, .. } => self.list_forgotten().await,
            Command::Forget { what, undo: true, .. } => {
                self.ask_and_send(FrontQuestion::Lift { what: what.unwrap_or_default() }).await
            }
            Command::Forget { what, note, .. } => {
                self.forget(what.unwrap_or_default(), note.unwrap_or_default()).await
            }
            Command::Account { name } => self.ask_and_send(FrontQuestion::Account { name }).await,
            Command::Verdict { action } => self.verdict(action, image_base64).await,
            Command::Watch { list: true, .. } => self.list_watches().await,
            Command::Watch { what, webhook, end, .. } => {
                let who = CONSOLE.to_owned();
                let order = match (end.as_deref().map(WatchId::parse), what) {
                    (Some(None), _) => {
                        let why =
                            "an id of a watch has 32 digits of 0-9 and a-f: see `watch --list`".to_owned();
                        let answer = FrontAnswer::Watches(WatchesAnswer::Wrong { why });
                        return self.send(&Reply::Answer(answer)).await;
                    }
                    (Some(Some(id)), _) => WatchOrder::End { who: None, id },
                    (None, what) => {
                        let subject = what.unwrap_or_default();
                        let networks = Networks::default();
                        WatchOrder::Begin { id: new_watch_id(), who, subject, networks, webhook }
                    }
                };
                self.ask_and_send(FrontQuestion::Watches(order)).await
            }
            Command::Stats => self.ask_and_send(FrontQuestion::Stats).await,
            Command::Threads => self.ask_and_send(FrontQuestion::Threads).await,
            Command::Queues => self.ask_and_send(FrontQuestion::Queues).await,
            Command::Metrics => {
                let asked = async {
                    let steps = broker::measured_steps(&*self.broker).await?;
                    let counters = Some(Box::new(broker::counters(&*self.broker).await?));
                    Ok(FrontAnswer::Metrics { steps, more: false, counters })
                };
                let answer =
                    tokio::time::timeout(ASK_DEADLINE, asked).await.unwrap_or_else(|_| Ok(too_slow()));
                self.send(&reply_of(answer)).await
            }
            Command::Health => self.ask_and_send(FrontQuestion::Health).await,
            Command::Stacks => {
                let written = self.root.stacks();
                let reply = match tokio::time::timeout(STACKS_DEADLINE, written).await {
                    Ok(Ok(written)) => Reply::Stacks(written),
                    Ok(Err(_)) | Err(_) => {
                        Reply::Unavailable { detail: "the root did not answer in time".to_owned() }
                    }
                };
                self.send(&reply).await
            }
            Command::Version => self.send(&Reply::Version(env!("AOTF_VERSION").to_owned())).await,
            Command::Stop => {
                // First the reply: the request ends this process too.
                self.send(&Reply::Stopping).await?;
                self.root.request_stop("admin socket");
                Ok(())
            }
        }
    }

    async fn ask(&self, question: FrontQuestion, image: Option<Bytes>) -> Result<FrontAnswer, Unavailable> {
        tokio::time::timeout(ASK_DEADLINE, self.broker.ask(question, image))
            .await
            .unwrap_or_else(|_| Ok(too_slow()))
    }

    async fn ask_and_send(&mut self, question: FrontQuestion) -> io::Result<()> {
        let reply = reply_of(self.ask(question, None).await);
        self.send(&reply).await
    }

    /// `first`: with the first post that shows the artwork itself, the query has ended for who asks.
    async fn show_query(
        &mut self,
        answer: Result<FrontAnswer, Unavailable>,
        follow: bool,
        first: bool,
    ) -> io::Result<()> {
        let view = match answer {
            Ok(FrontAnswer::Query(view) | FrontAnswer::Search { view, .. }) if first => view.at_first_hit(),
            Ok(FrontAnswer::Query(view) | FrontAnswer::Search { view, .. }) => view,
            other => return self.send(&reply_of(other)).await,
        };
        if follow && view.status != QueryStatus::End {
            self.follow_query(view, first).await
        } else {
            self.send(&Reply::Answer(FrontAnswer::Query(view))).await
        }
    }

    /// Sends each state until the end, or until the client says something else or leaves; the work
    /// goes on in any case.
    async fn follow_query(&mut self, mut view: QueryView, first: bool) -> io::Result<()> {
        let mut watched = self.broker.follow(view.query);
        watched.mark_changed(); // what is there already counts too
        loop {
            self.send(&Reply::Progress(FrontAnswer::Query(view.clone()))).await?;
            loop {
                tokio::select! {
                    changed = watched.changed() => if changed.is_err() {
                        let detail = "the broker restarts; ask again to see the query".to_owned();
                        return self.send(&Reply::Unavailable { detail }).await;
                    },
                    _ = self.reader.fill_buf() => return Ok(()),
                }
                let changed = watched.borrow_and_update().clone();
                if let Some(changed) = changed.filter(|changed| changed.version > view.version) {
                    view = if first { changed.at_first_hit() } else { changed };
                    break;
                }
            }
            if view.status == QueryStatus::End {
                return self.send(&Reply::Answer(FrontAnswer::Query(view))).await;
            }
        }
    }

    async fn verdict(&mut self, action: VerdictAction, lines: Option<String>) -> io::Result<()> {
        let reply = match verdict_order(action, lines) {
            Ok(order) => reply_of(self.ask(FrontQuestion::Verdicts(order), None).await),
            Err(why) => Reply::Answer(FrontAnswer::Verdicts(VerdictsAnswer::Wrong { why })),
        };
        self.send(&reply).await
    }

    async fn scan(&mut self, handle: String, whole: bool, follow: bool) -> io::Result<()> {
        let mut last: Option<ScanView> = None;
        loop {
            let question = FrontQuestion::Scan { handle: handle.clone(), whole };
            let view = match self.ask(question, None).await {
                Ok(FrontAnswer::Scan(view)) => view,
                other => return self.send(&reply_of(other)).await,
            };
            let ended =
                matches!(view.state, ScanState::Done | ScanState::Failed { .. } | ScanState::Deferred { .. });
            if ended || !follow {
                return self.send(&Reply::Answer(FrontAnswer::Scan(view))).await;
            }
            if last.as_ref() != Some(&view) {
                self.send(&Reply::Progress(FrontAnswer::Scan(view.clone()))).await?;
                last = Some(view);
            }
            tokio::select! {
                () = tokio::time::sleep(SCAN_INTERVAL) => {}
                _ = self.reader.fill_buf() => return Ok(()),
            }
        }
    }

    /// Follows the removal to its end, or until the client says something else or leaves; it goes on in any case.
    async fn forget(&mut self, what: String, note: String) -> io::Result<()> {
        let mut question = FrontQuestion::Forget { what, note };
        let mut last = None;
        loop {
            let view = match self.ask(question, None).await {
                Ok(FrontAnswer::Forgetting(view)) => view,
                other => return self.send(&reply_of(other)).await,
            };
            if view.has_ended {
                return self.send(&Reply::Answer(FrontAnswer::Forgetting(view))).await;
            }
            question = FrontQuestion::Forgetting { mark: view.subject.mark() };
            if last.as_ref() != Some(&view) {
                self.send(&Reply::Progress(FrontAnswer::Forgetting(view.clone()))).await?;
                last = Some(view);
            }
            tokio::select! {
                () = tokio::time::sleep(FORGET_INTERVAL) => {}
                _ = self.reader.fill_buf() => return Ok(()),
            }
        }
    }

    async fn list_forgotten(&mut self) -> io::Result<()> {
        let mut all = Vec::new();
        let asked = async {
            let mut after = None;
            loop {
                match self.broker.ask(FrontQuestion::Tombstones { after }, None).await? {
                    FrontAnswer::Tombstones { mut tombstones, more } => {
                        after = tombstones.last().map(|tombstone| tombstone.mark);
                        all.append(&mut tombstones);
                        if !more || all.len() >= MAX_LISTED {
                            return Ok(None);
                        }
                    }
                    other => return Ok(Some(other)),
                }
            }
        };
        let asked = tokio::time::timeout(LIST_DEADLINE, asked).await.unwrap_or_else(|_| Ok(Some(too_slow())));
        let reply = match asked {
            Ok(None) => {
                let more = all.len() >= MAX_LISTED;
                all.sort_by_key(|tombstone| (tombstone.at, tombstone.mark));
                Reply::Answer(FrontAnswer::Tombstones { tombstones: all, more })
            }
            Ok(Some(other)) => Reply::Answer(other),
            Err(unavailable) => reply_of(Err(unavailable)),
        };
        self.send(&reply).await
    }

    async fn list_watches(&mut self) -> io::Result<()> {
        let mut all: Vec<WatchView> = Vec::new();
        let asked = async {
            loop {
                let after = all.last().map(|view| view.watch.id);
                let order = WatchOrder::List { who: None, after };
                match self.broker.ask(FrontQuestion::Watches(order), None).await? {
                    FrontAnswer::Watches(WatchesAnswer::List { watches, more }) => {
                        let is_last = !more || watches.is_empty();
                        all.extend(watches);
                        if is_last {
                            return Ok(None);
                        }
                    }
                    other => return Ok(Some(other)),
                }
            }
        };
        let asked = tokio::time::timeout(LIST_DEADLINE, asked).await.unwrap_or_else(|_| Ok(Some(too_slow())));
        let reply = match asked {
            Ok(None) => {
                all.sort_by_key(|view| (view.watch.began, view.watch.id));
                Reply::Answer(FrontAnswer::Watches(WatchesAnswer::List { watches: all, more: false }))
            }
            Ok(Some(other)) => Reply::Answer(other),
            Err(unavailable) => reply_of(Err(unavailable)),
        };
        self.send(&reply).await
    }

    async fn send(&mut self, reply: &Reply) -> io::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        tokio::time::timeout(SEND_DEADLINE, self.writer.write_all(&line))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

fn verdict_order(action: VerdictAction, lines: Option<String>) -> Result<VerdictOrder, String> {
    let say = |saying| VerdictOrder::Say { who: CONSOLE.to_owned(), saying };
    let picture = |Pictures { url, post, image, why }, is_same| {
        say(Saying::Picture { page: url, post, image, is_same, why })
    };
    Ok(match action {
        VerdictAction::NotArtist { account, page, why } => {
            say(Saying::Account { account, is_artists: false, page, why })
        }
        VerdictAction::Artist { account, page, why } => {
            say(Saying::Account { account, is_artists: true, page: Some(page), why })
        }
        VerdictAction::Different(pictures) => picture(pictures, false),
        VerdictAction::Same(pictures) => picture(pictures, true),
        VerdictAction::List { before: None } => VerdictOrder::List { before: None },
        VerdictAction::List { before: Some(text) } => {
            let place = cursor_named(&text).ok_or_else(|| {
                format!("{text:?} is no place in the list: give the one at the end of a list")
            })?;
            VerdictOrder::List { before: Some(place) }
        }
        VerdictAction::Remove { id } => {
            let named = VerdictId::parse(id.trim());
            let id = named.ok_or_else(|| {
                format!(
                    "{id:?} is no id of a verdict, which has 16 digits of 0-9 and a-f: see `verdict list`"
                )
            })?;
            VerdictOrder::Remove { id }
        }
        VerdictAction::Import { .. } => {
            let text =
                BASE64.decode(lines.unwrap_or_default()).ok().and_then(|text| String::from_utf8(text).ok());
            let text = text.ok_or("the lines cannot be read")?;
            let verdicts = verdicts::parse_lines(&text).map_err(|wrong| {
                let told = wrong.first().map(|(line, why)| format!("line {line}: {why}"));
                told.unwrap_or_default()
            })?;
            VerdictOrder::Take { verdicts }
        }
        // The client lists them, and writes the file.
        VerdictAction::Export { .. } => VerdictOrder::List { before: None },
    })
}

fn too_slow() -> FrontAnswer {
    FrontAnswer::NotNow { why: "the broker did not answer in time".to_owned() }
}

fn refused(code: FailureCode) -> FrontAnswer {
    FrontAnswer::Refused { code, detail: String::new() }
}

fn reply_of(answer: Result<FrontAnswer, Unavailable>) -> Reply {
    match answer {
        Ok(answer) => Reply::Answer(answer),
        Err(unavailable) => Reply::Unavailable { detail: unavailable.to_string() },
    }
}

/// The next line without its end; `None` when the client has left. A longer line than `max` is an
/// error, found before it is in memory.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(None); // also for a line that was cut short: nobody waits for its answer
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(available.len());
        if line.len() + taken > max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "line too long"));
        }
        line.extend_from_slice(available.get(..taken).unwrap_or_default());
        reader.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::ids::Networks;
    use std::path::PathBuf;

    use super::*;
    use crate::front::fake::{FakeBroker, FakeRoot, sample_stats, sample_view, sample_view_at};
    use crate::proto::command::SearchOptions;
    use tokio::io::Lines;

    struct World {
        broker: Arc<FakeBroker>,
        root: Arc<FakeRoot>,
        path: PathBuf,
        _dir: tempfile::TempDir,
        _stop: watch::Sender<bool>,
    }

    impl World {
        fn new(broker: FakeBroker) -> World {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("aotf.sock");
            let (broker, root) = (Arc::new(broker), Arc::new(FakeRoot::default()));
            let (stop, stopped) = watch::channel(false);
            let socket = LocalSocket::open(&path, 0o600).unwrap();
            tokio::spawn(serve(socket, broker.clone(), root.clone(), 300, stopped));
            World { broker, root, path, _dir: dir, _stop: stop }
        }

        async fn client(&self) -> TestClient {
            let (reader, writer) = UnixStream::connect(&self.path).await.unwrap().into_split();
            TestClient { lines: BufReader::new(reader).lines(), writer }
        }
    }

    struct TestClient {
        lines: Lines<BufReader<OwnedReadHalf>>,
        writer: OwnedWriteHalf,
    }

    impl TestClient {
        async fn order(&mut self, command: Command) {
            let order = Order { command, image_base64: None };
            self.send(&serde_json::to_string(&order).unwrap()).await;
        }

        async fn send(&mut self, line: &str) {
            self.writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }

        /// `None` when the daemon has closed the connection, in whatever way.
        async fn receive(&mut self) -> Option<Reply> {
            let line = self.lines.next_line().await.ok()??;
            Some(serde_json::from_str(&line).unwrap())
        }
    }

    fn query(detach: bool) -> Command {
        let options = SearchOptions { detach, ..SearchOptions::default() };
        Command::Query { url: "u".to_owned(), whole: false, first: false, credit: None, options }
    }

    #[tokio::test]
    async fn commands_and_replies() {
        let world = World::new(FakeBroker::default());
        let mut client = world.client().await;
        client.order(Command::Stats).await;
        assert_eq!(client.receive().await, Some(Reply::Answer(FrontAnswer::Stats(sample_stats()))));
        client.order(query(false)).await;
        assert_eq!(
            client.receive().await,
            Some(Reply::Answer(FrontAnswer::Query(sample_view()))),
            "nothing to follow"
        );
        let networks = Networks::default();
        let question = FrontQuestion::Query {
            url: "u".to_owned(),
            client: Client::Exempt,
            networks,
            whole: false,
            webhook: None,
        };
        assert_eq!(world.broker.asked().last(), Some(&(question, None)));
        client.send(r#"{"command":{"search":{"image":{"file":"a.png"},"account":"jane","turned":false,"options":{"networks":null,"detach":true}}},"image_base64":"AAEC"}"#).await;
        assert_eq!(client.receive().await, Some(Reply::Answer(FrontAnswer::Query(sample_view()))));
        let (question, attached) = world.broker.asked().pop().unwrap();
        assert!(matches!(question, FrontQuestion::SearchImage { len_bytes: 3, .. }), "{question:?}");
        assert_eq!(attached, Some(3));
        client.order(Command::Scan { name: "jane".to_owned(), whole: false, detach: false }).await;
        let refused = Reply::Answer(super::refused(FailureCode::InvalidTwitterAccount));
        assert_eq!(client.receive().await, Some(refused));
        client.send("{\"dance\":1}").await;
        assert!(matches!(client.receive().await, Some(Reply::Unavailable { .. })));
        client.order(Command::Version).await;
        assert_eq!(client.receive().await, Some(Reply::Version(env!("AOTF_VERSION").to_owned())));
        client.order(Command::Stop).await;
        assert_eq!(client.receive().await, Some(Reply::Stopping));
        // Commands are carried out one after the other: when this one is answered, that one is done.
        client.order(Command::Stats).await;
        assert!(client.receive().await.is_some());
        assert_eq!(*world.root.stops.lock().unwrap(), ["admin socket"]);
    }

    #[tokio::test]
    async fn a_query_is_followed_to_its_end() {
        let begun = sample_view_at(QueryStatus::LinkFinder, 1);
        let world = World::new(FakeBroker::answering([FrontAnswer::Query(begun.clone())]));
        let mut client = world.client().await;
        client.order(query(false)).await;
        let progress = |view: &QueryView| Some(Reply::Progress(FrontAnswer::Query(view.clone())));
        assert_eq!(client.receive().await, progress(&begun));
        let indexing = sample_view_at(QueryStatus::IndexAccounts, 2);
        world.broker.publish(indexing.clone()).await;
        assert_eq!(client.receive().await, progress(&indexing));
        world.broker.publish(sample_view()).await;
        assert_eq!(client.receive().await, Some(Reply::Answer(FrontAnswer::Query(sample_view()))));

        // Another command ends the following; a lost broker does too, and says so.
        client.order(query(false)).await;
        world.broker.lose_watches();
        assert_eq!(client.receive().await, progress(&begun));
        client.order(query(true)).await;
        let mut reply = client.receive().await;
        while let Some(Reply::Progress(_) | Reply::Unavailable { .. }) = reply {
            reply = client.receive().await;
        }
        assert_eq!(reply, Some(Reply::Answer(FrontAnswer::Query(begun))));
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut() {
        let world = World::new(FakeBroker::default());
        let mut client = world.client().await;
        // The daemon may hang up before all of it is sent.
        let _ = client.writer.write_all(&vec![b'x'; MAX_COMMAND_BYTES + 1024]).await;
        assert_eq!(client.receive().await, None);
        let mut next = world.client().await;
        next.order(Command::Stats).await;
        assert!(next.receive().await.is_some(), "others are served");
    }

    #[tokio::test]
    async fn silent_clients_lock_nobody_out() {
        let begun = FrontAnswer::Query(sample_view_at(QueryStatus::LinkFinder, 1));
        let world = World::new(FakeBroker::answering([begun]));
        let mut follower = world.client().await;
        follower.order(query(false)).await;
        assert!(follower.receive().await.is_some());
        let mut silent = Vec::new();
        for _ in 0..2 * MAX_CLIENTS {
            let mut client = world.client().await;
            // Half a command, to be silent in the middle of.
            client.writer.write_all(b"{\"command\"").await.unwrap();
            silent.push(client);
        }
        let mut last = world.client().await;
        last.order(Command::Stop).await;
        assert_eq!(last.receive().await, Some(Reply::Stopping));
        assert_eq!(silent[0].receive().await, None, "it was silent the longest");
        world.broker.publish(sample_view()).await;
        let mut reply = follower.receive().await;
        while let Some(Reply::Progress(_)) = reply {
            reply = follower.receive().await;
        }
        assert!(matches!(reply, Some(Reply::Answer(_))), "who is being answered stays: {reply:?}");
    }
}
