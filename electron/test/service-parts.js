'use strict';

/** What the tests of the service manager share: real processes, real ports, quick times. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { Log } = require('../src/log.js');
const { readSettings } = require('../src/settings.js');
const { systemClock } = require('../src/service/clock.js');
const { ServiceManager } = require('../src/service/manager.js');

const FAKE = path.join(__dirname, 'fakes', 'backend.js');
const DEADLINE = 30_000; // ms; generous, as the machine may be busy with other things

/** Times that let a test be over soon; those that must not pass by accident stay long. */
const QUICK = { healthEvery: 20, beforeRestart: 10, startPoll: 5, stopGrace: 300 };

/** A directory that is removed with the test. */
function temporary(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'peft-desktop-'));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A log that keeps its lines in a temporary directory; `texts()` are those of the app itself. */
function makeLog(t, options = {}) {
  const file = path.join(temporary(t), 'logs', 'test.log');
  const sizes = { fileSize: 1e6, files: 3, kept: 1000 };
  const log = new Log({ file, ...sizes, every: 5, clock: systemClock, ...options });
  t.after(() => log.close());
  log.texts = () => log.newest(1000).map(({ text }) => text);
  return log;
}

/** Free ports, each checked by the system. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** A program that has the port. */
async function occupy(t, port, server = net.createServer()) {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => new Promise((done) => server.close(done)));
}

/** The settings with quick times and ports of this test alone. */
async function quickSettings({ times = {}, ports, ...rest } = {}) {
  const settings = readSettings({});
  return {
    ...settings,
    ports: ports ?? (await freePorts(3)),
    ...rest,
    times: { ...settings.times, ...QUICK, ...times },
  };
}

/** What `locate` answers for the fake backend. */
function fakePlace(more = {}) {
  return {
    mode: 'development',
    path: FAKE,
    command: process.execPath,
    args: [FAKE],
    lifeline: ['--exit-on-stdin-eof'],
    ...more,
  };
}

/** No runtime to verify. */
const noVerification = { runtime: null };

/**
 * A manager with a fake backend, closed with the test. `behaviour` may be changed between starts.
 * @returns {Promise<{manager: ServiceManager, statuses: object[], log: Log, behaviour: object}>}
 */
async function makeManager(t, { behaviour = {}, settings = {}, place = {}, ...options } = {}) {
  const log = makeLog(t);
  const environment = { ...process.env };
  Object.defineProperty(environment, 'BEHAVIOUR', {
    enumerable: true,
    get: () => JSON.stringify(behaviour),
  });
  const manager = new ServiceManager({
    locate: async () => fakePlace(place),
    verification: noVerification,
    settings: await quickSettings(settings),
    origin: 'app://peft-studio',
    environment,
    log,
    ...options,
  });
  const statuses = [];
  manager.on('status', (status) => statuses.push(status));
  t.after(() => manager.close());
  return { manager, statuses, log, behaviour };
}

/** The first status that fits, also when it was already there. */
async function statusOf(manager, fits, statuses) {
  const wanted = typeof fits === 'string' ? ({ status }) => status === fits : fits;
  const found = (statuses ?? [manager.status]).find(wanted);
  if (found) return found;
  return new Promise((resolve, reject) => {
    const seen = [];
    const timer = setTimeout(() => reject(new Error(`not seen: ${fits}; ${seen}`)), DEADLINE);
    const listener = (status) => {
      seen.push(status.status);
      if (!wanted(status)) return;
      clearTimeout(timer);
      manager.off('status', listener);
      resolve(status);
    };
    manager.on('status', listener);
  });
}

/** Wait until a condition holds. */
async function until(condition, what = String(condition)) {
  const deadline = Date.now() + DEADLINE;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a process is there and no zombie. */
function lives(pid) {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    return !/^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

module.exports = {
  FAKE,
  fakePlace,
  freePorts,
  lives,
  makeLog,
  makeManager,
  occupy,
  quickSettings,
  readSettings,
  statusOf,
  temporary,
  until,
};
