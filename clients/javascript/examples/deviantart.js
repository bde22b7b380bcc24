/** Searches on DeviantArt, as the feeds that it publishes for programs. */

export const SITE = "https://backend.deviantart.com";
/** Deviations in one page of a feed. */
const PER_PAGE = 60;

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescaped(text) {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name) => ENTITIES[name]);
}

export function listingFor(query) {
  return async (site, cursor) => {
    const offset = cursor ?? 0;
    const feed = await site.get("/rss.xml", { type: "deviation", q: query, offset: String(offset) });
    // The feed is written by a program, always in the same way: what is read of it needs no parser.
    const works = [];
    for (const [, item] of feed.matchAll(/<item>([\s\S]*?)<\/item>/g)) {
      const page = /<link>([^<]+)<\/link>/.exec(item)?.[1];
      const credits = [...item.matchAll(/<media:credit [^>]*role="author"[^>]*>([^<]+)</g)].map(([, name]) => name);
      const artist = credits.find((name) => !name.startsWith("http")) ?? "";
      if (page) works.push({ page: unescaped(page), artist: unescaped(artist) });
    }
    const more = /<atom:link [^>]*rel="next"/.test(feed) && works.length > 0;
    return { works, next: more ? offset + PER_PAGE : null };
  };
}
