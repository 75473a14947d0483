'use strict';

/** The app in development mode in a real Electron: its own profile and ports, the real backend. */

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { _electron } = require('playwright-core');
const { electronProgram, missing } = require('./real-electron.js');

const PROJECT = path.join(__dirname, '..', '..');
const BACKEND_NEEDS = 'import fastapi, uvicorn';
const DEADLINE = 60_000; // ms; generous, as the machine may be busy with other things
/** As many as the app tries, and none that the other tests or the system hand out. */
const PORTS = 11;

/** The Python with the backend's requirements, or nothing. */
function backendPython() {
  const venv = path.join(PROJECT, '..', '.venv', 'bin', 'python');
  for (const python of [venv, 'python3']) {
    try {
      execFileSync(python, ['-c', BACKEND_NEEDS], { stdio: 'ignore' });
      return python;
    } catch {
      // the next one
    }
  }
  return undefined;
}

/** Why these tests cannot run here, or false: for `{ skip: unavailable() }`. */
function unavailable() {
  return missing() || (!backendPython() && 'needs a Python with backend/requirements.txt');
}

/**
 * Start the app. `t` ends it and removes its profile.
 * @returns {Promise<object>} `{app, page, profile, environment, status, log}`
 */
async function startApp(t, { environment = {}, waitFor = ['ready', 'healthy'] } = {}) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'peft-e2e-'));
  const env = {
    ...process.env,
    PEFT_STUDIO_PYTHON: backendPython(),
    PEFT_STUDIO_FIRST_PORT: String(await freeRange()),
    PEFT_STUDIO_DATA_DIR: path.join(profile, 'data'),
    ...environment,
  };
  const app = await launch({ executablePath: electronProgram(), args: argsFor(profile), env });
  const main = app.process();
  t.after(async () => {
    if (main.exitCode === null && main.signalCode === null) main.kill('SIGKILL');
    await until(() => !lives(main.pid), 'the app has ended');
    await until(() => removed(profile), 'its profile can be removed'); // helpers end after it
  });
  const page = await app.firstWindow();
  const status = () => page.evaluate(() => window.peftStudio.invoke('backend-status'));
  const reach = (wanted) => reached(status, wanted);
  const log = () => fs.readFileSync(path.join(profile, 'logs', 'peft-studio.log'), 'utf8');
  const started = { app, main, page, profile, environment: env, status, reach, log };
  if (waitFor) started.ready = await reach(waitFor);
  return started;
}

/** Playwright sometimes never gets through to the inspector of an app that runs well: once more then. */
async function launch(options) {
  for (let left = 2; ; left -= 1) {
    try {
      return await _electron.launch({ ...options, timeout: DEADLINE / 2 });
    } catch (error) {
      if (error.name !== 'TimeoutError' || !left) throw error;
    }
  }
}

function argsFor(profile) {
  const sandbox = process.getuid() === 0 ? ['--no-sandbox'] : [];
  return [...sandbox, `--user-data-dir=${profile}`, PROJECT];
}

async function reached(status, wanted) {
  let last;
  return until(
    async () => {
      last = await status();
      const fits = Array.isArray(wanted) ? wanted.includes(last.status) : wanted(last);
      return fits && last;
    },
    () => `${wanted}, but ${JSON.stringify(last)}`,
  );
}

function removed(directory) {
  try {
    fs.rmSync(directory, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

/** The first of a range of ports that are all free. */
async function freeRange() {
  for (let first = 20_000 + (process.pid % 1000) * 10; ; first += PORTS) {
    const ports = Array.from({ length: PORTS }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function until(condition, what = String(condition)) {
  const deadline = Date.now() + DEADLINE;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline)
      throw new Error(`not in time: ${typeof what === 'function' ? what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Whether a process is there and no zombie. */
function lives(pid) {
  try {
    return !/^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

module.exports = { argsFor, lives, startApp, unavailable, until };
