// A person whose MLS client is ts-mls, in an organisation of ours: all MLS state is here, and plumbline-interop-port carries what it
// makes through the real key server and delivery server. One command a line on standard input:
//   read [SECONDS]   start PERSON   say TEXT   update   who   quit
// What happened is one line on standard output. Made to be read: an interoperability tester replaces this file (docs/interop.md).
//   node outside.mjs PORT-PROGRAM FOLDER PASSPHRASE-FILE [INVITATION] [--transcript FILE]
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { createInterface } from 'node:readline';
import { bytes, decode, exported, hex, keyPackageOf, lifetimeUntil, message, mls, suiteOf, take } from './bridge.mjs';
const { makeKeyPackageRef } = await import('ts-mls/keyPackage.js');
const { unprotectPrivateMessage } = await import('ts-mls/messageProtection.js');
const { defaultClientConfig } = await import('ts-mls/clientConfig.js');

const ADDRESS = 0xf0a1, GROUP_DATA = 0xf0a2, LAST_RESORT = 0x000a;
const argv = process.argv.slice(2);
const at = argv.indexOf('--transcript');
const transcript = at < 0 ? undefined : argv.splice(at, 2)[1];
const [program, folder, passphraseFile, invitation] = argv;
const say = (text) => process.stdout.write(`${text}\n`);

// --- The port: one question, one answer ---
const port = spawn(program, ['--home', folder, '--passphrase-file', passphraseFile, ...(invitation ? ['--invitation', invitation] : [])],
  { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: port.stdout })[Symbol.asyncIterator]();
async function nextAnswer(request) {
  const { value, done } = await answers.next();
  if (done) throw new Error('the port has ended');
  if (transcript) appendFileSync(transcript, `${JSON.stringify({ request })}\n${value}\n`, { mode: 0o600 });
  const answer = JSON.parse(value);
  if (answer.error) throw Object.assign(new Error(`${answer.error.reason}: ${answer.error.message}`), answer.error);
  return answer.ok;
}
function ask(op, more = {}) {
  port.stdin.write(`${JSON.stringify({ op, ...more })}\n`);
  return nextAnswer({ op, ...more });
}

try {
  await nextAnswer({ op: 'start' });
} catch (error) {
  say(`error: ${error.message}`);
  process.exit(1);
}
const me = await ask('identity');
const suite = await suiteOf(1);
const domain = /^mimi:\/\/([^/]+)/.exec(me.user)[1];
const uriOf = (name) => (name.startsWith('mimi:') ? name : `mimi://${domain}/u/${name}`);
const nameOf = (uri) => uri.split('/').pop();

// --- Credentials: a leaf certificate by our own issuing authority, over the leaf's key, now ---
const issuing = new X509Certificate(bytes(me.certificates[1]));
const clientConfig = {
  ...defaultClientConfig,
  authService: {
    async validateCredential(credential, key) {
      if (credential.credentialType !== 'x509') return false;
      const leaf = new X509Certificate(credential.certificates[0]);
      const now = Date.now();
      const own = leaf.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
      return leaf.verify(issuing.publicKey) && Date.parse(leaf.validFrom) <= now && now <= Date.parse(leaf.validTo) && own.equals(Buffer.from(key));
    },
  },
};
const userOf = (leaf) => /URI:(mimi:\/\/[^,]+\/u\/[^,]+)/.exec(new X509Certificate(leaf.credential.certificates[0]).subjectAltName)[1];

// --- What outlives this process: private keys of key packages, groups ---
const file = `${folder}/ts-mls.json`;
const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { keyPackages: [], groups: [], seen: [] };
const keyPackages = kept.keyPackages.map((k) => ({ wire: k.wire, lastResort: k.lastResort, public: keyPackageOf(k.wire), private: Object.fromEntries(Object.entries(k.private).map(([n, v]) => [n, bytes(v)])) }));
const groups = kept.groups.map((g) => ({ ...g, state: { ...mls.decodeGroupState(bytes(g.state), 0)[0], clientConfig } }));
const seen = kept.seen; // ids of envelopes: an acknowledgement may be lost, and then one comes again
function keep() {
  writeFileSync(file, JSON.stringify({
    seen: seen.slice(-1000),
    keyPackages: keyPackages.map((k) => ({ wire: k.wire, lastResort: k.lastResort, private: Object.fromEntries(Object.entries(k.private).map(([n, v]) => [n, hex(v)])) })),
    groups: groups.map((g) => ({ ...g, state: hex(mls.encodeGroupState(g.state)) })),
  }), { mode: 0o600 });
}

