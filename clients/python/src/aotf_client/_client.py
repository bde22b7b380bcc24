"""The client. One object may be used by several threads: it keeps no state but its settings."""

from __future__ import annotations

import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union, cast

from ._errors import AotfError, NotReachable, QueryFailed, Refused, ServerBusy, TookTooLong, failed, refused
from ._types import Answer, ArtistAnswer, BatchEntry, Config, ErrorEntry, KnownAccount, SearchAnswer, Stats

DEFAULT_SERVER = "http://127.0.0.1:3301"

#: Queries in one request (`limits` of the API).
MAX_BATCH = 100
#: Seconds between two questions about the same query: the server's own limit is one a second.
POLL_PERIOD = 1.0
#: The server sends a comment into a silent stream every 15 seconds; after twice as many it is taken for dead.
STREAM_SILENCE = 35.0
#: The longest pause between two tries.
MAX_PAUSE = 60.0
#: Seconds that the client waits for a query where nothing else is said: a first scan takes minutes.
PATIENCE = 3600.0

Image = Union[bytes, "str", Path]
OnChange = Callable[[Answer], None]


class Client:
    """A server at `server`, such as `http://127.0.0.1:3301` or `https://host.example/api`.

    `key` is an API key. `timeout` bounds one request in seconds, not a query.
    """

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        key: Optional[str] = None,
        timeout: float = 30.0,
        user_agent: str = "aotf-client/0.1 (Python)",
    ) -> None:
        parts = urllib.parse.urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"{server!r} is not the address of a server: http://HOST[:PORT]")
        self._server = server.rstrip("/")
        self._timeout = timeout
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"

    # ---- queries

    def query(
        self,
        page: str,
        *,
        first: bool = False,
        whole: bool = False,
        networks: Optional[Sequence[str]] = None,
        webhook: Optional[str] = None,
    ) -> Answer:
        """Starts a query for an artwork's page, or tells where it is. Returns at once.

        With `first`, the answer has ended with the first post that shows the artwork itself; with `whole`, the artist's
        accounts are scanned whole before it ends. Raises `QueryFailed` where it was not accepted or has failed.
        """
        parameters = self._asked(page, networks, webhook, first=first, whole=whole)
        return cast(Answer, self._checked(self._get("/query", parameters)))

    def find(
        self,
        page: str,
        *,
        first: bool = False,
        whole: bool = False,
        networks: Optional[Sequence[str]] = None,
        webhook: Optional[str] = None,
        patience: float = PATIENCE,
        on_change: Optional[OnChange] = None,
    ) -> Answer:
        """The final answer for an artwork's page: `answer["posts"]`, closest first.

        Waits for it at most `patience` seconds; `on_change` sees each answer on the way. Pauses as long as a
        busy server says, and longer each time where it says nothing. `first` does not wait for more than one post
        that shows the artwork itself; `whole` has the artist's accounts scanned whole.
        """
        until = time.monotonic() + patience

        def begin() -> Answer:
            return self.query(page, first=first, whole=whole, networks=networks, webhook=webhook)

        answer = self._patiently(until, begin)
        parameters = self._asked(page, networks, None, first=first, whole=whole)
        return cast(Answer, self._to_the_end(answer, "/query", parameters, until, on_change))

    def follow(
        self,
        page: str,
        *,
        first: bool = False,
        whole: bool = False,
        networks: Optional[Sequence[str]] = None,
    ) -> Iterator[Answer]:
        """Every answer about a query until its end, as the server sends them.

        Ends early if the stream does: `find` goes on in that case.
        """
        parameters = self._asked(page, networks, None, first=first, whole=whole)
        for _, answer in self._events("/query/events", parameters, None, None):
            yield cast(Answer, answer)

    def artist(
        self,
        page: str,
        *,
        resolve: bool = True,
        networks: Optional[Sequence[str]] = None,
        patience: float = PATIENCE,
    ) -> ArtistAnswer:
        """The artist of an artwork: `answer["accounts"]` with their reasons; no post is looked for.

        Without `resolve`, no network is asked whether the accounts are there, which costs nothing. Waits at most
        `patience` seconds.
        """
        until = time.monotonic() + patience
        parameters = {} if resolve else {"resolve": "0"}
        parameters.update(self._asked(page, networks, None, first=False, whole=False))
        while True:
            answer = self._patiently(until, lambda: self._checked(self._get("/artist", parameters)))
            if _is_final(answer):
                return cast(ArtistAnswer, answer)
            if time.monotonic() >= until:
                raise TookTooLong(page)
            time.sleep(POLL_PERIOD)

    # ---- many queries

    def submit(
        self,
        pages: Sequence[str],
        *,
        whole: bool = False,
        networks: Optional[Sequence[str]] = None,
        webhook: Optional[str] = None,
    ) -> List[BatchEntry]:
        """Starts up to 100 queries in one request. An entry can have an `error` of its own; none is raised."""
        body: Dict[str, Any] = {"urls": list(pages)}
        if whole:
            body["whole"] = True
        if networks is not None:
            body["networks"] = list(networks)
        if webhook is not None:
            body["webhook"] = webhook
        answer = self._post("/queries", {}, json.dumps(body).encode(), "application/json")
        return cast(List[BatchEntry], answer["queries"])

    def states(self, ids: Sequence[str]) -> List[BatchEntry]:
        """Where up to 100 queries are, by their `id`s. Starts nothing."""
        return cast(List[BatchEntry], self._get("/queries", {"ids": ",".join(ids)})["queries"])

    def find_all(
        self,
        pages: Iterable[str],
        *,
        whole: bool = False,
        networks: Optional[Sequence[str]] = None,
        in_progress: int = 8,
        patience: float = PATIENCE,
    ) -> Iterator[BatchEntry]:
        """The final answer of each page, as they come; with `error` set where a query failed.

        At most `in_progress` queries run at a time: no more than `config()["limit_per_ip_address"]` are accepted.
        `patience` is for each of them. Pages are taken from the iterable only as there is room.
        """
        if not 1 <= in_progress <= MAX_BATCH:
            raise ValueError(f"in_progress must be 1 to {MAX_BATCH}")
        waiting = iter(pages)
        running: Dict[str, Tuple[str, float]] = {}  # page and deadline, by id
        room_until = time.monotonic() + patience  # by when the server must take another
        held: List[str] = []  # pages that there was no room for at the server
        exhausted = False
        while True:
            fresh = held[: in_progress - len(running)]
            held = held[len(fresh) :]
            while not exhausted and len(fresh) + len(running) < in_progress:
                page = next(waiting, None)
                exhausted = page is None
                if page is not None:
                    fresh.append(page)
            if fresh:
                batch = fresh
                entries = self._patiently(
                    time.monotonic() + patience, lambda: self.submit(batch, whole=whole, networks=networks)
                )
                for page, entry in zip(batch, entries):
                    if entry["error"] == "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS":
                        held.append(page)
                    elif _is_final(entry) or entry["id"] is None or entry["id"] in running:
                        if _is_final(entry):
                            yield entry
                        else:
                            held.append(page)
                    else:
                        running[entry["id"]] = (page, time.monotonic() + patience)
            if running:
                room_until = time.monotonic() + patience
            elif held and time.monotonic() > room_until:
                raise TookTooLong(held[0])
            if not running and not held and exhausted:
                return
            time.sleep(POLL_PERIOD)
            if not running:
                continue
            ids = list(running)
            for entry in self._patiently(time.monotonic() + patience, lambda: self.states(ids)):
                page, until = running[str(entry["id"])]
                if _is_final(entry):
                    del running[str(entry["id"])]
                    entry["url"] = page
                    yield entry
                elif time.monotonic() > until:
                    raise TookTooLong(page)

    # ---- searches by image

    def search(
        self,
        image: Optional[Image] = None,
        *,
        url: Optional[str] = None,
        account_name: Optional[str] = None,
        networks: Optional[Sequence[str]] = None,
        turned: bool = False,
    ) -> SearchAnswer:
        """Starts a search by an image: its bytes, the path of its file, or the `url` where the server fetches it.

        Through all that is indexed, or through one account. Returns at once; `search_state` tells the rest.
        """
        if (image is None) == (url is None):
            raise ValueError("give either an image or a url")
        if url is not None:
            body: Dict[str, Any] = {"url": url, "turned": turned}
            if account_name is not None:
                body["account_name"] = account_name
            if networks is not None:
                body["networks"] = list(networks)
            answer = self._post("/search", {}, json.dumps(body).encode(), "application/json")
        else:
            content = image if isinstance(image, bytes) else Path(cast(Any, image)).read_bytes()
            parameters: Dict[str, str] = {}
            if account_name is not None:
                parameters["account_name"] = account_name
            if networks is not None:
                parameters["networks"] = ",".join(networks)
            if turned:
                parameters["turned"] = "1"
            answer = self._post("/search", parameters, content, "application/octet-stream")
        return cast(SearchAnswer, self._checked(answer))

    def search_state(self, identifier: str) -> SearchAnswer:
        """Where a search by image is."""
        return cast(SearchAnswer, self._checked(self._get("/search", {"identifier": identifier})))

    def find_image(
        self,
        image: Optional[Image] = None,
        *,
        url: Optional[str] = None,
        account_name: Optional[str] = None,
        networks: Optional[Sequence[str]] = None,
        turned: bool = False,
        patience: float = PATIENCE,
        on_change: Optional[OnChange] = None,
    ) -> SearchAnswer:
        """The final answer of a search by image; arguments as those of `search` and `find`."""
        until = time.monotonic() + patience
        begun = self._patiently(
            until,
            lambda: self.search(
                image, url=url, account_name=account_name, networks=networks, turned=turned
            ),
        )
        parameters = {"identifier": str(begun["identifier"])}
        return cast(SearchAnswer, self._to_the_end(begun, "/search", parameters, until, on_change))

    # ---- the server

    def stats(self) -> Stats:
        """The server's figures."""
        return cast(Stats, self._get("/stats", {}))

    def config(self) -> Config:
        """The limits that apply to this caller."""
        return cast(Config, self._get("/config", {}))

    def account(self, name: str) -> List[KnownAccount]:
        """What is known of the accounts of this name or id."""
        return cast(List[KnownAccount], self._checked(self._get("/account", {"name": name}))["accounts"])

    def errors(self) -> List[ErrorEntry]:
        """Every error code with its meaning in English and French."""
        return cast(List[ErrorEntry], self._get("/errors", {}))

    # ---- how it is done

    @staticmethod
    def _asked(
        page: str,
        networks: Optional[Sequence[str]],
        webhook: Optional[str],
        *,
        first: bool,
        whole: bool,
    ) -> Dict[str, str]:
        # The server takes all behind an address that is not encoded for its part: `url` comes last.
        asked = {name: "1" for name, is_set in [("first", first), ("whole", whole)] if is_set}
        if networks is not None:
            asked["networks"] = ",".join(networks)
        if webhook is not None:
            asked["webhook"] = webhook
        asked["url"] = page
        return asked

    @staticmethod
    def _checked(answer: Any) -> Any:
        if answer["error"] is not None:
            raise failed(answer)
        return answer

    def _to_the_end(
        self,
        answer: Any,
        path: str,
        parameters: Dict[str, str],
        until: float,
        on_change: Optional[OnChange],
    ) -> Any:
        """Follows a query that was accepted: by events, and by asking again where these break off."""
        heard: Optional[str] = None
        pause = POLL_PERIOD
        while True:
            if on_change is not None:
                on_change(answer)
            if _is_final(answer):
                return self._checked(answer)
            if time.monotonic() >= until:
                raise TookTooLong(parameters.get("url") or parameters["identifier"])
            try:
                for version, event in self._events(f"{path}/events", parameters, heard, until):
                    heard, answer, pause = version or heard, event, POLL_PERIOD
                    if _is_final(answer):
                        break
                    if on_change is not None:
                        on_change(answer)
                    if time.monotonic() >= until:
                        break
                if _is_final(answer):
                    continue
            except (NotReachable, ServerBusy):
                pass
            except Refused as error:
                if error.status not in (404, 429):
                    raise
            # The stream was closed or refused: a restart, a proxy, as many streams as there may be, an older server.
            time.sleep(max(0.0, min(pause, until - time.monotonic())))
            pause = min(pause * 2, MAX_PAUSE)
            answer = self._patiently(until, lambda: self._checked(self._get(path, parameters)))

    def _patiently(self, until: float, ask: Callable[[], Any]) -> Any:
        """What `ask` returns once the server is willing."""
        pause = POLL_PERIOD
        while True:
            try:
                return ask()
            except AotfError as error:
                wait = _pause_after(error, pause)
                if wait is None or time.monotonic() + wait > until:
                    raise
                # So that clients that were refused together do not come together again.
                time.sleep(wait * random.uniform(1.0, 1.25))
                pause = min(pause * 2, MAX_PAUSE)

    def _get(self, path: str, parameters: Dict[str, str]) -> Any:
        return self._request("GET", path, parameters, None, {})

    def _post(self, path: str, parameters: Dict[str, str], body: bytes, content_type: str) -> Any:
        return self._request("POST", path, parameters, body, {"Content-Type": content_type})

    def _request(
        self,
        method: str,
        path: str,
        parameters: Dict[str, str],
        body: Optional[bytes],
        headers: Dict[str, str],
    ) -> Any:
        with self._open(method, path, parameters, body, headers, self._timeout) as response:
            try:
                return json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise NotReachable(f"{self._server}: the answer cannot be read: {error}") from error

    def _open(
        self,
        method: str,
        path: str,
        parameters: Dict[str, str],
        body: Optional[bytes],
        headers: Dict[str, str],
        timeout: float,
    ) -> Any:
        query = urllib.parse.urlencode(parameters)
        address = f"{self._server}{path}" + (f"?{query}" if query else "")
        request = urllib.request.Request(
            address, data=body, method=method, headers={**self._headers, **headers}
        )
        try:
            return _OPENER.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise NotReachable(f"{self._server}: {error}") from error

    def _events(
        self, path: str, parameters: Dict[str, str], heard: Optional[str], until: Optional[float]
    ) -> Iterator[Tuple[Optional[str], Any]]:
        """Versions and answers of a stream of server-sent events, until it is closed."""
        headers = {"Accept": "text/event-stream"}
        if heard is not None:
            headers["Last-Event-ID"] = heard
        silence = STREAM_SILENCE
        if until is not None:
            silence = max(1.0, min(silence, until - time.monotonic()))
        with self._open("GET", path, parameters, None, headers, silence) as response:
            version: Optional[str] = None
            data: List[str] = []
            try:
                for raw in response:
                    line = raw.decode("utf-8", "replace").rstrip("\r\n")
                    name, _, value = line.partition(":")
                    value = value[1:] if value.startswith(" ") else value
                    if name == "data":
                        data.append(value)
                    elif name == "id":
                        version = value
                    elif not line and data:
                        yield version, json.loads("\n".join(data))
                        data = []
                    if until is not None and time.monotonic() >= until:
                        return
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise NotReachable(f"{self._server}: the stream broke off: {error}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The API never redirects; a redirect would take the key to wherever it leads."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _is_final(answer: Any) -> bool:
    return answer["status"] == "END" or answer["error"] is not None


def _pause_after(error: AotfError, pause: float) -> Optional[float]:
    """Seconds after which to try again; `None` where that does not help."""
    status = getattr(error, "status", None)
    if status == 429 or isinstance(error, ServerBusy):
        told = getattr(error, "retry_after", None)
        return pause if told is None else min(max(float(told), 0.1), MAX_PAUSE)
    if isinstance(error, NotReachable):
        return pause
    if isinstance(error, QueryFailed) and error.code == "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS":
        return max(pause, 2.0)
    return None


def _refusal(error: urllib.error.HTTPError) -> AotfError:
    try:
        told = json.loads(error.read(64 * 1024))
        code, detail = str(told["error"]), str(told.get("error_detail") or "")
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        code, detail = "", ""
    if not code:
        # A proxy before the server speaks for itself.
        code, detail = f"HTTP_{error.code}", detail or str(error.reason)
    try:
        retry_after: Optional[float] = float(error.headers.get("Retry-After", ""))
    except ValueError:
        retry_after = None
    return refused(error.code, code, detail, retry_after)
