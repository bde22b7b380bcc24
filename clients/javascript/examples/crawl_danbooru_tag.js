/** node crawl_danbooru_tag.js hatsune_miku --record miku.jsonl */

import { main } from "./crawling.js";

function listingFor(tag) {
  return async (site, cursor) => {
    const parameters = { tags: tag, limit: "100", only: "id,tag_string_artist" };
    if (cursor !== null) parameters.page = `b${cursor}`; // those before this post: page numbers end at 1000
    const posts = JSON.parse(await site.get("/posts.json", parameters));
    // Posts that visitors may not see have no id.
    const seen = posts.filter((post) => post.id !== undefined);
    const works = seen.map((post) => ({
      page: `https://danbooru.donmai.us/posts/${post.id}`,
      artist: post.tag_string_artist,
    }));
    return { works, next: seen.at(-1)?.id ?? null };
  };
}

await main("Indexes the artists of a tag on Danbooru.", "https://danbooru.donmai.us", "TAG", listingFor);