async function newKeyPackage(lastResort) {
  const capabilities = mls.defaultCapabilities();
  capabilities.extensions.push(...me.leafExtensionTypes);
  const made = await mls.generateKeyPackageWithKey(
    { credentialType: 'x509', certificates: me.certificates.map(bytes) }, capabilities, lifetimeUntil(me.notAfter),
    lastResort ? [{ extensionType: LAST_RESORT, extensionData: new Uint8Array() }] : [],
    { signKey: bytes(me.signatureKey.private), publicKey: bytes(me.signatureKey.public) }, suite,
    me.leafExtensions.map(({ type, data }) => ({ extensionType: type, extensionData: bytes(data) })));
  return { wire: message('mls_key_package', 'keyPackage', made.publicPackage), lastResort, public: made.publicPackage, private: made.privatePackage };
}
if (keyPackages.length === 0) {
  for (let i = 0; i < 5; ++i) keyPackages.push(await newKeyPackage(false));
  keyPackages.push(await newKeyPackage(true));
  keep(); // before anybody can use them
  await ask('publish', { keyPackages: keyPackages.filter((k) => !k.lastResort).map((k) => k.wire), lastResort: keyPackages.at(-1).wire });
}

// --- Groups ---
const leaves = (state) => state.ratchetTree.filter((node) => node?.nodeType === 'leaf').map((node) => node.leaf);
const leafAt = (state, index) => state.ratchetTree[2 * index].leaf;
const addressOf = (leaf) => leaf.extensions.find((e) => e.extensionType === ADDRESS)?.extensionData;
const othersOf = (state) => state.ratchetTree
  .filter((node, i) => node?.nodeType === 'leaf' && i !== 2 * state.privatePath.leafIndex)
  .map((node) => hex(addressOf(node.leaf)));
const handleOf = (state) => state.groupContext.extensions.find((e) => e.extensionType === GROUP_DATA).extensionData.slice(1, 33);
const peopleOf = (state) => [...new Set(leaves(state).map(userOf))].sort();
const gateSeed = async (state) => hex(await exported(state, suite, 'plumbline gate', handleOf(state), 32));
const describe = (state) => `epoch ${state.groupContext.epoch}, ${leaves(state).length} devices of ${peopleOf(state).map(nameOf).join(', ')}`;
const current = () => {
  if (groups.length === 0) throw new Error('no conversation yet: wait for one (read), or start one');
  return groups.at(-1);
};
const groupOf = (id) => groups.find((g) => hex(g.state.groupContext.groupId) === hex(id));

async function joinBy(text) {
  const welcome = decode(text, 'mls_welcome').welcome;
  for (const k of keyPackages) {
    const ref = hex(await makeKeyPackageRef(k.public, suite.hash));
    if (!welcome.secrets.some((s) => hex(s.newMember) === ref)) continue;
    const state = await mls.joinGroup(welcome, k.public, k.private, mls.emptyPskIndex, suite, undefined, undefined, clientConfig);
    groups.push({ state, sequence: 0, previous: '00'.repeat(32) });
    if (!k.lastResort) keyPackages.splice(keyPackages.indexOf(k), 1);
    return say(`joined: ${describe(state)}`);
  }
  throw new Error('a Welcome for a key package that is not ours');
}

async function readMessage(text) {
  const pm = decode(text, 'mls_private_message').privateMessage;
  const group = groupOf(pm.groupId);
  if (group === undefined) throw new Error('a message of a group that we are not in');
  const { state } = group;
  let sender = 'somebody'; // ts-mls does not tell who wrote it: looked up beforehand
  if (pm.epoch === state.groupContext.epoch) {
    const opened = await unprotectPrivateMessage(state.keySchedule.senderDataSecret, pm, state.secretTree, state.ratchetTree, state.groupContext, clientConfig.keyRetentionConfig, suite);
    sender = nameOf(userOf(leafAt(state, opened.content.content.sender.leafIndex)));
  }
  const result = await take(state, text, mls.emptyPskIndex, suite);
  group.state = result.newState;
  if (result.kind !== 'applicationMessage') return say('a proposal');
  const frame = await ask('readFrame', { frame: hex(result.message) });
  return say(`from ${sender}: ${frame.text ?? `(${frame.mediaType})`}`);
}

