// A Bluesky of one's own for tests/it/atproto.rs: the real servers (directory, accounts' server, AppView) with two
// accounts. Says where they are as a line of JSON, then does what each line of its input says and answers "ok" once the
// AppView knows. Arguments: the folder in which @atproto/dev-env is installed, two pictures.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, first, second] = process.argv.slice(2);
// Older versions of the package are CommonJS, newer ones ES modules: `import` takes both.
const home = join(folder, "node_modules/@atproto/dev-env");
const described = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
const entry = described.main ?? described.exports["."].import ?? described.exports["."].default ?? described.exports["."];
const { TestNetwork } = await import(pathToFileURL(join(home, entry)));

// A schema is named by letters alone.
const schema = `aotf_${String(process.pid).replace(/\d/g, (digit) => "abcdefghij"[digit])}`;
const network = await TestNetwork.create({ dbPostgresSchema: schema });
const seed = network.getSeedClient();
for (const name of ["alice", "bob"]) {
  await seed.createAccount(name, { email: `${name}@example.com`, handle: `${name}.test`, password: `${name}-password` });
}
const { alice, bob } = seed.dids;
const upload = (did, file) => seed.uploadFile(did, file, "image/jpeg");

await seed.post(alice, "no picture");
const one = await seed.post(alice, "one picture", undefined, [await upload(alice, first)]);
const others = await seed.post(bob, "by somebody else", undefined, [await upload(bob, second)]);
await seed.repost(alice, others.ref);
await seed.post(alice, "a quote without pictures of its own", undefined, undefined, others.ref);
await network.processAll();

const say = (text) => process.stdout.write(`${text}\n`);
say(JSON.stringify({ appview: network.bsky.url, accounts: network.pds.url, directory: network.plc.url, alice, post: one.ref.uriStr }));

const write = (did, collection, rkey, record) =>
  seed.agent.com.atproto.repo.putRecord(
    { repo: did, collection, rkey, record: { $type: collection, createdAt: new Date().toISOString(), ...record } },
    { headers: seed.getHeaders(did), encoding: "application/json" },
  );

const commands = {
  rename: () => seed.updateHandle(alice, "alice-renamed.test"),
  async post() {
    await seed.post(alice, "one more", undefined, [await upload(alice, second)]);
  },
  delete: () => seed.deletePost(alice, one.ref.uri),
  // The package's own way to make a profile reads a picture that the newest one lacks.
  hide: () =>
    write(alice, "app.bsky.actor.profile", "self", {
      displayName: "alice",
      labels: { $type: "com.atproto.label.defs#selfLabels", values: [{ val: "!no-unauthenticated" }] },
    }),
  // As an import tool does: with the date that the post had elsewhere.
  async import() {
    const { image, alt } = await upload(alice, first);
    const embed = { $type: "app.bsky.embed.images", images: [{ image, alt: alt ?? "" }] };
    const record = { text: "from elsewhere", createdAt: "2015-03-01T00:00:00.000Z", embed };
    await seed.agent.app.bsky.feed.post.create({ repo: alice }, record, seed.getHeaders(alice));
  },
  deactivate: () => seed.agent.com.atproto.server.deactivateAccount({}, { headers: seed.getHeaders(bob), encoding: "application/json" }),
};
for await (const line of createInterface({ input: process.stdin })) {
  await commands[line]();
  await network.processAll();
  say("ok");
}
await network.close();
process.exit(0);
