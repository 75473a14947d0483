'use strict';

/** A user's home for one update test: the app in it, its data, its processes. */

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');
const { IMAGE } = require('./update-images.js');

const SECONDS = 90;

/** Poll until `look` returns something. @template T @param {() => T} look @returns {Promise<T>} */
async function until(look, what) {
  const deadline = Date.now() + SECONDS * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < deadline, `not within ${SECONDS} s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Where Chromium listens, which it says on its standard error. */
async function debuggingUrl(child) {
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const url = () => /DevTools listening on (ws:\S+)/.exec(said)?.[1];
  return until(url, () => said);
}

/** Playwright sometimes waits for ever on a page that was being made while it attached. */
async function attach(url) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await chromium.connectOverCDP(url, { timeout: 10_000 });
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

/** A user's home. */
class Home {
  /**
   * @param {string} place a directory of its own
   * @param {string} image the version that is installed
   * @param {number} firstPort of eleven that nobody else uses
   */
  constructor(place, image, firstPort) {
    this.place = place;
    this.app = path.join(place, 'Apps', IMAGE);
    fs.mkdirSync(path.dirname(this.app), { recursive: true });
    fs.mkdirSync(path.join(place, 'tmp'));
    fs.copyFileSync(image, this.app);
    const of = (name) => path.join(place, name);
    this.env = {
      ...process.env,
      HOME: place,
      TMPDIR: of('tmp'),
      XDG_CONFIG_HOME: of('config'),
      XDG_CACHE_HOME: of('cache'),
      XDG_DATA_HOME: of('data'),
      XDG_STATE_HOME: of('state'),
      PEFT_STUDIO_FIRST_PORT: String(firstPort),
    };
  }

  /**
   * Start the app, and drive its page over Chromium's own protocol. Not with Playwright's Electron:
   * Node's inspector keeps a process that quits waiting for whoever is attached.
   */
  async open() {
    const before = this.log.length;
    const child = this.start('--remote-debugging-port=0');
    const url = await debuggingUrl(child);
    await until(
      () => /ready on port/.test(this.log.slice(before)),
      () => this.log,
    );
    const browser = await attach(url);
    const [context] = browser.contexts();
    this.page = context.pages()[0] ?? (await context.waitForEvent('page'));
    await this.page.waitForFunction(() => 'peftStudio' in globalThis);
    await this.page.evaluate(() => {
      globalThis.seen = [];
      const names = ['update-status', 'update-available', 'update-download-progress'];
      for (const name of [...names, 'update-downloaded', 'update-checksum-failed']) {
        globalThis.peftStudio.on(name, (payload) => globalThis.seen.push([name, payload]));
      }
    });
    await this.ready();
  }

  /** Start the app as a person does. */
  start(...words) {
    const stdio = ['ignore', 'ignore', 'pipe'];
    const child = spawn(this.app, ['--no-sandbox', ...words], { env: this.env, stdio });
    child.on('error', () => {});
    return child;
  }

  async ready() {
    await until(
      async () => (await this.ask('backend-status')).status.match(/ready|healthy/),
      () => this.log,
    );
  }

  /** What main answers. */
  ask(channel) {
    return this.page.evaluate((name) => globalThis.peftStudio.invoke(name), channel);
  }

  /** What was pushed on a channel. */
  async seen(channel) {
    const all = await this.page.evaluate(() => globalThis.seen);
    return all.filter(([name]) => name === channel).map(([, payload]) => payload);
  }

  /** The app's log. */
  get log() {
    const files = findIn(path.join(this.place, 'config'), 'logs', 'peft-studio.log');
    return files.map((file) => fs.readFileSync(file, 'utf8')).join('');
  }

  /** The content of update.json. */
  get state() {
    const [file] = findIn(path.join(this.place, 'config'), 'update.json');
    return file && JSON.parse(fs.readFileSync(file, 'utf8'));
  }

  /** Bytes of a download that is not complete. */
  get partial() {
    const files = findIn(path.join(this.place, 'cache'), 'pending', `temp-${IMAGE}`);
    return files.reduce((sum, file) => sum + fs.statSync(file).size, 0);
  }

  /** Wait for a line of the log. */
  async logged(pattern) {
    await until(
      () => pattern.test(this.log),
      () => `${pattern}\n${this.log}`,
    );
  }

  async phase(wanted) {
    await until(
      () => this.state?.phase === wanted,
      () => `${wanted}\n${this.log}`,
    );
  }

  /** Processes whose program lies in this home, or that were started from it. */
  get processes() {
    return fs
      .readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => this.#isOurs(pid));
  }

  #isOurs(pid) {
    try {
      const program = fs.readlinkSync(`/proc/${pid}/exe`);
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return program.startsWith(this.place) || words.includes(`${this.place}/`);
    } catch {
      return false;
    }
  }

  /** Pull the plug: every process of the app at once, by its id. */
  async pullThePlug() {
    await until(
      () => {
        const running = this.processes;
        for (const pid of running) kill(pid, 'SIGKILL');
        return running.length === 0;
      },
      () => `processes ${this.processes} are left`,
    );
  }

  /** Ask the app to quit, and wait until nothing of it is left. */
  async quit() {
    const pid = this.state?.pid;
    assert.ok(pid, 'the state names the app that runs');
    kill(pid, 'SIGTERM');
    await until(
      () => !this.processes.length,
      () => `${this.processes} are left\n${this.log}`,
    );
  }

  /** The files beside the app. */
  get beside() {
    return fs.readdirSync(path.dirname(this.app)).sort();
  }

  async remove() {
    await this.pullThePlug();
    fs.rmSync(this.place, { recursive: true, force: true });
  }
}

function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // gone already
  }
}

/** The files of a name in the directories of a directory; Chromium makes and removes others. */
function findIn(directory, ...names) {
  if (!fs.existsSync(directory)) return [];
  const files = fs.readdirSync(directory).map((inner) => path.join(directory, inner, ...names));
  return files.filter((file) => fs.existsSync(file));
}

module.exports = { Home, until };
