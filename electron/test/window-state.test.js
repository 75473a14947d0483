'use strict';

/** What the window makes of what main says, without a document. */

const assert = require('node:assert');
const { describe, test } = require('node:test');
const scenes = require('./e2e/window/scenes.js');
const { AT, after, failure, logic, status } = require('./window-logic.js');

describe('the engine', () => {
  test('starting: the phases that are done, the one that goes on, and their times', () => {
    const state = after(
      ['backend-status', scenes.starting('verify', AT)],
      ['backend-status', scenes.starting('listen', AT + 80)],
    );
    const { rows, total } = logic.startUp(state, AT + 300);
    assert.deepStrictEqual(
      rows.map(({ name, state: how, milliseconds }) => [name, how, milliseconds]),
      [
        ['verify', 'done', 64],
        ['port', 'done', 3],
        ['spawn', 'done', 9],
        ['listen', 'active', 224],
        ['health', 'waiting', 0],
      ],
    );
    assert.strictEqual(total, 300);
    assert.match(logic.headline(state, AT + 300).line, /Waiting for its port · 0\.30\ss/);
  });

  test('a start that failed shows where', () => {
    const state = after(
      ['backend-status', scenes.starting('verify', AT)],
      ['backend-status', scenes.starting('spawn', AT + 67)],
      status({ status: 'error', at: AT + 100, ...failure('PROCESS_START_FAILED') }),
    );
    const { rows, total } = logic.startUp(state, AT + 9999);
    assert.deepStrictEqual(rows.find((row) => row.state === 'failed').name, 'spawn');
    assert.strictEqual(total, 100, 'time does not go on');
  });

  test('ready, then healthy: address, process, who signed, how long it runs', () => {
    const state = after(
      ['backend-status', scenes.ready(AT)],
      ['backend-status', scenes.healthy(3, AT)],
    );
    const { tone, title, line } = logic.headline(state, AT + 65_000);
    assert.deepStrictEqual([tone, title], ['good', 'Ready']);
    assert.strictEqual(line.replaceAll('\u00a0', ' '), 'Port 8000 · up 1 min 5 s');
    const facts = Object.fromEntries(logic.facts(state).map(({ name, ...fact }) => [name, fact]));
    assert.strictEqual(facts.address.copy, '127.0.0.1:8000');
    assert.strictEqual(facts.process.copy, '48213');
    assert.strictEqual(facts.tree.copy, scenes.RUNTIME.tree);
    assert.deepStrictEqual([facts.signed.value, facts.signed.tone], ['Release key', 'good']);
    assert.strictEqual(facts.verified.value.replace(/\d\d:/, 'HH:'), 'Quick · HH:40:07');
    assert.strictEqual(logic.startUp(state, AT).total, 699, 'the start is remembered');
  });

  test('a development key and an unknown key are not called good', () => {
    for (const purpose of ['development', undefined, 'RELEASE']) {
      const runtime = { ...scenes.RUNTIME, purpose };
      const signed = logic.facts(after(['backend-status', { ...scenes.ready(AT), runtime }]))[4];
      assert.strictEqual(signed.tone, 'warn');
      assert.notStrictEqual(signed.value, 'Release key');
    }
  });

  test('in development mode nothing counts as verified', () => {
    const state = after(status({ ...scenes.ready(AT), mode: 'development', runtime: null }));
    const verified = logic.facts(state).find((fact) => fact.name === 'verified');
    assert.deepStrictEqual([verified.tone, verified.value], [undefined, 'No, development mode']);
    assert.match(logic.headline(state, AT).line, /Development mode/);
  });

  test('the phases of another process are not taken for those of this one', () => {
    const other = { ...scenes.healthy(0, AT + 1000), pid: 7 };
    const state = after(['backend-status', scenes.ready(AT)], ['backend-status', other]);
    assert.strictEqual(logic.startUp(state, AT).total, null);
  });

  test('restarting counts down and names the attempt', () => {
    const crash = {
      status: 'restarting',
      attempt: 2,
      maxAttempts: 3,
      error: 'it ended\nmore',
      code: 'X',
    };
    const state = after(['backend-status', scenes.ready(AT)], status(crash));
    assert.strictEqual(logic.headline(state, AT + 100).title, 'Restarting in 2 s');
    assert.strictEqual(logic.headline(state, AT + 1500).title, 'Restarting in 1 s');
    assert.strictEqual(logic.headline(state, AT + 2500).title, 'Restarting');
    assert.strictEqual(logic.headline(state, AT).line, 'Attempt 2 of 3: it ended');
  });

  test('every status of the contract has words, and nothing is said twice for each check', () => {
    const payloads = {
      starting: scenes.starting('port', AT),
      ready: scenes.ready(AT),
      healthy: scenes.healthy(1, AT),
      unhealthy: { status: 'unhealthy', misses: 1, limit: 3, error: 'time-out' },
      restarting: { status: 'restarting', attempt: 1, maxAttempts: 3 },
      error: { status: 'error', ...failure('PORT_IN_USE') },
      failed: { status: 'failed', ...failure('MAX_RESTARTS_EXCEEDED'), attempts: 3 },
      stopped: { status: 'stopped' },
    };
    for (const [name, payload] of Object.entries(payloads)) {
      const { title, line } = logic.headline(after(status(payload)), AT);
      assert.ok(
        title && line && !/undefined|null|NaN/.test(title + line),
        `${name}: ${title} ${line}`,
      );
    }
    const said = [1, 2].map(
      (number) => logic.headline(after(['backend-status', scenes.healthy(number, AT)]), AT).said,
    );
    assert.strictEqual(said[0], said[1]);
  });

  test('an answer that is older than what was pushed changes nothing; a push counts always', () => {
    const state = after(
      ['backend-status', scenes.ready(AT)],
      ['backend-answered', { ...scenes.starting('port', AT - 50) }],
    );
    assert.strictEqual(state.backend.status, 'ready');
    const back = logic.reduce(
      state,
      'backend-status',
      { status: 'stopped', at: AT - 3_600_000 },
      AT,
    );
    assert.strictEqual(back.backend.status, 'stopped', 'also when the clock was set back');
  });

  test('an unknown status, an empty answer, an unknown channel: nothing happens', () => {
    const state = after(['backend-status', scenes.ready(AT)]);
    const nothing = [
      ['backend-status', { status: 'constructor', at: AT }],
      ['backend-answered', null],
      ['backend-answered', undefined],
      ['update-constructor', {}],
      ['toString', {}],
    ];
    for (const [channel, payload] of nothing) {
      assert.deepStrictEqual(logic.reduce(state, channel, payload, AT), state, channel);
    }
  });
});

