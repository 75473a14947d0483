'use strict';

/** The window in a real Electron under the app's own policy: what is seen, heard and pressed. */

const assert = require('node:assert');
const { after, before, describe, test } = require('node:test');
const { missing } = require('./real-electron.js');
const { lowContrast, namelessControls } = require('./window/contrast.js');
const scenes = require('./window/scenes.js');
const { Stage } = require('./window/stage.js');

const stage = new Stage();
const status = (payload) => stage.push('backend-status', payload);

async function running(since = Date.now() - 220_000) {
  await status(scenes.starting('health', since - 700));
  await status(scenes.ready(since));
  await stage.push('backend-log', { lines: scenes.log(since), dropped: 0 });
  for (let number = 0; number < 44; number++) await status(scenes.healthy(number, since));
}

/** Each state: how it comes about, and the words that must be seen. */
const STATES = {
  connecting: [async () => {}, ['Connecting']],
  starting: [
    () => status(scenes.starting('listen', Date.now() - 40)),
    ['Starting', 'Waiting for its port', 'Open port', '64 ms'],
  ],
  ready: [
    () => running(),
    ['Ready', '127.0.0.1:8000', '48213', 'Release key', 'Quick ·', '44 checks, all answered'],
  ],
  unhealthy: [
    async () => {
      await running();
      await status({ status: 'unhealthy', at: Date.now(), misses: 2, limit: 3, error: 'time-out' });
    },
    ['Not answering', '2 of 3 checks missed', 'No answer', '1 missed'],
  ],
  restarting: [
    async () => {
      await running();
      const { error, code } = scenes.CRASHED;
      await status({
        status: 'restarting',
        at: Date.now(),
        attempt: 1,
        maxAttempts: 3,
        error,
        code,
      });
    },
    ['Restarting', 'Attempt 1 of 3: peft_engine ended', 'Restart now'],
  ],
  crashed: [
    async () => {
      await status(scenes.starting('listen', Date.now() - 600));
      await status({ status: 'error', at: Date.now(), ...scenes.CRASHED });
      await stage.push('backend-log', { lines: scenes.log(Date.now()).slice(0, 6), dropped: 0 });
    },
    ['PROCESS_START_FAILED', 'Exit code', 'Errno 13', 'Retry. If it happens again'],
  ],
  changed: [
    async () => {
      await status(scenes.starting('verify', Date.now() - 64));
      await status({ status: 'error', at: Date.now(), ...scenes.INTEGRITY });
      await stage.push('backend-log', { lines: scenes.log(Date.now()).slice(0, 2), dropped: 0 });
    },
    [
      'INTEGRITY_FAILED',
      '14 bad files',
      'pydantic/main.py',
      'and 11 more files',
      'How to reinstall',
    ],
  ],
  stopped: [() => status({ status: 'stopped', at: Date.now() }), ['Stopped', 'Start']],
  update: [
    async () => {
      await running();
      await stage.push('update-available', scenes.UPDATE);
    },
    ['Version 0.2.0 is available', '84.2 MB', 'What is new', 'Download'],
  ],
  downloading: [
    async () => {
      await running();
      await stage.push('update-available', scenes.UPDATE);
      const [transferred, total] = [35_400_000, 84_200_000];
      const progress = { percent: 42.04, transferred, total, bytesPerSecond: 3_100_000 };
      await stage.push('update-download-progress', progress);
    },
    ['Downloading version 0.2.0', '42 %', '3.1 MB/s', '16 s left'],
  ],
  downloaded: [
    async () => {
      await running();
      await stage.push('update-downloaded', { version: '0.2.0' });
    },
    ['Version 0.2.0 is ready to install', 'Install and restart'],
  ],
  damaged: [
    async () => {
      await running();
      const [expected, actual] = ['ab'.repeat(64), 'cd'.repeat(64)];
      const message = 'sha512 checksum mismatch';
      await stage.push('update-checksum-failed', { version: '0.2.0', expected, actual, message });
      await stage.push('update-status', { status: 'error', error: message });
    },
    ['The download of version 0.2.0 is damaged', 'abab', 'cdcd', 'Download again'],
  ],
};

describe('the window', { skip: missing() }, () => {
  before(() => stage.open());
  after(() => stage.close());

  for (const [name, [arrange, words]] of Object.entries(STATES)) {
    test(`${name}: it says so, readable in light and dark, at each size`, async () => {
      await stage.reset();
      await arrange();
      const seen = (await stage.text('body')).replaceAll('\n', ' ');
      for (const word of words) assert.ok(seen.includes(word), `${word} in: ${seen}`);
      assert.ok(!/undefined|\bNaN\b|\[object/.test(seen), seen);
      assert.deepStrictEqual(await stage.page.evaluate(namelessControls), []);
      const pictures = [];
      for (const colorScheme of ['light', 'dark']) {
        await stage.page.emulateMedia({ colorScheme });
        pictures.push(await stage.picture(`${name}-${colorScheme}`));
        assert.deepStrictEqual(await stage.page.evaluate(lowContrast), [], colorScheme);
      }
      assert.ok(!pictures[0].equals(pictures[1]), 'dark looks other than light');
      for (const [width, height, zoom] of [
        [480, 640, 1],
        [900, 640, 2],
        [1600, 1000, 1],
      ]) {
        await stage.size(width, height, zoom);
        const wide = () => document.documentElement.scrollWidth - innerWidth;
        assert.ok(
          (await stage.page.evaluate(wide)) <= 0,
          `nothing sticks out at ${width}, ${zoom}`,
        );
        await stage.picture(`${name}-${width}-${zoom}`);
      }
    });
  }

  test('the page never complained: its policy and its code fit together', () => {
    assert.deepStrictEqual(stage.complaints, []);
  });
});
