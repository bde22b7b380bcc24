"""Indexes the artists of a tag on Danbooru: asks for a post of each.

    python crawl_danbooru_tag.py hatsune_miku --record miku.jsonl
"""

import json
import sys
from typing import List, Optional, Tuple

from crawling import Listing, Site, Work, main


def listing_for(tag: str) -> Listing:
    def listing(site: Site, cursor: Optional[str]) -> Tuple[List[Work], Optional[str]]:
        parameters = {"tags": tag, "limit": "100", "only": "id,tag_string_artist"}
        if cursor is not None:
            parameters["page"] = f"b{cursor}"  # those before this post: page numbers end at 1000
        posts = json.loads(site.get("/posts.json", parameters))
        # Posts that visitors may not see have no id.
        seen = [post for post in posts if "id" in post]
        works = [
            Work(f"https://danbooru.donmai.us/posts/{post['id']}", post["tag_string_artist"]) for post in seen
        ]
        return works, (str(seen[-1]["id"]) if seen else None)

    return listing


if __name__ == "__main__":
    sys.exit(main(__doc__, "https://danbooru.donmai.us", "TAG", listing_for))
