'use strict';

/**
 * Verifying a runtime: is this tree what trusted keys signed? Blocking, so it runs in a worker;
 * ../manifest-verify.js starts one. Rules, in this order (runtime_packager/manifest/verify.py):
 *
 * 1. `root` is a directory with a manifest/ in it; otherwise it is no runtime at all.
 * 2. manifest/release.dsse.json is there and carries enough trusted keys' signatures, and what is
 *    signed is a release.
 * 3. `platform`, `epoch`: as the caller says.
 * 4. The tree is what the release says, as far as the level looks.
 *
 * `expired`, where `now` is given, comes before all of it.
 */

const crypto = require('node:crypto');
const dsse = require('./dsse.js');
const files = require('./files.js');
const records = require('./record.js');
const releases = require('./release.js');
const roots = require('./root.js');
const tree = require('./tree.js');

/**
 * The release in an envelope that trusted keys signed.
 * @param {Buffer} envelope
 * @param {import('./keys.js').Trust} trust
 * @param {{platform?: string, minimumEpoch?: number, now?: number}} options
 */
function verifyRelease(envelope, trust, options = {}) {
  roots.requireCurrent(trust, options.now);
  const signed = dsse.verify(envelope, trust);
  const release = releases.requireWanted(signed.payload, options);
  const forRelease = signed.keys.filter((key) => key.purpose === 'release').length;
  const purpose = forRelease >= trust.threshold ? 'release' : 'development';
  return { release, keyids: signed.keys.map((key) => key.keyid), purpose };
}

/**
 * See ../manifest-verify.js.
 * @param {string} root
 * @param {import('./keys.js').Trust} trust
 * @param {object} options
 */
async function verifyTree(root, trust, options) {
  const started = BigInt(Date.now()) * 1_000_000n;
  const { level, record, allowCodeSigning } = options;
  roots.requireCurrent(trust, options.now);
  const base = tree.requireRuntime(root);
  if (record) records.requireOutside(record, base);
  const envelope = tree.readRegular(base, files.RELEASE, dsse.MAX_SIZE);
  const verified = { ...verifyRelease(envelope, trust, options), level };
  if (!record) return { ...verified, ...(await tree.checkTree(base, verified.release, options)) };

  const key = { root: base, level, allowCodeSigning, envelope: sha256(envelope) };
  const before = records.fingerprint(base);
  const known = records.recall(record, key, before.digest);
  if (known) return { ...verified, ...known, fromRecord: true };
  const checked = await tree.checkTree(base, verified.release, options);
  const recorded = records.remember(record, key, before, started, checked, base);
  return { ...verified, ...checked, fromRecord: false, recorded };
}

function sha256(data) {
  return crypto.createHash('sha256').update(data).digest('hex');
}

module.exports = { verifyRelease, verifyTree };
