'use strict';

/** The service manager with real processes: starting. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const parts = require('./service-parts.js');

const { lives, makeManager, until } = parts;
const names = (statuses) => statuses.map(({ status }) => status);

test('a start says its phases, then port, process and times', async (t) => {
  const { manager, statuses, log } = await makeManager(t);
  const ready = await manager.start();
  assert.equal(ready.status, 'ready');
  assert.ok(lives(ready.pid));
  assert.equal(ready.port, manager.options.settings.ports[0]);
  const starting = statuses.filter(({ status }) => status === 'starting');
  const phases = ['verify', 'port', 'spawn', 'listen', 'health'];
  assert.deepEqual(
    starting.map(({ phase }) => phase),
    phases,
  );
  assert.deepEqual(
    ready.phases.map(({ name }) => name),
    phases,
  );
  assert.equal(ready.startupSeconds, ready.startupTime / 1000);
  assert.equal(ready.runtime, null);
  assert.match(
    log.texts().find((text) => text.startsWith('backend: ')),
    /backend\.js \(dev/,
  );
});

test('the token is new for each start, in the environment alone and in no log', async (t) => {
  const argvFile = path.join(parts.temporary(t), 'argv.json');
  const { manager, log } = await makeManager(t, { behaviour: { argvFile, printToken: true } });
  const tokens = [];
  for (let round = 0; round < 2; round += 1) {
    await manager.restart();
    const { argv, token } = JSON.parse(fs.readFileSync(argvFile));
    assert.match(token, /^[0-9a-f]{64}$/);
    assert.equal(manager.access.token, token);
    assert.ok(!argv.join(' ').includes(token));
    assert.deepEqual(argv.slice(argv.indexOf('--origin')), [
      '--origin',
      'app://peft-studio',
      '--exit-on-stdin-eof',
    ]);
    tokens.push(token);
  }
  assert.notEqual(tokens[0], tokens[1]);
  await until(() => log.texts().filter((text) => text === 'the token is [secret]').length === 2);
  for (const token of tokens) assert.ok(!fs.readFileSync(log.file, 'utf8').includes(token));
});

test('a port that another program has is left alone', async (t) => {
  const ports = await parts.freePorts(3);
  await parts.occupy(t, ports[0]);
  const { manager } = await makeManager(t, { settings: { ports } });
  assert.equal((await manager.start()).port, ports[1]);
});

test('a port lost between check and bind is replaced by the next', async (t) => {
  const ports = await parts.freePorts(3);
  const behaviour = { lostPorts: ports.slice(0, 2) };
  const { manager, statuses } = await makeManager(t, { settings: { ports }, behaviour });
  const { port, phases } = await manager.start();
  assert.equal(port, ports[2]);
  assert.equal(new Set(names(phases.map(({ name: status }) => ({ status })))).size, 5);
  assert.equal(phases.length, 5);
  assert.ok(!names(statuses).includes('restarting'));
});

test('no port left is said with the ports; one port only is said as taken', async (t) => {
  const ports = await parts.freePorts(2);
  const all = await makeManager(t, { settings: { ports }, behaviour: { lostPorts: ports } });
  const status = await all.manager.start();
  assert.deepEqual([status.status, status.code], ['error', 'NO_AVAILABLE_PORTS']);
  assert.match(status.error, new RegExp(`${ports[0]} to ${ports[1]}`));
  const one = await makeManager(t, {
    settings: { ports: [ports[0]] },
    behaviour: { lostPorts: [ports[0]] },
  });
  assert.equal((await one.manager.start()).code, 'PORT_IN_USE');
});

const FAILURES = [
  ['a missing package', { exit: 97, stderr: "peft_engine: No module named 'fastapi': x\n" }],
  ['a traceback', { exit: 1, stderr: "ModuleNotFoundError: No module named 'fastapi'\n" }],
];
for (const [what, behaviour] of FAILURES) {
  test(`${what} names the module and is not tried again`, async (t) => {
    const { manager, statuses } = await makeManager(t, { behaviour });
    const status = await manager.start();
    assert.deepEqual([status.status, status.code], ['error', 'MISSING_PACKAGE']);
    assert.equal(status.details.module, 'fastapi');
    assert.match(status.error, /fastapi/);
    assert.ok(!names(statuses).includes('restarting'));
  });
}

test('a crash at the first start shows what it printed', async (t) => {
  const { manager } = await makeManager(t, { behaviour: { exit: 5, stderr: 'one\ntwo' } });
  const { status, code, details, actions } = await manager.start();
  assert.deepEqual([status, code], ['error', 'PROCESS_START_FAILED']);
  assert.deepEqual([details.exitCode, details.output], [5, ['one', 'two']]);
  assert.ok(actions.includes('retry'));
});

test("the launcher's sentence is the error", async (t) => {
  const stderr = 'peft_engine: the script is missing\n';
  const { manager } = await makeManager(t, { behaviour: { exit: 77, stderr } });
  assert.equal((await manager.start()).error, 'peft_engine: the script is missing');
});

test('a program that is missing, or may not be run, is said so', async (t) => {
  const file = path.join(parts.temporary(t), 'engine');
  const missing = await makeManager(t, { place: { command: file } });
  assert.equal((await missing.manager.start()).code, 'EXECUTABLE_NOT_FOUND');
  fs.writeFileSync(file, 'not a program', { mode: 0o644 });
  const denied = await makeManager(t, { place: { command: file } });
  assert.equal((await denied.manager.start()).code, 'PERMISSION_DENIED');
});

test('a backend that never gets ready is ended', async (t) => {
  const pidFile = path.join(parts.temporary(t), 'pid');
  const { manager } = await makeManager(t, {
    behaviour: { silent: true, child: pidFile },
    settings: { times: { startLimit: 500 } },
  });
  const status = await manager.start();
  assert.deepEqual([status.status, status.code], ['error', 'START_TIMEOUT']);
  assert.ok(status.details.phases.some(({ name }) => name === 'spawn'));
  await until(() => !fs.existsSync(pidFile) || !lives(Number(fs.readFileSync(pidFile))));
});

const LIES = [
  ['says another port', { port: 1 }],
  ['says another process', { pid: 1 }],
];
for (const [what, behaviour] of LIES) {
  test(`a backend that ${what} is not believed`, async (t) => {
    const { manager } = await makeManager(t, { behaviour });
    const { code, error } = await manager.start();
    assert.equal(code, 'PROCESS_START_FAILED');
    assert.match(error, /expected port/);
  });
}

for (const behaviour of [{ impostor: true }, { status: 'sick' }, { code: 503 }]) {
  test(`an answer that is ${JSON.stringify(behaviour)} is not ready`, async (t) => {
    const { manager } = await makeManager(t, {
      behaviour,
      settings: { times: { startLimit: 700 } },
    });
    assert.equal((await manager.start()).code, 'START_TIMEOUT');
  });
}

test('a start that is slow is logged with its phases', async (t) => {
  const slowStart = { development: 0, packaged: 0 };
  const { manager, log } = await makeManager(t, { settings: { times: { slowStart } } });
  await manager.start();
  const line = log.newest(100).find(({ text }) => text.startsWith('slow start'));
  assert.equal(line.level, 'warning');
  assert.match(line.text, /verify \d+ ms, port \d+ ms, spawn \d+ ms, listen \d+ ms, health \d+ ms/);
});
