'use strict';

/**
 * The desktop app's verifier: the same rules, in the same order, with the same error ids as
 * runtime_packager/manifest/; tests/vectors/ holds both to it. Nothing but node:* is needed.
 *
 * Everything fails closed: what is not proven is refused, and an error inside rejects.
 */

const path = require('node:path');
const { parseTrusted } = require('./manifest/keys.js');
const { InputError, IntegrityFailure } = require('./manifest/problems.js');
const { runWorker } = require('./manifest/hashing.js');
const roots = require('./manifest/root.js');
const { LEVELS } = require('./manifest/tree.js');
const { verifyRelease } = require('./manifest/verify.js');

const WORKER = path.join(__dirname, 'manifest', 'worker.js');

/**
 * Verify the runtime at `root`, in worker threads: the caller's event loop goes on.
 * @param {string} root the directory that holds manifest/
 * @param {import('./manifest/keys.js').Trust} trusted of `parseTrusted` or `verifyRootChain`
 * @param {object} options
 * @param {'exe' | 'quick' | 'full'} [options.level] how much is looked at; docs/reference/manifest.md
 * @param {string} [options.platform] the one that is expected, such as `linux-x64`
 * @param {number} [options.minimumEpoch] of the newest release seen before
 * @param {boolean} [options.allowCodeSigning] accept programs that differ in their code signature
 *   alone; the facts name them
 * @param {number} [options.now] seconds since 1970: refuse trust that has expired (for updates)
 * @param {string} [options.record] a file outside the tree that remembers a verified start, so that
 *   the next one is cheap; manifest/record.js says what that protects against and what not
 * @returns {Promise<object>} facts: release, keyids, purpose, level, filesChecked, bytesHashed,
 *   totalSize (bytes), signedAfter (`{path, signed}`: programs whose code signature is another than
 *   when they were sealed); with a record, fromRecord and recorded
 * @throws {IntegrityFailure} `{id, problems: [{path, id, reason}]}`, every difference found
 * @throws {InputError} `{id: 'input'}` when `root` is no runtime at all
 */
async function verifyTree(root, trusted, options = {}) {
  const { level = 'full', allowCodeSigning = false, ...rest } = options;
  const { platform, minimumEpoch, now, record, ...unknown } = rest;
  const names = Object.keys(unknown);
  if (names.length) throw new TypeError(`unknown options: ${names.join(', ')}`);
  if (!LEVELS.includes(level)) throw new TypeError(`level ${level}: one of ${LEVELS.join(', ')}`);
  requireTrust(trusted);
  requireNumbers(options);
  const { facts, refused } = await runWorker(WORKER, {
    root,
    trust: trusted,
    options: { level, allowCodeSigning, platform, minimumEpoch, now, record },
  });
  if (!refused) return facts;
  const { message, problems } = refused;
  throw problems.length ? new IntegrityFailure(message, problems) : new InputError(message);
}

/**
 * The release in an envelope, such as that of an update. Blocking, but short: about a millisecond.
 * @param {Buffer} envelope the content of release.dsse.json
 * @param {import('./manifest/keys.js').Trust} trusted
 * @param {{platform?: string, minimumEpoch?: number, now?: number}} options as for `verifyTree`
 * @returns {{release: object, keyids: string[], purpose: 'release' | 'development'}}
 * @throws {IntegrityFailure}
 */
function checkRelease(envelope, trusted, options = {}) {
  requireTrust(trusted);
  requireNumbers(options);
  return verifyRelease(envelope, trusted, options);
}

/**
 * The trust that a chain of root documents states for releases.
 * @param {Buffer[]} envelopes the root that the app carries, then its successors, N + 1 after N
 * @param {{now?: number}} options `now` in seconds since 1970: refuse a root that has expired
 * @returns {import('./manifest/keys.js').Trust}
 * @throws {IntegrityFailure} when a rule is broken anywhere in the chain
 */
function verifyRootChain(envelopes, { now } = {}) {
  if (!envelopes.length) throw new TypeError('at least one root expected');
  requireNumbers({ now });
  const trust = roots.trustOf(roots.follow(envelopes), 'release');
  roots.requireCurrent(trust, now);
  return trust;
}

/** Nothing may be trusted without a signature, whatever a caller passes. */
function requireTrust(trust) {
  const sound = Array.isArray(trust?.keys) && Array.isArray(trust.revoked) && trust.threshold >= 1;
  if (!sound)
    throw new TypeError('trusted: what parseTrusted or verifyRootChain returned expected');
}

/** NaN is neither below nor above anything, so that a rule with it would never say no. */
function requireNumbers(options) {
  for (const name of ['minimumEpoch', 'now']) {
    const value = options[name];
    if (value !== undefined && !Number.isFinite(value)) {
      throw new TypeError(`${name}: a number expected, not ${value}`);
    }
  }
}

module.exports = {
  InputError,
  IntegrityFailure,
  parseTrusted,
  verifyRelease: checkRelease,
  verifyRootChain,
  verifyTree,
};
