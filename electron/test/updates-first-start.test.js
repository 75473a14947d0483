'use strict';

/** The first start of a new version and its guard, with real files and real processes. */

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const exchange = require('../src/updates/exchange.js');
const { guardUpdate } = require('../src/updates/guard.js');
const processes = require('../src/updates/processes.js');
const { readState, writeState } = require('../src/updates/state.js');
const { Trial } = require('../src/updates/trial.js');
const {
  IGNORED,
  NOBODY_LOGS,
  PENDING,
  namesIn,
  setup,
  waitForFile,
} = require('./update-scripts.js');

/** A guard over real processes; the apps are the scripts of `setup`. */
function guarding(around, limits = {}) {
  writeState(around.file, { ...PENDING, target: around.target });
  return guardUpdate({
    read: () => readState(around.file),
    write: (state) => writeState(around.file, state),
    files: exchange,
    start: processes.start,
    isRunning: processes.isRunning,
    kill: processes.killGroup,
    args: ['--flag'],
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    limits: { begin: 60_000, prove: 60_000, poll: 10, ...limits },
    log: NOBODY_LOGS,
  });
}

async function exchanged(t, scripts) {
  const around = setup(t, scripts);
  await exchange.prepare(around);
  exchange.exchange(around.target);
  return around;
}

const SAYS = (phase) =>
  `echo '{"phase":"${phase}","from":"0.1.0","to":"0.2.0"}' > "$place/data/half"; ` +
  'mv "$place/data/half" "$place/data/update.json"';
const COMES_BACK = 'echo "back $*" > "$place/back.half"; mv "$place/back.half" "$place/back"';

test('a new version that proves itself is left alone', IGNORED, async (t) => {
  const fresh = `echo $$ > "$place/pid"; ${SAYS('confirmed')}; exec sleep 1000`;
  const around = await exchanged(t, { fresh });
  assert.equal(await guarding(around), 'settled');
  const pid = Number(around.content('pid'));
  t.after(() => processes.killGroup(pid));
  assert.equal(around.content('App.AppImage'), around.fresh);
  assert.equal(processes.isRunning(pid), true);
});

for (const [what, fresh] of Object.entries({
  'ends before its first line': 'exit 1',
  'crashes after it began': `${SAYS('started')}; kill -SEGV $$`,
})) {
  test(`a new version that ${what} is put back, and the old one starts`, IGNORED, async (t) => {
    const around = await exchanged(t, { old: COMES_BACK, fresh });
    assert.equal(await guarding(around), 'put-back');
    await waitForFile(path.join(around.place, 'back'));
    assert.equal(around.content('back'), 'back --flag\n');
    const { phase, reason } = readState(around.file);
    assert.deepEqual(
      [phase, reason],
      ['put-back', '0.2.0 failed on its first start: it ended before it was proven'],
    );
    assert.equal(around.content('App.AppImage'), around.old);
  });
}

test('a new version that cannot even be started is put back', IGNORED, async (t) => {
  const around = await exchanged(t, { old: COMES_BACK });
  fs.chmodSync(around.target, 0o644);
  fs.writeFileSync(around.target, 'no program');
  assert.equal(await guarding(around), 'put-back');
  await waitForFile(path.join(around.place, 'back'));
});

test('a new version that hangs is ended and put back', IGNORED, async (t) => {
  const fresh = 'echo $$ > "$place/pid.half"; mv "$place/pid.half" "$place/pid"; sleep 1000';
  const around = await exchanged(t, { old: COMES_BACK, fresh });
  const outcome = guarding(around, { begin: 500 });
  await waitForFile(path.join(around.place, 'pid'));
  const pid = Number(around.content('pid'));
  assert.equal(await outcome, 'put-back');
  await waitForFile(path.join(around.place, 'back'));
  assert.match(readState(around.file).reason, /did not begin/);
  assert.equal(processes.isRunning(pid), false);
});

test('a user who quits the new version before it is proven keeps it', IGNORED, async (t) => {
  const around = await exchanged(t, { fresh: `${SAYS('started')}; ${SAYS('left')}` });
  assert.equal(await guarding(around), 'settled');
  assert.equal(around.content('App.AppImage'), around.fresh);
});

