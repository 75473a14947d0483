'use strict';

/** Whom the packaged app believes: what scripts/dist.js put into the app's trust/ directory. */

const fs = require('node:fs');
const path = require('node:path');
const { parseTrusted, verifyRootChain } = require('../manifest-verify.js');

/** The names that `runtime-packager keys trusted` writes; the app reads the same. */
const ROOT = 'root.dsse.json';
const KEYS = 'trusted-keys.json';

/**
 * The trust in a directory.
 * @param {string} folder holds root.dsse.json or trusted-keys.json
 * @returns {import('../manifest/keys.js').Trust}
 * @throws {Error} when there is neither or both, or what is there breaks a rule
 */
function readTrust(folder) {
  const root = readOr(path.join(folder, ROOT));
  const keys = readOr(path.join(folder, KEYS));
  if (root && keys) throw new Error(`${folder} holds ${ROOT} and ${KEYS}: one of them expected`);
  if (root) return verifyRootChain([root]);
  if (keys) return parseTrusted(keys);
  throw new Error(
    `${folder} holds neither ${ROOT} nor ${KEYS}: runtime-packager keys trusted writes it`,
  );
}

function readOr(file) {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

module.exports = { KEYS, ROOT, readTrust };
