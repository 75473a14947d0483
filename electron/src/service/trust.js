'use strict';

/** Whom the app believes: what lies beside main.js, in the app's own archive. */

const fs = require('node:fs');
const path = require('node:path');
const { parseTrusted, verifyRootChain } = require('../manifest-verify.js');

/**
 * The trust that was packed with the app: the root document, else the list of keys.
 * @param {string} directory with `root.dsse.json` or `trusted-keys.json`
 * @returns {import('../manifest/keys.js').Trust}
 * @throws when there is neither, or it is not what it should be: nothing can be verified then
 */
function readTrust(directory) {
  const root = readIfThere(path.join(directory, 'root.dsse.json'));
  if (root) return verifyRootChain([root]);
  const keys = readIfThere(path.join(directory, 'trusted-keys.json'));
  if (keys) return parseTrusted(keys);
  throw new Error(`the app carries no keys to verify with: ${directory} is empty`);
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
