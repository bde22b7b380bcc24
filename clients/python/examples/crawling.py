"""What the four crawlers share: asking a site politely, and going through its list so that a later run goes on.

A crawl writes one file of JSON lines. A line is a page that was asked for, with the posts that were found, or the place
in the site's list up to which all is done. Stopped at any moment and started again with the same file, a crawl goes
on from there; no page is asked for twice.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from aotf_client import AotfError, BatchEntry, Client

#: Answers of a site are smaller; a longer one is not read.
MAX_SITE_BYTES = 16 * 1024 * 1024
#: Tries at a page of a site that is busy.
MAX_TRIES = 6
#: Errors that pass: such a page is asked for again by the next run.
PASSING = {"API_BUDGET_EXHAUSTED", "PROCESSING_ERROR", "NO_SUCH_REQUEST"}


class Work(NamedTuple):
    """An artwork of a site's list."""

    page: str
    artist: str


#: Gives the works of one page of a site's list, and the cursor of the next page; `None` at the end.
Listing = Callable[["Site", Optional[str]], Tuple[List[Work], Optional[str]]]


class Site:
    """A site that is asked at most once in `pause` seconds, under an honest name."""

    def __init__(self, base: str, pause: float, contact: str) -> None:
        self._base = base.rstrip("/")
        self._pause = pause
        self._agent = f"aotf-client-example/0.1 ({contact})" if contact else "aotf-client-example/0.1"
        self._next = 0.0

    def get(self, path: str, parameters: Dict[str, str]) -> bytes:
        """The body of an answer. Waits as the site says where it is busy."""
        address = f"{self._base}{path}?{urllib.parse.urlencode(parameters)}"
        request = urllib.request.Request(address, headers={"User-Agent": self._agent})
        for attempt in range(1, MAX_TRIES + 1):
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + self._pause
            try:
                with urllib.request.urlopen(request, timeout=60) as response:
                    return bytes(response.read(MAX_SITE_BYTES))
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in (429, 500, 502, 503) or attempt == MAX_TRIES:
                        raise
                    told = error.headers.get("Retry-After", "")
                wait = float(told) if told.isdigit() else self._pause * 2**attempt
            except OSError:
                if attempt == MAX_TRIES:
                    raise
                wait = self._pause * 2**attempt
            self._next = time.monotonic() + wait
        raise AssertionError("the last try returns or raises")


class Record:
    """The file of a crawl: what was asked, and where in the list it is."""

    def __init__(self, path: Path) -> None:
        self.pages: Set[str] = set()
        self.artists: Set[str] = set()
        self.cursor: Optional[str] = None
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._read(line)
        self._file = path.open("a", encoding="utf-8")
        if path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n"):
            self._file.write("\n")  # after a line that was cut short by a kill

    def _read(self, line: str) -> None:
        try:
            entry = json.loads(line)
        except ValueError:
            return  # the last line of a run that was killed while it wrote
        if not isinstance(entry, dict):
            return
        if "cursor" in entry:
            self.cursor = entry["cursor"]
        elif entry.get("error") not in PASSING:
            self._know(Work(entry["page"], entry["artist"]))

    def _know(self, work: Work) -> None:
        self.pages.add(work.page)
        if work.artist:
            self.artists.add(work.artist)

    def add(self, work: Work, answer: BatchEntry) -> None:
        self._know(work)
        posts = [post["url"] for post in answer["posts"]]
        found = {"error": answer["error"], "posts": posts, "complete": answer["complete"], "cost_usd": answer["cost_usd"]}
        self._write({"page": work.page, "artist": work.artist, **found})

    def move(self, cursor: Optional[str]) -> None:
        """All before `cursor` is done; `None`: the whole list is."""
        self.cursor = cursor
        self._write({"cursor": cursor})

    def _write(self, entry: Dict[str, object]) -> None:
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


def crawl(client: Client, site: Site, listing: Listing, record: Record, options: argparse.Namespace) -> int:
    """Asks for each work of a list; returns how many were asked for."""
    asked = 0
    cursor = record.cursor
    while True:
        works, following = listing(site, cursor)
        fresh: Dict[str, Work] = {}
        artists = set(record.artists)
        for work in works:
            if work.page in record.pages or (work.artist in artists and not options.every_work):
                continue
            if work.artist:
                artists.add(work.artist)
            fresh[work.page] = work
        pages = list(fresh)
        if options.limit is not None:
            pages = pages[: options.limit - asked]
        answers = client.find_all(
            pages, whole=options.whole, networks=options.networks, in_progress=options.in_progress
        )
        for answer in answers:
            work = fresh[str(answer["url"])]
            record.add(work, answer)
            posts = " ".join(post["url"] for post in answer["posts"])
            print(f"{work.page}  {answer['error'] or posts or 'no post'}", flush=True)
            asked += 1
        if len(pages) < len(fresh) or (options.limit is not None and asked >= options.limit):
            return asked
        record.move(following)
        if following is None:
            return asked
        cursor = following


def main(about: str, site: str, subject: Optional[str], listing_for: Callable[[str], Listing]) -> int:
    """The command line of a crawler; `subject` is what is searched for, `None` where nothing is."""
    parser = argparse.ArgumentParser(description=about)
    if subject is not None:
        parser.add_argument("subject", metavar=subject)
    parser.add_argument("--server", default="http://127.0.0.1:3301", help="the server of Artists on Twitter Finder")
    parser.add_argument("--key", help="an API key of it")
    parser.add_argument("--site", default=site, help="address of the site (%(default)s)")
    parser.add_argument("--record", type=Path, default=Path("crawl.jsonl"), help="file of results and of the place in the list")
    parser.add_argument("--limit", type=int, help="ask for this many works at most")
    parser.add_argument("--every-work", action="store_true", help="not only one work of each artist")
    parser.add_argument("--whole", action="store_true", help="have the artists' accounts scanned whole, also on X")
    parser.add_argument("--networks", type=lambda text: text.split(","), help="twitter, bluesky, mastodon, misskey, with commas between")
    parser.add_argument("--in-progress", type=int, default=4, help="queries at the same time (%(default)s)")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two requests to the site (%(default)s)")
    parser.add_argument("--contact", default="", help="how the site's operators can reach you")
    options = parser.parse_args()
    client = Client(options.server, key=options.key)
    site_asked = Site(options.site, options.pause, options.contact)
    try:
        listing = listing_for(options.subject if subject is not None else "")
        asked = crawl(client, site_asked, listing, Record(options.record), options)
    except KeyboardInterrupt:
        print("Stopped. Start it again to go on.", file=sys.stderr)
        return 130
    except (AotfError, OSError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"{asked} works were asked for.", flush=True)
    return 0
