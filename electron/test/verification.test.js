'use strict';

/** When the runtime is verified, and what is remembered; with the real verifier and a small tree. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { beforeEach, test } = require('node:test');
const { verifyTree } = require('../src/manifest-verify.js');
const { systemClock: clock } = require('../src/service/clock.js');
const { StateFile } = require('../src/service/state-file.js');
const { Verification } = require('../src/service/verification.js');
const { makeLog, temporary } = require('./service-parts.js');
const { place } = require('./trees.js');
const { baseTree } = require('./verdicts.js');

const BASE = baseTree({});
const LIBRARY = 'app/main.py'; // not a program: `exe` does not look at it

let directory;
let tree;
let log;
let levels;

beforeEach((t) => {
  directory = temporary(t);
  log = makeLog(t);
  tree = path.join(directory, 'backend');
  place(tree, BASE, []);
  trustIn('trust');
  levels = [];
});

function trustIn(name) {
  fs.mkdirSync(path.join(directory, name));
  const keys = { schema: 1, keys: BASE.trusted.keys };
  fs.writeFileSync(path.join(directory, name, 'trusted-keys.json'), JSON.stringify(keys));
}

/** The app as it is after a start: what it remembers lies in `directory`. */
function makeVerification(options = {}) {
  return new Verification({
    trustDirectory: path.join(directory, 'trust'),
    record: path.join(directory, 'verified.json'),
    state: new StateFile(path.join(directory, 'state.json'), log),
    product: 'PEFT Studio',
    platform: 'linux-x64',
    appVersion: '1.0.0',
    clock,
    log,
    verify: (root, trust, wanted) => {
      levels.push(wanted.level);
      return verifyTree(root, trust, wanted);
    },
    ...options,
  });
}

const failed = (check) => (error) => {
  assert.equal(error.code, 'INTEGRITY_FAILED');
  check(error);
  return true;
};
const spoil = (name) => fs.appendFileSync(path.join(tree, name), 'x');
const remembered = () => JSON.parse(fs.readFileSync(path.join(directory, 'state.json')));

test('a start costs exe, then quick in the background', async () => {
  const verification = makeVerification();
  assert.equal(verification.runtime, null);
  await verification.beforeStart(tree);
  assert.equal(verification.runtime.level, 'exe');
  await verification.afterStart(tree);
  assert.deepEqual(levels, ['exe', 'quick']);
  const { product, version, epoch, platform, purpose, level, tree: digest } = verification.runtime;
  assert.deepEqual(
    { product, version, epoch, platform, purpose, level },
    {
      product: 'PEFT Studio',
      version: '1.2.3',
      epoch: 7,
      platform: 'linux-x64',
      purpose: 'release',
      level: 'quick',
    },
  );
  assert.match(digest, /^[0-9a-f]{64}$/);
});

test('a changed program is refused before anything starts, by name', async () => {
  spoil('peft_engine');
  await assert.rejects(
    makeVerification().beforeStart(tree),
    failed(({ details }) => {
      assert.equal(details.count, 1);
      assert.equal(details.files[0].path, 'peft_engine');
      assert.match(details.files[0].reason, /expected.*actual/);
    }),
  );
});

test('a file that exe does not see is found in the background, and the next start looks at all', async () => {
  spoil(LIBRARY);
  const verification = makeVerification();
  await verification.beforeStart(tree);
  await assert.rejects(
    verification.afterStart(tree),
    failed(({ details, message }) => {
      assert.equal(details.files[0].path, LIBRARY);
      assert.match(message, /app\/main\.py/);
    }),
  );
  await assert.rejects(
    verification.beforeStart(tree),
    failed(() => {}),
  );
  await assert.rejects(
    makeVerification().beforeStart(tree),
    failed(() => {}),
  );
  fs.rmSync(tree, { recursive: true });
  place(tree, BASE, []);
  await makeVerification().beforeStart(tree);
  await makeVerification().beforeStart(tree);
  assert.deepEqual(levels, ['exe', 'quick', 'full', 'full', 'full', 'exe']);
});

test('after an update of the app every byte is looked at before anything starts, once it is right', async () => {
  await makeVerification().afterStart(tree);
  const updated = { appVersion: '1.1.0' };
  spoil(LIBRARY);
  await assert.rejects(
    makeVerification(updated).beforeStart(tree),
    failed(() => {}),
  );
  fs.rmSync(tree, { recursive: true });
  place(tree, BASE, []);
  for (let start = 0; start < 2; start += 1) {
    const verification = makeVerification(updated);
    await verification.beforeStart(tree);
    await verification.afterStart(tree);
  }
  assert.deepEqual(levels, ['quick', 'full', 'full', 'quick', 'exe', 'quick']);
  assert.ok(log.texts().includes('the app was updated from 1.0.0 to 1.1.0'));
});

