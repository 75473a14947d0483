'use strict';

/**
 * The record of a verified start, kept outside the tree, so that the next start need not hash
 * again. It holds a fingerprint: SHA-256 over the type, mode, size, inode, mtime and ctime
 * (nanoseconds) of every path and of the root itself. A start with a record checks the signature,
 * platform and epoch anew and walks the tree once; any difference, or a record that cannot be read,
 * means a verification as without one.
 *
 * What it protects against: whatever changes, adds, removes or replaces a file by way of the file
 * system. On Linux and macOS the system alone sets a ctime, so putting an mtime back does not help.
 *
 * What it does not: bytes that rot on the disk or are written past the file system; a clock that is
 * set back, then a change within the same nanosecond; what is written through a mapping that was made
 * before, which memory file systems set no ctime for; on Windows, a program that sets the change time
 * itself; and whoever can write the record, who can also replace the app. For those there is `full`
 * without a record.
 *
 * A file changed in the moment before the record is written could have the same times afterwards, so
 * the tree is walked before and after, and a tree in which anything is younger than SETTLED is not
 * recorded yet.
 */

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const strictJson = require('./strict-json.js');
const { readCapped } = require('./comparing.js');
const { InputError } = require('./problems.js');

const MAX_SIZE = 1024 * 1024;
const SCHEMA = 1;
const COUNTS = ['filesChecked', 'bytesHashed', 'totalSize'];
/** Nanoseconds; the coarsest time stamps in use (FAT's) step by 2 s. */
const SETTLED = 2_000_000_000n;

/**
 * What a tree looks like from outside, and the time of its latest change.
 * @param {string} base
 * @returns {{digest: string, latest: bigint}} `latest` in nanoseconds since 1970
 */
function fingerprint(base) {
  const hash = crypto.createHash('sha256').update('runtime-packager/fingerprint/v2\n');
  const pending = [''];
  let latest = 0n;
  let facts = '';
  const look = (relative) => {
    const status = fs.lstatSync(`${base}/${relative}`, { bigint: true });
    if (status.ctimeNs > latest) latest = status.ctimeNs;
    const { mode, size, ino, mtimeNs, ctimeNs } = status;
    facts += `${relative.length}:${relative},${mode},${size},${ino},${mtimeNs},${ctimeNs};`;
    return status;
  };
  look('');
  while (pending.length) {
    const directory = pending.pop();
    for (const name of fs.readdirSync(`${base}/${directory}`).sort()) {
      const relative = directory ? `${directory}/${name}` : name;
      if (look(relative).isDirectory()) pending.push(relative);
    }
    hash.update(facts);
    facts = '';
  }
  return { digest: hash.digest('hex'), latest };
}

/**
 * The facts of an earlier verification that still hold, or undefined.
 * @param {string} file the record
 * @param {object} key what the verification was of: root, envelope, level, ...
 * @param {string} digest of the tree's fingerprint now
 */
function recall(file, key, digest) {
  let found;
  try {
    found = strictJson.loads(readCapped(file, MAX_SIZE), { maxSize: MAX_SIZE });
  } catch {
    return undefined; // none, or not ours: verify
  }
  if (!(found instanceof Map) || found.get('schema') !== SCHEMA) return undefined;
  const same = Object.entries(key).every(([name, value]) => found.get(name) === value);
  if (!same || found.get('fingerprint') !== digest) return undefined;
  const facts = Object.fromEntries(COUNTS.map((name) => [name, found.get(name)]));
  const rows = found.get('signedAfter');
  const sound = Array.isArray(rows) && rows.every((row) => row instanceof Map);
  if (!sound || !Object.values(facts).every(Number.isSafeInteger)) return undefined;
  return { ...facts, signedAfter: rows.map((row) => Object.fromEntries(row)) };
}

/**
 * Write the record of a verification that has just succeeded.
 * @param {string} file
 * @param {object} key as for `recall`
 * @param {{digest: string, latest: bigint}} before the fingerprint taken before anything was read
 * @param {bigint} started nanoseconds since 1970
 * @param {object} facts
 * @param {string} base
 * @returns {boolean} whether it was written: not when the tree is too young or changed meanwhile
 */
function remember(file, key, before, started, facts, base) {
  if (before.latest + SETTLED > started || fingerprint(base).digest !== before.digest) return false;
  const content = { schema: SCHEMA, ...key, fingerprint: before.digest, ...facts };
  const half = `${file}.${process.pid}.${crypto.randomBytes(4).toString('hex')}`;
  try {
    fs.writeFileSync(half, JSON.stringify(content), { mode: 0o600, flag: 'wx' });
    fs.renameSync(half, file);
  } catch (error) {
    if (!error.syscall) throw error;
    fs.rmSync(half, { force: true });
    return false; // the next start takes longer, nothing else
  }
  return true;
}

/**
 * Refuse a record inside the tree, where it would be an extra file and whoever changes one changes both.
 * @param {string} file
 * @param {string} base
 */
function requireOutside(file, base) {
  let directory;
  try {
    directory = fs.realpathSync(path.dirname(file));
  } catch (error) {
    throw new InputError(`the record's directory cannot be used: ${error.code}`);
  }
  if (directory === base || directory.startsWith(base + path.sep)) {
    throw new InputError(`the record must lie outside the runtime: ${file}`);
  }
}

module.exports = { fingerprint, recall, remember, requireOutside };
