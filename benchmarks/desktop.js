'use strict';

/**
 * What the packaged desktop app costs: until it is ready, while it verifies, and after an hour.
 *
 *     xvfb-run -a node benchmarks/desktop.js
 *
 * Medians of RUNS runs in turn, into docs/benchmarks.md. The app is packaged as in its tests, with
 * the runtime in backend/dist/linux-x64.
 */

const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

const E2E = path.join(__dirname, '../electron/test/e2e');
const { freePorts, startDesktop } = require(path.join(E2E, 'desktop.js'));
const { electronProgram } = require(path.join(E2E, 'real-electron.js'));
const { launcherOf, packagedApp, unavailable } = require(path.join(E2E, 'packaged.js'));
const { _electron } = require(path.join(E2E, '../../node_modules/playwright-core'));

const DOCS = path.join(__dirname, '../docs/benchmarks.md');
const RUNS = 5;
/** Health checks of an hour, one every five seconds. */
const CHECKS = 720;
/** By how much the pause between two checks is shortened. */
const FASTER = 250;
const VERIFICATIONS = 10;
const MB = 1e6;

async function main() {
  if (unavailable()) throw new Error(unavailable());
  const app = packagedApp();
  record('desktop-start', await startTable(app));
  const desktop = await startDesktop(app);
  try {
    await desktop.runs();
    record('desktop-verify', await verifyTable(desktop));
    record('desktop-memory', await memoryTable(desktop));
  } finally {
    await desktop.clean();
  }
}

/** Starts of the app and of its launcher alone, in turn. */
async function startTable(app) {
  await byHand(app); // warm
  const hand = [];
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) {
    hand.push(await byHand(app));
    runs.push(await oneStart(app));
  }
  const alone = median(hand);
  const of = (name) => median(runs.map((run) => run[name]));
  const rows = [
    ['the launcher started by hand, until it answers', alone],
    ['the app: from the check of the files until it answers', of('start')],
    ["the app's own share: the difference", of('start') - alone],
    ...['verify', 'port', 'spawn', 'listen', 'health'].map((name) => [`of it: ${name}`, of(name)]),
    ['a restart in the running app, the same', of('restart')],
    ['its own share: the difference', of('restart') - alone],
    ['the program started until its window shows something', of('visible')],
    ['the window shows something until ready', of('visibleToReady')],
    ['the program started until ready', of('ready')],
  ];
  return table(
    ['', 'ms'],
    rows.map(([name, value]) => [name, Math.round(value)]),
  );
}

async function oneStart(app) {
  const desktop = await startDesktop(app);
  const began = desktop.startedAt;
  try {
    const { phases, startupTime, at } = await desktop.reaches('ready', 'healthy');
    const page = await desktop.page();
    const painted = await page.evaluate(async () => {
      const paint = () => globalThis.performance.getEntriesByName('first-contentful-paint')[0];
      while (!paint()) await new Promise((resolve) => setTimeout(resolve, 10));
      return globalThis.performance.timeOrigin + paint().startTime;
    });
    const restarted = await desktop.ask('backend-restart');
    return {
      ...Object.fromEntries(phases.map(({ name, milliseconds }) => [name, milliseconds])),
      start: startupTime,
      restart: restarted.startupTime,
      visible: painted - began,
      visibleToReady: at - painted,
      ready: at - began,
    };
  } finally {
    await desktop.clean();
  }
}

/** Milliseconds from starting the launcher until the backend answers. */
async function byHand(app) {
  const port = await freePorts();
  const words = ['--runtime-exit-on-stdin-eof', '--host', '127.0.0.1', '--port', String(port)];
  const env = { ...process.env, PEFT_STUDIO_TOKEN: crypto.randomBytes(32).toString('hex') };
  const began = performance.now();
  const child = spawn(launcherOf(app), words, { env, stdio: ['pipe', 'ignore', 'ignore'] });
  while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 2));
  const took = performance.now() - began;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await gone;
  return took;
}

function answers(port) {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, path: '/api/health' }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    });
    request.on('error', () => resolve(false));
  });
}

/** Main's event loop and the page's frames, idle and while the runtime is verified. */
async function verifyTable(desktop) {
  const rows = [];
  for (const level of [undefined, 'quick', 'full']) {
    const work = desktop.main(watchMain, { level, times: VERIFICATIONS });
    const page = await desktop.page();
    const frames = await page.evaluate(watchFrames, 2000);
    const loop = await work;
    rows.push([
      level ? `\`${level}\`, ${VERIFICATIONS} times in a row` : 'idle',
      level ? Math.round(loop.each) : '',
      loop.p99.toFixed(1),
      loop.max.toFixed(1),
      Math.round(frames.longest),
      `${frames.late} of ${frames.count}`,
    ]);
  }
  const heads = ['', 'ms each', 'event loop, 99 of 100', 'longest', 'longest frame', 'late frames'];
  return table(heads, rows);
}

