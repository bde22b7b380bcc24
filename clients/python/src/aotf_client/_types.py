"""The answers, as the server sends them: dictionaries whose fields type checkers know.

A newer server sends more fields, and more values where one of a list is named: both are to be ignored.
"""

from __future__ import annotations

from typing import List, Optional, TypedDict


class Part(TypedDict):
    """A part that a posted image shares with the artwork; corners are [x, y], parts of width and height."""

    keypoints: int
    agreement: float
    mirrored: bool
    inverted: bool
    in_artwork: List[List[float]]
    in_post: List[List[float]]


# `class` and `from` are words of the language, so these are written as calls.
Post = TypedDict(
    "Post",
    {
        "network": str,  # twitter, bluesky, mastodon, misskey
        "id": str,
        "account_id": str,
        "handle": Optional[str],
        "url": str,
        "image_url": str,
        "thumbnail_url": str,
        "image_position": str,  # "1/4": the first of four
        "distance": int,  # bits of 64
        "variant": str,
        "class": str,  # identical, recompressed, edited_or_variant, inside_another, part_in_common, similar
        "distance256": Optional[int],
        "thumbnail_difference": Optional[float],
        "part": Optional[Part],
        "published": Optional[str],
        "earliest": bool,
        "said_same": bool,
    },
)
Result = TypedDict(
    "Result",
    {
        "tweet_id": str,
        "account_id": str,
        "image_position": str,
        "distance": int,
        "account_name": Optional[str],
        "network": str,
        "url": str,
        "image_url": str,
        "thumbnail_url": str,
        "variant": str,
        "class": str,
        "distance256": Optional[int],
        "thumbnail_difference": Optional[float],
        "part": Optional[Part],
        "published": Optional[str],
    },
)

#: A page of an artwork that was answered for before, with the picture of a search by image.
ArtworkPage = TypedDict("ArtworkPage", {"url": str, "class": str, "distance": int, "answered_at": str})


class Account(TypedDict):
    """An account of the artist on any network."""

    network: str
    id: str
    handle: str
    url: str
    chain: List[str]
    evidence: Optional[str]


class TwitterAccount(TypedDict):
    """An account on X under the names of the original's API."""

    account_name: str
    account_id: str
    network: str
    url: str
    chain: List[str]
    evidence: Optional[str]


class Step(TypedDict):
    step: str
    ms: int


#: A span of time, both ends included.
Span = TypedDict("Span", {"from": str, "to": str})
#: A span of which the posts were searched, as they were at `listed_at`.
Window = TypedDict("Window", {"from": str, "to": str, "listed_at": str})


class Elsewhere(TypedDict):
    """A page of the artist's on a site that is not searched."""

    site: str
    url: str
    evidence: str


class NamedAccount(TypedDict):
    """An account that a page names.

    `state` is `confirmed`, `not_asked`, `missing`, `private`, `suspended`, `closed`, or why it is left out.
    """

    network: str
    id: Optional[str]
    handle: Optional[str]
    url: str
    state: str
    detail: str
    evidence: Optional[str]
    chain: List[str]


class ArtistAnswer(TypedDict):
    """Who made an artwork. `estimate_usd` is what looking the accounts up costs at most."""

    status: Optional[str]
    id: Optional[str]
    resolve: bool
    accounts: List[NamedAccount]
    left_out: List[NamedAccount]
    elsewhere: List[Elsewhere]
    estimate_usd: Optional[float]
    cost_usd: float
    error: Optional[str]
    error_detail: str
    steps: List[Step]
    queue_position: Optional[int]
    estimated_wait_ms: Optional[int]
    waits_for_network: bool


class Said(TypedDict):
    """What a person said, and what came of it. `why` is in anybody's words."""

    id: str
    verdict: str
    account: Optional[str]
    handle: Optional[str]
    post: Optional[str]
    image: Optional[int]
    url: str
    at: str
    why: str
    effect: str


class Searched(TypedDict):
    """What of an account was searched: all of it, or what was published within `windows`."""

    network: str
    account_id: str
    handle: str
    complete: bool
    whole_at: Optional[str]
    windows: List[Window]


class PartsSearched(TypedDict):
    """Whether images were looked for that share a part with the artwork."""

    state: str  # off, searched, incomplete, only_alike, too_few
    images_without: int


class Answer(TypedDict):
    """The answer about a query. `posts` is what was found; `results` the part of it that is on X.

    `named_posts` are named by the artwork's page and show it, but may be reposts. What the answer rests on: `searched`,
    `complete` (all accounts were searched whole), `cost_usd`; what `whole` would cost: `rest_usd`.
    """

    status: Optional[str]
    has_first_time_scan: bool
    twitter_accounts: List[TwitterAccount]
    results: List[Result]
    similar: List[Result]
    error: Optional[str]
    error_detail: str
    id: Optional[str]
    image_url: Optional[str]
    steps: List[Step]
    queue_position: Optional[int]
    estimated_wait_ms: Optional[int]
    waits_for_network: bool
    posts_listed: int
    posts_indexed: int
    accounts: List[Account]
    posts: List[Post]
    similar_posts: List[Post]
    published: Optional[str]
    named_posts: List[Post]
    elsewhere: List[Elsewhere]
    artwork_pages: List[ArtworkPage]
    other_accounts: List[NamedAccount]
    searched: List[Searched]
    complete: bool
    looking: Optional[Span]
    cost_usd: float
    rest_usd: Optional[float]
    verdicts: List[Said]
    parts: PartsSearched


class SearchAnswer(Answer):
    """The answer about a search by image."""

    identifier: Optional[str]


class BatchEntry(Answer):
    """One of many queries."""

    url: Optional[str]
    artist_alone: bool


class Stats(TypedDict):
    """The server's figures; what is spent is `None` for those who may not know."""

    indexed_tweets_count: int
    indexed_accounts_count: int
    processing_user_requests_count: int
    processing_scan_requests_count: int
    pending_tweets_count: int
    spent_today_usd: Optional[float]
    spent_month_usd: Optional[float]
    left_today_usd: Optional[float]
    budget_day_usd: Optional[float]
    budget_month_usd: Optional[float]
    deferred_scans_count: int
    index_percent: int
    images_with_parts_count: int
    parts_bytes: int


class Config(TypedDict):
    """The limits that apply to the caller."""

    limit_per_ip_address: int
    ip_can_bypass_limit: bool
    ip_can_use_advanced: bool
    update_accounts_frequency: Optional[int]
    max_illust_url_size: int
    networks: List[str]


class Handle(TypedDict):
    account_name: str
    first_seen: str
    last_seen: str


class KnownAccount(TypedDict):
    """What the server knows of an account."""

    network: str
    account_id: str
    account_name: Optional[str]
    known_since: str
    stated_posts: Optional[int]
    search_coverage: str
    search_listed_at: Optional[str]
    timeline_coverage: str
    timeline_listed_at: Optional[str]
    windows: List[Window]
    newest_post_seen: Optional[str]
    oldest_post_seen: Optional[str]
    posts_read: int
    stated_media: Optional[int]
    found_media: Optional[int]
    queries: int
    handles: List[Handle]


class Meaning(TypedDict):
    en: str
    fr: str


class ErrorEntry(TypedDict):
    code: str
    status: int
    meaning: Meaning
