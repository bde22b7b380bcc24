"""Searches on DeviantArt, as the feeds that it publishes for programs."""

import xml.etree.ElementTree as ElementTree
from typing import List, Optional, Tuple

from crawling import Listing, Site, Work

SITE = "https://backend.deviantart.com"
#: Deviations in one page of a feed.
PER_PAGE = 60
CREDIT = "{http://search.yahoo.com/mrss/}credit"
LINK = "{http://www.w3.org/2005/Atom}link"


def listing_for(query: str) -> Listing:
    def listing(site: Site, cursor: Optional[str]) -> Tuple[List[Work], Optional[str]]:
        offset = int(cursor or 0)
        feed = site.get("/rss.xml", {"type": "deviation", "q": query, "offset": str(offset)})
        channel = ElementTree.fromstring(feed).find("channel")
        if channel is None:
            raise ValueError("DeviantArt's feed has no channel")
        works = []
        for item in channel.findall("item"):
            credits = [credit.text for credit in item.findall(CREDIT) if credit.get("role") == "author"]
            names = [name for name in credits if name and not name.startswith("http")]
            page = item.findtext("link")
            if page:
                works.append(Work(page, names[0] if names else ""))
        more = any(link.get("rel") == "next" for link in channel.findall(LINK))
        return works, (str(offset + PER_PAGE) if more and works else None)

    return listing
