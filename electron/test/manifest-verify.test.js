'use strict';

/** The door that the app uses: what it takes, what it refuses, and that it does not block. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { Worker } = require('node:worker_threads');
const {
  parseTrusted,
  verifyRelease,
  verifyRootChain,
  verifyTree,
} = require('../src/manifest-verify.js');
const { answerOf } = require('../src/manifest/hashing.js');
const { place } = require('./trees.js');
const { baseTree } = require('./verdicts.js');

const GOLDEN = path.join(__dirname, '..', '..', 'tests', 'golden', 'manifest');
const trusted = parseTrusted(fs.readFileSync(path.join(GOLDEN, 'trusted-keys.json')));
const base = baseTree({});
let directory;
let tree;

before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'door-'));
  tree = path.join(directory, 'tree');
  place(tree, base, []);
});
after(() => fs.rmSync(directory, { recursive: true }));

test('a release of the golden files is believed', () => {
  const envelope = fs.readFileSync(path.join(GOLDEN, 'release.dsse.json'));
  const { release, keyids, purpose } = verifyRelease(envelope, trusted, { platform: 'linux-x64' });
  assert.equal(release.product, 'PEFT Studio');
  assert.deepEqual([keyids.length, purpose], [1, 'release']);
  assert.throws(() => verifyRelease(envelope, trusted, { minimumEpoch: 8 }), { id: 'epoch' });
});

test('a root of the golden files is believed, until it expires for who asks', () => {
  const root = fs.readFileSync(path.join(GOLDEN, 'root.dsse.json'));
  const trust = verifyRootChain([root]);
  assert.deepEqual([trust.version, trust.expires], [1, '2030-01-01T00:00:00Z']);
  assert.throws(() => verifyRootChain([root], { now: 1_893_456_000 }), { id: 'expired' });
  const envelope = fs.readFileSync(path.join(GOLDEN, 'release.dsse.json'));
  const options = { now: 1_893_456_000 };
  assert.throws(() => verifyRelease(envelope, trust, options), { id: 'expired' });
});

test('the event loop goes on while a tree is verified', async () => {
  let turns = 0;
  let done = false;
  const turn = () => {
    turns++;
    if (!done) setImmediate(turn);
  };
  turn();
  await verifyTree(tree, base.trusted);
  done = true;
  assert.ok(turns > 2, `${turns} turns`);
});

test('every difference is named', async () => {
  const spoiled = path.join(directory, 'spoiled');
  place(spoiled, base, [
    ['flip', 'app/main.py', 0],
    ['write', 'x', ''],
  ]);
  await assert.rejects(verifyTree(spoiled, base.trusted), (error) => {
    const found = error.problems.map(({ path: where, id }) => [where, id]);
    assert.deepEqual(found, [
      ['app/main.py', 'file-hash'],
      ['x', 'file-extra'],
    ]);
    assert.equal(error.id, 'file-hash');
    return error.name === 'IntegrityFailure' && error instanceof Error;
  });
});

for (const [name, trust, options] of [
  ['no trust', undefined, {}],
  ['trust without a threshold', { keys: [], revoked: [] }, {}],
  ['a threshold of nothing', { keys: [], revoked: [], threshold: 0 }, {}],
  ['a threshold that is no number', { keys: [], revoked: [], threshold: NaN }, {}],
  ['a level that is none', base.trusted, { level: 'none' }],
  ['an epoch that is no number', base.trusted, { minimumEpoch: NaN }],
  ['an epoch in quotes', base.trusted, { minimumEpoch: '9' }],
  ['a moment that is no number', base.trusted, { now: NaN }],
  ['an option with a slip of the pen', base.trusted, { minimalEpoch: 9 }],
]) {
  test(`${name} is a mistake, not a pass`, async () => {
    await assert.rejects(verifyTree(tree, trust, options), TypeError);
  });
}

for (const [name, script] of [
  ['that ends well', ''],
  ['that is ended', 'process.exit(0)'],
  ['that fails', 'throw new Error("out of memory")'],
  ['that ends before its answer', 'setTimeout(() => {}, 0)'],
]) {
  test(`a worker ${name} without an answer is no good news`, async () => {
    await assert.rejects(answerOf(new Worker(script, { eval: true })));
  });
}
