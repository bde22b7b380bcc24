/** The client against a server that misbehaves as the real one, a proxy or a network may. `node --test test/` */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, test } from "node:test";

import * as aotf from "../index.js";

const PAGE = "https://a.example/art?x=1&y=2";
const BUSY = { error: "TOO_MANY_REQUESTS", error_detail: "" };

function answer(status = "END", error = null, more = {}) {
  const lists = ["twitter_accounts", "results", "similar", "steps", "accounts", "posts", "similar_posts"];
  const fields = Object.fromEntries(lists.map((name) => [name, []]));
  return { ...fields, status, error, error_detail: error === null ? "" : "why", id: "1", ...more };
}

const event = (version, content) => `id: ${version}\ndata: ${JSON.stringify(content)}\n\n`;

/** Answers requests with what it was given, in turn; remembers them. A reply: status, headers, text or JSON. */
async function serverWith(...replies) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    requests.push({ method: request.method, path: request.url, headers: request.headers, body: Buffer.concat(pieces) });
    const [status, headers, body] = replies.shift();
    const isText = typeof body === "string";
    response.writeHead(status, { "Content-Type": isText ? "text/event-stream" : "application/json", ...headers });
    response.write(isText ? body : JSON.stringify(body));
    // Shorter than it said.
    if (headers["Content-Length"]) setImmediate(() => response.destroy());
    else response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  after(close);
  return { requests, close, address: `http://127.0.0.1:${server.address().port}` };
}

test("a page is sent whole and last, with the key", async () => {
  const server = await serverWith([200, {}, answer("LINK_FINDER")]);
  const client = new aotf.Client(server.address, { key: "k" });
  await client.query(PAGE, { networks: ["bluesky", "mastodon"], webhook: "bot" });
  const [{ method, path, headers }] = server.requests;
  assert.equal(method, "GET");
  const expect = "/query?networks=bluesky%2Cmastodon&webhook=bot&url=https%3A%2F%2Fa.example%2Fart%3Fx%3D1%26y%3D2";
  assert.equal(path, expect);
  assert.equal(headers.authorization, "Bearer k");
});

test("how much is searched is asked for to the end", async () => {
  const server = await serverWith(
    [200, {}, answer("LINK_FINDER")],
    [503, {}, BUSY],
    [200, {}, answer("LINK_FINDER")],
    [200, {}, event(1, answer("END", null, { posts: ["p"] }))],
    [200, {}, { queries: [answer()] }],
  );
  const client = new aotf.Client(server.address);
  assert.deepEqual((await client.find("a", { first: true, whole: true })).posts, ["p"]);
  assert.equal((await client.submit(["a"], { whole: true }))[0].status, "END");
  const asked = "?first=1&whole=1&url=a";
  const paths = [`/query${asked}`, `/query/events${asked}`];
  assert.deepEqual(server.requests.slice(0, 4).map(({ path }) => path), [...paths, ...paths]);
  assert.deepEqual(JSON.parse(server.requests[4].body), { urls: ["a"], whole: true });
});

test("refusals are types", async () => {
  const kinds = { 400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 413: "BadRequest", 429: "TooManyRequests" };
  for (const [status, kind] of Object.entries({ ...kinds, 500: "ServerBusy", 503: "ServerBusy" })) {
    const server = await serverWith([Number(status), { "Retry-After": "7" }, { error: "CODE", error_detail: "why" }]);
    await assert.rejects(new aotf.Client(server.address).query(PAGE), (error) => {
      assert.ok(error instanceof aotf[kind] && error instanceof aotf.AotfError, `${status}: ${error}`);
      assert.deepEqual([error.name, error.code, error.detail], [kind, "CODE", "why"]);
      return true;
    });
  }
});

test("a proxy's own words are a refusal too", async () => {
  const server = await serverWith([502, {}, "<html>Bad gateway</html>"]);
  await assert.rejects(new aotf.Client(server.address).stats(), { name: "ServerBusy", code: "HTTP_502" });
});

test("a redirect takes no key along", async () => {
  const server = await serverWith([302, { Location: "/elsewhere" }, {}]);
  await assert.rejects(new aotf.Client(server.address, { key: "k" }).stats(), aotf.AotfError);
  assert.equal(server.requests.length, 1);
});

test("nobody and nonsense are not reachable", async () => {
  const server = await serverWith([200, {}, "no JSON"], [200, { "Content-Length": "9000" }, answer()]);
  const client = new aotf.Client(server.address);
  for (let times = 0; times < 2; times += 1) await assert.rejects(client.stats(), aotf.NotReachable);
  server.close();
  await assert.rejects(client.stats(), aotf.NotReachable);
  assert.throws(() => new aotf.Client("127.0.0.1:3301"), TypeError);
});

