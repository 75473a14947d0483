'use strict';

/** The window's log, other programs' text, numbers, and which channels it uses. */

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { INVOKED, PUSHED } = require('../src/channels.js');
const scenes = require('./e2e/window/scenes.js');
const { AT, logic } = require('./window-logic.js');

describe('the log', () => {
  test('only the newest lines are kept, in order', () => {
    const buffer = new logic.LogBuffer(100);
    for (let batch = 0; batch < 50; batch++) {
      buffer.add(
        Array.from({ length: 7 }, (_, n) => ({
          at: AT,
          stream: 'stdout',
          text: `${7 * batch + n}`,
        })),
      );
    }
    assert.strictEqual(buffer.size, 100);
    assert.deepStrictEqual(
      buffer.lines().map((line) => Number(line.text)),
      Array.from({ length: 100 }, (_, n) => 250 + n),
    );
    assert.strictEqual(new Set(buffer.lines().map((line) => line.id)).size, 100);
  });

  test('what was dropped is said', () => {
    const buffer = new logic.LogBuffer();
    buffer.add([{ at: AT, stream: 'stdout', text: 'next' }], 1234);
    assert.match(buffer.lines()[0].text, /^1,234 lines left out/);
    buffer.add([], 1);
    assert.match(buffer.lines()[2].text, /^1 line left out/);
  });

  test('a filter by text, stream and level together', () => {
    const buffer = new logic.LogBuffer();
    buffer.add([
      { at: AT, stream: 'stderr', text: 'ERROR:    boom' },
      { at: AT, stream: 'stderr', text: 'INFO:     error is a word here' },
      { at: AT, stream: 'stdout', text: 'WARNING:  Boom soon' },
      { at: AT, stream: 'app', level: 'error', text: 'boom of the app' },
    ]);
    const found = (filter) =>
      buffer
        .lines()
        .filter(logic.matcher({ ...logic.EVERYTHING, ...filter }))
        .map((line) => line.id);
    assert.deepStrictEqual(found({}), [0, 1, 2, 3]);
    assert.deepStrictEqual(found({ search: 'BOOM' }), [0, 2, 3]);
    assert.deepStrictEqual(found({ level: 'error' }), [0, 3]);
    assert.deepStrictEqual(found({ level: 'warning', stream: 'stdout' }), [2]);
    assert.deepStrictEqual(found({ search: 'boom', stream: 'app', level: 'error' }), [3]);
  });

  test('levels are found where loggers put them, and not in the middle of a line', () => {
    const levels = {
      'ERROR:    boom': 'error',
      '2026-11-24 15:51:16,841 ERROR uvicorn.error: boom': 'error',
      '2026-11-24T15:51:16.841Z [WARNING] soon': 'warning',
      'Traceback (most recent call last):': 'error',
      "ModuleNotFoundError: No module named 'x'": 'error',
      'x.py:3: DeprecationWarning: old': 'warning',
      '2026-11-24 15:51:16,841 INFO uvicorn.error: Started': 'info',
      'INFO:     an ERROR in words': 'info',
    };
    const buffer = new logic.LogBuffer();
    buffer.add(Object.keys(levels).map((text) => ({ at: AT, stream: 'stderr', text })));
    assert.deepStrictEqual(
      buffer.lines().map((line) => line.level),
      Object.values(levels),
    );
  });

  test('matches are marked where they are', () => {
    assert.deepStrictEqual(logic.cutAtMatches('a GET, a get', 'get'), [
      'a ',
      'GET',
      ', a ',
      'get',
      '',
    ]);
    assert.deepStrictEqual(logic.cutAtMatches('x.*', '.*'), ['x', '.*', ''], 'no pattern');
    assert.deepStrictEqual(logic.cutAtMatches('İx', 'x'), ['İx'], 'places would not fit');
  });

  test('lines pushed while the past was asked for come once', () => {
    const lines = scenes.log(AT);
    assert.deepStrictEqual(logic.withoutOverlap(lines.slice(0, 8), lines.slice(5)), lines.slice(8));
    assert.deepStrictEqual(logic.withoutOverlap(lines.slice(0, 5), lines.slice(5)), lines.slice(5));
    assert.deepStrictEqual(logic.withoutOverlap([], lines), lines);
    assert.deepStrictEqual(logic.withoutOverlap(lines, lines), []);
  });
});

