'use strict';

/** The service manager with real processes: crashing, restarting, stopping. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');
const { BackendError } = require('../src/failures.js');
const parts = require('./service-parts.js');

const { lives, makeManager, statusOf, until } = parts;
const names = (statuses) => statuses.map(({ status }) => status);

test('a crash is followed by a restart with a new process', async (t) => {
  const { manager, statuses } = await makeManager(t);
  const first = await manager.start();
  process.kill(first.pid, 'SIGKILL');
  const restarting = await statusOf(manager, 'restarting', statuses);
  assert.deepEqual([restarting.attempt, restarting.maxAttempts], [1, 3]);
  assert.match(restarting.error, /SIGKILL/);
  const again = await statusOf(manager, 'ready');
  assert.notEqual(again.pid, first.pid);
});

test('one crash too many is failed, with what came before', async (t) => {
  const { manager, statuses } = await makeManager(t, {
    behaviour: { exitAfter: 20, stderr: 'last words\n' },
  });
  await manager.start();
  const failed = await statusOf(manager, 'failed', statuses);
  assert.deepEqual([failed.code, failed.attempts], ['MAX_RESTARTS_EXCEEDED', 3]);
  assert.ok(failed.details.output.includes('last words'));
  const attempts = statuses.filter(({ status }) => status === 'restarting');
  assert.deepEqual(
    attempts.map(({ attempt }) => attempt),
    [1, 2, 3],
  );
  assert.equal((await manager.restart()).status, 'ready');
});

test('after a stable run crashes count anew', async (t) => {
  const { manager, statuses } = await makeManager(t, { settings: { times: { stable: 0 } } });
  await manager.start();
  for (let round = 1; round <= 5; round += 1) {
    const { pid } = await statusOf(manager, ({ status }) => /ready|healthy/.test(status));
    process.kill(pid, 'SIGKILL');
    await until(() => names(statuses).filter((name) => name === 'ready').length > round);
  }
  const attempts = statuses.filter(({ status }) => status === 'restarting');
  assert.deepEqual(
    attempts.map(({ attempt }) => attempt),
    [1, 1, 1, 1, 1],
  );
});

test('three missed checks in a row are a crash; one is not', async (t) => {
  const behaviour = { sickAfter: 2 };
  const { manager, statuses } = await makeManager(t, { behaviour });
  const { pid } = await manager.start();
  await statusOf(manager, 'healthy', statuses);
  await statusOf(manager, 'restarting', statuses);
  const misses = statuses.filter(({ status }) => status === 'unhealthy');
  assert.deepEqual(
    misses.map((miss) => miss.misses),
    [1, 2, 3],
  );
  assert.equal(misses[0].error, 'status 500');
  await until(() => !lives(pid));
});

test('a backend that hangs is noticed and replaced', async (t) => {
  const { manager, statuses } = await makeManager(t, {
    settings: { times: { healthTimeout: 150 } },
  });
  const { pid } = await manager.start();
  process.kill(pid, 'SIGSTOP');
  const { error } = await statusOf(manager, 'restarting', statuses);
  assert.match(error, /missed 3 health checks in a row: no answer in 150 ms/);
  await statusOf(manager, 'ready');
  assert.ok(!lives(pid));
});

test('another program on the port is not taken for a healthy backend', async (t) => {
  const impostor = http.createServer((_request, response) => {
    response.end('{"status": "healthy"}');
  });
  const [port] = await parts.freePorts(1);
  await parts.occupy(t, port, impostor);
  const { askHealth } = require('../src/service/health.js');
  const { systemClock: clock } = require('../src/service/clock.js');
  const { health } = parts.readSettings({});
  const answer = await askHealth({ health, port, token: 'secret', timeout: 5000, clock });
  assert.equal(answer.healthy, false);
  assert.match(answer.error, /another program/);
});

test('a stop is SIGTERM, then SIGKILL, and whom it started goes too', async (t) => {
  const child = path.join(parts.temporary(t), 'child');
  const { manager } = await makeManager(t, { behaviour: { ignoreTerm: true, child } });
  const { pid } = await manager.start();
  const grandchild = Number(fs.readFileSync(child, 'utf8'));
  assert.ok(lives(grandchild));
  assert.equal((await manager.stop()).status, 'stopped');
  assert.ok(!lives(pid));
  await until(() => !lives(grandchild));
  assert.equal(manager.access, undefined);
});

test('what a crashed backend has started is ended too', async (t) => {
  const child = path.join(parts.temporary(t), 'child');
  const { manager, statuses } = await makeManager(t, { behaviour: { child } });
  const { pid } = await manager.start();
  const grandchild = Number(fs.readFileSync(child, 'utf8'));
  process.kill(pid, 'SIGKILL');
  await statusOf(manager, 'restarting', statuses);
  await until(() => !lives(grandchild));
});

test('requests at once are one restart', async (t) => {
  const { manager, statuses } = await makeManager(t);
  const { pid } = await manager.start();
  const answers = await Promise.all([manager.restart(), manager.restart(), manager.start()]);
  assert.equal(new Set(answers.map((answer) => answer.pid)).size, 1);
  assert.notEqual(answers[0].pid, pid);
  assert.equal(names(statuses).filter((name) => name === 'ready').length, 2);
});

test('a stop wins over a start and a restart that were asked for before', async (t) => {
  const { manager, statuses } = await makeManager(t);
  const asked = [manager.start(), manager.restart(), manager.restart()];
  await manager.stop();
  await Promise.all(asked);
  assert.equal(manager.status.status, 'stopped');
  assert.deepEqual(names(statuses), ['stopped']); // nothing was even begun
  assert.equal((await manager.start()).status, 'ready');
});

test('two stops both wait until nothing is left', async (t) => {
  const { manager } = await makeManager(t, { behaviour: { ignoreTerm: true } });
  const { pid } = await manager.start();
  const left = [];
  await Promise.all(
    [manager.stop(), manager.stop()].map((stop) => stop.then(() => left.push(lives(pid)))),
  );
  assert.deepEqual(left, [false, false]);
});

test('a forced restart interrupts a start that hangs', async (t) => {
  const { manager, behaviour } = await makeManager(t, { behaviour: { silent: true } });
  const first = manager.start();
  await statusOf(manager, ({ phase }) => phase === 'listen');
  delete behaviour.silent;
  assert.equal((await manager.forceRestart()).status, 'ready');
  await first;
});

test('a restart can interrupt the wait before the next attempt', async (t) => {
  const { manager, statuses } = await makeManager(t, {
    settings: { times: { beforeRestart: 3_600_000 } },
  });
  const { pid } = await manager.start();
  process.kill(pid, 'SIGKILL');
  await statusOf(manager, 'restarting', statuses);
  assert.equal((await manager.restart()).status, 'ready');
});

test('after close nothing is started', async (t) => {
  const { manager } = await makeManager(t);
  await manager.start();
  await manager.close();
  const answers = [await manager.start(), await manager.restart(), await manager.forceRestart()];
  assert.deepEqual(names(answers), ['stopped', 'stopped', 'stopped']);
});

test('killNow ends a backend that is not even ready', async (t) => {
  const child = path.join(parts.temporary(t), 'child');
  const { manager } = await makeManager(t, { behaviour: { silent: true, child } });
  manager.start();
  const pid = Number(await until(() => fs.existsSync(child) && fs.readFileSync(child, 'utf8')));
  manager.killNow();
  await until(() => !lives(pid));
});

test('a failed verification before the start lets nothing start', async (t) => {
  const failure = new BackendError('INTEGRITY_FAILED', 'changed', { files: [], count: 1 });
  let spawned = 0;
  const { manager } = await makeManager(t, {
    place: { tree: '/tree', mode: 'packaged' },
    verification: { runtime: null, beforeStart: async () => Promise.reject(failure) },
    spawn: () => (spawned += 1),
  });
  const status = await manager.start();
  assert.deepEqual([status.status, status.code, spawned], ['error', 'INTEGRITY_FAILED', 0]);
});

test('a failed verification in the background stops the backend for good', async (t) => {
  const failure = new BackendError('INTEGRITY_FAILED', 'changed', { files: [], count: 1 });
  let fail;
  const { manager, statuses } = await makeManager(t, {
    place: { tree: '/tree' },
    verification: {
      runtime: { version: '1' },
      beforeStart: async () => {},
      afterStart: () => new Promise((_resolve, reject) => (fail = reject)),
    },
  });
  const { pid, runtime } = await manager.start();
  assert.deepEqual(runtime, { version: '1' });
  fail(failure);
  const error = await statusOf(manager, 'error', statuses);
  assert.equal(error.code, 'INTEGRITY_FAILED');
  await until(() => !lives(pid));
  assert.ok(!names(statuses).includes('restarting'));
});

test('a verification on request that fails stops the backend', async (t) => {
  const failure = new BackendError('INTEGRITY_FAILED', 'changed', { files: [], count: 1 });
  const { manager, statuses } = await makeManager(t, {
    place: { tree: '/tree' },
    verification: {
      runtime: null,
      beforeStart: async () => {},
      afterStart: async () => {},
      onRequest: async () => Promise.reject(failure),
    },
  });
  const { pid } = await manager.start();
  const answer = await manager.verify();
  assert.deepEqual([answer.verified, answer.code], [false, 'INTEGRITY_FAILED']);
  await statusOf(manager, 'error', statuses);
  await until(() => !lives(pid));
});

test('the window can ask for health and for a port', async (t) => {
  const { manager } = await makeManager(t);
  assert.deepEqual((await manager.checkHealth()).healthy, false);
  const { port } = await manager.start();
  const health = await manager.checkHealth();
  assert.deepEqual(Object.keys(health).sort(), ['healthy', 'responseTime']);
  assert.deepEqual(await manager.checkPort(port), { port, free: false });
});
