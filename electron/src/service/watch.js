'use strict';

/** Watching a backend that is ready: its process, and its answers. */

const { BackendError } = require('../failures.js');
const { delay } = require('./clock.js');
const { crash } = require('./exits.js');
const { askHealth } = require('./health.js');

/**
 * Watch until it fails.
 * @param {import('./launch.js').Backend} backend
 * @param {object} context
 * @param {object} context.times of the settings
 * @param {object} context.health of the settings
 * @param {number} context.misses in a row that count as a crash
 * @param {import('./clock.js').Clock} context.clock
 * @param {(health: import('./health.js').Health) => void} context.onHealthy
 * @param {(miss: {misses: number, limit: number, error: string}) => void} context.onMiss
 * @param {AbortSignal} signal its reason is thrown
 * @returns {Promise<BackendError>} how it failed
 */
async function watch(backend, context, signal) {
  const { child } = backend;
  // One signal for both ends: a race with a promise that lives for days would remember every check.
  const ended = new AbortController();
  const follow = () => ended.abort(signal.reason);
  signal.addEventListener('abort', follow, { once: true });
  if (signal.aborted) follow();
  child.exited.then(() => ended.abort(new Error('ended')));
  try {
    return await checkForEver(backend, context, ended.signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!child.exit) throw error;
    return crash(await child.finished, child.tail);
  } finally {
    signal.removeEventListener('abort', follow);
  }
}

async function checkForEver({ port, token, child }, context, signal) {
  const { times, clock, misses: limit, onHealthy, onMiss } = context;
  const ask = { health: context.health, port, token, timeout: times.healthTimeout, clock, signal };
  for (let misses = 0, wait = times.healthEvery; ;) {
    await delay(clock, wait, signal);
    const health = await askHealth(ask);
    signal.throwIfAborted();
    wait = Math.max(0, times.healthEvery - health.responseTime);
    if (health.healthy) {
      misses = 0;
      onHealthy(health);
      continue;
    }
    misses += 1;
    onMiss({ misses, limit, error: health.error });
    if (misses >= limit) return hung(misses, health.error, child);
  }
}

function hung(misses, error, child) {
  const message = `the engine missed ${misses} health checks in a row: ${error}`;
  return new BackendError('PROCESS_START_FAILED', message, { misses, output: child.tail });
}

module.exports = { watch };
