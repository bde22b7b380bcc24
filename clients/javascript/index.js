/**
 * Client for the HTTP API of Artists on Twitter Finder, for browsers and for Node 18 or later. Needs no other package.
 *
 *     import { Client } from "aotf-client";
 *
 *     const client = new Client("http://127.0.0.1:3301");
 *     const answer = await client.find("https://www.artstation.com/artwork/70013");
 *     for (const post of answer.posts) console.log(post.distance, post.class, post.url);
 *
 * The types are in `index.d.ts`.
 */

export const DEFAULT_SERVER = "http://127.0.0.1:3301";

/** Queries in one request. */
const MAX_BATCH = 100;
/** Milliseconds between two questions about the same query: the server's own limit is one a second. */
const POLL_PERIOD = 1000;
/** The server sends a comment into a silent stream every 15 seconds; after twice as many it is taken for dead. */
const STREAM_SILENCE = 35_000;
/** The longest pause between two tries, milliseconds. */
const MAX_PAUSE = 60_000;
/** Milliseconds that a query is waited for where nothing else is said: a first scan takes minutes. */
const PATIENCE = 3_600_000;

/** Any failure of the client, the server or a query. */
export class AotfError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Nobody answers at the server's address, or what answers is no such server. */
export class NotReachable extends AotfError {}

/** The query had not ended when the caller's patience did. It goes on: ask again later. */
export class TookTooLong extends AotfError {}

/** A query or search ended with an error, or was not accepted. */
export class QueryFailed extends AotfError {
  constructor(answer) {
    super(answer.error_detail ? `${answer.error}: ${answer.error_detail}` : answer.error);
    /** A code that `Client.errors()` explains. */
    this.code = answer.error;
    /** For people. */
    this.detail = answer.error_detail ?? "";
    /** The whole answer: some failed queries know the artist's accounts all the same. */
    this.answer = answer;
  }
}

/** The caller has as many queries in progress as it may: wait until one has ended. */
export class TooManyInProgress extends QueryFailed {}

