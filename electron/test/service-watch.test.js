'use strict';

/** Days of health checks in a moment. */

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const http = require('node:http');
const { once } = require('node:events');
const { test } = require('node:test');
const v8 = require('node:v8');
const vm = require('node:vm');
const { readSettings } = require('../src/settings.js');
const { watch } = require('../src/service/watch.js');
const { FakeClock } = require('./clock.js');

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');
const TOKEN = 'secret';

async function makeBackend(t, statusOf = () => 200) {
  let asked = 0;
  const server = http.createServer((request, response) => {
    const message = `peft-studio/health/v1\n${request.headers['x-peft-challenge']}`;
    const proof = crypto.createHmac('sha256', TOKEN).update(message).digest('hex');
    response
      .writeHead(statusOf((asked += 1)), { 'x-peft-proof': proof })
      .end('{"status": "healthy"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const child = { tail: [], exit: undefined, exited: new Promise(() => {}) };
  return { port: server.address().port, token: TOKEN, child, readyAt: 0 };
}

test('an hour of health checks, one each 5 s, leaves memory as it is', async (t) => {
  const clock = new FakeClock();
  const backend = await makeBackend(t);
  const stop = new AbortController();
  let checked;
  const watching = watch(
    backend,
    {
      clock,
      times: readSettings({}).times,
      health: readSettings({}).health,
      misses: 3,
      onHealthy: () => checked(),
      onMiss: assert.fail,
    },
    stop.signal,
  );
  const hours = async (count) => {
    for (let check = 0; check < count * 720; check += 1) {
      const answer = new Promise((resolve) => (checked = resolve));
      clock.advance(4999);
      await new Promise(setImmediate);
      clock.advance(1);
      await answer;
      await new Promise(setImmediate);
    }
  };
  await hours(1);
  const before = heap();
  await hours(1);
  const grown = heap() - before;
  assert.ok(grown < 1e6, `grown by ${grown} bytes`);
  assert.equal(clock.waiting, 1);
  stop.abort(new Error('enough'));
  await assert.rejects(watching, /enough/);
  assert.equal(clock.waiting, 0);
});

test('misses count only in a row', async (t) => {
  const clock = new FakeClock();
  const backend = await makeBackend(t, (asked) => (asked % 3 === 0 ? 200 : 500));
  const seen = [];
  let checked;
  const note = (what) => {
    seen.push(what);
    checked();
  };
  const context = {
    clock,
    times: readSettings({}).times,
    health: readSettings({}).health,
    misses: 3,
    onHealthy: () => note('healthy'),
    onMiss: ({ misses }) => note(misses),
  };
  const stop = new AbortController();
  const watching = watch(backend, context, stop.signal);
  for (let check = 0; check < 9; check += 1) {
    const answer = new Promise((resolve) => (checked = resolve));
    clock.advance(5000);
    await answer;
    await new Promise(setImmediate);
  }
  assert.deepEqual(seen, [1, 2, 'healthy', 1, 2, 'healthy', 1, 2, 'healthy']);
  stop.abort(new Error('enough'));
  await assert.rejects(watching, /enough/);
});

function heap() {
  collect();
  return process.memoryUsage().heapUsed;
}
