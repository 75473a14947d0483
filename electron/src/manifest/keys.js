'use strict';

/**
 * Ed25519 public keys, and which of them a verifier believes.
 *
 * Rules for a key, each error id `key-invalid` (runtime_packager/manifest/keys.py):
 *
 * 1. 32 bytes.
 * 2. Canonical (RFC 8032, 5.1.3): y below the field's prime, and no sign bit where x is 0.
 * 3. Not of small order: under such a key one signature fits nearly every message.
 * 4. The id beside it is its own.
 *
 * Signatures are checked by node:crypto, which refuses S >= L: no signature has a second form.
 * Trusted keys (runtime_packager/manifest/trusted.py): `{"schema": 1, "keys": [...]}`, a key being
 * `keyid`, `public` (hex), `purpose` and, if wanted, `comment`; none twice, from 1 to 64.
 */

const crypto = require('node:crypto');
const { rejection } = require('./problems.js');
const shape = require('./shape.js');
const strictJson = require('./strict-json.js');

const PURPOSES = ['release', 'development'];
const KEY_DOMAIN = 'runtime-packager/key/v1\n';
const FIELD_PRIME = 2n ** 255n - 19n;
/** RFC 8410: what stands in front of the 32 bytes in a SubjectPublicKeyInfo. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const MAX_SIZE = 256 * 1024;
/** In a list: each of an envelope's signatures may be tried with each key, 0.2 ms a time. */
const MAX_KEYS = 64;

/** The canonical encodings of the 8 points P of edwards25519 with 8P = 0; as in keys.py. */
const SMALL_ORDER = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000', // order 1
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2
  '0000000000000000000000000000000000000000000000000000000000000000', // order 4
  '0000000000000000000000000000000000000000000000000000000000000080', // order 4
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85', // order 8
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa', // order 8
]);

/**
 * A key that may be trusted.
 * @typedef {object} PublicKey
 * @property {string} keyid SHA-256 of KEY_DOMAIN and the 32 bytes, hex
 * @property {string} public the 32 bytes, hex
 * @property {'release' | 'development'} purpose
 */

/**
 * Whom a verifier believes; plain data, so that it can be handed to a worker.
 * @typedef {object} Trust
 * @property {PublicKey[]} keys
 * @property {number} threshold how many distinct keys must have signed
 * @property {string[]} revoked ids of keys that never count
 * @property {string} [expires] of the root document it comes from
 */

/**
 * Refuse a key that must never be trusted.
 * @param {string} hex
 */
function requireSound(hex) {
  const reason = weakness(hex);
  if (reason) throw rejection('key-invalid', reason, `public key ${hex.slice(0, 80)}`);
}

function weakness(hex) {
  if (hex.length !== 64) return `32 bytes expected, ${hex.length / 2} found`;
  if (SMALL_ORDER.has(hex)) return 'a point of small order, which proves nothing';
  const number = BigInt(`0x${Buffer.from(hex, 'hex').reverse().toString('hex')}`);
  const y = BigInt.asUintN(255, number);
  const xIsZero = y === 1n || y === FIELD_PRIME - 1n;
  if (y >= FIELD_PRIME || (y !== number && xIsZero)) return 'not the canonical encoding of a point';
  return undefined;
}

/**
 * The id of a key.
 * @param {string} hex its 32 bytes
 */
function keyidOf(hex) {
  return crypto
    .createHash('sha256')
    .update(KEY_DOMAIN)
    .update(Buffer.from(hex, 'hex'))
    .digest('hex');
}

/**
 * Whether `signature` (64 bytes) is the key's for `message`.
 * @param {string} hex the key's 32 bytes
 * @param {Buffer} signature
 * @param {Buffer} message
 */
function verifies(hex, signature, message) {
  try {
    const der = Buffer.concat([SPKI_PREFIX, Buffer.from(hex, 'hex')]);
    const key = crypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
    return crypto.verify(null, message, key, signature);
  } catch {
    return false; // not a point of the curve
  }
}

function parseKey(row, what) {
  const found = shape.requireKeys(row, ['keyid', 'public', 'purpose'], what, ['comment']);
  const purpose = found.get('purpose');
  if (!PURPOSES.includes(purpose)) {
    throw rejection('schema', `one of ${PURPOSES.join(', ')} expected`, `${what}: purpose`);
  }
  if (found.has('comment')) shape.requireText(found.get('comment'), `${what}: comment`);
  const hex = shape.requireDigest(found.get('public'), 'public key');
  requireSound(hex);
  const keyid = keyidOf(hex);
  if (found.get('keyid') !== keyid) {
    throw rejection(
      'key-invalid',
      `its id is ${keyid}, another stands beside it`,
      `public key ${hex}`,
    );
  }
  return { keyid, public: hex, purpose };
}

/**
 * The trust that the text of a trusted-keys.json states: any one of its keys is enough.
 * @param {Buffer} data
 * @returns {Trust}
 * @throws {IntegrityFailure} when a rule of this module is broken
 */
function parseTrusted(data) {
  const what = 'trusted keys';
  const document = shape.require(
    strictJson.loads(data, { maxSize: MAX_SIZE, what }),
    'object',
    what,
  );
  shape.requireSchema(document.get('schema'), 1, what);
  shape.requireKeys(document, ['schema', 'keys'], what);
  const keys = parseKeys(document.get('keys'), `${what}: keys`);
  if (!keys.length) throw rejection('schema', 'at least one key expected', what);
  return { keys, threshold: 1, revoked: [] };
}

/**
 * The rows of a list of public keys, none of them twice; they are counted before all else.
 * @param {unknown} value
 * @param {string} what
 * @returns {PublicKey[]}
 */
function parseKeys(value, what) {
  const rows = shape.require(value, 'array', what);
  if (rows.length > MAX_KEYS) {
    throw rejection('schema', `at most ${MAX_KEYS} keys expected, ${rows.length} found`, what);
  }
  const keys = rows.map((row) => parseKey(row, 'a trusted key'));
  if (new Set(keys.map((key) => key.public)).size !== keys.length) {
    throw rejection('schema', 'a key stands twice', what);
  }
  return keys;
}

module.exports = { parseKeys, parseTrusted, requireSound, verifies };
