"""Client for the HTTP API of Artists on Twitter Finder.

    from aotf_client import Client

    client = Client("http://127.0.0.1:3301")
    for post in client.find("https://www.artstation.com/artwork/70013")["posts"]:
        print(post["distance"], post["class"], post["url"])

Needs nothing beside the standard library.
"""

from ._client import DEFAULT_SERVER, Client
from ._errors import (
    AotfError,
    BadRequest,
    Forbidden,
    NotReachable,
    QueryFailed,
    Refused,
    ServerBusy,
    TookTooLong,
    TooManyInProgress,
    TooManyRequests,
    Unauthorized,
)
from ._types import (
    Account,
    Answer,
    ArtistAnswer,
    BatchEntry,
    Config,
    ErrorEntry,
    KnownAccount,
    NamedAccount,
    Part,
    PartsSearched,
    Post,
    Result,
    SearchAnswer,
    Searched,
    Span,
    Stats,
    Step,
    TwitterAccount,
    Window,
)

__all__ = [
    "DEFAULT_SERVER",
    "Account",
    "Answer",
    "AotfError",
    "ArtistAnswer",
    "BadRequest",
    "BatchEntry",
    "Client",
    "Config",
    "ErrorEntry",
    "Forbidden",
    "KnownAccount",
    "NamedAccount",
    "NotReachable",
    "Part",
    "PartsSearched",
    "Post",
    "QueryFailed",
    "Refused",
    "Result",
    "SearchAnswer",
    "Searched",
    "ServerBusy",
    "Span",
    "Stats",
    "Step",
    "TookTooLong",
    "TooManyInProgress",
    "TooManyRequests",
    "TwitterAccount",
    "Unauthorized",
    "Window",
]
