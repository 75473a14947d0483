'use strict';

/** What main would say, for the window's tests, its pictures and its demonstration. */

const TREE = '5b1f0c3e9a7d42868c0f3a11e2b94d7765aa01c9f3de8b20417c6d9e8f02ab34';
const RUNTIME = Object.freeze({
  product: 'peft_engine',
  version: '0.1.0',
  epoch: 3,
  platform: 'linux-x64',
  tree: TREE,
  purpose: 'release',
  level: 'quick',
  checked: Date.UTC(2026, 10, 24, 15, 40, 7),
});
const PHASES = Object.freeze([
  { name: 'verify', milliseconds: 64 },
  { name: 'port', milliseconds: 3 },
  { name: 'spawn', milliseconds: 9 },
  { name: 'listen', milliseconds: 612 },
  { name: 'health', milliseconds: 11 },
]);
const STARTUP = 699;
const PROCESS = Object.freeze({ port: 8000, pid: 48213 });

/** Answers to what the window asks when a test does not say other ones. */
const ANSWERS = Object.freeze({
  'backend-status': null,
  'backend-restart': null,
  'backend-force-restart': null,
  'backend-health-check': { healthy: true, responseTime: 4 },
  'backend-get-logs': {
    lines: [],
    file: '/home/ada/.local/share/PEFT Studio/logs/app.log',
    dropped: 0,
  },
  'backend-check-port': { port: 8000, free: true },
  'backend-verify': {
    verified: true,
    runtime: { ...RUNTIME, level: 'full' },
    files: 3391,
    bytes: 143_200_000,
    milliseconds: 412,
  },
  'open-log-file': { opened: true, file: 'app.log' },
  'get-app-version': {
    version: '0.1.0',
    electron: '42.0.0',
    chrome: '148.0.0',
    node: '24.15.0',
    runtime: RUNTIME,
    packaged: true,
    platform: 'linux-x64',
  },
  'check-for-updates': null,
  'download-update': null,
  'install-update': null,
});

function starting(phase, at) {
  const done = PHASES.slice(
    0,
    PHASES.findIndex(({ name }) => name === phase),
  );
  const path = '/opt/PEFT Studio/resources/backend/peft_engine';
  return { status: 'starting', at, phase, phases: done, mode: 'packaged', path };
}

function ready(at) {
  const times = { startupTime: STARTUP, startupSeconds: STARTUP / 1000 };
  return {
    status: 'ready',
    at,
    ...PROCESS,
    ...times,
    phases: PHASES,
    mode: 'packaged',
    runtime: RUNTIME,
  };
}

/** The `number`th check of a run that began at `since`; times look like real ones. */
function healthy(number, since) {
  const responseTime = 2 + ((number * 7) % 5) + (number % 17 === 9 ? 38 : 0);
  const at = since + 5000 * number;
  return {
    status: 'healthy',
    at,
    ...PROCESS,
    uptimeSeconds: 5 * number,
    responseTime,
    runtime: RUNTIME,
  };
}

const INTEGRITY = Object.freeze({
  error: 'lib/python3.12/site-packages/pydantic/main.py: its content is not what was signed',
  code: 'INTEGRITY_FAILED',
  title: 'The installation was changed',
  advice: 'It is not used any further. Please reinstall; your data is kept.',
  actions: ['verify', 'reinstall', 'open-log'],
  details: {
    files: [
      {
        path: 'lib/python3.12/site-packages/pydantic/main.py',
        id: 'digest',
        reason: 'other content',
      },
      { path: 'lib/python3.12/site-packages/uvicorn/config.py', id: 'size', reason: 'other size' },
      { path: 'bin/python3.12', id: 'missing', reason: 'missing' },
    ],
    count: 14,
  },
});

const CRASHED = Object.freeze({
  error: 'peft_engine ended with exit code 1 before it was ready',
  code: 'PROCESS_START_FAILED',
  title: 'The engine ended while it started',
  advice: 'Retry. If it happens again, the log says why.',
  actions: ['retry', 'verify', 'open-log'],
  details: {
    exitCode: 1,
    signal: null,
    output: [
      'Traceback (most recent call last):',
      '  File "backend/peft_studio/server.py", line 41, in serve',
      '    data = open_data_dir(settings.data_dir)',
      "PermissionError: [Errno 13] Permission denied: '/home/ada/.local/share/PEFT Studio'",
    ],
  },
});

const UPDATE = Object.freeze({
  version: '0.2.0',
  releaseDate: '2026-11-20T09:00:00.000Z',
  notes: 'Starts 0.2 s faster.\nModels of 8 GB and more load without copying.',
  size: 84_200_000,
});

const LINES = [
  ['app', 'info', 'PEFT Studio 0.1.0, packaged, linux-x64'],
  ['app', 'info', 'runtime verified: exe level, 4 files in 64 ms'],
  ['app', 'info', 'starting peft_engine on port 8000'],
  ['stderr', undefined, 'INFO:     Started server process [48213]'],
  ['stderr', undefined, 'INFO:     Waiting for application startup.'],
  ['stderr', undefined, 'INFO:     Application startup complete.'],
  ['stdout', undefined, '{"event":"ready","port":8000,"pid":48213}'],
  ['app', 'info', 'ready after 699 ms'],
  ['stderr', undefined, 'INFO:     127.0.0.1:51344 - "GET /api/dependencies HTTP/1.1" 200 OK'],
  ['stderr', undefined, 'WARNING:  bitsandbytes is not installed: 8-bit loading is off'],
  ['stderr', undefined, 'INFO:     127.0.0.1:51344 - "GET /api/models HTTP/1.1" 200 OK'],
  ['stderr', undefined, 'ERROR:    model "tiny-llama" was not found in the data directory'],
  ['app', 'info', 'runtime verified: quick level, 3391 files in 118 ms'],
];

/** A log as it looks after a start that began at `at`. */
function log(at) {
  return LINES.map(([stream, level, text], place) => ({
    at: at + 61 * place,
    stream,
    level,
    text,
  }));
}

/** The demonstration: one state after the other, in the window itself. */
async function play(window) {
  const push = (channel, payload) => window.webContents.send('push', channel, payload);
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  for (const { name } of PHASES) {
    push('backend-status', starting(name, Date.now()));
    await pause(700);
  }
  push('backend-log', { lines: log(Date.now()), dropped: 0 });
  push('backend-status', ready(Date.now()));
  for (let number = 0; number < 58; number++) {
    push('backend-status', healthy(number, Date.now() - 5000 * number));
    await pause(50);
  }
  push('update-available', UPDATE);
  await pause(4000);
  push('backend-status', {
    status: 'unhealthy',
    at: Date.now(),
    misses: 1,
    limit: 3,
    error: 'time-out',
  });
  await pause(2000);
  const crash = { attempt: 1, maxAttempts: 3, error: CRASHED.error, code: CRASHED.code };
  push('backend-status', { status: 'restarting', at: Date.now(), ...crash });
  await pause(3000);
  push('backend-status', { status: 'error', at: Date.now(), ...INTEGRITY });
}

module.exports = {
  ANSWERS,
  CRASHED,
  INTEGRITY,
  RUNTIME,
  UPDATE,
  healthy,
  log,
  play,
  ready,
  starting,
};
