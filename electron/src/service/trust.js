'use strict';

/**
 * Whom the app believes: what lies in trust/, beside main.js, in the app's own archive. The hooks that
 * pack an app read the same.
 */

const fs = require('node:fs');
const path = require('node:path');
const { parseTrusted, verifyRootChain } = require('../manifest-verify.js');

/** The names that `runtime-packager keys trusted` writes. */
const ROOT = 'root.dsse.json';
const KEYS = 'trusted-keys.json';

/**
 * The trust that was packed with the app.
 * @param {string} directory with a root document or a list of keys
 * @returns {import('../manifest/keys.js').Trust}
 * @throws when there is neither, or both, or it is not what it should be: nothing can be verified then
 */
function readTrust(directory) {
  const root = readIfThere(path.join(directory, ROOT));
  const keys = readIfThere(path.join(directory, KEYS));
  if (root && keys) throw new Error(`${directory} holds ${ROOT} and ${KEYS}: one of them expected`);
  if (root) return verifyRootChain([root]);
  if (keys) return parseTrusted(keys);
  throw new Error(
    `no keys to verify with: ${directory} holds neither ${ROOT} nor ${KEYS}, ` +
      'which runtime-packager keys trusted writes',
  );
}

function readIfThere(file) {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

module.exports = { readTrust };
