"""Indexes the artists of a search on DeviantArt, the popular ones first.

    python crawl_deviantart_search.py 'witch kitchen' --record witches.jsonl
"""

import sys

from crawling import main
from deviantart import SITE, listing_for

if __name__ == "__main__":
    sys.exit(main(__doc__, SITE, "SEARCH", lambda words: listing_for(f"boost:popular {words}")))
