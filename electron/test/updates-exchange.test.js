'use strict';

/** Exchanging an app's file, with real files. */

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const exchange = require('../src/updates/exchange.js');
const { install } = require('../src/updates/install.js');
const { readState, writeState } = require('../src/updates/state.js');
const { IGNORED, NOBODY_LOGS, PENDING, digest, namesIn, setup } = require('./update-scripts.js');

test('an app is exchanged in one step, and the one before stays startable', IGNORED, async (t) => {
  const { place, target, downloaded, sha512, content, old, fresh } = setup(t);
  await exchange.prepare({ downloaded, target, sha512 });
  assert.equal(content('App.AppImage'), old, 'nothing is in place yet');
  exchange.exchange(target);
  assert.equal(content('App.AppImage'), fresh);
  assert.equal(content('App.AppImage.previous'), old);
  fs.accessSync(target, fs.constants.X_OK);
  assert.equal(exchange.putBack(target), true);
  assert.equal(content('App.AppImage'), old);
  exchange.clean(target);
  assert.deepEqual(namesIn(place), ['App.AppImage', 'downloaded']);
  assert.equal(exchange.putBack(target), false);
  assert.equal(content('App.AppImage'), old, 'where there is nothing to put back, it stays');
});

test('a file that is not the signed one never gets beside the app', IGNORED, async (t) => {
  const { place, target, downloaded, sha512, content, old } = setup(t);
  fs.appendFileSync(downloaded, ' ');
  const actual = digest(downloaded);
  await assert.rejects(
    exchange.prepare({ downloaded, target, sha512 }),
    (error) => error.code === 'ERR_CHECKSUM_MISMATCH' && error.details.actual === actual,
  );
  assert.equal(content('App.AppImage'), old);
  assert.deepEqual(namesIn(place), ['App.AppImage', 'downloaded']);
});

test('a state that is not sound is none', (t) => {
  const { file } = setup(t);
  assert.equal(readState(file), undefined);
  writeState(file, PENDING);
  assert.deepEqual(readState(file), PENDING);
  assert.deepEqual(namesIn(path.dirname(file)), ['update.json'], 'nothing is left beside it');
  for (const text of ['', '{', '[]', 'null', '{"phase":"odd","from":"1","to":"2"}']) {
    fs.writeFileSync(file, text);
    assert.equal(readState(file), undefined, text);
  }
});

/** The parts of an installation, noting what happens in which order. */
function installing(t, changes = {}) {
  const around = setup(t);
  const { file, target, sha512, downloaded } = around;
  const order = [];
  const parts = {
    version: '0.1.0',
    target,
    service: {
      stop: async () => order.push('stop'),
      start: async () => order.push('start'),
    },
    files: { ...exchange, exchange: (name) => order.push('exchange') && exchange.exchange(name) },
    start: async (started, args) => order.push(`${path.basename(started)} ${args.join(' ')}`),
    args: ['--flag'],
    write: (state) => order.push(state.phase) && writeState(file, state),
    quit: () => order.push('quit'),
    log: NOBODY_LOGS,
    ...changes,
  };
  return {
    ...around,
    order,
    run: () => install({ version: '0.2.0', file: downloaded, sha512 }, parts),
  };
}

test(
  'the backend is gone before the app is exchanged; the guard starts last',
  IGNORED,
  async (t) => {
    const { order, run, target, file } = installing(t);
    await run();
    const guard = `App.AppImage.previous --guard-update --after-process=${process.pid} --flag`;
    assert.deepEqual(order, ['stop', 'pending', 'exchange', guard, 'quit']);
    const { at, ...state } = readState(file);
    assert.deepEqual(state, { phase: 'pending', from: '0.1.0', to: '0.2.0', target });
    assert.ok(at > 0);
  },
);

test(
  'an installation that fails leaves the app, its backend and nothing else',
  IGNORED,
  async (t) => {
    const cannot = async () => {
      throw new Error('no space left');
    };
    const failing = installing(t, { start: cannot });
    await assert.rejects(failing.run(), /no space left/);
    assert.deepEqual(failing.order, ['stop', 'pending', 'exchange', 'told', 'start']);
    assert.equal(failing.content('App.AppImage'), failing.old);
    assert.equal(fs.existsSync(exchange.previousOf(failing.target)), false);

    const stuck = installing(t, { service: { stop: cannot, start: async () => {} } });
    await assert.rejects(stuck.run(), /no space left/);
    assert.equal(
      stuck.content('App.AppImage'),
      stuck.old,
      'a backend that stays is not updated over',
    );
  },
);

test('where the system installs, it is asked once the backend is gone', async (t) => {
  const autoUpdater = new EventEmitter();
  const { order, run } = installing(t, { target: undefined, autoUpdater });
  autoUpdater.quitAndInstall = (silent, again) => order.push(`install ${silent} ${again}`);
  await run();
  assert.deepEqual(order, ['stop', 'pending', 'install true true']);
  autoUpdater.emit('error', new Error('Squirrel failed'));
  assert.equal(order.at(-1), 'start', 'an installer that fails later leaves a working app');
});
