// ts-mls as a peer: JSON lines on standard input, one answer each on standard output. Bytes are hexadecimal.
//   {"op": "...", ...}  ->  {"ok": {...}}  or  {"error": "..."}
// One process holds several independent clients: a key package, and the group it leads to, has a name ("who").
import { createInterface } from 'node:readline';
import { base64, bytes, decode, encodedTree, exported, groupInfoOf, hex, keyPackageOf, lifetimeUntil, message, mls, names, newSignatureKey, standard, suiteOf, take, treeOf } from './bridge.mjs';

const clients = new Map(); // who -> { id, suite, keyPackage, privatePackage, state?, psks }
function client(who) {
  const found = clients.get(who);
  if (found === undefined) throw new Error(`nobody is called ${who}`);
  return found;
}
function member(who) {
  const found = client(who);
  if (found.state === undefined) throw new Error(`${who} is in no group`);
  return found;
}
const pskIndex = (c) => mls.makePskIndex(c.state, c.psks);

function describe(c) {
  const { groupContext, keySchedule, privatePath, groupActiveState, ratchetTree } = c.state;
  return {
    group: hex(groupContext.groupId),
    epoch: Number(groupContext.epoch),
    leaf: privatePath.leafIndex,
    members: ratchetTree.filter((node) => node?.nodeType === 'leaf').length,
    authenticator: hex(keySchedule.epochAuthenticator),
    state: groupActiveState.kind,
  };
}

async function newClient({ who, suite: id, identity, certificates, signatureKey, lifetimeDays = 30 }) {
  const suite = await suiteOf(id);
  const credential = certificates === undefined
    ? { credentialType: 'basic', identity: bytes(identity) }
    : { credentialType: 'x509', certificates: certificates.map(bytes) };
  const pair = signatureKey === undefined
    ? await newSignatureKey(id, suite)
    : { signKey: bytes(signatureKey.private), publicKey: bytes(signatureKey.public) };
  const lifetime = lifetimeUntil(Math.floor(Date.now() / 1000) + lifetimeDays * 86400);
  const made = await mls.generateKeyPackageWithKey(credential, mls.defaultCapabilities(), lifetime, [], pair, suite);
  clients.set(who, { id, suite, keyPackage: made.publicPackage, privatePackage: made.privatePackage, psks: {}, state: undefined });
  return { keyPackage: message('mls_key_package', 'keyPackage', made.publicPackage) };
}

function proposalOf({ add, remove, psk, extensions }) {
  if (add !== undefined) return { proposalType: 'add', add: { keyPackage: keyPackageOf(add) } };
  if (remove !== undefined) return { proposalType: 'remove', remove: { removed: remove } };
  if (psk !== undefined) {
    const { id, nonceSize } = psk;
    return { proposalType: 'psk', psk: { preSharedKeyId: { psktype: 'external', pskId: bytes(id), pskNonce: crypto.getRandomValues(new Uint8Array(nonceSize)) } } };
  }
  return {
    proposalType: 'group_context_extensions',
    groupContextExtensions: { extensions: extensions.map(({ type, data }) => ({ extensionType: type, extensionData: bytes(data) })) },
  };
}

// The new state counts at once: whoever drives this delivers what comes out before anything else.
function committed(c, result, tree) {
  c.state = result.newState;
  return {
    ...describe(c),
    commit: hex(mls.encodeMlsMessage(result.commit)),
    welcome: result.welcome === undefined ? undefined : message('mls_welcome', 'welcome', result.welcome),
    tree: tree ? undefined : hex(encodedTree(c.state)),
  };
}

