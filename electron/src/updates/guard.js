'use strict';

/**
 * The guard of an update: the version before, started from its second name without a window, for
 * the case that the new one does not even come to its own first line, where it cannot put anything
 * back itself. It starts the new version and goes as soon as that one is proven, was quit in good
 * order, or has put the old one back by itself.
 */

const SETTLED = new Set(['confirmed', 'left', 'put-back', 'failed', 'told']);

/**
 * What to do next.
 * @param {object} seen
 * @param {string} [seen.phase] of the state file
 * @param {boolean} seen.running whether the new version runs
 * @param {number} seen.waited milliseconds since it was started
 * @param {{begin: number, prove: number}} limits milliseconds
 * @returns {{go?: true, back?: string}} nothing: wait on; `back`: put back, and the reason
 */
function verdict({ phase, running, waited }, limits) {
  if (SETTLED.has(phase)) return { go: true };
  if (!running) return { back: 'it ended before it was proven' };
  if (phase === 'pending' && waited > limits.begin) return { back: 'it did not begin to run' };
  return waited > limits.prove ? { back: 'it was not proven in time' } : {};
}

/**
 * Start the new version and see it through.
 * @param {object} parts
 * @param {() => import('./state.js').State | undefined} parts.read
 * @param {(state: object) => void} parts.write
 * @param {object} parts.files of exchange.js
 * @param {(file: string, args: string[]) => Promise<import('node:child_process').ChildProcess>}
 *   parts.start
 * @param {(pid: number) => boolean} parts.isRunning
 * @param {(pid: number) => void} parts.kill ends a process and its group
 * @param {string[]} parts.args for the app
 * @param {(milliseconds: number) => Promise<void>} parts.sleep
 * @param {{begin: number, prove: number, poll: number}} parts.limits milliseconds
 * @param {object} parts.log
 * @returns {Promise<'none' | 'settled' | 'put-back'>}
 */
async function guardUpdate(parts) {
  const { read, start, args, log } = parts;
  const state = read();
  if (state?.phase !== 'pending' || !state.target) return 'none';
  log.info(`guarding the first start of ${state.to}`);
  let pid;
  let reason;
  try {
    ({ pid } = await start(state.target, args));
    reason = await watch(pid, parts);
  } catch (error) {
    reason = `it could not be started: ${error.message}`;
  }
  if (!reason) return 'settled';
  await back(state, reason, pid, parts);
  return 'put-back';
}

/** The reason to put the old version back, or nothing. */
async function watch(pid, { read, isRunning, sleep, limits }) {
  for (let waited = 0; ; waited += limits.poll) {
    // Looked at before the phase is read: a process that settles and ends in between has settled.
    const alive = isRunning(pid);
    const state = read();
    // Somebody else's start of the new version may have been faster and hold the lock.
    const running = alive || (state?.pid !== undefined && isRunning(state.pid));
    const { go, back: reason } = verdict({ phase: state?.phase, running, waited }, limits);
    if (go) return undefined;
    if (reason) return reason;
    await sleep(limits.poll);
  }
}

async function back(state, why, pid, { write, files, start, kill, args, log }) {
  const reason = `${state.to} failed on its first start: ${why}`;
  if (pid !== undefined) kill(pid);
  const done = files.putBack(state.target);
  write({ ...state, phase: done ? 'put-back' : 'failed', reason, at: Date.now() });
  log.error(done ? `${reason}; ${state.from} is in place again` : reason);
  await start(state.target, args);
}

module.exports = { guardUpdate, verdict };
