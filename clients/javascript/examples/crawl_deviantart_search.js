/** node crawl_deviantart_search.js 'witch kitchen' --record witches.jsonl */

import { main } from "./crawling.js";
import { SITE, listingFor } from "./deviantart.js";

const about = "Indexes the artists of a search on DeviantArt, the popular ones first.";
await main(about, SITE, "SEARCH", (words) => listingFor(`boost:popular ${words}`));
