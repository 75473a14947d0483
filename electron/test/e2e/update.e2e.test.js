'use strict';

/** Updates for real: the packaged app, electron-updater, a server, and what can go wrong. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, beforeEach, test } = require('node:test');
const { missing } = require('./real-electron.js');
const { Home, until } = require('./update-home.js');
const { IMAGE, digestOf, makeImage, packApp, publish, writeLatest } = require('./update-images.js');
const { UpdateServer } = require('./update-server.js');

const OPTIONS = { skip: missing(), timeout: 240_000 };
/** Eleven ports for each home; outside the app's own range and the system's. */
const FIRST_PORT = 21_100;

const server = new UpdateServer();
let place;
let homes = 0;

function of(...names) {
  return path.join(place, ...names);
}

/** Publish a variant of an unpacked app as version `version` in the folder `name`. */
function offer(name, version, unpacked) {
  fs.mkdirSync(of(name));
  makeImage(unpacked, of(name, IMAGE));
  publish(of(name), version);
}

before(async () => {
  if (OPTIONS.skip) return;
  // Memory, if there is enough: each version is 0.4 GB, and a home holds several.
  const memory = fs.existsSync('/dev/shm') && os.freemem() > 10 * 2 ** 30;
  place = fs.mkdtempSync(path.join(memory ? '/dev/shm' : os.tmpdir(), 'updates-'));
  await server.listen();
  packApp(of('app-0.1.0'), '0.1.0', server.url);
  packApp(of('app-0.2.0'), '0.2.0', server.url);
  offer('0.1.0', '0.1.0', of('app-0.1.0'));
  offer('0.2.0', '0.2.0', of('app-0.2.0'));
});

after(() => {
  if (OPTIONS.skip) return;
  server.close();
  fs.rmSync(place, { recursive: true, force: true });
});

beforeEach(() => {
  if (OPTIONS.skip) return;
  server.directory = of('0.2.0');
  server.trouble = undefined;
  server.asked = [];
});

/** Version 0.1.0 installed in a home of its own. */
function home(t) {
  homes += 1;
  const made = new Home(of(`home-${homes}`), of('0.1.0', IMAGE), FIRST_PORT + 11 * homes);
  t.after(() => made.remove());
  return made;
}

async function downloaded(user) {
  await user.open();
  assert.equal((await user.ask('check-for-updates')).status, 'available');
  assert.equal((await user.ask('download-update')).status, 'downloaded');
}

function isVersion(user, version) {
  assert.equal(digestOf(user.app), digestOf(of(version, IMAGE)));
}

test('0.1.0 becomes 0.2.0, whose runtime is verified and answers', OPTIONS, async (t) => {
  const user = home(t);
  await downloaded(user);
  const [{ size, ...available }] = await user.seen('update-available');
  assert.deepEqual(available, {
    version: '0.2.0',
    releaseDate: '2026-01-01T00:00:00.000Z',
    notes: '',
  });
  assert.equal(size, fs.statSync(of('0.2.0', IMAGE)).size);
  assert.ok((await user.seen('update-download-progress')).length > 0);
  assert.deepEqual(await user.seen('update-downloaded'), [{ version: '0.2.0' }]);

  const before = user.processes;
  await user.ask('install-update').catch(() => {}); // the page may be gone before the answer
  await user.phase('confirmed');
  isVersion(user, '0.2.0');
  assert.deepEqual(user.beside, [IMAGE], 'nothing is left beside the app');
  assert.match(user.log, /installing 0\.1\.0 -> 0\.2\.0/);
  assert.match(user.log, /updated 0\.1\.0 -> 0\.2\.0: runtime verified and healthy/);
  assert.deepEqual(
    before.filter((pid) => user.processes.includes(pid)),
    [],
    'nothing of 0.1.0 still runs',
  );
  await user.quit();
});

test('one byte changed on the way: told with both digests, 0.1.0 works on', OPTIONS, async (t) => {
  const user = home(t);
  server.trouble = 'flip';
  await user.open();
  await user.ask('check-for-updates');
  const { status, code } = await user.ask('download-update');
  assert.deepEqual([status, code], ['error', 'ERR_CHECKSUM_MISMATCH']);
  const [{ version, expected, actual }] = await user.seen('update-checksum-failed');
  assert.equal(version, '0.2.0');
  assert.equal(expected, digestOf(of('0.2.0', IMAGE), 'base64'));
  assert.match(actual, /^[A-Za-z0-9+/]{86}==$/);
  assert.notEqual(actual, expected);
  assert.equal((await user.ask('install-update')).status, 'error');
  assert.equal((await user.ask('backend-health-check')).healthy, true);
  isVersion(user, '0.1.0');
});

