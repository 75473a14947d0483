'use strict';

/**
 * The signed payload: what one runtime is. Rules (runtime_packager/manifest/release.py):
 *
 * 1. Strict JSON of at most 8 MiB with `schema` 1.
 * 2. Every field is there and of its type.
 * 3. Further fields are allowed, but each name in `must_understand` has to be one we know.
 *    Objects inside hold exactly their fields.
 * 4. The platform is a known one; paths obey paths.js; executables ascend by path; `created` is
 *    YYYY-MM-DDTHH:MM:SSZ and a real moment.
 * 5. `platform`, `epoch`: it is the one, and not older than what, the caller says.
 */

const { IntegrityFailure, compareText, differs, rejection } = require('./problems.js');
const { orderProblems, pathProblem } = require('./paths.js');
const shape = require('./shape.js');
const strictJson = require('./strict-json.js');

const MAX_SIZE = 8 * 1024 * 1024;
const WHAT = 'the release';

/** As runtime_packager/platforms.py names them; a vector for each holds the two together. */
const PLATFORMS = new Set([
  'linux-x64',
  'linux-arm64',
  'win-x64',
  'win-arm64',
  'mac-x64',
  'mac-arm64',
  'linux-x64-musl',
  'mac-universal',
]);

/** The texts that say where an interpreter comes from, and whether each must not be empty. */
const PROVENANCE = {
  python: true,
  source: true,
  origin: true,
  release: false,
  asset: false,
  sha256: false,
};

/** The fields in the order in which they are read, and what reads each. */
const FIELDS = {
  product: text,
  version: text,
  epoch: shape.requireCount,
  platform: requirePlatform,
  files_sha256: shape.requireDigest,
  files_size: shape.requireCount,
  file_count: shape.requireCount,
  tree_root: shape.requireDigest,
  executables: requireExecutables,
  interpreters: requireInterpreters,
  lock_sha256: shape.requireDigest,
  tool: text,
  created: shape.requireMoment,
  inputs: shape.requireDigest,
};
const KNOWN = [...Object.keys(FIELDS), 'schema', 'must_understand'];

/**
 * The release that a verified payload describes; fields as docs/reference/manifest.md lists them.
 * @param {Buffer} data
 * @throws {IntegrityFailure} when a rule of this module is broken
 */
function parse(data) {
  const found = shape.require(
    strictJson.loads(data, { maxSize: MAX_SIZE, what: WHAT }),
    'object',
    WHAT,
  );
  shape.requireSchema(found.get('schema'), 1, WHAT);
  requireUnderstood(found.get('must_understand'));
  shape.requireKeys(found, KNOWN, WHAT, found.keys());
  const release = {};
  for (const [name, read] of Object.entries(FIELDS)) {
    release[name] = read(found.get(name), `${WHAT}: ${name}`, release);
  }
  return release;
}

/**
 * The release in a payload that trusted keys signed, if it is one the caller wants.
 * @param {Buffer} payload
 * @param {{platform?: string, minimumEpoch?: number}} wanted
 * @throws {IntegrityFailure} when it is none, for another platform, or too old
 */
function requireWanted(payload, { platform, minimumEpoch } = {}) {
  const release = parse(payload);
  if (platform !== undefined && release.platform !== platform) {
    throw rejection('platform', differs('platform', platform, release.platform), WHAT);
  }
  if (minimumEpoch !== undefined && release.epoch < minimumEpoch) {
    const reason = `epoch ${release.epoch} is older than ${minimumEpoch}, which was here already`;
    throw rejection('epoch', reason, WHAT);
  }
  return release;
}

/** Not requireText itself: what `parse` passes third is not a length. */
function text(value, what) {
  return shape.requireText(value, what);
}

function requireUnderstood(value) {
  const what = `${WHAT}: must_understand`;
  const names = shape.require(value, 'array', what).map((name) => shape.requireText(name, what));
  const unknown = names.filter((name) => !KNOWN.includes(name)).sort(compareText);
  if (unknown.length) {
    throw rejection('must-understand', `needs a newer verifier, for ${unknown.join(', ')}`, WHAT);
  }
}

function requirePlatform(value, what) {
  const name = shape.requireText(value, what);
  if (!PLATFORMS.has(name)) throw rejection('schema', `${name} is no known platform`, what);
  return name;
}

function requireExecutables(value, what, { platform }) {
  const found = shape.require(value, 'array', what).map((row) => executable(row, what));
  const paths = found.map(({ path }) => path);
  const problems = orderProblems(paths);
  for (const path of paths) {
    const reason = pathProblem(path, platform);
    if (reason) problems.push({ path, id: 'path', reason });
  }
  if (problems.length) throw new IntegrityFailure(`${what} hold paths a tree cannot`, problems);
  return found;
}

function executable(value, what) {
  const row = shape.requireKeys(value, ['path', 'sha256', 'size'], what);
  return {
    path: shape.require(row.get('path'), 'string', `${what}: path`),
    sha256: shape.requireDigest(row.get('sha256'), `${what}: sha256`),
    size: shape.requireCount(row.get('size'), `${what}: size`),
  };
}

function requireInterpreters(value, what) {
  const found = shape.require(value, 'array', what).map((row) => provenance(row, what));
  if (!found.length) throw rejection('schema', 'at least one expected', what);
  return found;
}

function provenance(value, what) {
  const row = shape.requireKeys(value, [...Object.keys(PROVENANCE), 'official'], what);
  for (const [name, needed] of Object.entries(PROVENANCE)) {
    if (needed || row.get(name) !== '') shape.requireText(row.get(name), `${what}: ${name}`);
  }
  if (row.get('sha256')) shape.requireDigest(row.get('sha256'), `${what}: sha256`);
  shape.require(row.get('official'), 'boolean', `${what}: official`);
  return Object.fromEntries(row);
}

module.exports = { MAX_SIZE, PLATFORMS, parse, requireWanted };
