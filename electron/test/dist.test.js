'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { createPackage } = require('@electron/asar');
const { StepError, runSteps, wantedFrom } = require('../scripts/dist.js');
const { builderWords } = require('../scripts/builder-words.js');
const { readAsar } = require('../scripts/asar.js');
const { STEPS, checkArchive } = require('../scripts/steps.js');
const { findPackager } = require('../src/builder/tools.js');
const { until } = require('./service-parts.js');

const HOST = { platform: 'linux', arch: 'x64' };

function scratch(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dist-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text, { mode: name.startsWith('bin/') ? 0o755 : 0o644 });
  }
  return folder;
}

// --- the command line

test('it builds for this system unless told, and passes the rest on', () => {
  assert.equal(wantedFrom([], HOST).target, 'linux-x64');
  assert.equal(wantedFrom([], { platform: 'darwin', arch: 'arm64' }).target, 'mac-arm64');
  assert.equal(wantedFrom(['--win', '--arch', 'arm64'], HOST).target, 'win-arm64');
  assert.deepEqual(wantedFrom(['--dir', '--', '-c.asar=false'], HOST).rest, ['-c.asar=false']);
});

test('a command line that makes no sense is refused', () => {
  assert.throws(() => wantedFrom(['--win', '--mac'], HOST), /one system at a time/);
  assert.throws(() => wantedFrom(['--arch', 'ia32'], HOST), /no Electron for linux on ia32/);
  assert.throws(() => wantedFrom(['--widnows'], HOST), /widnows/);
});

test("electron-builder's words say what to build, and never publish", () => {
  const words = (line, env = {}) => builderWords({ wanted: wantedFrom(line, HOST), env });
  assert.deepEqual(words(['--dir']).slice(0, 5), ['--linux', 'dir', '--x64', '--publish', 'never']);
  assert.ok(words([], { ELECTRON_OVERRIDE_DIST_PATH: '/e' }).includes('-c.electronDist=/e'));
  assert.ok(words(['--win', '--release']).includes('-c.forceCodeSigning=true'));
  assert.ok(!words(['--win']).includes('-c.forceCodeSigning=true'));
});

test('a release for Windows that updates itself needs to know its publisher', () => {
  const words = (env) =>
    builderWords({ wanted: wantedFrom(['--win', '--release'], HOST), env }).join(' ');
  const env = { PEFT_STUDIO_UPDATE_URL: 'https://updates.example' };
  assert.throws(() => words(env), /WINDOWS_SIGN_PUBLISHER/);
  assert.match(words({ ...env, WINDOWS_SIGN_PUBLISHER: 'We' }), /publisherName=We/);
});

// --- the steps: every one is broken once

test('the first step that fails ends it and is named', async () => {
  const ran = [];
  const step = (name, error) => ({
    name,
    run: async () => {
      ran.push(name);
      if (error) throw new Error(error);
      return 'done';
    },
  });
  const steps = [step('one'), step('two', 'no space'), step('three')];
  await assert.rejects(
    runSteps(steps, {}, () => {}),
    (error) => {
      assert.ok(error instanceof StepError);
      assert.equal(error.step, 'two');
      assert.equal(error.message, 'step "two" failed: no space');
      return true;
    },
  );
  assert.deepEqual(ran, ['one', 'two']);
});

/** Stands in for runtime-packager: answers what verify and keys trusted answer, and notes its calls. */
const PACKAGER = `#!/bin/sh
echo "$1" >> "$(dirname "$0")/calls"
[ "$1" != "$FAILS" ] || { echo "$1 went wrong" >&2; exit 4; }
case "$1" in
verify) echo '{"files_checked": 1, "product": "x", "version": "1"}' ;;
keys) mkdir -p "$5"; cp "$(dirname "$0")/trusted-keys.json" "$5"
  echo '{"name": "trusted-keys.json", "purpose": "development"}' ;;
esac
`;

/** Stands in for electron-builder: leaves the app whose files lie in \`app\`, if there are some. */
const BUILDER = `
const fs = require('node:fs');
if (process.env.FAILS === 'electron-builder') { console.error('no'); process.exit(1); }
const output = process.argv.find((word) => word.startsWith('-c.directories.output=')).split('=')[1];
fs.mkdirSync(output, { recursive: true });
if (fs.existsSync('app')) fs.cpSync('app', output + '/linux-unpacked', { recursive: true });
`;

function project(t, changes = {}) {
  const files = {
    'bin/runtime-packager': PACKAGER,
    'bin/trusted-keys.json': someKeys(),
    'backend/dist/linux-x64/peft_engine': '',
    'electron/window/index.html': '<!doctype html>',
    'electron/node_modules/electron-builder/cli.js': BUILDER,
    'electron/node_modules/electron-builder/package.json': '{"name": "electron-builder"}',
    ...changes,
  };
  const kept = Object.fromEntries(Object.entries(files).filter(([, text]) => text !== undefined));
  return write(scratch(t), kept);
}

/** A list of one key that nobody holds; whom it trusts does not matter here. */
function someKeys() {
  const { publicKey } = crypto.generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const digest = crypto.createHash('sha256').update('runtime-packager/key/v1\n').update(raw);
  const key = { keyid: digest.digest('hex'), public: raw.toString('hex'), purpose: 'development' };
  return JSON.stringify({ keys: [key], schema: 1 });
}

