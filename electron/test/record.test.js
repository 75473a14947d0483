'use strict';

/** What a record of a verified start may spare, and what it may not. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { afterEach, beforeEach, test } = require('node:test');
const { Helpers } = require('../src/manifest/hashing.js');
const { InputError } = require('../src/manifest/problems.js');
const { fingerprint, remember } = require('../src/manifest/record.js');
const { verifyTree } = require('../src/manifest/verify.js');
const { place } = require('./trees.js');
const { baseTree } = require('./verdicts.js');

const base = baseTree({});
const clock = Date.now;
let directory;
let tree;
let record;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'record-'));
  tree = path.join(directory, 'tree');
  record = path.join(directory, 'record.json');
  place(tree, base, []);
  fs.utimesSync(path.join(tree, 'app/main.py'), 1e9, 1e9); // a time that can be put back exactly
  Date.now = () => clock() + 60_000; // the tree has settled
});
afterEach(() => {
  Date.now = clock;
  fs.rmSync(directory, { recursive: true });
});

/** In this thread, for the clock; the worker of manifest-verify.js calls the same. */
function verify(options = {}) {
  const wanted = { level: 'full', allowCodeSigning: false, record, ...options };
  return verifyTree(tree, base.trusted, wanted, new Helpers());
}

/** Other bytes; mode, size and mtime as before. */
function flip(file) {
  const { atime, mtime } = fs.statSync(file);
  const data = fs.readFileSync(file);
  data[0] ^= 1;
  fs.writeFileSync(file, data);
  fs.utimesSync(file, atime, mtime);
}

test('a verified start spares the next one', async () => {
  const first = await verify();
  assert.deepEqual([first.fromRecord, first.recorded], [false, true]);
  const next = await verify();
  assert.deepEqual({ ...next, recorded: true }, { ...first, fromRecord: true });
});

test('a record is private', async () => {
  await verify();
  assert.equal(fs.statSync(record).mode & 0o777, 0o600);
  assert.deepEqual(fs.readdirSync(directory).sort(), ['record.json', 'tree']);
});

test('a tree that has just changed is not recorded', async () => {
  Date.now = clock;
  assert.equal((await verify()).recorded, false);
  assert.ok(!fs.existsSync(record));
});

for (const [name, change, id] of [
  ['a byte, with mtime put back', () => flip(path.join(tree, 'app/main.py')), 'file-hash'],
  ['another file', () => fs.writeFileSync(path.join(tree, 'app/x.py'), ''), 'file-extra'],
  ['a file less', () => fs.rmSync(path.join(tree, 'app/main.py')), 'file-missing'],
  ['a mode', () => fs.chmodSync(path.join(tree, 'app/main.py'), 0o755), 'file-mode'],
  ["a directory's mode", () => fs.chmodSync(path.join(tree, 'app'), 0o777), 'file-mode'],
  ["the root's mode", () => fs.chmodSync(tree, 0o777), 'file-mode'],
]) {
  test(`it does not hide ${name}`, async () => {
    await verify();
    change();
    await assert.rejects(verify(), { name: 'IntegrityFailure', id });
  });
}

test('a file that was replaced by its like is looked at again', async () => {
  await verify();
  const file = path.join(tree, 'app/main.py');
  fs.copyFileSync(file, `${file}.new`);
  fs.renameSync(`${file}.new`, file);
  assert.equal((await verify()).fromRecord, false);
});

test('a tree that changed while it was verified is not recorded', () => {
  const before = { ...fingerprint(tree), digest: 'another' };
  const now = BigInt(Date.now()) * 1_000_000n;
  assert.equal(remember(record, {}, before, now, {}, tree), false);
  assert.ok(!fs.existsSync(record));
  assert.equal(remember(record, {}, fingerprint(tree), now, {}, tree), true);
});

test('the signature counts, whatever was recorded', async () => {
  await verify();
  const nobody = { keys: [], threshold: 1, revoked: [] };
  const options = { level: 'full', allowCodeSigning: false, record };
  await assert.rejects(verifyTree(tree, nobody, options, new Helpers()), { id: 'key-untrusted' });
  await assert.rejects(verify({ minimumEpoch: 8 }), { id: 'epoch' });
  await assert.rejects(verify({ platform: 'win-x64' }), { id: 'platform' });
});

test('what was recorded for one level does not do for another', async () => {
  flip(path.join(tree, 'app/main.py'));
  assert.equal((await verify({ level: 'exe' })).recorded, true);
  await assert.rejects(verify(), { id: 'file-hash' });
});

for (const [name, text] of [
  ['garbage', '\0\u00ff{'],
  ['an empty object', '{}'],
  ['a text', '"x"'],
]) {
  test(`${name} in its place is no record`, async () => {
    fs.writeFileSync(record, text);
    const found = await verify();
    assert.deepEqual([found.fromRecord, found.recorded], [false, true]);
  });
}

test('a record that cannot be written costs time, nothing else', async () => {
  fs.mkdirSync(record);
  assert.equal((await verify()).recorded, false);
  assert.deepEqual(fs.readdirSync(directory).sort(), ['record.json', 'tree']);
});

test('a record has to lie outside the runtime', async () => {
  await assert.rejects(verify({ record: path.join(tree, 'app/record') }), InputError);
  await assert.rejects(verify({ record: path.join(directory, 'nowhere/record') }), InputError);
});
