'use strict';

/** The window's log: hostile lines, many lines, following, searching, copying. */

const assert = require('node:assert');
const { after, before, beforeEach, describe, test } = require('node:test');
const { missing } = require('./real-electron.js');
const scenes = require('./window/scenes.js');
const { Stage } = require('./window/stage.js');

const stage = new Stage();
const press = (keys) => stage.page.keyboard.press(keys);
const click = (name) => stage.page.getByRole('button', { name, exact: true }).click();

describe('the log', { skip: missing() }, () => {
  before(() => stage.open());
  after(() => stage.close());
  beforeEach(() => stage.reset());

  test('markup, escapes and false orders of others stay text, wherever they are shown', async () => {
    const evil =
      '<img src=x onerror="window.owned=1"><script>window.owned=1</script>\u001b[2J\u202Eabc';
    const shown = evil.replace('\u001b[2J', '').replace('\u202E', '⟨U+202E⟩');
    await stage.push('backend-log', {
      lines: [{ at: 1, stream: evil, level: evil, text: evil }],
      dropped: 0,
    });
    await stage.push('update-available', {
      version: evil,
      releaseDate: evil,
      notes: evil,
      size: evil,
    });
    const details = {
      files: [{ path: evil, id: evil, reason: evil }],
      count: evil,
      output: [evil],
      [evil]: evil,
    };
    const words = { error: evil, code: evil, title: evil, advice: evil };
    await stage.push('backend-status', {
      status: 'error',
      at: 1,
      ...words,
      actions: [evil, 'retry'],
      details,
    });
    await stage.push('update-checksum-failed', {
      version: evil,
      expected: evil,
      actual: evil,
      message: evil,
    });
    assert.strictEqual(await stage.page.locator('.log-line .text').textContent(), shown);
    assert.strictEqual(await stage.page.evaluate(() => window.owned), undefined);
    assert.strictEqual(await stage.page.locator('img, body script').count(), 0);
    const body = await stage.page.evaluate(() => document.body.textContent);
    assert.ok(!body.includes('\u001b') && !body.includes('\u202E'));
  });

  test('10,000 lines and more: few are in the document, the newest in sight, all are searched', async () => {
    for (let batch = 0; batch < 12; batch++) {
      const lines = Array.from({ length: 1000 }, (_, place) => ({
        at: Date.now(),
        stream: 'stdout',
        text: `line ${1000 * batch + place}`,
      }));
      await stage.push('backend-log', { lines, dropped: 0 });
    }
    const rows = stage.page.locator('.log-line');
    await stage.waitForText('#log-count', '10,000 lines');
    assert.strictEqual(await rows.count(), 250);
    const last = stage.page.getByText('line 11999', { exact: true });
    assert.ok(await isInSight(last));
    await stage.page.locator('#log-lines').focus();
    for (const wanted of [500, 1000]) {
      await press('Home'); // at the top, earlier ones appear
      await stage.page.waitForFunction(
        (count) => document.querySelectorAll('.log-line').length === count,
        wanted,
      );
    }
    await press('End');
    assert.ok(await isInSight(last));
    await stage.page.fill('#log-search', 'line 2000');
    await stage.waitForText('#log-count', '1 of 10,000 lines');
  });

  test('it follows until a person scrolls up, and again from the end', async () => {
    const more = (from) =>
      stage.push('backend-log', {
        lines: Array.from({ length: 100 }, (_, place) => ({
          at: 1,
          stream: 'stdout',
          text: `n${from + place}`,
        })),
        dropped: 0,
      });
    const pressed = () => stage.page.locator('#log-follow').getAttribute('aria-pressed');
    const newest = (text) => isInSight(stage.page.getByText(text, { exact: true }));
    await more(0);
    assert.ok(await newest('n99'));
    await stage.page.locator('#log-lines').hover();
    await stage.page.mouse.wheel(0, -600);
    await stage.page.waitForSelector('#log-follow[aria-pressed=false]');
    await more(100);
    assert.ok(!(await newest('n199')));
    await stage.page.locator('#log-lines').focus();
    await press('End');
    assert.strictEqual(await pressed(), 'true');
    await more(200);
    assert.ok(await newest('n299'));
  });

  test('what is selected is copied, or what matches, or all', async () => {
    await stage.push('backend-log', { lines: scenes.log(Date.now()), dropped: 7 });
    await click('Copy all');
    const all = (await stage.clipboard()).split('\n');
    assert.strictEqual(all.length, 14);
    assert.match(all[0], /^\d\d:\d\d:\d\d\.\d{3} app 7 lines left out/);
    await stage.page.selectOption('#log-level', 'error');
    await click('Copy matches');
    assert.match(
      await stage.clipboard(),
      /^\S+ stderr ERROR: {4}model "tiny-llama" was not found[^\n]*$/,
    );
    await stage.page.locator('.log-line .text').first().click({ clickCount: 3 });
    await click('Copy selection');
    assert.match(await stage.clipboard(), /ERROR: +model "tiny-llama"/);
  });

  test('all lines are selected and copied by keys, also those that were never in sight', async () => {
    const lines = Array.from({ length: 500 }, (_, place) => ({
      at: 1,
      stream: 'stdout',
      text: `n${place}`,
    }));
    await stage.push('backend-log', { lines, dropped: 0 });
    await stage.page.locator('#log-lines').focus();
    for (const keys of ['Control+c', 'Control+Shift+C']) {
      await stage.app.evaluate(({ clipboard }) => clipboard.clear());
      await press('Control+a');
      await press(keys);
      const copied = (await stage.clipboard()).split('\n');
      assert.deepStrictEqual([copied.length, copied[0].slice(-6)], [500, 'out n0'], keys);
    }
  });

  test('nothing complained in all this', () => assert.deepStrictEqual(stage.complaints, []));
});

async function isInSight(locator) {
  return locator.evaluate((node) => {
    const frame = document.getElementById('log-lines').getBoundingClientRect();
    const { top, bottom } = node.getBoundingClientRect();
    return top >= frame.top - 1 && bottom <= frame.bottom + 1;
  });
}
