'use strict';

/** The window in the app itself: the real bridge, the real service, the real log. */

const assert = require('node:assert');
const { once } = require('node:events');
const { test } = require('node:test');
const { startApp, unavailable } = require('./development.js');

const skip = unavailable();
const wordy = async (locator) => (await locator.innerText()).replaceAll('\u00a0', ' ');

test('ready, a crash, ready again: the window says each', { skip }, async (t) => {
  const { page, ready, reach } = await startApp(t);
  const complaints = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  const titled = (title) => page.locator('#title', { hasText: title }).waitFor();
  await titled('Ready');
  assert.match(await wordy(page.locator('#facts')), new RegExp(`127\\.0\\.0\\.1:${ready.port}`));
  assert.match(await wordy(page.locator('#facts')), new RegExp(`\\b${ready.pid}\\b`));
  await page.getByText(`ready on port ${ready.port}, process`).waitFor();
  await page.getByRole('button', { name: 'Check now' }).click();
  await page.getByText(/^\d+ checks?, all answered/).waitFor();

  process.kill(ready.pid, 'SIGKILL');
  await titled('Restarting');
  assert.match(await wordy(page.locator('#line')), /^Attempt 1 of 3: .*SIGKILL/);
  await reach(({ status, pid }) => /ready|healthy/.test(status) && pid !== ready.pid);
  await titled('Ready');

  await page.keyboard.press('Control+r');
  await page.keyboard.press('Enter');
  await titled('Starting');
  await titled('Ready');
  assert.deepStrictEqual(complaints, []);
});

test('a start that fails is a card, and the app can be quit', { skip }, async (t) => {
  const environment = { PEFT_STUDIO_PYTHON: '/nonexistent/python' };
  const { app, main, page } = await startApp(t, { environment, waitFor: ['error'] });
  const card = page.getByRole('alert').filter({ hasText: 'PYTHON_NOT_FOUND' });
  assert.match(await wordy(card), /Install Python 3\.10 or newer/);
  await card.getByRole('button', { name: 'Retry' }).click();
  await page.getByRole('alert').filter({ hasText: 'PYTHON_NOT_FOUND' }).waitFor();
  const gone = once(main, 'exit');
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].close());
  assert.deepStrictEqual((await gone)[0], 0);
});
