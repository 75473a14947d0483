'use strict';

/** The window in a real Electron, with the test in the place of main. */

const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { _electron } = require('playwright-core');
const { electronProgram } = require('../real-electron.js');

const AS_ROOT = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
/** Where pictures are written to, if anywhere. */
const PICTURES = process.env.PEFT_STUDIO_PICTURES;

/** One window; `open` it first, `close` it at the end. */
class Stage {
  /** What the page wrote to its console, and what it did not catch. */
  complaints = [];

  /** Starts Electron and waits for the page. */
  async open() {
    this.profile = fs.mkdtempSync(path.join(os.tmpdir(), 'peft-window-'));
    const args = [...AS_ROOT, `--user-data-dir=${this.profile}`, path.join(__dirname, 'main.js')];
    this.app = await _electron.launch({ executablePath: electronProgram(), args });
    const [page] = await Promise.all([
      this.app.waitForEvent('window'),
      this.app.evaluate(async () => {
        while (!global.openWindow) await new Promise((done) => setTimeout(done, 10));
        await global.openWindow();
      }),
    ]);
    this.page = page;
    this.page.on('console', (message) => this.complaints.push(message.text()));
    this.page.on('pageerror', (error) => this.complaints.push(error.message));
    await this.#loaded(); // a second loading during the first would end both
    await this.reset();
  }

  /** Loads the page anew: nothing is known, nothing was asked. */
  async reset() {
    await this.page.reload();
    await this.#loaded();
    await this.size(900, 640);
  }

  /** The page has its answers: the app's version is one of them. */
  #loaded() {
    return this.page.waitForSelector('#fact-app .value:has-text("Electron")');
  }

  /** Ends Electron. */
  async close() {
    await this.app?.close();
    if (this.profile) fs.rmSync(this.profile, { recursive: true, force: true, maxRetries: 20 });
  }

  /** Pushes to the page, and waits until it was drawn. */
  async push(channel, payload) {
    await this.page.evaluate(
      ([name, value]) => {
        window.fakeMain.push(name, value);
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      },
      [channel, payload],
    );
  }

  /** What the page asked main since the last time. */
  async calls() {
    const calls = await this.page.evaluate(() => window.fakeMain.calls());
    return calls.map(({ channel, argument }) =>
      argument === undefined ? channel : [channel, argument],
    );
  }

  /** What main answers from now on; `{reject: 'why'}` fails, `{never: true}` waits. */
  async answer(channel, value) {
    await this.page.evaluate(
      ([name, given]) => window.fakeMain.answer(name, given),
      [channel, value],
    );
  }

  /** The text of the first element. */
  async text(selector) {
    const text = await this.page.locator(selector).first().innerText();
    return text.replaceAll('\u00a0', ' ');
  }

  /** Waits until the text is as wanted. */
  async waitForText(selector, wanted) {
    const found = async () => (await this.text(selector)) === wanted;
    for (let tries = 0; tries < 400 && !(await found()); tries++)
      await this.page.waitForTimeout(25);
    assert.strictEqual(await this.text(selector), wanted);
  }

  /** The size of the page, in pixels of the system. */
  async size(width, height, zoom = 1) {
    await this.app.evaluate(
      ({ BrowserWindow }, [w, h, factor]) => {
        const [window] = BrowserWindow.getAllWindows();
        window.setContentSize(w, h);
        window.webContents.setZoomFactor(factor);
      },
      [width, height, zoom],
    );
    await this.page.waitForFunction((wanted) => innerWidth === wanted, Math.round(width / zoom));
  }

  /** A picture, kept if PEFT_STUDIO_PICTURES names a directory. */
  async picture(name) {
    const bytes = await this.page.screenshot({ animations: 'disabled' });
    if (PICTURES) fs.writeFileSync(path.join(PICTURES, `window-${name}.png`), bytes);
    return bytes;
  }

  /** What is on the clipboard. */
  async clipboard() {
    return this.app.evaluate(({ clipboard }) => clipboard.readText());
  }
}

module.exports = { Stage };