/** The server did not serve a request: an HTTP status other than 200. */
export class Refused extends AotfError {
  constructor(status, code, detail, retryAfter = null) {
    super(detail ? `${status} ${code}: ${detail}` : `${status} ${code}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
    /** Milliseconds after which to ask again; `null` where the server does not say. */
    this.retryAfter = retryAfter;
  }
}

/** The request cannot be read (400, 404, 405, 413, 415, 421). */
export class BadRequest extends Refused {}
/** The API key is not known (401). */
export class Unauthorized extends Refused {}
/** Not for this address or key (403). */
export class Forbidden extends Refused {}
/** More requests a second than the caller may make (429). */
export class TooManyRequests extends Refused {}
/** Not now (503, or another fault of the server). */
export class ServerBusy extends Refused {}

export class Client {
  #server;
  #headers;
  #timeout;
  #fetch;

  /**
   * A server at `server`, such as `http://127.0.0.1:3301` or `https://host.example/api`. `key` is an API key;
   * `timeout` bounds one request in milliseconds, not a query.
   */
  constructor(server = DEFAULT_SERVER, { key = null, timeout = 30_000, fetch = globalThis.fetch } = {}) {
    if (!/^https?:\/\/[^/]/.test(server)) {
      throw new TypeError(`${JSON.stringify(server)} is not the address of a server: http://HOST[:PORT]`);
    }
    this.#server = server.replace(/\/+$/, "");
    this.#timeout = timeout;
    this.#headers = key === null ? {} : { Authorization: `Bearer ${key}` };
    // Browsers refuse a `fetch` that is called on another object than the window.
    this.#fetch = (...args) => fetch(...args);
  }

  // ---- queries

  /**
   * Starts a query for an artwork's page, or tells where it is. With `first`, the answer has ended with the first post
   * that shows the artwork itself; with `whole`, the artist's accounts are scanned whole before it ends. Throws
   * `QueryFailed` where it failed.
   */
  async query(page, { first, whole, networks, webhook, signal } = {}) {
    return checked(await this.#json("/query", asked(page, { first, whole, networks, webhook }), { signal }));
  }

  /**
   * The final answer for an artwork's page: `answer.posts`, closest first. Waits for it at most `patience`
   * milliseconds; `onChange` sees each answer on the way. `first` does not wait for more than one post that shows the
   * artwork itself; `whole` has the artist's accounts scanned whole.
   */
  async find(page, { first, whole, networks, webhook, patience = PATIENCE, onChange, signal } = {}) {
    const until = Date.now() + patience;
    const begin = () => this.query(page, { first, whole, networks, webhook, signal });
    const begun = await patiently(until, signal, begin);
    const parameters = asked(page, { first, whole, networks });
    return this.#toTheEnd(begun, "/query", parameters, until, onChange, signal);
  }

  /** Every answer about a query until its end, as the server sends them; ends early if the stream does. */
  async *follow(page, { first, whole, networks, signal } = {}) {
    const parameters = asked(page, { first, whole, networks });
    for await (const { answer } of this.#events("/query/events", parameters, null, signal)) yield answer;
  }

  /**
   * The artist of an artwork: `answer.accounts` with their reasons; no post is looked for. `resolve: false` asks no
   * network whether the accounts are there, which costs nothing. Waits at most `patience` milliseconds.
   */
  async artist(page, { resolve = true, networks, patience = PATIENCE, signal } = {}) {
    const until = Date.now() + patience;
    const parameters = { ...(resolve ? {} : { resolve: "0" }), ...asked(page, { networks }) };
    const ask = async () => checked(await this.#json("/artist", parameters, { signal }));
    for (;;) {
      const answer = await patiently(until, signal, ask);
      if (isFinal(answer)) return answer;
      if (Date.now() >= until) throw new TookTooLong(page);
      await sleep(POLL_PERIOD, signal);
    }
  }

  // ---- many queries

  /** Starts up to 100 queries in one request. An entry can have an `error` of its own; none is thrown. */
  async submit(pages, { whole, networks, webhook, signal } = {}) {
    const body = JSON.stringify({ urls: [...pages], whole, networks, webhook });
    return (await this.#json("/queries", {}, { body, type: "application/json", signal })).queries;
  }

  /** Where up to 100 queries are, by their `id`s. Starts nothing. */
  async states(ids, { signal } = {}) {
    return (await this.#json("/queries", { ids: ids.join(",") }, { signal })).queries;
  }

  /**
   * The final answer of each page, as they come; with `error` set where a query failed. At most `inProgress`
   * queries run at a time; `patience`, in milliseconds, is for each of them. Pages are taken from the iterable
   * only as there is room.
   */
  async *findAll(pages, { whole, networks, inProgress = 8, patience = PATIENCE, signal } = {}) {
    if (!(inProgress >= 1 && inProgress <= MAX_BATCH)) throw new RangeError(`inProgress must be 1 to ${MAX_BATCH}`);
    const source = pages[Symbol.asyncIterator]?.() ?? pages[Symbol.iterator]();
    const running = new Map(); // page and deadline, by id
    let held = []; // pages that there was no room for at the server
    let roomUntil = Date.now() + patience;
    let exhausted = false;
    for (;;) {
      const fresh = held.splice(0, inProgress - running.size);
      while (!exhausted && fresh.length + running.size < inProgress) {
        const next = await source.next();
        exhausted = next.done === true;
        if (!exhausted) fresh.push(next.value);
      }
      if (fresh.length > 0) {
        const submit = () => this.submit(fresh, { whole, networks, signal });
        const entries = await patiently(Date.now() + patience, signal, submit);
        for (const [at, entry] of entries.entries()) {
          if (entry.error === "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS") held.push(fresh[at]);
          else if (isFinal(entry)) yield entry;
          else if (entry.id === null || running.has(entry.id)) held.push(fresh[at]);
          else running.set(entry.id, { page: fresh[at], until: Date.now() + patience });
        }
      }
      if (running.size > 0) roomUntil = Date.now() + patience;
      else if (held.length > 0 && Date.now() > roomUntil) throw new TookTooLong(held[0]);
      if (running.size === 0 && held.length === 0 && exhausted) return;
      await sleep(POLL_PERIOD, signal);
      if (running.size === 0) continue;
      const ids = [...running.keys()];
      for (const entry of await patiently(Date.now() + patience, signal, () => this.states(ids, { signal }))) {
        const { page, until } = running.get(entry.id);
        if (isFinal(entry)) {
          running.delete(entry.id);
          yield { ...entry, url: page };
        } else if (Date.now() > until) throw new TookTooLong(page);
      }
    }
  }

  // ---- searches by image

  /**
   * Starts a search by an image: a Blob, an ArrayBuffer or a typed array, or `{ url }` where the server fetches it.
   * Through all that is indexed, or through one account. `searchState` tells the rest.
   */
  async search(image, { accountName, networks, turned = false, signal } = {}) {
    if (typeof image?.url === "string") {
      const body = JSON.stringify({ url: image.url, account_name: accountName, turned, networks });
      return checked(await this.#json("/search", {}, { body, type: "application/json", signal }));
    }
    const parameters = {};
    if (accountName !== undefined) parameters.account_name = accountName;
    if (networks !== undefined) parameters.networks = networks.join(",");
    if (turned) parameters.turned = "1";
    const options = { body: image, type: "application/octet-stream", signal };
    return checked(await this.#json("/search", parameters, options));
  }

  /** Where a search by image is. */
  async searchState(identifier, { signal } = {}) {
    return checked(await this.#json("/search", { identifier }, { signal }));
  }

  /** The final answer of a search by image; options as those of `search` and `find`. */
  async findImage(image, { accountName, networks, turned, patience = PATIENCE, onChange, signal } = {}) {
    const until = Date.now() + patience;
    const ask = () => this.search(image, { accountName, networks, turned, signal });
    const begun = await patiently(until, signal, ask);
    return this.#toTheEnd(begun, "/search", { identifier: begun.identifier }, until, onChange, signal);
  }

  // ---- the server

  /** The server's figures. */
  stats({ signal } = {}) {
    return this.#json("/stats", {}, { signal });
  }

  /** The limits that apply to this caller. */
  config({ signal } = {}) {
    return this.#json("/config", {}, { signal });
  }

  /** What is known of the accounts of this name or id. */
  async account(name, { signal } = {}) {
    return checked(await this.#json("/account", { name }, { signal })).accounts;
  }

  /** Every error code with its meaning in English and French. */
  errors({ signal } = {}) {
    return this.#json("/errors", {}, { signal });
  }

  // ---- how it is done

  /** Follows a query that was accepted: by events, and by asking again where these break off. */
  async #toTheEnd(answer, path, parameters, until, onChange, signal) {
    let heard = null;
    let pause = POLL_PERIOD;
    for (;;) {
      onChange?.(answer);
      if (isFinal(answer)) return checked(answer);
      if (Date.now() >= until) throw new TookTooLong(parameters.url ?? parameters.identifier);
      try {
        for await (const event of this.#events(`${path}/events`, parameters, heard, signal, until)) {
          heard = event.version ?? heard;
          answer = event.answer;
          pause = POLL_PERIOD;
          if (isFinal(answer)) break;
          onChange?.(answer);
        }
        if (isFinal(answer)) continue;
      } catch (error) {
        const passes = error instanceof NotReachable || error instanceof ServerBusy || [404, 429].includes(error.status);
        if (!passes) throw error;
      }
      // The stream was closed or refused: a restart, a proxy, as many streams as there may be, an older server.
      await sleep(Math.max(0, Math.min(pause, until - Date.now())), signal);
      pause = Math.min(pause * 2, MAX_PAUSE);
      answer = await patiently(until, signal, async () => checked(await this.#json(path, parameters, { signal })));
    }
  }

  async #json(path, parameters, { body, type, signal } = {}) {
    const timeout = AbortSignal.timeout(this.#timeout);
    const response = await this.#open(path, parameters, { body, type }, [timeout, signal]);
    try {
      return await response.json();
    } catch (error) {
      signal?.throwIfAborted();
      throw new NotReachable(`${this.#server}: the answer cannot be read: ${error.message}`, { cause: error });
    }
  }

  async #open(path, parameters, { body, type, headers = {} }, signals) {
    const query = new URLSearchParams(parameters).toString();
    const address = `${this.#server}${path}${query ? `?${query}` : ""}`;
    const [, own] = signals;
    let response;
    try {
      response = await this.#fetch(address, {
        method: body === undefined ? "GET" : "POST",
        body,
        headers: { ...this.#headers, ...(type ? { "Content-Type": type } : {}), ...headers },
        // The API never redirects; a redirect would take the key to wherever it leads.
        redirect: "error",
        signal: any(signals),
      });
    } catch (error) {
      own?.throwIfAborted();
      const why = error.cause?.message ?? error.message;
      throw new NotReachable(`${this.#server}: ${why}`, { cause: error });
    }
    if (response.status >= 300) throw await refusal(response);
    return response;
  }

  /** Versions and answers of a stream of server-sent events, until it is closed. */
  async *#events(path, parameters, heard, signal, until = Infinity) {
    const headers = { Accept: "text/event-stream", ...(heard === null ? {} : { "Last-Event-ID": heard }) };
    const silent = new AbortController();
    const limit = () => Math.max(1, Math.min(STREAM_SILENCE, until - Date.now()));
    let timer = setTimeout(() => silent.abort(), limit());
    try {
      const response = await this.#open(path, parameters, { headers }, [silent.signal, signal]);
      if (response.body === null) return;
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      let rest = "";
      let version = null;
      let data = [];
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          clearTimeout(timer);
          timer = setTimeout(() => silent.abort(), limit());
          const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
          rest = lines.pop();
          for (const line of lines.map((line) => line.replace(/\r$/, ""))) {
            const [, name, text] = /^([^:]*):? ?(.*)$/.exec(line);
            if (name === "data") data.push(text);
            else if (name === "id") version = text;
            else if (line === "" && data.length > 0) {
              const answer = JSON.parse(data.join("\n"));
              data = [];
              yield { version, answer };
            }
          }
        }
      } catch (error) {
        signal?.throwIfAborted();
        throw new NotReachable(`${this.#server}: the stream broke off: ${error.message}`, { cause: error });
      } finally {
        reader.cancel().catch(() => {});
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

function asked(page, { first, whole, networks, webhook }) {
  // The server takes all behind an address that is not encoded for its part: `url` comes last.
  const parameters = {};
  if (first) parameters.first = "1";
  if (whole) parameters.whole = "1";
  if (networks !== undefined) parameters.networks = networks.join(",");
  if (webhook !== undefined) parameters.webhook = webhook;
  parameters.url = page;
  return parameters;
}

function checked(answer) {
  if (answer.error === null) return answer;
  throw answer.error === "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS" ? new TooManyInProgress(answer) : new QueryFailed(answer);
}

function isFinal(answer) {
  return answer.status === "END" || answer.error !== null;
}

/** What `ask` returns once the server is willing. */
async function patiently(until, signal, ask) {
  let pause = POLL_PERIOD;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const wait = pauseAfter(error, pause);
      if (wait === null || Date.now() + wait > until) throw error;
      // So that clients that were refused together do not come together again.
      await sleep(wait * (1 + Math.random() / 4), signal);
      pause = Math.min(pause * 2, MAX_PAUSE);
    }
  }
}

/** Milliseconds after which to try again; `null` where that does not help. */
function pauseAfter(error, pause) {
  if (error instanceof TooManyRequests || error instanceof ServerBusy) {
    return error.retryAfter === null ? pause : Math.min(Math.max(error.retryAfter, 100), MAX_PAUSE);
  }
  if (error instanceof NotReachable) return pause;
  if (error instanceof TooManyInProgress) return Math.max(pause, 2000);
  return null;
}

async function refusal(response) {
  const { status, statusText, headers } = response;
  // A proxy before the server speaks for itself.
  let code = `HTTP_${status}`;
  let detail = statusText;
  try {
    const told = await response.json();
    if (typeof told.error === "string") [code, detail] = [told.error, String(told.error_detail ?? "")];
  } catch {
    // Not the server's own words.
  }
  const secs = Number.parseFloat(headers.get("Retry-After") ?? "");
  const retryAfter = Number.isNaN(secs) ? null : secs * 1000;
  if (status === 401) return new Unauthorized(status, code, detail);
  if (status === 403) return new Forbidden(status, code, detail);
  if (status === 429) return new TooManyRequests(status, code, detail, retryAfter);
  if (status === 408 || status >= 500) return new ServerBusy(status, code, detail, retryAfter);
  return new BadRequest(status, code, detail);
}

function sleep(millis, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, millis);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** `AbortSignal.any`, which Node has since 20. */
function any(signals) {
  const all = signals.filter((signal) => signal !== undefined && signal !== null);
  const one = new AbortController();
  for (const signal of all) {
    if (signal.aborted) one.abort(signal.reason);
    signal.addEventListener("abort", () => one.abort(signal.reason), { once: true, signal: one.signal });
  }
  return one.signal;
}
