'use strict';

/**
 * Exchanging an AppImage. electron-updater removes the old file first and then moves the new one:
 * whoever pulls the plug in between has no app any more. Here the new file is finished beside the
 * old one, which gets a second name, and takes its place by one rename: at every moment there is a
 * whole app under the name the user starts.
 */

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { UpdateError } = require('./policy.js');

/** The name under which the version before stays until the new one is proven. */
function previousOf(target) {
  return `${target}.previous`;
}

function newOf(target) {
  return `${target}.new`;
}

/**
 * Lay the new version beside the old one, checked once more where it lies.
 * @param {object} files
 * @param {string} files.downloaded
 * @param {string} files.target the AppImage that is in place
 * @param {string} files.sha512 hex, as signed
 * @throws {UpdateError} `ERR_CHECKSUM_MISMATCH`, when the file changed since it was downloaded
 */
async function prepare({ downloaded, target, sha512 }) {
  const place = newOf(target);
  fs.rmSync(place, { force: true });
  try {
    // A clone where the file system can, so that it takes no time and no space.
    await fs.promises.copyFile(downloaded, place, fs.constants.COPYFILE_FICLONE);
    await fs.promises.chmod(place, 0o755);
    await sync(place);
    await requireDigest(place, sha512);
  } catch (error) {
    fs.rmSync(place, { force: true });
    throw error;
  }
  keep(target);
}

/**
 * Check a file's bytes.
 * @param {string} file
 * @param {string} expected SHA-512 in hex
 * @throws {UpdateError} `ERR_CHECKSUM_MISMATCH`
 */
async function requireDigest(file, expected) {
  const hash = crypto.createHash('sha512');
  for await (const chunk of fs.createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk);
  }
  const actual = hash.digest('hex');
  if (actual !== expected) {
    const message = `sha512 checksum mismatch, expected ${expected}, got ${actual}`;
    throw new UpdateError('ERR_CHECKSUM_MISMATCH', message, { expected, actual });
  }
}

/** A second name for the old version; a copy where there are no hard links. */
function keep(target) {
  const previous = previousOf(target);
  fs.rmSync(previous, { force: true });
  try {
    fs.linkSync(target, previous);
  } catch {
    fs.copyFileSync(target, previous, fs.constants.COPYFILE_FICLONE);
    fs.chmodSync(previous, 0o755);
  }
}

/** Put what `prepare` made in the old version's place, at once and lastingly. */
function exchange(target) {
  fs.renameSync(newOf(target), target);
  syncDirectory(target);
}

/**
 * Put the version before in its place again. Without one, what is in place stays.
 * @returns {boolean} whether it was there
 */
function putBack(target) {
  if (!fs.existsSync(previousOf(target))) return false;
  fs.renameSync(previousOf(target), target);
  syncDirectory(target);
  return true;
}

/** Remove what an exchange leaves beside the app. */
function clean(target) {
  fs.rmSync(newOf(target), { force: true });
  fs.rmSync(previousOf(target), { force: true });
}

async function sync(file) {
  const handle = await fs.promises.open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function syncDirectory(file) {
  const descriptor = fs.openSync(path.dirname(file), 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

module.exports = { clean, exchange, prepare, previousOf, putBack, requireDigest };
