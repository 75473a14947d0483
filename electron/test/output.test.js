'use strict';

/** Lines at a bounded cost. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { BUDGET, LONGEST_LINE, LineReader } = require('../src/service/output.js');
const { FakeClock } = require('./clock.js');
const { makeManager, until } = require('./service-parts.js');

function makeReader(options = {}) {
  const clock = new FakeClock();
  const lines = [];
  let dropped = 0;
  const reader = new LineReader({
    clock,
    onLine: (line) => lines.push(line),
    onDropped: (count) => (dropped += count),
    ...options,
  });
  return { clock, reader, lines, dropped: () => dropped };
}

test('lines are whole however they arrive', () => {
  const { reader, lines } = makeReader();
  const bytes = Buffer.from('eins\r\nzwölf\n\nlast');
  for (const byte of bytes) reader.push(Buffer.from([byte]));
  reader.end();
  assert.deepEqual(lines, ['eins', 'zwölf', '', 'last']);
});

test('a line without an end is cut off', () => {
  const { reader, lines } = makeReader({ budget: { ...BUDGET, bytes: Infinity } });
  for (let round = 0; round < 100; round += 1) reader.push(Buffer.alloc(LONGEST_LINE, 'x'));
  assert.ok(reader.rest.length <= LONGEST_LINE);
  reader.push(Buffer.from('\nnext\n'));
  assert.equal(lines[0], `${'x'.repeat(LONGEST_LINE)} [cut off]`);
  assert.equal(lines[1], 'next');
});

test('every line is either kept or counted', () => {
  const { reader, lines, dropped, clock } = makeReader();
  let sent = 0;
  for (let round = 0; round < 50; round += 1) {
    reader.push(Buffer.from(`${'a line\n'.repeat(1000)}half a `));
    reader.push(Buffer.from('line\n'));
    sent += 1001;
    if (round % 10 === 9) clock.advance(BUDGET.window);
  }
  assert.equal(lines.length + dropped(), sent);
  assert.ok(lines.length <= 5 * BUDGET.lines + 5);
  assert.ok(lines.every((line) => line === 'a line' || line === 'half a line'));
});

test('what is waited for passes through any flood, also in two pieces', () => {
  for (const cut of [0, 3, 10, 18]) {
    const { reader, lines } = makeReader({ wanted: 'READY' });
    reader.push(Buffer.from('noise\n'.repeat(5000)));
    const text = Buffer.from(`noise\nREADY at last\nnoise\n`);
    reader.push(text.subarray(0, cut));
    reader.push(text.subarray(cut));
    assert.equal(lines.filter((line) => line === 'READY at last').length, 1, `cut at ${cut}`);
  }
});

test('a backend that floods is neither blocked nor believed to hang, and costs bounded memory', async (t) => {
  const { manager, statuses, log } = await makeManager(t, {
    behaviour: { flood: true },
    settings: { times: { healthEvery: 100 } },
  });
  await manager.start();
  const before = process.memoryUsage().rss;
  await until(() => log.dropped > 1_000_000);
  await until(() => statuses.filter(({ status }) => status === 'healthy').length >= 3);
  assert.ok(!statuses.some(({ status }) => status === 'restarting'));
  assert.ok(process.memoryUsage().rss - before < 150e6);
  assert.ok(log.newest(1e6).length <= 2000);
  assert.equal((await manager.stop()).status, 'stopped');
});
