'use strict';

/**
 * A subset of JSON that every parser reads alike; JSON.parse accepts more and says less.
 *
 * Rules, checked in this order, each an error id (runtime_packager/manifest/strict_json.py is the
 * same in Python):
 *
 * 1. json-size: no more than `maxSize` bytes, looked at before anything else.
 * 2. json-encoding: UTF-8 without a byte order mark.
 * 3. json-depth: at most 8 containers inside one another, counted by a scan.
 * 4. json-syntax: RFC 8259, nothing around the value but white space.
 * 5. json-duplicate-key: a name once per object, compared after unescaping.
 * 6. json-number: integers with |n| < 2^53 only: no fraction, exponent, -0, NaN or Infinity.
 * 7. json-surrogate: no \u escape that leaves half a surrogate pair.
 *
 * Rules 4 to 6 are found in one pass: the first that is broken gives the id. Nothing recurses.
 * Objects come as Map (no name is special in one), arrays as Array.
 */

const { isUtf8 } = require('node:buffer');
const { Broken, MAX_DEPTH, Parser } = require('./json-parser.js');
const { compareText, rejection } = require('./problems.js');

/**
 * The value that `data` stands for.
 * @param {Buffer} data
 * @param {object} options
 * @param {number} options.maxSize bytes; the cap of whoever knows what the text is
 * @param {string} [options.what] the name of the text for messages
 * @param {(object: Map<string, unknown>) => unknown} [options.convert] makes what takes each
 *   object's place, so that a text of many objects is never in memory as maps
 * @throws {IntegrityFailure} when a rule is broken
 */
function loads(data, { maxSize, what = 'the JSON text', convert }) {
  if (data.length > maxSize) {
    throw rejection('json-size', `${data.length} bytes, at most ${maxSize} expected`, what);
  }
  const text = decode(data, what);
  const parser = new Parser(text, convert);
  let value;
  try {
    value = parser.parse();
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    // The depth of all of the text comes first, wherever the parser stopped.
    if (depthOf(data) <= MAX_DEPTH) throw rejection(error.id, error.message, what);
    throw rejection('json-depth', `more than ${MAX_DEPTH} levels deep`, what);
  }
  if (parser.halfPair) throw rejection('json-surrogate', 'half a surrogate pair', what);
  return value;
}

/**
 * `value` as canonical bytes: keys sorted by code point, no white space, UTF-8.
 * @param {unknown} value as `loads` returns it
 * @returns {Buffer}
 */
function dumps(value) {
  return Buffer.from(canonical(value));
}

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const keys = [...value.keys()].sort(compareText);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value.get(key))}`).join(',')}}`;
}

function decode(data, what) {
  if (data[0] === 0xef && data[1] === 0xbb && data[2] === 0xbf) {
    throw rejection('json-encoding', 'starts with a byte order mark', what);
  }
  if (!isUtf8(data)) throw rejection('json-encoding', 'not UTF-8', what);
  return data.toString('utf8');
}

/** The deepest nesting of brackets outside strings; linear, whatever the text. */
function depthOf(data) {
  let [depth, deepest, inString] = [0, 0, false];
  for (let at = 0; at < data.length; at++) {
    const byte = data[at];
    if (byte === 0x5c) at++;
    else if (byte === 0x22) inString = !inString;
    else if (inString) continue;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}

module.exports = { dumps, loads };
