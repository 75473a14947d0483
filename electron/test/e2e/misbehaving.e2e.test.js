'use strict';

/** The packaged app with a backend that hangs, floods, crashes, loses its port or will not stop. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { release, startDesktop, take } = require('./desktop.js');
const { misbehavingRuntime } = require('./misbehaving.js');
const { copyOfApp, packagedApp, unavailable } = require('./packaged.js');
const { until } = require('./processes.js');

const MB = 1e6;
/** Bytes after which a flood was one: more than any buffer on the way could hide. */
const FLOODED = 300 * MB;
/** Bytes by which main may grow meanwhile; what it reads is twenty times as much. */
const GROWTH = 100 * MB;

let app;

async function start(t, words, { of = app, ...environment } = {}) {
  const desktop = await startDesktop(of, { environment: { E2E_BACKEND: words, ...environment } });
  t.after(() => desktop.clean());
  return desktop;
}

/** Every status from now on, as the window is told. */
async function recordStatuses(desktop) {
  const page = await desktop.page();
  await page.evaluate(() => {
    globalThis.statuses = [];
    globalThis.peftStudio.on('backend-status', (status) => globalThis.statuses.push(status));
  });
  return () => page.evaluate(() => globalThis.statuses);
}

function named(statuses, name) {
  return statuses.filter(({ status }) => status === name);
}

/** The processes that serve. */
function backends(desktop) {
  return desktop.family().filter(({ kind }) => kind === 'backend');
}

function memoryOf(pid) {
  const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)[1]) * 1024;
}

