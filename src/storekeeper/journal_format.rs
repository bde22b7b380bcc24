//! The format of the journal of accepted work: what the rows of `requests` in `state.db` say. It is a promise
//! to the programs that come after this one, so its types are used for nothing else, and each is converted
//! from and to the program's own in plain sight.
//!
//! A row is JSON with its version: `{"version":4,"request":{"Query":{...}}}`. Rows of version 1 are
//! the request alone; version 3 brought the answer `Cancelled`, version 4 windows and what a query searched,
//! version 5 the pages that are not searched, version 6 queries for the artist alone, the accounts that an
//! answer tells beside those that can be read, and what people say, version 7 the parts that images share.
//!
//! To change the format, raise `VERSION`, give the changed struct a sibling with the new suffix (a suffix is
//! the version that brought the struct), convert both, and put rows of the new version into
//! `tests/fixtures/journal/`. What lies there already was written by programs that people run: it is never
//! edited.

use serde::{Deserialize, Serialize};

use crate::base::ids::{AccountKey, Network, Networks, PostKey, QueryId};
use crate::base::{MicroUsd, Timestamp};
use crate::domain::accounts::{
    Account, AccountRef, Candidate, Elsewhere, Evidence, LeftOutReason, OtherAccount, Standing,
};
use crate::domain::failure::FailureCode;
use crate::domain::images::{MatchClass, SecondStage, Variant};
use crate::domain::parts::{PartMatch, PartsState, Region};
use crate::domain::scans::{CoveredWindow, EndedSearch, Priority, Reach, ScanDeaths, Window};
use crate::domain::verdicts::{Claim, Effect, VerdictId};
use crate::domain::wanted::Wanted;
use crate::proto::front::Client;
use crate::proto::view::{AccountView, QueryStatus, QueryView, ResultView, SearchedView, VerdictView};
use crate::proto::work::Delivery;
use crate::storekeeper::orders::AcceptedRequest;

/// The version that this program writes. It reads all up to this one.
const VERSION: u64 = 7;

/// Why a row cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error(
        "it was written by a newer program (version {version} of the journal, and this one reads up to \
         {VERSION}): install that program again to have it carried out"
    )]
    Newer { version: u64 },
    #[error("it is damaged ({why}): ask for the same again to replace it")]
    Damaged { why: String },
}

/// The row of this request, in the present version.
pub fn encode(request: &AcceptedRequest) -> String {
    let row = RowV2 { version: VERSION, request: RequestV1::of(request.clone()) };
    serde_json::to_string(&row).expect("plain values have a JSON form")
}

/// The request of a row of any version that there was.
///
/// # Errors
/// When this program cannot know what it says.
pub fn decode(row: &str) -> Result<AcceptedRequest, FormatError> {
    let damaged = |error: serde_json::Error| FormatError::Damaged { why: error.to_string() };
    let request: RequestV1 = match serde_json::from_str::<Tag>(row).map_err(damaged)?.version {
        None => serde_json::from_str(row).map_err(damaged)?,
        Some(2..=VERSION) => serde_json::from_str::<RowV2>(row).map_err(damaged)?.request,
        Some(version) if version > VERSION => return Err(FormatError::Newer { version }),
        Some(version) => return Err(FormatError::Damaged { why: format!("it claims version {version}") }),
    };
    Ok(request.plain())
}

