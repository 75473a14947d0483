'use strict';

/** Versions as semver.org 2.0.0 orders them. What is no such version is refused, never guessed. */

const VERSION =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{1,64})?$/;
const NUMBER = /^(0|[1-9]\d*)$/;

/**
 * Whether `offered` is newer than `current`; the same version is not.
 * @param {string} offered
 * @param {string} current
 * @throws {TypeError} when one of them is no version
 */
function isNewer(offered, current) {
  return compare(parse(offered), parse(current)) > 0;
}

function parse(text) {
  const found = typeof text === 'string' && VERSION.exec(text);
  if (!found) throw new TypeError(`not a version: ${String(text).slice(0, 80)}`);
  const [, major, minor, patch, pre] = found;
  return { numbers: [major, minor, patch].map(Number), pre: pre ? pre.split('.') : [] };
}

function compare(a, b) {
  for (const [index, number] of a.numbers.entries()) {
    if (number !== b.numbers[index]) return number - b.numbers[index];
  }
  // 1.0.0 comes after 1.0.0-rc.1
  if (!a.pre.length || !b.pre.length) return b.pre.length - a.pre.length;
  return comparePre(a.pre, b.pre);
}

function comparePre(a, b) {
  const longest = Math.max(a.length, b.length);
  for (let index = 0; index < longest; index += 1) {
    const difference = compareIdentifiers(a[index], b[index]);
    if (difference) return difference;
  }
  return 0;
}

function compareIdentifiers(a, b) {
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const numeric = [a, b].map((text) => NUMBER.test(text));
  if (numeric[0] && numeric[1]) return Number(a) - Number(b);
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

module.exports = { isNewer };
