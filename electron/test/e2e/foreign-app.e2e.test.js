'use strict';

/** What `init --electron` writes is enough for another app: packaged, verified, started, ended. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { PATIENCE, PORTS, freePorts, launch } = require('./desktop.js');
const { ForeignProject } = require('./foreign-app.js');
const { MARK, kill, processesOf, until } = require('./processes.js');
const { missing } = require('./real-electron.js');

const ROOT = process.getuid() === 0;

describe('another app', { skip: missing() }, () => {
  let project;
  let app;

  before(() => {
    project = new ForeignProject();
    project.packager('init', '--electron');
    project.follow();
    app = project.pack();
  });
  after(() => project?.remove());

  test('is packaged with its runtime verified, and without what does not belong in it', () => {
    assert.match(project.packed, /resources\/backend: 0 programs signed, .*, verified/);
    assert.ok(fs.existsSync(path.join(app, 'resources', 'backend', 'tide_engine')));
    const archive = fs.readFileSync(path.join(app, 'resources', 'app.asar'), 'latin1');
    assert.ok(archive.includes('"runtime-packager.js"'));
    for (const name of ['"seal.js"', '"backend.py"', '"pyproject.toml"', '"tide_engine"']) {
      assert.ok(!archive.includes(name), `${name} is packed`);
    }
  });

  test('runs its backend, verified, and leaves nothing when it is quit', async (t) => {
    const run = await start(t, app);
    const status = await run.reaches('ready', 'healthy');
    await until('its background verification is over', async () =>
      (await run.ask('backend-get-logs')).lines.some(({ text }) => /epoch 0\) verified/.test(text)),
    );
    const { runtime } = await run.ask('get-app-version');
    assert.deepEqual([runtime.product, runtime.version], ['tide-table', '1.2.3']);
    const shown = run.page.locator('#answer');
    await until('the page has an answer of its backend', async () =>
      (await shown.textContent()).startsWith('from Python 3.12'),
    );
    const { status: code } = await fetch(`http://127.0.0.1:${status.port}/api/hello`);
    assert.equal(code, 401); // whoever has no token
    await run.electron.evaluate(({ app: main }) => main.quit()).catch(() => {});
    await until('nothing is left', () => processesOf(run.mark).length === 0);
  });

  test('does not start a runtime that was changed', async (t) => {
    fs.appendFileSync(path.join(app, 'resources', 'backend', 'tide_engine'), 'x');
    const run = await start(t, app);
    const { code, details } = await run.reaches('error');
    assert.equal(code, 'INTEGRITY_FAILED');
    assert.equal(details.files[0].path, 'tide_engine');
    const backend = processesOf(run.mark).filter(({ kind }) => kind === 'backend');
    assert.deepEqual(backend, []);
  });
});

/** One run of the app, ended with the test. */
async function start(t, app) {
  const home = fs.mkdtempSync(path.join(path.dirname(app), 'home-'));
  const mark = path.basename(home);
  const first = await freePorts();
  const ports = Array.from({ length: PORTS }, (_, index) => first + index);
  const environment = { HOME: home, XDG_CONFIG_HOME: home, TIDE_PORTS: ports.join(',') };
  t.after(async () => {
    for (const { pid } of processesOf(mark)) kill(pid);
    await until('all of it is gone', () => processesOf(mark).length === 0);
  });
  const electron = await launch({
    timeout: PATIENCE,
    executablePath: path.join(app, 'tide-table'),
    args: ROOT ? ['--no-sandbox'] : [],
    chromiumSandbox: !ROOT,
    env: { ...process.env, ...environment, [MARK]: mark },
  });
  const page = await electron.firstWindow();
  const ask = (channel) => page.evaluate((name) => globalThis.runtime.invoke(name), channel);
  const reaches = (...names) =>
    until(`the status is ${names.join(' or ')}`, async () => {
      const status = await ask('backend-status');
      return names.includes(status.status) && status;
    });
  return { electron, page, mark, ask, reaches };
}
