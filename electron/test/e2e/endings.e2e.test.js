'use strict';

/**
 * Every way in which the packaged app ends, and what is left of its backend: nothing. The backend
 * has a family here: a multiprocessing worker, a plain child, and a child of each.
 */

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { startDesktop } = require('./desktop.js');
const { misbehavingRuntime } = require('./misbehaving.js');
const { copyOfApp, unavailable } = require('./packaged.js');
const { kill, processesOf, until } = require('./processes.js');

/** Milliseconds after which nothing may be left, by the contract; the table says what was. */
const CONTRACT = 2000;
/** Processes of the backend's family: itself, its guard, multiprocessing's tracker, and four more. */
const FAMILY = 7;

const signal = (name) => (desktop) => process.kill(desktop.pid, name);
/** The answer never comes when the process ends meanwhile. */
const inMain = (f) => (desktop) => void desktop.main(f).catch(() => {});

/** Ways to end it from outside or inside, with nobody's help. */
const ENDINGS = {
  'app.quit()': inMain(({ app }) => app.quit()),
  'last window closed': inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].close()),
  SIGTERM: signal('SIGTERM'),
  SIGINT: signal('SIGINT'),
  'SIGHUP (its terminal or session closes)': signal('SIGHUP'),
  'SIGTERM to all of its processes at once (logout)': (desktop) =>
    processesOf(desktop.mark).forEach(({ pid }) => kill(pid, 'SIGTERM')),
  'app.exit()': inMain(({ app }) => app.exit(0)),
  'process.exit()': inMain(() => process.exit(0)),
  'process.crash()': inMain(() => process.crash()),
  'SIGSEGV of main': signal('SIGSEGV'),
  'SIGKILL of main': signal('SIGKILL'),
};

const rows = [];
let app;

/** Start it with a backend that has a family, all of which is there. */
async function startFamily(t, words = '', environment = {}) {
  const desktop = await startDesktop(app, {
    environment: { E2E_BACKEND: `family,${words}`, ...environment },
  });
  t.after(() => desktop.clean());
  await desktop.runs();
  await until(
    'the family is there',
    () => desktop.family().length === FAMILY,
    () => desktop.family(),
  );
  return desktop;
}

/** End it, and note when the app and the backend's family were gone. */
async function endAndWatch(desktop, name, end) {
  const began = performance.now();
  const took = () => Math.round(performance.now() - began);
  const row = { ending: name };
  desktop.electron.process().once('exit', (code, by) => {
    row['app ended with'] = by ?? `exit code ${code}`;
    row['app gone, ms'] = took();
  });
  await end(desktop);
  await until(
    'nothing of the backend is left',
    () => {
      const left = desktop.family();
      if (took() >= CONTRACT) row[`left after ${CONTRACT / 1000} s`] ??= namesOf(left);
      return left.length === 0;
    },
    () => desktop.family(),
  );
  row['all gone, ms'] = took();
  row[`left after ${CONTRACT / 1000} s`] ??= 'nothing';
  rows.push(row);
  return row;
}

function namesOf(left) {
  return left.map(({ kind }) => kind).join(', ') || 'nothing';
}