describe('a backend that misbehaves', { skip: unavailable(), concurrency: 2 }, () => {
  before(() => {
    app = copyOfApp({ runtime: misbehavingRuntime() });
  });
  after(() => app && fs.rmSync(app, { recursive: true }));

  test('hung: three misses make it unhealthy, and it is started again', async (t) => {
    const desktop = await start(t, '', { of: packagedApp() });
    const { pid } = await desktop.runs();
    const statuses = await recordStatuses(desktop);
    process.kill(pid, 'SIGSTOP');
    await desktop.shows('#title', 'Not answering');
    await desktop.shot('not-answering');
    await until('it is another process', async () => (await desktop.runs()).pid !== pid);
    const seen = await statuses();
    const misses = named(seen, 'unhealthy').map((status) => [status.misses, status.limit]);
    assert.deepEqual(misses, [
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    assert.equal(named(seen, 'restarting').length, 1);
    await desktop.shows('#title', 'Ready');
    assert.equal(backends(desktop).length, 1);
  });

  test('one that ignores SIGTERM is ended all the same', async (t) => {
    const desktop = await start(t, 'stubborn');
    const { pid } = await desktop.runs();
    const status = await desktop.ask('backend-restart');
    assert.equal(status.status, 'ready');
    assert.deepEqual(
      backends(desktop).map((found) => found.pid),
      [status.pid],
    );
    assert.notEqual(status.pid, pid);
  });

  for (const words of ['flood', 'flood-blob']) {
    test(`${words}: the window answers, memory stays as it is`, async (t) => {
      const desktop = await start(t, words);
      const { port } = await desktop.runs();
      const memory = memoryOf(desktop.pid);
      const page = await desktop.page();
      let longest = 0;
      const began = performance.now();
      const written = async () => (await (await fetch(`http://127.0.0.1:${port}/`)).json()).written;
      let bytes = 0;
      await until('it has flooded', async () => {
        longest = Math.max(longest, await page.evaluate(longestFrame));
        bytes = await written();
        return bytes > FLOODED;
      });
      const rate = bytes / MB / ((performance.now() - began) / 1000);
      await page.getByRole('button', { name: 'Help' }).click();
      await page.locator('#help').waitFor({ state: 'visible' });
      assert.equal((await desktop.ask('backend-health-check')).healthy, true);
      const grown = memoryOf(desktop.pid) - memory;
      t.diagnostic(
        `${Math.round(rate)} MB/s, main grew by ${Math.round(grown / MB)} MB, ` +
          `longest time between two frames ${Math.round(longest)} ms`,
      );
      assert.ok(grown < GROWTH, `main grew by ${grown} bytes`);
      const { lines } = await desktop.ask('backend-get-logs', { lines: 10_000 });
      assert.ok(lines.length <= 5000);
    });
  }

  test('one that crashes again and again: three restarts, then failed', async (t) => {
    const desktop = await start(t, 'crash');
    await desktop.runs();
    const statuses = await recordStatuses(desktop);
    const failed = await desktop.reaches('failed');
    assert.equal(failed.code, 'MAX_RESTARTS_EXCEEDED');
    assert.equal(failed.attempts, 3);
    const last = named(await statuses(), 'restarting').at(-1);
    assert.deepEqual([last.attempt, last.maxAttempts], [3, 3]);
    assert.match(last.error, /exit code 3/);
    await desktop.shows('.problem', 'MAX_RESTARTS_EXCEEDED');
    await desktop.shot('max-restarts-exceeded');
    await until('nothing is left', () => desktop.family().length === 0);
  });

  test('a port that another program takes between check and bind: the next one', async (t) => {
    const place = fs.mkdtempSync(path.join(os.tmpdir(), 'race-'));
    t.after(() => fs.rmSync(place, { recursive: true }));
    const desktop = await start(t, 'wait', { E2E_PLACE: place });
    const port = path.join(place, 'port');
    await until('it is about to bind', () => fs.existsSync(port) && fs.readFileSync(port, 'utf8'));
    assert.equal(Number(fs.readFileSync(port, 'utf8')), desktop.firstPort);
    const other = await take(desktop.firstPort);
    t.after(() => release(other));
    fs.writeFileSync(path.join(place, 'go'), '');
    assert.equal((await desktop.runs()).port, desktop.firstPort + 1);
    assert.equal(backends(desktop).length, 1);
  });

  test('restarts asked for while it stops: one backend in the end', async (t) => {
    const desktop = await start(t, 'stubborn');
    const { pid } = await desktop.runs();
    const page = await desktop.page();
    const answers = await page.evaluate(async () => {
      const ask = globalThis.peftStudio.invoke;
      const first = ask('backend-restart'); // waits a second for a backend that does not go
      const more = ['backend-restart', 'backend-force-restart', 'backend-restart'].map((c) =>
        ask(c),
      );
      return Promise.all([first, ...more]);
    });
    const status = await desktop.runs();
    assert.equal(answers.at(-1).pid, status.pid);
    assert.notEqual(status.pid, pid);
    await until('there is one backend', () => backends(desktop).length === 1);
    assert.equal(backends(desktop)[0].pid, status.pid);
  });

  test('a forced restart ends a start that hangs', async (t) => {
    const place = fs.mkdtempSync(path.join(os.tmpdir(), 'hangs-'));
    t.after(() => fs.rmSync(place, { recursive: true }));
    const desktop = await start(t, 'wait,stubborn', { E2E_PLACE: place });
    await until('it hangs', () => fs.existsSync(path.join(place, 'port')));
    const [{ pid }] = backends(desktop);
    const answer = desktop.ask('backend-force-restart');
    await until('it is gone', () => backends(desktop).every((found) => found.pid !== pid));
    fs.writeFileSync(path.join(place, 'go'), '');
    assert.equal((await answer).status, 'ready');
  });
});

/** Runs in the page: the longest time between two frames, in milliseconds, of half a second. */
function longestFrame() {
  return new Promise((resolve) => {
    const began = globalThis.performance.now();
    let last = began;
    let longest = 0;
    const next = () => {
      const now = globalThis.performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (now - began > 500) resolve(longest);
      else globalThis.requestAnimationFrame(next);
    };
    globalThis.requestAnimationFrame(next);
  });
}
