// privacypass-ts as client, issuer and origin: JSON lines on standard input, one answer each on standard output.
// Bytes are hexadecimal.
//   {"op": "...", ...}  ->  {"ok": {...}}  or  {"error": "..."}
import { webcrypto } from 'node:crypto';
import { createInterface } from 'node:readline';

globalThis.crypto ??= webcrypto; // Node 18
const { publicVerif, Token, TokenChallenge, TOKEN_TYPES } = await import('@cloudflare/privacypass-ts');
const { BlindRSAMode, Client, Issuer, Origin, TokenRequest, TokenResponse, getPublicKeyBytes } = publicVerif;

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytes = (text) => new Uint8Array(Buffer.from(text, 'hex'));
const kKey = { name: 'RSA-PSS', hash: 'SHA-384' };

let issuer; // the last that was made
let client; // that has asked last

async function become(privateKey, publicKey) {
  issuer = new Issuer(BlindRSAMode.PSS, 'issuer.example', privateKey, publicKey);
  return { key: hex(await getPublicKeyBytes(publicKey)), keyId: hex(await issuer.tokenKeyID()) };
}

const ops = {
  async newIssuer() {
    const pair = await Issuer.generateKey(BlindRSAMode.PSS, { publicExponent: Uint8Array.from([1, 0, 1]), modulusLength: 2048 });
    return become(pair.privateKey, pair.publicKey);
  },
  // With somebody else's key.
  async issuerWith({ pkcs8 }) {
    const privateKey = await crypto.subtle.importKey('pkcs8', bytes(pkcs8), kKey, true, ['sign']);
    const { kty, n, e } = await crypto.subtle.exportKey('jwk', privateKey);
    return become(privateKey, await crypto.subtle.importKey('jwk', { kty, n, e }, kKey, true, ['verify']));
  },
  async issue({ request }) {
    const response = await issuer.issue(TokenRequest.deserialize(TOKEN_TYPES.BLIND_RSA, bytes(request)));
    return { response: hex(response.serialize()) };
  },
  async challenge({ issuer: name, origins, context }) {
    const made = new Origin(BlindRSAMode.PSS, origins.length > 0 ? origins : undefined).createTokenChallenge(name, bytes(context));
    return { challenge: hex(made.serialize()) };
  },
  async request({ challenge, key }) {
    client = new Client(BlindRSAMode.PSS);
    const request = await client.createTokenRequest(TokenChallenge.deserialize(bytes(challenge)), bytes(key));
    return { request: hex(request.serialize()) };
  },
  async finish({ response }) {
    return { token: hex((await client.finalize(TokenResponse.deserialize(bytes(response)))).serialize()) };
  },
  // By the issuer's key.
  async verify({ token }) {
    const read = Token.deserialize(TOKEN_TYPES.BLIND_RSA, bytes(token));
    return { valid: await new Origin(BlindRSAMode.PSS).verify(read, issuer.publicKey) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const question = JSON.parse(line);
    answer = { ok: await ops[question.op](question) };
  } catch (error) {
    answer = { error: String(error?.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