describe('every ending of the packaged app', { skip: unavailable() }, () => {
  before(() => {
    app = copyOfApp({ runtime: misbehavingRuntime() });
  });
  after(() => {
    console.table(rows);
    if (app) fs.rmSync(app, { recursive: true });
  });

  for (const [name, end] of Object.entries(ENDINGS)) {
    test(`${name}: nothing of the backend is left`, async (t) => {
      const desktop = await startFamily(t);
      await endAndWatch(desktop, name, end);
      await desktop.nothingLeft();
    });
  }

  for (const name of ['SIGTERM', 'app.exit()', 'SIGKILL of main']) {
    test(`${name}, with a family that ignores SIGTERM: nothing is left`, async (t) => {
      const desktop = await startFamily(t, 'stubborn');
      await endAndWatch(desktop, `${name}, SIGTERM ignored`, ENDINGS[name]);
      await desktop.nothingLeft();
    });
  }

  for (const name of ['app.quit()', 'SIGKILL of main']) {
    test(`${name} while the backend starts: nothing is left`, async (t) => {
      const place = fs.mkdtempSync(path.join(app, 'wait-'));
      const desktop = await startDesktop(app, {
        environment: { E2E_BACKEND: 'wait', E2E_PLACE: place },
      });
      t.after(() => desktop.clean());
      await until('the backend starts', () => fs.existsSync(path.join(place, 'port')));
      assert.equal((await desktop.ask('backend-status')).status, 'starting');
      await endAndWatch(desktop, `${name}, while it starts`, ENDINGS[name]);
      await desktop.nothingLeft();
    });
  }

  test('the X server goes away: nothing of the backend is left', async (t) => {
    const server = await startDisplay();
    t.after(() => server.process.kill('SIGKILL'));
    const desktop = await startFamily(t, '', { DISPLAY: server.display });
    await endAndWatch(desktop, 'X server gone', () => server.process.kill('SIGKILL'));
    await desktop.nothingLeft();
  });

  test('an uncaught exception: the backend ends, and the app once its message was read', async (t) => {
    const desktop = await startFamily(t);
    const bug = () => {
      setTimeout(() => {
        throw new Error('thrown by a test');
      });
    };
    const row = await endAndWatch(desktop, 'uncaught exception', inMain(bug));
    assert.equal(row['app gone, ms'], undefined, 'a person has not read the message yet');
    assert.ok(desktop.log().some((line) => line.includes('Error: thrown by a test')));
    process.kill(desktop.pid, 'SIGTERM'); // nobody is here to press the message's button
    await desktop.nothingLeft();
    row['app ended with'] = 'a message, until it is read';
  });

  test('SIGKILL of the renderer: the page comes back, the backend runs on', async (t) => {
    const desktop = await startFamily(t);
    const { pid } = await desktop.runs();
    await killRenderer(desktop);
    await until('the page is back', () => titleOf(desktop).then((title) => /Ready/.test(title)));
    assert.ok(desktop.log().some((line) => line.includes("the window's process is gone: killed")));
    assert.deepEqual(pidsOf(desktop, 'backend'), [pid]);
    rows.push({ ending: 'SIGKILL of the renderer', 'app ended with': 'page loaded again' });
  });

  test('SIGKILL of the renderer again and again: the app ends, nothing is left', async (t) => {
    const desktop = await startFamily(t);
    await endAndWatch(desktop, 'SIGKILL of the renderer, 4 times', async () => {
      for (let times = 0; times < 4; times += 1) await killRenderer(desktop);
    });
    await desktop.nothingLeft();
  });

  test('SIGKILL of the network process: the app goes on, requests carry the token', async (t) => {
    const desktop = await startFamily(t);
    const { pid, port } = await desktop.runs();
    const page = await desktop.page();
    const address = `http://127.0.0.1:${port}/`;
    const authorized = async () => (await (await fetch(address)).json()).authorized;
    const ask = () => page.evaluate(requestOnce, address);
    await ask();
    assert.equal(await authorized(), 1);
    const killed = await desktop.main(({ app: own }) => {
      const rest = own.getAppMetrics().filter(({ type }) => type === 'Utility');
      for (const { pid: other } of rest) process.kill(other, 'SIGKILL');
      return rest.map(({ type, name }) => name ?? type);
    });
    await until('a request of the page is let in again', async () => {
      await ask();
      return (await authorized()) > 1;
    });
    await desktop.shows('#title', 'Ready');
    assert.deepEqual(pidsOf(desktop, 'backend'), [pid]);
    rows.push({ ending: `SIGKILL of ${killed.join(' and ')}`, 'app ended with': 'goes on' });
  });

  test('the hunt for what is left finds what the launcher leaves alone', async (t) => {
    const desktop = await startDesktop(app, { environment: { E2E_BACKEND: 'stray' } });
    t.after(() => desktop.clean());
    await desktop.runs();
    inMain(({ app: own }) => own.quit())(desktop);
    await until('the rest is gone', () => desktop.exit && desktop.family().length === 1);
    assert.match(desktop.family()[0].command, /^sleep/);
  });
});

/** Kill the page's process, and wait until main has another one. */
async function killRenderer(desktop) {
  const processOf = () =>
    desktop
      .main(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getOSProcessId())
      .catch(() => undefined);
  let pid;
  await until('there is a page', async () => (pid = await processOf()));
  process.kill(pid, 'SIGKILL');
  await until('its process is another', async () => (await processOf()) !== pid);
}

/** Not through the page: Playwright does not follow one that has crashed. */
function titleOf(desktop) {
  return desktop.main(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].getTitle());
}

/** Runs in the page. A request that is under way when the network process dies never ends. */
function requestOnce(address) {
  return fetch(address, { mode: 'no-cors', signal: AbortSignal.timeout(2000) }).catch(() => {});
}

function pidsOf(desktop, wanted) {
  return desktop
    .family()
    .filter(({ kind }) => kind === wanted)
    .map(({ pid }) => pid);
}

/** An X server of its own. */
function startDisplay() {
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x1024x24'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.stdio[3].once('data', (number) =>
      resolve({ process: server, display: `:${String(number).trim()}` }),
    );
  });
}
