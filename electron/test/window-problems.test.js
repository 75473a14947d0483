'use strict';

/** Cards of what went wrong, diagnostics, verification on request: the window without a document. */

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { INVOKED } = require('../src/channels.js');
const { KINDS } = require('../src/failures.js');
const scenes = require('./e2e/window/scenes.js');
const { AT, after, failure, logic, status } = require('./window-logic.js');

describe('what went wrong', () => {
  test('every code has a card with title, cause, advice and buttons that exist', () => {
    for (const code of Object.keys(KINDS)) {
      const [card] = logic.problems(after(status({ status: 'error', ...failure(code) })));
      assert.deepStrictEqual(
        [card.code, card.title, card.advice, card.cause],
        [code, KINDS[code].title, KINDS[code].advice, 'what happened'],
      );
      assert.deepStrictEqual(card.actions, KINDS[code].actions);
    }
    for (const { channel } of Object.values(logic.ACTIONS)) {
      assert.ok(channel === null || INVOKED.includes(channel));
    }
  });

  test('bad files: the first 20 and how many more', () => {
    const files = Array.from({ length: 25 }, (_, n) => ({ path: `lib/${n}.py`, id: 'size' }));
    const details = { files, count: 3000 };
    const state = after(status({ status: 'error', ...failure('INTEGRITY_FAILED', details) }));
    const [{ files: listed, more }] = logic.problems(state);
    assert.deepStrictEqual([listed.length, listed[0].path, more], [20, 'lib/0.py', 2980]);
  });

  test('the last lines, the exit code and other plain details; nothing of what is not plain', () => {
    const details = {
      exitCode: 1,
      signal: null,
      output: ['a', '\u001b[31mb\u001b[0m'],
      odd: { a: 1 },
    };
    const state = after(status({ status: 'error', ...failure('PROCESS_START_FAILED', details) }));
    const [{ output, facts }] = logic.problems(state);
    assert.deepStrictEqual(output, ['a', 'b']);
    assert.deepStrictEqual(facts, [{ label: 'Exit code', value: '1' }]);
  });

  test('the same failure of the engine and of a verification is one card, and it goes', () => {
    const bad = { verified: false, ...failure('INTEGRITY_FAILED', { files: [], count: 1 }) };
    const running = after(['backend-status', scenes.ready(AT)], ['verify-answered', bad]);
    assert.strictEqual(logic.problems(running).length, 1);
    const both = logic.reduce(
      running,
      'backend-status',
      { status: 'error', at: AT + 9, ...bad },
      AT,
    );
    assert.strictEqual(logic.problems(both).length, 1);
    const again = logic.reduce(both, 'backend-status', scenes.starting('verify', AT + 99), AT);
    assert.strictEqual(logic.problems(again).length, 0);
  });

  test('after too many restarts the last failure is named', () => {
    const details = { last: { code: 'START_TIMEOUT', error: 'no answer' }, output: [] };
    const payload = { ...failure('MAX_RESTARTS_EXCEEDED', details), attempts: 3 };
    const [{ facts }] = logic.problems(after(status({ status: 'failed', ...payload })));
    assert.deepStrictEqual(facts, [
      { label: 'Last failure', value: 'START_TIMEOUT: no answer' },
      { label: 'Restarts', value: '3' },
    ]);
  });

  test('an installation that was repaired can be started', () => {
    const refused = status({
      status: 'error',
      ...failure('INTEGRITY_FAILED', { files: [], count: 1 }),
    });
    const repaired = after(refused, [
      'verify-answered',
      { verified: true, files: 1, milliseconds: 1 },
    ]);
    assert.deepStrictEqual(logic.problems(repaired), []);
    assert.strictEqual(logic.headline(repaired, AT).button.channel, 'backend-restart');
    const again = logic.reduce(repaired, ...refused, AT);
    const worse = logic.reduce(again, 'backend-status', { ...refused[1], at: AT + 5000 }, AT);
    assert.strictEqual(logic.problems(worse).length, 1, 'an older verification says nothing');
  });

  test('a code that this window does not know still makes a card with a way on', () => {
    const [card] = logic.problems(after(status({ status: 'error', error: 'new', code: 'NEW' })));
    assert.deepStrictEqual([card.code, card.cause], ['NEW', 'new']);
    assert.ok(card.actions.includes('retry'));
  });

  test('diagnostics name version, code and files, and leave secrets and users out', () => {
    const token = 'q9Zr'.repeat(11);
    const buffer = new logic.LogBuffer();
    buffer.add([
      { at: AT, stream: 'stderr', text: `Authorization: Bearer ${token}` },
      { at: AT, stream: 'stderr', text: `PEFT_STUDIO_TOKEN=short-1` },
      { at: AT, stream: 'stderr', text: `seen ${token} alone` },
      { at: AT, stream: 'stderr', text: 'open /home/ada/models/a and C:\\Users\\ada\\b' },
    ]);
    const details = { files: [{ path: 'bin/python3.12', id: 'missing' }], count: 1 };
    const state = after(
      ['app-answered', scenes.ANSWERS['get-app-version']],
      status({ status: 'error', ...failure('INTEGRITY_FAILED', details) }),
    );
    const text = logic.diagnostics(state, logic.problems(state), buffer.lines(), new Date(AT));
    for (const wanted of ['0.1.0', 'INTEGRITY_FAILED', 'bin/python3.12: missing', 'models/a']) {
      assert.ok(text.includes(wanted), wanted);
    }
    for (const secret of [token, 'short-1', 'ada']) assert.ok(!text.includes(secret), secret);
  });
});

describe('verification on request', () => {
  test('progress, then the result', () => {
    const running = after(
      ['verify-started', {}],
      ['backend-verify-progress', { done: 10, total: 40 }],
    );
    assert.strictEqual(logic.verificationLine(running.verification), 'Verifying: 10 of 40 files');
    const done = logic.reduce(running, 'verify-answered', scenes.ANSWERS['backend-verify'], AT);
    assert.match(logic.verificationLine(done.verification), /^3,391 files verified in 0\.41\ss\.$/);
    assert.strictEqual(logic.facts(done).find((fact) => fact.name === 'verified').tone, 'good');
  });

  test('one that failed is not shown as good', () => {
    const state = after(['verify-answered', { verified: false, ...failure('INTEGRITY_FAILED') }]);
    assert.strictEqual(logic.facts(state).find((fact) => fact.name === 'verified').tone, 'bad');
  });
});
