/**
 * What the four crawlers share: asking a site politely, and going through its list so that a later run goes on.
 *
 * A crawl writes one file of JSON lines. A line is a page that was asked for, with the posts that were found, or the
 * place in the site's list up to which all is done. Stopped at any moment and started again with the same file, a
 * crawl goes on from there; no page is asked for twice.
 */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { Client } from "../index.js";

/** Tries at a page of a site that is busy. */
const MAX_TRIES = 6;
/** Errors that pass: such a page is asked for again by the next run. */
const PASSING = ["API_BUDGET_EXHAUSTED", "PROCESSING_ERROR", "NO_SUCH_REQUEST"];

/** A site that is asked at most once in `pause` seconds, under an honest name. */
class Site {
  #base;
  #pause;
  #agent;
  #next = 0;

  constructor(base, pause, contact) {
    this.#base = base.replace(/\/+$/, "");
    this.#pause = pause * 1000;
    this.#agent = contact ? `aotf-client-example/0.1 (${contact})` : "aotf-client-example/0.1";
  }

  /** The text of an answer. Waits as the site says where it is busy. */
  async get(path, parameters) {
    const address = `${this.#base}${path}?${new URLSearchParams(parameters)}`;
    for (let attempt = 1; ; attempt += 1) {
      await sleep(Math.max(0, this.#next - Date.now()));
      this.#next = Date.now() + this.#pause;
      let wait = this.#pause * 2 ** attempt;
      try {
        const options = { headers: { "User-Agent": this.#agent }, signal: AbortSignal.timeout(60_000) };
        const response = await fetch(address, options);
        if (response.ok) return await response.text();
        const passes = [429, 500, 502, 503].includes(response.status);
        if (!passes || attempt === MAX_TRIES) throw new Refusal(`${address}: status ${response.status}`);
        const told = response.headers.get("Retry-After") ?? "";
        if (/^\d+$/.test(told)) wait = Number(told) * 1000;
      } catch (error) {
        if (error instanceof Refusal || attempt === MAX_TRIES) throw error;
      }
      this.#next = Date.now() + wait;
    }
  }
}

/** The site does not want to be asked this. */
class Refusal extends Error {}

/** The file of a crawl: what was asked, and where in the list it is. */
class Crawl {
  pages = new Set();
  artists = new Set();
  cursor = null;
  #path;

  constructor(path) {
    this.#path = path;
    if (!existsSync(path)) return;
    const text = readFileSync(path, "utf8");
    for (const line of text.split("\n")) this.#read(line);
    if (text !== "" && !text.endsWith("\n")) appendFileSync(path, "\n"); // after a line that a kill cut short
  }

  #read(line) {
    let entry;
    try {
      entry = JSON.parse(line);
    } catch {
      return;
    }
    if (entry.cursor !== undefined) this.cursor = entry.cursor;
    else if (!PASSING.includes(entry.error)) this.#know(entry);
  }

  #know({ page, artist }) {
    this.pages.add(page);
    if (artist) this.artists.add(artist);
  }

  add(work, { error, posts, complete, cost_usd }) {
    this.#know(work);
    const urls = posts.map((post) => post.url);
    this.#write({ page: work.page, artist: work.artist, error, posts: urls, complete, cost_usd });
  }

  /** All before `cursor` is done; `null`: the whole list is. */
  move(cursor) {
    this.cursor = cursor;
    this.#write({ cursor });
  }

  #write(entry) {
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
  }
}

/** Asks for each work of a list; gives how many were asked for. */
async function crawl(client, site, listing, record, options) {
  let asked = 0;
  for (let cursor = record.cursor; ; ) {
    const { works, next } = await listing(site, cursor);
    const fresh = new Map();
    const artists = new Set(record.artists);
    for (const work of works) {
      if (record.pages.has(work.page) || (artists.has(work.artist) && !options["every-work"])) continue;
      if (work.artist) artists.add(work.artist);
      fresh.set(work.page, work);
    }
    const limit = options.limit === undefined ? Infinity : Number(options.limit);
    const pages = [...fresh.keys()].slice(0, limit - asked);
    const networks = options.networks?.split(",");
    const how = { whole: options.whole, networks, inProgress: Number(options["in-progress"]) };
    for await (const answer of client.findAll(pages, how)) {
      record.add(fresh.get(answer.url), answer);
      const posts = answer.posts.map((post) => post.url).join(" ");
      console.log(`${answer.url}  ${answer.error ?? (posts || "no post")}`);
      asked += 1;
    }
    if (pages.length < fresh.size || asked >= limit) return asked;
    record.move(next);
    if (next === null) return asked;
    cursor = next;
  }
}

/**
 * The command line of a crawler. `subject` names what is searched for, `null` where nothing is; `listingFor` gives a
 * function from the site and a cursor to the `works` (`page`, `artist`) of one page of its list, and the `next` cursor.
 */
export async function main(about, site, subject, listingFor) {
  const text = (value) => ({ type: "string", default: value });
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      server: text("http://127.0.0.1:3301"),
      key: { type: "string" },
      site: text(site),
      record: text("crawl.jsonl"),
      limit: { type: "string" },
      "every-work": { type: "boolean", default: false },
      whole: { type: "boolean", default: false },
      networks: { type: "string" },
      "in-progress": text("4"),
      pause: text("2"),
      contact: text(""),
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (options.help || positionals.length !== (subject === null ? 0 : 1)) {
    console.log(`${about}

  node ${process.argv[1]} ${subject ?? ""} [options]

  --server URL       the server of Artists on Twitter Finder (http://127.0.0.1:3301)
  --key KEY          an API key of it
  --site URL         address of the site (${site})
  --record FILE      file of results and of the place in the list (crawl.jsonl)
  --limit N          ask for this many works at most
  --every-work       not only one work of each artist
  --whole            have the artists' accounts scanned whole, also on X
  --networks NAMES   twitter, bluesky, mastodon, misskey, with commas between
  --in-progress N    queries at the same time (4)
  --pause SECONDS    between two requests to the site (2)
  --contact TEXT     how the site's operators can reach you`);
    process.exitCode = options.help ? 0 : 2;
    return;
  }
  const client = new Client(options.server, { key: options.key ?? null });
  const asked = await crawl(
    client,
    new Site(options.site, Number(options.pause), options.contact),
    listingFor(positionals[0]),
    new Crawl(options.record),
    options,
  );
  console.log(`${asked} works were asked for.`);
}
