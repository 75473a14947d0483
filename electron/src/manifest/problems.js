'use strict';

/**
 * What can be wrong with a runtime: stable error ids, and the error that carries them all.
 *
 * The ids are part of the format: Python's verifier (runtime_packager/manifest/problems.py) gives
 * the same ids for the same bytes, which tests/vectors/ holds. They are never renamed.
 */

/**
 * One thing that is wrong.
 * @typedef {object} Problem
 * @property {string} path what it concerns, relative to the tree's root; empty for the whole
 * @property {string} id an error id of docs/reference/manifest.md
 * @property {string} reason for people, with expected and actual where there are such
 */

/** Bytes that are not what was signed. `problems` holds every one, sorted by path. */
class IntegrityFailure extends Error {
  /**
   * @param {string} message one line for people
   * @param {Problem[]} problems at least one
   */
  constructor(message, problems) {
    super(message);
    this.name = 'IntegrityFailure';
    this.problems = [...problems].sort(compareProblems);
    this.id = this.problems[0].id;
  }
}

/** A directory that is no runtime at all: wrong input, and nothing was verified. */
class InputError extends Error {
  /** @param {string} message one line for people */
  constructor(message) {
    super(message);
    this.name = 'InputError';
    this.problems = [];
    this.id = 'input';
  }
}

/**
 * The error to throw for the one problem that `what` has.
 * @param {string} id
 * @param {string} message
 * @param {string} what
 */
function rejection(id, message, what) {
  const reason = `${what}: ${message}`;
  return new IntegrityFailure(`${reason} [${id}]`, [{ path: '', id, reason }]);
}

/**
 * The reason of a problem where one value stands for another.
 * @param {string} what
 * @param {unknown} expected
 * @param {unknown} actual
 */
function differs(what, expected, actual) {
  return `${what} differs, expected ${expected}, actual ${actual}`;
}

const BEYOND_ASTRAL = /[\ud800-\uffff]/;

/**
 * Order by code points, which is the order of UTF-8 bytes. JavaScript's own `<` compares UTF-16
 * units and puts U+10000 before U+E000.
 * @param {string} a
 * @param {string} b
 */
function compareText(a, b) {
  if (a === b) return 0;
  if (BEYOND_ASTRAL.test(a) && BEYOND_ASTRAL.test(b)) {
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
  }
  return a < b ? -1 : 1;
}

/**
 * @param {Problem} a
 * @param {Problem} b
 */
function compareProblems(a, b) {
  return compareText(a.path, b.path) || compareText(a.id, b.id) || compareText(a.reason, b.reason);
}

module.exports = { InputError, IntegrityFailure, compareText, differs, rejection };
