'use strict';

/**
 * The packaged app for the tests: `npm run dist` with the assembled runtime, once for as long as
 * nothing that goes into it changes; and copies of it that a test may break.
 */

const { execFileSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { electronDist, missing } = require('./real-electron.js');

const ELECTRON = path.join(__dirname, '..', '..');
const PROJECT = path.dirname(ELECTRON);
const RUNTIME = path.join(PROJECT, 'backend', 'dist', 'linux-x64');
const RELEASE = path.join(RUNTIME, 'manifest', 'release.dsse.json');
/** Everything made here: below dist/, which git ignores and where hard links to it can be made. */
const PLACE = path.join(ELECTRON, 'dist', 'e2e');
/** Release builds have this one off: Playwright drives the main process through the inspector. */
const INSPECTOR_ON = '-c.electronFuses.enableNodeCliInspectArguments=true';
const INPUTS = [
  ...['main.js', 'preload.js', 'package.json', 'package-lock.json', 'electron-builder.yml'],
  ...['src', 'window', 'scripts', 'build'],
];

/** Why there can be no packaged app here, or nothing: for `{ skip: unavailable() }`. */
function unavailable() {
  if (missing()) return missing();
  return fs.existsSync(RELEASE) ? false : 'needs the runtime of linux-x64: make assemble';
}

/**
 * The packaged app, made when it is not there or not of these sources.
 * @returns {string} its directory; nothing in it may be changed
 */
function packagedApp() {
  const place = path.join(PLACE, `app-${inputsDigest()}`);
  if (!fs.existsSync(place)) pack(place);
  return path.join(place, 'linux-unpacked');
}

function pack(place) {
  fs.mkdirSync(PLACE, { recursive: true });
  const older = fs.readdirSync(PLACE).filter((name) => name.startsWith('app-'));
  for (const name of older) fs.rmSync(path.join(PLACE, name), { recursive: true });
  const half = fs.mkdtempSync(path.join(PLACE, 'half-'));
  const words = ['--linux', '--dir', '--keep-backend', '--output', half, '--', INSPECTOR_ON];
  const env = { ...process.env, RUNTIME_PACKAGER_ELECTRON_DIST: electronDist('linux') };
  try {
    execFileSync('node', [path.join(ELECTRON, 'scripts', 'dist.js'), ...words], { env });
    fs.renameSync(half, place);
  } catch (error) {
    fs.rmSync(half, { recursive: true, force: true });
    throw new Error(`packaging failed: ${error.stdout}${error.stderr}`, { cause: error });
  }
}

function inputsDigest() {
  const hash = crypto.createHash('sha256').update(fs.readFileSync(RELEASE));
  for (const input of INPUTS) {
    for (const file of filesOf(path.join(ELECTRON, input)).sort()) {
      hash.update(`${file}\0`).update(fs.readFileSync(file));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function filesOf(place) {
  if (!fs.statSync(place).isDirectory()) return [place];
  return fs.readdirSync(place).flatMap((name) => filesOf(path.join(place, name)));
}

/**
 * A copy of the packaged app, of hard links: change files of it with `replaceFile` alone.
 * @param {object} [options]
 * @param {string} [options.runtime] the tree that takes the place of its own
 * @returns {string} its directory, which is the caller's to remove
 */
function copyOfApp({ runtime } = {}) {
  const source = packagedApp();
  const copy = fs.mkdtempSync(path.join(PLACE, 'copy-'));
  execFileSync('cp', ['-al', `${source}/.`, copy]);
  if (runtime) {
    const backend = path.join(copy, 'resources', 'backend');
    fs.rmSync(backend, { recursive: true });
    execFileSync('cp', ['-a', runtime, backend]);
  }
  return copy;
}

/**
 * Give a file of a copy other bytes.
 * @param {string} file
 * @param {(bytes: Buffer) => Buffer} change
 */
function replaceFile(file, change) {
  const { mode } = fs.statSync(file);
  const bytes = change(fs.readFileSync(file));
  fs.rmSync(file);
  fs.writeFileSync(file, bytes);
  fs.chmodSync(file, mode);
}

/** Where the launcher of an app is. */
function launcherOf(app) {
  return path.join(app, 'resources', 'backend', 'peft_engine');
}

module.exports = { PLACE, PROJECT, copyOfApp, launcherOf, packagedApp, replaceFile, unavailable };
