'use strict';

/**
 * The signed statement of an update: which files, byte for byte, are version V of a product.
 *
 * electron-updater believes the SHA-512 that the server's latest.yml names. On Linux nothing else
 * vouches for an AppImage, so whoever writes to the server would choose what runs. The statement
 * lies beside the files as `update-<version>-<platform>.dsse.json`, made by
 * `runtime-packager sign-update` with a release key, and has to agree with latest.yml.
 *
 * Rules, in this order (runtime_packager/manifest/update.py):
 *
 * 1. A DSSE envelope of the update's own type with enough trusted keys' signatures; in a release
 *    build, of release keys.
 * 2. Strict JSON: exactly `schema` 1, `product`, `version`, `platform`, `files`; a file is `name`,
 *    `size` and `sha512` (hex).
 * 3. Product, version and platform are the wanted ones.
 */

const dsse = require('../manifest/dsse.js');
const shape = require('../manifest/shape.js');
const strictJson = require('../manifest/strict-json.js');
const { UpdateError, isRelease } = require('./policy.js');

const MAX_SIZE = 256 * 1024;
const WHAT = 'the update statement';
const SHA512 = /^[0-9a-f]{128}$/;

/**
 * @typedef {object} Statement
 * @property {string} version
 * @property {Map<string, {size: number, sha512: string}>} files by name; `sha512` in hex
 */

/**
 * What is stated, once it is known to be signed.
 * @param {Buffer} envelope
 * @param {import('../manifest/keys.js').Trust} trust
 * @param {{product: string, version: string, platform: string}} wanted
 * @returns {Statement}
 * @throws {UpdateError} `UPDATE_NOT_SIGNED`
 */
function openStatement(envelope, trust, wanted) {
  try {
    const { payload, keys } = dsse.verify(envelope, trust, dsse.UPDATE_TYPE);
    const forRelease = keys.filter((key) => key.purpose === 'release').length;
    if (isRelease(trust) && forRelease < trust.threshold) {
      throw new Error('signed with a development key only');
    }
    return parse(payload, wanted);
  } catch (error) {
    throw new UpdateError(
      'UPDATE_NOT_SIGNED',
      `Version ${wanted.version} is not signed as it must be, so it is not taken: ${error.message}.`,
    );
  }
}

function parse(payload, wanted) {
  const document = strictJson.loads(payload, { maxSize: MAX_SIZE, what: WHAT });
  const keys = ['schema', 'product', 'version', 'platform', 'files'];
  const found = shape.requireKeys(document, keys, WHAT);
  shape.requireSchema(found.get('schema'), 1, WHAT);
  for (const name of ['product', 'version', 'platform']) {
    if (found.get(name) !== wanted[name]) {
      throw new Error(`it is about ${name} ${found.get(name)}, not ${wanted[name]}`);
    }
  }
  const rows = shape.require(found.get('files'), 'array', `${WHAT}: files`);
  return { version: wanted.version, files: new Map(rows.map(parseFile)) };
}

function parseFile(row) {
  const found = shape.requireKeys(row, ['name', 'size', 'sha512'], `${WHAT}: a file`);
  const sha512 = found.get('sha512');
  if (typeof sha512 !== 'string' || !SHA512.test(sha512)) throw new Error('not a SHA-512');
  const size = shape.requireCount(found.get('size'), `${WHAT}: size`);
  return [shape.requireText(found.get('name'), `${WHAT}: name`), { size: Number(size), sha512 }];
}

/**
 * What is wrong with a latest.yml beside its statement, or nothing: every file it names has to be
 * stated with the same digest. Names count without folders and as the server spells them.
 * @param {{version: string, files: {url: string, sha512: string}[]}} info of electron-updater
 * @param {Statement} statement
 * @returns {string | undefined}
 */
function disagreement(info, statement) {
  if (!Array.isArray(info.files) || !info.files.length) return 'it names no file';
  for (const { url, sha512 } of info.files) {
    const stated = statement.files.get(fileName(url));
    if (!stated) return `${url} is not among the signed files`;
    if (hexOf(sha512) !== stated.sha512) return `the digest of ${url} is not the signed one`;
  }
  return undefined;
}

function fileName(url) {
  try {
    const { pathname } = new URL(String(url), 'https://host.invalid/');
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1));
  } catch {
    return ''; // not an address: no file is stated under that name
  }
}

function hexOf(base64) {
  return Buffer.from(String(base64), 'base64').toString('hex');
}

/**
 * Where a statement lies.
 * @param {string} feed the server's address, as in app-update.yml
 * @param {string} version
 * @param {string} platform
 */
function statementUrl(feed, version, platform) {
  const base = feed.endsWith('/') ? feed : `${feed}/`;
  return new URL(`update-${encodeURIComponent(version)}-${platform}.dsse.json`, base).href;
}

/**
 * The bytes at an address, no more than a statement may have.
 * @param {typeof fetch} fetch
 * @param {string} url
 * @param {number} limit milliseconds
 * @returns {Promise<Buffer>}
 */
async function fetchStatement(fetch, url, limit) {
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(limit) });
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`);
  const chunks = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > MAX_SIZE) throw new Error(`${url} has more than ${MAX_SIZE} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

module.exports = { disagreement, fetchStatement, openStatement, statementUrl };