/// What all versions have in common.
#[derive(Deserialize)]
struct Tag {
    version: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct RowV2 {
    version: u64,
    request: RequestV1,
}

/// A type of the journal, and the program's own that it stands for.
trait Format {
    type Plain;
    fn of(plain: Self::Plain) -> Self;
    fn plain(self) -> Self::Plain;
}

macro_rules! as_they_are {
    ($($kind:ty),*) => { $(
        impl Format for $kind {
            type Plain = $kind;
            fn of(plain: $kind) -> $kind {
                plain
            }
            fn plain(self) -> $kind {
                self
            }
        }
    )* };
}

as_they_are!(bool, u8, u16, u32, u64, String);

impl<T: Format> Format for Option<T> {
    type Plain = Option<T::Plain>;
    fn of(plain: Option<T::Plain>) -> Option<T> {
        plain.map(T::of)
    }
    fn plain(self) -> Option<T::Plain> {
        self.map(T::plain)
    }
}

impl<T: Format> Format for Vec<T> {
    type Plain = Vec<T::Plain>;
    fn of(plain: Vec<T::Plain>) -> Vec<T> {
        plain.into_iter().map(T::of).collect()
    }
    fn plain(self) -> Vec<T::Plain> {
        self.into_iter().map(T::plain).collect()
    }
}

impl<A: Format, B: Format> Format for (A, B) {
    type Plain = (A::Plain, B::Plain);
    fn of((a, b): (A::Plain, B::Plain)) -> (A, B) {
        (A::of(a), B::of(b))
    }
    fn plain(self) -> (A::Plain, B::Plain) {
        (self.0.plain(), self.1.plain())
    }
}

/// A struct of the journal with the fields of the program's own. A field that is added there does not compile
/// until it is decided here what the journal says of it.
macro_rules! record {
    (
        $name:ident of $plain:ident { $($(#[$meta:meta])* $field:ident: $kind:ty,)* }
        $(without $absent:ident)?
    ) => {
        #[derive(Serialize, Deserialize)]
        struct $name { $($(#[$meta])* $field: $kind,)* }

        impl Format for $name {
            type Plain = $plain;
            fn of(plain: $plain) -> $name {
                let $plain { $($field,)* $($absent: _)? } = plain;
                $name { $($field: Format::of($field)),* }
            }
            fn plain(self) -> $plain {
                let $name { $($field),* } = self;
                $plain { $($field: $field.plain(),)* $($absent: Default::default())? }
            }
        }
    };
}

/// An enum of the journal with the variants of the program's own.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident of $plain:ident { $($(#[$of:meta])* $variant:ident)* }) => {
        #[derive(Serialize, Deserialize)]
        $(#[$meta])*
        enum $name { $($(#[$of])* $variant,)* }

        impl Format for $name {
            type Plain = $plain;
            fn of(plain: $plain) -> $name {
                match plain { $($plain::$variant => $name::$variant,)* }
            }
            fn plain(self) -> $plain {
                match self { $($name::$variant => $plain::$variant,)* }
            }
        }
    };
}

#[derive(Serialize, Deserialize)]
enum RequestV1 {
    Query {
        url: String,
        client: ClientV1,
        /// The first programs had one network, and wrote none.
        #[serde(default)]
        networks: Option<NetworksV1>,
        /// The first programs had none.
        #[serde(default)]
        webhooks: Vec<String>,
        /// Left out where it is not: a program that does not know it answers before it has scanned all.
        #[serde(default, skip_serializing_if = "is_false")]
        whole: bool,
        /// Left out where there are none; a program that does not know it begins to count anew.
        #[serde(default, skip_serializing_if = "is_zero")]
        deaths: u32,
    },
    /// Version 6 brought it.
    Artist {
        url: String,
        client: ClientV1,
        networks: NetworksV1,
        resolve: bool,
        /// As with a query.
        #[serde(default, skip_serializing_if = "is_zero")]
        deaths: u32,
    },
    Scan {
        account: AccountV1,
        /// Left out for a scan of the whole, which all were before version 4.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<WindowV4>,
        priority: PriorityV1,
        /// The first programs did not keep it.
        #[serde(default)]
        searched: Option<SearchV1>,
        /// As with a query.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deaths: Option<ScanDeathsV2>,
    },
    Delivery(Box<DeliveryV1>),
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(deaths: &u32) -> bool {
    *deaths == 0
}

impl Format for RequestV1 {
    type Plain = AcceptedRequest;

    fn of(plain: AcceptedRequest) -> RequestV1 {
        match plain {
            AcceptedRequest::Query { url, client, networks, webhooks, whole, deaths } => RequestV1::Query {
                url,
                client: ClientV1::of(client),
                networks: Some(NetworksV1::of(networks)),
                webhooks,
                whole,
                deaths,
            },
            AcceptedRequest::Artist { url, client, networks, resolve, deaths } => RequestV1::Artist {
                url,
                client: ClientV1::of(client),
                networks: NetworksV1::of(networks),
                resolve,
                deaths,
            },
            AcceptedRequest::Scan { account, reach, priority, searched, deaths } => RequestV1::Scan {
                account: AccountV1::of(account),
                window: match reach {
                    Reach::Whole => None,
                    Reach::Window(window) => Some(WindowV4::of(window)),
                },
                priority: PriorityV1::of(priority),
                searched: Format::of(searched),
                deaths: (deaths != ScanDeaths::default()).then(|| Format::of(deaths)),
            },
            AcceptedRequest::Delivery(delivery) => RequestV1::Delivery(Box::new(DeliveryV1::of(*delivery))),
        }
    }

    fn plain(self) -> AcceptedRequest {
        match self {
            RequestV1::Query { url, client, networks, webhooks, whole, deaths } => AcceptedRequest::Query {
                url,
                client: client.plain(),
                networks: networks.plain().unwrap_or_default(),
                webhooks,
                whole,
                deaths,
            },
            RequestV1::Artist { url, client, networks, resolve, deaths } => AcceptedRequest::Artist {
                url,
                client: client.plain(),
                networks: networks.plain(),
                resolve,
                deaths,
            },
            RequestV1::Scan { account, window, priority, searched, deaths } => AcceptedRequest::Scan {
                account: account.plain(),
                reach: window.plain().map_or(Reach::Whole, Reach::Window),
                priority: priority.plain(),
                searched: searched.plain(),
                deaths: deaths.plain().unwrap_or_default(),
            },
            RequestV1::Delivery(delivery) => AcceptedRequest::Delivery(Box::new(delivery.plain())),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum ClientV1 {
    Exempt,
    Limited { key: String },
    Key { name: String, max_processing_requests: u32 },
}

impl Format for ClientV1 {
    type Plain = Client;

    fn of(plain: Client) -> ClientV1 {
        match plain {
            Client::Exempt => ClientV1::Exempt,
            Client::Limited { key } => ClientV1::Limited { key },
            Client::Key { name, max_processing_requests } => ClientV1::Key { name, max_processing_requests },
        }
    }

    fn plain(self) -> Client {
        match self {
            ClientV1::Exempt => Client::Exempt,
            ClientV1::Limited { key } => Client::Limited { key },
            ClientV1::Key { name, max_processing_requests } => Client::Key { name, max_processing_requests },
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct NetworksV1(Vec<NetworkV1>);

impl Format for NetworksV1 {
    type Plain = Networks;

    fn of(plain: Networks) -> NetworksV1 {
        NetworksV1(plain.iter().map(NetworkV1::of).collect())
    }

    /// None at all was never written; it would be all.
    fn plain(self) -> Networks {
        Networks::of(self.0.plain()).unwrap_or_default()
    }
}

/// Milliseconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct TimeV1(i64);

impl Format for TimeV1 {
    type Plain = Timestamp;

    fn of(plain: Timestamp) -> TimeV1 {
        TimeV1(plain.0)
    }

    fn plain(self) -> Timestamp {
        Timestamp(self.0)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct QueryNumberV1(u64);

impl Format for QueryNumberV1 {
    type Plain = QueryId;

    fn of(plain: QueryId) -> QueryNumberV1 {
        QueryNumberV1(plain.0)
    }

    fn plain(self) -> QueryId {
        QueryId(self.0)
    }
}

choice! {
    #[serde(rename_all = "lowercase")]
    NetworkV1 of Network { Twitter Bluesky Mastodon Misskey }
}

choice! { PriorityV1 of Priority { User Maintenance } }

record! { AccountKeyV1 of AccountKey { network: NetworkV1, native: String, } }

record! { PostKeyV1 of PostKey { network: NetworkV1, native: String, } }

record! { AccountV1 of Account { key: AccountKeyV1, handle: String, posts: Option<u64>, } }

record! { WindowV4 of Window { from: TimeV1, to: TimeV1, } }

record! { SearchV1 of EndedSearch { since: Option<TimeV1>, until: Option<TimeV1>, ids: Vec<String>, } }

record! { ScanDeathsV2 of ScanDeaths { search: u32, timeline: u32, posts: Vec<(String, u32)>, } }

record! { DeliveryV1 of Delivery { id: String, webhook: String, answer: AnswerV1, } }

record! {
    AnswerV1 of QueryView {
        query: QueryNumberV1,
        id: String,
        subject: String,
        status: StatusV1,
        has_first_time_scan: bool,
        accounts: Vec<AnsweredAccountV1>,
        results: Vec<ResultV1>,
        similar: Vec<ResultV1>,
        error: Option<FailureV1>,
        error_detail: String,
        image_url: Option<String>,
        steps: Vec<(StatusV1, u64)>,
        queue_position: Option<u32>,
        estimated_wait_ms: Option<u64>,
        /// The first programs did not know it.
        #[serde(default)]
        waits_for_network: bool,
        posts_listed: u64,
        posts_indexed: u64,
        still_listing: bool,
        posts_total: Option<u64>,
        version: u64,
        // Programs before version 4 did not know what follows.
        #[serde(default)]
        published: Option<TimeV1>,
        #[serde(default)]
        named_posts: Vec<ResultV1>,
        #[serde(default)]
        searched: Vec<SearchedV4>,
        #[serde(default)]
        looking: Option<WindowV4>,
        #[serde(default)]
        cost: PriceV4,
        #[serde(default)]
        rest: Option<PriceV4>,
        // Nor did those before version 5 know this.
        #[serde(default)]
        elsewhere: Vec<ElsewhereV5>,
        // Nor did those before version 6 know what follows.
        #[serde(default)]
        wanted: WantedV6,
        #[serde(default)]
        others: Vec<OtherV6>,
        #[serde(default)]
        look_up: Option<PriceV4>,
        #[serde(default)]
        verdicts: Vec<VerdictV6>,
        // Nor did those before version 7 know this.
        #[serde(default)]
        parts: PartsStateV7,
    }
    // Only direct searches have any, and none of those is written down.
    without artwork_pages
}

choice! {
    #[derive(Default)]
    WantedV6 of Wanted { #[default] Posts PostsInAll Artist ArtistAsNamed }
}

record! { OtherV6 of OtherAccount { candidate: CandidateV6, standing: StandingV6, } }

record! { CandidateV6 of Candidate { account: NamedV6, evidence: EvidenceV1, chain: Vec<String>, } }

/// How a page names an account.
#[derive(Serialize, Deserialize)]
enum NamedV6 {
    Handle { network: NetworkV1, handle: String },
    Id(AccountKeyV1),
}

impl Format for NamedV6 {
    type Plain = AccountRef;

    fn of(plain: AccountRef) -> NamedV6 {
        match plain {
            AccountRef::Handle { network, handle } => {
                NamedV6::Handle { network: Format::of(network), handle }
            }
            AccountRef::Id(key) => NamedV6::Id(Format::of(key)),
        }
    }

    fn plain(self) -> AccountRef {
        match self {
            NamedV6::Handle { network, handle } => AccountRef::Handle { network: network.plain(), handle },
            NamedV6::Id(key) => AccountRef::Id(key.plain()),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum StandingV6 {
    Missing,
    Private,
    Suspended,
    Closed { why: String },
    Unasked { why: String },
    LeftOut(LeftOutV6),
}

impl Format for StandingV6 {
    type Plain = Standing;

    fn of(plain: Standing) -> StandingV6 {
        match plain {
            Standing::Missing => StandingV6::Missing,
            Standing::Private => StandingV6::Private,
            Standing::Suspended => StandingV6::Suspended,
            Standing::Closed { why } => StandingV6::Closed { why },
            Standing::Unasked { why } => StandingV6::Unasked { why },
            Standing::LeftOut(reason) => StandingV6::LeftOut(Format::of(reason)),
        }
    }

    fn plain(self) -> Standing {
        match self {
            StandingV6::Missing => Standing::Missing,
            StandingV6::Private => Standing::Private,
            StandingV6::Suspended => Standing::Suspended,
            StandingV6::Closed { why } => Standing::Closed { why },
            StandingV6::Unasked { why } => Standing::Unasked { why },
            StandingV6::LeftOut(reason) => Standing::LeftOut(reason.plain()),
        }
    }
}

record! {
    VerdictV6 of VerdictView {
        id: VerdictIdV6,
        claim: ClaimV6,
        handle: String,
        at: TimeV1,
        why: String,
        effect: EffectV6,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct VerdictIdV6(u64);

impl Format for VerdictIdV6 {
    type Plain = VerdictId;

    fn of(plain: VerdictId) -> VerdictIdV6 {
        VerdictIdV6(plain.0)
    }

    fn plain(self) -> VerdictId {
        VerdictId(self.0)
    }
}

#[derive(Serialize, Deserialize)]
enum ClaimV6 {
    Account { account: AccountKeyV1, is_artists: bool },
    Picture { post: PostKeyV1, image: Option<u8>, is_same: bool },
}

impl Format for ClaimV6 {
    type Plain = Claim;

    fn of(plain: Claim) -> ClaimV6 {
        match plain {
            Claim::Account { account, is_artists } => {
                ClaimV6::Account { account: Format::of(account), is_artists }
            }
            Claim::Picture { post, image, is_same } => {
                ClaimV6::Picture { post: Format::of(post), image, is_same }
            }
        }
    }

    fn plain(self) -> Claim {
        match self {
            ClaimV6::Account { account, is_artists } => {
                Claim::Account { account: account.plain(), is_artists }
            }
            ClaimV6::Picture { post, image, is_same } => {
                Claim::Picture { post: post.plain(), image, is_same }
            }
        }
    }
}

choice! { LeftOutV6 of LeftOutReason { SitesOwn Copy Weaker Blocklist Organization OtherNetwork Person Forgotten } }

choice! {
    #[serde(rename_all = "snake_case")]
    EffectV6 of Effect { Added LeftOut First Conflict Nothing }
}

record! { ElsewhereV5 of Elsewhere { site: String, url: String, evidence: EvidenceV1, } }

record! {
    SearchedV4 of SearchedView {
        account: AccountKeyV1,
        whole_at: Option<TimeV1>,
        windows: Vec<CoveredWindowV4>,
    }
}

record! { CoveredWindowV4 of CoveredWindow { window: WindowV4, listed_at: TimeV1, } }

/// Millionths of a dollar.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct PriceV4(u64);

impl Format for PriceV4 {
    type Plain = MicroUsd;

    fn of(plain: MicroUsd) -> PriceV4 {
        PriceV4(plain.0)
    }

    fn plain(self) -> MicroUsd {
        MicroUsd(self.0)
    }
}

record! {
    AnsweredAccountV1 of AccountView {
        key: AccountKeyV1,
        handle: String,
        evidence: Option<EvidenceV1>,
        chain: Vec<String>,
    }
}

record! {
    ResultV1 of ResultView {
        post: PostKeyV1,
        account: AccountKeyV1,
        handle: Option<String>,
        position: u8,
        count: u8,
        distance: u32,
        variant: VariantV1,
        class: ClassV1,
        second_stage: Option<SecondStageV1>,
        image_name: String,
        published: Option<TimeV1>,
        // Programs before version 6 did not know it.
        #[serde(default)]
        said_same: bool,
        // Nor did those before version 7 know this.
        #[serde(default)]
        part: Option<PartV7>,
    }
}

record! {
    PartV7 of PartMatch {
        keypoints: u16,
        agreement: u8,
        mirrored: bool,
        inverted: bool,
        in_query: RegionV7,
        in_stored: RegionV7,
    }
}

/// Four corners in per mille of a picture's width and height.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct RegionV7([[i16; 2]; 4]);

impl Format for RegionV7 {
    type Plain = Region;

    fn of(plain: Region) -> RegionV7 {
        RegionV7(plain.0)
    }

    fn plain(self) -> Region {
        Region(self.0)
    }
}

#[derive(Default, Serialize, Deserialize)]
enum PartsStateV7 {
    #[default]
    Off,
    Searched,
    Incomplete {
        images_without: u64,
    },
    OnlyAlike,
    TooFew,
}

impl Format for PartsStateV7 {
    type Plain = PartsState;

    fn of(plain: PartsState) -> PartsStateV7 {
        match plain {
            PartsState::Off => PartsStateV7::Off,
            PartsState::Searched => PartsStateV7::Searched,
            PartsState::Incomplete { images_without } => PartsStateV7::Incomplete { images_without },
            PartsState::OnlyAlike => PartsStateV7::OnlyAlike,
            PartsState::TooFew => PartsStateV7::TooFew,
        }
    }

    fn plain(self) -> PartsState {
        match self {
            PartsStateV7::Off => PartsState::Off,
            PartsStateV7::Searched => PartsState::Searched,
            PartsStateV7::Incomplete { images_without } => PartsState::Incomplete { images_without },
            PartsStateV7::OnlyAlike => PartsState::OnlyAlike,
            PartsStateV7::TooFew => PartsState::TooFew,
        }
    }
}

record! { SecondStageV1 of SecondStage { distance256: u16, thumbnail_centilevels: u16, } }

choice! {
    StatusV1 of QueryStatus {
        WaitLinkFinder LinkFinder WaitIndexAccounts IndexAccounts WaitReverseSearch ReverseSearch End
    }
}

choice! {
    #[serde(rename_all = "snake_case")]
    EvidenceV1 of Evidence { Person Mutual ProfileField Curated ProfileText WorkText SameHandle }
}

// Version 7 brought `InsideAnother` and `PartInCommon`.
choice! {
    #[serde(rename_all = "snake_case")]
    ClassV1 of MatchClass { Identical Recompressed EditedOrVariant InsideAnother PartInCommon Similar }
}

choice! {
    #[serde(rename_all = "snake_case")]
    VariantV1 of Variant { AsIs OnWhite OnBlack Trimmed Mirrored TurnedRight UpsideDown TurnedLeft }
}

choice! {
    FailureV1 of FailureCode {
        NoUrlField UrlTooLong NotAnUrl UnsupportedWebsite NotAnArtworkPage NoTwitterAccountFound
        NoValidTwitterAccountFound BlockedByTwitterAccount ErrorDuringReverseSearch QueryImageTooBig
        ProcessingError YourIpHasMaxProcessingRequests CannotGetImage InvalidTwitterAccount
        TwitterAccountNotIndexed IdentifierMissing ImageMissing ApiBudgetExhausted NoSuchRequest
        Cancelled
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::state::StateFile;

    /// Dumps of `state.db` as the program wrote it, one for each version that there was.
    pub const GOLDEN: [&str; 7] = [
        include_str!("../../tests/fixtures/journal/v1.sql"),
        include_str!("../../tests/fixtures/journal/v2.sql"),
        include_str!("../../tests/fixtures/journal/v3.sql"),
        include_str!("../../tests/fixtures/journal/v4.sql"),
        include_str!("../../tests/fixtures/journal/v5.sql"),
        include_str!("../../tests/fixtures/journal/v6.sql"),
        include_str!("../../tests/fixtures/journal/v7.sql"),
    ];

    /// A `state.db` with what a dump holds.
    pub fn write_golden(dump: &str, path: &Path) {
        rusqlite::Connection::open(path).unwrap().execute_batch(dump).unwrap();
    }

    /// Puts rows into a `state.db` that no program of today would write.
    pub fn write_odd(path: &Path, rows: &[(&str, &str)]) {
        let connection = rusqlite::Connection::open(path).unwrap();
        for row in rows {
            let sql = "INSERT INTO requests (key, request, accepted_at) VALUES (?1, ?2, 0)";
            connection.execute(sql, (row.0, row.1)).unwrap();
        }
    }

    /// All networks that there were when the rows of the fixtures were written.
    fn all_of_then() -> Networks {
        Networks::of([Network::Twitter, Network::Bluesky, Network::Mastodon]).unwrap()
    }

    fn query(url: &str, client: Client, networks: Networks, webhooks: &[&str]) -> AcceptedRequest {
        let webhooks = webhooks.iter().map(|name| (*name).to_owned()).collect();
        let (url, whole) = (url.to_owned(), false);
        AcceptedRequest::Query { url, client, networks, webhooks, whole, deaths: 0 }
    }

    fn scan(
        (network, native, handle): (Network, &str, &str),
        posts: Option<u64>,
        priority: Priority,
        searched: Option<EndedSearch>,
    ) -> AcceptedRequest {
        let key = AccountKey::new(network, native);
        let account = Account { key, handle: handle.to_owned(), posts };
        let (reach, deaths) = (Reach::Whole, ScanDeaths::default());
        AcceptedRequest::Scan { account, reach, priority, searched, deaths }
    }

    /// What version 4 brought.
    fn windows(account: (Network, &str, &str)) -> [AcceptedRequest; 2] {
        let mut part = scan(account, Some(3), Priority::User, None);
        if let AcceptedRequest::Scan { reach, .. } = &mut part {
            *reach = Reach::Window(Window { from: Timestamp(-5), to: Timestamp(1_789_000_000_123) });
        }
        let mut of_all = query("https://www.pixiv.net/artworks/6", Client::Exempt, all_of_then(), &[]);
        if let AcceptedRequest::Query { whole, .. } = &mut of_all {
            *whole = true;
        }
        [part, of_all]
    }

    fn found(variant: Variant, class: MatchClass, second_stage: Option<SecondStage>) -> ResultView {
        ResultView {
            post: PostKey::new(Network::Mastodon, "https://art.example/users/ann/statuses/1"),
            account: AccountKey::new(Network::Mastodon, "https://art.example/users/ann"),
            handle: Some("ann@art.example".to_owned()),
            position: 1,
            count: 4,
            distance: 3,
            variant,
            class,
            second_stage,
            image_name: "https://files.example/1.png".to_owned(),
            published: Some(Timestamp(1_600_000_000_000)),
            part: None,
            said_same: false,
        }
    }

    /// What version 6 brought.
    fn verdicts_of(version: u64) -> Vec<VerdictView> {
        if version < 6 {
            return Vec::new();
        }
        let account = AccountKey::new(Network::Bluesky, "did:plc:b");
        let post = PostKey::new(Network::Twitter, "18446744073709551615");
        let view = |n, claim, effect| VerdictView {
            id: VerdictId(u64::MAX - n),
            claim,
            handle: "ann.example".to_owned(),
            at: Timestamp(1_790_000_000_000),
            why: "\u{201c}she says so\u{201d}".to_owned(),
            effect,
        };
        vec![
            view(0, Claim::Account { account: account.clone(), is_artists: true }, Effect::Added),
            view(1, Claim::Account { account: account.clone(), is_artists: false }, Effect::LeftOut),
            view(2, Claim::Picture { post: post.clone(), image: Some(2), is_same: true }, Effect::First),
            view(3, Claim::Picture { post, image: None, is_same: false }, Effect::Conflict),
        ]
    }

    /// What version 5 brought.
    fn elsewhere_of(version: u64) -> Vec<Elsewhere> {
        let page = |evidence| Elsewhere {
            site: "Instagram".to_owned(),
            url: "https://www.instagram.com/ann/".to_owned(),
            evidence,
        };
        if version < 5 { Vec::new() } else { vec![page(Evidence::ProfileField), page(Evidence::Curated)] }
    }

    /// What version 6 brought: accounts that an answer tells beside those that can be read.
    fn others_of(version: u64) -> Vec<OtherAccount> {
        if version < 6 {
            return Vec::new();
        }
        let reasons = [
            LeftOutReason::SitesOwn,
            LeftOutReason::Copy,
            LeftOutReason::Weaker,
            LeftOutReason::Blocklist,
            LeftOutReason::Organization,
            LeftOutReason::OtherNetwork,
            LeftOutReason::Person,
            LeftOutReason::Forgotten,
        ];
        let standings = [
            Standing::Missing,
            Standing::Private,
            Standing::Suspended,
            Standing::Closed { why: "asks to be left out".to_owned() },
            Standing::Unasked { why: "was not looked up".to_owned() },
        ];
        let named = |n: usize| match n % 2 {
            0 => AccountRef::Handle { network: Network::Misskey, handle: format!("h{n}@art.example") },
            _ => AccountRef::Id(AccountKey::new(Network::Twitter, n.to_string())),
        };
        let standings = standings.into_iter().chain(reasons.map(Standing::LeftOut)).enumerate();
        let other = |(n, standing)| OtherAccount {
            candidate: Candidate {
                account: named(n),
                evidence: Evidence::WorkText,
                chain: vec!["https://a.example/".to_owned(); n % 3],
            },
            standing,
        };
        standings.map(other).collect()
    }

    /// What version 7 brought.
    fn parts_of(version: u64) -> Vec<ResultView> {
        if version < 7 {
            return Vec::new();
        }
        let mirrored = PartMatch { mirrored: true, inverted: true, ..PartMatch::sample() };
        [(MatchClass::InsideAnother, PartMatch::sample()), (MatchClass::PartInCommon, mirrored)]
            .map(|(class, part)| ResultView { part: Some(part), ..found(Variant::AsIs, class, None) })
            .to_vec()
    }

    /// Queries for the artist alone.
    fn artists() -> [AcceptedRequest; 2] {
        let artist = |url: &str, networks, resolve, deaths| AcceptedRequest::Artist {
            url: url.to_owned(),
            client: Client::Limited { key: "192.0.2.7".to_owned() },
            networks,
            resolve,
            deaths,
        };
        let some = Networks::of([Network::Bluesky, Network::Misskey]).unwrap();
        [
            artist("https://www.pixiv.net/artworks/7", all_of_then(), true, 0),
            artist("https://www.pixiv.net/artworks/8", some, false, 2),
        ]
    }

    fn full_answer(version: u64) -> QueryView {
        let second = SecondStage { distance256: 256, thumbnail_centilevels: 25_500 };
        let variants = [
            Variant::AsIs,
            Variant::OnWhite,
            Variant::OnBlack,
            Variant::Trimmed,
            Variant::Mirrored,
            Variant::TurnedRight,
            Variant::UpsideDown,
            Variant::TurnedLeft,
        ];
        let classes = [
            MatchClass::Identical,
            MatchClass::Recompressed,
            MatchClass::EditedOrVariant,
            MatchClass::Similar,
        ];
        let results = variants
            .into_iter()
            .enumerate()
            .map(|(n, variant)| found(variant, classes[n % 4], Some(second).filter(|_| n % 2 == 0)));
        let evidence = [
            Evidence::Mutual,
            Evidence::ProfileField,
            Evidence::Curated,
            Evidence::ProfileText,
            Evidence::WorkText,
            Evidence::SameHandle,
        ];
        let by_a_person = (version >= 6).then_some(Evidence::Person);
        let known = evidence.into_iter().chain(by_a_person).enumerate().map(|(n, evidence)| AccountView {
            key: AccountKey::new(Network::Twitter, n.to_string()),
            handle: format!("h{n}"),
            evidence: Some(evidence),
            chain: vec!["https://a.example/".to_owned(); n],
        });
        let named = AccountView {
            key: AccountKey::new(Network::Bluesky, "did:plc:b"),
            handle: String::new(),
            evidence: None,
            chain: vec![],
        };
        let bare =
            ResultView { handle: None, published: None, ..found(Variant::AsIs, MatchClass::Similar, None) };
        let window = Window { from: Timestamp(1), to: Timestamp(2) };
        let covered = CoveredWindow { window, listed_at: Timestamp(3) };
        let searched = |whole_at| SearchedView {
            account: AccountKey::new(Network::Twitter, "12"),
            whole_at,
            windows: vec![covered],
        };
        let of_version = match version {
            ..4 => QueryView::sample_ended("", ""),
            _ => QueryView {
                elsewhere: elsewhere_of(version),
                wanted: if version < 6 { Wanted::Posts } else { Wanted::PostsInAll },
                others: others_of(version),
                look_up: (version >= 6).then_some(MicroUsd(20_000)),
                published: Some(Timestamp(4)),
                named_posts: vec![bare.clone()],
                searched: vec![searched(None), searched(Some(Timestamp(5)))],
                looking: Some(window),
                cost: MicroUsd(6),
                rest: Some(MicroUsd(u64::MAX)),
                ..QueryView::sample_ended("", "")
            },
        };
        let QueryView {
            published,
            named_posts,
            elsewhere,
            searched,
            looking,
            cost,
            rest,
            wanted,
            others,
            look_up,
            ..
        } = of_version;
        QueryView {
            wanted,
            others,
            look_up,
            published,
            named_posts,
            elsewhere,
            searched,
            looking,
            cost,
            rest,
            query: QueryId(u64::MAX),
            has_first_time_scan: true,
            accounts: known.chain([named]).collect(),
            results: results.map(|result| ResultView { said_same: version >= 6, ..result }).collect(),
            verdicts: verdicts_of(version),
            similar: std::iter::once(bare).chain(parts_of(version)).collect(),
            parts: if version < 7 { PartsState::Off } else { PartsState::Incomplete { images_without: 7 } },
            image_url: Some("https://i.pximg.net/4.png".to_owned()),
            steps: QueryStatus::ALL.into_iter().zip(0..).collect(),
            queue_position: Some(2),
            estimated_wait_ms: Some(1500),
            waits_for_network: true,
            posts_listed: 11,
            posts_indexed: 10,
            posts_total: Some(12),
            version: 42,
            ..QueryView::sample_ended("a-b", "https://www.pixiv.net/artworks/4")
        }
    }

    /// What the dump of a version holds, in the order of acceptance.
    pub fn golden_requests(version: u64) -> Vec<AcceptedRequest> {
        let key = Client::Key { name: "bot".to_owned(), max_processing_requests: 7 };
        let some = Networks::of([Network::Bluesky, Network::Mastodon]).unwrap();
        let limited = Client::Limited { key: "2001:db8::/64".to_owned() };
        let whole = EndedSearch {
            since: None,
            until: Some(Timestamp(1_789_000_000_123)),
            ids: vec!["1558553189766631429".to_owned(), "9".to_owned()],
        };
        let empty = EndedSearch { since: Some(Timestamp(-1)), until: None, ids: vec![] };
        let longest = (Network::Twitter, "18446744073709551615", "jane");
        let mut requests = vec![
            query("https://www.deviantart.com/jane/art/a-1", Client::Exempt, all_of_then(), &[]),
            query("https://www.pixiv.net/artworks/2", limited, all_of_then(), &["site", "bot"]),
            scan(longest, Some(u64::MAX), Priority::User, None),
            scan((Network::Bluesky, "did:plc:a", "jane.example"), None, Priority::Maintenance, None),
            scan((Network::Twitter, "12", ""), Some(0), Priority::User, Some(whole)),
            scan((Network::Twitter, "13", "max"), Some(9), Priority::Maintenance, Some(empty)),
        ];
        let delivery = |id: String, webhook: &str, answer| {
            AcceptedRequest::Delivery(Box::new(Delivery { id, webhook: webhook.to_owned(), answer }))
        };
        requests.push(delivery("19a3f-1".to_owned(), "bot", full_answer(version)));
        let is_known = |code: &&FailureCode| **code != FailureCode::Cancelled || version >= 3;
        requests.extend(FailureCode::ALL.iter().filter(is_known).enumerate().map(|(n, code)| {
            let answer = QueryView {
                error: Some(*code),
                error_detail: format!("\u{201c}why\u{201d} {n}"),
                ..QueryView::sample_ended("i", &format!("https://a.example/{n}"))
            };
            delivery(format!("19a3f-e{n}"), "site", answer)
        }));
        requests.push(query("https://danbooru.donmai.us/posts/5", key, some, &[]));
        if version >= 4 {
            requests.extend(windows((Network::Twitter, "14", "eve")));
        }
        if version >= 6 {
            requests.extend(artists());
        }
        requests
    }

    fn rows(dump: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        write_golden(dump, &path);
        let rows = StateFile::open(&path).unwrap().accepted().unwrap();
        rows.into_iter().map(|row| row.request).collect()
    }

    #[test]
    fn rows_of_every_version_are_read() {
        for (version, dump) in (1..).zip(GOLDEN) {
            let read: Vec<_> = rows(dump).iter().map(|row| decode(row).unwrap()).collect();
            assert_eq!(read, golden_requests(version), "version {version}");
        }
    }

    /// A change of the format is a new version, not another form of this one.
    #[test]
    fn rows_of_this_version_are_written_as_before() {
        let written: Vec<String> = golden_requests(VERSION).iter().map(encode).collect();
        assert_eq!(written, rows(GOLDEN[GOLDEN.len() - 1]));
        assert_eq!(GOLDEN.len() as u64, VERSION);
    }

    /// The first programs did not write all that version 1 has come to hold.
    #[test]
    fn what_the_first_programs_left_out_has_a_meaning() {
        let row = r#"{"Query":{"url":"a","client":"Exempt"}}"#;
        assert_eq!(decode(row).unwrap(), query("a", Client::Exempt, Networks::default(), &[]));
        let account = r#"{"key":{"network":"twitter","native":"1"},"handle":"h","posts":null}"#;
        let row = format!(r#"{{"Scan":{{"account":{account},"priority":"User"}}}}"#);
        assert_eq!(decode(&row).unwrap(), scan((Network::Twitter, "1", "h"), None, Priority::User, None));
    }

    #[test]
    fn deaths_are_written_down_where_there_are_any() {
        let mut request = query("a", Client::Exempt, Networks::default(), &[]);
        assert!(!encode(&request).contains("deaths"));
        let AcceptedRequest::Query { deaths, .. } = &mut request else { unreachable!() };
        *deaths = 2;
        assert_eq!(decode(&encode(&request)).unwrap(), request);

        let mut request = scan((Network::Twitter, "1", "h"), None, Priority::User, None);
        assert!(!encode(&request).contains("deaths"));
        let AcceptedRequest::Scan { deaths, .. } = &mut request else { unreachable!() };
        *deaths = ScanDeaths { search: 1, timeline: 0, posts: vec![("p".to_owned(), 2)] };
        assert_eq!(decode(&encode(&request)).unwrap(), request);
        let row = r#"{"version":2,"request":{"Scan":{"account":{"key":{"network":"twitter","native":"1"},"handle":"h",
            "posts":null},"priority":"User","searched":null,"deaths":{"search":1,"timeline":0,"posts":[["p",2]]}}}}"#;
        assert_eq!(decode(row).unwrap(), request, "as it was written first");
    }

    #[test]
    fn what_cannot_be_read_says_why_and_what_to_do() {
        let check = |row: &str, expect: &str| {
            let why = decode(row).unwrap_err().to_string();
            assert!(why.contains(expect), "{row}: {why}");
        };
        check(r#"{"version":8,"anything":[]}"#, "version 8 of the journal");
        check(r#"{"version":99}"#, "install that program again");
        check(r#"{"version":1,"request":{}}"#, "it claims version 1");
        check(r#"{"version":2,"request":{"Dance":{}}}"#, "unknown variant `Dance`");
        check(r#"{"Query":{"url":"a","#, "ask for the same again");
        check("", "it is damaged");
    }
}
