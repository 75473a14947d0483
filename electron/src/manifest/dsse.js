'use strict';

/**
 * The signed envelope: DSSE 1.0 with Ed25519.
 *
 * Rules, in this order (runtime_packager/manifest/dsse.py):
 *
 * 1. Strict JSON of at most 16 MiB: exactly `payload`, `payloadType` and `signatures`; a signature
 *    is `sig` and, if known, `keyid`. (`schema`)
 * 2. `payload-type`: the one that is expected. It is also part of what is signed.
 * 3. `signature-missing`: 1 to 16 signatures.
 * 4. `base64`: standard or URL-safe alphabet, padded, one spelling each.
 * 5. `signature-duplicate`: no signature and no key id twice.
 * 6. As many distinct trusted keys as the threshold asks for have signed. A key id is a hint: the
 *    key it names is tried first, then all others. Otherwise `key-revoked` when a signature names a
 *    revoked key, `threshold` when some keys signed but too few, `signature-invalid` when one names
 *    a trusted key, else `key-untrusted`.
 *
 * Only then is the payload handed out, and nobody parses it before.
 */

const { rejection } = require('./problems.js');
const { verifies } = require('./keys.js');
const shape = require('./shape.js');
const strictJson = require('./strict-json.js');

const RELEASE_TYPE = 'application/vnd.runtime-packager.release+json';
const ROOT_TYPE = 'application/vnd.runtime-packager.root+json';
const UPDATE_TYPE = 'application/vnd.runtime-packager.update+json';
const MAX_SIZE = 16 * 1024 * 1024;
const MAX_SIGNATURES = 16;
const WHAT = 'the envelope';

/**
 * DSSE's pre-authentication encoding: what is signed in the payload's place.
 * @param {string} payloadType
 * @param {Buffer} payload
 */
function pae(payloadType, payload) {
  const size = Buffer.byteLength(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${size} ${payloadType} ${payload.length} `), payload]);
}

/**
 * The payload, once enough trusted keys are found to have signed it.
 * @param {Buffer} envelope
 * @param {import('./keys.js').Trust} trust
 * @param {string} [payloadType] the one that is expected
 * @returns {{payload: Buffer, keys: import('./keys.js').PublicKey[]}}
 * @throws {IntegrityFailure} when a rule of this module is broken
 */
function verify(envelope, trust, payloadType = RELEASE_TYPE) {
  const parsed = parse(envelope, payloadType);
  const keys = counted(parsed, trust);
  if (keys.length < trust.threshold) throw unsigned(parsed, trust, keys);
  return { payload: parsed.payload, keys };
}

/**
 * The trusted keys that signed, each once and none of them revoked, whatever the threshold.
 * @param {ReturnType<typeof parse>} parsed
 * @param {import('./keys.js').Trust} trust
 */
function counted(parsed, trust) {
  const valid = trust.keys.filter((key) => !trust.revoked.includes(key.keyid));
  const message = pae(parsed.payloadType, parsed.payload);
  const found = new Set();
  for (const [hint, signature] of parsed.signatures) {
    const named = valid.filter((key) => key.keyid === hint);
    const others = valid.filter((key) => key.keyid !== hint);
    const signer = [...named, ...others].find((key) => verifies(key.public, signature, message));
    if (signer) found.add(signer);
  }
  return [...found];
}

function unsigned(parsed, trust, keys) {
  const hints = parsed.signatures.map(([hint]) => hint);
  if (hints.some((hint) => trust.revoked.includes(hint))) {
    return rejection('key-revoked', 'signed by a key that was revoked', WHAT);
  }
  if (keys.length) {
    const reason = `${trust.threshold} trusted keys have to sign, ${keys.length} did`;
    return rejection('threshold', reason, WHAT);
  }
  if (hints.some((hint) => trust.keys.some((key) => key.keyid === hint))) {
    return rejection('signature-invalid', 'no signature fits what is signed', WHAT);
  }
  return rejection('key-untrusted', 'not signed by a trusted key', WHAT);
}

/**
 * The parts of an envelope, whoever signed it.
 * @param {Buffer} envelope
 * @param {string} payloadType the one that is expected
 * @returns {{payload: Buffer, payloadType: string, signatures: [string, Buffer][]}}
 */
function parse(envelope, payloadType) {
  const document = strictJson.loads(envelope, { maxSize: MAX_SIZE, what: WHAT });
  const found = shape.requireKeys(document, ['payload', 'payloadType', 'signatures'], WHAT);
  if (found.get('payloadType') !== payloadType) {
    throw rejection('payload-type', `payloadType ${payloadType} expected`, WHAT);
  }
  const rows = shape.require(found.get('signatures'), 'array', `${WHAT}: signatures`);
  if (!rows.length) throw rejection('signature-missing', 'no signature', WHAT);
  if (rows.length > MAX_SIGNATURES) {
    throw rejection('schema', `at most ${MAX_SIGNATURES} signatures expected`, WHAT);
  }
  const signatures = rows.map(parseSignature);
  requireDistinct(signatures);
  return { payload: decode(found.get('payload'), `${WHAT}: payload`), payloadType, signatures };
}

function parseSignature(row) {
  const what = `${WHAT}: a signature`;
  const found = shape.requireKeys(row, ['sig'], what, ['keyid']);
  const hint = found.has('keyid') ? shape.require(found.get('keyid'), 'string', what) : '';
  if (hint) shape.requireText(hint, `${what}: keyid`, 256);
  return [hint, decode(found.get('sig'), what)];
}

function requireDistinct(signatures) {
  const hints = signatures.map(([hint]) => hint).filter(Boolean);
  const values = signatures.map(([, signature]) => signature.toString('hex'));
  if (new Set(hints).size !== hints.length || new Set(values).size !== values.length) {
    throw rejection('signature-duplicate', 'a signature or key id stands twice', WHAT);
  }
}

function decode(value, what) {
  const text = shape.require(value, 'string', what);
  const data = Buffer.from(text, 'base64');
  // Encoding it again finds stray characters, bits and padding, which the decoder overlooks.
  const standard = data.toString('base64');
  const urlSafe = standard.replaceAll('+', '-').replaceAll('/', '_');
  if (text !== standard && text !== urlSafe) {
    throw rejection('base64', 'not base64 with padding', what);
  }
  return data;
}

module.exports = { MAX_SIZE, RELEASE_TYPE, ROOT_TYPE, UPDATE_TYPE, counted, parse, verify };