async function takeCommit({ message: text, gate }) {
  const commit = decode(text);
  const group = groupOf((commit.privateMessage ?? commit.publicMessage.content).groupId);
  if (group === undefined) throw new Error('a commit of a group that we are not in');
  const { newState } = await take(group.state, text, mls.emptyPskIndex, suite);
  if (newState.groupActiveState.kind === 'removedFromGroup') {
    groups.splice(groups.indexOf(group), 1);
    return say('removed from the group');
  }
  // Whoever announced another gate key than the epoch leads to is not followed.
  await ask('checkGate', { gate, handle: hex(handleOf(group.state)), epoch: Number(group.state.groupContext.epoch), gateSeed: await gateSeed(group.state), nextGateSeed: await gateSeed(newState) });
  group.state = newState;
  return say(`commit: ${describe(newState)}`);
}

async function submit(state, result, isNew) {
  const exportOf = async (label) => hex(await exported(state, suite, label, handleOf(state), 32));
  const before = new Set(leaves(state).map((leaf) => hex(leaf.signaturePublicKey)));
  const added = leaves(result.newState).filter((leaf) => !before.has(hex(leaf.signaturePublicKey)));
  return ask('commit', {
    handle: hex(handleOf(state)), epoch: Number(state.groupContext.epoch), message: hex(mls.encodeMlsMessage(result.commit)), isNew,
    gateSeed: await gateSeed(state), commitKey: await exportOf('plumbline commit key'), readToken: await exportOf('plumbline commit read'),
    nextGateSeed: await gateSeed(result.newState), to: othersOf(state),
    welcomes: result.welcome === undefined ? [] : added.map((leaf) => ({ to: hex(addressOf(leaf)), message: message('mls_welcome', 'welcome', result.welcome) })),
  });
}

const commands = {
  async read(seconds) {
    const { envelopes } = await ask('receive', { seconds: Number(seconds ?? 0) });
    for (const envelope of envelopes.filter(({ id }) => !seen.includes(id))) {
      seen.push(envelope.id);
      try {
        if (envelope.kind === 'welcome') await joinBy(envelope.message);
        else if (envelope.kind === 'commit') await takeCommit(envelope);
        else if (envelope.kind === 'message') await readMessage(envelope.message);
        else say(`an envelope of kind ${envelope.kind}, left alone`);
      } catch (error) {
        say(`not taken: ${error.message}`);
      }
    }
    say(`read ${envelopes.length}`);
  },
  async start(person) {
    const user = uriOf(person);
    const claimed = (await ask('claim', { user })).keyPackages.map(keyPackageOf);
    const own = await newKeyPackage(false); // only its leaf is used
    const data = new Uint8Array([1, ...crypto.getRandomValues(new Uint8Array(32)), 1]); // GroupData, direct
    const state = await mls.createGroup(crypto.getRandomValues(new Uint8Array(32)), own.public, own.private,
      [{ extensionType: GROUP_DATA, extensionData: data }], suite, clientConfig);
    const result = await mls.createCommit({ state, cipherSuite: suite },
      { extraProposals: claimed.map((keyPackage) => ({ proposalType: 'add', add: { keyPackage } })), ratchetTreeExtension: true });
    const answer = await submit(state, result, true);
    if (answer.outcome !== 'accepted') throw new Error(`the gate says: ${answer.outcome}`);
    groups.push({ state: result.newState, sequence: 0, previous: '00'.repeat(32) });
    say(`started: ${describe(result.newState)}`);
  },
  async say(...words) {
    const group = current();
    const frame = await ask('makeFrame', { sequence: group.sequence + 1, previous: group.previous, text: words.join(' ') });
    const result = await mls.createApplicationMessage(group.state, bytes(frame.frame), suite);
    Object.assign(group, { state: result.newState, sequence: group.sequence + 1, previous: frame.hash });
    keep(); // no key is used twice
    const to = othersOf(group.state);
    const { stored } = await ask('send', { to, message: message('mls_private_message', 'privateMessage', result.privateMessage) });
    say(`sent to ${stored} of ${to.length} devices`);
  },
  async update() {
    const group = current();
    const result = await mls.createCommit({ state: group.state, cipherSuite: suite });
    const answer = await submit(group.state, result, false);
    if (answer.outcome !== 'accepted') throw new Error(`the gate says: ${answer.outcome}; read, then try again`);
    group.state = result.newState;
    say(`updated: ${describe(group.state)}`);
  },
  async who() {
    for (const group of groups) say(describe(group.state));
    say(`you are ${me.user}`);
  },
};

say(`you are ${me.user}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...rest] = line.trim().split(/\s+/);
  if (name === 'quit') break;
  try {
    if (!Object.hasOwn(commands, name)) throw new Error('commands: read [SECONDS], start PERSON, say TEXT, update, who, quit');
    await commands[name](...rest);
    keep();
  } catch (error) {
    say(`error: ${error.message}`);
  }
}
port.stdin.end();
