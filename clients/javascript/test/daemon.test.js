/** The client against a real server, whose address is in AOTF_TEST_SERVER; the tests of the server set the rest, too. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as aotf from "../index.js";

const {
  AOTF_TEST_SERVER: server,
  AOTF_TEST_PAGE: page,
  AOTF_TEST_ACCOUNT: accountName,
  AOTF_TEST_IMAGE: image,
  AOTF_TEST_PLAIN_KEY: plainKey,
} = process.env;
const options = { skip: server === undefined && "AOTF_TEST_SERVER names no server" };
const client = server === undefined ? undefined : new aotf.Client(server);

test("a page and a picture are found", options, async () => {
  const seen = [];
  const found = await client.find(page, { onChange: (change) => seen.push(change) });
  assert.match(found.posts[0].url, /^https:/);
  assert.deepEqual(seen.at(-1), found);
  const followed = [];
  for await (const { status } of client.follow(page)) followed.push(status);
  assert.deepEqual(followed, ["END"]);
  const bytes = readFileSync(image);
  for (const form of [bytes, new Blob([bytes])]) {
    const searched = await client.findImage(form, { accountName });
    assert.match(searched.posts[0].class, /^(identical|recompressed)$/);
  }
  assert.equal((await client.account(accountName))[0].account_name, accountName);
});

test("many pages", options, async () => {
  const entries = {};
  for await (const entry of client.findAll([page, "nonsense"])) entries[entry.url] = entry;
  assert.equal(entries.nonsense.error, "NOT_AN_URL");
  assert.ok(entries[page].posts.length > 0);
});

test("what goes wrong is a type", options, async () => {
  await assert.rejects(client.find("nonsense"), { name: "QueryFailed", code: "NOT_AN_URL" });
  await assert.rejects(client.findImage(new Blob(["no image"])), { code: "CANNOT_GET_IMAGE" });
  await assert.rejects(new aotf.Client(server, { key: "nobody's key" }).stats(), aotf.Unauthorized);
  await assert.rejects(new aotf.Client(server, { key: plainKey }).search(new Blob(["png"])), aotf.Forbidden);
  assert.ok((await client.errors()).some(({ code }) => code === "NOT_AN_URL"));
});

test("figures are told to those who may know", options, async () => {
  assert.equal(typeof (await client.stats()).spent_today_usd, "number");
  const plain = new aotf.Client(server, { key: plainKey });
  assert.equal((await plain.stats()).spent_today_usd, null);
  assert.equal((await plain.config()).ip_can_use_advanced, false);
});

test("an answer says what it rests on", options, async () => {
  const found = await client.find(page, { first: true });
  assert.equal(found.status, "END");
  assert.match(found.posts[0].class, /^(identical|recompressed)$/);
  const whole = await client.find(page, { whole: true });
  assert.notEqual(whole.id, (await client.find(page)).id);
  assert.ok(whole.complete && whole.rest_usd === null, JSON.stringify(whole));
});

test("an artist is known without their posts", options, async () => {
  const named = await client.artist(page, { resolve: false });
  assert.equal(named.status, "END");
  assert.ok(named.accounts.every(({ evidence, chain }) => evidence && chain.length > 0), JSON.stringify(named));
  const known = await client.artist(page);
  assert.ok(known.accounts.some(({ state }) => state === "confirmed"), JSON.stringify(known));
  await assert.rejects(client.artist("nonsense"), { name: "QueryFailed", code: "NOT_AN_URL" });
});
