'use strict';

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const test = require('node:test');
const { UpdateError } = require('../src/updates/policy.js');
const { openStatement } = require('../src/updates/statement.js');
const { Updater } = require('../src/updates/updater.js');
const { infoOf, makeKey, statementOf, trustIn } = require('./signed-updates.js');

const APP = { name: 'PEFT-Studio.AppImage', content: Buffer.from('version 0.2.0') };
const KEY = makeKey('release');
const WANTED = { product: 'peft-studio', platform: 'linux-x64' };

/** electron-updater as far as it is used: the same events, results and errors. */
class FakeAutoUpdater extends EventEmitter {
  autoDownload = true;
  autoInstallOnAppQuit = true;
  downloads = 0;
  info = infoOf({ files: [APP] });

  async checkForUpdates() {
    if (this.fails) throw this.#told(this.fails);
    return { updateInfo: this.info, isUpdateAvailable: true };
  }

  async downloadUpdate() {
    this.downloads += 1;
    this.emit('download-progress', {
      percent: 50,
      transferred: 1,
      total: 2,
      bytesPerSecond: 3,
      delta: 1,
    });
    if (this.fails) throw this.#told(this.fails);
    return [`/cache/${APP.name}`];
  }

  #told(error) {
    this.emit('error', error, error.stack);
    return error;
  }
}

function setup(changes = {}) {
  const pushed = [];
  const logged = [];
  const installed = [];
  const note = (text) => logged.push(text);
  const autoUpdater = new FakeAutoUpdater();
  const envelope = statementOf(KEY, { files: [APP] });
  const updater = new Updater({
    autoUpdater,
    version: '0.1.0',
    statementOf: async (version) => openStatement(envelope, trustIn(KEY), { ...WANTED, version }),
    install: async (offer) => installed.push(offer.file),
    whyDisabled: async () => undefined,
    push: (channel, payload) => pushed.push([channel, payload]),
    log: { debug: note, info: note, warning: note, error: note },
    ...changes,
  });
  const of = (channel) => pushed.filter(([name]) => name === channel).map(([, payload]) => payload);
  return { updater, autoUpdater, of, logged, installed };
}

test('nothing is fetched or installed unless the user asks', async () => {
  const { updater, autoUpdater, installed } = setup();
  assert.equal(autoUpdater.autoDownload, false);
  assert.equal(autoUpdater.autoInstallOnAppQuit, false);
  assert.equal(autoUpdater.allowDowngrade, false);
  assert.equal(autoUpdater.disableWebInstaller, true);
  await updater.check();
  assert.equal(autoUpdater.downloads, 0);
  await updater.download();
  assert.deepEqual(installed, []);
});

test('check, download, install, each told to the window', async () => {
  const { updater, of, installed, logged } = setup();
  assert.deepEqual(await updater.check(), { status: 'available', version: '0.2.0' });
  const [{ size, ...available }] = of('update-available');
  assert.equal(size, APP.content.length);
  assert.deepEqual(available, {
    version: '0.2.0',
    releaseDate: '2026-01-01T00:00:00.000Z',
    notes: 'new',
  });
  assert.equal((await updater.download()).status, 'downloaded');
  const progress = { percent: 50, transferred: 1, total: 2, bytesPerSecond: 3 };
  assert.deepEqual(of('update-download-progress'), [progress]);
  assert.deepEqual(of('update-downloaded'), [{ version: '0.2.0' }]);
  await updater.install();
  assert.deepEqual(installed, [`/cache/${APP.name}`]);
  const told = of('update-status').map(({ status }) => status);
  assert.deepEqual(told, ['checking', 'available', 'downloading', 'downloaded']);
  assert.ok(logged.some((text) => text.includes('installing 0.1.0 -> 0.2.0')));
});

test('an older or the same version is not taken, whatever the server says', async () => {
  for (const version of ['0.0.9', '0.1.0', '0.1.0-rc.1']) {
    const { updater, autoUpdater, of } = setup();
    autoUpdater.info = infoOf({ version, files: [APP] });
    assert.deepEqual(await updater.check(), { status: 'not-available', version });
    assert.equal((await updater.download()).code, 'UPDATE_NOT_FOUND');
    assert.equal(autoUpdater.downloads, 0);
    assert.deepEqual(of('update-available'), []);
  }
});

test('an update that is not signed is not fetched', async () => {
  const files = [{ ...APP, content: Buffer.from('something else') }];
  const { updater, autoUpdater } = setup();
  autoUpdater.info = infoOf({ files });
  const { status, code, error } = await updater.check();
  assert.deepEqual([status, code], ['error', 'UPDATE_NOT_SIGNED']);
  assert.match(error, /not the signed one/);
  await updater.download();
  assert.equal(autoUpdater.downloads, 0);
});

test('a checksum that differs is told with both digests, and nothing can be installed', async () => {
  const { updater, autoUpdater, of, installed } = setup();
  await updater.check();
  const message = 'sha512 checksum mismatch, expected AAA=, got BBB=';
  autoUpdater.fails = Object.assign(new Error(message), { code: 'ERR_CHECKSUM_MISMATCH' });
  assert.equal((await updater.download()).code, 'ERR_CHECKSUM_MISMATCH');
  const expected = { version: '0.2.0', expected: 'AAA=', actual: 'BBB=', message };
  assert.deepEqual(of('update-checksum-failed'), [expected]);
  await updater.install();
  assert.deepEqual(installed, []);
  autoUpdater.fails = undefined;
  assert.equal((await updater.download()).status, 'downloaded', 'it can be tried again');
});

test('a server that fails is told in one line, and asked again next time', async () => {
  const { updater, autoUpdater } = setup();
  autoUpdater.fails = new Error('net::ERR_CONNECTION_REFUSED\n    at somewhere');
  const told = await updater.check();
  assert.deepEqual(told, {
    status: 'error',
    error: 'net::ERR_CONNECTION_REFUSED',
    code: 'UPDATE_FAILED',
  });
  autoUpdater.fails = undefined;
  assert.equal((await updater.check()).status, 'available');
});

test('a build that cannot check an update asks no server', async () => {
  const { updater, autoUpdater } = setup({ whyDisabled: async () => 'It names no publisher.' });
  autoUpdater.checkForUpdates = () => assert.fail('a server was asked');
  const told = await updater.check();
  assert.deepEqual(told, {
    status: 'error',
    error: 'It names no publisher.',
    code: 'UPDATES_DISABLED',
  });
});

test('two clicks are one download', async () => {
  const { updater, autoUpdater } = setup();
  await updater.check();
  await Promise.all([updater.download(), updater.download()]);
  await updater.download();
  assert.equal(autoUpdater.downloads, 1);
});

test('a file that changed between download and installation has to be fetched again', async () => {
  const details = { expected: 'a', actual: 'b' };
  const install = async () => {
    throw new UpdateError('ERR_CHECKSUM_MISMATCH', 'sha512 checksum mismatch', details);
  };
  const { updater, of } = setup({ install });
  await updater.check();
  await updater.download();
  assert.equal((await updater.install()).code, 'ERR_CHECKSUM_MISMATCH');
  assert.equal(of('update-checksum-failed')[0].actual, 'b');
  assert.equal((await updater.install()).code, 'UPDATE_NOT_FOUND');
});
