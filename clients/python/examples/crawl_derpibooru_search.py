"""Indexes the artists of a search on Derpibooru, or on Furbooru with `--site https://furbooru.org`.

    python crawl_derpibooru_search.py 'safe, score.gte:500' --record search.jsonl
"""

import json
import sys
import urllib.parse
from typing import List, Optional, Tuple

from crawling import Listing, Site, Work, main

#: Images in one answer at most.
PER_PAGE = 50


def listing_for(search: str) -> Listing:
    def listing(site: Site, cursor: Optional[str]) -> Tuple[List[Work], Optional[str]]:
        page = int(cursor or 1)
        parameters = {"q": search, "page": str(page), "per_page": str(PER_PAGE), "sf": "id", "sd": "desc"}
        answer = json.loads(site.get("/api/v1/json/search/images", parameters))
        works = []
        for image in answer["images"]:
            # The address that people see, wherever the list was read.
            host = urllib.parse.urlsplit(image["view_url"]).hostname
            board = "furbooru.org" if host == "furrycdn.org" else "derpibooru.org"
            artists = [tag for tag in image["tags"] if tag.startswith("artist:")]
            works.append(Work(f"https://{board}/images/{image['id']}", ", ".join(artists)))
        more = page * PER_PAGE < answer["total"] and bool(works)
        return works, (str(page + 1) if more else None)

    return listing


if __name__ == "__main__":
    sys.exit(main(__doc__, "https://derpibooru.org", "SEARCH", listing_for))
