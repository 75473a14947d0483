'use strict';

/**
 * Versions of the packaged app for the update tests, each as one file that starts itself.
 *
 * A real AppImage needs a runtime that is downloaded from GitHub. This stand-in is a shell script
 * with a tar behind it: it unpacks itself, sets APPIMAGE and becomes the app, so that to
 * electron-updater and to us it is one. What it does not show: FUSE, and a file system that is
 * read-only.
 */

const { execFileSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { findPackager } = require('../../src/builder/tools.js');
const { electronDist } = require('./real-electron.js');

const ELECTRON = path.join(__dirname, '..', '..');
const PROJECT = path.join(ELECTRON, '..');
const IMAGE = 'PEFT-Studio.AppImage';

/**
 * Pack the app as `npm run dist` does.
 * @param {string} place where the unpacked app goes
 * @param {string} version
 * @param {string} feed the update server's address
 */
function packApp(place, version, feed) {
  const words = ['--linux', '--dir', '--', `-c.extraMetadata.version=${version}`];
  const env = { ...process.env, RUNTIME_PACKAGER_ELECTRON_DIST: electronDist('linux') };
  env.PEFT_STUDIO_UPDATE_URL = feed;
  const program = path.join(ELECTRON, 'scripts', 'dist.js');
  execFileSync(process.execPath, [program, ...words], { cwd: ELECTRON, env, stdio: 'pipe' });
  fs.cpSync(path.join(ELECTRON, 'dist', 'linux-x64', 'linux-unpacked'), place, {
    recursive: true,
    verbatimSymlinks: true,
  });
}

/**
 * The app as one file, stored and not compressed.
 * @param {string} unpacked directory
 * @param {string} file
 */
function makeImage(unpacked, file) {
  const stub = (offset) =>
    `#!/bin/sh
set -e
self=$(readlink -f "$0")
place=$(mktemp -d)
tail -c +${offset} "$self" | tar -xC "$place"
export APPIMAGE="$self" APPDIR="$place" ARGV0="$0" OWD="$PWD"
exec "$place/peft-studio" "$@"
`;
  const width = String(stub(1).length).length;
  const head = stub('1'.padStart(width, '0'));
  const offset = String(head.length + 1).padStart(width, '0');
  fs.writeFileSync(file, stub(offset), { mode: 0o755 });
  execFileSync('/bin/sh', ['-c', 'tar -cC "$1" . >> "$2"', 'sh', unpacked, file]);
}

/**
 * Everything a server needs to offer a version: the image, latest-linux.yml, the signed statement.
 * @param {string} place directory of the version's files, with the image
 * @param {string} version
 */
function publish(place, version) {
  const image = path.join(place, IMAGE);
  const words = ['sign-update', '--app-version', version, '--platform', 'linux-x64', image];
  execFileSync(findPackager(PROJECT), words, { cwd: PROJECT, stdio: 'pipe' });
  writeLatest(place, version);
}

/** latest-linux.yml, as electron-builder writes it. */
function writeLatest(place, version) {
  const image = path.join(place, IMAGE);
  const sha512 = digestOf(image, 'base64');
  const size = fs.statSync(image).size;
  const text = `version: ${version}
files:
  - url: ${IMAGE}
    sha512: ${sha512}
    size: ${size}
path: ${IMAGE}
sha512: ${sha512}
releaseDate: '2026-01-01T00:00:00.000Z'
`;
  fs.writeFileSync(path.join(place, 'latest-linux.yml'), text);
}

/** SHA-512 of a file. */
function digestOf(file, encoding = 'hex') {
  const hash = crypto.createHash('sha512');
  const descriptor = fs.openSync(file, 'r');
  const buffer = Buffer.alloc(1 << 22);
  for (;;) {
    const size = fs.readSync(descriptor, buffer);
    if (!size) break;
    hash.update(buffer.subarray(0, size));
  }
  fs.closeSync(descriptor);
  return hash.digest(encoding);
}

module.exports = { IMAGE, digestOf, makeImage, packApp, publish, writeLatest };