const operations = {
  hello: () => ({ name: 'ts-mls 1.6.4', node: process.version, suites: standard }),
  newClient,
  create: async ({ who, group }) => {
    const c = client(who);
    c.state = await mls.createGroup(bytes(group), c.keyPackage, c.privatePackage, [], c.suite);
    return describe(c);
  },
  join: async ({ who, welcome, tree }) => {
    const c = client(who);
    c.state = await mls.joinGroup(decode(welcome, 'mls_welcome').welcome, c.keyPackage, c.privatePackage, pskIndex(c), c.suite, treeOf(tree));
    return describe(c);
  },
  storePsk: ({ who, id, secret }) => {
    client(who).psks[base64(bytes(id))] = bytes(secret);
    return {};
  },
  commit: async ({ who, proposals = [], public: open = false, tree = true }) => {
    const c = member(who);
    const result = await mls.createCommit(
      { state: c.state, pskIndex: pskIndex(c), cipherSuite: c.suite },
      { wireAsPublicMessage: open, extraProposals: proposals.map(proposalOf), ratchetTreeExtension: tree },
    );
    return committed(c, result, tree);
  },
  propose: async ({ who, proposal, public: open = false }) => {
    const c = member(who);
    const result = await mls.createProposal(c.state, open, proposalOf(proposal), c.suite);
    c.state = result.newState;
    return { proposal: hex(mls.encodeMlsMessage(result.message)) };
  },
  protect: async ({ who, plaintext, authenticatedData }) => {
    const c = member(who);
    const result = await mls.createApplicationMessage(c.state, bytes(plaintext), c.suite, bytes(authenticatedData));
    c.state = result.newState;
    return { message: message('mls_private_message', 'privateMessage', result.privateMessage) };
  },
  process: async ({ who, message: text }) => {
    const c = member(who);
    const result = await take(c.state, text, pskIndex(c), c.suite);
    c.state = result.newState;
    return { ...describe(c), plaintext: result.kind === 'applicationMessage' ? hex(result.message) : undefined };
  },
  groupInfo: async ({ who, tree = true }) => {
    const c = member(who);
    const info = await groupInfoOf(c.state, c.suite, tree);
    return { groupInfo: message('mls_group_info', 'groupInfo', info), tree: tree ? undefined : hex(encodedTree(c.state)) };
  },
  externalJoin: async ({ who, groupInfo, tree, resync = false }) => {
    const c = client(who);
    const info = decode(groupInfo, 'mls_group_info').groupInfo;
    const result = await mls.joinGroupExternal(info, c.keyPackage, c.privatePackage, resync, c.suite, treeOf(tree));
    c.state = result.newState;
    return { ...describe(c), commit: message('mls_public_message', 'publicMessage', result.publicMessage) };
  },
  proposeOwnAdd: async ({ who, groupInfo }) => {
    const c = client(who);
    const made = await mls.proposeAddExternal(decode(groupInfo, 'mls_group_info').groupInfo, c.keyPackage, c.privatePackage, c.suite);
    return { proposal: hex(mls.encodeMlsMessage(made)) };
  },
  branch: async ({ who, as, group, keyPackages }) => {
    const c = member(who);
    const next = client(as);
    const result = await mls.branchGroup(c.state, next.keyPackage, next.privatePackage, keyPackages.map(keyPackageOf), bytes(group), c.suite);
    return committed(next, result, false);
  },
  joinBranch: async ({ who, as, welcome, tree }) => {
    const next = client(as);
    next.state = await mls.joinGroupFromBranch(member(who).state, decode(welcome, 'mls_welcome').welcome, next.keyPackage, next.privatePackage, treeOf(tree), next.suite);
    return describe(next);
  },
  reinit: async ({ who, group, suite }) => {
    const c = member(who);
    return committed(c, await mls.reinitGroup(c.state, bytes(group), 'mls10', names[suite], [], c.suite), true);
  },
  createSuccessor: async ({ who, as, group, suite, keyPackages }) => {
    const next = client(as);
    const result = await mls.reinitCreateNewGroup(member(who).state, next.keyPackage, next.privatePackage, keyPackages.map(keyPackageOf), bytes(group), names[suite], []);
    return committed(next, result, false);
  },
  joinSuccessor: async ({ who, as, welcome, tree }) => {
    const next = client(as);
    next.state = await mls.joinGroupFromReinit(member(who).state, decode(welcome, 'mls_welcome').welcome, next.keyPackage, next.privatePackage, treeOf(tree));
    return describe(next);
  },
  export: async ({ who, label, context, size }) => {
    const c = member(who);
    return { secret: hex(await exported(c.state, c.suite, label, bytes(context), size)) };
  },
  describe: ({ who }) => describe(member(who)),
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const request = JSON.parse(line);
    const operation = operations[request.op];
    if (operation === undefined) throw new Error(`no operation is called ${request.op}`);
    answer = { ok: await operation(request) };
  } catch (error) {
    answer = { error: `${error?.name ?? 'Error'}: ${error?.message ?? error}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
