'use strict';

/** One run of the packaged app: its own home, ports and log, driven through Playwright. */

const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { _electron } = require('playwright-core');
const { MARK, familyOf, kill, processesOf, until } = require('./processes.js');

/** How many ports the app tries; src/settings.js. */
const PORTS = 11;
/** Milliseconds to attach to an app that has been started; usually two thousand. */
const PATIENCE = 10_000;
/** Where screenshots go when this names a directory. */
const SHOTS = process.env.PEFT_STUDIO_E2E_SHOTS;

/** A run. Use `startDesktop`. */
class Desktop {
  constructor(fields) {
    Object.assign(this, fields);
    this.pid = this.electron.process().pid;
    /** `{code, signal}` once the main process is gone. */
    this.exit = undefined;
    this.electron.process().once('exit', (code, signal) => (this.exit = { code, signal }));
  }

  /** The window's page; it is there when its script runs. */
  async page() {
    this.window ??= await this.electron.firstWindow();
    await until('its script runs', async () => (await this.window.title()).includes('–'));
    return this.window;
  }

  /** Ask main as the window does. */
  async ask(channel, argument) {
    const page = await this.page();
    return page.evaluate(
      ([name, value]) => globalThis.peftStudio.invoke(name, value),
      [channel, argument],
    );
  }

  /** The newest status, once it is one of these; it never will be after another failure. */
  async reaches(...names) {
    const seen = [];
    return until(
      `the status is ${names.join(' or ')}`,
      async () => {
        const status = await this.ask('backend-status');
        if (seen.at(-1) !== status.status) seen.push(status.status);
        if (names.includes(status.status)) return status;
        if (status.status !== 'error') return undefined;
        throw new Error(`${status.code} instead of ${names.join(' or ')}: ${status.error}`);
      },
      () => ({ seen, log: this.log().slice(-10) }),
    );
  }

  /** Ready, or healthy after it. */
  runs() {
    return this.reaches('ready', 'healthy');
  }

  /** Wait until the window shows a text in a place. */
  async shows(selector, text) {
    const place = (await this.page()).locator(selector);
    let found = '';
    const isThere = async () => {
      found = (await place.allTextContents()).join('\n');
      return found.includes(text);
    };
    await until(`${selector} shows "${text}"`, isThere, () => found);
    return found;
  }

  /** Run a function in the main process. */
  main(f, argument) {
    return this.electron.evaluate(f, argument);
  }

  /** The log file's lines. */
  log() {
    const file = path.join(this.home, 'config', 'peft-studio-desktop', 'logs', 'peft-studio.log');
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  }

  family() {
    return familyOf(this.mark);
  }

  /** A picture of the window, where somebody wants it. */
  async shot(name) {
    if (!SHOTS) return;
    fs.mkdirSync(SHOTS, { recursive: true });
    await (await this.page()).screenshot({ path: path.join(SHOTS, `${name}.png`) });
  }

  /** Wait until there is no process of it; how main ended. */
  async nothingLeft() {
    await until(
      'no process is left',
      () => this.exit && processesOf(this.mark).length === 0,
      () => processesOf(this.mark),
    );
    return this.exit;
  }

  /** Quit as a person does. */
  async quit() {
    await this.main(({ app }) => app.quit()).catch(() => {}); // it may be gone before it answers
    return this.nothingLeft();
  }

  /** End whatever is left, after a test that failed too, and remove what it wrote. */
  async clean() {
    for (const { pid } of processesOf(this.mark)) kill(pid);
    await until('all of it is gone', () => processesOf(this.mark).length === 0);
    fs.rmSync(this.home, { recursive: true, force: true, maxRetries: 10 });
  }
}

/**
 * Start the app.
 * @param {string} app directory of the packaged app
 * @param {object} [options]
 * @param {number} [options.firstPort]
 * @param {Record<string, string>} [options.environment] more of it
 * @param {string} [options.home] of an earlier run
 * @returns {Promise<Desktop>} to be cleaned
 */
async function startDesktop(app, { firstPort, environment = {}, home } = {}) {
  const own = home ?? fs.mkdtempSync(path.join(os.tmpdir(), 'peft-studio-'));
  const mark = path.basename(own);
  const first = firstPort ?? (await freePorts());
  const launched = await launch({
    timeout: PATIENCE,
    executablePath: path.join(app, 'peft-studio'),
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
    chromiumSandbox: process.getuid() !== 0,
    env: {
      ...process.env,
      HOME: own,
      XDG_CONFIG_HOME: path.join(own, 'config'),
      XDG_DATA_HOME: path.join(own, 'data'),
      XDG_CACHE_HOME: path.join(own, 'cache'),
      XDG_STATE_HOME: path.join(own, 'state'),
      PEFT_STUDIO_FIRST_PORT: String(first),
      [MARK]: mark,
      ...environment,
    },
  });
  return new Desktop({ ...launched, mark, home: own, firstPort: first, app });
}

/** Playwright waits for ever for the page when it attaches in the middle of its first navigation. */
async function launch(options, tries = 4) {
  const startedAt = Date.now();
  try {
    return { electron: await _electron.launch(options), startedAt };
  } catch (error) {
    if (error.name !== 'TimeoutError' || tries === 1) throw error;
    console.log(`# not attached: ${error.message.split('\n')[0]} Once more.`);
    return launch(options, tries - 1);
  }
}

/** The first of as many free ports in a row as the app tries, below those the system hands out. */
async function freePorts() {
  for (;;) {
    const first = crypto.randomInt(20_000, 32_000 - PORTS);
    const ports = Array.from({ length: PORTS }, (_, index) => first + index);
    const taken = await Promise.all(ports.map((port) => take(port).catch(() => undefined)));
    await Promise.all(taken.filter(Boolean).map(release));
    if (taken.every(Boolean)) return first;
  }
}

/**
 * Take a port as another program would.
 * @param {number} port
 * @returns {Promise<net.Server>}
 */
function take(port) {
  const server = net.createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, () => resolve(server));
  });
}

/** Give a port back. */
function release(server) {
  return new Promise((resolve) => server.close(resolve));
}

module.exports = { PATIENCE, PORTS, freePorts, launch, release, startDesktop, take };
