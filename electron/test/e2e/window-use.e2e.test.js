'use strict';

/** The window used: by mouse, by keys alone, by ear. */

const assert = require('node:assert');
const { after, before, beforeEach, describe, test } = require('node:test');
const { missing } = require('./real-electron.js');
const scenes = require('./window/scenes.js');
const { Stage } = require('./window/stage.js');

const stage = new Stage();
const status = (payload) => stage.push('backend-status', payload);
const press = (keys) => stage.page.keyboard.press(keys);
const click = (name) => stage.page.getByRole('button', { name, exact: true }).click();
const focused = () => stage.page.evaluate(() => document.activeElement.id);

describe('the window in use', { skip: missing() }, () => {
  before(() => stage.open());
  after(() => stage.close());
  beforeEach(async () => {
    await stage.reset();
    await stage.calls();
  });

  test('on opening it asks for what was before: status, versions, log', async () => {
    await stage.page.reload();
    await stage.page.waitForSelector('#fact-app .value:has-text("Electron")');
    const calls = (await stage.calls()).map(String).sort();
    assert.deepStrictEqual(calls, [
      'backend-get-logs,[object Object]',
      'backend-status',
      'get-app-version',
    ]);
  });

  test('the buttons of a failure ask for what they say', async () => {
    const actions = ['retry', 'restart', 'verify', 'open-log', 'reinstall'];
    await status({ status: 'error', at: 1, ...scenes.CRASHED, actions, details: { port: 8000 } });
    await click('Retry');
    await click('Restart');
    await click('Open the log file');
    assert.deepStrictEqual(await stage.calls(), [
      'backend-restart',
      'backend-force-restart',
      'open-log-file',
    ]);
    await click('Check port 8000');
    await stage.waitForText('.problem [role=status]', 'Port 8000 is free now.');
    await click('Verify the installation');
    await stage.waitForText('#verify-line', '3,391 files verified in 0.41 s.');
    assert.deepStrictEqual(await stage.calls(), [['backend-check-port', 8000], 'backend-verify']);
    await click('How to reinstall');
    assert.ok((await stage.text('#reinstall')).includes('Your data, models and settings stay'));
    await stage.page.locator('#reinstall-copy').click();
    assert.deepStrictEqual(await stage.calls(), [], 'main is asked for nothing');
    assert.match(await stage.clipboard(), /PROCESS_START_FAILED/);
  });

  test('a verification shows its progress, and its failure as a card', async () => {
    await status(scenes.ready(Date.now()));
    const { page } = stage;
    await stage.answer('backend-verify', { never: true });
    await click('Verify all files');
    await stage.push('backend-verify-progress', { done: 1000, total: 3391 });
    await stage.waitForText('#verify-line', 'Verifying: 1,000 of 3,391 files');
    assert.strictEqual(
      await page.locator('#verify-progress').evaluate((bar) => bar.position > 0.29),
      true,
    );
    await stage.reset();
    await status(scenes.ready(Date.now()));
    await stage.answer('backend-verify', { verified: false, ...scenes.INTEGRITY });
    await click('Verify all files');
    await page.getByRole('alert').getByText('INTEGRITY_FAILED').waitFor();
  });

  test('an update is downloaded and installed by its buttons, and looked for by another', async () => {
    await click('Check for updates');
    await stage.push('update-available', scenes.UPDATE);
    await click('Download');
    await stage.push('update-downloaded', { version: '0.2.0' });
    await click('Install and restart');
    assert.deepStrictEqual(await stage.calls(), [
      'check-for-updates',
      'download-update',
      'install-update',
    ]);
  });

  test('what main refuses is said', async () => {
    await stage.answer('check-for-updates', { reject: 'no server is set' });
    await click('Check for updates');
    await stage.waitForText('#toast', 'That did not work: no server is set');
  });

  test('address, process and tree are copied whole', async () => {
    await status(scenes.ready(Date.now()));
    const wanted = { address: '127.0.0.1:8000', process: '48213', tree: scenes.RUNTIME.tree };
    for (const [name, text] of Object.entries(wanted)) {
      await click(`Copy the ${name}`);
      assert.strictEqual(await stage.clipboard(), text);
    }
  });

  test('by keys alone: everything is reached, in order, and is seen to have the focus', async () => {
    await status(scenes.ready(Date.now()));
    await stage.push('update-available', scenes.UPDATE);
    await stage.push('backend-log', { lines: scenes.log(Date.now()), dropped: 0 });
    const wanted = await stage.page.evaluate(() => {
      const all = document.querySelectorAll('button, input, select, summary, [tabindex="0"]');
      const reachable = [...all].filter((node) => node.checkVisibility() && !node.disabled);
      reachable.forEach((node, place) => (node.dataset.place = place));
      return reachable.length;
    });
    const places = [];
    for (let step = 0; step < wanted; step++) {
      await press('Tab');
      places.push(
        await stage.page.evaluate(() => {
          const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
          const seen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
          return seen ? Number(document.activeElement.dataset.place) : 'no focus is seen';
        }),
      );
    }
    assert.deepStrictEqual(places, [...Array(wanted).keys()]);
  });

  test('Ctrl+F searches, marks and counts; Esc shows everything again', async () => {
    await stage.push('backend-log', { lines: scenes.log(Date.now()), dropped: 0 });
    await press('Control+f');
    assert.strictEqual(await focused(), 'log-search');
    await stage.page.keyboard.type('get');
    await stage.waitForText('#log-count', '2 of 13 lines');
    assert.deepStrictEqual(await stage.page.locator('mark').allInnerTexts(), ['GET', 'GET']);
    await stage.page.keyboard.type('no such');
    await stage.waitForText('#log-empty-text', 'No line matches.');
    await press('Escape');
    await stage.waitForText('#log-count', '13 lines');
    assert.strictEqual(await focused(), 'log-search');
  });

  test('Ctrl+R restarts after a question, and does not load the page anew', async () => {
    await status(scenes.ready(Date.now()));
    await press('Control+r');
    await press('Escape');
    assert.deepStrictEqual(await stage.calls(), []);
    await press('Control+r');
    await press('Enter');
    assert.deepStrictEqual(await stage.calls(), ['backend-restart']);
    assert.strictEqual(await stage.text('#title'), 'Ready', 'the page is still the same');
  });

  test('F1 helps; Esc closes it and gives the focus back', async () => {
    await stage.page.locator('#log-follow').focus();
    await press('F1');
    assert.ok((await stage.text('#help')).includes('Search the log'));
    await press('Escape');
    assert.strictEqual(await focused(), 'log-follow');
  });

  test('a screen reader hears each change of the status once, failures at once, no log', async () => {
    await status(scenes.starting('verify', Date.now()));
    assert.strictEqual(await stage.text('#announcer'), 'The engine is starting.');
    await status(scenes.ready(Date.now()));
    assert.strictEqual(await stage.text('#announcer'), 'The engine is ready on port 8000.');
    await stage.page.evaluate(() => {
      let times = 0;
      new MutationObserver(() => times++).observe(document.getElementById('announcer'), {
        childList: true,
        characterData: true,
        subtree: true,
      });
      window.heard = () => times;
    });
    for (let number = 0; number < 5; number++) await status(scenes.healthy(number, Date.now()));
    assert.strictEqual(await stage.page.evaluate(() => window.heard()), 0, 'checks are not said');
    await status({ status: 'error', at: Date.now(), ...scenes.INTEGRITY });
    assert.strictEqual(await stage.page.getByRole('alert').count(), 1);
    assert.strictEqual(await stage.page.getByRole('log').getAttribute('aria-live'), 'off');
    for (const role of ['banner', 'main', 'search']) {
      assert.strictEqual(await stage.page.getByRole(role).count(), 1, role);
    }
    const drawing = stage.page.getByRole('img');
    assert.match(await drawing.getAttribute('aria-label'), /^5 checks, all answered/);
  });

  test('nothing turns for who wants no motion', async () => {
    await stage.page.emulateMedia({ reducedMotion: 'reduce' });
    await status(scenes.starting('verify', Date.now()));
    const moving = () => document.getAnimations().length;
    assert.strictEqual(await stage.page.evaluate(moving), 0);
    await stage.page.emulateMedia({ reducedMotion: 'no-preference' });
    assert.ok((await stage.page.evaluate(moving)) > 0);
  });

  test('nothing complained in all this', () => assert.deepStrictEqual(stage.complaints, []));
});
