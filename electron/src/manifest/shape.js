'use strict';

/** Taking parsed JSON apart, strictly: the right keys, the right types, or a `schema` error. */

const { rejection } = require('./problems.js');

const CONTROL = /[\x00-\x1f\x7f-\x9f]/; // eslint-disable-line no-control-regex
const DIGEST = /^[0-9a-f]{64}$/;
const KINDS = {
  object: (value) => value instanceof Map,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  integer: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
};

/**
 * `value` if it is of `kind` (a key of KINDS; every number is an integer in strict JSON).
 * @template T
 * @param {T} value
 * @param {string} kind
 * @param {string} what
 * @returns {T}
 */
function require_(value, kind, what) {
  if (!KINDS[kind](value)) throw rejection('schema', `${kind} expected`, what);
  return value;
}

/**
 * `value` as a Map with all of `keys`, and besides them only `optional` ones.
 * @param {unknown} value
 * @param {string[]} keys
 * @param {string} what
 * @param {Iterable<string>} optional
 * @returns {Map<string, unknown>}
 */
function requireKeys(value, keys, what, optional = []) {
  const found = require_(value, 'object', what);
  const known = new Set([...keys, ...optional]);
  const missing = keys.filter((name) => !found.has(name));
  const unknown = [...found.keys()].filter((name) => !known.has(name));
  if (!missing.length && !unknown.length) return found;
  const lines = [
    ...missing.map((name) => `${JSON.stringify(name)} is missing`),
    ...unknown.map((name) => `${JSON.stringify(name)} is unknown`),
  ];
  throw rejection('schema', lines.join(', '), what);
}

/**
 * A string of 1 to `longest` bytes of UTF-8 without control characters.
 * @param {unknown} value
 * @param {string} what
 * @param {number} longest
 * @returns {string}
 */
function requireText(value, what, longest = 1024) {
  const text = require_(value, 'string', what);
  const size = Buffer.byteLength(text);
  if (size === 0 || size > longest || CONTROL.test(text)) {
    const reason = `1 to ${longest} bytes without control characters expected`;
    throw rejection('schema', reason, what);
  }
  return text;
}

/**
 * An integer of at least 0.
 * @param {unknown} value
 * @param {string} what
 * @returns {number}
 */
function requireCount(value, what) {
  if (require_(value, 'integer', what) < 0) throw rejection('schema', '0 or more expected', what);
  return value;
}

/**
 * Whether `text` is a SHA-256 as 64 lower-case hex digits.
 * @param {string} text
 */
function isDigest(text) {
  return DIGEST.test(text);
}

/**
 * A SHA-256 as 64 lower-case hex digits.
 * @param {unknown} value
 * @param {string} what
 * @returns {string}
 */
function requireDigest(value, what) {
  if (!isDigest(require_(value, 'string', what))) {
    throw rejection('schema', '64 lower-case hex digits expected', what);
  }
  return value;
}

/**
 * The `schema` integer of a document is the one this code was written for.
 * @param {unknown} value
 * @param {number} known
 * @param {string} what
 */
function requireSchema(value, known, what) {
  if (require_(value, 'integer', `${what}: schema`) !== known) {
    const reason = `schema ${known} expected, ${value} found: it was made by another version`;
    throw rejection('schema-version', reason, what);
  }
}

const MOMENT = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z$/;

/**
 * `YYYY-MM-DDTHH:MM:SSZ`, and a real moment of the years 1 to 9999.
 * @param {unknown} value
 * @param {string} what
 * @returns {string}
 */
function requireMoment(value, what) {
  const match = MOMENT.exec(require_(value, 'string', what));
  const [year, month, day, hour, minute, second] = (match ?? []).slice(1).map(Number);
  const real =
    match && year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
  if (!real || hour > 23 || minute > 59 || second > 59) {
    throw rejection('schema', 'YYYY-MM-DDTHH:MM:SSZ expected', what);
  }
  return value;
}

function daysOf(year, month) {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
}

module.exports = {
  isDigest,
  require: require_,
  requireCount,
  requireDigest,
  requireKeys,
  requireMoment,
  requireSchema,
  requireText,
};
