/** node crawl_derpibooru_search.js 'safe, score.gte:500' --record search.jsonl; for Furbooru --site https://furbooru.org */

import { main } from "./crawling.js";

/** Images in one answer at most. */
const PER_PAGE = 50;

function listingFor(search) {
  return async (site, cursor) => {
    const page = cursor ?? 1;
    const parameters = { q: search, page: String(page), per_page: String(PER_PAGE), sf: "id", sd: "desc" };
    const { images, total } = JSON.parse(await site.get("/api/v1/json/search/images", parameters));
    const works = images.map((image) => {
      // The address that people see, wherever the list was read.
      const board = new URL(image.view_url).hostname === "furrycdn.org" ? "furbooru.org" : "derpibooru.org";
      const artists = image.tags.filter((tag) => tag.startsWith("artist:"));
      return { page: `https://${board}/images/${image.id}`, artist: artists.join(", ") };
    });
    return { works, next: page * PER_PAGE < total && works.length > 0 ? page + 1 : null };
  };
}

await main("Indexes the artists of a search on Derpibooru.", "https://derpibooru.org", "SEARCH", listingFor);
