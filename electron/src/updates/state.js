'use strict';

/**
 * What is known about an update across restarts: one small file in the user's data directory.
 * Written beside and renamed, so that a power cut leaves the old content or the new.
 *
 * Phases: `pending` (about to be put in place), `started` (the new version's own code runs), `left`
 * (it was quit in good order before it was proven), `confirmed` (its runtime was verified in full
 * and answered), `put-back` (the previous version is in place again), `failed` (as put-back, where
 * nothing can be put back), `told` (the user knows).
 */

const fs = require('node:fs');
const path = require('node:path');

const PHASES = ['pending', 'started', 'left', 'confirmed', 'put-back', 'failed', 'told'];
const MAX_SIZE = 64 * 1024;

/**
 * @typedef {object} State
 * @property {string} phase one of the above
 * @property {string} from version
 * @property {string} to version
 * @property {string} [target] on Linux: the AppImage's path
 * @property {string} [reason] a sentence, with put-back and failed
 * @property {number} at ms since 1970, of the last change
 */

/**
 * The state, or nothing when there is none or it is not sound.
 * @param {string} file
 * @returns {State | undefined}
 */
function readState(file) {
  try {
    if (fs.statSync(file).size > MAX_SIZE) return undefined;
    const state = JSON.parse(fs.readFileSync(file, 'utf8'));
    return isSound(state) ? state : undefined;
  } catch {
    return undefined;
  }
}

function isSound(state) {
  const texts = [state?.from, state?.to];
  if (!PHASES.includes(state?.phase) || texts.some((text) => typeof text !== 'string'))
    return false;
  return ['target', 'reason'].every((name) => ['undefined', 'string'].includes(typeof state[name]));
}

/**
 * @param {string} file
 * @param {State} state
 */
function writeState(file, state) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const half = `${file}.half-${process.pid}`;
  const descriptor = fs.openSync(half, 'w', 0o600);
  try {
    fs.writeSync(descriptor, `${JSON.stringify(state, undefined, 2)}\n`);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
  fs.renameSync(half, file);
}

module.exports = { readState, writeState };
