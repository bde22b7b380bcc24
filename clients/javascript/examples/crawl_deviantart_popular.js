/** node crawl_deviantart_popular.js --limit 150 --record popular.jsonl */

import { main } from "./crawling.js";
import { SITE, listingFor } from "./deviantart.js";

const about = "Indexes the artists whom DeviantArt's front page shows: what is popular.";
await main(about, SITE, null, () => listingFor("boost:popular"));
