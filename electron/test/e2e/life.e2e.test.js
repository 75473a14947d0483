'use strict';

/** The app's life in development mode: crashes, endings. Packaged ones are tested elsewhere. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const { test } = require('node:test');
const { lives, startApp, unavailable, until } = require('./development.js');

const skip = unavailable();

test('a backend that crashes is started again, a renderer too', { skip }, async (t) => {
  const { app, ready, reach } = await startApp(t);
  process.kill(ready.pid, 'SIGKILL');
  const again = await reach(
    ({ status: name, pid }) => /ready|healthy/.test(name) && pid !== ready.pid,
  );
  assert.ok(lives(again.pid));
  await app.evaluate(({ BrowserWindow }) => {
    BrowserWindow.getAllWindows()[0].webContents.forcefullyCrashRenderer();
  });
  // Playwright gives up on a page that crashed, so main is asked; what is asked too early gets no answer.
  const shown = () =>
    app.evaluate(({ BrowserWindow }) => {
      const { webContents } = BrowserWindow.getAllWindows()[0];
      const asked = webContents.executeJavaScript("window.peftStudio.invoke('backend-status')");
      const late = new Promise((resolve) => setTimeout(resolve, 1000, {}));
      return Promise.race([asked.catch(() => ({})), late]);
    });
  await until(async () => (await shown()).pid === again.pid, 'the page is back');
});

/** How an app ends, and the exit code that tells. */
const ENDINGS = [
  ['app.quit', ({ app }) => app.quit(), 0],
  ['the last window closed', ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].close(), 0],
  ['SIGTERM', 'SIGTERM', 0],
  ['SIGINT', 'SIGINT', 0],
  ['SIGHUP', 'SIGHUP', 0],
  ['an exception nobody catches', throwing, 1],
  ['a promise nobody catches', rejecting, 1],
  ['app.exit', ({ app }) => app.exit(7), 7],
  ['process.exit', () => process.exit(8), 8],
  ['SIGKILL', 'SIGKILL', null],
];

function throwing({ dialog }) {
  dialog.showMessageBox = async () => ({ response: 0 });
  setTimeout(() => {
    throw new Error('a bug');
  });
}

function rejecting({ dialog }) {
  dialog.showMessageBox = async () => ({ response: 0 });
  Promise.reject(new Error('a bug'));
}

for (const [what, how, code] of ENDINGS) {
  test(`${what} leaves no backend`, { skip }, async (t) => {
    const { app, main, ready, log } = await startApp(t);
    const ended = once(main, 'exit');
    if (typeof how === 'string') main.kill(how);
    else app.evaluate(how).catch(() => {}); // it may be gone before it has answered
    const [found] = await ended;
    assert.equal(found, code);
    await until(() => !lives(ready.pid), 'the backend is gone');
    if (code === 1) assert.match(log(), /a bug/);
  });
}

test('no Python is shown with what was looked at, and a retry helps', { skip }, async (t) => {
  const { page, profile, status, reach } = await startApp(t, {
    environment: { PEFT_STUDIO_PYTHON: '/no/such/python' },
    waitFor: ['error'],
  });
  const { code, error } = await status();
  assert.equal(code, 'PYTHON_NOT_FOUND');
  assert.match(error, /no\/such\/python: not there/);
  await page.evaluate(() => window.peftStudio.invoke('backend-restart'));
  assert.equal((await reach(['error'])).code, 'PYTHON_NOT_FOUND');
  assert.ok(fs.existsSync(profile));
});
