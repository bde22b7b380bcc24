// A Bluesky of one's own for tests/it/atproto.rs: the real servers (directory, accounts' server, AppView) with two
// accounts. Says where they are as a line of JSON, then does what each line of its input says and answers "ok" once the
// AppView knows. Arguments: the folder in which @atproto/dev-env is installed, two pictures.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join } from "node:path";

const [folder, first, second] = process.argv.slice(2);
const { TestNetwork } = createRequire(join(folder, "package.json"))("@atproto/dev-env");

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

const commands = {
  rename: () => seed.updateHandle(alice, "alice-renamed.test"),
  async post() {
    await seed.post(alice, "one more", undefined, [await upload(alice, second)]);
  },
  delete: () => seed.deletePost(alice, one.ref.uri),
  hide: () => seed.createProfile(alice, "alice", "for users only", ["!no-unauthenticated"]),
  deactivate: () => seed.agent.com.atproto.server.deactivateAccount({}, { headers: seed.getHeaders(bob), encoding: "application/json" }),
};
for await (const line of createInterface({ input: process.stdin })) {
  await commands[line]();
  await network.processAll();
  say("ok");
}
await network.close();
process.exit(0);
