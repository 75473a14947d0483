'use strict';

/** Time as an argument, so that tests need not wait. */

/**
 * @typedef {object} Clock
 * @property {() => number} now milliseconds since 1970
 * @property {() => number} elapsed milliseconds since some moment; never goes back
 * @property {(f: () => void, milliseconds: number) => unknown} setTimeout
 * @property {(timer: unknown) => void} clearTimeout
 */

/** @type {Clock} */
const systemClock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  setTimeout: (f, milliseconds) => setTimeout(f, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer),
};

/**
 * Wait, or until `signal` is aborted: then it rejects with the signal's reason.
 * @param {Clock} clock
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function delay(clock, milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clock.clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * What `promise` gives, unless `signal` is aborted first: then its reason is thrown.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
function unlessAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * Wait for `promise`, which must not reject, but not longer than some time.
 * @param {Clock} clock
 * @param {Promise<unknown>} promise
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
function within(clock, promise, milliseconds) {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(resolve, milliseconds);
    promise.then(() => {
      clock.clearTimeout(timer);
      resolve();
    });
  });
}

module.exports = { delay, systemClock, unlessAborted, within };