/** Runs in the main process: verifies, and watches the event loop meanwhile. */
async function watchMain({ app }, { level, times }) {
  const load = process.mainModule.require.bind(process.mainModule);
  const { monitorEventLoopDelay } = load('node:perf_hooks');
  const { verifyTree } = load('./src/manifest-verify.js');
  const { readTrust } = load('./src/service/trust.js');
  const trust = readTrust(`${app.getAppPath()}/trust`);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  if (!level) await new Promise((resolve) => setTimeout(resolve, 2000));
  for (let run = 0; level && run < times; run += 1) {
    await verifyTree(`${process.resourcesPath}/backend`, trust, { level, platform: 'linux-x64' });
  }
  delay.disable();
  const each = (performance.now() - began) / times;
  return { each, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
}

/** Runs in the page: frames later than one and a half of a sixtieth of a second. */
function watchFrames(milliseconds) {
  return new Promise((resolve) => {
    const times = [];
    const next = (now) => {
      times.push(now);
      if (now - times[0] < milliseconds) return globalThis.requestAnimationFrame(next);
      const gaps = times.slice(1).map((time, index) => time - times[index]);
      const late = gaps.filter((gap) => gap > 25).length;
      return resolve({ count: gaps.length, late, longest: Math.max(...gaps) });
    };
    globalThis.requestAnimationFrame(next);
  });
}

/** The main process before and after an hour's health checks, the pauses between them shortened. */
async function memoryTable(desktop) {
  const rows = [
    ['an Electron with an empty window', ...(await emptyElectron())],
    ['PEFT Studio, started', ...memoryOf(desktop.pid)],
  ];
  const page = await desktop.page();
  await page.evaluate(() => {
    globalThis.checks = 0;
    globalThis.peftStudio.on('backend-status', () => (globalThis.checks += 1));
  });
  await desktop.main((_electron, faster) => {
    const { setTimeout: real } = globalThis;
    globalThis.setTimeout = (f, pause, ...rest) =>
      real(f, pause > 4000 ? pause / faster : pause, ...rest);
  }, FASTER);
  const seen = () => page.evaluate(() => globalThis.checks);
  while ((await seen()) < CHECKS) await new Promise((resolve) => setTimeout(resolve, 500));
  rows.push([`PEFT Studio, after ${await seen()} health checks`, ...memoryOf(desktop.pid)]);
  return table(['', 'resident, MB', 'of it private', 'proportional'], rows);
}

/** The memory of an Electron whose main process does nothing but open a window. */
async function emptyElectron() {
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'empty-'));
  const open = "const { app, BrowserWindow } = require('electron');\n";
  const show = "app.whenReady().then(() => new BrowserWindow().loadURL('about:blank'));\n";
  fs.writeFileSync(path.join(place, 'index.js'), open + show);
  fs.writeFileSync(path.join(place, 'package.json'), '{"main": "index.js"}');
  const args = ['--no-sandbox', `--user-data-dir=${path.join(place, 'data')}`, place];
  const electron = await _electron.launch({ executablePath: electronProgram(), args });
  await electron.firstWindow();
  const found = memoryOf(electron.process().pid);
  await electron.close();
  fs.rmSync(place, { recursive: true });
  return found;
}

/** Megabytes: resident, its anonymous part, and with shared pages divided among those who map them. */
function memoryOf(pid) {
  const read = (file, name) => {
    const text = fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
    return (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)[1]) * 1024) / MB;
  };
  const found = [read('status', 'VmRSS'), read('status', 'RssAnon'), read('smaps_rollup', 'Pss')];
  return found.map(Math.round);
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Into the documentation, between the marks of that name. */
function record(name, text) {
  console.log(`${name}\n${text}\n`);
  const [begin, end] = ['begin', 'end'].map((word) => `<!-- ${name}: ${word} -->`);
  const before = fs.readFileSync(DOCS, 'utf8');
  const [head, rest] = before.split(begin);
  if (!rest?.includes(end)) throw new Error(`${DOCS} has no place for ${name}`);
  fs.writeFileSync(DOCS, `${head}${begin}\n${text}\n${rest.slice(rest.indexOf(end))}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
