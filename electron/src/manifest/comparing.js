'use strict';

/**
 * Comparing files with what they should be, one after the other; blocking, so only for workers.
 * The same as runtime_packager/manifest/comparing.py.
 */

const crypto = require('node:crypto');
const fs = require('node:fs');
const { differs } = require('./problems.js');

const CHUNK = 1024 * 1024;
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
// Not through a link, and no waiting should it have become a pipe meanwhile.
const FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** Every thread has its own. */
let buffer;

/** A link, a directory or a device where a regular file should be. */
class NotRegularError extends Error {}

/**
 * A handle to a regular file whose last component is not a link, and its size in bytes.
 * @param {string} path
 * @returns {{handle: number, size: number}}
 * @throws {NotRegularError} when it is anything else; what fs throws when it cannot be opened
 */
function openRegular(path) {
  if (!O_NOFOLLOW && fs.lstatSync(path).isSymbolicLink()) throw new NotRegularError('a link');
  const handle = openNoFollow(path);
  const status = fs.fstatSync(handle);
  if (status.isFile()) return { handle, size: status.size };
  fs.closeSync(handle);
  throw new NotRegularError('not a regular file');
}

function openNoFollow(path) {
  try {
    return fs.openSync(path, FLAGS);
  } catch (error) {
    if (error.code === 'ELOOP' || error.code === 'EMLINK') throw new NotRegularError('a link');
    throw error;
  }
}

/**
 * What a file of the manifest holds; of one that is larger than `maxSize`, a byte more in zeros, which
 * nobody looks at: the length is refused.
 * @param {string} path
 * @param {number} maxSize
 * @returns {Buffer}
 */
function readCapped(path, maxSize) {
  const { handle, size } = openRegular(path);
  try {
    const buffer = Buffer.alloc(Math.min(size, maxSize) + 1);
    if (size > maxSize) return buffer;
    let filled = 0;
    let count = 1;
    while (count && filled < buffer.length) {
      count = fs.readSync(handle, buffer, filled, buffer.length - filled, null);
      filled += count;
    }
    return buffer.subarray(0, filled);
  } finally {
    fs.closeSync(handle);
  }
}

/**
 * What is wrong with the files below `base`; a file of another size is not read.
 * @param {string} base
 * @param {{path: string, sha256: string, size: number}[]} files
 * @returns {import('./problems.js').Problem[]}
 */
function compareFiles(base, files) {
  buffer ??= Buffer.allocUnsafe(CHUNK);
  return files.map((file) => compare(base, file)).filter(Boolean);
}

function compare(base, { path, sha256, size }) {
  try {
    const { handle, size: actual } = openRegular(`${base}/${path}`);
    try {
      if (actual !== size) return { path, id: 'file-size', reason: differs('size', size, actual) };
      const digest = digestOf(handle, size);
      if (digest === sha256) return undefined;
      return { path, id: 'file-hash', reason: differs('sha256', sha256, digest) };
    } finally {
      fs.closeSync(handle);
    }
  } catch (error) {
    return { path, ...whyUnread(error) };
  }
}

function whyUnread(error) {
  if (error instanceof NotRegularError) return { id: 'file-type', reason: error.message };
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    return { id: 'file-missing', reason: 'missing' };
  }
  if (error.syscall) return { id: 'file-unreadable', reason: error.code };
  throw error; // a bug of ours
}

function digestOf(handle, size) {
  const hash = crypto.createHash('sha256');
  let left = size;
  while (left) {
    const count = fs.readSync(handle, buffer, 0, Math.min(left, buffer.length), null);
    if (!count) break;
    hash.update(buffer.subarray(0, count));
    left -= count;
  }
  return hash.digest('hex');
}

module.exports = { NotRegularError, compareFiles, openRegular, readCapped };
