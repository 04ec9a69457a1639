// A reader of transparency logs that shares no code with ours: written from C2SP signed-note, tlog-checkpoint and
// tlog-cosignature and from RFC 9162 §2.1.3.2 and §2.1.4.2, with nothing but Node's own Ed25519 and SHA-256.
// Reads one JSON object a line, answers one JSON object a line: {"ok": true, ...} or {"ok": false, "why": ...}.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createInterface } from 'node:readline';

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const inner = (left, right) => sha256(Buffer.from([1]), left, right);
const refuse = (why) => { throw new Error(why); };

function ed25519(raw) {
  const prefix = Buffer.from('302a300506032b6570032100', 'hex');
  return createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' });
}

function parseKey(text, type) {
  const [, name, id, base64] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? refuse('not a verifier key');
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== 33 || bytes[0] !== type) refuse('a key of another type');
  if (sha256(name, '\n', bytes).subarray(0, 4).toString('hex') !== id) refuse('the id is not that of the key');
  return { name, id, key: ed25519(bytes.subarray(1)) };
}

function parseNote(note) {
  const end = note.lastIndexOf('\n\n');
  if (end < 0) refuse('no signatures');
  const text = note.slice(0, end + 1);
  const signatures = note.slice(end + 2).split('\n').slice(0, -1).map((line) => {
    const [, name, base64] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? refuse('not a signature line');
    const bytes = Buffer.from(base64, 'base64');
    return { name, id: bytes.subarray(0, 4).toString('hex'), bytes: bytes.subarray(4) };
  });
  return { text, signatures };
}

const of = (note, key) =>
  note.signatures.find((s) => s.name === key.name && s.id === key.id) ?? refuse(`${key.name} has not signed`);

function checkpoint({ note, log, witness }) {
  const parsed = parseNote(note);
  const logKey = parseKey(log, 1);
  if (!verify(null, Buffer.from(parsed.text), logKey.key, of(parsed, logKey).bytes)) refuse("the log's signature is wrong");
  const [origin, size, root, ...rest] = parsed.text.split('\n');
  if (rest.length !== 1 || rest[0] !== '' || origin !== logKey.name) refuse('not a checkpoint of this log');
  const out = { ok: true, size: Number(size), root: Buffer.from(root, 'base64').toString('hex') };
  if (witness !== undefined) {
    const key = parseKey(witness, 4);
    const signature = of(parsed, key).bytes;
    if (signature.length !== 72) refuse('a cosignature has 72 bytes');
    const time = signature.readBigUInt64BE(0);
    const message = Buffer.from(`cosignature/v1\ntime ${time}\n${parsed.text}`);
    if (!verify(null, message, key.key, signature.subarray(8))) refuse("the witness's signature is wrong");
    out.time = Number(time);
  }
  return out;
}

// RFC 9162 §2.1.3.2.
function inclusion({ index, size, leaf, proof, root }) {
  if (index >= size) refuse('beyond the tree');
  let fn = index, sn = size - 1, r = Buffer.from(leaf, 'hex');
  for (const text of proof) {
    const p = Buffer.from(text, 'hex');
    if (sn === 0) refuse('the proof is too long');
    if (fn % 2 === 1 || fn === sn) {
      r = inner(p, r);
      while (fn % 2 === 0 && fn !== 0) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
    } else {
      r = inner(r, p);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  if (sn !== 0 || r.toString('hex') !== root) refuse('the proof does not lead to the root');
  return { ok: true };
}

// RFC 9162 §2.1.4.2.
function consistency({ from, size, first, second, proof }) {
  if (from === size) return proof.length === 0 && first === second ? { ok: true } : refuse('one tree needs no proof');
  const path = proof.map((p) => Buffer.from(p, 'hex'));
  if (path.length === 0) refuse('an empty proof');
  if (Number.isInteger(Math.log2(from))) path.unshift(Buffer.from(first, 'hex'));
  let fn = from - 1, sn = size - 1;
  while (fn % 2 === 1) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
  let fr = path[0], sr = path[0];
  for (const c of path.slice(1)) {
    if (sn === 0) refuse('the proof is too long');
    if (fn % 2 === 1 || fn === sn) {
      fr = inner(c, fr);
      sr = inner(c, sr);
      while (fn % 2 === 0 && fn !== 0) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
    } else {
      sr = inner(sr, c);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  if (sn !== 0 || fr.toString('hex') !== first || sr.toString('hex') !== second) refuse('the trees are not consistent');
  return { ok: true };
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = { checkpoint, inclusion, consistency }[question.what](question);
  } catch (error) {
    answer = { ok: false, why: error.message };
  }
  console.log(JSON.stringify(answer));
}
