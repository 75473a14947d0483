'use strict';

/** What this verifier says of a vector, in the form of tests/vectors/vector_verdicts.py. */

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const dsse = require('../src/manifest/dsse.js');
const files = require('../src/manifest/files.js');
const { parseTrusted, requireSound, verifies } = require('../src/manifest/keys.js');
const { compareText, rejection } = require('../src/manifest/problems.js');
const releases = require('../src/manifest/release.js');
const strictJson = require('../src/manifest/strict-json.js');
const {
  InputError,
  IntegrityFailure,
  verifyRootChain,
  verifyTree,
} = require('../src/manifest-verify.js');
const { expand } = require('./parts.js');

const VECTORS = path.join(__dirname, '..', '..', 'tests', 'vectors');
const KINDS = ['json', 'trusted', 'ed25519', 'envelope', 'release', 'root', 'files', 'tree'];
const MAX_JSON = 2_000_000;

const VALUES = {
  json: ({ input, max_size: maxSize = MAX_JSON }) =>
    digest(strictJson.dumps(strictJson.loads(expand(input), { maxSize }))),
  trusted: ({ input }) => keyids(parseTrusted(expand(input)).keys),
  ed25519: signature,
  envelope: ({ input, trusted }) => {
    const signed = dsse.verify(expand(input), trusted);
    return [digest(signed.payload), keyids(signed.keys)];
  },
  release: (vector) => {
    const found = releases.requireWanted(expand(vector.input), wanted(vector));
    return [found.product, found.epoch, found.tree_root, found.executables.length];
  },
  root: ({ inputs, now }) => {
    const trust = verifyRootChain(inputs.map(expand), { now });
    return [trust.version, keyids(trust.keys), trust.threshold, trust.revoked];
  },
  files: ({ input, platform }) => files.treeRoot(files.parse(expand(input), platform)),
  tree: async (vector, tree) => {
    const { level, trusted = baseTree(vector).trusted } = vector;
    const allowCodeSigning = vector.allow_code_signing ?? false;
    const options = { level, allowCodeSigning, ...wanted(vector) };
    const found = await verifyTree(tree, trusted, options);
    const signed = found.signedAfter.map((program) => [program.path, program.signed]);
    return [found.filesChecked, found.bytesHashed, found.totalSize, signed];
  },
};

/**
 * @param {object} vector
 * @param {string} [tree] where the tree of a tree vector lies
 * @returns {Promise<{ids: string[], problems: [string, string][], value: unknown}>}
 */
async function verdict(vector, tree) {
  try {
    return { ids: [], problems: [], value: await VALUES[vector.kind](vector, tree) };
  } catch (error) {
    if (error instanceof InputError) return { ids: ['input'], problems: [], value: null };
    if (!(error instanceof IntegrityFailure)) throw error;
    const problems = new Map(
      error.problems.map((row) => [JSON.stringify([row.path, row.id]), row]),
    );
    const rows = [...problems.values()].map((row) => [row.path, row.id]);
    rows.sort((a, b) => compareText(a[0], b[0]) || compareText(a[1], b[1]));
    return { ids: [...new Set(rows.map((row) => row[1]))].sort(), problems: rows, value: null };
  }
}

function signature({ key, message, signature: hex }) {
  requireSound(key);
  if (!verifies(key, Buffer.from(hex, 'hex'), Buffer.from(message, 'hex'))) {
    throw rejection('signature-invalid', 'does not fit', 'the signature');
  }
  return true;
}

function wanted({ platform, minimum_epoch: minimumEpoch }) {
  return { platform: platform ?? undefined, minimumEpoch: minimumEpoch ?? undefined };
}

function keyids(keys) {
  return keys.map((key) => key.keyid).sort();
}

function digest(data) {
  return crypto.createHash('sha256').update(data).digest('hex');
}

function vectors(kind) {
  return JSON.parse(fs.readFileSync(path.join(VECTORS, `${kind}.json`), 'utf8'));
}

/** The tree that a tree vector starts from. */
function baseTree({ base = 'linux' }) {
  return JSON.parse(fs.readFileSync(path.join(VECTORS, 'base-trees.json'), 'utf8'))[base];
}

module.exports = { KINDS, baseTree, vectors, verdict };
