"""Indexes the artists whom DeviantArt's front page shows: what is popular.

    python crawl_deviantart_popular.py --limit 150 --record popular.jsonl
"""

import sys

from crawling import main
from deviantart import SITE, listing_for

if __name__ == "__main__":
    sys.exit(main(__doc__, SITE, None, lambda _: listing_for("boost:popular")))
