'use strict';

/** Pure decisions and small parts: settings, ports, exits, restarts, the environment, Python. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { BackendError } = require('../src/failures.js');
const { originOf, readSettings } = require('../src/settings.js');
const { backendEnvironment, platformName } = require('../src/service/environment.js');
const { startFailure } = require('../src/service/exits.js');
const { locate } = require('../src/service/locate.js');
const { isFree } = require('../src/service/ports.js');
const { candidates, findPython, isNewEnough } = require('../src/service/python.js');
const { decide } = require('../src/service/restarts.js');
const { freePorts, occupy, temporary } = require('./service-parts.js');

test('ports are 8000 to 8010, or eleven from the one that is asked for', () => {
  assert.deepEqual(readSettings({}).ports.slice(0, 2), [8000, 8001]);
  assert.equal(readSettings({}).ports.at(-1), 8010);
  assert.equal(readSettings({ PEFT_STUDIO_FIRST_PORT: '18000' }).ports.at(-1), 18010);
  for (const text of ['80', 'x', '65530', '8000.5', '-1']) {
    assert.throws(() => readSettings({ PEFT_STUDIO_FIRST_PORT: text }), RangeError);
  }
  assert.equal(originOf(readSettings({})), 'app://peft-studio');
});

test('a port is free when one can listen there', async (t) => {
  const [port] = await freePorts(1);
  assert.equal(await isFree(port), true);
  await occupy(t, port);
  assert.equal(await isFree(port), false);
});

test("the backend does not get Electron's variables, nor ours of another backend", () => {
  const given = {
    HOME: '/home',
    ELECTRON_RUN_AS_NODE: '1',
    NODE_OPTIONS: 'x',
    CHROME_DESKTOP: 'y',
  };
  const ours = { PEFT_STUDIO_HOST: '::1', PEFT_STUDIO_DATA_DIR: '/data', PEFT_STUDIO_TOKEN: 't' };
  assert.deepEqual(backendEnvironment({ ...given, ...ours }, readSettings({}).withheld), {
    HOME: '/home',
    PEFT_STUDIO_DATA_DIR: '/data',
    PEFT_ENGINE_NO_DIALOG: '1',
  });
});

test('platforms are named as electron-builder does', () => {
  assert.equal(platformName('win32', 'x64'), 'win-x64');
  assert.equal(platformName('darwin', 'arm64'), 'mac-arm64');
  assert.equal(platformName('linux', 'x64'), 'linux-x64');
});

test('what each end of a start means', () => {
  const code = (exit, output = []) => startFailure({ signal: null, ...exit }, output, 8000).code;
  assert.equal(code({ code: 98 }), 'PORT_IN_USE');
  assert.equal(code({ code: 97 }), 'MISSING_PACKAGE');
  assert.equal(
    code({ code: 1 }, ["ModuleNotFoundError: No module named 'a.b'"]),
    'MISSING_PACKAGE',
  );
  assert.equal(code({ code: 70 }), 'PROCESS_START_FAILED');
  assert.equal(code({ code: null, signal: 'SIGSEGV' }), 'PROCESS_START_FAILED');
  const hopeless = (exit) => startFailure({ signal: null, code: exit }, [], 1).details.hopeless;
  assert.deepEqual([2, 70, 77, 79, 96].map(hopeless), [true, true, true, true, true]);
  assert.deepEqual([0, 1, 69, 80].map(hopeless), [undefined, undefined, undefined, undefined]);
  const lines = [
    'a warning',
    'peft_engine: another PEFT Studio uses the data directory /d: close it',
  ];
  assert.equal(
    startFailure({ signal: null, code: 96 }, lines, 1).message,
    'another PEFT Studio uses the data directory /d: close it',
  );
});

test('only what can pass is tried again, and only after a first success', () => {
  const failure = (code, details) => new BackendError(code, 'x', details);
  const verdict = (error, everReady, attempts) => decide(error, { everReady, attempts }, 3).then;
  const passing = failure('PROCESS_START_FAILED');
  assert.equal(verdict(passing, false, 0), 'error');
  assert.equal(verdict(passing, true, 0), 'restart');
  assert.equal(verdict(passing, true, 2), 'restart');
  assert.equal(verdict(passing, true, 3), 'failed');
  assert.equal(verdict(failure('START_TIMEOUT'), true, 1), 'restart');
  assert.equal(verdict(failure('PROCESS_START_FAILED', { hopeless: true }), true, 0), 'error');
  for (const code of ['INTEGRITY_FAILED', 'MISSING_PACKAGE', 'NO_AVAILABLE_PORTS']) {
    assert.equal(verdict(failure(code), true, 0), 'error');
  }
});

test('packaged, the launcher of the resources is started, and its absence is a sentence', async (t) => {
  const resources = temporary(t);
  const options = { packaged: true, resources, launcher: 'peft_engine', platform: 'linux' };
  await assert.rejects(locate(options), { code: 'EXECUTABLE_NOT_FOUND' });
  const tree = path.join(resources, 'backend');
  fs.mkdirSync(path.join(tree, 'peft_engine'), { recursive: true });
  await assert.rejects(locate(options), { code: 'EXECUTABLE_NOT_FOUND' });
  fs.writeFileSync(path.join(tree, 'peft_engine.exe'), '');
  const place = await locate({ ...options, platform: 'win32' });
  assert.equal(place.command, path.join(tree, 'peft_engine.exe'));
  assert.equal(place.tree, tree);
  assert.deepEqual(place.args, ['--runtime-exit-on-stdin-eof']);
});

/** A program that answers as a Python of that version does. */
function fakePython(file, version) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `#!/bin/sh\necho ${version}; echo "$0"\n`, { mode: 0o755 });
  return file;
}

