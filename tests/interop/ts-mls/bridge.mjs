// ts-mls, with what its version 1.6.4 does otherwise than RFC 9420 bridged at the places marked D1..D4 and D7, D8; docs/interop.md
// explains them. Shared by peer.mjs and outside.mjs.
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto; // Node 18 has it under another name
process.removeAllListeners('warning'); // and calls two algorithms experimental, on every start
export const mls = await import('ts-mls');
const { createGroupInfo } = await import('ts-mls/createCommit.js');
const { ratchetTreeEncoder, decodeRatchetTree } = await import('ts-mls/ratchetTree.js');
const { varLenDataEncoder } = await import('ts-mls/codec/variableLength.js');
const { encode } = await import('ts-mls/codec/tlsEncoder.js');
const nist = await import('@noble/curves/nist.js');

export const hex = (bytes) => Buffer.from(bytes).toString('hex');
export const bytes = (text) => new Uint8Array(Buffer.from(text ?? '', 'hex'));
export const base64 = (data) => Buffer.from(data).toString('base64');

export const names = Object.fromEntries(Object.entries(mls.ciphersuites).map(([name, id]) => [id, name]));
export const standard = [1, 2, 3, 4, 5, 6, 7]; // D8: its numbers above are nobody else's
const suites = new Map();
export async function suiteOf(id) {
  if (!suites.has(id)) suites.set(id, bridge(await mls.getCiphersuiteImpl(mls.getCiphersuiteFromName(names[id]))));
  return suites.get(id);
}

const publicKeySizes = [32, 56, 65, 97, 133];
function bridge(suite) {
  const hpke = suite.hpke;
  return {
    ...suite,
    hpke: {
      ...hpke,
      // D1: it takes the data of external_pub for the key itself; RFC 9420 has the length before it.
      importPublicKey: (key) => hpke.importPublicKey(publicKeySizes.includes(key.length) ? key : key.slice(key.length > 65 ? 2 : 1)),
    },
  };
}

// D3: its ECDSA public keys are compressed points; RFC 9420 has uncompressed ones.
const curves = { 2: nist.p256, 5: nist.p521, 7: nist.p384 };
export async function newSignatureKey(id, suite) {
  const pair = await suite.signature.keygen();
  if (curves[id] === undefined) return pair;
  return { signKey: pair.signKey, publicKey: curves[id].getPublicKey(pair.signKey, false) };
}

// D7: its default lifetime is for ever.
export function lifetimeUntil(notAfter) {
  return { notBefore: BigInt(Math.floor(Date.now() / 1000)) - 3600n, notAfter: BigInt(notAfter) };
}

export function decode(text, wanted) {
  const decoded = mls.decodeMlsMessage(bytes(text), 0);
  if (decoded === undefined) throw new Error('not an MLSMessage');
  if (wanted !== undefined && decoded[0].wireformat !== wanted) throw new Error(`not a ${wanted} but a ${decoded[0].wireformat}`);
  return decoded[0];
}
export const message = (wireformat, field, value) => hex(mls.encodeMlsMessage({ version: 'mls10', wireformat, [field]: value }));
export const keyPackageOf = (text) => decode(text, 'mls_key_package').keyPackage;
export const treeOf = (text) => (text === undefined || text === '' ? undefined : decodeRatchetTree(bytes(text), 0)[0]);
export const encodedTree = (state) => encode(ratchetTreeEncoder)(state.ratchetTree);

// Takes one message of the group. D4: its processMessage() forgets the PSKs for a PrivateMessage, so the two kinds are told apart here.
export function take(state, text, pskIndex, suite) {
  const taken = decode(text);
  return taken.wireformat === 'mls_public_message'
    ? mls.processPublicMessage(state, taken.publicMessage, pskIndex, suite)
    : mls.processPrivateMessage(state, taken.privateMessage, pskIndex, suite);
}

export async function groupInfoOf(state, suite, tree) {
  const pair = await suite.hpke.deriveKeyPair(state.keySchedule.externalSecret);
  const key = await suite.hpke.exportPublicKey(pair.publicKey);
  // D1 again: with the length.
  const extensions = [{ extensionType: 'external_pub', extensionData: encode(varLenDataEncoder)(key) }];
  if (tree) extensions.push({ extensionType: 'ratchet_tree', extensionData: encodedTree(state) });
  return createGroupInfo(state.groupContext, state.confirmationTag, state, extensions, suite);
}

export const exported = (state, suite, label, context, size) => mls.mlsExporter(state.keySchedule.exporterSecret, label, context, size, suite);