test('a guard without an update to guard does nothing', IGNORED, async (t) => {
  const around = setup(t, { old: COMES_BACK });
  const parts = { read: () => undefined, log: NOBODY_LOGS };
  assert.equal(await guardUpdate(parts), 'none');
  assert.deepEqual(namesIn(around.place), ['App.AppImage', 'downloaded']);
});

/** A trial over real files. */
async function trying(t, verified) {
  const around = await exchanged(t);
  const started = [];
  const trial = new Trial({
    state: { ...PENDING, target: around.target },
    write: (state) => writeState(around.file, state),
    service: { verify: async () => verified },
    files: exchange,
    log: NOBODY_LOGS,
    startAgain: async (file) => started.push(file),
  });
  trial.begin();
  return { ...around, trial, started, phase: () => readState(around.file).phase };
}

test('the version before goes when the runtime is verified and answers', IGNORED, async (t) => {
  const { trial, place, phase } = await trying(t, { verified: true });
  assert.equal(phase(), 'started');
  await trial.onStatus({ status: 'starting' });
  assert.ok(namesIn(place).includes('App.AppImage.previous'));
  await trial.onStatus({ status: 'ready' });
  assert.equal(phase(), 'confirmed');
  assert.equal(namesIn(place).includes('App.AppImage.previous'), false);
  await trial.onStatus({ status: 'failed', code: 'MAX_RESTARTS_EXCEEDED', error: 'later' });
  assert.equal(phase(), 'confirmed', 'what comes later is no longer the update');
});

for (const [what, verified, payload] of [
  ['is not what was signed', {}, { status: 'error', code: 'INTEGRITY_FAILED', error: 'x.py' }],
  ['keeps crashing', {}, { status: 'failed', code: 'MAX_RESTARTS_EXCEEDED', error: 'crash' }],
  [
    'answers and is not what was signed',
    { verified: false, code: 'INTEGRITY_FAILED', error: 'x.py' },
    { status: 'ready' },
  ],
]) {
  test(`the version before comes back when the runtime ${what}`, IGNORED, async (t) => {
    const { trial, content, old, started, target, file } = await trying(t, verified);
    await trial.onStatus(payload);
    assert.equal(content('App.AppImage'), old);
    assert.deepEqual(started, [target]);
    const { phase, reason } = readState(file);
    assert.equal(phase, 'put-back');
    assert.match(reason, /^0\.2\.0 failed on its first start: /);
    trial.onQuit();
    assert.equal(readState(file).phase, 'put-back', 'quitting does not hide it');
  });
}

test('what is not the new version’s fault is not held against it', IGNORED, async (t) => {
  const { trial, content, fresh, started, phase } = await trying(t, { verified: true });
  await trial.onStatus({ status: 'error', code: 'NO_AVAILABLE_PORTS', error: 'taken' });
  assert.equal(content('App.AppImage'), fresh);
  assert.deepEqual(started, []);
  trial.onQuit();
  assert.equal(phase(), 'left');
});

test('a start that has to wait for another process waits until it is gone', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: 'pipe' });
  await once(child, 'spawn');
  assert.equal(processes.waitForEnd(child.pid, 100), false);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  assert.equal(processes.waitForEnd(child.pid, 20_000), true);
  await gone;
});

test(
  'a process that will not end can be ended, so that the next one gets its place',
  IGNORED,
  async (t) => {
    const around = setup(t, { old: 'trap "" TERM; while :; do sleep 1; done' });
    const child = await processes.start(around.target, []);
    t.after(() => processes.killGroup(child.pid));
    assert.equal(processes.isRunning(child.pid), true);
    processes.killOne(child.pid);
    assert.equal(processes.waitForEnd(child.pid, 20_000), true);
    processes.killOne(child.pid); // one that is gone is no error
  },
);

test('our own arguments are taken out, all others handed on', () => {
  const argv = ['--a', '--guard-update', '--after-process=77', 'file'];
  assert.deepEqual(processes.ownArguments(argv), { after: 77, guard: true, rest: ['--a', 'file'] });
  assert.deepEqual(processes.ownArguments(['--after-process=x']), { guard: false, rest: [] });
  assert.deepEqual(processes.ownArguments(['--after-process=-1']), { guard: false, rest: [] });
});
