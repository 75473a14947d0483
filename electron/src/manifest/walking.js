'use strict';

/** Everything that is on disk and should not be, or the other way round; blocking. */

const { isUtf8 } = require('node:buffer');
const fs = require('node:fs');
const { UNLISTED } = require('./files.js');
const { directoriesOf } = require('./paths.js');
const { differs } = require('./problems.js');

const WINDOWS = process.platform === 'win32';
/** HFS+ decomposes the names it is given; the list holds them composed. */
const DECOMPOSING = process.platform === 'darwin';
const PERMISSIONS = 0o7777;
const OTHERS_MAY_WRITE = WINDOWS ? 0 : 0o002;
/** A regular file's whole mode, by what the list says; Windows has none to compare. */
const WHOLE_MODES = { '0644': 0o100644, '0755': 0o100755 };

/**
 * One name in a directory.
 * @typedef {object} Item
 * @property {string} shown relative to the root, for people and lists
 * @property {string | Buffer} location where it is
 * @property {boolean} exact whether `shown` is its whole truth: false of names that are not UTF-8
 */

/**
 * The directories above `paths`, the root among them, that are links, no directories at all, or
 * open to everyone.
 * @param {string} base
 * @param {string[]} paths
 * @returns {import('./problems.js').Problem[]}
 */
function parentProblems(base, paths) {
  return ['', ...directoriesOf(paths)].flatMap((path) => {
    const status = statusOf({ location: `${base}/${path}` });
    if (!status) return []; // the files below it are reported missing
    if (status.isDirectory()) return compareMode(path, status);
    return [{ path, id: 'file-type', reason: 'not a directory' }];
  });
}

/**
 * How the tree at `base` differs from `records`.
 * @param {string} base
 * @param {import('./files.js').FileRecord[]} records
 * @returns {import('./problems.js').Problem[]}
 */
function findDifferences(base, records) {
  const missing = new Map(records.map((record) => [record.path, record]));
  const needed = directoriesOf([...missing.keys(), ...UNLISTED]);
  const problems = compareMode('', statusOf({ location: base }));
  const pending = [''];
  while (pending.length) {
    const directory = pending.pop();
    for (const item of itemsOf(base, directory, problems)) {
      const record = item.exact ? missing.get(item.shown) : undefined;
      const status = statusOf(item);
      if (record) {
        missing.delete(record.path);
        if (!isAsListed(status, record)) problems.push(...compare(item, status, record));
      } else if (item.exact && needed.has(item.shown) && status?.isDirectory()) {
        pending.push(item.shown);
        problems.push(...compareMode(item.shown, status));
      } else if (!item.exact || !UNLISTED.has(item.shown)) {
        problems.push(extra(item, status, needed));
      }
    }
  }
  for (const path of missing.keys()) problems.push({ path, id: 'file-missing', reason: 'missing' });
  return problems;
}

/** Whether a file is plainly what it should be: true of nearly all, so it is asked first. */
function isAsListed(status, record) {
  if (WINDOWS || !status) return false;
  return status.mode === WHOLE_MODES[record.mode] && status.size === record.size;
}

function statusOf(item) {
  try {
    return fs.lstatSync(item.location, { throwIfNoEntry: false });
  } catch (error) {
    if (!error.syscall) throw error;
    return undefined;
  }
}

/**
 * What is in a directory; when it cannot be read, nothing, and a problem more.
 * @param {string} base
 * @param {string} directory relative
 * @param {import('./problems.js').Problem[]} problems
 * @returns {Item[]}
 */
function itemsOf(base, directory, problems) {
  const prefix = directory ? `${directory}/` : '';
  try {
    const names = fs.readdirSync(`${base}/${directory}`);
    // U+FFFD may stand for bytes that are not UTF-8, which is another name than one with U+FFFD.
    if (names.some((name) => name.includes('\ufffd'))) return rawItems(base, directory, prefix);
    return names.map((name) => ({
      shown: prefix + (DECOMPOSING ? name.normalize('NFC') : name),
      location: `${base}/${prefix}${name}`,
      exact: true,
    }));
  } catch (error) {
    if (!error.syscall) throw error;
    problems.push({ path: directory, id: 'file-unreadable', reason: error.code });
    return [];
  }
}

function rawItems(base, directory, prefix) {
  return fs.readdirSync(`${base}/${directory}`, { encoding: 'buffer' }).map((name) => ({
    shown: prefix + escaped(name),
    location: Buffer.concat([Buffer.from(`${base}/${prefix}`), name]),
    exact: isUtf8(name),
  }));
}

/** UTF-8 as text, every other byte as `\udcXX`: how Python shows such a name. */
function escaped(name) {
  if (isUtf8(name)) return name.toString();
  let text = '';
  for (let at = 0; at < name.length;) {
    const lead = name[at];
    const width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const letter = name.subarray(at, at + width);
    const whole = letter.length === width && isUtf8(letter);
    text += whole ? letter.toString() : `\\udc${lead.toString(16)}`;
    at += whole ? width : 1;
  }
  return text;
}

function compare(item, status, record) {
  const { path } = record;
  if (!status) return [{ path, id: 'file-unreadable', reason: 'cannot be looked at' }];
  if (record.type === 'link') return compareLink(item, status, record);
  if (!status.isFile()) {
    return [{ path, id: 'file-type', reason: differs('type', 'file', kindOf(status)) }];
  }
  const problems = [];
  const mode = (status.mode & PERMISSIONS).toString(8).padStart(4, '0');
  if (!WINDOWS && mode !== record.mode) {
    problems.push({ path, id: 'file-mode', reason: differs('mode', record.mode, mode) });
  }
  if (status.size !== record.size) {
    problems.push({ path, id: 'file-size', reason: differs('size', record.size, status.size) });
  }
  return problems;
}

function compareMode(path, status) {
  if (!(status?.mode & OTHERS_MAY_WRITE)) return [];
  const mode = (status.mode & PERMISSIONS).toString(8).padStart(4, '0');
  const reason = `everyone may write to it: mode ${mode}, expected 0755`;
  return [{ path: path || '.', id: 'file-mode', reason }];
}

function compareLink(item, status, { path, target }) {
  if (!status.isSymbolicLink()) {
    return [{ path, id: 'file-type', reason: differs('type', 'link', kindOf(status)) }];
  }
  const raw = fs.readlinkSync(item.location, { encoding: 'buffer' });
  const actual = WINDOWS ? raw.toString().replaceAll('\\', '/') : escaped(raw);
  if (actual === target) return [];
  return [{ path, id: 'link-target', reason: differs('target', target, actual) }];
}

function extra(item, status, needed) {
  const path = item.shown;
  if (!status) return { path, id: 'file-unreadable', reason: 'cannot be looked at' };
  if (item.exact && needed.has(path)) {
    return { path, id: 'file-type', reason: 'not a directory, but files should be in it' };
  }
  if (status.isDirectory()) {
    return { path, id: 'directory-extra', reason: 'no file of the runtime is in it' };
  }
  return { path, id: 'file-extra', reason: 'not part of the runtime' };
}

function kindOf(status) {
  if (status.isSymbolicLink()) return 'link';
  if (status.isDirectory()) return 'directory';
  return status.isFile() ? 'file' : 'special file';
}

module.exports = { findDifferences, parentProblems };
