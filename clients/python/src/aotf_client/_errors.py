"""What can go wrong, as types. All are `AotfError`."""

from __future__ import annotations

from typing import Optional

from ._types import Answer


class AotfError(Exception):
    """Any failure of the client, the server or a query."""


class NotReachable(AotfError):
    """Nobody answers at the server's address, or what answers is no such server."""


class TookTooLong(AotfError):
    """The query had not ended when the caller's patience did. It goes on: ask again later."""


class QueryFailed(AotfError):
    """A query or search ended with an error, or was not accepted.

    `code` is one that `Client.errors()` explains, `detail` is for people, `answer` the whole answer: some
    failed queries know the artist's accounts all the same.
    """

    def __init__(self, answer: Answer) -> None:
        self.code: str = answer["error"] or "PROCESSING_ERROR"
        self.detail: str = answer.get("error_detail") or ""
        self.answer = answer
        super().__init__(f"{self.code}: {self.detail}" if self.detail else self.code)


class TooManyInProgress(QueryFailed):
    """The caller has as many queries in progress as it may: wait until one has ended."""


class Refused(AotfError):
    """The server did not serve a request: an HTTP status other than 200.

    `retry_after` is in seconds; `None` where asking again does not help.
    """

    def __init__(self, status: int, code: str, detail: str, retry_after: Optional[float] = None) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(f"{status} {code}: {detail}" if detail else f"{status} {code}")


class BadRequest(Refused):
    """The request cannot be read (400, 404, 405, 413, 415, 421)."""


class Unauthorized(Refused):
    """The API key is not known (401)."""


class Forbidden(Refused):
    """Not for this address or key (403)."""


class TooManyRequests(Refused):
    """More requests a second than the caller may make (429)."""


class ServerBusy(Refused):
    """Not now (503, or another fault of the server): `retry_after` says when to ask again."""


def refused(status: int, code: str, detail: str, retry_after: Optional[float]) -> Refused:
    """The type for an HTTP status."""
    if status == 401:
        return Unauthorized(status, code, detail)
    if status == 403:
        return Forbidden(status, code, detail)
    if status == 429:
        return TooManyRequests(status, code, detail, retry_after)
    if status == 408 or status >= 500:
        return ServerBusy(status, code, detail, retry_after)
    return BadRequest(status, code, detail)


def failed(answer: Answer) -> QueryFailed:
    """The type for an answer with an error."""
    if answer["error"] == "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS":
        return TooManyInProgress(answer)
    return QueryFailed(answer)