test('a version on trial leaves the epoch, so that the one before can be put back', async () => {
  let onTrial = true;
  const verification = makeVerification({ onTrial: () => onTrial });
  await verification.afterStart(tree);
  assert.ok(!fs.existsSync(path.join(directory, 'state.json')));
  onTrial = false;
  await verification.afterStart(tree);
  assert.deepEqual(remembered().epochs, { 'PEFT Studio': 7 });
});

test('an older runtime than one that has run is refused', async () => {
  await makeVerification().afterStart(tree);
  assert.deepEqual(remembered().epochs, { 'PEFT Studio': 7 });
  const state = path.join(directory, 'state.json');
  fs.writeFileSync(state, JSON.stringify({ ...remembered(), epochs: { 'PEFT Studio': 8 } }));
  await assert.rejects(
    makeVerification().beforeStart(tree),
    failed(({ details }) => assert.equal(details.files[0].id, 'epoch')),
  );
});

test('a runtime that was never ready does not set the epoch', async () => {
  await makeVerification().beforeStart(tree);
  assert.ok(!fs.existsSync(path.join(directory, 'state.json')));
});

const OTHERS = [
  ['of another platform', { platform: 'win-x64' }, /platform/],
  ['of another product', { product: 'another' }, /PEFT Studio, expected another/],
];
for (const [what, options, reason] of OTHERS) {
  test(`a runtime ${what} is refused`, async () => {
    await assert.rejects(
      makeVerification(options).beforeStart(tree),
      failed(({ details }) => assert.match(details.files[0].reason, reason)),
    );
  });
}

const TRUSTS = [
  ['no keys', () => fs.rmSync(path.join(directory, 'trust'), { recursive: true })],
  ['keys that cannot be read', () => fs.writeFileSync(keysFile(), '{}')],
  ['a broken root beside good keys', () => fs.writeFileSync(rootFile(), '{}')],
  ['no runtime', () => fs.rmSync(path.join(tree, 'manifest'), { recursive: true })],
  ['no directory', () => fs.rmSync(tree, { recursive: true })],
];
const keysFile = () => path.join(directory, 'trust', 'trusted-keys.json');
const rootFile = () => path.join(directory, 'trust', 'root.dsse.json');
for (const [what, spoilIt] of TRUSTS) {
  test(`${what}: nothing is proven, so it is refused`, async () => {
    spoilIt();
    await assert.rejects(
      makeVerification().beforeStart(tree),
      failed(() => {}),
    );
  });
}

test('a record whose directory is not there yet, or cannot be made, refuses nothing', async () => {
  const record = path.join(directory, 'new', 'verified.json');
  await makeVerification({ record }).afterStart(tree);
  assert.ok(fs.statSync(path.dirname(record)).isDirectory());
  await makeVerification({ record: path.join(keysFile(), 'verified.json') }).afterStart(tree);
  assert.ok(log.texts().some((text) => text.startsWith('verifying without a record')));
});

test('20 files are named, all are counted', async () => {
  for (let index = 0; index < 30; index += 1)
    fs.writeFileSync(path.join(tree, `extra${index}`), '');
  await assert.rejects(
    makeVerification().onRequest(tree),
    failed(({ details, message }) => {
      assert.deepEqual([details.files.length, details.count], [20, 30]);
      assert.match(message, /and 29 more/);
    }),
  );
});

test('on request every byte is looked at, and it is said how many', async () => {
  const { files, bytes, runtime, milliseconds } = await makeVerification().onRequest(tree);
  assert.deepEqual([files, bytes > 0, runtime.level, milliseconds >= 0], [10, true, 'full', true]);
});

test('what is remembered survives a file that cannot be read, or written', async () => {
  const file = path.join(directory, 'state.json');
  for (const content of ['', 'no json', '[]', 'null']) {
    fs.writeFileSync(file, content);
    await makeVerification().afterStart(tree);
    assert.equal(remembered().appVersion, '1.0.0');
  }
  const state = new StateFile(path.join(keysFile(), 'state.json'), log);
  assert.equal(state.update({ a: 1 }), false);
  assert.deepEqual(state.read(), {});
});