async function failing(folder, { fails = '', line = [] } = {}) {
  const env = {
    ...process.env,
    FAILS: fails,
    RUNTIME_PACKAGER_PROGRAM: path.join(folder, 'bin', 'runtime-packager'),
  };
  const context = {
    wanted: wantedFrom(line, HOST),
    project: folder,
    electron: path.join(folder, 'electron'),
    env,
  };
  const said = [];
  const error = await runSteps(STEPS, context, (text) => said.push(text)).then(
    () => assert.fail('it did not fail'),
    (thrown) => thrown,
  );
  const calls = path.join(folder, 'bin', 'calls');
  return { error, said, calls: fs.existsSync(calls) ? fs.readFileSync(calls, 'utf8') : '' };
}

const APP = 'electron/app/resources/backend/manifest/release.dsse.json';
const GONE = { 'electron/window/index.html': undefined };

for (const [step, what, options, changes, why] of [
  ['backend', 'the assembly fails', { fails: 'assemble' }, {}, /runtime-packager: exit code 4/],
  [
    'backend',
    'runtime-packager is missing',
    {},
    { 'bin/runtime-packager': undefined },
    /pip install/,
  ],
  ['runtime', 'it does not verify', { fails: 'verify' }, {}, /verify went wrong/],
  [
    'runtime',
    'there is none',
    {},
    { 'backend/dist/linux-x64/peft_engine': undefined },
    /was not built/,
  ],
  ['trust', 'nobody trusted signed it', { fails: 'keys' }, {}, /keys went wrong/],
  [
    'trust',
    'a release has a development key',
    { line: ['--release'] },
    {},
    /signed by a release key/,
  ],
  ['window', 'a page is missing', {}, GONE, /index\.html is missing/],
  ['electron-builder', 'it fails', { fails: 'electron-builder' }, {}, /exit code 1/],
  [
    'electron-builder',
    'its output is not ours',
    {},
    { 'electron/dist/linux-x64/a': '' },
    /other files/,
  ],
  ['packaged app', 'there is no app', {}, {}, /left no app/],
  [
    'packaged app',
    'it holds no runtime',
    {},
    { 'electron/app/resources/x': '' },
    /holds no runtime/,
  ],
  ['packaged app', 'its runtime is not signed', {}, { [APP]: '{}' }, /is not what was signed/],
]) {
  test(`step "${step}" ends it when ${what}`, async (t) => {
    const { error, said } = await failing(project(t, changes), options);
    assert.equal(error.step, step, error.message);
    assert.match(error.message, why);
    const begun = said.filter((line) => line.startsWith('['));
    assert.equal(begun.at(-1).split('] ')[1], step, 'nothing was begun after it');
  });
}

test('step "artefacts" ends it when there is no installer', async (t) => {
  const folder = write(scratch(t), { 'dist/linux-x64/builder-debug.yml': '' });
  const context = { wanted: wantedFrom([], HOST), electron: folder };
  await assert.rejects(
    runSteps(STEPS.slice(-1), context, () => {}),
    /step "artefacts" failed: .*no installer/,
  );
});

test('the runtime that is there is taken as it is when asked', async (t) => {
  const folder = project(t, GONE);
  const { calls } = await failing(folder, { line: ['--keep-backend'] });
  assert.deepEqual(calls.trim().split('\n'), ['verify', 'keys']);
});

// --- the app's archive

for (const [what, change, why] of [
  ['lacks a file of the window', { 'window/a.css': undefined }, /lacks window\/a\.css/],
  ['holds another window', { 'window/a.css': 'x' }, /holds another window\/a\.css/],
  ['holds other keys', { 'trust/trusted-keys.json': '{}' }, /another trust/],
  ['holds tests', { 'test/a.test.js': '' }, /holds test\/a\.test\.js/],
  ['holds build hooks', { 'src/builder/seal.js': '' }, /holds src\/builder/],
  ['lacks a package it needs', { 'node_modules/b/package.json': undefined }, /lacks .*\bb\b/],
]) {
  test(`an archive that ${what} is refused`, async (t) => {
    const sources = {
      'window/index.html': '<!doctype html>',
      'window/a.css': '',
      'trust/trusted-keys.json': '[]',
    };
    const folder = write(scratch(t), sources);
    const main = {
      'main.js': '',
      'preload.js': '',
      'package.json': '{"dependencies": {"a": "1"}}',
    };
    const packages = {
      'node_modules/a/package.json': '{"dependencies": {"b": "1"}}',
      'node_modules/b/package.json': '{}',
    };
    const archive = path.join(folder, 'app.asar');
    const pack = async (files) => {
      const kept = Object.entries(files).filter(([, text]) => text !== undefined);
      await createPackage(
        write(fs.mkdtempSync(`${folder}/packed-`), Object.fromEntries(kept)),
        archive,
      );
      await until(() => isWhole(archive)); // createPackage does not wait for its last bytes
    };
    await pack({ ...sources, ...main, ...packages });
    checkArchive(archive, folder);
    await pack({ ...sources, ...main, ...packages, ...change });
    assert.throws(() => checkArchive(archive, folder), why);
  });
}

function isWhole(archive) {
  try {
    const packed = readAsar(archive);
    packed.names.forEach((name) => packed.read(name));
    return true;
  } catch {
    return false;
  }
}

// --- finding runtime-packager

test("the environment's runtime-packager is taken, else the project's, else the one on PATH", (t) => {
  const folder = scratch(t);
  const below = path.join(folder, 'a', 'b');
  assert.equal(findPackager(below, {}, 'linux'), 'runtime-packager');
  write(folder, { '.venv/bin/runtime-packager': '', '.venv/Scripts/runtime-packager.exe': '' });
  assert.equal(findPackager(below, {}, 'linux'), path.join(folder, '.venv/bin/runtime-packager'));
  assert.match(findPackager(below, {}, 'win32'), /Scripts.runtime-packager\.exe$/);
  assert.equal(findPackager(below, { RUNTIME_PACKAGER_PROGRAM: '/x' }, 'linux'), '/x');
});
