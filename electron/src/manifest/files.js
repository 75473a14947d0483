'use strict';

/**
 * manifest/files.json: what every path of a tree is. Rules (runtime_packager/manifest/files.py):
 *
 * 1. Strict JSON of at most 64 MiB, `{"schema": 1, "files": [...]}` and nothing else.
 * 2. A file is exactly `path`, `type` ("file"), `size`, `sha256` and `mode` ("0644" or "0755"), and
 *    `unsigned` for a program that may be signed afterwards (codesign/); a link is exactly `path`,
 *    `type` ("link"), `target`.
 * 3. The two files that describe the tree do not stand in it. Paths and targets: paths.js.
 */

const crypto = require('node:crypto');
const { IntegrityFailure, rejection } = require('./problems.js');
const { collisionProblems, orderProblems, pathProblem, targetProblem } = require('./paths.js');
const shape = require('./shape.js');
const strictJson = require('./strict-json.js');

const FILES = 'manifest/files.json';
const RELEASE = 'manifest/release.dsse.json';
const UNLISTED = new Set([FILES, RELEASE]);
const MAX_SIZE = 64 * 1024 * 1024;
const TREE_DOMAIN = 'runtime-packager/tree/v2\n';

/** One path of the tree; as in files.py, a link has size 0, and what is not there is empty. */
class FileRecord {
  constructor(path, type, size, sha256, mode, target, unsigned) {
    this.path = path;
    this.type = type;
    this.size = size;
    this.sha256 = sha256;
    this.mode = mode;
    this.target = target;
    this.unsigned = unsigned;
  }
}

/**
 * The records that `data` lists.
 * @param {Buffer} data
 * @param {string} platform whose path rules hold; it comes from the signed release
 * @returns {FileRecord[]}
 * @throws {IntegrityFailure} with every path that is wrong, or the first fault in the shape
 */
function parse(data, platform) {
  const options = { maxSize: MAX_SIZE, what: FILES, convert: recordOrRow };
  const document = shape.require(strictJson.loads(data, options), 'object', FILES);
  shape.requireSchema(document.get('schema'), 1, FILES);
  shape.requireKeys(document, ['schema', 'files'], FILES);
  const rows = shape.require(document.get('files'), 'array', `${FILES}: files`);
  if (!rows.every((row) => row instanceof FileRecord)) {
    throw rejection('schema', 'every row must be exactly a file or a link', FILES);
  }
  const problems = problemsOf(rows, platform);
  if (problems.length) {
    throw new IntegrityFailure(`${FILES} lists paths a tree cannot hold`, problems);
  }
  return rows;
}

/** The record a row is, or the row as it stands when it is none. */
function recordOrRow(row) {
  const path = row.get('path');
  if (typeof path !== 'string') return row;
  if (row.get('type') === 'file') return fileRecord(row, path) ?? row;
  const target = row.get('target');
  const sound = row.size === 3 && row.get('type') === 'link' && typeof target === 'string';
  return sound ? new FileRecord(path, 'link', 0, '', '', target, '') : row;
}

function fileRecord(row, path) {
  const [size, sha256, mode] = [row.get('size'), row.get('sha256'), row.get('mode')];
  const unsigned = row.get('unsigned');
  const sound =
    row.size === (unsigned === undefined ? 5 : 6) &&
    typeof size === 'number' &&
    size >= 0 &&
    (mode === '0644' || mode === '0755') &&
    isDigest(sha256) &&
    (unsigned === undefined || isDigest(unsigned));
  return sound ? new FileRecord(path, 'file', size, sha256, mode, '', unsigned ?? '') : undefined;
}

function isDigest(value) {
  return typeof value === 'string' && shape.isDigest(value);
}

function problemsOf(records, platform) {
  const paths = records.map((record) => record.path);
  return [
    ...records.map((record) => nameProblem(record, platform)).filter(Boolean),
    ...orderProblems(paths),
    ...collisionProblems(paths, platform),
  ];
}

function nameProblem({ path, type, target }, platform) {
  if (UNLISTED.has(path)) return { path, id: 'path', reason: 'cannot list itself' };
  const unfit = pathProblem(path, platform);
  if (unfit) return { path, id: 'path', reason: unfit };
  const astray = type === 'link' ? targetProblem(path, target) : undefined;
  return astray && { path, id: 'link-target', reason: `${astray}: ${JSON.stringify(target)}` };
}

/**
 * SHA-256 over TREE_DOMAIN and every record's fields as netstrings, hex.
 * @param {FileRecord[]} records
 */
function treeRoot(records) {
  const hash = crypto.createHash('sha256').update(TREE_DOMAIN);
  for (const { path, type, size, sha256, mode, target, unsigned } of records) {
    const fields = [path, type, String(size), sha256, mode, target, unsigned];
    hash.update(fields.map(netstring).join(''));
  }
  return hash.digest('hex');
}

function netstring(text) {
  return `${Buffer.byteLength(text)}:${text},`;
}

module.exports = { FILES, MAX_SIZE, RELEASE, UNLISTED, parse, treeRoot };
