'use strict';

/** `npm run dist` for this machine: what it packs is looked at, and started with the fuses as shipped. */

const assert = require('node:assert/strict');
const { execFileSync, spawn, spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { FuseV1Options, getCurrentFuseWire } = require('@electron/fuses');
const { readAsar } = require('../../scripts/asar.js');
const { findPackager } = require('../../src/builder/tools.js');
const { electronDist, missing, unless } = require('./real-electron.js');

const ELECTRON = path.join(__dirname, '..', '..');
const PROJECT = path.dirname(ELECTRON);
const ASSEMBLED = path.join(PROJECT, 'backend', 'dist', 'linux-x64');
const OUTPUT = path.join(ELECTRON, 'dist', 'linux-x64');
const UNPACKED = path.join(OUTPUT, 'linux-unpacked');
const PROGRAM = path.join(UNPACKED, 'peft-studio');
const PATIENCE = 120_000;

/** What stands in a program's fuse wire: the digits 0 and 1. */
const [OFF, ON] = [48, 49];

const SEVEN = spawnSync('which', ['7za'], { encoding: 'utf8' }).stdout.trim();
const skip =
  missing() || (!SEVEN && unless('7za is installed (apt install p7zip-full)')) || toolMissing();

let scratch;
let said;

function toolMissing() {
  const { error } = spawnSync(findPackager(PROJECT), ['--version']);
  return error ? unless('runtime-packager is installed (make assemble)') : false;
}

before(
  () => {
    if (skip) return;
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'packaging-'));
    const env = {
      ...process.env,
      RUNTIME_PACKAGER_ELECTRON_DIST: electronDist(),
      ELECTRON_BUILDER_7ZIP_PATH: SEVEN,
    };
    const words = ['scripts/dist.js', '--', '-c.linux.target=tar.gz', '-c.compression=store'];
    said = execFileSync(process.execPath, words, { cwd: ELECTRON, env, encoding: 'utf8' });
  },
  { timeout: 300_000 },
);

after(() => {
  if (scratch) fs.rmSync(scratch, { recursive: true, force: true });
});

/** Every path below a directory: a file's mode and digest, a link's target. */
function contents(folder) {
  const found = {};
  for (const entry of fs.readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isSymbolicLink()) found[path.relative(folder, file)] = fs.readlinkSync(file);
    if (!entry.isFile()) continue;
    const { mode } = fs.statSync(file);
    const digest = crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    found[path.relative(folder, file)] = `${(mode & 0o777).toString(8)} ${digest}`;
  }
  return found;
}

test('the steps are told in order, with a warning for who signed it', { skip }, () => {
  const steps = [...said.matchAll(/^\[(\d)\/7\] (.*)$/gm)].map(([, , name]) => name);
  assert.deepEqual(steps, [
    'backend',
    'runtime',
    'trust',
    'window',
    'electron-builder',
    'packaged app',
    'artefacts',
  ]);
  assert.match(said, /NOT FOR RELEASE/);
  assert.match(said, /PEFT Studio-.*-linux-x64\.tar\.gz {2}\d+\.\d MB/);
});

test('the runtime is in resources, byte for byte, mode for mode, link for link', { skip }, () => {
  assert.deepEqual(contents(path.join(UNPACKED, 'resources', 'backend')), contents(ASSEMBLED));
});

test('the fuses are burnt as a release needs them', { skip }, async () => {
  const wire = await getCurrentFuseWire(PROGRAM);
  const state = (name) => wire[FuseV1Options[name]];
  for (const name of [
    'RunAsNode',
    'EnableNodeOptionsEnvironmentVariable',
    'EnableNodeCliInspectArguments',
    'GrantFileProtocolExtraPrivileges',
  ]) {
    assert.equal(state(name), OFF, name);
  }
  for (const name of [
    'EnableCookieEncryption',
    'EnableEmbeddedAsarIntegrityValidation',
    'OnlyLoadAppFromAsar',
  ]) {
    assert.equal(state(name), ON, name);
  }
});

test('the program cannot be made a Node that runs anything', { skip }, () => {
  const script = "console.log('any ' + 'script')";
  const ran = (env, ...words) => {
    const options = {
      env: { ...process.env, DISPLAY: '', ...env },
      encoding: 'utf8',
      timeout: PATIENCE,
    };
    const { stdout, stderr } = spawnSync(PROGRAM, ['--no-sandbox', ...words], options);
    return stdout + stderr;
  };
  assert.doesNotMatch(ran({ ELECTRON_RUN_AS_NODE: '1' }, '-e', script), /any script/);
  const file = path.join(scratch, 'preload.js');
  fs.writeFileSync(file, script);
  assert.doesNotMatch(ran({ NODE_OPTIONS: `--require ${file}` }), /any script/);
  assert.doesNotMatch(ran({}, '--inspect=0'), /Debugger listening/);
});

test('the archive holds the app and nothing that only builds or tests it', { skip }, () => {
  const { names } = readAsar(path.join(UNPACKED, 'resources', 'app.asar'));
  const own = names.filter((name) => !name.startsWith('node_modules/'));
  const tops = new Set(own.map((name) => name.split('/')[0]));
  const expected = ['main.js', 'package.json', 'preload.js', 'src', 'trust', 'window'];
  assert.deepEqual([...tops].sort(), expected);
  assert.deepEqual(
    own.filter((name) => /builder|\.test\.|\.(map|md)$/.test(name)),
    [],
  );
  const packages = new Set(
    names.filter((name) => name.startsWith('node_modules/')).map((name) => name.split('/')[1]),
  );
  assert.ok(packages.has('electron-updater'));
  for (const name of ['electron', 'electron-builder', 'playwright-core', 'eslint']) {
    assert.ok(!packages.has(name), name);
  }
  assert.ok(!fs.existsSync(path.join(UNPACKED, 'resources', 'default_app.asar')));
});

test('what is handed out holds the same runtime, and it verifies', { skip }, () => {
  const [archive] = fs.readdirSync(OUTPUT).filter((name) => name.endsWith('.tar.gz'));
  execFileSync('tar', ['-xzf', path.join(OUTPUT, archive), '-C', scratch]);
  const folder = fs.readdirSync(scratch).find((name) => name.startsWith('PEFT Studio'));
  const runtime = path.join(scratch, folder, 'resources', 'backend');
  assert.deepEqual(contents(runtime), contents(ASSEMBLED));
  execFileSync(findPackager(PROJECT), ['verify', runtime, '--quiet'], { cwd: PROJECT });
});

test(
  'with the fuses as shipped it starts, is ready, and ends with everything',
  { skip },
  async () => {
    const data = path.join(scratch, 'data');
    const env = { ...process.env, PEFT_STUDIO_FIRST_PORT: '23900' };
    const words = ['--no-sandbox', `--user-data-dir=${data}`];
    const app = spawn(PROGRAM, words, { env, stdio: 'ignore' });
    const ended = new Promise((resolve) => app.once('exit', resolve));
    try {
      const log = () => logOf(data);
      const pid = await until(() => /ready on port 239\d\d, process (\d+)/.exec(log())?.[1]);
      await until(() => /runtime verified \(quick\)/.test(log()));
      app.kill('SIGTERM');
      await ended;
      await until(() => !fs.existsSync(`/proc/${pid}`));
      assert.match(log(), /app +quit$/m);
    } finally {
      app.kill('SIGKILL');
      await ended;
    }
  },
);

function logOf(data) {
  const file = path.join(data, 'logs', 'peft-studio.log');
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

/** What `ask` answers once it answers anything. */
async function until(ask) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `it did not come to this: ${ask}`);
    await pause(50);
  }
}