test('a Python new enough is found behind one that is too old', async (t) => {
  const directory = temporary(t);
  const old = fakePython(path.join(directory, 'a', 'python3'), '3.9.7');
  fs.writeFileSync(path.join(directory, 'a', 'python'), 'no program', { mode: 0o644 });
  const good = fakePython(path.join(directory, 'b', 'python3.12'), '3.12.1');
  const PATH = `${path.join(directory, 'a')}:${path.join(directory, 'b')}:relative`;
  const found = await findPython({ platform: 'linux', environment: { PATH } });
  assert.deepEqual(found, { command: good, version: '3.12.1' });
  const onlyOld = { platform: 'linux', environment: { PATH: path.dirname(old) } };
  await assert.rejects(findPython(onlyOld), (error) => {
    assert.equal(error.code, 'PYTHON_NOT_FOUND');
    assert.match(error.message, /a\/python3: is 3\.9\.7; .*a\/python: EACCES/);
    return true;
  });
  await assert.rejects(findPython({ platform: 'linux', environment: {} }), /none found/);
});

test('an activated environment goes first, the one asked for is the only one', async (t) => {
  const directory = temporary(t);
  const venv = fakePython(path.join(directory, 'venv', 'bin', 'python'), '3.11.0');
  const other = fakePython(path.join(directory, 'bin', 'python3'), '3.13.0');
  const environment = { PATH: path.dirname(other), VIRTUAL_ENV: path.join(directory, 'venv') };
  assert.equal((await findPython({ platform: 'linux', environment })).command, venv);
  const wanted = path.join(directory, 'gone');
  await assert.rejects(findPython({ platform: 'linux', environment, wanted }), /gone: not there/);
});

test("on Windows the shop's stub is not a Python, and py is asked", (t) => {
  const directory = temporary(t);
  const stub = path.join(directory, 'Microsoft', 'WindowsApps', 'python3.exe');
  fakePython(stub, '3.12.0');
  const environment = { Path: path.dirname(stub) };
  assert.deepEqual(candidates({ platform: 'win32', environment }), [['py', '-3']]);
});

test('3.10 is new enough, 3.9 is not', () => {
  assert.deepEqual(['3.10.0', '3.9.18', '2.7.18', '4.0.0', '3.14.1'].map(isNewEnough), [
    true,
    false,
    false,
    true,
    true,
  ]);
});
