'use strict';

/** The order of things when the app ends; that nothing is left is tried in a real Electron. */

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { test } = require('node:test');
const { setupEndings } = require('../src/shell/endings.js');
const { makeLog, until } = require('./service-parts.js');

/** As much of Electron as ends: a quit asks will-quit, and is over unless that prevents it. */
class FakeApp extends EventEmitter {
  ended = undefined;
  quits = 0;

  quit() {
    this.quits += 1;
    let prevented = false;
    this.emit('will-quit', { preventDefault: () => (prevented = true) });
    if (!prevented) this.ended ??= 0;
  }

  exit(code) {
    this.ended ??= code;
  }

  isReady() {
    return true;
  }
}

function makeApp(t, { read = async () => {} } = {}) {
  const app = new FakeApp();
  const process = new EventEmitter();
  const events = [];
  let stop;
  const service = {
    close: () => {
      events.push('close');
      return new Promise((resolve) => (stop = resolve));
    },
    killNow: () => events.push('kill'),
  };
  const dialog = {
    showMessageBox: async ({ detail }) => {
      events.push('dialog');
      assert.match(detail, /The log says more/);
      await read();
    },
  };
  const powerMonitor = new EventEmitter();
  const log = makeLog(t);
  setupEndings({ electron: { app, dialog, powerMonitor }, process, service, log, title: 'App' });
  return { app, process, events, powerMonitor, log, stop: () => stop() };
}

const WAYS = {
  'a quit': ({ app }) => app.quit(),
  'the last window': ({ app }) => app.emit('window-all-closed'),
  SIGTERM: ({ process }) => process.emit('SIGTERM'),
  SIGINT: ({ process }) => process.emit('SIGINT'),
  SIGHUP: ({ process }) => process.emit('SIGHUP'),
  'a shutdown of the system': ({ powerMonitor }) => powerMonitor.emit('shutdown'),
};
for (const [what, end] of Object.entries(WAYS)) {
  test(`${what} waits until the backend is gone`, async (t) => {
    const made = makeApp(t);
    end(made);
    await new Promise(setImmediate);
    assert.deepEqual([made.app.ended, made.events], [undefined, ['close']]);
    end(made); // an impatient person
    assert.deepEqual([made.app.ended, made.events], [undefined, ['close']]);
    made.stop();
    await until(() => made.app.ended === 0);
  });
}

test('a bug stops the backend, then is shown, then ends with 1; a second is logged alone', async (t) => {
  const made = makeApp(t);
  made.process.emit('uncaughtException', new Error('first'));
  made.process.emit('unhandledRejection', new Error('second'));
  assert.deepEqual(made.events, ['close']);
  made.stop();
  await until(() => made.app.ended === 1);
  assert.deepEqual(made.events, ['close', 'dialog']);
  const texts = made.log.texts().join('\n');
  assert.match(texts, /nobody caught: Error: first\n +at /);
  assert.match(texts, /promise that failed: Error: second/);
});

test('a signal while the message about a bug is up ends the app, read or not', async (t) => {
  const made = makeApp(t, { read: () => new Promise(() => {}) });
  made.process.emit('uncaughtException', new Error('first'));
  made.stop();
  await until(() => made.events.includes('dialog'));
  made.process.emit('SIGTERM');
  await until(() => made.app.ended === 1);
});

test('an exit without events ends the backend at once', (t) => {
  const made = makeApp(t);
  made.process.emit('exit');
  assert.deepEqual(made.events, ['kill']);
});