test("a busy server is asked again", async () => {
  const server = await serverWith(
    [429, { "Retry-After": "0" }, BUSY],
    [503, { "Retry-After": "0" }, BUSY],
    [200, {}, answer(null, "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS")],
    [200, {}, answer("END", null, { posts: ["p"] })],
  );
  assert.deepEqual((await new aotf.Client(server.address).find(PAGE)).posts, ["p"]);
  assert.equal(server.requests.length, 4);
});

test("patience ends", async () => {
  const server = await serverWith([200, {}, answer("LINK_FINDER")], [429, { "Retry-After": "30" }, BUSY]);
  const client = new aotf.Client(server.address);
  await assert.rejects(client.find(PAGE, { patience: 0 }), aotf.TookTooLong);
  await assert.rejects(client.find(PAGE, { patience: 5000 }), aotf.TooManyRequests);
});

test("a stream that breaks off is taken up where it was", async () => {
  const later = answer("INDEX_ACCOUNTS_TWEETS");
  const server = await serverWith(
    [200, {}, answer("LINK_FINDER")],
    [200, { "Content-Length": "9000" }, `: heartbeat\n\n${event(4, later)}data: {"half`],
    [200, {}, later],
    [200, {}, event(5, answer("END", null, { posts: ["p"] }))],
  );
  const seen = [];
  const onChange = ({ status }) => seen.push(status);
  assert.deepEqual((await new aotf.Client(server.address).find(PAGE, { onChange })).posts, ["p"]);
  assert.deepEqual([seen[0], seen.at(-1)], ["LINK_FINDER", "END"]);
  assert.equal(server.requests[3].headers["last-event-id"], "4");
});

test("without streams it asks again", async () => {
  for (const status of [503, 404, 429]) {
    const server = await serverWith(
      [200, {}, answer("LINK_FINDER")],
      [status, {}, BUSY],
      [200, {}, answer("END", "NOT_AN_ARTWORK_PAGE")],
    );
    const failed = { name: "QueryFailed", code: "NOT_AN_ARTWORK_PAGE", detail: "why" };
    await assert.rejects(new aotf.Client(server.address).find(PAGE), failed);
    assert.equal(server.requests.length, 3);
  }
});

test("who gives up is not kept waiting", async () => {
  const server = await serverWith([200, {}, answer("LINK_FINDER")], [503, {}, BUSY]);
  const giveUp = new AbortController();
  const onChange = () => giveUp.abort(new Error("enough"));
  await assert.rejects(new aotf.Client(server.address).find(PAGE, { onChange, signal: giveUp.signal }), /enough/);
});

test("a stream gives what was whole", async () => {
  const stream = `${event(1, answer("LINK_FINDER")).replaceAll("\n", "\r\n")}data: {}`;
  const server = await serverWith([200, {}, stream]);
  const seen = [];
  for await (const { status } of new aotf.Client(server.address).follow(PAGE)) seen.push(status);
  assert.deepEqual(seen, ["LINK_FINDER"]);
});

test("an image is sent in any form", async () => {
  const accepted = [200, {}, answer("LINK_FINDER", null, { identifier: "i" })];
  const server = await serverWith(accepted, accepted, accepted);
  const client = new aotf.Client(server.address);
  await client.search(new Uint8Array([1, 2]), { accountName: "jane", networks: ["bluesky"], turned: true });
  const [{ method, path, headers, body }] = server.requests;
  assert.deepEqual([method, [...body], headers["content-type"]], ["POST", [1, 2], "application/octet-stream"]);
  assert.equal(path, "/search?account_name=jane&networks=bluesky&turned=1");
  await client.search(new Blob(["png"], { type: "image/png" }));
  assert.equal(server.requests[1].body.toString(), "png");
  await client.search({ url: "https://i.example/a.png" });
  assert.deepEqual(JSON.parse(server.requests[2].body), { url: "https://i.example/a.png", turned: false });
});

test("many pages share the room there is", async () => {
  const entries = (...queries) => [200, {}, { queries }];
  const server = await serverWith(
    entries(
      answer("LINK_FINDER", null, { id: "1", url: "a" }),
      answer(null, "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS", { id: null, url: "b" }),
    ),
    entries(answer("END", null, { id: "1", url: "a2" })),
    entries(
      answer("LINK_FINDER", null, { id: "2", url: "b" }),
      answer(null, "NOT_AN_URL", { id: null, url: "c" }),
    ),
    entries(answer("END", "NO_SUCH_REQUEST", { id: "2", url: null })),
  );
  const found = [];
  for await (const entry of new aotf.Client(server.address).findAll(["a", "b", "c"], { inProgress: 2 })) {
    found.push([entry.url, entry.error]);
  }
  assert.deepEqual(found, [["a", null], ["c", "NOT_AN_URL"], ["b", "NO_SUCH_REQUEST"]]);
  const asked = server.requests.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body).urls);
  assert.deepEqual(asked, [["a", "b"], ["b", "c"]]);
});