test('a server whose owner changed the file and latest.yml gets nothing in', OPTIONS, async (t) => {
  const user = home(t);
  fs.cpSync(of('0.2.0'), of('changed'), { recursive: true });
  fs.appendFileSync(of('changed', IMAGE), 'x');
  writeLatest(of('changed'), '0.2.0');
  server.directory = of('changed');
  await user.open();
  const { code, error } = await user.ask('check-for-updates');
  assert.equal(code, 'UPDATE_NOT_SIGNED');
  assert.match(error, /the digest of PEFT-Studio\.AppImage is not the signed one/);
  assert.equal((await user.ask('download-update')).status, 'error');
  assert.equal(server.asked.includes(IMAGE), false, 'it was not even fetched');
  fs.rmSync(of('changed'), { recursive: true });
});

test('an older version is not taken, even where the server insists', OPTIONS, async (t) => {
  const user = home(t);
  fs.mkdirSync(of('older'));
  fs.linkSync(of('0.2.0', IMAGE), of('older', IMAGE));
  publish(of('older'), '0.0.9');
  server.directory = of('older');
  await user.open();
  const told = await user.ask('check-for-updates');
  assert.deepEqual(told, { status: 'not-available', version: '0.0.9' });
  assert.equal((await user.ask('download-update')).code, 'UPDATE_NOT_FOUND');
  assert.equal(server.asked.includes(IMAGE), false);
});

test('a connection cut in the middle can be tried again', OPTIONS, async (t) => {
  const user = home(t);
  server.trouble = 'cut';
  await user.open();
  await user.ask('check-for-updates');
  assert.equal((await user.ask('download-update')).status, 'error');
  assert.equal((await user.ask('backend-health-check')).healthy, true);
  server.trouble = undefined;
  assert.equal((await user.ask('download-update')).status, 'downloaded');
  isVersion(user, '0.1.0');
});

test('power cut during the download: 0.1.0 starts, and can be updated', OPTIONS, async (t) => {
  const user = home(t);
  server.trouble = 'hold';
  await user.open();
  await user.ask('check-for-updates');
  user.ask('download-update').catch(() => {});
  await until(
    () => user.partial > 0,
    () => user.log,
  );
  await user.pullThePlug();
  isVersion(user, '0.1.0');
  server.trouble = undefined;
  await downloaded(user);
});

test('power cut during the installation: a whole version is in place', OPTIONS, async (t) => {
  const user = home(t);
  await downloaded(user);
  user.ask('install-update').catch(() => {});
  await until(
    () => user.state,
    () => user.log,
  );
  await user.pullThePlug();
  const found = digestOf(user.app);
  const versions = [digestOf(of('0.1.0', IMAGE)), digestOf(of('0.2.0', IMAGE))];
  assert.ok(versions.includes(found), 'what is in place is one of the two, whole');
  user.start();
  if (found === versions[1]) await user.phase('confirmed');
  else await user.logged(/The update to 0\.2\.0 was cut off, so this is still 0\.1\.0/);
});

test('0.2.0 with a broken runtime: 0.1.0 comes back, works and says so', OPTIONS, async (t) => {
  fs.cpSync(of('app-0.2.0'), of('broken'), { recursive: true, verbatimSymlinks: true });
  const file = of('broken', 'resources', 'backend', 'app', 'main.py');
  fs.chmodSync(file, 0o644);
  fs.appendFileSync(file, '# changed\n');
  offer('0.2.0-broken', '0.2.0', of('broken'));
  await comesBack(t, '0.2.0-broken', /INTEGRITY_FAILED/);
});

test('0.2.0 that does not even start: 0.1.0 comes back, works and says so', OPTIONS, async (t) => {
  fs.cpSync(of('app-0.2.0'), of('dead'), { recursive: true, verbatimSymlinks: true });
  fs.writeFileSync(of('dead', 'peft-studio'), '#!/bin/sh\nexit 1\n');
  offer('0.2.0-dead', '0.2.0', of('dead'));
  await comesBack(t, '0.2.0-dead', /it ended before it was proven/);
});

async function comesBack(t, offered, reason) {
  const user = home(t);
  server.directory = of(offered);
  await downloaded(user);
  await user.ask('install-update').catch(() => {});
  await user.phase('told');
  isVersion(user, '0.1.0');
  assert.match(user.state.reason, reason);
  await user.logged(/0\.1\.0 was put back and works on[\s\S]*ready on port/);
  await user.pullThePlug();
  fs.rmSync(of(offered), { recursive: true });
}
