/** The state in words: the header's title and line, its button, what a screen reader is told. */

import { cleanText } from './clean-text.mjs';
import { duration, seconds } from './format.mjs';
import { isRepaired } from './problems.mjs';

/** Until the next attempt, unless main says another `delay`: the contract's 2 s. */
const RESTART_DELAY = 2000;

/** The phases of a start in their order, as main names them, and in words. */
export const PHASES = Object.freeze({
  verify: { label: 'Verify runtime', doing: 'Verifying the runtime' },
  port: { label: 'Choose port', doing: 'Choosing a port' },
  spawn: { label: 'Start process', doing: 'Starting the process' },
  listen: { label: 'Open port', doing: 'Waiting for its port' },
  health: { label: 'Check health', doing: 'Checking its health' },
});

/**
 * @typedef {object} Headline
 * @property {'idle' | 'busy' | 'good' | 'warn' | 'bad'} tone
 * @property {string} title
 * @property {string} line
 * @property {string} said for the screen reader; said again only when it changes
 * @property {{label: string, channel: string, confirm: boolean} | null} button
 */

const RESTART = { label: 'Restart', channel: 'backend-restart', confirm: true };
const AGAIN = { label: 'Start again', channel: 'backend-force-restart', confirm: false };
const NOW = { label: 'Restart now', channel: 'backend-force-restart', confirm: false };
const START = { label: 'Start', channel: 'backend-restart', confirm: false };

const REPAIRED = {
  tone: 'idle',
  title: 'Not running',
  line: 'The installation is in order again: the engine can be started.',
  said: 'The installation is in order again.',
  button: START,
};

const HEADLINES = {
  unknown: () => ({
    tone: 'busy',
    title: 'Connecting',
    line: 'Asking the app how the engine is.',
    said: '',
    button: null,
  }),
  starting: ({ backend, start }, now) => ({
    tone: 'busy',
    title: 'Starting',
    line: `${phaseWords(backend.phase).doing} · ${duration(Math.max(0, now - start.began))}`,
    said: 'The engine is starting.',
    button: AGAIN,
  }),
  ready: running,
  healthy: running,
  unhealthy: ({ backend }) => ({
    tone: 'warn',
    title: 'Not answering',
    line: `${backend.misses} of ${backend.limit} checks missed. ${firstLine(backend.error)}`.trim(),
    said: 'The engine does not answer.',
    button: RESTART,
  }),
  restarting: ({ backend }, now) => ({
    tone: 'warn',
    title: restartTitle(backend, now),
    line: restartLine(backend),
    said: `The engine ended. Restart ${backend.attempt} of ${backend.maxAttempts}.`,
    button: NOW,
  }),
  error: broken,
  failed: broken,
  stopped: () => ({
    tone: 'idle',
    title: 'Stopped',
    line: 'The engine is not running.',
    said: 'The engine is stopped.',
    button: START,
  }),
};

/**
 * The header's words.
 * @param {import('./state.mjs').State} state
 * @param {number} now milliseconds since 1970
 * @returns {Headline}
 */
export function headline(state, now) {
  return HEADLINES[state.backend.status](state, now);
}

/** Whether the words change with time alone, and how soon: milliseconds, or nothing. */
export function tick({ backend }) {
  if (backend.status === 'starting' || backend.status === 'restarting') return 100;
  return backend.status === 'unknown' ? undefined : 1000;
}

function running({ run }, now) {
  const where = run.mode === 'development' ? 'Development mode · port' : 'Port';
  return {
    tone: 'good',
    title: 'Ready',
    line: `${where} ${run.port} · up ${seconds(Math.max(0, now - run.upSince) / 1000)}`,
    said: `The engine is ready on port ${run.port}.`,
    button: RESTART,
  };
}

function broken({ backend, verification }) {
  if (isRepaired({ backend, verification })) return REPAIRED;
  const last = backend.status === 'failed' && backend.attempts > 0;
  return {
    tone: 'bad',
    title: 'Not running',
    line: last ? `Given up after ${backend.attempts} restarts.` : 'See below what happened.',
    said: '', // the card is an alert and speaks for itself
    button: null,
  };
}

function restartTitle({ at, delay = RESTART_DELAY }, now) {
  const left = Math.ceil((at + delay - now) / 1000);
  return left > 0 ? `Restarting in ${left} s` : 'Restarting';
}

/** A phase in words, also one that this window does not know. */
export function phaseWords(name) {
  const known = Object.hasOwn(PHASES, name) && PHASES[name];
  return known || { label: cleanText(name, 60), doing: cleanText(name, 60) };
}

function restartLine({ attempt, maxAttempts, error }) {
  const cause = firstLine(error);
  return `Attempt ${attempt} of ${maxAttempts}${cause ? `: ${cause}` : ''}`;
}

function firstLine(text) {
  return cleanText(text, 300).split('\n')[0];
}