describe('health', () => {
  test('the last 60 checks with the misses, in a sentence', () => {
    const checks = Array.from({ length: 70 }, (_, n) => ['backend-status', scenes.healthy(n, AT)]);
    const miss = { status: 'unhealthy', misses: 1, limit: 3, error: 'no answer within 3 s' };
    const state = after(...checks, status({ ...miss, at: AT + 400_000 }));
    assert.strictEqual(state.checks.length, 60);
    const sentence = logic.sentence(state.checks).replaceAll('\u00a0', ' ');
    assert.strictEqual(sentence, '60 checks, 1 missed; median 4 ms, slowest 42 ms.');
    const drawn = logic.bars(state.checks, 48);
    assert.strictEqual(drawn.at(-1).index, 59);
    assert.deepStrictEqual(drawn.at(-1).healthy, false);
    assert.ok(drawn.every(({ height }) => height >= 2 && height <= 48));
  });

  test('only misses, and none at all', () => {
    assert.strictEqual(logic.sentence([]), 'No check yet.');
    const missed = [{ at: AT, healthy: false, error: 'x' }];
    assert.strictEqual(logic.sentence(missed), '1 check, 1 missed.');
  });
});

describe('updates', () => {
  const update = (...events) => after(...events).update;

  test('from available to downloaded, whichever of two pushes comes first', () => {
    const available = [
      ['update-available', scenes.UPDATE],
      ['update-status', { status: 'available' }],
    ];
    for (const events of [available, [...available].reverse()]) {
      assert.strictEqual(update(...events).version, '0.2.0');
      assert.strictEqual(update(...events).status, 'available');
    }
    const done = update(...available, ['update-downloaded', { version: '0.2.0' }]);
    assert.deepStrictEqual([done.status, done.version], ['downloaded', '0.2.0']);
  });

  test('the digests of a damaged download are not lost to the error that follows', () => {
    const failed = { version: '0.2.0', expected: 'aa', actual: 'bb', message: 'mismatch' };
    const events = [
      ['update-checksum-failed', failed],
      ['update-status', { status: 'error', error: 'mismatch', code: 'ERR_CHECKSUM_MISMATCH' }],
    ];
    assert.strictEqual(update(...events).status, 'checksum-failed');
    assert.deepStrictEqual([update(...events).expected, update(...events).actual], ['aa', 'bb']);
    assert.strictEqual(
      update(...events, ['update-status', { status: 'checking' }]).status,
      'checking',
    );
  });

  test('a download in a line', () => {
    const progress = { percent: 42.9, transferred: 35.2e6, total: 84e6, bytesPerSecond: 3.1e6 };
    assert.strictEqual(
      logic.progressLine(progress).replaceAll('\u00a0', ' '),
      '42 % · 35.2 MB of 84.0 MB · 3.1 MB/s · 16 s left',
    );
    assert.ok(!/NaN|Infinity/.test(logic.progressLine({ ...progress, bytesPerSecond: 0 })));
  });

  test('notes as a list become text', () => {
    const notes = [{ version: '0.2.0', note: 'faster' }];
    assert.strictEqual(
      update(['update-available', { ...scenes.UPDATE, notes }]).notes,
      '0.2.0\nfaster',
    );
  });
});