describe('text of others', () => {
  const cases = [
    ['colours', '\u001b[1;31mred\u001b[0m and \u009b32mgreen', 'red and green'],
    ['a title and a link', '\u001b]0;owned\u0007a\u001b]8;;http://x\u001b\\b', 'ab'],
    ['an unfinished sequence', 'a\u001b]0;never ended', 'a'],
    ['a short sequence', '\u001bcreset \u001b(B', 'reset '],
    ['a bell, a return, a zero', 'a\u0007b\rc\u0000', 'a␇b␍c␀'],
    ['an order that lies', 'user\u202Etxt.exe\u2066', 'user⟨U+202E⟩txt.exe⟨U+2066⟩'],
    ['half a character', 'a\ud800b', 'a\ufffdb'],
    ['a tab, accents, other scripts', 'a\té 漢 🙂', 'a\té 漢 🙂'],
    ['a lone escape at the end', 'a\u001b', 'a␛'],
  ];
  for (const [name, given, shown] of cases) {
    test(name, () => assert.strictEqual(logic.cleanLine(given), shown));
  }

  test('a line of 50 MB is cut soon, and so are 50 MB of escapes', () => {
    const long = 'x'.repeat(50_000_000);
    assert.ok(logic.cleanLine(long).length < 4100);
    assert.match(logic.cleanLine(long), /\(49996000 more characters\)$/);
    assert.ok(logic.cleanLine('\u001b]'.repeat(25_000_000)).length < 4100);
  });

  test('what is no text does not throw', () => {
    for (const odd of [undefined, null, 7, {}])
      assert.strictEqual(typeof logic.cleanLine(odd), 'string');
  });
});

describe('numbers', () => {
  test('durations and sizes keep three digits or fewer', () => {
    const said = (text) => text.replaceAll('\u00a0', ' ');
    const durations = [
      0, 3.4, 99.4, 99.6, 840, 9994, 12_340, 59_940, 59_960, 7_800_000, 273_600_000,
    ];
    assert.deepStrictEqual(
      durations.map((one) => said(logic.duration(one))),
      [
        '0 ms',
        '3 ms',
        '99 ms',
        '0.10 s',
        '0.84 s',
        '9.99 s',
        '12.3 s',
        '59.9 s',
        '1 min',
        '2 h 10 min',
        '3 d 4 h',
      ],
    );
    const sizes = [0, 999, 1000, 84_200_000, 999_950, 5e12];
    assert.deepStrictEqual(
      sizes.map((one) => said(logic.size(one))),
      ['0 B', '999 B', '1.0 KB', '84.2 MB', '1.0 MB', '5.0 TB'],
    );
    for (const odd of [NaN, -1, undefined, 'x']) {
      assert.deepStrictEqual([logic.duration(odd), logic.size(odd)], ['–', '–']);
    }
  });
});

test('the window uses the channels of channels.js and no other', () => {
  const place = path.join(__dirname, '../window');
  const scripts = fs
    .readdirSync(place, { recursive: true })
    .filter((name) => name.endsWith('.mjs'));
  const text = scripts.map((name) => fs.readFileSync(path.join(place, name), 'utf8')).join('\n');
  const used = new Set(text.match(/'(?:backend|update|open|get|check|download|install)-[a-z-]+'/g));
  const own = [
    'backend-answered',
    'check-now',
    'open-log',
    'download-line',
    'download-bar',
    'update-constructor',
  ];
  for (const quoted of used) {
    const name = quoted.slice(1, -1);
    assert.ok([...INVOKED, ...PUSHED, ...own].includes(name), name);
  }
  for (const pushed of PUSHED) assert.ok(used.has(`'${pushed}'`), `${pushed} is listened to`);
  assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/.test(text));
});
