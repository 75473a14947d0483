'use strict';

/** Whether a backend that has ended is started once more. */

const { BackendError } = require('../failures.js');

/** Failures that another try can help; all others stay until something is repaired. */
const PASSING = new Set(['PROCESS_START_FAILED', 'START_TIMEOUT']);

/**
 * @typedef {object} History
 * @property {boolean} everReady whether any start of this session came as far as ready
 * @property {number} attempts restarts since the last stable run
 */

/**
 * What follows a failure.
 * @param {BackendError} failure
 * @param {History} history
 * @param {number} limit restarts in a row
 * @returns {{then: 'restart', attempt: number} | {then: 'error', failure: BackendError} |
 *   {then: 'failed', failure: BackendError}}
 */
function decide(failure, { everReady, attempts }, limit) {
  const passing = PASSING.has(failure.code) && !failure.details.hopeless;
  // The first start has a person before it, who is told the cause at once.
  if (!passing || !everReady) return { then: 'error', failure };
  if (attempts < limit) return { then: 'restart', attempt: attempts + 1 };
  const message = `the engine was restarted ${limit} times in vain: ${failure.message}`;
  const { output = [] } = failure.details;
  const details = { last: { code: failure.code, error: failure.message }, output };
  return { then: 'failed', failure: new BackendError('MAX_RESTARTS_EXCEEDED', message, details) };
}

/**
 * Restarts that still count after a run.
 * @param {number} attempts before it
 * @param {number} lasted milliseconds from ready to the end
 * @param {number} stable milliseconds after which a run was a good one
 */
function attemptsAfter(attempts, lasted, stable) {
  return lasted >= stable ? 0 : attempts;
}

module.exports = { attemptsAfter, decide };
