'use strict';

/**
 * The root document: which keys count for what, how many it takes, which are revoked. The rules, in
 * their order, stand in runtime_packager/manifest/root.py; in short:
 *
 * - what comes after version N is signed by the threshold of N's role `root` (`root-threshold`),
 *   before anything of it is parsed; it is sound; it is N + 1 (`root-version`); and it is signed by
 *   its own threshold too (`root-threshold`);
 * - the first of a chain is trusted for where it lies, but has to be signed by its own threshold;
 * - a revoked key never counts; any number of signatures of one key counts once;
 * - `expired` is asked only of who looks for updates: a clock may be ten years off.
 */

const dsse = require('./dsse.js');
const { parseKeys } = require('./keys.js');
const { compareText, rejection } = require('./problems.js');
const shape = require('./shape.js');
const strictJson = require('./strict-json.js');

const MAX_SIZE = 256 * 1024;
const ROLES = ['root', 'release'];
const WHAT = 'the root';

/**
 * The last of a chain of roots.
 * @param {Buffer[]} envelopes the one that is trusted for where it lies, then its successors
 * @throws {IntegrityFailure} when a rule is broken anywhere
 */
function follow([first, ...successors]) {
  let root = openRoot(first);
  for (const envelope of successors) root = nextRoot(envelope, root);
  return root;
}

function openRoot(envelope) {
  const opened = dsse.parse(envelope, dsse.ROOT_TYPE);
  const root = parse(opened.payload);
  requireSigned(opened, root, 'its own');
  return root;
}

function nextRoot(envelope, trusted) {
  const opened = dsse.parse(envelope, dsse.ROOT_TYPE);
  requireSigned(opened, trusted, `version ${trusted.version}'s`);
  const root = parse(opened.payload);
  if (root.version !== trusted.version + 1) {
    const reason = `version ${trusted.version + 1} expected, ${root.version} found`;
    throw rejection('root-version', reason, WHAT);
  }
  requireSigned(opened, root, 'its own');
  return root;
}

/**
 * The root that a payload describes, whoever signed it.
 * @param {Buffer} data
 * @throws {IntegrityFailure}
 */
function parse(data) {
  const document = strictJson.loads(data, { maxSize: MAX_SIZE, what: WHAT });
  const found = shape.require(document, 'object', WHAT);
  shape.requireSchema(found.get('schema'), 1, WHAT);
  const names = ['schema', 'version', 'keys', 'roles', 'revoked'];
  shape.requireKeys(found, names, WHAT, ['expires']);
  const version = requirePositive(found.get('version'), `${WHAT}: version`);
  const expires = found.has('expires')
    ? shape.requireMoment(found.get('expires'), `${WHAT}: expires`)
    : undefined;
  const keys = parseKeys(found.get('keys'), `${WHAT}: keys`);
  const keyids = requireAscending(
    keys.map((key) => key.keyid),
    `${WHAT}: keys`,
  );
  const roles = parseRoles(found.get('roles'), keyids);
  const revoked = parseKeyids(found.get('revoked'), `${WHAT}: revoked`);
  requireReachable(roles, revoked);
  return { version, expires, keys, roles, revoked };
}

/**
 * Who is believed in a role.
 * @param {ReturnType<typeof parse>} root
 * @param {'root' | 'release'} role
 * @returns {import('./keys.js').Trust}
 */
function trustOf(root, role) {
  const { keyids, threshold } = root.roles[role];
  const keys = root.keys.filter((key) => keyids.includes(key.keyid));
  return { keys, threshold, revoked: root.revoked, version: root.version, expires: root.expires };
}

/**
 * Refuse trust that has expired, as who looks for updates has to.
 * @param {import('./keys.js').Trust} trust
 * @param {number | undefined} now seconds since 1970; undefined: not looked at
 */
function requireCurrent(trust, now) {
  if (now === undefined || trust.expires === undefined) return;
  if (now * 1000 >= Date.parse(trust.expires)) {
    throw rejection('expired', `version ${trust.version} expired at ${trust.expires}`, WHAT);
  }
}

function requireSigned(opened, by, whose) {
  const trust = trustOf(by, 'root');
  const signed = dsse.counted(opened, trust).length;
  if (signed < trust.threshold) {
    const reason = `${trust.threshold} of ${whose} root keys have to sign, ${signed} did`;
    throw rejection('root-threshold', reason, WHAT);
  }
}

function parseRoles(value, known) {
  const what = `${WHAT}: roles`;
  const found = shape.requireKeys(value, ROLES, what);
  return Object.fromEntries(
    ROLES.map((name) => [name, parseRole(found.get(name), known, `${what}: ${name}`)]),
  );
}

function parseRole(value, known, what) {
  const found = shape.requireKeys(value, ['keyids', 'threshold'], what);
  const keyids = parseKeyids(found.get('keyids'), `${what}: keyids`);
  if (!keyids.every((keyid) => known.includes(keyid))) {
    throw rejection('schema', 'a key id that is not among the keys', what);
  }
  const threshold = requirePositive(found.get('threshold'), `${what}: threshold`);
  if (threshold > keyids.length) {
    throw rejection('schema', `a threshold of ${threshold} and ${keyids.length} keys`, what);
  }
  return { keyids, threshold };
}

function requireReachable(roles, revoked) {
  for (const [name, { keyids, threshold }] of Object.entries(roles)) {
    const left = keyids.filter((keyid) => !revoked.includes(keyid)).length;
    if (left < threshold) {
      const reason = `a threshold of ${threshold} and ${left} keys that are not revoked`;
      throw rejection('schema', reason, `${WHAT}: roles: ${name}`);
    }
  }
}

function parseKeyids(value, what) {
  const rows = shape.require(value, 'array', what);
  return requireAscending(
    rows.map((row) => shape.requireDigest(row, what)),
    what,
  );
}

function requireAscending(keyids, what) {
  if (keyids.some((keyid, index) => index > 0 && compareText(keyids[index - 1], keyid) >= 0)) {
    throw rejection('schema', 'key ids that ascend, none twice, expected', what);
  }
  return keyids;
}

function requirePositive(value, what) {
  if (shape.require(value, 'integer', what) < 1) {
    throw rejection('schema', `1 or more expected, ${value} found`, what);
  }
  return value;
}

module.exports = { follow, requireCurrent, trustOf };
