'use strict';

/**
 * Comparing a tree on disk with a release that is already trusted; blocking, so only for workers.
 * The rules per level stand in runtime_packager/manifest/tree.py; in short:
 *
 * exe    every executable of the release: there, regular, not behind a link, its size and digest;
 *        nor may everyone write to a directory above it
 * quick  besides: files.json is the signed one; every path it lists exists with its type, size, mode
 *        or link target; nothing else exists; nor may everyone write to a directory
 * full   besides: the tree root, and every file's digest
 *
 * Every difference is reported. A file of the wrong type or size is not hashed. With code signing
 * allowed, after-signing.js has the last word on sizes and digests of programs.
 */

const crypto = require('node:crypto');
const fs = require('node:fs');
const { lookAgain } = require('./after-signing.js');
const { NotRegularError, readCapped } = require('./comparing.js');
const files = require('./files.js');
const { InputError, IntegrityFailure, differs, rejection } = require('./problems.js');
const { findDifferences, parentProblems } = require('./walking.js');

const LEVELS = ['exe', 'quick', 'full'];

/**
 * Compare the tree at `base` with `release`.
 * @param {string} base what `requireRuntime` returned
 * @param {object} release
 * @param {{level: 'exe' | 'quick' | 'full', allowCodeSigning?: boolean}} options
 * @param {import('./hashing.js').Helpers} helpers
 * @returns {Promise<{filesChecked: number, bytesHashed: number, totalSize: number,
 *   signedAfter: {path: string, signed: boolean}[]}>}
 * @throws {IntegrityFailure} with every difference
 */
async function checkTree(base, release, { level, allowCodeSigning }, helpers) {
  let records = level === 'full' ? loadRecords(base, release) : undefined;
  const wanted = records?.filter((record) => record.type === 'file') ?? release.executables;
  // The release names the executables: hashing them need not wait for the list.
  const hashed = helpers.start(base, wanted);
  if (level === 'quick') records = loadRecords(base, release);
  if (level === 'full') requireTreeRoot(records, release);
  let problems = records
    ? findDifferences(base, records)
    : parentProblems(
        base,
        wanted.map(({ path }) => path),
      );
  const spoiled = new Set(problems.filter(({ id }) => id !== 'file-mode').map(({ path }) => path));
  problems = problems.concat((await hashed()).filter(({ path }) => !spoiled.has(path)));
  let signedAfter = [];
  if (problems.length && allowCodeSigning) {
    const listed = records ?? loadRecords(base, release);
    ({ problems, signedAfter } = lookAgain(base, problems, listed));
  }
  if (problems.length) {
    const message = `${base} is not what was signed: ${problems.length} problems`;
    throw new IntegrityFailure(message, problems);
  }
  const checked = records ?? wanted;
  const facts = { filesChecked: checked.length, bytesHashed: sizeOf(wanted) };
  return { ...facts, totalSize: sizeOf(checked), signedAfter };
}

function sizeOf(rows) {
  return rows.reduce((sum, row) => sum + row.size, 0);
}

/**
 * The list of files that `release` was signed over.
 * @param {string} base
 * @param {object} release
 * @throws {IntegrityFailure} when the one on disk is another
 */
function loadRecords(base, release) {
  if (release.files_size > files.MAX_SIZE) {
    throw rejection('json-size', `at most ${files.MAX_SIZE} bytes expected`, files.FILES);
  }
  const data = readRegular(base, files.FILES, release.files_size);
  const digest = crypto.createHash('sha256').update(data).digest('hex');
  if (data.length !== release.files_size || digest !== release.files_sha256) {
    throw rejection('manifest-hash', 'is not the list that was signed', files.FILES);
  }
  const records = files.parse(data, release.platform);
  const reason = mismatch(records, release);
  if (reason) throw rejection('manifest-mismatch', reason, files.FILES);
  return records;
}

function mismatch(records, release) {
  if (records.length !== release.file_count) {
    return differs('the number of files', release.file_count, records.length);
  }
  const listed = new Map(records.map((record) => [record.path, record]));
  for (const { path, sha256, size } of release.executables) {
    const record = listed.get(path);
    if (record?.sha256 !== sha256 || record.size !== size) {
      return `it does not list the executable ${path} as the release does`;
    }
  }
  return undefined;
}

function requireTreeRoot(records, release) {
  const root = files.treeRoot(records);
  if (root === release.tree_root) return;
  const reason = differs('the tree root', release.tree_root, root);
  throw rejection('manifest-mismatch', reason, files.FILES);
}

/**
 * A file of the manifest, at most `maxSize` bytes and one.
 * @param {string} base
 * @param {string} path
 * @param {number} maxSize
 * @returns {Buffer}
 * @throws {IntegrityFailure} when it is missing or cannot be read
 */
function readRegular(base, path, maxSize) {
  try {
    return readCapped(`${base}/${path}`, maxSize);
  } catch (error) {
    if (error instanceof NotRegularError) throw rejection('file-type', error.message, path);
    if (error.code === 'ENOENT') throw rejection('manifest-missing', 'missing', path);
    if (error.syscall) throw rejection('file-unreadable', error.code, path);
    throw error;
  }
}

/**
 * The real path of a directory that holds a runtime.
 * @param {string} root
 * @returns {string}
 * @throws {InputError} when `root` is no runtime at all
 * @throws {IntegrityFailure} when its manifest/ is no directory
 */
function requireRuntime(root) {
  let base;
  let status;
  try {
    base = fs.realpathSync(root);
    if (!fs.statSync(base).isDirectory()) throw new InputError(`${root} is not a directory`);
    status = fs.lstatSync(`${base}/manifest`);
  } catch (error) {
    if (error instanceof InputError || !error.syscall) throw error;
    throw new InputError(`${root} is not a runtime: ${error.code}`);
  }
  if (!status.isDirectory()) throw rejection('file-type', 'not a directory', 'manifest');
  return base;
}

module.exports = { LEVELS, checkTree, readRegular, requireRuntime };
