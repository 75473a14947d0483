'use strict';

/** The packaged app with the assembled runtime, as a person meets it. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { PORTS, freePorts, release, startDesktop, take } = require('./desktop.js');
const { copyOfApp, launcherOf, packagedApp, replaceFile, unavailable } = require('./packaged.js');
const { until } = require('./processes.js');

/** A program of the runtime, which is checked before every start, and a file that is not one. */
const PROGRAM = 'python/bin/python3.12';
const LIBRARY = 'app/peft_studio/server.py';

async function start(t, app, options) {
  const desktop = await startDesktop(app, options);
  t.after(() => desktop.clean());
  return desktop;
}

/** A copy that a test may break. */
function copyFor(t) {
  const app = copyOfApp();
  t.after(() => fs.rmSync(app, { recursive: true }));
  return app;
}

/** Take ports as other programs would. */
async function occupy(t, first, count) {
  const servers = [];
  t.after(() => Promise.all(servers.map(release)));
  for (let port = first; port < first + count; port += 1) servers.push(await take(port));
  return servers;
}

/** The error that the window shows is this one, and no backend runs. */
async function refusedWith(desktop, code) {
  const status = await desktop.reaches('error');
  assert.equal(status.code, code);
  const card = await desktop.shows('.problem', code);
  assert.deepEqual(desktop.family(), []);
  return { status, card };
}

function oneBitOff(bytes) {
  bytes[bytes.length >> 1] ^= 1;
  return bytes;
}

describe('the packaged app', { skip: unavailable() }, () => {
  test('starts, says ready, and quits without a process left', async (t) => {
    const desktop = await start(t, packagedApp());
    const status = await desktop.runs();
    assert.equal(status.port, desktop.firstPort);
    assert.equal(status.runtime.product, 'peft-studio');
    await desktop.shows('#title', 'Ready');
    await desktop.shows('#line', `Port ${status.port}`);
    await desktop.shows('#facts', `${status.pid}`);
    await until('the runtime is verified in the background', () =>
      desktop.log().some((line) => line.includes('runtime verified (quick)')),
    );
    await desktop.shot('ready');
    assert.deepEqual(await desktop.quit(), { code: 0, signal: null });
  });

  test('a backend that is killed comes back, and the window says so', async (t) => {
    const desktop = await start(t, packagedApp());
    const before = await desktop.runs();
    process.kill(before.pid, 'SIGKILL');
    await desktop.shows('#title', 'Restarting');
    await desktop.shows('#line', 'Attempt 1 of 3');
    await desktop.shot('restarting');
    const after = await desktop.runs();
    await desktop.shows('#title', 'Ready');
    assert.notEqual(after.pid, before.pid);
  });

  test('a changed program is refused before anything starts, and named', async (t) => {
    const app = copyFor(t);
    replaceFile(path.join(path.dirname(launcherOf(app)), PROGRAM), oneBitOff);
    const desktop = await start(t, app);
    const { status, card } = await refusedWith(desktop, 'INTEGRITY_FAILED');
    assert.equal(status.details.files[0].path, PROGRAM);
    assert.ok(card.includes(PROGRAM));
    assert.ok(!desktop.log().some((line) => line.includes(' stderr ')), 'nothing of it ran');
    await desktop.shot('integrity-failed');
  });

  test('a library of another size stops the backend, and is refused from then on', async (t) => {
    const app = copyFor(t);
    const library = path.join(path.dirname(launcherOf(app)), LIBRARY);
    replaceFile(library, (bytes) => Buffer.concat([bytes, Buffer.from('\n')]));
    const desktop = await start(t, app);
    await until(
      'the quick verification has refused it',
      async () => (await desktop.ask('backend-status')).code === 'INTEGRITY_FAILED',
    );
    await desktop.shows('.problem', LIBRARY);
    await until('the backend is stopped', () => desktop.family().length === 0);
    await desktop.ask('backend-restart');
    const { status } = await refusedWith(desktop, 'INTEGRITY_FAILED');
    assert.equal(status.details.files[0].path, LIBRARY);
  });

  test('a byte changed within a library is found by a full verification', async (t) => {
    const app = copyFor(t);
    replaceFile(path.join(path.dirname(launcherOf(app)), LIBRARY), oneBitOff);
    const desktop = await start(t, app);
    await (await desktop.page()).getByRole('button', { name: 'Verify all files' }).click();
    await desktop.shows('.problem', LIBRARY);
    await until('the backend is stopped', () => desktop.family().length === 0);
  });

  test('a missing launcher is EXECUTABLE_NOT_FOUND', async (t) => {
    const app = copyFor(t);
    fs.rmSync(launcherOf(app));
    const { card } = await refusedWith(await start(t, app), 'EXECUTABLE_NOT_FOUND');
    assert.match(card, /please reinstall/);
  });

  test('a launcher that may not be executed is PERMISSION_DENIED', async (t) => {
    const app = copyFor(t);
    replaceFile(launcherOf(app), (bytes) => bytes);
    fs.chmodSync(launcherOf(app), 0o644);
    await refusedWith(await start(t, app), 'PERMISSION_DENIED');
  });

  test('with all ports taken it is NO_AVAILABLE_PORTS, and retry helps once one is free', async (t) => {
    const firstPort = await freePorts();
    const servers = await occupy(t, firstPort, PORTS);
    const desktop = await start(t, packagedApp(), { firstPort });
    await refusedWith(desktop, 'NO_AVAILABLE_PORTS');
    await desktop.shot('no-available-ports');
    await release(servers.pop());
    await (await desktop.page()).getByRole('button', { name: 'Retry' }).click();
    await desktop.shows('#title', 'Ready');
    assert.equal((await desktop.runs()).port, firstPort + PORTS - 1);
  });

  test('with the first port taken it is the next one', async (t) => {
    const firstPort = await freePorts();
    await occupy(t, firstPort, 1);
    const desktop = await start(t, packagedApp(), { firstPort });
    assert.equal((await desktop.runs()).port, firstPort + 1);
    await desktop.shows('#line', `Port ${firstPort + 1}`);
  });
});
