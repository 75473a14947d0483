'use strict';

/** The backend's process: started, listened to, and ended with all that it started. */

const { BackendError } = require('../failures.js');
const { within } = require('./clock.js');
const { LineReader } = require('./output.js');

/** Milliseconds for output that is still on its way when the process has ended. */
const DRAIN = 500;
/** Milliseconds in which a killed process has to be gone; a hung disk can keep it longer. */
const GONE = 5000;
/** Lines that are kept to be shown with a failure. */
const TAIL = 20;

/**
 * @typedef {object} Exit
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 */

/** A running child. */
class Child {
  #process;
  #platform;
  #group;
  #spawn;
  #clock;

  /** Use `startChild`. */
  constructor({ process, platform, group, spawn, clock }) {
    this.#process = process;
    this.#platform = platform;
    this.#group = group;
    this.#spawn = spawn;
    this.#clock = clock;
    /** @type {string[]} the newest lines, oldest first */
    this.tail = [];
    /** @type {Exit | undefined} */
    this.exit = undefined;
    /** @type {Promise<Exit>} */
    this.exited = new Promise((resolve) => {
      process.once('exit', (code, signal) => {
        this.exit = { code, signal };
        if (group) this.#signal('SIGKILL'); // whoever it has left behind
        resolve(this.exit);
      });
    });
    const closed = new Promise((resolve) => process.once('close', resolve));
    const drained = () => within(clock, closed, DRAIN);
    /** @type {Promise<Exit>} the same, once its last output was read */
    this.finished = this.exited.then(drained).then(() => this.exit);
  }

  get pid() {
    return this.#process.pid;
  }

  /**
   * Ask it to end, and end it when it does not.
   * @param {number} grace milliseconds; 0 ends it at once
   * @returns {Promise<void>} when it is gone
   */
  async stop(grace) {
    if (this.exit) return;
    if (grace > 0 && this.#platform !== 'win32') {
      this.#signal('SIGTERM');
      await within(this.#clock, this.exited, grace);
    }
    if (!this.exit) this.killNow();
    await within(this.#clock, this.exited, GONE);
  }

  /** End it without waiting: also for moments in which nothing can be waited for. */
  killNow() {
    if (this.exit) return;
    // Packaged, the launcher's job ends the family. A bare Python on Windows has none.
    if (this.#platform === 'win32' && this.#group) {
      this.#spawn('taskkill', ['/PID', String(this.pid), '/T', '/F'], { windowsHide: true });
    } else {
      this.#signal('SIGKILL');
    }
  }

  #signal(name) {
    try {
      if (this.#group && this.#platform !== 'win32') process.kill(-this.pid, name);
      else this.#process.kill(name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error; // gone already
    }
  }
}

/**
 * Start a process.
 * @param {object} options
 * @param {string} options.command
 * @param {string[]} options.args
 * @param {Record<string, string>} options.environment
 * @param {boolean} options.group it gets a process group of its own, which is ended with it; the
 *   launcher does this better, so only a bare Python needs it
 * @param {NodeJS.Platform} options.platform
 * @param {typeof import('node:child_process').spawn} options.spawn
 * @param {import('./clock.js').Clock} options.clock
 * @param {string} [options.wanted] standard output with this text is passed on in any flood
 * @param {string} options.secret never passed on
 * @param {(stream: 'stdout' | 'stderr', text: string) => void} options.onLine
 * @param {(lines: number) => void} options.onDropped
 * @returns {Promise<Child>}
 * @throws {BackendError} EXECUTABLE_NOT_FOUND, PERMISSION_DENIED, PROCESS_START_FAILED
 */
async function startChild(options) {
  const process = await spawned(options);
  // A lifeline: it is never written to, and ends with this process, however that ends.
  process.stdin.on('error', () => {});
  const child = new Child({ ...options, process });
  for (const stream of ['stdout', 'stderr']) listen(process[stream], stream, child, options);
  return child;
}

function listen(readable, stream, child, { clock, onLine, onDropped, secret, wanted }) {
  const reader = new LineReader({
    clock,
    onDropped,
    wanted: stream === 'stdout' ? wanted : undefined,
    onLine: (line) => {
      const text = line.replaceAll(secret, '[secret]');
      child.tail.push(text);
      if (child.tail.length > TAIL) child.tail.shift();
      onLine(stream, text);
    },
  });
  readable.on('data', (chunk) => reader.push(chunk));
  readable.on('end', () => reader.end());
  readable.on('error', () => reader.end());
}

function spawned({ spawn, command, args, environment, group, platform }) {
  const options = {
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
    detached: group && platform !== 'win32',
  };
  return new Promise((resolve, reject) => {
    const fail = (error) => reject(spawnFailure(error, command));
    try {
      const process = spawn(command, args, options);
      process.once('error', fail);
      process.once('spawn', () => {
        process.off('error', fail);
        process.on('error', () => {}); // a signal that could not be sent
        resolve(process);
      });
    } catch (error) {
      fail(error);
    }
  });
}

const SPAWN_CODES = {
  ENOENT: ['EXECUTABLE_NOT_FOUND', 'cannot be found'],
  ENOTDIR: ['EXECUTABLE_NOT_FOUND', 'cannot be found'],
  EACCES: ['PERMISSION_DENIED', 'may not be started'],
  EPERM: ['PERMISSION_DENIED', 'may not be started'],
};

function spawnFailure(error, path) {
  const [code, what] = SPAWN_CODES[error.code] ?? ['PROCESS_START_FAILED', 'could not be started'];
  return new BackendError(code, `${path} ${what} (${error.code ?? error.message})`, { path });
}

module.exports = { startChild };
